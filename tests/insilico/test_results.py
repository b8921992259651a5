"""What experiments give, and its files."""

import dataclasses

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import Result
from sensorium_tf.insilico.saved import axes


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Heights(Result):
    heights: np.ndarray = axes("neurons 2")
    weights: np.ndarray | None = axes("neurons", optional=True)


HEIGHTS = Heights(
    mouse="mouse1",
    columns=np.array([4, 7, 1]),
    unit_ids=None,
    settings={"steps": 3, "held": {"behavior": [0.5]}},
    heights=np.arange(6.0).reshape(3, 2),
    weights=None,
)


@pytest.mark.parametrize("changes", [{}, {"weights": np.ones(3), "unit_ids": np.arange(3)}])
def test_a_result_is_saved_and_loaded(tmp_path, changes):
    saved = dataclasses.replace(HEIGHTS, **changes)
    saved.save(tmp_path / "a.npz")
    found = Heights.load(tmp_path / "a.npz")
    assert (found.mouse, found.settings) == (saved.mouse, saved.settings)
    for name in ("columns", "unit_ids", "heights", "weights"):
        np.testing.assert_array_equal(getattr(found, name), getattr(saved, name))
    np.load(tmp_path / "a.npz", allow_pickle=False)["heights"]


def test_neurons_are_called_by_their_unit_ids_where_they_are_known():
    assert HEIGHTS.labels == ["column 4", "column 7", "column 1"]
    assert dataclasses.replace(HEIGHTS, unit_ids=np.array([8, 9, 3])).labels[0] == "unit 8"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heights": np.zeros((2, 2))}, "heights: shape"),
        ({"heights": np.zeros((3, 2), object)}, "Python objects"),
        ({"heights": None}, "heights missing"),
        ({"settings": np.array("[")}, "Expecting value"),
        ({"settings": np.array("[]")}, "settings missing"),
        ({"mouse": np.array(3)}, "a text in it is none"),
        ({"mouse": None}, "mouse"),
        ({"experiment": np.array("Weights")}, "it is of 'Weights'"),
    ],
)
def test_damaged_results_are_refused_in_one_line(tmp_path, changes, says):
    HEIGHTS.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        changed = {**arrays, **changes}
    np.savez(tmp_path / "b.npz", **{k: v for k, v in changed.items() if v is not None})
    with pytest.raises(SensoriumError, match="b.npz: not a saved Heights") as refused:
        Heights.load(tmp_path / "b.npz")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_files_that_are_none_are_refused(tmp_path):
    with pytest.raises(SensoriumError, match="there is no such file"):
        Heights.load(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"no zip")
    with pytest.raises(SensoriumError, match="not a saved Heights"):
        Heights.load(tmp_path / "a.npz")


def test_neurons_are_taken_and_joined():
    first, second = HEIGHTS.take([1, 4]), HEIGHTS.take([7])
    assert first.columns.tolist() == [1, 4]
    np.testing.assert_array_equal(first.heights, HEIGHTS.heights[[2, 0]])
    joined = first.join(second)
    assert joined.columns.tolist() == [1, 4, 7]
    np.testing.assert_array_equal(joined.heights, HEIGHTS.heights[[2, 0, 1]])
    assert joined.unit_ids is None
    with pytest.raises(SensoriumError, match="column 9 is not among them"):
        HEIGHTS.take([9])
    with pytest.raises(SensoriumError, match="other settings"):
        first.join(dataclasses.replace(second, settings={"steps": 4}))


def test_each_neuron_has_a_row_of_its_numbers():
    rows = dataclasses.replace(HEIGHTS, weights=np.array([0.5, 1, 2])).rows()
    assert rows[1] == {"neuron": "column 7", "weights": 1.0}
