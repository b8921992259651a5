"""The precision in which new layers compute."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Makes the layers that are made inside compute in another precision.

    Args:
        policy: Keras dtype policy, such as `mixed_bfloat16`.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
