"""Names of the package in backticks become links to their documentation.

So README, pages and docstrings can be read without the site, and a name in them that is no longer
there fails the build: one that starts with the package's has to be found. Of classes (and their
methods) the short name will do.
"""

import re

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms.post_transforms import SphinxPostTransform

_FULL_NAME = re.compile(r"(sensorium_tf(?:\.(?!_)\w+)+)(?:\(.*\))?")
_CLASS_NAME = re.compile(r"([A-Z]\w+(?:\.\w+)?)(?:\(.*\))?")
_NOT_IN = (nodes.reference, nodes.title, addnodes.pending_xref, addnodes.desc_signature)


class CodeLinks(SphinxPostTransform):
    """Puts a reference around each literal that names something of the package."""

    default_priority = 5  # before references are resolved

    def run(self, **kwargs):
        """Changes the document."""
        names = self._short_names()
        for literal in list(self.document.findall(nodes.literal)):
            target = self._target(literal.astext(), names)
            if target is None or _is_within(literal, _NOT_IN):
                continue
            link = addnodes.pending_xref(
                refdomain="py", reftype="obj", reftarget=target, refwarn=True, refdoc=self.docname
            )
            link.source, link.line = literal.source, literal.line
            literal.replace_self(link)
            link += literal

    @property
    def docname(self):
        """The page's name."""
        return self.env.current_document.docname

    def _target(self, text, names):
        if match := _FULL_NAME.fullmatch(text):
            return match[1]
        if match := _CLASS_NAME.fullmatch(text):
            return names.get(match[1])
        return None

    def _short_names(self):
        """Returns the full names of public classes and of what they have, by their short ones."""
        objects = self.env.domains["py"].objects
        classes = [n for n, o in objects.items() if o.objtype in ("class", "exception")]
        classes = [name for name in classes if not objects[name].aliased]
        names = {}
        for full_name in objects:
            for name in classes:
                if full_name == name or full_name.startswith(f"{name}."):
                    names[full_name.removeprefix(f"{name.rpartition('.')[0]}.")] = full_name
        return names


def _is_within(node, kinds):
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def setup(app):
    """Adds the transform."""
    app.add_post_transform(CodeLinks)
    return {"parallel_read_safe": True}
