import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensorium_tf import SensoriumError, metrics

# Two images, two repeats each, one neuron; worked out by hand below.
RESPONSES = np.array([[1.0], [5.0], [3.0], [7.0]])
IMAGES = np.array([10, 20, 10, 20])
RATES = np.array([[2.0], [6.0], [2.0], [6.0]])


def population(seed=0, *, n_neurons=4, repeats=(3, 2, 4, 1, 3)):
    """Responses around a rate for each image, in shuffled order."""
    random = np.random.default_rng(seed)
    image_ids = random.permutation(np.repeat(np.arange(len(repeats)) * 7, repeats))
    rates = random.gamma(2, 1, (len(repeats) * 7, n_neurons))[image_ids]
    return random.gamma(4, rates / 4), rates + random.uniform(0, 0.3, rates.shape), image_ids


def slow_correlation(a, b):
    a, b = np.asarray(a), np.asarray(b)
    covariance = sum((x - a.mean()) * (y - b.mean()) for x, y in zip(a, b, strict=True)) / len(a)
    return covariance / ((a.std() + 1e-8) * (b.std() + 1e-8))


def slow_fev_parts(responses, image_ids):
    noise = []
    for image in set(image_ids.tolist()):
        repeats = responses[image_ids == image]
        if len(repeats) > 1:
            noise.append(sum((repeats - repeats.mean()) ** 2) / (len(repeats) - 1))
    return sum((responses - responses.mean()) ** 2) / (len(responses) - 1), np.mean(noise)


def averages(values, image_ids):
    """Averages `(trials, neurons)` over the trials of each image."""
    return np.stack([values[image_ids == image].mean(axis=0) for image in np.unique(image_ids)])


def signals_of_the_correlations(data):
    """Returns the responses and rates that each correlation compares, by its name."""
    responses, rates, image_ids = data
    return {
        "single_trial_correlation": (responses, rates),
        "correlation_to_average": (averages(responses, image_ids), averages(rates, image_ids)),
    }


@st.composite
def populations(draw):
    repeats = draw(st.lists(st.integers(1, 5), min_size=2, max_size=6).filter(lambda r: max(r) > 1))
    return population(draw(st.integers(0, 2**32 - 1)), repeats=repeats)


def test_single_trial_correlation_is_the_hand_worked_one():
    # covariance 4, standard deviations sqrt(5) and 2
    found = metrics.single_trial_correlation(RESPONSES, RATES)
    assert found == pytest.approx([4 / (2 * np.sqrt(5))], abs=1e-7)


def test_correlation_to_average_averages_the_repeats_first():
    assert metrics.correlation_to_average(RESPONSES, RATES, IMAGES) == pytest.approx([1], abs=1e-7)


def test_images_count_alike_in_the_average_however_often_shown():
    responses = np.array([[0.0], [0.0], [0.0], [0.0], [3.0], [6.0]])
    rates = np.array([[1.0], [1.0], [1.0], [1.0], [5.0], [2.0]])
    found = metrics.correlation_to_average(responses, rates, [1, 1, 1, 1, 2, 3])
    assert found == pytest.approx([slow_correlation([0, 3, 6], [1, 5, 2])])


@pytest.mark.parametrize(
    ("image_ids", "repeats"), [([1, 2, 1], True), (["a", "b"], False), ([7], False)]
)
def test_images_that_were_shown_again_are_repeats(image_ids, repeats):
    assert metrics.has_repeats(image_ids) is repeats


def test_explainable_variance_is_the_hand_worked_one():
    # total 20 / 3, noise 2
    assert metrics.explainable_variance(RESPONSES, IMAGES) == pytest.approx([0.7])


