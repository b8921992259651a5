import itertools
import shutil

import numpy as np
import pytest
import tensorflow as tf

from sensorium_tf import SensoriumError
from sensorium_tf.data import Batches, batches, inputs_of, load_mouse, mouse_names, prepare
from sensorium_tf.simulation import recording_spec, simulate_recording


def trials_of(prepared, *names, tier="train"):
    return {name: load_mouse(name, data_dir=prepared).trials(tier) for name in names}


def inputs_for(prepared, *names, track="sensorium"):
    return inputs_of([load_mouse(name, data_dir=prepared) for name in names], track=track)


def rows(trials, responses):
    """Returns the indexes of the trials whose responses are in a batch."""
    return [int(np.flatnonzero((trials.responses == r).all(axis=1))[0]) for r in responses]


def epoch_rows(dataset, trials, name):
    return [rows(trials, responses[name]) for _, responses in dataset.as_numpy_iterator()]


def test_an_epoch_shows_every_trial_once_and_keeps_the_short_last_batch(prepared):
    trials = trials_of(prepared, "full")
    data = Batches(trials, inputs=inputs_for(prepared, "full"), batch_size=5, seed=0)
    shown = epoch_rows(data.epoch(1), trials["full"], "full")
    assert [len(batch) for batch in shown] == [5, 5, 2]
    assert sorted(row for batch in shown for row in batch) == list(range(12))


def test_inputs_and_responses_belong_to_the_same_trial(prepared):
    trials = trials_of(prepared, "full")
    spec = inputs_for(prepared, "full", track="sensorium_plus")
    for inputs, responses in Batches(trials, inputs=spec, batch_size=5).epoch(1):
        index = rows(trials["full"], responses["full"].numpy())
        expected = trials["full"].inputs(spec, index)
        np.testing.assert_array_equal(inputs["full"]["image"], expected["image"])
        np.testing.assert_array_equal(inputs["full"]["pupil_center"], expected["pupil_center"])


def test_the_shorter_mouse_goes_round_again_in_a_new_order(prepared):
    trials = trials_of(prepared, "full", "short")
    data = Batches(trials, inputs=inputs_for(prepared, "full", "short"), batch_size=3, seed=0)
    assert data.steps_per_epoch == 4
    shown = epoch_rows(data.epoch(1), trials["short"], "short")
    assert [len(batch) for batch in shown] == [3, 2, 3, 2]
    first, second = shown[0] + shown[1], shown[2] + shown[3]
    assert sorted(first) == sorted(second) == list(range(5))
    assert first != second


def test_the_order_depends_on_seed_and_epoch_alone(prepared):
    trials = trials_of(prepared, "full")

    def order(seed, epoch):
        data = Batches(trials, inputs=inputs_for(prepared, "full"), batch_size=5, seed=seed)
        return epoch_rows(data.epoch(epoch), trials["full"], "full")

    assert order(0, 1) == order(0, 1)
    assert order(0, 1) != order(0, 2)
    assert order(0, 1) != order(1, 1)


def test_one_line_gives_the_batches_of_several_mice(prepared):
    data = batches("full, short", track="sensorium", batch_size=5, data_dir=prepared)
    assert len(data) == 3
    inputs, responses = data.element_spec
    assert inputs["full"]["image"].shape == tf.TensorShape([None, 36, 64, 1])
    assert responses["short"].shape == tf.TensorShape([None, 3])
    full = trials_of(prepared, "full")["full"]
    assert epoch_rows(data, full, "full") != epoch_rows(data, full, "full")


def test_only_training_trials_are_shuffled_by_default(prepared):
    data = batches("full", track="sensorium", tier="test", data_dir=prepared)
    trials = trials_of(prepared, "full", tier="test")["full"]
    assert epoch_rows(data, trials, "full") == [list(range(6))]


def test_after_the_first_epoch_nothing_is_read_from_disk(prepared, tmp_path):
    copy = tmp_path / "data"
    shutil.copytree(prepared, copy)
    data = batches("full", track="sensorium", batch_size=5, data_dir=copy)
    assert sum(1 for _ in data) == 3
    shutil.rmtree(copy)
    assert sum(1 for _ in data) == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mice": "hidden", "track": "sensorium_plus"}, "withheld"),
        ({"mice": "hidden", "track": "sensorium", "tier": "test"}, "withheld"),
        ({"mice": "full", "track": "sensorium++"}, "did you mean sensorium?"),
        ({"mice": "full,full", "track": "sensorium"}, "duplicate"),
        ({"mice": "full:9.9.9", "track": "sensorium"}, "expected names"),
        ({"mice": "../full", "track": "sensorium"}, "expected names"),
        ({"mice": "full,", "track": "sensorium"}, "expected names"),
        ({"mice": "full", "track": "sensorium", "batch_size": 0}, "at least 1"),
    ],
)
def test_what_cannot_be_batched_is_refused(prepared, arguments, message):
    with pytest.raises(SensoriumError, match=message):
        batches(**arguments, data_dir=prepared)


