"""How `make docs` builds the site. Its source is the whole clone, so that links are as there."""

import os
import shutil
import sys
from pathlib import Path

# Must be set before TensorFlow is imported, here and in the tutorials.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "extensions")]
# Tutorials prepare their mice once for all builds, and not among the reader's own.
os.environ.setdefault("TFDS_DATA_DIR", str(BUILD / "docs_data"))

import sensorium_tf  # noqa: E402

project = "sensorium_tf"
version = release = sensorium_tf.__version__
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "api_rooms",
    "code_links",
    "launcher_help",
    "mathml",
]

root_doc = "README"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "benchmarks/README.md",
    "docs/*.md",
    "docs/api/*.rst",
    "tutorials/README.md",
    "tutorials/*.py",
]
exclude_patterns = [".*", "build", "dist", "runs", "**.egg-info", "sensorium_tf", "tests"]

_FOUND = sorted((ROOT / "tutorials").glob("*.py"))
TUTORIALS = "\n".join(f"tutorials/{path.stem}" for path in _FOUND)
# Added to the front page: a README has no table of contents of its own.
CONTENTS = f"""
```{{toctree}}
:caption: Tutorials
:hidden:

tutorials/README
{TUTORIALS}
```
```{{toctree}}
:caption: Background
:hidden:

docs/recording_format
docs/movies
docs/nwb
docs/xarray
docs/formulas
docs/zoo
docs/published_models
docs/insilico
benchmarks/README
```
```{{toctree}}
:caption: How to
:hidden:

docs/extend
docs/add_a_mouse
docs/add_a_core
docs/add_a_readout
docs/add_a_metric
docs/add_a_recipe
docs/stages
docs/search
docs/leaderboard
```
```{{toctree}}
:caption: Reference
:hidden:

docs/commands
docs/api/index
```
```{{toctree}}
:caption: Project
:hidden:

CONTRIBUTING
CHANGELOG
docs/cite
```
"""

# A reference that leads nowhere is a warning, and warnings fail the build. Only our own names can
# be looked up: those of other projects are on other sites.
nitpicky = True
nitpick_ignore_regex = [("py:.*", r"(?!sensorium_tf\b).*")]
# What public functions return and take, but no user makes.
nitpick_ignore = [
    ("py:class", "sensorium_tf.simulation.population.Population"),
    ("py:class", "sensorium_tf.data.movie_reader.MovieReader"),
    ("py:class", "sensorium_tf.metrics.base.Function"),
    ("py:class", "sensorium_tf.registry.registries.T"),
    ("py:class", "sensorium_tf.runs.checkpoint.Checkpoints"),
    ("py:obj", "sensorium_tf.models.cores"),
    ("py:class", "sensorium_tf.recordings.rows.ArrayOfRows"),
    ("py:class", "sensorium_tf.runs.stages.Stage"),
    ("py:class", "sensorium_tf.training.budget.Share"),
    ("py:class", "sensorium_tf.training.search_space.Range"),
    ("py:class", "sensorium_tf.training.search_space.Trial"),
    ("py:class", "sensorium_tf.training.searching.Best"),
    ("py:class", "sensorium_tf.training.schedules.Decision"),
    ("py:class", "sensorium_tf.training.totals.BadStep"),
    ("py:class", "sensorium_tf.training.callbacks.Watch"),
]

myst_enable_extensions = ["amsmath", "dollarmath"]
myst_heading_anchors = 3

nb_custom_formats = {".py": ["jupytext.reads", {"fmt": "py:percent"}]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(BUILD / "docs_cache")
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 600  # seconds a cell
nb_execution_in_temp = True  # what a tutorial writes stays out of the clone
nb_merge_streams = True
nb_output_stderr = "remove"  # progress bars

autodoc_member_order = "bysource"
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has them
napoleon_custom_sections = [("Call arguments", "params_style")]

html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_math_renderer = "mathml"
highlight_language = "text"


def setup(app):
    """Completes the front page, and gives it the name that web servers look for."""
    app.connect("source-read", _add_contents)
    app.connect("build-finished", _add_index)


def _add_contents(app, docname, content):
    if docname == root_doc:
        content[0] += CONTENTS


def _add_index(app, exception):
    if exception is None and app.builder.format == "html":
        shutil.copy(app.outdir / f"{root_doc}.html", app.outdir / "index.html")
