import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf
from recording_files import recording_tree, write_zip
from untrained import untraced_steps, untrained_run

from sensorium_tf import SensoriumError
from sensorium_tf.data import Subset, load_mouse, prepare
from sensorium_tf.evaluation import evaluate, submit
from sensorium_tf.models import ModelSettings
from sensorium_tf.runs import Run, RunStore, load_model, predict
from sensorium_tf.schedule_settings import DeviceSettings, ScheduleSettings
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import Steps, compiled_model, train_run
from sensorium_tf.training.callbacks import SCORE
from sensorium_tf.training.controller import Controller

SMALL = ModelSettings(hidden_channels=4, n_blocks=1)


def settings(**changes):
    values = {"mice": ("full",), "epochs": 2, "batch_size": 5, "architecture": SMALL}
    return TrainingSettings(**{**values, **changes})


@pytest.fixture(scope="module")
def finished(prepared, tmp_path_factory):
    """Workdir and result of a finished run on two mice."""
    folder = tmp_path_factory.mktemp("run") / "two_mice"
    result = train_run(
        settings(mice=("full", "short"), epochs=3), folder, data_dir=prepared, verbose=False
    )
    return folder, result


@pytest.fixture(scope="module")
def moved(prepared, tmp_path_factory):
    """Workdir and result of a run as `finished`, of untraced steps."""
    folder = tmp_path_factory.mktemp("moved") / "two_mice"
    with untraced_steps():
        return folder, go_on(folder, prepared)


