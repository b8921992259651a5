"""TensorFlow without its greetings: what a command writes is for the person at the terminal."""

import contextlib
import gc
import os
import sys
import tempfile
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader


def quieten_tensorflow() -> None:
    """Hides what TensorFlow writes to stderr, for the rest of the process.

    To be called before TensorFlow is imported, which may be much later or never.
    """
    # Its errors reach us as Python exceptions anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.meta_path.insert(0, _QuietFinder())


class _QuietFinder(MetaPathFinder):
    """Finds TensorFlow, and no other module."""

    def find_spec(self, fullname, path=None, target=None) -> ModuleSpec | None:
        if fullname != "tensorflow":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _QuietLoader(spec.loader.name, spec.loader.path)
        return spec


class _QuietLoader(SourceFileLoader):
    """Imports a module while stderr goes nowhere, and nothing is looked at for garbage."""

    def exec_module(self, module) -> None:
        with _hidden_stderr(), _all_kept():
            super().exec_module(module)


@contextlib.contextmanager
def _all_kept() -> Iterator[None]:
    """Spares the collector all the objects of a library, which stay: a fifth of its import."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_on:
            gc.enable()


@contextlib.contextmanager
def _hidden_stderr() -> Iterator[None]:
    """Hides what is written to stderr before the log level counts, unless the block fails."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
