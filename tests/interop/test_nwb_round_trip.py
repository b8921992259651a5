"""A recording, the NWB file of it, and the recording that is made of that again."""

import datetime
import json
import sys

import h5py
import numpy as np
import pytest
from recording_files import STEM, recording_tree, withhold, write_folder, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.interop.nwb import export_nwb, import_nwb
from sensorium_tf.recordings import Recording


def rich_tree(tree):
    """Returns a recording with all that may be there beside what has to."""
    n_trials = len(tree["meta/trials/tiers"])
    tree["meta/trials/frame_image_class"] = np.full(n_trials, "imagenet")
    tree["meta/trials/condition_hash"] = np.arange(n_trials).astype(str)
    tree["meta/trials/start_time"] = np.arange(n_trials) * 2.0
    tree["meta/trials/trial_index"] = np.arange(n_trials, dtype=np.int16)[::-1].copy()
    tree["meta/trials/window"] = np.arange(2 * n_trials, dtype=np.int32).reshape(-1, 2)
    tree["meta/neurons/id"] = np.arange(5)
    tree["meta/neurons/good"] = np.array([True, False, True, True, False])
    tree["meta/statistics/responses/all/median"] = np.arange(5, dtype=np.float32)
    for trial in range(n_trials):
        tree[f"data/decision/{trial}"] = np.array([trial % 2], np.float32)
    return tree


def float_tree(tree):
    for name in [name for name in tree if name.startswith("data/images/")]:
        tree[name] = tree[name].astype(np.float32) * np.float32(0.7)
    return tree


def two_colours(tree):
    for name in [name for name in tree if name.startswith("data/images/")]:
        tree[name] = np.concatenate([tree[name][:, :36, :64], tree[name][:, 36:72, :64]])
    return tree


def hashed(tree):
    ids = [f"{abs(hash(int(i))) * 7919:032x}" for i in tree["meta/trials/trial_idx"]]
    return withhold({**tree, "meta/trials/trial_idx": np.array(ids)}, tiers=["test"])


def reordered(tree):
    """Returns a recording whose trials were shown in another order than that of its files."""
    return {**tree, "meta/trials/trial_idx": tree["meta/trials/trial_idx"][::-1].copy()}


def without_statistics_and_behavior(tree):
    gone = ("meta/statistics", "data/behavior", "data/pupil_center", "meta/neurons/area")
    return {name: value for name, value in tree.items() if not name.startswith(gone)}


TREES = {
    "as published": lambda tree: tree,
    "rich": rich_tree,
    "float images": float_tree,
    "two colours": two_colours,
    "withheld": lambda tree: withhold(tree, signals=["behavior"], tiers=["test"]),
    "hashed": hashed,
    "reordered": reordered,
    "bare": without_statistics_and_behavior,
}


def assert_same(ours, theirs, what):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, what
    assert ours.tobytes() == theirs.tobytes(), what


@pytest.mark.filterwarnings("ignore:.*metadata")
@pytest.mark.parametrize("change", TREES.values(), ids=TREES)
def test_a_recording_comes_back_as_it_was(tmp_path, change):
    path = write_zip(tmp_path / f"{STEM}.zip", change(recording_tree()))
    nwb = export_nwb(path, tmp_path / "mouse.nwb")
    again = import_nwb(nwb, tmp_path / "out")
    assert again.name == path.name
    with Recording(path) as ours, Recording(again) as theirs:
        assert ours.spec == theirs.spec and ours.session_key == theirs.session_key
        for name in ("tiers", "image_ids", "trial_ids", "unit_ids", "cell_motor_coordinates"):
            assert_same(getattr(ours, name), getattr(theirs, name), name)
        for name in ours.spec.names:
            assert_same(ours.read(name), theirs.read(name), name)
        for of in ("neurons", "trials"):
            found, expected = getattr(theirs, of), getattr(ours, of)
            assert {*found} == {*expected}
            for name in expected:
                assert_same(expected[name], found[name], name)
        for signal, expected in ours.stored_statistics.items():
            found = theirs.stored_statistics[signal]
            assert {*found} == {*expected}
            for name in expected:
                assert_same(expected[name], found[name], (signal, name))


