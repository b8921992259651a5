import ast
import csv
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.challenges import DEFAULT
from sensorium_tf.scoring import (
    check_submission,
    ground_truth_file,
    score,
    score_neurons,
    write_ground_truth,
    write_submission,
)
from sensorium_tf.scoring.files import PREDICTION
from sensorium_tf.scoring.rows import Rows

TRIALS = ["0f3a", "17", "c4,\"d'", "18"]
IMAGES = [5, 6, 5, 6]
UNITS = [30, 10, 20]
RATES = np.array([[1, 2, 3], [4, 6, 6], [7, 8, 10], [0.5, 11, 2.5]], np.float32)
RESPONSES = np.array([[1, 2, 1], [4, 5, 6], [2, 3, 1.5], [5, 7, 6]], np.float32)
IDS = {"trial_ids": TRIALS, "image_ids": IMAGES, "unit_ids": UNITS}


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path, rows, columns=None):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def files(tmp_path):
    submission, truth = tmp_path / "submission.csv", tmp_path / "truth.csv"
    write_submission(submission, rates=RATES, **IDS)
    write_ground_truth(truth, responses=RESPONSES, **IDS)
    return submission, truth


def test_the_files_have_the_names_of_the_competition():
    assert DEFAULT.test_tiers == {
        "test": "submission_file_live_test.csv",
        "final_test": "submission_file_final_test.csv",
    }
    assert ground_truth_file("final_test") == "ground_truth_file_final_test.csv"


def test_a_submission_is_checked_by_itself(files):
    assert check_submission(files[0]) == {"trials": 4, "neurons": 3}
    with pytest.raises(SensoriumError, match="column 'prediction' is missing"):
        check_submission(files[1])


def test_the_rows_of_a_submission_have_the_same_neurons_in_any_order(files, tmp_path):
    text, other = files[0].read_text("utf-8"), tmp_path / "other.csv"
    head, last = text.rsplit("[30, 10, 20]", 1)
    other.write_text(f"{head}[20, 30, 10]{last}", "utf-8")
    assert check_submission(other) == {"trials": 4, "neurons": 3}
    other.write_text(f"{head}[30, 10, 21]{last}", "utf-8")
    with pytest.raises(SensoriumError, match="trial 18: other neurons than in the first trial"):
        check_submission(other)


def test_a_submission_has_the_columns_of_the_competition_and_python_lists(files):
    header = files[0].read_text("utf-8").splitlines()[0]
    assert header == "trial_indices,image_ids,prediction,neuron_ids"
    rows = read(files[0])
    assert [row["trial_indices"] for row in rows] == TRIALS
    assert [int(row["image_ids"]) for row in rows] == IMAGES
    assert ast.literal_eval(rows[3]["prediction"]) == [0.5, 11, 2.5]
    assert [row["neuron_ids"] for row in rows] == ["[30, 10, 20]"] * 4


