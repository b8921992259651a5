"""Experiments on many neurons of a run: their files, figures and pages, and how they go on."""

import hashlib
import html
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.ascent import Projection
from sensorium_tf.insilico.experiment import check_stimulus
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.results import Result
from sensorium_tf.insilico.saved import Saved
from sensorium_tf.insilico.settings import EXPERIMENTS, MOVIE_EXPERIMENTS, ExperimentSettings
from sensorium_tf.insilico.tracing import batches
from sensorium_tf.insilico.verbs import VERBS, WHOLE_VERBS, WholeVerb
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.metrics import correlation
from sensorium_tf.plotting import save_figure
from sensorium_tf.runs import Run, predict

_INDEX = "index.html"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto }}
img {{ max-width: 100% }} td, th {{ text-align: right; padding: 0 0.7em }}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""


def run_experiments(
    run: Run | str | os.PathLike,
    settings: ExperimentSettings,
    output: str | os.PathLike,
    *,
    mouse: str | None = None,
) -> list[Path]:
    """Does experiments on some neurons of a run, batch by batch, and goes on where it was ended.

    Each experiment has an npz file (`Result.load`), a figure (PNG) and a page (HTML) under its
    name; the page `index.html` has the figures of all that are in the folder. Neurons that the npz
    file holds already are not worked on again.

    Args:
        run: A run, or its workdir or model file.
        settings: Which experiments and neurons.
        output: The folder to write to.
        mouse: One of the model's; may be left out if there is one alone.

    Returns:
        The pages, `index.html` last.

    Raises:
        SensoriumError: If an experiment cannot be done, or the folder holds others: of another
            model, or with other settings.
    """
    run, output = Run.of(run), expand(output)
    neurons = _neurons(run, settings, mouse)
    names = settings.experiments(movies=neurons.inputs.time)
    for name in names:
        check_stimulus(
            name,
            neurons,
            movies=name in MOVIE_EXPERIMENTS,
            instead=f"--do={','.join(MOVIE_EXPERIMENTS)}",
        )
    _claim(output, neurons, run)
    pages = []
    for name in names:
        path = output / f"{name}.npz"
        if name in WHOLE_VERBS:
            print(f"{EXPERIMENTS[name]}: {neurons.mouse}", flush=True)
            result = _whole(run, neurons, WHOLE_VERBS[name], path)
        else:
            print(f"{EXPERIMENTS[name]}: {len(neurons)} neurons of {neurons.mouse}", flush=True)
            result = _resumed(neurons, name, settings, path)
        save_figure(result.figure(), output / f"{name}.png")
        pages.append(output / f"{name}.html")
        _write(pages[-1], _title(name, neurons), _page(result, name))
    pages.append(output / _INDEX)
    _write(pages[-1], f"Experiments on {neurons.mouse}", _index(output))
    return pages


def best_columns(run: Run, mouse: str | None, number: int) -> np.ndarray:
    """Returns the columns of the neurons whose validation responses a run predicts best.

    Args:
        run: Whose recording is at hand.
        mouse: Which of its mice.
        number: How many neurons.

    Returns:
        `(number,)`, best first; all neurons if there are no more.
    """
    trials = run.mouse(mouse).trials(run.challenge.validation_tier)
    scores = correlation(predict(run.model, trials), trials.rows().responses)
    return np.argsort(-scores, kind="stable")[:number]


def _neurons(run: Run, settings: ExperimentSettings, mouse: str | None) -> Neurons:
    if settings.best is not None:
        return Neurons(run, columns=best_columns(run, mouse, settings.best), mouse=mouse)
    if settings.unit_ids:
        return Neurons(run, list(settings.unit_ids), mouse=mouse)
    return Neurons(run, columns=list(settings.columns), mouse=mouse)


