"""Figures as files and in notebooks."""

import sys

import numpy as np
import pytest

from sensorium_tf import SensoriumError
from sensorium_tf.plotting import (
    correlation_histogram,
    first_layer_filters,
    learning_curve,
    paired_correlations,
    save_figure,
    score_distributions,
)


def drawn():
    values = np.random.default_rng(0).uniform(0, 1, 10)
    return correlation_histogram({"cnn": values}, title="µ of mouse1")


@pytest.fixture
def figure():
    return drawn()


STARTS = {"png": b"\x89PNG", "PNG": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.mark.parametrize("suffix", STARTS)
def test_a_figure_is_saved_as_its_suffix_says_without_a_window(figure, tmp_path, suffix):
    path = tmp_path / "figures" / f"histogram.{suffix}"
    save_figure(figure, path)
    content = path.read_bytes()
    assert content.startswith(STARTS[suffix])
    assert len(content) > 5000
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_equal_figures_are_equal_files(tmp_path, suffix):
    for name in ("a", "b"):
        save_figure(drawn(), tmp_path / f"{name}.{suffix}")
    a, b = ((tmp_path / f"{name}.{suffix}").read_bytes() for name in ("a", "b"))
    assert a == b


def test_a_picture_has_enough_dots_to_be_printed(figure, tmp_path):
    save_figure(figure, tmp_path / "a.png")
    header = (tmp_path / "a.png").read_bytes()[16:24]
    size = int.from_bytes(header[:4]), int.from_bytes(header[4:])
    assert size == pytest.approx(300 * figure.get_size_inches(), abs=1)


def test_a_picture_is_what_matplotlib_saves(figure, tmp_path):
    drawn().savefig(tmp_path / "theirs.png", dpi=300)
    canvas, dpi = figure.canvas, figure.dpi
    save_figure(figure, tmp_path / "ours.png")
    assert (tmp_path / "ours.png").read_bytes() == (tmp_path / "theirs.png").read_bytes()
    assert figure.canvas is canvas and figure.dpi == dpi


def test_text_in_an_svg_stays_text(figure, tmp_path):
    save_figure(figure, tmp_path / "a.svg")
    assert "µ of mouse1" in (tmp_path / "a.svg").read_text("utf-8")


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.png.tmp"])
def test_a_suffix_that_is_no_format_is_one_line(figure, tmp_path, name):
    with pytest.raises(SensoriumError, match=r"ends in one of \.png, \.pdf, \.svg") as caught:
        save_figure(figure, tmp_path / name)
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_figure_that_cannot_be_saved_is_one_line(figure, tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(SensoriumError, match="is a folder"):
        save_figure(figure, tmp_path / "a.png")


def test_a_notebook_shows_a_figure_that_ends_a_cell_without_pyplot(figure):
    # What IPython calls where nobody has told it how to show a Matplotlib figure.
    assert figure._repr_png_().startswith(b"\x89PNG")


LONG = "cnn factorised_3d(channels=(8, 8), spatial_kernels=(7, 3), temporal_kernels=(5, 3))"
LONG_SCORES = {f"{LONG}, {kind}": np.linspace(0, 0.8, 20) for kind in ("pooled", "time-resolved")}
TITLE = f"{LONG}, mouse1, tier live_test_main: single-trial correlation"


@pytest.mark.parametrize(
    "draw",
    [
        lambda: correlation_histogram(LONG_SCORES, title=TITLE),
        lambda: score_distributions({"mouse1": LONG_SCORES}, title=TITLE),
        lambda: paired_correlations(LONG_SCORES, title=TITLE),
        lambda: learning_curve({n: {10: each} for n, each in LONG_SCORES.items()}, title=TITLE),
        lambda: first_layer_filters(np.ones((7, 7, 1, 8)), title=TITLE),
    ],
    ids=["histogram", "distributions", "pairs", "curve", "filters"],
)
@pytest.mark.filterwarnings("error")
def test_names_of_any_length_stay_within_their_figure(draw):
    figure = draw()
    figure.draw_without_rendering()
    found, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(found.x0, found.y0) > -0.01
    assert found.x1 <= width and found.y1 <= height
    first, last = figure.axes[0].get_position(), figure.axes[-1].get_position()
    assert last.x1 - first.x0 > 0.5 and first.y1 - last.y0 > 0.25


def test_short_names_of_a_legend_stand_in_a_row():
    values = np.linspace(0, 0.8, 20)
    models = {"run": values, "run_tr": values}
    figure = score_distributions({"mouse1": models}, oracle={"mouse1": values})
    figure.draw_without_rendering()
    texts = figure.legends[0].get_texts()
    heights = [text.get_window_extent().y1 for text in texts]
    assert len(texts) == 3 and np.ptp(heights) < 4
