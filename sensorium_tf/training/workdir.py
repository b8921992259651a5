"""The folder of a training run: what is in it, and how it survives."""

import dataclasses
import json
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sensorium_tf.arrays import open_arrays
from sensorium_tf.data import Mouse
from sensorium_tf.errors import AccessError, SensoriumError, one_line
from sensorium_tf.files import atomic_write, expand
from sensorium_tf.models import EnsembleModel, FiringRateModel
from sensorium_tf.reading import read_json
from sensorium_tf.tracks import image_shape
from sensorium_tf.training.model_file import load_model, save_model
from sensorium_tf.training.settings import TrainingSettings
from sensorium_tf.training.uses import Uses

_KEPT_CHECKPOINTS = 2
# In the name of a file that is being written; a user's own hidden files look otherwise.
_RANDOM = "[0-9a-f]" * 8
# Key of config.json beside the settings: which recording each mouse was.
_RECORDINGS = "recordings"
# Likewise: how many neurons of each mouse the model has.
_NEURONS = "n_neurons"
# Likewise, where there is one: the seeds of an ensemble.
_SEEDS = "seeds"
# Likewise: the signals and trials that the run uses. What its start had seen and which recordings
# these are is read back; all else is for people, and the settings say it anew.
_USES = "uses"
# Name in a checkpoint of the JSON text beside the arrays.
_STATE = "state"


