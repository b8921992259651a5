"""What models cost: training steps, prediction, images made in silico, and how they grow."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mice import TRAINED, prepared
from timing import matmul_gflops, peak_memory_gb, seconds


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
    return lambda: steps(iterator, learning_rates=[0.001] * n_steps, n_trials=[n_batch] * n_steps)


def model_and_batches(trials, mouse, n_batch, *, track="sensorium_plus"):
    """Returns a compiled CNN of some mice, each with a mouse's neurons, and batches of trials."""
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
    model, delivered = model_and_batches({f"m{i}": trials for i in range(n_mice)}, mouse, n_batch)
    data = tf.data.Dataset.from_tensors(next(iter(delivered.dataset())))
    return seconds(_steps(model, iter(data.repeat()), n_batch, 1), repeats=3)
