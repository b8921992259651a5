"""A prepared mouse that saw movies: its trials one by one, each of its own length."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from sensorium_tf.data.model_inputs import Signals
from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.movie_trials import MovieTrials
from sensorium_tf.data.normalizing import normalize_images, normalize_responses
from sensorium_tf.data.prepared_trials import PreparedTrials
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import MovieTruth
from sensorium_tf.specs import RESPONSE, Input, InputSpec, size_step


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
    """

    mouse: str
    signals: Mapping[str, np.ndarray]
    video_id: int
    trial_id: str
    trial_index: int
    stimulus: str = "video"
    given: Mapping[str, Input] = dataclasses.field(default_factory=dict, repr=False)

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
                or frames of another size.
        """
        context = {n: v for n, v in self.signals.items() if n not in (self.stimulus, RESPONSE)}
        video = self.signals[self.stimulus]
        return Signals(self.mouse, self.stimulus, video, context, self.given).inputs(spec)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MovieMouse(Mouse):
    """A prepared mouse that saw movies, from `load_mouse`; its statistics are pooled over time."""

    @property
    def n_frames(self) -> Mapping[str, np.ndarray]:
        """Tier to the frames of each of its trials, `(trials,)` int64."""
        return self._builder.description.n_frames

    def trials(self, tier: str) -> MovieTrials:
        """Returns the trials of a tier, each of which is read when it is needed.

        Raises:
            SensoriumError: If there is no such tier.
        """
        self.check_tier(tier)
        return MovieTrials.of_tier(self, tier)

    def stream(self, tier: str) -> Iterator[Movie]:
        """Yields the trials of a tier, normalised, in order of their index; memory holds one.

        Raises:
            SensoriumError: If there is no such tier, or the prepared files are damaged.
        """
        yield from self.trials(tier)

    def movie(self, tier: str, row: int, frames: slice = slice(None)) -> Movie:
        """Reads one trial, normalised.

        Args:
            tier: One that it has.
            row: Of the trial among those of the tier, in order of their index.
            frames: Those that are wanted.

        Raises:
            SensoriumError: If the prepared files are damaged.
        """
        example = self._prepared(tier)[row]
        stimulus = self.spec.stimulus.name
        scale = self.statistics[stimulus]
        step = size_step(self.spec.image_shape[:2], self.image_size)
        response = example[RESPONSE][frames]
        if self._index is not None:
            response = response[:, self._index]
        signals = {
            name: np.asarray(each.apply(example[name][frames], self.statistics[name]), np.float32)
            for name, each in self._given.items()
        }
        signals[stimulus] = normalize_images(
            example[stimulus][frames], scale["mean"], scale["std"], step=step
        )
        signals[RESPONSE] = normalize_responses(response, self.response_scale)
        return Movie(
            mouse=self.name,
            signals=signals,
            video_id=int(example[f"{stimulus}_id"]),
            trial_id=example["trial_id"].decode(),
            trial_index=int(example["trial_index"]),
            stimulus=stimulus,
            given=self._given,
        )

    def standardize(self, truth: MovieTruth, trials: MovieTrials) -> tuple[np.ndarray, np.ndarray]:
        """Returns the true responses and rates of some trials, divided as the responses are.

        Args:
            truth: Of this mouse's recording, which is simulated.
            trials: Some of its trials.

        Returns:
            Responses and rates of the frames that are scored, trial after trial, `(frames,
            neurons)` float32 each.

        Raises:
            SensoriumError: If the truth is another recording's.
        """
        skip, found = trials.skip, ([], [])
        for movie in trials:
            for values, kind in zip(found, ("responses", "rates"), strict=True):
                values.append(self.true_values(truth, movie, kind)[skip:])
        responses, rates = (np.concatenate(values).astype(np.float32) for values in found)
        return responses, rates

    def true_values(self, truth: MovieTruth, movie: Movie, kind: str) -> np.ndarray:
        """Returns the true `responses` or `rates` of a trial, standardised, `(frames, neurons)`.

        Raises:
            SensoriumError: If the truth is another recording's.
        """
        index = movie.trial_index
        places = {unit_id: column for column, unit_id in enumerate(truth.unit_ids.tolist())}
        columns = [places.get(unit_id) for unit_id in self.unit_ids.tolist()]
        fits = (
            index < len(truth.trial_ids)
            and str(truth.trial_ids[index]) == movie.trial_id
            and int(truth.n_frames[index]) == movie.n_frames
            and None not in columns
        )
        if not fits:
            raise SensoriumError(
                f"{self.name}: the truth file has no such trial {movie.trial_id} of "
                f"{movie.n_frames} frames, or other neurons: it belongs to another recording"
            )
        return getattr(truth, kind)(index)[:, columns] / self.response_scale

    @functools.cached_property
    def _given(self) -> dict[str, Input]:
        return {
            each.name: self.challenge.input(each.name, self.spec)
            for each in self.spec.context
            if each.name not in self.withheld_signals
        }

    def _prepared(self, tier: str) -> PreparedTrials:
        if tier not in self._opened:
            self._opened[tier] = PreparedTrials(self._builder, tier, mouse=self.name)
        return self._opened[tier]

    @functools.cached_property
    def _opened(self) -> dict[str, PreparedTrials]:
        return {}


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
