"""The commands of README and docs name flags that exist, and their Python runs."""

import functools
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from recording_files import recording_tree, write_zip
from small_models import small_model
from untrained import untrained_run

from sensorium_tf.data import prepare
from sensorium_tf.interop.pytorch import save_published
from sensorium_tf.models import ModelSettings
from sensorium_tf.settings import TrainingSettings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
DOCS = {page.name: page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md"))}
COMMANDS = [
    command
    for page in (README, *DOCS.values(), (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    for command in re.findall(r"^python (launch/\w+\.py)([^#\n]*)", page, re.MULTILINE)
]


def test_the_readme_shows_every_launcher():
    launchers = {path.name for path in (ROOT / "launch").glob("[!_]*.py")} - {"demo.py"}
    assert launchers <= set(re.findall(r"launch/(\w+\.py)", README))


@pytest.mark.parametrize("row", ["oracle", "ceiling (true rates)"])
def test_the_readme_says_what_the_rows_beside_the_models_are(row):
    assert f"\n| {row} |" in README


@functools.cache
def help_of(script):
    command = [sys.executable, script, "--help"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(("script", "arguments"), COMMANDS)
def test_a_command_that_is_shown_names_flags_that_exist(script, arguments):
    for flag in re.findall(r"--(\w+)", arguments):
        assert re.search(rf"^  --(\[no\])?{flag}(=|$)", help_of(script), re.MULTILINE), flag


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Data folder with the two mice that the pages speak of."""
    folder = tmp_path_factory.mktemp("pages")
    for seed, mouse in enumerate(("mouse1", "mouse3")):
        path = write_zip(folder / f"{mouse}.zip", recording_tree(seed=seed))
        prepare(mouse, recording=path, data_dir=folder / "data")
    return folder / "data"


def python_of(page):
    """Returns a page's Python, each line where it is on the page, and the number of its blocks."""
    lines, inside, n_blocks = [], False, 0
    for line in page.splitlines():
        starts = line == "```python"
        inside = (inside or starts) and line != "```"
        n_blocks += starts
        lines.append(line if inside and not starts else "")
    return "\n".join(lines), n_blocks


@pytest.fixture
def run_python(data_dir, tmp_path, warm_python):
    """Runs a page's Python in a process of its own, in a folder."""

    def run_page(code, name, *, before=""):
        (tmp_path / name).write_text(code)
        # TFDS has read TFDS_DATA_DIR already, when it was imported.
        where = f"import tensorflow_datasets as t; t.core.constants.DATA_DIR = {str(data_dir)!r}"
        script = f"{where}\n{before}\nexec(compile(open({name!r}).read(), {name!r}, 'exec'))"
        done = warm_python.run("-c", script, cwd=tmp_path)
        assert done.returncode == 0, done.stderr

    return run_page


# A step of training is traced and taken in the README's Python alone.
UNTRACED = f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import untrained as u"
IMAGES = "import numpy as np\nimages = np.zeros((2, 36, 64, 1), 'float32')"


def test_the_python_of_the_readme_runs(tmp_path, data_dir, run_python):
    small = ModelSettings(hidden_channels=2, n_blocks=1)
    untrained_run(
        TrainingSettings(mice=("mouse1",), epochs=1, architecture=small),
        tmp_path / "runs" / "cnn",
        data_dir=data_dir,
    )
    code, n_blocks = python_of(README)
    assert n_blocks == 6
    run_python(code, "README.md", before=IMAGES)


@pytest.mark.parametrize("page", [page for page, text in DOCS.items() if python_of(text)[1]])
def test_the_python_of_a_page_runs(page, tmp_path, run_python):
    before = f"{UNTRACED}; u.untraced_steps().start()" if ".train(" in DOCS[page] else ""
    if page == "published_models.md":
        pytest.importorskip("torch", reason="torch writes a checkpoint in the place of the page's")
        before = f"{IMAGES}\nimport tensorflow as tf\nimport sensorium_tf"
        model = small_model({"mouse1": np.eye(5)[:, :3]}, hidden_channels=2)
        save_published(model, tmp_path / "sensorium_sota_model.pth")
    code, _ = python_of(DOCS[page])
    run_python(code, page, before=before)
