import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from recording_files import STEM, recording_tree, write_zip
from sensorium_tf.datasets.sensorium import Builder

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse, prepare


def test_preparing_the_same_recording_again_changes_nothing(tmp_path):
    path = write_zip(tmp_path / "r.zip", recording_tree())
    first = prepare("lab1", recording=path, data_dir=tmp_path / "data")
    before = {file: file.stat().st_mtime_ns for file in first.data_path.iterdir()}
    prepare("lab1", recording=path, data_dir=tmp_path / "data")
    assert before == {file: file.stat().st_mtime_ns for file in first.data_path.iterdir()}


def test_there_are_bars_on_terminals_alone(tmp_path, capfd, monkeypatch):
    path = write_zip(tmp_path / "r.zip", recording_tree())
    for is_terminal in (False, True):
        tfds.enable_progress_bar()
        monkeypatch.setattr(sys.stderr, "isatty", lambda answer=is_terminal: answer)
        prepare("lab1", recording=path, data_dir=tmp_path / str(is_terminal))
        assert ("splits" in capfd.readouterr().err) is is_terminal


def test_a_name_that_another_recording_has_is_refused(tmp_path):
    prepare("lab1", recording=write_zip(tmp_path / "a.zip", recording_tree()), data_dir=tmp_path)
    other = write_zip(tmp_path / "b.zip", recording_tree(seed=9))
    with pytest.raises(SensoriumError, match="another recording, .* choose another --name"):
        prepare("lab1", recording=other, data_dir=tmp_path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("area", lambda areas: np.where(np.arange(len(areas)) > 2, "LM", areas)),
        ("cell_motor_coordinates", lambda places: places + 1),
        ("unit_ids", lambda ids: ids + 1),
    ],
)
def test_corrected_neurons_are_not_taken_for_those_that_are_prepared(tmp_path, name, change):
    tree = recording_tree()
    tree["meta/neurons/depth"] = np.array([1.5, np.nan, 3, 4, 5])
    prepare("lab1", recording=write_zip(tmp_path / "a.zip", tree), data_dir=tmp_path)
    prepare("lab1", recording=write_zip(tmp_path / "same.zip", tree), data_dir=tmp_path)
    tree[f"meta/neurons/{name}"] = change(tree[f"meta/neurons/{name}"])
    other = write_zip(tmp_path / "b.zip", tree)
    with pytest.raises(SensoriumError, match="metadata of neurons .* choose another --name"):
        prepare("lab1", recording=other, data_dir=tmp_path)


@pytest.mark.parametrize("folder", ["images", "behavior", "pupil_center"])
def test_corrected_signals_are_not_taken_for_those_that_are_prepared(tmp_path, folder):
    """As the mean over the training trials tells, which is computed where the file holds none."""
    tree = {
        name: values
        for name, values in recording_tree().items()
        if not name.startswith(f"meta/statistics/{folder}")
    }
    with pytest.warns(UserWarning, match="no statistics"):
        prepare("lab1", recording=write_zip(tmp_path / "a.zip", tree), data_dir=tmp_path)
    first = f"data/{folder}/{np.flatnonzero(tree['meta/trials/tiers'] == 'train')[0]}"
    tree[first] = tree[first] + 1
    other = write_zip(tmp_path / "b.zip", tree)
    with (
        pytest.warns(UserWarning, match="no statistics"),
        pytest.raises(SensoriumError, match="another recording, .* choose another --name"),
    ):
        prepare("lab1", recording=other, data_dir=tmp_path)


def test_corrected_statistics_are_not_taken_for_those_that_are_prepared(tmp_path):
    tree = recording_tree()
    prepare("lab1", recording=write_zip(tmp_path / "a.zip", tree), data_dir=tmp_path)
    name = "meta/statistics/behavior/all/std"
    other = write_zip(tmp_path / "b.zip", {**tree, name: tree[name] * 1.01})
    with pytest.raises(SensoriumError, match="another recording, .* choose another --name"):
        prepare("lab1", recording=other, data_dir=tmp_path)


def test_another_file_format_of_the_same_mouse_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", recording_tree())
    prepare("lab1", recording=path, data_dir=tmp_path)
    with pytest.raises(SensoriumError, match="is prepared as tfrecord"):
        prepare("lab1", recording=path, data_dir=tmp_path, file_format="array_record")


