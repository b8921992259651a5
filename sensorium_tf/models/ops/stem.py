"""A first convolution that is faster where behavior is stacked to the images."""

import keras

_PLAIN = {
    "padding": "valid",
    "strides": (1, 1),
    "dilation_rate": (1, 1),
    "groups": 1,
    "use_bias": False,
    "activation": "linear",
    "data_format": "channels_last",
}


@keras.saving.register_keras_serializable(package="sensorium_tf")
class StemConvolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` of images.

    Arguments, weights, formulas and results are those of the Keras layer; only the time differs,
    if the layer has no bias, goes from pixel to pixel and puts no zeros around the images: see
    `stem_convolution.convolve`, which serves TensorFlow on CPUs.
    """

    def call(self, images):
        """Filters `(batch, height, width, channels)`."""
        if keras.backend.backend() == "tensorflow" and self._is_plain():
            from sensorium_tf.models.ops.stem_convolution import convolve, gains

            if gains(images):
                return convolve(images, self.kernel)
        return super().call(images)

    def _is_plain(self):
        given = self.get_config()
        return all(given[name] == value for name, value in _PLAIN.items())