def test_explainable_variance_of_ragged_repeats_leaves_images_shown_once_out_of_the_noise():
    responses = np.array([[1.0], [3.0], [5.0], [7.0], [9.0], [20.0]])
    # total 45.5; noise is the mean of 2 and 4, whatever the counts
    found = metrics.explainable_variance(responses, [1, 1, 2, 2, 2, 3])
    assert found == pytest.approx([42.5 / 45.5])


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        pytest.param([2, 6, 2, 6], 1 + 3 / 14, id="image means, mse 1"),
        pytest.param([3, 5, 3, 5], 1, id="mse is the noise"),
        pytest.param([4, 4, 4, 4], 5 / 14, id="overall mean, mse 5"),
        pytest.param([6, 2, 6, 2], 1 - 15 / (14 / 3), id="worse than the mean, mse 17"),
    ],
)
def test_feve_is_the_hand_worked_one(rates, expected):
    rates = np.array(rates, float)[:, None]
    assert metrics.feve(RESPONSES, rates, IMAGES) == pytest.approx([expected])


def test_the_oracle_predicts_a_trial_from_the_other_repeats():
    # predictions 3, 7, 1, 5: covariance 3, variances 5
    assert metrics.oracle_correlation(RESPONSES, IMAGES) == pytest.approx([0.6])


def test_the_oracle_leaves_out_images_shown_once():
    with_single = np.vstack([RESPONSES, [[100.0]]])
    assert metrics.oracle_correlation(with_single, [*IMAGES, 30]) == pytest.approx([0.6])


@pytest.mark.parametrize("n_neurons", [1, 300])
def test_every_metric_agrees_with_a_slow_loop(n_neurons):
    responses, rates, image_ids = population(3, n_neurons=n_neurons)
    images = sorted(set(image_ids.tolist()))
    single = metrics.single_trial_correlation(responses, rates)
    average = metrics.correlation_to_average(responses, rates, image_ids)
    fev = metrics.explainable_variance(responses, image_ids)
    feve = metrics.feve(responses, rates, image_ids, fev_threshold=1e-9)
    oracle = metrics.oracle_correlation(responses, image_ids)
    for n in range(n_neurons):
        r, p = responses[:, n], rates[:, n]
        assert single[n] == pytest.approx(slow_correlation(r, p))
        means = [[x[image_ids == image].mean() for image in images] for x in (r, p)]
        assert average[n] == pytest.approx(slow_correlation(*means))
        total, noise = slow_fev_parts(r, image_ids)
        assert fev[n] == pytest.approx((total - noise) / total)
        expected = 1 - (np.mean((r - p) ** 2) - noise) / (total - noise)
        assert feve[n] == pytest.approx(expected if total - noise > 0 else np.nan, nan_ok=True)
        pairs = [
            (r[t], np.mean([r[u] for u in range(len(r)) if u != t and image_ids[u] == image]))
            for t, image in enumerate(image_ids)
            if (image_ids == image).sum() > 1
        ]
        assert oracle[n] == pytest.approx(slow_correlation(*zip(*pairs, strict=True)))


