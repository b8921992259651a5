"""What data cost: starts, imports, recordings, batches and submissions."""

import shutil
import statistics
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from mice import SUBMITTED, TRAINED, prepared, recording, small_recordings
from model_speed import model_and_batches
from timing import launcher, process, seconds

# How many mice share a model, and flags of another model than the CNN.
_MANY = (10, 25, 50)
_MODEL: tuple[str, ...] = ()


def batches(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """Batches after the first epoch, against loading and resizing each trial's files."""
    import tensorflow as tf

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    trials = {mouse.name: mouse.trials("train")}
    _, delivered = model_and_batches(trials, mouse, n_batch)
    iterator = iter(delivered.dataset().repeat())

    def epoch():
        for _ in range(delivered.steps_per_epoch):
            next(iterator)

    speed = len(trials[mouse.name]) / seconds(epoch, repeats=5)
    folder = workspace / f"unpacked_{n_neurons}"
    n_files = min(256, len(trials[mouse.name]))
    files = _unpacked(recording(workspace, TRAINED, n_neurons), folder, n_trials=n_files)
    scale = mouse.statistics["image"]

    def load_each():
        for trial in files:
            image = (np.load(trial["images"])[0].astype(np.float32) - scale["mean"]) / scale["std"]
            tf.image.resize(image[..., None], (36, 64)).numpy()
            for signal in ("responses", "behavior", "pupil_center"):
                np.load(trial[signal])

    by_file = len(files) / seconds(load_each, repeats=3)
    return {
        "batches_trials_per_s": speed,
        "files_trials_per_s": by_file,
        "batches_over_files": speed / by_file,
    }


def _unpacked(path: Path, folder: Path, *, n_trials: int) -> list[dict[str, Path]]:
    """Returns the files of some trials, unpacked from a recording."""
    signals = ("images", "responses", "behavior", "pupil_center")
    files = [{s: folder / s / f"{i}.npy" for s in signals} for i in range(n_trials)]
    with zipfile.ZipFile(path) as archive:
        for trial in files:
            for signal, file in trial.items():
                if not file.exists():
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(archive.read(f"{path.stem}/data/{signal}/{file.name}"))
    return files


# Trains, as launch/train.py does, and ends after the first steps.
_FIRST_STEPS = """
import os, sys
from sensorium_tf.quiet import quieten_tensorflow
quieten_tensorflow()
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_stages
from sensorium_tf.training.callbacks import Callback
class Ends(Callback):
    def on_steps(self, step, loss):
        os._exit(0)
mouse, data_dir, workdir = sys.argv[1:]
settings = TrainingSettings.flat(mice=mouse, track="sensorium_plus")
train_stages(settings, workdir, data_dir=data_dir, callbacks=[Ends()])
"""


def start(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """From the start of Python to the first batch of a prepared mouse, and to the first steps."""
    mouse, data_dir = prepared(workspace, TRAINED, n_neurons)
    arguments = f"{mouse.name!r}, track='sensorium_plus', batch_size={n_batch}"
    code = (
        "import sensorium_tf; next(iter(sensorium_tf.data.batches("
        f"{arguments}, data_dir={str(data_dir)!r})))"
    )

    def train():
        with tempfile.TemporaryDirectory() as workdir:
            process(["-c", _FIRST_STEPS, mouse.name, str(data_dir), workdir])

    return {
        "first_batch_seconds": seconds(lambda: process(["-c", code]), repeats=3),
        "first_steps_seconds": seconds(train, repeats=3),
    }


def imports(*_) -> dict:
    """Importing the package, and all that training needs against what it stands on, in turn."""
    light, whole, base = [], [], []
    for _ in range(6):
        for times, modules in (
            (light, "sensorium_tf"),
            (whole, "sensorium_tf.api"),
            (base, "tensorflow, tensorflow_datasets"),
        ):
            code = f"import {modules}"
            times.append(seconds(lambda code=code: process(["-c", code]), repeats=1, warm_up=0))
    ratios = [a / b for a, b in zip(whole[1:], base[1:], strict=True)]
    return {
        "import_seconds": statistics.median(light[1:]),
        "import_all_seconds": statistics.median(whole[1:]),
        "import_over_tensorflow_and_tfds": statistics.median(ratios),
    }


def prepare(workspace: Path, n_neurons: int, _: int) -> dict:
    """A recording as a TFDS dataset, against reading its members, in turn."""
    from sensorium_tf.data import prepare as prepare_mouse

    path = recording(workspace, TRAINED, n_neurons)
    data_dir = workspace / "prepared_anew"

    def read_members():
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                archive.read(name)

    def prepare_anew():
        shutil.rmtree(data_dir, ignore_errors=True)
        prepare_mouse("anew", recording=path, data_dir=data_dir)

    pairs = [
        (seconds(prepare_anew, repeats=1, warm_up=0), seconds(read_members, repeats=1, warm_up=0))
        for _ in range(4)
    ][1:]
    shutil.rmtree(data_dir, ignore_errors=True)
    return {
        "prepare_seconds": statistics.median(ours for ours, _ in pairs),
        "read_members_seconds": statistics.median(theirs for _, theirs in pairs),
        "prepare_over_read": statistics.median(ours / theirs for ours, theirs in pairs),
    }


def many(workspace: Path, *_) -> dict:
    """Small mice prepared together, and one model trained on all of them for an epoch."""
    rows = []
    for n_mice in _MANY:
        paths = small_recordings(workspace, n_mice)
        data_dir, workdir = workspace / "many_data", workspace / "many_run"
        for folder in (data_dir, workdir):
            shutil.rmtree(folder, ignore_errors=True)
        pairs = ",".join(f"{name}:{path}" for name, path in paths.items())
        common = f"--data_dir={data_dir}"
        prepared = launcher("prepare", f"--recordings={pairs}", "--jobs=2", common)
        flags = [f"--mice={','.join(paths)}", f"--workdir={workdir}", "--epochs=1", *_MODEL]
        trained = launcher("train", *flags, common)
        for folder in (data_dir, workdir):
            shutil.rmtree(folder)
        rows.append(
            {
                "mice": n_mice,
                "prepare_seconds": prepared[0],
                "prepare_gb_of_a_process": prepared[1],
                "train_seconds": trained[0],
                "train_gb": trained[1],
            }
        )
    fewest, most = rows[0], rows[-1]
    keys = ("prepare_seconds", "train_seconds", "train_gb")
    more = most["mice"] - fewest["mice"]
    of_one = {f"{key}_of_a_mouse": (most[key] - fewest[key]) / more for key in keys}
    return {"many": rows, **of_one}


def submit(workspace: Path, *_) -> dict:
    """The submission of 1,000 trials of 7,776 neurons, prediction included, and its score."""
    import sensorium_tf
    from sensorium_tf.runs import save_model

    mouse, data_dir = prepared(workspace, SUBMITTED)
    model = sensorium_tf.build("cnn", mouse, seed=0)
    folder = workspace / "submission"
    save_model(model, folder / "cnn.keras")
    common = [f"--mouse={mouse.name}", f"--data_dir={data_dir}", f"--output={folder}"]
    submitted = launcher("submit", f"--model_file={folder / 'cnn.keras'}", *common)
    launcher("ground_truth", "--tier=test", *common)
    scored = launcher(
        "score",
        f"--submission={folder / 'submission_file_live_test.csv'}",
        f"--ground_truth={folder / 'ground_truth_file_test.csv'}",
    )
    shutil.rmtree(folder)
    return {
        "submit_seconds": submitted[0],
        "submit_peak_memory_gb": submitted[1],
        "score_seconds": scored[0],
        "score_peak_memory_gb": scored[1],
    }
