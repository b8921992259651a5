"""A simulated mouse on disk: what the recording shows, and what lies beside it."""

import dataclasses
import re

import numpy as np
import pytest
from recording_files import STEM

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import Recording
from sensorium_tf.simulation import recording_spec, simulate_mouse, simulate_recording

SMALL = {"n_neurons": 6, "n_images": 30, "n_repeats": 3, "seed": 4}


@dataclasses.dataclass
class Written:
    mouse: object
    recording: Recording
    truth: dict


@pytest.fixture
def written(tmp_path):
    """Returns a function that simulates, writes and opens a mouse."""

    def write(*, behavior=True, **settings):
        path = simulate_recording(tmp_path / "new", behavior=behavior, **SMALL, **settings)
        truth = path.with_name(f"{path.stem}_truth.npz")
        with np.load(truth, allow_pickle=False) as arrays:
            return Written(simulate_mouse(**SMALL, **settings), Recording(path), dict(arrays))

    return write


def test_the_recording_has_the_published_name(tmp_path):
    path = simulate_recording(tmp_path / "made" / "here", **SMALL)
    assert path == tmp_path / "made" / "here" / f"{STEM}.zip"
    assert {file.name for file in path.parent.iterdir()} == {f"{STEM}.zip", f"{STEM}_truth.npz"}


def test_the_recording_holds_the_simulated_mouse(written):
    made = written()
    recording, mouse = made.recording, made.mouse
    np.testing.assert_array_equal(recording.read("image"), mouse.images)
    np.testing.assert_array_equal(recording.read("response"), mouse.responses)
    for name, values in mouse.signals.items():
        np.testing.assert_array_equal(recording.read(name), values, name)
    np.testing.assert_array_equal(recording.tiers, mouse.tiers)
    np.testing.assert_array_equal(recording.image_ids, mouse.image_ids)
    np.testing.assert_array_equal(recording.trial_ids, mouse.trial_ids.astype(str))
    np.testing.assert_array_equal(recording.cell_motor_coordinates, mouse.population.coordinates)
    assert recording.withheld_signals == ()


@pytest.mark.parametrize("competition", [False, True])
def test_the_truth_lies_beside_the_recording_in_its_order(written, competition):
    made = written(competition=competition)
    assert set(made.truth) == {
        "tiers",
        "image_ids",
        "trial_ids",
        "unit_ids",
        "rates",
        "responses",
        "neuron_kind",
        "neuron_place",
        "neuron_orientation",
        "neuron_wavelength",
        "neuron_phase",
        "neuron_size",
    }
    population = made.mouse.population
    np.testing.assert_array_equal(made.truth["neuron_place"], population.positions)
    np.testing.assert_array_equal(made.truth["neuron_orientation"], population.orientations)
    kinds = np.where(population.complex_cells, "complex", "simple")
    np.testing.assert_array_equal(made.truth["neuron_kind"], kinds)
    np.testing.assert_array_equal(made.truth["rates"], made.mouse.rates)
    np.testing.assert_array_equal(made.truth["responses"], made.mouse.responses)
    for name in ("tiers", "image_ids", "trial_ids", "unit_ids"):
        np.testing.assert_array_equal(made.truth[name], getattr(made.recording, name), name)


def test_competition_form_withholds_the_test_responses(written):
    made = written(competition=True)
    responses = made.recording.read("response")
    hidden = np.isin(made.recording.tiers, ["test", "final_test"])
    assert set(made.recording.tiers[hidden]) == {"test", "final_test"}
    assert not responses[hidden].any()
    np.testing.assert_array_equal(responses[~hidden], made.mouse.responses[~hidden])
    assert made.truth["responses"][hidden].any(axis=1).mean() > 0.5


def test_competition_form_hides_when_trials_were_shown(written):
    made = written(competition=True)
    ids = made.recording.trial_ids
    assert all(re.fullmatch("[0-9a-f]{32}", trial) for trial in ids)
    assert len(set(ids)) == len(ids)
    assert written().recording.trial_ids[0].isdigit()


def test_without_behavior_the_file_shows_none_but_the_animal_moved_all_the_same(written):
    made = written(behavior=False)
    assert made.recording.withheld_signals == ("behavior", "pupil_center")
    for signal in ("behavior", "pupil_center"):
        assert not made.recording.statistics[signal].std.any()
    np.testing.assert_array_equal(made.truth["rates"], made.mouse.rates)
    assert made.mouse.signals["behavior"].any()


def test_equal_arguments_give_equal_files(tmp_path):
    def files(folder, **settings):
        simulate_recording(tmp_path / folder, **{**SMALL, **settings})
        return [file.read_bytes() for file in sorted((tmp_path / folder).iterdir())]

    first = files("first")
    assert files("second") == first
    other = files("other", seed=5)
    assert other[0] != first[0]
    assert other[1] != first[1]


def test_a_folder_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(SensoriumError) as refused:
        simulate_recording(tmp_path / "taken", **SMALL)
    assert str(tmp_path / "taken") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bad_arguments_leave_nothing_behind(tmp_path):
    with pytest.raises(SensoriumError, match="session key"):
        simulate_recording(tmp_path / "out", **SMALL, session_key="../26872-17-20")
    assert not (tmp_path / "out").exists()


def test_what_the_file_holds_follows_the_spec(tmp_path):
    spec = recording_spec(
        image_size="36x64", n_channels=2, n_behaviors=4, pupil_center=False, context=["decision"]
    )
    with Recording(simulate_recording(tmp_path, **SMALL, spec=spec)) as recording:
        assert {each.name: each.shape for each in recording.spec.signals} == {
            "image": (36, 64, 2),
            "response": (6,),
            "behavior": (4,),
            "decision": (1,),
        }
        mouse = simulate_mouse(**SMALL, spec=spec)
        np.testing.assert_array_equal(recording.read("image"), mouse.images)
        np.testing.assert_array_equal(recording.read("decision"), mouse.signals["decision"])
