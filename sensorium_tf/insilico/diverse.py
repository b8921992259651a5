"""Several images of one neuron that excite it nearly as much as the best."""

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.ascent import (
    Ascent,
    Objective,
    Projection,
    check_steps,
    correlations,
    noise,
)
from sensorium_tf.insilico.exciting import of_ascent
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import Result
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.settings import AscentSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Rates of diverse images are raised until here, shares of the best rate.
_ENOUGH = 0.95
_RATE_WEIGHT = 20.0


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class DiverseImages(Result):
    """Several images of each neuron that excite it about as much as the best, and differ.

    Attributes:
        images: `(neurons, images, height, width, channels)` in the model's units.
        grey: The same in grey values 0 to 255; None where the model does not know them.
        rates: `(neurons, images)`.
        best_rates: `(neurons,)`, the rate to the most exciting image.
        similarity: `(neurons,)`, mean correlation of pairs of the images.
    """

    images: np.ndarray = axes("neurons images height width channels")
    grey: np.ndarray | None = axes("neurons images height width channels", optional=True)
    rates: np.ndarray = axes("neurons images")
    best_rates: np.ndarray = axes("neurons")
    similarity: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of the images, with their shares of the best rate."""
        shares = self.rates / self.best_rates[:, None]
        titles = [
            f"{name}: {share:.0%}"
            for name, row in zip(self.labels, shares, strict=True)
            for share in row
        ]
        shown = self.images if self.grey is None else self.grey
        limits = None if self.grey is None else (0.0, 255.0)
        return image_panels(shown.reshape(-1, *shown.shape[2:]), titles, limits=limits, columns=4)


@experiment(AscentSettings)
def diverse_exciting_images(
    neurons: Neurons, settings: AscentSettings, *, n_images: int = 8
) -> DiverseImages:
    """Finds several images of each neuron that excite it nearly as much as the best, and differ.

    First the most exciting image is found. Then, from noise, `n_images` images at once: each is
    raised to 95 % of that rate, while the mean correlation of their pairs is lowered.

    Args:
        n_images: Of each neuron, 2 or more.
    """
    check_steps(n_images, "n_images")
    if n_images < 2:
        raise SensoriumError("n_images 1: images differ from each other: give 2 or more")
    projection = Projection(neurons, settings.norm)
    best = Ascent(neurons, projection, settings)
    starts = noise(neurons, n_images, seed=settings.seed)
    tops = best(starts[:, 0], np.arange(len(neurons)), label="best images")
    best_rates = neurons.own_rates(tops)
    ascent = Ascent(
        neurons, projection, settings, objective=_diverse_objective(best_rates, n_images)
    )
    index = np.repeat(np.arange(len(neurons)), n_images)
    flat = starts.reshape(-1, *neurons.image_shape)
    flat = ascent(flat, index, label="diverse images", group=n_images)
    found, rates = flat.reshape(starts.shape), neurons.own_rates(flat, index)
    return DiverseImages(
        **of_ascent(neurons, settings, projection, n_images=n_images),
        images=found,
        grey=neurons.to_grey(found) if neurons.knows_grey else None,
        rates=rates.reshape(len(neurons), n_images),
        best_rates=best_rates,
        similarity=np.array([_similarity(images) for images in found]),
    )


def _diverse_objective(best_rates: np.ndarray, n_images: int) -> Objective:
    """Returns the objective of images of which those of one neuron follow each other."""

    def objective(images, rates, index):
        flat = tf.reshape(images, (-1, n_images, math.prod(images.shape[1:])))
        flat -= tf.reduce_mean(flat, 2, keepdims=True)
        flat = tf.math.l2_normalize(flat, axis=2)
        pairs = tf.reduce_sum(tf.matmul(flat, flat, transpose_b=True), 2)
        similar = (tf.reshape(pairs, (-1,)) - 1) / (n_images - 1)
        shares = rates / tf.gather(best_rates, index)
        # Above what is enough, only differences are to be gained.
        return _RATE_WEIGHT * tf.minimum(shares, _ENOUGH) - similar

    return objective


def _similarity(images: np.ndarray) -> float:
    first, second = np.triu_indices(len(images), 1)
    return float(correlations(images[first], images[second]).mean())
