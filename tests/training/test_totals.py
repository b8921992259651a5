"""What the steps of an epoch come to."""

import json

import numpy as np
import pytest

from sensorium_tf.training.totals import EpochTotals, StepTotals

LABELS = ("laplace", "features")


def totals(poisson, penalties):
    return StepTotals(np.array(poisson), np.array(penalties), stopped=False, bad=None)


@pytest.fixture
def two_steps():
    """Mouse a has 4 and 2 trials, mouse b 1 and 1; losses 5, 2 and 3, 9; penalties 1, 2."""
    made = EpochTotals.new(2, 2)
    made.add([[4, 1]], totals([4 * 5.0, 1 * 3.0], [5 * 1.0, 5 * 2.0]))
    made.add([[2, 1]], totals([2 * 2.0, 1 * 9.0], [3 * 1.0, 3 * 2.0]))
    return made


def test_the_loss_of_each_mouse_is_the_mean_over_its_own_trials(two_steps):
    assert two_steps.step == 2
    assert two_steps.losses(["a", "b"], LABELS) == pytest.approx(
        {
            "loss/a": 4.0,
            "loss/b": 6.0,
            "loss/poisson": 10.0,
            "loss/laplace": 1.0,
            "loss/features": 2.0,
            "loss/total": 13.0,
        }
    )


def test_the_order_of_the_mice_does_not_matter(two_steps):
    other = EpochTotals.new(2, 2)
    other.add([[1, 4], [1, 2]], totals([3.0 + 9.0, 20.0 + 4.0], [8.0, 16.0]))
    assert other.losses(["b", "a"], LABELS) == pytest.approx(two_steps.losses(["a", "b"], LABELS))


def test_one_mouse_alone_has_no_loss_of_its_own():
    made = EpochTotals.new(1, 2)
    made.add([[4]], totals([8.0], [4.0, 0.0]))
    assert made.losses(["a"], LABELS) == {
        "loss/total": 3.0,
        "loss/poisson": 2.0,
        "loss/laplace": 1.0,
        "loss/features": 0.0,
    }


def test_an_epoch_goes_on_from_its_state(two_steps):
    again = EpochTotals.load(json.loads(json.dumps(two_steps.state())), 2, 2)
    assert (
        again.losses(["a", "b"], LABELS) == two_steps.losses(["a", "b"], LABELS) and again.step == 2
    )


def test_sums_of_another_run_are_refused(two_steps):
    with pytest.raises(ValueError, match="another run"):
        EpochTotals.load(two_steps.state(), 3, 2)
    with pytest.raises(ValueError, match="another run"):
        EpochTotals.load(two_steps.state(), 2, 3)
    with pytest.raises(KeyError):
        EpochTotals.load({"step": 1}, 2, 2)
