"""What a recording holds, what a model is given, what a track allows: plain values."""

from sensorium_tf.specs.image_size import (
    central_pixels,
    check_size,
    input_size,
    parse_size,
    size_step,
)
from sensorium_tf.specs.inputs import Input, InputSpec
from sensorium_tf.specs.recording import (
    CENTRED_IMAGE,
    IMAGE,
    RESPONSE,
    RecordingSpec,
    SignalSpec,
    check_context_name,
)
from sensorium_tf.specs.track import Track
from sensorium_tf.specs.transforms import TRANSFORMS, Transform, less_own_mean

__all__ = [
    "CENTRED_IMAGE",
    "IMAGE",
    "RESPONSE",
    "TRANSFORMS",
    "Input",
    "InputSpec",
    "RecordingSpec",
    "SignalSpec",
    "Track",
    "Transform",
    "central_pixels",
    "check_context_name",
    "check_size",
    "input_size",
    "less_own_mean",
    "parse_size",
    "size_step",
]
