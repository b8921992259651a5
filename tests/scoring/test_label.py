"""A submission says of which model it is, and whose files it speaks of."""

import json

import pytest

from sensorium_tf.scoring import read_label, write_label

PROVENANCE = {"inputs": ["image"]}


@pytest.fixture
def submission(tmp_path):
    path = tmp_path / "submission_file_live_test.csv"
    path.write_text("a submission")
    write_label([path], model="cnn", mouse="mouse1", provenance=PROVENANCE)
    return path


def test_the_label_is_read_where_it_was_written(submission):
    assert read_label(submission) == {"model": "cnn", "mouse": "mouse1", "provenance": PROVENANCE}


def test_another_file_or_another_content_has_no_label(submission, tmp_path):
    other = tmp_path / "submission_file_final_test.csv"
    other.write_text("a submission")
    assert read_label(other) is None
    submission.write_text("another submission")
    assert read_label(submission) is None
    (tmp_path / "submission.json").unlink()
    assert read_label(submission) is None


@pytest.mark.parametrize("content", ["{", "[]", "{}", "NaN", "[" * 100_000, '{"sha256": 1}'])
def test_what_is_no_label_is_left_out_with_a_warning(submission, content):
    submission.with_name("submission.json").write_text(content)
    with pytest.warns(UserWarning, match="submission.json: is not the label of a submission"):
        assert read_label(submission) is None


def test_numbers_that_json_does_not_know_are_refused(submission):
    path = submission.with_name("submission.json")
    label = json.loads(path.read_text())
    path.write_text(json.dumps({**label, "provenance": {"inputs": float("nan")}}))
    with pytest.warns(UserWarning, match="is not the label"):
        assert read_label(submission) is None
