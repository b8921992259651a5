import dataclasses
import pickle
import zipfile

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.recordings.truth import Truth

TRUTH = Truth(
    tiers=np.array(["test", "train", "test"]),
    image_ids=np.array([7, 8, 9]),
    trial_ids=np.array(["c", "a", "b"]),
    unit_ids=np.array([30, 10]),
    rates=np.array([[0.5, 1.5], [2.5, 3.5], [4.5, 5.5]]),
    responses=np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], np.float32),
)
FIELDS = [field.name for field in dataclasses.fields(Truth) if field.name != "neurons"]
PLACES = np.array([[1.0, 2.0], [3.0, 4.0]])


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def changed(path, **changes):
    """Writes the truth with some arrays changed, or left out where None."""
    arrays = {**{name: getattr(TRUTH, name) for name in FIELDS}, **changes}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def test_a_truth_file_gives_back_what_was_saved(tmp_path):
    TRUTH.save(tmp_path / "new" / "truth.npz")
    found = Truth.load(tmp_path / "new" / "truth.npz")
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name), getattr(TRUTH, name))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["truth.npz"]


def test_a_truth_is_found_beside_its_recording(tmp_path):
    TRUTH.save(tmp_path / "static1-2-3_truth.npz")
    found = Truth.load(tmp_path / "static1-2-3.zip")
    np.testing.assert_array_equal(found.rates, TRUTH.rates)
    with pytest.raises(SensoriumError, match="other_truth.npz: there is no such truth file"):
        Truth.load(tmp_path / "other.zip")


def test_trial_numbers_are_saved_as_text_and_loaded_without_pickle(tmp_path):
    for trial_ids in (np.array([3, 1, 2]), np.array(["3", "1", "2"], object)):
        dataclasses.replace(TRUTH, trial_ids=trial_ids).save(tmp_path / "truth.npz")
        assert Truth.load(tmp_path / "truth.npz").trial_ids.tolist() == ["3", "1", "2"]


def test_truth_is_aligned_to_the_trials_and_neurons_asked_for():
    found = TRUTH.align(
        trial_ids=np.array(["b", "c"]), image_ids=np.array([9, 7]), unit_ids=np.array([10, 30])
    )
    assert found.tiers.tolist() == ["test", "test"]
    assert found.image_ids.tolist() == [9, 7]
    assert found.trial_ids.tolist() == ["b", "c"]
    assert found.unit_ids.tolist() == [10, 30]
    assert found.rates.tolist() == [[5.5, 4.5], [1.5, 0.5]]
    assert found.responses.tolist() == [[5, 4], [1, 0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trial_ids": np.array(["a", "z"])}, "knows no trial id z"),
        ({"unit_ids": np.array([10, 99])}, "knows no unit id 99"),
        ({"image_ids": np.array([8, 5])}, "has image 9 for trial b, the recording 5"),
    ],
)
def test_the_truth_of_another_recording_is_refused(change, message):
    asked = {
        "trial_ids": np.array(["a", "b"]),
        "image_ids": np.array([8, 9]),
        "unit_ids": np.array([10]),
    }
    assert TRUTH.align(**asked).responses.tolist() == [[3], [5]]
    with pytest.raises(SensoriumError, match=f"{message}.* belongs to another recording"):
        TRUTH.align(**{**asked, **change})


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SensoriumError, match=r"none\.npz: there is no such truth file"):
        Truth.load(tmp_path / "none.npz")


