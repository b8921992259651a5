"""Scores of models: spread over neurons, side by side, and against the number of trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.metrics import CONFIDENCE, ORACLE, bootstrap_interval
from sensorium_tf.plotting.style import (
    BLUE,
    GREY,
    LABEL,
    TICK,
    WIDE,
    WIDTH,
    checked,
    legend_below,
    legend_options,
    model_colors,
    new_figure,
    plain,
    set_title,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SCORE = "single-trial correlation"
# From one tick to the next, to the widest range that has them so.
_TICKS = {0.05: 0.25, 0.1: 0.5, 0.2: 1.2, 0.5: np.inf}


def correlation_histogram(
    correlations: Mapping[str, np.ndarray], *, oracle: np.ndarray | None = None, title: str = ""
) -> Figure:
    """Shows how the single-trial correlation of one mouse is spread over its neurons.

    For several mice see `score_distributions`.

    Args:
        correlations: Model to its correlation of each neuron, `(neurons,)`; up to seven models.
        oracle: That of the mean over the other repeats of the image, `(neurons,)`.
        title: Above the axes.

    Raises:
        SensoriumError: If the shapes disagree, a value is not a finite number, or there are more
            models than can be told apart.
    """
    colors = {**model_colors(correlations), ORACLE: GREY}
    shown = {**correlations, **({} if oracle is None else {ORACLE: oracle})}
    shown = _by_name(shown)
    figure = new_figure(WIDTH, 3.2 + 0.2 * (len(shown) // 3))
    axes = figure.add_subplot()
    values = np.concatenate(list(shown.values()))
    n_bins = int(np.clip(2 * np.sqrt(len(values) / len(shown)), 10, 40))
    bins = np.linspace(min(0.0, values.min()), max(values.max(), 0.1), n_bins + 1)
    for name, each in shown.items():
        color = colors[name]
        axes.hist(each, bins, histtype="step", color=color, linewidth=1.5)
        axes.axvline(each.mean(), color=color, linestyle="--", linewidth=1)
        axes.plot([], [], color=color, label=f"{name}, mean {each.mean():.3f}")
    axes.set(xlabel=_SCORE, ylabel="neurons")
    plain(axes)
    axes.locator_params(axis="y", integer=True)
    set_title(figure, title, axes)
    legend_below(axes)
    return figure


def score_distributions(
    scores: Mapping[str, Mapping[str, np.ndarray]],
    *,
    oracle: Mapping[str, np.ndarray | None] | None = None,
    label: str = _SCORE,
    title: str = "",
) -> Figure:
    """Shows how a score is spread over neurons, for several models and mice side by side.

    A body is the density over neurons, its bar their quartiles, its dot their mean with the 95 %
    interval of it; a dashed line goes through the oracle's mean.

    Args:
        scores: Mouse to models to the score of each neuron, `(neurons,)`, NaN for neurons that do
            not count; up to seven models.
        oracle: Mouse to that of the mean over the other repeats of the image, `(neurons,)`, or
            None.
        label: The score's name.
        title: Above the axes.

    Raises:
        SensoriumError: If a mouse's shapes disagree, nothing is left of some scores, or there are
            more models than can be told apart.
    """
    models = list(dict.fromkeys(model for mouse in scores.values() for model in mouse))
    colors = {**model_colors(models), ORACLE: GREY}
    bodies, lines, ticks, place = [], [], {}, 0.0
    for mouse, each in scores.items():
        bound = (oracle or {}).get(mouse)
        each = _by_name(
            {**each, **({} if bound is None else {ORACLE: bound})}, mouse, with_nan=True
        )
        places = place + np.arange(len(each))
        bodies += list(zip(places, each, each.values(), strict=True))
        ticks[mouse] = places.mean()
        if bound is not None:
            ends = [places[0] - 0.45, places[-1] + 0.45]
            lines.append((ends, [each[ORACLE].mean()] * 2))
        place = places[-1] + 1.7
    width = float(np.clip(1.6 + 0.45 * place, WIDTH, 14))
    figure = new_figure(width, 3.4)
    axes = figure.add_subplot()
    axes.axhline(0, color="#cccccc", linewidth=0.8, zorder=0)
    for line in lines:
        axes.plot(*line, color=GREY, linestyle="--", linewidth=1, zorder=1)
    for at, model, values in bodies:
        _violin(axes, at, values, colors[model])
    axes.set_xticks(list(ticks.values()), list(ticks))
    axes.tick_params(axis="x", length=0)
    axes.set_ylabel(label)
    plain(axes)
    for model, color in colors.items():
        if any(model == shown for _, shown, _ in bodies):
            axes.plot([], [], "s", color=color, label=model)
    figure.legend(**legend_options(axes, int(width / 1.6)), loc="outside lower center")
    set_title(figure, title, axes)
    return figure


def paired_correlations(
    correlations: Mapping[str, np.ndarray], *, label: str = _SCORE, title: str = ""
) -> Figure:
    """Shows the score of each neuron under one model against that under the first.

    Args:
        correlations: Model to its score of each neuron, `(neurons,)`, for the same neurons; two or
            more, each of which but the first gets a panel.
        label: The score's name.
        title: Above the panels.

    Raises:
        SensoriumError: If the shapes disagree, a value is not a finite number, or there is nothing
            to compare.
    """
    if len(correlations) < 2:
        raise SensoriumError(f"a comparison needs two models. Received: {len(correlations)}")
    (first, reference), *others = _by_name(correlations).items()
    everything = np.concatenate([reference, *(values for _, values in others)])
    margin = 0.04 * (np.ptp(everything) or 1)
    limits = (everything.min() - margin, everything.max() + margin)
    step = next(step for step, most in _TICKS.items() if np.ptp(limits) <= most)
    ticks = [tick for tick in step * np.arange(-50, 51) if limits[0] <= tick <= limits[1]]
    columns = min(3, len(others))
    rows = -(-len(others) // columns)
    width = WIDE if columns > 1 else 3.9
    size = width / columns
    figure = new_figure(width, rows * (size + 0.45) - 0.1)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(others) :]:
        axes.set_axis_off()
    for axes, (name, values) in zip(panels, others, strict=False):
        axes.plot(limits, limits, color=GREY, linewidth=1, zorder=1)
        axes.plot(
            reference,
            values,
            "o",
            color=BLUE,
            markersize=float(np.clip(70 / np.sqrt(len(values)), 1.5, 5)),
            alpha=float(np.clip(400 / len(values), 0.2, 0.7)),
            markeredgewidth=0,
            rasterized=True,
        )
        mean = np.mean(values - reference)
        text = f"{mean:+.3f}"
        if (interval := bootstrap_interval(values - reference)) is not None:
            text += f" [{interval[0]:+.3f}, {interval[1]:+.3f}]"
        better = np.mean(values > reference)
        axes.set(xlim=limits, ylim=limits, aspect="equal")
        axes.set(xlabel=wrapped(first, size - 0.5, LABEL), ylabel=wrapped(name, size - 0.5, LABEL))
        axes.set_title(f"{text}\nbetter for {better:.0%} of {len(values)} neurons")
        plain(axes)
        axes.title.set_fontsize(TICK)
        axes.set_xticks(ticks)
        axes.set_yticks(ticks)
    set_title(figure, ", ".join(part for part in (title, label) if part))
    return figure


def learning_curve(
    scores: Mapping[str, Mapping[int, np.ndarray]],
    *,
    oracle: np.ndarray | None = None,
    label: str = _SCORE,
    title: str = "",
) -> Figure:
    """Shows how the mean score of models grows with the number of trials they were trained on.

    Args:
        scores: Model to numbers of training trials to the score of each neuron, `(neurons,)`, NaN
            for neurons that do not count; up to seven models. Each mean is drawn with its 95 %
            interval.
        oracle: Score of the mean over the other repeats of the image, `(neurons,)`.
        label: The score's name.
        title: Above the axes.

    Raises:
        SensoriumError: If the shapes of a model disagree, nothing is left of some scores, a number
            of trials is below one, or there are more models than can be told apart.
    """
    colors = model_colors(scores)
    figure = new_figure(WIDTH, 3.4 + 0.2 * (len(scores) // 2))
    axes = figure.add_subplot()
    numbers = sorted({number for each in scores.values() for number in each})
    if not numbers or numbers[0] < 1:
        raise SensoriumError(f"numbers of trials {numbers}: expected one or more, each above zero")
    for number, (model, each) in enumerate(scores.items()):
        if not each:
            raise SensoriumError(f"{model}: has no score to show")
        named = {f"{n} trials": each[n] for n in sorted(each)}
        kept = list(_by_name(named, model, with_nan=True).values())
        means = np.array([values.mean() for values in kept])
        intervals = [bootstrap_interval(values) or (values[0],) * 2 for values in kept]
        low, high = np.array(intervals).T
        # A little aside, so that intervals of several models can be told apart.
        aside = 1.03 ** (number - (len(scores) - 1) / 2)
        axes.errorbar(
            aside * np.array(sorted(each)),
            means,
            yerr=[means - low, high - means],
            fmt="o-",
            color=colors[model],
            linewidth=1.5,
            markersize=4,
            elinewidth=1,
            capsize=2.5,
            label=model,
        )
    if oracle is not None:
        (oracle,) = _by_name({ORACLE: oracle}).values()
        axes.axhline(oracle.mean(), color=GREY, linestyle="--", linewidth=1, label=ORACLE)
    axes.set_xscale("log")
    axes.set_xticks(numbers, [f"{number:,}" for number in numbers])
    axes.minorticks_off()
    axes.set(xlabel="training trials", ylabel=f"{label}\n(mean, {CONFIDENCE:.0%} interval)")
    plain(axes)
    set_title(figure, title, axes)
    legend_below(axes)
    return figure


def _by_name(
    values: Mapping[str, np.ndarray], whose: str = "", *, with_nan: bool = False
) -> dict[str, np.ndarray]:
    """Returns the scores of the neurons that count, checked to be of as many neurons each."""
    names = [f"{whose}, {name}" if whose else name for name in values]
    axes = [(each, "neurons") for each in values.values()]
    arrays = checked(dict(zip(names, axes, strict=True)), with_nan=names if with_nan else ())
    kept = [each[~np.isnan(each)] for each in arrays]
    for name, each in zip(names, kept, strict=True):
        if not each.size:
            raise SensoriumError(f"{name}: holds NaN alone, there is nothing to show")
    return dict(zip(values, kept, strict=True))


def _violin(axes: Axes, place: float, values: np.ndarray, color: str) -> None:
    """Draws the density of values, their quartiles, and their mean with its interval."""
    (body,) = axes.violinplot([values], [place], widths=0.85, showextrema=False)["bodies"]
    body.set(facecolor=color, edgecolor="none", alpha=0.35)
    axes.plot(
        [place, place], np.quantile(values, [0.25, 0.75]), color=color, linewidth=4, alpha=0.8,
        solid_capstyle="butt",
    )  # fmt: skip
    if (interval := bootstrap_interval(values)) is not None:
        axes.plot([place, place], interval, color="black", linewidth=1, zorder=4)
    axes.plot(
        place, values.mean(), "o", color="white", markeredgecolor="black", markersize=4, zorder=5
    )
