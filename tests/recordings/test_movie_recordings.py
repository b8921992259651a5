"""Recordings of movies: padding, repeats, statistics, and what is wrong with them."""

import numpy as np
import pytest
from movie_files import CHALLENGE, change, simulated_movies, unpacked

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import MovieRecording, MovieTruth, write_movie_recording


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return simulated_movies(tmp_path_factory.mktemp("movies"))


@pytest.fixture
def folder(path, tmp_path):
    return unpacked(path, tmp_path)


def opened(path):
    return MovieRecording(path, challenge=CHALLENGE)


def test_a_trial_is_its_valid_frames_time_first(path):
    with opened(path) as recording, MovieTruth.open(path) as truth:
        assert recording.spec.image_shape == (36, 64, 1)
        index = int(np.argmin(truth.n_frames))
        trial = recording.trial(index)
        n_frames = truth.n_frames[index]
        assert trial.n_frames == n_frames < 61
        shapes = {name: values.shape for name, values in trial.signals.items()}
        assert shapes == {
            "video": (n_frames, 36, 64, 1),
            "response": (n_frames, 12),
            "behavior": (n_frames, 2),
            "pupil_center": (n_frames, 2),
        }
        training = recording.trials_of("train")[0]
        found = recording.trial(training).signals["response"]
        np.testing.assert_array_equal(found, truth.responses(training))
        assert [each.index for each in recording.trials([5, 1, 3, 0])] == [5, 1, 3, 0]


def test_repeats_are_found_by_what_was_shown_and_withheld_tiers_by_zeros(path):
    with opened(path) as recording, MovieTruth.open(path) as truth:
        found = recording.surveyed
        np.testing.assert_array_equal(found.n_frames, truth.n_frames)
        same = found.video_ids[:, None] == found.video_ids
        np.testing.assert_array_equal(same, truth.video_ids[:, None] == truth.video_ids)
        assert list(found.silent_tiers) == [*CHALLENGE.test_tiers]
        assert found.withheld_signals == ()


