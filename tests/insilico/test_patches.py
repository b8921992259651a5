"""Tuning to size and contrast, and surrounds."""

import numpy as np
import pytest
from known_model import GABORS, PLACES, SIZE, filter_model

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    ContrastTuning,
    Neurons,
    SizeTuning,
    SurroundImages,
    best_gabor,
    contrast_tuning,
    discs,
    most_exciting_image,
    size_tuning,
    surround_image,
)

RADII = [1, 2, 3, 4, 6, 8, 12]


@pytest.fixture(scope="module")
def suppressed():
    """Two equal linear-nonlinear neurons, the second of which its surround suppresses."""
    model = filter_model(np.stack([GABORS[0][0]] * 2))
    surround = 1 - discs(SIZE, PLACES[0], 4.0)[0]
    weights = np.stack([0 * surround, 0.01 * surround], -1).reshape(-1, 2)
    model.readouts["known"].suppression.assign(weights)
    return model


@pytest.fixture(scope="module")
def gabors(suppressed):
    return best_gabor(suppressed, norm=5.0, steps=20)


def test_the_suppressed_neuron_is_found(suppressed, gabors):
    found = size_tuning(suppressed, gabors=gabors, radii=RADII)
    assert found.suppression[0] < 0.1 and found.suppression[1] > 0.3
    assert found.preferred[1] <= 6 and found.preferred[1] < found.preferred[0] + 1e-9
    assert (np.diff(found.rates[:, :3], axis=1) > 0).all()


def test_a_neuron_is_shown_its_own_patch(suppressed, gabors):
    alone = size_tuning(suppressed, columns=[1], radii=RADII, contrast=0.5)
    assert alone.rates.shape == (1, len(RADII)) and alone.settings["contrast"] == 0.5
    with pytest.raises(SensoriumError, match="gabors: they are of other neurons"):
        size_tuning(suppressed, columns=[1], gabors=gabors)


def test_the_rate_of_a_linear_neuron_rises_with_contrast(suppressed, gabors):
    found = contrast_tuning(suppressed, gabors=gabors)
    drive = found.rates[0] - 1
    np.testing.assert_allclose(drive, drive[-1] * found.contrasts, rtol=1e-3, atol=1e-4)
    assert found.half_contrasts[0] == pytest.approx(0.5, abs=0.01)
    assert found.rates[0, 0] == pytest.approx(1)  # grey


def test_a_surround_suppresses_the_neuron_that_has_one(suppressed):
    centers = most_exciting_image(suppressed, norm=5.0, steps=40, n_starts=1)
    found = surround_image(suppressed, centers=centers, radius=4.5, sign=-1, steps=40, norm=8.0)
    assert found.rates[1] < 0.9 * found.center_rates[1]
    inside = discs(SIZE, PLACES[0], 3.0)[0] > 0
    for image, center in zip(found.images, found.centers, strict=True):
        np.testing.assert_allclose(image[inside], center[inside], atol=1e-5)
    low, high = Neurons(suppressed).limits
    assert low <= found.images.min() and found.images.max() <= high
    raised = surround_image(suppressed, columns=[0], steps=40, norm=5.0)
    assert raised.rates[0] > raised.center_rates[0] and 2 < raised.radii[0] < 6
    with pytest.raises(SensoriumError, match="centers: they are of other neurons"):
        surround_image(suppressed, columns=[0], centers=centers)


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (size_tuning, {"radii": [2, 1]}, "radii: expected 1 or more numbers in ascending order"),
        (size_tuning, {"radii": [0, 1]}, "above 0"),
        (size_tuning, {"contrast": 2}, "contrast: .* at most 1"),
        (contrast_tuning, {"contrasts": [0.5]}, "2 or more"),
        (contrast_tuning, {"contrasts": [-0.1, 0.5]}, "above 0"),
        (surround_image, {"sign": 0}, "sign 0"),
        (surround_image, {"radius": 0}, "radius 0"),
    ],
)
def test_impossible_arguments_are_refused(suppressed, function, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        function(suppressed, **arguments)


def test_curves_and_surrounds_are_saved_and_shown(suppressed, gabors, tmp_path):
    centers = most_exciting_image(suppressed, steps=2, n_starts=1)
    for result, kind in (
        (size_tuning(suppressed, gabors=gabors, radii=RADII), SizeTuning),
        (contrast_tuning(suppressed, gabors=gabors), ContrastTuning),
        (surround_image(suppressed, centers=centers, steps=2), SurroundImages),
    ):
        result.save(tmp_path / "a.npz")
        found = kind.load(tmp_path / "a.npz")
        np.testing.assert_array_equal(found.rates, result.rates)
        assert found.figure().axes[1].get_title().startswith("column 1")
