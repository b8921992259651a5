"""Published weights, poured into our models, give what the published code computed."""

import numpy as np
import pytest
from keras import ops

from sensorium_tf.models import baseline

NETWORKS = {
    "sensorium_sota_model": ("cnn", "sensorium", "26872-17-20"),
    "sensorium_p_ln_model": ("ln", "sensorium_plus", "27204-5-13"),
}


def kernel(weight):
    """A PyTorch convolution kernel (out, in, height, width) in Keras's order of axes."""
    return weight.transpose(2, 3, 1, 0)


def norm(state, prefix):
    names = ("weight", "bias", "running_mean", "running_var")
    return [state[f"{prefix}.{name}"] for name in names]


def dense(layer, state, prefix):
    layer.set_weights([state[f"{prefix}.weight"].T, state[f"{prefix}.bias"]])


def fill(model, state, key):
    core, mouse = model.core, model.mice[0]
    core.stem.set_weights([kernel(state["core.features.layer0.conv.weight"])])
    core.stem_norm.set_weights(norm(state, "core.features.layer0.norm"))
    for index, (block, block_norm) in enumerate(
        zip(core.blocks, core.block_norms, strict=True), start=1
    ):
        prefix = f"core.features.layer{index}"
        into, spatial, out = block
        into.set_weights([kernel(state[f"{prefix}.ds_conv.in_depth_conv.weight"])])
        depthwise = state[f"{prefix}.ds_conv.spatial_conv.weight"].transpose(2, 3, 0, 1)
        spatial.set_weights([depthwise])
        out.set_weights([kernel(state[f"{prefix}.ds_conv.out_depth_conv.weight"])])
        block_norm.set_weights(norm(state, f"{prefix}.norm"))
    readout, prefix = model.readouts[mouse], f"readout.{key}"
    readout.coordinates.assign(state[f"{prefix}.source_grid"])
    readout.sigma.assign(state[f"{prefix}.sigma"][0])
    readout.features.assign(state[f"{prefix}._features"][0, :, 0].T)
    readout.bias.assign(state[f"{prefix}.bias"])
    for layer, number in zip(readout.position_network, (0, 2), strict=True):
        dense(layer, state, f"{prefix}.mu_transform.{number}")
    if mouse in model.shifters:
        for layer, number in zip(model.shifters[mouse].layers, (0, 2, 4), strict=True):
            dense(layer, state, f"shifter.{key}.mlp.{number}")


@pytest.fixture(scope="module", params=NETWORKS)
def network(request, shared):
    torch = pytest.importorskip("torch", reason="torch reads the published checkpoints")
    name, track, key = NETWORKS[request.param]
    checkpoint = shared / "published" / f"{request.param}.pth"
    state = torch.load(checkpoint, weights_only=True, map_location="cpu")
    state = {name: weight.numpy() for name, weight in state.items()}
    coordinates = state[f"readout.{key}.source_grid"]
    model = baseline(name, {key: coordinates}, track=track)
    fill(model, state, key)
    with np.load(shared / "reference" / f"{request.param}.npz") as reference:
        return model, dict(reference), key, coordinates


def signals(reference):
    taken = {"image": reference["inputs"].transpose(0, 2, 3, 1)}
    if "pupil_center" in reference:
        taken["pupil_center"] = reference["pupil_center"]
    return taken


def assert_close(ours, published):
    ours = ops.convert_to_numpy(ours)
    assert ours.shape == published.shape
    np.testing.assert_allclose(ours, published, rtol=0, atol=2e-5)


def test_core_features_equal_the_published_ones(network):
    model, reference, _, _ = network
    features = ops.convert_to_numpy(model.core(signals(reference)["image"][:2]))
    assert_close(features.transpose(0, 3, 1, 2), reference["core_features"])


def test_positions_and_shifts_equal_the_published_ones(network):
    model, reference, key, _ = network
    assert_close(model.readouts[key].mean_positions(), reference["positions"])
    assert bool(model.shifters) == ("shift" in reference)
    if model.shifters:
        assert_close(model.shifters[key](reference["pupil_center"]), reference["shift"])


def test_rates_equal_the_published_ones(network):
    model, reference, key, _ = network
    assert_close(model({key: signals(reference)})[key], reference["rates"])


@pytest.mark.parametrize(
    ("ours", "published"),
    [("laplace", "core_regularizer"), ("features", "readout_regularizer")],
)
def test_penalties_equal_the_published_ones(network, ours, published):
    model, reference, _, _ = network
    penalty = ops.convert_to_numpy(model.penalties()[ours])
    assert penalty == pytest.approx(reference[published], rel=1e-5)


def test_published_coordinates_are_normalised_already(network):
    model, _, key, coordinates = network
    kept = ops.convert_to_numpy(model.readouts[key].coordinates)
    assert np.abs(coordinates).max() == pytest.approx(1.0)
    model.readouts[key].set_coordinates(500.0 * coordinates + 30.0)
    np.testing.assert_allclose(
        ops.convert_to_numpy(model.readouts[key].coordinates), kept, atol=1e-6
    )
    model.readouts[key].coordinates.assign(kept)
