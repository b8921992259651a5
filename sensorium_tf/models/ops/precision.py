"""Keras's settings while models are made and trained, whatever the user's own are."""

import contextlib
from collections.abc import Iterator

import keras

_FLOAT, _FORMAT = "float32", "channels_last"


@contextlib.contextmanager
def keras_defaults(policy: str | None = None) -> Iterator[None]:
    """Gives layers that are made inside Keras's own defaults, instead of those in `keras.json`.

    Those are the image format `channels_last` and the float type `float32`. Usable as a decorator.

    Args:
        policy: Keras dtype policy such as `mixed_bfloat16`; if left out one that was set stays.
    """
    float_type, image_format = keras.config.floatx(), keras.config.image_data_format()
    before = keras.config.dtype_policy()
    if policy is None:
        # Where none was set it follows from the float type.
        policy = _FLOAT if before.name == float_type else before
    keras.config.set_floatx(_FLOAT)
    keras.config.set_image_data_format(_FORMAT)
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_floatx(float_type)
        keras.config.set_image_data_format(image_format)
        keras.config.set_dtype_policy(before)
