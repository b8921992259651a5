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
        signals: As of the core, where it takes any.
        training: As of the core.

    Returns:
        Feature maps `(batch, rows, columns, channels)`, first to last.
    """

    def __init__(self, core: CoreBase, **kwargs):
        super().__init__(dtype=core.dtype_policy, **kwargs)
        self.core = core
        self.built = True

    def call(self, images, signals=None, training=None):
        """Returns the core's levels."""
        more = {} if signals is None else {"signals": signals}
        return self.core.levels(images, **more, training=training)

    def shapes(self, images_shape, signals_shape=None) -> list[tuple]:
        """Returns the shapes of the levels of images and, where there are any, signals."""
        given = {"signals": signals_shape} if signals_shape else {}
        images, given = keras.tree.map_shape_structure(keras.KerasTensor, (images_shape, given))
        return [tuple(each.shape) for each in self.compute_output_spec(images, **given)]

    def compute_output_spec(self, images, signals=None, training=None):
        """Returns what stands for the levels of any number of frames, too."""
        given = {"signals": signals, "training": training}
        if not self.core.takes_movies:
            return super().compute_output_spec(images, **given)
        images, given = keras.tree.map_structure(self._some_frames, (images, given))
        levels = super().compute_output_spec(images, **given)
        return [keras.KerasTensor((None, None, *x.shape[2:]), x.dtype) for x in levels]

    def _some_frames(self, given):
        if not isinstance(given, keras.KerasTensor):
            return given
        return keras.KerasTensor(self.core.some_frames(given.shape), given.dtype)

    def get_config(self):
        """Returns the constructor's arguments, the core serialised."""
        return {"name": self.name, "core": keras.saving.serialize_keras_object(self.core)}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes the layer that `get_config` described, its core with new weights."""
        core = keras.saving.deserialize_keras_object(config["core"], custom_objects=custom_objects)
        return cls(core, name=config["name"])
