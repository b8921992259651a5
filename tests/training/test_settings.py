import dataclasses
import json

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.data import Subset
from sensorium_tf.models import BaselineSettings
from sensorium_tf.training import ScheduleSettings, TrainingSettings, Uses


def test_the_defaults_are_the_published_recipe():
    settings = TrainingSettings()
    assert (settings.batch_size, settings.learning_rate, settings.epochs) == (128, 0.009, 200)
    assert (settings.average_decay, settings.mean_bias) == (0.0, False)
    assert settings.architecture.hidden_channels == 64
    assert settings.architecture.laplace_penalty == 6.3831
    assert settings.architecture.feature_penalty == 0.0076


def test_a_recipe_says_what_the_user_does_not():
    settings = TrainingSettings(recipe="fast")
    assert (settings.batch_size, settings.learning_rate, settings.epochs) == (8, 0.005, 22)
    assert (settings.average_decay, settings.mean_bias) == (0.99, True)
    assert settings.cooldown_epochs == 11
    settings = TrainingSettings(recipe="fast", epochs=5, batch_size=32)
    assert (settings.batch_size, settings.learning_rate, settings.epochs) == (32, 0.005, 5)
    assert "recipe fast" in settings.describe()


def test_settings_survive_being_written_down():
    settings = TrainingSettings(
        mice=("mouse1", "mouse3"),
        track="sensorium_plus",
        model="ln",
        seed=3,
        architecture=BaselineSettings(hidden_channels=8),
        schedule=ScheduleSettings(patience=2),
    )
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"track": "both"}, "track 'both'"),
        ({"model": "vit"}, "model 'vit'.*cnn"),
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"learning_rate": 0.0}, "learning_rate 0"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
        ({"learning_rate": float("inf")}, "learning_rate inf"),
        ({"seed": -1}, "seed -1"),
        ({"mice": ()}, "at least one mouse"),
        ({"seed": 1.5}, "seed 1.5: expected whole number"),
        ({"epochs": "3"}, "epochs '3': expected whole number"),
        ({"mean_bias": "yes"}, "mean_bias 'yes': expected true or false"),
        ({"init_from": ["a"]}, "init_from .'a'.: expected text"),
        ({"recipe": ["fast"]}, "recipe .*fast.*: expected text"),
        ({"learning_rate": "0.01"}, "learning_rate '0.01': expected a finite number"),
        ({"learning_rate": True}, "learning_rate True: expected a finite number"),
        ({"learning_rate": 10**400}, "learning_rate 1000.*0: expected a finite number"),
        ({"average_decay": "x"}, "average_decay 'x': expected a finite number"),
        ({"average_decay": float("nan")}, "average_decay nan: expected a finite number"),
        ({"gradient_clip": [1]}, "gradient_clip .*1.*: expected a finite number"),
        ({"warmup_epochs": "1"}, "warmup_epochs '1': expected a finite number"),
        ({"warmup_epochs": None}, "warmup_epochs None: expected a finite number"),
        ({"mice": "mouse1"}, "mice 'mouse1': expected a tuple of names"),
        ({"mice": (1,)}, "mice .1,.: expected a tuple of names"),
        ({"architecture": None}, "architecture None: expected BaselineSettings"),
        ({"recipe": "slow"}, "recipe 'slow': unknown, expected published or fast"),
        ({"gradient_clip": 0.0}, "gradient_clip 0.0: expected more than 0"),
        ({"average_decay": 1.0}, r"average_decay 1.0: expected 0 \(no average\) or"),
        ({"joint_core": True}, "joint_core: goes with the recipe fast alone"),
        ({"warmup_epochs": 2.0}, "warmup_epochs: goes with the recipe fast alone"),
        ({"recipe": "fast", "warmup_epochs": 30.0}, "warmup_epochs 30.0: expected 0 to .* 22"),
        ({"cooldown_epochs": 2.0}, "cooldown_epochs: goes with the recipe fast alone"),
        ({"recipe": "fast", "cooldown_epochs": 22.0}, "cooldown_epochs 22.0: expected 0 to .* 21"),
        ({"recipe": "fast", "schedule": ScheduleSettings(patience=2)}, "published alone"),
        ({"architecture": BaselineSettings(shifter_layers=2)}, "this model has no shifter"),
        (
            {
                "track": "sensorium_plus",
                "architecture": BaselineSettings(shifter=False, shifter_layers=2),
            },
            "this model has no shifter",
        ),
        (
            {"architecture": BaselineSettings(positions="free", position_hidden_units=3)},
            "free positions have no network",
        ),
    ],
)
def test_settings_that_are_not_possible_are_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        TrainingSettings(**values)


def test_settings_are_made_from_values_side_by_side():
    settings = TrainingSettings.flat(
        mice="mouse1, mouse3", seed=2, hidden_channels=8, patience=4, train_trials=50, areas=["V1"]
    )
    assert settings == TrainingSettings(
        mice=("mouse1", "mouse3"),
        seed=2,
        architecture=BaselineSettings(hidden_channels=8),
        schedule=ScheduleSettings(patience=4),
        subset=Subset(train_trials=50, areas=("V1",)),
    )
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert (
        "mouse1, mouse3 (neurons of area V1, 50 training trials, drawn with seed 0)"
        in settings.describe()
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_channels": "8"}, "hidden_channels '8': expected whole number"),
        ({"hidden_channels": True}, "hidden_channels True: expected whole number"),
        ({"n_blocks": 1.5}, "n_blocks 1.5: expected whole number"),
        ({"feature_penalty": "a"}, "feature_penalty 'a': expected a finite number"),
        ({"laplace_penalty": float("inf")}, "laplace_penalty inf: expected a finite number"),
        ({"shifter": 1}, "shifter 1: expected true or false"),
        ({"covariance": ["full"]}, "covariance .'full'.: expected text"),
        ({"patience": "5"}, "patience '5': expected whole number"),
        ({"smallest_gain": None}, "smallest_gain None: expected a finite number"),
        ({"min_reliability": "0.1"}, "min_reliability '0.1': expected a finite number"),
        ({"mice": 3}, "mice 3: expected names such as mouse1,mouse2"),
        ({"mice": [1]}, "mice .1.: expected names such as mouse1,mouse2"),
        ({"learning_rate": "0.01"}, "learning_rate '0.01': expected a finite number"),
    ],
)
def test_values_side_by_side_of_the_wrong_kind_are_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        TrainingSettings.flat(**values)


