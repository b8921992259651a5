"""The movies that excite neurons most."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.ascent import Projection, check_steps, norms
from sensorium_tf.insilico.exciting import from_noise, of_ascent
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import movie_panels
from sensorium_tf.insilico.results import Result
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.settings import AscentSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of models that have a rate at every frame, which do not say how far back they look.
_USUAL_FRAMES = 20


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class MostExcitingMovies(Result):
    """The movie that gradient ascent finds for each neuron.

    Attributes:
        movies: `(neurons, frames, height, width, channels)` in the model's units.
        grey: The same in grey values 0 to 255; None where the model does not know them.
        rates: `(neurons,)`, each neuron's rate to its movie: the mean of the rated frames.
        norms: `(neurons,)`, the norms reached: where the norm asked for cannot be shown on a
            display, they are smaller.
        start_rates: `(neurons, starts)`, the rates that the starts ended with; NaN for those that
            were given up.
        agreement: `(neurons,)`, correlation of the best movie with that of the other start that
            went on; NaN for a single start.
    """

    movies: np.ndarray = axes("neurons frames height width channels")
    grey: np.ndarray | None = axes("neurons frames height width channels", optional=True)
    rates: np.ndarray = axes("neurons")
    norms: np.ndarray = axes("neurons")
    start_rates: np.ndarray = axes("neurons starts")
    agreement: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of frames of each neuron's movie in a row, the last one at the right."""
        numbers = zip(self.labels, self.rates, self.norms, strict=True)
        titles = [f"{name}: {rate:.2f}, norm {norm:.3g}" for name, rate, norm in numbers]
        if self.grey is None:
            return movie_panels(self.movies, titles)
        return movie_panels(self.grey, titles, limits=(0.0, 255.0))


@experiment(AscentSettings, movies=True)
def most_exciting_movie(
    neurons: Neurons,
    settings: AscentSettings,
    *,
    n_frames: int | None = None,
    rated_frames: int = 1,
    n_starts: int = 4,
    sign: int = 1,
) -> MostExcitingMovies:
    """Finds the movie of a fixed mean and norm that excites each neuron most, from noise.

    Mean and norm are those of all frames together: how contrast goes over time is found.

    Args:
        n_frames: Of the movie; if left out as many as the rated frames depend on, or 20 for models
            that have a rate at every frame.
        rated_frames: The mean rate of so many last frames is maximised.
        n_starts: From how many noises. After a quarter of the steps the best two of each neuron go
            on; the better end is the movie.
        sign: 1; or -1 for the least exciting movie.
    """
    check_steps(rated_frames, "rated_frames")
    shape = movie_shape(neurons, n_frames, rated_frames=rated_frames)
    projection = Projection(neurons, settings.norm, shape)

    def rate(movies: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(neurons.tensor_own_rates(movies, index)[:, -rated_frames:], 1)

    def own_rates(movies: np.ndarray, index: np.ndarray) -> np.ndarray:
        return neurons.own_rates(movies, index)[:, -rated_frames:].mean(1)

    movies, found = from_noise(
        neurons,
        settings,
        projection,
        n_starts=n_starts,
        sign=sign,
        rate=rate,
        own_rates=own_rates,
    )
    lengths = {"n_frames": shape[0], "rated_frames": rated_frames}
    return MostExcitingMovies(
        **of_ascent(neurons, settings, projection, n_starts=n_starts, sign=sign, **lengths),
        movies=movies,
        grey=neurons.to_grey(movies) if neurons.knows_grey else None,
        rates=own_rates(movies, np.arange(len(neurons))),
        norms=norms(movies),
        **found,
    )


def movie_shape(
    neurons: Neurons, n_frames: int | None = None, *, rated_frames: int = 1
) -> tuple[int, int, int, int]:
    """Returns the shape `(frames, height, width, channels)` of most exciting movies.

    Args:
        neurons: Whose.
        n_frames: As of `most_exciting_movie`.
        rated_frames: As of `most_exciting_movie`.

    Raises:
        SensoriumError: If so many frames are too few.
    """
    fewest = neurons.lost_frames + rated_frames
    if n_frames is None:
        n_frames = fewest if neurons.lost_frames else max(fewest, _USUAL_FRAMES)
    check_steps(n_frames, "n_frames")
    if n_frames < fewest:
        raise SensoriumError(
            f"n_frames {n_frames}: the model gives no rates of the first {neurons.lost_frames} "
            f"frames: give {fewest} or more for {rated_frames} rated ones"
        )
    return (n_frames, *neurons.image_shape)
