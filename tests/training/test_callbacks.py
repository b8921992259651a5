"""What a run shows in TensorBoard."""

import contextlib
import dataclasses
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sensorium_tf.data import Subset, load_mouse
from sensorium_tf.metrics import single_trial_correlation
from sensorium_tf.models import ModelSettings
from sensorium_tf.runs import predict
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import callbacks, train_run, training_pictures
from sensorium_tf.training.callbacks import LOSS, SCORE, EpochReport, Progress
from sensorium_tf.training.tensorboard_log import TensorBoardLog

# Keys that start with `validation` are of the tier that chooses the weights.
SETTINGS = TrainingSettings(
    mice=("full", "short"),
    epochs=3,
    batch_size=2,
    architecture=ModelSettings(hidden_channels=4, n_blocks=1),
    subset=Subset(validation_tier="test"),
)


@pytest.fixture(scope="module")
def views():
    """What the run shows, epoch by epoch."""
    return []


@pytest.fixture(scope="module")
def events(prepared, views, tmp_path_factory):
    folder = tmp_path_factory.mktemp("board") / "run"
    train_run(
        SETTINGS,
        folder,
        data_dir=prepared,
        watch=[training_pictures, lambda view: views.append(view) or {}],
        profile=True,
        verbose=False,
    )
    read = EventAccumulator(str(folder / "tensorboard"), size_guidance={"tensors": 0})
    read.Reload()
    return folder, read


def test_scalars_are_there_for_each_epoch_and_mouse(events):
    _, read = events
    for tag in (
        "loss/total",
        "loss/poisson",
        "loss/laplace",
        "loss/features",
        "loss/full",
        "learning_rate",
        "images_per_second",
        "correlation/validation/full",
        "correlation/validation/short",
        "correlation/validation/single_trial_correlation",
    ):
        assert read.SummaryMetadata(tag).summary_description, tag
        steps = [event.step for event in read.Tensors(tag)]
        assert steps[-3:] == [1, 2, 3], tag


def test_the_loss_of_a_neuron_and_trial_is_the_poisson_loss_without_its_scale(prepared, tmp_path):
    mouse = load_mouse("full", data_dir=prepared)
    n_trials, n_neurons = mouse.tiers["train"], mouse.n_neurons
    reports = []

    class Kept(Progress):
        def on_epoch_end(self, report):
            reports.append(report)

    settings = dataclasses.replace(SETTINGS, mice=("full",), epochs=1, batch_size=n_trials)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sensorium_tf.training.trainer.Progress", Kept)
        train_run(settings, tmp_path / "run", data_dir=prepared)
    scalars = reports[-1].scalars
    # The root in the loss is that of one: a batch is all of the trials.
    expected = scalars["loss/poisson"] / (n_trials * n_neurons)
    assert scalars[LOSS] == pytest.approx(expected)


def report(epoch, **scalars):
    return EpochReport(
        epoch=epoch,
        most_epochs=12,
        tier="validation",
        scalars={SCORE: 0.1, LOSS: 0.5, "learning_rate": 0.009, **scalars},
        best_score=0.125,
        best_epoch=1,
    )


def test_a_line_after_each_epoch_says_what_it_came_to(capsys):
    seconds = iter([0.0, 60.0, 180.0])
    progress = Progress(clock=lambda: next(seconds))
    progress.on_epoch_end(report(0))
    for epoch in (1, 2):
        progress.on_epoch_begin(epoch, n_steps=3)
        progress.on_steps(3, 0.7)
        progress.on_epoch_end(report(epoch))
    assert capsys.readouterr().out.splitlines() == [
        "untrained: validation correlation 0.1000",
        "epoch 1 of at most 12: loss 0.5000 a neuron and trial; validation correlation 0.1000, "
        "best 0.1250 in epoch 1; learning rate 0.009; at most 11 min left",
        "epoch 2 of at most 12: loss 0.5000 a neuron and trial; validation correlation 0.1000, "
        "best 0.1250 in epoch 1; learning rate 0.009; at most 15 min left",
    ]


def test_a_bar_is_for_terminals(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    progress = Progress()
    progress.on_epoch_begin(1, n_steps=2)
    progress.on_steps(2, 0.75)
    out = capsys.readouterr().out
    assert "2/2" in out and "loss: 0.75" in out


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (95, "2 min"), (12_000, "3 h 20 min")]
)
def test_times_are_short(seconds, text):
    assert callbacks._duration(seconds) == text


def test_the_spread_of_correlations_is_a_histogram(events):
    _, read = events
    assert [e.step for e in read.Tensors("correlation/neurons/full")] == [0, 1, 2, 3]


