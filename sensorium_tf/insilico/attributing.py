"""Which pixels of an image a neuron's rate is due to."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.insilico.ascent import check_steps
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Attribution(Result):
    """What each pixel adds to each neuron's rate.

    Attributes:
        pixels: `(neurons, images, height, width, channels)`, in units of the rate; over an image
            they sum to `differences`, but for the error of the integral.
        differences: `(neurons, images)`, the rate to the image less that to grey.
    """

    pixels: np.ndarray = axes("neurons images height width channels")
    differences: np.ndarray = axes("neurons images")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's pixels, image by image."""
        titles = [
            f"{name}: {difference:+.2f}"
            for name, row in zip(self.labels, self.differences, strict=True)
            for difference in row
        ]
        return image_panels(self.pixels.reshape(-1, *self.pixels.shape[2:]), titles, columns=4)


@experiment()
def attribution(
    neurons: Neurons,
    images: ArrayLike,
    *,
    steps: int = 50,
) -> Attribution:
    """Attributes rates to pixels by integrated gradients, from the recording's mean grey.

    The gradient is averaged over the way from grey to the image, at the middle of each step, and
    multiplied by the image. Source: Sundararajan et al. 2017, "Axiomatic attribution for deep
    networks".

    Args:
        images: Grey values, as of `Neurons.given_images`.
        steps: Of the integral.
    """
    check_steps(steps)
    shown = neurons.given_images(images)
    shares = ((np.arange(steps) + 0.5) / steps).astype(np.float32)[:, None, None, None]
    pixels = np.empty((len(neurons), len(shown), *neurons.image_shape), np.float32)
    for number, image in enumerate(shown):
        way = shares * image
        for neuron in range(len(neurons)):
            gradients = neurons.gradients(way, np.full(steps, neuron))
            pixels[neuron, number] = image * gradients.mean(0)
    grey = neurons.rates(np.zeros((1, *neurons.image_shape), np.float32))
    return Attribution(
        **of_neurons(neurons, steps=steps),
        pixels=pixels,
        differences=(neurons.rates(shown) - grey).T,
    )