@pytest.mark.parametrize("name", FIELDS)
def test_a_file_that_lacks_an_array_is_refused(tmp_path, name):
    path = changed(tmp_path / "truth.npz", **{name: None})
    with pytest.raises(SensoriumError, match=f"not the truth of a simulated recording.*{name}"):
        Truth.load(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rates": TRUTH.rates[:2]}, r"rates has shape \(2, 2\), expected \(3, 2\)"),
        ({"responses": TRUTH.responses.T}, r"responses has shape \(2, 3\), expected \(3, 2\)"),
        ({"image_ids": TRUTH.image_ids[:2]}, r"image_ids has shape \(2,\), expected \(3,\)"),
        ({"tiers": np.array("test")}, r"tiers has shape \(\), expected \(3,\)"),
        ({"unit_ids": np.array([[30], [10]])}, r"unit_ids has shape \(2, 1\), expected \(2,\)"),
        ({"trial_ids": np.array("c")}, "has shape"),
        ({"unit_ids": np.array(30)}, r"unit_ids has shape \(\)"),
        ({"rates": np.full((3, 2), np.nan)}, "rates holds values that are not finite"),
        ({"responses": np.full((3, 2), np.inf)}, "responses holds values that are not finite"),
        ({"responses": np.full((3, 2), "a")}, "responses holds values that are not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, changes, message):
    path = changed(tmp_path / "truth.npz", **changes)
    with pytest.raises(SensoriumError, match=message) as error:
        Truth.load(path)
    assert str(error.value).startswith(f"{path}: ")


def test_pickled_arrays_are_never_unpickled(tmp_path):
    trap = tmp_path / "executed"
    path = changed(tmp_path / "truth.npz", rates=np.array([Trap(trap)], object))
    with pytest.raises(SensoriumError, match="not the truth of a simulated recording"):
        Truth.load(path)
    path.write_bytes(pickle.dumps(Trap(trap)))
    with pytest.raises(SensoriumError, match="not the truth of a simulated recording"):
        Truth.load(path)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04" + bytes(100)])
def test_a_file_that_is_no_npz_is_refused(tmp_path, content):
    (tmp_path / "truth.npz").write_bytes(content)
    with pytest.raises(SensoriumError, match="not the truth of a simulated recording"):
        Truth.load(tmp_path / "truth.npz")


def test_a_single_array_or_a_folder_in_its_place_is_refused(tmp_path):
    np.save(tmp_path / "truth.npy", TRUTH.rates)
    with pytest.raises(SensoriumError, match="not the truth of a simulated recording"):
        Truth.load(tmp_path / "truth.npy")
    with pytest.raises(SensoriumError, match="is a folder, expected a file"):
        Truth.load(tmp_path)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_damaged_anywhere_is_one_line(tmp_path, compressed):
    path = tmp_path / "truth.npz"
    (np.savez_compressed if compressed else np.savez)(path, **vars(TRUTH))
    whole = path.read_bytes()
    random = np.random.default_rng(0)
    n_refused = 0
    for _ in range(300):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[random.integers(0, len(whole), random.integers(1, 20))] ^= 0xFF
        path.write_bytes(damaged[: random.integers(1, len(whole) * 3)].tobytes())
        try:
            Truth.load(path)
        except SensoriumError as e:
            n_refused += 1
            assert str(e).startswith(f"{path}: ")
    assert n_refused > 200


def test_a_file_that_is_protected_by_a_password_is_one_line(tmp_path):
    path = changed(tmp_path / "truth.npz")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        directory = archive.start_dir
    content[directory + 8] |= 1  # "encrypted", in the first file's entry
    content[6] |= 1
    path.write_bytes(content)
    with pytest.raises(SensoriumError, match="encrypted"):
        Truth.load(path)


def test_what_neurons_respond_to_is_kept_and_follows_them(tmp_path):
    path = tmp_path / "truth.npz"
    dataclasses.replace(TRUTH, neurons={"place": PLACES}).save(path)
    aligned = Truth.load(path).align(
        trial_ids=TRUTH.trial_ids, image_ids=TRUTH.image_ids, unit_ids=TRUTH.unit_ids[::-1]
    )
    np.testing.assert_array_equal(aligned.neurons["place"], PLACES[::-1])
    dataclasses.replace(TRUTH, neurons={"place": PLACES[:1]}).save(path)
    with pytest.raises(SensoriumError, match="neuron_place is of"):
        Truth.load(path)
