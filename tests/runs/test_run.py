"""A trained model from a workdir or a lone file."""

import dataclasses
import shutil
import warnings

import keras
import numpy as np
import pytest
from recording_files import recording_tree, write_zip
from small_models import small_model
from untrained import untrained_run

from sensorium_tf import SensoriumError
from sensorium_tf.data import Subset, load_mouse, prepare
from sensorium_tf.evaluation import evaluate, submit
from sensorium_tf.models import FiringRateModel, ModelSettings
from sensorium_tf.runs import Run, check_model_file, load_model, save_model
from sensorium_tf.settings import TrainingSettings

pytestmark = pytest.mark.usefixtures("undrawn")

SMALL = ModelSettings(model="ln", hidden_channels=4, n_blocks=1)


@pytest.fixture(scope="module")
def workdir(prepared, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "run"
    settings = TrainingSettings(mice=("full", "hidden"), epochs=1, batch_size=8, architecture=SMALL)
    untrained_run(settings, folder, data_dir=prepared)
    return folder


@pytest.fixture
def lone(workdir, tmp_path):
    """The run's model as a file without its run."""
    save_model(load_model(workdir / "model.keras"), tmp_path / "lone.keras")
    return tmp_path / "lone.keras"


def test_a_workdir_and_its_model_file_are_the_same_model(workdir, lone):
    run, alone = Run(workdir), Run(lone)
    assert (run.name, run.track, run.provenance.signals) == ("ln", "sensorium", "image")
    assert (alone.name, alone.track, alone.provenance.signals) == ("ln", "sensorium", "image")
    assert (run.folder, alone.folder) == (workdir, lone.with_name("lone_results"))
    for ours, theirs in zip(run.model.get_weights(), alone.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_model_file_is_evaluated_as_its_run_is(workdir, lone, prepared):
    run, alone = evaluate(Run(workdir, prepared)), evaluate(Run(lone, prepared))
    assert alone.table() == [{**row, "held_out": None} for row in run.table()]
    assert "whether tier test took part in training is not known" in alone.report()
    assert {path.name for path in lone.with_name("lone_results").iterdir()} == {
        "evaluation.json",
        "neurons.csv",
        "figures",
    }


def test_a_model_file_in_its_own_workdir_is_its_run(prepared, tmp_path):
    settings = TrainingSettings(
        mice=("full",), epochs=1, architecture=SMALL, subset=Subset(unit_ids=(3, 9))
    )
    file = untrained_run(settings, tmp_path / "part", data_dir=prepared).model_file
    theirs, ours = Run(tmp_path / "part"), Run(file)
    for name in ("name", "track", "folder", "provenance", "subset"):
        assert getattr(ours, name) == getattr(theirs, name)
    scored = evaluate(Run(file, prepared)).mice["full"]
    assert scored.unit_ids.tolist() == [3, 9] and scored.held_out is True
    tree = recording_tree(seed=1)
    tree["meta/statistics/responses/all/std"] = 2 * tree["meta/statistics/responses/all/std"]
    prepare("full", recording=write_zip(tmp_path / "z.zip", tree), data_dir=tmp_path / "d")
    with pytest.raises(SensoriumError, match="full in .* is not the recording that the run"):
        evaluate(Run(file, tmp_path / "d"))


@pytest.mark.parametrize(
    ("mice", "says"),
    [({"short": 3}, "short with 3 neurons, images"), ({"full": 4, "hidden": 5}, "full with 4")],
    ids=["other mouse", "other neurons"],
)
def test_a_model_file_that_was_copied_over_a_runs_is_a_lone_one(workdir, tmp_path, mice, says):
    folder = shutil.copytree(workdir, tmp_path / "run")
    saved(folder / "model.keras", {name: np.zeros((n, 2)) for name, n in mice.items()})
    trained = Run(folder / "model.keras")
    assert trained.store is None and trained.provenance.trained_on is None
    assert trained.record is None
    with pytest.raises(SensoriumError, match=f"is not this run's model .*{says}"):
        Run(folder).model  # noqa: B018


def test_a_workdir_may_be_called_as_a_model_file(workdir, tmp_path):
    shutil.copytree(workdir, tmp_path / "run.keras")
    assert Run(tmp_path / "run.keras").store is not None


def test_some_of_the_mice_are_evaluated_into_a_folder_of_choice(lone, prepared, tmp_path):
    evaluation = evaluate(Run(lone, prepared), mice=["full"], output=tmp_path / "here")
    assert list(evaluation.mice) == ["full"]
    assert (tmp_path / "here" / "evaluation.json").exists()
    assert not lone.with_name("lone_results").exists()


def test_a_model_file_is_submitted_as_its_run_is(workdir, lone, prepared, tmp_path):
    (ours,) = submit(Run(lone, prepared), "hidden")
    (theirs,) = submit(Run(workdir, prepared), "hidden", output=tmp_path / "theirs")
    assert ours.parent == lone.with_name("lone_results") / "submission"
    assert ours.read_bytes() == theirs.read_bytes()


def test_a_model_without_shifters_is_not_said_to_see_the_pupil(prepared, tmp_path):
    for shifter, signals in ((None, "image, behavior, pupil center"), ("none", "image, behavior")):
        mouse = load_mouse("full", data_dir=prepared)
        settings = ModelSettings(hidden_channels=4, n_blocks=1, shifter=shifter)
        model = small_model(
            {"full": mouse.cell_motor_coordinates},
            track="sensorium_plus",
            n_blocks=1,
            shifter=shifter,
        )
        save_model(model, tmp_path / "plus.keras")
        trained = Run(tmp_path / "plus.keras", prepared)
        assert (trained.track, trained.provenance.signals) == ("sensorium_plus", signals)
        assert evaluate(trained).provenance.signals == signals
        assert (
            f"({signals})"
            in TrainingSettings(track="sensorium_plus", architecture=settings).describe()
        )


def saved(path, mice, **kwargs):
    model = small_model(mice, n_blocks=1, **kwargs)
    save_model(model, path)
    return path


def test_a_recording_with_another_number_of_neurons_is_refused(prepared, tmp_path):
    path = saved(tmp_path / "a.keras", {"full": np.zeros((9, 2))})
    for refused in (
        lambda: evaluate(Run(path, prepared)),
        lambda: submit(Run(path, prepared), "full"),
    ):
        with pytest.raises(SensoriumError, match="full: the model has 9 neurons, the recording 5"):
            refused()
    assert [each.name for each in tmp_path.iterdir()] == ["a.keras"]


def test_a_recording_whose_neurons_lie_elsewhere_is_a_warning(prepared, tmp_path):
    mouse = load_mouse("full", data_dir=prepared)
    places = mouse.cell_motor_coordinates
    path = saved(tmp_path / "same.keras", {"full": 2.0 * places + 30.0})
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        Run(path, prepared).load_mice()
    path = saved(tmp_path / "other.keras", {"full": places[::-1]})
    with pytest.warns(UserWarning, match="full: its neurons lie elsewhere in cortex"):
        Run(path, prepared).load_mice()


def test_a_mouse_that_the_model_does_not_know_is_refused(lone, prepared):
    with pytest.raises(SensoriumError, match="'short' is not one that the model was trained on"):
        evaluate(Run(lone, prepared), mice=["full", "short"])


def test_behavior_that_is_withheld_is_refused(prepared, tmp_path):
    mouse = load_mouse("hidden", data_dir=prepared)
    path = saved(
        tmp_path / "plus.keras",
        {"hidden": mouse.cell_motor_coordinates},
        track="sensorium_plus",
    )
    for refused in (
        lambda: evaluate(Run(path, prepared)),
        lambda: submit(Run(path, prepared), "hidden"),
    ):
        with pytest.raises(SensoriumError, match="withheld in this recording"):
            refused()


def test_a_model_of_images_of_another_size_is_refused(prepared, tmp_path):
    made = small_model({"full": np.zeros((5, 2))}, n_blocks=1)
    inputs = dataclasses.replace(made.inputs, image_size=(20, 30))
    core = type(made.core)(hidden_channels=4, n_blocks=1)
    readouts = {"full": type(made.readouts["full"])(5)}
    save_model(FiringRateModel(core, readouts, inputs=inputs), tmp_path / "a.keras")
    with pytest.raises(SensoriumError, match="full: image size 20x30: images of .* by a whole"):
        evaluate(Run(tmp_path / "a.keras", prepared))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("no.keras", None, "there is no such model file"),
        ("bad.keras", b"no model", "not a Keras model file, or a damaged one"),
        ("kit.pth", b"", r"not a \.keras file .*import_published"),
        ("nowhere", None, "no run in it"),
    ],
)
def test_what_is_no_trained_model_is_refused(tmp_path, name, content, said):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SensoriumError, match=said):
        Run(tmp_path / name).model  # noqa: B018


