"""Writes the table of what parts and strategies gain, from runs that have been trained.

    python benchmarks/zoo.py --rows=rows.json --output=docs/zoo.md

The rows are JSON: what each is called, with its runs, one for each seed, such as
`{"published": ["runs/p0", "runs/p1"], "with folds": ["runs/f0", "runs/f1"]}`. The first one is what
the others are compared with: all have to know the same mice, and their budgets are yours to make
equal. Scores are of --tier, means over seeds and neurons, with intervals over neurons; what a run
was trained for is its settings, and the commands under the table repeat them. The table replaces
what is between the marks in the output, `<!-- zoo -->` and `<!-- end of zoo -->`, or all of it
where there are none.
"""

import dataclasses
import json
import shlex
import statistics
import time
from pathlib import Path

import numpy as np
from absl import flags

from sensorium_tf import cli

ROWS = flags.DEFINE_string("rows", None, "JSON file of the rows.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "Markdown file.", required=True)
TIER = flags.DEFINE_string("tier", "test", "Tier that is scored.")
MARKS = ("<!-- zoo -->", "<!-- end of zoo -->")


@dataclasses.dataclass(frozen=True, eq=False)
class Row:
    """What there is to say of a model.

    Attributes:
        correlations: Of each neuron, mean over the seeds, `(neurons,)`.
        seeds: The score of each seed.
        trained: Images a second in training; None where no log tells.
        predicted: Images a second in prediction, on this machine.
        parameters: Of one model.
        label: What must be known to compare it: signals beyond the track's, tiers seen.
        command: How the first one was trained.
    """

    correlations: np.ndarray
    seeds: list[float]
    trained: float | None
    predicted: float
    parameters: int
    label: str
    command: str


def measure(workdirs: list[str], tier: str, data_dir: str | None = None) -> Row:
    """Scores the runs of a row, and times the first one."""
    from sensorium_tf.metrics import single_trial_correlation
    from sensorium_tf.runs import Predictor, Run

    runs, each = [Run(workdir, data_dir) for workdir in workdirs], []
    for run in runs:
        trials = [mouse.trials(tier) for mouse in run.load_mice()]
        rates = [Predictor(run.model, one.mouse)(one) for one in trials]
        pairs = zip(trials, rates, strict=True)
        each.append(np.concatenate([single_trial_correlation(t.responses, r) for t, r in pairs]))
    first = runs[0]
    (one, *_) = first.load_mice()
    trials, predictor = one.trials(tier), Predictor(first.model, one.name)
    predictor(trials)  # compiles
    started = time.perf_counter()
    predictor(trials)
    speeds = [speed for run in runs for speed in trained_speeds(Path(run.folder))]
    return Row(
        correlations=np.mean(each, axis=0),
        seeds=[float(values.mean()) for values in each],
        trained=statistics.median(speeds) if speeds else None,
        predicted=len(trials) / (time.perf_counter() - started),
        parameters=first.model.count_params(),
        label=first.provenance.describe(),
        command=command_of(first),
    )


def trained_speeds(folder: Path) -> list[float]:
    """Returns the images a second of each epoch of a run and of its stages."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    speeds = []
    for logs in sorted(folder.rglob("tensorboard")):
        board = EventAccumulator(str(logs), size_guidance={"tensors": 0})
        board.Reload()
        if "images_per_second" in board.Tags()["tensors"]:
            for event in board.Tensors("images_per_second"):
                speeds.append(float(tensor_util.make_ndarray(event.tensor_proto)))
    return speeds


def command_of(run) -> str:
    """Returns the command that trains a run: its settings, where they are not the defaults."""
    from sensorium_tf.config import flat_fields
    from sensorium_tf.settings import TrainingSettings

    def flat(settings):
        values = {}
        for name, value in settings.items():
            values |= flat(value) if isinstance(value, dict) else {name: value}
        return values

    chosen = flat(run.settings.to_json())
    plain = flat(TrainingSettings(recipe=run.settings.recipe, track=run.track).to_json())
    told = ["recipe", *(name for name in flat_fields(TrainingSettings) if name != "recipe")]
    parts = ["python launch/train.py"]
    for name in told:
        value = chosen[name]
        if (value != plain[name] or name in ("recipe", "mice", "track")) and value is not None:
            if isinstance(value, bool):
                parts.append(f"--{'' if value else 'no'}{name}")
                continue
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            parts.append(f"--{name}={shlex.quote(text)}")
    return " ".join([*parts, "--workdir=W"])


def table(rows: dict[str, Row], tier: str) -> str:
    """Returns the table as Markdown, and the commands under it."""
    from sensorium_tf.metrics import summarize

    baseline = next(iter(rows.values()))
    lines = [
        f"| model | single-trial correlation, tier {tier} | gain | seeds | images/s trained | "
        "predicted | parameters |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        summary = summarize({"single_trial_correlation": row.correlations})
        low, high = summary["intervals"]["single_trial_correlation"]
        mean = float(row.correlations.mean())
        gain = 100 * (mean / float(baseline.correlations.mean()) - 1)
        speed = "-" if row.trained is None else f"{row.trained:.0f}"
        seeds = ", ".join(f"{score:.3f}" for score in row.seeds)
        score = f"{mean:.3f} ({low:.3f} to {high:.3f}) | {gain:+.1f} %"
        speeds = f"{speed} | {row.predicted:.0f}"
        lines.append(f"| {name} | {score} | {seeds} | {speeds} | {row.parameters:,} |")
    lines += ["", "Each was trained by, and uses:", ""]
    lines += [f"- {name}: `{row.command}` ({row.label})" for name, row in rows.items()]
    return "\n".join(lines)


def between_marks(text: str, written: str) -> str:
    """Returns a page with a table in the place of the one that it has."""
    before, start, rest = text.partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    if not start or not end:
        return f"{written}\n"
    return f"{before}{MARKS[0]}\n\n{written}\n\n{MARKS[1]}{after}"


def main() -> None:
    """Measures the rows, and writes the table."""
    from sensorium_tf.errors import SensoriumError
    from sensorium_tf.io import atomic_write, expand
    from sensorium_tf.reading import read_json, reading

    with reading(expand(ROWS.value), "is not a list of rows", missing="there is no such file"):
        named = read_json(expand(ROWS.value))
        if not isinstance(named, dict) or not all(isinstance(v, list) for v in named.values()):
            raise ValueError("expected names, with a list of runs each")
    if not named or not all(named.values()):
        raise SensoriumError(f"{ROWS.value}: a row without runs: name one for each seed")
    rows = {name: measure(runs, TIER.value, cli.DATA_DIR.value) for name, runs in named.items()}
    sizes = {len(row.correlations) for row in rows.values()}
    if len(sizes) > 1:
        raise SensoriumError(f"{ROWS.value}: its runs are of other mice or neurons: use the same")
    path, written = expand(OUTPUT.value), table(rows, TIER.value)
    text = path.read_text("utf-8") if path.exists() else ""
    with atomic_write(path) as file:
        file.write(between_marks(text, written))
    print(json.dumps({name: row.seeds for name, row in rows.items()}))
    print(path)


if __name__ == "__main__":
    cli.run(main)
