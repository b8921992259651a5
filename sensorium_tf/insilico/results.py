"""What an experiment gives: arrays, the neurons that they are of, and the settings."""

import dataclasses
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sensorium_tf.arrays import open_arrays
from sensorium_tf.errors import SensoriumError
from sensorium_tf.insilico.neurons import Neurons, labels
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.plotting.style import checked
from sensorium_tf.reading import ZIP, parse_json, reading

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The arrays are not compressed.
_EXPANSION = 2
_SPECIAL = ("experiment", "mouse", "settings")


def axes(text: str, *, optional: bool = False) -> Any:
    """Returns the field of an array of a result.

    Args:
        text: Its axes, such as `"neurons height width"`: a word stands for one length in all arrays
            of the result, a number for itself.
        optional: Whether it may be None.
    """
    return dataclasses.field(repr=False, metadata={"axes": text, "optional": optional})


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """What all experiments give.

    Attributes:
        mouse: Name of the mouse.
        columns: `(neurons,)`, each neuron's 0-based column of the model's rates.
        unit_ids: `(neurons,)`; None where the recording was not at hand.
        settings: What decided the experiment, the held context signals among it: JSON values.
    """

    mouse: str
    columns: np.ndarray = axes("neurons")
    unit_ids: np.ndarray | None = axes("neurons", optional=True)
    settings: Mapping[str, Any]

    @property
    def labels(self) -> list[str]:
        """What each neuron is called: by its unit id or, where there is none, its column."""
        return labels(self.columns, self.unit_ids)

    def take(self, columns: np.ndarray) -> Self:
        """Returns the result of some of its neurons.

        Args:
            columns: Their columns of the rates, in the order in which they are wanted.

        Raises:
            SensoriumError: If one of them is not among its neurons.
        """
        places = {column: place for place, column in enumerate(self.columns.tolist())}
        if missing := [each for each in np.asarray(columns).tolist() if each not in places]:
            raise SensoriumError(f"{type(self).__name__}: column {missing[0]} is not among them")
        index = np.array([places[each] for each in np.asarray(columns).tolist()], np.int64)
        chosen = {
            name: getattr(self, name)[index]
            for name in _of_each_neuron(type(self))
            if getattr(self, name) is not None
        }
        return dataclasses.replace(self, **chosen)

    def join(self, other: Self) -> Self:
        """Returns the result of this one's neurons and another one's, which are others.

        Raises:
            SensoriumError: If they are of another experiment, mouse or other settings.
        """
        neurons = _of_each_neuron(type(self))
        same = type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in ("mouse", "settings")
        )
        shared = [name for name in _arrays(type(self)) if name not in neurons]
        if not same or any(
            not np.array_equal(getattr(self, name), getattr(other, name)) for name in shared
        ):
            raise SensoriumError(f"{type(self).__name__}: the other one has other settings")
        pairs = {name: (getattr(self, name), getattr(other, name)) for name in neurons}
        joined = {
            name: None if any(each is None for each in pair) else np.concatenate(pair)
            for name, pair in pairs.items()
        }
        return dataclasses.replace(self, **joined)

    def rows(self) -> list[dict[str, Any]]:
        """Returns, for each neuron, what it is called and each number that there is of it."""
        numbers = {
            name: getattr(self, name)
            for name, field in _arrays(type(self)).items()
            if field.metadata["axes"] == "neurons" and name not in ("columns", "unit_ids")
        }
        return [
            {"neuron": label, **{name: float(values[row]) for name, values in numbers.items()}}
            for row, label in enumerate(self.labels)
        ]

    def save(self, path: str | os.PathLike) -> None:
        """Writes an npz file, which holds no Python objects.

        Raises:
            SensoriumError: If the file cannot be written.
        """
        arrays = {name: getattr(self, name) for name in _arrays(type(self))}
        with atomic_write(path, "wb") as file:
            np.savez(
                file,
                experiment=np.array(type(self).__name__),
                mouse=np.array(self.mouse),
                settings=np.array(json.dumps(self.settings)),
                **{name: values for name, values in arrays.items() if values is not None},
            )

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Reads what `save` wrote, as data: arrays of Python objects are refused.

        Raises:
            SensoriumError: If it is missing, damaged, or another experiment's.
        """
        path = expand(path)
        with reading(
            path,
            f"not a saved {cls.__name__}",
            missing="there is no such file",
            begins=ZIP,
        ):
            with open_arrays(path, expansion=_EXPANSION) as file:
                texts = {name: _text(file.read(name)) for name in _SPECIAL}
                if texts["experiment"] != cls.__name__:
                    raise ValueError(f"it is of {texts['experiment'][:40]!r}")
                fields = _arrays(cls)
                found = {name: file.read(name) for name in fields if name in file.headers}
            settings = parse_json(texts["settings"].encode())
            absent = {name for name in fields if name not in found}
            missing = [name for name in absent if not fields[name].metadata["optional"]]
            if missing or not isinstance(settings, dict):
                raise ValueError(f"{', '.join(sorted(missing)) or 'settings'} missing")
            shapes = {name: (found[name], fields[name].metadata["axes"]) for name in found}
            try:
                checked(shapes, with_nan=found)
            except SensoriumError as e:  # of arrays, which know no file
                raise ValueError(str(e)) from e
        return cls(mouse=texts["mouse"], settings=settings, **found, **dict.fromkeys(absent, None))

    def figure(self) -> "Figure":
        """Returns a Matplotlib figure; each experiment says of what."""
        raise SensoriumError(f"{type(self).__name__}: has no figure")


def of_neurons(neurons: Neurons, **settings: Any) -> dict[str, Any]:
    """Returns what every result says of its neurons and settings, as its arguments."""
    held = {name: np.asarray(values).tolist() for name, values in neurons.state.items()}
    return {
        "mouse": neurons.mouse,
        "columns": neurons.columns,
        "unit_ids": neurons.unit_ids,
        "settings": {**settings, "held": held},
    }


def _arrays(cls: type[Result]) -> dict[str, dataclasses.Field]:
    return {each.name: each for each in dataclasses.fields(cls) if "axes" in each.metadata}


def _of_each_neuron(cls: type[Result]) -> list[str]:
    """Returns the names of the arrays whose first axis is the neurons."""
    fields = _arrays(cls).items()
    return [name for name, field in fields if field.metadata["axes"].split()[0] == "neurons"]


def _text(value: np.ndarray) -> str:
    if value.shape or value.dtype.kind != "U":
        raise ValueError("a text in it is none")
    return str(value)
