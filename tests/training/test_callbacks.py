"""What a run shows in TensorBoard."""

import contextlib
import sys

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sensorium_tf.data import Subset
from sensorium_tf.models import ModelSettings
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_run, training_pictures
from sensorium_tf.training.callbacks import TensorBoardLog

SCORE = "validation/single_trial_correlation"
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
        "validation/full",
        "validation/short",
        "validation/single_trial_correlation",
    ):
        steps = [event.step for event in read.Tensors(tag)]
        assert steps[-3:] == [1, 2, 3], tag


def test_the_spread_of_correlations_is_a_histogram(events):
    _, read = events
    assert [e.step for e in read.Tensors("single_trial_correlation/full")] == [0, 1, 2, 3]


def test_pictures_are_there_for_some_epochs(events):
    _, read = events
    for tag in ("filters", "retinotopy/full", "responses/short"):
        assert [event.step for event in read.Tensors(tag)] == [0, 1, 2]
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


def test_hyperparameters_come_with_the_final_score(events):
    _, read = events
    assert "_hparams_/session_start_info" in read.summary_metadata
    start = read.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    assert b"learning_rate" in start and b"architecture/hidden_channels" in start
    scores, (final,) = (
        [float(tf.make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)]
        for tag in (SCORE, f"final/{SCORE}")
    )
    assert final == pytest.approx(max(scores))


def test_final_scores_that_a_kill_cut_short_are_written_anew(tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_):
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
    (final,) = read.Tensors(f"final/{SCORE}")
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
