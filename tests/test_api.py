"""The one-line calls, from a mouse to a scored submission."""

import dataclasses
import functools
import inspect
import json
import re
import shutil

import numpy as np
import pytest
from recording_files import recording_tree, write_zip
from untrained import untraced_steps

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.data import Mouse, Subset, batches, prepare
from sensorium_tf.evaluation import Comparison, Evaluation, ground_truth
from sensorium_tf.models import (
    EnsembleModel,
    FiringRateModel,
    MLPShifter,
    ModelSettings,
    ModulatorBase,
)
from sensorium_tf.registry import MODULATORS, SHIFTERS
from sensorium_tf.runs import predict
from sensorium_tf.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("undrawn")

SMALL = {"hidden_channels": 4, "n_blocks": 1, "epochs": 1, "batch_size": 5, "verbose": False}


def train(*arguments, **options):
    """As the call, without the seconds in which TensorFlow traces a step."""
    with untraced_steps():
        return sensorium_tf.train(*arguments, **{**SMALL, **options})


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "cnn"
    return train("cnn", "full", workdir=folder, data_dir=prepared)


@pytest.fixture(scope="module")
def of_two_mice(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / "ln"
    return train("ln", "full,short", workdir=folder, data_dir=prepared)


@pytest.fixture(scope="module")
def ensemble(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ensemble") / "run"
    return train("cnn", ["full"], workdir=folder, seeds=(0, 1), data_dir=prepared)


@pytest.fixture
def lone(trained, prepared, tmp_path):
    """A model file without its run."""
    shutil.copy(trained.folder / "model.keras", tmp_path / "lone.keras")
    return sensorium_tf.Run(tmp_path / "lone.keras", prepared)


def test_every_call_is_shown_at_the_top():
    from sensorium_tf import api

    calls = {
        name
        for name, value in vars(api).items()
        if not name.startswith("_") and getattr(value, "__module__", "") == api.__name__
    }
    assert calls == {"build", "load", "train"}
    elsewhere = {"Run", "compare", "evaluate", "prepare", "score", "simulate", "submit"}
    for name in calls | elsewhere:
        assert name in sensorium_tf.__all__
        assert inspect.getdoc(getattr(sensorium_tf, name))


def test_a_mouse_is_simulated_prepared_and_loaded(tmp_path):
    recording = sensorium_tf.simulate(tmp_path, n_neurons=3, n_images=10, n_repeats=2)
    assert recording.exists() and len(list(tmp_path.glob("*_truth.npz"))) == 1
    mouse = sensorium_tf.prepare("lab1", recording=recording, data_dir=tmp_path / "data")
    again = sensorium_tf.load("lab1", data_dir=tmp_path / "data")
    assert isinstance(mouse, Mouse) and again.fingerprint == mouse.fingerprint
    assert again.n_neurons == 3


def test_some_neurons_are_loaded(prepared):
    whole = sensorium_tf.load("full", data_dir=prepared)
    part = sensorium_tf.load("full", data_dir=prepared, neurons=2)
    assert (whole.n_neurons, part.n_neurons) == (5, 2)
    assert part.trials("train").responses.shape[1] == 2
    chosen = sensorium_tf.load("full", data_dir=prepared, unit_ids=whole.unit_ids[[3, 1]])
    np.testing.assert_array_equal(chosen.unit_ids, whole.unit_ids[[1, 3]])


def test_a_subset_that_is_none_is_refused(prepared):
    for name in ("neuron", "train_trials"):  # the second one is about training
        with pytest.raises(
            SensoriumError, match=f"^{name}: no such setting that chooses neurons: "
        ):
            sensorium_tf.load("full", data_dir=prepared, **{name: 2})
    with pytest.raises(SensoriumError, match="nobody' is not prepared"):
        sensorium_tf.load("nobody", data_dir=prepared)
    with pytest.raises(SensoriumError, match="load: opens one mouse, not full,short"):
        sensorium_tf.load("full,short", data_dir=prepared)


def test_a_model_is_made_for_one_mouse_or_several(prepared):
    full, short = (sensorium_tf.load(name, data_dir=prepared) for name in ("full", "short"))
    model = sensorium_tf.build("cnn", full, hidden_channels=3, seed=1)
    assert isinstance(model, FiringRateModel) and model.mice == ("full",)
    assert (model.core.config.hidden_channels, model.core.config.n_blocks) == (3, 3)
    same = sensorium_tf.build("cnn", [full], hidden_channels=3, seed=1)
    for a, b in zip(model.get_weights(), same.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    both = sensorium_tf.build("ln", (full, short), track="sensorium_plus", hidden_channels=2)
    assert both.mice == ("full", "short") and set(both.shifters) == {"full", "short"}
    assert both.core.config.activation == "linear"


def test_a_model_is_made_for_behavior_in_other_units_and_past_responses(prepared):
    full = sensorium_tf.load("full", data_dir=prepared)
    plus = {"track": "sensorium_plus", "modulator": "history", "hidden_channels": 2}
    model = sensorium_tf.build(
        "cnn", full, **plus, behavior_scale="range", past_tiers=["train", "test"]
    )
    assert model.inputs["behavior"].transform == "range"
    assert model.inputs.past_tiers == ("train", "test")
    with pytest.raises(SensoriumError, match="no such behavior_scale: did you mean range"):
        sensorium_tf.build("cnn", full, **plus, behavior_scale="rang")


def test_a_model_that_is_none_is_refused(prepared):
    mouse = sensorium_tf.load("full", data_dir=prepared)
    with pytest.raises(
        SensoriumError,
        match="^hidden_channel: no such setting of a model: did you mean hidden_channels",
    ):
        sensorium_tf.build("cnn", mouse, hidden_channel=3)
    with pytest.raises(SensoriumError, match="model 'vit': expected cnn or ln"):
        sensorium_tf.build("vit", mouse)
    for mice in ("full", None, ["full"], [mouse, mouse]):
        with pytest.raises(SensoriumError, match="mice: expected one or several different ones"):
            sensorium_tf.build("cnn", mice)


def test_a_run_is_what_training_returns(trained, prepared):
    assert isinstance(trained, sensorium_tf.Run)
    assert isinstance(trained.model, FiringRateModel) and trained.mice == ("full",)
    assert trained.data_dir == prepared and (trained.folder / "model.keras").exists()
    assert trained.provenance.trained_on == ("train",) and trained.provenance.signals == "image"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: sensorium_tf.load(3), "mice 3: expected names such as mouse1,mouse2"),
        (lambda: sensorium_tf.train("cnn", [3], workdir="no"), "mice .3.: expected names"),
        (lambda: sensorium_tf.train("cnn", None, workdir="no"), "mice None: expected names"),
        (
            lambda: sensorium_tf.train("cnn", "full", workdir="no", seeds=[1], seed=2),
            "seed and seeds do not go together: choose one",
        ),
        (lambda: sensorium_tf.Run(None), "run None: expected a workdir or a model file"),
        (lambda: sensorium_tf.compare(["a", "b"]), "run .*: expected a workdir or a model file"),
    ],
)
def test_values_of_another_kind_are_refused(call, says):
    with pytest.raises(SensoriumError, match=says):
        call()


