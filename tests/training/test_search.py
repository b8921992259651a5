"""A search on a study: trials that are runs, and what becomes of killed ones."""

import json
import shutil
from pathlib import Path

import pytest
from untrained import untraced_steps

from sensorium_tf import Run, SensoriumError
from sensorium_tf.training import SearchSpace, search, train_stages
from sensorium_tf.training.callbacks import SCORE, EpochReport
from sensorium_tf.training.searching import Pruning

optuna = pytest.importorskip("optuna", reason="a search takes Optuna")

SPACE = {
    "settings": {
        "mice": "full",
        "recipe": "fast",
        "epochs": 1,
        "batch_size": 12,
        "n_blocks": 0,
    },
    "space": {
        "learning_rate": {"low": 0.001, "high": 0.01, "log": True},
        "hidden_channels": {"low": 2, "high": 3},
        "channels": {"choices": [["image"], ["image", "centred_image"]]},
    },
}


def write(folder, space):
    path = folder / "space.json"
    path.write_text(json.dumps(space))
    return path


class Killed(BaseException):
    pass


def test_a_search_that_was_killed_goes_on_and_its_best_trial_is_a_run(prepared, tmp_path, capsys):
    space, folder = write(tmp_path, SPACE), tmp_path / "search"
    trained = []

    def dying(settings, where, **options):
        trained.append((settings.learning_rate, where))
        raise Killed

    def train(settings, where, **options):
        trained.append((settings.learning_rate, where))
        return train_stages(settings, where, **options)

    with pytest.raises(Killed):
        search(space, folder, n_trials=2, data_dir=prepared, train=dying)
    with untraced_steps():
        best = search(space, folder, n_trials=2, data_dir=prepared, train=train)
        assert len(trained) == 3 and trained[0] == trained[1] != trained[2]
        again = search(space, folder, n_trials=2, data_dir=prepared, train=dying)
    assert best == again and best.n_trials == 2
    run = Run(best.workdir, prepared)
    assert run.settings.learning_rate == pytest.approx(best.values["learning_rate"])
    assert list(run.settings.channels) == best.values["channels"]
    assert json.loads((folder / "best.json").read_text())["score"] == best.score
    assert len(list((folder / "tensorboard").iterdir())) == 2
    assert capsys.readouterr().out.count(": correlation ") == 2
    other = SPACE | {"space": {"learning_rate": {"low": 0.001, "high": 0.02}}}
    with pytest.raises(SensoriumError, match="holds a search in another space"):
        search(write(tmp_path, other), folder, n_trials=3, data_dir=prepared)


def test_a_trial_that_kills_its_process_again_and_again_is_given_up(tmp_path):
    class OtherTrialError(SensoriumError):
        pass

    space, folder, trained = write(tmp_path, SPACE), tmp_path / "search", []

    def dying(settings, where, **options):
        trained.append(where.name)
        if where.name != "0":
            raise OtherTrialError("another trial")
        if len(trained) == 2:  # this one gets on, and may be tried again as often as the first
            scalars = {SCORE: 0.5}
            options["callbacks"][0].on_epoch_end(EpochReport(1, 2, "validation", scalars, 0.5, 1))
        raise Killed

    for _ in range(5):
        with pytest.raises(Killed):
            search(space, folder, n_trials=2, train=dying, verbose=False)
    assert trained == 5 * ["0"]
    with pytest.raises(OtherTrialError):
        search(space, folder, n_trials=2, train=dying, verbose=False)
    assert "0" not in trained[5:]


def test_a_trial_that_finds_no_memory_has_failed(tmp_path):
    def large(*_, **__):
        raise MemoryError("64 GB")

    with pytest.raises(MemoryError):
        search(write(tmp_path, SPACE), tmp_path / "s", n_trials=9, train=large, verbose=False)
    study = optuna.load_study(study_name="search", storage=f"sqlite:///{tmp_path / 's/study.db'}")
    assert [trial.state.name for trial in study.trials] == ["FAIL", "FAIL", "FAIL"]


def test_numbers_of_a_range_are_steps_apart(tmp_path):
    space = {"ema_decay": {"low": 0.1, "high": 0.5, "step": 0.2}}
    space |= {"hidden_channels": {"low": 2, "high": 8, "step": 3}}
    read = SearchSpace.read(write(tmp_path, SPACE | {"space": space}))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    values = [read.suggest(study.ask()) for _ in range(30)]
    assert {round(each["ema_decay"], 6) for each in values} == {0.1, 0.3, 0.5}
    assert {each["hidden_channels"] for each in values} == {2, 5, 8}


def test_trials_that_cannot_be_trained_end_a_search_at_last(tmp_path):
    def failing(*_, **__):
        raise SensoriumError("the loss became infinite")

    with pytest.raises(SensoriumError, match="the loss became infinite"):
        search(write(tmp_path, SPACE), tmp_path / "s", n_trials=9, train=failing, verbose=False)
    shutil.rmtree(tmp_path / "s")


def test_a_trial_that_falls_behind_is_ended():
    pruner = optuna.pruners.MedianPruner(n_startup_trials=1)
    study = optuna.create_study(direction="maximize", pruner=pruner)

    def report(trial, score, epoch=1):
        scalars = {SCORE: score}
        Pruning(trial).on_epoch_end(EpochReport(epoch, 2, "validation", scalars, score, 1))

    first = study.ask()
    report(first, 0.5)
    study.tell(first, 0.5)
    report(study.ask(), 0.6)
    # Untrained weights say nothing.
    report(study.ask(), 0.0, epoch=0)
    with pytest.raises(optuna.TrialPruned):
        report(study.ask(), 0.1)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"settings": []}, "expected objects"),
        ({"more": {}}, "expected settings and space, and nothing else"),
        ({"space": {}}, "its space is empty"),
        ({"space": {"learning_rate": {"low": 2, "high": 1}}}, "learning_rate: expected low and"),
        ({"space": {"learning_rate": {"low": 0, "high": 1, "log": True}}}, "expected low and high"),
        ({"space": {"learning_rate": {"choices": []}}}, "expected low and high"),
        ({"space": {"hidden_channels": {"low": 2, "high": 4, "step": 0.5}}}, "expected low and hi"),
        (
            {"space": {"ema_decay": {"low": 0.1, "high": 0.4, "step": -0.1}}},
            "expected low and high",
        ),
        ({"space": {"learning_rat": {"choices": [1]}}}, "did you mean learning_rate"),
        ({"space": {"epochs": {"choices": [1]}}}, "epochs: is in settings and in space"),
        ({"space": {"folds": {"choices": [2, 3]}}}, "folds: with folds, the trials that a search"),
        ({"space": {"ema_decay": {"low": 0.0, "high": 1.0}}}, "ema_decay 1.0: expected less than"),
    ],
)
def test_a_space_that_is_none_is_refused_in_one_line(tmp_path, changes, says):
    with pytest.raises(SensoriumError, match=f"space.json: .*{says}"):
        SearchSpace.read(write(tmp_path, SPACE | changes))


def test_the_example_is_a_space_of_the_best_recipe():
    example = Path(__file__).parents[2] / "docs" / "search_space.json"
    assert SearchSpace.read(example).settings["recipe"] == "best"
