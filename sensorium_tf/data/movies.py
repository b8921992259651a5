"""A prepared mouse that saw movies: its trials one by one, each of its own length."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping

import numpy as np

from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.movie import Movie
from sensorium_tf.data.movie_reader import MovieReader
from sensorium_tf.data.movie_trials import MovieTrials
from sensorium_tf.datasets.shared.frame_statistics import read_frame_statistics
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import MovieTruth


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class MovieMouse(Mouse):
    """A prepared mouse that saw movies, from `load_mouse`; `statistics` are pooled over time."""

    @functools.cached_property
    def reader(self) -> MovieReader:
        """Reads its trials one by one."""
        return MovieReader(self, builder=self._builder, neurons=self._index)

    @property
    def n_frames(self) -> Mapping[str, np.ndarray]:
        """Tier to the frames of each of its trials, `(trials,)` int64."""
        return self.reader.n_frames

    @functools.cached_property
    def frame_statistics(self) -> Mapping[str, Mapping[str, np.ndarray]]:
        """Signal to the `mean` and `std` of each frame over the training trials, raw units.

        Of the video `(frames, height, width, channels)`, of context signals `(frames, columns)`.

        Raises:
            SensoriumError: If the prepared file is missing or damaged.
        """
        longest = max(int(each.max()) for each in self.n_frames.values())
        return read_frame_statistics(self.data_path, self.spec, n_frames=longest)

    def trials(self, tier: str) -> MovieTrials:
        """Returns the trials of a tier, each of which is read when it is needed.

        Raises:
            SensoriumError: If there is no such tier.
        """
        self.check_tier(tier)
        return MovieTrials.of_tier(self.reader, tier)

    def stream(self, tier: str) -> Iterator[Movie]:
        """Yields the trials of a tier, normalised, in order of their index; memory holds one.

        Raises:
            SensoriumError: If there is no such tier, or the prepared files are damaged.
        """
        yield from self.trials(tier)

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
