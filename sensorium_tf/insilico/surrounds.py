"""The surround that excites a neuron most, or least, around a fixed centre."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico import stimuli
from sensorium_tf.insilico.ascent import Ascent, Projection, noise, norms
from sensorium_tf.insilico.chosen import Model
from sensorium_tf.insilico.exciting import (
    ExcitingImages,
    MostExcitingImages,
    ascend_in_batches,
    most_exciting_image,
)
from sensorium_tf.insilico.gaussian_fit import fit_gaussians
from sensorium_tf.insilico.held import State
from sensorium_tf.insilico.maps import local_energy
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import axes, of_neurons

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
    radii: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each neuron's image, with the rate to it and to its centre alone."""
        rates = zip(self.labels, self.rates, self.center_rates, strict=True)
        titles = [f"{name}: {rate:.2f} ({alone:.2f})" for name, rate, alone in rates]
        if self.grey is None:
            return image_panels(self.images, titles)
        return image_panels(self.grey, titles, limits=(0.0, 255.0))


def surround_image(
    model: Model,
    unit_ids: ArrayLike | None = None,
    *,
    columns: ArrayLike | None = None,
    mouse: str | None = None,
    state: State | None = None,
    centers: MostExcitingImages | None = None,
    radius: float | None = None,
    method: str = "norm",
    norm: float | None = None,
    steps: int = 1000,
    sign: int = 1,
    seed: int = 0,
) -> SurroundImages:
    """Optimises what surrounds the middle of each neuron's most exciting image.

    Args:
        model: As of `Neurons`, like the next four.
        unit_ids: Which neurons.
        columns: Which neurons.
        mouse: Which mouse.
        state: Where context signals are held.
        centers: From `most_exciting_image`, of the same neurons; found first if left out, with the
            settings of this function.
        radius: Of the centre, pixels; two standard deviations of the image's energy if left out.
        method: `norm` or `walker2019`, as of `Ascent`.
        norm: Of the surround, as of `Projection`.
        steps: Of the ascent.
        sign: 1 for the most exciting surround, -1 for the most suppressive one.
        seed: Of the noise.

    Raises:
        SensoriumError: If an argument is not possible.
    """
    neurons = Neurons(model, unit_ids, columns=columns, mouse=mouse, state=state)
    if sign not in (1, -1):
        raise SensoriumError(f"sign {sign}: expected 1, or -1 for the most suppressive surround")
    if radius is not None and not radius > 0:
        raise SensoriumError(f"radius {radius}: expected pixels, above 0")
    projection = Projection(neurons, norm)
    if centers is None:
        centers = most_exciting_image(
            model,
            columns=neurons.columns,
            mouse=neurons.mouse,
            state=state,
            method=method,
            norm=norm,
            steps=steps,
            seed=seed,
        )
    elif not np.array_equal(centers.columns, neurons.columns):
        raise SensoriumError("centers: they are of other neurons: find those of the same ones")
    fit = fit_gaussians(local_energy(centers.images))
    variances = np.linalg.eigvalsh(fit.covariances).mean(1)
    radii = _RADIUS * np.sqrt(variances) if radius is None else np.full(len(neurons), float(radius))
    masks = stimuli.discs(neurons.image_shape[:2], fit.places, radii)[..., None]
    middles = centers.images * masks

    def shown(images, index):
        both = tf.gather(middles, index) + (1 - tf.gather(masks, index)) * images
        return tf.clip_by_value(both, *neurons.limits) if neurons.knows_grey else both

    ascent = Ascent(
        neurons,
        projection,
        method=method,
        objective=lambda images, rates: sign * rates,
        shown=shown,
    )
    index = np.arange(len(neurons))
    starts = noise(neurons, 1, seed=seed)[:, 0] * (1 - masks)
    ends = ascend_in_batches(ascent, starts, index, steps=steps, label="surrounds")
    images = shown(tf.constant(ends), index).numpy()
    return SurroundImages(
        **of_neurons(
            neurons, method=method, norm=projection.norm, steps=steps, sign=sign, seed=seed
        ),
        images=images,
        grey=neurons.to_grey(images) if neurons.knows_grey else None,
        rates=neurons.own_rates(images),
        norms=norms(images),
        centers=middles,
        center_rates=neurons.own_rates(middles),
        radii=radii,
    )
