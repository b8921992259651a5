"""The directive `launchers`: a section for each script of launch/, with what its `--help` says."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from docutils import nodes
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

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
        section += nodes.literal_block(text, text, language="text")
        return section


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
