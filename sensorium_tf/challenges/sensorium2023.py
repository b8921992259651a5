"""Sensorium 2023 (arXiv 2305.19654): movies, ten mice, scores in domain and out of it."""

import types

from sensorium_tf.challenges.challenge import Challenge, PublishedRecording
from sensorium_tf.specs import RecordingSpec, SignalSpec, Track

_SERVER = "https://gin.g-node.org/pollytur"
_ARCHIVE_URL = f"{_SERVER}/sensorium_2023_dataset"
_COMPETITION = "9b4f6a1a067fe51e15306b9628efea20"
_EARLIER = "8744edeac3b4d1ce16b680916b5267ce"
_EARLIER_URL = f"{_SERVER}/Sensorium2023Data"


def _published(
    mouse: str,
    session_key: str,
    n_neurons: int,
    *,
    purpose: str = "main",
    version: str = _COMPETITION,
    archive_url: str = _ARCHIVE_URL,
) -> PublishedRecording:
    stem = f"dynamic{session_key}-Video-{version}"
    url = f"{archive_url}/raw/master/{stem}.zip"
    return PublishedRecording(mouse, session_key, purpose, n_neurons, stem, url)


def _earlier(mouse: str, session_key: str, n_neurons: int) -> PublishedRecording:
    return _published(
        mouse,
        session_key,
        n_neurons,
        purpose="pre-training",
        version=_EARLIER,
        archive_url=_EARLIER_URL,
    )


_CATALOG = {
    entry.mouse: entry
    for entry in (
        _published("mouse1", "29515-10-12", 7863),
        _published("mouse2", "29623-4-9", 7908),
        _published("mouse3", "29647-19-8", 8202),
        _published("mouse4", "29712-5-9", 7939),
        _published("mouse5", "29755-2-8", 8122),
        _earlier("mouse6", "29156-11-10", 7440),
        _earlier("mouse7", "29228-2-10", 7928),
        _earlier("mouse8", "29234-6-9", 8285),
        _earlier("mouse9", "29513-3-5", 7671),
        _earlier("mouse10", "29514-2-9", 7495),
    )
}

_RECORDING = RecordingSpec(
    (
        SignalSpec(
            name="video",
            shape=(None, 36, 64, 1),
            role="stimulus",
            folder="videos",
            doc="Grey values, 0 to 255, 30 frames a second.",
            time_axis=0,
        ),
        SignalSpec(
            name="response",
            shape=(None, None),
            role="response",
            folder="responses",
            doc="One deconvolved response a frame and neuron, raw.",
            time_axis=0,
        ),
        SignalSpec(
            name="behavior",
            shape=(None, 2),
            role="context",
            folder="behavior",
            doc="Pupil dilation, running speed.",
            time_axis=0,
            required=False,
            columns=("pupil dilation", "running speed"),
        ),
        SignalSpec(
            name="pupil_center",
            shape=(None, 2),
            role="context",
            folder="pupil_center",
            doc="Horizontal, vertical; pixels of the eye camera.",
            time_axis=0,
            required=False,
            columns=("horizontal", "vertical"),
        ),
    )
)


def _track(name: str, doc: str) -> Track:
    return Track(
        name=name,
        doc=doc,
        channels=("video", "behavior"),
        extras=("pupil_center",),
        context=True,
        primary_metric="single_trial_correlation",
        live_tier=f"live_test_{name}",
        final_tier=f"final_test_{name}",
    )


_TRACKS = {
    track.name: track
    for track in (
        _track("main", "movies like those of training"),
        _track("bonus", "stimuli of other kinds than those of training"),
    )
}

#: The challenge.
CHALLENGE = Challenge(
    name="sensorium2023",
    archive_url=_ARCHIVE_URL,
    stem=f"dynamic{{session_key}}-Video-{_COMPETITION}",
    catalog=types.MappingProxyType(_CATALOG),
    recording=_RECORDING,
    tiers=(
        "train",
        "oracle",
        "live_test_main",
        "live_test_bonus",
        "final_test_main",
        "final_test_bonus",
        "none",
    ),
    test_tiers=types.MappingProxyType(
        {
            "live_test_main": "predictions_live_main.parquet.brotli",
            "live_test_bonus": "predictions_live_test_bonus_ood.parquet.brotli",
            "final_test_main": "predictions_final_main.parquet.brotli",
            "final_test_bonus": "predictions_final_test_bonus_ood.parquet.brotli",
        }
    ),
    file_format="parquet",
    tracks=types.MappingProxyType(_TRACKS),
    metrics=("single_trial_correlation", "correlation_to_average", "cc_norm"),
    image_size=(36, 64),
    transforms=types.MappingProxyType(
        {"video": "standardize", "behavior": "scale", "pupil_center": "standardize"}
    ),
    skip_frames=50,
    frame_rate=30.0,
)
