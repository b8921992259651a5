"""Images from a population's responses, by inverting the model."""

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.tables import Table
from sensorium_tf.insilico.ascent import check_steps, correlations, progress
from sensorium_tf.insilico.experiment import experiment
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.panels import image_panels
from sensorium_tf.insilico.results import Result, of_neurons
from sensorium_tf.insilico.saved import axes
from sensorium_tf.insilico.tracing import batches, traced

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BATCH = 32
_LEARNING_RATE = 0.05
_DECAYS = (0.9, 0.999)  # of Adam's means
_SMALLEST_RATE = 1e-6


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Reconstructions(Result):
    """Images that explain a population's responses.

    Attributes:
        images: `(trials, height, width, channels)` in the model's units.
        losses: `(trials,)`, mean Poisson loss per neuron that is left.
        shown: The images that were shown, like `images`; None where they are not known.
    """

    images: np.ndarray = axes("trials height width channels")
    losses: np.ndarray = axes("trials")
    shown: np.ndarray | None = axes("trials height width channels", optional=True)

    @property
    def correlations(self) -> np.ndarray:
        """Correlation `(trials,)` of the pixels with those that were shown; NaN if not known."""
        if self.shown is None:
            return np.full(len(self.images), np.nan)
        return correlations(self.images, self.shown)

    def rows(self) -> Table:
        """Returns, for each trial, its loss and its correlation with what was shown."""
        pairs = zip(self.losses, self.correlations, strict=True)
        return Table({"loss": float(loss), "correlation": float(r)} for loss, r in pairs)

    def figure(self) -> "Figure":
        """Returns a figure of the images, each after the one that was shown where it is known."""
        if self.shown is None:
            return image_panels(self.images, [f"loss {each:.3f}" for each in self.losses])
        pairs = np.stack([self.shown, self.images], axis=1).reshape(-1, *self.images.shape[1:])
        titles = [text for r in self.correlations for text in ("shown", f"found: r {r:.2f}")]
        return image_panels(pairs, titles, columns=4)


@experiment()
def reconstruct(
    neurons: Neurons,
    responses: ArrayLike,
    *,
    images: ArrayLike | None = None,
    steps: int = 500,
    prior: float = 1.0,
) -> Reconstructions:
    """Finds, for each trial, the likeliest image given the neurons' responses.

    The Poisson loss of the responses is lowered by gradient descent (Adam) from the recording's
    mean grey, under a Gaussian prior whose power falls as natural images' does, with the squared
    frequency.

    Args:
        responses: `(trials, neurons)`, of these neurons in this order, in units of their standard
            deviation, as `Trials.responses` are.
        images: Those that were shown in the trials, grey values as of `Neurons.given_images`, to
            be kept beside what is found; they have no part in it.
        steps: Of the descent.
        prior: Strength of the prior, 0 or more. More is better for noisier responses: the likeliest
            image of those that are not sure is grey. Choose it on trials that are not scored.
    """
    check_steps(steps)
    responses = np.asarray(responses, np.float32)
    if responses.ndim != 2 or responses.shape[1] != len(neurons) or not len(responses):
        raise SensoriumError(
            f"responses: expected (trials, {len(neurons)}). Received: {responses.shape}"
        )
    if not np.isfinite(responses).all() or (responses < 0).any():
        raise SensoriumError("responses: expected finite numbers of 0 or more")
    if not prior >= 0:
        raise SensoriumError(f"prior {prior}: expected a number of 0 or more")
    shown = None if images is None else neurons.given_images(images)
    if shown is not None and len(shown) != len(responses):
        raise SensoriumError(f"images: {len(shown)} for {len(responses)} trials: give one a trial")
    parts = batches(len(responses), _BATCH)
    found = [
        _inverted(neurons, responses[rows], steps, prior, f"images, {number} of {len(parts)}")
        for number, rows in enumerate(parts, 1)
    ]
    images = np.concatenate(found)
    rates = np.maximum(neurons.rates(images), _SMALLEST_RATE)
    return Reconstructions(
        **of_neurons(neurons, steps=steps, prior=prior),
        images=images,
        shown=shown,
        losses=np.mean(rates - responses * np.log(rates), axis=1),
    )


def _inverted(neurons: Neurons, responses: np.ndarray, steps: int, prior: float, label: str):
    """Returns the images `(trials, height, width, channels)` of some trials."""
    height, width, n_channels = neurons.image_shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = frequency[frequency > 0].min()
    # White noise filtered so has the images' spectrum, and a variance of 1.
    spectrum = 1 / frequency
    spectrum = (spectrum / np.sqrt(np.mean(spectrum**2))).astype(np.complex64)

    def images_of(codes):
        filtered = tf.signal.irfft2d(tf.signal.rfft2d(codes) * spectrum, (height, width))
        return tf.transpose(filtered, (0, 2, 3, 1))

    def gradients(codes):
        with tf.GradientTape() as tape:
            tape.watch(codes)
            rates = tf.maximum(neurons.tensor_rates(images_of(codes)), _SMALLEST_RATE)
            loss = tf.reduce_sum(rates - responses * tf.math.log(rates))
            loss += prior / 2 * tf.reduce_sum(codes**2)
        return tape.gradient(loss, codes)

    shape = (len(responses), n_channels, height, width)
    evaluate = traced(gradients, tf.TensorSpec(shape, tf.float32))
    codes = mean = square = np.zeros(shape, np.float32)
    for number in progress(range(steps), label):
        gradient = evaluate(codes).numpy()
        mean = _DECAYS[0] * mean + (1 - _DECAYS[0]) * gradient
        square = _DECAYS[1] * square + (1 - _DECAYS[1]) * gradient**2
        unbiased = [1 - decay ** (number + 1) for decay in _DECAYS]
        step = mean / unbiased[0] / (np.sqrt(square / unbiased[1]) + 1e-8)
        codes = (codes - _LEARNING_RATE * (1 - number / steps) * step).astype(np.float32)
    return images_of(tf.constant(codes)).numpy()
