"""Figures of a recording: images, responses, behavior, cortex, repeats."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sensorium_tf import SensoriumError
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.plotting import (
    images_with_responses,
    neurons_in_cortex,
    reliability_histograms,
    repeated_responses,
    response_raster,
    signal_traces,
)


@pytest.fixture
def random():
    return np.random.default_rng(0)


@pytest.fixture
def signals(random):
    return {"behavior": random.normal(size=(12, 3)), "pupil_center": random.normal(size=(12, 2))}


@pytest.mark.parametrize("n_neurons", [30, 8000])
def test_each_image_stands_beside_the_responses_to_it(random, n_neurons):
    images, responses = random.normal(size=(3, 36, 64)), random.gamma(1, 1, (3, n_neurons))
    figure = images_with_responses(images, responses, title="mouse1")
    for row in range(3):
        left, right = figure.axes[2 * row : 2 * row + 2]
        np.testing.assert_array_equal(left.images[0].get_array(), images[row])
        (stems,) = right.collections
        tops = np.array([segment[1, 1] for segment in stems.get_segments()])
        np.testing.assert_array_equal(tops, responses[row])
        assert right.get_ylim()[1] > responses.max()
        assert right.get_ylim() == figure.axes[1].get_ylim()
        assert right.get_ylabel() == "response (std)"
        assert left.images[0].norm.vmin == images.min()
    assert figure.axes[-1].get_xlabel() == "neuron"


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_colour_channels_of_an_image_stand_side_by_side_on_one_scale(random, n_channels):
    images = random.normal(size=(2, 20, 32, n_channels))
    figure = images_with_responses(images, random.random((2, 5)))
    for row in range(2):
        shown = figure.axes[2 * row].images[0]
        for channel in range(n_channels):
            start = channel * (32 + 2)
            np.testing.assert_array_equal(
                shown.get_array()[:, start : start + 32], images[row, ..., channel]
            )
        assert (shown.norm.vmin, shown.norm.vmax) == (images.min(), images.max())
        assert np.ma.getmaskarray(shown.get_array()).sum() == 20 * 2 * (n_channels - 1)


def test_stems_are_thinner_the_more_neurons_there_are(random):
    few, many = (
        images_with_responses(np.ones((1, 4, 4)), random.random((1, n))).axes[1].collections[0]
        for n in (30, 8000)
    )
    assert few.get_linewidth()[0] > many.get_linewidth()[0]


def test_a_raster_shows_some_neurons_and_the_first_trials(random):
    responses = random.gamma(1, 1, (300, 1000))
    axes, bar = response_raster(responses, title="mouse1").axes
    shown = axes.images[0].get_array()
    assert shown.shape == (200, 200)
    chosen = responses[:200, np.linspace(0, 999, 200).round().astype(int)]
    # The same rows in another order.
    assert sorted(map(tuple, shown)) == sorted(map(tuple, chosen.T))
    assert axes.images[0].norm.vmax == pytest.approx(np.percentile(chosen, 99))
    assert "200 of 1000" in axes.get_ylabel()
    assert bar.get_ylabel() == "response (std)"


def test_a_raster_puts_neurons_that_respond_alike_side_by_side(random):
    groups = random.permutation(np.repeat([0, 1], 30))
    signal = random.normal(size=100)
    responses = np.where(groups, signal[:, None], -signal[:, None]) + 0.1 * random.normal(
        size=(100, 60)
    )
    shown = response_raster(responses).axes[0].images[0].get_array()
    group = np.sign(shown @ signal)
    assert np.abs(np.diff(group)).sum() == 2


@pytest.mark.parametrize("shape", [(1, 1), (3, 30), (250, 2)])
def test_a_small_raster_shows_all_there_is(random, shape):
    shown = response_raster(random.random(shape)).axes[0].images[0].get_array()
    assert shown.shape == (shape[1], min(200, shape[0]))
    few = response_raster(random.random((9, 9)), n_neurons=4, n_trials=5).axes[0].images[0]
    assert few.get_array().shape == (4, 5)


def test_silent_neurons_are_white():
    drawn = response_raster(np.zeros((5, 4))).axes[0].images[0]
    assert drawn.norm.vmin < drawn.norm.vmax


def ylabels(figure):
    return [axes.get_ylabel().replace("\n", " ") for axes in figure.axes]


def test_each_column_of_behavior_and_pupil_is_traced_over_trials(signals):
    figure = signal_traces(signals, recording=sensorium2022.CHALLENGE.recording, title="full")
    values = [*signals["behavior"].T, *signals["pupil_center"].T]
    for axes, expected in zip(figure.axes, values, strict=True):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), expected)
    assert ylabels(figure) == [
        "behavior: pupil dilation (std)",
        "behavior: its derivative (std)",
        "behavior: running speed (std)",
        "pupil center: horizontal (std)",
        "pupil center: vertical (std)",
    ]
    assert figure.axes[-1].get_xlabel() == "trial"


def test_some_trials_or_signals_can_be_traced_alone(signals):
    few = signal_traces(signals, n_trials=5)
    assert {len(axes.lines[0].get_ydata()) for axes in few.axes} == {5}
    assert len(signal_traces({"pupil_center": signals["pupil_center"]}).axes) == 2


def test_signals_of_another_recording_are_numbered(random):
    signals = {"behavior": random.normal(size=(6, 4)), "head_angle": random.normal(size=(6, 1))}
    expected = [*(f"behavior {n} (std)" for n in (1, 2, 3, 4)), "head angle (std)"]
    assert ylabels(signal_traces(signals)) == expected
    assert ylabels(signal_traces(signals, recording=sensorium2022.CHALLENGE.recording)) == expected


def test_neurons_lie_in_maps_by_depth_the_surface_first(random):
    coordinates, values = random.uniform(0, 600, (40, 3)), random.uniform(0, 1, 40)
    values[:3] = np.nan
    *maps, bar = neurons_in_cortex(coordinates, values, label="oracle correlation").axes
    shown = [np.array(axes.collections[1].get_offsets()) for axes in maps]
    unknown = [np.array(axes.collections[0].get_offsets()) for axes in maps]
    assert [len(a) + len(b) for a, b in zip(shown, unknown, strict=True)] == [10, 10, 10, 10]
    order = np.argsort(coordinates[:, 2])
    for number, (axes, places) in enumerate(zip(maps, shown, strict=True)):
        here = [n for n in np.sort(order[10 * number : 10 * number + 10]) if n >= 3]
        np.testing.assert_array_equal(places, coordinates[here, :2])
        np.testing.assert_array_equal(axes.collections[1].get_array(), values[here])
        assert axes.collections[1].norm.vmin == pytest.approx(np.percentile(values[3:], 2))
    lowest, highest = (coordinates[order[n], 2] for n in (0, 9))
    assert maps[0].get_title() == f"{lowest:.0f} to {highest:.0f} µm deep"
    labels = (maps[0].figure.get_supxlabel(), maps[0].figure.get_supylabel())
    assert labels == ("cortex x (µm)", "cortex y (µm)")
    assert bar.get_ylabel() == "oracle correlation"


@pytest.mark.parametrize(
    ("depths", "titles"),
    [
        ([5, 5, 5], ["5"]),
        ([200, 150, 200], ["150", "200"]),
        ([1, 1, 1, 1, 1, 1, 2, 3, 4, 5], ["1", "2 to 3", "4 to 5"]),
    ],
)
def test_imaging_planes_have_a_map_each_and_every_neuron_is_in_one(random, depths, titles):
    coordinates = np.column_stack([random.uniform(0, 600, (len(depths), 2)), depths])
    *maps, _ = neurons_in_cortex(coordinates, random.random(len(depths)), label="x").axes
    maps = [axes for axes in maps if axes.axison]
    assert [axes.get_title() for axes in maps] == [f"{title} µm deep" for title in titles]
    assert sum(len(axes.collections[1].get_offsets()) for axes in maps) == len(depths)


@pytest.mark.parametrize("values", [[np.nan, np.nan], [0.5, 0.5]])
def test_unknown_or_equal_values_have_a_scale_all_the_same(values):
    axes, *_ = neurons_in_cortex(np.eye(3)[:2], np.array(values), label="x").axes
    assert axes.collections[-1].norm.vmin < axes.collections[-1].norm.vmax


def test_repeats_stand_above_their_image_the_strongest_first():
    image_ids = np.array([7, 9, 7, 3, 9, 9, 5])
    responses = np.array([1.0, 4.0, 3.0, 99.0, 5.0, 9.0, 1.0])
    rates = np.array([2.0, 6.0, 4.0, 0.0, 6.0, 9.0, 0.0])
    (axes,) = repeated_responses(responses, image_ids, rates=rates, title="unit 3").axes
    single, mean, rate = axes.lines
    found = sorted(zip(single.get_xdata(), single.get_ydata(), strict=True))
    assert found == [(0, 4), (0, 5), (0, 9), (1, 1), (1, 3)]
    assert list(mean.get_ydata()) == [6, 2]
    assert list(rate.get_ydata()) == [7, 3]
    assert axes.get_ylabel() == "response (std)"
    assert len(repeated_responses(responses, image_ids).axes[0].lines) == 2


@pytest.mark.parametrize("n_neurons", [30, 8000])
def test_reliability_counts_the_neurons_that_pass(random, n_neurons):
    fev, oracle = random.normal(0.15, 0.1, n_neurons), random.uniform(-0.2, 0.7, n_neurons)
    left, right = reliability_histograms(fev, oracle, title="mouse1").axes
    passed = int(np.sum(fev >= 0.15))
    assert left.get_title() == f"{passed} of {n_neurons} neurons at 0.15 or more"
    assert left.lines[0].get_xdata()[0] == 0.15
    counts = {}
    for bar in left.patches:
        color = to_rgb(bar.get_facecolor()[:3])
        counts[color] = counts.get(color, 0) + bar.get_height()
        across = bar.get_x() < 0.1499 and bar.get_x() + bar.get_width() > 0.1501
        assert not across
    assert list(counts.values()) == [n_neurons - passed, passed]
    assert sum(bar.get_height() for bar in right.patches) == n_neurons
    assert right.get_title() == f"mean {oracle.mean():.3f}"


def test_reliability_counts_by_the_threshold_of_the_challenge():
    fev = np.array([0.1, 0.25, 0.4])
    left, _ = reliability_histograms(fev, fev, fev_threshold=0.3).axes
    assert left.get_title() == "1 of 3 neurons at 0.3 or more"


def test_reliability_of_neurons_on_one_side_of_the_threshold_is_shown():
    for fev in (np.array([-0.4, 0.1]), np.array([0.6, 0.9]), np.array([0.15])):
        left, _ = reliability_histograms(fev, fev).axes
        assert sum(bar.get_height() for bar in left.patches) == len(fev)


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (
            lambda a: images_with_responses(a[:, None], a[:3]),
            r"responses: shape \(3, 3\), expected \(trials 5, neurons\)",
        ),
        (lambda a: images_with_responses(a, a), r"images: shape \(5, 3\)"),
        (
            lambda a: images_with_responses(np.ones((13, 2, 2)), np.ones((13, 4))),
            "13 images: choose up to 12",
        ),
        (lambda a: response_raster(a[0]), r"responses: shape \(3,\)"),
        (lambda a: response_raster(a * np.nan), "responses: NaN or infinity"),
        (lambda a: response_raster(a, n_neurons=0), "raster of 0 neurons"),
        (lambda a: response_raster(a, n_trials=0), "0 trials: show some"),
        (
            lambda a: neurons_in_cortex(a, a[:4, 0], label="x"),
            r"values: shape \(4,\), expected \(neurons 5\)",
        ),
        (lambda a: neurons_in_cortex(a[:, :2], a[:, 0], label="x"), r"expected \(neurons, 3\)"),
        (lambda a: neurons_in_cortex(a * np.nan, a[:, 0], label="x"), "coordinates: NaN"),
        (
            lambda a: repeated_responses(a[:, 0], [1, 1, 2]),
            r"image ids: shape \(3,\), expected \(trials 5\)",
        ),
        (lambda a: repeated_responses(a[:, 0], np.ones(5), rates=a[0]), r"rates: shape"),
        (lambda a: repeated_responses(a[:, 0], np.arange(5)), "no image was shown more than once"),
        (
            lambda a: reliability_histograms(a[:, 0], a[0]),
            r"oracle: shape \(3,\), expected \(neurons 5\)",
        ),
        (lambda a: reliability_histograms(a[:, 0] * np.inf, a[:, 0]), "variance: NaN or inf"),
    ],
)
def test_what_cannot_be_shown_of_a_recording_is_one_line(random, draw, says):
    with pytest.raises(SensoriumError, match=says) as caught:
        draw(random.uniform(0.1, 1, (5, 3)))
    assert "\n" not in str(caught.value)


def test_withheld_or_broken_signals_are_one_line(signals):
    with pytest.raises(SensoriumError, match="no signal to show; does the recording withhold"):
        signal_traces({})
    broken = {**signals, "pupil_center": signals["pupil_center"][:5]}
    with pytest.raises(SensoriumError, match=r"pupil_center: shape \(5, 2\), expected \(trials 12"):
        signal_traces(broken)
    with pytest.raises(SensoriumError, match="behavior: NaN"):
        signal_traces({"behavior": signals["behavior"] * np.nan})
    with pytest.raises(SensoriumError, match="traces over 0 trials"):
        signal_traces(signals, n_trials=0)
