"""What is measured, one function each: workspace, neurons and batch size in, numbers out.

Times are medians of several repetitions after a warm-up; speeds are per second.
"""

import dataclasses
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mice import SUBMITTED, TRAINED, prepared, recording

_LAUNCH = Path(__file__).parents[1] / "launch"
# Large enough for the full rate of a product.
_MATRIX = 2048


def seconds(work: Callable[[], object], *, repeats: int = 5, warm_up: int = 1) -> float:
    """Returns the median time of some work."""
    times = []
    for _ in range(warm_up + repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[warm_up:])


def peak_memory_gb() -> float:
    """Returns the largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def matmul_gflops() -> float:
    """Returns the rate of a large float32 matrix product: what the machine can do."""
    import tensorflow as tf

    matrix = tf.random.normal((_MATRIX, _MATRIX))
    product = tf.function(lambda: tf.matmul(matrix, matrix))
    return 2 * _MATRIX**3 / seconds(product) / 1e9


def forward_gflop(n_images: int, n_neurons: int, *, channels: int = 4) -> dict[str, float]:
    """Returns the arithmetic of the published CNN's forward pass, part by part."""
    pixels, hidden = n_images * 28 * 56, 64
    return {
        "stem": 2 * pixels * 81 * channels * hidden / 1e9,
        "blocks": 3 * 2 * pixels * hidden * (2 * hidden + 49) / 1e9,
        "readout": 2 * n_images * n_neurons * 5 * hidden / 1e9,
    }


