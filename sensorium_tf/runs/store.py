"""The folder of a run, the one place that knows what lies where in it."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import RANDOM, atomic_write, expand, file_lock
from sensorium_tf.reading import open_regular, parse_json, read_json, reading
from sensorium_tf.registry import import_recorded
from sensorium_tf.runs.checkpoint import Checkpoints
from sensorium_tf.runs.record import RunRecord, recorded_modules
from sensorium_tf.runs.stages import MODEL_FILE, Stage

if TYPE_CHECKING:
    from sensorium_tf.data import Mouse

# A line of metrics has some kilobytes.
_LONGEST_LINE = 1 << 20


class RunStore:
    """Folder of one training run, or of a training of several stages.

    `config.json` (see `RunRecord`), `model.keras` (the best weights so far), `metrics.jsonl` (a
    line an epoch), `checkpoints/`, `tensorboard/`. Where there are stages it has a folder for each,
    such as `pretraining/` and `finetuning/` or `members/seed<n>/`, which is that of a run, or has
    stages itself.

    Args:
        path: The folder; made when a run begins in it.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = expand(path)

    @property
    def model_file(self) -> Path:
        """The best weights so far, as a Keras model file."""
        return self.path / MODEL_FILE

    @property
    def tensorboard(self) -> Path:
        """Folder of the TensorBoard logs."""
        return self.path / "tensorboard"

    @property
    def metrics(self) -> Path:
        """A line of JSON for each epoch so far."""
        return self.path / "metrics.jsonl"

    @property
    def lock(self) -> Path:
        """File that the process which trains here holds."""
        return self._checkpoint_folder / ".lock"

    @property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints of the run."""
        return Checkpoints(self._checkpoint_folder)

    @property
    def _checkpoint_folder(self) -> Path:
        return self.path / "checkpoints"

    @property
    def _config(self) -> Path:
        return self.path / "config.json"

    @property
    def begun(self) -> bool:
        """Whether a run of this version's format has begun here."""
        try:
            values = read_json(self._config)
        except (FileNotFoundError, SensoriumError, ValueError, RecursionError):
            return False
        return isinstance(values, dict) and "format" in values

    @property
    def times(self) -> Path:
        """How long a training with a budget has taken so far, and its stages may take."""
        return self.path / "budget.json"

    def stage(self, stage: Stage) -> "RunStore":
        """Returns the folder of a stage."""
        return RunStore(self.path / stage.folder)

    def missing_stages(self) -> list[str]:
        """Returns the stages, and stages of stages, that are not finished."""
        record, missing = self.record(), []
        for stage in record.stages:
            store = self.stage(stage)
            if not store.model_file.exists() or (store.begun and store.unfinished()):
                inner = store.missing_stages() if store.begun else []
                missing += [f"{stage.folder}/{name}" for name in inner] or [stage.folder]
        return missing

    def check(self, record: RunRecord) -> None:
        """Raises SensoriumError unless this run can begin or go on here."""
        if self.path.exists() and not self.path.is_dir():
            raise SensoriumError(f"workdir {self.path}: is a file, expected a folder")
        if not self._config.exists():
            if self._holds_files():
                raise SensoriumError(
                    f"workdir {self.path} holds files but no run (no config.json): choose an empty "
                    "one"
                )
            return
        there = self.record()
        if different := there.difference(record):
            raise SensoriumError(
                f"workdir {self.path} holds a run with another configuration ({different}): "
                "choose another --workdir, or delete it"
            )
        for module, digest in record.modules.items():
            if there.modules.get(module, digest) != digest:
                raise SensoriumError(
                    f"module {module!r} has changed or moved since the run in {self.path} "
                    "began: choose another --workdir, or take the module back to what it was"
                )
        for mouse, fingerprint in record.recordings.items():
            if there.recordings[mouse] != fingerprint:
                raise self._other_recording(mouse)

    def _holds_files(self) -> bool:
        if not self.path.exists():
            return False
        found = {*self.path.iterdir(), *self._checkpoint_folder.glob("*")}
        # A process that holds the lock has made this much, and one that was killed left the rest.
        return bool(found - {self._checkpoint_folder, self.lock, *self._leftovers()})

    @contextlib.contextmanager
    def claimed(self, record: RunRecord) -> Iterator[None]:
        """Makes the folder that of a run, and keeps other processes out while the block runs.

        What killed processes left half written is deleted.

        Raises:
            SensoriumError: As `check`, if another process trains here, or if the folder cannot be
                written.
        """
        with file_lock(self.lock, "training"):
            self.check(record)
            if not self._config.exists():
                with atomic_write(self._config) as file:
                    json.dump(record.to_json(), file, indent=2)
            for leftover in self._leftovers():
                leftover.unlink(missing_ok=True)
            yield

    def _leftovers(self) -> list[Path]:
        """Returns the files that were to take the place of others, as `atomic_write` names them."""
        patterns = (f".*.{RANDOM}.tmp", f".*.{RANDOM}.keras")
        return [
            path
            for folder in (self.path, self._checkpoint_folder)
            for pattern in patterns
            for path in folder.glob(pattern)
        ]

    def record(self) -> RunRecord:
        """Returns what the folder says of its run.

        Raises:
            SensoriumError: If there is no run in it, or one that cannot be opened.
        """
        try:
            with reading(
                self._config, "not the configuration of a run", remedy="train in a new --workdir"
            ):
                values = read_json(self._config)
        except FileNotFoundError as e:
            raise SensoriumError(
                f"workdir {self.path}: no run in it (no config.json): train one with python "
                f"launch/train.py --workdir={self.path}"
            ) from e
        if isinstance(values, dict) and "format" not in values:
            raise SensoriumError(
                f"workdir {self.path} holds a run of an earlier version, which can neither go on "
                "nor be opened: train anew in another --workdir"
            )
        try:
            modules = recorded_modules(values)
        except SensoriumError as e:
            raise SensoriumError(f"{self._config}: {e}: train in a new --workdir") from e
        # The settings may name what they register.
        import_recorded(modules, not_from=self.path)
        try:
            return RunRecord.from_json(values)
        except SensoriumError as e:
            raise SensoriumError(f"{self._config}: {e}: train in a new --workdir") from e

    def model_name(self) -> str:
        """Returns what the model of the run is called.

        Raises:
            SensoriumError: As of `record`.
        """
        record = self.record()
        if record.settings.stages.student_like_members:
            # Which parts the student got is known to its own run.
            student = self.stage(record.stages[-1])
            if student.begun:
                return student.model_name()
        return record.settings.model_name

    def check_recording(self, mouse: "Mouse") -> None:
        """Raises SensoriumError if the run was trained on another recording of this name."""
        if self.record().recordings[mouse.name] != mouse.fingerprint:
            raise self._other_recording(mouse.name, f" in {mouse.data_path}")

    def _other_recording(self, mouse: str, where: str = "") -> SensoriumError:
        return SensoriumError(
            f"{mouse}{where} is not the recording that the run in {self.path} was trained on: "
            "prepare that one again, or train anew"
        )

    def unfinished(self) -> str:
        """Returns how far a run has come that is not finished; empty where that is not known."""
        record = self.record()
        planned = record.settings.epochs
        if record.stages:
            return ""  # its model is there when all stages are
        if not self.checkpoints.any:
            # Somebody may have deleted the checkpoints of a finished run.
            return "" if self.metrics.exists() else f"0 of at most {planned} epochs"
        # Within a budget there may be other numbers of epochs than the settings say.
        n_epochs, most, stopped = self.checkpoints.progress() or (planned, planned, True)
        return "" if stopped or n_epochs >= most else f"{n_epochs} of at most {most} epochs"

    def read_metrics(self) -> list[dict[str, Any]]:
        """Returns the lines of `metrics.jsonl`.

        Raises:
            SensoriumError: If one is damaged, or the file cannot be read.
        """
        epochs, number = [], 0
        with open_regular(self.metrics) as file:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                with reading(self.metrics, "is damaged", part=f"line {number}"):
                    values = parse_json(line)
                    if not isinstance(values, dict):
                        raise ValueError("not an object of JSON")
                    epochs.append(values)
        return epochs

    def write_metrics(self, epochs: list[dict[str, Any]]) -> None:
        """Writes `metrics.jsonl`: a line for each epoch so far."""
        with atomic_write(self.metrics) as file:
            file.writelines(json.dumps(epoch) + "\n" for epoch in epochs)