@given(populations(), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_the_order_of_trials_and_neurons_is_free(data, random):
    responses, rates, image_ids = data
    trials = random.sample(range(len(responses)), len(responses))
    neurons = random.sample(range(responses.shape[1]), responses.shape[1])
    before = metrics.evaluate_rates(responses, rates, image_ids)
    after = metrics.evaluate_rates(
        responses[trials][:, neurons], rates[trials][:, neurons], image_ids[trials]
    )
    # A sum in another order differs by some 1e-16 of the largest value x, so that z-scores of
    # signals with std s, and the mean of their products, differ by some 1e-16 x / s.
    for name, signals in signals_of_the_correlations(data).items():
        tolerance = sum(1e-14 * np.abs(each).max(axis=0) / each.std(axis=0) for each in signals)
        difference = after.per_neuron[name] - before.per_neuron[name][neurons]
        assert (np.abs(difference) <= tolerance[neurons]).all()
    if before.per_neuron["feve"] is not None:
        # FEVE divides by at least 0.15 of the variance: nothing is blown up.
        np.testing.assert_allclose(
            after.per_neuron["feve"], before.per_neuron["feve"][neurons], rtol=1e-9, atol=1e-9
        )


@given(populations(), st.floats(1, 100), st.floats(-100, 100))
@settings(max_examples=40)
def test_correlations_do_not_depend_on_scale_and_offset_of_the_rates(data, scale, offset):
    responses, rates, image_ids = data
    before = metrics.evaluate_rates(responses, rates, image_ids)
    after = metrics.evaluate_rates(responses, rates * scale + offset, image_ids)
    for name, (_, signal) in signals_of_the_correlations(data).items():
        values = before.per_neuron[name]
        # A correlation is s / (s + 1e-8) of what it would be without the 1e-8, with s the std of
        # the rates, and grows with the scale by less than 1e-8 / s. The offset costs digits.
        std, largest = signal.std(axis=0), np.abs(signal).max(axis=0)
        tolerance = (1e-8 + 1e-14 * (largest + abs(offset))) / std
        assert (np.abs(after.per_neuron[name] - values) <= tolerance).all()
        assert np.abs(values).max() <= 1 + 1e-12


@given(populations())
@settings(max_examples=40)
def test_a_perfect_prediction_scores_one_in_both_correlations(data):
    responses, _, image_ids = data
    found = metrics.evaluate_rates(responses, responses, image_ids)
    for name, (signal, _) in signals_of_the_correlations(data).items():
        # Of two identical signals with std s it is (s / (s + 1e-8)) ** 2, which differs by 2e-8 / s
        # from 1: neurons whose averages hardly vary stay below it. Where s is near 1e-8 its own
        # rounding, some 1e-15, counts up to 1e8 times.
        std = signal.std(axis=0)
        expected = (std / (std + 1e-8)) ** 2
        np.testing.assert_allclose(found.per_neuron[name], expected, rtol=0, atol=1e-6)
        assert (found.per_neuron[name] >= 1 - 2e-8 / std - 1e-6).all()


def test_responses_without_noise_are_explained_completely_by_themselves():
    responses = np.repeat(np.random.default_rng(0).gamma(1, 1, (5, 3)), 4, axis=0)
    images = np.repeat(np.arange(5), 4)
    assert metrics.explainable_variance(responses, images) == pytest.approx([1, 1, 1])
    assert metrics.feve(responses, responses, images) == pytest.approx([1, 1, 1])


def test_images_shown_once_make_the_average_the_single_trial():
    responses, rates, _ = population(5)
    single = metrics.single_trial_correlation(responses, rates)
    average = metrics.correlation_to_average(responses, rates, np.arange(len(responses)))
    np.testing.assert_allclose(average, single)


def test_neurons_below_the_threshold_have_no_feve_and_do_not_enter_the_mean():
    # The second neuron differs between repeats only.
    responses = np.hstack([RESPONSES, [[0.0], [0.0], [1.0], [1.0]]])
    found = metrics.evaluate_rates(responses, np.hstack([RATES, RATES]), IMAGES)
    assert np.isnan(found.per_neuron["feve"]).tolist() == [False, True]
    assert found.means["feve"] == pytest.approx(1 + 3 / 14)
    assert metrics.feve(RESPONSES, RATES, IMAGES, fev_threshold=0.7001) == pytest.approx(
        [np.nan], nan_ok=True
    )


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_neuron_that_never_varies_gives_zeros_and_no_feve(constant):
    responses = np.hstack([RESPONSES, np.full((4, 1), constant)])
    rates = np.hstack([RATES, RATES])
    found = metrics.evaluate_rates(responses, rates, IMAGES)
    assert found.per_neuron["single_trial_correlation"][1] == pytest.approx(0, abs=1e-6)
    assert metrics.explainable_variance(responses, IMAGES)[1] == 0
    assert np.isnan(found.per_neuron["feve"][1])


def test_a_constant_of_many_trials_leaves_no_explainable_rounding():
    responses = np.full((997, 1), 0.1)
    assert metrics.explainable_variance(responses, np.arange(997) // 10) == [0]


def test_scores_are_means_over_neurons_in_the_competition_names():
    responses, rates, image_ids = population(1)
    found = metrics.evaluate_rates(responses, rates, image_ids)
    assert found.means == pytest.approx(
        {
            "single_trial_correlation": metrics.single_trial_correlation(responses, rates).mean(),
            "correlation_to_average": metrics.correlation_to_average(
                responses, rates, image_ids
            ).mean(),
            "feve": np.nanmean(metrics.feve(responses, rates, image_ids)),
        }
    )
    assert found.reasons == {}


def test_float32_is_summed_in_float64():
    responses, rates, _ = population(2)
    shifted = (responses + 4096).astype(np.float32)
    expected = metrics.correlation(shifted.astype(np.float64), rates)
    np.testing.assert_array_equal(metrics.correlation(shifted, rates), expected)
    assert metrics.correlation(shifted, rates).dtype == np.float64


def test_feve_is_refused_on_the_plus_track_and_null_in_its_scores():
    with pytest.raises(SensoriumError, match="no two repeats of an image have the same behavior"):
        metrics.feve(RESPONSES, RATES, IMAGES, track="sensorium_plus")
    found = metrics.evaluate_rates(RESPONSES, RATES, IMAGES, track="sensorium_plus")
    assert found.per_neuron["feve"] is None
    assert found.means["feve"] is None
    assert "same behavior" in found.reasons["feve"]
    assert found.means["single_trial_correlation"] == pytest.approx(4 / (2 * np.sqrt(5)))


def test_without_repeats_what_needs_them_is_refused_and_null_in_the_scores():
    images = [1, 2, 3, 4]
    for refused in (
        lambda: metrics.explainable_variance(RESPONSES, images),
        lambda: metrics.feve(RESPONSES, RATES, images),
        lambda: metrics.oracle_correlation(RESPONSES, images),
    ):
        with pytest.raises(SensoriumError, match="no image was shown more than once"):
            refused()
    found = metrics.evaluate_rates(RESPONSES, RATES, images)
    assert found.means["feve"] is None
    assert "more than once" in found.reasons["feve"]


def test_scores_say_when_no_neuron_has_enough_to_explain():
    found = metrics.evaluate_rates([[0.0], [0.0], [1.0], [1.0]], RATES, IMAGES)
    assert found.means["feve"] is None
    assert found.reasons["feve"] == "no neuron has an explainable variance (FEV) of 0.15 or more"


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        pytest.param(RATES[:3], r"responses have shape \(4, 1\) but rates \(3, 1\)", id="trials"),
        pytest.param(np.hstack([RATES, RATES]), r"but rates \(4, 2\)", id="neurons"),
        pytest.param(RATES[:, 0], r"rates have shape \(4,\)", id="no neuron axis"),
        pytest.param(np.zeros((4, 0)), r"rates have shape \(4, 0\)", id="no neuron"),
        pytest.param([["a"]] * 4, "rates hold <U1 values, expected numbers", id="text"),
        pytest.param([[2], [np.nan], [2], [6]], "first in trial 1, neuron 0", id="nan"),
        pytest.param([[2], [6], [-np.inf], [6]], "first in trial 2, neuron 0", id="infinity"),
    ],
)
def test_arrays_that_cannot_be_scored_are_refused(rates, message):
    with pytest.raises(SensoriumError, match=message):
        metrics.evaluate_rates(RESPONSES, rates, IMAGES)


def test_an_image_id_is_needed_for_each_trial():
    with pytest.raises(SensoriumError, match=r"image ids have shape \(3,\), expected \(4,\)"):
        metrics.correlation_to_average(RESPONSES, RATES, [1, 2, 3])


def test_an_unknown_track_is_refused():
    with pytest.raises(SensoriumError, match="track 'sensorum'"):
        metrics.evaluate_rates(RESPONSES, RATES, IMAGES, track="sensorum")


@pytest.mark.parametrize("threshold", [0, -0.1, np.nan])
def test_a_threshold_that_is_not_positive_is_refused(threshold):
    with pytest.raises(SensoriumError, match="FEV threshold"):
        metrics.feve(RESPONSES, RATES, IMAGES, fev_threshold=threshold)
