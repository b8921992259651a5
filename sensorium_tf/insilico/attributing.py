"""Which pixels of an image a neuron's rate is due to."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.insilico.ascent import check_steps
from sensorium_tf.insilico.chosen import Model
from sensorium_tf.insilico.held import State
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import Result, axes, of_neurons

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
        return image_panels(self.pixels.reshape(-1, *self.pixels.shape[2:]), titles)


def attribution(
    model: Model,
    images: ArrayLike,
    unit_ids: ArrayLike | None = None,
    *,
    columns: ArrayLike | None = None,
    mouse: str | None = None,
    state: State | None = None,
    steps: int = 50,
) -> Attribution:
    """Attributes rates to pixels by integrated gradients, from the recording's mean grey.

    The gradient is averaged over the way from grey to the image, at the middle of each step, and
    multiplied by the image. Source: Sundararajan et al. 2017, "Axiomatic attribution for deep
    networks".

    Args:
        model: As of `Neurons`, like `unit_ids`, `columns`, `mouse` and `state`.
        images: Grey values, as of `Neurons.given_images`.
        unit_ids: Which neurons.
        columns: Which neurons.
        mouse: Which mouse.
        state: Where context signals are held.
        steps: Of the integral.

    Raises:
        SensoriumError: If an argument is not possible.
    """
    neurons = Neurons(model, unit_ids, columns=columns, mouse=mouse, state=state)
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
