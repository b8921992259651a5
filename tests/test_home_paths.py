"""`~` is the home folder wherever a path enters; shells leave the one in `--data_dir=~/data`."""

import re
from pathlib import Path

import pytest
import tensorflow_datasets as tfds
from matplotlib.figure import Figure
from recording_files import recording_tree, write_zip
from sensorium_tf.datasets.sensorium import Builder

import sensorium_tf
from sensorium_tf import SensoriumError
from sensorium_tf.cli import CommandSettings
from sensorium_tf.config import flat_fields, plain_kind
from sensorium_tf.data import load_mouse, prepare, prepare_mice
from sensorium_tf.evaluation import ground_truth
from sensorium_tf.insilico import ExperimentSettings, run_experiments
from sensorium_tf.interop.nwb import export_nwb, import_nwb
from sensorium_tf.interop.pytorch import load_published, save_published
from sensorium_tf.io import atomic_write, expand
from sensorium_tf.plotting import save_figure
from sensorium_tf.recordings import Recording, Truth
from sensorium_tf.runs import load_model, save_model
from sensorium_tf.scoring.rows import Rows
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.simulation import SimulationSettings
from sensorium_tf.training import search

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def home(prepared, tmp_path_factory):
    """A home folder with a recording, the prepared mice in `data`, and a model file."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "data").symlink_to(prepared)
    write_zip(folder / "recording.zip", recording_tree(seed=1))
    mouse = load_mouse("full", data_dir=prepared)
    for name in ("a", "b"):
        model = sensorium_tf.build("ln", mouse, hidden_channels=2, n_blocks=1)
        save_model(model, folder / f"{name}.keras")
    return folder


@pytest.fixture
def at_home(home, tmp_path, monkeypatch):
    """Works in another folder, whose user's home it is."""
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(tmp_path)
    return home


def run(path="~/a.keras"):
    return sensorium_tf.Run(path, data_dir="~/data")


def train(**changes):
    return sensorium_tf.train(
        "ln",
        "full",
        **{"workdir": "~/run", "data_dir": "~/data", "epochs": 1, "verbose": False, **changes},
    )


# Launcher and flag to what it is handed to. What is named there is missing or of the wrong kind,
# which the error says by its whole path, or it is written there.
FLAGS = {
    "launcher data_dir": lambda: load_mouse("mouse1", data_dir="~/nothing"),
    "prepare recording": lambda: prepare("lab1", recording="~/nothing.zip", data_dir="~/new"),
    "prepare recordings": lambda: prepare_mice({"lab1": "~/nothing.zip"}, data_dir="~/new"),
    "prepare manual_dir": lambda: prepare("mouse1", manual_dir="~/nothing", data_dir="~/new"),
    "simulate output": lambda: sensorium_tf.simulate(
        "~/simulated", n_neurons=2, n_images=10, n_repeats=2
    ),
    "ground_truth output": lambda: ground_truth(
        "full", "test", output="~/truth", data_dir="~/data"
    ),
    "ground_truth truth": lambda: ground_truth(
        "full", "test", output="~/truth", truth="~/nothing.npz", data_dir="~/data"
    ),
    "train workdir": lambda: train(workdir="~/a.keras"),
    "train init_from": lambda: train(init_from="~/nothing.keras"),
    "train distil_from": lambda: train(distil_from="~/nothing.keras"),
    "train distil_images": lambda: train(distil_from="~/a.keras", distil_images=["~/nothing"]),
    "search space": lambda: search("~/space.json", "~/search", n_trials=1),
    "evaluate workdir": lambda: run("~/nothing").model,
    "evaluate model_file": lambda: run("~/nothing.keras").model,
    "evaluate truth": lambda: sensorium_tf.evaluate(run(), truth="~/nothing.npz"),
    "evaluate output": lambda: sensorium_tf.evaluate(run(), output="~/scores"),
    "evaluate compare": lambda: sensorium_tf.compare("~/a.keras", "~/nothing", data_dir="~/data"),
    "submit workdir": lambda: sensorium_tf.submit(run("~/nothing")),
    "submit model_file": lambda: sensorium_tf.submit(run("~/nothing.keras")),
    "submit output": lambda: sensorium_tf.submit(run(), output="~/submission"),
    "score submission": lambda: sensorium_tf.score("~/nothing.csv", "~/nothing.csv"),
    "score ground_truth": lambda: list(Rows("~/nothing.csv", "responses")),
    "import_published checkpoint": lambda: load_published("~/nothing.pth"),
    "import_published output": lambda: save_model(load_model("~/a.keras"), "~/c.keras"),
    "import_nwb nwb": lambda: import_nwb("~/nothing.nwb", "out"),
    "import_nwb mapping": lambda: import_nwb("~/recording.zip", "out", mapping="~/nothing.json"),
    "import_nwb output": lambda: import_nwb(export_nwb("~/recording.zip", "~/other.nwb"), "~/made"),
    "export_nwb recording": lambda: export_nwb("~/nothing.zip", "~/nothing.nwb"),
    "export_nwb output": lambda: export_nwb("~/recording.zip", "~/mouse.nwb"),
    "export_published workdir": lambda: run("~/nothing").model,
    "export_published model_file": lambda: load_model("~/nothing.keras"),
    "export_published output": lambda: save_published(load_model("~/a.keras"), "~/a.pth", keys={}),
    "insilico workdir": lambda: run("~/nothing").model,
    "insilico model_file": lambda: run("~/nothing.keras").model,
    "insilico output": lambda: run_experiments(
        run(), ExperimentSettings(do=("tuning",), columns=(0,)), "~/experiments"
    ),
    "demo output": lambda: sensorium_tf.evaluation.write_json("~/demo/demo.json", {}),
    "benchmarks output": lambda: sensorium_tf.evaluation.write_json("~/times.json", {}),
    "benchmarks workspace": lambda: sensorium_tf.simulate(
        "~/mice", n_neurons=2, n_images=10, n_repeats=2
    ),
}

