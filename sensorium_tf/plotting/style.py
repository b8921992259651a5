"""What all figures share: sizes, colours, checks, and how they are saved."""

from __future__ import annotations

import functools
import io
import os
import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import atomic_write
from sensorium_tf.settings import FIGURE_FORMATS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, whose colours are told apart without colour vision.
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
MODEL_COLORS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#777777"
# Of values on a scale; its lightness rises evenly, whatever colours an eye sees.
COLORMAP = "cividis"
WIDTH, WIDE = 5.0, 7.5
TITLE, LABEL, TICK = 10, 9, 8

# Of what is printed: journals ask for 300.
_DPI = 300
# What would be the time of writing in a format.
_TIMES = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
_SHOWN_DPI = 110
# Of an inch, at a size of one: letters are on average so wide; beside its text a legend has a mark.
_LETTER, _MARK = 0.58 / 72, 0.6
# Share of a figure's width; axes are not in its middle.
_ROOM = 0.92


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of a size in inches; as the last line of a cell it is shown."""
    # Figures made so need no display and no clean-up, unlike pyplot's.
    return _shown_figure()(figsize=(width, height), layout="constrained")


@functools.cache
def _shown_figure() -> type[Figure]:
    from matplotlib.figure import Figure

    class ShownFigure(Figure):
        """Notebooks show Matplotlib's own figures only where pyplot has been imported."""

        def _repr_png_(self) -> bytes:
            with io.BytesIO() as file:
                self.savefig(file, format="png", dpi=_SHOWN_DPI)
                return file.getvalue()

    return ShownFigure


