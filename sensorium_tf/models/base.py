"""What cores, readouts, shifters and modulators are: what they are called with, and give."""

from typing import Any, ClassVar

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.part import PartBase, PartOfNeurons


class CoreBase(PartBase):
    """From images, or movies, to features; all mice of a model share it.

    Call arguments:
        images: `(batch, height, width, channels)`; of a core of movies `(batch, frames, height,
            width, channels)`.
        signals: Name of each of `inputs` to its values `(batch, columns)`, or `(batch, frames,
            columns)`; a core without has no such argument.
        training: Whether to normalise by the batch's own statistics.

    Returns:
        Features `(batch, rows, columns, channels)`; of movies `(batch, frames - lost_frames, rows,
        columns, channels)`, the last of which are those of the last frame.
    """

    penalty_label = "core"
    #: Whether it takes movies; if not, images.
    takes_movies: ClassVar[bool] = False
    #: About how long a training step takes beside the published core's, with the readout that goes
    #: with it: a training with a time shares that out so.
    step_cost: ClassVar[float] = 1.0
    #: Whether training changes weights of it: without, mice share nothing that one could pre-train.
    is_trained: ClassVar[bool] = True
    #: How many frames at the beginning of a movie get no features.
    lost_frames: int = 0
    #: The signals that it is given beside the images.
    inputs: ClassVar[tuple[str, ...]] = ()
    #: At how many orientations each feature is there: channel `r * features + c` is feature c at
    #: orientation r. 1 where channels have no such order.
    n_orientations: int = 1
    #: How many of the last channels are contrasts, beside an image in the first one; else 0.
    n_contrasts: int = 0
    _signals_shape = None

    def build(self, images_shape, signals_shape=None):
        """Makes all weights, by a symbolic call unless a subclass makes them itself.

        Args:
            images_shape: `(batch, height, width, channels)`.
            signals_shape: Name of each of `inputs` to its shape; None without.
        """
        self._signals_shape = signals_shape
        self._features_of(images_shape)

    def _features_of(self, images_shape):
        shapes = [images_shape, *([self._signals_shape] if self._signals_shape else [])]
        shapes = keras.tree.map_shape_structure(self.some_frames, shapes)
        return self._trace(*keras.tree.map_shape_structure(keras.KerasTensor, shapes))

    def some_frames(self, shape):
        """Returns a shape with as many frames as get one map, if the core takes movies.

        Not every backend can tell what becomes of any number of frames.

        Args:
            shape: `(batch, frames, ...)`, or of images.
        """
        return (shape[0], self.lost_frames + 1, *shape[2:]) if self.takes_movies else shape

    def call(self, images, training=None):
        """Extracts the features; a core says how."""
        raise _not_there(self, "call(images, training=None)")

    def levels(self, images, **given):
        """Returns the outputs of the core's blocks, for readouts that read several of them.

        Args:
            images: As of `call`.
            **given: The other arguments of `call`.

        Returns:
            Feature maps of the same field of view, first to last; the last is what `call` returns,
            and alone in it unless a core says otherwise. Of movies all of them end with the clip.
        """
        return [self(images, **given)]

    def compute_output_shape(self, input_shape):
        """Returns the shape of the features, by a symbolic call unless a core knows it."""
        features = self._features_of((None, *input_shape[1:]))
        if not self.takes_movies:
            return (input_shape[0], *features.shape[1:])
        batch, frames = input_shape[:2]
        frames = None if frames is None else frames - self.lost_frames
        return (batch, frames, *features.shape[2:])

    @property
    def frame_core(self) -> "CoreBase | None":
        """Of a core of movies, the core of images by which it sees each frame; None without."""
        return None

    def chain(self):
        """Returns the layers that a call in evaluation applies one after another.

        A layer either treats every pixel by itself, or is a convolution with `kernel_size`,
        `strides` (1 if it is padded) and `padding`. From them the features of a few pixels are
        computed without the others. Of movies a layer treats every frame by itself, or is a
        `TemporalConvolution`. `None` where a core is no such chain.
        """
        return None

    def first_layer(self):
        """Returns the kernels that see the image, for figures; `None` where there are none.

        Returns:
            `(height, width, channels, kernels)` array.
        """
        return None


