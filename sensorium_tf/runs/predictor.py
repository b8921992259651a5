"""Rates for all trials of a tier, in batches."""

import functools
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.data import MovieTrials, Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import EnsembleModel, FiringRateModel


class Predictor:
    """Predicts one mouse's rates with a model whose weights may still change.

    Args:
        model: A trained model.
        mouse: One of the model's mice.

    Raises:
        SensoriumError: If the model has no such mouse.
    """

    def __init__(self, model: FiringRateModel | EnsembleModel, mouse: str):
        self._whole_model = model
        self._model = model.for_mouse(mouse)

    @functools.cached_property
    def _predict_batch(self) -> Callable:
        if keras.backend.backend() != "tensorflow":
            return self._model
        # Keras's `predict` takes up to half as long again. No XLA: its depthwise convolution is
        # many times slower on a CPU. Traced once, for batches of any size, and here: of several
        # models that were traced by calls, one after another, TensorFlow would warn.
        inputs = {each.name: tf.TensorSpec(each.shape, each.dtype) for each in self._model.inputs}
        predict_batch = tf.function(
            lambda batch: self._model(batch, training=False), autograph=False
        )
        return predict_batch.get_concrete_function(inputs)

    def __call__(self, trials: Trials | MovieTrials) -> np.ndarray:
        """Returns the rates `(trials, neurons)`, in units of the responses' std.

        Args:
            trials: Of the mouse. Of movies the rates are `(frames, neurons)`, those of the frames
                that are scored, trial after trial.

        Raises:
            SensoriumError: If the mouse lacks what the model is given, or has another number of
            neurons than the model.
        """
        rates, start = np.empty((trials.n_rows, trials.n_neurons), np.float32), 0
        for part in self.parts(trials):
            rates[start : start + len(part)] = part
            start += len(part)
        return rates

    def parts(self, trials: Trials | MovieTrials) -> Iterator[np.ndarray]:
        """Yields the rates of some trials at once, of movies those of each; see `__call__`."""
        model = self._whole_model
        check_n_neurons(model, trials.mouse, trials.n_neurons)
        if model.lost_frames > trials.skip:
            raise SensoriumError(
                f"{trials.mouse}: the model gives no rates for the first {model.lost_frames} "
                f"frames, but all after the first {trials.skip} are scored"
            )
        for signals, n_rows in trials.parts(model.inputs):
            yield self._batch(signals).reshape(-1, trials.n_neurons)[-n_rows:]

    def _batch(self, signals: Mapping[str, np.ndarray]) -> np.ndarray:
        # A model without shifter does not take the pupil center.
        taken = {signal.name: signals[signal.name] for signal in self._model.inputs}
        batch = keras.tree.map_structure(keras.ops.convert_to_tensor, taken)
        return keras.ops.convert_to_numpy(self._predict_batch(batch))


def check_n_neurons(model: FiringRateModel | EnsembleModel, mouse: str, n_neurons: int) -> None:
    """Raises SensoriumError if a recording of the mouse has other neurons than the model."""
    expected = model.readouts[mouse].n_neurons
    if expected != n_neurons:
        raise SensoriumError(
            f"{mouse}: the model has {expected} neurons, the recording {n_neurons}: it is of "
            "another recording, or of a part of the mouse (then evaluate its workdir)"
        )


def predict(model: FiringRateModel | EnsembleModel, trials: Trials | MovieTrials) -> np.ndarray:
    """Returns the rates `(trials, neurons)` of the trials' mouse, in units of the responses' std.

    Args:
        model: A trained model.
        trials: Of one of the model's mice; of movies as of `Predictor`.

    Raises:
        SensoriumError: If the model does not fit the mouse or its recording.
    """
    return Predictor(model, trials.mouse)(trials)
