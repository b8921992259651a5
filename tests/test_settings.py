import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.data import Subset
from sensorium_tf.models import ModelSettings
from sensorium_tf.recipe_help import by_recipe
from sensorium_tf.recipes import SCHEDULES, Recipe
from sensorium_tf.registry import RECIPES
from sensorium_tf.schedule_settings import ScheduleSettings
from sensorium_tf.settings import TrainingSettings

FAST = {"recipe": "fast"}


def ramps(**values):
    return {"schedule": ScheduleSettings(**values)}


def test_the_defaults_are_the_published_recipe():
    settings = TrainingSettings()
    assert (settings.batch_size, settings.learning_rate, settings.epochs) == (128, 0.009, 200)
    assert (settings.ema_decay, settings.mean_bias) == (0.0, False)
    assert settings.architecture == ModelSettings(model="cnn")


def test_a_recipe_says_what_the_user_does_not():
    settings = TrainingSettings(recipe="fast")
    assert (settings.batch_size, settings.learning_rate, settings.epochs) == (8, 0.005, 22)
    assert (settings.ema_decay, settings.mean_bias) == (0.99, True)
    assert (settings.schedule.warmup_epochs, settings.schedule.cooldown_epochs) == (1, 11)
    settings = TrainingSettings(recipe="fast", epochs=5, batch_size=32)
    assert (settings.batch_size, settings.learning_rate, settings.epochs) == (32, 0.005, 5)
    assert "recipe fast" in settings.describe()


ORIENTED = "oriented(positions='scattered', feature_penalty=0.03)"
BOTH = {"core": "contrast", "readout": "receptive_field"}


@pytest.mark.parametrize(
    ("values", "core", "readout"),
    [
        ({}, "gabor(dropout=0.2)", ORIENTED),
        ({"core": "sensorium"}, "sensorium", None),
        ({"readout": "gaussian"}, "gabor(dropout=0.2)", "gaussian"),
        ({"model": "ln"}, None, None),
        ({"challenge": "sensorium2023"}, None, None),
        ({"member_cores": "vit; residual"}, "gabor(dropout=0.2)", ORIENTED),
        ({"track": "sensorium_plus"}, "gabor(dropout=0.2)", ORIENTED),
    ],
)
def test_what_reads_a_recipes_core_goes_with_that_core(values, core, readout):
    settings = TrainingSettings.flat(mice="mouse1", recipe="best", **values)
    assert (settings.architecture.core, settings.architecture.readout) == (core, readout)
    # Whoever chooses a core or a readout chooses it for all members.
    of_members = settings.stages.parts_of_member(1)
    if "member_cores" in values:
        assert of_members == {"core": "residual"}
    else:
        chosen = {"core", "readout", "model", "challenge"} & set(values)
        assert of_members == ({} if chosen else BOTH)
    assert settings.stages.members == 3


OF_BEST = "gabor+oriented, contrast+receptive_field"


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, f"cnn, members {OF_BEST}"),
        ({"members": 2}, "cnn, members gabor+oriented, contrast+receptive_field"),
        (
            {"seeds": (3, 4, 5), "member_cores": "vit; vit(depth=2); gabor"},
            "cnn, members vit, gabor",
        ),
        ({"folds": 2, "member_cores": "vit; gabor"}, "cnn, members vit, gabor"),
        ({"members": 1}, f"cnn gabor(dropout=0.2) {ORIENTED} softplus"),
        ({"distil": True}, f"cnn, student of {OF_BEST}"),
        (
            {"distil": True, "student_core": "vit", "student_readout": "gaussian"},
            "cnn vit gaussian softplus",
        ),
        ({"distil": True, "student_core": "vit"}, f"cnn vit {ORIENTED} softplus"),
        ({"distil": True, "readout": "gaussian"}, "cnn gabor(dropout=0.2) gaussian softplus"),
        ({"core": "vit"}, "cnn vit softplus"),
    ],
)
def test_a_model_is_called_by_its_parts_or_by_those_of_its_members(values, name):
    assert TrainingSettings.flat(mice="mouse1", recipe="best", **values).model_name == name


