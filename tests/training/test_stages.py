"""Pre-training, folds, members that are chosen, students: stages of a training."""

import json
import os
import signal

import numpy as np
import pytest
from untrained import untraced_steps

from sensorium_tf import Run, SensoriumError, TrainingStopped
from sensorium_tf.data import load_mouse
from sensorium_tf.evaluation import evaluate, submit
from sensorium_tf.runs import load_model, predict
from sensorium_tf.runs.stages import provenance_of, runs_of, stages_of
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import ensemble, train_stages
from sensorium_tf.training.callbacks import SCORE
from sensorium_tf.training.controller import Controller
from sensorium_tf.training.ensemble import choose_members

pytestmark = pytest.mark.usefixtures("undrawn")

HISTORY = {"modulator": "history"}
SMALL = {"epochs": 1, "batch_size": 6, "hidden_channels": 2, "n_blocks": 1}
# Nothing is said of the core.
ANY_CORE = {"hidden_channels": None, "n_blocks": None}


def settings(**changes):
    return TrainingSettings.flat(**{"mice": "full", "recipe": "fast", **SMALL, **changes})


def any_core(**changes):
    return settings(**ANY_CORE, **changes)


def train(folder, data_dir, *, verbose=False, **changes):
    with untraced_steps():
        return train_stages(settings(**changes), folder, data_dir=data_dir, verbose=verbose)


@pytest.fixture(scope="module")
def everything(prepared, tmp_path_factory):
    """Workdir of two members, each pre-trained, and a student of theirs."""
    folder = tmp_path_factory.mktemp("stages") / "run"
    train(folder, prepared, **EVERYTHING)
    return folder


EVERYTHING = {"pretrain_mice": ["short"], "members": 2, "distil": True}
RUNS = [
    "teacher/members/seed0/pretraining",
    "teacher/members/seed0/finetuning",
    "teacher/members/seed1/pretraining",
    "teacher/members/seed1/finetuning",
    "student",
]


def weights(folder):
    return load_model(folder / "model.keras").get_weights()


