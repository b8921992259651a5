"""Responses to movies over time, beside what a model predicts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sensorium_tf.plotting.style import (
    GREY,
    LABEL,
    ORANGE,
    TICK,
    WIDE,
    checked,
    new_figure,
    plain,
    set_title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 4


def response_traces(
    responses: np.ndarray,
    rates: np.ndarray,
    *,
    correlations: np.ndarray,
    unit_ids: np.ndarray,
    frame_rate: float,
    first_frame: int = 0,
    title: str = "",
) -> Figure:
    """Shows how a few neurons respond in one trial, and what is predicted.

    They are spread evenly from the best predicted neuron to the median one.

    Args:
        responses: `(frames, neurons)`, standardised.
        rates: `(frames, neurons)`, a model's.
        correlations: `(neurons,)`, by which neurons are chosen.
        unit_ids: `(neurons,)`.
        frame_rate: Frames a second.
        first_frame: Which frame of the movie the first one is.
        title: Above the panels.

    Raises:
        SensoriumError: If the shapes disagree, or a value is not a finite number.
    """
    responses, rates, correlations, unit_ids = checked(
        {
            "responses": (responses, "frames neurons"),
            "rates": (rates, "frames neurons"),
            "correlations": (correlations, "neurons"),
            "unit ids": (unit_ids, "neurons"),
        }
    )
    ranked = np.argsort(-correlations, kind="stable")
    places = np.linspace(0, (len(ranked) - 1) / 2, min(_SHOWN, len(ranked))).round().astype(int)
    seconds = (first_frame + np.arange(len(responses))) / frame_rate
    figure = new_figure(WIDE, 1.3 * len(places) + 0.9)
    panels = figure.subplots(len(places), 1, sharex=True, squeeze=False)[:, 0]
    for axes, neuron in zip(panels, ranked[places], strict=True):
        axes.plot(seconds, responses[:, neuron], color=GREY, linewidth=1, label="response")
        axes.plot(seconds, rates[:, neuron], color=ORANGE, linewidth=1.5, label="rate")
        axes.set_title(
            f"unit {unit_ids[neuron]}, correlation {correlations[neuron]:.2f}", fontsize=LABEL
        )
        plain(axes)
        axes.locator_params(axis="y", nbins=3)
    panels[0].legend(frameon=False, fontsize=TICK, ncols=2, loc="upper right")
    panels[-1].set_xlabel("time in the movie (s)", fontsize=LABEL)
    figure.supylabel("response, in its std", fontsize=LABEL)
    set_title(figure, title)
    return figure
