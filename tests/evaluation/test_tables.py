import csv
import json
import sys

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.evaluation import (
    Table,
    format_json,
    format_table,
    scores_table,
    write_json,
    write_neurons_csv,
)


def test_a_table_is_aligned_with_its_numbers_to_the_right():
    table = format_table(
        ["mouse", "neurons", "score"],
        [["mouse1", 7776, np.float32(0.25)], ["m", 5, -1.0], ["mouse3", np.int64(12), None]],
    )
    assert table.split("\n") == [
        "mouse   neurons   score",
        "-----------------------",
        "mouse1     7776   0.250",
        "m             5  -1.000",
        "mouse3       12       -",
    ]


@pytest.mark.parametrize("missing", [None, np.nan, np.float32(np.nan), np.inf])
def test_what_is_no_number_is_a_hyphen(missing):
    assert format_table(["a", "b"], [["x", missing]]).endswith("x  -")


def test_text_of_a_recording_is_shown_without_escape_codes():
    table = format_table(["model", "a"], [["cnn, area \x1b[31mV1\n (é)", 1]])
    assert table.splitlines()[2:] == [r"cnn, area \x1b[31mV1\n (é)  1"]


def test_a_table_without_rows_is_its_header():
    assert format_table(["a", "b"], []) == "a  b\n----"


def test_a_number_too_small_for_three_decimals_is_not_shown_as_zero():
    table = format_table(["rate"], [[2.9e-5], [-1e-4], [0.0], [0.001]])
    assert table.split("\n")[2:] == ["2.9e-05", "-1.0e-04", "0.000", "0.001"]


ROWS = [{"model": "ln", "score": 0.2, "n": 3}, {"model": "cnn", "feve": 0.5, "n": 4}]


def test_rows_are_shown_as_a_table():
    rows = Table([{"model": "ln", "score": 0.2}, {"model": "cnn", "feve": 0.5}])
    assert [row["model"] for row in rows] == ["ln", "cnn"]
    assert repr(rows).split("\n") == [
        "model  score   feve",
        "-------------------",
        "ln     0.200      -",
        "cnn        -  0.500",
    ]
    assert repr(Table()) == "no rows"


def test_a_table_becomes_a_data_frame_and_a_dataset():
    frame, found = Table(ROWS).to_pandas(), Table(ROWS).to_xarray()
    assert list(frame.columns) == list(found) == ["model", "score", "n", "feve"]
    assert dict(found.sizes) == {"row": 2}
    for columns in (frame, found):
        assert columns["model"].to_numpy().tolist() == ["ln", "cnn"]
        assert columns["score"].to_numpy()[0] == 0.2 and np.isnan(columns["score"].to_numpy()[1])
        assert columns["n"].dtype == np.int64 and columns["feve"].dtype == np.float64


def test_what_is_missing_is_no_text():
    table = Table([{"compared_with": None, "held_out": None}, {"compared_with": "cnn"}])
    found = table.to_xarray()
    assert found["compared_with"].to_numpy().tolist() == ["", "cnn"]
    assert np.isnan(found["held_out"].to_numpy()).all()


@pytest.mark.parametrize(("library", "method"), [("pandas", "to_pandas"), ("xarray", "to_xarray")])
def test_without_the_library_a_line_says_what_to_install(monkeypatch, library, method):
    table = Table(ROWS)
    monkeypatch.setitem(sys.modules, library, None)
    says = rf'^this needs {library}: pip install "sensorium_tf\[xarray\]"'
    with pytest.raises(SensoriumError, match=says):
        getattr(table, method)()


def test_scores_are_shown_in_fixed_columns_with_missing_ones_and_notes_once():
    table = scores_table(
        {
            "cnn": {
                "feve": None,
                "single_trial_correlation": 0.2864,
                "correlation_to_average": 0.5,
            },
            "oracle": {"single_trial_correlation": 0.4},
        },
        notes=["no FEVE: why", "no FEVE: why"],
    )
    assert table.split("\n") == [
        "model   single-trial correlation  correlation to average  FEVE",
        "--------------------------------------------------------------",
        "cnn                        0.286                   0.500     -",
        "oracle                     0.400                       -     -",
        "no FEVE: why",
    ]


def test_a_score_is_shown_with_its_interval_and_what_that_is():
    table = scores_table(
        {
            "cnn": {
                "single_trial_correlation": 0.2864,
                "feve": -0.5,
                "intervals": {"single_trial_correlation": (0.27, 0.2999), "feve": None},
            }
        },
        notes=["last"],
    )
    assert table.split("\n")[2:] == [
        "cnn        0.286 [0.270, 0.300]                       -  -0.500",
        "[low, high]: 95% interval over neurons (bootstrap, 2000 resamples)",
        "last",
    ]


def test_json_holds_numpy_values_and_null_for_what_is_not_finite(tmp_path):
    content = {
        "b": np.float32(0.5),
        "a": [np.nan, np.inf, -np.inf, np.float64(np.nan), None, True, "nan"],
        "array": np.array([[1.0, np.nan]]),
        3: (np.int64(4), {"deep": float("nan")}),
    }
    write_json(tmp_path / "x.json", content)
    text = (tmp_path / "x.json").read_text("utf-8")
    found = json.loads(text, parse_constant=pytest.fail)
    assert found == {
        "b": 0.5,
        "a": [None, None, None, None, None, True, "nan"],
        "array": [[1.0, None]],
        "3": [4, {"deep": None}],
    }
    assert list(found) == ["b", "a", "array", "3"]
    assert text == format_json(content) + "\n"


def test_neurons_are_written_one_a_row_with_exact_numbers_and_empty_cells(tmp_path):
    values = np.array([1 / 3, np.nan])
    write_neurons_csv(
        tmp_path / "neurons.csv",
        unit_ids=np.array([20, 10]),
        columns={"mouse": ["mouse1", "mouse2"], "single_trial_correlation": values, "feve": None},
    )
    with (tmp_path / "neurons.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["unit_id", "mouse", "single_trial_correlation", "feve"],
        ["20", "mouse1", "0.3333333333333333", ""],
        ["10", "mouse2", "", ""],
    ]


def test_a_column_of_another_length_is_refused_and_nothing_written(tmp_path):
    path = tmp_path / "neurons.csv"
    with pytest.raises(SensoriumError, match=r"column 'fev' has shape \(3,\), expected \(2,\)"):
        write_neurons_csv(path, unit_ids=[1, 2], columns={"fev": [1.0, 2.0, 3.0]})
    assert not path.exists()