def test_ground_truth_has_responses_in_place_of_the_prediction(files):
    rows = read(files[1])
    assert list(rows[0]) == ["trial_indices", "image_ids", "responses", "neuron_ids"]
    assert ast.literal_eval(rows[2]["responses"]) == [2, 3, 1.5]


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_every_float32_is_read_back_exactly(tmp_path_factory, seed):
    path = tmp_path_factory.mktemp("round") / "s.csv"
    bits = np.random.default_rng(seed).integers(0, 2**32, (2, 500), np.uint32)
    rates = bits.view(np.float32)
    rates[~np.isfinite(rates)] = 0
    write_submission(path, rates=rates, trial_ids=[1, 2], image_ids=[1, 1], unit_ids=range(500))
    found = np.stack([values for _, _, values, _ in Rows(path, PREDICTION)])
    np.testing.assert_array_equal(found, rates)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_the_score_of_the_files_is_that_of_the_arrays_in_any_order(tmp_path_factory, seed):
    random = np.random.default_rng(seed)
    folder = tmp_path_factory.mktemp("score")
    image_ids = random.integers(0, 4, 12)
    unit_ids = random.choice(1000, 5, replace=False)
    trial_ids = np.array([f"{n:032x}" for n in random.choice(10**6, 12, replace=False)])
    responses = (random.gamma(3, 1, (4, 5))[image_ids] + random.gamma(1, 1, (12, 5))).astype("f4")
    rates = random.gamma(2, 1, (12, 5)).astype("f4")
    submission, truth = folder / "s.csv", folder / "t.csv"
    ids = {"trial_ids": trial_ids, "image_ids": image_ids, "unit_ids": unit_ids}
    write_submission(submission, rates=rates, **ids)
    write_ground_truth(truth, responses=responses, **ids)
    expected = metrics.evaluate_rates(responses, rates, image_ids).means
    assert score_neurons(submission, truth).means == pytest.approx(expected)

    for path, column in ((submission, "prediction"), (truth, "responses")):
        rows = read(path)
        for row in rows:
            order = random.permutation(5)
            for name in (column, "neuron_ids"):
                row[name] = str([json.loads(row[name])[n] for n in order])
        # Columns too: their order is free, and an index column of a data frame does no harm.
        rows = [{"": n, **dict(reversed(rows[n].items()))} for n in random.permutation(12)]
        write(path, rows)
    assert score_neurons(submission, truth).means == pytest.approx(expected)


def test_a_score_on_the_plus_track_has_no_feve(files):
    found = score(*files, track="sensorium_plus")
    assert found["feve"] is None and "sensorium_plus" in found["feve_reason"]
    expected = metrics.evaluate_rates(RESPONSES, RATES, IMAGES).means
    assert found["single_trial_correlation"] == pytest.approx(expected["single_trial_correlation"])
    assert expected["feve"] is not None
    assert score_neurons(*files, track="sensorium_plus").per_neuron["feve"] is None


def test_the_three_scores_come_first_then_their_intervals_and_the_oracle(files):
    found = score(*files)
    assert tuple(found)[:3] == ("single_trial_correlation", "correlation_to_average", "feve")
    expected = metrics.evaluate_rates(RESPONSES, RATES, IMAGES)
    interval = metrics.bootstrap_interval(expected.per_neuron["correlation_to_average"])
    assert found["intervals"]["correlation_to_average"] == pytest.approx(interval)
    assert found["feve_neurons"] == expected.n_neurons["feve"]
    oracle = metrics.oracle_correlation(RESPONSES, IMAGES).mean()
    assert found["oracle"]["single_trial_correlation"] == pytest.approx(oracle)
    json.dumps(found)


def test_neurons_are_scored_in_the_order_of_their_unit_ids(files):
    found = score_neurons(*files)
    order = np.argsort(UNITS)
    expected = metrics.evaluate_rates(RESPONSES[:, order], RATES[:, order], IMAGES)
    for name, values in expected.per_neuron.items():
        np.testing.assert_array_equal(found.per_neuron[name], values)


def test_without_repeats_there_is_no_oracle_and_the_score_says_why_no_feve(tmp_path):
    ids = {**IDS, "image_ids": [1, 2, 3, 4]}
    write_submission(tmp_path / "s.csv", rates=RATES, **ids)
    write_ground_truth(tmp_path / "t.csv", responses=RESPONSES, **ids)
    found = score(tmp_path / "s.csv", tmp_path / "t.csv")
    assert found["oracle"] is found["feve"] is None
    assert "more than once" in found["feve_reason"]


@pytest.fixture
def small_limit():
    """A limit of the csv module that some other part of the process has chosen."""
    before = csv.field_size_limit(1000)
    yield 1000
    csv.field_size_limit(before)


