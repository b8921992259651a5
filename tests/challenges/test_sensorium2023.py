"""The facts of the 2023 benchmark: movies."""

import json

import pytest

from sensorium_tf.challenges import CHALLENGES, challenge_of, sensorium2023
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import RecordingSpec

CHALLENGE = sensorium2023.CHALLENGE


def test_it_is_found_by_name_and_a_wrong_name_gets_the_closest():
    assert challenge_of("sensorium2023") is CHALLENGE is CHALLENGES["sensorium2023"]
    with pytest.raises(SensoriumError, match="did you mean sensorium2023"):
        challenge_of("sensorium2032")


def test_competition_mice_come_first_and_have_their_published_files():
    assert list(CHALLENGE.catalog) == [f"mouse{n}" for n in range(1, 11)]
    first, earlier = CHALLENGE.catalog["mouse1"], CHALLENGE.catalog["mouse6"]
    assert first.stem == "dynamic29515-10-12-Video-9b4f6a1a067fe51e15306b9628efea20"
    assert earlier.stem == "dynamic29156-11-10-Video-8744edeac3b4d1ce16b680916b5267ce"
    assert CHALLENGE.recording_stem("29515-10-12") == first.stem
    for entry in CHALLENGE.catalog.values():
        assert entry.url.endswith(f"/{entry.stem}.zip")
        assert CHALLENGE.session_key_of(entry.stem) == entry.session_key


def test_movies_have_time_and_frames_have_the_shape_of_images():
    recording = CHALLENGE.recording
    assert recording.has_time and recording.stimulus.name == "video"
    assert recording.image_shape == (36, 64, 1)
    assert recording["behavior"].frame_shape == (2,)
    assert RecordingSpec.from_json(json.loads(json.dumps(recording.to_json()))) == recording


def test_models_are_given_video_behavior_and_the_pupil():
    inputs = CHALLENGE.inputs(CHALLENGE.default_track)
    assert inputs.describe() == "video, behavior, pupil center"
    assert inputs.image_shape == (36, 64, 3)
    with pytest.raises(SensoriumError, match="expected video first"):
        CHALLENGE.inputs("main", channels="behavior,video")


@pytest.mark.parametrize(
    "settings", [{"channels": "video,sobel_image"}, {"extras": ["past_responses"]}]
)
def test_what_is_made_of_images_is_refused_for_movies(settings):
    with pytest.raises(SensoriumError, match="is of recordings of images, not of movies"):
        CHALLENGE.inputs("main", **settings)


def test_each_test_tier_has_a_submission_file():
    names = [*CHALLENGE.test_tiers.values()]
    assert names[0] == "predictions_live_main.parquet.brotli"
    assert len(set(names)) == 4 and set(CHALLENGE.test_tiers) < set(CHALLENGE.tiers)
    assert CHALLENGE.fev_threshold is None and CHALLENGE.skip_frames == 50


def test_each_track_has_a_live_and_a_final_tier_of_its_own():
    phases = {name: track.phases for name, track in CHALLENGE.tracks.items()}
    assert phases == {
        "main": {"live": "live_test_main", "final": "final_test_main"},
        "bonus": {"live": "live_test_bonus", "final": "final_test_bonus"},
    }
