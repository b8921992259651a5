"""The commands of README and docs name flags that exist, and the README's Python runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from recording_files import recording_tree, write_zip

from sensorium_tf.data import prepare
from sensorium_tf.models import BaselineSettings
from sensorium_tf.training import TrainingSettings, train

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [README, *(page.read_text("utf-8") for page in sorted((ROOT / "docs").glob("*.md")))]
COMMANDS = [
    command
    for page in PAGES
    for command in re.findall(r"^python (launch/\w+\.py)([^#\n]*)", page, re.MULTILINE)
]


def test_the_readme_shows_every_launcher():
    launchers = {path.name for path in (ROOT / "launch").glob("*.py")} - {"launcher.py", "demo.py"}
    assert launchers <= set(re.findall(r"launch/(\w+\.py)", README))


@pytest.mark.parametrize(("script", "arguments"), COMMANDS)
def test_a_command_that_is_shown_names_flags_that_exist(script, arguments):
    helped = subprocess.run(
        [sys.executable, script, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for flag in re.findall(r"--(\w+)", arguments):
        assert re.search(rf"--(\[no\])?{flag}:", helped.stdout), flag


def test_the_python_of_the_readme_runs(tmp_path):
    data_dir = tmp_path / "data"
    for seed, mouse in enumerate(("mouse1", "mouse3")):
        path = write_zip(tmp_path / f"{mouse}.zip", recording_tree(seed=seed))
        prepare(mouse, recording=path, data_dir=data_dir)
    small = BaselineSettings(hidden_channels=2, n_blocks=1)
    train(
        TrainingSettings(mice=("mouse1",), epochs=1, architecture=small),
        tmp_path / "runs" / "cnn",
        data_dir=data_dir,
        verbose=False,
    )
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 5
    code = "import numpy as np\nimages = np.zeros((2, 36, 64, 1), 'float32')\n" + "\n".join(blocks)
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "TFDS_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
