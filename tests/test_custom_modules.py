"""Modules of custom parts: imported by name, and found again as they were."""

import os
import sys
from types import SimpleNamespace

import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.registry import (
    custom_modules,
    import_modules,
    import_recorded,
    record_modules,
    source_digest,
)


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    """A folder of modules, in which each says that it was run."""
    says = "import pathlib; pathlib.Path(__file__).with_suffix('.ran').touch()\nnumber = 3\n"
    (tmp_path / "own_package" / "inner").mkdir(parents=True)
    (tmp_path / "own_package" / "__init__.py").write_text(says)
    (tmp_path / "own_package" / "inner" / "__init__.py").write_text(says)
    (tmp_path / "own_package" / "inner" / "own_core.py").write_text(says)
    (tmp_path / "own_core.py").write_text(says)
    (tmp_path / "broken_module.py").write_text("1 / 0")
    (tmp_path / "leaving_module.py").write_text("import sys; sys.exit(0)")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in list(sys.modules):
        if name.partition(".")[0] in ("own_package", "own_core", "just_written"):
            del sys.modules[name]


def ran(folder):
    return sorted(os.path.relpath(path, folder) for path in folder.rglob("*.ran"))


def test_modules_are_imported_by_name():
    (module,) = import_modules(["own_package.inner.own_core"])
    assert module.number == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no_such_module", "module 'no_such_module' cannot be imported .ModuleNotFoundError"),
        ("broken_module", "module 'broken_module' cannot be imported .ZeroDivisionError"),
        ("leaving_module", "module 'leaving_module' cannot be imported .SystemExit"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_in_one_line(name, says):
    with pytest.raises(SensoriumError, match=says) as caught:
        import_modules([name])
    assert "\n" not in str(caught.value)


def test_a_module_in_the_working_directory_is_found(own):
    with pytest.raises(SensoriumError, match="'just_written' cannot be imported"):
        import_modules(["just_written"])
    (own / "just_written.py").write_text("number = 4")
    (module,) = import_modules(["just_written"])
    assert module.number == 4
    import_modules(["just_written"])
    assert sys.path.count(str(own)) == 1 and sys.path[-1] == str(own)


def test_a_recorded_module_is_imported_if_it_is_still_the_same(own):
    recorded = record_modules(["own_core", "own_package.inner.own_core"])
    assert ran(own) == [], "recording runs nothing"
    import_recorded(recorded)
    assert "own_core" in sys.modules and len(ran(own)) == 4


@pytest.mark.parametrize("changed", ["own_core.py", "__init__.py", "../__init__.py"])
def test_a_module_that_has_changed_is_not_run(own, changed):
    recorded = record_modules(["own_package.inner.own_core"])
    path = own / "own_package" / "inner" / changed
    path.write_text(path.read_text() + "# changed\n")
    says = "own_core' has changed or moved since the run was trained: give --modules=own_package"
    with pytest.raises(SensoriumError, match=says):
        import_recorded(recorded)
    assert ran(own) == []


def test_a_module_that_was_sent_along_with_a_run_is_not_run(own, tmp_path, monkeypatch):
    recorded = record_modules(["own_core"])
    received = tmp_path / "received"
    received.mkdir()
    (received / "own_core.py").write_bytes((own / "own_core.py").read_bytes())
    (own / "own_core.py").unlink()
    monkeypatch.chdir(received)
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(own)])
    with pytest.raises(SensoriumError, match="has changed or moved since the run was trained"):
        import_recorded(recorded)
    assert ran(own) == ran(received) == []


def test_a_module_that_is_gone_is_named(own):
    recorded = record_modules(["own_core"])
    (own / "own_core.py").unlink()
    with pytest.raises(SensoriumError, match="'own_core', which the run was trained with, is no"):
        import_recorded(recorded)


def test_a_module_that_came_with_the_run_is_not_run(own):
    recorded = record_modules(["own_core"])
    with pytest.raises(SensoriumError, match="lies in the run's own folder, and was not run"):
        import_recorded(recorded, not_from=own)
    assert ran(own) == []
    import_recorded(recorded, not_from=own / "elsewhere")
    assert ran(own) == ["own_core.ran"]


def test_a_module_that_has_been_imported_is_left_alone(own):
    import_modules(["own_core"])
    import_recorded({"own_core": "another digest"})


@pytest.mark.parametrize("name", ["", "a b", "a..b", "antigravity", "../own_core", "xml.etree"])
def test_no_other_code_can_be_named(name):
    with pytest.raises(SensoriumError, match="expected a module of custom parts"):
        source_digest(name)


def test_the_parts_of_a_session_have_no_source():
    assert record_modules(["__main__"]) == {"__main__": ""}
    import_recorded({"__main__": ""})


def test_custom_modules_are_those_of_a_model_s_custom_classes():
    def made(module):
        return type("Made", (), {"__module__": module})()

    model = made("sensorium_tf.models.model")
    model.parts = (made("own_core"), made("keras.src.layers"), made("own_core"), made("a.b"))
    assert custom_modules(model) == ("own_core", "a.b")
    ensemble = SimpleNamespace(members=[made("their_model")], parts=())
    assert "their_model" in custom_modules(ensemble)
