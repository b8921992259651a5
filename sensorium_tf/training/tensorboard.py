"""What a run shows in TensorBoard."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from sensorium_tf.data import Mouse, Trials
from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.models import FiringRateModel
from sensorium_tf.training.settings import TrainingSettings

# Pictures take a second, and change slowly after the first epochs.
_SHOWN_EVERY = 10
_SHOWN_FIRST = (0, 1, 2, 5)
# Ends the name of the file with the final scores, and of one that is not complete yet.
_FINAL, _UNFINISHED = ".hparams", ".hparams.tmp"


@dataclasses.dataclass(frozen=True, eq=False)
class EpochView:
    """What there is to look at after an epoch's validation.

    Attributes:
      epoch: 0 for the untrained weights.
      model: as it was scored.
      mice: name to mouse.
      trials: name to the trials that choose the weights.
      rates: name to their predicted rates, `(trials, neurons)`.
      correlations: name to each neuron's single-trial correlation, `(neurons,)`.
      tier: of the trials.
    """

    epoch: int
    model: FiringRateModel
    mice: Mapping[str, Mouse]
    trials: Mapping[str, Trials]
    rates: Mapping[str, np.ndarray]
    correlations: Mapping[str, np.ndarray]
    tier: str


class Watch(Protocol):
    """What draws pictures of a run."""

    def __call__(self, view: EpochView) -> Mapping[str, np.ndarray]:
        """Returns pictures by name, each `(height, width, 3 or 4)` uint8."""


class RunLog:
    """Writes the logs of a run.

    Args:
      folder: of the logs; None to write nothing.
      watch: what draws pictures, for some of the epochs.
      tier: of the trials that are shown.
    """

    def __init__(self, folder: str | os.PathLike | None, watch: Sequence[Watch] = (), *, tier: str):
        self._folder, self._watch, self._tier = folder, tuple(watch), tier
        if folder is not None and Path(folder).exists() and not Path(folder).is_dir():
            raise SensoriumError(f"{folder}: is a file, expected a folder for the logs")
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_) -> None:
        for writer in self._writers.values():
            writer.close()

    def write(self, epoch: int, scalars: Mapping[str, float]) -> None:
        """Adds a point to each curve.

        Args:
          epoch: 0 for the untrained weights.
          scalars: tag to value.

        Raises:
          SensoriumError: if the logs cannot be written.
        """

        def scalars_of_epoch():
            for tag, value in scalars.items():
                tf.summary.scalar(tag, value)

        self._add(epoch, scalars_of_epoch)

    def show(
        self,
        epoch: int,
        model: FiringRateModel,
        mice: Mapping[str, Mouse],
        trials: Mapping[str, Trials],
        rates: Mapping[str, np.ndarray],
        correlations: Mapping[str, np.ndarray],
    ) -> None:
        """Adds the spread of correlations and, for some epochs, the pictures; see `EpochView`."""
        if self._folder is None:
            return

        def histograms_and_pictures():
            for mouse, each in correlations.items():
                tf.summary.histogram(f"single_trial_correlation/{mouse}", each)
            if epoch in _SHOWN_FIRST or epoch % _SHOWN_EVERY == 0:
                view = EpochView(epoch, model, mice, trials, rates, correlations, self._tier)
                for watch in self._watch:
                    for name, picture in watch(view).items():
                        tf.summary.image(name, picture[None])

        self._add(epoch, histograms_and_pictures)

    def finish(self, settings: TrainingSettings, scores: Mapping[str, float]) -> None:
        """Adds the hyperparameters and the final scores, for the HParams tab, once for a run."""
        from tensorboard.plugins.hparams import api as hparams

        if self._folder is None or any(Path(self._folder).glob(f"*{_FINAL}")):
            return
        # A file of this name is left by a process that was killed before it was complete.
        for unfinished in Path(self._folder).glob(f"*{_UNFINISHED}"):
            unfinished.unlink()
        values = _flat(settings.to_json())

        def hyperparameters():
            hparams.hparams({n: _plain(value) for n, value in values.items() if value is not None})
            for tag, value in scores.items():
                tf.summary.scalar(f"final/{tag}", value)

        self._add(0, hyperparameters, suffix=_UNFINISHED)
        self._writers.pop(_UNFINISHED).close()
        for complete in Path(self._folder).glob(f"*{_UNFINISHED}"):
            complete.rename(complete.with_name(complete.name.removesuffix(".tmp")))

    def _add(self, epoch: int, write, *, suffix: str = "") -> None:
        if self._folder is None:
            return
        try:
            # Not before there is something to write: a finished run that is started again adds no
            # file.
            if suffix not in self._writers:
                self._writers[suffix] = tf.summary.create_file_writer(
                    os.fspath(self._folder), filename_suffix=suffix or None
                )
            with self._writers[suffix].as_default(step=epoch):
                write()
            self._writers[suffix].flush()
        except tf.errors.OpError as e:
            raise SensoriumError(f"{self._folder}: cannot be written ({one_line(e)})") from e


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns nested settings as one level, names joined by a slash."""
    flat = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}/{inner}": each for inner, each in value.items()}
        else:
            flat[name] = value
    return flat


def _plain(value: Any) -> str | float | bool:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, str | float | int | bool) else str(value)
