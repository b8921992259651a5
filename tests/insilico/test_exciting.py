"""The images that excite neurons most."""

import numpy as np
import pytest
from known_model import GABORS, ORIENTATIONS, PLACES, SIZE, WAVELENGTHS, inputs, known_model

from sensorium_tf import SensoriumError
from sensorium_tf.insilico import (
    AscentSettings,
    BestGabors,
    BestNaturalImages,
    DiverseImages,
    MostExcitingImages,
    Neurons,
    best_gabor,
    best_natural_image,
    diverse_exciting_images,
    most_exciting_image,
)
from sensorium_tf.insilico.ascent import Ascent, Projection, correlations, noise
from sensorium_tf.simulation.images import dead_leaves

NORM = 5.0


@pytest.fixture(scope="module")
def natural():
    return dead_leaves(60, SIZE, np.random.default_rng(1))


@pytest.fixture(scope="module")
def exciting(model):
    return most_exciting_image(model, norm=NORM, steps=40, n_starts=3)


@pytest.fixture(scope="module")
def gabors(model):
    return best_gabor(model, norm=NORM, steps=30)


def test_projected_images_have_the_mean_and_norm_and_can_be_shown(model, rng):
    neurons = Neurons(model)
    images = rng.normal(2, 1, size=(3, *SIZE, 1)) ** 3
    low, high = neurons.limits
    for norm in (1.0, 12.0):
        found = Projection(neurons, norm).numpy(images)
        np.testing.assert_allclose(np.linalg.norm(found.reshape(3, -1), axis=1), norm, rtol=1e-3)
        np.testing.assert_allclose(found.mean((1, 2, 3)), 0, atol=1e-3)
        assert low <= found.min() and found.max() <= high
    hard = Projection(neurons, 40.0).numpy(images)
    assert low <= hard.min() and hard.max() <= high
    with pytest.raises(SensoriumError, match="norm 1000: a display shows images of at most 49"):
        Projection(neurons, 1000.0)


def test_the_norm_is_a_contrast_if_left_out(model):
    assert Projection(Neurons(model), None).norm == pytest.approx(0.25 * np.sqrt(16 * 24))


def test_the_most_exciting_image_of_a_filter_is_the_filter(exciting):
    for image, expected in zip(exciting.images[:2], GABORS[0], strict=False):
        assert correlations(image[None], expected[None])[0] > 0.95
    np.testing.assert_allclose(exciting.norms, NORM, rtol=1e-3)
    assert (exciting.agreement[:2] > 0.98).all()  # a complex cell has one for every phase
    np.testing.assert_allclose(exciting.rates, np.nanmax(exciting.start_rates, 1), rtol=1e-5)


def test_the_image_of_walker_2019_is_the_filter_made_smooth(model):
    found = most_exciting_image(
        model, columns=[0], norm=NORM, steps=40, n_starts=1, method="walker2019"
    )
    assert 0.9 < correlations(found.images, GABORS[0][:1])[0] < 0.97
    assert np.isnan(found.agreement).all()


def test_it_beats_the_best_natural_image_and_the_best_gabor(model, exciting, gabors, natural):
    best = best_natural_image(model, images=natural, norm=NORM)
    np.testing.assert_allclose([*best.norms, *gabors.norms], NORM, rtol=1e-3)
    assert (exciting.rates > best.rates).all()
    # These neurons are Gabors: no image beats the best one.
    assert (exciting.rates > 0.97 * gabors.rates).all()
    assert (gabors.rates > best.rates).all()


def test_the_least_exciting_image_is_the_reverse(model, exciting):
    found = most_exciting_image(model, columns=[0], norm=NORM, steps=40, n_starts=2, sign=-1)
    assert correlations(found.images, exciting.images[:1])[0] < -0.95
    assert found.rates[0] < 0.1 < exciting.rates[0]


def test_a_neurons_image_does_not_depend_on_the_others(model, exciting):
    alone = most_exciting_image(model, columns=[1], norm=NORM, steps=40, n_starts=3)
    np.testing.assert_allclose(alone.images[0], exciting.images[1], atol=1e-3)
    draws = [noise(Neurons(model, columns=[1]), 1, seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0] != draws[2]).any()


def test_as_many_steps_are_made_as_asked_for(model, monkeypatch):
    neurons = Neurons(model)
    ascent = Ascent(neurons, Projection(neurons, NORM), AscentSettings(steps=3))
    made, step = [], ascent._step
    monkeypatch.setattr(ascent, "_step", lambda *values: made.append(1) or step(*values))
    ascent(np.ones((1, *SIZE, 1), np.float32), np.array([0]), label="steps")
    assert len(made) == 3


def test_after_a_quarter_of_the_steps_the_best_two_starts_go_on(model, monkeypatch):
    made = []
    monkeypatch.setattr(Ascent, "_ends", counted(made, Ascent._ends))
    found = most_exciting_image(model, columns=[0, 2], norm=NORM, steps=8, n_starts=4)
    assert made == [(8, 2), (4, 6)]
    assert (np.isfinite(found.start_rates).sum(1) == 2).all()
    np.testing.assert_allclose(found.rates, np.nanmax(found.start_rates, 1), rtol=1e-5)
    best, other = (
        most_exciting_image(model, columns=[0], norm=NORM, steps=8, n_starts=n, seed=3)
        for n in (2, 1)
    )
    assert best.rates >= other.rates and np.isfinite(best.start_rates).all()