def test_numbers_of_numpy_can_be_written_down():
    settings = TrainingSettings.flat(
        mice=["mouse1"],
        seed=np.int64(3),
        learning_rate=np.float32(0.5),
        gradient_clip=2,
        hidden_channels=np.int32(8),
        patience=np.int64(4),
        neurons=np.int64(9),
    )
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert (settings.seed, settings.learning_rate, settings.gradient_clip) == (3, 0.5, 2)


@pytest.mark.parametrize(
    ("name", "hint"), [("hiden_channels", ", did you mean hidden_channels?"), ("zzz", "")]
)
def test_a_setting_that_is_none_is_refused(name, hint):
    with pytest.raises(SensoriumError) as error:
        TrainingSettings.flat(**{name: 3})
    assert str(error.value) == f"{name}: there is no such setting{hint}"


def test_a_run_says_what_it_uses():
    uses = TrainingSettings().uses
    assert uses.describe() == "sees image; trained on train of simulated, chosen by validation"
    assert uses.seen_tiers("simulated") == ("train", "validation")
    assert uses.seen_tiers("mouse1") == ()
    assert uses.to_json()["behavior"] is uses.to_json()["past_responses"] is False
    subset = Subset(
        train_tiers=("train", "validation"), validation_tier="final_test", min_reliability=0.1
    )
    uses = TrainingSettings(track="sensorium_plus", subset=subset, init_from="a.keras").uses
    assert uses.describe() == (
        "sees image, behavior, pupil center; trained on train and validation of simulated (neurons "
        "with FEV of at least 0.1 in tier test), chosen by final_test; started from a.keras "
        "(not all that it had seen is known)"
    )
    assert uses.seen_tiers("simulated") == ("train", "validation", "final_test", "test")
    assert uses.to_json()["behavior"] is uses.to_json()["pupil_center"] is True
    no_shifter = BaselineSettings(shifter=False)
    settings = TrainingSettings(track="sensorium_plus", architecture=no_shifter)
    assert settings.uses.signals == "image, behavior"


def test_what_a_model_has_seen_is_held_out_from_nobody():
    alone = Uses(mice=("a",), track="sensorium", pupil_center=False)
    assert alone.held_out("a", "test") is None
    run = dataclasses.replace(alone, trained_on=("train",), chosen_by="validation")
    assert [run.held_out("a", tier) for tier in ("train", "validation", "test")] == [
        False,
        False,
        True,
    ]


def test_what_a_start_had_seen_has_been_seen():
    first = Uses(
        mice=("a",),
        track="sensorium",
        pupil_center=False,
        trained_on=("train", "test"),
        chosen_by="validation",
    )
    fresh = dataclasses.replace(
        first, mice=("b",), trained_on=("train",), started_from="model.keras"
    )
    second = fresh.after(first)
    third = dataclasses.replace(fresh, mice=("c",)).after(second)
    assert third.seen_before == (("b", ("train", "validation")), ("a", first.tiers))
    assert [third.held_out("a", tier) for tier in ("test", "final_test")] == [False, True]
    assert third.held_out("c", "test") is second.held_out("b", "test") is True
    assert third.describe().endswith("; started from model.keras")
    # A start of which nothing was told, and one that is known not to be.
    lone = Uses(mice=("c",), track="sensorium", pupil_center=False)
    for unknown in (fresh, fresh.after(lone), fresh.after(fresh.after(lone))):
        assert unknown.held_out("b", "train") is False
        assert {unknown.held_out(mouse, "test") for mouse in "abc"} == {None}
        assert unknown.to_json()["start_known"] is False
        assert unknown.describe().endswith("model.keras (not all that it had seen is known)")
    assert second.to_json()["start_known"] is True and first.to_json()["start_known"] is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patience": 0}, "patience 0: expected at least 1"),
        ({"restarts": -1}, "restarts -1: expected 0 or more"),
        ({"decay_factor": 1.0}, "decay_factor 1.0: expected between 0 and 1"),
        ({"learning_rate_floor": float("nan")}, "learning_rate_floor nan"),
    ],
)
def test_a_schedule_that_cannot_be_followed_is_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        ScheduleSettings(**values)


@pytest.mark.parametrize("values", [{}, {"mice": ["a"]}, {"surprise": 1}])
def test_json_of_something_else_is_refused(values):
    with pytest.raises(SensoriumError, match="not the settings"):
        TrainingSettings.from_json(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_channels": 0}, "hidden_channels 0"),
        ({"input_kernel": 37}, "input_kernel 37: expected at most 36"),
        ({"n_blocks": -1}, "n_blocks -1"),
        ({"covariance": "round"}, "covariance 'round': expected full or"),
        ({"positions": "known"}, "positions 'known'"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        BaselineSettings(**values)
