"""Several runs on the same neurons."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from recording_files import recording_tree, write_zip
from small_models import small_model
from untrained import untrained_run

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.data import ImageMouse, load_mouse, prepare
from sensorium_tf.evaluation import Comparison, compare, differences_table, evaluate
from sensorium_tf.models import EnsembleModel, ModelSettings
from sensorium_tf.registry import METRICS
from sensorium_tf.runs import Provenance, Run, load_model, save_model
from sensorium_tf.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("undrawn")


def compared_in(prepared, runs, **options):
    return compare(*(Run(run, prepared) for run in runs), **options)


SMALL = ModelSettings(model="ln", hidden_channels=2, n_blocks=1)
SCORES = ("single_trial_correlation", "correlation_to_average", "feve")


def lone(path, prepared, *, mice=("full",), seed=0, track="sensorium", places=None, **changes):
    """Saves a model with random weights of some mice, and returns its file."""
    coordinates = {
        name: load_mouse(name, data_dir=prepared).cell_motor_coordinates
        if places is None
        else places
        for name in mice
    }
    model = small_model(
        coordinates,
        track=track,
        seed=seed,
        **{"hidden_channels": 2, "n_blocks": 1, **changes},
    )
    # Untrained rates are constant to a few digits: biases and features of the size of trained ones.
    for mouse in mice:
        features = model.readouts[mouse].features
        features.assign(np.random.default_rng(seed).normal(size=features.shape))
    save_model(model, path)
    return path


@pytest.fixture(scope="module")
def files(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return [lone(folder / f"{name}.keras", prepared, seed=n) for n, name in enumerate("abc")]


@pytest.fixture(scope="module")
def workdir(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "trained"
    settings = TrainingSettings(mice=("full",), epochs=1, architecture=SMALL)
    untrained_run(settings, folder, data_dir=prepared)
    return folder


@pytest.fixture(scope="module")
def compared(files, prepared, tmp_path_factory):
    output = tmp_path_factory.mktemp("compared")
    return output, compared_in(prepared, files, output=output)


def read_json(folder):
    return json.loads((folder / "comparison.json").read_text("utf-8"), parse_constant=pytest.fail)


def test_scores_are_those_of_the_runs_alone(compared, files, prepared, tmp_path):
    full = compared[1].mice["full"]
    assert list(full.scores) == ["a.keras", "b.keras", "c.keras"]
    for file in files:
        alone = evaluate(Run(file, prepared), output=tmp_path / file.stem).mice["full"]
        for name in SCORES:
            expected, found = alone.scores.per_neuron[name], full.scores[file.name].per_neuron[name]
            np.testing.assert_array_equal(found, expected)
        np.testing.assert_array_equal(full.first.oracle, alone.oracle)


def test_a_tier_is_read_once_for_all_runs(files, prepared, tmp_path, monkeypatch):
    read, trials = [], ImageMouse.trials
    monkeypatch.setattr(
        ImageMouse, "trials", lambda mouse, tier: read.append(tier) or trials(mouse, tier)
    )
    compared_in(prepared, files, tier="validation", output=tmp_path)
    assert read == ["validation"]


def test_differences_are_paired_over_neurons(compared):
    full = compared[1].mice["full"]
    assert list(full.differences) == ["b.keras", "c.keras"]
    reference = full.scores["a.keras"]
    for name, found in full.differences.items():
        for score in ("single_trial_correlation", "correlation_to_average"):
            ours, theirs = full.scores[name].per_neuron[score], reference.per_neuron[score]
            each = [b - a for a, b in zip(theirs, ours, strict=True)]
            assert found[score] == pytest.approx(sum(each) / 5)
            assert found["intervals"][score] == metrics.bootstrap_interval(each)
            assert (
                found["better"][score] == sum(b > a for a, b in zip(theirs, ours, strict=True)) / 5
            )


def test_a_custom_metric_is_compared_beside_the_others(files, prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(METRICS, "_found", dict(METRICS._found))

    @metrics.metric("mean_rate", title="mean rate")
    def mean_rate(responses, rates, image_ids):
        return rates.mean(axis=0)

    comparison = compared_in(prepared, files[:2], output=tmp_path)
    full = read_json(tmp_path)["mice"]["full"]
    found = full["differences"]["b.keras"]
    assert found["mean_rate"] == pytest.approx(
        full["scores"]["b.keras"]["mean_rate"] - full["scores"]["a.keras"]["mean_rate"]
    )
    assert set(found["better"]) == {*SCORES, "mean_rate"}
    assert comparison.report().count("mean rate") == 2


def test_neurons_without_feve_take_no_part_in_its_difference(compared):
    full = compared[1].mice["full"]
    feve = {
        "a.keras": np.array([0.5, np.nan, 0.1, 0.2, np.nan]),
        "b.keras": np.array([0.6, np.nan, 0.0, 0.5, np.nan]),
    }
    scores = {
        name: dataclasses.replace(
            full.scores[name],
            per_neuron={**full.scores[name].per_neuron, "feve": each},
            reasons={},
        )
        for name, each in feve.items()
    }
    first = dataclasses.replace(full.first, scores=scores["a.keras"])
    found = dataclasses.replace(full, first=first, scores=scores).differences["b.keras"]
    assert found["feve"] == pytest.approx(0.1)
    assert found["better"]["feve"] == pytest.approx(2 / 3)
    assert found["intervals"]["feve"] == metrics.bootstrap_interval(
        [0.6 - 0.5, 0.0 - 0.1, 0.5 - 0.2]
    )


def test_what_was_compared_is_in_comparison_json(compared):
    content, comparison = read_json(compared[0]), compared[1]
    assert content["compared_with"] == "a.keras"
    assert set(content["provenance"]) == {"a.keras", "b.keras", "c.keras"}
    assert content["equals"] is True
    full = content["mice"]["full"]
    assert (full["tier"], full["held_out"]) == ("test", None)
    assert (full["trials"], full["neurons"]) == (6, 5)
    assert full["scores"].keys() == comparison.mice["full"].scores.keys()
    assert full["oracle"]["single_trial_correlation"] == pytest.approx(
        comparison.mice["full"].first.oracle.mean()
    )
    found = full["differences"]["c.keras"]
    assert found["single_trial_correlation"] == pytest.approx(
        full["scores"]["c.keras"]["single_trial_correlation"]
        - full["scores"]["a.keras"]["single_trial_correlation"]
    )
    low, high = found["intervals"]["single_trial_correlation"]
    assert low < found["single_trial_correlation"] < high
    assert "true_rates" not in full


def test_the_figures_of_a_comparison_are_written(compared):
    figures = {path.name: path.read_bytes() for path in (compared[0] / "figures").iterdir()}
    assert set(figures) == {"paired_full.png", "scores.png"}
    assert all(content.startswith(b"\x89PNG") for content in figures.values())


def test_the_report_shows_scores_oracle_and_differences(compared):
    report, full = compared[1].report(), compared[1].mice["full"]
    assert repr(compared[1]) == report  # what a notebook shows
    assert report.startswith(
        "compared with a.keras: b.keras, c.keras\neach sees image; what it was trained on"
    )
    assert "full: 5 neurons, 6 trials of tier test" in report
    assert "oracle (other repeats)" in report
    assert "difference to a.keras" in report
    found = full.differences["b.keras"]
    row = [line for line in report.splitlines() if line.startswith("b.keras  ")][1]
    low, high = found["intervals"]["single_trial_correlation"]
    assert f"{found['single_trial_correlation']:+.3f} [{low:+.3f}, {high:+.3f}]" in row
    assert "not equals" not in report


def test_a_table_of_differences_has_signs_and_shares():
    table = differences_table(
        {
            "cnn": {
                "single_trial_correlation": 0.0123,
                "correlation_to_average": -0.5,
                "feve": None,
                "intervals": {"single_trial_correlation": (-0.001, 0.02), "feve": None},
                "better": {"single_trial_correlation": 0.634, "correlation_to_average": 0.0},
            }
        },
        to="ln",
    )
    rows = [line.split("  ") for line in table.splitlines()[2:]]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["cnn", "+0.012 [-0.001, +0.020]", "-0.500", "-"],
        ["cnn, neurons better", "63%", "0%", "-"],
    ]
    assert table.startswith("difference to ln")


def test_channels_that_are_made_of_the_image_are_no_other_signal():
    known = {"mice": ("full",), "track": "sensorium", "trained_on": ("train",)}
    inputs = {
        "plain": ("image",),
        "best": ("image", "centred_image"),
        "plus": ("image", "behavior"),
    }
    seen = {name: Provenance(inputs=signals, **known) for name, signals in inputs.items()}
    equal = Comparison(provenance={name: seen[name] for name in ("plain", "best")}, mice={})
    assert equal.equals and equal.warning is None
    assert equal.report().splitlines()[1].startswith("each sees image; trained on train")
    assert not Comparison(provenance=seen, mice={}).equals


def test_runs_that_see_different_signals_are_not_ranked_as_equals(files, prepared, tmp_path):
    plus = lone(tmp_path / "plus.keras", prepared, track="sensorium_plus")
    comparison = compared_in(prepared, [files[0], plus], output=tmp_path / "o")
    said = "not equals: a.keras sees image; what it was trained on is not known. plus.keras sees "
    assert said in comparison.report().splitlines()[1]
    assert "do not rank them" in comparison.warning
    content = read_json(tmp_path / "o")
    assert content["equals"] is False
    assert content["provenance"]["plus.keras"]["inputs"] == ["image", "behavior", "pupil_center"]
    found = content["mice"]["full"]["differences"]["plus.keras"]
    assert found["feve"] is found["intervals"]["feve"] is found["better"]["feve"] is None
    assert found["single_trial_correlation"] is not None
    assert "no FEVE: FEVE is not defined for the track" in comparison.report()


def test_a_workdir_and_an_ensemble_are_compared_and_files_lie_beside_the_first(
    workdir, files, prepared, tmp_path
):
    ensemble = tmp_path / "mean.keras"
    save_model(EnsembleModel([load_model(file) for file in files[:2]]), ensemble)
    folder = shutil.copytree(workdir, tmp_path / "trained")
    comparison = compared_in(prepared, [folder, ensemble])
    assert list(comparison.provenance) == ["trained", "mean.keras"]
    assert read_json(folder / "comparison") == json.loads(json.dumps(comparison.to_json()))
    assert not (tmp_path / "mean_results").exists()


def test_names_are_the_shortest_that_tell_runs_apart(workdir, prepared, tmp_path):
    for place in ("x", "y"):
        shutil.copytree(workdir, tmp_path / place / "run")
    runs = [tmp_path / "x" / "run", tmp_path / "y" / "run"]
    assert list(compared_in(prepared, runs).provenance) == ["x/run", "y/run"]
    again = [runs[0], runs[1] / "model.keras"]
    assert list(compared_in(prepared, again).provenance) == ["x/run", "y/run"]


def test_equal_runs_do_not_differ(files, prepared, tmp_path):
    copy = shutil.copy(files[0], tmp_path / "copy.keras")
    full = compared_in(prepared, [files[0], copy]).mice["full"]
    found = full.differences["copy.keras"]
    assert found["single_trial_correlation"] == 0
    assert found["intervals"]["single_trial_correlation"] == (0, 0)
    assert found["better"]["single_trial_correlation"] == 0


def test_mice_that_not_all_runs_know_are_refused_unless_common_ones_are_chosen(
    files, prepared, tmp_path
):
    more = lone(tmp_path / "more.keras", prepared, mice=("short", "full"))
    says = r"a.keras was trained on full, more.keras on short, full: choose mice .* \(--mice\)"
    with pytest.raises(SensoriumError, match=says):
        compared_in(prepared, [files[0], more], output=tmp_path / "o")
    with pytest.raises(SensoriumError, match="a.keras: mouse 'short' is not one that the model"):
        compared_in(prepared, [more, files[0]], mice=["short"], output=tmp_path / "o")
    assert not (tmp_path / "o").exists()
    chosen = compared_in(prepared, [files[0], more], mice=["full"], output=tmp_path / "o")
    assert list(chosen.mice) == ["full"]


def test_runs_on_other_neurons_or_recordings_are_refused(files, workdir, prepared, tmp_path):
    def refused(run, says, *, data_dir=prepared):
        with pytest.raises(SensoriumError, match=says) as caught:
            compared_in(data_dir, [files[0], run], output=tmp_path / "o")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "o").exists()

    fewer = lone(tmp_path / "fewer.keras", prepared, places=np.random.default_rng(0).random((4, 3)))
    refused(fewer, "fewer.keras: full: the model has 4 neurons, the recording 5")
    elsewhere = lone(
        tmp_path / "else.keras", prepared, places=np.random.default_rng(0).random((5, 3))
    )
    with pytest.warns(UserWarning, match="lie elsewhere in cortex"):
        refused(elsewhere, "full: a.keras and else.keras .* different recordings")
    tree = recording_tree(seed=1)
    tree["meta/statistics/responses/all/std"] = 2 * tree["meta/statistics/responses/all/std"]
    prepare("full", recording=write_zip(tmp_path / "z.zip", tree), data_dir=tmp_path / "d")
    refused(workdir, "trained: full in .* is not the recording", data_dir=tmp_path / "d")


@pytest.mark.parametrize(
    ("tier", "says"),
    [("tset", "tier 'tset': did you mean test"), ("final_test", "has no trials of tier")],
)
def test_a_tier_that_is_not_there_is_refused(files, prepared, tmp_path, tier, says):
    with pytest.raises(SensoriumError, match=says):
        compared_in(prepared, files, tier=tier, output=tmp_path / "o")
    assert not (tmp_path / "o").exists()


def test_runs_on_other_parts_of_a_mouse_are_refused(prepared, tmp_path):
    small = {"hidden_channels": 2, "n_blocks": 1, "epochs": 1, "positions": "free"}
    for name, unit_id in (("a", 3), ("b", 9)):
        settings = TrainingSettings.flat(mice="full", unit_ids=(unit_id,), **small)
        untrained_run(settings, tmp_path / name, data_dir=prepared)
    with pytest.raises(SensoriumError, match="full: a and b were trained on different neurons"):
        compared_in(prepared, [tmp_path / "a", tmp_path / "b"])


def test_a_tier_that_is_withheld_is_refused(prepared, tmp_path):
    runs = [lone(tmp_path / f"{n}.keras", prepared, mice=("hidden",), seed=n) for n in range(2)]
    with pytest.raises(SensoriumError, match="hidden: the responses of tier 'test' are withheld"):
        compared_in(prepared, runs, tier="test", output=tmp_path / "o")
    comparison = compared_in(prepared, runs, output=tmp_path / "o")
    assert comparison.mice["hidden"].first.tier == "validation"
    assert "whether tier validation took part in training is not known" in comparison.report()
    assert read_json(tmp_path / "o")["mice"]["hidden"]["oracle"] is None
    plus = lone(tmp_path / "plus.keras", prepared, mice=("hidden",), track="sensorium_plus")
    with pytest.raises(SensoriumError, match="behavior and pupil_center withheld"):
        compared_in(prepared, [runs[0], plus], output=tmp_path / "p")


def test_a_workdir_and_its_model_file_are_one_run(workdir, prepared):
    for runs in ([workdir, workdir / "model.keras"], [workdir / "model.keras", workdir]):
        with pytest.raises(SensoriumError, match="trained: duplicate run"):
            compared_in(prepared, runs)


def test_fewer_than_two_or_too_many_runs_are_refused(files, prepared):
    for runs in ([], files[:1]):
        with pytest.raises(SensoriumError, match="a comparison needs two runs or more"):
            compared_in(prepared, runs)
    with pytest.raises(SensoriumError, match="a.keras: duplicate run"):
        again = files[0].parent / ".." / files[0].parent.name / "a.keras"
        compared_in(prepared, [*files, again])
    with pytest.raises(SensoriumError, match="8 models: more than 7 cannot be told apart"):
        compared_in(prepared, [f"run{n}" for n in range(8)])
