"""How reliably neurons respond to the same image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.challenges import DEFAULT
from sensorium_tf.errors import SensoriumError
from sensorium_tf.plotting.style import (
    BLUE,
    GREY,
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


def repeated_responses(
    responses: np.ndarray, image_ids: ArrayLike, *, rates: np.ndarray | None = None, title: str = ""
) -> Figure:
    """Shows the responses of one neuron to each image that was shown more than once.

    Images are ordered by the neuron's mean response to them, the strongest first.

    Args:
        responses: `(trials,)`, of the neuron, standardised.
        image_ids: `(trials,)`, the image shown in each trial.
        rates: `(trials,)`, a model's for the neuron; drawn as their mean for each image.
        title: Above the axes.

    Raises:
        SensoriumError: If the shapes disagree, a value is not a finite number, or no image was
            shown twice.
    """
    arrays = {"responses": (responses, "trials"), "image ids": (image_ids, "trials")}
    if rates is not None:
        arrays["rates"] = (rates, "trials")
    responses, image_ids, *rest = checked(arrays)
    _, of_trial, counts = np.unique(image_ids, return_inverse=True, return_counts=True)
    repeated = np.flatnonzero(counts > 1)
    if not repeated.size:
        raise SensoriumError("no image was shown more than once: there are no repeats to show")

    def means(values: np.ndarray) -> np.ndarray:
        return (np.bincount(of_trial, values) / counts)[repeated]

    order = np.argsort(-means(responses), kind="stable")
    place = np.full(len(counts), -1)
    place[repeated[order]] = np.arange(len(repeated))
    shown = place[of_trial] >= 0
    figure = new_figure(WIDE, 2.8)
    axes = figure.add_subplot()
    axes.plot(
        place[of_trial][shown],
        responses[shown],
        "o",
        color=GREY,
        markersize=3,
        alpha=0.6,
        markeredgewidth=0,
        label="one trial",
    )
    ranks = np.arange(len(repeated))
    axes.plot(
        ranks, means(responses)[order], "_", color=BLUE, markersize=7, markeredgewidth=2,
        label="mean over repeats",
    )  # fmt: skip
    for each in rest:
        axes.plot(ranks, means(each)[order], "D", color=ORANGE, markersize=3, label="rate")
    axes.set(
        xlabel="repeated image, by mean response", ylabel="response (std)", xlim=(-1, len(ranks))
    )
    plain(axes)
    axes.locator_params(axis="x", integer=True)
    set_title(figure, title, axes)
    axes.legend(frameon=False, fontsize=TICK)
    return figure


def reliability_histograms(
    explainable_variance: np.ndarray,
    oracle: np.ndarray,
    *,
    fev_threshold: float = DEFAULT.fev_threshold,
    title: str = "",
) -> Figure:
    """Shows how explainable variance and oracle correlation are spread over neurons.

    Args:
        explainable_variance: `(neurons,)`; neurons at or above the threshold of FEVE are coloured.
        oracle: Single-trial correlation of the mean over the other repeats of the image,
            `(neurons,)`.
        fev_threshold: That of FEVE, as of `Challenge`.
        title: Above the panels.

    Raises:
        SensoriumError: If the shapes disagree, or a value is not a finite number.
    """
    fev, oracle = checked(
        {"explainable variance": (explainable_variance, "neurons"), "oracle": (oracle, "neurons")}
    )
    figure = new_figure(WIDE, 2.8)
    left, right = figure.subplots(1, 2)
    passed = fev >= fev_threshold
    width = 0.05 if len(fev) < 2000 else 0.025
    # Edges fall on the threshold, so that no bar holds neurons of both kinds.
    below = int(np.ceil((fev_threshold - min(fev.min(), 0)) / width))
    above = int(np.ceil((max(fev.max(), 2 * fev_threshold) - fev_threshold) / width)) + 1
    edges = fev_threshold + width * np.arange(-below, above + 1)
    for chosen, color in ((~passed, GREY), (passed, BLUE)):
        left.hist(fev[chosen], edges, color=color, alpha=0.85)
    left.axvline(fev_threshold, color="black", linestyle="--", linewidth=1)
    left.set(
        xlabel="explainable variance (FEV)",
        ylabel="neurons",
        title=f"{passed.sum()} of {len(fev)} neurons at {fev_threshold} or more",
    )
    bins = np.linspace(min(0.0, oracle.min()), max(oracle.max(), 0.1), 31)
    right.hist(oracle, bins, color=BLUE, alpha=0.85)
    right.axvline(oracle.mean(), color="black", linestyle="--", linewidth=1)
    right.set(
        xlabel="oracle correlation (other repeats)",
        ylabel="neurons",
        title=f"mean {oracle.mean():.3f}",
    )
    for axes in (left, right):
        plain(axes)
        axes.locator_params(axis="y", integer=True)
    set_title(figure, title)
    return figure
