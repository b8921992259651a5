import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sensorium_tf import SensoriumError
from sensorium_tf.plotting import (
    correlation_histogram,
    first_layer_filters,
    receptive_field_positions,
    responses_against_rates,
)


@pytest.fixture
def random():
    return np.random.default_rng(0)


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_histogram_counts_every_neuron_of_every_model_and_names_their_means(random):
    correlations = {"cnn": random.uniform(-0.2, 0.8, 90), "ln": random.uniform(-0.3, 0.5, 90)}
    (axes,) = correlation_histogram(correlations, oracle=np.full(90, 0.9), title="mouse1").axes
    names = [label.split(",")[0] for label in legend(axes)]
    assert names[:2] == ["cnn", "ln"]
    assert len(names) == 3
    assert f"mean {correlations['ln'].mean():.3f}" in legend(axes)[1]
    assert legend(axes)[2].endswith("mean 0.900")
    # A step outline goes up, down and along: its counts are every second height.
    for outline in axes.patches:
        assert outline.get_xy()[1:-1:2, 1].sum() == 90
    assert axes.get_xlabel() == "single-trial correlation"
    assert axes.get_ylabel() == "neurons"
    assert axes.get_title() == "mouse1"


def test_models_and_oracle_have_colors_of_their_own(random):
    correlations = {name: random.uniform(0, 1, 10) for name in ("a", "b", "c")}
    (axes,) = correlation_histogram(correlations, oracle=random.uniform(0, 1, 10)).axes
    assert len({to_rgb(outline.get_edgecolor()) for outline in axes.patches}) == 4


def test_more_models_than_can_be_told_apart_are_refused(random):
    many = {str(n): random.uniform(0, 1, 10) for n in range(8)}
    with pytest.raises(SensoriumError, match="8 models: more than 7 cannot be told apart"):
        correlation_histogram(many)
    with pytest.raises(SensoriumError, match="Received: none"):
        correlation_histogram({})


def test_a_histogram_of_few_neurons_has_fewer_bars(random):
    few, many = (
        correlation_histogram({"cnn": random.uniform(0, 1, n)}).axes[0].patches[0]
        for n in (30, 8000)
    )
    assert len(few.get_xy()) < len(many.get_xy())


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (
            lambda a: correlation_histogram({"cnn": a[0], "ln": a[0, :3]}),
            r"ln: shape \(3,\), expected \(neurons 4\)",
        ),
        (
            lambda a: correlation_histogram({"cnn": a[0]}, oracle=a[0, :3]),
            r"oracle \(other repeats\): shape \(3,\)",
        ),
        (lambda a: correlation_histogram({"cnn": a[0] * np.nan}), "cnn: NaN or infinity"),
        (
            lambda a: responses_against_rates(a, a[:2], correlations=a[0], unit_ids=a[0]),
            r"rates: shape \(2, 4\), expected \(trials 5, neurons 4\)",
        ),
        (
            lambda a: responses_against_rates(a, a, correlations=a[0], unit_ids=a[0, :2]),
            r"unit ids: shape \(2,\), expected \(neurons 4\)",
        ),
        (
            lambda a: receptive_field_positions(a[:, :2], a[:3, :3]),
            r"cell motor coordinates: shape \(3, 2\), expected \(neurons 5, 2\)",
        ),
        (lambda a: receptive_field_positions(a, a), r"positions: shape \(5, 4\)"),
        (lambda a: first_layer_filters(a), r"kernels: shape \(5, 4\), expected \(height"),
        (
            lambda a: first_layer_filters(a[..., None, None], n_channels=2),
            "2 channels: the kernels have 1",
        ),
        (lambda a: first_layer_filters(a.astype(str)[..., None, None]), "expected numbers"),
        (lambda a: first_layer_filters(np.zeros((9, 9, 1, 0))), "nothing to show"),
    ],
)
def test_what_does_not_fit_together_is_one_line(random, draw, says):
    with pytest.raises(SensoriumError, match=says) as caught:
        draw(random.uniform(0, 1, (5, 4)))
    assert "\n" not in str(caught.value)


def test_the_histogram_needs_no_oracle(random):
    (axes,) = correlation_histogram({"cnn": random.uniform(0, 1, 10)}).axes
    assert len(legend(axes)) == 1


def test_responses_are_shown_for_the_best_to_the_median_neuron(random):
    rates, responses = random.uniform(0, 2, (2, 30, 11))
    correlations = np.linspace(0.0, 0.5, 11)
    figure = responses_against_rates(
        responses, rates, correlations=correlations, unit_ids=np.arange(11) + 100, title="mouse1"
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        f"unit {unit}, rank {111 - unit} of 11: r = {r:.2f}"
        for unit, r in zip(range(110, 104, -1), correlations[:4:-1], strict=True)
    ]
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xdata(), rates[:, 10])
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), responses[:, 10])
    assert legend(figure.axes[0]) == ["response = rate"]
    assert "rate" in figure.get_supxlabel()
    assert "response" in figure.get_supylabel()