def train(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """Training steps of the CNN of `sensorium_plus`, batches and all, as a run takes them."""
    import tensorflow as tf

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    model, batches = _model_and_batches({mouse.name: mouse.trials("train")}, mouse, n_batch)
    whole = batches.dataset().filter(lambda _, y: tf.shape(y[mouse.name])[0] == n_batch)
    iterator = iter(whole.repeat())
    n_steps = 4
    step = seconds(_steps(model, iterator, n_batch, n_steps), repeats=5) / n_steps
    gflop = forward_gflop(n_batch, n_neurons)
    # Backward costs twice the forward pass, but nobody asks for the gradient of the images.
    work = 3 * sum(gflop.values()) - gflop["stem"]
    matmul = matmul_gflops()
    inputs, responses = next(iterator)
    parts = _parts(model, mouse.name, inputs, responses)
    parts["input"] = seconds(lambda: next(iterator), repeats=20)
    return {
        "train_images_per_s": n_batch / step,
        "train_gflops": work / step,
        "train_fraction_of_matmul": work / step / matmul,
        "train_peak_memory_gb": peak_memory_gb(),
        "train_seconds": {"step": step, **parts},
        "matmul_gflops": matmul,
    }


def _steps(model, iterator, n_batch: int, n_steps: int) -> Callable[[], object]:
    """Returns what takes some training steps."""
    import tensorflow as tf

    from sensorium_tf.training import Steps

    steps = Steps(model, tf.distribute.get_strategy())
    return lambda: steps(iterator, learning_rates=[0.001] * n_steps, n_trials=[n_batch] * n_steps)


def _model_and_batches(trials, mouse, n_batch, *, track="sensorium_plus"):
    from sensorium_tf.data import Batches
    from sensorium_tf.data.common_inputs import inputs_of
    from sensorium_tf.settings import TrainingSettings
    from sensorium_tf.training import compiled_model

    settings = TrainingSettings(mice=tuple(trials), track=track, batch_size=n_batch)
    mice = [
        dataclasses.replace(mouse.with_neurons(np.arange(each.responses.shape[1])), name=name)
        for name, each in trials.items()
    ]
    model = compiled_model(settings, mice, inputs_of(mice, track=track))
    return model, Batches(trials, inputs=model.inputs, batch_size=n_batch)


def _parts(model, mouse, inputs, responses) -> dict[str, float]:
    """Returns the seconds of each part of a step, forward and backward, alone."""
    import tensorflow as tf

    signals, target = inputs[mouse], responses[mouse]
    readout, shifter = model.readouts[mouse], model.shifters[mouse]
    features = model.core(signals["image"], training=True)
    rates = model(inputs, training=False)[mouse]

    def gradients(part, *watched, variables=()):
        def work():
            with tf.GradientTape() as tape:
                tape.watch(watched)
                value = part(*watched)
            return tape.gradient(value, [*watched, *variables])

        return tf.function(work, autograph=False)

    def readout_part(features):
        shift = shifter(signals["pupil_center"])
        return tf.reduce_sum(readout(features, shift=shift, training=True))

    variables = [*readout.trainable_variables, *shifter.trainable_variables]
    work = {
        "core": gradients(
            lambda: tf.reduce_sum(model.core(signals["image"], training=True)),
            variables=model.core.trainable_variables,
        ),
        "readout": gradients(readout_part, features, variables=variables),
        "loss": gradients(lambda rates: model.loss[mouse](target, rates), rates),
        "update": tf.function(
            lambda: model.optimizer.apply([v * 0.001 for v in model.trainable_variables]),
            autograph=False,
        ),
    }
    return {name: seconds(part) for name, part in work.items()}


def predict(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """Rates of the CNN of `sensorium_plus` for 1,000 trials, as evaluation and submission do it."""
    from sensorium_tf.runs import Predictor

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    trials = mouse.trials("test")
    model, _ = _model_and_batches({mouse.name: trials}, mouse, n_batch)
    predictor = Predictor(model, mouse.name)
    speed = len(trials) / seconds(lambda: predictor(trials), repeats=5)
    work = sum(forward_gflop(1, n_neurons).values())
    matmul = matmul_gflops()
    return {
        "predict_images_per_s": speed,
        "predict_gflops": work * speed,
        "predict_fraction_of_matmul": work * speed / matmul,
        "predict_peak_memory_gb": peak_memory_gb(),
        "matmul_gflops": matmul,
    }


def insilico(workspace: Path, n_neurons: int, _: int) -> dict:
    """A step of the most exciting images of up to 100 neurons, with the CNN of `sensorium`."""
    from sensorium_tf.insilico import Neurons
    from sensorium_tf.insilico.ascent import Ascent, Projection, noise
    from sensorium_tf.insilico.exciting import ascend_in_batches

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    trials = mouse.trials("test")
    model, _ = _model_and_batches({mouse.name: trials}, mouse, 1, track="sensorium")
    index = np.arange(min(100, n_neurons))
    neurons = Neurons(model, columns=index)
    ascent = Ascent(neurons, Projection(neurons, None))
    starts = noise(neurons, 1, seed=0)[:, 0]
    step = seconds(
        lambda: ascend_in_batches(ascent, starts, index, steps=1, label="a step"), repeats=5
    )
    return {
        "insilico_neurons": len(index),
        "insilico_step_seconds": step,
        "insilico_seconds_of_1000_steps": 1000 * step,
    }


def batches(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """Batches after the first epoch, against loading and resizing each trial's files."""
    import tensorflow as tf

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    trials = {mouse.name: mouse.trials("train")}
    _, delivered = _model_and_batches(trials, mouse, n_batch)
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


def start(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """From the start of Python to the first batch of a prepared mouse."""
    mouse, data_dir = prepared(workspace, TRAINED, n_neurons)
    arguments = f"{mouse.name!r}, track='sensorium_plus', batch_size={n_batch}"
    code = (
        "import sensorium_tf; next(iter(sensorium_tf.data.batches("
        f"{arguments}, data_dir={str(data_dir)!r})))"
    )
    return {"first_batch_seconds": seconds(lambda: _process(["-c", code]), repeats=3)}


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
            times.append(seconds(lambda code=code: _process(["-c", code]), repeats=1, warm_up=0))
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


def submit(workspace: Path, *_) -> dict:
    """The submission of 1,000 trials of 7,776 neurons, prediction included, and its score."""
    import sensorium_tf
    from sensorium_tf.runs import save_model

    mouse, data_dir = prepared(workspace, SUBMITTED)
    model = sensorium_tf.build("cnn", mouse, seed=0)
    folder = workspace / "submission"
    save_model(model, folder / "cnn.keras")
    common = [f"--mouse={mouse.name}", f"--data_dir={data_dir}", f"--output={folder}"]
    submitted = _launcher("submit", f"--model_file={folder / 'cnn.keras'}", *common)
    _launcher("ground_truth", "--tier=test", *common)
    scored = _launcher(
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


def growth(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """How a step's time grows with mice, batch size and neurons."""
    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    chosen = [(1, n_batch, n_neurons), (3, n_batch, n_neurons), (7, n_batch, n_neurons)]
    chosen += [(1, size, n_neurons) for size in (32, 64, 256, 512)]
    chosen += [(1, n_batch, count) for count in (1000, 2000, 4000) if count < n_neurons]
    rows = []
    for n_mice, size, count in chosen:
        step = _step_seconds(mouse, n_mice, size, count)
        rows.append(
            {
                "mice": n_mice,
                "batch": size,
                "neurons": count,
                "step_seconds": step,
                "images_per_s": n_mice * size / step,
            }
        )
    return {"growth": rows}


def _step_seconds(mouse, n_mice: int, n_batch: int, n_neurons: int) -> float:
    import tensorflow as tf

    trials = mouse.trials("train")
    trials = dataclasses.replace(trials, responses=trials.responses[:, :n_neurons])
    model, delivered = _model_and_batches({f"m{i}": trials for i in range(n_mice)}, mouse, n_batch)
    data = tf.data.Dataset.from_tensors(next(iter(delivered.dataset())))
    return seconds(_steps(model, iter(data.repeat()), n_batch, 1), repeats=3)


def _process(arguments: list[str]) -> float:
    """Runs a new Python; returns its peak memory in GB."""
    # In between, a small process: a child's peak includes what its parent holds when it starts.
    between = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
        "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", between, sys.executable, *arguments],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    return int(done.stdout) / 1e6


def _launcher(name: str, *arguments: str) -> tuple[float, float]:
    """Runs a launcher; returns its seconds and its peak memory in GB."""
    begun = time.perf_counter()
    memory = _process([str(_LAUNCH / f"{name}.py"), *arguments])
    return time.perf_counter() - begun, memory


MEASUREMENTS = {
    "train": train,
    "predict": predict,
    "insilico": insilico,
    "batches": batches,
    "start": start,
    "prepare": prepare,
    "submit": submit,
    "import": imports,
    "growth": growth,
}
