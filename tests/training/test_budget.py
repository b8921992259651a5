"""Trainings that keep to a time, by a clock that the tests turn."""

import itertools
import json

import numpy as np
import pytest
from untrained import untraced_steps

from sensorium_tf import Run, SensoriumError
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import Steps, WarmupStableDecay, train_stages
from sensorium_tf.training.budget import Budget, Share
from sensorium_tf.training.pacing import Pace, TimedSchedule

MINUTE = 60 * 0.97  # that is planned for


class Clock:
    """A clock that somebody has to turn."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def budget(file, clock, **options):
    weights = {"first": 3.0, "second": 1.0}
    return Budget(1.0, file, **{"weights": weights, "clock": clock, **options})


def test_each_run_gets_its_share_and_the_last_one_what_is_left(tmp_path):
    clock = Clock()
    whole = budget(tmp_path / "budget.json", clock)
    first = whole.share("first")
    assert first.left() == pytest.approx(MINUTE * 3 / 4)
    clock.now += 5  # until its first step, as the second one will take
    whole.note(now=True)
    first.begin()
    assert first.left() == pytest.approx((MINUTE - 10) * 3 / 4)
    clock.now += 10  # of the 36 that it might have taken
    whole.note(now=True)
    second = whole.share("second")
    assert second.left() == pytest.approx(MINUTE - 15)
    clock.now += 8
    second.begin()
    assert second.left() == pytest.approx(MINUTE - 23)


def test_the_time_of_earlier_processes_counts(tmp_path):
    clock = Clock()
    before = budget(tmp_path / "budget.json", clock)
    before.share("first").begin()
    clock.now += 20
    before.note(now=True)
    clock.now += 5000  # in which nobody trained
    again = budget(tmp_path / "budget.json", clock, started=clock.now - 2)
    assert again.passed() == pytest.approx(22)
    assert again.share("first").left() == pytest.approx(MINUTE * 3 / 4 - 22)


@pytest.mark.parametrize("text", ["", "[]", '{"seconds": "x", "ends": {}}', '{"seconds": 1}'])
def test_damaged_times_are_refused_in_one_line(tmp_path, text):
    (tmp_path / "budget.json").write_text(text)
    with pytest.raises(SensoriumError, match="budget.json: is damaged.*delete it, and the time"):
        budget(tmp_path / "budget.json", Clock())


@pytest.mark.parametrize(
    ("seconds", "done", "epochs"),
    [
        (26.0, 0, 2.0),
        (38.9, 0, 2.99),
        (6.0, 1.5, 0.3),
        (8.0, 1.5, 0.5),
        (21.0, 1.5, 1.5),
        (2, 0, 0),
    ],
)
def test_a_pace_tells_how_many_epochs_fit(seconds, done, epochs):
    pace = Pace()
    pace.add_steps(2.0, 2)
    pace.add_rest(3.0)
    assert pace.epochs_within(seconds, done=done, n_steps=10) == pytest.approx(epochs)


def schedule(epochs=20):
    ramps = {"warmup_epochs": 1.0, "cooldown_epochs": epochs / 2}
    return WarmupStableDecay(learning_rate=1.0, epochs=epochs, **ramps)


def rates(changed, n_steps=10):
    epochs = itertools.count(1)
    each = itertools.takewhile(len, (changed.learning_rates(e, n_steps) for e in epochs))
    return [rate for epoch in each for rate in epoch]


def test_a_schedule_that_is_fitted_falls_to_zero_at_its_end():
    fitted = schedule()
    fitted.refit(7.4, done=0)
    found = rates(fitted)
    assert len(found) == 74
    assert found[-1] == pytest.approx(1 / 37)  # one of the 37 steps of the second half
    assert np.argmin(np.array(found) >= 1) == 0 and max(found) == 1
    before = rates(schedule())[:150]
    falling = schedule()
    falling.refit(17, done=15)
    assert rates(falling)[:150] != before and len(rates(falling)) == 170
    assert rates(falling)[150] == pytest.approx(before[-1], abs=0.11)
    assert np.all(np.diff(rates(falling)[150:]) < 0)


def test_a_timed_schedule_follows_what_steps_and_the_rest_take(tmp_path):
    clock, taken = Clock(), []
    share = budget(tmp_path / "budget.json", clock, weights={"run": 1.0}).share("run")
    ramps = {"warmup_epochs": 0.0, "cooldown_epochs": 1.5}
    options = {"n_steps": 10, "per_call": 2, "agreed": lambda number: number}
    timed = TimedSchedule(share, learning_rate=1.0, epochs=3, **ramps, **options)

    def take_steps(number):
        taken.append(number)
        clock.now += number

    with timed.around_rest(0):
        clock.now += 1
    assert timed.epochs == 3  # how long a step takes is not known yet
    timed.measure(take_steps, done=0)
    assert taken == [2, 2]
    assert timed.epochs == 4.8  # of 11 seconds each, in 53.2; the last one is cut short
    with timed.around_steps(1, range(0, 2)):
        clock.now += 4
    assert timed.epochs == 4.2
    with timed.around_rest(1):
        clock.now += 3
    assert timed.epochs == 4.1
    with timed.around_steps(2, range(0, 2)):
        clock.now += 100
    assert timed.epochs == 1.6  # a decay in four steps, though there is no time left
    assert len(timed.learning_rates(2, 10)) == 6


def test_what_a_run_needs_before_its_steps_is_kept_back_for_no_other(tmp_path):
    clock = Clock()
    weights = dict.fromkeys(("first", "mapping", "last"), 1.0)
    whole = budget(tmp_path / "budget.json", clock, weights=weights)
    for run, before in (("first", 2), ("mapping", 12)):
        share = whole.share(run)
        clock.now += before
        share.begin()
    # Of what is left, its half but for what the last one needs as the first did.
    assert share.left() == pytest.approx((MINUTE - 14 - 2) / 2)


class Slow:
    """Steps that take a second each by the clock, whose time is a run's."""

    def __init__(self, clock, patch):
        self.n_steps, self._clock = 0, clock
        real = Steps.__call__

        def call(steps, iterator, *, learning_rates, **options):
            self.n_steps += len(learning_rates)
            clock.now += len(learning_rates)
            return real(steps, iterator, learning_rates=learning_rates, **options)

        patch.setattr(Steps, "__call__", call)


