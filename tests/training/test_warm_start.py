"""Runs that start from a trained model, core frozen or not."""

import json
import shutil

import numpy as np
import pytest
from recording_files import recording_tree, write_zip
from untrained import untraced_steps, untrained_run

from sensorium_tf import SensoriumError
from sensorium_tf.data import Mouse, Subset, prepare
from sensorium_tf.evaluation import evaluate, submit
from sensorium_tf.models import ModelSettings
from sensorium_tf.runs import Run, RunStore, load_model
from sensorium_tf.runs import run as run_module
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_run

pytestmark = pytest.mark.usefixtures("undrawn")

SMALL = ModelSettings(hidden_channels=4, n_blocks=1)


def settings(**changes):
    values = {"mice": ("full",), "epochs": 2, "batch_size": 5, "architecture": SMALL}
    return TrainingSettings(**{**values, **changes})


@pytest.fixture(scope="module")
def donor(prepared, tmp_path_factory):
    """Model file of a run on another mouse."""
    folder = tmp_path_factory.mktemp("donor") / "run"
    return untrained_run(settings(mice=("short",), seed=3), folder, data_dir=prepared).model_file


def same(ours, theirs):
    pairs = zip(ours.get_weights(), theirs.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_run_starts_from_the_core_of_another(donor, prepared, tmp_path, frozen):
    source = load_model(donor)
    chosen = settings(init_from=str(donor), freeze_core=frozen, learning_rate=1e-4)
    result = train_run(chosen, tmp_path / "run", data_dir=prepared, verbose=False)
    assert same(result.model.core, source.core) is frozen
    ours, theirs = (model.core.stem.get_weights()[0] for model in (result.model, source))
    assert np.abs(ours - theirs).max() < 0.01  # a few small steps away at most
    fresh = untrained_run(settings(epochs=1), tmp_path / "fresh", data_dir=prepared)
    assert not same(result.model.readouts["full"], fresh.model.readouts["full"])


def test_a_mouse_that_both_know_keeps_its_readout(donor, prepared, tmp_path, capsys):
    chosen = settings(mice=("full", "short"), init_from=str(donor), epochs=1)
    result = untrained_run(chosen, tmp_path / "run", data_dir=prepared, verbose=True)
    assert same(result.model.readouts["short"], load_model(donor).readouts["short"])
    said = capsys.readouterr().out
    assert "the core and the readout of short; new readout for full (not in it)" in said


LINEAR = ModelSettings(hidden_channels=4, n_blocks=1, core="sensorium(activation=linear)")
FREE = ModelSettings(hidden_channels=4, n_blocks=1, positions="free")
HALVES = ((3, 6), (9, 12))  # unit ids


@pytest.fixture(scope="module")
def half_run(prepared, tmp_path_factory):
    """Model file of a run on some neurons, whose positions are free."""
    folder = tmp_path_factory.mktemp("half") / "run"
    chosen = settings(architecture=FREE, subset=Subset(unit_ids=HALVES[0]), seed=3, epochs=1)
    return untrained_run(chosen, folder, data_dir=prepared).model_file


@pytest.mark.parametrize(
    ("unit_ids", "lone", "copied"),
    [(HALVES[0], False, True), (HALVES[1], False, False), (HALVES[0], True, False)],
)
def test_free_positions_are_kept_for_neurons_that_the_run_tells_to_be_the_same(
    half_run, prepared, tmp_path, capsys, unit_ids, lone, copied
):
    start = shutil.copy(half_run, tmp_path / "lone.keras") if lone else half_run
    chosen = settings(
        architecture=FREE,
        subset=Subset(unit_ids=unit_ids),
        init_from=str(start),
        epochs=1,
    )
    result = untrained_run(chosen, tmp_path / "run", data_dir=prepared, verbose=True)
    ours, theirs = (model.readouts["full"].mean for model in (result.model, load_model(half_run)))
    assert np.allclose(ours, theirs, atol=1e-6) is copied
    said = capsys.readouterr().out
    assert ("the core and the readout of full\n" in said) is copied
    assert ("new readout for full (not known to be its neurons)" in said) is not copied


def test_the_model_that_a_run_starts_from_is_loaded_once(donor, prepared, tmp_path, monkeypatch):
    loaded = []

    def load(path):
        loaded.append(path)
        return load_model(path)

    monkeypatch.setattr(run_module, "load_model", load)
    chosen = settings(init_from=str(donor), epochs=1)
    untrained_run(chosen, tmp_path / "run", data_dir=prepared)
    assert [str(path) for path in loaded] == [str(donor)]


def test_a_run_goes_on_without_the_file_that_it_started_from(
    donor, prepared, tmp_path, monkeypatch
):
    kept = tmp_path / "donor.keras"
    shutil.copy(donor, kept)

    def run(name):
        chosen = settings(init_from=str(kept), epochs=3)
        with untraced_steps():
            return train_run(chosen, tmp_path / name, data_dir=prepared, verbose=False)

    class Killed(BaseException):
        pass

    def kill(self, epochs):
        real(self, epochs)
        if len(epochs) == 1:
            raise Killed

    whole, real = run("whole"), RunStore.write_metrics
    with monkeypatch.context() as patch:
        patch.setattr(RunStore, "write_metrics", kill)
        with pytest.raises(Killed):
            run("halves")
    kept.unlink()
    assert run("halves").epochs == whole.epochs


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"architecture": LINEAR},
            r"model\.keras: has another core \(activation elu there, linear here",
        ),
        ({"track": "sensorium_plus"}, r"images \(36, 64, 1\) there"),
        ({"init_from": "nowhere.keras"}, "nowhere.keras: there is no such model file"),
        ({"init_from": "."}, "is a folder, expected a model file, such as its model.keras"),
    ],
)
def test_what_cannot_be_started_from_is_refused_before_trials_are_read(
    donor, prepared, tmp_path, monkeypatch, changes, said
):
    monkeypatch.setattr(Mouse, "trials", lambda *_: pytest.fail("read trials"))
    with pytest.raises(SensoriumError, match=said):
        train_run(
            settings(**{"init_from": str(donor), **changes}),
            tmp_path / "run",
            data_dir=prepared,
            verbose=False,
        )
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def chain(prepared, tmp_path_factory):
    """Folder with the run `first`, which saw the test trials of full, and `second`, from it."""
    folder = tmp_path_factory.mktemp("chain")
    seen = settings(subset=Subset(train_tiers=("test",)), epochs=1)
    first = untrained_run(seen, folder / "first", data_dir=prepared)
    chosen = settings(mice=("short",), init_from=str(first.model_file), epochs=1)
    untrained_run(chosen, folder / "second", data_dir=prepared)
    return folder


