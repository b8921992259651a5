"""What TensorBoard shows of a run."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError, one_line
from sensorium_tf.training.callbacks import LOSS, SCORE, Callback, EpochReport, EpochView, Watch

# Pictures take a second, and change slowly after the first epochs. There are none of the untrained
# weights, which would keep the first step waiting.
_SHOWN_EVERY = 10
_SHOWN_FIRST = (1, 2, 5)
# Ends the name of the file with the final scores, and of one that is not complete yet.
_FINAL, _UNFINISHED = ".hparams", ".hparams.tmp"

# TensorBoard sorts by name: what a run is judged by comes first.
_CORRELATION = "correlation"
_VALIDATION = SCORE.partition("/")[0]
_BEST = f"{_CORRELATION}/best"
_TRAINING = f"{_CORRELATION}/training"
# What a curve is, by how its name begins.
_DESCRIPTIONS = {
    SCORE: "Single-trial correlation, mean over the neurons of all mice, on the tier that chooses "
    "the weights.",
    f"{_VALIDATION}/": "Single-trial correlation, mean over the mouse's neurons, on the tier that "
    "chooses the weights.",
    LOSS: "Poisson loss without its scale, mean over trials (of movies, frames) and neurons.",
    "loss/total": "What the steps minimise, mean over the epoch: the losses of all mice and the "
    "penalties.",
    "loss/": "A part of the total loss, mean over the epoch.",
    "learning_rate": "Of the epoch's last step.",
    "images_per_second": "Images, or frames, of all mice in a second of training.",
}
# The HParams tab has a column for each of these; the others are in config.json.
_HYPERPARAMETERS = ("model", "recipe", "batch_size", "learning_rate", "seed")


class TensorBoardLog(Callback):
    """Writes what TensorBoard shows.

    Args:
        folder: Of the logs.
        watch: What draws pictures, for some of the epochs.
        hyperparameters: Of the run, for the HParams tab, JSON values.

    Raises:
        SensoriumError: If the folder is a file, or the logs cannot be written.
    """

    def __init__(
        self, folder: Path, watch: Sequence[Watch] = (), *, hyperparameters: Mapping[str, Any]
    ):
        if folder.exists() and not folder.is_dir():
            raise SensoriumError(f"{folder}: is a file, expected a folder for the logs")
        self._folder, self._watch = folder, tuple(watch)
        self._hyperparameters = _flat(hyperparameters)
        self._writers: dict[str, tf.summary.SummaryWriter] = {}

    def close(self) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()

    def on_epoch_end(self, report: EpochReport) -> None:
        """Adds a point to each curve."""

        def scalars_of_epoch():
            for tag, value in report.scalars.items():
                tf.summary.scalar(_tag(tag), value, description=_description(tag))

        self._add(report.epoch, scalars_of_epoch)

    def on_validation(self, view: EpochView) -> None:
        """Adds the spread of correlations and, for some epochs, the training score and pictures."""

        def histograms_and_pictures():
            for mouse, each in view.correlations.items():
                tf.summary.histogram(
                    f"{_CORRELATION}/neurons/{mouse}",
                    each,
                    description="Single-trial correlation of each neuron, on the same tier.",
                )
            if view.epoch in _SHOWN_FIRST or (view.epoch and view.epoch % _SHOWN_EVERY == 0):
                pooled = np.concatenate(list(view.correlations_in_training().values()))
                tf.summary.scalar(
                    f"{_TRAINING}/{SCORE.partition('/')[2]}",
                    pooled.mean(),
                    description="As the validation's, on some trials that were trained on.",
                )
                for watch in self._watch:
                    for name, picture in watch(view).items():
                        tf.summary.image(f"pictures/{name}", picture[None])

        self._add(view.epoch, histograms_and_pictures)

    def on_end(self, scores: Mapping[str, float]) -> None:
        """Adds the hyperparameters and the final scores, for the HParams tab, once for a run."""
        from tensorboard.plugins.hparams import api as hparams

        if any(self._folder.glob(f"*{_FINAL}")):
            return
        # A file of this name is left by a process that was killed before it was complete.
        for unfinished in self._folder.glob(f"*{_UNFINISHED}"):
            unfinished.unlink()

        def hyperparameters():
            hparams.hparams_config(
                [hparams.HParam(name) for name in _HYPERPARAMETERS],
                [hparams.Metric(_BEST, display_name="best correlation")],
            )
            values = self._hyperparameters.items()
            hparams.hparams({n: _plain(value) for n, value in values if value is not None})
            tf.summary.scalar(_BEST, scores[SCORE], description="Of the weights that were kept.")

        self._add(0, hyperparameters, suffix=_UNFINISHED)
        self._writers.pop(_UNFINISHED).close()
        for complete in self._folder.glob(f"*{_UNFINISHED}"):
            complete.rename(complete.with_name(complete.name.removesuffix(".tmp")))

    def _add(self, epoch: int, write, *, suffix: str = "") -> None:
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


def _tag(name: str) -> str:
    return f"{_CORRELATION}/{name}" if name.startswith(f"{_VALIDATION}/") else name


def _description(name: str) -> str | None:
    return next((text for begin, text in _DESCRIPTIONS.items() if name.startswith(begin)), None)


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
