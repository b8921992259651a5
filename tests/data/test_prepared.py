"""Data folders from elsewhere: nothing in them is run, and every value of them is checked."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
from recording_files import recording_tree, write_zip
from sensorium_tf.datasets.sensorium import Builder
from sensorium_tf.datasets.shared.description import checksum

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.data import batches, load_mouse, prepare


@pytest.fixture
def received(prepared, tmp_path):
    """A data folder that somebody else may have written; its dataset `full`."""
    shutil.copytree(prepared, tmp_path / "data")
    (folder,) = (tmp_path / "data" / "sensorium" / "full").glob("*.*.*")
    return folder


def change(path: Path, *keys, value, signed=True) -> None:
    """Sets a value in a JSON file; removes it if None. Signed: the checksum is made to match."""
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    if signed and "checksum" in content and keys != ("checksum",):
        content["checksum"] = checksum(content)
    path.write_text(json.dumps(content))


def data_dir(received: Path) -> Path:
    return received.parents[2]


# Every way to a prepared mouse.
ENTRIES = {
    "load_mouse": lambda folder: load_mouse("full", data_dir=folder),
    "prepare": lambda folder: prepare("full", data_dir=folder),
    "prepare_again": lambda folder: prepare(
        "full",
        recording=write_zip(folder / "again.zip", recording_tree(seed=1)),
        data_dir=folder,
    ),
    "batches": lambda folder: batches("full", track="sensorium", data_dir=folder),
    "load": lambda folder: sensorium_tf.load("full", data_dir=folder),
    "train": lambda folder: sensorium_tf.train(
        "ln", "full", workdir=folder / "run", data_dir=folder, verbose=False
    ),
    "ground_truth": lambda folder: sensorium_tf.evaluation.ground_truth(
        "full", "test", output=folder / "truth", data_dir=folder
    ),
    "Builder": lambda folder: Builder(config=tfds.core.BuilderConfig(name="full"), data_dir=folder),
}


@pytest.fixture
def evil(tmp_path, monkeypatch):
    """A module that leaves a trace where it is imported; returns the trace."""
    (tmp_path / "modules").mkdir()
    trace = tmp_path / "trace"
    module = tmp_path / "modules" / "evil_module.py"
    module.write_text(f"open({str(trace)!r}, 'w')")
    monkeypatch.syspath_prepend(module.parent)
    yield trace
    sys.modules.pop("evil_module", None)


PLACES = {
    "example": ("pythonClassName",),
    "feature": ("featuresDict", "features", "image", "pythonClassName"),
    "new": ("featuresDict", "features", "extra"),
    "other spelling": ("featuresDict", "features", "image", "python_class_name"),
    "older form": ("type",),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_module_that_a_received_folder_names_is_not_imported(received, evil, entry):
    change(received / "features.json", *PLACES["feature"], value="evil_module.Feature")
    with pytest.raises(SensoriumError, match="features.json: damaged, or not written by") as e:
        ENTRIES[entry](data_dir(received))
    assert "\n" not in str(e.value)
    assert not evil.exists() and "evil_module" not in sys.modules


@pytest.mark.parametrize("place", PLACES)
def test_wherever_it_is_named(received, evil, place):
    name = "evil_module.Feature"
    value = {"pythonClassName": name, "tensor": {}} if place == "new" else name
    change(received / "features.json", *PLACES[place], value=value)
    with pytest.raises(SensoriumError, match="features.json"):
        load_mouse("full", data_dir=data_dir(received))
    assert not evil.exists()


def test_the_trace_shows_an_import(received, evil):
    """TFDS by itself, which is why this package opens no folder that way."""
    change(received / "features.json", *PLACES["feature"], value="evil_module.Feature")
    with pytest.raises(ValueError, match="evil_module"):
        tfds.builder_from_directory(received)
    assert evil.exists()


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("name",), "other"),
        (("configName",), "mouse1"),
        (("version",), "9.9.9"),
        (("fileFormat",), "riegeli"),
        (("splits",), "all"),
        (("splits", 0), "train"),
        (("splits", 0, "name"), "../train"),
        (("splits", 0, "filepathTemplate"), "../../{DATASET}"),
        (("splits", 0, "shardLengths"), ["-1"]),
        (("splits", 0, "shardLengths"), None),
    ],
)
def test_dataset_info_that_is_not_ours_is_one_line(received, keys, value):
    change(received / "dataset_info.json", *keys, value=value)
    with pytest.raises(SensoriumError, match=r"dataset_info.json: damaged.*prepare it again") as e:
        load_mouse("full", data_dir=data_dir(received))
    assert "\n" not in str(e.value)


def test_more_trials_than_there_are_is_one_line(received):
    change(received / "dataset_info.json", "splits", 0, "shardLengths", value=["1000000"])
    with pytest.raises(SensoriumError, match=r"metadata.json: damaged.*trials are .*1000000"):
        load_mouse("full", data_dir=data_dir(received))


def test_one_changed_number_is_noticed(received):
    change(received / "metadata.json", "statistics", "image", "mean", value=1.5, signed=False)
    with pytest.raises(SensoriumError, match="metadata.json: damaged.*does not match its checksum"):
        load_mouse("full", data_dir=data_dir(received))


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("session_key",), 5),
        (("session_key",), ""),
        (("session_key",), "a\x1b[2J"),
        (("session_key",), "a" * 10_000),
        (("session_key",), None),
        (("trials",), {}),
        (("trials",), {"dessert": 3}),
        (("trials", "train"), -1),
        (("trials", "train"), True),
        (("neurons",), []),
        (("neurons", "unit_ids"), []),
        (("neurons", "unit_ids"), None),
        (("neurons", "unit_ids", 0), "3"),
        (("neurons", "unit_ids", 0), 2.5),
        (("neurons", "unit_ids", 0), 2**70),
        (("neurons", "cell_motor_coordinates", 0), [0.0, 0.0]),
        (("neurons", "cell_motor_coordinates", 0, 0), float("nan")),
        (("neurons", "cell_motor_coordinates", 0, 0), 1e300),
        (("neurons", "cell_motor_coordinates", 0, 0), "deep"),
        (("neurons", "area"), ["V1"]),
        (("neurons", "area", 0), {"V1": 1}),
        (("statistics", "image"), None),
        (("statistics", "image", "std"), 0.0),
        (("statistics", "image", "mean"), [1.0]),
        (("statistics", "response", "std"), [1.0]),
        (("statistics", "response", "std", 0), -1.0),
        (("statistics", "response", "mean", 0), float("inf")),
        (("statistics", "behavior", "mean", 0), "fast"),
        (("spec",), None),
        (("spec",), []),
        (("spec", 0, "shape"), [144, 256]),
        (("spec", 0, "shape"), [144, 256, None]),
        (("spec", 0, "shape"), [10**6, 10**6, 1]),
        (("spec", 0, "name"), "picture"),
        (("spec", 1, "shape"), [4]),
        (("spec", 2, "shape"), [-3]),
        (("spec", 2, "shape"), [4]),
        (("spec", 2, "name"), "../behavior"),
        (("spec", 2, "name"), "pupil_center"),
        (("spec", 2, "name"), "trial_id"),
        (("spec", 2, "role"), "stimulus"),
        (("spec", 2, "surprise"), 1),
        (("withheld",), None),
        (("withheld", "signals"), ["image"]),
        (("withheld", "signals"), "behavior"),
        (("withheld", "response_tiers"), ["dessert"]),
        (("withheld", "response_tiers"), [["test"]]),
        (("checksum",), None),
    ],
)
def test_metadata_are_checked_as_a_recordings_are(received, keys, value):
    change(received / "metadata.json", *keys, value=value)
    with pytest.raises(SensoriumError, match="metadata.json: damaged.*prepare it again") as e:
        load_mouse("full", data_dir=data_dir(received))
    assert str(e.value).isprintable() and len(str(e.value)) < 1000


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json", "metadata.json"])
@pytest.mark.parametrize(
    "content", [b"", b"[]", b"\xff\xfe", b"[" * 100_000, b"9" * 10_000, b'{"a": '], ids=len
)
def test_what_is_not_our_json_is_one_line(received, name, content):
    (received / name).write_bytes(content)
    with pytest.raises(SensoriumError, match=f"{name}: damaged") as e:
        load_mouse("full", data_dir=data_dir(received))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("name", ["dataset_info.json", "features.json", "metadata.json"])
def test_a_file_without_end_is_refused(received, name):
    (received / name).unlink()
    (received / name).symlink_to("/dev/zero")
    with pytest.raises(SensoriumError, match=f"{name}: is a pipe or a device"):
        load_mouse("full", data_dir=data_dir(received))
    (received / name).unlink()
    with (received / name).open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(SensoriumError, match=f"{name}: damaged.*more than"):
        load_mouse("full", data_dir=data_dir(received))


def test_one_long_text_does_not_fill_the_memory(received):
    areas = ["V1", "x" * (1 << 22), "V1", "V1", "V1"]
    change(received / "metadata.json", "neurons", "area", value=areas)
    with pytest.raises(SensoriumError, match="metadata.json: damaged.*texts of neurons"):
        load_mouse("full", data_dir=data_dir(received))


def test_a_file_that_may_not_be_read_is_not_called_damaged(received, monkeypatch):
    real = os.open

    def deny(path, *arguments, **named):
        if str(path).endswith("metadata.json"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(SensoriumError, match="metadata.json: cannot be read: Permission den") as e:
        load_mouse("full", data_dir=data_dir(received))
    assert "delete" not in str(e.value)


def test_features_that_the_metadata_do_not_tell_of_are_refused(received):
    spec = json.loads((received / "metadata.json").read_text())["spec"]
    change(received / "metadata.json", "spec", value=spec[:2] + spec[3:])
    with pytest.raises(SensoriumError, match="features.json: damaged"):
        load_mouse("full", data_dir=data_dir(received))


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_a_dataset_of_an_earlier_version_is_named_with_the_command_that_renews_it(
    received, version
):
    earlier = received.with_name(version)
    received.rename(earlier)
    with pytest.raises(SensoriumError) as refused:
        load_mouse("full", data_dir=data_dir(received))
    assert str(refused.value) == (
        f"mouse 'full' in {data_dir(received)} is prepared as version {version}, but this is "
        "version 2.0.0: run python launch/prepare.py --recording=PATH --name=full and delete the "
        f"folder {earlier}"
    )
    path = write_zip(received.parents[3] / "again.zip", recording_tree(seed=1))
    assert prepare("full", recording=path, data_dir=data_dir(received)).data_path == received


def test_the_checksum_is_of_the_values_and_not_of_their_layout(received):
    path = received / "metadata.json"
    before = load_mouse("full", data_dir=data_dir(received))
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed(content.items())), indent=3))
    assert load_mouse("full", data_dir=data_dir(received)).fingerprint == before.fingerprint
