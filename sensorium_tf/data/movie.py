"""One trial of a mouse that saw movies, and several as one batch."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from sensorium_tf.data.model_inputs import Signals
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import POOLED, RESPONSE, Input, InputSpec


@dataclasses.dataclass(frozen=True, eq=False)
class Movie:
    """One trial of a mouse that saw movies, or some of its frames, normalised as models see it.

    Attributes:
        mouse: Name of the mouse.
        signals: Name to values, float32: `video` `(frames, height, width, channels)`, of the
            mouse's `image_size`, z-scored with the recording's mean and std; `response` `(frames,
            neurons)`, divided by the mouse's `response_scale`, zeros where withheld; `behavior`
            (divided by its std) and `pupil_center` (z-scored), `(frames, columns)`.
        video_id: Which movie it was; repeats share it.
        trial_id: As the recording names it.
        trial_index: Number of its files.
        stimulus: Which of the signals is what the mouse saw.
        given: Context signal to how its values were transformed.
        statistics: The mouse's `statistics_kind`, by which it is normalised.
    """

    mouse: str
    signals: Mapping[str, np.ndarray]
    video_id: int
    trial_id: str
    trial_index: int
    stimulus: str = "video"
    given: Mapping[str, Input] = dataclasses.field(default_factory=dict, repr=False)
    statistics: str = POOLED

    @property
    def n_frames(self) -> int:
        """How many frames it has."""
        return len(self.signals[RESPONSE])

    def inputs(self, spec: InputSpec) -> dict[str, np.ndarray]:
        """Returns what a model is given.

        Args:
            spec: What the model takes.

        Returns:
            `{"video": (frames, height, width, channels)}`, where context signals among the channels
            are constant over a frame, and each extra, such as `"pupil_center": (frames, 2)`.

        Raises:
            SensoriumError: If it needs signals that this mouse withholds or that were not recorded,
                or frames of another size or normalised by other statistics.
        """
        return self._of(spec).inputs(spec)

    def signal(self, name: str, spec: InputSpec) -> np.ndarray:
        """Returns a context signal as a model is given it, `(frames, columns)` float32.

        Args:
            name: Of the signal.
            spec: What the model takes.

        Raises:
            SensoriumError: If it is normalised by other statistics, or transformed by constants
                that the model does not know.
        """
        return self._of(spec).signal(name, spec)

    def _of(self, spec: InputSpec) -> Signals:
        """Returns the signals that a model is given; raises SensoriumError of other statistics."""
        if self.statistics != spec.statistics:
            raise SensoriumError(
                f"{self.mouse}: its movies are normalised by {self.statistics} statistics, the "
                f"model's by {spec.statistics} ones: take the trials of "
                f"mouse.with_statistics({spec.statistics!r})"
            )
        context = {n: v for n, v in self.signals.items() if n not in (self.stimulus, RESPONSE)}
        return Signals(self.mouse, self.stimulus, self.signals[self.stimulus], context, self.given)


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
