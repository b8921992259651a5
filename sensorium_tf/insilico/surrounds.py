"""The surround that excites a neuron most, or least, around a fixed centre."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.ascent import Ascent, Projection, noise, signed
from sensorium_tf.insilico.exciting import (
    ExcitingImages,
    MostExcitingImages,
    most_exciting_image,
    of_ascent,
    shown_images,
)
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.gaussian_fit import fit_gaussians
from sensorium_tf.insilico.maps import local_energy
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.settings import AscentSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of the centre, in standard deviations of the energy of the image that excites most.
_RADIUS = 2.0


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class SurroundImages(ExcitingImages):
    """Each neuron's centre with its optimised surround; `norms` are those of both together.

    Attributes:
        centers: `(neurons, height, width, channels)`, the centre alone on grey, model's units.
        center_rates: `(neurons,)`, rates to these.
        radii: `(neurons,)`, of the centres, pixels.
    """

    centers: np.ndarray = axes("neurons height width channels")
    center_rates: np.ndarray = axes("neurons")
    radii: np.ndarray = axes("neurons", is_length=True)

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's image, with the rate to it and to its centre alone."""
        rates = zip(self.labels, self.rates, self.center_rates, strict=True)
        titles = [f"{name}: {rate:.2f} ({alone:.2f})" for name, rate, alone in rates]
        if self.grey is None:
            return image_panels(self.images, titles)
        return image_panels(self.grey, titles, limits=(0.0, 255.0))


@experiment(AscentSettings)
def surround_image(
    neurons: Neurons,
    settings: AscentSettings,
    *,
    centers: MostExcitingImages | None = None,
    radius: float | None = None,
    sign: int = 1,
) -> SurroundImages:
    """Optimises what surrounds the middle of each neuron's most exciting image.

    Args:
        centers: From `most_exciting_image`, of the same neurons; found first if left out, with the
            settings of this function.
        radius: Of the centre, pixels; two standard deviations of the image's energy if left out.
        sign: 1 for the most exciting surround, -1 for the most suppressive one.
    """
    objective = signed(sign)
    if radius is not None and not radius > 0:
        raise SensoriumError(f"radius {radius}: expected pixels, above 0")
    projection = Projection(neurons, settings.norm)
    if centers is None:
        centers = most_exciting_image(neurons, **settings.to_json())
    centers.check_neurons(neurons, "centers")
    fit = fit_gaussians(local_energy(centers.images))
    variances = np.linalg.eigvalsh(fit.covariances).mean(1)
    radii = _RADIUS * np.sqrt(variances) if radius is None else np.full(len(neurons), float(radius))
    masks = stimuli.discs(neurons.image_shape[:2], fit.places, radii)[..., None]
    middles = centers.images * masks

    def shown(images, index):
        both = tf.gather(middles, index) + (1 - tf.gather(masks, index)) * images
        return tf.clip_by_value(both, *neurons.limits) if neurons.knows_grey else both

    ascent = Ascent(neurons, projection, settings, objective=objective, shown=shown)
    index = np.arange(len(neurons))
    starts = noise(neurons, 1, seed=settings.seed)[:, 0] * (1 - masks)
    images = shown(tf.constant(ascent(starts, index, label="surrounds")), index).numpy()
    return SurroundImages(
        **of_ascent(neurons, settings, projection, sign=sign),
        **shown_images(neurons, images),
        centers=middles,
        center_rates=neurons.own_rates(middles),
        radii=radii,
    )