def test_a_mouse_that_the_model_does_not_know_is_named(trained):
    submit = functools.partial(sensorium_tf.submit, trained)
    for call in (trained.mouse, submit, lambda mouse: trained.predict(mouse=mouse)):
        with pytest.raises(SensoriumError, match="'mouse9' is not one that the model was trained"):
            call("mouse9")


def test_settings_of_all_kinds_stand_side_by_side(prepared, tmp_path):
    run = train(
        "ln",
        "full",
        workdir=tmp_path,
        data_dir=prepared,
        recipe="fast",
        neurons=3,
        train_trials=10,
        subset_seed=4,
        feature_penalty=0.5,
    )
    settings = run.settings
    assert settings.subset == Subset(
        neurons=3, train_trials=10, subset_seed=4, validation_tier="validation"
    )
    assert settings.architecture == ModelSettings(
        model="ln", hidden_channels=4, n_blocks=1, feature_penalty=0.5
    )
    assert run.mouse().n_neurons == 3 and run.predict().shape == (6, 3)
    assert TrainingSettings.flat(patience=2).schedule.patience == 2


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hiden_channels", "did you mean hidden_channels?"),
        ("epoch", "did you mean epochs?"),
        ("patient", "did you mean patience?"),
        ("train_trial", "did you mean train_trials?"),
        ("zzz", "expected one of mice, challenge, track,"),
    ],
)
def test_an_unknown_setting_is_refused_with_a_hint(prepared, tmp_path, name, hint):
    with pytest.raises(SensoriumError) as caught:
        sensorium_tf.train("cnn", "full", workdir=tmp_path / "a", data_dir=prepared, **{name: 1})
    assert str(caught.value).startswith(f"{name}: no such setting: {hint}")
    assert not (tmp_path / "a").exists()


