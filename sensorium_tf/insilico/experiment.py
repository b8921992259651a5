"""What all experiments have in common: a model, and which of its neurons."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.chosen import Model
from sensorium_tf.insilico.held import State
from sensorium_tf.insilico.neurons import Neurons

_NEURONS = {
    "model": "A model, an ensemble (whose rate is its members' mean), a run or its path; or the "
    "`Neurons` themselves, instead of the four that choose them.",
    "unit_ids": "Which neurons, by the ids of the recording, which a run knows; all if neither "
    "these nor columns are given.",
    "columns": "Which neurons, by their 0-based column of the rates.",
    "mouse": "One of the model's; may be left out if there is one alone.",
    "state": "Context signal to the `(columns,)` values at which it is held; those that are left "
    "out are held at their medians over the training trials.",
}
_OF_MOVIES = "direction_tuning, temporal_frequency_tuning or most_exciting_movie"
_RAISES = "Raises:\n        SensoriumError: If an argument is not possible.\n    "
_ARGUMENT = 8 * " "


def option(default: Any, doc: str) -> Any:
    """Returns a field of options that `experiment` shares: as `setting`, without its checks.

    Args:
        default: Its value where nobody gives one.
        doc: What it is, in a sentence.
    """
    return dataclasses.field(default=default, metadata={"doc": doc})


def experiment(*shared: type, movies: bool = False) -> Callable[[Callable], Callable]:
    """Makes an experiment of a function: one that takes a model and says which of its neurons.

    What such functions share is written once. The function takes `Neurons`, then one of each of
    `shared`, then data such as images, and its own options by keyword. The experiment takes a
    model, the data, and by keyword what chooses neurons, the fields of `shared`, and the options;
    its documentation and its signature say so.

    Args:
        *shared: Dataclasses whose fields have a `doc`, as those of `setting` and `option` do.
        movies: Whether it shows movies instead of images; a model of the others is refused.
    """

    def decorate(function: Callable) -> Callable:
        signature, documentation = _public(function, shared)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs).arguments
            neurons = Neurons.of(
                given.pop("model"), **{n: given.pop(n, None) for n in [*_NEURONS][1:]}
            )
            check_stimulus(function.__name__, neurons, movies=movies, instead=_OF_MOVIES)
            chosen = [
                kind(**{n: given.pop(n) for n in _names(kind) if n in given}) for kind in shared
            ]
            return function(neurons, *chosen, **given)

        call.__signature__ = signature
        call.__doc__ = documentation
        return call

    return decorate


def check_stimulus(name: str, neurons: Neurons, *, movies: bool, instead: str) -> None:
    """Raises SensoriumError unless a model is given what an experiment shows.

    Args:
        name: Of the experiment.
        neurons: Of the model.
        movies: Whether it shows movies instead of images.
        instead: What can be done with a model of movies.
    """
    if movies and not neurons.inputs.time:
        raise SensoriumError(
            f"{name}: shows movies, but the model is given images: a static model sees no motion"
        )
    if neurons.inputs.time and not movies:
        raise SensoriumError(
            f"{name}: shows images, but the model is given movies: choose {instead}"
        )


def _names(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def _public(function: Callable, shared: Iterable[type]) -> tuple[inspect.Signature, str]:
    """Returns the signature and the documentation of an experiment."""
    signature = inspect.signature(function)
    own = list(signature.parameters.values())[1 + len([*shared]) :]
    data = [each for each in own if each.kind is each.POSITIONAL_OR_KEYWORD]
    options = [each for each in own if each not in data]
    fields = [field for kind in shared for field in dataclasses.fields(kind)]
    head, _, rest = (function.__doc__ or "").partition("Args:\n")
    written, _, _ = rest.partition("\n\n")
    texts = dict(_arguments(written))
    texts |= {name: f"{name}: {text}" for name, text in _NEURONS.items()}
    texts |= {field.name: f"{field.name}: {field.metadata['doc']}" for field in fields}

    def keyword(name: str, annotation: Any, default: Any = None) -> inspect.Parameter:
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
        )

    first = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter("model", first, annotation=Model | Neurons),
        *data,
        inspect.Parameter("unit_ids", first, annotation=ArrayLike | None, default=None),
        keyword("columns", ArrayLike | None),
        keyword("mouse", str | None),
        keyword("state", State | None),
        *(keyword(field.name, field.type, field.default) for field in fields),
        *options,
    ]
    listed = "\n".join(_ARGUMENT + texts[each.name] for each in parameters)
    documentation = f"{head.rstrip()}\n\n    Args:\n{listed}\n\n    {_RAISES}"
    return signature.replace(parameters=parameters), documentation


def _arguments(written: str) -> Iterable[tuple[str, str]]:
    """Yields the name of each argument that a documentation lists, and its lines."""
    lines: list[str] = []
    for line in [*written.rstrip().splitlines(), ""]:
        begins = line.startswith(_ARGUMENT) and not line.startswith(_ARGUMENT + " ")
        if lines and (begins or not line.strip()):
            text = "\n".join(lines).strip()
            yield text.partition(":")[0], text
            lines = []
        lines.append(line)
