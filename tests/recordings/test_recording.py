import contextlib
import warnings
import zipfile

import numpy as np
import pytest
from recording_files import STEM, npy, recording_tree, withhold, write_folder, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import Recording


@pytest.fixture(scope="module")
def tree():
    return recording_tree()


def stacked(tree, signal):
    n_trials = len(tree["meta/trials/tiers"])
    return np.stack([tree[f"data/{signal}/{trial}"] for trial in range(n_trials)])


def refusal(path, tree, *, reads=()):
    """Returns the one line with which a recording is refused, when opened or when read."""
    with pytest.raises(SensoriumError) as refused:
        recording = Recording(write_zip(path / "recording.zip", tree))
        for signal in reads:
            recording.read(signal)
    assert "\n" not in str(refused.value)
    assert str(path / "recording.zip") in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("form", ["zip", "zip_without_top", "folder"])
def test_every_form_of_a_recording_reads_the_same(tmp_path, tree, form):
    path = tmp_path / f"{STEM}.zip"
    if form == "folder":
        path = write_folder(tmp_path / STEM, tree)
    else:
        write_zip(path, tree, top=STEM if form == "zip" else "")
    with Recording(path) as recording:
        assert recording.session_key == "26872-17-20"
        assert recording.n_neurons == 5
        assert recording.trials_of("validation").size == 4
        np.testing.assert_array_equal(recording.unit_ids, tree["meta/neurons/unit_ids"])
        np.testing.assert_array_equal(
            recording.trial_ids, tree["meta/trials/trial_idx"].astype(str)
        )
        np.testing.assert_array_equal(
            recording.read("image")[..., 0], stacked(tree, "images")[:, 0]
        )
        np.testing.assert_array_equal(recording.read("response"), stacked(tree, "responses"))
        for signal in ("behavior", "pupil_center"):
            np.testing.assert_array_equal(recording.read(signal), stacked(tree, signal))


def test_some_trials_are_read_in_the_order_asked_for(tmp_path, tree):
    recording = Recording(write_zip(tmp_path / "r.zip", tree))
    np.testing.assert_array_equal(
        recording.read("response", [7, 2]), stacked(tree, "responses")[[7, 2]]
    )


def test_images_stay_uint8_unless_one_of_them_is_not(tmp_path, tree):
    assert Recording(write_zip(tmp_path / "a.zip", tree)).read("image").dtype == np.uint8
    mixed = {**tree, "data/images/3": tree["data/images/3"].astype(np.float64) + 0.5}
    images = Recording(write_zip(tmp_path / "b.zip", mixed)).read("image")
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images[3, ..., 0], mixed["data/images/3"][0])
    np.testing.assert_array_equal(images[2, ..., 0], tree["data/images/2"][0])


def test_row_vectors_and_fortran_order_are_read_alike(tmp_path, tree):
    other = {**tree, "data/behavior/4": tree["data/behavior/4"][None]}
    other["data/images/4"] = np.asfortranarray(tree["data/images/4"])
    recording = Recording(write_zip(tmp_path / "r.zip", other))
    np.testing.assert_array_equal(recording.read("behavior"), stacked(tree, "behavior"))
    np.testing.assert_array_equal(recording.read("image")[..., 0], stacked(tree, "images")[:, 0])


def test_withheld_signals_are_found(tmp_path, tree):
    hidden = withhold(tree, signals=["behavior", "pupil_center"])
    path = write_zip(tmp_path / "r.zip", hidden)
    assert Recording(path).withheld_signals == ("behavior", "pupil_center")
    assert Recording(write_zip(tmp_path / "s.zip", tree)).withheld_signals == ()


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SensoriumError, match=r"nowhere\.zip: there is no such recording"):
        Recording(tmp_path / "nowhere.zip")


def test_a_truncated_zip_is_refused(tmp_path, tree):
    path = write_zip(tmp_path / "r.zip", tree)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(
        SensoriumError, match=r"r\.zip: not a complete zip file .* copy or export it"
    ):
        Recording(path)