def test_training_says_what_it_does_unless_asked_not_to(prepared, tmp_path, capsys):
    train("ln", "full", workdir=tmp_path / "a", data_dir=prepared)
    assert not capsys.readouterr().out
    loud = {"verbose": True, "validation_tier": "test"}
    train("ln", "full", workdir=tmp_path / "b", data_dir=prepared, seeds=[0, 1], **loud)
    out = capsys.readouterr().out
    assert "training ln on full, track sensorium (image)" in out
    assert "tier train, weights chosen by the score on tier test" in out
    assert re.search(
        r"\nstage 1 of 2, epoch 1 of at most 1: loss -?\d.*; test correlation .*, best .* in ep",
        out,
    )
    member = tmp_path / "b" / "members" / "seed1" / "model.keras"
    assert f"{member}: 1 epochs; best test correlation" in out
    assert f"the model of them all is {tmp_path / 'b' / 'model.keras'}" in out


def test_seeds_make_an_ensemble(ensemble):
    assert isinstance(ensemble.model, EnsembleModel) and len(ensemble.model.members) == 2
    assert "cnn, mean of 2" in sensorium_tf.evaluate(ensemble).report()


def test_a_history_has_a_row_for_each_epoch(trained):
    (line,) = (trained.folder / "metrics.jsonl").read_text().splitlines()
    assert trained.history() == [json.loads(line)]
    assert trained.history()[0]["epoch"] == 1


def test_what_is_no_single_run_has_no_history(ensemble, lone):
    for run in (ensemble, lone):
        with pytest.raises(SensoriumError, match="only a single run has a history"):
            run.history()


def test_a_lone_model_file_is_a_run(lone, trained, tmp_path):
    assert lone.folder == tmp_path / "lone_results" and lone.provenance.trained_on is None
    np.testing.assert_array_equal(lone.predict(), trained.predict())
    ours, theirs = (sensorium_tf.evaluate(run).mice["full"].scores.means for run in (lone, trained))
    assert ours == theirs
    assert (tmp_path / "lone_results" / "evaluation.json").exists()


def test_a_run_that_is_none_is_refused_when_it_is_used(tmp_path):
    run = sensorium_tf.Run(tmp_path / "none.keras")
    with pytest.raises(SensoriumError, match="none.keras: there is no such model file"):
        run.model  # noqa: B018


def test_rates_are_predicted_for_a_tier(trained):
    rates = trained.predict("validation")
    trials = trained.mouse().trials("validation")
    np.testing.assert_array_equal(rates, predict(trained.model, trials))
    assert trained.predict(mouse="full").shape == (6, 5)
    with pytest.raises(SensoriumError, match="no trials of tier 'final_test'"):
        trained.predict("final_test")


def test_one_of_several_mice_has_to_be_named(of_two_mice, tmp_path):
    submit = functools.partial(sensorium_tf.submit, of_two_mice)
    for call in (of_two_mice.mouse, of_two_mice.predict, submit):
        with pytest.raises(SensoriumError, match="name one of the model's mice: full, short"):
            call()
    assert of_two_mice.mouse("short").n_neurons == 3
    assert of_two_mice.predict("validation", mouse="short").shape[1] == 3
    (file,) = sensorium_tf.submit(of_two_mice, "short", output=tmp_path)
    assert file == tmp_path / "submission_file_live_test.csv"
    with pytest.raises(SensoriumError, match="'nobody' is not one that the model was trained on"):
        of_two_mice.mouse("nobody")


