"""Scores for people (aligned text) and for programs (JSON, CSV)."""

import csv
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError, printable
from sensorium_tf.interop.xarray import needs, rows_to_dataset
from sensorium_tf.io import atomic_write
from sensorium_tf.metrics import CONFIDENCE, N_RESAMPLES, metric_names
from sensorium_tf.registry import METRICS

if TYPE_CHECKING:
    import pandas
    import xarray

_INTERVAL_NOTE = (
    f"[low, high]: {CONFIDENCE:.0%} interval over neurons (bootstrap, {N_RESAMPLES} resamples)"
)


def format_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lays out a small table as text.

    Args:
        header: The columns' headings.
        rows: One value a column: text, whole numbers as they are, other numbers with three decimals
            or, if those are zeros, as `2.0e-05`, None and NaN as a hyphen.

    Returns:
        Lines without a final line end; the first column is aligned left, the others right.
    """
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * (sum(widths) + 2 * (len(widths) - 1)), *lines[1:]])


def scores_table(
    scores: Mapping[str, Mapping[str, Any]],
    *,
    metrics: Iterable[str] | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Lays out the scores of several models or mice as text.

    Args:
        scores: A row's name to its mean scores by name, such as `Scores.summary`; a score that is
            missing is shown as a hyphen, one that has an interval under `intervals` with it.
        metrics: Names of the metrics that are shown, in this order; if left out those of
            `metrics.metric_names`.
        notes: Sentences below the table, such as the reason why a score is missing; the same one
            twice is shown once.

    Returns:
        The table, without a final line end.
    """
    headings = _headings(metrics)
    rows = [
        [name, *(_with_interval(values, score) for score in headings)]
        for name, values in scores.items()
    ]
    if any(_interval(values, score) for values in scores.values() for score in headings):
        notes = [_INTERVAL_NOTE, *notes]
    return "\n".join([format_table(["model", *headings.values()], rows), *dict.fromkeys(notes)])


