"""What was recorded: images, responses, behavior, and where the neurons are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.plotting.style import (
    BLUE,
    COLORMAP,
    GREY,
    LABEL,
    TICK,
    WIDE,
    WIDTH,
    checked,
    color_bar,
    new_figure,
    plain,
    set_title,
    side_by_side,
)
from sensorium_tf.specs import RecordingSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_IMAGES = 12
_MOST_MAPS = 4  # of depths


def images_with_responses(images: np.ndarray, responses: np.ndarray, *, title: str = "") -> Figure:
    """Shows a few images, each beside the population's response to it.

    Args:
        images: `(trials, height, width)` or `(trials, height, width, channels)`, up to 12 of them;
            channels, such as colours, are shown side by side.
        responses: `(trials, neurons)`, standardised.
        title: Above them.

    Raises:
        SensoriumError: If the shapes disagree, a value is not a finite number, or there are too
            many images.
    """
    images = np.asarray(images)
    axes = "trials height width channels" if images.ndim == 4 else "trials height width"
    images, responses = checked(
        {"images": (images, axes), "responses": (responses, "trials neurons")}
    )
    n_images, n_neurons = responses.shape
    if n_images > _MOST_IMAGES:
        raise SensoriumError(f"{n_images} images: choose up to {_MOST_IMAGES}")
    figure = new_figure(WIDE, 1.05 * n_images + 0.7)
    panels = figure.subplots(n_images, 2, squeeze=False, width_ratios=(1, 3))
    # One grey scale and one response scale for all: images and responses can be compared.
    grey = {"vmin": images.min(), "vmax": max(images.max(), images.min() + 1e-6)}
    if images.ndim == 4:
        images = side_by_side(images)
    top = max(float(responses.max()), 1e-3) * 1.05
    for (left, right), image, response in zip(panels, images, responses, strict=True):
        left.imshow(image, cmap="gray", **grey)
        left.set_axis_off()
        right.vlines(
            np.arange(n_neurons),
            0,
            response,
            color=BLUE,
            linewidth=float(np.clip(300 / n_neurons, 0.25, 3)),
            rasterized=n_neurons > 1000,
        )
        right.set(xlim=(-0.5, n_neurons - 0.5), ylim=(min(0.0, float(responses.min())), top))
        right.locator_params(axis="y", nbins=3)
        right.set_ylabel("response (std)")
        plain(right)
        right.yaxis.label.set_size(TICK)
        right.tick_params(labelbottom=right is panels[-1, 1])
    panels[-1, 1].set_xlabel("neuron", fontsize=LABEL)
    set_title(figure, title)
    return figure


def response_raster(
    responses: np.ndarray, *, n_neurons: int = 200, n_trials: int = 200, title: str = ""
) -> Figure:
    """Shows the responses of neurons, spread over the population, in the first trials.

    Neurons that respond alike lie side by side: they are ordered by their weight in the first
    principal component of the standardised responses shown.

    Args:
        responses: `(trials, neurons)`, standardised.
        n_neurons: At most so many are shown.
        n_trials: At most so many are shown.
        title: Above the axes.

    Raises:
        SensoriumError: If the responses have another shape, or a value is not a finite number.
    """
    (responses,) = checked({"responses": (responses, "trials neurons")})
    if n_neurons < 1 or n_trials < 1:
        raise SensoriumError(f"a raster of {n_neurons} neurons and {n_trials} trials: show some")
    among = responses.shape[1]
    chosen = np.linspace(0, among - 1, min(n_neurons, among)).round().astype(int)
    shown = responses[:n_trials, chosen].astype(np.float64)
    scores = (shown - shown.mean(axis=0)) / np.maximum(shown.std(axis=0), 1e-8)
    weights = np.linalg.svd(scores, full_matrices=False)[2][0]
    # The sign of a component is arbitrary: the strongest neuron comes first.
    weights *= np.sign(weights[np.argmax(np.abs(weights))])
    shown = shown[:, np.argsort(-weights, kind="stable")].T
    figure = new_figure(WIDTH, 3.8)
    axes = figure.add_subplot()
    # A few strong responses would leave the rest white.
    drawn = axes.imshow(
        shown,
        cmap="Greys",
        vmin=0,
        vmax=max(float(np.percentile(shown, 99)), 1e-3),
        aspect="auto",
        interpolation="nearest",
    )
    axes.set(
        xlabel="trial", ylabel=f"neuron ({len(shown)} of {among}, by first principal component)"
    )
    plain(axes)
    color_bar(figure, drawn, axes, "response (std)", extend="max")
    set_title(figure, title, axes)
    return figure


def signal_traces(
    signals: Mapping[str, np.ndarray],
    *,
    recording: RecordingSpec | None = None,
    n_trials: int = 500,
    title: str = "",
) -> Figure:
    """Shows signals that were recorded beside the responses, such as behavior, trial by trial.

    Args:
        signals: Signal to its values `(trials, columns)`, in units of their standard deviations;
            each column gets a panel.
        recording: Names the columns; they are numbered if left out.
        n_trials: At most so many are shown, the first ones.
        title: Above the traces.

    Raises:
        SensoriumError: If there are no signals, their trials disagree, or a value is not a finite
            number.
    """
    if n_trials < 1:
        raise SensoriumError(f"traces over {n_trials} trials: show some")
    if not signals:
        raise SensoriumError("traces: no signal to show; does the recording withhold them?")
    arrays = checked({name: (each, f"trials {name}") for name, each in signals.items()})
    traces = {
        label: column
        for name, each in zip(signals, arrays, strict=True)
        for label, column in zip(_labels(name, each.shape[1], recording), each.T, strict=True)
    }
    figure = new_figure(WIDE, 0.95 * len(traces) + 0.7)
    panels = figure.subplots(len(traces), 1, sharex=True, squeeze=False).ravel()
    for axes, (label, values) in zip(panels, traces.items(), strict=True):
        axes.plot(values[:n_trials], color=BLUE, linewidth=0.8)
        axes.set_ylabel(f"{label}\n(std)")
        axes.margins(x=0.01)
        axes.locator_params(axis="y", nbins=4)
        plain(axes)
        axes.yaxis.label.set_size(TICK)
    figure.align_ylabels(panels)
    panels[-1].set_xlabel("trial", fontsize=LABEL)
    set_title(figure, title)
    return figure


def _labels(signal: str, n_columns: int, recording: RecordingSpec | None) -> list[str]:
    """Returns what the columns of a signal are called."""
    name = signal.replace("_", " ")
    known = recording[signal].columns if recording is not None and signal in recording else ()
    if len(known) == n_columns:
        return [f"{name}:\n{column}" for column in known]
    return [f"{name} {n + 1}" for n in range(n_columns)] if n_columns > 1 else [name]


def neurons_in_cortex(
    cell_motor_coordinates: np.ndarray, values: np.ndarray, *, label: str, title: str = ""
) -> Figure:
    """Shows where neurons lie in cortex, a map for each range of depth, coloured by a value.

    Args:
        cell_motor_coordinates: `(neurons, 3)`, micrometres, the third one depth.
        values: `(neurons,)`; neurons of which it is NaN are grey. The colours span the central 96
            %.
        label: What the value is.
        title: Above the maps.

    Raises:
        SensoriumError: If the shapes disagree, or a coordinate is not a finite number.
    """
    coordinates, values = checked(
        {
            "cell motor coordinates": (cell_motor_coordinates, "neurons 3"),
            "values": (values, "neurons"),
        },
        with_nan=("values",),
    )
    known = ~np.isnan(values)
    low, high = np.percentile(values[known], [2, 98]) if known.any() else (0, 1)
    depth = coordinates[:, 2]
    ranges = _depth_ranges(depth)
    columns = min(len(ranges), 2)
    rows = -(-len(ranges) // columns)
    figure = new_figure(WIDTH if columns == 1 else WIDE, 2.7 * rows + 0.8)
    maps = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    size = float(np.clip(6000 / len(values), 1.5, 20))
    for axes, (top, bottom) in zip(maps, ranges, strict=False):
        inside = (depth >= top) & (depth <= bottom)
        axes.scatter(*coordinates[inside & ~known, :2].T, c=GREY, s=size, linewidths=0, alpha=0.4)
        drawn = axes.scatter(
            *coordinates[inside & known, :2].T,
            c=values[inside & known],
            cmap=COLORMAP,
            vmin=low,
            vmax=high,
            s=size,
            linewidths=0,
            rasterized=len(values) > 1000,
        )
        axes.set_title(f"{_depths(top, bottom)} µm deep", fontsize=LABEL)
        axes.set_aspect("equal")
        axes.locator_params(nbins=4)
        plain(axes)
    for axes in maps[len(ranges) :]:
        axes.set_axis_off()
    figure.supxlabel("cortex x (µm)", fontsize=LABEL)
    figure.supylabel("cortex y (µm)", fontsize=LABEL)
    color_bar(figure, drawn, maps, label, shrink=0.8, extend="both")
    set_title(figure, title)
    return figure


def _depth_ranges(depth: np.ndarray) -> list[tuple[float, float]]:
    """Returns the ranges of depth of which there are maps, the least deep first.

    Imaging planes have one each, where there are few; otherwise each has as many neurons.
    """
    planes = np.unique(depth)
    if len(planes) <= _MOST_MAPS:
        return [(plane, plane) for plane in planes]
    tops = np.unique([part[0] for part in np.array_split(np.sort(depth), _MOST_MAPS)])
    bottoms = [*(planes[np.searchsorted(planes, top) - 1] for top in tops[1:]), planes[-1]]
    return list(zip(tops, bottoms, strict=True))


def _depths(top: float, bottom: float) -> str:
    return f"{top:.0f}" if round(top) == round(bottom) else f"{top:.0f} to {bottom:.0f}"