def test_what_the_start_and_its_start_had_seen_is_not_held_out(chain, prepared, tmp_path):
    for name in ("first", "second"):
        start = chain / name / "model.keras"
        chosen = settings(mice=("full", "short"), init_from=str(start), epochs=1)
        untrained_run(chosen, tmp_path / name, data_dir=prepared)
        scored = evaluate(Run(tmp_path / name, prepared), tier="test")
        assert scored.mice["full"].held_out is False
        assert scored.mice["short"].held_out is True
    before = json.loads((tmp_path / "second" / "config.json").read_text())["provenance"][
        "seen_before"
    ]
    assert before == {"short": ["train", "validation"], "full": ["test", "validation"]}


def test_a_recording_that_the_start_had_seen_has_been_seen_by_any_name(chain, tmp_path):
    tree = recording_tree(seed=1)  # that of `full`
    prepare("again", recording=write_zip(tmp_path / "a.zip", tree), data_dir=tmp_path / "data")
    for name in ("first", "second"):
        chosen = settings(
            mice=("again",),
            subset=Subset(neurons=2),
            init_from=str(chain / name / "model.keras"),
            epochs=1,
        )
        untrained_run(chosen, tmp_path / name, data_dir=tmp_path / "data")
        scored = evaluate(Run(tmp_path / name, tmp_path / "data"), tier="test")
        assert scored.mice["again"].held_out is False
    before = Run(tmp_path / "second").provenance.seen_before
    assert dict(before) == {"short": ("train", "validation"), "full": ("test", "validation")}


@pytest.mark.parametrize("ids", [[], {"full": 3}])
def test_damaged_recording_ids_are_refused(chain, tmp_path, ids):
    config = json.loads((chain / "second" / "config.json").read_text())
    config["provenance"]["recording_ids"] = ids
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(SensoriumError, match="provenance: recording_ids is missing or damaged"):
        RunStore(tmp_path).record()


def test_after_a_lone_file_nothing_is_known_to_be_held_out(chain, prepared, tmp_path):
    start = shutil.copy(chain / "first" / "model.keras", tmp_path / "first.keras")
    # From a lone file, from the run that started there, and from a copy of that run's model.
    for mouse, name in (("short", "second"), ("full", "third"), ("full", "last")):
        chosen = settings(mice=(mouse,), init_from=str(start), epochs=1)
        untrained_run(chosen, tmp_path / name, data_dir=prepared)
        scored = evaluate(Run(tmp_path / name, prepared), tier="test")
        assert scored.mice[mouse].held_out is None
        assert "whether tier test took part in training is not known" in scored.report()
        assert "(not all that it had seen is known)" in scored.report()
        assert scored.to_json()["provenance"]["start_known"] is False
        start = tmp_path / name / "model.keras"
        if name == "third":
            start = shutil.copy(start, tmp_path / "third.keras")
    (file,) = submit(Run(tmp_path / "third", prepared), "full", output=tmp_path / "out")
    label = json.loads(file.with_name("submission.json").read_text())
    assert label["provenance"]["start_known"] is False
    assert label["provenance"]["seen_before"] == {"short": ["train", "validation"]}


def test_what_a_run_recorded_is_read_back_whole(chain, tmp_path):
    written = json.loads((chain / "second" / "config.json").read_text())
    provenance = Run(chain / "second").provenance
    assert provenance.to_json() == written["provenance"]
    assert provenance.held_out("short", "test") is True
    # Not even the folder's own settings say it anew.
    shutil.copytree(chain / "second", tmp_path / "run")
    written["provenance"]["trained_on"] = ["train", "test"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(written))
    assert Run(tmp_path / "run").provenance.held_out("short", "test") is False


@pytest.mark.parametrize("missing", ["seen_before", "start_known", "track", "trained_on"])
def test_a_provenance_that_is_not_whole_is_refused(chain, tmp_path, missing):
    shutil.copytree(chain / "second", tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    del config["provenance"][missing]
    path.write_text(json.dumps(config))
    with pytest.raises(SensoriumError, match=f"provenance: {missing} is missing or damaged"):
        Run(tmp_path / "run").provenance  # noqa: B018


def test_a_random_core_is_not_frozen():
    with pytest.raises(SensoriumError, match="freeze_core: goes with init_from"):
        settings(freeze_core=True)


def test_what_a_run_starts_from_is_said():
    chosen = settings(init_from="a.keras", freeze_core=True)
    assert "from the weights of a.keras, core frozen" in chosen.describe()
