"""Channels that are made of the image, so that gradients reach it through them."""

import tensorflow as tf

from sensorium_tf.specs import CENTRED_IMAGE, SOBEL_IMAGE


def _less_own_mean(images: tf.Tensor) -> tf.Tensor:
    return images - tf.reduce_mean(images, (1, 2), keepdims=True)


def _sobel_pair(images: tf.Tensor) -> tf.Tensor:
    # A frame of one pixel repeats the border's.
    framed = tf.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), "SYMMETRIC")
    across = framed[:, :, 2:] - framed[:, :, :-2]
    down = framed[:, 2:] - framed[:, :-2]
    across = across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]
    down = down[:, :, :-2] + 2 * down[:, :, 1:-1] + down[:, :, 2:]
    return tf.concat([across, down], axis=-1) / 8


#: Signal to what makes it of images `(images, height, width, channels)`; as
#: `specs.DERIVED_IMAGES` does, in TensorFlow.
DERIVED = {CENTRED_IMAGE: _less_own_mean, SOBEL_IMAGE: _sobel_pair}
