"""The directive `launchers`: for each script of launch/ what its `--help` says, flag by flag."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

# A group of flags, and in it a flag with what is said of it.
_GROUP = re.compile(r"^(\S[^\n]*):\n(?=  --)", re.MULTILINE)
_FLAG = re.compile(r"^  (--(?:\[no\])?(\w+)\S*)\n((?:      .*\n?)*)", re.MULTILINE)
_LAUNCH = Path(__file__).resolve().parents[2] / "launch"


class Launchers(SphinxDirective):
    """Runs every launcher with `--help`."""

    def run(self):
        """Returns the sections."""
        scripts = sorted(_LAUNCH.glob("[!_]*.py"))
        with ThreadPoolExecutor(2) as pool:
            return list(map(self._section, scripts, pool.map(_help, scripts)))

    def _section(self, script, text):
        section = nodes.section(ids=[nodes.make_id(script.name)], names=[script.name])
        self.state.document.note_explicit_target(section)
        section += nodes.title("", "", nodes.literal("", script.name))
        intro, *groups = _GROUP.split(text)
        section += nodes.literal_block(intro.strip(), intro.strip(), language="text")
        for title, flags in zip(groups[::2], groups[1::2], strict=True):
            section += nodes.rubric("", title)
            section += nodes.definition_list(
                "", *(self._flag(script.stem, *found) for found in _FLAG.findall(flags))
            )
        return section

    def _flag(self, verb, written, name, doc):
        """Returns an entry that can be linked to, such as `commands.html#train-batch-size`."""
        target = nodes.make_id(f"{verb}-{name}")
        term = nodes.term("", "", nodes.reference("", "", nodes.literal("", written), refid=target))
        term["ids"] = [target]
        said = nodes.paragraph("", " ".join(doc.split()))
        return nodes.definition_list_item("", term, nodes.definition("", said))


def _help(script):
    done = subprocess.run(
        [sys.executable, script.relative_to(_LAUNCH.parent), "--help"],
        cwd=_LAUNCH.parent,
        capture_output=True,
        text=True,
    )
    if done.returncode or not done.stdout.strip():
        raise ExtensionError(f"launch/{script.name} --help failed: {done.stderr}")
    return done.stdout.strip()


def setup(app):
    """Adds the directive."""
    app.add_directive("launchers", Launchers)
    return {"parallel_read_safe": True}
