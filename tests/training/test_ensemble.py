"""Runs that differ in their seed, and their mean."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
from small_models import small_model
from untrained import untraced_steps

from sensorium_tf import SensoriumError, TrainingStopped
from sensorium_tf.data import load_mouse
from sensorium_tf.evaluation import evaluate, model_scores, submit
from sensorium_tf.interop.pytorch import save_published
from sensorium_tf.io import file_lock
from sensorium_tf.models import FiringRateModel
from sensorium_tf.runs import Run, RunStore, load_model, predict
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import Steps, train_run, train_stages
from sensorium_tf.training.controller import Controller

pytestmark = pytest.mark.usefixtures("undrawn")


def settings(**changes):
    values = {"mice": ("full",), "epochs": 1, "batch_size": 5, "hidden_channels": 4, "n_blocks": 1}
    return TrainingSettings.flat(**{**values, **changes})


@pytest.fixture(scope="module")
def ensemble(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble") / "run"
    train_stages(settings(seeds=(3, 1)), folder, data_dir=prepared, verbose=False)
    return folder


def test_each_member_is_a_full_run_of_its_seed(ensemble, prepared, tmp_path):
    assert {path.name for path in (ensemble / "members").iterdir()} == {"seed3", "seed1"}
    alone = train_run(settings(seed=1), tmp_path / "alone", data_dir=prepared, verbose=False)
    member = load_model(ensemble / "members" / "seed1" / "model.keras")
    for a, b in zip(member.get_weights(), alone.model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_model_above_averages_their_rates(ensemble, prepared):
    trials = load_mouse("full", data_dir=prepared).trials("test")
    members = [load_model(ensemble / "members" / f"seed{n}" / "model.keras") for n in (3, 1)]
    rates = [predict(member, trials) for member in members]
    mean = predict(load_model(ensemble / "model.keras"), trials)
    np.testing.assert_allclose(mean, np.mean(rates, axis=0), rtol=1e-5)


def test_the_mean_is_scored_beside_each_member(ensemble, prepared):
    evaluation = evaluate(Run(ensemble, prepared))
    report = evaluation.report()
    for row in ("cnn, mean of 2", "member, seed 3", "member, seed 1"):
        assert row in report
    written = json.loads((ensemble / "evaluation.json").read_text())["mice"]["full"]
    assert set(written["members"]) == {"member, seed 3", "member, seed 1"}
    single = evaluate(Run(ensemble / "members" / "seed3", prepared))
    member = written["members"]["member, seed 3"]
    assert member == json.loads(json.dumps(single.mice["full"].scores.summary))
    assert member["intervals"]["single_trial_correlation"] is not None
    assert evaluation.mice["full"].scores.means != single.mice["full"].scores.means


def test_each_member_predicts_once_when_they_are_scored(ensemble, prepared, monkeypatch):
    predicted = []

    def counting(model, trials):
        predicted.append(type(model))
        return predict(model, trials)

    monkeypatch.setattr(model_scores, "predict", counting)
    rates = evaluate(Run(ensemble, prepared)).mice["full"].rates
    assert predicted == [FiringRateModel] * 2
    trials = load_mouse("full", data_dir=prepared).trials("test")
    mean = predict(load_model(ensemble / "model.keras"), trials)
    np.testing.assert_allclose(rates, mean, rtol=1e-6)
    assert rates.dtype == np.float32


def test_sigterm_between_members_stops_the_ensemble_which_can_go_on(
    prepared, tmp_path, monkeypatch
):
    real = Controller.run

    def to_the_end(self, *arguments, **options):
        result = real(self, *arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return result

    with monkeypatch.context() as patch, untraced_steps():
        patch.setattr(Controller, "run", to_the_end)
        with pytest.raises(TrainingStopped, match="before the stage members/seed1"):
            train_stages(settings(seeds=(3, 1)), tmp_path / "e", data_dir=prepared, verbose=False)
    with pytest.raises(SensoriumError, match="not finished: members/seed1 not trained yet"):
        evaluate(Run(tmp_path / "e", prepared))


def test_what_cannot_be_trained_leaves_no_folder(prepared, tmp_path):
    other = tmp_path / "other.keras"
    mouse = load_mouse("full", data_dir=prepared)
    small_model({"full": mouse.cell_motor_coordinates}, hidden_channels=5, n_blocks=1).save(other)
    for changes, says in (
        ({"init_from": "nowhere.keras"}, "no such model file"),
        ({"init_from": str(other)}, "has another core"),
        ({"mice": ("nobody",)}, "not prepared"),
    ):
        with pytest.raises(SensoriumError, match=says):
            train_stages(settings(**changes, seeds=(0, 1)), tmp_path / "no", data_dir=prepared)
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize("seeds", [["../x"], [-1], [{}], [True]])
def test_damaged_seeds_are_refused(ensemble, prepared, tmp_path, seeds):
    config = json.loads((ensemble / "config.json").read_text())
    config["settings"]["stages"]["seeds"] = seeds
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SensoriumError, match="config.json: seeds .*: expected"):
        evaluate(Run(tmp_path, prepared))


def test_the_mean_is_submitted(ensemble, prepared, tmp_path):
    (ours,) = submit(Run(ensemble, prepared), "full", output=tmp_path / "a")
    (theirs,) = submit(Run(ensemble / "model.keras", prepared), "full", output=tmp_path / "b")
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_finished_ensemble_is_not_trained_again(ensemble, prepared, monkeypatch):
    monkeypatch.setattr(Steps, "__call__", lambda *_, **__: pytest.fail("trained"))
    train_stages(settings(seeds=(3, 1)), ensemble, data_dir=prepared, verbose=False)
    assert len(load_model(ensemble / "model.keras").members) == 2


def test_a_trained_ensemble_goes_on_without_the_file_that_it_started_from(prepared, tmp_path):
    start = tmp_path / "start.keras"
    mouse = load_mouse("full", data_dir=prepared)
    small_model({"full": mouse.cell_motor_coordinates}, n_blocks=1).save(start)
    started = settings(init_from=str(start), batch_size=12, seeds=(3, 1))
    folder, options = tmp_path / "e", {"data_dir": prepared, "verbose": False}
    with untraced_steps():
        train_stages(started, folder, **options)
    start.unlink()
    (folder / "model.keras").unlink()
    leftover = folder / ".model.0123abcd.keras"
    leftover.touch()
    assert len(train_stages(started, folder, **options)) == 2
    assert (folder / "model.keras").exists() and not leftover.exists()
    shutil.rmtree(folder / "members" / "seed1")
    with pytest.raises(SensoriumError, match="start.keras: there is no such model file"):
        train_stages(started, folder, **options)


def test_two_processes_do_not_train_in_one_folder(prepared, tmp_path):
    with (
        file_lock(RunStore(tmp_path / "e").lock, "training"),
        pytest.raises(SensoriumError, match="another process is training in"),
    ):
        train_stages(settings(seeds=(3, 1)), tmp_path / "e", data_dir=prepared, verbose=False)
    assert not (tmp_path / "e" / "config.json").exists()


@pytest.mark.parametrize("seeds", [(3,), (3, 1, 2), (1, 3)])
def test_another_ensemble_in_its_folder_is_refused(ensemble, prepared, seeds):
    with pytest.raises(SensoriumError, match="another configuration .*seeds"):
        train_stages(settings(seeds=seeds), ensemble, data_dir=prepared, verbose=False)
    with pytest.raises(SensoriumError, match="another configuration"):
        train_run(settings(seed=3), ensemble, data_dir=prepared, verbose=False)


def test_an_ensemble_is_neither_exported_nor_started_from(ensemble, prepared, tmp_path):
    pytest.importorskip("torch", reason="torch writes the published checkpoints")
    with pytest.raises(SensoriumError, match="is an ensemble"):
        save_published(load_model(ensemble / "model.keras"), tmp_path / "a.pth")
    donor = str(ensemble / "model.keras")
    with pytest.raises(SensoriumError, match="is an ensemble: start from one of its members"):
        train_run(settings(init_from=donor), tmp_path / "run", data_dir=prepared, verbose=False)


@pytest.mark.parametrize(
    ("seeds", "says"),
    [
        ((), "expected whole numbers"),
        ((0, -1), "expected whole"),
        ((1, 1), "a duplicate seed"),
        ("0,1", "seeds '0,1': expected a list of whole numbers"),
        (3, "seeds 3: expected a list of whole numbers"),
        ((0.5, True), "seeds .*True.*: expected a list of whole numbers"),
    ],
)
def test_seeds_that_are_none_are_refused(seeds, says):
    with pytest.raises(SensoriumError, match=says):
        settings(seeds=seeds)
