"""Trials of movies as training and scoring take them: read one by one, when they are needed."""

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from sensorium_tf.data.buffers import stack
from sensorium_tf.data.movie import Movie
from sensorium_tf.data.movie_reader import MovieReader
from sensorium_tf.data.rows import Rows
from sensorium_tf.errors import SensoriumError
from sensorium_tf.movie_settings import WINDOW
from sensorium_tf.specs import RESPONSE, InputSpec


@dataclasses.dataclass(frozen=True, eq=False)
class MovieTrials:
    """Some trials of a mouse that saw movies; memory holds one at a time.

    Iterating over them reads one after the other, as a `Movie`.

    Attributes:
        reader: Reads the trials of the mouse.
        tiers: `(trials,)` strings.
        places: `(trials,)` int64, of each trial among those of its tier.
        window: Frames of the windows that `examples` draws.
    """

    reader: MovieReader
    tiers: np.ndarray
    places: np.ndarray
    window: int = WINDOW

    @classmethod
    def of_tier(cls, reader: MovieReader, tier: str) -> "MovieTrials":
        """Returns all trials of a tier, in order of their index."""
        n_trials = reader.mouse.tiers[tier]
        return cls(reader, np.full(n_trials, tier), np.arange(n_trials))

    def __len__(self) -> int:
        return len(self.places)

    def __repr__(self) -> str:
        return f"{len(self)} movies of {self.mouse}, {self.n_neurons} neurons"

    def __iter__(self) -> Iterator[Movie]:
        return (self._read(index) for index in range(len(self)))

    @property
    def mouse(self) -> str:
        """Name of the mouse."""
        return self.reader.mouse.name

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return self.reader.mouse.n_neurons

    @property
    def n_frames(self) -> np.ndarray:
        """`(trials,)` int64, how many frames each has."""
        known = self.reader.n_frames
        found = [known[t][p] for t, p in zip(self.tiers.tolist(), self.places, strict=True)]
        return np.array(found, np.int64)

    @property
    def skip(self) -> int:
        """So many frames at the start of each are not scored."""
        return self.reader.mouse.challenge.skip_frames

    @property
    def n_frames_in_training(self) -> int:
        """Frames that each trial gives to a batch."""
        return self.window

    @property
    def n_rows(self) -> int:
        """Number of rows that are scored: of frames, all trials together."""
        return int((self.n_frames - self.skip).sum())

    def take(self, index: np.ndarray) -> "MovieTrials":
        """Returns some of the trials.

        Args:
            index: Which, in the order in which they are wanted.
        """
        return dataclasses.replace(self, tiers=self.tiers[index], places=self.places[index])

    @classmethod
    def concatenate(cls, parts: Sequence["MovieTrials"]) -> "MovieTrials":
        """Returns the trials of several tiers of a mouse, one after another."""
        return dataclasses.replace(
            parts[0],
            tiers=np.concatenate([part.tiers for part in parts]),
            places=np.concatenate([part.places for part in parts]),
        )

    def windows(self, length: int) -> "MovieTrials":
        """Returns the trials that are long enough for windows of so many frames.

        Raises:
            SensoriumError: If none is.
        """
        long_enough = np.flatnonzero(self.n_frames >= length)
        if not long_enough.size:
            raise SensoriumError(
                f"window {length}: the longest of {self.mouse}'s {len(self)} trials has "
                f"{self.n_frames.max()} frames: choose a smaller --window"
            )
        return dataclasses.replace(self.take(long_enough), window=length)

    def examples(
        self,
        spec: InputSpec,
        index: slice | np.ndarray,
        *,
        seed: Sequence[int] | None = None,
    ) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Returns what a model is given in training, and the responses that it learns from.

        A window is drawn from each trial: where it begins follows from the seed and the trial.

        Args:
            spec: What the model takes.
            index: Which trials.
            seed: Of the windows; None takes the first frames of each trial.

        Returns:
            Inputs, such as `{"video": (trials, window, height, width, channels)}`, and responses
            `(trials, window, neurons)`.

        Raises:
            SensoriumError: If a mouse lacks what the model needs, or its files are damaged.
        """
        starts = np.zeros(len(self), np.int64)
        if seed is not None:
            # Other numbers than those of the order in which trials come.
            share = np.random.default_rng((*seed, 1)).random(len(self))
            starts = (share * (self.n_frames - self.window + 1)).astype(np.int64)
        chosen = np.arange(len(self))[index]
        movies = [
            # Without any it is read all the same, for the shapes.
            self._read(each, slice(starts[each], starts[each] + self.window))
            for each in (chosen if chosen.size else [0])
        ]
        inputs = [movie.inputs(spec) for movie in movies]
        responses = [movie.signals[RESPONSE] for movie in movies]
        n_trials = len(chosen)
        return (
            {name: stack([each[name] for each in inputs])[:n_trials] for name in inputs[0]},
            stack(responses)[:n_trials],
        )

    def parts(self, spec: InputSpec) -> Iterator[tuple[dict[str, np.ndarray], int]]:
        """Yields what a model is given of one trial, and of how many last frames rates are wanted.

        Args:
            spec: What the model takes.
        """
        for movie in self:
            inputs = {name: values[None] for name, values in movie.inputs(spec).items()}
            yield inputs, movie.n_frames - self.skip

    def rows(self) -> Rows:
        """Returns what rates are scored by: the frames that count, trial after trial."""
        ids, trial_ids, start = [], [], 0
        lengths = self.n_frames - self.skip
        responses = np.empty((self.n_rows, self.n_neurons), np.float32)
        for movie, length in zip(self, lengths.tolist(), strict=True):
            responses[start : start + length] = movie.signals[RESPONSE][self.skip :]
            start += length
            ids.append(movie.video_id)
            trial_ids.append(movie.trial_id)
        frames = np.concatenate([np.arange(self.skip, n) for n in self.n_frames])
        return Rows(
            responses=responses,
            image_ids=np.repeat(ids, lengths) * int(self.n_frames.max()) + frames,
            trial_ids=np.repeat(trial_ids, lengths),
            frames=frames,
        )

    def mean_responses(self) -> np.ndarray:
        """Returns the mean response of each neuron in training, `(neurons,)` float64."""
        return self.reader.mouse.statistics[RESPONSE]["mean"] / self.reader.mouse.response_scale

    def _read(self, index: int, frames: slice = slice(None)) -> Movie:
        return self.reader.read(str(self.tiers[index]), int(self.places[index]), frames)