# Paths that only Python takes.
ARGUMENTS = {
    "prepare data_dir": lambda: prepare("lab1", recording="~/recording.zip", data_dir="~/mine"),
    "compare output": lambda: sensorium_tf.compare(
        "~/a.keras", "~/b.keras", output="~/comparison", data_dir="~/data"
    ),
    "Builder data_dir": lambda: Builder(
        config="mouse1", recording="~/recording.zip", data_dir="~/built"
    ).download_and_prepare(),
    "tfds.load data_dir": lambda: tfds.load(
        "sensorium/mouse1",
        data_dir="~/loaded",
        builder_kwargs={"recording": "~/recording.zip"},
    ),
    "Recording path": lambda: Recording("~/nothing.zip"),
    "Truth path": lambda: Truth.load("~/nothing.npz"),
    "figure path": lambda: save_figure(Figure(), "~/figure.png"),
    "atomic_write path": lambda: write("~/file.txt"),
}

NO_PATHS = {
    *(
        "mice",
        "tier",
        "tiers",
        "modules",
        "keys",
        "mouse",
        "names",
        "name",
        "session",
        "session_start_time",
        "pretrain_mice",
        "member_cores",
        "member_readouts",
        "student_core",
        "student_readout",
        "model",
    ),
    *("unit_ids", "areas", "layers", "train_tiers", "validation_tier", "only"),
    *("image_size", "context", "channels", "core", "readout", "shifter", "modulator"),
    *("nonlinearity", "behavior_scale", "statistics", "past_tiers", "beam_runner", "beam_options"),
    *("track", "recipe", "covariance", "positions", "figure_format", "challenge"),
    "benchmarks compare",  # a command
}


def write(path):
    with atomic_write(path) as file:
        file.write("text")


@pytest.mark.parametrize("name", [*FLAGS, *ARGUMENTS])
@pytest.mark.filterwarnings("ignore")
def test_a_path_may_begin_with_the_home_folders_sign(at_home, tmp_path, name):
    before = set(at_home.iterdir())
    try:
        {**FLAGS, **ARGUMENTS}[name]()
    except SensoriumError as e:
        assert str(at_home) in str(e) and "~" not in str(e)
    else:
        assert set(at_home.iterdir()) - before
    assert not list(tmp_path.iterdir())


def test_every_text_flag_is_known_to_be_a_path_or_not():
    flag = re.compile(r'DEFINE_(?:string|list)\(\s*"(\w+)"')
    files = {path.stem: path for path in (ROOT / "launch").glob("*.py")}
    files["benchmarks"] = ROOT / "benchmarks" / "run.py"
    found = {launcher: flag.findall(path.read_text("utf-8")) for launcher, path in files.items()}
    texts = (str, tuple[str, ...])
    for launcher, names in found.items():
        for name in names:
            known = {name, f"{launcher} {name}"}
            assert known & (NO_PATHS | FLAGS.keys()), f"{launcher} --{name}: is it a path?"
    paths = {name.rpartition(" ")[2] for name in FLAGS}
    for settings in (TrainingSettings, CommandSettings, SimulationSettings):
        for name, (_, field) in flat_fields(settings).items():
            if plain_kind(field) in texts:
                assert name in NO_PATHS | paths, f"{settings.__name__}.{name}: is it a path?"


def test_paths_are_expanded_in_one_place():
    sources = [
        path
        for folder in ("sensorium_tf", "datasets", "launch", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
    ]
    by_hand = re.compile(r"expanduser|Path\([A-Z_]+\.value\)")
    found = [path.name for path in sources if by_hand.search(path.read_text("utf-8"))]
    assert found == ["io.py"]


def test_the_home_of_nobody_is_one_line():
    with pytest.raises(SensoriumError, match=r"~nobody-here/data: there is no such home folder"):
        expand("~nobody-here/data")
