import pytest

from sensorium_tf.schedule_settings import ScheduleSettings
from sensorium_tf.training import PlateauSchedule, WarmupStableDecay


def run(scores, *, learning_rate=0.01, first_score=0.0, **settings):
    """Returns the decisions and learning rates that follow from scores."""
    schedule = PlateauSchedule(ScheduleSettings(**settings), learning_rate=learning_rate, epochs=99)
    assert schedule.update(first_score).improved
    decisions, rates = [], []
    for score in scores:
        decisions.append(schedule.update(score))
        rates.append(schedule.learning_rate)
    return decisions, rates


def test_the_untrained_weights_are_the_first_best():
    decisions, _ = run([0.1, 0.3], first_score=0.2)
    assert [d.improved for d in decisions] == [False, True]


def test_a_gain_has_to_be_more_than_a_millionth():
    decisions, _ = run([0.5 + 0.9e-6, 0.5 + 2e-6], first_score=0.5)
    assert [d.improved for d in decisions] == [False, True]


def test_five_epochs_without_gain_bring_the_best_weights_back_and_the_fourth_time_stops():
    decisions, _ = run([0.0] * 20)
    assert [i + 1 for i, d in enumerate(decisions) if d.restore_best] == [5, 10, 15, 20]
    assert [i + 1 for i, d in enumerate(decisions) if d.stop] == [20]


def test_a_gain_starts_the_count_of_epochs_anew_but_not_that_of_returns():
    decisions, _ = run([0, 0, 0, 0, 1, *[0] * 5, 2, *[0] * 15])
    assert [i + 1 for i, d in enumerate(decisions) if d.restore_best] == [10, 16, 21, 26]
    assert decisions[25].stop and not decisions[20].stop


def test_the_sixth_epoch_without_gain_cuts_the_learning_rate():
    _, rates = run([0.0] * 13)
    assert rates[:5] == [0.01] * 5
    assert rates[5:11] == pytest.approx([0.003] * 6)
    assert rates[11:] == pytest.approx([0.0009] * 2)


def test_the_return_of_the_best_weights_does_not_reset_the_count_to_the_cut():
    decisions, rates = run([0.0] * 6)
    assert decisions[4].restore_best
    assert rates[5] == pytest.approx(0.003)


def test_a_gain_resets_the_count_to_the_cut():
    _, rates = run([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    assert rates[10] == 0.01 and rates[11] == pytest.approx(0.003)


def test_the_learning_rate_has_a_floor():
    _, rates = run([0.0] * 12, learning_rate=2e-4)
    assert rates[-1] == pytest.approx(1e-4)


def test_a_learning_rate_below_the_floor_is_not_raised():
    _, rates = run([0.0] * 6, learning_rate=5e-5)
    assert rates[-1] == 5e-5


def test_a_restored_schedule_goes_on_where_it_was():
    scores = [0.1, 0.0, 0.2, *[0.0] * 25]
    for stop in (1, 4, 9, 14):
        first = PlateauSchedule(ScheduleSettings(), learning_rate=0.01, epochs=99)
        for score in (0.0, *scores[:stop]):
            first.update(score)
        second = PlateauSchedule(ScheduleSettings(), learning_rate=1.0, epochs=99)
        second.update(9.0)
        second.restore(first.state())
        for score in scores[stop:20]:
            assert first.update(score) == second.update(score)
        assert first.state() == second.state()


def test_the_published_rate_stays_the_same_within_an_epoch():
    schedule = PlateauSchedule(ScheduleSettings(), learning_rate=0.01, epochs=5)
    assert schedule.learning_rates(3, 4) == [0.01] * 4
    assert schedule.learning_rates(3, 4, steps=range(1, 3)) == [0.01] * 2
    assert schedule.most_epochs == 5


def trapezoid(**changes):
    values = {"learning_rate": 0.1, "epochs": 5, "warmup_epochs": 1.0, "cooldown_epochs": 2.0}
    return WarmupStableDecay(**{**values, **changes})


def test_the_trapezoid_rises_stays_and_falls_to_zero():
    plan = trapezoid()
    rates = [rate for epoch in range(1, 6) for rate in plan.learning_rates(epoch, 10)]
    assert rates[:10] == pytest.approx([0.01 * step for step in range(1, 11)])
    assert rates[10:30] == pytest.approx([0.1] * 20)
    assert rates[30:] == pytest.approx([0.005 * step for step in range(20, 0, -1)])


def test_some_steps_of_the_trapezoid_have_the_rates_that_they_have_among_all():
    cut_short = trapezoid(epochs=4.5)
    assert cut_short.most_epochs == 5
    for epoch in (1, 4, 5):
        whole = cut_short.learning_rates(epoch, 10)
        parts = [cut_short.learning_rates(epoch, 10, steps=range(n, n + 4)) for n in (0, 4, 8)]
        assert [rate for part in parts for rate in part][: len(whole)] == whole
    assert len(whole) == 5


def test_the_trapezoid_may_have_no_ramps():
    flat = trapezoid(warmup_epochs=0.0, cooldown_epochs=0.0)
    assert [flat.learning_rates(epoch, 3) for epoch in (1, 5)] == [[0.1] * 3] * 2


def test_the_trapezoid_only_remembers_the_best_score():
    plan = trapezoid(epochs=9)
    decisions = [plan.update(score) for score in (0.2, 0.1, 0.3, 0.3, 0.0, 0.0, 0.0, 0.0)]
    assert [decision.improved for decision in decisions] == [True, False, True] + [False] * 5
    assert not any(decision.stop or decision.restore_best for decision in decisions)
    again = trapezoid()
    again.restore(plan.state())
    assert again.best_score == 0.3
