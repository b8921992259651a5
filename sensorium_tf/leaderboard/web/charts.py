"""Drawings of the pages, as SVG whose colours the style sheet has."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

_WIDTH, _HEIGHT = 160, 16
_PLOT_WIDTH, _PLOT_HEIGHT, _MARGIN = 480, 160, 24


def span(values: Sequence[float | None]) -> tuple[float, float]:
    """Returns the range that holds some values, 0 among them, and is not empty."""
    known = [0.0, *(value for value in values if value is not None)]
    low, high = min(known), max(known)
    return (low, high) if high > low else (low, low + 1)


def interval(score: Mapping[str, Any], range_: tuple[float, float], label: str) -> Markup:
    """Draws a score with its interval.

    Args:
        score: With `value`, `low` and `high`.
        range_: What the width of the drawing spans.
        label: Whose it is; it stands before the numbers for those who do not see the drawing.
    """
    start, end = range_

    def x(value: float) -> str:
        return f"{4 + (_WIDTH - 8) * (value - start) / (end - start):.1f}"

    if score["value"] is None:
        return Markup()
    middle = _HEIGHT // 2
    drawn = Markup()
    label = f"{label}: {score['value']}"
    if score["low"] is not None:
        label += f", 95 % interval {score['low']} to {score['high']}"
        drawn = Markup('<line class="interval" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
            x(score["low"]), x(score["high"]), middle, middle
        )
    return Markup(
        '<svg class="small" viewBox="0 0 {} {}" width="{}" height="{}" role="img" '
        'aria-label="{}"><title>{}</title><line class="zero" x1="{}" x2="{}" y1="0" y2="{}"/>{}'
        '<circle class="mean" cx="{}" cy="{}" r="3"/></svg>'
    ).format(
        _WIDTH,
        _HEIGHT,
        _WIDTH,
        _HEIGHT,
        label,
        label,
        x(0.0),
        x(0.0),
        _HEIGHT,
        drawn,
        x(score["value"]),
        middle,
    )


def histogram(distribution: Mapping[str, Sequence[float]], label: str) -> Markup:
    """Draws how many neurons lie where.

    Args:
        distribution: `edges` of the bins and `counts`.
        label: For those who do not see it.
    """
    edges, counts = distribution["edges"], distribution["counts"]
    if not counts:
        return Markup("<p>no neuron counts</p>")
    width, most = _PLOT_WIDTH / len(counts), max(counts)
    bars = Markup().join(
        Markup(
            '<rect class="bar" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
        ).format(
            f"{i * width + 1:.1f}",
            f"{_PLOT_HEIGHT * (1 - n / most):.1f}",
            f"{width - 2:.1f}",
            f"{_PLOT_HEIGHT * n / most:.1f}",
            f"{n} neurons from {edges[i]} to {edges[i + 1]}",
        )
        for i, n in enumerate(counts)
    )
    ends = Markup().join(
        Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(
            place, _PLOT_HEIGHT + 16, anchor, edge
        )
        for place, anchor, edge in ((0, "start", edges[0]), (_PLOT_WIDTH, "end", edges[-1]))
    )
    return Markup(
        '<svg class="plot" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>'
    ).format(_PLOT_WIDTH, _PLOT_HEIGHT + _MARGIN, label, bars, ends)
