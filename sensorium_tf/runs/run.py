"""A trained model with what must be known to use it: from a run's folder or a lone file."""

import dataclasses
import functools
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sensorium_tf.challenges import Challenge, challenge_of
from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.opening import load_mouse
from sensorium_tf.data.subset import Subset
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.models import EnsembleModel, FiringRateModel, normalize_coordinates, same_places
from sensorium_tf.runs.model_file import load_model
from sensorium_tf.runs.predictor import check_n_neurons, predict
from sensorium_tf.runs.provenance import Provenance
from sensorium_tf.runs.record import RunRecord
from sensorium_tf.runs.store import RunStore

if TYPE_CHECKING:
    from sensorium_tf.settings import TrainingSettings


@dataclasses.dataclass(frozen=True)
class Run:
    """A trained model with all that is known of it, such as `Run("runs/cnn")`.

    Attributes:
        path: Workdir of a run, or its `model.keras`, which is the same; or a lone `.keras` file,
            trained or imported. It is opened when it is first needed, and what is wrong with it is
            a `SensoriumError` then.
        data_dir: Where the prepared datasets are; TFDS's default if None.
    """

    path: str | os.PathLike
    data_dir: str | os.PathLike | None = None

    def __post_init__(self):
        if not isinstance(self.path, str | os.PathLike):
            raise SensoriumError(f"run {self.path!r}: expected a workdir or a model file")

    @classmethod
    def of(cls, run: "Run | str | os.PathLike", data_dir: str | os.PathLike | None = None) -> "Run":
        """Returns a run, or the one at a path.

        Args:
            run: A run, or its workdir or model file.
            data_dir: Where the prepared datasets are; if None where the run's are.

        Raises:
            SensoriumError: If it is neither a run nor a path.
        """
        if not isinstance(run, Run):
            return cls(run, data_dir)
        return run if data_dir is None else dataclasses.replace(run, data_dir=data_dir)

    @classmethod
    def of_file(cls, path: str | os.PathLike) -> Self:
        """Opens a model file, never a folder.

        Raises:
            SensoriumError: If there is none, or it is damaged or of another kind.
        """
        run = cls(path)
        vars(run)["_opened"] = _open_file(path)
        return run

    @property
    def model(self) -> FiringRateModel | EnsembleModel:
        """The Keras model with the best weights."""
        return self._opened.model

    @property
    def store(self) -> RunStore | None:
        """The folder of the run; None for a lone file, and for one copied over a run's model."""
        return self._opened.store

    @property
    def record(self) -> RunRecord | None:
        """What the folder says of the run; None for a lone file."""
        return self._opened.record

    @property
    def settings(self) -> "TrainingSettings | None":
        """How it was trained; None for a lone file, which does not tell."""
        return None if self.record is None else self.record.settings

    @property
    def name(self) -> str:
        """What the model is called: by the parts that were chosen, or as its maker called it."""
        return self.model.name if self.store is None else self.store.model_name()

    @property
    def track(self) -> str:
        """The model's track: `sensorium` or `sensorium_plus`."""
        return self.provenance.track

    @property
    def challenge(self) -> Challenge:
        """The benchmark whose mice the model is for."""
        return challenge_of(self.model.inputs.challenge)

    @property
    def subset(self) -> Subset:
        """The neurons and trials that it was trained on; all for a lone file."""
        return Subset() if self.settings is None else self.settings.subset

    @property
    def mice(self) -> tuple[str, ...]:
        """Names of the model's mice."""
        return self.model.mice

    @functools.cached_property
    def provenance(self) -> Provenance:
        """The signals and trials that the model uses."""
        opened = self._opened
        if opened.record is not None:
            return dataclasses.replace(
                opened.record.provenance, unfinished=opened.store.unfinished()
            )
        model = opened.model
        given = model.inputs
        return Provenance(
            mice=model.mice,
            track=given.track,
            inputs=given.signals,
            past_tiers=given.past_tiers,
        )

    @property
    def folder(self) -> Path:
        """Where its files are and go.

        The workdir or, for a lone file `a.keras`, the folder `a_results` beside it.
        """
        if self.store is not None:
            return self.store.path
        path = expand(self.path)
        return path.with_name(f"{path.stem}_results")

    @property
    def members(self) -> Mapping[str, FiringRateModel]:
        """Of an ensemble, what each member is called and its model; empty for a single model."""
        if not isinstance(self.model, EnsembleModel):
            return {}
        named = zip(self.model.member_names, self.model.members, strict=True)
        return {f"member, {name}": member for name, member in named}

    def load_mice(self, names: Iterable[str] | None = None) -> list[Mouse]:
        """Opens prepared mice of the model, none of whose trials are read yet.

        Args:
            names: Some of the model's mice; all of them if left out.

        Raises:
            SensoriumError: If the model or the data folder has no such mouse, or the recording is
                not one that the model can be used on.
        """
        names = self.mice if names is None else tuple(names)
        for name in names:
            self._one(name)
        mice = []
        for name in names:
            opened = load_mouse(name, data_dir=self.data_dir, challenge=self.challenge)
            mouse = self.subset.neurons_of(opened)
            self._check(mouse)
            mice.append(mouse.given_as(self.model.inputs))
        return mice

    def mouse(self, name: str | None = None) -> Mouse:
        """Opens one of the model's mice, with the neurons that the model knows.

        Args:
            name: Which; may be left out if there is one alone.

        Raises:
            SensoriumError: If it is not one of the model's, or the recording is another one.
        """
        (mouse,) = self.load_mice([self._one(name)])
        return mouse

    def predict(self, tier: str = "test", *, mouse: str | None = None) -> np.ndarray:
        """Returns the rates `(trials, neurons)` of a tier, in units of the responses' std.

        Of movies they are `(frames, neurons)`, of the frames that are scored, trial after trial.

        Args:
            tier: Which trials.
            mouse: Of the model's; may be left out if there is one alone.

        Raises:
            SensoriumError: If there is no such tier or mouse.
        """
        trials = self.mouse(mouse).trials(tier)
        return predict(self.model, trials)

    def history(self) -> list[dict[str, Any]]:
        """Returns the lines of `metrics.jsonl`, one an epoch.

        Raises:
            SensoriumError: If it is a lone model file or an ensemble, which have none, or one that
                is damaged.
        """
        if self.store is None or self.members or not self.store.metrics.is_file():
            raise SensoriumError(f"{self.folder}: only a single run has a history")
        return self.store.read_metrics()

    @functools.cached_property
    def _opened(self) -> "_Opened":
        path = expand(self.path)
        if path.is_file() or (path.suffix == ".keras" and not path.is_dir()):
            return _open_file(self.path)
        store = RunStore(path)
        record = store.record()
        return _Opened(model=_load_model(store, record), store=store, record=record)

    def _one(self, name: str | None) -> str:
        if name is not None and name not in self.mice:
            raise SensoriumError(
                f"mouse {name!r} is not one that the model was trained on: {', '.join(self.mice)}"
            )
        if name is None and len(self.mice) > 1:
            raise SensoriumError(f"name one of the model's mice: {', '.join(self.mice)}")
        return self.mice[0] if name is None else name

    def _check(self, mouse: Mouse) -> None:
        check_n_neurons(self.model, mouse.name, mouse.n_neurons)
        if self.store is not None:
            self.store.check_recording(mouse)
            return
        places = self.model.readouts[mouse.name].coordinates
        if places is None:
            return
        if not same_places(places, normalize_coordinates(mouse.cell_motor_coordinates)):
            warnings.warn(
                f"{mouse.name}: its neurons lie elsewhere in cortex than those that the model "
                "was trained on: is it another recording?",
                stacklevel=4,
            )


