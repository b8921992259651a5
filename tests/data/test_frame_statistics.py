"""Movies normalised by the statistics of each frame."""

import shutil

import numpy as np
import pytest
from movie_files import CHALLENGE, change, movie_settings, simulated_movies, unpacked
from sensorium_tf.datasets.shared.frame_statistics import read_frame_statistics
from untrained import untraced_steps

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.data import batches, load_mouse, prepare
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.recordings import MovieRecording
from sensorium_tf.runs import Run, predict
from sensorium_tf.training import train_run

MEAN = "meta/statistics/videos/all/mean"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A recording whose statistics end early and know nothing of the third frame."""
    folder = tmp_path_factory.mktemp("movies")
    recording = unpacked(simulated_movies(folder), folder)
    known = np.load(recording / f"{MEAN}.npy")
    assert known.shape[-1] == 61
    change(recording, MEAN, lambda mean: np.where(np.arange(61) == 2, np.nan, mean)[..., :59])
    change(recording, MEAN.replace("mean", "std"), lambda std: std[..., :59])
    return recording


@pytest.fixture(scope="module")
def mouse(folder):
    return prepare("lab1", recording=folder, data_dir=folder.parent / "data", challenge=CHALLENGE)


def test_each_frame_is_normalised_by_its_own_statistics(mouse, folder):
    resolved = mouse.with_statistics("time_resolved")
    with MovieRecording(folder, challenge=CHALLENGE) as recording:
        pooled = recording.statistics["video"].mean
        published = recording.surveyed.statistics("time_resolved")
        for movie, plain in zip(resolved.stream("train"), mouse.stream("train"), strict=True):
            raw = recording.trial(movie.trial_index).signals
            frames = min(movie.n_frames, 59)
            mean = published["video"].mean[:frames].copy()
            mean[2] = pooled
            std = published["video"].std[:frames].copy()
            # Of the frame whose mean is not known, neither is used.
            std[2] = recording.statistics["video"].std
            np.testing.assert_allclose(
                movie.signals["video"][:frames], (raw["video"][:frames] - mean) / std, atol=1e-3
            )
            np.testing.assert_allclose(
                movie.signals["video"][59:], plain.signals["video"][59:], atol=1e-4
            )
            own = published["behavior"].std[: movie.n_frames]
            np.testing.assert_allclose(
                movie.signals["behavior"], raw["behavior"] / own, rtol=1e-3, atol=1e-3
            )
            # A score compares frames, so that responses have one scale.
            np.testing.assert_array_equal(movie.signals["response"], plain.signals["response"])


def test_frames_of_a_window_and_of_another_size_have_their_own_statistics(mouse):
    settings = {"data_dir": mouse.data_path.parents[2], "challenge": CHALLENGE}
    resolved = sensorium_tf.load("lab1", statistics="time_resolved", **settings)
    assert resolved.statistics_kind == "time_resolved"
    whole = next(resolved.stream("train")).signals
    window = resolved.reader.read("train", 0, slice(7, 20)).signals
    for name, values in whole.items():
        np.testing.assert_array_equal(window[name], values[7:20])
    smaller = resolved.with_image_size("18x32")
    blocks = whole["video"].reshape(-1, 18, 2, 32, 2, 1)
    np.testing.assert_allclose(
        next(smaller.stream("train")).signals["video"], blocks.mean(axis=(2, 4)), atol=1e-4
    )
    settings |= {"track": "main"}
    one, other = (
        next(iter(batches("lab1", **settings, window=9, shuffle=False, statistics=kind)))[0]
        for kind in ("pooled", "time_resolved")
    )
    assert not np.array_equal(one["lab1"]["video"], other["lab1"]["video"])
    np.testing.assert_array_equal(other["lab1"]["video"][0, ..., :1], whole["video"][:9])


def test_frames_that_hardly_any_training_trial_reaches_take_the_pooled_statistics(tmp_path):
    recording = unpacked(simulated_movies(tmp_path), tmp_path)
    # One training trial alone has the last frames, of which the statistics are those of itself.
    tiers = np.load(recording / "meta" / "trials" / "tiers.npy")
    for trial in np.flatnonzero(tiers == "train")[1:]:
        for name in ("videos", "responses", "behavior", "pupil_center"):
            change(
                recording,
                f"data/{name}/{trial}",
                lambda values: np.where(np.arange(values.shape[-1]) < 55, values, np.nan),
            )
    shutil.rmtree(recording / "meta" / "statistics")
    found = prepare("lab1", recording=recording, data_dir=tmp_path / "data", challenge=CHALLENGE)
    resolved = found.with_statistics("time_resolved")
    assert sorted(found.n_frames["train"])[-2:] == [55, 61]
    for movie, plain in zip(resolved.stream("oracle"), found.stream("oracle"), strict=True):
        for name in ("video", "behavior", "pupil_center"):
            np.testing.assert_allclose(
                movie.signals[name][55:], plain.signals[name][55:], rtol=1e-4, atol=1e-4
            )
            assert not np.allclose(movie.signals[name][:55], plain.signals[name][:55], atol=1e-2)


def test_columns_have_their_own_smallest_standard_deviations(mouse, tmp_path):
    file = mouse.data_path / "frame_statistics.npz"
    with np.load(file) as arrays:
        values = dict(arrays)
    # Other units, so that one column varies less than a hundredth of the other.
    values["behavior.std"][:, 1] *= 1e-4
    values["pupil_center.std"][:, 0] = 0
    np.savez(tmp_path / file.name, **values)
    found = read_frame_statistics(tmp_path, mouse.spec, n_frames=61)
    np.testing.assert_allclose(found["behavior"]["std"], values["behavior.std"])
    # As where statistics are pooled: what never changes is not divided.
    assert (found["pupil_center"]["std"][:, 0] == 1).all()


def test_a_pixel_that_hardly_changes_is_not_blown_up(mouse, tmp_path):
    file = mouse.data_path / "frame_statistics.npz"
    with np.load(file) as arrays:
        values = dict(arrays)
    values["video.std"][3, 4, 5] = 0
    np.savez(tmp_path / file.name, **values)
    found = read_frame_statistics(tmp_path, mouse.spec, n_frames=61)["video"]["std"]
    assert found[3, 4, 5, 0] == pytest.approx(0.01 * values["video.std"].mean(), rel=1e-5)


def test_a_run_says_its_statistics_and_is_evaluated_by_them(mouse, tmp_path):
    data_dir = mouse.data_path.parents[2]
    settings = movie_settings(statistics="time_resolved", epochs=1)
    assert "time-resolved statistics" in settings.describe()
    folder = tmp_path / "run"
    with untraced_steps():
        found = train_run(settings, folder, data_dir=data_dir, verbose=False)
    run = Run.of(folder, data_dir)
    model = run.model
    assert model.inputs.statistics == run.mouse().statistics_kind == "time_resolved"
    rates = predict(model, run.mouse().trials("oracle"))
    responses = [movie.signals["response"][50:] for movie in mouse.stream("oracle")]
    scores = single_trial_correlation(np.concatenate(responses), rates)
    assert scores.mean() == pytest.approx(found.best_score, abs=1e-5)
    movie = next(mouse.stream("oracle"))
    with pytest.raises(SensoriumError, match=r"with_statistics\('time_resolved'\)"):
        movie.inputs(model.inputs)
    with pytest.raises(SensoriumError, match="no way to grey values or back"):
        model.inputs.to_grey(movie.signals["video"], "lab1")


def test_statistics_that_do_not_go_together_are_refused(mouse):
    for transform in ("range", "standardize", "none"):
        with pytest.raises(SensoriumError, match=f"behavior by .*{transform}.* goes with pooled"):
            mouse.with_statistics("time_resolved").inputs(
                "main", transforms={"behavior": transform}
            )
    mouse.with_statistics("time_resolved").inputs("main", transforms={"behavior": "scale"})
    with pytest.raises(SensoriumError, match="did you mean time_resolved"):
        mouse.with_statistics("time_resolve")
    with pytest.raises(SensoriumError, match="statistics: goes with movies"):
        sensorium_tf.TrainingSettings.flat(statistics="time_resolved")


@pytest.mark.parametrize("damage", ["missing", "cut", "shape", "nan", "negative"])
def test_a_damaged_file_of_statistics_is_named(mouse, tmp_path, damage):
    data_dir = tmp_path / "data"
    shutil.copytree(mouse.data_path.parents[2], data_dir)
    received = load_mouse("lab1", data_dir=data_dir, challenge=CHALLENGE)
    file = received.data_path / "frame_statistics.npz"
    with np.load(file) as arrays:
        values = dict(arrays)
    if damage == "missing":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:1000])
    else:
        mean, std = values["video.mean"], values["video.std"]
        wrong = {
            "shape": {"video.mean": mean[:, :-1]},
            "nan": {"video.mean": np.full_like(mean, np.nan)},
            "negative": {"video.std": -std},
        }
        np.savez(file, **{**values, **wrong[damage]})
    next(received.stream("train"))
    with pytest.raises(SensoriumError, match="frame_statistics.npz.* and prepare it again") as e:
        next(received.with_statistics("time_resolved").stream("train"))
    assert "\n" not in str(e.value)
