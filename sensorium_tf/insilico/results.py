"""What an experiment gives: arrays, the neurons that they are of, and the settings."""

import dataclasses
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.evaluation.tables import Table
from sensorium_tf.insilico.chosen import labels
from sensorium_tf.insilico.neurons import Neurons
from sensorium_tf.insilico.saved import Saved, arrays_of, axes
from sensorium_tf.insilico.screen import Screen
from sensorium_tf.interop.xarray import to_dataset

if TYPE_CHECKING:
    import xarray

_CHOSEN = ("columns", "unit_ids")


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Result(Saved):
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
        shared = [name for name in arrays_of(type(self)) if name not in neurons]
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

    def check_neurons(self, neurons: Neurons, name: str) -> None:
        """Raises SensoriumError unless the result, an argument of that name, is of some neurons."""
        if not np.array_equal(self.columns, neurons.columns):
            raise SensoriumError(f"{name}: they are of other neurons: find those of the same ones")

    @property
    def length_unit(self) -> str:
        """Of lengths and places: pixels of the model's images, or degrees."""
        return "degrees" if "screen" in self.settings else "pixels"

    def in_degrees(self, screen: Screen) -> Self:
        """Returns the result with lengths and places in degrees of visual angle.

        Places are counted from the first pixel of the images on, as they are in pixels.

        Args:
            screen: On which the images were shown.

        Raises:
            SensoriumError: If it is in degrees already.
        """
        if "screen" in self.settings:
            raise SensoriumError(f"{type(self).__name__}: is in degrees already")
        width = self.settings["image_size"][1]
        lengths = {
            name: screen.degrees(getattr(self, name), width)
            for name, field in arrays_of(type(self)).items()
            if field.metadata["is_length"]
        }
        settings = {**self.settings, "screen": screen.to_json()}
        return dataclasses.replace(self, settings=settings, **lengths)

    def rows(self) -> Table:
        """Returns, for each neuron, what it is called and each number that there is of it."""
        numbers = {
            name: getattr(self, name)
            for name, field in arrays_of(type(self)).items()
            if field.metadata["axes"] == "neurons" and name not in _CHOSEN
        }
        return Table(
            {"neuron": label, **{name: float(values[row]) for name, values in numbers.items()}}
            for row, label in enumerate(self.labels)
        )

    def to_xarray(self) -> "xarray.Dataset":
        """Returns all arrays as a dataset, whose dimensions are named and neurons are labelled.

        Raises:
            SensoriumError: If xarray is not installed.
        """
        fields = arrays_of(type(self))
        neurons = {name: getattr(self, name) for name in _CHOSEN}
        variables = {
            name: (_dimensions(name, field.metadata["axes"]), getattr(self, name))
            for name, field in fields.items()
            if name not in neurons and getattr(self, name) is not None
        }
        return to_dataset(
            variables,
            trials={},
            neurons={name: values for name, values in neurons.items() if values is not None},
            attributes={"mouse": self.mouse, "settings": json.dumps(self.settings)},
        )


def of_neurons(neurons: Neurons, **settings: Any) -> dict[str, Any]:
    """Returns what every result says of its neurons and settings, as its arguments."""
    held = {name: np.asarray(values).tolist() for name, values in neurons.state.items()}
    return {
        "mouse": neurons.mouse,
        "columns": neurons.columns,
        "unit_ids": neurons.unit_ids,
        "settings": {**settings, "held": held, "image_size": [*neurons.image_shape[:2]]},
    }


def _dimensions(name: str, text: str) -> tuple[str, ...]:
    """Returns the names of dimensions: `neuron` as in other datasets, of numbers one of its own."""
    return tuple(
        f"{name}_axis" if axis.isdigit() else {"neurons": "neuron"}.get(axis, axis)
        for axis in text.split()
    )


def _of_each_neuron(cls: type[Result]) -> list[str]:
    """Returns the names of the arrays whose first axis is the neurons."""
    fields = arrays_of(cls).items()
    return [name for name, field in fields if field.metadata["axes"].split()[0] == "neurons"]
