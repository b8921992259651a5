"""A first convolution that is faster where behavior is stacked to the images."""

import keras


@keras.saving.register_keras_serializable(package="sensorium_tf")
class StemConvolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` of images, from pixel to pixel and without zeros around them.

    Arguments, weights, formulas and results are those of the Keras layer; only the time differs:
    see `stem_convolution.convolve`, which serves TensorFlow on CPUs.
    """

    def call(self, images):
        """Filters `(batch, height, width, channels)`."""
        if keras.backend.backend() == "tensorflow":
            from sensorium_tf.models.ops.stem_convolution import convolve, gains

            if gains(images):
                return convolve(images, self.kernel)
        return super().call(images)
