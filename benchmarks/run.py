"""Measures what the package must be fast at, on simulated mice of full size.

    python benchmarks/run.py --output=runs/benchmarks.json
    python benchmarks/run.py --output=FILE.json --only=train,predict --compare=pytorch_step.py
    python benchmarks/run.py --output=FILE.json --device=gpu

Each measurement runs in a process of its own, on a machine that should have nothing else to do.
Prints a table, and writes everything as JSON. The first run simulates two mice, which takes about
three minutes and 2.5 GB in --workspace.

--compare names another Python script that prints a line of JSON with rates that we measure, such as
train_images_per_s and predict_images_per_s (pytorch_movies.py beside this file: of movies); it runs
in turn with ours (A B A B ...), and the ratios are of the pairs.
"""

import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from absl import flags
from measurements import BY_NAME_ALONE, MEASUREMENTS

from sensorium_tf import cli

OUTPUT = flags.DEFINE_string("output", None, "JSON file for the results.", required=True)
ONLY = flags.DEFINE_list(
    "only",
    [],
    f"Which measurements: {', '.join(MEASUREMENTS)}; by default device with --device=gpu, else all "
    f"but {' and '.join(BY_NAME_ALONE)}.",
)
DEVICE = flags.DEFINE_enum(
    "device", "cpu", ["cpu", "gpu"], "Where to compute; of several GPUs one and all are measured."
)
COMPARE = flags.DEFINE_string("compare", None, "Another script, to be timed in turn with ours.")
PAIRS = flags.DEFINE_integer("pairs", 3, "How often each of the two runs.", lower_bound=1)
NEURONS = flags.DEFINE_integer("neurons", 7538, "Neurons of the mouse.", lower_bound=1)
BATCH = flags.DEFINE_integer("batch", 128, "Images in a batch.", lower_bound=1)
WORKSPACE = flags.DEFINE_string("workspace", "runs/benchmarks", "Folder of the simulated mice.")
# What another script may measure, by the measurement that gives ours.
_RATES = {
    "train": ["train_images_per_s"],
    "predict": ["predict_images_per_s"],
    "movies": ["movies_train_frames_per_s", "movies_predict_frames_per_s"],
}
HERE = flags.DEFINE_bool("here", False, "Measure in this process (one measurement only).")


def main() -> None:
    from sensorium_tf.errors import SensoriumError
    from sensorium_tf.evaluation import write_json
    from sensorium_tf.io import expand

    if unknown := [name for name in ONLY.value if name not in MEASUREMENTS]:
        raise SensoriumError(f"--only: {unknown}: expected some of {', '.join(MEASUREMENTS)}")
    if HERE.value:
        (name,) = ONLY.value
        _check_device()
        workspace = expand(WORKSPACE.value).resolve()
        write_json(OUTPUT.value, MEASUREMENTS[name](workspace, NEURONS.value, BATCH.value))
        return
    results = {"neurons": NEURONS.value, "batch": BATCH.value}
    for name in ONLY.value or _usual():
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        results |= _measure(name)
    print(_table(results))
    if COMPARE.value is not None:
        results["compared"] = _compare([sys.executable, *shlex.split(COMPARE.value)])
    write_json(OUTPUT.value, results)


def _usual() -> list[str]:
    """Returns what is measured if nobody says what."""
    if DEVICE.value == "gpu":
        return ["device"]
    return [name for name in MEASUREMENTS if name not in BY_NAME_ALONE]


def _check_device() -> None:
    """Refuses GPUs where there are none, and hides those that are not to be used."""
    import tensorflow as tf

    from sensorium_tf.errors import SensoriumError

    if DEVICE.value == "cpu":
        tf.config.set_visible_devices([], "GPU")
    elif not tf.config.list_physical_devices("GPU"):
        raise SensoriumError("--device: TensorFlow finds no GPU here")


def _measure(name: str) -> dict:
    """Runs one measurement in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "result.json"
        arguments = [f"--only={name}", f"--output={output}"]
        arguments += [f"--{flag.name}={flag.value}" for flag in (NEURONS, BATCH, WORKSPACE, DEVICE)]
        done = subprocess.run([sys.executable, __file__, "--here", *arguments], check=False)
        if done.returncode:
            sys.exit(1)  # it has said why
        return json.loads(output.read_text("utf-8"))


def _compare(command: list[str]) -> dict:
    """Times what another command measures in turn with it."""
    pairs = []
    for number in range(PAIRS.value):
        print(f"pair {number + 1} of {PAIRS.value} ...", file=sys.stderr, flush=True)
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        theirs = json.loads(printed.strip().splitlines()[-1])
        measured = [name for name, rates in _RATES.items() if theirs.keys() & rates]
        ours = {key: value for name in measured for key, value in _measure(name).items()}
        names = [name for each in measured for name in _RATES[each] if name in theirs]
        pairs.append({name: ours[name] / theirs[name] for name in names})
        shown = [f"{n} {ours[n]:.1f} / {theirs[n]:.1f} = {pairs[-1][n]:.2f}" for n in names]
        print(", ".join(shown), flush=True)
    medians = {name: statistics.median(pair[name] for pair in pairs) for name in names}
    print("median ratio: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in medians.items()))
    return {"pairs": pairs, "median": medians}


def _table(results: dict) -> str:
    from sensorium_tf.evaluation import format_table

    rows = []
    for name, value in results.items():
        if isinstance(value, list):
            continue
        for part, number in value.items() if isinstance(value, dict) else [("", value)]:
            rows.append([f"{name} {part}".strip(), f"{number:.4g}"])
    tables = [format_table(["measured", "value"], rows)]
    for value in results.values():
        if isinstance(value, list):
            header = list(value[0])
            tables.append(format_table(header, [[f"{r[h]:.4g}" for h in header] for r in value]))
    return "\n\n".join(tables)


if __name__ == "__main__":
    cli.run(main)
