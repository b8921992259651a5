"""The paired differences between submissions: which of them can be told from the first."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import Connection, select

from sensorium_tf.leaderboard.board import Board
from sensorium_tf.leaderboard.competitions import phase_list
from sensorium_tf.leaderboard.database import insert_missing
from sensorium_tf.leaderboard.ranking import first_of, standings
from sensorium_tf.leaderboard.tables import differences, neuron_scores
from sensorium_tf.metrics import bootstrap_interval

_COMPARING_SECONDS = 2.0


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


def missing_differences(connection: Connection) -> Iterator[tuple[int, int, str]]:
    """Yields what tables compare and nobody has computed: a submission, the first, the metric."""
    for phase in phase_list(connection):
        for group in standings(connection, phase).groups.values():
            first = first_of(group)
            for each in group:
                if (
                    first is not None
                    and each is not first
                    and each.like_first is None
                    and each.truth_version == first.truth_version
                ):
                    yield each.evaluation_id, first.evaluation_id, phase.primary_metric


def compare_next(board: Board) -> bool:
    """Computes differences that the tables need and do not have yet, for a second or two.

    Returns:
        Whether there were any.
    """
    ends = time.monotonic() + _COMPARING_SECONDS
    computed = []
    with board.database.read() as connection:
        for pair in missing_differences(connection):
            computed.append((pair, difference(connection, *pair)))
            if time.monotonic() > ends:
                break
    if computed:
        with board.database.write() as connection:
            for (evaluation_id, reference_id, metric), found in computed:
                insert_missing(
                    connection,
                    differences,
                    evaluation_id=evaluation_id,
                    reference_id=reference_id,
                    metric=metric,
                    **{name: found and found[name] for name in ("value", "low", "high")},
                )
    return bool(computed)
