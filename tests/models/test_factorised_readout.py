"""A mask over the map and weights of the channels, for each neuron."""

import numpy as np
import pytest

from sensorium_tf.models import FactorisedReadout

FEATURES = (None, 5, 7, 3)


@pytest.fixture
def readout(rng):
    readout = FactorisedReadout(4, seed=1)
    readout.build(FEATURES)
    for weight in readout.weights:
        weight.assign(rng.normal(size=weight.shape))
    return readout


@pytest.fixture
def features(rng):
    return rng.normal(size=(2, *FEATURES[1:])).astype("float32")


def masks_of(readout):
    masks = np.abs(np.asarray(readout.masks).reshape(4, 5, 7))
    return masks / np.sqrt((masks**2).sum((1, 2), keepdims=True))


def test_drives_are_those_of_the_formula(readout, features, to_numpy):
    weights, bias = to_numpy(readout.features), to_numpy(readout.bias)
    expected = np.einsum("nhw,bhwc,nc->bn", masks_of(readout), features, weights) + bias
    np.testing.assert_allclose(to_numpy(readout(features)), expected, rtol=1e-4, atol=1e-5)


def test_size_and_sign_of_a_mask_change_nothing(readout, features, to_numpy):
    drives, penalty = to_numpy(readout(features)), to_numpy(readout.penalty())
    readout.masks.assign(-3.0 * readout.masks)
    np.testing.assert_allclose(to_numpy(readout(features)), drives, rtol=1e-5)
    assert to_numpy(readout.penalty()) == pytest.approx(penalty, rel=1e-5)


def test_a_mask_that_spreads_pays_more(readout, to_numpy):
    spread = to_numpy(readout.penalty())
    one_place = np.zeros(readout.masks.shape)
    one_place[:, 3] = 1
    readout.masks.assign(one_place)
    paid = 0.1 * 4 + 0.0076 * np.abs(to_numpy(readout.features)).sum()
    assert to_numpy(readout.penalty()) == pytest.approx(paid, rel=1e-5)
    assert paid < spread


def test_a_shift_by_a_pixel_moves_the_masks_by_a_pixel(readout, features, to_numpy):
    """Right by a column and down by a row, in units in which the map spans [-1, 1]."""
    shift = np.tile(np.float32([[2 / 6, 2 / 4]]), (2, 1))
    moved = np.zeros((4, 5, 7))
    moved[:, 1:, 1:] = masks_of(readout)[:, :-1, :-1]
    weights, bias = to_numpy(readout.features), to_numpy(readout.bias)
    expected = np.einsum("nhw,bhwc,nc->bn", moved, features, weights) + bias
    got = to_numpy(readout(features, shift=shift))
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_positions_are_the_centres_of_the_masks(readout, to_numpy):
    corner = np.zeros((4, 5, 7))
    corner[:, 0, 6] = -2.0
    readout.masks.assign(corner.reshape(4, -1))
    np.testing.assert_allclose(to_numpy(readout.positions()), [[1, -1]] * 4, atol=1e-5)
