"""The package's rooms import each other in one direction alone."""

import ast
import graphlib
from pathlib import Path

import pytest

import sensorium_tf

PACKAGE = Path(sensorium_tf.__file__).parent

# Which room must not know which others, whatever the order of the rest.
APART = {
    "recordings": {"data", "models", "runs", "training"},
    "models": {"data", "evaluation", "recordings", "runs", "training"},
    "scoring": {"data", "evaluation", "models", "runs", "training"},
    "leaderboard": {"data", "evaluation", "models", "recordings", "runs", "training"},
    "metrics": {"data", "models", "runs", "training"},
    "simulation": {"data", "models", "runs", "training"},
    "training": {"evaluation"},
    "runs": {"evaluation", "training"},
}


def modules_named(source: str) -> set[str]:
    """Returns the modules of the package that some code imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            whole = node.module == "sensorium_tf"
            names = (
                [f"{node.module}.{each.name}" for each in node.names] if whole else [node.module]
            )
        found |= {name for name in names if name.startswith("sensorium_tf.")}
    return found


def rooms_named(source: str) -> set[str]:
    """Returns the rooms of the package that some code imports, anywhere in it."""
    return {name.split(".")[1] for name in modules_named(source)}


@pytest.fixture(scope="module")
def imports():
    """Each room, a module or package directly in ours, to those that it imports."""
    rooms = {}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if not room.startswith("__"):
            rooms.setdefault(room, set()).update(rooms_named(path.read_text("utf-8")) - {room})
    return rooms


def test_imports_inside_functions_are_seen():
    source = "def f():\n    from sensorium_tf.runs import Run\nimport sensorium_tf.data.mouse\n"
    assert rooms_named(source) == {"runs", "data"}
    assert rooms_named("from sensorium_tf import launch, specs") == {"launch", "specs"}


def test_no_files_import_each_other_in_a_circle():
    # What is imported inside a function, or for its type alone, counts.
    files = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        if parts[-1] != "__init__":
            files[".".join(parts)] = modules_named(path.read_text("utf-8"))
    assert files["sensorium_tf.training.trainer"] & {*files}
    list(graphlib.TopologicalSorter(files).static_order())


def test_no_rooms_import_each_other_in_a_circle(imports):
    assert {"runs", "specs", "training"} <= {*imports}
    list(graphlib.TopologicalSorter(imports).static_order())


@pytest.mark.parametrize("room", APART)
def test_rooms_that_are_apart_stay_apart(imports, room):
    reached, left = set(), [room]
    while left:
        for other in imports.get(left.pop(), set()) - reached:
            reached.add(other)
            left.append(other)
    assert not reached & APART[room]