def assert_equal_bits(ours, theirs):
    for a, b in zip(weights(ours), weights(theirs), strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_stage_is_a_run_in_a_folder_of_its_own(everything):
    assert [run.folder for run in runs_of(settings(**EVERYTHING))] == RUNS
    for run in RUNS:
        names = {path.name for path in (everything / run).iterdir()}
        assert names >= {"config.json", "model.keras", "metrics.jsonl", "checkpoints"}
        assert names >= {"tensorboard"}
        assert Run(everything / run).settings.stages.member_seeds(3) == ()
    pretraining = Run(everything / RUNS[0])
    assert pretraining.mice == ("full", "short")
    assert Run(everything / RUNS[1]).mice == ("full",)


def test_the_whole_has_the_model_and_the_epochs_of_its_last_stage(everything):
    assert_equal_bits(everything, everything / "student")
    metrics = (everything / "metrics.jsonl").read_bytes()
    assert metrics == (everything / "student" / "metrics.jsonl").read_bytes()
    assert len(Run(everything).history()) == 1


def test_fine_tuning_is_short_and_at_a_tenth_of_the_rate():
    first, second = (each.settings for each in runs_of(settings(pretrain_mice=["short"], epochs=8)))
    assert second.learning_rate == pytest.approx(first.learning_rate / 10)
    assert (first.epochs, second.epochs) == (8, 2)
    assert (second.schedule.warmup_epochs, second.schedule.cooldown_epochs) == (0.25, 1)
    chosen = settings(pretrain_mice=["short"], epochs=8, finetune_epochs=3, finetune_rate=0.5)
    second = runs_of(chosen)[1].settings
    assert second.epochs == 3
    assert second.learning_rate == pytest.approx(first.learning_rate / 2)


def test_fine_tuning_that_does_not_gain_leaves_the_pre_trained_weights(
    prepared, tmp_path, monkeypatch
):
    def falling(self, epoch):
        return dict.fromkeys(
            [SCORE, *(f"validation/{mouse}" for mouse in self._model.mice)], -epoch
        )

    monkeypatch.setattr(Controller, "_validate", falling)
    train(tmp_path / "run", prepared, pretrain_mice=["short"])
    for part in ("core", "readouts"):
        ours, start = (
            getattr(load_model(tmp_path / "run" / name), part)
            for name in ("model.keras", "pretraining/model.keras")
        )
        if part == "readouts":
            ours, start = ours["full"], start["full"]
        for a, b in zip(ours.get_weights(), start.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_label_names_all_mice_and_tiers_that_took_part(everything, prepared, tmp_path):
    provenance = Run(everything).provenance
    assert provenance.describe() == (
        "sees image; trained on train of full, chosen by validation; taught by teacher; seen "
        "before: train and validation of full, short"
    )
    assert provenance.held_out("full", "test") is provenance.held_out("short", "test") is True
    assert provenance.held_out("short", "train") is False
    pre_trained = Run(everything / "teacher").provenance
    assert pre_trained.started_from == "pretraining"
    assert dict(pre_trained.seen_before)["short"] == ("train", "validation")
    member = Run(everything / RUNS[1]).provenance
    assert member.started_from == "../pretraining/model.keras" and member.all_known
    (file,) = submit(Run(everything, prepared), output=tmp_path)
    label = json.loads(file.with_name("submission.json").read_text())
    assert label["provenance"] == provenance.to_json()


def test_it_is_evaluated_like_any_run(everything, prepared):
    assert evaluate(Run(everything, prepared)).mice["full"].held_out is True


class Killed(BaseException):
    pass


def kill_at(patch, moment):
    """Raises before the second run, or after its first epoch."""
    real_run, real_save, runs = Controller.run, Controller._save, []

    def run(self, *arguments, **options):
        runs.append(self)
        if len(runs) == 2 and moment == "between stages":
            raise Killed
        return real_run(self, *arguments, **options)

    def save(self):
        real_save(self)
        if len(runs) == 2 and moment == "inside one":
            raise Killed

    patch.setattr(Controller, "run", run)
    patch.setattr(Controller, "_save", save)


def test_a_training_that_is_killed_ends_with_equal_bits(prepared, tmp_path, monkeypatch):
    chosen = {"pretrain_mice": ["short"], "epochs": 2, "finetune_epochs": 2}
    train(tmp_path / "whole", prepared, **chosen)
    for moment in ("between stages", "inside one"):
        with monkeypatch.context() as patch:
            kill_at(patch, moment)
            with pytest.raises(Killed):
                train(tmp_path / "run", prepared, **chosen)
        with pytest.raises(SensoriumError, match="not finished: finetuning not trained yet"):
            Run(tmp_path / "run").model  # noqa: B018
    train(tmp_path / "run", prepared, **chosen)
    for stage in ("pretraining", "."):
        assert_equal_bits(tmp_path / "run" / stage, tmp_path / "whole" / stage)
    metrics = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("run", "whole")]
    assert metrics[0] == metrics[1] != ""


def test_sigterm_between_stages_ends_with_the_name_of_the_next_one(prepared, tmp_path, monkeypatch):
    real = Controller.run

    def to_the_end(self, *arguments, **options):
        result = real(self, *arguments, **options)
        os.kill(os.getpid(), signal.SIGTERM)
        return result

    monkeypatch.setattr(Controller, "run", to_the_end)
    with pytest.raises(TrainingStopped, match="before the stage finetuning: the same command"):
        train(tmp_path / "run", prepared, pretrain_mice=["short"])


def test_lines_say_which_stage_of_how_many_is_trained(prepared, tmp_path, capsys):
    train(tmp_path / "run", prepared, verbose=True, pretrain_mice=["short"])
    said = capsys.readouterr().out
    assert "stage 1 of 2: pretraining\n" in said and "stage 2 of 2: finetuning\n" in said
    assert "stage 2 of 2, epoch 1 of at most 1: loss" in said


def test_other_stages_in_its_folder_are_refused(everything, prepared):
    with pytest.raises(SensoriumError, match="another configuration .*members 2 there, 3 here"):
        train(everything, prepared, **{**EVERYTHING, "members": 3})


@pytest.fixture(scope="module")
def folds(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("folds") / "run"
    train(folder, prepared, folds=2)
    return folder


def test_the_folds_share_out_the_trials(folds, prepared):
    mouse = load_mouse("full", data_dir=prepared)
    both = [Run(folds / "members" / f"fold{n}").subset for n in (1, 2)]
    held_out = [set(each.validation_trials_of(mouse).trial_ids) for each in both]
    trained = [set(each.train_trials_of(mouse).trial_ids) for each in both]
    everything = {*mouse.trials("train").trial_ids, *mouse.trials("validation").trial_ids}
    assert held_out[0] | held_out[1] == everything and not held_out[0] & held_out[1]
    assert trained == held_out[::-1]
    assert both[0].n_train_trials_of(mouse) == len(trained[0])


def test_a_score_of_folds_on_validation_is_never_called_held_out(folds, prepared):
    for run in (folds, folds / "members" / "fold1"):
        scored = evaluate(Run(run, prepared), tier="validation")
        assert scored.mice["full"].held_out is False
        assert "tier validation took part in training: not a held-out score" in scored.report()
        assert Run(run).provenance.trained_on == ("train", "validation")
    assert "2 folds of train and validation, reshuffled" in Run(folds).provenance.describe()
    assert evaluate(Run(folds, prepared), tier="test").mice["full"].held_out is True
    assert list(Run(folds).members) == ["member, fold 1", "member, fold 2"]


def test_members_are_taken_as_long_as_their_mean_gains(rng):
    signal = rng.normal(size=(50, 3))
    noise = rng.normal(size=(3, 50, 3))
    rates = {
        "noise": [noise[0]],
        "good": [signal + 0.5 * noise[1]],
        "also good": [signal + 0.6 * noise[2]],
    }
    chosen, scores = choose_members([signal], rates)
    assert chosen == ["good", "also good"]
    assert scores["also good"] > scores["good"] > 0.5


def test_a_pruned_ensemble_holds_the_members_that_were_chosen(prepared, tmp_path, capsys):
    train(tmp_path / "run", prepared, verbose=True, seeds=(4, 2), prune=True)
    said = json.loads((tmp_path / "run" / "members.json").read_text())
    assert said["tier"] == "validation"
    run = Run(tmp_path / "run", prepared)
    assert list(run.members) == [f"member, {name}" for name in said["kept"]]
    trials = load_mouse("full", data_dir=prepared).trials("validation")
    folder = tmp_path / "run" / "members"
    rates = {
        f"seed {n}": [predict(load_model(folder / f"seed{n}" / "model.keras"), trials)]
        for n in (4, 2)
    }
    assert choose_members([trials.responses], rates)[0] == said["kept"]
    assert f"{len(said['kept'])} of 2 members stay" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pretrain_mice": ["full"]}, "pretrain_mice: full is a target mouse"),
        (
            {"pretrain_mice": ["short"], "core": "contrast", **ANY_CORE},
            "pretrain_mice: the core has no weights that other mice could train",
        ),
        (
            {
                "pretrain_mice": ["short"],
                "members": 2,
                "member_cores": "contrast; contrast; sensorium",
                **ANY_CORE,
            },
            "pretrain_mice: the core has no weights that other mice could train",
        ),
        ({"folds": 2, "prune": True}, "prune: not with folds: a trial is held out from one member"),
        ({"folds": 2, "seeds": [1, 2]}, "seeds: not with folds"),
        ({"fold": 3, "folds": 2}, "fold 3: expected 1 to the number of folds"),
        ({"fold": 1}, "fold 1: expected 1 to the number of folds"),
        ({"folds": 2, "train_trials": 3}, "folds: not with train_trials"),
        ({"distil_images": ["x"]}, "distil_images: goes with distil_from or distil"),
        ({"budget_minutes": 1, "recipe": "published"}, "budget_minutes: goes with the recipe"),
        ({"members": 0}, "members 0: expected at least 1"),
        ({"members": 2, "seeds": [1, 2]}, "members: not with seeds, which say how many"),
        ({"members": 3, "folds": 2}, "members: not with folds, which say how many"),
        ({"prune": True}, "prune: goes with members or seeds"),
        ({"recipe": "best", "members": 1, "prune": True}, "prune: goes with members or seeds"),
        ({"student_core": "gabor"}, "student_core: goes with distil"),
        (
            {"distil": True, "members": 2, "student_like_members": True},
            "student_like_members: goes with distil, members or seeds, and prune",
        ),
        ({"distil": True, "student_core": "gabor("}, "student_core: "),
        ({"member_cores": "gabor"}, "member_cores: goes with members, seeds or folds"),
        ({"member_cores": "gabor;", "members": 2}, "member_cores: '': expected a name"),
        ({"finetune_epochs": 2}, "finetune_epochs: goes with pretrain_mice"),
        ({"finetune_rate": 0.2}, "finetune_rate: goes with pretrain_mice"),
        ({"distil_weight": 0.2}, "distil_weight: goes with distil_from or distil"),
        (
            {"distil": True, "distil_images": ["x"], "track": "sensorium_plus", **HISTORY},
            "distil_images: not with a model that is given past responses",
        ),
    ],
)
def test_stages_that_do_not_go_together_are_refused(changes, says):
    with pytest.raises(SensoriumError, match=says):
        settings(**changes)


