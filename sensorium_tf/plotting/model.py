"""What a trained model has learned: rates, retinotopy, filters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.plotting.style import (
    BLUE,
    GREY,
    LABEL,
    TICK,
    WIDE,
    WIDTH,
    checked,
    new_figure,
    plain,
    set_title,
    side_by_side,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Of filters: columns, how much of a column is drawn on, and inches for the number above.
_MOST_COLUMNS, _SHARE, _NUMBER = 8, 0.87, 0.15


def responses_against_rates(
    responses: np.ndarray,
    rates: np.ndarray,
    *,
    correlations: np.ndarray,
    unit_ids: np.ndarray,
    title: str = "",
) -> Figure:
    """Shows recorded against predicted responses for neurons from the best to the median one.

    Each panel says the neuron's rank.

    Args:
        responses: `(trials, neurons)`, standardised.
        rates: `(trials, neurons)`.
        correlations: `(neurons,)`, which orders the neurons.
        unit_ids: `(neurons,)`.
        title: Above the panels.

    Raises:
        SensoriumError: If the shapes disagree, or a value is not a finite number.
    """
    responses, rates, correlations, unit_ids = checked(
        {
            "responses": (responses, "trials neurons"),
            "rates": (rates, "trials neurons"),
            "correlations": (correlations, "neurons"),
            "unit ids": (unit_ids, "neurons"),
        }
    )
    n_neurons = len(correlations)
    ranks = np.unique(np.linspace(0, n_neurons // 2, min(6, n_neurons)).astype(int))
    neurons = np.argsort(-correlations)[ranks]
    figure = new_figure(WIDE, 5)
    panels = figure.subplots(2, 3, squeeze=False).ravel()
    for axes, rank, neuron in zip(panels, ranks, neurons, strict=False):
        axes.plot(rates[:, neuron], responses[:, neuron], ".", color=BLUE, markersize=3, alpha=0.6)
        top = max(rates[:, neuron].max(), 1e-3)
        axes.plot([0, top], [0, top], color=GREY, linewidth=1, label="response = rate")
        axes.set_title(
            f"unit {unit_ids[neuron]}, rank {rank + 1} of {n_neurons}: "
            f"r = {correlations[neuron]:.2f}"
        )
        plain(axes)
        axes.title.set_fontsize(TICK)
    panels[0].legend(loc="upper left", frameon=False, fontsize=TICK)
    for axes in panels[len(neurons) :]:
        axes.set_axis_off()
    figure.supxlabel("predicted rate (std of responses)", fontsize=LABEL)
    figure.supylabel("recorded response (std)", fontsize=LABEL)
    set_title(figure, title)
    return figure


def receptive_field_positions(
    positions: np.ndarray, cell_motor_coordinates: np.ndarray, *, title: str = ""
) -> Figure:
    """Shows retinotopy: where neurons lie in cortex, coloured by where their readout looks.

    Args:
        positions: `(neurons, 2)`, readout positions (x, y), each in [-1, 1] over the feature map.
        cell_motor_coordinates: `(neurons, 2 or 3)`, micrometres.
        title: Above the panels.

    Raises:
        SensoriumError: If the shapes disagree, or a value is not a finite number.
    """
    cell_motor_coordinates = np.asarray(cell_motor_coordinates)[..., :2]
    positions, cell_motor_coordinates = checked(
        {
            "positions": (positions, "neurons 2"),
            "cell motor coordinates": (cell_motor_coordinates, "neurons 2"),
        }
    )
    colors = _two_dimensional_colors(positions)
    figure = new_figure(WIDE, 3.6)
    cortex, field = figure.subplots(1, 2)
    size = float(np.clip(3000 / len(positions), 4, 16))
    cortex.scatter(*cell_motor_coordinates.T, c=colors, s=size, linewidths=0)
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
        plain(axes)
    set_title(figure, title)
    return figure


def first_layer_filters(kernels: np.ndarray, *, n_channels: int = 1, title: str = "") -> Figure:
    """Shows the kernels of the first layer, the channels of the image side by side.

    Args:
        kernels: `(height, width, channels, filters)`; the image's channels come first.
        n_channels: How many channels the image has, such as 2 colours; the rest is not shown.
        title: Above the grid.

    Raises:
        SensoriumError: If the kernels have another shape or fewer channels, or a value is not a
            finite number.
    """
    (kernels,) = checked({"kernels": (kernels, "height width channels filters")})
    if not 1 <= n_channels <= kernels.shape[2]:
        raise SensoriumError(f"{n_channels} channels: the kernels have {kernels.shape[2]}")
    filters = side_by_side(np.moveaxis(kernels[:, :, :n_channels], -1, 0))
    columns = min(len(filters), max(1, _MOST_COLUMNS // n_channels))
    rows = -(-len(filters) // columns)
    # In inches: what a filter has of the figure, and what is drawn of it.
    across = WIDTH / max(columns, _MOST_COLUMNS // n_channels)
    shape = filters.shape[1] / filters.shape[2]
    down = across * shape + _NUMBER
    width, height = _SHARE * across, _SHARE * across * shape
    figure = new_figure(WIDTH, down * rows + 0.6)
    # One axes for all: with an axes for each, most of the time goes into them.
    axes = figure.add_subplot()
    axes.set_axis_off()
    for index, kernel in enumerate(filters):
        row, column = divmod(index, columns)
        left, bottom = (column + (1 - _SHARE) / 2) * across, -(row + 1) * down
        extent = (left, left + width, bottom, bottom + height)
        # One scale for all would hide the shape of the weaker ones.
        limit = np.nanmax(np.abs(kernel)) or 1.0
        axes.imshow(kernel, cmap="gray", vmin=-limit, vmax=limit, extent=extent)
        place = {"ha": "center", "va": "bottom", "fontsize": TICK}
        axes.text(left + width / 2, bottom + height, f"±{limit:.2g}", **place)
    margin = (WIDTH - columns * across) / 2
    axes.set(xlim=(-margin, WIDTH - margin), ylim=(-rows * down, 0))
    figure.supxlabel("weights from minus (black) to plus (white) the number above", fontsize=LABEL)
    set_title(figure, title)
    return figure


def _two_dimensional_colors(positions: np.ndarray) -> np.ndarray:
    """Returns a colour `(neurons, 3)` for each position: x from blue to orange, y to dark."""
    # A few neurons far out would leave one colour to the rest: colours span the central ones.
    low, high = np.percentile(positions, [2, 98], axis=0)
    x, y = np.clip((positions - low) / np.maximum(high - low, 1e-6), 0, 1).T[..., None]
    left, right = np.array([0.0, 0.45, 0.70]), np.array([0.95, 0.55, 0.10])
    return ((1 - x) * left + x * right) * (1.0 - 0.65 * y)
