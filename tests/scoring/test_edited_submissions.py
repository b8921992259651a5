"""Submissions that went through a spreadsheet or another program."""

import csv
import io

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.scoring import score, write_ground_truth, write_submission

N_TRIALS, N_NEURONS = 9, 4
IDS = {
    "trial_ids": np.arange(100, 100 + N_TRIALS),
    "image_ids": np.repeat([5000, 5001, 5002], 3),
    "unit_ids": np.arange(1, 1 + N_NEURONS) * 7,
}


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    path = tmp_path_factory.mktemp("truth") / "truth.csv"
    responses = np.random.default_rng(1).gamma(1, 1, (N_TRIALS, N_NEURONS))
    write_ground_truth(path, responses=responses, **IDS)
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "submission.csv"
    write_submission(path, rates=np.random.default_rng(2).gamma(1, 1, (N_TRIALS, N_NEURONS)), **IDS)
    return path


def edited(good, change, **how):
    """Returns a submission, each of its rows changed, in the words of another program."""
    rows = [change(row) for row in csv.DictReader(io.StringIO(good.read_text()))]
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, list(rows[0]), **how)
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()


def same(row):
    return row


def with_decimals(row):
    return {**row, "trial_indices": f"{row['trial_indices']}.0", "image_ids": "5000.00"} | {
        "image_ids": f"{row['image_ids']}.00"
    }


EDITS = {
    "semicolons": lambda good: edited(good, same, delimiter=";"),
    "spaces after commas": lambda good: edited(good, same).replace(',"', ', "'),
    "tabs": lambda good: edited(good, same, delimiter="\t"),
    "every cell in quotes": lambda good: edited(good, same, quoting=csv.QUOTE_ALL),
    "decimals": lambda good: edited(good, with_decimals),
    "spaces in the header": lambda good: good.read_text().replace(",", ", ", 3),
    "capitals in the header": lambda good: good.read_text().replace("image_ids", "Image_IDs", 1),
    "empty last rows": lambda good: good.read_text() + "\n,,,\n , ,,\n",
    "empty last columns": lambda good: "\n".join(
        f"{line},," for line in good.read_text().splitlines()
    ),
    "an empty first line": lambda good: "\n" + good.read_text(),
    "a spreadsheet's own first line": lambda good: "sep=,\n" + good.read_text(),
    "an index": lambda good: edited(good, lambda row: {"": "3", **row}),
    "a byte order mark": lambda good: "\ufeff" + good.read_text(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_other_programs_make_of_it_is_scored_the_same(good, truth, tmp_path, edit):
    path = tmp_path / "edited.csv"
    path.write_bytes(edit(good).encode())
    ours, theirs = score(good, truth), score(path, truth)
    assert ours["single_trial_correlation"] == theirs["single_trial_correlation"]


def shortened(row):
    return {**row, "image_ids": f"{float(row['image_ids']):.2E}"}


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (
            lambda good: b"PK\3\4" + bytes(range(128, 256)),
            "is a zip file or a spreadsheet in",
        ),
        (
            lambda good: b"\x1f\x8b" + bytes(range(128, 256)),
            "is a gzip file, perhaps of",
        ),
        (lambda good: good.read_text().encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        (
            lambda good: good.read_bytes().split(b"\n", 1)[1],
            "in its first row, which holds '100', '5000', '[",
        ),
        (
            lambda good: good.read_bytes().replace(b'"', b"'"),
            "more cells than columns: a list has to stand in double quotes",
        ),
        (lambda good: edited(good, shortened).encode(), "a spreadsheet has shortened it"),
        (
            lambda good: edited(good, lambda row: {**row, "trial_indices": "\x1b" * 9999}).encode(),
            "is not in the ground truth",
        ),
    ],
    ids=["xlsx", "gzip", "utf-16", "no header", "other quotes", "short ids", "odd ids"],
)
def test_what_cannot_be_understood_is_called_what_it_is(good, truth, tmp_path, edit, says):
    path = tmp_path / "edited.csv"
    path.write_bytes(edit(good))
    with pytest.raises(SensoriumError) as refused:
        score(path, truth)
    text = str(refused.value)
    assert says in text and text.isprintable() and len(text) < 400
