"""Where neurons look, in training and in evaluation, and what they read."""

import warnings

import numpy as np
import pytest

from sensorium_tf import errors
from sensorium_tf.models import GaussianReadout, normalize_coordinates, sample_bilinear
from sensorium_tf.models.nonlinearity import start_at_rates

FEATURES = (None, 6, 8, 4)


def built(n_neurons, rng=None, **arguments):
    readout = GaussianReadout(n_neurons, seed=arguments.pop("seed", 1), **arguments)
    readout.build(FEATURES)
    if rng is not None:
        readout.features.assign(rng.normal(size=(n_neurons, FEATURES[-1])))
        readout.bias.assign(rng.normal(size=n_neurons))
        if readout.config.positions == "predicted":
            readout.set_coordinates(rng.normal(size=(n_neurons, 3)))
    return readout


@pytest.fixture
def features(rng):
    return rng.normal(size=(3, *FEATURES[1:])).astype("float32")


def drive(readout, features, positions, to_numpy):
    samples = to_numpy(sample_bilinear(features, positions.astype("float32")))
    weights, bias = to_numpy(readout.features), to_numpy(readout.bias)
    return (samples * weights).sum(-1) + bias


def test_weights_start_as_published(to_numpy):
    readout = built(5000)
    assert np.all(to_numpy(readout.features) == 0.25)
    assert np.all(to_numpy(readout.bias) == 0)
    sigma = to_numpy(readout.sigma)
    assert sigma.shape == (5000, 2, 2)
    assert np.abs(sigma).max() <= 0.1
    assert sigma.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.02)
    free = to_numpy(built(5000, positions="free").mean)
    assert np.abs(free).max() <= 0.1
    assert free.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.02)


def test_scattered_positions_are_predicted_ones_and_an_offset_that_pays(rng, to_numpy):
    places = rng.normal(size=(5, 3))
    predicted, scattered = built(5), built(5, positions="scattered", scatter_penalty=0.25)
    for readout in (predicted, scattered):
        readout.set_coordinates(places)
    np.testing.assert_array_equal(to_numpy(scattered.positions()), to_numpy(predicted.positions()))
    assert float(scattered.penalty()) == float(predicted.penalty())
    offsets = rng.normal(size=(5, 2)).astype("float32")
    scattered.scatter.assign(offsets)
    moved = np.clip(to_numpy(predicted.positions()) + 0.1 * offsets, -1, 1)
    np.testing.assert_allclose(to_numpy(scattered.positions()), moved, atol=1e-6)
    paid = float(scattered.penalty()) - float(predicted.penalty())
    assert paid == pytest.approx(0.25 * (offsets.astype("float64") ** 2).sum(), rel=1e-4)


def test_positions_follow_from_cortex_by_the_formula(rng, to_numpy):
    readout = built(9)
    micrometres = rng.uniform(0, 900, size=(9, 3))
    readout.set_coordinates(micrometres)
    centred = micrometres[:, :2] - micrometres[:, :2].mean(axis=0)
    coordinates = centred / np.abs(centred).max()
    np.testing.assert_allclose(to_numpy(readout.coordinates), coordinates, atol=1e-6)
    (w1, b1), (w2, b2) = [layer.get_weights() for layer in readout.position_network]
    assert (w1.shape, w2.shape) == ((2, 30), (30, 2))
    hidden = coordinates @ w1 + b1
    hidden = np.where(hidden > 0, hidden, np.expm1(hidden))
    np.testing.assert_allclose(to_numpy(readout.positions()), np.tanh(hidden @ w2 + b2), atol=1e-6)


def test_coordinates_are_scaled_by_one_number_for_both_axes():
    normalised = normalize_coordinates([[0, 0, 7], [10, 2, 9]])
    np.testing.assert_allclose(normalised, [[-1, -0.2], [1, 0.2]], rtol=1e-6)
    assert np.all(normalize_coordinates([[5.0, 6.0]]) == 0)


def test_depth_is_ignored(rng, to_numpy):
    readout = built(9)
    places = rng.normal(size=(9, 3))
    readout.set_coordinates(places)
    with_depth = to_numpy(readout.positions())
    readout.set_coordinates(places[:, :2])
    np.testing.assert_array_equal(to_numpy(readout.positions()), with_depth)


@pytest.mark.parametrize("positions", ["predicted", "free"])
def test_evaluation_reads_at_the_mean_and_adds_the_shift(rng, features, to_numpy, positions):
    readout = built(5, rng, positions=positions)
    mean = to_numpy(readout.positions())
    np.testing.assert_allclose(
        to_numpy(readout(features)), drive(readout, features, mean[None], to_numpy), atol=1e-5
    )
    shift = rng.uniform(-1, 1, size=(3, 2)).astype("float32")
    shifted = mean + shift[:, None]
    assert (np.abs(shifted) > 1).any(), "the shift is not clipped"
    np.testing.assert_allclose(
        to_numpy(readout(features, shift=shift)),
        drive(readout, features, shifted, to_numpy),
        atol=1e-5,
    )


@pytest.mark.parametrize("covariance", ["full", "uncorrelated", "isotropic"])
def test_drawn_positions_have_the_mean_and_covariance_asked_for(rng, to_numpy, covariance):
    readout = built(3, rng, covariance=covariance)
    sigma = 0.1 * rng.normal(size=readout.sigma.shape)
    readout.sigma.assign(sigma)
    readout.position_network[1].set_weights([np.zeros((30, 2)), np.array([0.2, -0.1])])
    draws = to_numpy(readout.draw_positions(20_000))
    matrices = {
        "full": lambda s: s,
        "uncorrelated": np.diag,
        "isotropic": lambda s: s[0] * np.eye(2),
    }
    for neuron in range(3):
        matrix = matrices[covariance](sigma[neuron])
        np.testing.assert_allclose(
            draws[:, neuron].mean(0), np.tanh([0.2, -0.1]), atol=5 * np.abs(sigma).max() / 141
        )
        np.testing.assert_allclose(
            np.cov(draws[:, neuron].T),
            matrix @ matrix.T,
            atol=0.05 * np.abs(matrix @ matrix.T).max(),
        )


