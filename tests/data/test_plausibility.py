"""Values that cannot be what they are said to be are named when a recording is prepared."""

import warnings
from unittest import mock

import numpy as np
import pytest
from recording_files import recording_tree, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.data import prepare
from sensorium_tf.recordings.plausibility import check_signal
from sensorium_tf.recordings.statistics import Moments, Statistics

MEAN, STD = ("meta/statistics/{}/all/" + each for each in ("mean", "std"))


@pytest.fixture
def tree():
    return recording_tree(n_train=30)


@pytest.fixture
def prepare_it(tmp_path):
    """Prepares a recording; returns what is warned of."""

    def prepare_tree(tree):
        path = write_zip(tmp_path / "r.zip", tree)
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            prepare("lab", recording=path, data_dir=tmp_path / "data")
        texts = [str(each.message) for each in said if each.category is UserWarning]
        assert all(text.startswith(str(path)) for text in texts), texts
        # Opening says what is odd each time.
        return [text.removeprefix(f"{path}: ") for text in dict.fromkeys(texts)]

    return prepare_tree


def images(tree, change):
    """Returns the recording with other images, and without statistics of them."""
    return {
        name: change(value.astype(np.float32)) if name.startswith("data/images/") else value
        for name, value in tree.items()
        if "statistics/images" not in name
    }


def test_nothing_is_said_of_a_sound_recording(tree, prepare_it):
    assert prepare_it(tree) == []


def test_statistics_over_all_trials_are_no_reason_to_warn(tree, prepare_it):
    n_trials = len(tree["meta/trials/tiers"])
    for signal in ("images", "responses", "behavior", "pupil_center"):
        values = np.stack([tree[f"data/{signal}/{trial}"] for trial in range(n_trials)])
        axis = None if signal == "images" else 0
        tree[MEAN.format(signal)] = values.mean(axis, dtype=float)
        tree[STD.format(signal)] = values.std(axis, dtype=float, ddof=1)
    assert prepare_it(tree) == []


@pytest.mark.parametrize("signal", ["images", "responses", "behavior", "pupil_center"])
@pytest.mark.parametrize(("statistic", "factor"), [(STD, 3), (STD, 0.2), (MEAN, 3)])
def test_statistics_of_other_data_are_named(tree, prepare_it, signal, statistic, factor):
    name = statistic.format(signal)
    tree[name] = tree[name] * factor
    (text,) = prepare_it(tree)
    assert f"meta/statistics/{signal} do not fit data/{signal}" in text
    assert "kept, but delete that folder of statistics" in text


@pytest.mark.parametrize("signal", ["images", "responses", "behavior", "pupil_center"])
@pytest.mark.parametrize("value", [1e-44, 1e38])
def test_impossible_statistics_are_refused(tree, prepare_it, signal, value):
    name = STD.format(signal)
    tree[name] = np.full_like(tree[name], value)
    with pytest.raises(SensoriumError, match=rf"r.zip: meta/statistics/{signal} .* delete that"):
        prepare_it(tree)


def test_one_neuron_whose_std_would_outweigh_all_is_refused(tree, prepare_it):
    tree[STD.format("responses")][2] = 1e30
    with pytest.raises(SensoriumError, match="meta/statistics/responses do not fit"):
        prepare_it(tree)


def test_a_neuron_that_never_responded_in_training_is_no_reason_to_warn(tree, prepare_it):
    for trial in np.flatnonzero(tree["meta/trials/tiers"] == "train"):
        tree[f"data/responses/{trial}"][2] = 0
    for name in (MEAN, STD):
        tree[name.format("responses")][2] = 0.01
    assert prepare_it(tree) == []


