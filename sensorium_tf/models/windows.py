"""The rate of one neuron to each image or movie, computed from the patch that it sees.

A readout that reads the feature map at one point needs four of its pixels. Where the core is a
chain of convolutions, these depend on a patch of the image alone, which shrinks with every
convolution: for the published CNN that is a tenth of the work of whole maps, for that of movies a
fiftieth.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import keras
from keras import ops

from sensorium_tf.models.model import FiringRateModel
from sensorium_tf.models.ops.firing_rate import firing_rate
from sensorium_tf.models.ops.frames import clips_of, flat_frames
from sensorium_tf.models.ops.temporal import TemporalConvolution
from sensorium_tf.models.ops.unpadded import is_convolution, unpadded
from sensorium_tf.models.part import PartBase

_AXES = (0, 1)  # rows and columns


# The methods by which a part computes.
_COMPUTES = ("call", "levels")


class WindowedRates:
    """Rates of a mouse's neurons, one neuron an image or movie, in evaluation.

    They are those of the whole model but for rounding; of movies whose extras are the same in all
    frames, as the last ones count. `of` says for which models there are any.

    Args:
        model: Whose core is a chain of layers.
        mouse: One whose readout reads points.

    Call arguments:
        signals: What the model is given of the mouse: `{"image": (batch, height, width, channels)}`
            and extras; of movies `{"video": (batch, frames, height, width, channels)}`.
        neurons: `(batch,)`, which neuron, by its column of the rates, each image is for.

    Returns:
        Rates `(batch,)`; of movies `(batch, frames - lost_frames)`.
    """

    def __init__(self, model: FiringRateModel, mouse: str):
        self._readout = model.readouts[mouse]
        self._shifter = model.shifters.get(mouse)
        self._modulator = model.modulators.get(mouse)
        self._nonlinearity = model.nonlinearities.get(mouse)
        self._stimulus, self._time = model.inputs.stimulus, model.inputs.time
        self._image_size = model.image_shape[:2]
        self._steps, self._map_size = _steps(model.core.chain(), self._image_size)

    @classmethod
    def of(cls, model: FiringRateModel, mouse: str) -> Self | None:
        """Returns the rates of a mouse's neurons, or None if these need whole images.

        That is where the core is no chain of layers, the readout reads elsewhere than at a point,
        the modulator mixes neurons, or the patch is no smaller than the image.
        """
        readout, modulator = model.readouts[mouse], model.modulators.get(mouse)
        is_chain = _is_of_its_call(model.core, "chain") and model.core.chain() is not None
        reads_points = _is_of_its_call(readout, "reads_points") and readout.reads_points
        if not (is_chain and reads_points):
            return None
        if modulator is not None and not (
            _is_of_its_call(modulator, "neuron_by_neuron") and modulator.neuron_by_neuron
        ):
            return None
        found = cls(model, mouse)
        height, width = found.patch_size
        return found if height * width < found._image_size[0] * found._image_size[1] else None

    @property
    def patch_size(self) -> tuple[int, int]:
        """Height and width of the patch of the image that a neuron sees."""
        return self._steps[0].size if self._steps else (2, 2)

    def __call__(self, signals: Mapping[str, Any], neurons: Any) -> Any:
        """Computes the rates; see the class."""
        if self._time:
            signals = {
                name: each if name == self._stimulus else each[:, -1]
                for name, each in signals.items()
            }
        shift = None if self._shifter is None else self._shifter(signals[self._shifter.signal])
        points = self._readout.points(neurons, shift=shift)
        corners, shares = zip(*(self._between(points, axis) for axis in _AXES), strict=True)
        pixels = self._features(signals[self._stimulus], corners)
        rows, columns = (ops.stack([1 - share, share], axis=1) for share in shares)
        samples = ops.einsum("nr,n...rkc,nk->n...c", rows, ops.cast(pixels, rows.dtype), columns)
        samples = ops.cast(samples, pixels.dtype)
        if not self._time:
            return self._rates(samples, neurons, signals)
        n_frames = ops.shape(samples)[1]
        # What follows the core is of frames, each as an image.
        neurons, signals = keras.tree.map_structure(
            lambda each: ops.repeat(each, n_frames, axis=0),
            (neurons, {name: each for name, each in signals.items() if name != self._stimulus}),
        )
        return clips_of(self._rates(flat_frames(samples), neurons, signals), samples)

    def _rates(self, samples, neurons, signals: Mapping[str, Any]):
        """Returns the rates `(rows,)` of the features `(rows, channels)` where neurons look."""
        drives = self._readout.read_points(samples, neurons)
        if self._nonlinearity is None:
            rates = firing_rate(drives)
        else:
            rates = self._of_neurons(self._nonlinearity, drives, neurons)
        if self._modulator is None:
            return rates
        given = {name: signals[name] for name in self._modulator.inputs}
        return self._of_neurons(self._modulator, rates, neurons, given)

    def _between(self, points, axis: int):
        """Returns the first of the two pixels around each point, and the share of the second."""
        size = self._map_size[axis]
        # Points are (x, y); a sample fades to nothing within a pixel outside of the map.
        place = ops.clip((points[:, 1 - axis] + 1) * (0.5 * (size - 1)), -1, size)
        first = ops.minimum(ops.floor(ops.stop_gradient(place)), size - 1)
        return ops.cast(first, "int32"), place - first

    def _features(self, images, corners: Sequence):
        """Returns the four pixels of the map from each corner on, `(batch, 2, 2, channels)`."""
        origins = [corners]
        for step in reversed(self._steps):
            origins.append([step.first_input(origins[-1][axis], axis) for axis in _AXES])
        start, *origins = reversed(origins)
        features = _patches(images, start, self.patch_size)
        for step, origin in zip(self._steps, (start, *origins), strict=False):
            if step.is_padded:
                features = _outside_is_zero(features, origin, step.map_size)
            features = step.apply(features)
        return _outside_is_zero(features, corners, self._map_size)

    def _of_neurons(self, part, values, neurons, *given):
        """Returns what a part of all neurons makes of the value `(batch,)` of one neuron each."""
        own = ops.one_hot(neurons, self._readout.n_neurons, dtype=values.dtype)
        return ops.sum(own * part(own * values[:, None], *given), axis=1)


class _Step(NamedTuple):
    """A layer of the chain, and the patch that it is given."""

    layer: Callable
    kernel: tuple[int, int]
    strides: tuple[int, int]
    before: tuple[int, int]  # zeros that it puts in front of rows and columns
    after: tuple[int, int]
    map_size: tuple[int, int]  # of its input
    size: tuple[int, int] = (0, 0)  # of the patch

    @property
    def is_padded(self) -> bool:
        return any((*self.before, *self.after))

    def first_input(self, origin, axis: int):
        return origin * self.strides[axis] - self.before[axis]

    def apply(self, features):
        if len(features.shape) == 5 and not isinstance(self.layer, TemporalConvolution):
            return clips_of(self.apply(flat_frames(features)), features)
        if is_convolution(self.layer):
            return unpadded(self.layer, features)
        features = self.layer(features)
        if not self.is_padded:
            return features
        # At its edge the layer saw zeros where the map goes on.
        (top, left), (bottom, right) = self.before, self.after
        height, width = features.shape[1:3]
        return features[:, top : height - bottom, left : width - right]


def _is_of_its_call(part: PartBase, hook: str) -> bool:
    """Tells whether what a class says by a hook is said of its `call`, not of its base's."""
    owner = next(each for each in type(part).__mro__ if hook in vars(each))
    same = (getattr(owner, name, None) is getattr(type(part), name, None) for name in _COMPUTES)
    return all(same)


