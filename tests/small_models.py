"""Small models, and parts that do as little as a part can, for tests."""

from keras import layers, ops

from sensorium_tf import config
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.config import setting
from sensorium_tf.models import CoreBase, ModelSettings, ReadoutBase, build_model


def inputs(track="sensorium"):
    """What models of a track are given."""
    return sensorium2022.CHALLENGE.inputs(track)


def small_model(
    coordinates, *, track="sensorium", model="cnn", seed=None, joint_core=False, **settings
):
    """A model of parts by name, small unless the settings say otherwise."""
    made = ModelSettings(model=model, **{"hidden_channels": 4, **settings})
    return build_model(made, coordinates, inputs(track), seed=seed, joint_core=joint_core)


class OneLayerCore(CoreBase):
    """A convolution."""

    class Config(config.Config):
        """Its settings."""

        channels: int = setting(2, "Of the features.")
        regularizer: str | None = setting(None, "Of the kernel.")

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = layers.Conv2D(
            self.config.channels, 9, kernel_regularizer=self.config.regularizer
        )

    def call(self, images, training=None):
        """Filters the images."""
        return self.conv(images)


class MeanReadout(ReadoutBase):
    """Weights of the channels' means, for each neuron."""

    class Config(config.Config):
        """Its settings."""

        regularizer: str | None = setting(None, "Of the weights.")

    def __init__(self, n_neurons, **kwargs):
        super().__init__(n_neurons, **kwargs)
        self.dense = layers.Dense(n_neurons, kernel_regularizer=self.config.regularizer)

    def call(self, features, shift=None, training=None):
        """Reads the drives."""
        return self.dense(ops.mean(features, axis=(1, 2)))