def plain(axes: Axes) -> None:
    """Leaves of the frame what is read, in the sizes of all figures."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=TICK)
    axes.title.set_fontsize(LABEL)
    axes.xaxis.label.set_size(LABEL)
    axes.yaxis.label.set_size(LABEL)


def wrapped(text: str, width: float, size: int) -> str:
    """Returns a text in as many lines as a width in inches needs; its names may be of any length.

    Args:
        text: What is written.
        width: For it, in inches.
        size: Of its letters.
    """
    most = max(1, int(width / (_LETTER * size)))
    return "\n".join(textwrap.fill(line, most) for line in text.split("\n"))


def set_title(figure: Figure, text: str, axes: Axes | None = None) -> None:
    """Writes a title above a figure, or its axes, in lines that the figure has room for."""
    write = figure.suptitle if axes is None else axes.set_title
    write(wrapped(text, _ROOM * figure.get_figwidth(), TITLE), fontsize=TITLE)


def legend_options(axes: Axes, most: int) -> dict[str, Any]:
    """Returns the options of a legend that the figure has room for.

    Args:
        axes: Whose curves it names.
        most: Columns, of short names.
    """
    handles, labels = axes.get_legend_handles_labels()
    room = _ROOM * axes.get_figure().get_figwidth()
    widths = [_MARK + _LETTER * TICK * len(label) for label in labels]
    columns = next(
        (
            number
            for number in range(most, 1, -1)
            if sum(max(part, default=0) for part in np.array_split(widths, number)) <= room
        ),
        1,
    )
    labels = [wrapped(label, room - _MARK, TICK) for label in labels]
    return {
        "handles": handles,
        "labels": labels,
        "ncols": columns,
        "frameon": False,
        "fontsize": TICK,
    }


def legend_below(axes: Axes) -> None:
    """Names the curves below the axes: those of many models leave no corner free."""
    axes.legend(**legend_options(axes, 2), loc="upper center", bbox_to_anchor=(0.5, -0.2))


def color_bar(figure: Figure, shown, axes: Axes | Sequence[Axes], label: str, **options) -> None:
    """Draws the scale of what is shown in colours beside the axes."""
    bar = figure.colorbar(shown, ax=axes, **options)
    bar.set_label(label, fontsize=LABEL)
    bar.ax.tick_params(labelsize=TICK)
    bar.outline.set_visible(False)


def model_colors(models: Collection[str]) -> dict[str, str]:
    """Returns a colour for each model.

    Raises:
        SensoriumError: If there is none, or more than can be told apart.
    """
    if not models:
        raise SensoriumError("a figure of models needs one model or more. Received: none")
    if len(models) > len(MODEL_COLORS):
        raise SensoriumError(
            f"{len(models)} models: more than {len(MODEL_COLORS)} cannot be told apart, show fewer"
        )
    return dict(zip(models, MODEL_COLORS, strict=False))


def checked(
    arrays: Mapping[str, tuple[ArrayLike, str]], *, with_nan: Collection[str] = ()
) -> list[np.ndarray]:
    """Returns arrays whose axes fit together.

    Args:
        arrays: Name for messages to an array and its axes such as `"trials neurons"`: a word stands
            for one length wherever it is used, a number for itself.
        with_nan: Names of those that may hold NaN.

    Raises:
        SensoriumError: If an array has another shape, nothing in it, or values that are not finite
            numbers.
    """
    lengths: dict[str, int] = {}
    found = []
    for name, (values, text) in arrays.items():
        values, axes = np.asarray(values), text.split()
        expected = [int(axis) if axis.isdigit() else lengths.get(axis) for axis in axes]
        if len(axes) != values.ndim or any(
            length not in (None, given)
            for length, given in zip(expected, values.shape, strict=True)
        ):
            known = [
                axis if length is None or axis.isdigit() else f"{axis} {length}"
                for axis, length in zip(axes, expected, strict=True)
            ]
            raise SensoriumError(f"{name}: shape {values.shape}, expected ({', '.join(known)})")
        if not values.size:
            raise SensoriumError(f"{name}: shape {values.shape}, there is nothing to show")
        if values.dtype.kind not in "biuf":
            raise SensoriumError(f"{name}: {values.dtype} values, expected numbers")
        finite = ~np.isinf(values) if name in with_nan else np.isfinite(values)
        if not finite.all():
            raise SensoriumError(f"{name}: NaN or infinity cannot be shown")
        lengths.update(zip(axes, values.shape, strict=True))
        found.append(values)
    return found


def side_by_side(images: np.ndarray) -> np.ndarray:
    """Lays the channels of images beside each other, with a gap that is not drawn (NaN).

    Args:
        images: `(images, height, width, channels)`.

    Returns:
        `(images, height, total width)`.
    """
    gap = np.full((*images.shape[:2], max(1, images.shape[2] // 16)), np.nan)
    first, *others = np.moveaxis(images, -1, 0)
    return np.concatenate([first, *(part for each in others for part in (gap, each))], axis=2)


def check_figure_format(figure_format: str) -> None:
    """Raises SensoriumError unless figures can be written in a format."""
    if figure_format not in FIGURE_FORMATS:
        known = hint(figure_format, FIGURE_FORMATS)
        raise SensoriumError(f"figure_format {figure_format!r}: {known}")


def save_figure(figure: Figure, path: str | os.PathLike) -> None:
    """Writes a figure in the format that the suffix of the file says.

    Equal figures give equal files, and text in PDF and SVG stays text.

    Args:
        figure: Of this package, or any of Matplotlib's.
        path: Ends in `.png` (300 dots an inch), `.pdf` or `.svg`.

    Raises:
        SensoriumError: If the suffix is another one, or the file cannot be written.
    """
    import matplotlib

    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in FIGURE_FORMATS:
        known = ", ".join(f".{each}" for each in FIGURE_FORMATS)
        raise SensoriumError(f"{path}: expected a file name that ends in one of {known}")
    options = {"pdf.fonttype": 42, "svg.fonttype": "none", "svg.hashsalt": "sensorium_tf"}
    with matplotlib.rc_context(options), atomic_write(path, "wb") as file:
        if suffix == "png":
            _write_png(figure, file)
        else:
            figure.savefig(file, format=suffix, dpi=_DPI, metadata=_TIMES[suffix])


def _write_png(figure: Figure, file: BinaryIO) -> None:
    """Writes what `savefig` would, but draws once: it draws a first time for the layout alone."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    shown_on, dpi = figure.canvas, figure.dpi
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(_DPI)
    try:
        canvas.print_png(file)
    finally:
        figure.set_dpi(dpi)
        figure.set_canvas(shown_on)