def test_some_of_the_mice_are_evaluated(of_two_mice, tmp_path):
    every = sensorium_tf.evaluate(of_two_mice)
    assert isinstance(every, Evaluation) and list(every.mice) == ["full", "short"]
    one = sensorium_tf.evaluate(of_two_mice, "validation", mice="short", output=tmp_path / "one")
    assert list(one.mice) == ["short"] and one.mice["short"].tier == "validation"
    assert (tmp_path / "one" / "evaluation.json").exists()


def test_a_table_is_a_list_of_dicts(trained, of_two_mice):
    evaluation = sensorium_tf.evaluate(trained)
    model, oracle = evaluation.table()
    assert (model["mouse"], model["tier"], model["model"]) == ("full", "test", "cnn")
    assert model["held_out"] is True
    means = evaluation.mice["full"].scores.means
    assert model["single_trial_correlation"] == means["single_trial_correlation"]
    assert model["single_trial_correlation_low"] < model["single_trial_correlation"]
    assert oracle["model"] == "oracle (other repeats)" and oracle["feve"] is None
    rows = sensorium_tf.compare(trained, of_two_mice, mice="full").table()
    assert [(row["model"], row["compared_with"]) for row in rows] == [
        ("cnn", None),
        ("ln", None),
        ("oracle (other repeats)", None),
        ("ln", "cnn"),
    ]
    scores = [row["single_trial_correlation"] for row in rows]
    assert scores[3] == pytest.approx(scores[1] - scores[0])


def test_scores_have_named_dimensions(trained, of_two_mice, ensemble):
    mouse = sensorium_tf.evaluate(trained).mice["full"]
    found = mouse.to_xarray()
    assert dict(found.sizes) == {"trial": 6, "neuron": 5, "axis": 3}
    assert {*found} == {
        *("response", "rate", "oracle", "explainable_variance"),
        *("single_trial_correlation", "correlation_to_average", "feve"),
    }
    np.testing.assert_array_equal(found["rate"], mouse.rates)
    assert found["unit_id"].to_numpy().tolist() == mouse.unit_ids.tolist()
    assert found["trial_id"].dims == ("trial",) and len(set(found["trial_id"].to_numpy())) == 6
    assert found.attrs == {"mouse": "full", "tier": "test"}
    best = found.isel(neuron=int(np.argmax(found["oracle"].data)))
    assert best["area"].item() == "V1"
    members = sensorium_tf.evaluate(ensemble).mice["full"].to_xarray()
    assert members["member_feve"].dims == ("member", "neuron")
    assert len(members["member"]) == 2
    comparison = sensorium_tf.compare(trained, of_two_mice, mice="full").mice["full"].to_xarray()
    assert comparison["run"].to_numpy().tolist() == ["cnn", "ln"]
    np.testing.assert_array_equal(
        comparison["feve"].sel(run="cnn"), mouse.scores.per_neuron["feve"]
    )


def test_runs_are_compared_where_the_first_one_has_its_data(trained, of_two_mice, tmp_path):
    comparison = sensorium_tf.compare(
        trained, of_two_mice.path, mice=["full"], tier="validation", output=tmp_path / "out"
    )
    assert isinstance(comparison, Comparison) and list(comparison.provenance) == ["cnn", "ln"]
    assert comparison.mice["full"].first.tier == "validation"
    assert (tmp_path / "out" / "comparison.json").exists()
    elsewhere = dataclasses.replace(trained, data_dir=tmp_path)
    for first, where in ((elsewhere, {}), (trained, {"data_dir": tmp_path})):
        with pytest.raises(SensoriumError, match="is not prepared in"):
            sensorium_tf.compare(first, of_two_mice, mice="full", **where)
    with pytest.raises(SensoriumError, match="needs two runs or more. Received: 1"):
        sensorium_tf.compare(trained)


def test_a_submission_is_written_and_scored(trained, prepared, tmp_path):
    (file,) = sensorium_tf.submit(trained)
    assert file == trained.folder / "submission" / "submission_file_live_test.csv"
    truth = ground_truth("full", "test", output=tmp_path, data_dir=prepared)
    scores = sensorium_tf.score(file, truth)
    means = sensorium_tf.evaluate(trained).mice["full"].scores.means
    for name, mean in means.items():
        assert scores[name] == pytest.approx(mean, abs=1e-5)
    assert "behavior" in sensorium_tf.score(file, truth, track="sensorium_plus")["feve_reason"]


