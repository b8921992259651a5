"""No more weights than a model file holds, whatever sizes its configuration asks for."""

import contextlib
from collections.abc import Callable, Iterator

import tensorflow as tf

from sensorium_tf.errors import SensoriumError

# Seeds are weights to Keras, too, of a few bytes each, which it does not write.
_UNWRITTEN_BYTES = 1 << 20


@contextlib.contextmanager
def weight_limit(n_bytes: int) -> Iterator[None]:
    """Refuses weights beyond those that are known to be there; takes no memory for them.

    Only weights that TensorFlow makes are counted; other backends make theirs unseen.

    Args:
        n_bytes: Of all weights together, as they are stored.

    Raises:
        SensoriumError: At the end, if a weight was asked for that goes beyond, whatever else went
            wrong for that.
    """
    left = n_bytes + _UNWRITTEN_BYTES

    def make(create: Callable[..., tf.Variable], **kwargs) -> tf.Variable:
        nonlocal left
        if callable(initial_value := kwargs["initial_value"]):
            with tf.Graph().as_default():  # where values have a shape, but take no memory
                value = initial_value()
            left -= value.shape.num_elements() * value.dtype.size
            if left < 0:
                # An error in here would leave Keras with weights that are half made, which it would
                # go on with in the next model.
                kwargs |= {
                    "initial_value": tf.zeros((), value.dtype),
                    "shape": tf.TensorShape(None),
                }
        return create(**kwargs)

    try:
        with tf.variable_creator_scope(make):
            yield
    finally:
        if left < 0:
            raise SensoriumError("its layers are larger than the weights that it holds")
