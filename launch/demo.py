"""The whole way on a simulated mouse: simulate, prepare, train, evaluate, submit, score.

    python launch/demo.py --output=runs/demo

Runs the other commands, showing each; then prints one table of the scores on the withheld
test tier (LN, CNN and the oracle: the true rates) and writes it to scores.json. The seed is that of
the mouse and of the models; --data_dir is OUTPUT/data by default.
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

from sensorium_tf import cli
from sensorium_tf.flags import define_flags
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.simulation.settings import SimulationSettings

OUTPUT = define_flags(cli.CommandSettings, ["output"], defaults={"output": "runs/demo"})["output"]
MOUSE = define_flags(SimulationSettings, ["neurons", "images", "seed"], defaults={"neurons": 400})
MODEL = define_flags(
    TrainingSettings,
    ["epochs", "batch_size", "hidden_channels"],
    defaults={"epochs": 30, "batch_size": 64, "hidden_channels": 16},
)

_MOUSE, _TIER = "demo", "test"


def main() -> None:
    from sensorium_tf.evaluation import scores_table, write_json
    from sensorium_tf.io import expand

    output = expand(OUTPUT.value)
    _claim(output)
    data_dir = cli.DATA_DIR.value or output / "data"
    recordings = output / "recordings"
    _run("simulate", output=recordings, competition=True, **MOUSE.values())
    recording = next(recordings.glob(f"static{SimulationSettings.session}-*.zip"))
    truth = recording.with_name(f"{recording.stem}_truth.npz")
    _run("prepare", recording=recording, name=_MOUSE, data_dir=data_dir)
    _run(
        "ground_truth", mouse=_MOUSE, tier=_TIER, truth=truth, output=recordings, data_dir=data_dir
    )
    scores = {}
    for model in ("ln", "cnn"):
        workdir = output / model
        _run(
            "train",
            mice=_MOUSE,
            model=model,
            workdir=workdir,
            seed=MOUSE["seed"].value,
            data_dir=data_dir,
            **MODEL.values(),
        )
        _run("evaluate", workdir=workdir, tier=_TIER, truth=truth, data_dir=data_dir)
        _run("submit", workdir=workdir, mouse=_MOUSE, data_dir=data_dir)
        printed = _run(
            "score",
            capture=True,
            json=True,
            submission=workdir / "submission" / "submission_file_live_test.csv",
            ground_truth=recordings / f"ground_truth_file_{_TIER}.csv",
        )
        scores[model] = json.loads(printed)
    evaluation = json.loads((output / "cnn" / "evaluation.json").read_text("utf-8"))
    scores["oracle"] = evaluation["mice"][_MOUSE]["true_rates"]
    scores["oracle (other repeats)"] = evaluation["mice"][_MOUSE]["oracle"]
    write_json(output / "scores.json", scores)
    print(f"\nscores on the withheld tier {_TIER}; ln and cnn see the image alone")
    oracle = (
        "oracle: the true rates, which know behavior and eye position too, so that they explain "
        "more than repeats share and FEVE may exceed 1"
    )
    print(scores_table(scores, notes=[oracle]))
    print(f"\nscores:      {output / 'scores.json'}")
    print(f"figures:     {output / 'cnn' / 'figures'}, {output / 'ln' / 'figures'}")
    print(f"TensorBoard: tensorboard --logdir {output}")


def _claim(output: Path) -> None:
    """Refuses a folder in which the demo ran with other flags."""
    from sensorium_tf.errors import SensoriumError
    from sensorium_tf.evaluation import write_json
    from sensorium_tf.reading import read_json

    flags_file = output / "demo.json"
    chosen = MOUSE.values() | MODEL.values()
    try:
        earlier = read_json(flags_file)
    except FileNotFoundError:
        earlier = chosen
    except SensoriumError:
        raise
    except (ValueError, RecursionError) as e:
        raise SensoriumError(f"{flags_file}: is damaged: choose another --output") from e
    if earlier != chosen:
        raise SensoriumError(
            f"{output}: the demo ran here with other flags: choose another --output"
        )
    write_json(flags_file, chosen)


def _run(verb: str, /, *, capture: bool = False, **values) -> str:
    """Runs a command, showing it; ends the demo if it fails."""
    arguments = ["-m", "sensorium_tf", verb]
    arguments += [
        f"--{flag}" if value is True else f"--{flag}={value}" for flag, value in values.items()
    ]
    print(f"\n$ python {shlex.join(arguments)}", flush=True)
    done = subprocess.run([sys.executable, *arguments], stdout=subprocess.PIPE if capture else None)
    if done.returncode:
        sys.exit(1)
    if capture:
        print(done.stdout.decode(), end="", flush=True)
        return done.stdout.decode()
    return ""


if __name__ == "__main__":
    cli.run(main)
