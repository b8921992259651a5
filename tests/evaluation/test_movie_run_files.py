"""What is made of a trained run on movies: scores, comparison, submission."""

import json
import zipfile

import numpy as np
import pytest
from movie_files import CHALLENGE, movie_settings, simulated_movies
from untrained import untrained_run

from sensorium_tf import SensoriumError
from sensorium_tf.data import prepare
from sensorium_tf.evaluation import compare, evaluate, movie_ground_truth, submit
from sensorium_tf.insilico import Neurons
from sensorium_tf.insilico.report import best_columns
from sensorium_tf.metrics import correlation, evaluate_rates
from sensorium_tf.recordings import MovieTruth
from sensorium_tf.runs import Run
from sensorium_tf.scoring import score
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
def run(data_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "cnn"
    untrained_run(movie_settings(epochs=1), folder, data_dir=data_dir)
    return Run(folder, data_dir)


def test_an_evaluation_has_every_metric_beside_the_oracle_and_the_true_rates(run, recording):
    found = evaluate(run, truth=recording, tier="oracle")
    mouse = found.mice["lab1"]
    assert mouse.n_trials == 4 and "4 trials of tier oracle" in found.report()
    movies = list(run.mouse().stream("oracle"))
    lengths = [movie.n_frames for movie in movies]
    responses = np.zeros((4, max(lengths), 12))
    rates = np.zeros_like(responses)
    with MovieTruth.open(recording) as truth:
        for row, movie in enumerate(movies):
            responses[row, : movie.n_frames] = movie.signals[RESPONSE]
            true = truth.rates(movie.trial_index) / run.mouse().response_scale
            rates[row, : movie.n_frames] = true
    ids = [movie.video_id for movie in movies]
    ceiling = evaluate_rates(responses, rates, ids, n_frames=lengths, challenge=CHALLENGE)
    for name, values in ceiling.per_neuron.items():
        np.testing.assert_allclose(mouse.truth.per_neuron[name], values, rtol=1e-4)
    assert set(mouse.scores.per_neuron) == {
        "single_trial_correlation", "correlation_to_average", "cc_norm"
    }  # fmt: skip
    written = json.loads((run.folder / "evaluation.json").read_text())["mice"]["lab1"]
    assert written["trials"] == 4 and written["held_out"] is False
    assert written["true_rates"]["single_trial_correlation"] == pytest.approx(
        ceiling.means["single_trial_correlation"], rel=1e-4
    )
    assert written["oracle"]["single_trial_correlation"] is not None
    assert len((run.folder / "neurons.csv").read_text().splitlines()) == 13
    names = {path.stem for path in (run.folder / "figures").iterdir()}
    assert {"traces_lab1", "correlations_lab1", "filters"} <= names
    labelled = mouse.to_xarray()
    assert labelled.rate.dims == ("frame", "neuron") and int(labelled.frame_of_trial[0]) == 50


@pytest.mark.usefixtures("undrawn")
def test_withheld_tiers_are_scored_with_the_truth_alone(run, recording, data_dir, tmp_path):
    found = evaluate(run, truth=recording, output=tmp_path)
    assert found.mice["lab1"].tier == "live_test_main" and found.mice["lab1"].held_out
    found = evaluate(run, output=tmp_path)
    assert found.mice["lab1"].tier == "oracle"
    with pytest.raises(SensoriumError, match="'live_test_bonus' are withheld"):
        evaluate(run, "live_test_bonus", output=tmp_path)
    with pytest.raises(SensoriumError, match="tier 'test': expected one of train, oracle"):
        evaluate(run, "test", output=tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_runs_are_compared_on_the_same_frames(run, data_dir, tmp_path):
    smaller = movie_settings(epochs=1, image_size="18x32", seed=1)
    untrained_run(smaller, tmp_path / "small", data_dir=data_dir)
    found = compare(run, tmp_path / "small", output=tmp_path / "comparison")
    one = evaluate(Run(tmp_path / "small", data_dir), "oracle").mice["lab1"].scores.means
    assert found.mice["lab1"].scores["small"].means == pytest.approx(one)
    assert "4 trials of tier oracle" in found.report()


@pytest.mark.usefixtures("undrawn")
def test_a_submission_has_a_file_for_each_tier_and_a_zip_of_them(
    run, recording, data_dir, tmp_path
):
    *paths, together = submit(run, output=tmp_path)
    assert [path.name for path in paths] == list(CHALLENGE.test_tiers.values())
    with zipfile.ZipFile(together) as archive:
        assert archive.namelist() == [path.name for path in paths]
    truth = movie_ground_truth(
        "lab1", "live_test_main", output=tmp_path, truth=recording, data_dir=data_dir
    )
    found = score(paths[0], truth, challenge=CHALLENGE)
    ours = evaluate(run, "live_test_main", truth=recording, output=tmp_path).mice["lab1"]
    for name, mean in ours.scores.means.items():
        assert found[name] == pytest.approx(mean, rel=1e-5)
    label = json.loads((tmp_path / "submission.json").read_text())
    assert label["mouse"] == "lab1" and set(label["sha256"]) == {path.name for path in paths}


def test_a_submission_needs_all_neurons(data_dir, tmp_path):
    untrained_run(movie_settings(epochs=1, neurons=5), tmp_path / "part", data_dir=data_dir)
    with pytest.raises(SensoriumError, match="trained on 5 of lab1's 12 neurons"):
        submit(Run(tmp_path / "part", data_dir))


def test_experiments_know_a_runs_best_neurons_and_medians_of_all_training_frames(run):
    neurons = Neurons(run, columns=[0])
    movies = list(run.mouse().stream("train"))
    for name in ("behavior", "pupil_center"):
        values = np.concatenate([movie.signals[name] for movie in movies])
        np.testing.assert_allclose(neurons.state[name], np.median(values, axis=0), rtol=1e-6)
    scores = correlation(run.predict("oracle"), run.mouse().trials("oracle").rows().responses)
    assert best_columns(run, None, 3).tolist() == np.argsort(-scores)[:3].tolist()
    assert neurons.unit_ids.tolist() == run.mouse().unit_ids[:1].tolist() and neurons.knows_grey
