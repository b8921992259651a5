"""Trials of movies as training and scoring take them."""

import numpy as np
import pytest
from movie_files import CHALLENGE, simulated_movies

from sensorium_tf import SensoriumError
from sensorium_tf.data import Batches, MovieTrials, batches, load_mouse, prepare
from sensorium_tf.recordings import MovieTruth
from sensorium_tf.specs import RESPONSE


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return simulated_movies(tmp_path_factory.mktemp("movies"))


@pytest.fixture(scope="module")
def data_dir(recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare("lab1", recording=recording, data_dir=folder, challenge=CHALLENGE)
    return folder


@pytest.fixture(scope="module")
def mouse(data_dir):
    return load_mouse("lab1", data_dir=data_dir, challenge=CHALLENGE)


def test_trials_are_read_in_any_order_from_both_file_formats(mouse, recording, tmp_path):
    other = prepare(
        "lab1",
        recording=recording,
        data_dir=tmp_path,
        challenge=CHALLENGE,
        file_format="array_record",
    )
    movies = list(mouse.stream("train"))
    for row in (2, 0, len(movies) - 1):
        for prepared in (mouse, other):
            part = prepared.reader.read("train", row, slice(3, 9))
            assert part.trial_index == movies[row].trial_index and part.n_frames == 6
            for name, values in part.signals.items():
                np.testing.assert_array_equal(values, movies[row].signals[name][3:9])


def test_damage_in_the_middle_of_the_files_is_one_line(recording, tmp_path):
    mouse = prepare("lab1", recording=recording, data_dir=tmp_path, challenge=CHALLENGE)
    (path,) = mouse.data_path.glob("*train*")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    with pytest.raises(SensoriumError, match="lab1: the prepared train trials .* prepare it again"):
        list(mouse.stream("train"))
    path.write_bytes(content[:-50])
    with pytest.raises(SensoriumError, match="lab1: the prepared train trials .* prepare it again"):
        list(mouse.stream("train"))


def test_models_are_given_video_and_behavior_stacked_and_pupil_centers(mouse):
    inputs = mouse.inputs("main")
    movie = next(mouse.stream("train"))
    given = movie.inputs(inputs)
    assert set(given) == {"video", "pupil_center"}
    assert given["video"].shape == (movie.n_frames, 36, 64, 3)
    np.testing.assert_array_equal(given["video"][..., :1], movie.signals["video"])
    behavior = movie.signals["behavior"][:, None, None]
    np.testing.assert_array_equal(given["video"][..., 1:], behavior + np.zeros((1, 36, 64, 1)))
    np.testing.assert_array_equal(given["pupil_center"], movie.signals["pupil_center"])


def test_windows_follow_from_seed_and_trial_and_responses_are_of_the_same_frames(mouse):
    trials, inputs = mouse.trials("train").windows(20), mouse.inputs("main")
    given, responses = trials.examples(inputs, slice(0, 3), seed=(0, 1))
    assert given["video"].shape == (3, 20, 36, 64, 3) and responses.shape == (3, 20, 12)
    for clip, wanted, movie in zip(given["video"], responses, mouse.stream("train"), strict=False):
        whole = movie.inputs(inputs)["video"]
        (start,) = (s for s in range(len(whole) - 19) if np.array_equal(whole[s : s + 20], clip))
        np.testing.assert_array_equal(wanted, movie.signals[RESPONSE][start : start + 20])
    one, _ = trials.examples(inputs, np.array([2]), seed=(0, 1))
    np.testing.assert_array_equal(one["video"][0], given["video"][2])
    other, _ = trials.examples(inputs, np.array([2]), seed=(1, 1))
    assert not np.array_equal(other["video"], one["video"])


def test_a_trial_shorter_than_the_window_is_left_out(mouse):
    n_frames = mouse.n_frames["train"]
    window = int(n_frames.max())
    assert n_frames.min() < window
    trials = mouse.trials("train").windows(window)
    assert len(trials) == (n_frames == window).sum()
    with pytest.raises(SensoriumError, match=f"lab1's .* has {window} frames: choose a smaller"):
        mouse.trials("train").windows(window + 1)


def test_batches_of_several_mice_go_on_in_the_middle_of_an_epoch(mouse):
    small = mouse.with_neurons(np.arange(5))
    inputs = mouse.inputs("main")
    made = Batches(
        {
            "lab1": mouse.trials("train").windows(20),
            "small": small.trials("train").windows(20).take(np.arange(3)),
        },
        inputs=inputs,
        batch_size=2,
        seed=3,
    )
    whole = list(made.epoch(1).as_numpy_iterator())
    assert len(whole) == made.steps_per_epoch > 2
    for inputs_of, responses in whole[:2]:
        assert inputs_of["lab1"]["video"].shape[1:] == (20, 36, 64, 3)
        assert responses["lab1"].shape[1:] == (20, 12) and responses["small"].shape[2] == 5
    rest = list(made.epoch(1, first_step=1).as_numpy_iterator())
    for (_, one), (_, same) in zip(whole[1:], rest, strict=True):
        np.testing.assert_array_equal(one["lab1"], same["lab1"])
    (_, first), *_ = made.epoch(2).as_numpy_iterator()
    assert not np.array_equal(first["lab1"], whole[0][1]["lab1"])
    # Two devices have all of it.
    shares = list(made.epoch(1, n_replicas=2, replicas=(0, 1)).as_numpy_iterator())[:2]
    both = np.concatenate([share["lab1"] for _, share in shares])
    np.testing.assert_array_equal(both, whole[0][1]["lab1"])


def test_batches_for_keras_are_of_the_challenges_tiers(data_dir):
    given = {"track": "main", "data_dir": data_dir, "challenge": CHALLENGE, "batch_size": 3}
    inputs, responses = next(iter(batches("lab1", window=20, **given)))
    assert inputs["lab1"]["pupil_center"].shape == (3, 20, 2)
    assert responses["lab1"].shape == (3, 20, 12)
    with pytest.raises(SensoriumError, match="tier 'test': expected one of train, oracle"):
        batches("lab1", tier="test", **given)


def test_what_is_scored_are_the_frames_after_the_first_fifty(mouse):
    trials = mouse.trials("oracle")
    rows, movies = trials.rows(), list(trials)
    assert isinstance(trials, MovieTrials) and rows.n_trials == len(trials) == 4
    assert len(rows.responses) == trials.n_rows == sum(movie.n_frames - 50 for movie in movies)
    np.testing.assert_array_equal(
        rows.responses, np.concatenate([movie.signals[RESPONSE][50:] for movie in movies])
    )
    np.testing.assert_array_equal(rows.shown(rows.responses), movies[0].signals[RESPONSE][50:])
    # Repeats share the ids of their frames, and nothing else does.
    ids = {}
    for id_, frame, trial in zip(rows.image_ids, rows.frames, rows.trial_ids, strict=True):
        (video,) = (movie.video_id for movie in movies if movie.trial_id == trial)
        assert ids.setdefault(id_, (video, frame)) == (video, frame)
    assert len(set(ids.values())) == len(ids)
    for (given, n_rows), movie in zip(trials.parts(mouse.inputs("main")), movies, strict=True):
        assert given["video"].shape[:2] == (1, movie.n_frames) and n_rows == movie.n_frames - 50


def test_the_truth_is_that_of_the_chosen_neurons(mouse, recording):
    with MovieTruth.open(recording) as truth:
        responses, rates = mouse.standardize(truth, mouse.trials("oracle"))
        some = mouse.with_neurons(np.array([4, 1]))
        few, _ = some.standardize(truth, some.trials("oracle"))
    np.testing.assert_allclose(responses, mouse.trials("oracle").rows().responses, rtol=1e-5)
    np.testing.assert_array_equal(few, responses[:, [4, 1]])
    assert rates.shape == responses.shape and not np.array_equal(rates, responses)