class Workdir:
    """Folder of one training run, or of an ensemble of them.

    Args:
      path: the folder; made when a run starts in it.
      seeds: of the members of the ensemble that is to be trained in it.
    """

    def __init__(self, path: str | os.PathLike, *, seeds: Sequence[int] = ()):
        self.path = expand(path)
        self._new_seeds = list(seeds)

    @property
    def model_file(self) -> Path:
        """The best weights so far, as a Keras model file."""
        return self.path / "model.keras"

    @property
    def tensorboard(self) -> Path:
        """Folder of the TensorBoard logs."""
        return self.path / "tensorboard"

    @property
    def lock(self) -> Path:
        """File that the process which trains here holds."""
        return self._checkpoints / ".lock"

    @property
    def _config(self) -> Path:
        return self.path / "config.json"

    @property
    def _metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def _checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def check(self, settings: TrainingSettings, mice: Sequence[Mouse]) -> None:
        """Raises SensoriumError unless a run with these settings can start or go on here.

        Args:
          settings: of the run.
          mice: those that the settings name.
        """
        if self.path.exists() and not self.path.is_dir():
            raise SensoriumError(f"workdir {self.path}: is a file, expected a folder")
        if (self._checkpoints / "latest.npz").exists():
            raise self._too_old()
        if self._config.exists():
            ours = {**settings.to_json(), _SEEDS: self._new_seeds}
            theirs = {**self.settings().to_json(), _SEEDS: self.seeds()}
            if settings.to_json().keys() - self._read_config().keys():
                raise self._too_old()
            if ours != theirs:
                raise SensoriumError(
                    f"workdir {self.path} holds a run with another configuration "
                    f"({_difference(theirs, ours)}): choose another --workdir, or delete it"
                )
            for mouse in mice:
                self.check_recording(mouse)
        elif self._holds_files():
            raise SensoriumError(
                f"workdir {self.path} holds files but no run (no config.json): choose an empty one"
            )

    def _too_old(self) -> SensoriumError:
        return SensoriumError(
            f"workdir {self.path} holds a run of an earlier version, which cannot go on: choose "
            "another --workdir (its model can still be evaluated)"
        )

    def _holds_files(self) -> bool:
        if not self.path.exists():
            return False
        found = {*self.path.iterdir(), *self._checkpoints.glob("*")}
        # A process that holds the lock has made this much, and one that was killed left the rest.
        return bool(found - {self._checkpoints, self.lock, *self._leftovers()})

    def claim(self, settings: TrainingSettings, mice: Sequence[Mouse], uses: Uses) -> None:
        """Makes the folder that of a run with these settings on these recordings.

        Args:
          settings: of the run.
          mice: those that the settings name.
          uses: the signals and trials that the run's model uses.

        Raises:
          SensoriumError: as `check`, or if the folder cannot be written.
        """
        self.check(settings, mice)
        if not self._config.exists():
            recordings = {mouse.name: mouse.fingerprint for mouse in mice}
            content = {
                **settings.to_json(),
                _RECORDINGS: recordings,
                _NEURONS: {mouse.name: mouse.n_neurons for mouse in mice},
                _USES: uses.on({mouse.name: mouse.recording_id for mouse in mice}).to_json(),
            }
            if self._new_seeds:
                content[_SEEDS] = self._new_seeds
            with atomic_write(self._config) as file:
                json.dump(content, file, indent=2)

    def settings(self) -> TrainingSettings:
        """Returns the settings of the run in the folder.

        Raises:
          SensoriumError: if there is no run in it.
        """
        settings = self._read_config()
        for key in (_RECORDINGS, _NEURONS, _SEEDS, _USES):
            settings.pop(key, None)
        try:
            return TrainingSettings.from_json(settings)
        except SensoriumError as e:
            raise SensoriumError(f"{self._config}: {e}") from e

    def uses(self, model: FiringRateModel | EnsembleModel) -> Uses:
        """Returns the signals and trials that the run uses.

        Args:
          model: of the run, which tells whether it is given the pupil center.

        Raises:
          SensoriumError: if there is no run in it.
        """
        uses = self._read_config().get(_USES, {})
        before = uses.get("seen_before")
        return dataclasses.replace(
            self.settings().uses,
            pupil_center=bool(model.shifters),
            seen_before=tuple((mouse, tuple(t)) for mouse, t in (before or {}).items() if t),
            # Runs of earlier versions do not tell all.
            start_known=before is not None and uses.get("start_known") is True,
            unfinished=self._unfinished(),
            recording_ids=tuple(uses.get("recording_ids", {}).items()),
        )

    def seeds(self) -> list[int]:
        """Returns the seeds of the members, none if it is a single run's folder.

        Raises:
          SensoriumError: if there is no run in it.
        """
        return list(self._read_config().get(_SEEDS, ()))

    def fingerprints(self) -> dict[str, str]:
        """Returns the fingerprint of each mouse, neurons and all, that the run was trained on.

        Raises:
          SensoriumError: if there is no run in it.
        """
        return dict(self._read_config().get(_RECORDINGS, {}))

    def member(self, seed: int) -> Path:
        """Returns the workdir of the member with this seed."""
        return self.path / "members" / f"seed{seed}"

    def _member_is_there(self, seed: int) -> bool:
        return (self.member(seed) / self.model_file.name).exists()

    def sweep(self) -> None:
        """Deletes what killed processes left half written. Only for the process with the lock."""
        for leftover in self._leftovers():
            leftover.unlink(missing_ok=True)

    def _leftovers(self) -> list[Path]:
        """Returns the files that were to take the place of others, as `atomic_write` names them."""
        patterns = (f".*.{_RANDOM}.tmp", f".*.{_RANDOM}.keras")
        return [
            path
            for folder in (self.path, self._checkpoints)
            for pattern in patterns
            for path in folder.glob(pattern)
        ]

    def check_recording(self, mouse: Mouse) -> None:
        """Raises SensoriumError if the run was trained on another recording of this name."""
        trained = self.fingerprints().get(mouse.name)
        if trained not in (None, mouse.fingerprint):
            raise SensoriumError(
                f"{mouse.name} in {mouse.data_path} is not the recording that the run in "
                f"{self.path} was trained on: prepare that one again, or train anew"
            )

    def _read_config(self) -> dict[str, Any]:
        try:
            config = read_json(self._config)
            parts = ((_RECORDINGS, dict), (_NEURONS, dict), (_SEEDS, list), (_USES, dict))
            if not isinstance(config, dict) or not all(
                isinstance(config.get(key, kind()), kind) for key, kind in parts
            ):
                raise ValueError("its parts are of other kinds")
            seeds = config.get(_SEEDS, [])
            if any(type(seed) is not int or seed < 0 for seed in seeds):
                raise ValueError("its seeds are not whole numbers of 0 or more")
            before = config.get(_USES, {}).get("seen_before", {})
            if not isinstance(before, dict) or not all(
                tiers is None or (isinstance(tiers, list) and all(type(t) is str for t in tiers))
                for tiers in before.values()
            ):
                raise ValueError("what it started from had seen no list of tiers")
            ids = config.get(_USES, {}).get("recording_ids", {})
            if not isinstance(ids, dict) or any(type(each) is not str for each in ids.values()):
                raise ValueError("its recording_ids are not text")
            return config
        except FileNotFoundError as e:
            raise SensoriumError(
                f"workdir {self.path}: no run in it (no config.json): train one with python "
                f"launch/train.py --workdir={self.path}"
            ) from e
        except AccessError:
            raise
        except (ValueError, RecursionError) as e:
            raise SensoriumError(
                f"{self._config}: not the configuration of a run ({one_line(e)[:200]}): train in a "
                "new --workdir"
            ) from e

    def load_model(self) -> FiringRateModel | EnsembleModel:
        """Returns the best model of the run.

        Raises:
          SensoriumError: if there is none yet, or its file is damaged.
        """
        self.settings()  # that there is no run is said first
        if not self.model_file.exists():
            missing = [seed for seed in self.seeds() if not self._member_is_there(seed)]
            if missing:
                raise SensoriumError(
                    f"{self.path}: the members with seeds {', '.join(map(str, missing))} have not "
                    "been trained yet: run the training command again"
                )
            raise SensoriumError(
                f"{self.model_file}: no model there: has the training finished an epoch?"
            )
        model = load_model(self.model_file)
        if not self.fits(model):
            mice = ", ".join(f"{m} with {r.n_neurons} neurons" for m, r in model.readouts.items())
            raise SensoriumError(
                f"{self.model_file}: is not this run's model ({mice}, images {model.image_shape}): "
                "run the training command again to restore it"
            )
        return model

    def fits(self, model: FiringRateModel | EnsembleModel) -> bool:
        """Tells whether a model has the mice, their neurons and the images of the run's.

        Raises:
          SensoriumError: if there is no run in the folder.
        """
        settings = self.settings()
        # Runs of earlier versions do not tell how many neurons.
        n_neurons = self._read_config().get(_NEURONS, {})
        return (
            model.image_shape == image_shape(settings.track)
            and model.mice == settings.mice
            and all(
                readout.n_neurons == n_neurons.get(mouse, readout.n_neurons)
                for mouse, readout in model.readouts.items()
            )
        )

    def save_model(self, model: keras.Model) -> None:
        """Replaces the best model; a kill meanwhile leaves the one before."""
        save_model(model, self.model_file)

    def save_checkpoint(
        self, n_steps: int, state: dict[str, Any], arrays: dict[str, np.ndarray]
    ) -> None:
        """Adds a checkpoint and keeps the one before; a kill meanwhile leaves both.

        Args:
          n_steps: that the run has taken, by which checkpoints are ordered.
          state: JSON values.
          arrays: name to array; no name is `state`.
        """
        path = self._checkpoints / f"{n_steps:09d}.npz"
        with atomic_write(path, "wb") as file:
            np.savez(file, **{_STATE: np.array(json.dumps(state))}, **arrays)
        for old in self._saved()[_KEPT_CHECKPOINTS:]:
            old.unlink(missing_ok=True)

    @property
    def has_checkpoint(self) -> bool:
        """Whether a run has begun here that can go on."""
        return bool(self._saved())

    def resume(self, load: Callable[[dict[str, Any], dict[str, np.ndarray]], None]) -> bool:
        """Goes back to the newest checkpoint that is intact.

        Args:
          load: takes over what `save_checkpoint` was given; raises KeyError, TypeError or
            ValueError, and changes nothing, if that is not all there.

        Returns:
          Whether there was one.

        Raises:
          AccessError: if the newest one cannot be read.
          SensoriumError: if there are checkpoints, but all are damaged.
        """
        saved = self._saved()
        for path in saved:
            try:
                state, arrays = _read_checkpoint(path)
                load(state, arrays)
            except MemoryError as e:
                raise SensoriumError(f"{path}: cannot be read ({one_line(e)})") from e
            except AccessError:
                raise  # what cannot be read now may be intact
            # Damaged content leads to many kinds of error.
            except Exception as e:
                error, damaged = e, path
                warnings.warn(f"{path}: damaged ({one_line(e)[:200]}): left out", stacklevel=2)
            else:
                return True
        if saved:
            raise SensoriumError(
                f"{damaged}: damaged ({one_line(error)[:200]}), like all checkpoints there: delete "
                "the workdir and train again"
            ) from error
        return False

    def _unfinished(self) -> str:
        """Returns how far a run has come that is not finished; nothing where that is not known."""
        planned = self.settings().epochs
        if self.seeds():
            return ""  # an ensemble's model is there when all members are
        if not self._saved():
            # Somebody may have deleted the checkpoints of a finished run.
            return "" if self._metrics.exists() else f"0 of at most {planned} epochs"
        try:
            state = _read_state(self._saved()[0])
            n_epochs, stopped = len(state["epochs"]), bool(state["stopped"])
        except Exception:  # damaged content leads to many kinds of error
            return ""
        return "" if stopped or n_epochs >= planned else f"{n_epochs} of at most {planned} epochs"

    def _saved(self) -> list[Path]:
        """Returns the checkpoints, the newest first."""
        return sorted(self._checkpoints.glob("[0-9]*.npz"), reverse=True)

    def write_metrics(self, epochs: list[dict[str, Any]]) -> None:
        """Writes `metrics.jsonl`: a line for each epoch so far."""
        with atomic_write(self._metrics) as file:
            file.writelines(json.dumps(epoch) + "\n" for epoch in epochs)


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Returns the state and the arrays of a checkpoint, which is as large as the file."""
    with open_arrays(path, expansion=1) as arrays:
        state = json.loads(str(arrays.read(_STATE)))
        return state, {name: arrays.read(name) for name in arrays.headers if name != _STATE}


def _read_state(path: Path) -> dict[str, Any]:
    with open_arrays(path, expansion=1) as arrays:
        return json.loads(str(arrays.read(_STATE)))


def _difference(theirs: dict[str, Any], ours: dict[str, Any]) -> str:
    """Names the settings in which two runs differ."""
    parts = []
    for key in theirs.keys() | ours.keys():
        there, here = theirs.get(key), ours.get(key)
        if isinstance(there, dict) and isinstance(here, dict):
            if there != here:
                parts.append(_difference(there, here))
        elif there != here:
            parts.append(f"{key} {there} there, {here} here")
    return "; ".join(sorted(parts))
