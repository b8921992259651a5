"""Experiments as files: npz, figure and page of each, and going on."""

import dataclasses

import numpy as np
import pytest
from known_model import known_model
from known_movie_model import known_movie_model
from small_models import small_model

from sensorium_tf import SensoriumError
from sensorium_tf.data import load_mouse
from sensorium_tf.insilico import (
    AscentSettings,
    BestGabors,
    ExperimentSettings,
    MostExcitingImages,
    MostExcitingMovies,
    ReceptiveFieldMaps,
    Reconstructions,
    RepresentationComparison,
    run_experiments,
    verbs,
)
from sensorium_tf.insilico.settings import EXPERIMENTS, MOVIE_EXPERIMENTS
from sensorium_tf.insilico.verbs import VERBS, WHOLE_VERBS
from sensorium_tf.metrics import correlation
from sensorium_tf.runs import Run, save_model

WITH_IMAGES = ("rf", "sta", "natural", "attribution")


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """A lone file of the known model, without its recording."""
    folder = tmp_path_factory.mktemp("known")
    save_model(known_model(), folder / "known.keras")
    return Run(folder / "known.keras", folder)


@pytest.fixture(autouse=True)
def small_figures(monkeypatch):
    """Figures for print take half a second each."""
    monkeypatch.setattr("sensorium_tf.plotting.style._DPI", 30)


def settings(*, steps=2, **changes):
    ascent = AscentSettings(steps=steps)
    return ExperimentSettings(**{"columns": (2, 0), "starts": 1, "ascent": ascent, **changes})


def test_every_experiment_has_a_name_and_a_call():
    assert [*VERBS, *WHOLE_VERBS] == list(EXPERIMENTS)


def test_experiments_without_images_need_no_recording(known, tmp_path, capsys):
    do = [name for name in VERBS if name not in (*WITH_IMAGES, *MOVIE_EXPERIMENTS)]
    *pages, index = run_experiments(known, settings(do=tuple(do)), tmp_path)
    assert [page.name for page in pages] == [f"{name}.html" for name in do]
    for name, page in zip(do, pages, strict=True):
        assert f'src="{name}.png"' in index.read_text()
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        text = page.read_text()
        assert f'src="{name}.png"' in text and "<td>column 2</td>" in text
        assert VERBS[name].kind.load(tmp_path / f"{name}.npz").columns.tolist() == [2, 0]
    assert "most exciting images: 2 neurons of known" in capsys.readouterr().out


def test_neurons_that_are_done_are_not_worked_on_again(known, tmp_path, monkeypatch):
    monkeypatch.setitem(VERBS, "mei", dataclasses.replace(VERBS["mei"], batch=1))
    run_experiments(known, settings(do=("mei",), columns=(2,)), tmp_path)
    first = MostExcitingImages.load(tmp_path / "mei.npz")
    worked, verb = [], VERBS["mei"]

    def counted(neurons, **options):
        worked.append(neurons.columns.tolist())
        return verb.function(neurons, **options)

    monkeypatch.setitem(VERBS, "mei", dataclasses.replace(verb, function=counted))
    run_experiments(known, settings(do=("mei",), columns=(0, 2, 1)), tmp_path)
    assert worked == [[0], [1]]
    found = MostExcitingImages.load(tmp_path / "mei.npz")
    assert found.columns.tolist() == [2, 0, 1]
    np.testing.assert_array_equal(found.images[:1], first.images)
    rows = (tmp_path / "mei.html").read_text().split("<tr>")[2:]
    assert [row[4:12] for row in rows] == ["column 0", "column 2", "column 1"]


