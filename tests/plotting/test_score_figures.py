"""Figures of scores: side by side, paired, against the number of trials."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from sensorium_tf import SensoriumError
from sensorium_tf.metrics import bootstrap_interval
from sensorium_tf.plotting import learning_curve, paired_correlations, score_distributions


@pytest.fixture
def random():
    return np.random.default_rng(0)


def means(axes):
    """Returns places and heights of the dots, which are means."""
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    return np.array([(line.get_xdata()[0], line.get_ydata()[0]) for line in dots])


def legend(figure):
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def test_each_mouse_has_a_body_for_each_model_and_one_for_the_oracle(random):
    scores = {
        "mouse1": {"cnn": random.normal(0.3, 0.1, 30), "ln": random.normal(0.2, 0.1, 30)},
        "mouse3": {"cnn": random.normal(0.4, 0.1, 40), "ln": random.normal(0.1, 0.1, 40)},
    }
    oracle = {"mouse1": None, "mouse3": random.normal(0.5, 0.1, 40)}
    figure = score_distributions(scores, oracle=oracle, title="tier test")
    (axes,) = figure.axes
    assert len(axes.collections) == 5
    expected = [each.mean() for mouse in scores.values() for each in mouse.values()]
    expected.append(oracle["mouse3"].mean())
    np.testing.assert_allclose(means(axes)[:, 1], expected)
    assert (np.diff(means(axes)[:, 0]) > 0.5).all()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["mouse1", "mouse3"]
    assert legend(figure) == ["cnn", "ln", "oracle (other repeats)"]
    colors = [to_rgb(body.get_facecolor()[0][:3]) for body in axes.collections]
    assert colors[0] == colors[2] and colors[1] == colors[3]
    assert len(set(colors)) == 3
    (ceiling,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert list(ceiling.get_ydata()) == [oracle["mouse3"].mean()] * 2
    places = means(axes)[2:, 0]
    assert ceiling.get_xdata()[0] < places[0] and ceiling.get_xdata()[1] > places[-1]


def test_a_body_shows_quartiles_and_the_interval_of_the_mean(random):
    values = random.normal(0.3, 0.1, 50)
    (axes,) = score_distributions({"mouse1": {"cnn": values}}).axes
    bars = [tuple(line.get_ydata()) for line in axes.lines if len(line.get_ydata()) == 2]
    assert tuple(np.quantile(values, [0.25, 0.75])) in bars
    assert bootstrap_interval(values) in bars


@pytest.mark.parametrize("values", [[0.5], [0.5, 0.5], [0.1, np.nan, 0.3]])
def test_few_or_equal_neurons_are_shown(values):
    (axes,) = score_distributions({"mouse1": {"cnn": np.array(values)}}).axes
    assert means(axes)[0, 1] == pytest.approx(np.nanmean(values))


def test_more_mice_and_models_make_a_wider_figure(random):
    def width(n_mice, n_models):
        each = {f"model {n}": random.uniform(0, 1, 20) for n in range(n_models)}
        return score_distributions({f"mouse{n}": each for n in range(n_mice)}).get_figwidth()

    assert width(1, 2) < width(3, 4) < width(5, 5) <= 14
    assert width(40, 7) == 14


def test_every_neuron_is_a_point_of_its_two_scores(random):
    scores = {name: random.uniform(-0.2, 0.8, 60) for name in ("a", "b", "c")}
    scores["b"] -= 0.15
    figure = paired_correlations(scores, title="mouse1")
    assert len(figure.axes) == 2
    for axes, name in zip(figure.axes, ("b", "c"), strict=True):
        identity, points = axes.lines
        np.testing.assert_array_equal(identity.get_xdata(), identity.get_ydata())
        np.testing.assert_array_equal(points.get_xdata(), scores["a"])
        np.testing.assert_array_equal(points.get_ydata(), scores[name])
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("a", name)
        difference, better = axes.get_title().split("\n")
        low, high = bootstrap_interval(scores[name] - scores["a"])
        mean = np.mean(scores[name]) - np.mean(scores["a"])
        assert difference == f"{mean:+.3f} [{low:+.3f}, {high:+.3f}]"
        count = sum(b > a for a, b in zip(scores["a"], scores[name], strict=True))
        assert better == f"better for {count / 60:.0%} of 60 neurons"
        assert axes.get_xlim() == axes.get_ylim()
        assert axes.get_xlim()[0] < -0.2 and axes.get_xlim()[1] > 0.7
    assert figure.get_suptitle() == "mouse1, single-trial correlation"


@pytest.mark.parametrize("largest", [0.1, 0.2, 0.4, 0.9, 3.0])
def test_scores_of_any_size_have_some_ticks(largest):
    values = np.linspace(0, largest, 20)
    (panel,) = paired_correlations({"ln": values, "cnn": values}).axes
    assert 3 <= len(panel.get_xticks()) <= 7


def test_many_neurons_are_drawn_smaller_and_fainter_than_few(random):
    few, many = (
        paired_correlations({"a": random.random(n), "b": random.random(n)}).axes[0].lines[1]
        for n in (30, 8000)
    )
    assert few.get_markersize() > 2 * many.get_markersize()
    assert few.get_alpha() > many.get_alpha()


def test_panels_that_are_not_needed_are_empty(random):
    figure = paired_correlations({str(n): random.random(5) for n in range(6)})
    assert [axes.axison for axes in figure.axes] == [True] * 5 + [False]


def test_a_learning_curve_has_means_and_intervals_at_its_numbers_of_trials(random):
    scores = {
        "cnn": {n: random.normal(0.1 * np.log10(n), 0.05, 40) for n in (1000, 100, 4472)},
        "ln": {100: random.normal(0.1, 0.05, 40)},
    }
    oracle = random.normal(0.5, 0.1, 40)
    (axes,) = learning_curve(scores, oracle=oracle, title="mouse1").axes
    cnn, ln = axes.containers
    np.testing.assert_allclose(cnn.lines[0].get_xdata(), [100, 1000, 4472], rtol=0.05)
    expected = [scores["cnn"][n].mean() for n in (100, 1000, 4472)]
    np.testing.assert_allclose(cnn.lines[0].get_ydata(), expected)
    for n, segment in zip((100, 1000, 4472), cnn.lines[2][0].get_segments(), strict=True):
        assert segment[:, 1] == pytest.approx(bootstrap_interval(scores["cnn"][n]))
    assert ln.lines[0].get_ydata() == pytest.approx([scores["ln"][100].mean()])
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["100", "1,000", "4,472"]
    assert axes.get_xscale() == "log"
    assert axes.get_xlabel() == "training trials"
    (ceiling,) = (line for line in axes.lines if line.get_linestyle() == "--")
    assert ceiling.get_ydata()[0] == oracle.mean()
    assert len(axes.get_legend().get_texts()) == 3


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda a: score_distributions({}), "one model or more. Received: none"),
        (
            lambda a: score_distributions({"m": {"cnn": a, "ln": a[:3]}}),
            r"m, ln: shape \(3,\), expected \(neurons 5\)",
        ),
        (
            lambda a: score_distributions({"m": {"cnn": a}}, oracle={"m": a[:3]}),
            r"m, oracle \(other repeats\): shape \(3,\)",
        ),
        (lambda a: score_distributions({"m": {"cnn": a * np.nan}}), "m, cnn: holds NaN alone"),
        (lambda a: score_distributions({"m": {"cnn": a * np.inf}}), "m, cnn: NaN or infinity"),
        (
            lambda a: score_distributions({"m": {str(n): a for n in range(8)}}),
            "8 models: more than 7",
        ),
        (lambda a: paired_correlations({"cnn": a}), "needs two models. Received: 1"),
        (lambda a: paired_correlations({"cnn": a, "ln": a[:3]}), r"ln: shape \(3,\)"),
        (lambda a: paired_correlations({"cnn": a, "ln": a * np.nan}), "ln: NaN or infinity"),
        (lambda a: learning_curve({}), "one model or more"),
        (lambda a: learning_curve({"cnn": {}}), "numbers of trials"),
        (lambda a: learning_curve({"cnn": {}, "ln": {5: a}}), "cnn: has no score to show"),
        (lambda a: learning_curve({"cnn": {0: a}}), r"numbers of trials \[0\]: expected one or"),
        (
            lambda a: learning_curve({"cnn": {10: a, 20: a[:3]}}),
            r"cnn, 20 trials: shape \(3,\), expected \(neurons 5\)",
        ),
    ],
)
def test_what_cannot_be_shown_is_one_line(random, draw, says):
    with pytest.raises(SensoriumError, match=says) as caught:
        draw(random.uniform(0.1, 1, 5))
    assert "\n" not in str(caught.value)