def test_a_corrupt_member_is_refused(tmp_path, tree):
    path = write_zip(tmp_path / "r.zip", tree)
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(f"{STEM}/data/responses/3.npy")
    content = bytearray(path.read_bytes())
    content[member.header_offset + 120] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(SensoriumError, match=r"data/responses/3\.npy cannot be read .* download"):
        Recording(path).read("response")


@pytest.mark.parametrize("name", ["../../outside.npy", "/etc/outside.npy", "C:/outside.npy"])
def test_a_zip_that_points_outside_of_its_folder_is_refused(tmp_path, tree, name):
    path = write_zip(tmp_path / "r.zip", tree)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(SensoriumError, match="outside of the recording"):
        Recording(path)


def test_a_zip_of_something_else_is_refused(tmp_path):
    assert "not a recording" in refusal(tmp_path, {"a/b": np.zeros(3)})


@pytest.mark.parametrize(
    "name",
    [
        "meta/trials/tiers",
        "meta/trials/frame_image_id",
        "meta/trials/trial_idx",
        "meta/neurons/unit_ids",
        "meta/neurons/cell_motor_coordinates",
        "data/images/0",
        "data/pupil_center/5",
    ],
)
def test_a_missing_array_is_named(tmp_path, tree, name):
    broken = {key: value for key, value in tree.items() if key != name}
    assert name in refusal(tmp_path, broken)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("meta/trials/frame_image_id", np.arange(3)),
        ("meta/neurons/unit_ids", np.zeros((5, 2))),
        ("meta/neurons/cell_motor_coordinates", np.zeros((5, 2))),
        ("meta/statistics/responses/all/mean", np.zeros(4)),
        ("meta/statistics/images/all/std", np.zeros(2)),
        ("data/images/2", np.zeros((1, 36, 64), np.uint8)),
        ("data/responses/2", np.zeros(6, np.float32)),
        ("data/behavior/2", np.zeros(2, np.float32)),
    ],
)
def test_a_wrong_shape_is_named(tmp_path, tree, name, value):
    text = refusal(tmp_path, {**tree, name: value}, reads=["image", "response", "behavior"])
    assert f"{name}.npy has shape {value.shape}" in text


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    "name",
    [
        "data/responses/3",
        "data/behavior/3",
        "data/pupil_center/3",
        "meta/neurons/cell_motor_coordinates",
        "meta/statistics/responses/all/std",
        "meta/statistics/behavior/all/mean",
    ],
)
def test_values_that_are_not_finite_are_named(tmp_path, tree, name, bad):
    value = tree[name].copy()
    value.flat[0] = bad
    signals = ["response", "behavior", "pupil_center"]
    text = refusal(tmp_path, {**tree, name: value}, reads=signals)
    assert f"{name}.npy holds NaN or infinity" in text


def test_infinities_that_cancel_in_a_sum_are_found(tmp_path, tree):
    value = tree["data/responses/3"].copy()
    value[:2] = np.inf, -np.inf
    text = refusal(tmp_path, {**tree, "data/responses/3": value}, reads=["response"])
    assert "data/responses/3.npy" in text


def test_a_trial_too_many_is_named(tmp_path, tree):
    extra = {**tree, "data/images/22": tree["data/images/0"]}
    assert "data/images/22.npy is one too many" in refusal(tmp_path, extra)


def test_an_unknown_tier_is_named(tmp_path, tree):
    tiers = tree["meta/trials/tiers"].astype("<U20")
    tiers[4] = "holdout"
    text = refusal(tmp_path, {**tree, "meta/trials/tiers": tiers})
    assert "'holdout'" in text and "final_test" in text


@pytest.mark.parametrize("name", ["meta/trials/trial_idx", "data/behavior/1"])
def test_pickled_objects_are_refused_and_not_loaded(tmp_path, tree, name):
    class Bomb:
        def __reduce__(self):
            return (exit, ("unpickled",))

    broken = {**tree, name: npy(np.array([Bomb()], object))}
    assert "pickled" in refusal(tmp_path, broken, reads=["behavior"])