def write_long(folder):
    """Writes files whose cells are longer than the csv module allows."""
    values = np.random.default_rng(0).gamma(2, 1, (6, 20_000)).astype("f4")
    ids = {"trial_ids": range(6), "image_ids": [1, 1, 2, 2, 3, 3], "unit_ids": range(20_000)}
    write_submission(folder / "s.csv", rates=values, **ids)
    write_ground_truth(folder / "t.csv", responses=values[::-1], **ids)
    return folder / "s.csv", folder / "t.csv"


def test_long_rows_are_read_without_the_limit_of_the_csv_module(tmp_path, small_limit):
    rows = iter(Rows(write_long(tmp_path)[0], PREDICTION))
    assert len(next(rows)[2]) == 20_000
    assert csv.field_size_limit() == small_limit
    assert len(list(rows)) == 5


def test_threads_score_at_once_beside_a_reader_with_a_limit_of_its_own(tmp_path, small_limit):
    files = write_long(tmp_path)
    expected = score(*files)
    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(score, *files) for _ in range(4)]
        while not all(each.done() for each in running):
            assert csv.field_size_limit() == small_limit
            with pytest.raises(csv.Error, match="field larger than field limit"):
                next(csv.reader(["a" * (small_limit + 1)]))
        assert [each.result() for each in running] == [expected] * 4
    assert csv.field_size_limit() == small_limit


def test_a_row_without_end_is_refused(files, monkeypatch):
    monkeypatch.setattr("sensorium_tf.scoring.csv_records.LONGEST_RECORD", 150)
    score(*files)
    endless = files[0].read_text("utf-8").replace("[30, 10", f"[{' ' * 150}30, 10", 1)
    files[0].write_text(endless, "utf-8")
    with pytest.raises(SensoriumError, match="UTF-8 .a row has more than 150 characters"):
        score(*files)
    files[0].write_text(endless.replace(" " * 10, "\n" * 10), "utf-8")
    with pytest.raises(SensoriumError, match="a row has more than 150 characters"):
        score(*files)


def test_a_byte_order_mark_and_blank_lines_do_no_harm(files):
    submission, truth = files
    expected = score(submission, truth)
    submission.write_bytes(b"\xef\xbb\xbf" + submission.read_bytes() + b"\r\n\r\n")
    assert score(submission, truth) == expected


def test_the_text_of_a_list_is_never_executed(files, tmp_path):
    submission, truth = files
    rows = read(submission)
    trap = tmp_path / "executed"
    rows[0]["prediction"] = f"[__import__('pathlib').Path({str(trap)!r}).touch(), 1, 2]"
    write(submission, rows)
    with pytest.raises(SensoriumError, match="trial 0f3a: prediction is not a list of numbers"):
        score(submission, truth)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1, 2, 3", "is not a list of numbers"),
        ("", "is not a list of numbers"),
        ("[1, 2", "is not a list of numbers"),
        ("[np.exp(1.0), f(2), 3]", "is not a list of numbers"),
        ("[[1], [2], [3]]", "is not a list of numbers"),
        ("[" * 100_000, "is not a list of numbers"),
        ('{"a": 1}', "is not a list of numbers"),
        ("[1, true, 3]", "is not a list of numbers"),
        ('[1, "2", 3]', "is not a list of numbers"),
        ("[1, null, 3]", "is not a list of numbers"),
        ("[1, NaN, 3]", "holds NaN, expected finite numbers"),
        ("[1, -Infinity, 3]", "holds -Infinity, expected finite numbers"),
        ("[1, nan, 3]", "holds nan, expected finite numbers"),
        ("[1, -inf, 3]", "holds -inf, expected finite numbers"),
        ("[1, 1e999, 3]", "holds a number too large"),
        ("[1, 1e39, 3]", "holds a number too large"),
        ("[1, 1" + 400 * "0" + ", 3]", "holds a number too large"),
        ("[1, 2]", "2 values in prediction for 3 neurons in neuron_ids"),
        ("[1, 2, 3, 4]", "4 values in prediction for 3 neurons in neuron_ids"),
    ],
)
def test_predictions_that_are_no_list_of_finite_numbers_are_refused(files, cell, message):
    submission, truth = files
    rows = read(submission)
    rows[1]["prediction"] = cell
    write(submission, rows)
    with pytest.raises(SensoriumError, match=re.escape(f"{submission}: trial 17: ")) as error:
        score(submission, truth)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("[30, 10, 10]", "neuron 10 is in neuron_ids twice"),
        ("[30, 10, 21]", "neuron 20 is missing (3 neurons, 3 expected)"),
        ("[30, 10]", "3 values in prediction for 2 neurons"),
        ("[30, 10, 20.5]", "neuron_ids is not a list of whole numbers"),
        ("30", "neuron_ids is not a list of whole numbers"),
        (f"[30, 10, {10**30}]", "neuron_ids holds a number too large"),
    ],
)
def test_neurons_that_are_missing_doubled_or_no_numbers_are_refused(files, cell, message):
    submission, truth = files
    rows = read(submission)
    rows[1]["neuron_ids"] = cell
    write(submission, rows)
    with pytest.raises(SensoriumError, match=re.escape(message)) as error:
        score(submission, truth)
    assert str(error.value).startswith(f"{submission}: trial 17: ")


