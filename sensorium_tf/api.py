"""The first calls of the way: load, build, train; `evaluation` and `scoring` have the others.

Each is a thin layer over the packages below, and the launchers are shells over these calls.
"""

import dataclasses
import os
import time
from collections.abc import Iterable, Sequence
from typing import Any

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.choices import transforms_of
from sensorium_tf.config import check_names
from sensorium_tf.data import Mouse, Subset, load_mouse, mouse_names
from sensorium_tf.data.common_inputs import inputs_of
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.models import FiringRateModel, ModelSettings, build_model
from sensorium_tf.registry import import_modules, record_modules
from sensorium_tf.runs import Run
from sensorium_tf.runs.stages import MODEL_FILE, stages_of
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.specs import POOLED
from sensorium_tf.training import train_stages, training_pictures

# Of `Subset`, what chooses neurons; the rest is about training.
_OF_NEURONS = ("neurons", "unit_ids", "areas", "layers", "min_fev", "subset_seed")


def load(
    name: str,
    *,
    data_dir: str | os.PathLike | None = None,
    image_size: str | tuple[int, int] | None = None,
    statistics: str = POOLED,
    challenge: Challenge = DEFAULT,
    **neurons: Any,
) -> Mouse:
    """Opens a prepared mouse, with all of its neurons or some.

    Example:
        >>> mouse = sensorium_tf.load("simulated")
        >>> trials = mouse.trials("train")

    Args:
        name: `mouse1` to `mouse7`, `simulated` (prepared on the spot), or a custom one.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        image_size: Height and width at which models are given its images, such as `144x256`, as of
            `Mouse.with_image_size`.
        statistics: By which its movies are normalised, as of `Mouse.with_statistics`.
        challenge: Whose mouse: of one of movies it is a `data.MovieMouse`.
        **neurons: Which: `neurons=500`, `unit_ids`, `areas`, `layers`, `min_fev` and
            `subset_seed`, as of `data.Subset`.

    Raises:
        SensoriumError: If it has not been prepared, or has no such neurons or image size.
    """
    check_names(neurons, _OF_NEURONS, "setting that chooses neurons")
    (name, *others) = mouse_names(name)
    if others:
        raise SensoriumError(f"load: opens one mouse, not {name},{','.join(others)}")
    mouse = load_mouse(name, data_dir=data_dir, challenge=challenge)
    mouse = mouse.with_image_size(image_size).with_statistics(statistics)
    return Subset(**neurons).neurons_of(mouse)


def build(
    name: str,
    mice: Mouse | Sequence[Mouse],
    *,
    track: str | None = None,
    channels: str | Sequence[str] = (),
    behavior_scale: str = "std",
    past_tiers: Sequence[str] = (),
    seed: int | None = None,
    **parts: Any,
) -> FiringRateModel:
    """Makes a model for some mice, untrained.

    Example:
        >>> mouse = sensorium_tf.load("simulated")
        >>> model = sensorium_tf.build("cnn", mouse, core="sensorium(hidden_channels=32)")

    Args:
        name: `cnn` or `ln`, or `package.module:function` that builds a custom model.
        mice: From `load`.
        track: `sensorium` or `sensorium_plus`; that of movies is `main` or `bonus`. The challenge's
            first if left out.
        channels: Signals that are stacked to the image input instead of the track's; a list, or one
            string that joins them by commas.
        behavior_scale: What each behavior is divided by: `std`, `range` or `maximum`.
        past_tiers: Tiers whose responses a model that takes past responses may know; none for train
            and validation.
        seed: Of the weights; None draws them anew each time.
        **parts: The attributes of `models.ModelSettings`, such as `core`, `readout` and
            `hidden_channels`.

    Raises:
        SensoriumError: If there is no such model, or a value is not possible.
    """
    mice = [mice] if isinstance(mice, Mouse) else mice
    opened = isinstance(mice, Sequence) and all(isinstance(mouse, Mouse) for mouse in mice)
    if not (opened and mice) or len({mouse.name for mouse in mice}) < len(mice):
        raise SensoriumError("mice: expected one or several different ones, as load returns them")
    known = [each.name for each in dataclasses.fields(ModelSettings) if each.name != "model"]
    check_names(parts, known, "setting of a model")
    settings = ModelSettings(model=name, **parts)
    challenge = mice[0].challenge
    track = track or challenge.default_track
    inputs = inputs_of(
        mice,
        track=track,
        channels=channels,
        extras=settings.extras(challenge.track(track)),
        transforms=transforms_of(behavior_scale),
        past_tiers=past_tiers,
    )
    coordinates = {mouse.name: mouse.cell_motor_coordinates for mouse in mice}
    return build_model(settings, coordinates, inputs, seed=seed)


def train(
    model: str = "cnn",
    mice: str | Iterable[str] = "simulated",
    *,
    workdir: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    modules: Iterable[str] = (),
    strategy: str = "auto",
    profile: bool = False,
    verbose: bool = True,
    started: float | None = None,
    **settings: Any,
) -> Run:
    """Trains a model, or goes on with a run that was stopped.

    Example:
        >>> run = sensorium_tf.train("cnn", "simulated", workdir="runs/cnn", recipe="fast")
        >>> sensorium_tf.evaluate(run).table()

    Args:
        model: `cnn`, `ln`, or `package.module:function` that builds a custom model.
        mice: Names of prepared mice, or one string that joins them by commas.
        workdir: Folder of the run.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        modules: Custom modules to import first, such as that of a recipe.
        strategy: Where to compute, see `training.make_strategy`.
        profile: Whether to record some steps for TensorBoard's profiler.
        verbose: Whether to say what is trained on what, and to show progress.
        started: When the time of `budget_minutes` began, of `time.monotonic`; now if left out.
        **settings: All else that decides a run: the attributes of `TrainingSettings` and of the
            settings in it (`models.ModelSettings`, `ScheduleSettings`, `data.Subset`,
            `DeviceSettings` and those of the stages, such as `seeds=(0, 1, 2)` for an ensemble),
            side by side.

    Returns:
        The run, or the whole of its stages, with its best weights.

    Raises:
        SensoriumError: If a setting or mouse is not possible, or the workdir holds another run.
        TrainingStopped: If the process got SIGTERM; the run is saved and can go on.
    """
    started = time.monotonic() if started is None else started
    if settings.get("seeds") is not None and "seed" in settings:
        raise SensoriumError("seed and seeds do not go together: choose one")
    modules = list(modules)
    import_modules(modules)
    chosen = TrainingSettings.flat(model=model, mice=mouse_names(mice), **settings)
    if verbose:
        print(chosen.describe())
    results = train_stages(
        chosen,
        workdir,
        data_dir=data_dir,
        strategy=strategy,
        modules=record_modules(modules),
        watch=[training_pictures],
        profile=profile,
        verbose=verbose,
        started=started,
    )
    for result in results if verbose else ():
        print(
            f"{result.model_file}: {len(result.epochs)} epochs; best {result.tier} correlation "
            f"{result.best_score:.4f}"
        )
    if verbose and stages_of(chosen):
        print(f"the model of them all is {expand(workdir) / MODEL_FILE}")
    return Run(workdir, data_dir=data_dir)
