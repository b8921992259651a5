"""The launchers as a user runs them: each in a process of its own."""

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from movie_models import movie_inputs, movie_model
from recording_files import STEM, recording_tree, withhold, write_zip

from sensorium_tf.insilico import MostExcitingMovies
from sensorium_tf.interop.pytorch import load_published
from sensorium_tf.registry import import_modules
from sensorium_tf.runs import save_model

LAUNCH = Path(__file__).parents[2] / "launch"
NAMES = sorted(path.stem for path in LAUNCH.glob("[!_]*.py"))


def run(name, *arguments):
    """Runs a launcher as a new Python; returns exit status, stdout and our lines of stderr."""
    done = subprocess.run(
        [sys.executable, str(LAUNCH / f"{name}.py"), *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, our_lines(done.stderr)


def our_lines(stderr):
    return [
        line for line in stderr.splitlines() if line.startswith(("error:", "warning:", "Traceback"))
    ]


@pytest.fixture(scope="module")
def quick(warm_python):
    """As `run`, without the seconds that importing TensorFlow takes."""

    def run_quickly(name, *arguments):
        done = warm_python.run(LAUNCH / f"{name}.py", *arguments)
        return done.returncode, done.stdout, our_lines(done.stderr)

    return run_quickly


def assert_refused(run, name, *arguments, says):
    status, _, ours = run(name, *arguments)
    assert status == 1
    assert len(ours) == 1 and ours[0].startswith("error: ")
    assert says in ours[0]


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_the_command_and_its_flags(name):
    status, out, ours = run(name, "--help")
    assert status == 0 and not ours
    assert f"python launch/{name}.py" in out
    assert "--data_dir" in out


@pytest.mark.parametrize(
    "name",
    ["train", "score", "simulate", "import_published", "import_nwb", "insilico"],
)
def test_a_missing_flag_is_named(name):
    assert_refused(run, name, says="must have a value")


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("train", ["--workdr=x"], "workdr"),
        ("train", ["--workdir=x", "--track=both"], "sensorium_plus"),
        ("evaluate", ["--modul=x"], "--modul: no such flag: did you mean modules?"),
        ("train", ["--workdir=x", "--epochs=many"], "many"),
        ("prepare", ["mouse1"], "mouse1"),
        # An unset variable of the shell, which must not mean "all".
        ("train", ["--workdir=x", "--unit_ids="], "--unit_ids: is empty"),
        ("train", ["--workdir="], "--workdir: is empty"),
        ("train", ["--workdir=x", f"--epochs={'9' * 5000}"], f"--epochs={'9' * 391}... "),
        ("train", ["--workdir=x", "--epochs=\x1b[31m"], r"--epochs=\x1b[31m"),
    ],
)
def test_a_wrong_flag_is_named(name, arguments, says):
    assert_refused(run, name, *arguments, says=says)


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--model=vit", "cnn"),
        ("--recipe=fsat", "recipe 'fsat': did you mean fast?"),
        ("--core=sensoriun", "no such core: did you mean sensorium?"),
        ("--core=none", "none: no such core: expected one of "),
    ],
)
def test_a_part_or_recipe_that_is_not_there_is_named(quick, tmp_path, flag, says):
    assert_refused(quick, "train", f"--workdir={tmp_path / 'x'}", flag, says=says)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory, quick):
    """A folder with a prepared competition mouse, its truth, and a model trained on it."""
    folder = tmp_path_factory.mktemp("workspace")
    status, out, ours = quick(
        "simulate",
        f"--output={folder / 'recordings'}",
        "--session=26872-17-20",
        "--neurons=8",
        "--images=20",
        "--repeats=2",
        "--competition",
    )
    assert status == 0, ours
    recording, truth = map(Path, out.splitlines()[-2:])
    assert recording.exists() and truth.exists()
    status, out, ours = quick(
        "prepare", f"--recording={recording}", "--name=lab1", f"--data_dir={folder / 'data'}"
    )
    assert status == 0, ours
    assert "lab1: 8 neurons" in out and "withheld in this recording: test responses" in out
    status, out, ours = quick(
        "train",
        "--mice=lab1",
        "--model=ln",
        f"--workdir={folder / 'ln'}",
        f"--data_dir={folder / 'data'}",
        "--epochs=1",
        "--hidden_channels=2",
    )
    assert status == 0, ours
    assert "tier train" in out and "best validation correlation" in out
    return folder


