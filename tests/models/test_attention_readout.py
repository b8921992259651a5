"""A softmax over the places of the map, for each neuron."""

import numpy as np
import pytest

from sensorium_tf.models import AttentionReadout, sample_bilinear

FEATURES = (None, 9, 13, 3)


@pytest.fixture
def readout(rng):
    readout = AttentionReadout(4, keys=2, width=0.3, seed=1)
    readout.build(FEATURES)
    readout.set_coordinates(rng.normal(size=(4, 3)))
    for weight in (readout.features, readout.bias):
        weight.assign(rng.normal(size=weight.shape))
    return readout


@pytest.fixture
def features(rng):
    return rng.normal(size=(2, *FEATURES[1:])).astype("float32")


def test_drives_are_those_of_the_formula(readout, features, rng, to_numpy):
    readout.queries.assign(rng.normal(size=(4, 2)))
    readout.log_width.assign(rng.normal(0, 0.3, size=4))
    positions = readout.position_network[1](readout.position_network[0](readout.coordinates))
    y, x = np.mgrid[-1:1:9j, -1:1:13j]
    places = np.stack([x.ravel(), y.ravel()], -1)
    distance = ((to_numpy(positions)[:, None] - places) ** 2).sum(-1)
    width = 0.3 * np.exp(to_numpy(readout.log_width))[:, None]
    logits = to_numpy(readout.queries) @ to_numpy(readout.keys) - distance / (2 * width**2)
    attention = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(to_numpy(readout.attention()), attention, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(to_numpy(readout.positions()), attention @ places, atol=1e-5)
    pooled = np.einsum("np,bpc->bnc", attention, features.reshape(2, -1, 3))
    expected = (pooled * to_numpy(readout.features)).sum(-1) + to_numpy(readout.bias)
    np.testing.assert_allclose(to_numpy(readout(features)), expected, rtol=1e-3, atol=1e-4)


def test_a_narrow_one_reads_where_the_gaussian_readout_would(features, rng, to_numpy):
    readout = AttentionReadout(4, keys=0, width=0.01, positions="free", seed=1)
    readout.build(FEATURES)
    pixels = np.array([[-1, -1], [1, 1], [0, 0.5], [0.5, -0.25]], "float32")
    readout.mean.assign(pixels)
    readout.features.assign(rng.normal(size=(4, 3)))
    samples = to_numpy(sample_bilinear(features, pixels[None]))
    expected = (samples * to_numpy(readout.features)).sum(-1)
    np.testing.assert_allclose(to_numpy(readout(features)), expected, rtol=1e-4, atol=1e-5)


def test_a_shift_moves_what_is_attended_to(readout, features, to_numpy):
    """A neuron reads with a shift what one whose position lies there reads without."""
    free = [AttentionReadout(1, keys=0, width=0.05, positions="free", seed=1) for _ in range(2)]
    for each, mean in zip(free, ([0.0, 0.0], [1 / 3, -0.5]), strict=True):
        each.build(FEATURES)
        each.mean.assign([mean])
    shift = np.tile(np.float32([[1 / 3, -0.5]]), (2, 1))
    drives = [to_numpy(free[0](features, shift=shift)), to_numpy(free[1](features))]
    np.testing.assert_allclose(*drives, rtol=1e-3, atol=1e-3)
