"""What is public has a docstring; the same check fails the build of the documentation."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import types
from pathlib import Path

import pytest

import sensorium_tf

EXTENSIONS = Path(__file__).parents[1] / "docs" / "extensions"


@pytest.fixture(scope="module")
def names():
    spec = importlib.util.spec_from_file_location("public_names", EXTENSIONS / "public_names.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_public_name_has_a_docstring(names):
    assert names.undocumented() == []


def test_the_rooms_are_those_that_users_import_from(names):
    rooms = {room.__name__ for room in names.rooms()}
    public = ((name, getattr(sensorium_tf, name)) for name in sensorium_tf.__all__)
    listed = {f"sensorium_tf.{name}" for name, value in public if inspect.ismodule(value)}
    assert listed - rooms == {"sensorium_tf.datasets"}  # which has the dataset's room only
    assert rooms - listed == {
        "sensorium_tf",
        "sensorium_tf.datasets.sensorium",
        "sensorium_tf.datasets.sensorium2023",
        "sensorium_tf.interop.nwb",
        "sensorium_tf.interop.pytorch",
        "sensorium_tf.registry",
    }


def test_a_public_name_stays_what_it_is_when_all_modules_are_imported(names):
    for info in pkgutil.walk_packages(sensorium_tf.__path__, "sensorium_tf."):
        if not info.name.startswith(("sensorium_tf.launch", "sensorium_tf.__main__")):
            importlib.import_module(info.name)
    modules = [
        f"{room.__name__}.{name}"
        for room in names.rooms()
        for name in room.__all__
        if inspect.ismodule(getattr(room, name))
    ]
    rooms_of_modules = {name.rpartition(".")[0] for name in modules}
    assert rooms_of_modules == {"sensorium_tf", "sensorium_tf.challenges", "sensorium_tf.interop"}


ROOM = '''
import dataclasses
from typing import NamedTuple

LIMIT = 3

def bare(): pass

@dataclasses.dataclass
class Settings:
    size: int = 1

class Pair(NamedTuple):
    """Two.

    Attributes:
      first: of them.
    """

    first: int
    second: int

class Layer:
    """A layer."""

    def call(self): pass

    @property
    def width(self): return 1

    @classmethod
    def make(cls): pass

    def told(self):
        """Is told."""

    def _private(self): pass

__all__ = ["LIMIT", "Layer", "Pair", "Settings", "bare"]
'''


def test_whatever_lacks_one_is_named(names, tmp_path, monkeypatch):
    file = tmp_path / "room.py"
    file.write_text(ROOM)
    room = types.ModuleType("sensorium_tf_room")
    room.__file__ = str(file)
    monkeypatch.setitem(sys.modules, room.__name__, room)
    exec(compile(ROOM, file, "exec"), vars(room))
    monkeypatch.setattr(names, "rooms", lambda: [room])
    missing = [line.partition(":")[0] for line in names.undocumented()]
    assert [name.removeprefix(room.__name__) for name in missing] == [
        "",
        ".LIMIT",
        ".Layer.call",
        ".Layer.width",
        ".Layer.make",
        ".Pair.second",
        ".Settings",
        ".Settings.size",
        ".bare",
    ]
