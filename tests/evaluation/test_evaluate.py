import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
from recording_files import recording_tree
from untrained import check_best, untrained_run

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.data import load_mouse
from sensorium_tf.evaluation import Evaluation, evaluate, evaluate_mouse
from sensorium_tf.models import ModelSettings
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.registry import METRICS
from sensorium_tf.runs import Run, RunRecord, load_model, predict
from sensorium_tf.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("undrawn")

PROVENANCE = RunRecord.new(TrainingSettings(), []).provenance
SCORES = ("single_trial_correlation", "correlation_to_average", "feve")


def trained(folder, prepared, *, model="cnn", **changes):
    settings = TrainingSettings(
        epochs=1,
        batch_size=8,
        architecture=ModelSettings(model=model, hidden_channels=4, n_blocks=1),
        **changes,
    )
    untrained_run(settings, folder, data_dir=prepared)
    return folder


@pytest.fixture(scope="module")
def pair(prepared, tmp_path_factory):
    """Workdir and evaluation of a run on a mouse whose test tier is known and one's that is not."""
    folder = trained(tmp_path_factory.mktemp("run") / "pair", prepared, mice=("full", "hidden"))
    return folder, evaluate(Run(folder, prepared))


@pytest.fixture(scope="module")
def plus(prepared, tmp_path_factory):
    """Workdir and evaluation of a run on the track with behavior."""
    folder = trained(
        tmp_path_factory.mktemp("run") / "plus", prepared, mice=("full",), track="sensorium_plus"
    )
    return folder, evaluate(Run(folder, prepared))


@pytest.fixture(scope="module")
def competition(prepared, tmp_path_factory):
    """Workdir of a run on a competition mouse."""
    return trained(
        tmp_path_factory.mktemp("run") / "hidden", prepared, mice=("hidden",), model="ln"
    )


def save_truth(path, tree, *, noise=0.0):
    """Writes the truth of a recording; its rates are the responses with noise added to them."""
    responses = np.stack(
        [tree[f"data/responses/{trial}"] for trial in range(len(tree["meta/trials/tiers"]))]
    )
    random = np.random.default_rng(0)
    Truth(
        tiers=tree["meta/trials/tiers"],
        image_ids=tree["meta/trials/frame_image_id"],
        trial_ids=tree["meta/trials/trial_idx"],
        unit_ids=tree["meta/neurons/unit_ids"],
        rates=responses + noise * random.normal(size=responses.shape),
        responses=responses,
    ).save(path)
    return path


def read_json(folder):
    return json.loads((folder / "evaluation.json").read_text("utf-8"), parse_constant=pytest.fail)


