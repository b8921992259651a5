"""What an import costs, and what other libraries find of the package after it."""

import json
import subprocess
import sys

import pytest

import sensorium_tf

HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "matplotlib")
IMPORTED = f"import sys; print([name for name in {HEAVY} if name in sys.modules])"


def python(code, *arguments):
    """Runs some code in a new Python; returns its last line."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    "statement",
    [
        "import sensorium_tf; dir(sensorium_tf); assert 'numpy' not in __import__('sys').modules",
        "import sensorium_tf; sensorium_tf.score, sensorium_tf.SensoriumError",
        "import sensorium_tf.scoring, sensorium_tf.metrics",
        "from sensorium_tf.plotting import response_raster, save_figure",
        "from sensorium_tf.evaluation import scores_table, write_json",
        "import sensorium_tf; sensorium_tf.simulate",
    ],
)
def test_what_needs_no_tensorflow_does_not_import_it(statement):
    assert python(f"{statement}\n{IMPORTED}") == "[]"


ORDERS = {
    "ours first": ("import sensorium_tf", "import tensorflow_datasets as tfds, keras"),
    "ours last": ("import tensorflow_datasets as tfds, keras", "import sensorium_tf"),
}


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    from small_models import small_model

    path = tmp_path_factory.mktemp("model") / "ln.keras"
    small_model({"lab1": [[0, 1, 2], [1, 0, 2]]}, model="ln", n_blocks=1).save(path)
    return path


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_tfds_and_keras_find_ours_in_either_order_of_imports(order, model_file, tmp_path):
    code = (
        *order,
        "builder = tfds.builder('sensorium/mouse1', data_dir=sys.argv[1])",
        "model = keras.models.load_model(sys.argv[2])",
        "print(type(builder).__module__, type(model).__module__)",
    )
    assert python("\n".join(("import sys", *code)), tmp_path, model_file) == (
        "sensorium_tf.datasets.sensorium.sensorium_dataset_builder sensorium_tf.models.model"
    )


MODULES = (
    "models.base",
    "models.cores.sensorium",
    "models.model",
    "models.settings",
    "interop.pytorch",
    "data.mouse",
    "runs.run",
    "training.trainer",
    "datasets.sensorium",
    "training.pictures",
)
# In each child Keras and TFDS are imported again, as if for the first time: by our module.
FIRST = """
import importlib, json, os, sys
import keras, tensorflow, tensorflow_datasets

for module in json.loads(sys.argv[1]):
    if os.fork() == 0:
        del sys.modules["keras"], sys.modules["tensorflow_datasets"]
        importlib.import_module(f"sensorium_tf.{module}")
        import keras
        print(module, len(keras.saving.get_custom_objects()), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0, module
"""


@pytest.fixture(scope="module")
def n_custom_objects():
    """What Keras finds of ours, by the module of ours that is imported first."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST, json.dumps(MODULES)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(line.split() for line in done.stdout.splitlines())


@pytest.mark.parametrize("module", MODULES)
def test_every_part_can_be_imported_first(module, n_custom_objects):
    assert int(n_custom_objects[module]) > 5


def test_public_names_are_listed_and_wrong_ones_are_refused():
    assert {*sensorium_tf.__all__} <= {*dir(sensorium_tf)}
    assert "attach" not in dir(sensorium_tf)
    with pytest.raises(AttributeError, match="'sensorium_tf' has no attribute 'trian'"):
        _ = sensorium_tf.trian
    with pytest.raises(ImportError, match="cannot import name 'Trails'"):
        from sensorium_tf.data import Trails  # noqa: F401


def test_a_name_is_the_same_each_time():
    assert sensorium_tf.Run is sensorium_tf.Run
    assert sensorium_tf.score is sensorium_tf.scoring.score
    assert sensorium_tf.simulate is sensorium_tf.simulation.simulate_recording


ELSEWHERE = """
import importlib.machinery, sys

class Finder:
    def find_spec(name, path=None, target=None):
        if name == "sensorium_tf.datasets":
            return importlib.machinery.PathFinder.find_spec(name, [sys.argv[1]])

sys.meta_path.append(Finder)
import sensorium_tf
print(sensorium_tf.datasets.__file__)
"""


def test_a_clone_has_its_own_datasets_whatever_else_is_installed(tmp_path):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").touch()
    assert python(ELSEWHERE, tmp_path) == sensorium_tf.datasets.__file__
