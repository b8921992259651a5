"""Students: what they learn from a teacher, and what they are never shown."""

import numpy as np
import pytest
import tensorflow as tf
from untrained import untraced_steps

from sensorium_tf import Run, SensoriumError
from sensorium_tf.data import Subset, load_mouse
from sensorium_tf.runs import predict
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_stages
from sensorium_tf.training.distillation import open_teacher

SMALL = {"mice": "full", "epochs": 1, "batch_size": 12, "hidden_channels": 2, "n_blocks": 1}


def train(folder, data_dir, **changes):
    with untraced_steps():
        chosen = TrainingSettings.flat(**{**SMALL, **changes})
        train_stages(chosen, folder, data_dir=data_dir, verbose=False)
    return folder


@pytest.fixture(scope="module")
def teacher(prepared, tmp_path_factory):
    return train(tmp_path_factory.mktemp("teacher") / "run", prepared)


@pytest.fixture(scope="module")
def mouse(prepared):
    return load_mouse("full", data_dir=prepared)


def taught(teacher, mouse, data_dir, *, weight=0.5, images=()):
    opened = open_teacher(teacher, [mouse], data_dir=data_dir)
    trials = {"full": mouse.trials("train")}
    return opened.teach(trials, weight=weight, images=images, seed=1)["full"]


def test_the_student_learns_a_mix_of_responses_and_the_teachers_rates(teacher, mouse, prepared):
    trials = mouse.trials("train")
    rates = predict(Run(teacher).model, trials)
    found = taught(teacher, mouse, prepared, weight=0.25)
    np.testing.assert_allclose(
        found.responses, 0.75 * trials.responses + 0.25 * rates, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_array_equal(found.images, trials.images)


def test_more_images_have_the_teachers_rates_alone(teacher, mouse, prepared):
    n_own = mouse.tiers["train"]
    found = taught(teacher, mouse, prepared, images=("short",))
    other = load_mouse("short", data_dir=prepared)
    assert len(found) == n_own + other.tiers["train"] + other.tiers["validation"]
    more = found.take(np.arange(n_own, len(found)))
    np.testing.assert_allclose(more.responses, predict(Run(teacher).model, more), rtol=1e-5)
    # Grey values are the same, whatever they are normalised by.
    ours, theirs = (each.statistics["image"] for each in (mouse, other))
    grey = more.images * ours["std"] + ours["mean"]
    expected = other.trials("train").images * theirs["std"] + theirs["mean"]
    np.testing.assert_allclose(grey[: len(expected)], expected, rtol=1e-4, atol=1e-2)


def test_images_of_test_and_validation_trials_are_left_out(teacher, mouse, prepared, tmp_path):
    tests = mouse.trials("test").images[:1] * 20 + 100  # another contrast, the same picture
    pictures = {"test": tests[0], "other": np.random.default_rng(0).uniform(0, 255, (36, 64, 1))}
    for name, picture in pictures.items():
        large = np.kron(picture, np.ones((4, 4, 1))).clip(0, 255).astype(np.uint8)
        (tmp_path / f"{name}.png").write_bytes(tf.io.encode_png(large).numpy())
    found = taught(teacher, mouse, prepared, images=(str(tmp_path),))
    assert len(found) == mouse.tiers["train"] + 1
    own = taught(teacher, mouse, prepared, images=("full",))
    assert len(own) == 2 * mouse.tiers["train"]  # without the validation trials


def test_images_of_a_folds_own_trials_are_left_out(teacher, mouse, prepared):
    subset = Subset(folds=2, fold=1)
    own, held_out = subset.train_trials_of(mouse), subset.validation_trials_of(mouse)
    opened = open_teacher(teacher, [mouse], data_dir=prepared)
    found = opened.teach({"full": own}, weight=0.5, images=("full",), seed=1)["full"]
    more = found.images[len(own) :]
    assert len(more)
    shown = {image.tobytes() for image in more}
    assert not shown & {image.tobytes() for image in held_out.images}
    # What is trained on may be shown again, be it of the tier that otherwise chooses weights.
    assert shown <= {image.tobytes() for image in own.images}


def test_a_teacher_that_takes_past_responses_is_shown_no_more_images(mouse, prepared, tmp_path):
    past = train(
        tmp_path / "past", prepared, track="sensorium_plus", modulator="history", recipe="fast"
    )
    with pytest.raises(SensoriumError, match="the teacher .*is given past responses, which"):
        taught(past, mouse, prepared, images=("short",))


def test_the_teachers_label_joins_that_of_the_student(teacher, prepared, tmp_path):
    student = train(tmp_path / "student", prepared, distil_from=str(teacher))
    provenance = Run(student).provenance
    assert provenance.taught_by == str(teacher) and provenance.all_known
    assert dict(provenance.seen_before) == {"full": ("train", "validation")}
    assert "taught by" in provenance.describe()
    assert provenance.held_out("full", "test") is True
    lone = tmp_path / "lone.keras"
    lone.write_bytes((teacher / "model.keras").read_bytes())
    student = train(tmp_path / "other", prepared, distil_from=str(lone))
    assert Run(student).provenance.held_out("full", "test") is None


def test_what_cannot_teach_is_refused_in_one_line(teacher, mouse, prepared, tmp_path):
    def student(**changes):
        train(tmp_path / "no", prepared, **{"distil_from": str(teacher), **changes})

    with pytest.raises(SensoriumError, match="mouse 'short' is not one that the model was trained"):
        student(mice="short")
    with pytest.raises(SensoriumError, match="was trained on other neurons of full"):
        student(unit_ids=[3, 6])
    (tmp_path / "empty").mkdir()
    with pytest.raises(SensoriumError, match="no photographs"):
        student(distil_images=[str(tmp_path / "empty")])
    (tmp_path / "empty" / "a.png").write_bytes(b"no picture")
    with pytest.raises(SensoriumError, match="a.png: is not a photograph"):
        student(distil_images=[str(tmp_path / "empty")])
    assert not (tmp_path / "no").exists()