class Table(list):
    """A list of dicts, a row each, which is shown as a table.

    Args:
        rows: Each column name to value.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()):
        super().__init__(dict(row) for row in rows)

    def __repr__(self) -> str:
        if not self:
            return "no rows"
        columns = self.columns()
        return format_table(list(columns), list(zip(*columns.values(), strict=True)))

    def columns(self) -> dict[str, list[Any]]:
        """Returns the values by column, None where a row has none, columns as they come up."""
        names = dict.fromkeys(name for row in self for name in row)
        return {name: [row.get(name) for row in self] for name in names}

    def to_pandas(self) -> "pandas.DataFrame":
        """Returns the table as a data frame.

        Raises:
            SensoriumError: If pandas is not installed.
        """
        try:
            import pandas
        except ImportError as e:
            raise needs("pandas") from e
        return pandas.DataFrame({name: _column(each) for name, each in self.columns().items()})

    def to_xarray(self) -> "xarray.Dataset":
        """Returns the table as a dataset with the dimension `row` and a variable for each column.

        Raises:
            SensoriumError: If xarray is not installed.
        """
        return rows_to_dataset({name: _column(each) for name, each in self.columns().items()})


def flat_scores(
    summary: Mapping[str, Any], *, metrics: Iterable[str] | None = None
) -> dict[str, float | None]:
    """Returns mean scores and their intervals as columns: `feve`, `feve_low`, `feve_high`.

    Args:
        summary: Such as `Scores.summary`.
        metrics: As of `scores_table`.
    """
    columns = {}
    for score in _headings(metrics):
        low, high = _interval(summary, score) or (None, None)
        columns |= {score: summary.get(score), f"{score}_low": low, f"{score}_high": high}
    return columns


def differences_table(
    differences: Mapping[str, Mapping[str, Any]],
    *,
    to: str,
    metrics: Iterable[str] | None = None,
) -> str:
    """Lays out how much the scores of models differ from those of another one.

    Args:
        differences: A model's name to its mean differences by score, their intervals under
            `intervals`, and under `better` the share of neurons with a difference above zero.
        to: The other model.
        metrics: As of `scores_table`.

    Returns:
        The table, without a final line end.
    """
    rows, headings = [], _headings(metrics)
    for name, values in differences.items():
        rows.append([name, *(_with_interval(values, score, "+") for score in headings)])
        better = [values["better"].get(score) for score in headings]
        shares = ("-" if share is None else f"{share:.0%}" for share in better)
        rows.append([f"{name}, neurons better", *shares])
    return format_table([f"difference to {to}", *headings.values()], rows)


def format_json(content: object) -> str:
    """Returns JSON that every parser reads: what is not a finite number becomes null.

    Args:
        content: Dicts (in the order given), lists, tuples, text, numbers, NumPy scalars and arrays.
    """
    return json.dumps(_plain(content), indent=2, allow_nan=False)


def write_json(path: str | os.PathLike, content: object) -> None:
    """Writes what `format_json` returns.

    Args:
        path: The file; it is complete or not there.
        content: As of `format_json`.

    Raises:
        SensoriumError: If the file cannot be written.
    """
    text = format_json(content)
    with atomic_write(path) as file:
        file.write(text + "\n")


def write_neurons_csv(
    path: str | os.PathLike,
    *,
    unit_ids: ArrayLike,
    columns: Mapping[str, ArrayLike | None],
) -> None:
    """Writes one row a neuron: its unit id and what was measured of it.

    Args:
        path: The file; it is complete or not there.
        unit_ids: `(neurons,)` whole numbers, the column `unit_id`.
        columns: A column's name to its values, `(neurons,)`; NaN makes an empty cell, None an empty
            column.

    Raises:
        SensoriumError: If a column's length is not the number of neurons, or the file cannot be
            written.
    """
    unit_ids = np.asarray(unit_ids)
    texts = [[str(unit_id) for unit_id in unit_ids.tolist()]]
    for name, values in columns.items():
        values = np.full(unit_ids.shape, np.nan) if values is None else np.asarray(values)
        if values.shape != unit_ids.shape:
            raise SensoriumError(
                f"{path}: column {name!r} has shape {values.shape}, expected {unit_ids.shape}: one "
                "value for each unit id"
            )
        texts.append(["" if value != value else str(value) for value in values.tolist()])
    with atomic_write(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["unit_id", *columns])
        writer.writerows(zip(*texts, strict=True))


def _column(values: Sequence[Any]) -> np.ndarray:
    """Returns a column as an array: NaN for a number that is missing, no text for a text."""
    there = [value for value in values if value is not None]
    if len(there) == len(values):
        return np.array(values)
    if all(isinstance(value, int | float | np.number) for value in there):
        return np.array([np.nan if value is None else value for value in values], np.float64)
    return np.array(["" if value is None else str(value) for value in values])


def _headings(metrics: Iterable[str] | None) -> dict[str, str]:
    """Returns the metrics of a table and their titles."""
    return {name: METRICS[name].title for name in (metric_names() if metrics is None else metrics)}


def _interval(values: Mapping[str, Any], score: str) -> Sequence[float] | None:
    return (values.get("intervals") or {}).get(score)


def _with_interval(values: Mapping[str, Any], score: str, sign: str = "") -> object:
    mean, interval = values.get(score), _interval(values, score)
    if mean is None:
        return None
    if interval is None:
        return f"{mean:{sign}.3f}"
    low, high = interval
    return f"{mean:{sign}.3f} [{low:{sign}.3f}, {high:{sign}.3f}]"


def _cell(value: object) -> str:
    if value is None or (isinstance(value, float | np.floating) and not math.isfinite(value)):
        return "-"
    if not isinstance(value, float | np.floating):
        # Names of areas and layers are a recording's own.
        return printable(str(value))
    text = f"{value:.3f}"
    return f"{value:.1e}" if value and not float(text) else text


def _plain(content: object) -> object:
    """Returns the content as JSON knows it."""
    if isinstance(content, Mapping):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, np.ndarray | np.generic):
        return _plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
