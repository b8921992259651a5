"""Sensorium 2022 (arXiv 2206.08666): static images, seven mice, two tracks."""

import types

from sensorium_tf.challenges.challenge import Challenge, PublishedRecording
from sensorium_tf.specs import RecordingSpec, SignalSpec, Track

_ARCHIVE_URL = "https://gin.g-node.org/cajal/Sensorium2022"
_STEM = "static{session_key}-GrayImageNet-94c6ff995dac583098847cfecd43e7b6"


def _published(mouse: str, session_key: str, purpose: str, n_neurons: int) -> PublishedRecording:
    stem = _STEM.format(session_key=session_key)
    url = f"{_ARCHIVE_URL}/raw/master/{stem}.zip"
    return PublishedRecording(mouse, session_key, purpose, n_neurons, stem, url)


_CATALOG = {
    entry.mouse: entry
    for entry in (
        _published("mouse1", "26872-17-20", "sensorium", 7776),
        _published("mouse2", "27204-5-13", "sensorium_plus", 7538),
        _published("mouse3", "21067-10-18", "pre-training", 8372),
        _published("mouse4", "22846-10-16", "pre-training", 7344),
        _published("mouse5", "23343-5-17", "pre-training", 7334),
        _published("mouse6", "23656-14-22", "pre-training", 8107),
        _published("mouse7", "23964-4-22", "pre-training", 8098),
    )
}

_RECORDING = RecordingSpec(
    (
        SignalSpec(
            name="image",
            shape=(144, 256, 1),
            role="stimulus",
            folder="images",
            doc="Grey values, 0 to 255.",
        ),
        SignalSpec(
            name="response",
            shape=(None,),
            role="response",
            folder="responses",
            doc="One deconvolved response a neuron, raw.",
        ),
        SignalSpec(
            name="behavior",
            shape=(3,),
            role="context",
            folder="behavior",
            doc="Pupil dilation, its derivative, running speed.",
            required=False,
            columns=("pupil dilation", "its derivative", "running speed"),
        ),
        SignalSpec(
            name="pupil_center",
            shape=(2,),
            role="context",
            folder="pupil_center",
            doc="Horizontal, vertical; pixels of the eye camera.",
            required=False,
            columns=("horizontal", "vertical"),
        ),
    )
)

_TRACKS = {
    track.name: track
    for track in (
        Track(
            name="sensorium",
            doc="image only",
            channels=("image",),
            primary_metric="correlation_to_average",
            live_tier="test",
            final_tier="final_test",
        ),
        Track(
            name="sensorium_plus",
            doc="image, behavior and pupil center",
            channels=("image", "behavior"),
            extras=("pupil_center",),
            context=True,
            primary_metric="single_trial_correlation",
            live_tier="test",
            final_tier="final_test",
            undefined=types.MappingProxyType(
                {
                    "feve": "FEVE is not defined for the track sensorium_plus: no two repeats of "
                    "an image have the same behavior, so what they share is not all that can be "
                    "explained"
                }
            ),
        ),
    )
}

#: The challenge.
CHALLENGE = Challenge(
    name="sensorium2022",
    archive_url=_ARCHIVE_URL,
    stem=_STEM,
    catalog=types.MappingProxyType(_CATALOG),
    recording=_RECORDING,
    tiers=("train", "validation", "test", "final_test"),
    test_tiers=types.MappingProxyType(
        {
            "test": "submission_file_live_test.csv",
            "final_test": "submission_file_final_test.csv",
        }
    ),
    tracks=types.MappingProxyType(_TRACKS),
    metrics=("single_trial_correlation", "correlation_to_average", "feve"),
    fev_threshold=0.15,
    image_size=(36, 64),
    transforms=types.MappingProxyType(
        {"image": "standardize", "behavior": "scale", "pupil_center": "standardize"}
    ),
)
