import dataclasses
import sys

import numpy as np
import pytest
import tensorflow as tf
from recording_files import recording_tree

from sensorium_tf import SensoriumError
from sensorium_tf.data import Trials, load_mouse
from sensorium_tf.data.normalizing import normalize_images, normalize_responses, response_scale


def raw(tree, signal, tier):
    return np.stack(
        [tree[f"data/{signal}/{t}"] for t in np.flatnonzero(tree["meta/trials/tiers"] == tier)]
    )


def test_an_image_is_z_scored_then_each_block_gives_the_mean_of_its_central_pixels():
    image = np.random.default_rng(0).integers(0, 256, (1, 144, 256, 1)).astype(np.float64)
    normalized = normalize_images(image, 104.0, 58.0, step=4)
    assert normalized.shape == (1, 36, 64, 1)
    z = (image[0, ..., 0] - 104.0) / 58.0
    for row, column in ((0, 0), (17, 40), (35, 63)):
        block = z[4 * row + 1 : 4 * row + 3, 4 * column + 1 : 4 * column + 3]
        assert normalized[0, row, column, 0] == pytest.approx(block.mean(), abs=1e-6)


def test_the_resize_is_bilinear_without_antialiasing():
    images = np.random.default_rng(1).uniform(0, 255, (2, 144, 256, 1)).astype(np.float32)
    expected = tf.image.resize((images - 100) / 50, (36, 64), method="bilinear", antialias=False)
    np.testing.assert_allclose(normalize_images(images, 100, 50, step=4), expected, atol=1e-5)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 6])