@dataclasses.dataclass(frozen=True)
class _Opened:
    """What there is at a path."""

    model: FiringRateModel | EnsembleModel
    store: RunStore | None = None
    record: RunRecord | None = None


def _open_file(path: str | os.PathLike) -> _Opened:
    """Opens a model file: as its run if it lies in the run's folder, else by itself."""
    path = expand(path)
    store, record = RunStore(path.parent), None
    if store.model_file == path and store.begun:
        # Its parts may be of modules that the record names.
        record = store.record()
    model = load_model(path)
    # A file may have been copied over the run's.
    if record is not None and _fits(model, record):
        return _Opened(model=model, store=store, record=record)
    return _Opened(model=model)


def _load_model(store: RunStore, record: RunRecord) -> FiringRateModel | EnsembleModel:
    """Returns the best model of a run."""
    if not store.model_file.exists():
        if missing := store.missing_stages():
            raise SensoriumError(
                f"{store.path}: not finished: {', '.join(missing)} not trained yet: run the "
                "training command again"
            )
        raise SensoriumError(
            f"{store.model_file}: no model there: has the training finished an epoch?"
        )
    model = load_model(store.model_file)
    if not _fits(model, record):
        mice = ", ".join(f"{m} with {r.n_neurons} neurons" for m, r in model.readouts.items())
        raise SensoriumError(
            f"{store.model_file}: is not this run's model ({mice}, images {model.image_shape}): "
            "run the training command again to restore it"
        )
    return model


def _fits(model: FiringRateModel | EnsembleModel, record: RunRecord) -> bool:
    """Tells whether a model has the mice, their neurons and the images of the run's."""
    n_neurons = [(mouse, readout.n_neurons) for mouse, readout in model.readouts.items()]
    return (
        (model.inputs.track, model.inputs.signals)
        == (record.provenance.track, record.provenance.inputs)
        and model.mice == record.settings.mice
        and n_neurons == list(record.n_neurons.items())
    )
