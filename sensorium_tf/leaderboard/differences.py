"""The paired differences between entries: which of them can be told from the first."""

from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from sensorium_tf.leaderboard.tables import neuron_scores
from sensorium_tf.metrics import bootstrap_interval


def difference(
    connection: Connection, evaluation_id: int, reference_id: int, metric: str
) -> dict[str, Any] | None:
    """Returns the mean difference over neurons, with its paired bootstrap interval.

    Args:
        connection: Of the database.
        evaluation_id: Whose scores are compared.
        reference_id: With whose; of the same truth, so that the neurons are the same.
        metric: Which score.

    Returns:
        `{"value", "low", "high", "neurons"}`, `neurons` being the differences `(neurons,)`; None
        where one of them has no such score.
    """
    values = {}
    for each in (evaluation_id, reference_id):
        found = connection.execute(
            select(neuron_scores.c["values"]).where(
                neuron_scores.c.evaluation_id == each, neuron_scores.c.metric == metric
            )
        ).scalar()
        if found is None:
            return None
        values[each] = np.frombuffer(found, "<f8")
    less = values[evaluation_id] - values[reference_id]
    counts = ~np.isnan(less)
    interval = bootstrap_interval(less)
    low, high = interval or (None, None)
    mean = float(less[counts].mean()) if counts.any() else None
    return {"value": mean, "low": low, "high": high, "neurons": less}