def test_from_a_trained_model_to_a_scored_submission(workspace, quick):
    truth = next((workspace / "recordings").glob("*_truth.npz"))
    data = f"--data_dir={workspace / 'data'}"
    status, out, ours = quick(
        "evaluate", f"--workdir={workspace / 'ln'}", data, "--tier=test", f"--truth={truth}"
    )
    assert status == 0, ours
    assert "tier test" in out and "ceiling (true rates)" in out
    status, out, ours = quick(
        "submit", f"--workdir={workspace / 'ln'}", "--mouse=lab1", data, f"--output={workspace}"
    )
    assert status == 0, ours
    assert "ln sees image" in out
    assert [Path(line).name for line in out.splitlines()[1:]] == [
        "submission_file_live_test.csv",
        "submission_file_final_test.csv",
    ]
    status, out, ours = quick(
        "ground_truth", "--mouse=lab1", "--tier=test", f"--output={workspace}", data,
        f"--truth={truth}",
    )  # fmt: skip
    assert status == 0, ours
    status, out, ours = run(
        "score",
        f"--submission={workspace / 'submission_file_live_test.csv'}",
        f"--ground_truth={workspace / 'ground_truth_file_test.csv'}",
        "--json",
    )
    assert status == 0, ours
    evaluation = json.loads((workspace / "ln" / "evaluation.json").read_text())
    found, expected = json.loads(out), evaluation["mice"]["lab1"]
    assert {"single_trial_correlation", "correlation_to_average", "feve"} <= found.keys()
    for name in ("single_trial_correlation", "correlation_to_average", "feve", "feve_neurons"):
        assert found[name] == pytest.approx(expected[name], abs=1e-5)
    for name, interval in expected["intervals"].items():
        assert found["intervals"][name] == pytest.approx(interval, abs=1e-5)
    assert found["feve_reason"] == expected["feve_reason"]
    oracle = expected["oracle"]["single_trial_correlation"]
    assert found["oracle"]["single_trial_correlation"] == pytest.approx(oracle, abs=1e-5)


def test_experiments_are_done_on_a_run(workspace, quick, tmp_path):
    model = [f"--workdir={workspace / 'ln'}", f"--data_dir={workspace / 'data'}"]
    where = f"--output={tmp_path / 'out'}"
    status, out, ours = quick("insilico", *model, where, "--best=2", "--do=tuning")
    assert status == 0, ours
    pages = [str(tmp_path / "out" / name) for name in ("tuning.html", "index.html")]
    assert out.splitlines()[-2:] == pages
    files = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert files == ["index.html", "model.txt", "tuning.html", "tuning.npz", "tuning.png"]
    assert_refused(quick, "insilico", *model, where, says="either --unit_ids or --columns or")
    assert_refused(
        quick, "insilico", *model, where, "--unit_ids=9999", says="no neuron with unit id 9999"
    )


def test_experiments_with_movies_are_done_on_a_model_of_movies(quick, tmp_path):
    spec = dataclasses.replace(movie_inputs(), channels=movie_inputs().channels[:1], extras=())
    places = {"a": np.random.default_rng(0).normal(size=(3, 3))}
    save_model(movie_model(places, inputs=spec, shifter="none", seed=1), tmp_path / "a.keras")
    given = [f"--model_file={tmp_path / 'a.keras'}", f"--output={tmp_path / 'out'}"]
    chosen = ["--columns=2,0", "--do=movie", "--steps=2", "--starts=1"]
    status, out, ours = quick("insilico", *given, *chosen)
    assert status == 0, ours
    pages = [str(tmp_path / "out" / f"{name}.html") for name in ("movie", "index")]
    assert out.splitlines()[-2:] == pages
    assert MostExcitingMovies.load(tmp_path / "out" / "movie.npz").columns.tolist() == [2, 0]