def _steps(chain: Sequence[Callable], size: tuple[int, int]) -> tuple[list[_Step], tuple[int, int]]:
    """Returns a chain's steps for four pixels of its map, and the size of that."""
    steps = []
    for layer in chain:
        is_in_time = isinstance(layer, TemporalConvolution)
        kernel = (1, 1) if is_in_time else tuple(getattr(layer, "kernel_size", (1, 1)))
        strides = tuple(getattr(layer, "strides", (1, 1)))
        padded = getattr(layer, "padding", "valid") == "same"
        before = tuple((each - 1) // 2 if padded else 0 for each in kernel)
        after = tuple(each // 2 if padded else 0 for each in kernel)
        steps.append(_Step(layer, kernel, strides, before, after, size))
        size = tuple((size[a] + before[a] + after[a] - kernel[a]) // strides[a] + 1 for a in _AXES)
    needed = (2, 2)
    for number in reversed(range(len(steps))):
        step = steps[number]
        needed = tuple((needed[a] - 1) * step.strides[a] + step.kernel[a] for a in _AXES)
        steps[number] = step._replace(size=needed)
    return steps, size


def _patches(images, origin: Sequence, size: tuple[int, int]):
    """Cuts a patch of each image, `(batch, *size, channels)`; it is zero outside of the image.

    Those of movies are the same in all frames, `(batch, frames, *size, channels)`.
    """
    # By products with ones and zeros, whose gradients are fast, unlike gathering's.
    rows, columns = (
        ops.one_hot(_indices(origin[axis], size[axis]), images.shape[axis - 3], dtype=images.dtype)
        for axis in _AXES
    )
    return ops.einsum("nir,n...rkc,njk->n...ijc", rows, images, columns)


def _outside_is_zero(features, origin: Sequence, map_size: tuple[int, int]):
    """Sets to zero what a patch has outside of the map, as padding does."""
    rows, columns = (
        ops.cast((each >= 0) & (each < map_size[axis]), features.dtype)
        for axis in _AXES
        for each in [_indices(origin[axis], features.shape[axis - 3])]
    )
    inside = (rows[:, :, None] * columns[:, None, :])[..., None]
    return features * (inside[:, None] if len(features.shape) == 5 else inside)


def _indices(origin, size: int):
    return origin[:, None] + ops.arange(size, dtype="int32")