def read_neurons(folder):
    with (folder / "neurons.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_test_tier_is_scored_where_its_responses_are_known_else_validation(pair):
    tiers = {name: mouse.tier for name, mouse in pair[1].mice.items()}
    assert tiers == {"full": "test", "hidden": "validation"}


def test_the_scores_are_the_metrics_of_the_best_models_rates(pair, prepared):
    folder, evaluation = pair
    model = load_model(folder / "model.keras")
    check_best(model, folder)
    for name, each in evaluation.mice.items():
        trials = load_mouse(name, data_dir=prepared).trials(each.tier)
        rates = predict(model, trials)
        np.testing.assert_array_equal(each.rates, rates)
        np.testing.assert_array_equal(each.responses, trials.responses)
        expected = metrics.evaluate_rates(trials.responses, rates, trials.image_ids)
        assert each.scores.means == expected.means
        for score, values in expected.per_neuron.items():
            np.testing.assert_array_equal(each.scores.per_neuron[score], values)
    full = evaluation.mice["full"]
    np.testing.assert_array_equal(
        full.oracle, metrics.oracle_correlation(full.responses, full.image_ids)
    )
    np.testing.assert_array_equal(
        full.explainable_variance, metrics.explainable_variance(full.responses, full.image_ids)
    )


def test_the_mean_scores_are_in_evaluation_json(pair):
    folder, evaluation = pair
    content = read_json(folder)
    assert {name: content[name] for name in ("model", "track", "signals")} == {
        "model": "cnn",
        "track": "sensorium",
        "signals": "image",
    }
    full, hidden = content["mice"]["full"], content["mice"]["hidden"]
    assert (full["tier"], full["trials"], full["neurons"]) == ("test", 6, 5)
    assert (hidden["tier"], hidden["trials"], hidden["neurons"]) == ("validation", 4, 5)
    assert full["held_out"] is True and hidden["held_out"] is False
    assert {name: full[name] for name in SCORES} == evaluation.mice["full"].scores.means
    oracle = evaluation.mice["full"].oracle
    assert full["oracle"] == {
        "single_trial_correlation": pytest.approx(oracle.mean()),
        "intervals": {"single_trial_correlation": list(metrics.bootstrap_interval(oracle))},
    }
    correlations = evaluation.mice["full"].scores.per_neuron["single_trial_correlation"]
    assert full["intervals"]["single_trial_correlation"] == list(
        metrics.bootstrap_interval(correlations)
    )
    assert (
        full["feve_neurons"] == np.isfinite(evaluation.mice["full"].scores.per_neuron["feve"]).sum()
    )
    assert hidden["intervals"]["feve"] is None and hidden["feve_neurons"] is None
    assert "oracle" not in hidden
    assert hidden["feve"] is None
    assert "no image was shown more than once" in hidden["feve_reason"]
    assert "true_rates" not in full


def test_every_neuron_of_every_mouse_has_a_row(pair):
    folder, evaluation = pair
    rows = read_neurons(folder)
    assert list(rows[0]) == [
        "unit_id",
        "mouse",
        "area",
        "layer",
        *SCORES,
        "explainable_variance",
        "oracle",
    ]
    assert [(row["mouse"], int(row["unit_id"])) for row in rows] == [
        (mouse, unit_id) for mouse in ("full", "hidden") for unit_id in (3, 6, 9, 12, 15)
    ]
    for row, score in zip(
        rows[5:],
        evaluation.mice["hidden"].scores.per_neuron["single_trial_correlation"],
        strict=True,
    ):
        assert float(row["single_trial_correlation"]) == score
        assert row["feve"] == row["explainable_variance"] == row["oracle"] == ""
    fev = [float(row["explainable_variance"]) for row in rows[:5]]
    np.testing.assert_array_equal(fev, evaluation.mice["full"].explainable_variance)
    oracle = [float(row["oracle"]) for row in rows[:5]]
    np.testing.assert_array_equal(oracle, evaluation.mice["full"].oracle)
    # FEVE is there for the neurons with enough to explain, and for no other.
    assert [row["feve"] != "" for row in rows[:5]] == [value >= 0.15 for value in fev]


def test_the_figures_are_written_for_the_model_and_each_mouse(pair):
    figures = {path.name: path.read_bytes() for path in (pair[0] / "figures").iterdir()}
    assert set(figures) == {
        "filters.png",
        *(
            f"{figure}_{mouse}.png"
            for figure in ("correlations", "cortex", "responses", "retinotopy")
            for mouse in ("full", "hidden")
        ),
        # Those that need repeated images.
        "reliability_full.png",
        "repeats_full.png",
        # One for several mice.
        "scores.png",
    }
    assert all(content.startswith(b"\x89PNG") for content in figures.values())


def test_the_report_says_on_what_was_scored_and_why_a_score_is_missing(pair):
    report = pair[1].report()
    assert repr(pair[1]) == report  # what a notebook shows
    full, hidden, files = report.split("\n\n")
    assert files == f"evaluation.json, neurons.csv and figures are in {pair[0]}"
    sees = "cnn sees image; trained on train of full, hidden, chosen by validation"
    assert full.startswith(f"full: 5 neurons, 6 trials of tier test; {sees}\n")
    assert hidden.startswith(f"hidden: 5 neurons, 4 trials of tier validation; {sees}\n")
    mean = pair[1].mice["full"].scores.means["single_trial_correlation"]
    (row,) = (line for line in full.splitlines() if line.startswith("cnn  "))
    assert f"{mean:.3f}" in row.split()
    assert "oracle (other repeats)" in full
    assert "oracle" not in hidden
    notes = hidden.splitlines()[-2:]
    assert notes[0].startswith("no FEVE: no image was shown more than once")
    assert notes[1] == "tier validation took part in training: not a held-out score"
    assert "took part in training" not in full


def test_the_report_shows_intervals_how_many_neurons_have_feve_and_where_the_oracle_is(pair):
    full, hidden = (pair[1].mice[name] for name in ("full", "hidden"))
    report = pair[1].report().split("\n\n")
    low, high = metrics.bootstrap_interval(full.scores.per_neuron["single_trial_correlation"])
    mean = full.scores.per_neuron["single_trial_correlation"].mean()
    assert f"{mean:.3f} [{low:.3f}, {high:.3f}]" in report[0]
    low, high = metrics.bootstrap_interval(full.oracle)
    assert f"{full.oracle.mean():.3f} [{low:.3f}, {high:.3f}]" in report[0]
    assert "FEVE: over" not in " ".join(report)  # no neuron passes in either
    some = dataclasses.replace(
        full.scores,
        per_neuron={**full.scores.per_neuron, "feve": np.array([0.5, np.nan, 0.1, np.nan, np.nan])},
        reasons={},
    )
    passed = dataclasses.replace(full, scores=some).notes()
    assert passed[0].startswith("FEVE: over the 2 of 5 neurons with an explainable variance")
    better = dataclasses.replace(
        full, oracle=full.scores.per_neuron["single_trial_correlation"] - 0.01
    )
    assert "above the oracle" in " ".join(better.notes())
    worse = dataclasses.replace(
        full, oracle=full.scores.per_neuron["single_trial_correlation"] + 0.01
    )
    assert "above the oracle" not in " ".join([*worse.notes(), *hidden.notes()])


def test_the_plus_track_sees_behavior_and_has_no_feve(plus):
    folder, evaluation = plus
    content = read_json(folder)
    assert content["signals"] == "image, behavior, pupil center"
    assert content["mice"]["full"]["feve"] is None
    assert "same behavior" in content["mice"]["full"]["feve_reason"]
    assert content["mice"]["full"]["single_trial_correlation"] is not None
    assert {row["feve"] for row in read_neurons(folder)} == {""}
    assert "cnn sees image, behavior, pupil center" in evaluation.report()
    assert "no FEVE: FEVE is not defined for the track sensorium_plus" in evaluation.report()


def test_a_custom_metric_stands_beside_the_others_in_every_file_and_table(
    pair, prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(METRICS, "_found", dict(METRICS._found))

    @metrics.metric("mean_rate", title="mean rate")
    def mean_rate(responses, rates, image_ids):
        return rates.mean(axis=0)

    evaluation = evaluate(Run(pair[0], prepared), output=tmp_path)
    content = read_json(tmp_path)["mice"]["hidden"]
    expected = evaluation.mice["hidden"].rates.mean(axis=0, dtype=np.float64)
    assert content["mean_rate"] == pytest.approx(expected.mean())
    assert content["intervals"]["mean_rate"] is not None
    rows = read_neurons(tmp_path)
    assert list(rows[0])[4:8] == [*SCORES, "mean_rate"]
    assert [float(row["mean_rate"]) for row in rows[5:]] == pytest.approx(list(expected))
    header = evaluation.report().splitlines()[1]
    assert header.endswith("  mean rate")
    without = {name: each for name, each in content.items() if name != "mean_rate"}
    without["intervals"].pop("mean_rate")
    assert without == read_json(pair[0])["mice"]["hidden"]


def test_a_tier_can_be_chosen(plus, prepared, tmp_path):
    folder = shutil.copytree(plus[0], tmp_path / "run")
    assert evaluate(Run(folder, prepared), tier="train").mice["full"].tier == "train"
    assert read_json(folder)["mice"]["full"]["trials"] == 12


@pytest.mark.parametrize(
    ("tier", "message"),
    [
        ("tset", "tier 'tset': did you mean test"),
        ("final_test", "hidden: has no trials of tier 'final_test'"),
        ("test", "hidden: the responses of tier 'test' are withheld"),
    ],
)
def test_a_tier_that_cannot_be_scored_is_refused_and_nothing_written(
    competition, prepared, tier, message
):
    before = {path.name: path.stat().st_mtime_ns for path in competition.iterdir()}
    with pytest.raises(SensoriumError, match=message):
        evaluate(Run(competition, prepared), tier=tier)
    assert before == {path.name: path.stat().st_mtime_ns for path in competition.iterdir()}


def test_the_truth_of_a_simulated_recording_gives_withheld_responses_and_a_bound(
    competition, prepared, tmp_path
):
    tree = recording_tree(seed=3)
    truth = save_truth(tmp_path / "truth.npz", tree, noise=0.2)
    each = evaluate(Run(competition, prepared), tier="test", truth=truth).mice["hidden"]
    index = {str(trial): i for i, trial in enumerate(tree["meta/trials/trial_idx"])}
    trial_ids = load_mouse("hidden", data_dir=prepared).trials("test").trial_ids
    rows, std = [index[trial] for trial in trial_ids], tree["meta/statistics/responses/all/std"]
    responses = np.stack([tree[f"data/responses/{row}"] for row in rows]) / std
    np.testing.assert_allclose(each.responses, responses, rtol=1e-6)
    rates = Truth.load(truth).rates[rows] / std
    expected = metrics.evaluate_rates(responses, rates, each.image_ids)
    assert expected.means["feve"] is not None
    assert each.truth.means == pytest.approx(expected.means, rel=1e-4)
    content = read_json(competition)
    assert content["model"] == "ln"
    true_rates = content["mice"]["hidden"]["true_rates"]
    assert {name: true_rates[name] for name in SCORES} == pytest.approx(each.truth.means)
    assert true_rates["intervals"].keys() == set(SCORES)
    assert "ceiling (true rates)" in each.rows("ln")


def test_true_rates_that_are_the_responses_predict_them_perfectly(competition, prepared, tmp_path):
    truth = Truth.load(save_truth(tmp_path / "truth.npz", recording_tree(seed=3)))
    model, mouse = load_model(competition / "model.keras"), load_mouse("hidden", data_dir=prepared)
    each = evaluate_mouse(model, mouse, "test", provenance=PROVENANCE, truth=truth)
    assert each.truth.per_neuron["single_trial_correlation"] == pytest.approx(np.ones(5), abs=1e-6)
    found = each.to_xarray()["true_single_trial_correlation"]
    np.testing.assert_array_equal(found, each.truth.per_neuron["single_trial_correlation"])


def test_neurons_of_several_areas_and_layers_are_scored_apart(competition, prepared):
    model, mouse = load_model(competition / "model.keras"), load_mouse("hidden", data_dir=prepared)
    assert not evaluate_mouse(model, mouse, "validation", provenance=PROVENANCE).groups
    areas, layers = np.array(["V1", "LM", "V1", "V1", "LM"]), np.array(["L4"] * 5)
    mixed = dataclasses.replace(mouse, neurons={**mouse.neurons, "area": areas, "layer": layers})
    each = evaluate_mouse(model, mixed, "validation", provenance=PROVENANCE)
    correlations = each.scores.per_neuron["single_trial_correlation"]
    summary = each.to_json()["groups"]
    assert list(summary) == ["area LM", "area V1"]
    for name in ("LM", "V1"):
        mean = summary[f"area {name}"]["single_trial_correlation"]
        assert mean == pytest.approx(correlations[areas == name].mean())
    evaluation = Evaluation(
        model="ln", track="sensorium", provenance=PROVENANCE, mice={"hidden": each}
    )
    assert "ln, area LM (2 neurons)" in evaluation.report()
    assert [row["model"] for row in evaluation.table()] == [
        "ln",
        "ln, area LM (2 neurons)",
        "ln, area V1 (3 neurons)",
    ]


def test_truth_that_does_not_belong_to_the_run_is_refused(pair, competition, prepared, tmp_path):
    truth = save_truth(tmp_path / "truth.npz", recording_tree(seed=4))
    with pytest.raises(SensoriumError, match="belongs to another recording"):
        evaluate(Run(competition, prepared), tier="test", truth=truth)
    with pytest.raises(SensoriumError, match="truth file belongs to one recording: choose"):
        evaluate(Run(pair[0], prepared), truth=truth)
    with pytest.raises(SensoriumError, match="there is no such truth file"):
        evaluate(Run(competition, prepared), truth=tmp_path / "none.npz")


def test_a_model_of_another_mouse_is_refused(competition, prepared):
    mouse = load_mouse("full", data_dir=prepared)
    with pytest.raises(SensoriumError, match="full: the model has no such mouse, only hidden"):
        evaluate_mouse(
            load_model(competition / "model.keras"), mouse, "test", provenance=PROVENANCE
        )


def test_a_folder_without_a_run_is_refused_and_left_alone(prepared, tmp_path):
    with pytest.raises(SensoriumError, match="no run in it"):
        evaluate(Run(tmp_path / "none", prepared))
    assert not (tmp_path / "none").exists()


def test_evaluating_again_gives_the_same_files(plus, prepared, tmp_path):
    folder = shutil.copytree(plus[0], tmp_path / "run")
    for name in ("evaluation.json", "neurons.csv"):
        (folder / name).write_text("old")
    evaluate(Run(folder, prepared))
    for name in ("evaluation.json", "neurons.csv"):
        assert (folder / name).read_bytes() == (plus[0] / name).read_bytes()
