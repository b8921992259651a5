"""Figures of a trained model: data in, Matplotlib figure out.

Colours are told apart without colour vision (Okabe and Ito's palette).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_BLUE, _ORANGE, _GREEN, _GREY = "#0072B2", "#D55E00", "#009E73", "#777777"
_MODEL_COLORS = (_BLUE, _ORANGE, _GREEN)
_DPI = 150


def correlation_histogram(
    correlations: Mapping[str, np.ndarray], *, oracle: np.ndarray | None = None, title: str = ""
) -> Figure:
    """Shows how the single-trial correlation is spread over neurons.

    Args:
      correlations: model to its correlation of each neuron, `(neurons,)`; up to three models.
      oracle: that of the mean over the other repeats of the image, `(neurons,)`.
      title: above the axes.
    """
    figure = _figure(5, 3.2)
    axes = figure.add_subplot()
    shown = {**correlations, **({} if oracle is None else {"other repeats": oracle})}
    values = np.concatenate(list(shown.values()))
    bins = np.linspace(min(0.0, values.min()), max(values.max(), 0.1), 41)
    colors = dict(zip(correlations, _MODEL_COLORS, strict=False))
    for name, each in shown.items():
        color = colors.get(name, _GREY)
        axes.hist(each, bins, histtype="step", color=color, linewidth=1.5)
        axes.axvline(each.mean(), color=color, linestyle="--", linewidth=1)
        axes.plot([], [], color=color, label=f"{name}, mean {each.mean():.3f}")
    axes.set(xlabel="single-trial correlation", ylabel="neurons")
    axes.set_title(title, fontsize=10)
    axes.legend(frameon=False, fontsize=9)
    _plain(axes)
    return figure


def responses_against_rates(
    responses: np.ndarray,
    rates: np.ndarray,
    *,
    correlations: np.ndarray,
    unit_ids: np.ndarray,
    title: str = "",
) -> Figure:
    """Shows recorded against predicted responses for neurons from the best to the median one.

    Args:
      responses: `(trials, neurons)`, standardised.
      rates: `(trials, neurons)`.
      correlations: `(neurons,)`, which orders the neurons.
      unit_ids: `(neurons,)`.
      title: above the panels.
    """
    ranks = np.linspace(0, len(correlations) // 2, min(6, len(correlations))).astype(int)
    neurons = np.argsort(-correlations)[np.unique(ranks)]
    figure = _figure(7.5, 5)
    panels = figure.subplots(2, 3, squeeze=False).ravel()
    for axes, neuron in zip(panels, neurons, strict=False):
        axes.plot(rates[:, neuron], responses[:, neuron], ".", color=_BLUE, markersize=3, alpha=0.6)
        top = max(rates[:, neuron].max(), 1e-3)
        axes.plot([0, top], [0, top], color=_GREY, linewidth=1)
        axes.set_title(f"unit {unit_ids[neuron]}: r = {correlations[neuron]:.2f}", fontsize=9)
        _plain(axes)
    for axes in panels[len(neurons) :]:
        axes.set_axis_off()
    figure.supxlabel("predicted rate (std of responses)", fontsize=9)
    figure.supylabel("recorded response (std)", fontsize=9)
    figure.suptitle(title, fontsize=10)
    return figure


def receptive_field_positions(
    positions: np.ndarray, cell_motor_coordinates: np.ndarray, *, title: str = ""
) -> Figure:
    """Shows retinotopy: where neurons lie in cortex, coloured by where their readout looks.

    Args:
      positions: `(neurons, 2)`, readout positions (x, y), each in [-1, 1] over the feature map.
      cell_motor_coordinates: `(neurons, 2 or 3)`, micrometres.
      title: above the panels.
    """
    colors = _two_dimensional_colors(positions)
    figure = _figure(7.5, 3.6)
    cortex, field = figure.subplots(1, 2)
    size = float(np.clip(3000 / len(positions), 4, 16))
    cortex.scatter(*cell_motor_coordinates[:, :2].T, c=colors, s=size, linewidths=0)
    cortex.set(xlabel="cortex x (µm)", ylabel="cortex y (µm)", title="neurons in cortex")
    cortex.set_aspect("equal")
    field.scatter(*positions.T, c=colors, s=size, linewidths=0)
    field.set(
        xlabel="readout x (-1 left, 1 right)",
        ylabel="readout y (-1 top, 1 bottom)",
        title="their readout positions",
        xlim=(-1.05, 1.05),
        ylim=(1.05, -1.05),
        xticks=(-1, -0.5, 0, 0.5, 1),
        yticks=(-1, -0.5, 0, 0.5, 1),
    )
    for axes in (cortex, field):
        axes.title.set_fontsize(9)
        _plain(axes)
    figure.suptitle(title, fontsize=10)
    return figure


def first_layer_filters(kernels: np.ndarray, *, title: str = "") -> Figure:
    """Shows the image channel of the stem's kernels.

    Args:
      kernels: `(height, width, channels, filters)`; channel 0 is the image.
      title: above the grid.
    """
    filters = np.moveaxis(kernels[:, :, 0], -1, 0)
    columns = int(np.ceil(np.sqrt(len(filters))))
    rows = -(-len(filters) // columns)
    figure = _figure(5, 5 * rows / columns + 0.6)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.set_axis_off()
    # One scale for all would hide the shape of the weaker ones.
    for axes, kernel in zip(panels, filters, strict=False):
        limit = np.abs(kernel).max() or 1.0
        axes.imshow(kernel, cmap="gray", vmin=-limit, vmax=limit)
    figure.suptitle(title, fontsize=10)
    return figure


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Writes a figure as PNG.

    Raises:
      SensoriumError: if the file cannot be written.
    """
    with atomic_write(path, "wb") as file:
        figure.savefig(file, format="png", dpi=_DPI)


def _figure(width: float, height: float) -> Figure:
    # Figures made so need no display and no clean-up, unlike pyplot's.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _plain(axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.xaxis.label.set_size(9)
    axes.yaxis.label.set_size(9)


def _two_dimensional_colors(positions: np.ndarray) -> np.ndarray:
    """Returns a colour `(neurons, 3)` for each position: x from blue to orange, y to dark."""
    # A few neurons far out would leave one colour to the rest: colours span the central ones.
    low, high = np.percentile(positions, [2, 98], axis=0)
    x, y = np.clip((positions - low) / np.maximum(high - low, 1e-6), 0, 1).T[..., None]
    left, right = np.array([0.0, 0.45, 0.70]), np.array([0.95, 0.55, 0.10])
    return ((1 - x) * left + x * right) * (1.0 - 0.65 * y)
