"""Exciting images that stay near the best Gabor patch."""

import numpy as np
import pytest
from known_model import SIZE, filter_model, gabor

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    CautiousImages,
    best_gabor,
    cautious_exciting_image,
    most_exciting_image,
)
from sensorium_tf.insilico.ascent import correlations, norms

NORM = 5.0


@pytest.fixture(scope="module")
def corners():
    """A model of two neurons that no Gabor patch excites most: each sums two of them."""
    pairs = [((10.0, 8.0), 0.2, 1.6), ((14.0, 7.0), 0.9, 2.4)]
    filters = [gabor(place, a, 6.0, 0.0, 2.5) + gabor(place, b, 6.0, 0.0, 2.5)
               for place, a, b in pairs]  # fmt: skip
    return filter_model(np.stack(filters))


@pytest.fixture(scope="module")
def gabors(corners):
    return best_gabor(corners, norm=NORM, steps=60)


def test_images_are_better_than_the_patches_and_stay_near_them(corners, gabors):
    found = cautious_exciting_image(corners, gabors=gabors, norm=NORM)
    np.testing.assert_allclose(found.gabor_rates, gabors.rates, rtol=1e-5)
    np.testing.assert_allclose(found.norms, NORM, rtol=1e-3)
    best = most_exciting_image(corners, norm=NORM, steps=100, n_starts=1)
    assert (found.rates > 1.02 * found.gabor_rates).all() and (found.rates < best.rates).all()
    assert (norms(found.images - gabors.images) < 0.21 * NORM).all()


def test_more_steps_lead_further_away_and_up(corners, gabors):
    near, far = (
        cautious_exciting_image(corners, gabors=gabors, norm=NORM, steps=steps) for steps in (5, 20)
    )
    assert (far.rates > near.rates).all() and (near.rates > near.gabor_rates).all()
    assert (
        correlations(far.images, gabors.images) < correlations(near.images, gabors.images)
    ).all()


def test_patches_are_found_if_left_out_and_brought_to_the_norm(corners, gabors, monkeypatch):
    asked = []

    def found_first(neurons, *, norm):
        asked.append(norm)
        return gabors.take(neurons.columns)

    monkeypatch.setattr("sensorium_tf.insilico.cautious.best_gabor", found_first)
    found = cautious_exciting_image(corners, columns=[1], norm=3.0, steps=2)
    assert asked == [3.0]
    np.testing.assert_allclose(found.norms, 3.0, rtol=1e-3)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"steps": 0}, "steps 0"), ({"norm": -1}, "norm -1"), ({"columns": [0]}, "gabors: they are")],
)
def test_impossible_arguments_are_refused(corners, gabors, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        cautious_exciting_image(corners, gabors=gabors, **arguments)


def test_they_are_saved_and_shown(corners, gabors, tmp_path):
    found = cautious_exciting_image(corners, gabors=gabors, norm=NORM, steps=1)
    found.save(tmp_path / "a.npz")
    again = CautiousImages.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(again.images, found.images)
    assert again.images.shape == (2, *SIZE, 1) and again.settings["steps"] == 1
    assert again.figure().axes[0].get_title().startswith("column 0")