def test_a_model_file_is_complete_or_not_there(tmp_path, monkeypatch):
    model = small_model({"full": np.zeros((5, 2))}, n_blocks=1)
    path = tmp_path / "sub" / "a.keras"
    save_model(model, path)
    before = path.read_bytes()

    def fail(self, name):
        name.write_bytes(b"half")
        raise OSError("disk full")

    with pytest.raises(SensoriumError, match="cannot be written"):
        save_model(model, path / "in_a_file.keras")
    monkeypatch.setattr(keras.Model, "save", fail)
    with pytest.raises(SensoriumError, match=r"a\.keras: cannot be written: disk full"):
        save_model(model, path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["a.keras"]


def test_a_model_file_has_to_be_called_so(tmp_path):
    with pytest.raises(SensoriumError, match=r"a\.h5: expected a file name that ends in \.keras"):
        check_model_file(tmp_path / "a.h5")
    (tmp_path / "b.keras").mkdir()
    with pytest.raises(SensoriumError, match="is a folder"):
        check_model_file(tmp_path / "b.keras")


def test_a_run_that_is_not_finished_says_so(prepared, tmp_path):
    settings = TrainingSettings(mice=("full",), epochs=2, architecture=SMALL)
    untrained_run(settings, tmp_path / "run", data_dir=prepared)
    assert Run(tmp_path / "run").provenance.unfinished == ""
    newest, before = sorted((tmp_path / "run" / "checkpoints").glob("*.npz"), reverse=True)
    newest.unlink()
    uses = Run(tmp_path / "run").provenance
    assert uses.describe().endswith("; not finished: 1 of at most 2 epochs")
    assert uses.to_json()["unfinished"] == "1 of at most 2 epochs"
    assert "not finished: 1 of" in evaluate(Run(tmp_path / "run", prepared)).report()
    # A finished run keeps its history, whose checkpoints somebody may delete.
    before.unlink()
    assert Run(tmp_path / "run").provenance.unfinished == ""
    (tmp_path / "run" / "metrics.jsonl").unlink()
    assert Run(tmp_path / "run").provenance.unfinished == "0 of at most 2 epochs"
