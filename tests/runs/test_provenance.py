"""What a model was given and learnt from."""

import dataclasses
import json

import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.data import Subset
from sensorium_tf.runs import Provenance, RunRecord
from sensorium_tf.settings import TrainingSettings


def of_run(**settings):
    return RunRecord.new(TrainingSettings(**settings), []).provenance


def test_a_run_says_what_it_uses():
    provenance = of_run()
    assert (
        provenance.describe() == "sees image; trained on train of simulated, chosen by validation"
    )
    assert provenance.seen_tiers("simulated") == ("train", "validation")
    assert provenance.seen_tiers("mouse1") == ()
    assert provenance.to_json()["inputs"] == ["image"]
    subset = Subset(train_tiers=("train", "validation"), validation_tier="final_test", min_fev=0.1)
    provenance = of_run(track="sensorium_plus", subset=subset, init_from="a.keras")
    assert provenance.describe() == (
        "sees image, behavior, pupil center; trained on train and validation of simulated (neurons "
        "with FEV of at least 0.1 in tier test), chosen by final_test; started from a.keras "
        "(not all that it had seen is known)"
    )
    assert provenance.seen_tiers("simulated") == ("train", "validation", "final_test", "test")
    assert provenance.to_json()["inputs"] == ["image", "behavior", "pupil_center"]


def test_what_a_model_has_seen_is_held_out_from_nobody():
    alone = Provenance(mice=("a",), track="sensorium", inputs=("image",))
    assert alone.held_out("a", "test") is None
    run = dataclasses.replace(alone, trained_on=("train",), chosen_by="validation")
    assert [run.held_out("a", tier) for tier in ("train", "validation", "test")] == [
        False,
        False,
        True,
    ]


def test_what_a_start_had_seen_has_been_seen():
    first = Provenance(
        mice=("a",),
        track="sensorium",
        inputs=("image",),
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
    assert third.describe().endswith(
        "; started from model.keras; seen before: train and validation of b, train and test and "
        "validation of a"
    )
    # A start of which nothing was told, and one that is known not to be.
    lone = Provenance(mice=("c",), track="sensorium", inputs=("image",))
    for unknown in (fresh, fresh.after(lone), fresh.after(fresh.after(lone))):
        assert unknown.held_out("b", "train") is False
        assert {unknown.held_out(mouse, "test") for mouse in "abc"} == {None}
        assert unknown.to_json()["start_known"] is False
        assert "model.keras (not all that it had seen is known)" in unknown.describe()
    assert second.to_json()["start_known"] is True and first.to_json()["start_known"] is None


def test_a_provenance_survives_being_written_down():
    provenance = Provenance(
        mice=("a", "b"),
        track="sensorium_plus",
        inputs=("image", "behavior", "pupil_center"),
        trained_on=("train",),
        chosen_by="validation",
        neurons_chosen_by="test",
        subset="5 neurons",
        started_from="x.keras",
        seen_before=(("c", ("train", "test")),),
        start_known=True,
        recording_ids=(("a", "1"), ("b", "2")),
    )
    for each in (provenance, Provenance(mice=("a",), track="sensorium", inputs=("image",))):
        again = Provenance.from_json(json.loads(json.dumps(each.to_json())))
        assert again == each and again.recording_ids == each.recording_ids


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mice", "a"),
        ("mice", [1]),
        ("track", 3),
        ("inputs", "image"),
        ("trained_on", "train"),
        ("chosen_by", 3),
        ("subset", None),
        ("seen_before", {"a": "train"}),
        ("seen_before", []),
        ("start_known", "yes"),
        ("recording_ids", {"a": 3}),
    ],
)
def test_a_damaged_provenance_is_refused(name, value):
    values = Provenance(mice=("a",), track="sensorium", inputs=("image",)).to_json()
    with pytest.raises(SensoriumError, match=f"provenance: {name} is missing or damaged"):
        Provenance.from_json({**values, name: value})
    with pytest.raises(SensoriumError, match="provenance: mice is missing or damaged"):
        Provenance.from_json([values])