def test_neurons_missing_from_the_whole_submission_or_too_many_are_named(files):
    submission, truth = files
    fewer = {**IDS, "unit_ids": UNITS[:2]}
    write_submission(submission, rates=RATES[:, :2], **fewer)
    with pytest.raises(SensoriumError, match="neuron 20 is missing"):
        score(submission, truth)
    write_submission(submission, rates=RATES, **IDS)
    write_ground_truth(truth, responses=RESPONSES[:, :2], **fewer)
    with pytest.raises(SensoriumError, match="neuron 20 is not expected"):
        score(submission, truth)


def test_rows_without_neurons_are_refused(files):
    submission, truth = files
    for path, column in ((submission, "prediction"), (truth, "responses")):
        write(path, [{**row, column: "[]", "neuron_ids": "[]"} for row in read(path)])
    with pytest.raises(SensoriumError, match="trial 0f3a: no neuron in neuron_ids"):
        score(submission, truth)


def test_trials_that_are_missing_doubled_or_unknown_are_refused(files):
    submission, truth = files
    rows = read(submission)
    write(submission, rows[:2] + rows[3:])
    with pytest.raises(SensoriumError) as error:
        score(submission, truth)
    assert str(error.value) == f"{submission}: trial {TRIALS[2]} is missing (1 of 4 trials)"

    write(submission, [*rows, rows[1]])
    with pytest.raises(SensoriumError, match="duplicate trial 17"):
        score(submission, truth)

    write(submission, [*rows, {**rows[1], "trial_indices": "99"}])
    with pytest.raises(SensoriumError, match="trial 99 is not in the ground truth"):
        score(submission, truth)

    write(submission, [{**rows[0], "trial_indices": ""}, *rows[1:]])
    with pytest.raises(SensoriumError, match="a row without trial id"):
        score(submission, truth)


def test_an_image_that_disagrees_with_the_ground_truth_is_refused(files):
    submission, truth = files
    rows = read(submission)
    rows[1]["image_ids"] = "7"
    write(submission, rows)
    with pytest.raises(SensoriumError, match="trial 17 shows image 7, but 6 in the ground truth"):
        score(submission, truth)


@pytest.mark.parametrize("column", ["trial_indices", "image_ids", "prediction", "neuron_ids"])
def test_a_missing_column_is_named(files, column):
    submission, truth = files
    rows = [{k: v for k, v in row.items() if k != column} for row in read(submission)]
    write(submission, rows)
    with pytest.raises(SensoriumError, match=f"column '{column}' is missing"):
        score(submission, truth)


