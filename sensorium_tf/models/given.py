"""What a model is called with: checked before it computes."""

import warnings
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import IMAGE, VIDEO, InputSpec

# Standardised images are a few units of their standard deviation around zero.
_LARGEST_MEAN = 10.0
_HOW = {IMAGE: "mouse.trials(tier).inputs(model.inputs)", VIDEO: "mouse.stream(tier)"}
# From the warning up to the line that calls the model or its `fit`.
_OF_THE_USER = 5


class Watched:
    """What a Keras model inherits, before `keras.Model`, to look at what it is given.

    What it is called with, and arrays for `fit`, `evaluate`, `predict` and their `_on_batch` kin,
    pass the model's own `check_inputs`, which raises SensoriumError or warns. Datasets and
    generators do not: to look into one would be to start it or use it up.
    """

    def __call__(self, inputs, *args, **kwargs):
        """Checks the inputs and predicts; see the class."""
        # Checked here and not in `call`, whose errors Keras wraps into many lines.
        self.check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def fit(self, x=None, *args, **kwargs):
        """Checks arrays and trains, as every Keras model."""
        return super().fit(self._checked(x), *args, **kwargs)

    def evaluate(self, x=None, *args, **kwargs):
        """Checks arrays and evaluates, as every Keras model."""
        return super().evaluate(self._checked(x), *args, **kwargs)

    def predict(self, x, *args, **kwargs):
        """Checks arrays and predicts, as every Keras model."""
        return super().predict(self._checked(x), *args, **kwargs)

    def train_on_batch(self, x, *args, **kwargs):
        """Checks a batch and trains on it, as every Keras model."""
        return super().train_on_batch(self._checked(x), *args, **kwargs)

    def test_on_batch(self, x, *args, **kwargs):
        """Checks a batch and evaluates it, as every Keras model."""
        return super().test_on_batch(self._checked(x), *args, **kwargs)

    def predict_on_batch(self, x):
        """Checks a batch and predicts it, as every Keras model."""
        return super().predict_on_batch(self._checked(x))

    def _checked(self, x):
        if isinstance(x, Mapping) or hasattr(x, "shape"):
            self.check_inputs(x)
        return x


def check_given(
    inputs: Any, *, mice: Collection[str], spec: InputSpec, lost_frames: int = 0
) -> None:
    """Checks what a model of some mice is called with.

    Args:
        inputs: Mouse to its signals.
        mice: The model's.
        spec: What the model is given of each.
        lost_frames: How many frames at the beginning of a movie get no rates.

    Raises:
        SensoriumError: If it is of another form, of an unknown mouse, or lacks a signal, an image
            or movie has another shape, or signals differ in frames. Of grey values a warning says
            so.
    """
    names = (spec.stimulus, *(each.signal for each in spec.extras))
    of_mice = isinstance(inputs, Mapping)
    if not of_mice or not all(isinstance(signals, Mapping) for signals in inputs.values()):
        signals = ", ".join(f'"{name}": ...' for name in names)
        raise SensoriumError(
            f'the model expects the signals of each mouse by name, {{"{next(iter(mice))}": '
            f"{{{signals}}}}}, with {_expected(spec)}. Received: "
            f"{_form(inputs)}"
        )
    for mouse, signals in inputs.items():
        check_mouse(mouse, mice)
        for signal in names:
            if signal not in signals:
                raise SensoriumError(
                    f"{mouse}: the model needs {signal!r}, but its inputs are only "
                    f"{', '.join(map(repr, signals)) or 'empty'}"
                )
        shape = tuple(signals[spec.stimulus].shape)
        if len(shape) != 1 + len(spec.stimulus_shape) or shape[-3:] != spec.image_shape:
            raise SensoriumError(
                f"{mouse}: the model expects {_expected(spec)}, {spec.image_shape[-1]} channel(s). "
                f"Received: {shape}"
            )
        if spec.time:
            check_frames(mouse, {name: signals[name].shape[1] for name in names}, lost_frames)
        warn_of_raw_images(signals[spec.stimulus], mouse, stimulus=spec.stimulus)


def check_frames(mouse: str, n_frames: Mapping[str, int | None], lost_frames: int) -> None:
    """Raises SensoriumError if movies are too short, or signals have other frames than the movie.

    Args:
        mouse: Who saw them.
        n_frames: Signal to its number of frames, None where it is not known.
        lost_frames: How many at the beginning get no rates.
    """
    known = {name: number for name, number in n_frames.items() if number is not None}
    if len(set(known.values())) > 1:
        each = ", ".join(f"{name} {number}" for name, number in known.items())
        raise SensoriumError(f"{mouse}: its signals differ in their number of frames ({each})")
    if min(known.values(), default=lost_frames + 1) <= lost_frames:
        raise SensoriumError(
            f"{mouse}: the model gives no rates of the first {lost_frames} frames of a movie, but "
            f"there are only {min(known.values())}: give longer ones"
        )


def check_mouse(mouse: str, mice: Collection[str]) -> None:
    """Raises SensoriumError unless a mouse is one of the model's."""
    if mouse not in mice:
        raise SensoriumError(f"{mouse}: the model has no such mouse, only {', '.join(mice)}")


def warn_of_raw_images(images, what: str, *, stimulus: str) -> None:
    """Warns if an array of images or movies holds grey values; says nothing of symbolic ones.

    Args:
        images: `(batch, ..., height, width, channels)`, the first channel of grey values.
        what: Whose images, with which the text begins.
        stimulus: What they are called, `image` or `video`.
    """
    if not (isinstance(images, np.ndarray) or hasattr(images, "numpy")) or not images.shape[0]:
        return
    first = ops.convert_to_numpy(images[0])[..., 0]
    if np.abs(first.astype("float32")).mean() > _LARGEST_MEAN:
        warnings.warn(
            f"{what}: its {stimulus} values reach {np.abs(first).max():.4g}, but the model takes "
            f"standardised {stimulus}s (less the recording's mean, divided by its std), as "
            f"{_HOW[stimulus]} gives them: the rates will be far too high",
            stacklevel=_OF_THE_USER,
        )


def _expected(spec: InputSpec) -> str:
    """Returns what the stimulus of a batch is to be, for messages."""
    what, axes = ("movies", ("batch", "frames")) if spec.time else ("images", ("batch",))
    return f"{what} of shape ({', '.join(map(str, (*axes, *spec.image_shape)))})"


def _form(inputs: Any) -> str:
    """Returns in a few words what a model was called with."""
    if isinstance(inputs, Mapping):
        return f"{{{', '.join(f'{key!r}: {_form(each)}' for key, each in inputs.items())}}}"[:100]
    shape = getattr(inputs, "shape", None)
    of_shape = "" if shape is None else f" of shape {tuple(shape)}"
    return f"{type(inputs).__name__}{of_shape}"
