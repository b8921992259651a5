"""One core, and for every mouse a readout and perhaps a shifter and a modulator."""

from collections.abc import Collection, Mapping

import keras
from keras import ops

from sensorium_tf.models.assembly import OF_MICE, check_assembly, taken
from sensorium_tf.models.base import CoreBase, ModulatorBase, PartBase, ReadoutBase, ShifterBase
from sensorium_tf.models.given import Watched, check_given, check_mouse
from sensorium_tf.models.ledger import ledger
from sensorium_tf.models.levels import CoreLevels
from sensorium_tf.models.mouse_model import MouseModel
from sensorium_tf.models.mouse_parts import MouseParts
from sensorium_tf.models.nonlinearity import NonlinearityBase, start_at_rates
from sensorium_tf.models.ops.firing_rate import firing_rate
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.models.time import Frames, frame_shape
from sensorium_tf.specs import InputSpec


@keras.saving.register_keras_serializable(package="sensorium_tf")
class FiringRateModel(Watched, keras.Model):
    """Predicts the firing rates of the neurons of one or several mice from what they saw.

    A plain Keras model: `compile` it with one loss a mouse, `fit`, `evaluate`, `predict`, `save`
    and `keras.models.load_model` (after `import sensorium_tf`) work as with any other. All
    weights exist from the start. A call may hold any of the model's mice; each passes the core
    by itself, so that batch normalisation sees one mouse at a time. What the parts pay besides the
    loss is one ledger, `penalties`, which `fit` and training runs alike add to the loss.

    Example:
        >>> model = build(ModelSettings(), {"mouse1": cell_motor_coordinates}, inputs)
        >>> rates = model({"mouse1": {"image": images}})["mouse1"]

    Args:
        core: Maps images, or movies, to features.
        readouts: Mouse -> its readout. The order is kept.
        shifters: Mouse -> its shifter, for none or for all mice.
        modulators: Mouse -> its modulator, for none or for all mice.
        nonlinearities: Mouse -> what makes rates of its drives, for all mice; `elu + 1` without.
        inputs: What the model is given. What its parts take is in it, as an extra or stacked to the
            stimulus; extras that no part takes are left out.
        joint_core: Whether in training all mice of a call pass the core in one batch, with
            batch statistics in common and one penalty of the core, instead of one by one.
        **kwargs: Passed to `keras.Model`.

    Attributes:
        core: As given, like the parts of the mice and `joint_core`.
        inputs: What the model is given, an `InputSpec`; saved with the model.

    Call arguments:
        inputs: Mouse -> `{"image": (batch, height, width, channels)}` and each of the extras of
            `inputs`, such as `"pupil_center": (batch, 2)`; of movies `{"video": (batch, frames,
            height, width, channels)}` and `(batch, frames, 2)`. Other entries are left alone.
        training: Whether positions are drawn and batch statistics used.

    Returns:
        Mouse -> rates `(batch, neurons)`, in units of the responses' standard deviations; of movies
        `(batch, frames - lost_frames, neurons)`, those of the last frames.

    Raises:
        SensoriumError: If there is no mouse, a part is of another kind, a mouse's shifter or
            modulator is missing, or `inputs` lacks what they take; in a call for an unknown mouse,
            a missing signal or one of another shape.
    """

    def __init__(
        self,
        core: CoreBase,
        readouts: Mapping[str, ReadoutBase],
        shifters: Mapping[str, ShifterBase] | None = None,
        modulators: Mapping[str, ModulatorBase] | None = None,
        nonlinearities: Mapping[str, NonlinearityBase] | None = None,
        *,
        inputs: InputSpec,
        joint_core: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.core = core
        self.readouts = dict(readouts)
        self.shifters = dict(shifters or {})
        self.modulators = dict(modulators or {})
        self.nonlinearities = dict(nonlinearities or {})
        self.joint_core = joint_core
        check_assembly(core, {name: getattr(self, name) for name in OF_MICE}, inputs)
        self.inputs = taken(core, self.shifters, self.modulators, inputs)
        self._called_mice = ()
        self._frames = Frames() if inputs.time else None
        self._build_parts()
        self.built = True

    def _build_parts(self):
        batch_shape = (None, *self.inputs.stimulus_shape)
        shapes = self.inputs.extra_shapes()
        signals = {name: (None, *shapes[name]) for name in self.core.inputs}
        given = [batch_shape, *([signals] if signals else [])]
        _build(self.core, *given)
        if self._takes_levels:
            self.core_levels = CoreLevels(self.core)
            level_shapes = list(map(self._of_frames, self.core_levels.shapes(*given)))
        feature_shape = self._of_frames(self.core.compute_output_shape(batch_shape))
        for mouse, readout in self.readouts.items():
            rates = (None, readout.n_neurons)
            extras = {
                each.signal: (None, *each.shape(readout.n_neurons)) for each in self.inputs.extras
            }
            _build(readout, level_shapes if readout.takes_levels else feature_shape)
            if mouse in self.shifters:
                _build(self.shifters[mouse], extras[self.shifters[mouse].signal])
            if mouse in self.modulators:
                modulator = self.modulators[mouse]
                _build(modulator, rates, {name: extras[name] for name in modulator.inputs})
            if mouse in self.nonlinearities:
                _build(self.nonlinearities[mouse], rates)

    def _of_frames(self, shape):
        return frame_shape(shape) if self.inputs.time else shape

    @property
    def _takes_levels(self) -> bool:
        return any(readout.takes_levels for readout in self.readouts.values())

    @property
    def mice(self) -> tuple[str, ...]:
        """The model's mice, in the order in which they were given."""
        return tuple(self.readouts)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the images, or frames, that the model is given."""
        return self.inputs.image_shape

    @property
    def lost_frames(self) -> int:
        """How many frames at the beginning of a movie get no rates; 0 of images."""
        return self.core.lost_frames

    @property
    def parts(self) -> tuple[PartBase, ...]:
        """All parts: the core, then those of the mice, kind by kind."""
        of_mice = (getattr(self, name) for name in OF_MICE)
        return (self.core, *(part for parts in of_mice for part in parts.values()))

    def build(self, input_shape=None):
        """Does nothing: the constructor has built everything."""

    def check_inputs(self, inputs):
        """Raises SensoriumError unless a call may be given this; warns of grey values."""
        check_given(inputs, mice=self.mice, spec=self.inputs, lost_frames=self.lost_frames)

    def call(self, inputs, training=None):
        """Predicts the rates of every mouse in `inputs`; see the class."""
        self._called_mice = tuple(inputs)
        if training and self.joint_core:
            features = self._joint_features(inputs)
        else:
            features = {m: self._features(each, training=training) for m, each in inputs.items()}
        return {
            m: self._rates(m, each, features[m], training=training) for m, each in inputs.items()
        }

    def _features(self, signals, **training):
        """Returns what the readouts are given: the core's features, or its levels."""
        see = self.core_levels if self._takes_levels else self.core
        taken = {name: signals[name] for name in self.core.inputs}
        more = {"signals": taken} if taken else {}
        return see(signals[self.inputs.stimulus], **more, **training)

    def _joint_features(self, inputs):
        """Returns the features of what all mice saw, which passes the core as one batch."""
        stimulus = self.inputs.stimulus
        joined = {
            name: ops.concatenate([signals[name] for signals in inputs.values()], axis=0)
            for name in (stimulus, *self.core.inputs)
        }
        features = self._features(joined, training=True)
        parts, start = {}, 0
        for mouse, signals in inputs.items():
            rows = slice(start, start := start + ops.shape(signals[stimulus])[0])
            parts[mouse] = keras.tree.map_structure(lambda each, rows=rows: each[rows], features)
        return parts

    def _rates(self, mouse, signals, features, *, default=firing_rate, **training):
        """Returns the rates of a mouse, of the features of what it saw."""
        parts = MouseParts(
            self.readouts[mouse],
            self.nonlinearities.get(mouse, default),
            self.shifters.get(mouse),
            self.modulators.get(mouse),
        )
        if self._frames is None:
            return parts.rates(features, signals, **training)
        taken = {each.signal: signals[each.signal] for each in self.inputs.extras}
        rates = parts.rates(*self._frames.split(features, taken), **training)
        return self._frames.join(rates, features)

    @keras_defaults()
    def for_mouse(self, mouse):
        """Returns the model of one mouse, which shares this model's layers and weights.

        Args:
            mouse: One of `mice`.

        Returns:
            A functional `keras.Model` of what the whole model is called with of this mouse, such as
            `{"image": (batch, height, width, channels)}`, and returns of it, `(batch, neurons)`.

        Raises:
            SensoriumError: If the model has no such mouse.
        """
        check_mouse(mouse, self.mice)
        shapes = self.inputs.signal_shapes(self.readouts[mouse].n_neurons)
        inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
        default = keras.layers.Activation(firing_rate, name="rates")
        rates = self._rates(mouse, inputs, self._features(inputs), default=default)
        return MouseModel(inputs, rates, name=f"{self.name}_{mouse}")

    def set_mean_rates(self, mouse, means) -> None:
        """Makes the rates of a mouse start at its neurons' mean responses instead of at 1.

        Args:
            mouse: One of `mice`.
            means: `(neurons,)`, in units of the responses' std.

        Raises:
            SensoriumError: If the means have another shape or are not finite.
        """
        start_at_rates(self.readouts[mouse], self.nonlinearities.get(mouse), means)

    @property
    def losses(self):
        """What the mice of the last call pay besides the loss, for Keras's `fit`."""
        return list(self.penalties(self._called_mice).values())

    def penalties(self, mice: Collection[str] | None = None):
        """Returns what a batch of some mice pays besides the loss.

        What a part's method `penalty` gives is paid once for every pass of the part, so once for
        every mouse where the mice pass the core one by one; a regularizer of its weights once.

        Args:
            mice: Those in the batch; all if left out.

        Returns:
            Label to scalar tensor, weighted as in the loss, in the order of the parts:
            `{"laplace": ..., "features": ...}` for the baselines. Other parts of the mice are in
            it if they pay anything.
        """
        mice = self.mice if mice is None else mice
        passes: dict[PartBase, int] = {self.core: 1 if self.joint_core else len(mice)}
        for name in OF_MICE:
            for mouse, part in getattr(self, name).items():
                if name == "readouts" or part.pays:
                    passes[part] = passes.get(part, 0) + (mouse in mice)
        return ledger(passes)

    def get_config(self):
        """Returns the constructor's arguments, the layers serialised."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "core": serialize(self.core),
            **{
                name: {mouse: serialize(part) for mouse, part in getattr(self, name).items()}
                for name in OF_MICE
            },
            "inputs": self.inputs.to_json(),
            "joint_core": self.joint_core,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes the model that `get_config` described, with new weights.

        Raises:
            SensoriumError: If it does not say what the model is given.
        """

        def deserialize(layer):
            return keras.saving.deserialize_keras_object(layer, custom_objects=custom_objects)

        config = dict(config)
        config["inputs"] = InputSpec.from_json(config.get("inputs"))
        config["core"] = deserialize(config["core"])
        for name in OF_MICE:
            parts = config.get(name, {})
            config[name] = {mouse: deserialize(part) for mouse, part in parts.items()}
        return cls(**config)

    def _get_save_spec(self, *_, **__):
        """Tells TensorFlow's converters that it has no one signature: `for_mouse` has."""
        return None


def _build(part: PartBase, *shapes) -> None:
    if not part.built:
        part.build(*shapes)
