"""What of a run's settings does not go together, each in one line."""

import dataclasses
from collections.abc import Callable

from sensorium_tf.choices import TrainingChoices
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recipes import Recipe
from sensorium_tf.registry import RECIPES
from sensorium_tf.specs import PAST_RESPONSES, POOLED


def check_together(settings: TrainingChoices) -> None:
    """Raises SensoriumError if some settings do not go together."""
    _check_schedule(settings)
    _check_movies(settings)
    fields = settings.__dataclass_fields__
    stages = settings.stages
    if again := [mouse for mouse in stages.pretrain_mice if mouse in settings.mice]:
        raise SensoriumError(f"pretrain_mice: {again[0]} is a target mouse: leave it out")
    members = (
        dataclasses.replace(settings.architecture, **stages.parts_of_member(index))
        for index in range(settings.n_members or 1)
    )
    if stages.pretrain_mice and not any(each.shares_weights for each in members):
        raise SensoriumError(
            "pretrain_mice: the core has no weights that other mice could train: leave them out "
            "(distil_images shows a student their images)"
        )
    settings.distillation.check(
        learns=bool(stages.distil or settings.distillation.distil_from),
        takes_past=PAST_RESPONSES in settings.signals,
    )
    if settings.freeze_core and settings.init_from is None:
        raise SensoriumError("freeze_core: goes with init_from: a random core cannot be frozen")
    custom = settings.architecture.function is not None
    for name, signal in (("past_tiers", PAST_RESPONSES), ("behavior_scale", "behavior")):
        default = fields[name].default
        changed = getattr(settings, name) != default
        if changed and signal not in settings.signals and not (custom and settings.rules.context):
            raise SensoriumError(
                f"{name}: goes with a model that is given {signal.replace('_', ' ')}, but this "
                f"one is given only {', '.join(settings.signals).replace('_', ' ')}"
            )
    if (wanted := settings.architecture.shifter_wanted) and not settings.rules.context:
        tracks = [each.name for each in settings.benchmark.tracks.values() if each.context]
        raise SensoriumError(
            f"{wanted}: this model has no shifter, which goes with track {' or '.join(tracks)}"
        )


def _check_schedule(settings: TrainingChoices) -> None:
    """Refuses settings of another schedule than the recipe's."""
    for field in dataclasses.fields(settings.schedule):
        if getattr(settings.schedule, field.name) != field.default:
            _check_recipe(settings, field.name, lambda each, n=field.name: n in each.scheduled)
    if settings.joint_core:
        _check_recipe(settings, "joint_core", lambda recipe: recipe.joint_core)
    if settings.stages.budget_minutes is not None:
        _check_recipe(settings, "budget_minutes", lambda recipe: recipe.ramps)


def _check_recipe(settings: TrainingChoices, name: str, fits: Callable[[Recipe], bool]) -> None:
    """Refuses a setting that goes with other recipes alone."""
    if not fits(settings.how):
        fitting = [each for each in RECIPES.names() if fits(RECIPES[each])]
        word = "recipe" if len(fitting) == 1 else "recipes"
        raise SensoriumError(f"{name}: goes with the {word} {' and '.join(fitting)} alone")


def _check_movies(settings: TrainingChoices) -> None:
    """Refuses what is of movies alone where there are images, and the other way round."""
    if not settings.has_time:
        if settings.movies.window is not None:
            raise SensoriumError(f"window: goes with movies, not with {settings.challenge}")
        if settings.movies.statistics != POOLED:
            raise SensoriumError(f"statistics: goes with movies, not with {settings.challenge}")
        return
    distillation = settings.distillation
    of_images = {
        "distil": settings.stages.distil,
        "distil_from": distillation.distil_from,
        "distil_images": distillation.distil_images,
        "past_tiers": settings.past_tiers,
    }
    for name, chosen in of_images.items():
        if chosen:
            raise SensoriumError(f"{name}: goes with images, not with movies: leave it out")
