"""What a recording holds, what a model is given, what a track allows: plain values."""

from sensorium_tf.specs.image_size import (
    RECORDED,
    central_pixels,
    check_size,
    input_size,
    parse_size,
    size_step,
)
from sensorium_tf.specs.input_signal import Input
from sensorium_tf.specs.inputs import (
    PAST_WINDOWS,
    POOLED,
    STATISTICS_KINDS,
    TIME_RESOLVED,
    InputSpec,
)
from sensorium_tf.specs.recording import (
    CENTRED_IMAGE,
    IMAGE,
    PAST_RESPONSES,
    RESPONSE,
    SOBEL_IMAGE,
    VIDEO,
    RecordingSpec,
    SignalSpec,
    check_context_name,
)
from sensorium_tf.specs.track import Track
from sensorium_tf.specs.transforms import DERIVED_IMAGES, TRANSFORMS, Transform

__all__ = [
    "CENTRED_IMAGE",
    "DERIVED_IMAGES",
    "IMAGE",
    "PAST_RESPONSES",
    "PAST_WINDOWS",
    "POOLED",
    "RECORDED",
    "RESPONSE",
    "SOBEL_IMAGE",
    "STATISTICS_KINDS",
    "TIME_RESOLVED",
    "TRANSFORMS",
    "VIDEO",
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
    "parse_size",
    "size_step",
]
