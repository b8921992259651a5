"""Parquet files of movie competitions, and their scores."""

import dataclasses
import json
import zipfile

import numpy as np
import pytest

from sensorium_tf import SensoriumError, metrics
from sensorium_tf.challenges import sensorium2023
from sensorium_tf.scoring import (
    MovieRow,
    check_movie_submission,
    ground_truth_file,
    score,
    score_neurons,
    write_movie_ground_truth,
    write_movie_submission,
    zip_submission,
)
from sensorium_tf.scoring.formats import format_of

pa = pytest.importorskip("pyarrow", reason="files of movies need the extra movies")
parquet = pytest.importorskip("pyarrow.parquet", reason="files of movies need the extra movies")

CHALLENGE = sensorium2023.CHALLENGE
MOUSE = CHALLENGE.catalog["mouse1"]
UNITS = {"29515-10-12": np.array([30, 10, 20]), "1-2-3": np.array([4, 9])}
# Mouse, trial, movie and number of frames that are scored.
TRIALS = [
    ("29515-10-12", 3, 8, 7),
    ("29515-10-12", 0, 8, 7),
    ("29515-10-12", 12, 2, 5),
    ("1-2-3", 3, 1, 6),
    ("1-2-3", 5, 1, 6),
]


@pytest.fixture(scope="module")
def rows():
    """Rows of a ground truth, and of a submission for it."""
    random = np.random.default_rng(0)
    truth, submission = [], []
    for mouse, trial, video, n_frames in TRIALS:
        unit_ids = UNITS[mouse]
        responses = random.gamma(2, 1, (n_frames, len(unit_ids))).astype(np.float32)
        truth.append(MovieRow(mouse, trial, responses, unit_ids, video))
        rates = responses + random.random(responses.shape, np.float32)
        submission.append(MovieRow(mouse, trial, rates, unit_ids))
    return truth, submission


@pytest.fixture(scope="module")
def files(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("movies")
    truth = folder / ground_truth_file("live_test_main", CHALLENGE)
    submission = folder / CHALLENGE.test_tiers["live_test_main"]
    write_movie_ground_truth(truth, rows[0])
    write_movie_submission(submission, rows[1])
    return submission, truth


def written(path, **columns):
    """Writes a table as others do."""
    parquet.write_table(pa.table(columns), path, compression="brotli")
    return path


def as_columns(rows):
    return {
        "mouse": [row.mouse for row in rows],
        "trial_indices": [row.trial for row in rows],
        "prediction": [row.values.T.tolist() for row in rows],
        "neuron_ids": [row.unit_ids.tolist() for row in rows],
    }


def test_files_have_the_names_and_columns_of_the_competition(files):
    submission, truth = files
    assert submission.name == "predictions_live_main.parquet.brotli"
    assert truth.name == "ground_truth_file_live_test_main.parquet.brotli"
    table = parquet.read_table(submission)
    assert table.column_names == ["mouse", "trial_indices", "prediction", "neuron_ids"]
    first = table.slice(0, 1).to_pydict()
    assert np.shape(first["prediction"][0]) == (3, 7)
    assert first["neuron_ids"] == [[30, 10, 20]]
    assert table.schema.field("prediction").type == pa.list_(pa.list_(pa.float32()))
    column = parquet.ParquetFile(submission).metadata.row_group(0).column(2)
    assert column.compression == "BROTLI"


def test_scores_are_those_of_the_metrics_for_each_mouse_and_all_neurons(files, rows):
    found = score(*files, challenge=CHALLENGE)
    per_neuron = []
    for mouse in UNITS:
        responses, rates = (
            np.concatenate([row.values for row in part if row.mouse == mouse]) for part in rows
        )
        each = metrics.single_trial_correlation(responses, rates)
        assert found["mice"][mouse]["single_trial_correlation"] == pytest.approx(each.mean())
        per_neuron.append(each)
    pooled = np.concatenate(per_neuron)
    assert found["single_trial_correlation"] == pytest.approx(pooled.mean())
    assert found["oracle"]["single_trial_correlation"] < found["correlation_to_average"] < 1
    assert {"cc_norm", "cc_norm_neurons", "intervals", "submission"} <= found.keys()
    assert "feve" not in found
    json.dumps(found)


def test_the_order_of_rows_and_neurons_is_free_and_other_writers_are_read(files, rows, tmp_path):
    turned = [
        dataclasses.replace(row, values=row.values[:, ::-1], unit_ids=row.unit_ids[::-1])
        for row in rows[1][::-1]
    ]
    columns = as_columns(turned)
    # As the starting kit and its documentation name them; the numbers are doubles.
    columns["mouse"] = [MOUSE.stem if m == MOUSE.session_key else m for m in columns["mouse"]]
    columns["trial_indices"] = [f"{trial}.npy" for trial in columns["trial_indices"]]
    path = written(tmp_path / "by_others", **columns)
    expected = score_neurons(*files, challenge=CHALLENGE).per_neuron
    found = score_neurons(path, files[1], challenge=CHALLENGE).per_neuron
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values)


