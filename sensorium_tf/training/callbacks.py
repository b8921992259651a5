"""What watches a run: the controller owns the loop and tells these what happens in it."""

import contextlib
import dataclasses
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.data import Mouse, MovieTrials, Trials
from sensorium_tf.models import FiringRateModel
from sensorium_tf.runs import RunStore

#: Scalar by which the weights are chosen: the mean over the neurons of all mice.
SCORE = "validation/single_trial_correlation"
#: The Poisson loss without its scale, mean over the trials (of movies, frames) and neurons of all
#: mice; of trials in a short last batch a little more than of the others counts, as in training.
LOSS = "loss/per_neuron"


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """What an epoch came to, after its validation.

    Attributes:
        epoch: 0 for the untrained weights.
        most_epochs: The run has at most so many.
        tier: By whose score the weights are chosen.
        scalars: Name to value: losses, scores, learning rate and speed.
        best_score: Of all epochs so far.
        best_epoch: Which one had it.
        counted: What the loss is a mean over, beside neurons: `trial` or, of movies, `frame`.
    """

    epoch: int
    most_epochs: int
    tier: str
    scalars: Mapping[str, float]
    best_score: float
    best_epoch: int
    counted: str = "trial"


@dataclasses.dataclass(frozen=True, eq=False)
class EpochView:
    """What there is to look at after an epoch's validation.

    Attributes:
        epoch: 0 for the untrained weights.
        model: As it was scored.
        mice: Name to mouse.
        trials: Name to the trials that choose the weights.
        rates: Name to their predicted rates, `(trials, neurons)`; of movies those of the scored
            frames of one trial, `(frames, neurons)`.
        responses: Name to the responses that these are to predict, of the same shape.
        correlations: Name to each neuron's single-trial correlation, `(neurons,)`.
        tier: Of the trials.
        correlations_in_training: Returns the like of `correlations` for trials that were trained
            on, evenly spaced and at most as many; it takes as long as the validation did.
    """

    epoch: int
    model: FiringRateModel
    mice: Mapping[str, Mouse]
    trials: Mapping[str, Trials | MovieTrials]
    rates: Mapping[str, np.ndarray]
    responses: Mapping[str, np.ndarray]
    correlations: Mapping[str, np.ndarray]
    tier: str
    correlations_in_training: Callable[[], Mapping[str, np.ndarray]]


class Watch(Protocol):
    """What draws pictures of a run."""

    def __call__(self, view: EpochView) -> Mapping[str, np.ndarray]:
        """Returns pictures by name, each `(height, width, 3 or 4)` uint8."""


class Callback:
    """Watches a run, and changes nothing in it. Each method may be left as it is."""

    def on_epoch_begin(self, epoch: int, *, n_steps: int) -> None:
        """Is called before the first step that this process takes of an epoch.

        Args:
            epoch: The first is 1.
            n_steps: Of the epoch.
        """

    def around_steps(self) -> contextlib.AbstractContextManager:
        """Returns what is entered while some steps are taken in one call."""
        return contextlib.nullcontext()

    def on_steps(self, step: int, loss: float) -> None:
        """Is called after these steps.

        Args:
            step: How many of the epoch have been taken.
            loss: Mean over them.
        """

    def on_validation(self, view: EpochView) -> None:
        """Is called after the rates of an epoch, or of the untrained weights, were scored."""

    def on_epoch_end(self, report: EpochReport) -> None:
        """Is called after an epoch, before it is saved: twice is better than never."""

    def on_save(self, epochs: Sequence[Mapping[str, float]]) -> None:
        """Is called after a checkpoint was written or gone back to.

        Args:
            epochs: Scalars of each epoch so far.
        """

    def on_end(self, scores: Mapping[str, float]) -> None:
        """Is called when a run is finished, each time that it is started again as well.

        Args:
            scores: Of the best weights.
        """

    def close(self) -> None:
        """Is called when the run ends, however it does."""


class MetricsFile(Callback):
    """Writes `metrics.jsonl`, which follows from the checkpoint alone."""

    def __init__(self, store: RunStore):
        self._store = store

    def on_save(self, epochs: Sequence[Mapping[str, float]]) -> None:
        """Writes a line for each epoch so far."""
        self._store.write_metrics(epochs)


class Progress(Callback):
    """Prints a line after each epoch and, on a terminal, shows a bar of its steps before.

    Args:
        stage: What the lines begin with, such as `stage 2 of 3`; nothing if empty.
        clock: Returns seconds; what is left is told from the epochs that this process has trained.
    """

    def __init__(self, stage: str = "", *, clock: Callable[[], float] = time.monotonic):
        self._stage = f"{stage}, " if stage else ""
        self._clock = clock
        self._started: float | None = None
        self._n_trained = 0
        self._bar: keras.utils.Progbar | None = None

    def on_epoch_begin(self, epoch: int, *, n_steps: int) -> None:
        """Begins a bar."""
        if self._started is None:
            self._started = self._clock()
        if sys.stdout.isatty():
            print(f"{self._stage}epoch {epoch}")
            self._bar = keras.utils.Progbar(n_steps, stateful_metrics=["loss"], unit_name="step")

    def on_steps(self, step: int, loss: float) -> None:
        """Moves the bar."""
        if self._bar is not None:
            self._bar.update(step, [("loss", loss)])

    def on_epoch_end(self, report: EpochReport) -> None:
        """Prints what the epoch came to."""
        scalars = report.scalars
        parts = [f"{report.tier} correlation {scalars[SCORE]:.4f}"]
        if report.epoch:
            self._n_trained += 1
            seconds = (self._clock() - self._started) / self._n_trained
            left = seconds * (report.most_epochs - report.epoch)
            parts = [
                f"loss {scalars[LOSS]:.4f} a neuron and {report.counted}",
                f"{parts[0]}, best {report.best_score:.4f} in epoch {report.best_epoch}",
                f"learning rate {scalars['learning_rate']:.2g}",
                f"at most {_duration(left)} left",
            ]
        name = f"epoch {report.epoch} of at most {report.most_epochs}"
        name = name if report.epoch else "untrained"
        print(f"{self._stage}{name}: {'; '.join(parts)}", flush=True)


def _duration(seconds: float) -> str:
    """Returns a time as `40 s`, `12 min` or `3 h 20 min`."""
    minutes = round(seconds / 60)
    if minutes < 2:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


class Profiler(Callback):
    """Records the second call of the compiled loop for TensorBoard's profiler.

    Args:
        folder: Of the logs.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._n_calls = 0

    @contextlib.contextmanager
    def around_steps(self) -> Iterator[None]:
        """Records the steps, if they are the second ones."""
        # The first call compiles; the second one is what all others are like.
        self._n_calls += 1
        if self._n_calls != 2:
            yield
            return
        tf.profiler.experimental.start(os.fspath(self._folder))
        try:
            yield
        finally:
            tf.profiler.experimental.stop()

    def on_end(self, scores: Mapping[str, float]) -> None:
        """Warns if nothing was recorded."""
        if self._n_calls < 2:
            warnings.warn("profile: too few steps were left to record any", stacklevel=4)
