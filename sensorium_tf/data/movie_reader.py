"""Reading the trials of a mouse that saw movies, one by one and normalised."""

import functools
from collections.abc import Mapping

import numpy as np

from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.movie import Movie
from sensorium_tf.data.normalizing import normalize_images, normalize_responses
from sensorium_tf.data.prepared_trials import PreparedTrials
from sensorium_tf.datasets.shared.builder import RecordingBuilder
from sensorium_tf.specs import POOLED, RESPONSE, Input, size_step


class MovieReader:
    """Reads the trials of a mouse that saw movies.

    Args:
        mouse: The mouse.
        builder: Of its prepared dataset.
        neurons: Which of the recording's it has, `(neurons,)`; None for all.

    Attributes:
        mouse: The mouse.
        n_frames: Tier to the frames of each of its trials, `(trials,)` int64.
    """

    def __init__(self, mouse: Mouse, *, builder: RecordingBuilder, neurons: np.ndarray | None):
        self.mouse = mouse
        self.n_frames: Mapping[str, np.ndarray] = builder.description.n_frames
        self._builder, self._neurons = builder, neurons
        self._opened: dict[str, PreparedTrials] = {}

    def read(self, tier: str, row: int, frames: slice = slice(None)) -> Movie:
        """Reads one trial, normalised.

        Args:
            tier: One that it has.
            row: Of the trial among those of the tier, in order of their index.
            frames: Those that are wanted.

        Raises:
            SensoriumError: If the prepared files are damaged.
        """
        mouse, example = self.mouse, self._prepared(tier)[row]
        stimulus = mouse.spec.stimulus.name
        statistics = self._statistics(frames, n_frames=len(example[RESPONSE]))
        scale = statistics[stimulus]
        step = size_step(mouse.spec.image_shape[:2], mouse.image_size)
        response = example[RESPONSE][frames]
        if self._neurons is not None:
            response = response[:, self._neurons]
        signals = {
            name: np.asarray(each.apply(example[name][frames], statistics[name]), np.float32)
            for name, each in self._given.items()
        }
        signals[stimulus] = normalize_images(
            example[stimulus][frames], scale["mean"], scale["std"], step=step
        )
        signals[RESPONSE] = normalize_responses(response, mouse.response_scale)
        return Movie(
            mouse=mouse.name,
            signals=signals,
            video_id=int(example[f"{stimulus}_id"]),
            trial_id=example["trial_id"].decode(),
            trial_index=int(example["trial_index"]),
            stimulus=stimulus,
            given=self._given,
            statistics=mouse.statistics_kind,
        )

    def _statistics(
        self, frames: slice, *, n_frames: int
    ) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Returns the statistics by which some frames of a trial are normalised."""
        if self.mouse.statistics_kind == POOLED:
            return self.mouse.statistics
        return {
            name: {key: values[:n_frames][frames] for key, values in each.items()}
            for name, each in self.mouse.frame_statistics.items()
        }

    @functools.cached_property
    def _given(self) -> dict[str, Input]:
        mouse = self.mouse
        return {
            each.name: mouse.challenge.input(each.name, mouse.spec)
            for each in mouse.spec.context
            if each.name not in mouse.withheld_signals
        }

    def _prepared(self, tier: str) -> PreparedTrials:
        if tier not in self._opened:
            self._opened[tier] = PreparedTrials(self._builder, tier, mouse=self.mouse.name)
        return self._opened[tier]