def test_what_a_recipe_chooses_in_vain_is_left_out():
    seeds = settings(recipe="best", seeds=[5, 6])
    assert seeds.stages.members == 1 and seeds.stages.member_seeds(5) == (5, 6)
    folds = settings(recipe="best", folds=2)
    assert "seeds" not in folds.describe() and "2 folds of train" in folds.describe()
    assert [stage.name for stage in stages_of(folds)] == ["fold 1", "fold 2"]
    for chosen in (seeds, folds, settings(recipe="best", distil=True, distil_weight=0.2)):
        assert TrainingSettings.from_json(chosen.to_json()) == chosen
        assert all(run.settings for run in runs_of(chosen))


def test_the_student_of_a_model_with_past_responses_is_shown_no_more_images():
    chosen = {"distil": True, "pretrain_mice": ["short"], "track": "sensorium_plus"}
    for further, images in (({}, ("short",)), (HISTORY, ())):
        _, student = stages_of(settings(**chosen, **further))
        assert student.settings.distillation.distil_images == images


def test_more_images_are_looked_at_before_anything_is_trained(prepared, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SensoriumError, match="no photographs"):
        train(tmp_path / "run", prepared, distil=True, distil_images=[str(tmp_path / "empty")])
    assert not (tmp_path / "run").exists()


