"""Gratings, windows, and combinations of parameters."""

import numpy as np
import pytest
from known_model import SIZE, gabor

from sensorium_tf.insilico import stimuli

CENTER = (11.5, 7.5)


def test_a_grating_has_its_wavelength_orientation_and_phase():
    upright, lying = stimuli.gratings(SIZE, [0, np.pi / 2], 8, 0.0, places=(4, 2))
    np.testing.assert_allclose(upright[0, [4, 6, 8, 12]], [1, 0, -1, 1], atol=1e-6)
    assert np.ptp(upright, axis=0).max() < 1e-6
    np.testing.assert_allclose(lying[[2, 4, 6, 10], 0], [1, 0, -1, 1], atol=1e-6)
    (shifted,) = stimuli.gratings(SIZE, 0, 8, np.pi / 2, places=(4, 2))
    np.testing.assert_allclose(shifted[0, [4, 6]], [0, -1], atol=1e-6)


def test_a_gabor_is_written_as_the_simulators():
    expected = gabor((9, 6), 0.7, 7.0, 0.4, 2.5)
    found = stimuli.gratings(SIZE, 0.7, 7, 0.4, places=(9, 6))[0]
    found *= stimuli.gaussians(SIZE, (9, 6), 2.5)[0]
    np.testing.assert_allclose(found / np.linalg.norm(found), expected, atol=1e-6)


def test_windows_have_their_place_and_size():
    (window,) = stimuli.gaussians(SIZE, (9, 6), 3.0)
    assert window[6, 9] == 1
    assert window[6, 12] == pytest.approx(np.exp(-0.5))
    small, large = stimuli.discs(SIZE, CENTER, [2, 5])
    assert small.sum() == pytest.approx(np.pi * 4, rel=0.1)
    assert large.sum() == pytest.approx(np.pi * 25, rel=0.03)


def test_all_combinations_are_listed_the_last_changing_fastest():
    found = stimuli.grid(a=[1, 2], b=[3, 4, 5])
    assert found["a"].tolist() == [1, 1, 1, 2, 2, 2]
    assert found["b"].tolist() == [3, 4, 5, 3, 4, 5]
