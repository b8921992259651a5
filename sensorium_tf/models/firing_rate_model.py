"""One core, and for every mouse a readout and perhaps a shifter."""

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.replicas import replica_context

IMAGE, PUPIL_CENTER = "image", "pupil_center"


@keras.saving.register_keras_serializable(package="sensorium_tf")
def firing_rate(drive):
    """Turns drives into firing rates: `elu(drive) + 1`, positive and linear above 1."""
    # Full precision also under mixed precision: small rates are differences from -1.
    return ops.elu(ops.cast(drive, "float32")) + 1.0


def own_penalties(layers):
    """Returns what the layers' methods `penalty` give, in float32: to be paid for every call."""
    return [ops.cast(each.penalty(), "float32") for each in layers if hasattr(each, "penalty")]


def weight_penalties(layers):
    """Returns what the layers' weights pay by their regularizers, each once, as Keras counts."""
    weights = {id(weight): weight for layer in layers for weight in layer.trainable_variables}
    return [
        ops.cast(weight.regularizer(weight), "float32")
        for weight in weights.values()
        if weight.regularizer is not None
    ]


@keras.saving.register_keras_serializable(package="sensorium_tf")
class FiringRateModel(keras.Model):
    """Predicts the firing rates of the neurons of one or several mice from what they saw.

    A plain Keras model: `compile` it with one loss a mouse, `fit`, `evaluate`, `predict`, `save`
    and `keras.models.load_model` (after `import sensorium_tf`) work as with any other. All
    weights exist from the start. A call may hold any of the model's mice; each passes the core
    by itself, so that batch normalisation sees one mouse at a time.

    Example:
        >>> model = baseline("cnn", {"mouse1": cell_motor_coordinates})
        >>> rates = model({"mouse1": {"image": images}})["mouse1"]

    Args:
        core: The layer that maps images to features, `Core` or one of your own.
        readouts: Mouse -> its readout, `GaussianReadout` or one of your own: a layer with the
            attribute `n_neurons` that maps features and, where there are shifters, `shift`
            `(batch, 2)`, to drives `(batch, n_neurons)`. The order is kept.
        shifters: Mouse -> its shifter, for none or for all mice. What any of these layers
            penalises its weights by are their regularizers and its method `penalty`, if it has
            one; Keras's `fit` pays that only if the layer's `call` hands it to `add_loss`.
        image_shape: `(height, width, channels)` of the images that the model eats.
        joint_core: Whether in training all mice of a call pass the core in one batch, with
            batch statistics in common and one penalty of the core, instead of one by one.
        **kwargs: Passed to `keras.Model`.

    Call arguments:
        inputs: Mouse -> `{"image": (batch, height, width, channels)}` and, with a shifter,
            `"pupil_center": (batch, 2)`. Other entries are left alone.
        training: Whether positions are drawn and batch statistics used.

    Returns:
        Mouse -> rates `(batch, neurons)`, in units of the responses' standard deviations.

    Raises:
        SensoriumError: If there is no mouse, a readout does not tell its neurons, a shifter is
            missing or without its mouse; in a call for an unknown mouse, a missing signal or
            images of another shape.
    """

    def __init__(
        self,
        core,
        readouts,
        shifters=None,
        *,
        image_shape=(36, 64, 1),
        joint_core=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        shifters = shifters or {}
        if not readouts:
            raise SensoriumError("FiringRateModel: give the readout of at least one mouse")
        if shifters and set(shifters) != set(readouts):
            raise SensoriumError(
                "FiringRateModel: shifters must be there for every mouse or for none. Received: "
                f"readouts of {', '.join(readouts)}; shifters of {', '.join(shifters)}"
            )
        for mouse, readout in readouts.items():
            if not hasattr(readout, "n_neurons"):
                raise SensoriumError(
                    f"FiringRateModel: the readout of {mouse}, a {type(readout).__name__}, needs "
                    "the attribute n_neurons, the number of its neurons"
                )
        self.core = core
        self.readouts = dict(readouts)
        self.shifters = dict(shifters)
        self.image_shape = tuple(image_shape)
        self.joint_core = joint_core
        self._called_mice = ()

        batch_shape = (None, *self.image_shape)
        feature_shape = core.compute_output_shape(batch_shape)
        for layer, shape in (
            [(core, batch_shape)]
            + [(readout, feature_shape) for readout in self.readouts.values()]
            + [(shifter, (None, 2)) for shifter in self.shifters.values()]
        ):
            if not layer.built:
                layer.build(shape)
        self.built = True

    @property
    def mice(self):
        """The model's mice, in the order in which they were given."""
        return tuple(self.readouts)

    def build(self, input_shape=None):
        """Does nothing: the constructor has built everything."""

    def __call__(self, inputs, *args, **kwargs):
        """Checks the inputs and predicts; see the class."""
        # Checked here and not in `call`, whose errors Keras wraps into many lines.
        self._check_inputs(inputs)
        return super().__call__(inputs, *args, **kwargs)

    def call(self, inputs, training=None):
        """Predicts the rates of every mouse in `inputs`; see the class."""
        self._called_mice = tuple(inputs)
        images = {mouse: signals[IMAGE] for mouse, signals in inputs.items()}
        if training and self.joint_core:
            features = self._joint_features(images)
        else:
            features = {m: self.core(image, training=training) for m, image in images.items()}
        return {
            mouse: firing_rate(self._drive(mouse, signals, features[mouse], training=training))
            for mouse, signals in inputs.items()
        }

    def _joint_features(self, images):
        """Returns the features of all mice's images, which pass the core as one batch."""
        features = self.core(ops.concatenate(list(images.values()), axis=0), training=True)
        parts, start = {}, 0
        for mouse, image in images.items():
            end = start + ops.shape(image)[0]
            parts[mouse] = features[start:end]
            start = end
        return parts

    def _drive(self, mouse, signals, features, **training):
        shift = None
        if mouse in self.shifters:
            shift = self.shifters[mouse](signals[PUPIL_CENTER])
        return self.readouts[mouse](features, shift=shift, **training)

    def _check_inputs(self, inputs):
        for mouse, signals in inputs.items():
            self._check_mouse(mouse)
            needed = [IMAGE] + [PUPIL_CENTER] * (mouse in self.shifters)
            for signal in needed:
                if signal not in signals:
                    raise SensoriumError(
                        f"{mouse}: the model needs {signal!r}, but its inputs are only "
                        f"{', '.join(map(repr, signals)) or 'empty'}"
                    )
            shape = tuple(signals[IMAGE].shape)
            if len(shape) != 4 or shape[1:] != self.image_shape:
                expected = ", ".join(map(str, self.image_shape))
                raise SensoriumError(
                    f"{mouse}: the model expects images of shape (batch, {expected}), "
                    f"{self.image_shape[-1]} channel(s). Received: {shape}"
                )

    def _check_mouse(self, mouse):
        if mouse not in self.readouts:
            raise SensoriumError(
                f"{mouse}: the model has no such mouse, only {', '.join(self.mice)}"
            )

    def for_mouse(self, mouse):
        """Returns the model of one mouse, which shares this model's layers and weights.

        Args:
            mouse: One of `mice`.

        Returns:
            A functional `keras.Model`: `{"image": (batch, height, width, channels)}` and, with a
            shifter, `"pupil_center": (batch, 2)` in; rates `(batch, neurons)` out.

        Raises:
            SensoriumError: If the model has no such mouse.
        """
        self._check_mouse(mouse)
        inputs = {IMAGE: keras.Input(self.image_shape, name=IMAGE)}
        if mouse in self.shifters:
            inputs[PUPIL_CENTER] = keras.Input((2,), name=PUPIL_CENTER)
        rates = keras.layers.Activation(firing_rate, name="rates")(
            self._drive(mouse, inputs, self.core(inputs[IMAGE]))
        )
        return keras.Model(inputs, rates, name=f"{self.name}_{mouse}")

    @property
    def losses(self):
        """The penalties of the last call, for Keras's `fit`."""
        if replica_context() is None:
            return super().losses
        # Replicas are threads that take turns within a call (at every batch normalisation) and
        # share the lists in which layers keep their losses: each computes its own instead.
        return list(self._penalties(self._called_mice).values())

    def penalties(self):
        """Returns what a batch of all mice pays besides the Poisson loss.

        Returns:
            `{"laplace": ..., "features": ...}`, scalar tensors weighted as in the loss: those of
            the core and those of the readouts and shifters. What a layer's method `penalty` gives
            is paid once for every pass of the layer, a regularizer of its weights once.
        """
        return self._penalties(self.mice)

    def _penalties(self, mice):
        """Returns what a batch of some mice pays; see `penalties`."""
        parts = (self.readouts, self.shifters)
        beside = [layer for part in parts for layer in part.values()]
        called = [part[mouse] for part in parts for mouse in mice if mouse in part]
        passes = 1 if self.joint_core else len(mice)
        of_core = [passes * each for each in own_penalties([self.core])]
        zero = ops.zeros(())
        return {
            "laplace": sum(of_core + weight_penalties([self.core]), start=zero),
            "features": sum(own_penalties(called) + weight_penalties(beside), start=zero),
        }

    def get_config(self):
        """Returns the constructor's arguments, the layers serialised."""
        serialize = keras.saving.serialize_keras_object
        return {
            **super().get_config(),
            "core": serialize(self.core),
            "readouts": {mouse: serialize(layer) for mouse, layer in self.readouts.items()},
            "shifters": {mouse: serialize(layer) for mouse, layer in self.shifters.items()},
            "image_shape": list(self.image_shape),
            "joint_core": self.joint_core,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes the model that `get_config` described, with new weights."""

        def deserialize(layer):
            return keras.saving.deserialize_keras_object(layer, custom_objects=custom_objects)

        config = dict(config)
        config["core"] = deserialize(config["core"])
        for part in ("readouts", "shifters"):
            config[part] = {mouse: deserialize(layer) for mouse, layer in config[part].items()}
        return cls(**config)
