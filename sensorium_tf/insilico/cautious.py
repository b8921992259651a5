"""Exciting images that stay near the best Gabor patch, for those who have one network or few."""

import dataclasses

import numpy as np

from sensorium_tf.insilico.ascent import Ascent, Projection, check_steps
from sensorium_tf.insilico.exciting import ExcitingImages, shown_images
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.gabors import BestGabors, best_gabor
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.results import of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.settings import AscentSettings


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class CautiousImages(ExcitingImages):
    """An image near each neuron's best Gabor patch that excites it more than the patch.

    Attributes:
        gabor_rates: `(neurons,)`, rates to the patches at the images' norm.
    """

    gabor_rates: np.ndarray = axes("neurons")


@experiment()
def cautious_exciting_image(
    neurons: Neurons,
    *,
    gabors: BestGabors | None = None,
    norm: float | None = None,
    steps: int = 10,
) -> CautiousImages:
    """Goes a few small steps up from each neuron's best Gabor patch.

    What a network gains on its first steps from the patch, another network gains too; what it
    gains further on is in part its own error. The images are a little less exciting than
    `most_exciting_image`'s, and more often better than the patch in another network's judgement
    (docs/insilico.md has the numbers).

    Args:
        gabors: From `best_gabor`, of the same neurons; found first if left out.
        norm: Of the images, as of `most_exciting_image`.
        steps: More lead further away: 10 by at most 0.2 times the norm.
    """
    check_steps(steps)
    projection = Projection(neurons, norm)
    if gabors is None:
        gabors = best_gabor(neurons, norm=norm)
    gabors.check_neurons(neurons, "gabors")
    # Steps of the second half are small, and their gradient is hardly blurred.
    ascent = Ascent(neurons, projection, AscentSettings(steps=2 * steps))
    start = projection.numpy(gabors.images)
    label, index = "images near Gabor patches", np.arange(len(neurons))
    images = ascent(start, index, label=label, numbers=slice(steps, None))
    return CautiousImages(
        **of_neurons(neurons, norm=projection.norm, steps=steps),
        **shown_images(neurons, images),
        gabor_rates=neurons.own_rates(start),
    )
