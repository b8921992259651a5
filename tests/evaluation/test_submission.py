import csv
import dataclasses
import json

import numpy as np
import pytest
from recording_files import recording_tree
from untrained import check_best, untrained_run

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.data import Subset, load_mouse
from sensorium_tf.evaluation import ground_truth, submit
from sensorium_tf.models import ModelSettings
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.runs import Run, RunRecord, RunStore, load_model, predict
from sensorium_tf.scoring import score_neurons
from sensorium_tf.settings import TrainingSettings


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory):
    """Workdir of a run on a mouse with nothing withheld and a competition mouse."""
    folder = tmp_path_factory.mktemp("run") / "run"
    settings = TrainingSettings(
        mice=("full", "hidden"),
        epochs=1,
        batch_size=8,
        architecture=ModelSettings(hidden_channels=4, n_blocks=1),
    )
    untrained_run(settings, folder, data_dir=prepared)
    return folder


def truth_of(tree):
    """Returns the truth of a recording from its arrays, none withheld."""
    tiers = tree["meta/trials/tiers"]
    responses = np.stack([tree[f"data/responses/{trial}"] for trial in range(len(tiers))])
    return Truth(
        tiers=tiers,
        image_ids=tree["meta/trials/frame_image_id"],
        trial_ids=tree["meta/trials/trial_idx"],
        unit_ids=tree["meta/neurons/unit_ids"],
        rates=responses + 0.5,
        responses=responses,
    )


@pytest.fixture
def hidden_tree():
    """The recording of `hidden` before its test responses were withheld."""
    return recording_tree(seed=3)


def standardised(tree, trial_ids):
    """Returns the responses of some trials, divided by their std, from the recording's arrays."""
    index = {str(trial_id): i for i, trial_id in enumerate(tree["meta/trials/trial_idx"])}
    raw = np.stack([tree[f"data/responses/{index[trial_id]}"] for trial_id in trial_ids])
    return raw / tree["meta/statistics/responses/all/std"]


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def column(path, name):
    return np.array([json.loads(row[name]) for row in read(path)])


@pytest.mark.parametrize("mouse", ["full", "hidden"])
def test_a_submission_holds_the_best_models_rates_of_every_test_trial(
    run, prepared, tmp_path, mouse
):
    (path,) = submit(Run(run, prepared), mouse, output=tmp_path / "out")
    assert path == tmp_path / "out" / "submission_file_live_test.csv"
    trials = load_mouse(mouse, data_dir=prepared).trials("test")
    rows = read(path)
    assert [row["trial_indices"] for row in rows] == trials.trial_ids.tolist()
    assert [int(row["image_ids"]) for row in rows] == trials.image_ids.tolist()
    assert {row["neuron_ids"] for row in rows} == {"[3, 6, 9, 12, 15]"}
    model = load_model(run / "model.keras")
    check_best(model, run)
    rates = predict(model, trials)
    np.testing.assert_array_equal(column(path, "prediction").astype(np.float32), rates)


def test_without_an_output_folder_the_files_are_in_the_workdir(run, prepared):
    (path,) = submit(Run(run, prepared), "hidden")
    assert path == run / "submission" / "submission_file_live_test.csv"
    assert path.is_file()


