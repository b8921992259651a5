"""Responses to movies over time."""

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.plotting import response_traces


def test_traces_go_from_the_best_predicted_neuron_to_the_median_one():
    rng = np.random.default_rng(0)
    responses, rates = rng.gamma(1.0, size=(2, 40, 9))
    correlations = np.array([0.1, 0.9, 0.3, 0.5, 0.2, 0.8, 0.4, 0.7, 0.6])
    figure = response_traces(
        responses,
        rates,
        correlations=correlations,
        unit_ids=np.arange(9) + 100,
        frame_rate=20.0,
        first_frame=10,
        title="lab1",
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "unit 101, correlation 0.90" and titles[-1] == "unit 103, correlation 0.50"
    response, rate = figure.axes[0].get_lines()
    np.testing.assert_allclose(response.get_xdata(), (10 + np.arange(40)) / 20)
    np.testing.assert_array_equal(response.get_ydata(), responses[:, 1])
    np.testing.assert_array_equal(rate.get_ydata(), rates[:, 1])
    assert figure.get_suptitle() == "lab1"


def test_traces_of_other_frames_are_refused():
    with pytest.raises(SensoriumError, match="rates"):
        response_traces(
            np.ones((5, 2)),
            np.ones((4, 2)),
            correlations=np.ones(2),
            unit_ids=np.arange(2),
            frame_rate=30.0,
        )
