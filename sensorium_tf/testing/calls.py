"""How a part is called when it is checked."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from sensorium_tf.models.base import PartBase

#: Of one trial of an argument: a shape, several of them in a list, or by name.
Shape = tuple[int, ...] | list[tuple[int, ...]] | dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Call:
    """How a part is called, and what it is to give.

    Attributes:
        shape: Of one trial of the first argument.
        gives: Shape of one trial of the result; None for what the part says itself.
        more: Name of each other argument to its shape, or shapes by name.
        rates: Whether the result is rates.
        positive: Whether the first argument is.
        movies: Whether the first axis of a trial is its frames, of which there may be any number.
    """

    shape: Shape
    gives: tuple[int, ...] | None = None
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    rates: bool = False
    positive: bool = False
    movies: bool = False

    def arguments(self, n_trials: int) -> tuple[Any, dict[str, Any]]:
        """Returns noise for the first argument, and for the others by name."""
        rng = np.random.default_rng(0)
        draw = lambda s: rng.normal(size=(n_trials, *s)).astype("float32")  # noqa: E731
        first = _each(draw, self.shape)
        return np.abs(first) if self.positive else first, _each(draw, self.more)

    def symbols(self) -> tuple[Any, dict[str, Any]]:
        """Returns Keras inputs likewise, for any number of trials and frames."""
        return _each(self._symbol, self.shape), _each(self._symbol, self.more)

    def any_number(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of one trial with what there may be any number of left open."""
        return (None, *shape[1:]) if self.movies else shape

    def _symbol(self, shape: tuple[int, ...]) -> keras.KerasTensor:
        return keras.Input(self.any_number(shape))

    def batch_shape(self, n_trials: int | None) -> Any:
        """Returns the shape of the first argument with so many trials."""
        return _each(lambda shape: (n_trials, *shape), self.shape)

    def build(self, part: PartBase) -> None:
        """Builds a part for the arguments."""
        shape, signals = (
            _each(lambda shape: (None, *self.any_number(shape)), each)
            for each in (self.shape, self.more.get("signals", {}))
        )
        part.build(shape, *([signals] if signals else []))


def call(part: PartBase, first: Any, others: dict[str, Any], **training: bool) -> Any:
    """Calls a part, with `training` if it knows that."""
    if "training" not in inspect.signature(part.call).parameters:
        training = {}
    return part(first, **others, **training)


def _each(make: Callable, shapes: Any) -> Any:
    """Returns what is made of each shape, in the form that the shapes have."""
    if isinstance(shapes, dict):
        return {name: _each(make, shape) for name, shape in shapes.items()}
    if isinstance(shapes, list):
        return [make(shape) for shape in shapes]
    return make(shapes)