def test_bytes_that_are_no_array_are_refused(tmp_path, tree):
    broken = {**tree, "data/behavior/1": b"hello"}
    assert "not a NumPy array" in refusal(tmp_path, broken, reads=["behavior"])


def test_an_array_cut_short_is_refused(tmp_path, tree):
    for trial in (0, 1):
        broken = {**tree, f"data/responses/{trial}": npy(tree["data/responses/0"])[:-4]}
        assert f"data/responses/{trial}.npy" in refusal(tmp_path, broken, reads=["response"])


def test_oddities_are_kept_and_warned_of(tmp_path, tree):
    odd = {name: value for name, value in tree.items() if name != "meta/neurons/layer"}
    odd["meta/neurons/depth"] = np.arange(5.0)
    with pytest.warns(UserWarning) as warned:
        recording = Recording(write_zip(tmp_path / "r.zip", odd))
    texts = " ".join(str(each.message) for each in warned)
    assert "layer" in texts and "depth" in texts
    np.testing.assert_array_equal(recording.neurons["depth"], np.arange(5.0))


def test_optional_metadata_that_cannot_be_read_are_left_out(tmp_path, tree):
    odd = {**tree, "meta/neurons/area": npy(np.array([{}] * 5, object))}
    with pytest.warns(UserWarning, match="area"):
        recording = Recording(write_zip(tmp_path / "r.zip", odd))
    assert "area" not in recording.neurons


def test_the_reference_recordings_open(shared):
    paths = sorted((shared / "recordings").glob("*.zip"))
    assert paths
    for path in paths:
        with Recording(path) as recording:
            assert recording.read("pupil_center").shape == (recording.n_trials, 2)


@pytest.mark.parametrize("name", ["meta/trials/frame_image_id", "meta/neurons/unit_ids"])
def test_ids_that_are_not_whole_numbers_are_refused(tmp_path, tree, name):
    text = refusal(tmp_path, {**tree, name: tree[name] + 0.5})
    assert f"{name}.npy holds ids that are not whole numbers" in text


def test_whole_ids_may_be_stored_as_floats(tmp_path, tree):
    stored = {**tree, "meta/neurons/unit_ids": tree["meta/neurons/unit_ids"].astype(float)}
    recording = Recording(write_zip(tmp_path / "r.zip", stored))
    assert recording.unit_ids.tolist() == tree["meta/neurons/unit_ids"].tolist()


@pytest.mark.parametrize("name", ["meta/trials/tiers", "meta/trials/trial_idx"])
def test_text_that_cannot_be_decoded_is_refused(tmp_path, tree, name):
    broken = np.full(len(tree["meta/trials/tiers"]), b"\xff\xfe")
    assert f"{name}.npy is not text" in refusal(tmp_path, {**tree, name: broken})


def test_any_byte_of_the_directory_damaged_is_one_line(tmp_path, tree):
    path = write_zip(tmp_path / "r.zip", tree)
    content = path.read_bytes()
    start = content.index(b"PK\x01\x02")
    for offset in range(4, 46):
        damaged = bytearray(content)
        damaged[start + offset] ^= 0xFF
        path.write_bytes(damaged)
        with contextlib.suppress(SensoriumError), Recording(path) as recording:
            recording.read("image")


def header(descr, shape):
    """Returns the bytes of a `.npy` file with a header of its own and no values."""
    text = f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    ("descr", "shape"),
    [("<f4", (-1, -5)), ("|V0", (3,)), ("<U0", (3,)), ("<f4", (0, 10**27)), (("<f4", (2,)), (3,))],
)
@pytest.mark.parametrize("name", ["meta/trials/tiers", "meta/neurons/unit_ids", "data/behavior/0"])
def test_hostile_headers_are_refused(tmp_path, tree, name, descr, shape):
    broken = {**tree, name: header(descr, shape)}
    assert f"{name}.npy" in refusal(tmp_path, broken, reads=["behavior"])


