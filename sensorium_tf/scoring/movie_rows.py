"""The rows of a submission or ground-truth file of movies, checked one by one."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import numpy as np

from sensorium_tf.challenges import Challenge
from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.io import expand
from sensorium_tf.reading import open_regular, reading
from sensorium_tf.scoring.files import NEURONS, TRIAL
from sensorium_tf.scoring.movie_files import MOUSE, VIDEO, MovieRow, parquet_library
from sensorium_tf.scoring.parquet_footer import count_values

# Of all values in a file: ten mice of 10,000 neurons with 100 trials of 400 frames each.
_MOST_VALUES = 4_000_000_000
_MOST_ROWS = 100_000
_LONGEST_TEXT = 200
# Of the file's own description. A row a group takes about a kilobyte.
_DESCRIPTION_LIMITS = {
    "thrift_string_size_limit": 64 << 20,
    "thrift_container_size_limit": 2_000_000,
}
_BUFFER_BYTES = 1 << 20
_TRIAL_NAME = re.compile(r"(\d{1,18})(?:\.npy)?", re.ASCII)


class MovieRows:
    """The rows of a file, one at a time; a value is read only where its row is asked for.

    Args:
        path: The file.
        column: `prediction` or `responses`.
        challenge: Whose mice they are.
        most_values: So many values it may hold in all.

    Attributes:
        path: The file.
        n_values: How many values the file says it holds.
        trials: Session key to its trials and, in a ground truth, their movies, in order.

    Raises:
        SensoriumError: If the file is damaged, lacks a column, or one of another kind.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        column: str,
        *,
        challenge: Challenge,
        most_values: int = _MOST_VALUES,
    ):
        self.path = expand(path)
        self._column, self._challenge, self._most_values = column, challenge, most_values
        self._names = [MOUSE, TRIAL, *([VIDEO] if column != "prediction" else [])]
        self.trials: dict[str, dict[int, int | None]] = {}
        # Session key to the row groups that hold its rows.
        self._groups: dict[str, list[int]] = {}
        with self._open() as file:
            self._check(file)
            for group in range(file.num_row_groups):
                # Few at once: a text of any length is short in the file that repeats it.
                for batch in file.iter_batches(
                    row_groups=[group], columns=self._names, batch_size=16
                ):
                    self._add(group, batch.to_pylist())
        if not self.trials:
            raise self.error("no trial in it")

    def of_mouse(self, session: str) -> Iterator[MovieRow]:
        """Yields the rows of a mouse, in the file's order.

        Args:
            session: Session key, one of `trials`.

        Raises:
            SensoriumError: If a row is not what it should be.
        """
        with self._open() as file:
            columns = [MOUSE, TRIAL, self._column, NEURONS]
            for batch in file.iter_batches(
                row_groups=self._groups[session], columns=columns, batch_size=1
            ):
                mouse, trial = (self._text(batch.column(name)[0].as_py()) for name in columns[:2])
                if self._session(mouse) != session:
                    continue
                number = self._number(trial)
                yield MovieRow(
                    mouse=session,
                    trial=number,
                    values=self._values(batch, number),
                    unit_ids=self._unit_ids(batch, number),
                    video_id=self.trials[session][number],
                )

    def error(self, text: str) -> SensoriumError:
        """Returns an error that names the file."""
        return SensoriumError(f"{self.path}: {text}")

    @contextlib.contextmanager
    def _open(self) -> Iterator[Any]:
        with (
            reading(
                self.path,
                "not a complete parquet file",
                remedy="write or copy it again",
                missing="there is no such file",
                begins=b"PAR1",
            ),
            open_regular(self.path) as file,
            self._parquet(file) as opened,
        ):
            yield opened

    def _parquet(self, file: BinaryIO) -> Any:
        """Returns the file as one of parquet, unless it claims to hold too much."""
        _, parquet = parquet_library()
        counts = count_values(file)
        self.n_values = counts[self._column]
        if (most := max(self.n_values, counts[NEURONS])) > self._most_values:
            raise self.error(f"{most} values in it, expected at most {self._most_values}")
        file.seek(0)
        # Neither is more read ahead nor a map made of a file that may be cut meanwhile.
        return parquet.ParquetFile(
            file,
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
            arrow_extensions_enabled=False,
            page_checksum_verification=True,
            **_DESCRIPTION_LIMITS,
        )

    def _check(self, file: Any) -> None:
        """Checks what the file says of its columns."""
        pa, _ = parquet_library()
        kinds = {
            MOUSE: "text",
            TRIAL: "whole numbers or text",
            self._column: "lists of lists of numbers, (neurons, frames)",
            NEURONS: "lists of whole numbers",
            VIDEO: "whole numbers",
        }
        schema, types = file.schema_arrow, pa.types

        def is_list(kind: Any) -> bool:
            return types.is_list(kind) or types.is_large_list(kind)

        def is_text(kind: Any) -> bool:
            return types.is_string(kind) or types.is_large_string(kind)

        fits = {
            MOUSE: is_text,
            TRIAL: lambda kind: types.is_integer(kind) or is_text(kind),
            self._column: lambda kind: (
                is_list(kind)
                and is_list(kind.value_type)
                and types.is_floating(kind.value_type.value_type)
            ),
            NEURONS: lambda kind: is_list(kind) and types.is_integer(kind.value_type),
            VIDEO: types.is_integer,
        }
        needed = dict.fromkeys([MOUSE, TRIAL, self._column, NEURONS, *self._names])
        for name in needed:
            if schema.names.count(name) != 1:
                there = ", ".join(shown(each, most=20) for each in schema.names[:6])
                what = "there twice" if name in schema.names else "missing"
                raise self.error(
                    f"column {name!r} is {what}: expected {', '.join(needed)}, but there are "
                    f"{there or 'none'}"
                )
            kind = schema.field(name).type
            if not fits[name](kind):
                raise self.error(f"column {name} holds {shown(str(kind))}, expected {kinds[name]}")
        if file.metadata.num_rows > _MOST_ROWS:
            raise self.error(f"{file.metadata.num_rows} rows, expected at most {_MOST_ROWS}")

    def _add(self, group: int, rows: Sequence[dict[str, Any]]) -> None:
        """Takes in the mice and trials of some rows."""
        for row in rows:
            mouse, trial = self._text(row[MOUSE]), self._text(row[TRIAL])
            session, number = self._session(mouse), self._number(trial)
            trials = self.trials.setdefault(session, {})
            if number in trials:
                raise self.error(f"duplicate trial {number} of mouse {shown(mouse)}")
            if VIDEO in row and row[VIDEO] is None:
                raise self.error(f"trial {number} of mouse {shown(mouse)} has no movie")
            trials[number] = row.get(VIDEO)
            groups = self._groups.setdefault(session, [])
            if group not in groups[-1:]:
                groups.append(group)

    def _values(self, batch: Any, trial: int) -> np.ndarray:
        """Returns `(frames, neurons)` float32."""
        neurons = batch.column(self._column).flatten()
        lengths = np.diff(neurons.offsets.to_numpy()) if len(neurons) else np.zeros(1)
        if neurons.null_count or not lengths.all() or np.ptp(lengths):
            raise self.error(
                f"trial {trial}: {self._column} is not one list a neuron, of as many frames each"
            )
        values = neurons.flatten()
        if values.null_count:
            raise self.error(f"trial {trial}: {self._column} has gaps")
        with np.errstate(over="ignore", invalid="ignore"):
            values = values.to_numpy().astype(np.float32)
        if not np.isfinite(values).all():
            raise self.error(f"trial {trial}: {self._column} holds NaN or infinity")
        return values.reshape(len(lengths), -1).T

    def _unit_ids(self, batch: Any, trial: int) -> np.ndarray:
        """Returns `(neurons,)` int64."""
        found = batch.column(NEURONS).flatten()
        unit_ids = np.zeros(0, np.int64) if found.null_count else found.to_numpy()
        if not unit_ids.size or len(np.unique(unit_ids)) < len(unit_ids):
            raise self.error(f"trial {trial}: {NEURONS} are no different whole numbers")
        n_neurons = len(batch.column(self._column).flatten())
        if len(unit_ids) != n_neurons:
            raise self.error(
                f"trial {trial}: {n_neurons} neurons in {self._column}, but {len(unit_ids)} in "
                f"{NEURONS}"
            )
        return unit_ids.astype(np.int64)

    def _text(self, value: Any) -> str:
        text = "" if value is None else str(value)
        if not 0 < len(text) <= _LONGEST_TEXT:
            raise self.error(f"a row without mouse or trial, or with {len(text)} characters there")
        return text

    def _session(self, mouse: str) -> str:
        """Returns the session key of a mouse: named by it, by its file or as `mouse1`."""
        known = self._challenge.catalog.get(mouse)
        return known.session_key if known else self._challenge.session_key_of(mouse)

    def _number(self, trial: str) -> int:
        """Returns the number of a trial, which may be named as its file `1.npy`."""
        match = _TRIAL_NAME.fullmatch(trial)
        if match is None:
            raise self.error(f"trial {shown(trial)}: expected its number, such as 12 or 12.npy")
        return int(match[1])