@pytest.mark.parametrize("file_format", ["tfrecord", "array_record"])
def test_both_file_formats_give_the_same_trials(tmp_path, file_format):
    tree = recording_tree()
    path = write_zip(tmp_path / "a.zip", tree)
    mouse = prepare("lab1", recording=path, data_dir=tmp_path, file_format=file_format)
    trials = mouse.trials("test")
    test = np.flatnonzero(tree["meta/trials/tiers"] == "test")
    np.testing.assert_allclose(
        trials.responses * tree["meta/statistics/responses/all/std"],
        [tree[f"data/responses/{trial}"] for trial in test],
        rtol=1e-5,
    )
    np.testing.assert_array_equal(trials.trial_ids, tree["meta/trials/trial_idx"][test].astype(str))


def test_tiers_get_the_names_that_they_have_here(tmp_path):
    tree = recording_tree()
    others = {"train": "train", "validation": "none", "test": "oracle"}
    odd = {**tree, "meta/trials/tiers": np.array([others[t] for t in tree["meta/trials/tiers"]])}
    path, tiers = write_zip(tmp_path / "a.zip", odd), {"oracle": "test", "none": ""}
    with pytest.raises(SensoriumError, match="'none' .4 trials., 'oracle' .6 trials."):
        prepare("lab1", recording=path, data_dir=tmp_path)
    for _ in range(2):
        mouse = prepare("lab1", recording=path, tiers=tiers, data_dir=tmp_path)
    assert mouse.tiers == {"train": 12, "test": 6}
    test = np.flatnonzero(tree["meta/trials/tiers"] == "test")
    with pytest.raises(SensoriumError, match="or with other tiers"):
        prepare("lab1", recording=path, tiers={**tiers, "none": "validation"}, data_dir=tmp_path)
    with pytest.raises(SensoriumError, match="tiers: go with a recording of one's own"):
        prepare("mouse3", tiers=tiers, data_dir=tmp_path)
    expected = tree["meta/trials/trial_idx"][test].astype(str)
    np.testing.assert_array_equal(mouse.trials("test").trial_ids, expected)


@pytest.mark.parametrize("bad", ["data/responses/9", "data/images/9", "meta/trials/tiers"])
def test_a_bad_recording_leaves_no_dataset(tmp_path, bad):
    tree = recording_tree()
    tree[bad] = tree[bad][:1] if bad.startswith("meta") else np.full_like(tree[bad], 0)[..., :1]
    path = write_zip(tmp_path / "a.zip", tree)
    with pytest.raises(SensoriumError, match=r"a\.zip"):
        prepare("lab1", recording=path, data_dir=tmp_path / "data")
    assert not list((tmp_path / "data").rglob("dataset_info.json"))
    assert not list((tmp_path / "data").rglob("incomplete*"))
    with pytest.raises(SensoriumError, match="not prepared"):
        load_mouse("lab1", data_dir=tmp_path / "data")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "mouse99"}, "mouse 'mouse99' is not known: mouse1"),
        ({"name": "bad name", "recording": "x.zip"}, "letters, digits"),
        ({"name": "lab1", "recording": "nowhere.zip"}, r"nowhere\.zip: there is no such"),
        ({"name": "mouse1", "manual_dir": "nowhere"}, "there is no such folder"),
        ({"name": "mouse1", "file_format": "csv"}, "tfrecord or array_record"),
    ],
)
def test_what_cannot_be_prepared_is_refused(tmp_path, arguments, message):
    with pytest.raises(SensoriumError, match=message):
        prepare(**arguments, data_dir=tmp_path)