def test_what_was_prepared_is_printed_as_json(workspace, quick):
    (recording,) = (workspace / "recordings").glob("*.zip")
    again = [f"--recording={recording}", "--name=lab1", f"--data_dir={workspace / 'data'}"]
    status, out, ours = quick("prepare", *again, "--json")
    assert status == 0, ours
    (line,) = out.splitlines()
    assert json.loads(line) == {
        "name": "lab1",
        "neurons": 8,
        "trials": {"train": 18, "validation": 2, "test": 20, "final_test": 20},
        "withheld": ["test responses", "final_test responses"],
        "folder": str(workspace / "data" / "sensorium" / "lab1" / "2.0.0"),
    }


def test_the_demo_goes_on_with_its_own_flags_alone(quick, tmp_path):
    written = tmp_path / "demo.json"
    for content, says in (
        ('{"neurons": 400}', f"{tmp_path}: the demo ran here with other flags: choose another"),
        ("{", f"{written}: is damaged: choose another --output"),
        ("[" * 100_000, f"{written}: is damaged: choose another --output"),
    ):
        written.write_text(content)
        assert_refused(quick, "demo", f"--output={tmp_path}", says=says)
        assert written.read_text() == content


def test_runs_are_compared(workspace, quick, tmp_path):
    data, output = f"--data_dir={workspace / 'data'}", f"--output={tmp_path / 'out'}"
    run = workspace / "ln"
    again = shutil.copytree(run, tmp_path / "again") / "model.keras"
    status, out, ours = quick("evaluate", f"--compare={run},{again}", data, output)
    assert status == 0, ours
    assert "each sees image; trained on train of lab1, chosen by validation" in out
    assert "difference to ln" in out
    assert "again, neurons better" in out
    written = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert written["compared_with"] == "ln"
    for arguments, says in (
        ([f"--compare={run}"], "needs two runs or more"),
        (["--compare="], "--compare: is empty"),
        ([f"--compare={run},{tmp_path / 'none'}"], "no run in it"),
        ([f"--compare={run},{run}", f"--workdir={run}"], "give either"),
    ):
        assert_refused(quick, "evaluate", data, *arguments, says=says)


def test_an_evaluation_and_a_comparison_are_printed_as_json_alone(workspace, quick, tmp_path):
    shared = [f"--data_dir={workspace / 'data'}", "--tier=validation", f"--output={tmp_path}"]
    status, out, ours = quick("evaluate", *shared, f"--workdir={workspace / 'ln'}", "--json")
    assert status == 0, ours
    assert json.loads(out) == json.loads((tmp_path / "evaluation.json").read_text())
    again = shutil.copytree(workspace / "ln", tmp_path / "again")
    compared = f"--compare={workspace / 'ln'},{again}"
    status, out, ours = quick("evaluate", *shared, compared, "--json")
    assert status == 0, ours
    assert json.loads(out) == json.loads((tmp_path / "comparison.json").read_text())


def test_the_mistakes_of_a_user_are_one_line(workspace, quick, tmp_path):
    data = f"--data_dir={workspace / 'data'}"
    assert_refused(quick, "prepare", data, says="either --mice, or --recording")
    assert_refused(quick, "prepare", data, "--recording=x.zip", says="go together")
    assert_refused(quick, "prepare", data, "--mice=mouse99", says="'mouse99' is not known")
    assert_refused(
        quick, "prepare", data, "--recording=x.zip", "--name=a", says="no such recording"
    )
    assert_refused(
        quick, "train", data, "--mice=nobody", f"--workdir={tmp_path / 'a'}", says="not prepared"
    )
    assert_refused(
        quick,
        "train",
        data,
        "--mice=lab1",
        f"--workdir={workspace / 'ln'}",
        says="another configuration",
    )
    assert_refused(quick, "evaluate", data, f"--workdir={tmp_path}", says="no run in it")
    assert_refused(
        quick, "evaluate", data, f"--workdir={workspace / 'ln'}", "--tier=test", says="withheld"
    )
    assert_refused(
        quick,
        "submit",
        data,
        f"--workdir={workspace / 'ln'}",
        "--mouse=mouse1",
        says="'mouse1' is not",
    )
    assert_refused(
        quick, "ground_truth", data, "--mouse=lab1", f"--output={tmp_path}", says="withheld"
    )
    assert_refused(quick, "score", "--submission=no.csv", "--ground_truth=no.csv", says="no.csv")
    assert_refused(
        quick, "simulate", f"--output={tmp_path}", "--session=mouse", says="animal-session-scan"
    )
    assert not (tmp_path / "a").exists()