def counted(made, ends):
    """`Ascent._ends` that notes how many images it works on, and how many steps it may make."""

    def call(self, start, index, numbers, label):
        made.append((len(start), len(range(self._steps)[numbers])))
        return ends(self, start, index, numbers, label)

    return call


def test_neurons_that_gain_no_more_are_left_alone(model, monkeypatch):
    neurons = Neurons(model, columns=[0, 2])
    ascent = Ascent(neurons, Projection(neurons, NORM), AscentSettings(steps=800))
    sizes, step = [], ascent._step
    monkeypatch.setattr(ascent, "_step", lambda *given: sizes.append(len(given[1])) or step(*given))
    starts, index = noise(neurons, 1, seed=0)[:, 0], np.arange(2)
    found = neurons.own_rates(ascent(starts, index, label="steps"))
    assert set(sizes[:400]) == {2} and sum(sizes) < 1500
    monkeypatch.setattr("sensorium_tf.insilico.ascent._LEAST_GAIN", -1.0)
    sizes.clear()
    np.testing.assert_allclose(
        found, neurons.own_rates(ascent(starts, index, label="steps")), rtol=1e-3
    )
    assert sum(sizes) == 1600


def test_the_best_natural_image_is_the_one_with_the_highest_rate(model, natural):
    neurons = Neurons(model)
    shown = Projection(neurons, NORM).numpy(neurons.given_images(natural))
    rates = neurons.rates(shown)
    found = best_natural_image(model, images=natural, norm=NORM)
    np.testing.assert_array_equal(found.index, rates.argmax(0))
    np.testing.assert_allclose(found.rates, rates.max(0), rtol=1e-5)
    np.testing.assert_allclose(found.grey, neurons.to_grey(shown[found.index]), atol=1e-4)


def test_the_best_gabor_is_the_cells_own_and_the_grid_never_beats_it(gabors):
    assert (gabors.rates >= gabors.grid_rates - 1e-5).all()
    assert np.hypot(*(gabors.places - PLACES).T).max() < 0.7
    turned = np.abs((gabors.orientations - ORIENTATIONS + np.pi / 2) % np.pi - np.pi / 2)
    assert np.degrees(turned).max() < 5
    np.testing.assert_allclose(gabors.wavelengths, WAVELENGTHS, rtol=0.1)


def test_a_refinement_that_loses_its_way_gives_the_grids_patch(model, monkeypatch):
    monkeypatch.setattr("sensorium_tf.insilico.gabors._STEP_SIZES", np.full(6, 50.0, np.float32))
    lost = best_gabor(model, norm=NORM, steps=2)
    np.testing.assert_allclose(lost.rates, lost.grid_rates, rtol=1e-4)


def test_diverse_images_excite_about_as_much_and_differ(model):
    found = diverse_exciting_images(model, columns=[2], n_images=3, norm=NORM, steps=60)
    assert (found.rates > 0.9 * found.best_rates[:, None]).all()
    assert found.similarity[0] < 0.3


def test_diverse_images_of_many_neurons_are_made_at_once(model, monkeypatch):
    chosen = {"n_images": 3, "norm": NORM, "steps": 8}
    alone = diverse_exciting_images(model, columns=[2], **chosen)
    made = []
    monkeypatch.setattr(Ascent, "_ends", counted(made, Ascent._ends))
    monkeypatch.setattr("sensorium_tf.insilico.ascent._BATCH", 10)
    found = diverse_exciting_images(model, columns=[0, 1, 3, 2], **chosen)
    assert made == [(4, 8), (9, 8), (3, 8)]
    np.testing.assert_allclose(found.images[3], alone.images[0], atol=1e-3)


def test_images_without_grey_values_are_not_clipped():
    found = most_exciting_image(
        known_model(spec=inputs(mice=())), columns=[0], norm=40.0, steps=2, n_starts=1
    )
    assert found.grey is None
    np.testing.assert_allclose(found.norms, 40, rtol=1e-4)


@pytest.mark.parametrize(
    ("function", "arguments", "says"),
    [
        (most_exciting_image, {"method": "walker"}, "did you mean walker2019"),
        (most_exciting_image, {"norm": -1}, "norm -1: expected more than 0"),
        (most_exciting_image, {"steps": 0}, "steps 0"),
        (most_exciting_image, {"n_starts": 1.5}, "n_starts 1.5"),
        (most_exciting_image, {"sign": 2}, "sign 2"),
        (best_gabor, {"place_step": 0.5}, "place_step 0.5"),
        (diverse_exciting_images, {"n_images": 1}, "give 2 or more"),
        (best_natural_image, {}, "knows no recording"),
    ],
)
def test_impossible_arguments_are_refused(model, function, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        function(model, **arguments)


def test_images_are_saved_and_shown(model, natural, exciting, gabors, tmp_path):
    natural_ones = best_natural_image(model, images=natural, columns=[1])
    diverse = diverse_exciting_images(model, columns=[0], n_images=2, steps=1)
    for result, kind in (
        (exciting, MostExcitingImages),
        (gabors, BestGabors),
        (natural_ones, BestNaturalImages),
        (diverse, DiverseImages),
    ):
        result.save(tmp_path / "a.npz")
        found = kind.load(tmp_path / "a.npz")
        np.testing.assert_array_equal(found.images, result.images)
        assert found.figure().axes[0].get_title().startswith(found.labels[0])