def test_members_take_cores_in_turn():
    cores = "residual ;sensorium(hidden_channels=2)"
    chosen = any_core(member_cores=cores, members=3, pretrain_mice=["short"])
    runs = {run.folder: run.settings.architecture.core for run in runs_of(chosen)}
    second = "sensorium(hidden_channels=2)"
    assert runs == {
        f"members/seed{seed}/{stage}": core
        for seed, core in enumerate(("residual", second, "residual"))
        for stage in ("pretraining", "finetuning")
    }
    assert f"members' cores residual; {second}" in chosen.describe()
    assert TrainingSettings.from_json(chosen.to_json()) == chosen


def test_members_with_nothing_to_share_are_not_pre_trained():
    chosen = any_core(
        member_cores="contrast; sensorium", members=2, pretrain_mice=["short"], finetune_epochs=3
    )
    assert [run.folder for run in runs_of(chosen)] == [
        "members/seed0",
        "members/seed1/pretraining",
        "members/seed1/finetuning",
    ]
    # The mean has seen what any member has.
    assert provenance_of(chosen).seen_tiers("short") == ("train", "validation")


def test_a_student_may_have_parts_of_its_own(prepared, tmp_path):
    chosen = any_core(distil=True, core="residual", student_core="sensorium", student_readout="vit")
    teacher, student = (stage.settings for stage in stages_of(chosen))
    assert (teacher.architecture.core, teacher.architecture.readout) == ("residual", None)
    assert (student.architecture.core, student.architecture.readout) == ("sensorium", "vit")
    assert TrainingSettings.from_json(chosen.to_json()) == chosen
    assert "one model (sensorium vit) learns from that" in chosen.describe()
    cores = {
        "core": "sensorium(hidden_channels=2, n_blocks=1)",
        "student_core": "residual(channels=2, n_blocks=1)",
    }
    train(tmp_path / "run", prepared, distil=True, **cores, **ANY_CORE)
    assert type(Run(tmp_path / "run").model.core).__name__ == "ResidualCore"
    assert type(Run(tmp_path / "run" / "teacher").model.core).__name__ == "SensoriumCore"