def test_a_row_that_is_cut_short_is_refused(files):
    submission, truth = files
    lines = submission.read_text("utf-8").splitlines()
    submission.write_text("\n".join([*lines[:4], "18,6"]), "utf-8")
    with pytest.raises(SensoriumError, match="trial 18: prediction is not a list"):
        score(submission, truth)


def test_a_file_cut_within_a_list_is_refused(files):
    submission, truth = files
    submission.write_bytes(submission.read_bytes()[:-8])
    with pytest.raises(SensoriumError, match="not a CSV file in UTF-8"):
        score(submission, truth)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "column 'trial_indices' is missing"),
        (b"trial_indices,image_ids,prediction,neuron_ids\n", "no trial in it"),
        (b"PK\x03\x04\xff\xfe\x00\x81", "is a zip file or a spreadsheet"),
        (b"\x00" * 200_000, "not a CSV file in UTF-8"),
        ("trial_indices,né".encode("utf-16"), "is text in UTF-16"),
        (b"PAR1\x15\x04\x82", "is a parquet file, .* did you mean --challenge=sensorium2023"),
    ],
    ids=["empty", "header only", "zip", "zeros", "utf-16", "parquet"],
)
def test_what_is_no_submission_is_refused(files, content, message):
    submission, truth = files
    submission.write_bytes(content)
    with pytest.raises(SensoriumError, match=message) as error:
        score(submission, truth)
    assert str(error.value).startswith(f"{submission}: ")


def test_a_file_that_is_missing_or_a_folder_is_refused(files, tmp_path):
    with pytest.raises(SensoriumError, match=r"none\.csv: there is no such file"):
        score(tmp_path / "none.csv", files[1])
    with pytest.raises(SensoriumError, match="is a folder, expected a file"):
        score(files[0], tmp_path)


def test_files_in_the_wrong_order_are_refused(files):
    with pytest.raises(SensoriumError, match="column 'responses' is missing"):
        score(files[1], files[0])


def test_an_unknown_track_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(SensoriumError, match="track 'plus'"):
        score(tmp_path / "none.csv", tmp_path / "none.csv", track="plus")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rates": RATES[:3]}, r"prediction has shape \(3, 3\), for 4 trial ids"),
        ({"rates": RATES[:, 0]}, r"prediction has shape \(4,\)"),
        ({"image_ids": IMAGES[:3]}, "3 image ids"),
        ({"unit_ids": UNITS[:2]}, "2 unit ids"),
        ({"trial_ids": ["a", "b", "a", "c"]}, "duplicate trial ids"),
        ({"unit_ids": [1, 2, 1]}, "duplicate unit ids"),
        ({"unit_ids": [1.0, 2.0, 3.0]}, "unit ids are float64, expected whole numbers"),
        ({"unit_ids": ["1", "2", "3"]}, "unit ids are <U1, expected whole numbers"),
        ({"unit_ids": [], "rates": RATES[:, :0]}, "has no trial or no neuron"),
        ({"trial_ids": [], "image_ids": [], "rates": RATES[:0]}, "has no trial or no neuron"),
        ({"rates": np.where(RATES == 8, np.nan, RATES)}, "of trial c4.* holds NaN or infinity"),
        ({"rates": np.where(RATES == 0.5, np.inf, RATES)}, "of trial 18 holds NaN or infinity"),
    ],
)
def test_nothing_is_written_of_what_could_not_be_scored(tmp_path, change, message):
    path = tmp_path / "out" / "s.csv"
    with pytest.raises(SensoriumError, match=message):
        write_submission(path, **{"rates": RATES, **IDS, **change})
    assert not path.parent.exists()


def test_a_write_that_fails_leaves_the_file_before_it_as_it_was(files):
    before = files[0].read_bytes()
    with pytest.raises(SensoriumError, match="holds NaN"):
        write_submission(files[0], rates=RATES * np.nan, **IDS)
    assert files[0].read_bytes() == before
