"""Gradient ascent on images or movies of one mean and norm that a display can show."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import keras
import numpy as np
import tensorflow as tf

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.settings import AscentSettings
from sensorium_tf.insilico.smoothing import blur, blur_matrices, over_root_frequency
from sensorium_tf.insilico.tracing import INDEX_SPEC, batches, in_batches, traced

# Images, or frames of movies, that are worked on together.
_BATCH = 128
_ALL = slice(None)
_PROJECTIONS = 10
_TINY = 1e-12
# Standard deviations of blurs at the first and the last step, pixels and frames: of the gradient
# (norm), and of the image (walker2019).
_BLURS = {"norm": (1.0, 0.1), "walker2019": (1.5, 0.01)}
# Length of the first and the last step, shares of the images' norm.
_STEP_LENGTHS = {"norm": (0.5, 0.005), "walker2019": (0.5, 0.1)}
# Contrast that the norm of images is by default, in standard deviations of the training images: of
# 36 x 64 pixels the norm is 12.
_DEFAULT_CONTRAST = 0.25

# Neurons whose objective gains a smaller share than this, from so many steps to the next ones, are
# left alone in the second half of the steps: as the steps' length falls, what is to come is less.
_LEAST_GAIN, _WINDOW = 1e-4, 50

T = TypeVar("T")
#: From images `(images, height, width, channels)`, their rates `(images,)` and which of the
#: neurons each is for, `(images,)`, to what is maximised, `(images,)`.
Objective = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


class Projection:
    """Images, or whole movies, of one mean and norm that a display can show.

    Images are shifted and scaled to mean 0 (the recording's mean grey) and the norm, then clipped
    to grey values 0 to 255, in turns: clipping alone would change the norm. Where no image of the
    norm can be shown, the norm that is reached is smaller.

    Args:
        neurons: Whose images they are; those of a model that knows no grey values are not clipped.
        norm: Euclidean, in the model's units; None for a contrast of a quarter of the training
            images' standard deviation.
        shape: `(frames, height, width, channels)` of movies; that of an image if left out.

    Attributes:
        norm: The norm.
        shape: Of an image or movie.

    Raises:
        SensoriumError: If the norm is not positive, or no image of it can be shown.
    """

    def __init__(self, neurons: Neurons, norm: float | None, shape: tuple[int, ...] | None = None):
        self.shape = neurons.image_shape if shape is None else shape
        if norm is None:
            norm = _DEFAULT_CONTRAST * math.sqrt(math.prod(self.shape))
        if not (norm > 0 and math.isfinite(norm)):
            raise SensoriumError(f"norm {norm}: expected a number above 0")
        self.norm = float(norm)
        self._limits = neurons.limits if neurons.knows_grey else None
        largest = _largest_norm(neurons, self.shape)
        if self.norm > largest:
            raise SensoriumError(
                f"norm {norm:g}: a display shows {neurons.inputs.stimulus}s of at most "
                f"{largest:.4g} around mean grey: give a smaller norm"
            )

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the images projected."""

        def turn(images: tf.Tensor, _: tf.Tensor) -> list[tf.Tensor]:
            images -= _means(images)
            images *= self.norm / (_norms(images) + _TINY)
            if self._limits is None:
                return [images, tf.constant(False)]
            shown = tf.clip_by_value(images, *self._limits)
            return [shown, tf.reduce_any(shown != images)]

        # A loop of TensorFlow's own, for ten turns written out take seconds to trace. It ends when
        # nothing had to be clipped: another turn would change nothing.
        images, _ = tf.while_loop(
            lambda _, was_clipped: was_clipped,
            turn,
            [images, tf.constant(True)],
            maximum_iterations=_PROJECTIONS,
        )
        return images

    def numpy(self, images: np.ndarray) -> np.ndarray:
        """Returns the images projected, float32."""
        images = np.asarray(images, np.float32)
        return in_batches(self, images)


class Ascent:
    """Gradient ascent of one neuron's rate for each image or movie.

    A neuron takes part until all steps are made or, in their second half, until the best objective
    of 50 steps is less than a ten-thousandth above that of the 50 before, for all of its images.

    Args:
        neurons: The neurons.
        projection: What images are kept to.
        settings: Its steps and its method. `norm`: the gradient is blurred, first by a pixel (and a
            frame), at the end hardly: a blur to the end would keep the image from the best one.
            `walker2019`: its power is divided by the frequency, and the image is blurred after each
            step, first by 1.5 pixels (and frames), at the end hardly. After Walker et al. 2019,
            "Inception loops discover what excites neurons most using deep predictive models"; the
            lengths of steps are ours.
        objective: What is maximised; the rate if left out.
        shown: From the images and their neurons to what the neurons see of them; the images as they
            are if left out.
        rate: From images and which of the neurons each is for to the rate of each;
            `Neurons.tensor_own_rates` if left out.
    """

    def __init__(
        self,
        neurons: Neurons,
        projection: Projection,
        settings: AscentSettings,
        *,
        objective: Objective | None = None,
        shown: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
        rate: Callable[[tf.Tensor, tf.Tensor], tf.Tensor] | None = None,
    ):
        self._projection, self._steps = projection, settings.steps
        self._rate = rate or neurons.tensor_own_rates
        self._objective = objective or (lambda images, rates, index: rates)
        self._shown = shown or (lambda images, index: images)
        self._walker = settings.method == "walker2019"
        self._blurs, self._lengths = _BLURS[settings.method], _STEP_LENGTHS[settings.method]
        *self._size, _ = projection.shape
        self._step = traced(
            self._tensor_step,
            tf.TensorSpec((None, *projection.shape), tf.float32),
            INDEX_SPEC,
            tf.TensorSpec((), tf.float32),
            *(tf.TensorSpec((length, length), tf.float32) for length in self._size),
        )

    def __call__(
        self,
        start: np.ndarray,
        index: np.ndarray,
        *,
        label: str,
        group: int = 1,
        numbers: slice = _ALL,
    ) -> np.ndarray:
        """Returns the images after the steps.

        Args:
            start: `(images, height, width, channels)`, or movies.
            index: `(images,)`, which of the neurons each image is for.
            label: Of the progress bars, which terminals show.
            group: So many images, one after another, are worked on together.
            numbers: Which of the steps are made; all if left out.
        """
        n_frames = math.prod(self._size[:-2])  # 1 of an image
        parts = batches(len(start), max(1, _BATCH // n_frames // group) * group)
        ends = [
            self._ends(start[rows], index[rows], numbers, f"{label}, {number} of {len(parts)}")
            for number, rows in enumerate(parts, 1)
        ]
        return np.concatenate(ends)

    def _ends(self, start: np.ndarray, index: np.ndarray, numbers: slice, label: str) -> np.ndarray:
        images = self._projection(tf.constant(start, tf.float32))
        lengths = np.geomspace(*self._lengths, self._steps, dtype=np.float32)
        sigmas = np.linspace(*self._blurs, self._steps)
        ends, left = np.empty(images.shape, np.float32), np.arange(len(index))
        highest = before = np.full(len(index), -np.inf)
        for number in progress(range(self._steps)[numbers], label):
            blurs = blur_matrices(self._size, sigmas[number])
            images, values = self._step(images, index[left], lengths[number], *blurs)
            highest = np.maximum(highest, values)
            if (number + 1) % _WINDOW:
                continue
            if number >= self._steps // 2:
                gaining = highest - before > _LEAST_GAIN * np.abs(highest)
                stays = np.isin(index[left], index[left][gaining])
                ends[left] = images
                images, left, highest = images[stays], left[stays], highest[stays]
                if not len(left):
                    return ends
            before, highest = highest, np.full(len(left), -np.inf)
        ends[left] = images
        return ends

    def _tensor_step(self, images, index, length, *blurs):
        with tf.GradientTape() as tape:
            tape.watch(images)
            rates = self._rate(self._shown(images, index), index)
            objective = self._objective(images, rates, index)
        gradient = tape.gradient(objective, images)
        gradient = over_root_frequency(gradient) if self._walker else blur(gradient, blurs)
        # What a shift in brightness would gain is projected away.
        gradient -= _means(gradient)
        images += length * self._projection.norm * gradient / (_norms(gradient) + _TINY)
        images = self._projection(blur(images, blurs) if self._walker else images)
        return images, objective


def signed(sign: int) -> Objective:
    """Returns the objective of the most exciting images, or for -1 of the least exciting ones.

    Raises:
        SensoriumError: If the sign is neither 1 nor -1.
    """
    if sign not in (1, -1):
        raise SensoriumError(f"sign {sign}: expected 1, or -1 for the least exciting")
    return lambda images, rates, index: sign * rates


def noise(
    neurons: Neurons, n_images: int, *, seed: int, shape: tuple[int, ...] | None = None
) -> np.ndarray:
    """Returns white noise to start from.

    Args:
        neurons: Whose images they are.
        n_images: How many.
        seed: A neuron's noise depends on the seed and its column alone, not on the other neurons.
        shape: As of `Projection`.

    Returns:
        `(neurons, n_images, height, width, channels)` float32, or movies.
    """
    shape = (n_images, *(neurons.image_shape if shape is None else shape))
    draws = (np.random.default_rng([seed, column]) for column in neurons.columns)
    return np.stack([draw.standard_normal(shape, np.float32) for draw in draws])


def progress(numbers: Sequence[T], label: str) -> Iterator[T]:
    """Yields some steps, such as their numbers; terminals show a bar."""
    bar = None
    if sys.stderr.isatty() and sys.stdout.isatty():
        print(label)
        bar = keras.utils.Progbar(len(numbers), interval=0.5)
    for made, number in enumerate(numbers, 1):
        yield number
        if bar is not None:
            bar.update(made)


def check_steps(steps: int, name: str = "steps") -> None:
    """Raises SensoriumError unless a number of steps is one."""
    if type(steps) is not int or steps < 1:
        raise SensoriumError(f"{name} {steps!r}: expected a whole number of at least 1")


def norms(images: np.ndarray) -> np.ndarray:
    """Returns the Euclidean norm `(images,)` of each image."""
    return np.linalg.norm(images.reshape(len(images), -1), axis=1)


def correlations(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the correlation of the pixels of each image with those of another, `(images,)`."""
    first, second = (each.reshape(len(each), -1).astype(np.float64) for each in (images, others))
    first, second = (each - each.mean(1, keepdims=True) for each in (first, second))
    scale = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return np.einsum("np,np->n", first, second) / np.maximum(scale, _TINY)


def _norms(images: tf.Tensor) -> tf.Tensor:
    return tf.sqrt(tf.reduce_sum(images**2, range(1, len(images.shape)), keepdims=True))


def _means(images: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(images, range(1, len(images.shape)), keepdims=True)


def _largest_norm(neurons: Neurons, shape: tuple[int, ...]) -> float:
    """Returns the norm of an image of pixels that are black or white, whose mean is 0."""
    if not neurons.knows_grey:
        return math.inf
    dark, bright = neurons.limits
    return math.sqrt(math.prod(shape) * max(0.0, -dark * bright))