@pytest.mark.parametrize("value", [1e-60, 1e300])
@pytest.mark.parametrize("name", ["images/all/std", "responses/all/std", "behavior/all/mean"])
def test_statistics_beyond_float32_are_refused(tmp_path, tree, name, value):
    full = f"meta/statistics/{name}"
    text = refusal(tmp_path, {**tree, full: np.full_like(tree[full], value)})
    assert f"{full}.npy holds values beyond float32" in text


def test_a_duplicate_member_is_refused(tmp_path, tree):
    path = write_zip(tmp_path / "r.zip", tree)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(f"{STEM}/data/responses/3.npy", npy(tree["data/responses/4"]))
    with pytest.raises(SensoriumError, match=r"a duplicate of .*3\.npy"):
        Recording(path)


def test_a_folder_with_a_device_in_it_is_refused(tmp_path, tree):
    folder = write_folder(tmp_path / "r", tree)
    trial = folder / "data" / "behavior" / "3.npy"
    trial.unlink()
    trial.symlink_to("/dev/zero")
    with pytest.raises(SensoriumError, match=r"3\.npy: is a pipe or a device"):
        Recording(folder).read("behavior")


def test_metadata_as_bytes_are_kept_as_text_and_other_kinds_left_out(tmp_path, tree):
    odd = {**tree, "meta/neurons/area": np.array([b"V1"] * 5)}
    odd["meta/neurons/layer"] = np.zeros(5, complex)
    with pytest.warns(UserWarning, match="layer"):
        recording = Recording(write_zip(tmp_path / "r.zip", odd))
    assert recording.neurons["area"].tolist() == ["V1"] * 5
    assert "layer" not in recording.neurons


@pytest.mark.parametrize("bad", [1e30, np.nan, -1e19])
def test_ids_beyond_an_integer_are_refused(tmp_path, tree, bad):
    assert "whole numbers" in refusal(tmp_path, {**tree, "meta/neurons/unit_ids": np.full(5, bad)})


def without(tree, *prefixes):
    return {name: value for name, value in tree.items() if not name.startswith(prefixes)}


def replaced(tree, folder, shape, *, dtype=np.float32):
    """Returns the tree with other arrays of one signal, and no statistics of it."""
    random, n_trials = np.random.default_rng(8), len(tree["meta/trials/tiers"])
    changed = without(tree, f"data/{folder}/", f"meta/statistics/{folder}/")
    for trial in range(n_trials):
        changed[f"data/{folder}/{trial}"] = random.uniform(0, 255, shape).astype(dtype)
    return changed


@pytest.mark.parametrize(
    ("shape", "spec"),
    [
        ((1, 36, 64), (36, 64, 1)),
        ((36, 64), (36, 64, 1)),
        ((2, 36, 64), (36, 64, 2)),
        ((3, 20, 20), (20, 20, 3)),
    ],
)
def test_images_of_other_sizes_and_colours_are_read_channels_last(tmp_path, tree, shape, spec):
    other = replaced(tree, "images", shape)
    recording = Recording(write_zip(tmp_path / "r.zip", other))
    assert recording.spec["image"].shape == spec
    stored = stacked(other, "images").reshape(-1, spec[2], *spec[:2])
    np.testing.assert_array_equal(recording.read("image"), stored.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("shape", [(64,), (2, 2, 36, 64), (0, 36, 64), (1, 1, 1)])
def test_what_is_no_image_is_named(tmp_path, tree, shape):
    text = refusal(tmp_path, replaced(tree, "images", shape))
    assert f"data/images/0.npy has shape {shape}, expected (channels, height, width)" in text


def test_an_image_that_only_claims_to_be_huge_is_named(tmp_path, tree):
    text = refusal(tmp_path, {**tree, "data/images/0": header("<f4", (1, 10**6, 10**6))})
    assert "data/images/0.npy has 0 bytes of values" in text


def test_behavior_and_pupil_center_may_be_absent(tmp_path, tree):
    bare = without(tree, *(f"{a}/{b}/" for a in ("data", "meta/statistics") for b in CONTEXT))
    recording = Recording(write_zip(tmp_path / "r.zip", bare))
    assert recording.spec.names == ("image", "response")
    assert recording.withheld_signals == ()
    assert set(recording.statistics) == {"image", "response"}
    with pytest.raises(SensoriumError, match="'behavior': the recording has only image, response"):
        recording.read("behavior")


CONTEXT = ("behavior", "pupil_center")


@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 1)])
def test_there_may_be_more_behaviors(tmp_path, tree, shape):
    other = replaced(tree, "behavior", shape)
    recording = Recording(write_zip(tmp_path / "r.zip", other))
    assert recording.spec["behavior"].shape == (4,)
    np.testing.assert_array_equal(
        recording.read("behavior"), stacked(other, "behavior").reshape(-1, 4)
    )