def test_the_training_score_is_there_for_some_epochs(events, views, prepared):
    _, read = events
    points = read.Tensors("correlation/training/single_trial_correlation")
    assert [event.step for event in points] == [1, 2]
    # All weights are those of the last epoch by now.
    found = views[-1].correlations_in_training()
    for name in ("full", "short"):
        mouse = load_mouse(name, data_dir=prepared)
        trials, n_trials = mouse.trials("train"), mouse.tiers["test"]
        some = trials.take(np.linspace(0, len(trials) - 1, min(n_trials, len(trials))).astype(int))
        expected = single_trial_correlation(some.responses, predict(views[-1].model, some))
        np.testing.assert_allclose(found[name], expected, rtol=1e-6)


def test_pictures_are_there_for_some_epochs(events):
    _, read = events
    for tag in ("pictures/filters", "pictures/retinotopy/full", "pictures/responses/short"):
        assert [event.step for event in read.Tensors(tag)] == [1, 2]
        width, height, png = read.Tensors(tag)[0].tensor_proto.string_val
        assert int(width) > 300 and int(height) > 100 and png.startswith(b"\x89PNG")


@pytest.mark.usefixtures("events")
def test_pictures_say_which_tier_they_show(views, monkeypatch):
    module = sys.modules[training_pictures.__module__]
    titles, draw = [], module.responses_against_rates

    def drawn(*args, title, **kwargs):
        titles.append(title)
        return draw(*args, title=title, **kwargs)

    monkeypatch.setattr(module, "responses_against_rates", drawn)
    training_pictures(views[-1])
    assert titles == ["full, epoch 2, tier test", "short, epoch 2, tier test"]


def test_what_a_run_is_judged_by_comes_first(events):
    _, read = events
    shown = [tag for tag in sorted(read.Tags()["tensors"]) if not tag.startswith("_")]
    assert shown[0] == "correlation/best"
    first = [tag for tag in shown if tag.startswith("correlation/")]
    assert first == shown[: len(first)]


def test_the_hyperparameters_that_matter_are_the_columns(events):
    from tensorboard.plugins.hparams import plugin_data_pb2

    _, read = events
    content = read.summary_metadata["_hparams_/experiment"].plugin_data.content
    experiment = plugin_data_pb2.HParamsPluginData.FromString(content).experiment
    assert [each.name for each in experiment.hparam_infos] == [
        "model",
        "recipe",
        "batch_size",
        "learning_rate",
        "seed",
    ]
    assert [each.name.tag for each in experiment.metric_infos] == ["correlation/best"]


def test_hyperparameters_come_with_the_final_score(events):
    from tensorboard.plugins.hparams import plugin_data_pb2

    _, read = events
    assert "_hparams_/session_start_info" in read.summary_metadata
    start = read.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"learning_rate" in start and b"architecture/hidden_channels" in start
    chosen = plugin_data_pb2.HParamsPluginData.FromString(start).session_start_info.hparams
    assert chosen["model"].string_value == SETTINGS.model_name
    scores, (final,) = (
        [float(tf.make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)]
        for tag in (f"correlation/{SCORE}", "correlation/best")
    )
    assert final == pytest.approx(max(scores))


def test_final_scores_that_a_kill_cut_short_are_written_anew(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_, **__):
        raise Killed

    def finish():
        with contextlib.closing(
            TensorBoardLog(tmp_path, hyperparameters=SETTINGS.to_json())
        ) as log:
            log.on_end({SCORE: 0.25})

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(tf.summary, "scalar", die)
        finish()
    assert list(tmp_path.iterdir())
    for _ in range(2):
        finish()
    (file,) = tmp_path.iterdir()
    assert file.suffix == ".hparams"
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert "_hparams_/session_start_info" in read.summary_metadata
    (final,) = read.Tensors("correlation/best")
    assert tf.make_ndarray(final.tensor_proto) == 0.25


def test_a_profile_is_there_if_asked_for(events):
    folder, _ = events
    assert list((folder / "tensorboard" / "plugins" / "profile").rglob("*.xplane.pb"))


def test_a_finished_run_that_is_started_again_adds_no_logs(events, prepared):
    folder, _ = events
    before = sorted((folder / "tensorboard").rglob("*"))
    with pytest.warns(UserWarning, match="too few steps were left"):
        train_run(SETTINGS, folder, data_dir=prepared, profile=True, verbose=False)
    assert sorted((folder / "tensorboard").rglob("*")) == before