def test_names_come_from_a_string_or_a_list():
    assert mouse_names("mouse1, mouse3") == mouse_names(["mouse1", "mouse3"])


def test_the_order_of_an_epoch_is_drawn_once(prepared, monkeypatch):
    drawn, real = [], np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda seed: drawn.append(seed) or real(seed))
    inputs = inputs_for(prepared, "full")
    data = Batches(trials_of(prepared, "full"), inputs=inputs, batch_size=5, seed=987)
    for _ in data.epoch(3):
        pass
    assert len(drawn) == 1


@pytest.mark.parametrize("n_replicas", [2, 3])
def test_replicas_share_out_each_batch_and_no_trial_is_seen_twice(prepared, n_replicas):
    trials = trials_of(prepared, "full")
    data = Batches(trials, inputs=inputs_for(prepared, "full"), batch_size=5, seed=0)
    whole = epoch_rows(data.epoch(2), trials["full"], "full")
    shares = [
        epoch_rows(data.epoch(2, n_replicas=n_replicas, replicas=[replica]), trials["full"], "full")
        for replica in range(n_replicas)
    ]
    assert [list(itertools.chain(*parts)) for parts in zip(*shares, strict=True)] == whole
    together = data.epoch(2, n_replicas=n_replicas, replicas=range(n_replicas))
    in_turn = [share for parts in zip(*shares, strict=True) for share in parts]
    assert epoch_rows(together, trials["full"], "full") == in_turn


def test_the_rest_of_an_epoch_can_be_had(prepared):
    trials = trials_of(prepared, "full")
    data = Batches(trials, inputs=inputs_for(prepared, "full"), batch_size=5, seed=0)
    whole = epoch_rows(data.epoch(2), trials["full"], "full")
    assert epoch_rows(data.epoch(2, first_step=1), trials["full"], "full") == whole[1:]


def test_a_step_takes_so_many_trials_of_each_mouse(prepared):
    trials = trials_of(prepared, "full", "short")
    data = Batches(trials, inputs=inputs_for(prepared, "full", "short"), batch_size=4)
    expected = [[len(batch) for batch in responses.values()] for _, responses in data.epoch(0)]
    assert expected == [[4, 4], [4, 1], [4, 4]]
    assert [data.n_trials(step) for step in range(3)] == expected


def test_other_channels_can_be_chosen(prepared):
    channels = ["image", "centred_image"]
    data = batches("full", track="sensorium", channels=channels, batch_size=5, data_dir=prepared)
    assert data.element_spec[0]["full"]["image"].shape == tf.TensorShape([None, 36, 64, 2])


def test_mice_that_are_given_different_images_cannot_share_a_model(prepared, tmp_path):
    shutil.copytree(prepared, tmp_path / "data")
    settings = {"n_neurons": 3, "n_images": 20, "n_repeats": 2}
    for name, size in (("fine", "72x128"), ("square", "40x40")):
        path = simulate_recording(tmp_path / name, **settings, spec=recording_spec(image_size=size))
        prepare(name, recording=path, data_dir=tmp_path / "data")
    for name, says in (
        ("fine", "72 x 128 pixels, given as 36 x 64"),
        ("square", "40 x 40 pixels, given as 40 x 40"),
    ):
        with pytest.raises(SensoriumError) as refused:
            batches(["full", name], track="sensorium", data_dir=tmp_path / "data")
        assert str(refused.value) == (
            f"full and {name} cannot share a model: full has images of 144 x 256 pixels, given as "
            f"36 x 64, and image (1), {name} has images of {says}, and image (1)"
        )


def test_a_model_of_several_mice_knows_the_constants_of_each(prepared):
    inputs = inputs_for(prepared, "full", "short", track="sensorium_plus")
    assert set(inputs.constants) == {"full", "short"}
    for name in inputs.constants:
        mouse = load_mouse(name, data_dir=prepared)
        assert inputs.constants_of(name, "image")["std"] == mouse.statistics["image"]["std"]