def test_from_a_published_checkpoint_to_a_fine_tuned_model_and_back(workspace, quick, tmp_path):
    torch = pytest.importorskip("torch", reason="torch reads and writes the published checkpoints")
    from published_kit import Kit

    from sensorium_tf.runs import load_model

    data = f"--data_dir={workspace / 'data'}"
    checkpoint, imported = tmp_path / "kit.pth", tmp_path / "ln.keras"
    kit = Kit({"26872-17-20": 8}, n_layers=3, linear=True, kernel=7)
    torch.save(kit.state_dict(), checkpoint)
    status, out, ours = quick(
        "import_published",
        f"--checkpoint={checkpoint}",
        f"--output={imported}",
        "--names=26872-17-20:lab1",
    )
    assert status == 0, ours
    assert "ln of track sensorium (sees image), core of 3 layers and 4 channels" in out
    assert "lab1: 8 neurons" in out
    status, out, ours = quick("evaluate", f"--model_file={imported}", data, "--tier=validation")
    assert status == 0
    assert len(ours) == 1 and "its neurons lie elsewhere in cortex" in ours[0]
    assert (tmp_path / "ln_results" / "evaluation.json").exists()
    status, out, ours = quick("submit", f"--model_file={imported}", data, "--mouse=lab1")
    assert status == 0
    submission = tmp_path / "ln_results" / "submission" / "submission_file_live_test.csv"
    assert str(submission) in out and submission.exists()
    status, out, ours = quick(
        "train",
        "--mice=lab1",
        "--model=ln",
        f"--workdir={tmp_path / 'run'}",
        data,
        "--epochs=1",
        "--hidden_channels=4",
        f"--init_from={imported}",
        "--freeze_core",
    )
    assert status == 0, ours
    assert f"from {imported}: the core; new readout for lab1" in out
    back = tmp_path / "back.pth"
    status, out, ours = quick(
        "export_published", f"--workdir={tmp_path / 'run'}", f"--output={back}", "--keys=lab1:9-9-9"
    )
    assert status == 0, ours
    assert "lab1: session key 9-9-9" in out
    status, out, ours = quick(
        "import_published", f"--checkpoint={back}", f"--output={tmp_path / 'again.keras'}"
    )
    assert status == 0, ours
    assert "mouse_9_9_9: 8 neurons" in out
    frozen, again = (load_model(path) for path in (imported, tmp_path / "again.keras"))
    for ours, theirs in zip(again.core.get_weights(), frozen.core.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_mistakes_with_published_checkpoints_are_one_line(workspace, quick, tmp_path):
    pytest.importorskip("torch", reason="torch reads and writes the published checkpoints")
    bad, output = tmp_path / "bad.pth", f"--output={tmp_path / 'a.keras'}"
    bad.write_bytes(b"no checkpoint")
    for arguments, says in (
        ([f"--checkpoint={bad}", output], "not a PyTorch checkpoint"),
        (["--checkpoint=no.pth", output], "no.pth: no such checkpoint"),
        ([f"--checkpoint={bad}", "--output=a.h5"], "ends in .keras"),
        ([f"--checkpoint={bad}", output, "--names=a"], "--names: 'a', expected pairs"),
    ):
        assert_refused(quick, "import_published", *arguments, says=says)
    model = f"--model_file={workspace / 'ln' / 'model.keras'}"
    for arguments, says in (
        ([output], "give either --workdir or --model_file"),
        ([model, f"--workdir={workspace / 'ln'}", output], "give either"),
        ([model, f"--output={tmp_path / 'bad.pth' / 'x.pth'}"], "is a file, expected a folder"),
        ([model, f"--output={workspace / 'ln' / 'model.keras'}"], "ends in .pth"),
        ([model, "--output="], "--output: is empty"),
    ):
        assert_refused(quick, "export_published", *arguments, says=says)
    for name in ("evaluate", "submit"):
        assert_refused(quick, name, says="give either --workdir or --model_file")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.pth"]


def test_help_of_train_begins_with_what_matters_and_has_groups():
    status, out, _ = run("train", "--help")
    assert status == 0
    titles = [line for line in out.splitlines() if line.endswith(":") and line[0] not in " S"]
    assert titles == [
        "essentials:",
        "model:",
        "optimisation:",
        "movies:",
        "schedule:",
        "stages:",
        "distillation:",
        "subset of neurons and trials:",
        "devices:",
        "other:",
    ]
    first = out[out.index("essentials:") : out.index("model:")]
    for name in ("workdir", "mice", "track", "recipe", "seeds", "data_dir", "init_from"):
        assert f"  --{name}" in first
    values = "best: 22 (sensorium2023: 60), fast: 22 (sensorium2023: 60), published: 200"
    assert f"(default: {values})" in " ".join(first.split())


RECIPE = """
from sensorium_tf.recipes import Recipe
from sensorium_tf.registry import RECIPES

RECIPES.register("short")(
    Recipe(
        doc="Short.",
        schedule="warmup_stable_decay",
        values={"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "warmup_epochs": 0.5},
    )
)
"""


def test_a_recipe_of_a_user_s_module_is_trained_with(workspace, quick, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_recipe.py").write_text(RECIPE)
    data, command = f"--data_dir={workspace / 'data'}", ["--mice=lab1", "--hidden_channels=2"]
    command += [f"--workdir={tmp_path / 'run'}", data, "--recipe=short"]
    assert_refused(
        quick, "train", *command, says="recipe 'short': expected one of best, fast, published"
    )
    status, out, ours = quick("train", *command, "--modules=my_recipe")
    assert status == 0, ours
    assert "recipe short" in out and "epoch 2 of at most 2" in out
    # The run says which module it needs.
    status, _, ours = quick("evaluate", f"--workdir={tmp_path / 'run'}", data)
    assert status == 0, ours
    (tmp_path / "my_recipe.py").write_text(f"{RECIPE}# changed")
    says = "module 'my_recipe' has changed or moved since the run was trained: give --modules="
    assert_refused(quick, "evaluate", f"--workdir={tmp_path / 'run'}", data, says=says)
    says = "module 'my_recipe' has changed or moved since the run in"
    assert_refused(quick, "train", *command, "--modules=my_recipe", says=says)


def test_every_setting_is_a_flag_of_train_with_its_default():
    from sensorium_tf.config import flat_fields
    from sensorium_tf.settings import STRATEGIES, TrainingSettings

    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import train, json; from absl import flags;"
        "print(json.dumps({f.name: f.default for f in flags.FLAGS.get_key_flags_for_module(train)},"
        "default=str))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(LAUNCH)], capture_output=True, text=True, check=True
    )
    defaults = json.loads(done.stdout)
    for name, (_, field) in flat_fields(TrainingSettings).items():
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        assert defaults[name] == default, name
    assert set(STRATEGIES) >= {defaults["strategy"]}


def test_an_ensemble_is_trained_and_scored(workspace, quick, tmp_path):
    data = f"--data_dir={workspace / 'data'}"
    status, out, ours = quick(
        "train",
        "--mice=lab1",
        "--model=ln",
        f"--workdir={tmp_path / 'run'}",
        data,
        "--recipe=fast",
        "--epochs=1",
        "--hidden_channels=2",
        "--seeds=0,1",
        "--mixed_precision",
    )
    assert status == 0, ours
    assert "seed1/model.keras: 1 epochs" in out and "the model of them all is" in out
    status, out, ours = quick("evaluate", f"--workdir={tmp_path / 'run'}", data)
    assert status == 0, ours
    assert "ln, mean of 2" in out and "member, seed 1" in out
    for flag, says in (
        ("--seeds=0,0", "a duplicate seed"),
        ("--seeds=0,one", "flag --seeds=0,one: expected whole numbers"),
        ("--unit_ids=-1", "flag --unit_ids=-1: expected whole numbers"),
        ("--joint_core", "joint_core: goes with the recipes best and fast alone"),
        ("--strategy=multi_worker", "needs the environment variable TF_CONFIG"),
        ("--patience=0", "patience 0"),
    ):
        assert_refused(
            quick, "train", "--mice=nobody", f"--workdir={tmp_path / 'no'}", flag, says=says
        )
    both = ["--mice=nobody", f"--workdir={tmp_path / 'no'}", "--seed=0", "--seeds=0,1"]
    assert_refused(quick, "train", *both, says="seed and seeds do not go together")
    assert not (tmp_path / "no").exists()


OWN_MODEL = """
import keras

from sensorium_tf.models import CoreBase, FiringRateModel, GaussianReadout


class OneLayerCore(CoreBase):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(2, 9, kernel_regularizer="l2")

    def call(self, images, training=None):
        return self.conv(images)


def build(coordinates, *, inputs, seed):
    core = OneLayerCore(name="core")
    readouts = {
        mouse: GaussianReadout(len(places), seed=seed) for mouse, places in coordinates.items()
    }
    model = FiringRateModel(core, readouts, inputs=inputs)
    for mouse, places in coordinates.items():
        readouts[mouse].set_coordinates(places)
    return model
"""


def test_a_model_of_ones_own_is_trained_evaluated_and_submitted(
    workspace, quick, tmp_path, monkeypatch
):
    (tmp_path / "my_model.py").write_text(OWN_MODEL)
    monkeypatch.chdir(tmp_path)
    data, workdir = f"--data_dir={workspace / 'data'}", "--workdir=runs/mine"
    train = [data, "--mice=lab1", "--epochs=1", "--model=my_model:build"]
    status, out, ours = quick("train", *train, workdir)
    assert status == 0, ours
    assert "training my_model:build on lab1" in out
    status, out, ours = quick("evaluate", data, workdir)
    assert status == 0, ours
    status, out, ours = quick("evaluate", data, "--model_file=runs/mine/model.keras")
    assert status == 0, ours
    shutil.copy("runs/mine/model.keras", "lone.keras")
    says = "lone.keras: has custom parts: give --modules=my_model, or import it first"
    assert_refused(quick, "evaluate", data, "--model_file=lone.keras", says=says)
    started = [*train, "--workdir=runs/more", "--init_from=runs/mine/model.keras"]
    status, out, ours = quick("train", *started)
    assert status == 0, ours
    assert "from runs/mine/model.keras: the core and the readout of lab1" in out
    modules = "--modules=my_model"
    status, out, ours = quick("evaluate", data, workdir, modules)
    assert status == 0, ours
    assert "my_model:build sees image; trained on train of lab1" in out
    status, out, ours = quick("evaluate", data, "--compare=runs/mine,runs/more", modules)
    assert status == 0, ours
    assert "difference to mine" in out
    status, out, ours = quick("submit", data, workdir, "--mouse=lab1", modules)
    assert status == 0, ours
    assert Path("runs/mine/submission/submission_file_live_test.csv").exists()
    export = [workdir, modules, "--output=a.pth"]
    assert_refused(quick, "export_published", *export, says="OneLayerCore is no part of the")
    for module, says in (("no_such", "module 'no_such' cannot be imported"), ("", "is empty")):
        assert_refused(quick, "evaluate", data, f"--modules={module}", says=says)


SUBCLASSES = """
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.models import FiringRateModel, GaussianReadout, SensoriumCore


class MyCore(SensoriumCore):
    pass


class MyReadout(GaussianReadout):
    pass


def build(places):
    readout = MyReadout(len(places), name="readout_lab1")
    core = MyCore(hidden_channels=2, n_blocks=3, name="core")
    inputs = sensorium2022.CHALLENGE.inputs("sensorium")
    model = FiringRateModel(core, {"lab1": readout}, inputs=inputs)
    readout.set_coordinates(places)
    return model
"""


def test_subclasses_of_the_baselines_layers_are_exported(quick, tmp_path, monkeypatch):
    pytest.importorskip("torch", reason="torch reads and writes the published checkpoints")
    (tmp_path / "my_layers.py").write_text(SUBCLASSES)
    monkeypatch.chdir(tmp_path)
    (module,) = import_modules(["my_layers"])
    rng = np.random.default_rng(1)
    model = module.build(rng.normal(size=(4, 3)))
    model.save("mine.keras")
    export = ["--model_file=mine.keras", "--output=mine.pth"]
    says = "mine.keras: has custom parts: give --modules=my_layers, or import it first (My"
    assert_refused(quick, "export_published", *export, says=says)
    status, _, ours = quick("export_published", *export, "--modules=my_layers")
    assert status == 0, ours
    image = rng.normal(size=(2, 36, 64, 1)).astype("float32")
    rates = load_published("mine.pth")({"lab1": {"image": image}})["lab1"]
    np.testing.assert_array_equal(rates, model({"lab1": {"image": image}})["lab1"])


def test_what_a_run_leaves_out_is_recorded_and_shown(workspace, quick, tmp_path):
    data, workdir = f"--data_dir={workspace / 'data'}", tmp_path / "part"
    train = [data, "--mice=lab1", "--model=ln", "--epochs=1", "--hidden_channels=2"]
    chosen = ["--train_trials=9", "--neurons=3", "--areas=V1", "--subset_seed=2"]
    status, out, ours = quick("train", *train, *chosen, f"--workdir={workdir}")
    assert status == 0, ours
    described = "3 neurons of area V1, 9 training trials, drawn with seed 2"
    assert f"on lab1 ({described})" in out
    config = json.loads((workdir / "config.json").read_text())
    recorded = config["settings"]["subset"]
    assert recorded["train_trials"] == 9 and recorded["neurons"] == 3
    assert recorded["areas"] == ["V1"] and recorded["subset_seed"] == 2
    status, out, ours = quick("evaluate", data, f"--workdir={workdir}")
    assert status == 0, ours
    assert "lab1: 3 neurons" in out and f"trained on train of lab1 ({described})" in out
    rows = (workdir / "neurons.csv").read_text().splitlines()
    assert len(rows) == 1 + 3
    for flag, says in (
        ("--neurons=9", "8 of its 8 neurons can be chosen, expected at least 9"),
        ("--areas=LM", "no neuron of area 'LM', only of V1"),
        ("--train_trials=99", "18 trials to train on, but 99 are asked for"),
    ):
        assert_refused(quick, "train", *train, flag, f"--workdir={tmp_path / 'no'}", says=says)


def test_what_chooses_trials_neurons_and_learning_rates_is_typed(quick, tmp_path):
    tree = recording_tree()
    tree["meta/neurons/layer"] = np.array(["L2/3", "L4", "L4", "L4", "L2/3"])
    for trial, image in enumerate(tree["meta/trials/frame_image_id"]):
        tree[f"data/responses/{trial}"][1] = image % 5  # this neuron is reliable
    recording = write_zip(tmp_path / "lab2.zip", tree)
    data, workdir = f"--data_dir={tmp_path / 'data'}", tmp_path / "run"
    status, _, ours = quick("prepare", data, f"--recording={recording}", "--name=lab2")
    assert status == 0, ours
    status, out, ours = quick(
        "train",
        data,
        "--mice=lab2",
        "--model=ln",
        f"--workdir={workdir}",
        "--hidden_channels=2",
        "--recipe=fast",
        "--epochs=2",
        "--warmup_epochs=0.5",
        "--cooldown_epochs=1.5",
        "--nomean_bias",
        "--layers=L4",
        "--min_fev=0.9",
        "--train_tiers=train,validation",
        "--validation_tier=test",
    )
    assert status == 0, ours
    assert "neurons of layer L4 with FEV of at least 0.9 in tier test" in out
    assert "tier train and validation, weights chosen by the score on tier test" in out
    config = json.loads((workdir / "config.json").read_text())
    settings, provenance = config["settings"], config["provenance"]
    schedule = settings["schedule"]
    assert (schedule["warmup_epochs"], schedule["cooldown_epochs"]) == (0.5, 1.5)
    assert settings["mean_bias"] is False
    chosen = settings["subset"]
    assert (chosen["layers"], chosen["min_fev"]) == (["L4"], 0.9)
    assert (chosen["train_tiers"], chosen["validation_tier"]) == (["train", "validation"], "test")
    assert provenance["neurons_chosen_by"] == provenance["chosen_by"] == "test"


def test_behavior_that_is_withheld_cannot_be_trained_on(quick, tmp_path):
    hidden = withhold(recording_tree(), signals=["behavior", "pupil_center"])
    recording = write_zip(tmp_path / f"{STEM}.zip", hidden)
    data = f"--data_dir={tmp_path / 'data'}"
    status, out, _ = quick("prepare", data, f"--manual_dir={tmp_path}", "--mice=mouse1")
    assert status == 0 and "withheld in this recording: behavior, pupil_center" in out
    assert recording.exists()
    assert_refused(
        quick,
        "train",
        data,
        "--mice=mouse1",
        "--track=sensorium_plus",
        f"--workdir={tmp_path / 'run'}",
        says="use --track=sensorium",
    )


def test_what_is_only_odd_is_a_warning_line(quick, tmp_path):
    tree = recording_tree()
    del tree["meta/neurons/layer"]
    recording = write_zip(tmp_path / "odd.zip", tree)
    status, _, ours = quick(
        "prepare", f"--recording={recording}", "--name=odd", f"--data_dir={tmp_path / 'data'}"
    )
    assert status == 0
    assert len(ours) == 1 and ours[0].startswith("warning:")
    assert "meta/neurons/layer.npy" in ours[0]


def test_a_recording_becomes_an_nwb_file_and_a_recording_again(workspace, quick, tmp_path):
    recording = next((workspace / "recordings").glob("*.zip"))
    nwb = tmp_path / "mouse.nwb"
    status, out, ours = quick("export_nwb", f"--recording={recording}", f"--output={nwb}")
    assert status == 0 and not ours and out == f"{nwb}\n"
    flags = f"--nwb={nwb}", f"--output={tmp_path}", "--tiers=final_test:"
    status, out, ours = quick("import_nwb", *flags)
    assert status == 0 and not ours
    assert "session 26872-17-20: 8 neurons, trials: " in out and "final_test" not in out
    assert out.endswith(f"  pupil_center (2,)\n{tmp_path / recording.name}\n")
    assert_refused(quick, "import_nwb", *flags, says="is there already")
    assert_refused(
        quick,
        "export_nwb",
        f"--recording={recording}",
        f"--output={nwb}2.nwb",
        "--session_start_time=may",
        says="--session_start_time: Invalid isoformat string: 'may'",
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--track=sensorium"], "track 'sensorium': expected main or bonus"),
        (["--validation_tier=test"], "tier 'test': expected one of train, oracle"),
        (["--folds=3"], "folds: goes with images, not with movies"),
        (["--mice=mouse1"], "run python launch/prepare.py --challenge=sensorium2023 --mice=mouse1"),
    ],
)
def test_movies_are_trained_on_by_what_goes_with_them(quick, tmp_path, arguments, says):
    where = [f"--workdir={tmp_path / 'run'}", f"--data_dir={tmp_path}", "--mice=lab1"]
    assert_refused(quick, "train", "--challenge=sensorium2023", *where, *arguments, says=says)
    assert not (tmp_path / "run").exists()
