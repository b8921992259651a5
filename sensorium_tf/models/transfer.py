"""A trained model's weights as the start of another one."""

from collections.abc import Collection
from typing import Any

import keras
import numpy as np
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import CoreBase
from sensorium_tf.models.model import FiringRateModel
from sensorium_tf.models.ops.coordinates import same_places
from sensorium_tf.specs import IMAGE, VIDEO

# What two cores may differ in and still compute the same from the same weights.
_FREE = {"name", "seed", "trainable", "dtype"}


def copy_weights(
    source: FiringRateModel, target: FiringRateModel, *, same_neurons: Collection[str] = ()
) -> tuple[str, ...]:
    """Copies the core and, for every mouse that both models know, its other parts.

    Between a model of images and one of movies whose core sees each frame by a core of images (as
    `temporal_residual` and `gru` do), that core of images is what is copied, either way; what the
    core of movies makes of it over time is left alone. A new `temporal_residual` makes nothing of
    it: it then gives of every frame what the model of images gives of it as an image. Both must
    take the same channels, such as the stimulus alone.

    A mouse counts as known to both if it has the same name, its readout, shifter and modulator are
    of the same kind, and its neurons are known to be the same: because the caller says so, or
    because both readouts hold the same places in cortex. Free positions tell nothing of the kind,
    nor does the place of a lone neuron, which is the centre of all. Any other mouse of the target
    keeps the weights that it has.

    Args:
        source: A trained model.
        target: A model with the same core, or one of movies with this core within, or the reverse.
        same_neurons: Mice whose neurons the caller knows to be the same in both.

    Returns:
        The mice whose readouts were copied.

    Raises:
        SensoriumError: If the cores or the images they take differ; nothing is copied then.
    """
    theirs, ours = _common(source, target)
    _check_cores(_core(source, theirs), _core(target, ours), _shapes(theirs) == _shapes(ours))
    ours.set_weights(theirs.get_weights())
    known = tuple(
        mouse
        for mouse in target.mice
        if _same_kind(source, target, mouse)
        and (mouse in same_neurons or _same_places(source, target, mouse))
    )
    for mouse in known:
        for theirs, ours in _pairs(source, target, mouse):
            ours.set_weights(theirs.get_weights())
    return known


def _common(source: FiringRateModel, target: FiringRateModel) -> tuple[CoreBase, CoreBase]:
    """Returns the cores between which weights are copied, there and here."""
    theirs, ours = source.core, target.core
    if ours.takes_movies and not theirs.takes_movies:
        ours = ours.frame_core or ours
    elif theirs.takes_movies and not ours.takes_movies:
        theirs = theirs.frame_core or theirs
    return theirs, ours


def _check_cores(theirs: dict[str, Any], ours: dict[str, Any], same_shapes: bool) -> None:
    different = [
        f"{name} {theirs.get(name)} there, {ours.get(name)} here"
        for name in sorted(theirs.keys() | ours.keys())
        if theirs.get(name) != ours.get(name)
    ]
    if different or not same_shapes:
        raise SensoriumError(
            f"has another core ({'; '.join(different) or 'other weights'}): train with the same "
            "track, model and architecture"
        )


def _core(model: FiringRateModel, core: CoreBase) -> dict[str, Any]:
    """Returns what cores have in common between which weights can be copied."""
    free = {*_FREE, *core.training_options}
    options = {k: v for k, v in core.get_config().items() if k not in free}
    # A frame is an image.
    names = (IMAGE if each.signal == VIDEO else each.signal for each in model.inputs.channels)
    kind = type(core).__name__
    return {"images": model.image_shape, "channels": ", ".join(names), "kind": kind, **options}


def _same_kind(source: FiringRateModel, target: FiringRateModel, mouse: str) -> bool:
    if mouse not in source.readouts:
        return False
    pairs = _pairs(source, target, mouse)
    if any((theirs is None) != (ours is None) for theirs, ours in pairs):
        return False
    return all(
        type(theirs) is type(ours) and _shapes(theirs) == _shapes(ours) for theirs, ours in pairs
    )


def _pairs(source: FiringRateModel, target: FiringRateModel, mouse: str) -> list[tuple]:
    """Returns the parts of a mouse, there and here; without those that neither model has."""
    pairs = [
        (getattr(source, name).get(mouse), getattr(target, name).get(mouse))
        for name in ("readouts", "shifters", "modulators", "nonlinearities")
    ]
    return [pair for pair in pairs if pair != (None, None)]


def _same_places(source: FiringRateModel, target: FiringRateModel, mouse: str) -> bool:
    theirs, ours = (model.readouts[mouse].coordinates for model in (source, target))
    if theirs is None or ours is None:
        return False
    # Zeros are the place of a lone neuron, and of neurons whose places nobody told.
    return bool(np.any(ops.convert_to_numpy(theirs))) and same_places(theirs, ours)


def _shapes(layer: keras.layers.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]