def test_without_network_and_file_the_message_tells_where_to_get_it(tmp_path, monkeypatch):
    import urllib.request

    def refuse(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(
        SensoriumError, match=r"no network .*gin\.g-node\.org.*static26872-17-20.*--manual_dir"
    ):
        prepare("mouse1", data_dir=tmp_path, manual_dir=tmp_path)
    assert not list(tmp_path.rglob("incomplete*"))
    # What is in the folder instead is said before any download.
    for name in ("static1-1-1.zip", "mouse 1.zip", "notes.txt"):
        (tmp_path / name).touch()
    said = (
        rf"manual folder {tmp_path}: static26872-17-20-GrayImageNet-\w+\.zip is not in it "
        r"\(but 'mouse 1.zip', 'static1-1-1.zip'\): downloading it"
    )
    with pytest.warns(UserWarning, match=said), pytest.raises(SensoriumError, match="no network"):
        prepare("mouse1", data_dir=tmp_path, manual_dir=tmp_path)


@pytest.mark.parametrize("suffix", ["", ".zip"])
def test_a_link_to_nothing_in_the_manual_folder_is_named(tmp_path, suffix):
    link = tmp_path / f"{STEM}{suffix}"
    link.symlink_to(tmp_path / "annex" / "object")
    with pytest.raises(SensoriumError, match=r"is a link to '.*object', which is not here") as e:
        prepare("mouse1", data_dir=tmp_path / "data", manual_dir=tmp_path)
    assert str(link) in str(e.value)


HOLDER = """
import sys
from sensorium_tf.io import file_lock
with file_lock(sys.argv[1], "preparing"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def another_process(tmp_path):
    """Another process that is preparing `lab1` in `data`, until its input is closed."""
    lock = tmp_path / "data" / "sensorium" / "lab1" / ".preparing"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(lock)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_jobs_that_start_together_wait_and_use_what_is_prepared(
    tmp_path, another_process, monkeypatch, capsys
):
    path = write_zip(tmp_path / "r.zip", recording_tree())
    elsewhere = prepare("lab1", recording=path, data_dir=tmp_path / "elsewhere")
    opened, real = [], Builder._split_generators
    monkeypatch.setattr(
        Builder, "_split_generators", lambda *a: opened.append(1) or real(*a), raising=True
    )
    flock = fcntl.flock

    def finish(file, operation):
        """The other process is done only when this one waits for it."""
        if operation == fcntl.LOCK_EX:
            shutil.copytree(elsewhere.data_path, another, dirs_exist_ok=False)
            another_process.stdin.close()
        flock(file, operation)

    another = tmp_path / "data" / "sensorium" / "lab1" / elsewhere.data_path.name
    monkeypatch.setattr(fcntl, "flock", finish)
    assert prepare("lab1", recording=path, data_dir=tmp_path / "data").n_neurons == 5
    assert not opened
    waiting = f"waiting: another process is preparing sensorium/lab1 in {another.parent}\n"
    assert capsys.readouterr().err.count(waiting) == 1


def test_what_another_process_prepared_meanwhile_has_to_be_the_same_recording(
    tmp_path, another_process, monkeypatch
):
    other = write_zip(tmp_path / "other.zip", recording_tree(seed=9))
    elsewhere = prepare("lab1", recording=other, data_dir=tmp_path / "elsewhere")
    path = write_zip(tmp_path / "r.zip", recording_tree())
    flock = fcntl.flock

    def finish(file, operation):
        if operation == fcntl.LOCK_EX:
            folder = tmp_path / "data" / "sensorium" / "lab1"
            shutil.copytree(elsewhere.data_path, folder / elsewhere.data_path.name)
            another_process.stdin.close()
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", finish)
    with pytest.raises(SensoriumError, match="prepared from another recording"):
        prepare("lab1", recording=path, data_dir=tmp_path / "data")


def test_a_link_in_the_place_of_the_lock_keeps_the_file_it_leads_to(tmp_path):
    theirs = tmp_path / "thesis.txt"
    theirs.write_text("years of work")
    lock = tmp_path / "data" / "sensorium" / "lab1" / ".preparing"
    lock.parent.mkdir(parents=True)
    lock.symlink_to(theirs)
    path = write_zip(tmp_path / "r.zip", recording_tree())
    with pytest.raises(SensoriumError, match=r"\.preparing: is a link") as refused:
        prepare("lab1", recording=path, data_dir=tmp_path / "data")
    assert "\n" not in str(refused.value)
    assert theirs.read_text() == "years of work"


def test_a_file_downloaded_earlier_needs_no_network(tmp_path, monkeypatch):
    import urllib.request

    import tensorflow_datasets as tfds
    from sensorium_tf.datasets import sensorium

    from sensorium_tf.challenges import sensorium2022

    def refuse(*_, **__):
        raise OSError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    entry = sensorium2022.CHALLENGE.catalog["mouse1"]
    kept = write_zip(tmp_path / "kept.zip", recording_tree(), top=entry.stem)
    (tmp_path / "downloads" / "sensorium").mkdir(parents=True)
    info = tmp_path / "downloads" / "sensorium" / "kept.zip.INFO"
    info.write_text(f'{{"urls": ["{entry.url}"]}}')
    monkeypatch.setattr(tfds.download.DownloadManager, "download", lambda self, url: kept)
    shipped = Path(sensorium.__file__).with_name("checksums.tsv")
    assert prepare("mouse1", data_dir=tmp_path).n_neurons == 5
    assert shipped.read_text() == ""


def test_a_mouse_that_was_not_simulated_has_no_truth(prepared):
    assert load_mouse("full", data_dir=prepared).truth_file is None