def test_statistics_are_pooled_unless_asked_for_each_frame(path, folder):
    with opened(path) as recording:
        trials = [recording.trial(i).signals for i in recording.trials_of("train")]
        responses = np.concatenate([each["response"] for each in trials])
        found = recording.surveyed
    pooled, resolved = found.statistics(), found.statistics("time_resolved")
    # Frames are pooled alike, however many trials have them.
    np.testing.assert_allclose(pooled["response"].mean, responses.mean(axis=0), rtol=0.15)
    assert pooled["video"].std.shape == () and resolved["video"].std.shape == (61, 36, 64, 1)
    first = np.stack([each["behavior"][0] for each in trials])
    np.testing.assert_allclose(resolved["behavior"].mean[0], first.mean(axis=0), rtol=1e-5)
    for name in (folder / "meta/statistics").glob("*/all/*.npy"):
        name.unlink()
    with opened(folder) as recording:
        computed = recording.surveyed.statistics()
    np.testing.assert_allclose(computed["response"].mean, responses.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(computed["response"].std, responses.std(axis=0), rtol=1e-5)
    with pytest.raises(SensoriumError, match="did you mean pooled"):
        found.statistics("poled")


def nan_inside(values):
    values = values.copy()
    values[..., 20] = np.nan
    return values


def short(values):
    values = values.copy()
    values[..., 50:] = np.nan
    return values


def infinite(values):
    values = values.copy()
    values[..., 7] = np.inf
    return values


SIGNALS = ("videos", "responses", "behavior", "pupil_center")
WRONG = {
    "NaN in the middle": (["videos"], nan_inside, "video is NaN in frame 20 and has values after"),
    "NaN in part of a frame": (
        ["responses"],
        lambda v: np.where((np.arange(12) == 3)[:, None], np.nan, v),
        "response is NaN in frame 0 and has values",
    ),
    "other valid frames": (["behavior"], short, "different numbers of valid frames: video 61"),
    "other frames": (["behavior"], lambda v: v[:, :55], "different numbers of frames: video 61"),
    "too short": (SIGNALS, short, "50 valid frames, expected more than 50"),
    "infinity": (["pupil_center"], infinite, "pupil_center holds infinity"),
    "other neurons": (["responses"], lambda v: v[:5], "expected \\(12,\\) and as many frames"),
    "no numbers": (["behavior"], lambda v: v.astype(str), "expected numbers"),
    "no grey values": (["videos"], lambda v: v * 1e6, "expected grey values"),
}


@pytest.mark.parametrize(("signals", "function", "message"), WRONG.values(), ids=WRONG)
def test_a_trial_that_cannot_be_used_is_one_line(path, folder, signals, function, message):
    with opened(path) as recording:
        train = [i for i in recording.trials_of("train") if recording.trial(i).n_frames == 61]
    for signal in signals:
        change(folder, f"data/{signal}/{train[0]}", function)
    with opened(folder) as recording, pytest.raises(SensoriumError, match=message) as error:
        _ = recording.surveyed
    assert f"trial {train[0]}: " in str(error.value) or "data/" in str(error.value)


def test_all_that_is_wrong_is_said_at_once(path, folder):
    with opened(path) as recording:
        train = recording.trials_of("train")[:2]
    for trial in train:
        change(folder, f"data/videos/{trial}", infinite)
    with opened(folder) as recording, pytest.raises(SensoriumError) as error:
        _ = recording.surveyed
    assert all(f"trial {trial}: video holds infinity" in str(error.value) for trial in train)


def test_wrong_tiers_and_missing_signals_are_said_when_it_is_opened(folder):
    change(folder, "meta/trials/tiers", lambda tiers: np.where(tiers == "oracle", "val", tiers))
    (folder / "data/videos/0.npy").unlink()
    with pytest.raises(SensoriumError, match="tiers that are not known, 'val' \\(4 trials"):
        opened(folder)
    change(folder, "meta/trials/tiers", lambda tiers: np.where(tiers == "val", "oracle", tiers))
    with pytest.raises(SensoriumError, match="data/videos/0.npy is missing"):
        opened(folder)


def test_statistics_of_other_data_are_refused(folder):
    for name in ("mean", "std"):
        change(folder, f"meta/statistics/responses/all/{name}", lambda values: values * 1e5)
    with (
        opened(folder) as recording,
        pytest.raises(SensoriumError, match="do not fit data/responses"),
    ):
        _ = recording.surveyed


def test_what_could_not_be_read_back_is_not_written(tmp_path):
    good = {"video": np.ones((60, 36, 64, 1)), "response": np.ones((60, 3))}
    arguments = {
        "session_key": "1-2-3",
        "tiers": ["train"],
        "trial_ids": [0],
        "unit_ids": [1, 2, 3],
        "cell_motor_coordinates": np.zeros((3, 3)),
        "length": 60,
    }
    for wrong, message in (
        ({"response": np.ones((59, 3))}, "expected the same number"),
        ({"response": np.ones((60, 2))}, "expected \\(frames, 3\\)"),
        ({"response": np.full((60, 3), np.nan)}, "NaN or infinity"),
    ):
        with pytest.raises(SensoriumError, match=message):
            write_movie_recording(tmp_path / "a.zip", [{**good, **wrong}], **arguments)
    with pytest.raises(SensoriumError, match="unknown tier"):
        write_movie_recording(tmp_path / "a.zip", [good], **{**arguments, "tiers": ["test"]})
    for trials in ([], [good, good]):
        with pytest.raises(SensoriumError, match="1 tiers, but not as many trials"):
            write_movie_recording(tmp_path / "a.zip", trials, **arguments)
    with pytest.raises(SensoriumError, match="1 tiers, but 2 trial ids"):
        write_movie_recording(tmp_path / "a.zip", [good], **{**arguments, "trial_ids": [0, 1]})
    assert not [*tmp_path.iterdir()]