def test_a_student_may_have_the_parts_of_members_that_stay(prepared, tmp_path, monkeypatch):
    cores = ("sensorium(hidden_channels=2, n_blocks=1)", "residual(channels=2, n_blocks=1)")
    chosen = ANY_CORE | {
        "member_cores": "; ".join(cores),
        "members": 2,
        "prune": True,
        "distil": True,
        "student_core": cores[1],
        "student_like_members": True,
    }
    told = f"one model ({cores[1]}, if such a member stays) learns from that"
    assert told in settings(**chosen).describe()
    # The student's own core is that of seed 1.
    kept = {"seed 0": "SensoriumCore", "seed 1": "ResidualCore", "seed 0, seed 1": "ResidualCore"}
    for names, student in kept.items():
        names = names.split(", ")
        monkeypatch.setattr(
            ensemble, "choose_members", lambda *_, n=names: (n, dict.fromkeys(n, 0.1))
        )
        folder = tmp_path / "".join(names)
        train(folder, prepared, **chosen)
        assert type(Run(folder).model.core).__name__ == student
        record = json.loads((folder / "student" / "config.json").read_text())
        core = TrainingSettings.from_json(record["settings"]).architecture.core
        assert core == cores[student == "ResidualCore"]
        assert Run(folder).name == f"cnn {core}"
        # Whatever is chosen when the same command goes on, the student stays what it is.
        monkeypatch.setattr(ensemble, "choose_members", lambda *_: (["seed 0"], {"seed 0": 0.1}))
        train(folder, prepared, **chosen)
        assert type(Run(folder).model.core).__name__ == student


def test_a_member_that_cannot_be_built_is_refused_before_any_is_trained(prepared, tmp_path):
    several = {"members": 2, **ANY_CORE}
    cores = "sensorium(hidden_channels=2, n_blocks=1); rezidual"
    with pytest.raises(SensoriumError, match="rezidual"):
        train(tmp_path / "run", prepared, member_cores=cores, **several)
    cores = "rotation_equivariant(channels=2); sensorium(hidden_channels=2, n_blocks=1)"
    with pytest.raises(SensoriumError, match="OrientedReadout, takes features at 8 orientations"):
        train(tmp_path / "run", prepared, member_cores=cores, readout="oriented", **several)
    assert not (tmp_path / "run").exists()


def test_an_ensemble_of_members_of_several_cores_is_trained(prepared, tmp_path):
    cores = "sensorium(hidden_channels=2, n_blocks=1); residual(channels=2, n_blocks=1)"
    several = {"members": 2, **ANY_CORE}
    train(tmp_path / "run", prepared, member_cores=cores, **several)
    run = Run(tmp_path / "run", prepared)
    kinds = [type(member.core).__name__ for member in run.members.values()]
    assert kinds == ["SensoriumCore", "ResidualCore"]
    trials = load_mouse("full", data_dir=prepared).trials("validation")
    rates = [predict(member, trials) for member in run.members.values()]
    np.testing.assert_allclose(run.predict("validation"), np.mean(rates, axis=0), rtol=1e-5)


def test_other_seeds_have_other_members():
    members = [settings(members=3, seed=seed).stages.member_seeds(seed) for seed in (0, 1)]
    assert members == [(0, 1, 2), (3, 4, 5)]
