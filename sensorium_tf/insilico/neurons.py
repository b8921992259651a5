"""The neurons that an experiment is done on: images or movies in, rates and gradients out."""

import functools
from collections.abc import Callable, Collection

import numpy as np
import tensorflow as tf
from numpy.typing import ArrayLike

from sensorium_tf.data import Mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.chosen import (
    Model,
    checked_images,
    chosen_columns,
    image_channels,
    labels,
    members,
    one_mouse,
    opened,
    with_constants,
)
from sensorium_tf.insilico.held import (
    State,
    held_state,
    model_inputs,
    no_median,
    training_medians,
)
from sensorium_tf.insilico.tracing import INDEX_SPEC, in_batches, traced
from sensorium_tf.models.given import check_frames
from sensorium_tf.models.windows import WindowedRates
from sensorium_tf.specs import POOLED

_LARGEST_GREY = 255.0
_USUAL_AMPLITUDE = 1.8


class Neurons:
    """Some neurons of a model of one mouse, in inference mode.

    Images are `(height, width, channels)` at the model's size, in the model's own units, where the
    recording's mean grey is 0; `to_grey` and `from_grey` go there and back. Context signals, such
    as behavior and pupil center, are held at one value each; gradients are with respect to the
    image alone. A model of movies takes `(frames, height, width, channels)` wherever images are
    named here, and has a rate at each frame but the first `lost_frames`.

    Args:
        model: A model, an ensemble (whose rate is its members' mean), a run or its path.
        unit_ids: Which neurons, by the ids of the recording, which a run knows; with neither these
            nor columns, all.
        columns: Which neurons, by their 0-based column of the rates.
        mouse: One of the model's; may be left out if there is one alone.
        state: Context signal to the `(columns,)` values at which it is held, as the model is given
            them. Those that are left out are held at their medians over the training trials, for
            which the model's recording is needed.

    Attributes:
        mouse: Its name.
        columns: `(neurons,)` int64.
        unit_ids: `(neurons,)`, None where the recording is not at hand.
        inputs: What the model is given, an `InputSpec`.
        image_shape: `(height, width, channels)` of the images, or of a frame.
        lost_frames: How many frames at the beginning of a movie get no rates; 0 of images.
        state: Context signal to `(columns,)`, at which it is held.

    Raises:
        SensoriumError: If there is no such mouse or neuron, if unit ids or a state cannot be known,
            or the Keras backend is not TensorFlow, which gradients need.
    """

    def __init__(
        self,
        model: Model,
        unit_ids: ArrayLike | None = None,
        *,
        columns: ArrayLike | None = None,
        mouse: str | None = None,
        state: State | None = None,
    ):
        self._model = model
        whole, self._run = opened(model)
        self.mouse = one_mouse(whole, mouse)
        self._n_neurons = whole.readouts[self.mouse].n_neurons
        self.columns = chosen_columns(
            self.mouse, self._n_neurons, unit_ids, columns, lambda: self.recording.unit_ids
        )
        # Columns are enough without a recording, such as for a model that was imported.
        recording = self.recording if unit_ids is not None else self._recording_at_hand()
        self.unit_ids = None if recording is None else recording.unit_ids[self.columns]
        self.inputs = with_constants(whole.inputs, self.mouse, recording)
        self.image_shape = (*self.inputs.image_size, image_channels(self.inputs))
        self._single = whole.for_mouse(self.mouse)
        self.state = held_state(
            self.inputs, self._n_neurons, {} if state is None else state, self._medians
        )
        self.lost_frames = whole.lost_frames
        windows = [WindowedRates.of(each, self.mouse) for each in members(whole)]
        # The mean of windowed rates, where each member has them.
        self._windows = None if None in windows else windows

    @classmethod
    def of(cls, model: "Model | Neurons", unit_ids: ArrayLike | None, **chosen) -> "Neurons":
        """Returns neurons as they are, or those of a model that the arguments choose."""
        if not isinstance(model, Neurons):
            return cls(model, unit_ids, **chosen)
        if any(each is not None for each in (unit_ids, *chosen.values())):
            raise SensoriumError("neurons: are chosen already: leave unit_ids and the like out")
        return model

    def only(self, columns: ArrayLike) -> "Neurons":
        """Returns other neurons of the same mouse, by their columns, under the same state."""
        return Neurons(self._model, columns=columns, mouse=self.mouse, state=self.state)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def labels(self) -> list[str]:
        """What each neuron is called in figures."""
        return labels(self.columns, self.unit_ids)

    @functools.cached_property
    def recording(self) -> Mouse:
        """The prepared recording of the mouse.

        Raises:
            SensoriumError: If it is not at hand, or it is another one.
        """
        if self._run is None:
            raise SensoriumError(
                f"{self.mouse}: a model by itself knows no recording, nor its unit ids: give "
                "columns= and images=, or the run instead of its model, such as Run('runs/cnn')"
            )
        return self._run.mouse(self.mouse)

    @functools.cached_property
    def limits(self) -> tuple[float, float]:
        """Grey values 0 and 255 in the model's units.

        Raises:
            SensoriumError: If the model knows no grey values.
        """
        dark, bright = self.from_grey(np.array([0.0, _LARGEST_GREY], np.float32))
        return float(dark), float(bright)

    @property
    def amplitude(self) -> float:
        """What a contrast of 1 is, in the model's units.

        The largest amplitude around the recording's mean grey that a display can show or, where the
        model knows no grey values, 1.8 standard deviations of the images, as of a usual recording.
        """
        return min(-self.limits[0], self.limits[1]) if self.knows_grey else _USUAL_AMPLITUDE

    @property
    def knows_grey(self) -> bool:
        """Whether grey values are known; not if each frame has statistics of its own."""
        inputs = self.inputs
        known = inputs.constants.get(self.mouse, {}) if inputs.statistics == POOLED else {}
        return inputs.stimulus in inputs and inputs.stimulus in known

    def to_grey(self, images: np.ndarray) -> np.ndarray:
        """Returns images of the model in the recording's grey values, 0 to 255 on a display.

        Raises:
            SensoriumError: If the model knows no grey values.
        """
        return self.inputs.to_grey(images, self.mouse)

    def from_grey(self, values: np.ndarray) -> np.ndarray:
        """Returns grey values in the model's units, float32.

        Raises:
            SensoriumError: If the model knows no grey values.
        """
        return self.inputs.from_grey(values, self.mouse)

    def given_images(self, images: ArrayLike | None) -> np.ndarray:
        """Returns a user's images in the model's units, or the training images if there are none.

        Args:
            images: `(images, height, width)` or `(images, height, width, channels)`, grey values 0
                to 255, at the model's or the recording's size; in the model's units where it knows
                no grey values.

        Returns:
            `(images, height, width, channels)` float32.

        Raises:
            SensoriumError: If they have another size, or there is no recording to take them from.
        """
        if images is None:
            return self.recording.trials("train").images
        checked = checked_images(images, self.inputs, self.image_shape[2], in_grey=self.knows_grey)
        return self.from_grey(checked) if self.knows_grey else checked.astype(np.float32)

    def tensor_rates(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the rates of images or movies, as `rates` does."""
        rates = self._single(self._model_inputs(images), training=False)
        return tf.gather(rates, self.columns, axis=-1)

    def tensor_own_rates(self, images: tf.Tensor, index: tf.Tensor) -> tf.Tensor:
        """Returns the rate of one neuron to each image or movie, as `own_rates` does.

        Args:
            images: `(images, height, width, channels)`, or movies.
            index: `(images,)`, which of these neurons each image is for.
        """
        signals, columns = self._model_inputs(images), tf.gather(self.columns, index)
        if self._windows is not None:
            rates = [each(signals, columns) for each in self._windows]
            if self.inputs.time:  # of the frames of which every member has some
                n_frames = tf.reduce_min([tf.shape(each)[1] for each in rates])
                rates = [each[:, tf.shape(each)[1] - n_frames :] for each in rates]
            return tf.add_n(rates) / len(rates)
        rates = self._single(signals, training=False)
        return tf.gather(rates, columns, axis=-1, batch_dims=1)

    def rates(self, images: np.ndarray) -> np.ndarray:
        """Returns the rates of all these neurons.

        Args:
            images: `(images, height, width, channels)` in the model's units.

        Returns:
            `(images, neurons)` float32, in units of the responses' standard deviation; of movies
            `(movies, frames - lost_frames, neurons)`.
        """
        return self._in_batches(self._rates, images)

    def own_rates(self, images: np.ndarray, index: ArrayLike | None = None) -> np.ndarray:
        """Returns the rate `(images,)` of one neuron to each image, or `(movies, frames')`.

        Args:
            images: `(images, height, width, channels)` in the model's units.
            index: `(images,)`, which of these neurons each image is for; image i is for neuron i if
                left out.
        """
        return self._in_batches(self._own_rates, images, index)

    def gradients(self, images: np.ndarray, index: ArrayLike | None = None) -> np.ndarray:
        """Returns the gradients of one neuron's rate for each image, of the images' shape.

        Args:
            images: `(images, height, width, channels)` in the model's units.
            index: As of `own_rates`.
        """
        return self._in_batches(self._gradients, images, index)

    def _in_batches(self, function: Callable, images: np.ndarray, *index: ArrayLike | None):
        if self.inputs.time:
            n_frames = {self.inputs.stimulus: images.shape[1]}
            check_frames(self.mouse, n_frames, self.lost_frames)
        own = np.arange(len(images))
        index = [own if each is None else np.asarray(each) for each in index]
        return in_batches(function, images, *index)

    @functools.cached_property
    def _rates(self) -> Callable:
        return traced(self.tensor_rates, self.images_spec)

    @functools.cached_property
    def _own_rates(self) -> Callable:
        return traced(self.tensor_own_rates, self.images_spec, INDEX_SPEC)

    @functools.cached_property
    def _gradients(self) -> Callable:
        def gradients(images, index):
            with tf.GradientTape() as tape:
                tape.watch(images)
                rates = self.tensor_own_rates(images, index)
            return tape.gradient(rates, images)

        return traced(gradients, self.images_spec, INDEX_SPEC)

    @property
    def images_spec(self) -> tf.TensorSpec:
        """What images, or movies, are as tensors."""
        frames = (None,) if self.inputs.time else ()
        return tf.TensorSpec((None, *frames, *self.image_shape), tf.float32)

    def _model_inputs(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        given = model_inputs(images, self.inputs, self.state)
        # A model without shifter does not take the pupil center.
        return {each.name: given[each.name] for each in self._single.inputs}

    def _recording_at_hand(self) -> Mouse | None:
        try:
            return self.recording
        except SensoriumError:
            return None

    def _medians(self, signals: Collection[str]) -> dict[str, np.ndarray]:
        if self._run is None:
            raise no_median(self.mouse, next(iter(signals)))
        return training_medians(self.recording, signals, self.inputs)