def test_settings_survive_being_written_down():
    settings = TrainingSettings(
        mice=("mouse1", "mouse3"),
        track="sensorium_plus",
        seed=3,
        architecture=ModelSettings(model="ln", hidden_channels=8),
        schedule=ScheduleSettings(patience=2),
    )
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"track": "both"}, "track 'both'"),
        ({"architecture": ModelSettings(), "channels": (1,)}, "channels .1,.: expected a list"),
        ({"epochs": 0}, "epochs 0"),
        ({"batch_size": 0}, "batch_size 0"),
        ({"learning_rate": 0.0}, "learning_rate 0"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
        ({"learning_rate": float("inf")}, "learning_rate inf"),
        ({"seed": -1}, "seed -1"),
        ({"mice": ()}, "mice '': expected names such as mouse1,mouse2"),
        ({"seed": 1.5}, "seed 1.5: expected a whole number"),
        ({"epochs": "3"}, "epochs '3': expected a whole number"),
        ({"mean_bias": "yes"}, "mean_bias 'yes': expected true or false"),
        ({"init_from": ["a"]}, "init_from .'a'.: expected text"),
        ({"recipe": ["fast"]}, "recipe .*fast.*: expected text"),
        ({"learning_rate": "0.01"}, "learning_rate '0.01': expected a finite number"),
        ({"learning_rate": True}, "learning_rate True: expected a finite number"),
        ({"learning_rate": 10**400}, "learning_rate 1000.*0: expected a finite number"),
        ({"ema_decay": "x"}, "ema_decay 'x': expected a finite number"),
        ({"ema_decay": float("nan")}, "ema_decay nan: expected a finite number"),
        ({"clip_norm": [1]}, "clip_norm .*1.*: expected a finite number"),
        ({"schedule": 3}, "schedule 3: expected ScheduleSettings"),
        ({"mice": (1,)}, "mice .1,.: expected a list of names"),
        ({"mice": "a,,b"}, "mice 'a,,b': expected names such as mouse1,mouse2"),
        ({"mice": "a,a"}, "mice 'a,a': a duplicate mouse"),
        ({"architecture": None}, "architecture None: expected ModelSettings"),
        ({"recipe": "slow"}, "recipe 'slow': expected one of best, fast, published"),
        ({"clip_norm": 0.0}, "clip_norm 0.0: expected more than 0"),
        ({"ema_decay": 1.0}, "ema_decay 1.0: expected less than 1"),
        ({"joint_core": True}, "joint_core: goes with the recipes best and fast alone"),
        (
            {"schedule": ScheduleSettings(warmup_epochs=2.0)},
            "warmup_epochs: goes with the recipes best and fast alone",
        ),
        (FAST | ramps(warmup_epochs=30.0), "warmup_epochs 30.0: .* 22"),
        (
            {"schedule": ScheduleSettings(cooldown_epochs=2.0)},
            "cooldown_epochs: goes with the recipes best and fast alone",
        ),
        (
            FAST | {"schedule": ScheduleSettings(cooldown_epochs=22.0)},
            "cooldown_epochs 22.0: .* 21",
        ),
        (FAST | ramps(patience=2), "patience: .* recipe published alone"),
        ({"architecture": ModelSettings(shifter_layers=2)}, "this model has no shifter"),
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
        architecture=ModelSettings(hidden_channels=8),
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
        ({"hidden_channels": "8"}, "hidden_channels '8': expected a whole number"),
        ({"hidden_channels": True}, "hidden_channels True: expected a whole number"),
        ({"n_blocks": 1.5}, "n_blocks 1.5: expected a whole number"),
        ({"feature_penalty": "a"}, "feature_penalty 'a': expected a finite number"),
        ({"laplace_penalty": float("inf")}, "laplace_penalty inf: expected a finite number"),
        ({"shifter": 1}, "shifter 1: expected text"),
        ({"covariance": ["full"]}, "covariance .'full'.: expected text"),
        ({"patience": "5"}, "patience '5': expected a whole number"),
        ({"smallest_gain": None}, "smallest_gain None: expected a finite number"),
        ({"min_fev": "0.1"}, "min_fev '0.1': expected a finite number"),
        ({"mice": 3}, "mice 3: expected a list of names"),
        ({"mice": [1]}, "mice .1.: expected a list of names"),
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
        clip_norm=2,
        hidden_channels=np.int32(8),
        patience=np.int64(4),
        neurons=np.int64(9),
    )
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert (settings.seed, settings.learning_rate, settings.clip_norm) == (3, 0.5, 2)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("hiden_channels", "did you mean hidden_channels?"),
        ("zzz", "expected one of mice, challenge"),
    ],
)
def test_a_setting_that_is_none_is_refused(name, hint):
    with pytest.raises(SensoriumError) as error:
        TrainingSettings.flat(**{name: 3})
    assert str(error.value).startswith(f"{name}: no such setting: {hint}")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"patience": 0}, "patience 0: expected at least 1"),
        ({"restarts": -1}, "restarts -1: expected at least 0"),
        ({"decay_factor": 1.0}, "decay_factor 1.0: expected less than 1"),
        ({"learning_rate_floor": float("nan")}, "learning_rate_floor nan"),
    ],
)
def test_a_schedule_that_cannot_be_followed_is_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        ScheduleSettings(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "mice: is missing from the settings"),
        ({"mice": ["a"]}, "challenge: is missing from the settings"),
        ({"surprise": 1}, "'surprise': no such setting"),
        (None, "None: expected settings by name"),
        ({**TrainingSettings().to_json(), "subset": []}, "expected settings by name"),
        (
            {**TrainingSettings().to_json(), "recipe": "mine"},
            "recipe 'mine': expected one of",
        ),
    ],
)
def test_json_of_something_else_is_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        TrainingSettings.from_json(values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_channels": 0}, "hidden_channels 0"),
        ({"model": "vit"}, "model 'vit'.*cnn"),
        ({"core": "vit("}, "'vit.': expected a name"),
        ({"shifter": "none", "shifter_layers": 2}, "shifter_layers: goes with the shifter mlp"),
        ({"readout": "other", "sigma_init": 0.2}, "sigma_init: goes with the readout gaussian"),
        ({"n_blocks": -1}, "n_blocks -1"),
        ({"covariance": "round"}, "covariance 'round': expected one of full, "),
        ({"positions": "known"}, "positions 'known'"),
    ],
)
def test_an_architecture_that_cannot_be_built_is_refused(values, message):
    with pytest.raises(SensoriumError, match=message):
        ModelSettings(**values)