@pytest.mark.parametrize("channels", [1, 2])
def test_images_become_smaller_by_any_whole_number(step, channels):
    size = (4 * step, 6 * step, channels)
    images = np.random.default_rng(1).uniform(0, 255, (2, *size)).astype(np.float32)
    expected = tf.image.resize((images - 100) / 50, (4, 6), method="bilinear", antialias=False)
    padded = np.pad(images, ((0, 0), (0, step - 1), (0, step // 2), (0, 0)))
    for given in (images, padded):
        smaller = normalize_images(given, 100, 50, step=step)
        assert smaller.shape == (2, 4, 6, channels)
        np.testing.assert_allclose(smaller, expected, atol=1e-5)


def test_a_neuron_that_hardly_responds_is_not_blown_up():
    std = np.array([1.0, 2.0, 0.0, 1e-5])
    floor = 0.01 * std.mean()
    np.testing.assert_allclose(
        normalize_responses(np.ones((1, 4), np.float32), response_scale(std))[0],
        [1.0, 0.5, 1 / floor, 1 / floor],
        rtol=1e-6,
    )


def test_a_prepared_mouse_gives_its_normalised_trials(prepared):
    tree = recording_tree(seed=1)
    trials = load_mouse("full", data_dir=prepared).trials("validation")
    std = tree["meta/statistics/responses/all/std"]
    np.testing.assert_allclose(
        trials.responses, raw(tree, "responses", "validation") / std, rtol=1e-5
    )
    np.testing.assert_allclose(
        trials.signals["behavior"],
        raw(tree, "behavior", "validation") / tree["meta/statistics/behavior/all/std"],
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        trials.signals["pupil_center"],
        (raw(tree, "pupil_center", "validation") - tree["meta/statistics/pupil_center/all/mean"])
        / tree["meta/statistics/pupil_center/all/std"],
        rtol=1e-4,
        atol=1e-5,
    )
    validation = tree["meta/trials/tiers"] == "validation"
    np.testing.assert_array_equal(
        trials.trial_ids, tree["meta/trials/trial_idx"][validation].astype(str)
    )
    np.testing.assert_array_equal(trials.image_ids, tree["meta/trials/frame_image_id"][validation])


def test_trials_can_be_put_in_the_order_in_which_they_were_shown(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    session = Trials.concatenate([mouse.trials(tier) for tier in mouse.tiers])
    shuffled = session.take(np.random.default_rng(0).permutation(len(session)))
    ordered = shuffled.as_shown()
    # Numbers, not text: trial 99 comes before trial 100.
    numbers = np.sort(session.trial_ids.astype(int)).astype(str)
    np.testing.assert_array_equal(ordered.trial_ids, numbers)
    first = session.trial_ids == numbers[0]
    np.testing.assert_array_equal(ordered.responses[0], session.responses[first][0])
    early = dataclasses.replace(session, trial_ids=(np.arange(len(session)) - 3).astype(str))
    np.testing.assert_array_equal(early.as_shown().trial_ids, early.trial_ids)
    for trial_id in ("9e107d9d", "20210501100000000001"):
        hashed = dataclasses.replace(session, trial_ids=np.full(len(session), trial_id))
        with pytest.raises(SensoriumError, match="full: the trial ids are hashed"):
            hashed.as_shown()


@pytest.mark.parametrize(
    ("name", "says"), [("full", "behavior, pupil center"), ("hidden", "responses")]
)
def test_mice_and_trials_say_in_a_line_what_they_are(prepared, name, says):
    mouse = load_mouse(name, data_dir=prepared)
    trials = mouse.trials("train")
    assert str(mouse).startswith(f"{name}: session {mouse.session_key}, {mouse.n_neurons} neurons")
    assert f"{len(trials)} train" in str(mouse)
    withheld = "; withheld: behavior, pupil_center, responses of test"
    assert str(mouse).endswith(withheld) == (name == "hidden")
    assert str(trials).startswith(f"{len(trials)} trials of {name}, {mouse.n_neurons} neurons: ")
    assert str(trials).endswith(says)


def test_a_sensorium_model_sees_the_image_alone(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    trials = mouse.trials("train")
    inputs = trials.inputs(mouse.inputs("sensorium"))
    assert list(inputs) == ["image"]
    np.testing.assert_array_equal(inputs["image"], trials.images)
    assert inputs["image"].shape == (12, 36, 64, 1)


def test_a_sensorium_plus_model_sees_behavior_as_constant_channels(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    trials = mouse.trials("train")
    inputs = trials.inputs(mouse.inputs("sensorium_plus"), slice(2, 5))
    np.testing.assert_array_equal(inputs["image"][..., :1], trials.images[2:5])
    for channel in range(3):
        plane = inputs["image"][..., 1 + channel]
        np.testing.assert_array_equal(plane, np.broadcast_to(plane[:, :1, :1], plane.shape))
        np.testing.assert_array_equal(plane[:, 0, 0], trials.signals["behavior"][2:5, channel])
    np.testing.assert_array_equal(inputs["pupil_center"], trials.signals["pupil_center"][2:5])


def test_channels_are_stacked_in_the_order_asked_for(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    trials, index = mouse.trials("train"), np.array([7, 2])
    channels = ["image", "pupil_center", "centred_image", "sobel_image"]
    image = trials.inputs(mouse.inputs("sensorium_plus", channels), index)["image"]
    images = trials.images[index]
    np.testing.assert_array_equal(image[..., :1], images)
    pupil = np.broadcast_to(trials.signals["pupil_center"][index][:, None, None], (2, 36, 64, 2))
    np.testing.assert_array_equal(image[..., 1:3], pupil)
    centred = images - images.mean((1, 2), keepdims=True, dtype=np.float64)
    np.testing.assert_allclose(image[..., 3:4], centred, atol=1e-5)
    right = (images[:, 5, 8] - images[:, 5, 6]) / 4
    right += sum(images[:, row, 8] - images[:, row, 6] for row in (4, 6)) / 8
    np.testing.assert_allclose(image[:, 5, 7, 4:5], right, atol=1e-5)


def test_inputs_carry_the_constants_of_the_recording(prepared):
    tree = recording_tree(seed=1)
    mouse = load_mouse("full", data_dir=prepared)
    inputs = mouse.inputs("sensorium_plus")
    for name, folder in (("image", "images"), ("behavior", "behavior")):
        for statistic in ("mean", "std"):
            np.testing.assert_array_equal(
                inputs.constants_of("full", name)[statistic],
                tree[f"meta/statistics/{folder}/all/{statistic}"],
            )
    grey = raw(tree, "images", "validation")[:, 0, ..., None].astype(np.float32)
    shown = mouse.trials("validation").images
    middle = grey.reshape(4, 36, 4, 64, 4)[:, :, 1:3, :, 1:3].mean((2, 4))[..., None]
    np.testing.assert_allclose(inputs.to_grey(shown, "full"), middle, atol=1e-3)
    both = mouse.inputs("sensorium", "image,centred_image")
    centred = both["centred_image"].apply(middle, both.constants_of("full", "centred_image"))
    given = mouse.trials("validation").inputs(both)["image"]
    np.testing.assert_allclose(centred, given[..., 1:], atol=1e-5)
    assert list(mouse.inputs("sensorium").constants["full"]) == ["image"]


def test_what_does_not_fit_the_model_is_named(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    trials, inputs = mouse.trials("train"), mouse.inputs("sensorium_plus")
    other = dataclasses.replace(inputs, image_size=(20, 20))
    with pytest.raises(SensoriumError, match="full: its images are 36 x 64 .* of 20 x 20"):
        trials.inputs(other)
    more = dataclasses.replace(inputs.channels[1], size=4)
    other = dataclasses.replace(inputs, channels=(inputs.channels[0], more))
    with pytest.raises(SensoriumError, match="full: behavior has 3 columns .* is given 4"):
        trials.inputs(other)


def test_tracks_and_channels_that_cannot_be_are_named(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    with pytest.raises(SensoriumError, match="track 'plus': expected sensorium or"):
        mouse.inputs("plus")
    with pytest.raises(SensoriumError, match="full: track sensorium_plus needs licks"):
        mouse.inputs("sensorium_plus", ["image", "licks"])


def test_withheld_behavior_is_refused_for_sensorium_plus(prepared):
    mouse = load_mouse("hidden", data_dir=prepared)
    assert mouse.withheld_signals == ("behavior", "pupil_center")
    assert mouse.withheld_tiers == ("test",)
    with pytest.raises(SensoriumError, match="hidden: behavior and pupil_center withheld"):
        mouse.inputs("sensorium_plus")
    with pytest.raises(SensoriumError, match="withheld"):
        mouse.trials("train").inputs(load_mouse("full", data_dir=prepared).inputs("sensorium_plus"))


def test_withheld_responses_are_refused_where_they_are_needed(prepared):
    mouse = load_mouse("hidden", data_dir=prepared)
    mouse.check_tier("test")
    with pytest.raises(SensoriumError, match="responses of tier 'test' are withheld"):
        mouse.check_tier("test", responses=True)


@pytest.mark.parametrize(
    ("tier", "message"), [("final_test", "has no trials of tier"), ("exam", "expected one of")]
)
def test_a_tier_that_is_not_there_is_refused(prepared, tier, message):
    with pytest.raises(SensoriumError, match=message):
        load_mouse("full", data_dir=prepared).trials(tier)


@pytest.mark.parametrize(
    ("name", "command"),
    [
        ("mouse1", "prepare.py --mice=mouse1"),
        ("mouse9", r"did you mean mouse\d.*prepare.py --recording=PATH --name=mouse9"),
        ("lab7", "expected one of mouse1, .*prepare.py --recording=PATH --name=lab7"),
    ],
)
def test_a_mouse_that_is_not_prepared_is_refused_with_the_command_that_helps(
    tmp_path, name, command
):
    with pytest.raises(SensoriumError, match=f"{name}.* is not prepared .*{command}") as refused:
        load_mouse(name, data_dir=tmp_path)
    assert ("--mice" in str(refused.value)) == (name == "mouse1")


def test_damaged_prepared_files_are_refused(prepared, tmp_path):
    import shutil

    shutil.copytree(prepared, tmp_path / "data")
    for shard in (tmp_path / "data").rglob("*-train.tfrecord-*"):
        shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(SensoriumError, match="prepare it again"):
        load_mouse("full", data_dir=tmp_path / "data").trials("train")


@pytest.mark.parametrize("name", ["metadata.json", "dataset_info.json"])
@pytest.mark.parametrize("keep", [None, 40])
def test_damaged_metadata_of_a_prepared_mouse_are_refused(prepared, tmp_path, name, keep):
    import shutil

    shutil.copytree(prepared, tmp_path / "data")
    file = next((tmp_path / "data" / "sensorium" / "full").rglob(name))
    content = file.read_bytes()
    file.unlink()
    if keep is not None:
        file.write_bytes(content[:keep])
    with pytest.raises(SensoriumError, match=f"full/.*{name}: damaged.* prepare it again"):
        load_mouse("full", data_dir=tmp_path / "data")


def test_trials_have_named_dimensions(prepared):
    mouse = load_mouse("full", data_dir=prepared)
    trials = Trials.concatenate([mouse.trials(tier) for tier in ("test", "train")]).take(
        np.arange(17)[::-1]
    )
    found = trials.to_xarray()
    assert dict(found.sizes) == {
        **{"trial": 17, "y": 36, "x": 64, "channel": 1, "neuron": 5},
        **{"behavior_column": 3, "pupil_center_column": 2, "axis": 3},
    }
    np.testing.assert_array_equal(found["image"], trials.images)
    np.testing.assert_array_equal(found["pupil_center"], trials.signals["pupil_center"])
    assert found["image"].dims == ("trial", "y", "x", "channel")
    assert found["tier"].to_numpy().tolist() == ["train"] * 11 + ["test"] * 6
    assert {*found["response"].coords} == {
        *("trial_id", "image_id", "tier"),
        *("unit_id", "area", "layer", "animal_ids", "sessions", "scan_idx"),
    }
    assert found["cell_motor_coordinates"].attrs["units"] == "micrometre"
    assert found["cell_motor_coordinates"].sel(axis="z").dims == ("neuron",)
    repeats = found.isel(trial=found["tier"].to_numpy() == "test")
    averages = repeats["response"].groupby("image_id").mean()
    assert averages.sizes == {"image_id": 2, "neuron": 5}


def test_neurons_of_fewer_stay_with_their_trials(prepared):
    mouse = load_mouse("full", data_dir=prepared).with_neurons(np.array([3, 1]))
    found = mouse.trials("test").to_xarray()
    assert found["unit_id"].to_numpy().tolist() == mouse.unit_ids.tolist()
    assert found["response"].sizes["neuron"] == 2


def test_metadata_that_are_called_like_a_signal_are_labels_all_the_same(prepared):
    trials = load_mouse("full", data_dir=prepared).trials("test")
    neurons = {**trials.neurons, "response": np.arange(5), "masks": np.zeros((5, 2, 2))}
    found = dataclasses.replace(trials, neurons=neurons).to_xarray()
    assert found["neuron_response"].dims == ("neuron",)
    assert found["masks"].dims == ("neuron", "masks_1", "masks_2")


def test_metadata_that_are_called_like_a_label_take_nothing_from_it(prepared):
    trials = load_mouse("full", data_dir=prepared).trials("test")
    more = {"axis": np.arange(5), "unit_id": np.arange(5), "neuron_axis": np.ones(5)}
    more |= {"masks_1": np.ones(5), "masks": np.ones((5, 2))}
    for neurons in ({**more, **trials.neurons}, {**trials.neurons, **more}):
        found = dataclasses.replace(trials, neurons=neurons).to_xarray()
        assert found["unit_id"].to_numpy().tolist() == trials.neurons["unit_ids"].tolist()
        assert found["axis"].to_numpy().tolist() == ["x", "y", "z"]
        assert found["masks"].dims == ("neuron", "neuron_masks_1")
        for name in ("neuron_unit_id", "neuron_axis", "neuron_neuron_axis", "masks_1"):
            assert found[name].dims == ("neuron",)


def test_without_xarray_a_line_says_what_to_install(prepared, monkeypatch):
    trials = load_mouse("full", data_dir=prepared).trials("test")
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(SensoriumError, match=r'pip install "sensorium_tf\[xarray\]"'):
        trials.to_xarray()
