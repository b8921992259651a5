"""What models cost: training steps, prediction, images made in silico, and how they grow."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mice import TRAINED, prepared
from timing import matmul_gflops, peak_memory_gb, seconds

# What grows, beside the sizes that are asked for.
_MICE, _BATCHES = (1, 2, 4, 8), (32, 64, 256, 512)
_NEURONS = (1000, 2000, 4000, 8000, 16000)


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
    model, batches = model_and_batches({mouse.name: mouse.trials("train")}, mouse, n_batch)
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
    n_trials = [[n_batch] * len(model.mice)] * n_steps
    return lambda: steps(iterator, learning_rates=[0.001] * n_steps, n_trials=n_trials)


def model_and_batches(trials, mouse, n_batch, *, track="sensorium_plus", **settings):
    """Returns a compiled CNN of some mice, each with a mouse's neurons, and batches of trials.

    A mouse of more neurons than there are has some of them several times.
    """
    from sensorium_tf.data import Batches
    from sensorium_tf.data.common_inputs import inputs_of
    from sensorium_tf.settings import TrainingSettings
    from sensorium_tf.training import compiled_model

    settings = TrainingSettings.flat(
        mice=tuple(trials), track=track, batch_size=n_batch, **settings
    )
    mice = [
        dataclasses.replace(
            mouse.with_neurons(np.arange(each.responses.shape[1]) % mouse.n_neurons), name=name
        )
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
    model, _ = model_and_batches({mouse.name: trials}, mouse, n_batch)
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
    """A step of the most exciting images of up to 100 neurons, with the CNN of `sensorium`.

    Beside it the gradients alone, of whole images and of the patches that the neurons see.
    """
    import tensorflow as tf

    from sensorium_tf.insilico import AscentSettings, Neurons
    from sensorium_tf.insilico.ascent import Ascent, Projection, noise

    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    trials = mouse.trials("test")
    model, _ = model_and_batches({mouse.name: trials}, mouse, 1, track="sensorium")
    index = np.arange(min(100, n_neurons))
    neurons = Neurons(model, columns=index)
    n_steps = 10
    ascent = Ascent(neurons, Projection(neurons, None), AscentSettings(steps=n_steps))
    starts = noise(neurons, 1, seed=0)[:, 0]
    step = seconds(lambda: ascent(starts, index, label="steps"), repeats=5) / n_steps

    @tf.function
    def of_whole_images(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            rates = tf.linalg.diag_part(neurons.tensor_rates(images))
        return tape.gradient(rates, images)

    whole = seconds(lambda: of_whole_images(tf.constant(starts)).numpy(), repeats=3)
    patches = seconds(lambda: neurons.gradients(starts, index), repeats=3)
    return {
        "insilico_neurons": len(index),
        "insilico_step_seconds": step,
        "insilico_seconds_of_1000_steps": 1000 * step,
        # At most: a quarter of the steps for four starts, the others for two.
        "insilico_seconds_of_4_starts": (4 * 250 + 2 * 750) * step,
        "insilico_whole_images_over_patches": whole / patches,
    }


def growth(workspace: Path, n_neurons: int, n_batch: int) -> dict:
    """How a step's time grows with mice, batch size and neurons."""
    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    chosen = [(count, n_batch, n_neurons) for count in _MICE]
    chosen += [(1, size, n_neurons) for size in _BATCHES]
    chosen += [(1, n_batch, count) for count in _NEURONS]
    rows = []
    for n_mice, size, count in chosen:
        step = _step_seconds(mouse, n_mice, size, count)
        sizes = {"mice": n_mice, "batch": size, "neurons": count}
        rows.append({**sizes, "step_seconds": step, "images_per_s": n_mice * size / step})
    return {"growth": rows}


def replicas(workspace: Path, n_neurons: int, n_batch: int, *, n_devices: int) -> dict:
    """A step on so many devices that share the processor and the batch.

    TensorFlow lets a process have one number of them alone.
    """
    import tensorflow as tf

    (processor,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        processor, [tf.config.LogicalDeviceConfiguration()] * n_devices
    )
    mouse, _ = prepared(workspace, TRAINED, n_neurons)
    names = [device.name for device in tf.config.list_logical_devices("CPU")]
    strategy = tf.distribute.MirroredStrategy(names)
    step = _step_seconds(mouse, 1, n_batch, n_neurons, strategy)
    return {f"replicas_{n_devices}_step_seconds": step}


def _step_seconds(mouse, n_mice: int, n_batch: int, n_neurons: int, strategy=None) -> float:
    import tensorflow as tf

    strategy = strategy or tf.distribute.get_strategy()
    trials = mouse.trials("train")
    columns = np.arange(n_neurons) % mouse.n_neurons
    trials = dataclasses.replace(trials, responses=trials.responses[:, columns])
    with strategy.scope():
        model, batches = model_and_batches({f"m{i}": trials for i in range(n_mice)}, mouse, n_batch)
    return seconds(steps_on(strategy, model, batches, n_batch, 1), repeats=3)


def steps_on(strategy, model, batches, n_batch: int, n_steps: int) -> Callable[[], None]:
    """Returns what takes some steps with whole batches and waits for the devices."""
    from sensorium_tf.training import Steps
    from sensorium_tf.training.devices import distributed_epoch

    steps = Steps(model, strategy)

    def with_enough_left():
        for number in itertools.count():
            epoch = iter(distributed_epoch(batches, strategy, number))
            for _ in range(max(1, (batches.steps_per_epoch - 1) // n_steps)):
                yield epoch

    epochs = with_enough_left()
    rates, n_trials = [0.001] * n_steps, [[n_batch] * len(model.mice)] * n_steps
    # The totals are read back, which waits for what has been computed.
    return lambda: steps(next(epochs), learning_rates=rates, n_trials=n_trials)
