"""Metrics that a user's module registers."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import sensorium_tf
from sensorium_tf import SensoriumError, metrics
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.registry import METRICS

CHALLENGE = sensorium2022.CHALLENGE
PUBLISHED = ("single_trial_correlation", "correlation_to_average", "feve")
IMAGES = np.repeat(np.arange(4), 3)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(METRICS, "_found", dict(METRICS._found))


@pytest.fixture
def population():
    random = np.random.default_rng(0)
    responses = random.gamma(2, 1, (4, 5))[IMAGES] + random.gamma(1, 0.2, (12, 5))
    return responses.astype(np.float32), random.gamma(2, 1, (12, 5)).astype(np.float32)


def r2(responses, rates, image_ids):
    """Fraction of the variance over trials that the rates explain.

    More of it is not shown.
    """
    return 1 - ((responses - rates) ** 2).mean(axis=0) / responses.var(axis=0)


def test_the_metrics_of_a_challenge_are_found_by_their_files():
    assert metrics.metric_names() == PUBLISHED
    assert set(METRICS.names()) == {*PUBLISHED, "cc_norm"}
    assert [METRICS[name].title for name in PUBLISHED] == [
        "single-trial correlation",
        "correlation to average",
        "FEVE",
    ]
    assert METRICS["feve"].function is metrics.feve
    assert METRICS["feve"].needs_repeats and not METRICS["correlation_to_average"].needs_repeats
    folder = Path(metrics.__file__).parent / "scores"
    assert {path.stem for path in folder.glob("[!_]*.py")} == {*PUBLISHED, "cc_norm"}


def test_a_metric_is_registered_by_decorating_a_function(population):
    assert metrics.metric("r2", title="R2")(r2) is r2
    assert metrics.metric_names() == (*PUBLISHED, "r2")
    assert METRICS["r2"] == metrics.Metric(
        name="r2",
        title="R2",
        doc="Fraction of the variance over trials that the rates explain.",
        function=r2,
    )
    found = metrics.evaluate_rates(*population, IMAGES)
    assert list(found.per_neuron) == [*PUBLISHED, "r2"]
    expected = r2(*(each.astype(np.float64) for each in population), IMAGES)
    np.testing.assert_array_equal(found.per_neuron["r2"], expected)
    assert found.means["r2"] == pytest.approx(expected.mean())
    assert found.summary["intervals"]["r2"] == metrics.bootstrap_interval(expected)
    assert "r2_reason" not in found.to_json()


def test_a_metric_without_title_and_docstring_shows_its_name():
    metrics.metric("bare")(lambda responses, rates, image_ids: rates[0])
    assert (METRICS["bare"].title, METRICS["bare"].doc) == ("bare", "")


def test_a_metric_that_counts_some_neurons_says_how_many_and_of_which_kind(population):
    @metrics.metric("strong", title="strong", condition="a rate above one")
    def strong(responses, rates, image_ids):
        return np.where(np.arange(5) < 2, 0.5, np.nan)

    @metrics.metric("some", title="some")
    def some(responses, rates, image_ids):
        return [1, np.nan, 1, 1, 1]

    found = metrics.evaluate_rates(*population, IMAGES)
    content = found.to_json()
    assert (content["strong"], content["strong_neurons"], content["strong_reason"]) == (
        0.5,
        2,
        None,
    )
    assert content["some_neurons"] == 4
    assert found.notes()[1:] == [
        "strong: over the 2 of 5 neurons with a rate above one",
        "some: over 4 of 5 neurons",
    ]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({}, "no neuron counts"),
        ({"condition": "luck"}, "no neuron has luck"),
        ({"needs_repeats": True}, "no image was shown more than once"),
    ],
)
def test_a_metric_that_no_neuron_has_is_null_with_the_reason(population, options, reason):
    @metrics.metric("none", title="NONE", **options)
    def none(responses, rates, image_ids):
        return np.full(5, np.nan)

    found = metrics.evaluate_rates(*population, np.arange(12))
    assert found.means["none"] is None
    assert found.reasons["none"].startswith(reason)
    assert found.to_json()["none_reason"] == found.reasons["none"]
    assert found.notes()[-1].startswith(f"no NONE: {reason}")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.ones((12, 5)), r"metric bad: returned float64 values of shape \(12, 5\), expected"),
        (0.5, r"of shape \(\), expected numbers of shape \(5,\): one a neuron"),
        (["a"] * 5, "returned <U1 values"),
        ([0, 1, np.inf, 0, 0], "metric bad: infinite for neuron 2, expected NaN"),
    ],
)
def test_what_is_not_one_number_a_neuron_is_one_line(population, values, says):
    metrics.metric("bad")(lambda responses, rates, image_ids: values)
    with pytest.raises(SensoriumError, match=says) as caught:
        metrics.evaluate_rates(*population, IMAGES)
    assert "\n" not in str(caught.value)


def test_a_name_that_cannot_be_a_column_is_refused():
    with pytest.raises(SensoriumError, match="metric 'R 2': expected a name of letters"):
        metrics.metric("R 2")(r2)


def test_thresholds_order_and_what_is_undefined_are_the_challenges(population):
    track = dataclasses.replace(CHALLENGE.tracks["sensorium"], undefined={"r2": "not here"})
    challenge = dataclasses.replace(
        CHALLENGE,
        metrics=("feve", "single_trial_correlation"),
        fev_threshold=0.999,
        tracks={"only": track},
    )
    metrics.metric("r2", title="R2")(r2)
    found = metrics.evaluate_rates(*population, IMAGES, track="only", challenge=challenge)
    assert list(found.per_neuron) == ["feve", "single_trial_correlation", "r2"]
    assert found.reasons == {
        "feve": "no neuron has an explainable variance (FEV) of 0.999 or more",
        "r2": "not here",
    }
    assert found.per_neuron["r2"] is None
    with pytest.raises(SensoriumError, match="track 'sensorium': expected only"):
        metrics.evaluate_rates(*population, IMAGES, track="sensorium", challenge=challenge)


IMPORTS = """
import sys
from sensorium_tf import metrics
assert metrics.metric_names()[0] == "single_trial_correlation"
print(*{name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names))
"""


def test_metrics_need_numpy_alone():
    places = [str(Path(module.__file__).parents[1]) for module in (sensorium_tf, np)]
    found = subprocess.run(
        [sys.executable, "-S", "-c", IMPORTS],  # without what site-packages import at the start
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(places)},
    )
    # wrapt is what the package itself registers with Keras by, once that is imported.
    assert set(found.stdout.split()) <= {"numpy", "wrapt", "sensorium_tf", "__main__"}


def test_a_plain_function_in_the_registry_is_told_of_the_decorator():
    with pytest.raises(SensoriumError, match="metric r2: expected a Metric .*metrics.metric makes"):

        @METRICS.register("r2")
        def r2(responses, rates, image_ids):
            return responses.mean(axis=0)

    assert "r2" not in METRICS