@pytest.mark.parametrize("n_neurons", [1, 2, 3])
def test_few_neurons_leave_panels_empty(random, n_neurons):
    values = random.uniform(0, 1, (5, n_neurons))
    figure = responses_against_rates(
        values, values, correlations=np.ones(n_neurons), unit_ids=np.arange(n_neurons)
    )
    assert sum(axes.axison for axes in figure.axes) == n_neurons // 2 + 1


def test_retinotopy_colors_a_neuron_alike_in_cortex_and_visual_field(random):
    positions = random.uniform(-0.5, 0.5, (50, 2))
    coordinates = random.uniform(0, 600, (50, 3))
    cortex, field = receptive_field_positions(positions, coordinates).axes
    np.testing.assert_array_equal(cortex.collections[0].get_offsets(), coordinates[:, :2])
    np.testing.assert_array_equal(field.collections[0].get_offsets(), positions)
    colors = cortex.collections[0].get_facecolors()
    np.testing.assert_array_equal(colors, field.collections[0].get_facecolors())
    assert len(np.unique(colors, axis=0)) > 40
    assert "µm" in cortex.get_xlabel()
    assert field.yaxis_inverted()


def test_retinotopy_of_readouts_that_all_look_at_the_same_place_is_shown():
    _, field = receptive_field_positions(np.zeros((4, 2)), np.zeros((4, 3))).axes
    assert np.isfinite(field.collections[0].get_facecolors()).all()


@pytest.mark.parametrize("n_filters", [1, 8, 9, 64])
def test_filters_are_as_large_however_many_there_are(random, n_filters):
    figure = first_layer_filters(random.normal(size=(9, 9, 1, n_filters)))
    rows = -(-n_filters // 8)
    assert figure.get_size_inches() == pytest.approx([5.0, 0.6 + 0.775 * rows])
    figure.draw_without_rendering()
    (axes,) = figure.axes
    sizes = np.array([image.get_window_extent().size for image in axes.images])
    assert len(sizes) == n_filters
    assert sizes == pytest.approx(0.54 * figure.dpi, rel=0.02)


def test_filters_stand_in_rows_below_their_numbers_and_apart(random):
    figure = first_layer_filters(random.normal(size=(9, 9, 1, 20)), title="cnn")
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [image.get_window_extent() for image in axes.images]
    numbers = [text.get_window_extent() for text in axes.texts]
    assert [len({round(getattr(box, at)) for box in boxes}) for at in ("x0", "y0")] == [8, 3]
    assert [boxes[n].x0 < boxes[n + 1].x0 for n in range(7)] == [True] * 7
    assert boxes[0].y0 > boxes[8].y1 and boxes[0].x0 == pytest.approx(boxes[8].x0)
    for box, number in zip(boxes, numbers, strict=True):
        assert number.y0 >= box.y1 - 1
        assert (number.x0 + number.x1) / 2 == pytest.approx((box.x0 + box.x1) / 2, abs=1)
    assert numbers[8].y1 < boxes[0].y0 and numbers[0].x1 < numbers[1].x0
    assert min(each.x0 for each in boxes) > 0 and boxes[7].x1 < figure.bbox.x1


@pytest.mark.parametrize("n_filters", [1, 5, 64])
def test_every_filter_shows_its_image_channel_about_zero(random, n_filters):
    kernels = random.normal(size=(9, 9, 4, n_filters))
    kernels[..., 0] = 0
    figure = first_layer_filters(kernels)
    (axes,) = figure.axes
    assert len(axes.images) == len(axes.texts) == n_filters
    for index, (image, number) in enumerate(zip(axes.images, axes.texts, strict=True)):
        np.testing.assert_array_equal(image.get_array(), kernels[:, :, 0, index])
        assert image.norm.vmin == -image.norm.vmax
        assert number.get_text() == f"±{image.norm.vmax:.2g}"


def test_filters_of_colour_images_show_every_channel_side_by_side(random):
    kernels = random.normal(size=(9, 9, 5, 12))
    figure = first_layer_filters(kernels, n_channels=2)
    (axes,) = figure.axes
    images = axes.images
    assert len(images) == 12
    for index, image in enumerate(images):
        shown = image.get_array()
        np.testing.assert_array_equal(shown[:, :9], kernels[:, :, 0, index])
        np.testing.assert_array_equal(shown[:, -9:], kernels[:, :, 1, index])
        assert image.norm.vmax == np.abs(kernels[:, :, :2, index]).max()
