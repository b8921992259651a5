"""Figures that experiments share: an image, a movie or a curve a neuron."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.plotting.style import BLUE, GREY, ORANGE, TICK, WIDE, new_figure, plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# More are not told apart on a page.
_MOST = 40
_COLUMNS = 5
# Of a movie, in a row; their distance is a share of their width.
_FRAMES, _BETWEEN = 10, 1 / 16


def panels(
    n_panels: int, *, aspect: float, columns: int = _COLUMNS, fewest: int = 3
) -> tuple[Figure, list[Axes]]:
    """Returns a figure of equal axes, at most 40, in rows.

    Args:
        n_panels: How many are wanted.
        aspect: Height of each, of its width.
        columns: In a row.
        fewest: So many in a row would fill the width.
    """
    n_panels = min(n_panels, _MOST)
    n_columns = min(n_panels, columns)
    n_rows = -(-n_panels // n_columns)
    panel_width = WIDE / max(n_columns, fewest)
    figure = new_figure(panel_width * n_columns, n_rows * (panel_width * aspect + 0.3))
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    for unused in axes[n_panels:]:
        unused.remove()
    return figure, list(axes[:n_panels])


def image_panels(
    images: np.ndarray,
    titles: Sequence[str],
    *,
    limits: tuple[float, float] | None = None,
    places: np.ndarray | None = None,
    columns: int = _COLUMNS,
) -> Figure:
    """Shows an image a neuron, of the first 40.

    Args:
        images: `(neurons, height, width, channels)`; channels are averaged.
        titles: Of each.
        limits: Values shown black and white; if None each image's largest value, either way.
        places: `(neurons, 2)`, column and row of a point to mark.
        columns: Images in a row.
    """
    figure, axes = panels(len(images), aspect=images.shape[1] / images.shape[2], columns=columns)
    for number, each in enumerate(axes):
        _show(each, images[number].mean(-1), limits)
        each.set_title(titles[number], fontsize=TICK)
        if places is not None:
            view = each.axis()
            each.plot(*places[number], "+", color=ORANGE)
            each.axis(view)
    return figure


def movie_panels(
    movies: np.ndarray, titles: Sequence[str], *, limits: tuple[float, float] | None = None
) -> Figure:
    """Shows a movie a neuron, of the first 40: at most 10 frames in a row, evenly spaced.

    Args:
        movies: `(neurons, frames, height, width, channels)`; channels are averaged.
        titles: Of each.
        limits: Values shown black and white; if None each movie's largest value, either way.
    """
    n_frames, height, width = movies.shape[1:4]
    every = -(-n_frames // _FRAMES)
    # Frames are counted from the last one, which a rate is of.
    shown = np.arange(n_frames)[::-every][::-1]
    gap = np.full((height, max(1, round(width * _BETWEEN))), np.nan)
    row_width = len(shown) * (width + gap.shape[1])
    figure, axes = panels(len(movies), aspect=height / row_width, columns=1, fewest=1)
    for number, each in enumerate(axes):
        frames = [part for frame in shown for part in (gap, movies[number, frame].mean(-1))]
        _show(each, np.concatenate(frames[1:], axis=1), limits)
        each.set_title(titles[number], fontsize=TICK, loc="left")
    which = "every frame" if every == 1 else f"frames {every} apart"
    figure.supxlabel(f"{which}, the last one at the right", fontsize=TICK)
    return figure


def curve_panels(
    positions: np.ndarray,
    curves: np.ndarray,
    titles: Sequence[str],
    *,
    label: str,
    marks: np.ndarray | None = None,
    logarithmic: bool = False,
    ticks: Sequence[float] | None = None,
) -> Figure:
    """Shows a curve a neuron, of the first 40.

    Args:
        positions: `(positions,)`.
        curves: `(neurons, positions)`, rates.
        titles: Of each.
        label: Of the positions.
        marks: `(neurons,)`, a position to mark.
        logarithmic: Whether positions are spaced by their ratio.
        ticks: Positions to write; those that Matplotlib finds if left out.
    """
    figure, axes = panels(len(curves), aspect=0.8)
    for number, each in enumerate(axes):
        each.plot(positions, curves[number], ".-", color=BLUE)
        each.set_ylim(0, 1.1 * curves[number].max() or None)
        each.set_title(titles[number])
        if ticks is not None:
            each.set_xticks(ticks)
        if logarithmic:
            each.set_xscale("log")
            # Those between them would be written into each other.
            few = positions[:: max(1, len(positions) // 2)]
            each.set_xticks(few, [f"{value:.3g}" for value in few])
            each.minorticks_off()
        if marks is not None and np.isfinite(marks[number]):
            each.axvline(marks[number], color=GREY, linewidth=0.8, linestyle=":")
        plain(each)
    figure.supxlabel(label, fontsize=TICK)
    figure.supylabel("rate", fontsize=TICK)
    return figure


def _show(axes: Axes, image: np.ndarray, limits: tuple[float, float] | None) -> None:
    """Shows an image `(height, width)`; NaN stays white."""
    largest = np.nanmax(np.abs(image)) or 1.0
    low, high = limits or (-largest, largest)
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_axis_off()
