"""A published checkpoint as a model of ours, and a model of ours as a checkpoint."""

import os
import re
import warnings
from collections.abc import Mapping

import numpy as np

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.errors import SensoriumError
from sensorium_tf.interop.pytorch.architecture import CORES, Recognized, recognize
from sensorium_tf.interop.pytorch.checkpoint import read_state, write_state
from sensorium_tf.interop.pytorch.weights import constants, weights
from sensorium_tf.models import FiringRateModel, build_model

_CATALOG = sensorium2022.CHALLENGE.catalog
# What a mouse may be called elsewhere, where its name becomes part of a path.
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)


def load_published(
    path: str | os.PathLike,
    *,
    model: str | None = None,
    names: Mapping[str, str] | None = None,
) -> FiringRateModel:
    """Loads a PyTorch checkpoint of the published starting kit as a Keras model.

    Baseline, track, hyperparameters and mice are read off the weights' names and shapes; every
    weight finds its place, or the file is refused. Needs PyTorch (extra `published`); the file is
    read as data, with `weights_only=True`.

    Example:
        model = load_published("sensorium_sota_model.pth")
        rates = model({"mouse1": {"image": images}})["mouse1"]

    Args:
        path: A state dict, as written by `torch.save(model.state_dict(), path)`.
        model: `"cnn"` or `"ln"`; by default four layers are taken for the CNN's and three for the
            LN's, since nonlinearities leave no weights.
        names: Session key to the name of the mouse. By default a published session is its mouse,
            `mouse1` to `mouse7`; other keys stay as they are where they can be names, and become
            `mouse_1_2_3` where not.

    Returns:
        The model with the published weights, ready to predict or to be trained further. Its
        penalties have the published strengths, which no checkpoint holds.

    Raises:
        SensoriumError: If PyTorch is missing; if the file is not there, damaged, no state dict,
            carries code, or is of another architecture, where the text names the weight that is
            missing, left over or of another shape; if `names` does not fit the file.
    """
    state = read_state(path)
    try:
        found = recognize(state, model=model)
        mice = _mice(found.neurons, names or {})
        built = _build(found, mice)
        _fill(built, state, {mouse: key for key, mouse in mice.items()})
    except SensoriumError as e:
        raise SensoriumError(f"{path}: {e}") from e
    return built


def save_published(
    model: FiringRateModel,
    path: str | os.PathLike,
    *,
    keys: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Writes a baseline as a PyTorch state dict with the published names.

    The starting kit's network of the same configuration loads it with `load_state_dict`, and
    `load_published` gives the same model again. Needs PyTorch (extra `published`).

    Args:
        model: A baseline, trained or not.
        path: The file, complete or not there.
        keys: Mouse to its session key; by default that of the published mouse of this name, else
            the mouse's name.

    Returns:
        Mouse to the session key under which it was written.

    Raises:
        SensoriumError: If PyTorch is missing, the model is not built of the baselines' layers,
            `keys` does not fit it, or the file cannot be written.

    Warns:
        UserWarning: If the number of layers will not tell a reader of the file which baseline it
            is.
    """
    keys = _keys(model, keys or {})
    state = {weight.name: weight.published() for weight in weights(model, keys)}
    state |= constants(model.core)
    write_state(path, state)
    ours = model.core.config
    name = next(name for name, core in CORES.items() if core.activation == ours.activation)
    if CORES[name].n_blocks != ours.n_blocks:
        warnings.warn(
            f"{path}: its number of layers does not tell which baseline it is: import it with "
            f"--model={name}",
            stacklevel=2,
        )
    return keys


def _default_name(key: str) -> str:
    """Returns the mouse's name for a key of a published checkpoint, such as `26872-17-20`."""
    for entry in _CATALOG.values():
        if entry.session_key == key:
            return entry.mouse
    if _NAME.fullmatch(key):
        return key
    return f"mouse_{re.sub(r'[^A-Za-z0-9]+', '_', key)}"


def _default_key(mouse: str) -> str:
    """Returns the key in a published checkpoint for a mouse's name, such as `mouse1`."""
    return _CATALOG[mouse].session_key if mouse in _CATALOG else mouse


def _build(found: Recognized, mice: Mapping[str, str]) -> FiringRateModel:
    # Places in cortex come with the weights; until then, any that differ.
    places = {
        mouse: np.arange(2.0 * found.neurons[key]).reshape(-1, 2) for key, mouse in mice.items()
    }
    return build_model(found.settings, places, found.inputs)


def _fill(model: FiringRateModel, state: Mapping[str, np.ndarray], keys: Mapping[str, str]) -> None:
    """Puts every weight of the state dict into the model."""
    places, left = weights(model, keys), dict(state)
    missing = [place.name for place in places if place.name not in state]
    if missing:
        raise SensoriumError(f"weight {missing[0]!r} is missing{_more(missing)}")
    for place in places:
        place.assign(left.pop(place.name))
    for name, value in constants(model.core).items():
        given = left.pop(name, value)
        if given.shape != value.shape:
            raise SensoriumError(f"{name!r} has shape {given.shape}, expected {value.shape}")
        # Counters of batches may have any value; the filter is part of the penalty's formula.
        if value.ndim and not np.array_equal(given, value):
            raise SensoriumError(f"{name!r} is not the Laplace filter of the published penalty")
    if left:
        names = sorted(left)
        biases = [name for name in names if name.endswith("conv.bias")]
        hint = " (the published convolutions have no biases: core_bias=False in the kit)"
        raise SensoriumError(
            f"weight {(biases or names)[0]!r} has no place in a published baseline"
            f"{hint if biases else ''}{_more(names)}"
        )


def _more(names: list[str]) -> str:
    return f", and {len(names) - 1} more" if len(names) > 1 else ""


def _mice(neurons: Mapping[str, int], names: Mapping[str, str]) -> dict[str, str]:
    """Returns the name of the mouse for each key of the state dict."""
    for key, name in names.items():
        if key not in neurons:
            raise SensoriumError(f"no mouse {key!r} in it, only {', '.join(neurons)}")
        if not _NAME.fullmatch(name):
            raise SensoriumError(f"name {name!r}: expected letters, digits and _, a letter first")
    mice = {key: names.get(key, _default_name(key)) for key in neurons}
    _check_distinct(mice, "--names")
    return mice


def _keys(model: FiringRateModel, keys: Mapping[str, str]) -> dict[str, str]:
    """Returns the key in the state dict for each mouse of the model."""
    for mouse in keys:
        if mouse not in model.readouts:
            raise SensoriumError(
                f"{mouse}: the model has no such mouse, only {', '.join(model.mice)}"
            )
    keys = {mouse: keys.get(mouse, _default_key(mouse)) for mouse in model.mice}
    for mouse, key in keys.items():
        if not key or "." in key:
            raise SensoriumError(
                f"{mouse}: key {key!r} is no session key: expected one such as 26872-17-20"
            )
    _check_distinct(keys, "--keys")
    return keys


def _check_distinct(names: Mapping[str, str], flag: str) -> None:
    seen: dict[str, str] = {}
    for of, name in names.items():
        if name in seen:
            raise SensoriumError(
                f"{seen[name]} and {of} would both be called {name}: choose with {flag}={of}:..."
            )
        seen[name] = of
