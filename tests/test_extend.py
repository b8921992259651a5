"""The page on custom parts: its three files and its commands, as a user would type them."""

import json
import multiprocessing
import os
import re
import runpy
import shlex
import sys
from pathlib import Path

import pytest
from recording_files import recording_tree, write_zip

from sensorium_tf.data import prepare

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extend.md").read_text("utf-8")
_FILE = re.compile(r"^`(my_\w+\.py)`[^`]*```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = dict(_FILE.findall(PAGE))
COMMANDS = re.findall(r"^python (launch/\w+\.py .*)$", PAGE, re.MULTILINE)


def test_a_core_a_metric_and_a_recipe_are_three_files_of_less_than_60_lines():
    assert list(FILES) == ["my_core.py", "my_metric.py", "my_recipe.py"]
    assert sum(len(code.splitlines()) for code in FILES.values()) < 60


def command(text, folder):
    """Is the process of a command, typed in a folder."""
    os.chdir(folder)
    script, *sys.argv[1:] = [*shlex.split(text), f"--data_dir={folder / 'data'}"]
    sys.argv[0] = str(ROOT / script)
    sys.path.insert(0, str(ROOT / "launch"))
    os.dup2(os.open(folder / "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
    runpy.run_path(sys.argv[0], run_name="__main__")


def opening(folder):
    """Is the process of somebody who opens the run and has imported nothing."""
    os.chdir(folder)
    from sensorium_tf import Run
    from sensorium_tf.registry import CORES, RECIPES

    assert "toy" not in CORES and "short" not in RECIPES
    run = Run("runs/toy")
    assert type(run.model.core).__name__ == "ToyCore"
    assert run.model.core.config.channels == 4
    assert run.settings.epochs == 2


@pytest.fixture(scope="module")
def in_new_process():
    """Runs a function as a new Python that has imported the package, and nothing of a user's."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sensorium_tf.api"])

    def run(function, *arguments):
        process = context.Process(target=function, args=arguments)
        process.start()
        process.join()
        return process.exitcode

    return run


def test_they_are_trained_with_evaluated_and_found_again(in_new_process, tmp_path):
    recording = write_zip(tmp_path / "mouse1.zip", recording_tree())
    prepare("mouse1", recording=recording, data_dir=tmp_path / "data")
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    train, evaluate = COMMANDS
    assert "my_core" not in evaluate and "my_recipe" not in evaluate
    assert in_new_process(command, train, tmp_path) == 0
    assert in_new_process(command, evaluate, tmp_path) == 0
    printed = (tmp_path / "out").read_text()
    assert "variance explained" in printed and "cnn toy(channels=4) sees image" in printed
    evaluation = json.loads((tmp_path / "runs" / "toy" / "evaluation.json").read_text())
    assert isinstance(evaluation["mice"]["mouse1"]["variance_explained"], float)
    config = json.loads((tmp_path / "runs" / "toy" / "config.json").read_text())
    assert sorted(config["modules"]) == ["my_core", "my_recipe"]
    assert config["settings"]["architecture"]["core"] == "toy(channels=4)"
    assert in_new_process(opening, tmp_path) == 0
