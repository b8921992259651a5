"""Where neurons look, and for what: gradients of their rates, and spike-triggered averages."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.gaussian_fit import fit_gaussians
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.tracing import batches

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_AT = ("grey", "natural")
_OF = ("rates", "responses")
_FITTED_AT_ONCE = 64


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class ReceptiveFieldMaps(Result):
    """Receptive fields of some neurons.

    Attributes:
        fields: `(neurons, height, width, channels)`, how much a neuron's rate changes with each
            pixel, for a change of one standard deviation of the images.
        energy: `(neurons, height, width)`, `local_energy` of the field at each image, mean over
            images; where fields change sign from image to image, as a complex cell's do, their mean
            vanishes, this does not.
        places: `(neurons, 2)`, column and row of the centre of the Gaussian that fits the energy.
        sizes: `(neurons, 2)`, standard deviations of the field along its longer and shorter axis,
            pixels: those of the fitted Gaussian times the square root of 2, for the energy of a
            Gaussian envelope is narrower by that.
        explained: `(neurons,)`, share of the energy's variance that the Gaussian explains.
    """

    fields: np.ndarray = axes("neurons height width channels")
    energy: np.ndarray = axes("neurons height width")
    places: np.ndarray = axes("neurons 2", is_length=True)
    sizes: np.ndarray = axes("neurons 2", is_length=True)
    explained: np.ndarray = axes("neurons")

    def figure(self) -> "Figure":
        """Returns a figure of each field and its fitted centre."""
        in_pixels = self.length_unit == "pixels"
        return image_panels(self.fields, self.labels, places=self.places if in_pixels else None)


@experiment()
def receptive_fields(
    neurons: Neurons,
    *,
    at: str = "grey",
    images: ArrayLike | None = None,
    n_images: int = 100,
    seed: int = 0,
) -> ReceptiveFieldMaps:
    """Returns the gradients of the neurons' rates with respect to the image.

    A linear-nonlinear neuron has the same field, up to scale, at every image. Complex cells have
    none at grey: look at them at natural images, where the energy shows their place.

    Args:
        at: `grey`, or `natural` for the mean over images.
        images: Grey values at which the gradient is taken, as of `Neurons.given_images`; some of
            the training images if left out. For `at="natural"` alone.
        n_images: At most so many of the images are used, drawn by `seed`.
        seed: Of the draw.
    """
    if at not in _AT:
        raise SensoriumError(f"at {at!r}: {hint(at, _AT)}")
    if at == "grey":
        if images is not None:
            raise SensoriumError("images: of no use at grey: say at='natural'")
        shown = np.zeros((1, *neurons.image_shape), np.float32)
    else:
        shown = neurons.given_images(images)
        if len(shown) > n_images:
            order = np.random.default_rng(seed).permutation(len(shown))
            shown = shown[np.sort(order[:n_images])]
    fields = np.zeros((len(neurons), *neurons.image_shape), np.float32)
    energy = np.zeros(fields.shape[:3], np.float32)
    # Each pair of an image and a neuron is one image of a batch.
    n_pairs = len(neurons) * len(shown)
    for rows in batches(n_pairs):
        neuron, image = np.divmod(np.arange(rows.start, rows.stop), len(shown))
        gradients = neurons.gradients(shown[image], neuron)
        np.add.at(fields, neuron, gradients / len(shown))
        np.add.at(energy, neuron, local_energy(gradients) / len(shown))
    return _maps(neurons, fields, energy, at=at, n_images=len(shown), seed=seed)


@experiment()
def triggered_averages(
    neurons: Neurons,
    *,
    of: str = "rates",
    images: ArrayLike | None = None,
    ridge: float = 1.0,
) -> ReceptiveFieldMaps:
    """Returns the ridge-whitened average of the images, weighted by rates or responses.

    Args:
        of: `rates` of the model, or the recorded `responses` to the training images.
        images: Grey values for `rates`, as of `Neurons.given_images`; the training images if left
            out.
        ridge: As of `whitened_average`.
    """
    if of not in _OF:
        raise SensoriumError(f"of {of!r}: {hint(of, _OF)}")
    if of == "responses":
        if images is not None:
            raise SensoriumError("images: recorded responses are to the training images alone")
        trials = neurons.recording.trials("train")
        shown, answers = trials.images, trials.responses[:, neurons.columns]
    else:
        shown = neurons.given_images(images)
        answers = neurons.rates(shown)
    fields = whitened_average(shown, answers, ridge=ridge)
    return _maps(neurons, fields, local_energy(fields), of=of, n_images=len(shown), ridge=ridge)


def whitened_average(images: np.ndarray, responses: np.ndarray, *, ridge: float) -> np.ndarray:
    """Returns the ridge regression of responses on images.

    That is `(C + ridge * m I)^-1 s`, where `C` is the covariance of the images' pixels, `m` the
    mean of its diagonal, and `s` the spike-triggered average: the covariance of pixels and
    responses.

    Args:
        images: `(images, height, width, channels)`.
        responses: `(images, neurons)`.
        ridge: Strength of the regularisation, more than 0.

    Returns:
        `(neurons, height, width, channels)` float32.

    Raises:
        SensoriumError: If the ridge is not positive, or there are fewer than two images.
    """
    if not ridge > 0:
        raise SensoriumError(f"ridge {ridge}: expected a number above 0")
    if len(images) < 2:
        raise SensoriumError("a spike-triggered average needs two images or more")
    pixels = images.reshape(len(images), -1).astype(np.float64)
    pixels -= pixels.mean(0)
    centred = responses - responses.mean(0, dtype=np.float64)
    covariance = pixels.T @ pixels / len(pixels)
    diagonal = np.einsum("ii->i", covariance)  # a view
    diagonal += ridge * diagonal.mean() + np.finfo(np.float64).tiny
    weights = np.linalg.solve(covariance, pixels.T @ centred / len(pixels))
    return weights.T.reshape(-1, *images.shape[1:]).astype(np.float32)


def local_energy(fields: np.ndarray) -> np.ndarray:
    """Returns where fields are strong, without their bright and dark stripes.

    That is half the squared amplitude of the monogenic signal: a Gabor filter's square, and that of
    its partner in quadrature. Source: Felsberg and Sommer 2001, "The monogenic signal".

    Args:
        fields: `(fields, height, width, channels)`.

    Returns:
        `(fields, height, width)` float32, mean over the channels.
    """
    height, width = fields.shape[1:3]
    # Padded, so that what leaves on one side does not come in on the other.
    rows, columns = np.fft.fftfreq(2 * height)[:, None], np.fft.rfftfreq(2 * width)[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(fields, (2 * height, 2 * width), axes=(1, 2))
    squares = fields.astype(np.float64) ** 2
    for axis in (rows, columns):
        turned = spectrum * (-1j * axis / frequency)[None, :, :, None]
        squares += np.fft.irfft2(turned, axes=(1, 2))[:, :height, :width] ** 2
    return (squares.mean(-1) / 2).astype(np.float32)


def _maps(neurons: Neurons, fields, energy, **settings) -> ReceptiveFieldMaps:
    parts = [fit_gaussians(energy[rows]) for rows in batches(len(energy), _FITTED_AT_ONCE)]
    places, covariances, explained = (np.concatenate(each) for each in zip(*parts, strict=True))
    variances = np.linalg.eigvalsh(covariances)[:, ::-1]
    return ReceptiveFieldMaps(
        **of_neurons(neurons, **settings),
        fields=fields,
        energy=energy,
        places=places,
        sizes=np.sqrt(2 * np.maximum(variances, 0)),
        explained=explained,
    )
