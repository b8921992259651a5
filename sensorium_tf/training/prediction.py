"""Rates for all trials of a tier, in batches."""

import numpy as np

from sensorium_tf.data import Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel

# Small batches: the samples of 8,000 neurons and 16 images take 33 MB, and more are not faster.
_BATCH_SIZE = 16


class Predictor:
    """Predicts one mouse's rates with a model whose weights may still change.

    Args:
      model: a trained model.
      mouse: one of the model's mice.

    Raises:
      SensoriumError: if the model has no such mouse.
    """

    def __init__(self, model: FiringRateModel, mouse: str):
        self._whole_model = model
        self._model = model.for_mouse(mouse)
        # XLA's depthwise convolution is many times slower on a CPU.
        self._model.compile(jit_compile=False)

    def __call__(self, trials: Trials, *, track: str) -> np.ndarray:
        """Returns the rates `(trials, neurons)`, in units of the responses' std.

        Args:
          trials: of the mouse.
          track: the model's.

        Raises:
          SensoriumError: if the mouse withholds what the track needs, or has another number of
            neurons than the model.
        """
        check_n_neurons(self._whole_model, trials.mouse, trials.responses.shape[1])
        signals = trials.inputs(track)
        # A model without shifter does not take the pupil center.
        taken = {signal.name: signals[signal.name] for signal in self._model.inputs}
        return self._model.predict(taken, batch_size=_BATCH_SIZE, verbose=0)


def check_n_neurons(model: FiringRateModel, mouse: str, n_neurons: int) -> None:
    """Raises SensoriumError if a recording of the mouse has other neurons than the model."""
    expected = model.readouts[mouse].n_neurons
    if expected != n_neurons:
        raise SensoriumError(
            f"{mouse}: the model has {expected} neurons, the recording {n_neurons}: the model was "
            "trained on another recording"
        )


def predict(model: FiringRateModel, trials: Trials, *, track: str) -> np.ndarray:
    """Returns the rates `(trials, neurons)` of the trials' mouse, in units of the responses' std.

    Args:
      model: a trained model.
      trials: of one of the model's mice.
      track: the model's.

    Raises:
      SensoriumError: if the model does not fit the mouse or its recording.
    """
    return Predictor(model, trials.mouse)(trials, track=track)
