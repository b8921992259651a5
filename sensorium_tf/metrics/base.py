"""What a metric is, and how one is registered."""

import dataclasses
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from sensorium_tf.registry import METRICS

Function = TypeVar("Function", bound=Callable[..., np.ndarray])


@dataclasses.dataclass(frozen=True)
class Metric:
    """How well predicted rates agree with recorded responses: one number a neuron.

    Attributes:
        name: As in JSON and the columns of `neurons.csv`.
        title: Heading of its column in tables.
        doc: What it is, in a line.
        function: Of responses and rates, `(trials, neurons)` float64 each, and image ids
            `(trials,)`, where a frame of a movie counts as a trial; returns `(neurons,)` float64,
            NaN where a neuron does not count.
        needs_repeats: Whether it is defined only where some image was shown more than once.
        condition: What a neuron must have to count, such as `an explainable variance of
            {fev_threshold} or more`; empty if all neurons count.
        rules: Attributes of the `Challenge` that `function` takes as keywords and `condition`
            names.
    """

    name: str
    title: str
    doc: str
    function: Callable[..., np.ndarray]
    needs_repeats: bool = False
    condition: str = ""
    rules: tuple[str, ...] = ()


def metric(
    name: str,
    *,
    title: str | None = None,
    doc: str | None = None,
    needs_repeats: bool = False,
    condition: str = "",
    rules: tuple[str, ...] = (),
) -> Callable[[Function], Function]:
    """Registers a function as a metric, which every evaluation then shows.

    Example:
        >>> @sensorium_tf.metrics.metric("r2", title="R2")
        ... def r2(responses, rates, image_ids):
        ...     return 1 - ((responses - rates) ** 2).mean(axis=0) / responses.var(axis=0)

    Args:
        name: Under which it is registered.
        title: As of `Metric`; the name if left out.
        doc: As of `Metric`; the first line of the function's docstring if left out.
        needs_repeats: As of `Metric`, like the next two.
        condition: What a neuron must have to count.
        rules: Attributes of the `Challenge`.

    Returns:
        A decorator, which returns the function as it is.

    Raises:
        SensoriumError: If the name is not made of letters, digits and _.
    """

    def add(function: Function) -> Function:
        first_line = (function.__doc__ or "").strip().partition("\n")[0]
        METRICS.register(name)(
            Metric(
                name=name,
                title=name if title is None else title,
                doc=first_line if doc is None else doc,
                function=function,
                needs_repeats=needs_repeats,
                condition=condition,
                rules=rules,
            )
        )
        return function

    return add