@pytest.fixture
def recipe(monkeypatch):
    """A user's recipe, with what its module says."""
    monkeypatch.setattr(RECIPES, "_found", dict(RECIPES._found))

    def register(**values):
        chosen = {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, **values}
        return RECIPES.register("mine")(
            Recipe(doc="Mine.", schedule="warmup_stable_decay", values=chosen, joint_core=False)
        )

    return register


def test_a_user_s_recipe_is_one_as_ours(recipe):
    recipe(warmup_epochs=0.5, clip_norm=2.0)
    settings = TrainingSettings.flat(recipe="mine", batch_size=4)
    assert (settings.epochs, settings.batch_size, settings.clip_norm) == (3, 4, 2.0)
    assert (settings.schedule.warmup_epochs, settings.schedule.cooldown_epochs) == (0.5, 1.5)
    assert TrainingSettings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    assert "recipe mine" in settings.describe()
    assert by_recipe()["epochs"] == (
        "best: 22 (sensorium2023: 60), fast: 22 (sensorium2023: 60), published: 200, mine: 3"
    )
    with pytest.raises(
        SensoriumError, match="joint_core: goes with the recipes best and fast alone"
    ):
        TrainingSettings.flat(recipe="mine", joint_core=True)
    with pytest.raises(
        SensoriumError, match="warmup_epochs: goes with the recipes best and fast and mine"
    ):
        TrainingSettings.flat(warmup_epochs=2)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, "epoch: no such setting that recipe mine can choose: did you mean epochs"),
        ({"epochs": 0}, "epochs 0: expected at least 1"),
        ({"ema_decay": "much"}, "ema_decay 'much': expected a finite number"),
    ],
)
def test_what_a_recipe_cannot_say_is_refused(recipe, values, message):
    recipe(**values)
    with pytest.raises(SensoriumError, match=message):
        TrainingSettings.flat(recipe="mine")


