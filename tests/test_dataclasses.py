"""What holds arrays is compared by identity: `==` of arrays is no truth value."""

import collections.abc
import dataclasses
import importlib
import pkgutil
import typing

import numpy as np
import pytest

import sensorium_tf


def dataclasses_of_the_package():
    """Yields every dataclass that a module of the package defines."""
    for info in pkgutil.walk_packages(sensorium_tf.__path__, "sensorium_tf."):
        if info.name.startswith(("sensorium_tf.launch", "sensorium_tf.__main__")):
            continue  # the command line: importing it would define or run its commands
        module = importlib.import_module(info.name)
        for value in vars(module).values():
            if (
                isinstance(value, type)
                and dataclasses.is_dataclass(value)
                and value.__module__ == module.__name__
            ):
                yield value


def holds_arrays(annotation):
    """Tells whether a field of a type is, or contains, what does not compare by value."""
    origin = typing.get_origin(annotation)
    if origin in (collections.abc.Callable, type):
        return False
    if origin is not None or typing.get_args(annotation):
        return any(holds_arrays(each) for each in typing.get_args(annotation))
    if not isinstance(annotation, type):
        return False
    if dataclasses.is_dataclass(annotation):
        return not annotation.__dataclass_params__.eq
    return issubclass(annotation, np.ndarray) or annotation.__name__ == "Variable"


def compared_wrongly(classes):
    return [
        f"{each.__module__}.{each.__qualname__}"
        for each in classes
        if each.__dataclass_params__.eq
        and any(map(holds_arrays, typing.get_type_hints(each).values()))
    ]


def test_dataclasses_that_hold_arrays_are_compared_by_identity():
    found = list(dataclasses_of_the_package())
    assert {"Trials", "Scores", "Statistics"} <= {each.__name__ for each in found}
    assert compared_wrongly(found) == []


@dataclasses.dataclass
class Nothing:
    function: collections.abc.Callable[..., np.ndarray]
    names: tuple[str, ...]


@dataclasses.dataclass(eq=False)
class Identity:
    values: np.ndarray


@dataclasses.dataclass
class Array:
    values: np.ndarray | None


@dataclasses.dataclass
class Nested:
    values: collections.abc.Mapping[str, tuple[np.ndarray, ...]]


@dataclasses.dataclass
class Holder:
    each: dict[str, Identity]


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [(Nothing, False), (Identity, False), (Array, True), (Nested, True), (Holder, True)],
)
def test_arrays_are_found_in_unions_mappings_and_other_dataclasses(cls, wrong):
    assert bool(compared_wrongly([cls])) is wrong
