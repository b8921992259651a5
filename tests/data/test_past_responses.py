"""What neurons did before: of known responses alone, in the order in which trials were shown."""

import numpy as np
import pytest
from recording_files import recording_tree, withhold, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.data import Trials, load_mouse, prepare
from sensorium_tf.data.past import PastResponses

WINDOWS = (1, 2, 5, 10, 30)
PAST = ["past_responses"]


def by_hand(trials, known, means, shown):
    """The formula, trial by trial and window by window."""
    when = known.trial_ids.astype(int)
    order = np.argsort(when)
    found = np.zeros((len(shown), known.responses.shape[1], 5))
    for number, time in enumerate(shown):
        before = known.responses[order][when[order] < time]
        for column, window in enumerate(WINDOWS):
            if len(before):
                found[number, :, column] = before[-window:].mean(0) - means
    return found


def given(mouse, trials, **options):
    inputs = mouse.inputs("sensorium_plus", ["image"], PAST, **options)
    return trials.inputs(inputs)["past_responses"]


@pytest.fixture
def mouse(prepared):
    return load_mouse("full", data_dir=prepared)


@pytest.fixture
def means(mouse):
    return mouse.statistics["response"]["mean"] / mouse.response_scale


@pytest.mark.parametrize("tier", ["train", "validation", "test"])
def test_trials_know_training_and_validation_responses_before_them(mouse, means, tier):
    known = Trials.concatenate([mouse.trials(each) for each in ("train", "validation")])
    trials = mouse.trials(tier)
    expected = by_hand(trials, known, means, trials.trial_ids.astype(int))
    np.testing.assert_allclose(given(mouse, trials), expected, rtol=1e-4, atol=1e-5)


def test_long_pasts_reach_thirty_known_responses_back(rng):
    known = type("Known", (), {})()
    known.responses = rng.gamma(1.0, size=(50, 3)).astype("float32")
    known.trial_ids = rng.permutation(np.arange(0, 100, 2)).astype(str)
    means = known.responses.mean(0)
    past = PastResponses(known.responses, known.trial_ids, means=means, mouse="m")
    shown = np.array([0, 1, 2, 7, 12, 61, 99])
    expected = by_hand(None, known, means, shown)
    np.testing.assert_allclose(past.before(shown), expected, rtol=1e-4, atol=1e-5)


def test_neither_a_trial_s_own_response_nor_a_later_one_is_known(tmp_path):
    """Responses from a trial on are changed: what was known at that trial stays the same."""
    tree = recording_tree(seed=5)
    when = tree["meta/trials/trial_idx"]
    found = []
    for factor in (1, 100):
        changed = dict(tree)
        for trial in np.flatnonzero(when >= 110):
            changed[f"data/responses/{trial}"] = factor * tree[f"data/responses/{trial}"]
        folder = tmp_path / str(factor)
        folder.mkdir()
        path = write_zip(folder / "r.zip", changed)
        mouse = prepare("lab1", recording=path, data_dir=folder / "data")
        session = Trials.concatenate([mouse.trials(tier) for tier in mouse.tiers]).as_shown()
        found.append(given(mouse, session, past_tiers=["train", "validation", "test"]))
    np.testing.assert_array_equal(found[0][:11], found[1][:11])
    assert not np.array_equal(found[0][11], found[1][11])


def test_a_withheld_response_is_no_past_one(tmp_path):
    path = write_zip(tmp_path / "r.zip", withhold(recording_tree(seed=3), tiers=["test"]))
    mouse = prepare("lab1", recording=path, data_dir=tmp_path / "data")
    given(mouse, mouse.trials("test"))
    with pytest.raises(SensoriumError, match="^lab1: the responses of tier 'test' are withheld"):
        mouse.inputs("sensorium_plus", ["image"], PAST, past_tiers=["test"])


def test_a_hashed_order_is_refused_in_one_line(tmp_path):
    tree = recording_tree(seed=3)
    tree["meta/trials/trial_idx"] = np.array([f"{n:032x}a" for n in range(22)])
    path = write_zip(tmp_path / "r.zip", tree)
    mouse = prepare("lab1", recording=path, data_dir=tmp_path / "data")
    with pytest.raises(SensoriumError, match="^lab1: the trial ids are hashed .* is not known$"):
        given(mouse, mouse.trials("test"))


def test_some_neurons_and_trials_have_their_own_past(mouse):
    trials = mouse.trials("validation")
    some = mouse.with_neurons(np.array([3, 1]))
    whole, part = given(mouse, trials), given(some, some.trials("validation").take(np.array([2])))
    np.testing.assert_allclose(part, whole[[2]][:, [3, 1]], rtol=1e-5)


def test_what_cannot_be_asked_for_is_named(mouse):
    with pytest.raises(SensoriumError, match="signal past_responses: models of track sensorium "):
        mouse.inputs("sensorium", ["image"], PAST)
    with pytest.raises(SensoriumError, match="channels: past_responses are no images: a modulator"):
        mouse.inputs("sensorium_plus", ["image", "past_responses"])
    with pytest.raises(SensoriumError, match="past_tiers: 'tset': did you mean test"):
        mouse.inputs("sensorium_plus", ["image"], PAST, past_tiers=["tset"])
