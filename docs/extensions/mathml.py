"""Formulas as MathML, which browsers show by themselves: no script, no fonts, no network."""

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util.math import get_node_equation_number


def visit_inline(self, node):
    """Writes a formula within a line."""
    self.body.append(convert(node.astext()))
    raise SkipNode


def visit_block(self, node):
    """Writes a formula on a line of its own."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    if node["number"]:
        number = get_node_equation_number(self, node)
        self.body.append(f'<span class="eqno">({number})</span>')
        self.add_permalink_ref(node, "Link to this equation")
    self.body.append(convert(node.astext(), display="block"))
    self.body.append("</div>")
    raise SkipNode


def setup(app):
    """Adds the renderer."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True}