@pytest.fixture(scope="module")
def whole(prepared, tmp_path_factory):
    """Workdir of a run of four epochs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    train_run(settings(epochs=4), folder, data_dir=prepared, verbose=False)
    return folder


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_run_leaves_its_files(finished):
    folder, result = finished
    assert {path.name for path in folder.iterdir()} == {
        "config.json",
        "model.keras",
        "metrics.jsonl",
        "checkpoints",
        "tensorboard",
    }
    assert [line["epoch"] for line in lines(folder)] == [1, 2, 3]
    assert json.loads((folder / "config.json").read_text())["settings"]["mice"] == ["full", "short"]
    assert result.model_file == folder / "model.keras"


def test_the_saved_model_is_the_best_one_and_loads_as_any_keras_model(finished, prepared):
    folder, result = finished
    model = keras.models.load_model(folder / "model.keras")
    trials = load_mouse("short", data_dir=prepared).trials("test")
    np.testing.assert_array_equal(predict(model, trials), predict(result.model, trials))


def test_the_score_is_the_mean_over_the_neurons_of_all_mice(finished):
    for line in lines(finished[0]):
        pooled = (5 * line["validation/full"] + 3 * line["validation/short"]) / 8
        assert line["validation/single_trial_correlation"] == pytest.approx(pooled)


def test_the_parts_of_the_loss_sum_to_the_loss(finished):
    for line in lines(finished[0]):
        parts = line["loss/poisson"] + line["loss/laplace"] + line["loss/features"]
        assert parts == pytest.approx(line["loss/total"])
        assert min(line["loss/laplace"], line["loss/features"]) > 0


def test_tensorboard_shows_each_scalar_of_each_epoch(finished):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(finished[0] / "tensorboard"), size_guidance={"tensors": 0})
    events.Reload()
    tags = events.Tags()["tensors"]
    expected = [key for key in lines(finished[0])[0] if key != "epoch"]
    assert {
        f"correlation/{key}" if key.startswith("validation/") else key for key in expected
    } <= set(tags)
    assert [event.step for event in events.Tensors("loss/total")] == [1, 2, 3]
    assert [event.step for event in events.Tensors("correlation/validation/short")] == [0, 1, 2, 3]


def test_the_loss_of_a_step_is_the_published_formula(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    trials = mouse.trials("train")
    model = compiled_model(settings(), [mouse], mouse.inputs("sensorium"))
    inputs, y = {"full": trials.inputs(model.inputs, slice(0, 5))}, trials.responses[:5]
    rates = np.asarray(model(inputs)["full"], np.float64)
    poisson = np.sqrt(12 / 5) * (rates - y * np.log(rates + 1e-12)).sum()
    penalties = sum(float(value) for value in model.penalties().values())
    loss = model.evaluate(inputs, {"full": y}, batch_size=5, verbose=0)
    assert loss == pytest.approx(poisson + penalties, rel=1e-5)


def test_the_recipe_fast_starts_each_neuron_at_its_mean_response(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(Steps, "__call__", lambda *_, **__: pytest.fail("trained"))
    mouse = load_mouse("full", data_dir=prepared)
    subset = Subset(train_trials=7)
    means = subset.train_trials_of(mouse).responses.mean(axis=0)
    expected = np.where(means < 1, np.log(np.maximum(means, 0.05)), means - 1)
    for recipe, bias in (("fast", expected), ("published", np.zeros_like(means))):
        with pytest.raises(pytest.fail.Exception):
            train_run(
                settings(recipe=recipe, subset=subset),
                tmp_path / recipe,
                data_dir=prepared,
                verbose=False,
            )
        model = load_model(tmp_path / recipe / "model.keras")
        np.testing.assert_allclose(model.readouts["full"].bias, bias, rtol=1e-5)


def test_mixed_precision_trains_float32_weights_and_warns_without_a_gpu(
    prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [])
    with pytest.warns(UserWarning, match="without a GPU, bfloat16 takes longer than float32"):
        result = train_run(
            settings(devices=DeviceSettings(mixed_precision=True)),
            tmp_path / "run",
            data_dir=prepared,
            strategy=tf.distribute.OneDeviceStrategy("CPU:0"),
            verbose=False,
        )
    assert {weight.dtype for weight in result.model.weights} == {"float32"}
    assert result.model.core.compute_dtype == "bfloat16"
    first, last = result.epochs
    assert np.isfinite(last["loss/total"]) and last["loss/total"] != first["loss/total"]


def test_another_seed_gives_another_run(whole, prepared, tmp_path):
    train_run(settings(seed=2, epochs=1), tmp_path / "run", data_dir=prepared, verbose=False)
    (other,) = lines(tmp_path / "run")
    assert all(other[name] != lines(whole)[0][name] for name in ("loss/poisson", SCORE))


def test_a_run_of_the_same_seed_that_was_stopped_goes_on_where_it_was(
    whole, prepared, tmp_path, monkeypatch
):
    class Killed(BaseException):
        pass

    def kill(self, epochs):
        real(self, epochs)
        if len(epochs) == 2:
            raise Killed

    real = RunStore.write_metrics
    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "write_metrics", kill)
        with pytest.raises(Killed):
            train_run(settings(epochs=4), tmp_path / "halves", data_dir=prepared, verbose=False)
    assert lines(tmp_path / "halves") == lines(whole)[:2]
    train_run(settings(epochs=4), tmp_path / "halves", data_dir=prepared, verbose=False)
    assert lines(tmp_path / "halves") == lines(whole)


def test_a_finished_run_is_not_trained_again(finished, prepared, monkeypatch):
    folder, result = finished
    before = (folder / "metrics.jsonl").read_text()
    again = train_run(
        settings(mice=("full", "short"), epochs=3), folder, data_dir=prepared, verbose=False
    )
    assert (folder / "metrics.jsonl").read_text() == before
    assert again.best_score == result.best_score


def test_the_schedule_ends_a_run_that_does_not_gain(prepared, tmp_path, monkeypatch):
    monkeypatch.setattr(
        Controller,
        "_validate",
        lambda self, epoch: {"validation/single_trial_correlation": 0.0},
    )
    impatient = settings(epochs=50, schedule=ScheduleSettings(patience=2, restarts=1))
    with untraced_steps():
        result = train_run(impatient, tmp_path / "run", data_dir=prepared, verbose=False)
    assert len(result.epochs) == 4


def test_the_best_weights_come_back(prepared, tmp_path, monkeypatch):
    scores = iter([0.0, 0.5, 0.4, 0.3])
    seen = []

    def validate(self, epoch):
        seen.append(self._weights())
        return {"validation/single_trial_correlation": next(scores)}

    monkeypatch.setattr(Controller, "_validate", validate)
    with untraced_steps():
        result = train_run(settings(epochs=3), tmp_path / "run", data_dir=prepared, verbose=False)
    for kept, best in zip(result.model.get_weights(), seen[1], strict=True):
        np.testing.assert_array_equal(kept, best)


def test_a_workdir_of_another_configuration_is_refused_and_kept(finished, prepared):
    folder, _ = finished
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(SensoriumError, match=r"another configuration .*model cnn there, ln here"):
        train_run(
            settings(mice=("full", "short"), epochs=3, architecture=ModelSettings(model="ln")),
            folder,
            data_dir=prepared,
        )
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_a_folder_with_other_files_is_refused(prepared, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SensoriumError, match="holds files but no run"):
        train_run(settings(), tmp_path, data_dir=prepared)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mice": ("nobody",)}, "'nobody' is not prepared"),
        ({"mice": ("hidden",), "track": "sensorium_plus"}, "withheld"),
        (
            {"subset": Subset(validation_tier="final_test")},
            "no trials of tier 'final_test', by which weights are chosen, .*--validation_tier",
        ),
    ],
)
def test_what_cannot_be_trained_leaves_no_workdir(prepared, tmp_path, changes, message):
    with pytest.raises(SensoriumError, match=message):
        train_run(settings(**changes), tmp_path / "run", data_dir=prepared)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("learning_rate", [1e30, 1e38])
def test_a_loss_that_explodes_stops_the_run_and_keeps_the_best_weights(
    prepared, tmp_path, learning_rate
):
    with pytest.raises(SensoriumError, match=r"loss became .* epoch 1"):
        train_run(
            settings(learning_rate=learning_rate),
            tmp_path / "run",
            data_dir=prepared,
            verbose=False,
        )
    load_model(tmp_path / "run" / "model.keras")


def test_two_processes_do_not_train_in_the_same_workdir(prepared, tmp_path):
    from sensorium_tf.io import file_lock

    folder = tmp_path / "run"
    with (
        file_lock(RunStore(folder).lock, "training"),
        pytest.raises(SensoriumError, match="another process is training"),
    ):
        train_run(settings(), folder, data_dir=prepared)


def test_a_workdir_trained_on_another_recording_of_the_same_name_is_refused(
    finished, prepared, tmp_path
):
    folder, _ = finished
    for seed, name in enumerate(("full", "short")):
        path = write_zip(tmp_path / f"{name}.zip", recording_tree(seed=7 + seed))
        prepare(name, recording=path, data_dir=tmp_path / "data")
    again = settings(mice=("full", "short"), epochs=3)
    for refused in (
        lambda: train_run(again, folder, data_dir=tmp_path / "data"),
        lambda: evaluate(Run(folder, tmp_path / "data")),
        lambda: submit(Run(folder, tmp_path / "data"), "full"),
    ):
        with pytest.raises(SensoriumError, match="full .*is not the recording that the run"):
            refused()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        "[" * 100000,
        "null",
        '{"format": 4}',
        '{"format": 3}',
        '{"format": 3, "recordings": 3}',
        '{"format": 3, "modules": ["os"]}',
    ],
)
def test_a_damaged_config_is_refused(finished, prepared, tmp_path, content):
    shutil.copytree(finished[0], tmp_path / "run")
    (tmp_path / "run" / "config.json").write_text(content)
    with pytest.raises(SensoriumError, match=r"config\.json: "):
        train_run(settings(mice=("full", "short"), epochs=3), tmp_path / "run", data_dir=prepared)


def checkpoints(folder):
    """The checkpoints of a run, the newest first."""
    return sorted((folder / "checkpoints").glob("*.npz"), reverse=True)


def go_on(folder, prepared):
    again = settings(mice=("full", "short"), epochs=3)
    return train_run(again, folder, data_dir=prepared, verbose=False)


def test_a_run_of_an_earlier_version_is_refused_and_kept(finished, prepared, tmp_path):
    folder = shutil.copytree(finished[0], tmp_path / "run")
    config = json.loads((folder / "config.json").read_text())
    del config["format"]
    (folder / "config.json").write_text(json.dumps(config))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for refused in (
        lambda: go_on(folder, prepared),
        lambda: evaluate(Run(folder, prepared)),
    ):
        with pytest.raises(
            SensoriumError, match=r"earlier version.*: train anew in another --work"
        ):
            refused()
    lock = folder / "checkpoints" / ".lock"
    assert before == {path: path.read_bytes() for path in before} and lock in before
    # Its model is a lone file, as any other.
    assert Run(folder / "model.keras").record is None


def test_what_a_killed_process_left_is_swept(finished, prepared, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    leftovers = [
        ".model.0a1b2c3d.keras",
        ".config.json.0a1b2c3d.tmp",
        "checkpoints/.9.npz.0a1b2c3d.tmp",
    ]
    for leftover in leftovers:
        (tmp_path / "run" / leftover).write_bytes(b"half")
    go_on(tmp_path / "run", prepared)
    assert not any((tmp_path / "run" / leftover).exists() for leftover in leftovers)


def test_the_best_weights_come_back_into_the_average_too(prepared, tmp_path, monkeypatch):
    scores = iter([0.0, 0.5, 0.4, 0.3])
    seen = []

    def validate(self, epoch):
        seen.append(self._weights())
        self.average = [np.array(average) for average in self._plan.steps.averages]
        return {"validation/single_trial_correlation": next(scores)}

    monkeypatch.setattr(Controller, "_validate", validate)
    kept = []
    real = Controller._save
    monkeypatch.setattr(
        Controller,
        "_save",
        lambda self: kept.append([np.array(a) for a in self._plan.steps.averages]) or real(self),
    )
    chosen = settings(epochs=3, ema_decay=0.5, schedule=ScheduleSettings(patience=2))
    with untraced_steps():
        train_run(chosen, tmp_path / "run", data_dir=prepared, verbose=False)
    for average, best in zip(kept[-1], seen[1], strict=True):
        np.testing.assert_array_equal(average, best)


def test_a_run_that_goes_on_writes_the_best_weights_again(
    finished, prepared, tmp_path, monkeypatch
):
    shutil.copytree(finished[0], tmp_path / "run")
    newest, before = checkpoints(tmp_path / "run")
    newest.unlink()
    # Killed between the model of an epoch and its checkpoint: the epoch does not count.
    model = load_model(tmp_path / "run" / "model.keras")
    model.set_weights([weight + 1 for weight in model.get_weights()])
    model.save(tmp_path / "run" / "model.keras")

    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(Controller, "_train_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        go_on(tmp_path / "run", prepared)
    with np.load(before) as kept:
        for index, weight in enumerate(load_model(tmp_path / "run" / "model.keras").get_weights()):
            np.testing.assert_array_equal(weight, kept[f"best/{index}"])


def test_the_last_two_checkpoints_are_kept(finished):
    assert [path.stem for path in checkpoints(finished[0])] == ["000000009", "000000006"]


@pytest.mark.parametrize("damage", [lambda c: c[:500], lambda c: b"", lambda c: c[:-1]])
def test_a_damaged_checkpoint_is_left_out_for_the_one_before(moved, prepared, tmp_path, damage):
    shutil.copytree(moved[0], tmp_path / "run")
    newest = checkpoints(tmp_path / "run")[0]
    newest.write_bytes(damage(newest.read_bytes()))
    with untraced_steps(), pytest.warns(UserWarning, match=f"{newest.name}: damaged"):
        again = go_on(tmp_path / "run", prepared)
    assert again.epochs == moved[1].epochs
    for ours, theirs in zip(again.model.get_weights(), moved[1].model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.filterwarnings("ignore:.*damaged")
@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("variable/0"),
        lambda arrays: arrays.pop("best/0"),
        lambda arrays: arrays.update({"variable/0": np.zeros(3)}),
        lambda arrays: arrays.update(state=np.array("{}")),
        lambda arrays: arrays.update(state=np.array("[]")),
    ],
)
def test_a_run_all_of_whose_checkpoints_are_damaged_is_refused(
    finished, prepared, tmp_path, change
):
    shutil.copytree(finished[0], tmp_path / "run")
    for checkpoint in checkpoints(tmp_path / "run"):
        with np.load(checkpoint) as file:
            arrays = dict(file)
        change(arrays)
        np.savez(checkpoint, **arrays)
    with pytest.raises(SensoriumError, match=r"npz: damaged .*like all checkpoints there"):
        go_on(tmp_path / "run", prepared)


def test_a_finished_run_mends_a_model_file_that_was_lost(finished, prepared, tmp_path):
    shutil.copytree(finished[0], tmp_path / "run")
    (tmp_path / "run" / "model.keras").write_bytes(b"garbage")
    train_run(settings(mice=("full", "short"), epochs=3), tmp_path / "run", data_dir=prepared)
    mended = load_model(tmp_path / "run" / "model.keras").get_weights()
    for ours, theirs in zip(mended, finished[1].model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_file_of_another_run_is_refused(finished, prepared, tmp_path):
    untrained_run(settings(epochs=1), tmp_path / "run", data_dir=prepared)
    shutil.copy(finished[0] / "model.keras", tmp_path / "run" / "model.keras")
    with pytest.raises(SensoriumError, match="is not this run's model"):
        evaluate(Run(tmp_path / "run", prepared))


def test_a_keras_model_of_another_kind_is_refused(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(SensoriumError, match="of another kind"):
        load_model(tmp_path / "model.keras")


def test_a_model_file_that_carries_code_is_refused(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "code.keras")
    with pytest.raises(SensoriumError, match="not a Keras model that can be loaded"):
        load_model(tmp_path / "code.keras")


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_a_file_that_is_no_model_is_refused(tmp_path, content):
    (tmp_path / "model.keras").write_bytes(content)
    with pytest.raises(SensoriumError, match=r"model\.keras"):
        load_model(tmp_path / "model.keras")


def test_a_model_of_another_recording_is_refused(finished, prepared):
    trials = load_mouse("short", data_dir=prepared).trials("test")
    fewer = type(trials)(**{**vars(trials), "responses": trials.responses[:, :2]})
    with pytest.raises(SensoriumError, match="3 neurons, the recording 2"):
        predict(finished[1].model, fewer)
