"""All levels of a core as one layer, for models whose readouts read several of them."""

import keras

from sensorium_tf.models.base import CoreBase


@keras.saving.register_keras_serializable(package="sensorium_tf")
class CoreLevels(keras.layers.Layer):
    """Gives the outputs of a core's blocks.

    Args:
        core: A core that has been built; it is shared.
        **kwargs: Passed to `keras.layers.Layer`.

    Call arguments:
        images: `(batch, height, width, channels)`.
        training: As of the core.

    Returns:
        Feature maps `(batch, rows, columns, channels)`, first to last.
    """

    def __init__(self, core: CoreBase, **kwargs):
        super().__init__(dtype=core.dtype_policy, **kwargs)
        self.core = core
        self.built = True

    def call(self, images, training=None):
        """Returns the core's levels."""
        return self.core.levels(images, training=training)

    def shapes(self, input_shape) -> list[tuple]:
        """Returns the shapes of the levels of images of `input_shape`."""
        given = keras.KerasTensor(input_shape)
        return [tuple(each.shape) for each in self.compute_output_spec(given)]

    def get_config(self):
        """Returns the constructor's arguments, the core serialised."""
        return {"name": self.name, "core": keras.saving.serialize_keras_object(self.core)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes the layer that `get_config` described, its core with new weights."""
        core = keras.saving.deserialize_keras_object(config["core"], custom_objects=custom_objects)
        return cls(core, name=config["name"])
