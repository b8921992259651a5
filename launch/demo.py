"""The whole way on a simulated mouse: simulate, prepare, train, evaluate, submit, score.

    python launch/demo.py --output=runs/demo
    python launch/demo.py --output=runs/movie_demo --challenge=sensorium2023

Runs the other commands, showing each; then prints one table of the scores on the withheld test
tier (LN, CNN and the oracle: the true rates) and writes it to scores.json. The seed is that of the
mouse and of the models; --data_dir is OUTPUT/data by default. --images, --batch_size and
--hidden_channels are of images alone; the defaults of the other flags are others with movies.
"""

import dataclasses
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sensorium_tf import cli
from sensorium_tf.flags import define_flags
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.simulation.settings import SimulationSettings

COMMAND = define_flags(
    cli.CommandSettings, ["output", "challenge"], default_texts={"output": "runs/demo"}
)
MOUSE = define_flags(SimulationSettings, ["neurons", "images", "seed"], defaults={"neurons": 400})
MODEL = define_flags(
    TrainingSettings,
    ["epochs", "batch_size", "hidden_channels"],
    defaults={"epochs": 30, "batch_size": 64, "hidden_channels": 16},
)

_MOUSE = "demo"


@dataclasses.dataclass(frozen=True)
class _Way:
    """What differs from challenge to challenge.

    Attributes:
        tier: On which the models are scored.
        mouse: Flags of `simulate`.
        model: Flags of `train`.
        oracle: What the oracle knows that models do not, or the other way round.
    """

    tier: str
    mouse: Mapping[str, Any]
    model: Mapping[str, Any]
    oracle: str


def _way(has_time: bool) -> _Way:
    mouse, model = MOUSE.values(), MODEL.values()
    if not has_time:
        return _Way(
            "test",
            mouse,
            model,
            "oracle: the true rates, which know behavior and eye position too, so that they "
            "explain more than repeats share and FEVE may exceed 1; ln and cnn see the image alone",
        )
    small = {"neurons": 80, "clips": 120, "frames": 150, "repeats": 4, "seed": mouse["seed"]}
    core = "factorised_3d(channels=(16, 16), spatial_kernels=(7, 3), temporal_kernels=(9, 5))"
    chosen = {name: MODEL[name].value for name in ("epochs",) if MODEL[name].present}
    if MOUSE["neurons"].present:
        small["neurons"] = mouse["neurons"]
    return _Way(
        "live_test_main",
        small,
        {"recipe": "fast", "epochs": 30, "image_size": "18x32", "core": core, **chosen},
        "oracle: the true rates; what is left of single trials is noise",
    )


def main() -> None:
    from sensorium_tf.challenges import challenge_of
    from sensorium_tf.evaluation import scores_table, write_json
    from sensorium_tf.io import expand
    from sensorium_tf.scoring import ground_truth_file

    challenge = challenge_of(COMMAND["challenge"].value)
    way = _way(challenge.recording.has_time)
    output = expand(COMMAND["output"].value or "runs/demo")
    _claim(output, {"challenge": challenge.name, **way.mouse, **way.model})
    data_dir = cli.DATA_DIR.value or output / "data"
    recordings = output / "recordings"
    of_challenge = {"challenge": challenge.name, "data_dir": data_dir}
    session = challenge.example_session
    _run(
        "simulate",
        challenge=challenge.name,
        output=recordings,
        session=session,
        competition=True,
        **way.mouse,
    )
    recording = recordings / f"{challenge.recording_stem(session)}.zip"
    truth = recording.with_name(f"{recording.stem}_truth.npz")
    _run("prepare", recording=recording, name=_MOUSE, **of_challenge)
    _run(
        "ground_truth", mouse=_MOUSE, tier=way.tier, truth=truth, output=recordings, **of_challenge
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
            **of_challenge,
            **way.model,
        )
        _run("evaluate", workdir=workdir, tier=way.tier, truth=truth, data_dir=data_dir)
        _run("submit", workdir=workdir, mouse=_MOUSE, data_dir=data_dir)
        printed = _run(
            "score",
            capture=True,
            json=True,
            challenge=challenge.name,
            submission=workdir / "submission" / challenge.test_tiers[way.tier],
            ground_truth=recordings / ground_truth_file(way.tier, challenge),
        )
        scores[model] = json.loads(printed)
    evaluation = json.loads((output / "cnn" / "evaluation.json").read_text("utf-8"))
    scores["oracle"] = evaluation["mice"][_MOUSE]["true_rates"]
    scores["oracle (other repeats)"] = evaluation["mice"][_MOUSE]["oracle"]
    write_json(output / "scores.json", scores)
    print(f"\nscores on the withheld tier {way.tier}")
    print(scores_table(scores, metrics=challenge.metrics, notes=[way.oracle]))
    print(f"\nscores:      {output / 'scores.json'}")
    print(f"figures:     {output / 'cnn' / 'figures'}, {output / 'ln' / 'figures'}")
    print(f"TensorBoard: tensorboard --logdir {output}")


def _claim(output: Path, chosen: Mapping[str, Any]) -> None:
    """Refuses a folder in which the demo ran with other flags."""
    from sensorium_tf.errors import SensoriumError
    from sensorium_tf.evaluation import write_json
    from sensorium_tf.reading import read_json

    flags_file = output / "demo.json"
    try:
        earlier = read_json(flags_file)
    except FileNotFoundError:
        earlier = dict(chosen)
    except SensoriumError:
        raise
    except (ValueError, RecursionError) as e:
        raise SensoriumError(f"{flags_file}: is damaged: choose another --output") from e
    if earlier != dict(chosen):
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
