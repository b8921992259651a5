"""Rates for all trials of a tier, in batches."""

import functools
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.data import Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import EnsembleModel, FiringRateModel

# The samples of 8,000 neurons and 32 images take 65 MB; more at once are hardly faster.
_BATCH_SIZE = 32


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

    def __call__(self, trials: Trials) -> np.ndarray:
        """Returns the rates `(trials, neurons)`, in units of the responses' std.

        Args:
            trials: Of the mouse.

        Raises:
            SensoriumError: If the mouse lacks what the model is given, or has another number of
            neurons than the model.
        """
        check_n_neurons(self._whole_model, trials.mouse, trials.responses.shape[1])
        rates = np.empty(trials.responses.shape, np.float32)
        for start in range(0, len(trials), _BATCH_SIZE):
            rows = slice(start, start + _BATCH_SIZE)
            signals = trials.inputs(self._whole_model.inputs, rows)
            rates[rows] = self._batch(signals)
        return rates

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


def predict(model: FiringRateModel | EnsembleModel, trials: Trials) -> np.ndarray:
    """Returns the rates `(trials, neurons)` of the trials' mouse, in units of the responses' std.

    Args:
        model: A trained model.
        trials: Of one of the model's mice.

    Raises:
        SensoriumError: If the model does not fit the mouse or its recording.
    """
    return Predictor(model, trials.mouse)(trials)
