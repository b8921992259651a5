"""Training and prediction on the devices at hand: how many, in which precision, by XLA or not."""

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
from mice import TRAINED, prepared
from model_speed import model_and_batches, steps_on
from timing import peak_memory_gb, seconds

_STEPS, _CALLS = 4, 6
_COPIED_BYTES = 1 << 28
# What is made in a pass is written and read once, and so is its gradient.
_TRANSFERS = 4
# Weight, its gradient and two moments, each read and written.
_TRANSFERS_OF_WEIGHTS = 8


def device(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """The CNN of `sensorium_plus` on one and on all GPUs, or on the processor if there is none.

    Every row is of a number of devices, in float32 or bfloat16, with XLA's clusters or without.
    """
    import tensorflow as tf

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    names = [each.name for each in tf.config.list_logical_devices("GPU")]
    names = names or [each.name for each in tf.config.list_logical_devices("CPU")]
    bandwidth = _bandwidth(names[0])
    rows = []
    for n_devices, mixed, xla in itertools.product(
        sorted({1, len(names)}), (False, True), (False, True)
    ):
        tf.config.optimizer.set_jit("autoclustering" if xla else False)
        found = _measured(mouse, n_batch, names[:n_devices], mixed=mixed, bandwidth=bandwidth)
        rows.append({"devices": n_devices, "bfloat16": mixed, "xla": xla, **found})
    tf.config.optimizer.set_jit(False)
    return {"device_gb_per_s": bandwidth / 1e9, "device": rows}


def _measured(mouse, n_batch: int, names: list[str], *, mixed: bool, bandwidth: float) -> dict:
    """Returns the figures of a row."""
    import tensorflow as tf

    from sensorium_tf.runs import Predictor

    strategy = (
        tf.distribute.OneDeviceStrategy(names[0])
        if len(names) == 1
        else tf.distribute.MirroredStrategy(names)
    )
    trials = {mouse.name: mouse.trials("train")}
    with strategy.scope():
        model, batches = model_and_batches(trials, mouse, n_batch, mixed_precision=mixed)
    is_gpu = "GPU" in names[0]
    if is_gpu:
        tf.config.experimental.reset_memory_stats(_short(names[0]))

    call = steps_on(strategy, model, batches, n_batch, _STEPS)
    step = seconds(call, repeats=_CALLS) / _STEPS
    least = _least_bytes(model, n_batch, number_bytes=2 if mixed else 4)
    shown, predictor = mouse.trials("test"), Predictor(model, mouse.name)
    found = {
        "images_per_s": n_batch / step,
        "predict_images_per_s": len(shown) / seconds(lambda: predictor(shown), repeats=3),
        "over_bandwidth_bound": step / (least / len(names) / bandwidth),
    }
    if not is_gpu:
        return {**found, "memory_gb": peak_memory_gb()}
    memory = tf.config.experimental.get_memory_info(_short(names[0]))["peak"] / 1e9
    return {**found, "memory_gb": memory, "busy_share": _busy_share(call)}


def _short(name: str) -> str:
    return name.removeprefix("/device:")


def _bandwidth(name: str) -> float:
    """Returns the bytes a second of reading and writing a large array."""
    import tensorflow as tf

    with tf.device(name):
        values = tf.Variable(tf.zeros(_COPIED_BYTES // 4))
        one = tf.ones(())

        @tf.function
        def work():
            return values.assign_add(tf.broadcast_to(one, values.shape))[0]

        # What is read back has been waited for.
        return 2 * _COPIED_BYTES / seconds(lambda: float(work()))


def _least_bytes(model, n_batch: int, *, number_bytes: int) -> float:
    """Returns what a step of the published CNN has to move at least: the core's maps, and weights.

    A layer's map is normalised and passed through ELU as it is written; the readout is left out.
    """
    n_maps = 2 + 3 * 4  # image channels are few beside them
    n_values = n_maps * n_batch * 28 * 56 * 64
    n_weights = sum(int(np.prod(each.shape)) for each in model.trainable_variables)
    # Weights are float32 in any case.
    return number_bytes * _TRANSFERS * n_values + 4 * _TRANSFERS_OF_WEIGHTS * n_weights


def _busy_share(call) -> float:
    """Returns the share of a call's time in which the first GPU has kernels to run."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        begun = time.perf_counter()
        call()
        took = time.perf_counter() - begun
        tf.profiler.experimental.stop()
        (path,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    spans = sorted(
        (line.timestamp_ns * 1000 + event.offset_ps, event.duration_ps)
        for plane in space.planes
        if plane.name.startswith("/device:GPU:0")
        for line in plane.lines
        if line.name.startswith("Stream")
        for event in line.events
    )
    busy, end = 0, 0
    for start, duration in spans:
        busy += max(0, start + duration - max(start, end))
        end = max(end, start + duration)
    return busy / 1e12 / took
