"""Where each published weight goes in our models, and how its axes turn."""

import dataclasses
from collections.abc import Iterator, Mapping

import keras
import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.models import FiringRateModel, GaussianReadout, MLPShifter, SensoriumCore

_NORM = (("weight", "gamma"), ("bias", "beta"))
_NORM += (("running_mean", "moving_mean"), ("running_var", "moving_variance"))
# Keras's order of a convolution kernel's axes is height, width, in, out; PyTorch's out, in, height,
# width. A depthwise kernel has the channels as `in`.
_KERNEL, _DEPTHWISE, _TURNED, _SAME = (3, 2, 0, 1), (2, 3, 0, 1), (1, 0), None


@dataclasses.dataclass(frozen=True, eq=False)
class Weight:
    """One weight in both worlds.

    Attributes:
        name: Its name in the published state dict.
        variable: Where our model keeps it.
        order: Order of the variable's axes in the state dict, `None` for the same.
        shape: Shape in the state dict; it may have axes of length one more.
    """

    name: str
    variable: keras.Variable
    order: tuple[int, ...] | None
    shape: tuple[int, ...]

    def assign(self, published: np.ndarray) -> None:
        """Sets our variable to the published values."""
        if published.shape != self.shape:
            raise SensoriumError(
                f"weight {self.name!r} has shape {published.shape}, expected {self.shape}"
            )
        ours = tuple(self.variable.shape)
        if self.order is None:
            self.variable.assign(published.reshape(ours))
            return
        turned = published.reshape([ours[axis] for axis in self.order])
        self.variable.assign(turned.transpose(np.argsort(self.order)))

    def published(self) -> np.ndarray:
        """Returns our values as the state dict holds them."""
        ours = keras.ops.convert_to_numpy(self.variable).astype(np.float32)
        turned = ours if self.order is None else ours.transpose(self.order)
        return np.ascontiguousarray(turned.reshape(self.shape))


def weights(model: FiringRateModel, keys: Mapping[str, str]) -> list[Weight]:
    """Lists all weights of a baseline.

    Args:
        model: A baseline.
        keys: Mouse to its key in the state dict.

    Raises:
        SensoriumError: If the model has other layers than the baselines, or kernels that mean
            something else in PyTorch.
    """
    if not isinstance(model, FiringRateModel):
        raise SensoriumError("is an ensemble: export its members one by one")
    for part in model.parts:
        if not _is_published(part):
            raise SensoriumError(
                f"{part.name}: {type(part).__name__} is no part of the published baselines"
            )
    core = model.core.config
    if not core.depth_separable or core.squeeze_excite is not None:
        raise SensoriumError(
            "the core has full kernels or squeeze-and-excitation, for which the published form has "
            "no place: export a core with depth_separable=true and squeeze_excite=None"
        )
    if any(readout.config.positions == "scattered" for readout in model.readouts.values()):
        raise SensoriumError(
            "its positions are predicted ones with an offset, for which the published form has no "
            "place: export a readout with positions=predicted or free"
        )
    if core.hidden_kernel % 2 == 0:
        raise SensoriumError(
            f"the depthwise kernels are {core.hidden_kernel} pixels wide: around "
            "kernels of even width Keras and PyTorch pad differently"
        )
    found = list(_core(model.core))
    for mouse, readout in model.readouts.items():
        found += _readout(readout, f"readout.{keys[mouse]}")
    for mouse, shifter in model.shifters.items():
        found += _network(shifter.layers, f"shifter.{keys[mouse]}.mlp")
    return found


def _is_published(part: keras.layers.Layer) -> bool:
    """Tells whether a part is a baseline's, or a subclass that is built and called as that."""
    own = type(part)
    return any(
        isinstance(part, each) and own.build is each.build and own.call is each.call
        for each in (SensoriumCore, GaussianReadout, MLPShifter)
    )


def constants(core: SensoriumCore) -> dict[str, np.ndarray]:
    """Returns what a published state dict holds besides weights: name to value."""
    laplace = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float32)
    counters = {
        f"core.features.layer{layer}.norm.num_batches_tracked": np.array(0, np.int64)
        for layer in range(1 + core.config.n_blocks)
    }
    return {"core._input_weights_regularizer.laplace.filter": laplace[None, None], **counters}


def _core(core: SensoriumCore) -> Iterator[Weight]:
    first = "core.features.layer0"
    yield _kernel(f"{first}.conv", core.stem.kernel, _KERNEL)
    yield from _norm(f"{first}.norm", core.stem_norm)
    for layer, (block, norm) in enumerate(zip(core.blocks, core.block_norms, strict=True), start=1):
        prefix = f"core.features.layer{layer}"
        into, spatial, out = block
        yield _kernel(f"{prefix}.ds_conv.in_depth_conv", into.kernel, _KERNEL)
        yield _kernel(f"{prefix}.ds_conv.spatial_conv", spatial.kernel, _DEPTHWISE)
        yield _kernel(f"{prefix}.ds_conv.out_depth_conv", out.kernel, _KERNEL)
        yield from _norm(f"{prefix}.norm", norm)


def _readout(readout: GaussianReadout, prefix: str) -> Iterator[Weight]:
    n_neurons, channels = readout.features.shape
    width = (2, 2) if readout.config.covariance == "full" else (1, readout.sigma.shape[-1])
    yield Weight(f"{prefix}.sigma", readout.sigma, _SAME, (1, n_neurons, *width))
    yield Weight(f"{prefix}._features", readout.features, _TURNED, (1, channels, 1, n_neurons))
    yield Weight(f"{prefix}.bias", readout.bias, _SAME, (n_neurons,))
    if readout.config.positions == "free":
        yield Weight(f"{prefix}._mu", readout.mean, _SAME, (1, n_neurons, 1, 2))
    else:
        yield Weight(f"{prefix}.source_grid", readout.coordinates, _SAME, (n_neurons, 2))
        yield from _network(readout.position_network, f"{prefix}.mu_transform")


def _network(layers, prefix: str) -> Iterator[Weight]:
    """Yields the weights of dense layers, each followed by a nonlinearity, which counts too."""
    for number, layer in enumerate(layers):
        units_in, units_out = layer.kernel.shape
        name = f"{prefix}.{2 * number}"
        yield Weight(f"{name}.weight", layer.kernel, _TURNED, (units_out, units_in))
        yield Weight(f"{name}.bias", layer.bias, _SAME, (units_out,))


def _kernel(name: str, kernel: keras.Variable, order: tuple[int, ...]) -> Weight:
    shape = tuple(kernel.shape[axis] for axis in order)
    return Weight(f"{name}.weight", kernel, order, shape)


def _norm(name: str, layer) -> Iterator[Weight]:
    for theirs, ours in _NORM:
        variable = getattr(layer, ours)
        yield Weight(f"{name}.{theirs}", variable, _SAME, tuple(variable.shape))
