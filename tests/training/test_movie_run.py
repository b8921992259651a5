"""Runs on mice that saw movies."""

import json
import os
import signal

import numpy as np
import pytest
from movie_files import CHALLENGE, movie_settings, simulated_movies
from untrained import counted_steps, untraced_steps, untrained_run

from sensorium_tf import SensoriumError, TrainingStopped
from sensorium_tf.data import load_mouse, prepare
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.runs import Predictor, Run, predict
from sensorium_tf.simulation import simulate_movie_recording
from sensorium_tf.specs import RESPONSE
from sensorium_tf.training import Callback, train_run, train_stages, training_pictures
from sensorium_tf.training.callbacks import LOSS


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Data folder with `lab1`, and with `lab2` of other neurons and a longer longest trial."""
    folder = tmp_path_factory.mktemp("data")
    first = simulated_movies(folder)
    second = simulate_movie_recording(
        folder, session_key="2-2-2", n_neurons=5, n_clips=4, n_frames=67, n_repeats=2
    )
    for name, recording in (("lab1", first), ("lab2", second)):
        prepare(name, recording=recording, data_dir=folder / "data", challenge=CHALLENGE)
    return folder / "data"


@pytest.fixture(scope="module")
def reports():
    """What a run on two mice tells its callbacks after each epoch."""
    return []


@pytest.fixture(scope="module")
def finished(data_dir, reports, tmp_path_factory):
    """Workdir, result and pictures of a run on two mice."""
    folder, seen = tmp_path_factory.mktemp("run") / "run", []

    class Kept(Callback):
        def on_epoch_end(self, report):
            reports.append(report)

    def watch(view):
        seen.append((view, pictures := training_pictures(view)))
        return pictures

    result = train_run(
        movie_settings(mice="lab1,lab2"),
        folder,
        data_dir=data_dir,
        watch=[watch],
        callbacks=[Kept()],
        verbose=False,
    )
    return folder, result, seen


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_learns_on_windows_and_is_scored_on_whole_trials(finished, data_dir):
    folder, result, _ = finished
    first, second = lines(folder)
    assert second["loss/poisson"] < first["loss/poisson"] and result.tier == "oracle"
    run = Run(folder, data_dir)
    each = []
    for name in ("lab1", "lab2"):
        mouse = run.mouse(name)
        rates = predict(run.model, mouse.trials("oracle"))
        movies = list(mouse.stream("oracle"))
        assert len(rates) == sum(movie.n_frames - 50 for movie in movies)
        responses = np.concatenate([movie.signals[RESPONSE][50:] for movie in movies])
        each.append(single_trial_correlation(responses, rates))
    assert np.concatenate(each).mean() == pytest.approx(result.best_score)
    # A trial by itself, as the model gives it.
    movie = next(iter(mouse.trials("oracle")))
    inputs = {name: values[None] for name, values in movie.inputs(run.model.inputs).items()}
    whole = np.asarray(run.model({"lab2": inputs})["lab2"])[0]
    assert len(whole) == movie.n_frames - run.model.lost_frames
    part = next(Predictor(run.model, "lab2").parts(mouse.trials("oracle")))
    np.testing.assert_allclose(part, whole[-(movie.n_frames - 50) :], atol=1e-5)


def test_the_loss_that_people_read_is_of_a_neuron_and_frame(finished, data_dir, reports):
    folder, result, _ = finished
    run = Run(folder, data_dir)
    n_frames = run.settings.movies.window - result.model.lost_frames
    trials = [run.settings.train_trials_of(run.mouse(name)) for name in ("lab1", "lab2")]
    size = run.settings.batch_size
    assert [len(each) % size for each in trials] == [0, 0]
    # The loss of a batch is scaled by the root of trials over batch size.
    scalars = reports[-1].scalars
    n_neurons = sum(run.mouse(name).n_neurons for name in ("lab1", "lab2"))
    per_trial = sum(
        scalars[f"loss/{name}"] / np.sqrt(len(each) * size)
        for name, each in zip(("lab1", "lab2"), trials, strict=True)
    )
    assert reports[-1].counted == "frame"
    assert scalars[LOSS] == pytest.approx(per_trial / (n_neurons * n_frames))


def test_pictures_show_a_response_over_time_beside_its_prediction(finished):
    *_, seen = finished
    view, pictures = seen[0]
    assert {"traces/lab1", "traces/lab2", "responses/lab1"} <= set(pictures)
    first = next(iter(view.trials["lab1"]))
    np.testing.assert_array_equal(view.responses["lab1"], first.signals[RESPONSE][50:])
    assert view.rates["lab1"].shape == view.responses["lab1"].shape


def test_a_run_that_was_stopped_in_an_epoch_goes_on_there(data_dir, tmp_path):
    class Stop(Callback):
        def on_steps(self, step, loss):
            if step == 4:
                os.kill(os.getpid(), signal.SIGTERM)

    settings, given = movie_settings(batch_size=1), {"data_dir": data_dir, "verbose": False}
    with counted_steps():
        train_run(settings, tmp_path / "whole", **given)
        with pytest.raises(TrainingStopped, match="in epoch 1, after step [4-6] of"):
            train_run(settings, tmp_path / "halves", callbacks=[Stop()], **given)
        train_run(settings, tmp_path / "halves", **given)
    assert lines(tmp_path / "halves") == lines(tmp_path / "whole")


def test_pretraining_and_members_are_stages_as_with_images(data_dir, tmp_path):
    settings = movie_settings(epochs=1, pretrain_mice="lab2", seeds=(0, 1), mean_bias=True)
    with untraced_steps():
        train_stages(settings, tmp_path / "run", data_dir=data_dir, verbose=False)
    run = Run(tmp_path / "run", data_dir)
    assert run.mice == ("lab1",) and len(run.members) == 2
    assert run.provenance.seen_before == (
        ("lab1", ("train", "oracle")),
        ("lab2", ("train", "oracle")),
    )
    mouse = run.mouse()
    assert predict(run.model, mouse.trials("oracle")).shape[1] == 12


def test_what_is_left_out_for_the_window_is_said(data_dir, tmp_path, capsys):
    mouse = load_mouse("lab1", data_dir=data_dir, challenge=CHALLENGE)
    longest = int(mouse.n_frames["train"].max())
    settings = movie_settings(window=longest, epochs=1)
    n_short = int((mouse.n_frames["train"] < longest).sum())
    with untraced_steps():
        train_run(settings, tmp_path / "run", data_dir=data_dir)
    said = capsys.readouterr().out
    assert f"lab1: {n_short} of {mouse.tiers['train']} trials are shorter than {longest} fr" in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 500}, "window 500: the longest of lab1's .* choose a smaller --window"),
        ({"window": 4}, "window 4: .*: use --window=5"),
        ({"track": "sensorium"}, "track 'sensorium': expected main or bonus"),
        ({"validation_tier": "test"}, "tier 'test': expected one of train, oracle"),
        ({"validation_tier": "live_test_main"}, "responses of tier 'live_test_main' are withheld"),
        ({"folds": 2}, "folds: goes with images, not with movies"),
        ({"min_fev": 0.1}, "min_fev: goes with images"),
        ({"distil": True}, "distil: goes with images"),
        ({"core": "sensorium"}, "sensorium.*movies|movies.*sensorium|images"),
        ({"core": "factorised_3d(temporal_kernels=(31, 25, 5))"}, "rates"),
    ],
)
def test_what_cannot_be_trained_on_movies_is_one_line_and_leaves_no_workdir(
    data_dir, tmp_path, changes, message
):
    with pytest.raises(SensoriumError, match=message) as error:
        untrained_run(movie_settings(**changes), tmp_path / "run", data_dir=data_dir)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_images_have_no_windows():
    with pytest.raises(SensoriumError, match="window: goes with movies, not with sensorium2022"):
        movie_settings(challenge="sensorium2022", core=None)


def test_recipes_have_their_own_values_for_movies():
    published = movie_settings(window=None, batch_size=None, epochs=None)
    assert published.movies.window == 80 and published.subset.validation_tier == "oracle"
    assert (published.batch_size, published.learning_rate, published.epochs) == (8, 0.005, 200)
    assert published.weight_decay == 0.01 and published.track == "main"
    assert "windows of 80 frames" in published.describe()