@pytest.mark.parametrize("shape", [(), (1,), (1, 1), (3,)])
def test_any_further_folder_is_a_context_signal(tmp_path, tree, shape):
    more = replaced(tree, "decision", shape, dtype=np.float64)
    with pytest.warns(UserWarning, match="no statistics of decision: computed over the training"):
        recording = Recording(write_zip(tmp_path / "r.zip", more))
        statistics = recording.statistics["decision"]
    assert recording.spec.names == ("image", "response", *CONTEXT, "decision")
    assert recording.spec["decision"].role == "context"
    values = stacked(more, "decision").reshape(22, -1).astype(np.float32)
    np.testing.assert_array_equal(recording.read("decision"), values)
    training = values[tree["meta/trials/tiers"] == "train"].astype(np.float64)
    np.testing.assert_allclose(statistics.mean, training.mean(0))
    np.testing.assert_allclose(statistics.std, training.std(0))


@pytest.mark.parametrize(
    ("names", "value", "says"),
    [
        ([f"data/film/{i}" for i in range(22)], np.zeros((4, 4)), "expected a row of numbers"),
        ([f"data/words/{i}" for i in range(22)], np.array(["a"]), "expected numbers"),
        ([f"data/half/{i}" for i in range(11)], np.zeros(1), "11.npy is missing"),
        ([f"data/bad-name/{i}" for i in range(22)], np.zeros(1), "context signal 'bad-name'"),
        ([f"data/image_id/{i}" for i in range(22)], np.zeros(1), "context signal 'image_id'"),
    ],
)
def test_further_folders_that_are_no_signal_are_left_out(tmp_path, tree, names, value, says):
    more = {**tree, **dict.fromkeys(names, value)}
    with pytest.warns(UserWarning, match=f"left out data/.*{says}"):
        recording = Recording(write_zip(tmp_path / "r.zip", more))
    assert recording.spec.names == ("image", "response", *CONTEXT)


def test_folders_without_trials_are_no_signals(tmp_path, tree):
    recording = Recording(write_zip(tmp_path / "r.zip", {**tree, "data/notes/readme": np.zeros(1)}))
    assert recording.spec.names == ("image", "response", *CONTEXT)


@pytest.mark.parametrize("folder", ["images", "responses", "behavior"])
def test_statistics_that_are_missing_are_those_of_the_training_trials(tmp_path, tree, folder):
    bare = without(tree, f"meta/statistics/{folder}/all/std")
    name = {"images": "image", "responses": "response"}.get(folder, folder)
    recording = Recording(write_zip(tmp_path / "r.zip", bare))
    with pytest.warns(UserWarning, match=rf"r\.zip: no statistics of {name}: computed over the"):
        found = recording.statistics[name]
    for statistic in ("mean", "std"):
        expected = tree[f"meta/statistics/{folder}/all/{statistic}"]
        np.testing.assert_allclose(getattr(found, statistic), expected, rtol=1e-6)


