"""The images that excite neurons most: optimised, and natural."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sensorium_tf.insilico.ascent import (
    Ascent,
    Projection,
    check_steps,
    correlations,
    noise,
    norms,
    signed,
)
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.settings import AscentSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# All starts explore the first of so many parts of the steps, so many of each neuron finish them.
_EXPLORING, _FINISHING = 4, 2


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ExcitingImages(Result):
    """The image that excites each neuron most, among some.

    Attributes:
        images: `(neurons, height, width, channels)` in the model's units.
        grey: The same in grey values 0 to 255; None where the model does not know them.
        rates: `(neurons,)`, each neuron's rate to its image.
        norms: `(neurons,)`, the norms reached: where the norm asked for cannot be shown on a
            display, they are smaller.
    """

    images: np.ndarray = axes("neurons height width channels")
    grey: np.ndarray | None = axes("neurons height width channels", optional=True)
    rates: np.ndarray = axes("neurons")
    norms: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's image, with its rate."""
        titles = [f"{n}: {rate:.2f}" for n, rate in zip(self.labels, self.rates, strict=True)]
        if self.grey is None:
            return image_panels(self.images, titles)
        return image_panels(self.grey, titles, limits=(0.0, 255.0))


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class MostExcitingImages(ExcitingImages):
    """The image that gradient ascent finds for each neuron.

    Attributes:
        start_rates: `(neurons, starts)`, the rates that the starts ended with; NaN for those that
            were given up.
        agreement: `(neurons,)`, correlation of the best image with that of the other start that
            went on; NaN for a single start.
    """

    start_rates: np.ndarray = axes("neurons starts")
    agreement: np.ndarray = axes("neurons")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class BestNaturalImages(ExcitingImages):
    """The natural image that excites each neuron most.

    Attributes:
        index: `(neurons,)`, which of the images it is.
    """

    index: np.ndarray = axes("neurons")


@experiment(AscentSettings)
def most_exciting_image(
    neurons: Neurons, settings: AscentSettings, *, n_starts: int = 4, sign: int = 1
) -> MostExcitingImages:
    """Finds the image of a fixed mean and norm that excites each neuron most, from noise.

    Args:
        n_starts: From how many noises. After a quarter of the steps the best two of each neuron go
            on; the better end is the image.
        sign: 1; or -1 for the least exciting image.
    """
    projection = Projection(neurons, settings.norm)
    images, found = from_noise(
        neurons, settings, projection, n_starts=n_starts, sign=sign, own_rates=neurons.own_rates
    )
    return MostExcitingImages(
        **of_ascent(neurons, settings, projection, n_starts=n_starts, sign=sign),
        **shown_images(neurons, images),
        **found,
    )


def from_noise(
    neurons: Neurons,
    settings: AscentSettings,
    projection: Projection,
    *,
    n_starts: int,
    sign: int,
    own_rates: Callable[[np.ndarray, np.ndarray], np.ndarray],
    rate: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns what gradient ascent from noise finds for each neuron, images or movies.

    Args:
        neurons: The neurons.
        settings: Of the ascent.
        projection: What images are kept to.
        n_starts: As of `most_exciting_image`, like the next.
        sign: 1 or -1.
        own_rates: From images, and which of the neurons each is for, to the rate of each.
        rate: The same of tensors, as of `Ascent`.

    Returns:
        The images `(neurons, height, width, channels)`, or movies, and `start_rates` and
        `agreement`, as of `MostExcitingImages`.
    """
    check_steps(n_starts, "n_starts")
    ascent = Ascent(neurons, projection, settings, objective=signed(sign), rate=rate)
    everyone, shape = np.arange(len(neurons)), projection.shape

    def ranked(starts: np.ndarray, numbers: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns where the starts of each neuron end, their rates, and their order by these."""
        index, n_each = np.repeat(everyone, starts.shape[1]), starts.shape[:2]
        label = f"exciting {neurons.inputs.stimulus}s, {starts.shape[1]} for each neuron"
        ends = ascent(starts.reshape(-1, *shape), index, label=label, numbers=numbers)
        rates = own_rates(ends, index).reshape(n_each)
        return ends.reshape(starts.shape), rates, np.argsort(-sign * rates, axis=1, kind="stable")

    ends = noise(neurons, n_starts, seed=settings.seed, shape=shape)
    taken, explored = np.arange(n_starts)[None], 0
    if n_starts > _FINISHING:
        explored = settings.steps // _EXPLORING
        ends, _, order = ranked(ends, slice(explored))
        taken = order[:, :_FINISHING]
        ends = ends[everyone[:, None], taken]
    ends, rates, order = ranked(ends, slice(explored, None))
    start_rates = np.full((len(neurons), n_starts), np.nan, np.float32)
    np.put_along_axis(start_rates, taken, rates, axis=1)
    best = ends[everyone, order[:, 0]]
    agreement = np.full(len(neurons), np.nan)
    if n_starts > 1:
        agreement = correlations(best, ends[everyone, order[:, 1]])
    return best, {"start_rates": start_rates, "agreement": agreement}


@experiment()
def best_natural_image(
    neurons: Neurons,
    *,
    images: ArrayLike | None = None,
    norm: float | None = None,
) -> BestNaturalImages:
    """Finds which of some images excites each neuron most, all of them at one mean and norm.

    Args:
        images: Grey values, as of `Neurons.given_images`; the training images if left out.
        norm: That the images are brought to, as of `most_exciting_image`.
    """
    projection = Projection(neurons, norm)
    shown = projection.numpy(neurons.given_images(images))
    index = neurons.rates(shown).argmax(0)
    return BestNaturalImages(
        **of_neurons(neurons, norm=projection.norm, n_images=len(shown)),
        **shown_images(neurons, shown[index]),
        index=index,
    )


def of_ascent(
    neurons: Neurons, settings: AscentSettings, projection: Projection, **further: Any
) -> dict[str, Any]:
    """Returns what results of an ascent say of their neurons and settings, as their arguments."""
    return of_neurons(neurons, **{**settings.to_json(), "norm": projection.norm}, **further)


def shown_images(neurons: Neurons, images: np.ndarray) -> dict[str, np.ndarray | None]:
    """Returns the arguments of `ExcitingImages` but those of every result."""
    return {
        "images": images,
        "grey": neurons.to_grey(images) if neurons.knows_grey else None,
        "rates": neurons.own_rates(images),
        "norms": norms(images),
    }
