"""Many mice are prepared at once, and what is wrong with some of them is said."""

import sys

import numpy as np
import pytest
from recording_files import recording_tree, withhold, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse, prepare, prepare_mice
from sensorium_tf.data.beam import beam_settings


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Names and recordings, one of which is damaged."""
    folder = tmp_path_factory.mktemp("recordings")
    trees = {f"lab{seed}": recording_tree(seed=seed) for seed in range(3)}
    trees["lab1"]["data/images/3"] = np.full((1, 144, 256), np.nan)
    trees["lab2"] = withhold(trees["lab2"], signals=["behavior"])
    return {name: write_zip(folder / f"{name}.zip", tree) for name, tree in trees.items()}


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_that_fails_does_not_stop_the_others(recordings, tmp_path, jobs):
    reported = []
    says = "^1 of 3 mice could not be prepared, all others are; a warning says why: lab1$"
    why = "^lab1 is not prepared: .*lab1.zip: data/images/3.npy holds NaN or infinity"
    with pytest.raises(SensoriumError, match=says), pytest.warns(match=why):
        prepare_mice(
            recordings,
            jobs=jobs,
            data_dir=tmp_path,
            report=lambda mouse: reported.append(mouse.name),
        )
    assert sorted(reported) == ["lab0", "lab2"]
    assert load_mouse("lab0", data_dir=tmp_path).n_neurons == 5
    sound = {name: recordings[name] for name in ("lab2", "lab0")}
    assert [*prepare_mice(sound, jobs=1, data_dir=tmp_path)] == ["lab2", "lab0"]


def test_a_terminal_shows_how_many_are_done(recordings, tmp_path, monkeypatch, capsys):
    from sensorium_tf.data import many

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(many, "in_processes", lambda work, items, jobs: many.in_turn(work, items))
    with pytest.raises(SensoriumError, match="1 of 2 mice"), pytest.warns(match="^lab1 is not"):
        prepare_mice(
            {name: recordings[name] for name in ("lab0", "lab1")}, jobs=2, data_dir=tmp_path
        )
    shown = capsys.readouterr().err
    assert "\rpreparing 2 mice: 1 done" in shown
    assert "2 done, 1 of them failed" in shown and not shown.split("\r")[-2].strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"mice": [], "jobs": 1}, "expected names such as"),
        ({"mice": "lab0,lab0", "jobs": 1}, "a duplicate mouse"),
        ({"mice": "lab0", "jobs": 0}, "jobs 0: expected a whole number of 1 or more"),
        ({"mice": "mouse1", "beam_options": ["a=1"]}, "beam_options: go with a Beam runner"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tmp_path, arguments, says):
    with pytest.raises(SensoriumError, match=says):
        prepare_mice(data_dir=tmp_path, **arguments)


def test_without_beam_its_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "apache_beam.options.pipeline_options", None)
    with pytest.raises(SensoriumError, match=r'pip install "sensorium_tf\[beam\]"'):
        beam_settings("DirectRunner")


class TestBeam:
    """On Beam's own runner for one machine."""

    @pytest.fixture(autouse=True)
    def beam(self):
        """Skips where Beam is not installed, as it need not be."""
        reason = "apache-beam is not installed (extra beam)"
        return pytest.importorskip("apache_beam", reason=reason)

    def test_the_trials_are_the_same(self, recordings, tmp_path):
        options = {"recording": recordings["lab2"]}
        ours = prepare("lab2", data_dir=tmp_path / "ours", **options)
        theirs = prepare("lab2", data_dir=tmp_path / "beam", beam_runner="DirectRunner", **options)
        assert theirs.tiers == ours.tiers and theirs.withheld_signals == ours.withheld_signals
        assert {path.suffix for path in theirs.data_path.iterdir()} <= {
            ".json",
            *(path.suffix for path in ours.data_path.iterdir()),
        }
        for tier in ours.tiers:
            one, other = ours.trials(tier), theirs.trials(tier)
            np.testing.assert_array_equal(one.trial_ids, other.trial_ids)
            np.testing.assert_array_equal(one.responses, other.responses)
            inputs = ours.inputs("sensorium")
            np.testing.assert_array_equal(
                one.inputs(inputs)["image"], other.inputs(inputs)["image"]
            )

    def test_a_runner_that_is_not_there_is_named(self):
        with pytest.raises(SensoriumError, match="beam_runner 'NoRunner': "):
            beam_settings("NoRunner")
