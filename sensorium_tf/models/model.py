"""One core, and for every mouse a readout and perhaps a shifter and a modulator."""

from collections.abc import Collection, Mapping

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.base import (
    CoreBase,
    ModulatorBase,
    PartBase,
    ReadoutBase,
    ShifterBase,
)
from sensorium_tf.models.given import Watched, check_given, check_mouse, inputs_taken
from sensorium_tf.models.ledger import ledger
from sensorium_tf.models.mouse_model import MouseModel
from sensorium_tf.models.ops.firing_rate import firing_rate
from sensorium_tf.models.ops.precision import keras_defaults
from sensorium_tf.specs import IMAGE, InputSpec


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
        core: Maps images to features.
        readouts: Mouse -> its readout. The order is kept.
        shifters: Mouse -> its shifter, for none or for all mice.
        modulators: Mouse -> its modulator, for none or for all mice.
        inputs: What the model is given. What its parts take is in it, as an extra or stacked to the
            image; extras that no part takes are left out.
        joint_core: Whether in training all mice of a call pass the core in one batch, with
            batch statistics in common and one penalty of the core, instead of one by one.
        **kwargs: Passed to `keras.Model`.

    Attributes:
        core: As given, like `readouts`, `shifters`, `modulators` and `joint_core`.
        inputs: What the model is given, an `InputSpec`; saved with the model.

    Call arguments:
        inputs: Mouse -> `{"image": (batch, height, width, channels)}` and each of the extras of
            `inputs`, such as `"pupil_center": (batch, 2)`. Other entries are left alone.
        training: Whether positions are drawn and batch statistics used.

    Returns:
        Mouse -> rates `(batch, neurons)`, in units of the responses' standard deviations.

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
        *,
        inputs: InputSpec,
        joint_core: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if not isinstance(inputs, InputSpec):
            raise SensoriumError(f"inputs: expected an InputSpec. Received: {inputs!r}")
        self.core = core
        self.readouts = dict(readouts)
        self.shifters = dict(shifters or {})
        self.modulators = dict(modulators or {})
        self.joint_core = joint_core
        self._check_parts()
        taken = [*core.inputs, *(each.signal for each in self.shifters.values())]
        taken += [name for each in self.modulators.values() for name in each.inputs]
        self.inputs = inputs_taken(inputs, taken)
        self._called_mice = ()
        self._build_parts()
        self.built = True

    def _check_parts(self):
        if not self.readouts:
            raise SensoriumError("FiringRateModel: give the readout of at least one mouse")
        _check_kind("core", self.core, CoreBase)
        for name, kind, parts in (
            ("readout", ReadoutBase, self.readouts),
            ("shifter", ShifterBase, self.shifters),
            ("modulator", ModulatorBase, self.modulators),
        ):
            for mouse, part in parts.items():
                _check_kind(f"{name} of {mouse}", part, kind)
            if parts and set(parts) != set(self.readouts):
                raise SensoriumError(
                    f"FiringRateModel: {name}s must be there for every mouse or for none. "
                    f"Received: {name}s of {', '.join(parts)}; readouts of {', '.join(self.mice)}"
                )
        for mouse, readout in self.readouts.items():
            if self.shifters and not readout.takes_shift:
                raise SensoriumError(
                    f"the readout of {mouse}, {type(readout).__name__}, takes no shift: leave the "
                    "shifter out (--shifter=none)"
                )

    def _build_parts(self):
        batch_shape = (None, *self.image_shape)
        extras = {name: (None, *shape) for name, shape in self.inputs.extra_shapes().items()}
        if not self.core.built:
            signals = {name: extras[name] for name in self.core.inputs}
            self.core.build(batch_shape, *([signals] if signals else []))
        feature_shape = self.core.compute_output_shape(batch_shape)
        for mouse, readout in self.readouts.items():
            if not readout.built:
                readout.build(feature_shape)
            if mouse in self.shifters and not self.shifters[mouse].built:
                shifter = self.shifters[mouse]
                shifter.build(extras[shifter.signal])
            if mouse in self.modulators and not self.modulators[mouse].built:
                modulator = self.modulators[mouse]
                modulator.build(
                    (None, readout.n_neurons), {name: extras[name] for name in modulator.inputs}
                )

    @property
    def mice(self) -> tuple[str, ...]:
        """The model's mice, in the order in which they were given."""
        return tuple(self.readouts)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """`(height, width, channels)` of the images that the model is given."""
        return self.inputs.image_shape

    @property
    def parts(self) -> tuple[PartBase, ...]:
        """All parts: the core, then the readouts, shifters and modulators of the mice."""
        of_mice = (self.readouts, self.shifters, self.modulators)
        return (self.core, *(part for parts in of_mice for part in parts.values()))

    def build(self, input_shape=None):
        """Does nothing: the constructor has built everything."""

    def check_inputs(self, inputs):
        """Raises SensoriumError unless a call may be given this; warns of grey values."""
        check_given(inputs, mice=self.mice, spec=self.inputs)

    def call(self, inputs, training=None):
        """Predicts the rates of every mouse in `inputs`; see the class."""
        self._called_mice = tuple(inputs)
        if training and self.joint_core:
            features = self._joint_features(inputs)
        else:
            features = {m: self._features(each, training=training) for m, each in inputs.items()}
        return {
            mouse: self._modulate(
                mouse,
                signals,
                firing_rate(self._drive(mouse, signals, features[mouse], training=training)),
                training=training,
            )
            for mouse, signals in inputs.items()
        }

    def _features(self, signals, **training):
        """Returns the core's features of a batch of images, with the signals that it takes."""
        taken = {name: signals[name] for name in self.core.inputs}
        return self.core(signals[IMAGE], **({"signals": taken} if taken else {}), **training)

    def _joint_features(self, inputs):
        """Returns the features of all mice's images, which pass the core as one batch."""
        joined = {
            name: ops.concatenate([signals[name] for signals in inputs.values()], axis=0)
            for name in (IMAGE, *self.core.inputs)
        }
        features = self._features(joined, training=True)
        parts, start = {}, 0
        for mouse, signals in inputs.items():
            end = start + ops.shape(signals[IMAGE])[0]
            parts[mouse] = features[start:end]
            start = end
        return parts

    def _drive(self, mouse, signals, features, **training):
        shift = None
        if mouse in self.shifters:
            shifter = self.shifters[mouse]
            shift = shifter(signals[shifter.signal])
        return self.readouts[mouse](features, shift=shift, **training)

    def _modulate(self, mouse, signals, rates, **training):
        if mouse not in self.modulators:
            return rates
        modulator = self.modulators[mouse]
        return modulator(rates, {name: signals[name] for name in modulator.inputs}, **training)

    @keras_defaults()
    def for_mouse(self, mouse):
        """Returns the model of one mouse, which shares this model's layers and weights.

        Args:
            mouse: One of `mice`.

        Returns:
            A functional `keras.Model`: `{"image": (batch, height, width, channels)}` and the extras
            of `inputs`, such as `"pupil_center": (batch, 2)`, in; rates `(batch, neurons)` out.

        Raises:
            SensoriumError: If the model has no such mouse.
        """
        check_mouse(mouse, self.mice)
        inputs = {IMAGE: keras.Input(self.image_shape, name=IMAGE)}
        for name, shape in self.inputs.extra_shapes().items():
            inputs[name] = keras.Input(shape, name=name)
        rates = keras.layers.Activation(firing_rate, name="rates")(
            self._drive(mouse, inputs, self._features(inputs))
        )
        return MouseModel(inputs, self._modulate(mouse, inputs, rates), name=f"{self.name}_{mouse}")

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
            `{"laplace": ..., "features": ...}` for the baselines. Shifters and modulators are in it
            if they pay anything.
        """
        mice = self.mice if mice is None else mice
        passes: dict[PartBase, int] = {self.core: 1 if self.joint_core else len(mice)}
        for parts in (self.readouts, self.shifters, self.modulators):
            for mouse, part in parts.items():
                if parts is self.readouts or part.pays:
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
                for name in _OF_MICE
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
        for name in _OF_MICE:
            config[name] = {mouse: deserialize(part) for mouse, part in config[name].items()}
        return cls(**config)

    def _get_save_spec(self, *_, **__):
        """Tells TensorFlow's converters that it has no one signature: `for_mouse` has."""
        return None


_OF_MICE = ("readouts", "shifters", "modulators")


def _check_kind(what: str, part, kind: type[PartBase]) -> None:
    if not isinstance(part, kind):
        raise SensoriumError(f"{what}: expected a {kind.__name__}. Received: {type(part).__name__}")
