"""A prepared mouse that saw movies: its trials as a stream, each of its own length."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.normalizing import normalize_images, normalize_responses
from sensorium_tf.data.prepared_files import read_blocks
from sensorium_tf.data.trials import Trials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import RESPONSE, size_step


@dataclasses.dataclass(frozen=True, eq=False)
class Movie:
    """One trial of a mouse that saw movies, normalised as models are given it.

    Attributes:
        signals: Name to values, float32: `video` `(frames, height, width, channels)`, of the
            mouse's `image_size`, z-scored with the recording's mean and std; `response` `(frames,
            neurons)`, divided by the mouse's `response_scale`, zeros where withheld; `behavior`
            (divided by its std) and `pupil_center` (z-scored), `(frames, columns)`.
        video_id: Which movie it was; repeats share it.
        trial_id: As the recording names it.
        trial_index: Number of its files.
    """

    signals: Mapping[str, np.ndarray]
    video_id: int
    trial_id: str
    trial_index: int

    @property
    def n_frames(self) -> int:
        """How many frames it has."""
        return len(self.signals[RESPONSE])


@dataclasses.dataclass(frozen=True, eq=False)
class MovieMouse(Mouse):
    """A prepared mouse that saw movies, from `load_mouse`; its statistics are pooled over time."""

    def trials(self, tier: str) -> Trials:
        """Refuses: the trials of movies are of different lengths, and too large for memory.

        Raises:
            SensoriumError: Always; `stream` gives them one by one.
        """
        raise SensoriumError(
            f"{self.name}: its {tier} trials are movies of different lengths: take them one by one "
            f"from stream({tier!r})"
        )

    def stream(self, tier: str) -> Iterator[Movie]:
        """Yields the trials of a tier, normalised, in order of their index; memory holds one.

        Raises:
            SensoriumError: If there is no such tier, or the prepared files are damaged.
        """
        self.check_tier(tier)
        stimulus = self.spec.stimulus.name
        scale = self.statistics[stimulus]
        step = size_step(self.spec.image_shape[:2], self.image_size)
        given = {
            each.name: self.challenge.input(each.name, self.spec)
            for each in self.spec.context
            if each.name not in self.withheld_signals
        }
        for example in read_blocks(self._builder, tier, mouse=self.name):
            response = example[RESPONSE]
            if self._index is not None:
                response = response[:, self._index]
            signals = {
                name: np.asarray(each.apply(example[name], self.statistics[name]), np.float32)
                for name, each in given.items()
            }
            signals[stimulus] = normalize_images(
                example[stimulus], scale["mean"], scale["std"], step=step
            )
            signals[RESPONSE] = normalize_responses(response, self.response_scale)
            yield Movie(
                signals=signals,
                video_id=int(example[f"{stimulus}_id"]),
                trial_id=example["trial_id"].decode(),
                trial_index=int(example["trial_index"]),
            )


def pad_movies(movies: Sequence[Movie]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns some movies as one batch, short ones padded with zeros at their end.

    Args:
        movies: Of one mouse.

    Returns:
        Each signal, `(trials, time, ...)` float32, and which frames are valid, `(trials, time)`
        bool.
    """
    n_frames = np.array([movie.n_frames for movie in movies])
    mask = np.arange(n_frames.max()) < n_frames[:, None]
    batch = {}
    for name, values in movies[0].signals.items():
        padded = np.zeros((*mask.shape, *values.shape[1:]), np.float32)
        for row, movie in zip(padded, movies, strict=True):
            row[: movie.n_frames] = movie.signals[name]
        batch[name] = padded
    return batch, mask
