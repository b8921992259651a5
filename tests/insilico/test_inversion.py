"""Attribution, reconstruction, and the comparison of representations."""

import numpy as np
import pytest
from known_model import GABORS, SIZE, filter_model, gabor

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    Attribution,
    Neurons,
    Reconstructions,
    attribution,
    compare_representations,
    dissimilarity_matrix,
    linear_cka,
    reconstruct,
)
from sensorium_tf.insilico.ascent import correlations
from sensorium_tf.simulation.images import dead_leaves


@pytest.fixture(scope="module")
def natural():
    return dead_leaves(6, SIZE, np.random.default_rng(1))


def test_attributions_sum_to_the_difference_from_grey(model, natural):
    found = attribution(model, natural)
    sums = found.pixels.sum((2, 3, 4))
    assert found.differences.shape == (4, 6)
    np.testing.assert_allclose(sums, found.differences, rtol=0.01, atol=0.01)
    neurons = Neurons(model)
    shown = neurons.from_grey(natural)[..., None]
    expected = (neurons.rates(shown) - neurons.rates(0 * shown)).T
    np.testing.assert_allclose(found.differences, expected, rtol=1e-4, atol=1e-5)


def test_the_attribution_of_a_linear_neuron_is_filter_times_image(model, natural):
    neurons = Neurons(model, columns=[0])
    shown = neurons.from_grey(natural)[..., None]
    driven = neurons.rates(shown)[:, 0] > 1
    found = attribution(model, natural, columns=[0])
    expected = GABORS[0][0][..., None] * shown[driven]
    np.testing.assert_allclose(found.pixels[0][driven], expected, atol=1e-5)


@pytest.fixture(scope="module")
def population():
    random = np.random.default_rng(2)
    filters = [
        gabor(random.uniform(0, SIZE[::-1]), *random.uniform([0, 5, 0], [np.pi, 14, 6]), 2.5)
        for _ in range(300)
    ]
    return filter_model(0.7 * np.stack(filters))


def test_images_are_reconstructed_from_responses(population, natural):
    neurons = Neurons(population)
    images = neurons.from_grey(natural)[..., None]
    responses = neurons.rates(images)
    # The responses are without noise: a weak prior is enough.
    found = reconstruct(population, responses, steps=150, prior=0.3)
    assert (correlations(found.images, images) > 0.6).all()
    error = np.mean((found.images - images) ** 2, axis=(1, 2, 3))
    from_mean = np.mean((images - images.mean(0)) ** 2, axis=(1, 2, 3))
    assert error.mean() < 0.6 * from_mean.mean()
    pulled = reconstruct(population, responses[:1], steps=150, prior=1000.0)
    assert np.abs(pulled.images).max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"responses": np.ones((2, 3))}, r"expected \(trials, 4\). Received: \(2, 3\)"),
        ({"responses": -np.ones((2, 4))}, "0 or more"),
        ({"responses": np.ones((2, 4)), "prior": -1}, "prior -1"),
        ({"responses": np.ones((2, 4)), "steps": 0}, "steps 0"),
    ],
)
def test_impossible_responses_are_refused(model, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        reconstruct(model, **arguments)


def test_both_are_saved_and_shown(model, natural, tmp_path):
    for result, kind, name in (
        (attribution(model, natural[:2], steps=3), Attribution, "pixels"),
        (reconstruct(model, np.ones((2, 4)), steps=2), Reconstructions, "images"),
    ):
        result.save(tmp_path / "a.npz")
        found = kind.load(tmp_path / "a.npz")
        np.testing.assert_array_equal(getattr(found, name), getattr(result, name))
        assert len(found.figure().axes) == len(getattr(found, name).reshape(-1, *SIZE))


def test_cka_is_one_for_turned_representations_and_about_zero_for_others(rng):
    first = rng.normal(size=(40, 12)) + 3
    turn, _ = np.linalg.qr(rng.normal(size=(12, 12)))
    assert linear_cka(first, 2 * first @ turn) == pytest.approx(1, abs=1e-9)
    pairs = rng.normal(size=(9, 2, 30, 200))
    unrelated = [linear_cka(*pair) for pair in pairs]
    assert abs(np.mean(unrelated)) < 0.05


def test_cka_is_the_unbiased_estimator_written_out(rng):
    first, second = rng.normal(size=(7, 3)), rng.normal(size=(7, 5))

    def hsic(one, other):
        """Song et al. 2012: the mean over different images i, j, q, r, of which this is the sum."""
        n, found = len(one), 0.0
        indices = [(i, j, q, r) for i in range(n) for j in range(n) for q in range(n)
                   for r in range(n) if len({i, j, q, r}) == 4]  # fmt: skip
        for i, j, q, r in indices:
            found += one[i, j] * (other[i, j] + other[q, r] - 2 * other[i, q])
        return found / len(indices)

    kernels = first @ first.T, second @ second.T
    expected = hsic(*kernels) / np.sqrt(hsic(kernels[0], kernels[0]) * hsic(kernels[1], kernels[1]))
    assert linear_cka(first, second) == pytest.approx(expected, abs=1e-9)


def test_dissimilarity_is_one_less_the_correlation(rng):
    rates = rng.normal(size=(5, 9))
    np.testing.assert_allclose(dissimilarity_matrix(rates), 1 - np.corrcoef(rates), atol=1e-9)
    rates[3] = 2
    with pytest.raises(SensoriumError, match="alike to image 3"):
        dissimilarity_matrix(rates)


def test_representations_are_compared_pair_by_pair(rng):
    rates = rng.normal(size=(20, 9)) + 5
    names = {"a": rates, "b": 2 * rates, "c": rng.normal(size=(20, 4))}
    found = compare_representations(names)
    assert found.names == ("a", "b", "c")
    np.testing.assert_allclose(found.cka[0], [1, 1, linear_cka(rates, names["c"])], atol=1e-9)
    assert found.rdm_correlations[0, 1] == pytest.approx(1)
    np.testing.assert_allclose(found.dissimilarities[0], 1 - np.corrcoef(rates), atol=1e-9)
    assert found.figure().axes[0].get_title() == "linear CKA"


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ([np.ones((5, 2))], "two representations or more"),
        ([np.ones((5, 2)), np.ones((6, 2))], "b: shape"),
        ([np.eye(3), np.eye(3)], "4 images"),
        ([np.eye(5), np.ones((5, 1)) * [1.0, 2, 3]], "the same for all images"),
    ],
)
def test_representations_of_other_images_are_refused(arrays, says):
    with pytest.raises(SensoriumError, match=says):
        compare_representations(dict(zip("ab", arrays, strict=False)))
