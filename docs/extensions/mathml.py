"""Formulas as MathML, which browsers show by themselves: no script and no network."""

import re

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

_LOGGER = logging.getLogger(__name__)


def visit_inline(self, node):
    """Writes a formula within a line."""
    self.body.append(_mathml(node, "inline"))
    raise SkipNode


def visit_block(self, node):
    """Writes a formula on a line of its own."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
        self.add_permalink_ref(node, "Link to this equation")
    self.body.append(_mathml(node, "block") + "</div>")
    raise SkipNode


def _mathml(node, display):
    latex = node.astext()
    formula = convert(latex, display=display)
    # The converter leaves a command that it does not know as it is, and completes braces.
    braces = re.sub(r"\\[{}]", "", latex)
    if "\\" in formula or braces.count("{") != braces.count("}"):
        _LOGGER.warning("not a formula that can be shown: %s", latex, location=node)
    return formula


def setup(app):
    """Adds the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True}
