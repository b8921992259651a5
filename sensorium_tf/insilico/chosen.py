"""Which model, mouse, neurons and images a user means."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.data import Mouse
from sensorium_tf.data.normalizing import normalize_images
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.runs import Run
from sensorium_tf.specs import DERIVED_IMAGES, InputSpec, size_step

#: What an experiment takes: a model, an ensemble (whose rate is its members' mean), a run or its
#: path.
Model = FiringRateModel | EnsembleModel | Run | str | os.PathLike
_LARGEST_GREY = 255.0
# Standardised images are a few units of their standard deviation around 0.
_OWN_UNITS = (
    -10,
    10,
    "the model's units, -10 to 10, for it does not know the recording's grey values",
)


def opened(model: Any) -> tuple[FiringRateModel | EnsembleModel, Run | None]:
    """Returns a user's model, and the run that it is of where there is one."""
    if keras.backend.backend() != "tensorflow":
        raise SensoriumError(
            f"experiments on a model need Keras's TensorFlow backend, this is "
            f"{keras.backend.backend()}: set KERAS_BACKEND=tensorflow"
        )
    if isinstance(model, FiringRateModel | EnsembleModel):
        return model, None
    if not isinstance(model, Run | str | os.PathLike):
        raise SensoriumError(
            f"model: expected a model, a run or its path. Received: {type(model).__name__}"
        )
    run = Run.of(model)
    return run.model, run


def members(model: FiringRateModel | EnsembleModel) -> Sequence[FiringRateModel]:
    """Returns the models of whose rates a model's are the mean."""
    return model.members if isinstance(model, EnsembleModel) else (model,)


def one_mouse(model: FiringRateModel | EnsembleModel, mouse: str | None) -> str:
    """Returns which of a model's mice is meant."""
    mice: Sequence[str] = model.mice
    if mouse is None and len(mice) > 1:
        raise SensoriumError(f"name one of the model's mice: mouse={' or '.join(mice)}")
    if mouse is not None and mouse not in mice:
        raise SensoriumError(f"{mouse}: the model has no such mouse, only {', '.join(mice)}")
    return mice[0] if mouse is None else mouse


def chosen_columns(
    mouse: str,
    n_neurons: int,
    unit_ids: ArrayLike | None,
    columns: ArrayLike | None,
    known: Callable[[], np.ndarray],
) -> np.ndarray:
    """Returns the columns `(neurons,)` of the neurons that a user names, or of all.

    Args:
        mouse: Whose.
        n_neurons: That it has.
        unit_ids: Which; or
        columns: which.
        known: Returns the unit ids of all.
    """
    if unit_ids is not None and columns is not None:
        raise SensoriumError("neurons: give unit_ids or columns, not both")
    if unit_ids is not None:
        return _columns_of(mouse, unit_ids, known())
    if columns is not None:
        return _checked_columns(mouse, columns, n_neurons)
    return np.arange(n_neurons)


def labels(columns: np.ndarray, unit_ids: np.ndarray | None) -> list[str]:
    """Returns what each neuron is called: its unit id, or the column where there is none."""
    if unit_ids is None:
        return [f"column {column}" for column in columns]
    return [f"unit {unit}" for unit in unit_ids]


def checked_images(
    images: ArrayLike, inputs: InputSpec, n_channels: int, *, in_grey: bool
) -> np.ndarray:
    """Returns a user's images at the model's size.

    Args:
        images: As of `Neurons.given_images`.
        inputs: What the model is given.
        n_channels: Of its images.
        in_grey: Whether they are grey values, or else in the model's units.

    Returns:
        `(images, height, width, channels)`.
    """
    images = np.asarray(images)
    if images.ndim == 3:
        images = images[..., None]
    size, recorded = inputs.image_size, inputs.recorded_size
    fits = images.ndim == 4 and images.shape[3] == n_channels and len(images)
    if not fits or images.shape[1:3] not in (size, recorded):
        shapes = [f"(images, {h}, {w}, {n_channels})" for h, w in dict.fromkeys((size, recorded))]
        raise SensoriumError(
            f"images: expected {' or, as recorded, '.join(shapes)}. Received: {images.shape}"
        )
    if images.dtype.kind not in "uif" or not np.isfinite(images).all():
        raise SensoriumError("images: expected finite numbers")
    lowest, highest, what = (0, _LARGEST_GREY, "grey values 0 to 255") if in_grey else _OWN_UNITS
    if images.min() < lowest or images.max() > highest:
        raise SensoriumError(
            f"images: expected {what}. Received: {images.min():g} to {images.max():g}"
        )
    if images.shape[1:3] == size:
        return images
    smaller = normalize_images(images, 0.0, 1.0, step=size_step(recorded, size))
    return smaller[:, : size[0], : size[1]]


def image_channels(inputs: InputSpec) -> int:
    """Returns how many channels the images, or frames, have that a model is given."""
    times = {inputs.stimulus: 1, **{name: made.channels for name, made in DERIVED_IMAGES.items()}}
    sizes = [each.size // times[each.signal] for each in inputs.channels if each.signal in times]
    if not sizes:
        raise SensoriumError(f"the model is given no {inputs.stimulus}, only {inputs.describe()}")
    return sizes[0]


def with_constants(inputs: InputSpec, mouse: str, recording: Mouse | None) -> InputSpec:
    """Returns what a model is given, with the constants of its recording where they are known."""
    if recording is None or mouse in inputs.constants:
        return inputs
    names = inputs.recorded_signals
    return inputs.with_constants({mouse: {name: recording.statistics[name] for name in names}})


def _columns_of(mouse: str, unit_ids: ArrayLike, known: np.ndarray) -> np.ndarray:
    wanted = _whole_numbers("unit_ids", unit_ids)
    places = {int(unit): column for column, unit in enumerate(known)}
    for unit in wanted.tolist():
        if unit not in places:
            raise SensoriumError(f"{mouse}: the model has no neuron with unit id {unit}")
    return np.array([places[unit] for unit in wanted.tolist()], np.int64)


def _checked_columns(mouse: str, columns: ArrayLike, n_neurons: int) -> np.ndarray:
    wanted = _whole_numbers("columns", columns)
    outside = wanted[(wanted < 0) | (wanted >= n_neurons)]
    if outside.size:
        raise SensoriumError(
            f"{mouse}: the model has no column {outside[0]}, only 0 to {n_neurons - 1}"
        )
    return wanted


def _whole_numbers(name: str, values: ArrayLike) -> np.ndarray:
    found = np.atleast_1d(np.asarray(values))
    if found.ndim != 1 or not found.size or found.dtype.kind not in "iu":
        raise SensoriumError(f"{name}: expected one or more whole numbers. Received: {values!r}")
    if len(np.unique(found)) < len(found):
        raise SensoriumError(f"{name}: some are given more than once")
    return found.astype(np.int64)
