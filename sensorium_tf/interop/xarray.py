"""Arrays with named dimensions, of which the `to_xarray` methods make datasets."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sensorium_tf.errors import SensoriumError

if TYPE_CHECKING:
    import xarray

#: Dimensions and values of a variable or coordinate.
Labelled = tuple[tuple[str, ...], np.ndarray]

_AXES = ("x", "y", "z")
# What metadata of the neurons are called as a label of one neuron.
_SINGULAR = {"unit_ids": "unit_id"}
_PLACES = "cell_motor_coordinates"


def to_dataset(
    variables: Mapping[str, Labelled],
    *,
    trials: Mapping[str, np.ndarray],
    neurons: Mapping[str, np.ndarray],
    attributes: Mapping[str, str],
) -> "xarray.Dataset":
    """Returns values as one dataset, whose trials and neurons are labelled.

    Args:
        variables: Name to dimensions and values.
        trials: Label to its values, `(trials,)`: coordinates along `trial`.
        neurons: Metadata of the neurons, name to `(neurons, ...)`: coordinates along `neuron`, with
            `unit_ids` as `unit_id`.
        attributes: What is known of it all.

    Raises:
        SensoriumError: If xarray is not installed.
    """
    try:
        import xarray
    except ImportError as e:
        raise needs("xarray") from e
    coordinates: dict[str, Any] = {name: (("trial",), values) for name, values in trials.items()}
    taken = {*variables, *coordinates, *(each for dims, _ in variables.values() for each in dims)}
    # Those whose names are given come first: metadata of the same name are called otherwise.
    for name in sorted(neurons, key=lambda each: each not in (*_SINGULAR, _PLACES)):
        values, label = neurons[name], _free(_SINGULAR.get(name, name), taken)
        if name == _PLACES:
            axis = _free("axis", taken)
            coordinates[axis] = ((axis,), list(_AXES))
            coordinates[label] = (("neuron", axis), values, {"units": "micrometre"})
            continue
        further = [_free(f"{label}_{axis}", taken) for axis in range(1, values.ndim)]
        coordinates[label] = (("neuron", *further), values)
    return xarray.Dataset(dict(variables), coordinates, dict(attributes))


def _free(name: str, taken: set[str]) -> str:
    """Takes a name that nothing else has: this one, or what `neuron_` makes of it."""
    while name in taken:
        name = f"neuron_{name}"
    taken.add(name)
    return name


def rows_to_dataset(columns: Mapping[str, np.ndarray]) -> "xarray.Dataset":
    """Returns the columns of a table as a dataset with the dimension `row`.

    Args:
        columns: Name to values, `(rows,)`.

    Raises:
        SensoriumError: If xarray is not installed.
    """
    return to_dataset(
        {name: (("row",), values) for name, values in columns.items()},
        trials={},
        neurons={},
        attributes={},
    )


def needs(library: str) -> SensoriumError:
    """Returns the error to raise where xarray or pandas is not installed."""
    return SensoriumError(
        f"this needs {library}: pip install \"sensorium_tf[xarray]\" (or pip install '.[xarray]' "
        "in a clone)"
    )
