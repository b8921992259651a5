"""A run that is given past responses: used like any, and named for what it is everywhere."""

import json
import shutil

import numpy as np
import pytest
from untrained import untraced_steps

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.leaderboard.standing import standing_of
from sensorium_tf.scoring import read_label

pytestmark = pytest.mark.usefixtures("undrawn")

NAMED = "past responses (of train and validation)"
SMALL = {"epochs": 1, "batch_size": 8, "hidden_channels": 2, "n_blocks": 0, "verbose": False}


def train(workdir, prepared, **options):
    options = {"modulator": "history", "shifter": "none", **options}
    return sensorium_tf.train(
        "cnn",
        options.pop("mice", ["full", "short"]),
        track="sensorium_plus",
        workdir=workdir,
        data_dir=prepared,
        **SMALL,
        **options,
    )


@pytest.fixture(scope="module")
def run(prepared, tmp_path_factory):
    return train(tmp_path_factory.mktemp("run") / "history", prepared)


def test_mice_of_different_neurons_are_trained_scored_and_submitted(run, prepared, tmp_path):
    assert run.predict("test", mouse="short").shape[1] == 3
    scored = sensorium_tf.evaluate(run)
    assert list(scored.mice) == ["full", "short"]
    paths = sensorium_tf.submit(run, "full", output=tmp_path)
    assert [path.name for path in paths] == ["submission_file_live_test.csv"]
    assert "past_responses" in run.model.inputs.signals


def test_the_label_is_in_the_run_above_tables_and_in_every_file(run, tmp_path):
    config = json.loads((run.folder / "config.json").read_text())["provenance"]
    (path,) = sensorium_tf.submit(run, "full", output=tmp_path)
    label, scored = read_label(path), sensorium_tf.evaluate(run)
    for provenance in (config, label["provenance"], scored.to_json()["provenance"]):
        assert "past_responses" in provenance["inputs"]
        assert provenance["past_tiers"] == ["train", "validation"]
    assert NAMED in scored.report() and NAMED in scored.to_json()["signals"]
    assert standing_of(label, "sensorium_plus") == "uses past responses"
    assert all(mouse.held_out for mouse in scored.mice.values())


def test_a_copy_of_the_file_alone_tells_it_as_well(run, prepared, tmp_path):
    shutil.copy(run.folder / "model.keras", tmp_path / "alone.keras")
    alone = sensorium_tf.Run(tmp_path / "alone.keras", prepared)
    assert NAMED in alone.provenance.describe()
    np.testing.assert_array_equal(
        alone.predict("test", mouse="full"), run.predict("test", mouse="full")
    )


def test_it_is_not_ranked_beside_a_run_without(run, prepared, tmp_path):
    with untraced_steps():
        plain = train(tmp_path / "plain", prepared, modulator="none")
    compared = sensorium_tf.compare(plain, run, output=tmp_path / "both")
    assert not compared.equals
    assert "do not rank them" in compared.report() and NAMED in compared.report()


def test_test_responses_may_be_known_and_then_are_not_held_out(prepared, tmp_path):
    with untraced_steps():
        run = train(tmp_path / "run", prepared, mice="full", past_tiers=("train", "test"))
    assert run.provenance.past_tiers == ("train", "test")
    scored = sensorium_tf.evaluate(run)
    assert not scored.mice["full"].held_out
    assert "tier test took part in training: not a held-out score" in scored.report()


def test_the_track_of_images_alone_refuses_it_in_one_line(prepared, tmp_path):
    with pytest.raises(SensoriumError, match="^modulator history: takes past_responses, but "):
        sensorium_tf.train(
            "cnn", "full", modulator="history", workdir=tmp_path, data_dir=prepared, **SMALL
        )