class ReadoutBase(PartOfNeurons):
    """From features to the drives of one mouse's neurons; rates are `elu(drive) + 1`.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: As of `PartBase`.

    Call arguments:
        features: `(batch, height, width, channels)`, the core's; a list of such maps, the core's
            levels, where the readout takes them.
        shift: `(batch, 2)`, the shifter's; `None` without one.
        training: Whether to draw what is drawn in training.

    Returns:
        Drives `(batch, n_neurons)`.
    """

    penalty_label = "readout"
    #: Whether `call` can move its positions by `shift`; without, a model has no shifter.
    takes_shift: ClassVar[bool] = False
    #: Whether `call` and `build` are given all levels of the core, not its last one alone.
    takes_levels: ClassVar[bool] = False
    #: As many orientations as the core's features must be at; 1 where that does not matter. If it
    #: does, `Config` has a setting of this name, which is the core's unless somebody gives it.
    n_orientations: int = 1
    #: As many contrasts as the core's map must hold, in the same way; 0 where it may be any.
    n_contrasts: int = 0
    #: Whether training starts from a map of the receptive fields: by `set_receptive_fields`.
    maps_fields: ClassVar[bool] = False
    #: `(n_neurons,)` weight that is added to the drives; `None` without.
    bias = None
    #: `(n_neurons, 2)` normalised places in cortex, by which neurons are known; `None` without.
    coordinates = None
    #: Whether each neuron, in evaluation, reads the map at one point: by `points`, `read_points`.
    reads_points: ClassVar[bool] = False

    def call(self, features, shift=None, training=None):
        """Reads the drives; a readout says how."""
        raise _not_there(self, "call(features, shift=None, training=None)")

    def set_coordinates(self, cell_motor_coordinates) -> None:
        """Tells where the neurons lie in cortex; does nothing unless a readout uses it.

        Args:
            cell_motor_coordinates: `(n_neurons, 2 or 3)`, micrometres.
        """

    def set_mean_drives(self, means) -> None:
        """Makes the drives start at these means: of a readout with a `bias`, by that.

        Args:
            means: `(n_neurons,)`, drives whose rates are the neurons' mean responses.
        """
        if self.bias is not None:
            self.bias.assign(means)

    def set_receptive_fields(self, images, responses) -> None:
        """Makes training start from what responses `(trials, n_neurons)` tell; for `maps_fields`.

        Args:
            images: `(trials, height, width)`, the first channel of what the model is given.
            responses: In units of their std.
        """
        raise _not_there(self, "set_receptive_fields(images, responses)")

    def positions(self):
        """Returns where the neurons look, `(n_neurons, 2)` as (x, y) in [-1, 1] over the map.

        `None` for readouts that have no such places.
        """
        return None

    def points(self, neurons, shift=None):
        """Returns where some neurons read the map, one an image; for `reads_points` alone.

        Args:
            neurons: `(batch,)`, their columns of the rates.
            shift: As of a call.

        Returns:
            `(batch, 2)` as (x, y), where the map spans [-1, 1].
        """
        places = ops.take(self.positions(), neurons, axis=0)
        return places if shift is None else places + ops.cast(shift, places.dtype)

    def read_points(self, samples, neurons):
        """Returns the drives `(batch,)` of some neurons, from the map at their `points`.

        Args:
            samples: `(batch, channels)`.
            neurons: `(batch,)`, their columns of the rates.
        """
        raise _not_there(self, "read_points(samples, neurons)")


class ShifterBase(PartBase):
    """From where a mouse looks to how far its receptive fields move.

    Call arguments:
        pupil_center: `(batch, 2)`, horizontal and vertical, z-scored; or `(batch, columns)` of
            another `signal`.

    Returns:
        `(batch, 2)` shifts (x, y), in units of positions, where the map spans [-1, 1].
    """

    penalty_label = "shifter"
    #: The signal that it is given.
    signal: ClassVar[str] = "pupil_center"

    def call(self, pupil_center):
        """Computes the shifts; a shifter says how."""
        raise _not_there(self, "call(pupil_center)")

    def stand_still(self) -> None:
        """Makes training start without shifts, as receptive fields are mapped; if it can."""

    def compute_output_shape(self, input_shape):
        """Returns `(batch, 2)`."""
        return (input_shape[0], 2)


class ModulatorBase(PartOfNeurons):
    """What acts on the rates of one mouse after its readout, such as the animal's state.

    Args:
        n_neurons: Neurons of the mouse.
        **kwargs: As of `PartBase`.

    Call arguments:
        rates: `(batch, n_neurons)`.
        signals: Name of each of `inputs` to its values `(batch, columns)`.
        training: Whether it is called in training.

    Returns:
        `(batch, n_neurons)` rates of 0 or more.
    """

    penalty_label = "modulator"
    #: The signals that it is given.
    inputs: ClassVar[tuple[str, ...]] = ("behavior",)
    #: Whether each neuron's rate is changed whatever the others' are.
    neuron_by_neuron: ClassVar[bool] = False

    def __init__(self, n_neurons: int, **kwargs: Any):
        super().__init__(n_neurons, **kwargs)
        # Rates stay in full precision under mixed precision: small ones would be rounded away.
        self.autocast = False

    def build(self, rates_shape, signals_shape):
        """Makes all weights, by a symbolic call unless a subclass makes them itself.

        Args:
            rates_shape: `(batch, n_neurons)`.
            signals_shape: Name of each signal to its shape.
        """
        signals = {name: keras.KerasTensor(shape) for name, shape in signals_shape.items()}
        self._trace(keras.KerasTensor(rates_shape), signals)

    def call(self, rates, signals, training=None):
        """Changes the rates; a modulator says how."""
        raise _not_there(self, "call(rates, signals, training=None)")

    def compute_output_shape(self, rates_shape, signals_shape=None):
        """Returns `(batch, n_neurons)`."""
        return tuple(rates_shape)


def _not_there(part: PartBase, method: str) -> SensoriumError:
    return SensoriumError(f"{type(part).__name__}: needs a method {method}")
