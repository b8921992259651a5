"""`sensorium VERB` and `python -m sensorium_tf VERB` are the scripts of launch/."""

import ast
import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sensorium_tf import cli
from sensorium_tf.scoring import write_ground_truth, write_submission

LAUNCH = Path(__file__).parents[2] / "launch"
SCRIPTS = sorted(LAUNCH.glob("[!_]*.py"))


def python(*arguments, path=None):
    """Runs a new Python, which finds modules in a folder first."""
    paths = [str(path)] if path else []
    paths += [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )


def sensorium(*arguments, **where):
    return python("-m", "sensorium_tf", *arguments, **where)


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_the_verbs_are_listed_with_what_they_do(arguments):
    done = sensorium(*arguments)
    assert done.returncode == 0 and not done.stderr
    listed = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")]
    assert listed == [
        [script.stem, ast.get_docstring(ast.parse(script.read_text())).splitlines()[0]]
        for script in SCRIPTS
    ]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_verb_has_the_help_of_its_script(script):
    ours, theirs = sensorium(script.stem, "--help"), python(script, "--help")
    assert ours.returncode == theirs.returncode == 0
    assert f"sensorium {script.stem} --" in ours.stdout and "launch/" not in ours.stdout
    ours, theirs = (done.stdout.partition("\n\nessentials:\n")[2] for done in (ours, theirs))
    assert ours == theirs != ""
    assert "--data_dir" in ours.partition("\n\n")[0]


def test_help_is_there_without_docstrings_in_the_code():
    for arguments in (["-m", "sensorium_tf", "score", "--help"], [LAUNCH / "score.py", "--help"]):
        assert python("-OO", *arguments).stdout == python(*arguments).stdout != ""
    assert python("-OO", "-m", "sensorium_tf").stdout == sensorium().stdout


@pytest.mark.parametrize(
    ("verb", "hint"),
    [
        ("trian", "did you mean train?"),
        ("zzz", "--help lists the verbs"),
        ("--workdir=runs", "--help lists the verbs"),
    ],
)
def test_an_unknown_verb_is_one_line_with_the_closest_one(verb, hint):
    done = sensorium(verb)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr == f"error: {verb}: no such verb: {hint}\n"


def test_mistakes_with_a_verb_are_one_line():
    done = sensorium("score", "--submission=no.csv", "--ground_truth=no.csv")
    assert done.returncode == 1
    assert done.stderr == "error: no.csv: there is no such file\n"


@pytest.mark.parametrize(
    ("flag", "says"),
    [
        ("--submision=no.csv", "--submision: no such flag: did you mean submission?"),
        ("--zzz", "--zzz: no such flag: --help lists the flags"),
        ("--track=sensorum", "flag --track=sensorum: did you mean sensorium?"),
        ("--track=x", "flag --track=x: expected one of sensorium, sensorium_plus, main, bonus"),
    ],
)
def test_a_wrong_flag_is_one_line_with_the_closest_one(flag, says):
    done = sensorium("score", "--submission=no.csv", "--ground_truth=no.csv", flag)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count("\n") == 1 and done.stderr.startswith(f"error: {says}")


def written_by_hand(script):
    """Names of the flags that a script defines itself, not by settings."""
    calls = (node for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.Call))
    return [
        call.args[0].value
        for call in calls
        if re.search(r"\b(DEFINE\w*|define_(choice|whole_numbers))$", ast.unparse(call.func))
    ]


def test_no_flag_is_written_twice():
    names = [name for script in SCRIPTS for name in written_by_hand(script)]
    assert {"compare", "strategy", "space", "submission"} <= set(names)
    names += [field.name for field in dataclasses.fields(cli.CommandSettings)]
    assert sorted(names) == sorted(set(names))


@pytest.fixture
def without_tensorflow(tmp_path):
    """A folder in which TensorFlow and Keras cannot be imported."""
    for name in ("tensorflow", "keras", "tensorflow_datasets", "matplotlib"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError(f'{__name__} was imported')")
    return tmp_path


METRIC = """
import numpy as np

from sensorium_tf import metrics


@metrics.metric("halves")
def halves(responses, rates, image_ids):
    return np.full(responses.shape[1], 0.5)
"""


def test_scoring_needs_no_tensorflow(without_tensorflow):
    files = without_tensorflow / "s.csv", without_tensorflow / "t.csv"
    values = np.random.default_rng(0).gamma(2, 1, (4, 3))
    ids = {"trial_ids": range(4), "image_ids": [1, 1, 2, 2], "unit_ids": range(3)}
    write_submission(files[0], rates=values, **ids)
    write_ground_truth(files[1], responses=values, **ids)
    flags = f"--submission={files[0]}", f"--ground_truth={files[1]}"
    for done in (
        sensorium("score", *flags, "--json", path=without_tensorflow),
        python(LAUNCH / "score.py", *flags, "--json", path=without_tensorflow),
    ):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith('{"single_trial_correlation": ')
    done = sensorium("score", *flags, "--track=sensorium_plus", path=without_tensorflow)
    assert done.returncode == 0, done.stderr
    table = done.stdout
    assert "submission" in table and "oracle (other repeats)" in table
    assert "no FEVE: " in table and "[low, high]: 95% interval over neurons" in table
    (without_tensorflow / "my_metric.py").write_text(METRIC)
    done = sensorium("score", *flags, "--modules=my_metric", "--json", path=without_tensorflow)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["halves"] == 0.5
    done = sensorium("score", flags[0], path=without_tensorflow)
    assert done.stdout == f"{files[0]}: 4 trials, 3 neurons\n", done.stderr


LOUD = "import os\nos.write(2, b'greetings')\n"
IMPORT = "from sensorium_tf.quiet import quieten_tensorflow\nquieten_tensorflow()\n"


def test_what_tensorflow_says_at_its_import_is_shown_only_if_that_fails(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    module = tmp_path / "tensorflow" / "__init__.py"
    module.write_text(LOUD)
    done = python("-c", f"{IMPORT}import tensorflow; print(tensorflow.os)", path=tmp_path)
    assert done.returncode == 0 and not done.stderr
    module.write_text(f"{LOUD}raise ImportError('no libcudart')")
    done = python("-c", f"{IMPORT}import tensorflow", path=tmp_path)
    assert done.returncode == 1
    assert "greetings" in done.stderr and "no libcudart" in done.stderr


def test_nothing_is_collected_while_tensorflow_is_imported(tmp_path):
    (tmp_path / "tensorflow").mkdir()
    module = tmp_path / "tensorflow" / "__init__.py"
    module.write_text("import gc\nduring = gc.isenabled()\n")
    code = f"{IMPORT}import gc, tensorflow; print(tensorflow.during, gc.isenabled())"
    assert python("-c", code, path=tmp_path).stdout == "False True\n"
