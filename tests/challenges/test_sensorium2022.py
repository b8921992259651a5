"""The facts of the 2022 benchmark, and what follows from them."""

import dataclasses
from pathlib import Path

import pytest

import sensorium_tf
from sensorium_tf.challenges import CHALLENGES, DEFAULT, sensorium2022
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import RecordingSpec

CHALLENGE = sensorium2022.CHALLENGE


def recording(*, image=(144, 256, 1), behavior=3, more=(), without=()):
    signals = []
    for signal in CHALLENGE.recording.signals:
        shape = {"image": image, "behavior": (behavior,)}.get(signal.name, signal.shape)
        if signal.name not in without:
            signals.append(signal.with_shape(shape))
    signals += [
        dataclasses.replace(CHALLENGE.recording["behavior"], name=name, folder=name, shape=(size,))
        for name, size in more
    ]
    return RecordingSpec(tuple(signals))


def test_it_is_found_by_name():
    assert CHALLENGES["sensorium2022"] is CHALLENGE is DEFAULT


def test_the_seven_mice_have_their_published_files():
    assert list(CHALLENGE.catalog) == [f"mouse{n}" for n in range(1, 8)]
    entry = CHALLENGE.catalog["mouse1"]
    assert entry.stem == "static26872-17-20-GrayImageNet-94c6ff995dac583098847cfecd43e7b6"
    assert entry.url == (
        "https://gin.g-node.org/cajal/Sensorium2022/raw/master/"
        "static26872-17-20-GrayImageNet-94c6ff995dac583098847cfecd43e7b6.zip"
    )
    purposes = [entry.purpose for entry in CHALLENGE.catalog.values()]
    assert purposes == ["sensorium", "sensorium_plus", *["pre-training"] * 5]


def test_both_tracks_have_the_same_live_and_final_tier():
    phases = {name: track.phases for name, track in CHALLENGE.tracks.items()}
    one = {"live": "test", "final": "final_test"}
    assert phases == {"sensorium": one, "sensorium_plus": one}


def test_a_file_name_and_a_session_key_belong_together():
    stem = CHALLENGE.recording_stem("1-2-3")
    assert CHALLENGE.session_key_of(stem) == "1-2-3"
    assert CHALLENGE.session_key_of("static1-2-3") == "1-2-3"
    assert CHALLENGE.session_key_of("our_mouse") == "our_mouse"
    for wrong in ("mouse1", "1-2", "1-2-3-4", "../1-2-3", ""):
        with pytest.raises(SensoriumError, match="expected animal-session-scan"):
            CHALLENGE.recording_stem(wrong)


@pytest.mark.parametrize(
    ("track", "shape", "signals"),
    [
        ("sensorium", (36, 64, 1), "image"),
        ("sensorium_plus", (36, 64, 4), "image, behavior, pupil center"),
    ],
)
def test_the_inputs_of_each_track_are_the_published_ones(track, shape, signals):
    inputs = CHALLENGE.inputs(track)
    assert inputs.image_shape == shape
    assert inputs.describe() == signals
    assert inputs["image"].transform == "standardize"


def test_behavior_is_divided_only_and_the_pupil_center_standardised():
    inputs = CHALLENGE.inputs("sensorium_plus")
    assert inputs["behavior"].transform == "scale"
    assert inputs["pupil_center"].transform == "standardize"


def test_inputs_follow_the_recording():
    inputs = CHALLENGE.inputs("sensorium_plus", recording(image=(36, 64, 2), behavior=4))
    assert inputs.image_shape == (36, 64, 6)
    assert inputs.step == 1


def test_other_channels_can_be_chosen():
    spec = recording(more=[("decision", 1)])
    inputs = CHALLENGE.inputs(
        "sensorium_plus", spec, channels=["image", "centred_image", "behavior", "decision"]
    )
    assert inputs.image_shape == (36, 64, 6)
    assert inputs["decision"].transform == "standardize"
    for two in (["image", "centred_image"], "image, centred_image"):
        assert CHALLENGE.inputs("sensorium", channels=two).image_shape[-1] == 2


def test_a_model_of_the_image_track_never_sees_behavior():
    with pytest.raises(SensoriumError, match="models of track sensorium see the image alone"):
        CHALLENGE.inputs("sensorium", channels=["image", "behavior"])


def test_a_track_whose_signals_were_not_recorded_is_refused():
    with pytest.raises(SensoriumError, match="track sensorium_plus needs behavior, which this"):
        CHALLENGE.inputs("sensorium_plus", recording(without=["behavior"]))
    assert CHALLENGE.inputs("sensorium", recording(without=["behavior", "pupil_center"]))


@pytest.mark.parametrize("channels", [["centred_image"], ["image", "image"], ["behavior"]])
def test_channels_begin_with_the_image_and_have_no_duplicates(channels):
    with pytest.raises(SensoriumError, match="expected image first, and each signal once"):
        CHALLENGE.inputs("sensorium_plus", channels=channels)


def test_an_unknown_track_is_named_beside_those_that_there_are():
    with pytest.raises(SensoriumError, match="'plus': expected sensorium or sensorium_p"):
        CHALLENGE.inputs("plus")


def test_feve_is_defined_where_repeats_are_alike():
    assert not CHALLENGE.track("sensorium").undefined
    assert "no two repeats" in CHALLENGE.track("sensorium_plus").undefined["feve"]


def test_other_extras_can_be_chosen_where_the_track_allows_it():
    spec = recording(more=[("decision", 1)])
    inputs = CHALLENGE.inputs("sensorium_plus", spec, channels="image", extras=["decision"])
    assert inputs.extra_shapes() == {"decision": (1,)} and inputs.describe() == "image, decision"
    bare = recording(without=["behavior", "pupil_center"])
    assert not CHALLENGE.inputs("sensorium_plus", bare, channels="image", extras=()).extras
    with pytest.raises(SensoriumError, match="signal behavior: models of track sensorium see the"):
        CHALLENGE.inputs("sensorium", extras=["behavior"])
    with pytest.raises(SensoriumError, match="needs licks, which .*it has behavior, pupil_center"):
        CHALLENGE.inputs("sensorium_plus", extras=["licks"])


def test_no_other_room_names_the_challenge():
    package = Path(sensorium_tf.__file__).parent
    # The published networks are of this challenge alone.
    knowing = {package / "challenges", package / "interop"}
    for path in package.rglob("*.py"):
        if not knowing & {*path.parents}:
            assert "sensorium2022.CHALLENGE" not in path.read_text("utf-8"), path