def test_a_recipe_says_what_every_run_needs():
    with pytest.raises(SensoriumError, match="expected learning_rate among them"):
        Recipe(doc="Mine.", schedule="plateau", values={"epochs": 3, "batch_size": 8})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"schedule": "platau"}, "schedule 'platau': did you mean plateau?"),
        ({"schedule": "cosine"}, "schedule 'cosine': expected plateau or warmup_stable_decay"),
        ({"doc": 3}, "doc 3: expected text"),
        ({"values": [3]}, "values .3.: expected values by name"),
        ({"balance_batch_size": 0}, "balance_batch_size 0: expected at least 1"),
        ({"joint_core": "no"}, "joint_core 'no': expected true or false"),
    ],
)
def test_a_recipe_is_checked_when_it_is_made(wrong, says):
    values = {"epochs": 3, "batch_size": 8, "learning_rate": 0.1}
    made = Recipe(doc="Mine.", schedule="plateau", values=values)
    assert dataclasses.replace(made, joint_core=False).values == values
    with pytest.raises(SensoriumError, match=f"^{says}"):
        dataclasses.replace(made, **wrong)


def test_a_schedule_follows_settings_that_there_are():
    followed = [name for names in SCHEDULES.values() for name in names]
    assert sorted(followed) == sorted(each.name for each in dataclasses.fields(ScheduleSettings))


def test_settings_are_there_without_tensorflow_and_keras():
    code = (
        "import sys, sensorium_tf.flags, sensorium_tf.settings as settings;"
        "settings.TrainingSettings(recipe='fast');"
        "print({'tensorflow', 'keras', 'tensorflow_datasets', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_a_part_is_the_same_however_it_is_written():
    written = ModelSettings(readout="gaussian( covariance=isotropic )")
    assert written == ModelSettings(readout='gaussian(covariance="isotropic")')


def test_a_recipe_may_have_other_values_for_a_challenge(recipe):
    made = recipe(clip_norm=2.0)
    with pytest.raises(
        SensoriumError, match="of_challenges sensorium2023: expected values by name"
    ):
        dataclasses.replace(made, of_challenges={"sensorium2023": 3})
    others = dataclasses.replace(made, of_challenges={"sensorium2023": {"batch_size": 2}})
    RECIPES.register("others")(others)
    assert TrainingSettings(recipe="others").batch_size == 8
    movies = TrainingSettings(recipe="others", challenge="sensorium2023")
    assert (movies.batch_size, movies.clip_norm, movies.movies.window) == (2, 2.0, 80)
    assert (movies.track, movies.subset.validation_tier) == ("main", "oracle")
    assert TrainingSettings().subset.validation_tier == "validation"


@pytest.mark.parametrize("name", ["track", "validation_tier"])
def test_a_recipe_does_not_choose_what_the_challenge_does(recipe, name):
    recipe(**{name: "sensorium"})
    with pytest.raises(
        SensoriumError, match=f"{name}: no such setting that recipe mine can choose"
    ):
        TrainingSettings(recipe="mine")