def test_drawn_positions_are_clipped_before_the_shift(features, to_numpy):
    readout = built(2, positions="free", covariance="isotropic")
    # So wide that every draw lands beyond the border: only the four corners remain.
    readout.sigma.assign(np.full((2, 1), 1e6))
    assert np.all(np.abs(to_numpy(readout.draw_positions(3))) == 1)
    half_a_pixel = np.array([[1 / 7, 0]] * 3, dtype="float32")
    readout.features.assign(np.eye(2, 4))
    got = to_numpy(readout(features, shift=half_a_pixel, training=True))
    left = (features[:, [0, -1], 0] + features[:, [0, -1], 1]) / 2
    right = features[:, [0, -1], -1] / 2
    corners = np.concatenate([left, right], axis=1)
    for neuron in range(2):
        distance = np.abs(got[:, neuron, None] - corners[:, :, neuron]).min(axis=1)
        np.testing.assert_allclose(distance, 0, atol=1e-4)


def test_training_draws_anew_for_every_image_and_evaluation_never(features, rng, to_numpy):
    readout = built(5, rng)
    same = np.repeat(features[:1], 3, axis=0)
    first, second = (to_numpy(readout(same, training=True)) for _ in range(2))
    assert len(np.unique(first[:, 0])) == 3
    assert not np.allclose(first, second)
    np.testing.assert_array_equal(to_numpy(readout(same)), to_numpy(readout(same)))


def test_a_pass_pays_the_weighted_l1_norm(rng, to_numpy):
    readout = built(5, rng, feature_penalty=0.5)
    expected = 0.5 * np.abs(to_numpy(readout.features)).sum()
    assert to_numpy(readout.penalty()) == pytest.approx(expected)


def test_the_same_seed_draws_the_same_weights_and_positions(to_numpy):
    draws = [
        [*(to_numpy(w) for w in r.trainable_weights), to_numpy(r.draw_positions(4))]
        for r in (built(5, seed=3), built(5, seed=3), built(5, seed=4))
    ]
    assert all(np.array_equal(a, b) for a, b in zip(draws[0], draws[1], strict=True))
    assert not np.array_equal(draws[0][-1], draws[2][-1])


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (
            {"covariance": "round"},
            "covariance 'round': expected one of full, uncorrelated, isotropic",
        ),
        ({"positions": "fixed"}, "positions 'fixed': expected one of predicted, free, scattered"),
        ({"n_neurons": 0}, "n_neurons 0: expected a whole number"),
        ({"n_neurons": 2.5}, "n_neurons 2.5: expected a whole number"),
    ],
)
def test_impossible_readouts_are_refused_by_name(arguments, named):
    with pytest.raises(errors.SensoriumError, match=named):
        GaussianReadout(**{"n_neurons": 3, **arguments})


@pytest.mark.parametrize(
    ("coordinates", "said"),
    [
        (np.zeros((3, 4)), r"shape \(neurons, 2\) or \(neurons, 3\). Received: \(3, 4\)"),
        (np.zeros(3), r"Received: \(3,\)"),
        (np.zeros((4, 3)), "3 neurons, but there are coordinates of 4"),
        ([[0, 0], [1, np.nan], [2, 2]], "finite"),
    ],
)
def test_unusable_coordinates_are_refused(coordinates, said):
    with pytest.raises(errors.SensoriumError, match=said):
        built(3).set_coordinates(coordinates)


def test_free_positions_have_no_use_for_coordinates(to_numpy):
    readout = built(3, positions="free")
    before = to_numpy(readout.positions())
    readout.set_coordinates(np.eye(3))
    np.testing.assert_array_equal(to_numpy(readout.positions()), before)
    assert readout.coordinates is None
    with pytest.raises(errors.SensoriumError, match="but there are coordinates of 4"):
        readout.set_coordinates(np.zeros((4, 3)))


def test_coordinates_need_a_readout_that_is_built():
    with pytest.raises(errors.SensoriumError, match="build the readout before"):
        GaussianReadout(3).set_coordinates(np.zeros((3, 2)))


def test_rates_start_at_the_means_that_are_set(features, to_numpy):
    means = np.array([0.0, 0.05, 0.4, 1.0, 2.5])
    readout = built(5)
    readout.features.assign(0.0 * readout.features)
    start_at_rates(readout, None, means)
    drives = to_numpy(readout(features))
    rates = np.where(drives < 0, np.exp(drives), drives + 1)
    np.testing.assert_allclose(rates[0], [0.05, 0.05, 0.4, 1.0, 2.5], rtol=1e-5)


@pytest.mark.parametrize("means", [np.ones(3), np.ones((5, 1)), [1, 1, 1, 1, np.nan]])
def test_unusable_means_are_refused(means):
    with pytest.raises(errors.SensoriumError, match="mean rates must be 5 finite numbers"):
        start_at_rates(built(5), None, means)


def test_neurons_at_one_place_are_warned_of_where_positions_follow_from_it(rng):
    places = np.full((4, 3), -12.0)
    with pytest.warns(UserWarning, match="one place in cortex.* --positions=free"):
        built(4).set_coordinates(places)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        built(4, positions="free").set_coordinates(places)
        built(1).set_coordinates(places[:1])
        built(4).set_coordinates(rng.normal(size=(4, 3)))