def _claim(output: Path, neurons: Neurons, run: Run) -> None:
    """Refuses a folder with experiments on another model; else leaves there which one it is."""
    content = hashlib.sha256(neurons.mouse.encode())
    for weight in run.model.weights:
        content.update(np.asarray(weight).tobytes())
    file, known = output / "model.txt", content.hexdigest()[:16]
    if file.is_file():
        if file.read_bytes()[:100] != f"{known}\n".encode():
            raise SensoriumError(
                f"{output}: holds experiments on another model or mouse: choose another --output"
            )
        return
    with atomic_write(file) as opened:
        opened.write(f"{known}\n")


def _resumed(neurons: Neurons, name: str, settings: ExperimentSettings, path: Path) -> Result:
    """Returns the result of all the neurons, what is in the file among it."""
    verb = VERBS[name]
    options = verb.options(settings)
    if "norm" in options:
        options["norm"] = Projection(neurons, options["norm"], verb.shape(neurons)).norm
    found = verb.kind.load(path) if path.exists() else None
    if found is not None:
        _check_settings(found, options, path)
    done = () if found is None else found.columns
    left = neurons.columns[~np.isin(neurons.columns, done)]
    needed, argument = None, None
    if verb.begins_with is not None:
        argument, other = verb.begins_with
        before = path.with_name(f"{other}.npz")
        if found is not None and not before.exists():
            raise SensoriumError(
                f"{path}: {before.name}, which it was made of, is not there: choose another "
                "--output"
            )
        # With other settings, what was made of it is another one too, even if it is all there.
        needed = _resumed(neurons, other, settings, before)
    # A batch is saved at once; what a killed command loses is one batch.
    for rows in batches(len(left), verb.batch):
        if needed is not None:
            options[argument] = needed.take(left[rows])
        print(f"  neurons {rows.start + 1} to {rows.stop} of {len(left)}", flush=True)
        batch = verb.function(neurons.only(left[rows]), **options)
        found = batch if found is None else found.join(batch)
        found.save(path)
    return found.take(neurons.columns)


def _check_settings(found: Result, options: Mapping[str, Any], path: Path) -> None:
    """Raises SensoriumError if a result was made with other options."""
    for option, value in options.items():
        known = found.settings.get(option)
        # Fewer images than asked for are the result's own.
        if option != "n_images" and known != value:
            raise SensoriumError(
                f"{path}: was made with {option} {known}, not {value}: choose another --output"
            )


def _whole(run: Run, neurons: Neurons, verb: WholeVerb, path: Path) -> Saved:
    """Returns the result of all neurons of the mouse, from the file if it is there."""
    if path.exists():
        return verb.kind.load(path)
    found = verb.function(run, Neurons(run, mouse=neurons.mouse, state=neurons.state))
    found.save(path)
    return found


def _write(path: Path, title: str, body: str) -> None:
    with atomic_write(path) as file:
        file.write(_PAGE.format(title=html.escape(title), body=body))


def _title(name: str, neurons: Neurons) -> str:
    return f"{EXPERIMENTS[name].capitalize()} of {neurons.mouse}"


def _page(result: Saved, name: str) -> str:
    columns = result.rows().columns()
    head = "".join(f"<th>{html.escape(key)}</th>" for key in columns)
    rows = [
        "".join(f"<td>{html.escape(_cell(each))}</td>" for each in row)
        for row in zip(*columns.values(), strict=True)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in (head, *rows))
    told = "; ".join(f"{key} {value}" for key, value in result.settings.items() if value != {})
    return (
        f'<p><a href="{_INDEX}">All experiments</a></p><p>{html.escape(told)}</p>'
        f'<img src="{name}.png" alt="{EXPERIMENTS[name]}"><table>{body}</table>'
    )


def _index(output: Path) -> str:
    """Returns the figures of all experiments that a folder holds, each with its page."""
    done = [name for name in EXPERIMENTS if (output / f"{name}.html").is_file()]
    return "".join(
        f'<h2><a href="{name}.html">{EXPERIMENTS[name].capitalize()}</a></h2>'
        f'<img src="{name}.png" alt="{EXPERIMENTS[name]}">'
        for name in done
    )


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
