"""Which baseline a published state dict belongs to: its names and shapes tell."""

import dataclasses
import re
from collections.abc import Mapping

import numpy as np

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import PRESETS, ModelSettings, SensoriumCore
from sensorium_tf.specs import InputSpec

#: Baseline to the settings of its core.
CORES = {name: SensoriumCore.Config(**parts.core.options) for name, parts in PRESETS.items()}
_COVARIANCES = {(2, 2): "full", (1, 2): "uncorrelated", (1, 1): "isotropic"}


@dataclasses.dataclass(frozen=True)
class Recognized:
    """What it takes to build the model of a state dict.

    Attributes:
        settings: The baseline and its hyperparameters, the penalties as published.
        inputs: What the model is given; the recordings' constants are not known.
        neurons: Key of each mouse in the state dict, its session key, to its number of neurons.
    """

    settings: ModelSettings
    inputs: InputSpec
    neurons: Mapping[str, int]


def recognize(state: Mapping[str, np.ndarray], *, model: str | None = None) -> Recognized:
    """Finds out which baseline the weights are of.

    Weights do not show whether there are nonlinearities between them; the number of layers does,
    since the published LN has one fewer than the CNN.

    Args:
        state: Name of each weight to its values.
        model: `cnn` or `ln`, whatever the number of layers.

    Raises:
        SensoriumError: If the weights are not those of a baseline; the text names the first one
            that is missing or does not fit.
    """
    n_blocks = _count(state, r"core\.features\.layer(\d{1,4})\.") - 1
    stem = _get(state, "core.features.layer0.conv.weight", n_axes=4)
    hidden_channels, channels, input_kernel, _ = stem.shape
    hidden_kernel = SensoriumCore.Config.hidden_kernel
    if n_blocks > 0:
        spatial = _get(state, "core.features.layer1.ds_conv.spatial_conv.weight", n_axes=4)
        hidden_kernel = spatial.shape[-1]
    neurons = {}
    for name in state:
        if found := re.fullmatch(r"readout\.([^.]+)\.sigma", name):
            neurons[found[1]] = _get(state, name, n_axes=4).shape[1]
    if not neurons:
        raise SensoriumError("weight 'readout.<session key>.sigma' is missing: no mouse in it")
    settings = ModelSettings(
        model=_model(n_blocks, model),
        hidden_channels=hidden_channels,
        input_kernel=input_kernel,
        hidden_kernel=hidden_kernel,
        n_blocks=n_blocks,
        **_readout(state, next(iter(neurons))),
        **_shifter(state, next(iter(neurons))),
    )
    return Recognized(settings=settings, inputs=_inputs(channels, settings), neurons=neurons)


def _readout(state, key: str) -> dict[str, object]:
    sigma = state[f"readout.{key}.sigma"]
    if sigma.shape[2:] not in _COVARIANCES:
        raise SensoriumError(
            f"weight 'readout.{key}.sigma' has shape {sigma.shape}, expected (1, neurons, 2, 2), "
            "(1, neurons, 1, 2) or (1, neurons, 1, 1)"
        )
    values = {"covariance": _COVARIANCES[sigma.shape[2:]], "positions": "free"}
    if f"readout.{key}._mu" not in state:
        hidden = _get(state, f"readout.{key}.mu_transform.0.weight", n_axes=2)
        values |= {"positions": "predicted", "position_hidden_units": len(hidden)}
    return values


def _shifter(state, key: str) -> dict[str, object]:
    if not any(name.startswith("shifter.") for name in state):
        return {"shifter": "none"}
    n_layers = sum(
        re.fullmatch(rf"shifter\.{re.escape(key)}\.mlp\.\d+\.weight", name) is not None
        for name in state
    )
    first = _get(state, f"shifter.{key}.mlp.0.weight", n_axes=2)
    # The last layer has two units, whatever the hidden ones have.
    hidden = {"shifter_hidden_units": len(first)} if n_layers > 1 else {}
    return {"shifter_layers": n_layers, **hidden}


def _model(n_blocks: int, model: str | None) -> str:
    if model is not None:
        if model not in CORES:
            raise SensoriumError(f"model {model!r}: {hint(model, CORES)}")
        return model
    for name, core in CORES.items():
        if n_blocks == core.n_blocks:
            return name
    layers = ", ".join(f"{1 + each.n_blocks} in the {name.upper()}" for name, each in CORES.items())
    raise SensoriumError(
        f"the core's number of layers is {1 + n_blocks} ({layers}), which does not tell the "
        f"baseline: say --model={' or --model='.join(CORES)}"
    )


def _inputs(channels: int, settings: ModelSettings) -> InputSpec:
    """Returns what the model is given: a checkpoint tells no more of it than how many channels."""
    challenge = sensorium2022.CHALLENGE
    specs = {spec.image_shape[-1]: spec for spec in map(challenge.inputs, challenge.tracks)}
    if channels not in specs:
        raise SensoriumError(
            f"weight 'core.features.layer0.conv.weight' is for images of {channels} channels, "
            f"expected {' or '.join(map(str, specs))}"
        )
    if settings.shifter_wanted and not specs[channels].extras:
        raise SensoriumError(
            "has a shifter, but images without behavior: it fits neither track (a model of "
            "track sensorium is given the image alone)"
        )
    return specs[channels]


def _count(state, pattern: str) -> int:
    """Returns how many numbers the names hold, which must be 0, 1, 2 ..."""
    numbers = {int(found[1]) for name in state if (found := re.match(pattern, name))}
    for number in range(max(numbers, default=0) + 1):
        if number not in numbers:
            raise SensoriumError(
                f"weights of 'core.features.layer{number}' are missing: not a published baseline "
                f"(it holds {_some(state)})"
            )
    return len(numbers)


def _get(state, name: str, *, n_axes: int) -> np.ndarray:
    if name not in state:
        raise SensoriumError(
            f"weight {name!r} is missing: not a published baseline (it holds {_some(state)})"
        )
    shape = state[name].shape
    if len(shape) != n_axes:
        raise SensoriumError(f"weight {name!r} has shape {shape}, expected one of {n_axes} axes")
    if 0 in shape:
        raise SensoriumError(f"weight {name!r} is empty: it has shape {shape}")
    return state[name]


def _some(names) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