def test_a_mouse_that_was_not_trained_on_is_refused_with_those_that_were(run, prepared, tmp_path):
    with pytest.raises(SensoriumError, match=r"'short' is not one .* trained on: full, hidden"):
        submit(Run(run, prepared), "short", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_on_some_of_the_neurons_is_refused(prepared, tmp_path):
    settings = TrainingSettings(
        mice=("full",),
        epochs=1,
        architecture=ModelSettings(hidden_channels=4, n_blocks=1),
        subset=Subset(neurons=3),
    )
    untrained_run(settings, tmp_path / "part", data_dir=prepared)
    says = (
        r"part: trained on 3 of full's 5 neurons \(3 neurons, drawn with seed 0\): a submission "
        "needs all of them"
    )
    with pytest.raises(SensoriumError, match=says):
        submit(Run(tmp_path / "part", prepared), "full", output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_choice_that_leaves_all_neurons_is_submitted(run, prepared, tmp_path, monkeypatch):
    settings = dataclasses.replace(Run(run).settings, subset=Subset(areas=("V1",)))
    monkeypatch.setattr(Run, "settings", settings)
    (ours,) = submit(Run(run, prepared), "full", output=tmp_path / "ours")
    monkeypatch.undo()
    (theirs,) = submit(Run(run, prepared), "full", output=tmp_path / "theirs")
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_folder_without_a_run_is_refused(prepared, tmp_path):
    with pytest.raises(SensoriumError, match="no run in it"):
        submit(Run(tmp_path, prepared), "full")
    with pytest.raises(SensoriumError, match=r"model\.keras: no model there"):
        mice = [load_mouse("full", data_dir=prepared)]
        record = RunRecord.new(TrainingSettings(mice=("full",)), mice)
        with RunStore(tmp_path / "new").claimed(record):
            pass
        submit(Run(tmp_path / "new", prepared), "full")


@pytest.mark.parametrize("tier", ["test", "validation"])
def test_ground_truth_holds_the_responses_in_units_of_their_std(prepared, tmp_path, tier):
    path = ground_truth("full", tier, output=tmp_path / "out", data_dir=prepared)
    assert path == tmp_path / "out" / f"ground_truth_file_{tier}.csv"
    tree = recording_tree(seed=1)
    trial_ids = [row["trial_indices"] for row in read(path)]
    in_tier = tree["meta/trials/trial_idx"][tree["meta/trials/tiers"] == tier]
    assert sorted(trial_ids) == sorted(map(str, in_tier))
    np.testing.assert_allclose(column(path, "responses"), standardised(tree, trial_ids), rtol=1e-6)


def test_the_score_of_the_files_is_that_of_the_model(run, prepared, tmp_path):
    (submission,) = submit(Run(run, prepared), "full", output=tmp_path)
    truth = ground_truth("full", "test", output=tmp_path, data_dir=prepared)
    trials = load_mouse("full", data_dir=prepared).trials("test")
    rates = predict(load_model(run / "model.keras"), trials)
    expected = metrics.evaluate_rates(trials.responses, rates, trials.image_ids).means
    assert score_neurons(submission, truth).means == pytest.approx(expected)


def test_a_withheld_tier_needs_the_truth_file(prepared, tmp_path, hidden_tree):
    with pytest.raises(SensoriumError, match="hidden: the responses of tier 'test' are withheld"):
        ground_truth("hidden", "test", output=tmp_path / "out", data_dir=prepared)
    assert not (tmp_path / "out").exists()
    truth_of(hidden_tree).save(tmp_path / "truth.npz")
    path = ground_truth(
        "hidden", "test", output=tmp_path, truth=tmp_path / "truth.npz", data_dir=prepared
    )
    trial_ids = [row["trial_indices"] for row in read(path)]
    found = column(path, "responses")
    assert found.shape == (6, 5)
    np.testing.assert_allclose(found, standardised(hidden_tree, trial_ids), rtol=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 4}, "has image .* for trial"),
        ({"seed": 3, "n_neurons": 3}, "knows no unit id 12"),
        ({"seed": 3, "n_train": 2}, "knows no trial id"),
    ],
    ids=["other seed", "other neurons", "other trials"],
)
def test_the_truth_of_another_recording_is_refused(prepared, tmp_path, changes, message):
    truth_of(recording_tree(**changes)).save(tmp_path / "truth.npz")
    with pytest.raises(SensoriumError, match=f"{message}.* belongs to another recording"):
        ground_truth(
            "hidden",
            "test",
            output=tmp_path / "out",
            truth=tmp_path / "truth.npz",
            data_dir=prepared,
        )
    assert not (tmp_path / "out").exists()


def test_a_tier_or_mouse_that_is_not_there_is_refused(prepared, tmp_path):
    for mouse, tier, message in (
        ("full", "final_test", "full: has no trials of tier 'final_test'"),
        ("full", "tset", "tier 'tset': did you mean test"),
        ("nobody", "test", "'nobody' is not prepared"),
    ):
        with pytest.raises(SensoriumError, match=message):
            ground_truth(mouse, tier, output=tmp_path / "out", data_dir=prepared)
    assert not (tmp_path / "out").exists()


def test_a_truth_file_that_is_missing_is_refused(prepared, tmp_path):
    with pytest.raises(SensoriumError, match=r"none\.npz: there is no such truth file"):
        ground_truth(
            "hidden", "test", output=tmp_path, truth=tmp_path / "none.npz", data_dir=prepared
        )