def test_a_folder_of_a_free_name_with_tiers_of_others_comes_back(tmp_path):
    tree = recording_tree()
    tree["meta/trials/tiers"] = np.char.replace(tree["meta/trials/tiers"], "test", "oracle")
    path = write_folder(tmp_path / "our mouse", tree)
    nwb = export_nwb(path, tmp_path / "mouse.nwb", tiers={"oracle": "test", "validation": ""})
    again = import_nwb(nwb, tmp_path)
    assert again.name == "our mouse.zip"
    with Recording(again) as recording:
        assert recording.session_key == "our mouse"
        assert set(recording.tiers) == {"train", "test"}
    other = import_nwb(nwb, tmp_path / "x.zip", session="1-2-3", tiers={"test": ""})
    with Recording(other) as recording:
        assert recording.session_key == "1-2-3" and set(recording.tiers) == {"train"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A recording in which responses and the pupil center are withheld, and its NWB file."""
    folder = tmp_path_factory.mktemp("exported")
    tree = withhold(reordered(recording_tree()), signals=["pupil_center"], tiers=["test"])
    path = write_zip(folder / f"{STEM}.zip", tree)
    return path, export_nwb(path, folder / "mouse.nwb")


def test_the_file_reads_with_pynwb(exported):
    import pynwb

    path, nwb = exported
    with Recording(path) as recording, pynwb.NWBHDF5IO(str(nwb), "r") as io:
        file = io.read()
        shown = file.stimulus["image_channel0"]
        trials, n_images = file.trials.to_dataframe(), len(shown.indexed_images.images)
        assert n_images == len(set(recording.image_ids)) < recording.n_trials
        # In the order in which they were shown, which is the other way round.
        assert trials["trial_index"].tolist() == list(range(recording.n_trials))[::-1]
        order = trials["trial_index"].to_numpy()
        images = np.stack([image[:] for image in shown.indexed_images.order_of_images[:]])
        assert images.dtype == np.uint8
        np.testing.assert_array_equal(images[shown.data[:]], recording.read("image")[order, ..., 0])
        responses = file.processing["ophys"]["response"]
        expected = recording.read("response")[order]
        hidden = (trials["tiers"] == "test").to_numpy()
        assert np.isnan(responses.data[:][hidden]).all() and "tier test" in responses.comments
        np.testing.assert_array_equal(responses.data[:][~hidden], expected[~hidden])
        neurons = responses.rois.table.to_dataframe()
        assert neurons["unit_ids"].tolist() == recording.unit_ids.tolist()
        assert neurons["area"].tolist() == recording.neurons["area"].tolist()
        behavior = file.processing["behavior"]
        np.testing.assert_array_equal(
            behavior["behavior"].data[:], recording.read("behavior")[order]
        )
        assert np.isnan(behavior["pupil_center"].data[:]).all()
        assert file.subject.subject_id == "26872"


def test_no_clock_is_invented(exported):
    _, nwb = exported
    with h5py.File(nwb) as file:
        said = file["session_description"][()].decode()
        n_trials = len(file["intervals/trials/id"])
        for name in ("intervals/trials/start_time", "processing/ophys/response/timestamps"):
            np.testing.assert_array_equal(file[name][:], np.arange(n_trials))
        assert file["session_start_time"][()].decode().startswith("1970-01-01")
    assert "times of the trials are not known" in said and "1970-01-01 stands in its place" in said


def test_a_date_that_is_known_is_kept(tmp_path, exported):
    path, _ = exported
    start = datetime.datetime(2021, 5, 1, 10, tzinfo=datetime.UTC)
    with pytest.raises(SensoriumError, match="has no time zone"):
        export_nwb(path, tmp_path / "a.nwb", session_start_time=start.replace(tzinfo=None))
    nwb = export_nwb(path, tmp_path / "a.nwb", session_start_time=start)
    with h5py.File(nwb) as file:
        assert file["session_start_time"][()].decode() == "2021-05-01T10:00:00+00:00"
        assert b"1970" not in file["session_description"][()]


def test_nwbinspector_finds_nothing_critical(exported):
    from nwbinspector import Importance, inspect_nwbfile

    found = list(inspect_nwbfile(exported[1], importance_threshold=Importance.CRITICAL))
    assert not found


def test_nothing_that_is_there_is_replaced(tmp_path, exported):
    path, nwb = exported
    taken = tmp_path / "taken.nwb"
    taken.write_bytes(b"a user's")
    with pytest.raises(SensoriumError, match=r"taken.nwb: is there already: delete it"):
        export_nwb(path, taken)
    import_nwb(nwb, tmp_path)
    with pytest.raises(SensoriumError, match=r"zip: is there already: delete it"):
        import_nwb(nwb, tmp_path)
    with pytest.raises(SensoriumError, match=r"mouse.h5: expected a file name that ends in .nwb"):
        export_nwb(path, tmp_path / "mouse.h5")
    assert taken.read_bytes() == b"a user's"


def test_a_disk_that_is_full_leaves_nothing(tmp_path, exported, monkeypatch):
    import pynwb

    def fails(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pynwb.NWBHDF5IO, "write", fails)
    with pytest.raises(SensoriumError, match=r"mouse.nwb: cannot be written: No space left"):
        export_nwb(exported[0], tmp_path / "mouse.nwb")
    assert not list(tmp_path.iterdir())


def test_without_pynwb_files_are_read_and_a_line_says_what_writing_needs(
    tmp_path, exported, monkeypatch
):
    path, nwb = exported
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(SensoriumError, match=r'pip install "sensorium_tf\[nwb\]"'):
        export_nwb(path, tmp_path / "mouse.nwb")
    with Recording(import_nwb(nwb, tmp_path)) as recording:
        assert recording.n_neurons == 5


def test_the_mapping_is_in_the_file(exported):
    with h5py.File(exported[1]) as file:
        mapping = json.loads(file["scratch/sensorium_tf_mapping"][()])
    assert mapping["responses"] == "processing/ophys/response"
