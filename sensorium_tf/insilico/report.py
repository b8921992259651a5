"""Experiments on many neurons of a run: their files, figures and pages, and how they go on."""

import hashlib
import html
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.diverse import DiverseImages, diverse_exciting_images
from sensorium_tf.insilico.exciting import (
    BestNaturalImages,
    MostExcitingImages,
    best_natural_image,
    most_exciting_image,
)
from sensorium_tf.insilico.gabors import BestGabors, best_gabor
from sensorium_tf.insilico.maps import ReceptiveFieldMaps, receptive_fields
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.patches import (
    ContrastTuning,
    SizeTuning,
    contrast_tuning,
    size_tuning,
)
from sensorium_tf.insilico.results import Result
from sensorium_tf.insilico.settings import EXPERIMENTS, ExperimentSettings
from sensorium_tf.insilico.surrounds import SurroundImages, surround_image
from sensorium_tf.insilico.tracing import batches
from sensorium_tf.insilico.tuning import (
    OrientationTuning,
    SpatialFrequencyTuning,
    orientation_tuning,
    spatial_frequency_tuning,
)
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.metrics import correlation
from sensorium_tf.plotting import save_figure
from sensorium_tf.runs import Run, predict

# A batch of neurons is saved at once; what a killed command loses is one batch.
_BATCH = 16
_IMAGES = 30
_CALLS: dict[str, tuple[type[Result], Callable[..., Result], tuple[str, ...], dict]] = {
    "rf": (ReceptiveFieldMaps, receptive_fields, ("seed",), {"at": "natural", "n_images": _IMAGES}),
    "tuning": (OrientationTuning, orientation_tuning, ("seed",), {}),
    "frequency": (SpatialFrequencyTuning, spatial_frequency_tuning, (), {}),
    "gabor": (BestGabors, best_gabor, (), {}),
    "natural": (BestNaturalImages, best_natural_image, (), {}),
    "mei": (MostExcitingImages, most_exciting_image, ("steps", "n_starts", "seed"), {}),
    "lei": (MostExcitingImages, most_exciting_image, ("steps", "n_starts", "seed"), {"sign": -1}),
    "diverse": (DiverseImages, diverse_exciting_images, ("steps", "seed"), {}),
    "size": (SizeTuning, size_tuning, (), {}),
    "contrast": (ContrastTuning, contrast_tuning, (), {}),
    "surround": (SurroundImages, surround_image, ("steps", "seed"), {}),
}
# Experiments that begin with what another one found: its argument, and the other one.
_NEEDED = {
    "size": ("gabors", "gabor"),
    "contrast": ("gabors", "gabor"),
    "surround": ("centers", "mei"),
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; max-width: 60em; margin: 2em auto }}
img {{ max-width: 100% }} td, th {{ text-align: right; padding: 0 0.7em }}</style></head>
<body><h1>{title}</h1><p>{settings}</p><img src="{figure}" alt="{title}">
<table>{rows}</table></body></html>
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
    name. Neurons that the npz file holds already are not worked on again.

    Args:
        run: A run, or its workdir or model file.
        settings: Which experiments and neurons.
        output: The folder to write to.
        mouse: One of the model's; may be left out if there is one alone.

    Returns:
        The pages.

    Raises:
        SensoriumError: If an experiment cannot be done, or the folder holds others: of another
            model, or with other settings.
    """
    run, output = Run.of(run), expand(output)
    neurons = _neurons(run, settings, mouse)
    _claim(output, neurons, run)
    pages = []
    for name in settings.do:
        print(f"{EXPERIMENTS[name]}: {len(neurons)} neurons of {neurons.mouse}", flush=True)
        result = _resumed(run, neurons, name, settings, output / f"{name}.npz")
        save_figure(result.figure(), output / f"{name}.png")
        pages.append(output / f"{name}.html")
        with atomic_write(pages[-1]) as file:
            file.write(_page(result, name, neurons))
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
    trials = run.mouse(mouse).trials("validation")
    scores = correlation(predict(run.model, trials), trials.responses)
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


def _resumed(
    run: Run, neurons: Neurons, name: str, settings: ExperimentSettings, path: Path
) -> Result:
    """Returns the result of all the neurons, what is in the file among it."""
    kind, function, taken, fixed = _CALLS[name]
    given = {"steps": settings.steps, "n_starts": settings.starts, "seed": settings.seed}
    options = {**{each: given[each] for each in taken}, **fixed}
    found = kind.load(path) if path.exists() else None
    if found is not None:
        for option, value in options.items():
            if option != "n_images" and found.settings.get(option) != value:
                raise SensoriumError(
                    f"{path}: was made with {option} {found.settings.get(option)}, not {value}: "
                    "choose another --output"
                )
    done = () if found is None else found.columns
    left = neurons.columns[~np.isin(neurons.columns, done)]
    argument, other = _NEEDED.get(name, (None, None))
    if other is not None and len(left):
        needed = _resumed(run, neurons, other, settings, path.with_name(f"{other}.npz"))
    for rows in batches(len(left), _BATCH):
        if other is not None:
            options[argument] = needed.take(left[rows])
        print(f"  neurons {rows.start + 1} to {rows.stop} of {len(left)}", flush=True)
        batch = function(
            run, columns=left[rows], mouse=neurons.mouse, state=neurons.state, **options
        )
        found = batch if found is None else found.join(batch)
        found.save(path)
    return found.take(neurons.columns)


def _page(result: Result, name: str, neurons: Neurons) -> str:
    rows = result.rows()
    head = "".join(f"<th>{html.escape(key)}</th>" for key in rows[0])
    cells = [
        "".join(f"<td>{html.escape(_cell(each))}</td>" for each in row.values()) for row in rows
    ]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    told = "; ".join(f"{key} {value}" for key, value in result.settings.items() if value != {})
    return _PAGE.format(
        title=html.escape(f"{EXPERIMENTS[name].capitalize()} of {neurons.mouse}"),
        settings=html.escape(told),
        figure=f"{name}.png",
        rows=f"<tr>{head}</tr>{body}",
    )


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