def test_what_a_modulator_takes_need_not_be_stacked(prepared, tmp_path):
    parts = {"track": "sensorium_plus", "channels": ["image"], "modulator": "gain"}
    run = train("cnn", "full", workdir=tmp_path / "gain", data_dir=prepared, **parts)
    assert run.provenance.inputs == ("image", "pupil_center", "behavior")
    assert run.model.image_shape == (36, 64, 1)
    assert run.model.inputs.extra_shapes() == {"pupil_center": (2,), "behavior": (3,)}
    mouse = sensorium_tf.load("full", data_dir=prepared)
    signals = mouse.trials("test").inputs(run.model.inputs)
    rates = run.model.for_mouse("full").predict(signals, verbose=0)
    np.testing.assert_allclose(rates, predict(run.model, mouse.trials("test")), rtol=1e-5)
    still = {**signals, "behavior": np.zeros_like(signals["behavior"])}
    assert not np.allclose(rates, run.model.for_mouse("full").predict(still, verbose=0))
    assert sensorium_tf.evaluate(run, "test").provenance.inputs == run.provenance.inputs
    lone = sensorium_tf.Run(run.folder / "model.keras", prepared)
    assert lone.provenance.inputs == run.provenance.inputs


def test_a_model_is_given_beside_the_image_what_its_parts_take_and_no_more(prepared):
    full, hidden = (sensorium_tf.load(name, data_dir=prepared) for name in ("full", "hidden"))
    plus = {"track": "sensorium_plus", "channels": "image"}
    for parts, extras in (
        ({}, ["pupil_center"]),
        ({"shifter": "none"}, []),
        ({"modulator": "gain"}, ["pupil_center", "behavior"]),
        ({"modulator": "gain", "shifter": "none"}, ["behavior"]),
    ):
        model = sensorium_tf.build("cnn", full, **plus, **parts)
        assert [extra.signal for extra in model.inputs.extras] == extras
        assert TrainingSettings.flat(**plus, **parts).signals == model.inputs.signals
    # Nothing is asked of a recording that no part takes.
    assert sensorium_tf.build("cnn", hidden, **plus, shifter="none").mice == ("hidden",)
    with pytest.raises(SensoriumError, match="hidden: behavior withheld in this recording"):
        sensorium_tf.build("cnn", hidden, **plus, shifter="none", modulator="gain")
    with pytest.raises(SensoriumError, match="modulator gain: takes behavior, but models of track"):
        sensorium_tf.build("cnn", full, modulator="gain")


def test_parts_can_take_any_signal_of_a_recording(tmp_path, monkeypatch):
    class Lick(ModulatorBase):
        inputs = ("licks", "behavior")

        def call(self, rates, signals, training=None):
            return rates * (1 + signals["licks"] ** 2)

    class Turn(MLPShifter):
        signal = "turning"

    licks, turning = np.arange(22.0)[:, None], np.ones((22, 2)) * np.arange(22)[:, None]
    more = {f"data/licks/{trial}": values for trial, values in enumerate(licks)}
    more |= {f"data/turning/{trial}": values for trial, values in enumerate(turning)}
    path = write_zip(tmp_path / "r.zip", recording_tree() | more)
    mouse = prepare("lab", recording=path, data_dir=tmp_path / "data")
    for registry, name, part in ((MODULATORS, "lick", Lick), (SHIFTERS, "turn", Turn)):
        monkeypatch.setitem(registry._found, name, part)
    model = sensorium_tf.build(
        "cnn",
        mouse,
        track="sensorium_plus",
        channels=["image", "behavior"],
        shifter="turn",
        modulator="lick",
        hidden_channels=4,
    )
    extras = {"turning": (2,), "licks": (1,), "behavior": (3,)}
    assert model.inputs.extra_shapes() == extras
    assert set(model.inputs.constants["lab"]) == {"image", *extras}
    assert predict(model, mouse.trials("test")).shape == (6, 5)
    given, _ = next(
        iter(
            batches(
                "lab",
                track="sensorium_plus",
                channels=["image", "behavior"],
                extras=list(extras),
                data_dir=tmp_path / "data",
            )
        )
    )
    assert {name: values.shape[1:] for name, values in given["lab"].items()} == {
        "image": (36, 64, 4),
        **extras,
    }