def test_a_submission_is_checked_by_itself_and_packed_without_a_folder(files, tmp_path):
    assert check_movie_submission(files[0], challenge=CHALLENGE) == {
        "mice": 2,
        "trials": 5,
        "neurons": 5,
    }
    path = zip_submission(tmp_path / "upload.zip", [files[0]])
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == [files[0].name]
        assert archive.read(files[0].name) == files[0].read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": np.full((7, 3), np.nan)}, "holds NaN or infinity"),
        ({"values": np.ones((7, 2))}, "for 3 unit ids"),
        ({"unit_ids": np.array([1, 1, 2])}, "no different whole numbers"),
        ({"trial": 0}, "duplicate trial 0"),
    ],
)
def test_what_could_not_be_scored_is_not_written(rows, tmp_path, change, message):
    path = tmp_path / "submission"
    with pytest.raises(SensoriumError, match=message):
        write_movie_submission(path, [dataclasses.replace(rows[1][0], **change), *rows[1][1:]])
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("length", [0, 3, 100, 1000])
def test_a_truncated_file_is_one_line(files, tmp_path, length):
    path = tmp_path / "cut"
    path.write_bytes(files[0].read_bytes()[:length])
    with pytest.raises(SensoriumError, match="not a complete parquet file") as error:
        score(path, files[1], challenge=CHALLENGE)
    assert "\n" not in str(error.value)


DAMAGED = {
    "a frame less": ("prediction", lambda v: [[n[1:] for n in v[0]], *v[1:]], "trial 3.*6 frames"),
    "ragged": ("prediction", lambda v: [[v[0][0][1:], *v[0][1:]], *v[1:]], "not one list a neuron"),
    "empty": ("prediction", lambda v: [[[], [], []], *v[1:]], "not one list a neuron"),
    "a gap": ("prediction", lambda v: [[[None] * 7, *v[0][1:]], *v[1:]], "has gaps"),
    "NaN": ("prediction", lambda v: [[[np.nan] * 7, *v[0][1:]], *v[1:]], "NaN or infinity"),
    "flat": ("prediction", lambda v: [each[0] for each in v], "expected lists of lists"),
    "other neurons": ("neuron_ids", lambda v: [[1, 2, 3], *v[1:]], "neuron 10 is missing"),
    "too few ids": ("neuron_ids", lambda v: [v[0][:2], *v[1:]], "3 neurons in prediction, but 2"),
    "fractions": ("neuron_ids", lambda v: [[0.5] * len(n) for n in v], "expected lists of whole"),
    "no mouse": ("mouse", lambda v: [None, *v[1:]], "a row without mouse"),
    "mouse of others": ("mouse", lambda v: ["7-7-7", *v[1:]], "trial 3 is missing"),
    "a long name": ("mouse", lambda v: ["m" * 10_000, *v[1:]], "with 10000 characters"),
    "trial": ("trial_indices", lambda v: [f"{t}.txt" for t in v], "expected its number"),
    "another trial": ("trial_indices", lambda v: [4, *v[1:]], "trial 3 is missing"),
    "a trial twice": ("trial_indices", lambda v: [0, *v[1:]], "duplicate trial 0"),
    "too many values": ("prediction", lambda v: [[n * 9 for n in v[0]], *v[1:]], "at most 81"),
}


@pytest.mark.parametrize(("column", "change", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_wrong_submission_is_called_what_it_is(files, rows, tmp_path, column, change, message):
    columns = as_columns(rows[1])
    columns[column] = change(columns[column])
    path = written(tmp_path / "wrong", **columns)
    with pytest.raises(SensoriumError, match=message) as error:
        score(path, files[1], challenge=CHALLENGE)
    assert str(error.value).startswith(f"{path}: ") and len(str(error.value)) < 400


def test_a_file_without_a_column_or_of_another_kind_says_so(files, rows, tmp_path):
    columns = as_columns(rows[1])
    del columns["neuron_ids"]
    with pytest.raises(SensoriumError, match="column 'neuron_ids' is missing"):
        score(written(tmp_path / "less", **columns), files[1], challenge=CHALLENGE)
    twice = pa.table(as_columns(rows[1]))
    twice = twice.append_column("mouse", twice["mouse"])
    parquet.write_table(twice, tmp_path / "twice")
    with pytest.raises(SensoriumError, match="column 'mouse' is there twice"):
        score(tmp_path / "twice", files[1], challenge=CHALLENGE)
    with pytest.raises(SensoriumError, match="column 'responses' is missing"):
        score(files[0], files[0], challenge=CHALLENGE)
    (tmp_path / "zip").write_bytes(b"PK\3\4 and more of it")
    with pytest.raises(SensoriumError, match="it is a zip file"):
        score(tmp_path / "zip", files[1], challenge=CHALLENGE)


def test_flipped_bytes_anywhere_are_a_clear_line_or_harmless(files, tmp_path):
    content, random = files[0].read_bytes(), np.random.default_rng(0)
    refused = 0
    for place in random.integers(4, len(content) - 8, 40):
        damaged = bytearray(content)
        damaged[place] ^= 1 << random.integers(8)
        path = tmp_path / "flipped"
        path.write_bytes(damaged)
        try:
            score(path, files[1], challenge=CHALLENGE)
        except SensoriumError as e:
            refused += 1
            assert "\n" not in str(e) and len(str(e)) < 600
    assert refused > 20


def test_an_outline_is_the_ground_truth_without_its_responses(files, rows, tmp_path):
    outline = tmp_path / "outline"
    format_of(CHALLENGE).write_outline(files[1], outline, challenge=CHALLENGE)
    found, truth = (parquet.read_table(path).to_pydict() for path in (outline, files[1]))
    assert np.concatenate([np.ravel(each) for each in found.pop("responses")]).tolist() == [0] * 81
    truth.pop("responses")
    assert found == truth
    other = [dataclasses.replace(rows[0][0], unit_ids=np.array([30, 10, 21])), *rows[0][1:]]
    write_movie_ground_truth(tmp_path / "other", other)
    with pytest.raises(SensoriumError, match="trial 0: other neurons than in the first trial"):
        format_of(CHALLENGE).write_outline(tmp_path / "other", outline, challenge=CHALLENGE)
