"""Some neurons and trials of a mouse."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from recording_files import recording_tree, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.data import Subset, load_mouse, prepare
from sensorium_tf.metrics import explainable_variance


@pytest.fixture(scope="module")
def mouse(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    half = np.arange(mouse.n_neurons) % 2 == 0
    neurons = {**mouse.neurons, "area": np.where(half, "V1", "LM"), "layer": np.where(half, 2, 4)}
    return dataclasses.replace(mouse, neurons=neurons)


def test_a_subset_of_nothing_is_the_mouse_itself(mouse):
    assert Subset().neurons_of(mouse) is mouse
    assert not Subset(train_trials=3).of_neurons
    assert len(Subset().train_trials_of(mouse)) == mouse.tiers["train"]


@pytest.mark.parametrize(
    ("subset", "kept"),
    [
        (Subset(areas=("LM",)), lambda m: m.neurons["area"] == "LM"),
        (Subset(areas=("LM",), layers=("4",)), lambda m: m.neurons["layer"] == 4),
        (Subset(areas=("LM", "V1")), lambda m: m.unit_ids >= 0),
    ],
)
def test_neurons_are_chosen_by_what_is_known_of_them(mouse, subset, kept):
    index = np.flatnonzero(kept(mouse))
    chosen = subset.neurons_of(mouse)
    np.testing.assert_array_equal(chosen.unit_ids, mouse.unit_ids[index])
    np.testing.assert_array_equal(
        chosen.cell_motor_coordinates, mouse.cell_motor_coordinates[index]
    )
    for tier in ("train", "test"):
        whole, part = mouse.trials(tier), chosen.trials(tier)
        np.testing.assert_allclose(part.responses, whole.responses[:, index], rtol=1e-6)
        np.testing.assert_array_equal(part.images, whole.images)
    assert (chosen.fingerprint == mouse.fingerprint) is (len(index) == mouse.n_neurons)


def test_neurons_are_chosen_by_their_ids_in_the_order_of_the_recording(mouse):
    chosen = Subset(unit_ids=(mouse.unit_ids[3], mouse.unit_ids[1])).neurons_of(mouse)
    np.testing.assert_array_equal(chosen.unit_ids, mouse.unit_ids[[1, 3]])
    # A part of a part.
    last = Subset(unit_ids=(mouse.unit_ids[3],)).neurons_of(chosen)
    whole = mouse.trials("validation").responses
    np.testing.assert_allclose(last.trials("validation").responses, whole[:, [3]], rtol=1e-6)


def test_neurons_are_chosen_by_their_reliability(mouse):
    trials = mouse.trials("test")
    variance = explainable_variance(trials.responses, trials.image_ids)
    threshold = float(np.clip(np.median(variance), 0, 0.9))
    subset = Subset(min_fev=threshold)
    chosen = subset.neurons_of(mouse)
    np.testing.assert_array_equal(chosen.unit_ids, mouse.unit_ids[variance >= threshold])
    assert subset.neurons_chosen_by == "test"


def test_a_number_of_neurons_is_drawn_by_the_seed(mouse):
    def draw(seed):
        return set(Subset(neurons=3, subset_seed=seed).neurons_of(mouse).unit_ids.tolist())

    assert draw(0) == draw(0) and len(draw(0)) == 3
    assert len({frozenset(draw(seed)) for seed in range(8)}) > 1


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """A mouse whose first neuron hardly responds and whose last one does so a lot."""
    folder, tree = tmp_path_factory.mktemp("uneven"), recording_tree(seed=4)
    factors = np.array([1e-6, 1, 1, 1, 1e3], np.float32)
    for name in tree:
        if name.startswith(("data/responses/", "meta/statistics/responses/")):
            tree[name] = tree[name] * factors
    prepare("uneven", recording=write_zip(folder / "uneven.zip", tree), data_dir=folder / "data")
    return load_mouse("uneven", data_dir=folder / "data")


@pytest.mark.parametrize("index", [[0], [0, 4], [4, 0, 1]])
def test_what_a_neuron_is_divided_by_follows_from_all_neurons(uneven, index):
    whole, part = uneven, uneven.with_neurons(np.array(index))
    std = whole.statistics["response"]["std"]
    floor = 0.01 * std.mean()
    assert std[0] < floor < std[4]
    np.testing.assert_allclose(whole.response_scale, np.maximum(std, floor))
    again = uneven.with_neurons(np.array([3, *index])).with_neurons(np.arange(len(index)) + 1)
    for some in (part, again):
        np.testing.assert_array_equal(some.response_scale, whole.response_scale[index])
        np.testing.assert_array_equal(
            some.trials("train").responses, whole.trials("train").responses[:, index]
        )
        assert some.fingerprint == part.fingerprint


def test_saved_runs_go_on_knowing_the_neurons_of_a_mouse(uneven):
    def expected(index, spread):
        mean = uneven.statistics["response"]["mean"]
        parts = (uneven.unit_ids[index], mean[index], spread[index])
        content = uneven.session_key.encode() + b"".join(part.tobytes() for part in parts)
        return hashlib.sha256(content).hexdigest()[:16]

    assert uneven.fingerprint == expected(np.arange(5), uneven.statistics["response"]["std"])
    some = np.array([0, 4])
    assert uneven.with_neurons(some).fingerprint == expected(some, uneven.response_scale)


def test_a_recording_is_known_by_any_name_and_any_part(mouse, uneven, tmp_path):
    path = write_zip(tmp_path / "b.zip", recording_tree(seed=4))
    prepare("other_name", recording=path, data_dir=tmp_path)
    again = load_mouse("other_name", data_dir=tmp_path)
    assert again.with_neurons(np.array([3])).recording_id == uneven.recording_id
    assert mouse.recording_id != uneven.recording_id  # of the same session key
    assert mouse.session_key == uneven.session_key
    session = dataclasses.replace(uneven, session_key="1-1-1")
    assert session.recording_id != uneven.recording_id


def test_fewer_trials_are_some_of_the_more(mouse):
    whole = mouse.trials("train")
    few, more = (Subset(train_trials=n).train_trials_of(mouse) for n in (4, 8))
    assert len(few) == 4 and set(few.trial_ids) < set(more.trial_ids) < set(whole.trial_ids)
    rows = [whole.trial_ids.tolist().index(each) for each in few.trial_ids]
    assert rows == sorted(rows)
    for name in ("images", "responses", "image_ids"):
        np.testing.assert_array_equal(getattr(few, name), getattr(whole, name)[rows])
    for name, values in few.signals.items():
        np.testing.assert_array_equal(values, whole.signals[name][rows])
    other = Subset(train_trials=4, subset_seed=1).train_trials_of(mouse)
    assert set(other.trial_ids) != set(few.trial_ids)


def test_trials_of_several_tiers_come_one_after_another(mouse):
    subset = Subset(train_tiers=("train", "validation"), validation_tier="test")
    trials = subset.train_trials_of(mouse)
    assert subset.n_train_trials_of(mouse) == len(trials)
    expected = [*mouse.trials("train").trial_ids, *mouse.trials("validation").trial_ids]
    assert trials.trial_ids.tolist() == expected
    assert subset.neurons_chosen_by is None


def test_what_was_left_out_stays_left_out_where_it_is_withheld(prepared):
    hidden = load_mouse("hidden", data_dir=prepared)
    assert Subset(train_trials=2).train_trials_of(hidden).signals == {}


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"neurons": 0}, "neurons 0: expected at least 1"),
        ({"train_trials": 0}, "train_trials 0: expected at least 1"),
        ({"min_fev": 1.5}, "min_fev 1.5: expected less than 1"),
        ({"min_fev": float("nan")}, "min_fev nan"),
        ({"train_tiers": ()}, "expected one tier or several"),
        ({"train_tiers": ("train", "train")}, "several different ones"),
        ({"train_tiers": ("training",)}, "tier 'training': did you mean train"),
        ({"validation_tier": "train"}, "validation_tier train: is trained on as well"),
        ({"subset_seed": -1}, "subset_seed -1"),
        ({"neurons": 2.5}, "neurons 2.5: expected a whole number"),
        ({"neurons": True}, "neurons True: expected a whole number"),
        ({"unit_ids": 3}, "unit_ids 3: expected a list of whole numbers"),
        ({"unit_ids": ("3",)}, "unit_ids .*'3'.*: expected a list of whole numbers"),
        ({"areas": (1,)}, "areas .*1.*: expected a list of names"),
        ({"min_fev": "0.1"}, "min_fev '0.1': expected a finite number"),
        ({"validation_tier": ["test"]}, "validation_tier .*test.*: expected text"),
    ],
)
def test_subsets_that_are_not_possible_are_refused(values, says):
    with pytest.raises(SensoriumError, match=says):
        Subset(**values)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"neurons": 1000}, r"full: \d+ of its \d+ neurons can be chosen, expected at least 1000"),
        ({"unit_ids": (10**6,)}, "full: has no neuron with unit id 1000000"),
        ({"areas": ("V2",)}, "full: no neuron of area 'V2', only of LM, V1"),
        ({"areas": ("LM",), "layers": ("2",)}, "0 of its .* neurons can be chosen"),
    ],
)
def test_neurons_that_are_not_there_are_refused(mouse, values, says):
    with pytest.raises(SensoriumError, match=says):
        Subset(**values).neurons_of(mouse)


def test_what_neurons_cannot_be_chosen_by_is_refused(prepared, mouse):
    bare = dataclasses.replace(mouse, neurons={"unit_ids": mouse.unit_ids})
    with pytest.raises(SensoriumError, match="recording does not tell the area of neurons"):
        Subset(areas=("V1",)).neurons_of(bare)
    hidden = load_mouse("hidden", data_dir=prepared)
    with pytest.raises(SensoriumError, match="responses of tier 'test' are withheld"):
        Subset(min_fev=0.1).neurons_of(hidden)


def test_fev_without_repeats_is_refused(tmp_path):
    tree = recording_tree(n_test_images=4, n_repeats=1)
    prepare("once", recording=write_zip(tmp_path / "once.zip", tree), data_dir=tmp_path)
    says = "once: no image of tier test is repeated, by which FEV is told"
    with pytest.raises(SensoriumError, match=says):
        Subset(min_fev=0.1).neurons_of(load_mouse("once", data_dir=tmp_path))


def test_too_few_trials_are_refused(mouse):
    with pytest.raises(SensoriumError, match="has 12 trials to train on, but 13 are asked for"):
        Subset(train_trials=13).train_trials_of(mouse)


def test_what_python_has_at_hand_will_do(mouse):
    subset = Subset(unit_ids=mouse.unit_ids[[1, 1, 2]], areas="V1", train_tiers="train")
    assert subset == Subset(
        unit_ids=tuple(mouse.unit_ids[[1, 2]].tolist()), areas=("V1",), train_tiers=("train",)
    )
    assert json.loads(json.dumps(subset.to_json()))["areas"] == ["V1"]


def test_a_subset_says_what_it_leaves():
    assert Subset().describe() == ""
    subset = Subset(neurons=5, areas=("V1", "LM"), layers=("L4",), train_trials=10)
    assert subset.describe() == (
        "5 neurons of area V1 or LM of layer L4, 10 training trials, drawn with seed 0"
    )
    assert Subset(unit_ids=(1, 2)).describe() == "neurons of 2 unit ids"
    reliable = Subset(min_fev=0.15)
    assert reliable.describe() == "neurons with FEV of at least 0.15 in tier test"
