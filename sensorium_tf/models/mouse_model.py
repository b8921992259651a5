"""The functional model of one mouse."""

from collections.abc import Iterator, Mapping

import keras

from sensorium_tf.models.base import PartBase
from sensorium_tf.models.given import Watched, warn_of_raw_images
from sensorium_tf.models.ledger import ledger
from sensorium_tf.models.levels import CoreLevels
from sensorium_tf.specs import IMAGE, VIDEO


@keras.saving.register_keras_serializable(package="sensorium_tf")
class MouseModel(Watched, keras.Model):
    """The model of one mouse, as `FiringRateModel.for_mouse` gives it: a functional model.

    Its parts pay in `fit` as they do in the whole model.
    """

    def check_inputs(self, inputs):
        """Warns if the images or movies of a call are grey values."""
        stimulus = VIDEO if VIDEO in {each.name for each in self.inputs} else IMAGE
        images = inputs.get(stimulus) if isinstance(inputs, Mapping) else inputs
        if getattr(images, "shape", None) is not None and len(images.shape) >= 4:
            warn_of_raw_images(images, self.name, stimulus=stimulus)

    @property
    def losses(self):
        """What its parts pay besides the loss."""
        return list(ledger({part: 1 for part in _parts_of(self) if part.pays}).values())


def _parts_of(model: keras.Model) -> Iterator[PartBase]:
    """Yields the parts in a functional model, and in the functional models in it."""
    for layer in model.layers:
        if isinstance(layer, PartBase):
            yield layer
        elif isinstance(layer, CoreLevels):
            yield layer.core
        elif isinstance(layer, keras.Model):
            yield from _parts_of(layer)
