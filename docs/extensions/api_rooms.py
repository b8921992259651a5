"""The directive `room`: all public names of a room of the package, from their docstrings."""

import inspect
import pprint
import re
import sys

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from numpy.typing import ArrayLike
from public_names import PACKAGE, constant_comment, rooms, undocumented
from sphinx.util import logging
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import nested_parse_with_titles
from sphinx.util.typing import stringify_annotation

_LOGGER = logging.getLogger(__name__)
# NumPy spells it out as a union of a dozen types.
_ARRAY_LIKE = stringify_annotation(ArrayLike, "smart")
_LONGEST_VALUE = 300


class Room(Directive):
    """Documents the room that is its argument, under the room's own docstring."""

    required_arguments = 1

    def run(self):
        """Returns what Sphinx's autodoc makes of each name."""
        name = self.arguments[0]
        (room,) = (room for room in rooms() if room.__name__ == name)
        env = self.state.document.settings.env
        env.sensorium_rooms = {*getattr(env, "sensorium_rooms", ()), name}
        lines = [
            f".. py:module:: {name}",
            "",
            *_literals(inspect.cleandoc(room.__doc__)).splitlines(),
            "",
        ]
        for public in sorted(room.__all__, key=lambda n: (_kind(getattr(room, n)), n)):
            lines += [*_entry(room, public), ""]
        node = nodes.section()
        node.document = self.state.document
        nested_parse_with_titles(self.state, StringList(lines, source=room.__file__), node)
        return node.children


def _kind(value) -> int:
    """Puts modules before classes before functions before constants."""
    for position, is_kind in enumerate((inspect.ismodule, inspect.isclass, inspect.isroutine)):
        if is_kind(value):
            return position
    return 3


def _is_above(name: str, value: type) -> bool:
    """Tells whether a class is documented on the package's own page."""
    package = sys.modules[PACKAGE]
    return name in package.__all__ and getattr(package, name) is value


def _entry(room, name: str) -> list[str]:
    value, full_name = getattr(room, name), f"{room.__name__}.{name}"
    if inspect.ismodule(value):
        return [f"- :py:mod:`{full_name}`: {value.__doc__.splitlines()[0]}"]
    if inspect.isclass(value) and room.__name__ != PACKAGE and _is_above(name, value):
        return [f"- :py:class:`{PACKAGE}.{name}`: {value.__doc__.splitlines()[0]}"]
    if inspect.isclass(value):
        directive = "autoexception" if issubclass(value, Exception) else "autoclass"
        options = ["   :members:", "   :special-members: __call__"]
        return [f".. {directive}:: {full_name}", *options]
    if inspect.isroutine(value):
        return [f".. autofunction:: {full_name}"]
    text = [f"   {line}" for line in _literals(constant_comment(room, name)).splitlines()]
    shown = pprint.pformat(value, width=10_000)
    options = [f"   :value: {shown}"] if len(shown) <= _LONGEST_VALUE else []
    return [f".. py:data:: {name}", f"   :module: {room.__name__}", *options, "", *text]


def setup(app):
    """Adds the directive and what goes with it."""
    app.add_directive("room", Room)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-process-docstring", _code, priority=400)  # napoleon has 500
    app.connect("autodoc-process-docstring", _sentences, priority=600)
    app.connect("env-check-consistency", _check)
    return {"parallel_read_safe": False}


def _code(app, what, name, value, options, lines):
    lines[:] = _literals("\n".join(lines)).split("\n")


def _sentences(app, what, name, value, options, lines):
    """Puts together what napoleon took for a type and a description: sentences with a colon."""
    for mark, start in ((":rtype: ", ":returns: "), (":type: ", "")):
        for row, line in enumerate(lines):
            first = next((i for i, text in enumerate(lines) if text.startswith(start)), None)
            if line.startswith(mark) and first is not None:
                rest = lines[first].removeprefix(start)
                lines[first] = f"{start}{line.removeprefix(mark)}: {rest}"
                del lines[row]
                break


def _literals(text: str) -> str:
    """Doubles the backticks around code: docstrings have one, as Markdown has."""
    return re.sub(
        r"(?<![`:])`([^`]+)`(?!`)(?=(\w?))",
        lambda found: f"``{found[1]}``" + ("\\ " if found[2] else ""),
        text,
    )


def _shorten(app, what, name, value, options, signature, returns):
    if what == "class" and signature == "(*args, **kwargs)":  # Keras's `__new__`
        _, *parameters = inspect.signature(value.__init__).parameters.values()
        signature = stringify_signature(inspect.Signature(parameters))

    def short(text):
        text = (text or "").replace(_ARRAY_LIKE, "~numpy.typing.ArrayLike")
        return re.sub(r"<class '([\w.]+)'>", r"\1", text) or None

    return short(signature), short(returns)


def _check(app, env):
    """Warns, which fails the build, of names without docstring and of rooms without page."""
    for line in undocumented():
        _LOGGER.warning("undocumented: %s", line)
    for room in rooms():
        if room.__name__ not in getattr(env, "sensorium_rooms", ()):
            _LOGGER.warning("no page of docs/api documents the room %s", room.__name__)
