"""Templates and what they are given."""

import datetime
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from sensorium_tf.leaderboard.access import Viewer
from sensorium_tf.leaderboard.web import charts
from sensorium_tf.leaderboard.web.sessions import form_token
from sensorium_tf.registry import METRICS

#: What pages load from their own site: the style sheet, and a script that pages do not need.
STATIC = Path(__file__).parent / "static"
# The last place on earth where a day ends.
_AOE = datetime.timezone(datetime.timedelta(hours=-12))


def render(
    request: Request, viewer: Viewer, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """Returns a page.

    Args:
        request: Which is answered.
        viewer: Who looks.
        template: File name.
        status: Of the answer.
        **values: For the template.
    """
    text = _TEMPLATES.get_template(template).render(
        viewer=viewer,
        form_token=form_token(request),
        path=request.url.path,
        provider=request.app.state.provider,
        **values,
    )
    return HTMLResponse(text, status, headers={"cache-control": "private, no-store"})


def draw_table(table: dict[str, Any], most: int | None) -> Markup:
    """Returns a phase's tables as HTML.

    Args:
        table: As of the API.
        most: How many submissions of each group to show; None for all.
    """
    return Markup(_TEMPLATES.get_template("tables.html").module.standings(table, most))


def _when(value: datetime.datetime | str | None) -> Markup:
    """Returns a time in UTC and anywhere on earth."""
    if value is None:
        return Markup("no date")
    at = datetime.datetime.fromisoformat(value) if isinstance(value, str) else value
    at = at.astimezone(datetime.UTC)
    return Markup('<time datetime="{}">{} UTC</time> ({} AoE)').format(
        at.isoformat(timespec="seconds"),
        at.strftime("%Y-%m-%d %H:%M"),
        at.astimezone(_AOE).strftime("%Y-%m-%d %H:%M"),
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _words(name: str) -> str:
    """Returns a metric's title, or a name without underscores."""
    return METRICS[name].title if name in METRICS else name.replace("_", " ")


def _listed(value: Any) -> str:
    """Returns JSON values of a label for people."""
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_listed(each)}" for name, each in value.items())
    return ", ".join(map(_listed, value)) if isinstance(value, list) else str(value)


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters |= {"when": _when, "number": _number, "words": _words, "listed": _listed}
_TEMPLATES.globals |= {
    "interval": charts.interval,
    "histogram": charts.histogram,
    "span": charts.span,
}
