"""Several models as one: the mean of their rates."""

import keras
from keras import ops

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models.given import Watched
from sensorium_tf.models.mouse_model import MouseModel
from sensorium_tf.models.ops.precision import keras_defaults


@keras.saving.register_keras_serializable(package="sensorium_tf")
class EnsembleModel(Watched, keras.Model):
    """Predicts the mean of its members' rates.

    Args:
        members: `FiringRateModel`s for the same mice and images, or movies.
        member_names: What each is called, such as `seed 3`; numbers from 1 on if left out.
        **kwargs: Passed to `keras.Model`.

    Call arguments:
        inputs: As of `FiringRateModel`.
        training: As of `FiringRateModel`.

    Returns:
        Mouse -> rates as of `FiringRateModel`, the mean over the members; of movies, of the frames
        of which every member gives rates.

    Raises:
        SensoriumError: If there is no member, members differ in mice, neurons or images, or
            names do not fit.
    """

    def __init__(self, members, *, member_names=None, **kwargs):
        super().__init__(**kwargs)
        if not members:
            raise SensoriumError("EnsembleModel: give at least one member")
        self.members = list(members)
        numbers = map(str, range(1, 1 + len(self.members)))
        self.member_names = list(numbers if member_names is None else member_names)
        distinct = len(set(map(str, self.member_names)))
        if distinct != len(self.members) or distinct != len(self.member_names):
            raise SensoriumError(
                "EnsembleModel: expected a name of its own for each member. Received: "
                f"{self.member_names} for {len(self.members)} members"
            )
        first = self.members[0]
        for member in self.members[1:]:
            if (member.inputs, _kind(member)) != (first.inputs, _kind(first)):
                raise SensoriumError(
                    f"EnsembleModel: members must take the same inputs and have the same mice and "
                    f"neurons. Received: {_kind(first)} and {_kind(member)}"
                )
        self.built = True

    @property
    def mice(self):
        """The members' mice, in their order."""
        return self.members[0].mice

    @property
    def inputs(self):
        """What each of the members is given, an `InputSpec`."""
        return self.members[0].inputs

    @property
    def image_shape(self):
        """`(height, width, channels)` of the images, or frames, that the members are given."""
        return self.inputs.image_shape

    @property
    def lost_frames(self):
        """How many frames at the beginning of a movie get no rates from some member."""
        return max(member.lost_frames for member in self.members)

    @property
    def parts(self):
        """The parts of all members."""
        return tuple(part for member in self.members for part in member.parts)

    @property
    def losses(self):
        """What the members pay besides the loss."""
        return [loss for member in self.members for loss in member.losses]

    @property
    def readouts(self):
        """Mouse -> the first member's readout, which tells the neurons."""
        return self.members[0].readouts

    @property
    def shifters(self):
        """Mouse -> the first member's shifter, which tells what the members are given."""
        return self.members[0].shifters

    def build(self, input_shape=None):
        """Does nothing: the members are built."""

    def check_inputs(self, inputs):
        """Raises SensoriumError, or warns, as the member does that needs the longest movies."""
        max(self.members, key=lambda member: member.lost_frames).check_inputs(inputs)

    def call(self, inputs, training=None):
        """Predicts the rates of every mouse in `inputs`; see the class."""
        found = [(member, member(inputs, training=training)) for member in self.members]
        rates = {m: [self._common(member, each[m]) for member, each in found] for m in inputs}
        return {mouse: ops.mean(ops.stack(each), axis=0) for mouse, each in rates.items()}

    @keras_defaults()
    def for_mouse(self, mouse):
        """Returns the model of one mouse, as `FiringRateModel.for_mouse` does."""
        singles = [member.for_mouse(mouse) for member in self.members]
        for number, single in enumerate(singles):
            single.name = f"{single.name}_member{number}"  # Keras wants them to differ.
        first = singles[0]
        inputs = {each.name: keras.Input(each.shape[1:], name=each.name) for each in first.inputs}
        rates = [
            self._common(member, single(inputs))
            for member, single in zip(self.members, singles, strict=True)
        ]
        mean = keras.layers.Average(name="rates")(rates) if len(rates) > 1 else rates[0]
        return MouseModel(inputs, mean, name=f"{self.name}_{mouse}")

    def _common(self, member, rates):
        """Returns a member's rates of the frames of which every member gives some."""
        surplus = self.lost_frames - member.lost_frames
        return rates[:, surplus:] if surplus else rates

    def get_config(self):
        """Returns the constructor's arguments, the members serialised."""
        members = [keras.saving.serialize_keras_object(member) for member in self.members]
        names = {"member_names": list(self.member_names)}
        return {**super().get_config(), "members": members, **names}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Makes the ensemble that `get_config` described, with new weights."""
        config = dict(config)
        config["members"] = [
            keras.saving.deserialize_keras_object(member, custom_objects=custom_objects)
            for member in config["members"]
        ]
        return cls(**config)


def _kind(model):
    """Returns what members must have in common."""
    neurons = {mouse: readout.n_neurons for mouse, readout in model.readouts.items()}
    return {"inputs": (model.inputs.describe(), model.image_shape), "neurons": neurons}