def train(folder, data_dir, clock, **changes):
    chosen = TrainingSettings.flat(**{**SETTINGS, **changes})
    train_stages(chosen, folder, data_dir=data_dir, clock=clock, verbose=False)


SETTINGS = {
    "mice": "full",
    "recipe": "fast",
    "batch_size": 2,
    "hidden_channels": 2,
    "n_blocks": 1,
    "budget_minutes": 2,
}


def test_a_training_ends_with_its_time_and_its_decay(prepared, tmp_path, monkeypatch):
    clock = Clock()
    with untraced_steps(), monkeypatch.context() as patch:
        Slow(clock, patch)
        train(tmp_path / "run", prepared, clock, pretrain_mice=["short"])
    assert clock.now - 100 == pytest.approx(120, rel=0.1)
    for stage in ("pretraining", "finetuning"):
        run = Run(tmp_path / "run" / stage)
        history = run.history()
        n_steps = {"pretraining": 6, "finetuning": 6}[stage]
        assert len(history) != run.settings.epochs
        assert history[-1]["learning_rate"] < run.settings.learning_rate * 2 / n_steps
        assert not any("second" in name or "time" in name for name in history[0])
    taken = json.loads((tmp_path / "run" / "budget.json").read_text())
    assert taken["seconds"] == pytest.approx(clock.now - 100)
    assert Run(tmp_path / "run").provenance.unfinished == ""


def test_time_is_shared_out_by_what_steps_take(prepared, tmp_path, monkeypatch):
    clock = Clock()
    cores = "sensorium(hidden_channels=2, n_blocks=1); residual(channels=2, n_blocks=1)"
    parts = {"hidden_channels": None, "n_blocks": None, "member_cores": cores}
    with untraced_steps(), monkeypatch.context() as patch:
        Slow(clock, patch)
        train(tmp_path / "run", prepared, clock, members=2, **parts)
    ends = json.loads((tmp_path / "run" / "budget.json").read_text())["ends"]
    # A step of the second one takes twice as long, it is said.
    assert ends["members/seed0"] == pytest.approx(2 * MINUTE / 3, rel=0.15)
    assert ends["members/seed1"] == pytest.approx(2 * MINUTE, rel=0.05)


class Killed(BaseException):
    pass


def test_a_training_that_is_killed_ends_within_its_time_all_the_same(
    prepared, tmp_path, monkeypatch
):
    clock, real = Clock(), Share.note

    def dying(self, *, now=False):
        real(self, now=now)
        if clock.now > 150:
            raise Killed

    with untraced_steps(), monkeypatch.context() as slowed:
        slow = Slow(clock, slowed)
        with monkeypatch.context() as patch:
            patch.setattr(Share, "note", dying)
            with pytest.raises(Killed):
                train(tmp_path / "run", prepared, clock)
        before = clock.now - 100
        clock.now += 1000
        started = clock.now
        train(tmp_path / "run", prepared, clock)
    assert before + clock.now - started == pytest.approx(120, rel=0.1)
    history = Run(tmp_path / "run").history()
    assert [epoch["epoch"] for epoch in history] == list(range(1, len(history) + 1))
    assert history[-1]["learning_rate"] < Run(tmp_path / "run").settings.learning_rate / 3
    assert slow.n_steps > 100
