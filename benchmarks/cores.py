"""Measures what a training step of each core costs, beside the published one.

    python benchmarks/cores.py
    python benchmarks/cores.py --cores="residual(n_blocks=4);vit(stride=4)" --batch=32

Cores take steps in turn, each of a batch of noise, with the Gaussian readout and without the data
pipeline. Time is that of all processor cores together, so that other work on the machine counts
little. Prints a table: images a second of processor time, the ratio to the published core's and
the core's trainable weights.
"""

import statistics
import time

from absl import flags

from sensorium_tf import cli

WHICH = flags.DEFINE_string("cores", None, "Cores, joined by semicolons; all by default.")
NEURONS = flags.DEFINE_integer("neurons", 600, "Neurons of the mouse.", lower_bound=1)
BATCH = flags.DEFINE_integer("batch", 8, "Images in a batch.", lower_bound=1)
ROUNDS = flags.DEFINE_integer("rounds", 5, "How often each core takes its steps.", lower_bound=1)
STEPS = flags.DEFINE_integer("steps", 3, "Steps in a row.", lower_bound=1)

# Images of full size are the ones that it is for.
_SIZES = {"learned_stem": (144, 256)}


def main() -> None:
    """Prints the table."""
    from sensorium_tf.models.settings import PRESETS
    from sensorium_tf.registry import CORES

    published = str(PRESETS["cnn"].core)
    of_images = [name for name in CORES.names() if not CORES[name].takes_movies]
    named = of_images if WHICH.value is None else WHICH.value.split(";")
    others = [text.strip() for text in named]
    works = {text: _work(text) for text in dict.fromkeys([published, *others])}
    seconds = {text: [] for text in works}
    for _ in range(ROUNDS.value):
        for text, (work, _) in works.items():
            seconds[text].append(work())
    rates = {text: BATCH.value * STEPS.value / statistics.median(s) for text, s in seconds.items()}
    print(f"{'images/s':>9}  {'ratio':>5}  {'weights':>8}  core")
    for text, rate in rates.items():
        print(f"{rate:9.1f}  {rate / rates[published]:5.2f}  {works[text][1]:8d}  {text}")


def _work(text: str):
    """Returns what takes some steps and tells their seconds, and the core's number of weights."""
    import dataclasses

    import numpy as np
    import tensorflow as tf

    from sensorium_tf.challenges import DEFAULT
    from sensorium_tf.models import ModelSettings, PoissonLoss, build_model
    from sensorium_tf.registry import CORES, Part
    from sensorium_tf.testing.models import example_signals
    from sensorium_tf.training import Steps

    name = Part.parse(text).name
    track = "sensorium_plus" if CORES[name].inputs else "sensorium"
    inputs = DEFAULT.inputs(track, channels=("image",), extras=CORES[name].inputs)
    if name in _SIZES:
        inputs = dataclasses.replace(inputs, image_size=_SIZES[name])
    rng = np.random.default_rng(0)
    settings = ModelSettings(core=text, shifter="none")
    model = build_model(settings, {"mouse": rng.normal(size=(NEURONS.value, 3))}, inputs, seed=0)
    model.compile("adam", {"mouse": PoissonLoss(1000)}, jit_compile=False)
    responses = rng.exponential(size=(BATCH.value, NEURONS.value)).astype("float32")
    batch = ({"mouse": example_signals(inputs, BATCH.value)}, {"mouse": responses})
    iterator = iter(tf.data.Dataset.from_tensors(batch).repeat())
    steps = Steps(model, tf.distribute.get_strategy())
    n_steps = STEPS.value

    def work() -> float:
        start = time.process_time()
        steps(iterator, learning_rates=[0.001] * n_steps, n_trials=[[BATCH.value]] * n_steps)
        return time.process_time() - start

    work()  # compiles
    return work, sum(int(np.prod(weight.shape)) for weight in model.core.trainable_weights)


if __name__ == "__main__":
    cli.run(main)
