"""Neurons that prefer orientations, and features, apart from each other."""

import keras
import numpy as np
import pytest
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.models import GaussianReadout, OrientedReadout
from sensorium_tf.testing import check_model

CORE = "rotation_equivariant(n_rotations=4, channels=3, n_blocks=1)"


def built(kind, n_neurons=5, **options):
    if kind is OrientedReadout:
        options["n_orientations"] = 4
    readout = kind(n_neurons, seed=1, **options)
    readout.build((None, 6, 8, 12))
    return readout


@pytest.mark.parametrize("terms", [1, 2])
@pytest.mark.parametrize("training", [False, True])
def test_it_reads_as_gaussian_with_the_products_as_features(rng, to_numpy, terms, training):
    oriented, gaussian = built(OrientedReadout, terms=terms), built(GaussianReadout)
    tuning, what = rng.normal(size=(5, 4, terms)), rng.normal(size=(5, 3, terms))
    oriented.tuning.assign(tuning)
    oriented.what.assign(what)
    # Channel r * features + c is feature c at orientation r.
    gaussian.features.assign(np.einsum("nrk,nck->nrc", tuning, what).reshape(5, 12))
    places = rng.normal(size=(5, 3))
    features = rng.normal(size=(2, 6, 8, 12)).astype("float32")
    for readout in (oriented, gaussian):
        readout.set_coordinates(places)
    drives = [to_numpy(each(features, training=training)) for each in (oriented, gaussian)]
    np.testing.assert_allclose(*drives, rtol=1e-4, atol=1e-5)
    assert float(oriented.penalty()) == pytest.approx(float(gaussian.penalty()), rel=1e-5)
    points = [
        to_numpy(each.read_points(features[:, 0, 0], np.array([3, 1])))
        for each in (oriented, gaussian)
    ]
    np.testing.assert_allclose(*points, rtol=1e-4, atol=1e-5)


def test_it_learns_fewer_numbers_which_start_near_those_of_gaussian(to_numpy):
    oriented = built(OrientedReadout, n_neurons=2000)
    assert oriented.tuning.shape == (2000, 4, 1) and oriented.what.shape == (2000, 3, 1)
    features = to_numpy(oriented.features)
    assert features.mean() == pytest.approx(1 / 12, rel=0.01)
    assert 0.1 < features.std() / features.mean() < 0.3


def test_a_model_of_it_keeps_the_contract_and_is_loaded_the_same(rng, to_numpy, tmp_path):
    coordinates = {"a": rng.normal(size=(3, 3))}
    model = small_model(
        coordinates, core=CORE, readout="oriented", hidden_channels=None, n_blocks=None
    )
    assert model.readouts["a"].tuning.shape == (3, 4, 1)
    check_model(model)
    images = {"a": {"image": rng.normal(size=(2, 36, 64, 1)).astype("float32")}}
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(to_numpy(again(images)["a"]), to_numpy(model(images)["a"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"readout": "oriented"}, "at 8 orientations, but those of SensoriumCore have no such"),
        (
            {"core": CORE, "readout": "oriented(n_orientations=8)"},
            "at 8 orientations, but those of RotationEquivariantCore have at 4",
        ),
    ],
)
def test_a_core_of_other_orientations_is_refused(options, said):
    with pytest.raises(SensoriumError, match=said):
        small_model({"a": np.zeros((3, 3))}, hidden_channels=None, n_blocks=None, **options)


def test_maps_of_other_channels_are_refused():
    with pytest.raises(SensoriumError, match="10 channels are not the same features at 4"):
        OrientedReadout(3, n_orientations=4).build((None, 6, 8, 10))
