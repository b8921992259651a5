"""A trained model with what must be known to use it: from a run's folder or a lone file."""

import contextlib
import dataclasses
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sensorium_tf.data import Mouse, Subset, load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.files import expand
from sensorium_tf.models import EnsembleModel, FiringRateModel, normalize_coordinates, same_places
from sensorium_tf.tracks import track_of
from sensorium_tf.training.model_file import load_model
from sensorium_tf.training.prediction import check_n_neurons
from sensorium_tf.training.uses import Uses
from sensorium_tf.training.workdir import Workdir


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """A model, and what is known of how it was trained.

    Attributes:
      model: with the best weights.
      name: of the baseline, `cnn` or `ln`, or what its maker called the model.
      track: `sensorium` or `sensorium_plus`.
      folder: where its scores and submissions go if nobody says where: the workdir or, for a lone
        file `a.keras`, the folder `a_results` beside it.
      uses: the signals and trials that it uses.
      workdir: of the run that trained it; None for a lone file, which is any that is not the
        `model.keras` of its run's workdir.
      subset: the neurons and trials that it was trained on; all for a lone file, which does not
        tell.
      members: of an ensemble, what each is called and its model; empty for a single model.
    """

    model: FiringRateModel | EnsembleModel
    name: str
    track: str
    folder: Path
    uses: Uses
    workdir: Workdir | None = None
    subset: Subset = dataclasses.field(default_factory=Subset)
    members: Mapping[str, FiringRateModel] = dataclasses.field(default_factory=dict)

    def load_mice(
        self, names: Iterable[str] | None = None, *, data_dir: str | os.PathLike | None = None
    ) -> list[Mouse]:
        """Opens prepared mice of the model, none of whose trials are read yet.

        Args:
          names: some of the model's mice; all of them if left out.
          data_dir: where the prepared datasets are; TFDS's default if left out.

        Raises:
          SensoriumError: if the model or the data folder has no such mouse, or the recording is
            not one that the model can be used on.
        """
        names = self.model.mice if names is None else tuple(names)
        for name in names:
            if name not in self.model.mice:
                raise SensoriumError(
                    f"mouse {name!r} is not one that the model was trained on: "
                    f"{', '.join(self.model.mice)}"
                )
        mice = [self.subset.neurons_of(load_mouse(name, data_dir=data_dir)) for name in names]
        for mouse in mice:
            self._check(mouse)
        return mice

    def _check(self, mouse: Mouse) -> None:
        check_n_neurons(self.model, mouse.name, mouse.n_neurons)
        if self.workdir is not None:
            self.workdir.check_recording(mouse)
            return
        places = getattr(self.model.readouts[mouse.name], "coordinates", None)
        if places is None:
            return
        if not same_places(places, normalize_coordinates(mouse.cell_motor_coordinates)):
            warnings.warn(
                f"{mouse.name}: its neurons lie elsewhere in cortex than those that the model "
                "was trained on: is it another recording?",
                stacklevel=3,
            )


def open_trained(path: TrainedModel | str | os.PathLike) -> TrainedModel:
    """Opens a trained model.

    Args:
      path: the workdir of a run, or its `model.keras`, which is the same; or a lone `.keras` file
        of this package, trained or imported. A model that is open already is returned as it is.

    Raises:
      SensoriumError: if there is none, or it is damaged or of another kind.
    """
    if isinstance(path, TrainedModel):
        return path
    path = expand(path)
    if path.is_file() or (path.suffix == ".keras" and not path.is_dir()):
        return open_model_file(path)
    workdir = Workdir(path)
    return _of_run(workdir, workdir.load_model())


def open_model_file(path: str | os.PathLike) -> TrainedModel:
    """Opens a model file: as its run if it lies in the run's workdir, else by what it tells itself.

    Raises:
      SensoriumError: if there is none, or it is damaged or of another kind.
    """
    model, path = load_model(path), expand(path)
    workdir = _run_of_file(path, model)
    return _lone(path, model) if workdir is None else _of_run(workdir, model)


def _run_of_file(path: Path, model: FiringRateModel | EnsembleModel) -> Workdir | None:
    """Returns the workdir in which a file is the run's model; None for a lone file."""
    workdir = Workdir(path.parent)
    if workdir.model_file == path:
        with contextlib.suppress(SensoriumError):  # no run there
            # A file may have been copied over the run's.
            return workdir if workdir.fits(model) else None
    return None


def _of_run(workdir: Workdir, model: FiringRateModel | EnsembleModel) -> TrainedModel:
    """Returns a run's model with what the run tells."""
    settings = workdir.settings()
    return TrainedModel(
        model=model,
        name=settings.model,
        track=settings.track,
        folder=workdir.path,
        uses=workdir.uses(model),
        workdir=workdir,
        subset=settings.subset,
        members=_members(model, workdir.seeds()),
    )


def _lone(path: Path, model: FiringRateModel | EnsembleModel) -> TrainedModel:
    """Returns what a file tells by itself."""
    try:
        track = track_of(model.image_shape)
    except SensoriumError as e:
        raise SensoriumError(f"{path}: {e}") from e
    return TrainedModel(
        model=model,
        name=model.name,
        track=track,
        folder=path.with_name(f"{path.stem}_results"),
        uses=Uses(mice=model.mice, track=track, pupil_center=bool(model.shifters)),
        members=_members(model),
    )


def _members(
    model: FiringRateModel | EnsembleModel, seeds: Sequence[int] = ()
) -> dict[str, FiringRateModel]:
    if not isinstance(model, EnsembleModel):
        return {}
    names = [f"seed {seed}" for seed in seeds]
    if len(names) != len(model.members):  # a lone file does not know them
        names = [str(number) for number in range(1, 1 + len(model.members))]
    return {f"member, {name}": member for name, member in zip(names, model.members, strict=True)}
