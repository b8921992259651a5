"""What all experiments have in common: their arguments, tables, datasets and units."""

import inspect
import json

import numpy as np
import pytest
from known_model import SIZE, known_model

from sensorium_tf import SensoriumError, insilico
from sensorium_tf.insilico import Neurons, Screen, best_gabor, orientation_tuning, size_tuning

EXPERIMENTS = (
    "attribution", "best_gabor", "best_natural_image", "cautious_exciting_image", "contrast_tuning",
    "direction_tuning", "diverse_exciting_images", "most_exciting_image", "most_exciting_movie",
    "orientation_tuning", "receptive_fields", "reconstruct", "size_tuning",
    "spatial_frequency_tuning", "surround_image", "temporal_frequency_tuning", "triggered_averages",
)  # fmt: skip


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_says_all_arguments_of_an_experiment(name):
    function = getattr(insilico, name)
    parameters = inspect.signature(function).parameters
    assert {"model", "unit_ids", "columns", "mouse", "state"} <= {*parameters}
    _, _, listed = inspect.getdoc(function).partition("Args:\n")
    for parameter in parameters:
        assert f"\n    {parameter}: " in f"\n{listed}"


def test_neurons_may_be_given_themselves(model):
    neurons = Neurons(model, columns=[2, 0])
    found = orientation_tuning(neurons, n_permutations=3)
    expected = orientation_tuning(model, columns=[2, 0], n_permutations=3)
    np.testing.assert_array_equal(found.rates, expected.rates)
    with pytest.raises(SensoriumError, match="neurons: are chosen already"):
        orientation_tuning(neurons, columns=[1])


def test_an_argument_that_there_is_not_is_refused(model):
    with pytest.raises(TypeError, match="colunms"):
        orientation_tuning(model, colunms=[1])


@pytest.fixture(scope="module")
def gabors(model):
    return best_gabor(model, columns=[1, 3], steps=1)


def test_results_are_tables_and_datasets(gabors):
    pytest.importorskip("xarray", reason="xarray is not installed")
    frame = gabors.to_pandas()
    assert frame["neuron"].tolist() == ["column 1", "column 3"]
    np.testing.assert_allclose(frame["rates"], gabors.rates)
    dataset = gabors.to_xarray()
    assert dataset["images"].dims == ("neuron", "height", "width", "channels")
    assert dataset["places"].dims == ("neuron", "places_axis")
    assert dataset["columns"].values.tolist() == [1, 3]
    assert json.loads(dataset.attrs["settings"])["image_size"] == list(SIZE)
    curves = orientation_tuning(known_model(), columns=[1], n_permutations=1).to_xarray()
    assert curves["curves"].dims == ("neuron", "orientations")


def test_lengths_become_degrees_of_a_screen_alone(gabors, model):
    screen = Screen(width=24.0, distance=1.0)  # a pixel at 45 degrees
    found = gabors.in_degrees(screen)
    for name in ("places", "wavelengths", "widths"):
        np.testing.assert_allclose(getattr(found, name), 45 * getattr(gabors, name))
    np.testing.assert_array_equal(found.orientations, gabors.orientations)
    assert (gabors.length_unit, found.length_unit) == ("pixels", "degrees")
    with pytest.raises(SensoriumError, match="in degrees already"):
        found.in_degrees(screen)
    np.testing.assert_allclose(screen.pixels(screen.degrees([3, 5], 24), 24), [3, 5])
    sizes = size_tuning(Neurons(model, columns=[1, 3]), gabors=gabors, radii=[1, 4])
    assert sizes.figure()._supxlabel.get_text() == "radius (pixels)"
    assert sizes.in_degrees(screen).figure()._supxlabel.get_text() == "radius (degrees)"
    with pytest.raises(SensoriumError, match="distance 0: expected more than 0"):
        Screen(width=24.0, distance=0)
