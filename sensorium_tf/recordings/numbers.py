"""Ids that are numbers."""

import re

import numpy as np

# More digits do not fit into an integer.
_NUMBER = re.compile(r"-?\d{1,18}", re.ASCII)


def whole_numbers(ids: np.ndarray) -> np.ndarray | None:
    """Returns ids as numbers, `(ids,)` int64; None if some are none, such as hashes.

    Args:
        ids: `(ids,)` strings.
    """
    if not all(map(_NUMBER.fullmatch, ids.tolist())):
        return None
    return ids.astype(np.int64)