@pytest.mark.parametrize("value", [0.1, -0.7, 12.7])
@pytest.mark.parametrize("said_std", [0.0, 1e-20])
def test_a_constant_column_of_many_trials_is_no_reason_to_warn(value, said_std):
    values = np.random.default_rng(0).normal(10, 3, (1000, 3)).astype(np.float32)
    values[:, 1] = value
    mean, std = values.mean(0, dtype=float), values.std(0, dtype=float)
    std[1] = said_std
    recording = mock.Mock()
    recording.trials_of.return_value = np.arange(1000)
    recording.statistics = {"behavior": Statistics(mean, std)}
    recording.spec = {"behavior": mock.Mock(folder="behavior")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_signal(recording, "behavior", values)
        std[[0, 2]] *= 3
        with pytest.raises(UserWarning, match="do not fit"):
            check_signal(recording, "behavior", values)


def test_negative_responses_are_named(tree, prepare_it):
    for trial in range(len(tree["meta/trials/tiers"])):
        tree[f"data/responses/{trial}"] -= np.float32(0.5)
    tree[MEAN.format("responses")] -= 0.5
    (text,) = prepare_it(tree)
    assert "of the values in data/responses are negative, down to -0.5" in text
    assert "deconvolve it first" in text


@pytest.mark.parametrize("change", [lambda x: x / 255, lambda x: x * 0.5 + 60])
def test_grey_values_of_another_scale_are_no_reason_to_warn(tree, prepare_it, change):
    (text,) = prepare_it(images(tree, change))
    assert text.startswith("no statistics of image")


@pytest.mark.parametrize("change", [lambda x: x - 1000, lambda x: (x - 113) / 60, lambda x: x * 9])
def test_images_that_are_no_grey_values_are_named(tree, prepare_it, change):
    _, text = prepare_it(images(tree, change))
    assert "data/images hold values from" in text and "expected grey values, 0 to 255" in text


def test_faint_images_on_a_bright_ground_are_judged_by_their_own_spread(tree, prepare_it):
    # Far below the square of the mean: a difference of squares would have lost it.
    said = prepare_it(images(tree, lambda x: x * 0.01 + 60000))
    assert len(said) == 2 and not any("do not fit" in text for text in said), said


def test_images_beyond_any_grey_value_are_refused(tree, prepare_it):
    tree["data/images/7"] = np.full((1, 144, 256), 1e30, np.float32)
    with pytest.raises(SensoriumError, match=r"r.zip: image of trial 7 holds 1e\+30, expected"):
        prepare_it(tree)


@pytest.mark.parametrize("value", [0.0, -321.5])
def test_neurons_at_one_place_are_named(tree, prepare_it, value):
    tree["meta/neurons/cell_motor_coordinates"] = np.full((5, 3), value)
    (text,) = prepare_it(tree)
    assert "cell_motor_coordinates.npy puts all neurons at one place" in text
    assert "--positions=free" in text


def test_places_beyond_any_cortex_are_refused(tree, prepare_it):
    tree["meta/neurons/cell_motor_coordinates"][1, 2] = 1e308
    with pytest.raises(SensoriumError, match="holds 1e.308, expected micrometres"):
        prepare_it(tree)


def test_a_neuron_that_is_silent_in_a_few_trials_is_not_taken_for_withheld(tree, tmp_path):
    from recording_files import withhold

    for tier, is_hidden in (("validation", False), ("test", True)):
        path = write_zip(tmp_path / f"{tier}.zip", withhold(tree, tiers=[tier]))
        mouse = prepare(f"lab_{tier}", recording=path, data_dir=tmp_path)
        assert (tier in mouse.withheld_tiers) is is_hidden


def test_withheld_signals_are_no_reason_to_warn(tree, prepare_it):
    from recording_files import withhold

    hidden = withhold(tree, signals=["behavior", "pupil_center"], tiers=["test"])
    assert prepare_it(hidden) == []


@pytest.mark.parametrize("session", ["26872-17-20", "27204-5-13", "23343-5-17"])
def test_nothing_is_said_of_the_reference_recordings(shared, tmp_path, session):
    (path,) = (shared / "recordings").glob(f"static{session}-*.zip")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        prepare("lab", recording=path, data_dir=tmp_path)


@pytest.mark.parametrize(("scale", "ground"), [(60, 113), (1e-3, 1), (0.05, 1e4)])
def test_moments_of_groups_add_up_to_those_of_all(rng, scale, ground):
    rows = (rng.normal(size=(7, 400)) * scale + ground).astype(np.float32)
    parts = [rows[:0], rows[:1], rows[1:5], rows[5:]]
    found = sum(map(Moments.of_rows, parts), Moments())
    assert found.n == rows.size
    assert found.mean == pytest.approx(rows.mean(dtype=float), rel=1e-6)
    assert found.std == pytest.approx(rows.std(dtype=float), rel=1e-3)
    assert Moments().std == 0
