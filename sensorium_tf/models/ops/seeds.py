"""Independent seeds for the parts of a model from the one seed a user gives."""

import numpy as np


def spawn_seeds(seed: int | None, n_seeds: int) -> list[int | None]:
    """Derives seeds that are as good as independent of each other.

    Two weights drawn from the same seed would start with the same numbers, and `seed + 1` is
    what a user types for the next run, so neighbouring seeds must not share a part either.

    Args:
        seed: The user's seed, or `None` for a different draw each time.
        n_seeds: How many seeds are needed.

    Returns:
        `n_seeds` integers below 2**31, all `None` where `seed` is.
    """
    if seed is None:
        return [None] * n_seeds
    return [int(state >> 1) for state in np.random.SeedSequence(seed).generate_state(n_seeds)]