def test_statistics_of_no_trial_cannot_be_computed(tmp_path, tree):
    tiers = np.full_like(tree["meta/trials/tiers"], "test")
    bare = {**without(tree, "meta/statistics/images"), "meta/trials/tiers": tiers}
    recording = Recording(write_zip(tmp_path / "r.zip", bare))
    with (
        pytest.warns(UserWarning, match="no statistics"),
        pytest.raises(SensoriumError, match="no trial is in tier 'train'"),
    ):
        recording.statistics  # noqa: B018


def test_statistics_of_what_never_varies_are_refused(tmp_path, tree):
    still = {**without(tree, "meta/statistics/images")}
    still |= {name: np.full_like(v, 7) for name, v in tree.items() if "data/images" in name}
    recording = Recording(write_zip(tmp_path / "r.zip", still))
    with (
        pytest.warns(UserWarning, match="no statistics"),
        pytest.raises(SensoriumError, match="data/images never vary in tier 'train'"),
    ):
        recording.statistics  # noqa: B018


@pytest.mark.parametrize("column", ["image_id", "colorframeprojector_image_id"])
def test_image_ids_go_by_several_names(tmp_path, tree, column):
    other = without(tree, "meta/trials/frame_image_id")
    other[f"meta/trials/{column}"] = tree["meta/trials/frame_image_id"].astype(float)
    recording = Recording(write_zip(tmp_path / "r.zip", other))
    np.testing.assert_array_equal(recording.image_ids, tree["meta/trials/frame_image_id"])


def test_metadata_of_neurons_that_cannot_be_read_are_not_called_kept(tmp_path):
    tree = recording_tree()
    tree["meta/neurons/roi"] = np.full(5, None)
    tree["meta/neurons/depth"] = np.arange(5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        recording = Recording(write_zip(tmp_path / "a.zip", tree))
    said = [str(each.message).removeprefix(f"{recording.path}: ") for each in caught]
    assert "kept metadata that are not known: 'meta/neurons/depth.npy'" in said
    assert sum("roi.npy" in each for each in said) == 1


def test_metadata_of_the_trials_are_kept_and_dates_become_text(tmp_path):
    tree = recording_tree()
    n_trials = len(tree["meta/trials/tiers"])
    tree["meta/trials/frame_trial_ts"] = np.full(n_trials, np.datetime64("2021-05-01T10:00:00"))
    tree["meta/trials/condition_hash"] = np.arange(n_trials).astype(str)
    tree["meta/trials/odd"] = np.full(n_trials, None)
    path = write_zip(tmp_path / "a.zip", tree)
    left_out = "left out optional metadata: .*trials/odd.npy"
    with Recording(path) as recording, pytest.warns(UserWarning, match=left_out):
        trials = recording.trials
    assert {*trials} == {"frame_trial_ts", "condition_hash"}
    assert set(trials["frame_trial_ts"]) == {"2021-05-01T10:00:00"}


def test_metadata_of_trials_that_are_left_out_are_too(tmp_path):
    tree = recording_tree()
    tree["meta/trials/number"] = np.arange(len(tree["meta/trials/tiers"]))
    with Recording(write_zip(tmp_path / "a.zip", tree), tiers={"test": ""}) as recording:
        kept = np.flatnonzero(tree["meta/trials/tiers"] != "test")
        np.testing.assert_array_equal(recording.trials["number"], kept)


def test_a_median_that_is_damaged_is_left_out(tmp_path):
    tree = recording_tree()
    tree["meta/statistics/responses/all/median"] = np.zeros(3)
    tree["meta/statistics/responses/all/max"] = np.ones(5)
    path = write_zip(tmp_path / "a.zip", tree)
    with (
        pytest.warns(UserWarning, match="left out optional statistics: .*median"),
        Recording(path) as recording,
    ):
        assert {*recording.stored_statistics["response"]} == {"mean", "std", "max"}