def test_experiments_on_a_model_of_movies_go_on_as_others_do(tmp_path, monkeypatch):
    save_model(known_movie_model(), tmp_path / "movies.keras")
    run, out = Run(tmp_path / "movies.keras", tmp_path), tmp_path / "out"
    few = ("direction", "movie")
    run_experiments(run, settings(do=few, columns=(2,)), out)
    worked = []
    for name in few:
        verb = VERBS[name]

        def counted(neurons, function=verb.function, **options):
            worked.append(neurons.columns.tolist())
            return function(neurons, **options)

        monkeypatch.setitem(VERBS, name, dataclasses.replace(verb, function=counted))
    *pages, _ = run_experiments(run, settings(do=few, columns=(0, 2)), out)
    assert worked == [[0], [0]] and [page.stem for page in pages] == [*few]
    assert MostExcitingMovies.load(out / "movie.npz").columns.tolist() == [2, 0]
    with pytest.raises(SensoriumError, match="movie.npz: was made with norm 9.79.*, not 5"):
        other = AscentSettings(steps=2, norm=5.0)
        run_experiments(run, settings(do=("movie",), ascent=other), out)
    with pytest.raises(SensoriumError, match="mei: shows images, but the model is given movies"):
        run_experiments(run, settings(do=("direction", "mei")), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_models_of_images_and_of_movies_have_their_own_experiments(known, tmp_path):
    with pytest.raises(SensoriumError, match="movie: .* a static model sees no motion"):
        run_experiments(known, settings(do=("mei", "movie")), tmp_path)
    assert settings().experiments(movies=True) == ("direction", "temporal_frequency", "movie")
    assert settings().experiments(movies=False) == ("rf", "tuning", "mei")
    assert settings(do=("mei",)).experiments(movies=False) == ("mei",)


def test_what_was_done_otherwise_is_not_gone_on_with(known, tmp_path):
    run_experiments(known, settings(do=("mei",)), tmp_path)
    with pytest.raises(SensoriumError, match="was made with steps 2, not 3: choose another"):
        run_experiments(known, settings(do=("mei",), steps=3), tmp_path)
    save_model(known_model(scale=0.5), tmp_path / "other.keras")
    with pytest.raises(SensoriumError, match="experiments on another model or mouse"):
        run_experiments(Run(tmp_path / "other.keras", tmp_path), settings(do=("mei",)), tmp_path)


def test_what_is_made_of_a_result_with_other_settings_is_not_shown(known, tmp_path):
    run_experiments(known, settings(do=("size",)), tmp_path)
    default = BestGabors.load(tmp_path / "gabor.npz").settings["norm"]
    for norm, do in ((5.0, ("size",)), (5.0, ("gabor",))):
        other = AscentSettings(steps=2, norm=norm)
        with pytest.raises(SensoriumError, match=f"gabor.npz: was made with norm {default}, not 5"):
            run_experiments(known, settings(do=do, ascent=other), tmp_path)
    same = settings(do=("size",), ascent=AscentSettings(steps=2, norm=default))
    assert run_experiments(known, same, tmp_path)
    (tmp_path / "gabor.npz").unlink()
    with pytest.raises(SensoriumError, match="size.npz: gabor.npz, which it was made of, is not"):
        run_experiments(known, same, tmp_path)


def test_results_of_a_norm_are_not_those_of_the_default_one(known, tmp_path):
    run_experiments(
        known, settings(do=("mei",), ascent=AscentSettings(steps=2, norm=5.0)), tmp_path
    )
    with pytest.raises(SensoriumError, match="was made with norm 5.0, not 4.89"):
        run_experiments(known, settings(do=("mei",)), tmp_path)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"do": ("me",)}, "me: no such experiment: did you mean mei"),
        ({"best": 2}, "either --unit_ids or --columns or --best"),
        ({"columns": ()}, "either --unit_ids or --columns or --best"),
        ({"starts": 0}, "starts"),
    ],
)
def test_impossible_settings_are_refused(changes, says):
    with pytest.raises(SensoriumError, match=says):
        settings(**changes)


def test_trials_that_tell_nothing_are_not_compared(prepared, tmp_path, monkeypatch):
    mouse = load_mouse("full", data_dir=prepared)
    model = small_model({"full": mouse.cell_motor_coordinates}, model="ln", hidden_channels=2)
    save_model(model, tmp_path / "a.keras")
    held_out = verbs._held_out

    def with_silence(*arguments):
        images, responses = held_out(*arguments)
        responses[2] = 0
        return images, responses

    monkeypatch.setattr(verbs, "_held_out", with_silence)
    monkeypatch.setattr(verbs, "_HELD_OUT", "train")  # of the others there are too few
    run = Run(tmp_path / "a.keras", prepared)
    run_experiments(run, settings(do=("compare",), columns=(0,)), tmp_path / "out")
    alike = RepresentationComparison.load(tmp_path / "out" / "compare.npz")
    assert alike.settings["n_images"] == len(mouse.trials("train")) - 1
    assert np.isfinite(alike.rdm_correlations).all()


def test_the_best_neurons_of_a_run_are_worked_on(prepared, tmp_path):
    mouse = load_mouse("full", data_dir=prepared)
    model = small_model({"full": mouse.cell_motor_coordinates}, model="ln", hidden_channels=2)
    features = model.readouts["full"].features
    features.assign(np.random.default_rng(0).normal(size=features.shape))
    save_model(model, tmp_path / "a.keras")
    run = Run(tmp_path / "a.keras", prepared)
    trials = mouse.trials("validation")
    scores = correlation(run.predict("validation"), trials.responses)
    expected = np.argsort(-scores)[:2]
    chosen = settings(columns=(), best=2, do=(*WITH_IMAGES, *WHOLE_VERBS))
    pages = run_experiments(run, chosen, tmp_path / "out")
    assert len(pages) == len(chosen.do) + 1
    images = Reconstructions.load(tmp_path / "out" / "reconstruct.npz")
    assert images.shown.shape == images.images.shape and len(images.columns) == mouse.n_neurons
    alike = RepresentationComparison.load(tmp_path / "out" / "compare.npz")
    assert alike.names == ("responses", "model")
    assert run_experiments(run, chosen, tmp_path / "out") == pages
    found = ReceptiveFieldMaps.load(tmp_path / "out" / "rf.npz")
    assert found.columns.tolist() == expected.tolist()
    assert found.unit_ids.tolist() == mouse.unit_ids[expected].tolist()
