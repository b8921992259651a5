"""Recordings of other kinds go the whole way: prepared, trained on, scored and submitted."""

import json

import numpy as np
import pytest
from recording_files import npy, recording_tree, write_zip

import sensorium_tf
from sensorium_tf.data import prepare
from sensorium_tf.evaluation import ground_truth

N_TRIALS = 22


def images(tree, change):
    """Returns a recording with other images, which has to compute their statistics."""
    return {
        name: change(value) if name.startswith("data/images/") else value
        for name, value in tree.items()
        if "statistics/images" not in name
    }


def small(image):
    return image.reshape(1, 36, 4, 64, 4).mean((2, 4)).astype(np.float32)


def without(tree, *parts):
    return {name: value for name, value in tree.items() if not any(p in name for p in parts)}


def bare(tree):
    return images(without(tree, "behavior", "pupil_center"), small)


def coloured(tree):
    tree = images(tree, lambda image: np.concatenate([small(image), small(255 - image)]))
    prefix = "meta/trials/colorframeprojector_image"
    tree[f"{prefix}_id"] = tree.pop("meta/trials/frame_image_id")
    return {**tree, f"{prefix}_class": np.array(["imagenet"] * N_TRIALS)}


def deciding(tree, rng):
    tree = without(images(tree, small), "statistics/behavior")
    for trial in range(N_TRIALS):
        tree[f"data/behavior/{trial}"] = rng.normal(10, 3, 4)
        tree[f"data/decision/{trial}"] = rng.integers(0, 2, 1)
    return tree


def layered(tree):
    areas, layers = ["V1", "V1", "LM", "LM", "AL"], ["L2/3", "L4", "L2/3", "L4", "L5"]
    names = ("meta/neurons/area", "meta/neurons/layer")
    return {**images(tree, small), **dict(zip(names, map(np.array, (areas, layers)), strict=True))}


def lone(tree):
    one = {name: value[:1] for name, value in tree.items() if "neurons/" in name}
    one |= {name: value[:1] for name, value in tree.items() if "responses/" in name}
    return images({**tree, **one}, small)


def floating(tree):
    ids = ("meta/trials/trial_idx", "meta/trials/frame_image_id", "meta/neurons/unit_ids")
    return {**images(tree, small), **{name: tree[name].astype(np.float64) for name in ids}}


def with_objects(tree):
    hashes = np.array([{"hash": trial} for trial in range(N_TRIALS)], object)
    return {
        **images(tree, small),
        "meta/neurons/area": npy(np.array(["V1"] * 5, object)),
        "meta/neurons/notes": npy(np.array([None] * 5, object)),
        "meta/trials/condition_hash": npy(hashes),
        "meta/trials/frame_trial_ts": npy(hashes),
        "meta/statistics/images/stimulus_frame/mean": npy(hashes),
    }


PLUS = {"track": "sensorium_plus"}
KINDS = {
    "bare": (lambda tree, _: bare(tree), {}),
    "coloured": (lambda tree, _: coloured(tree), PLUS),
    "deciding": (deciding, {**PLUS, "channels": "image,behavior,decision"}),
    "layered": (lambda tree, _: layered(tree), PLUS),
    "lone": (lambda tree, _: lone(tree), PLUS),
    "floating": (lambda tree, _: floating(tree), {}),
    "with_objects": (lambda tree, _: with_objects(tree), {}),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_of_another_kind_goes_the_whole_way(tmp_path, rng, kind):
    change, settings = KINDS[kind]
    path = write_zip(tmp_path / f"{kind}.zip", change(recording_tree(), rng))
    data_dir, workdir = tmp_path / "data", tmp_path / "run"
    mouse = prepare(kind, recording=path, data_dir=data_dir)
    run = sensorium_tf.train(
        "cnn",
        kind,
        workdir=workdir,
        data_dir=data_dir,
        epochs=1,
        hidden_channels=2,
        n_blocks=0,
        verbose=False,
        **settings,
    )
    scored = sensorium_tf.evaluate(run)
    assert json.loads((workdir / "evaluation.json").read_text())
    assert scored.report()
    (submission,) = sensorium_tf.submit(run)
    truth = ground_truth(kind, "test", output=tmp_path / "truth", data_dir=data_dir)
    track = settings.get("track", "sensorium")
    found = sensorium_tf.score(submission, truth, track=track)
    expected = scored.mice[kind].scores.means["single_trial_correlation"]
    assert found["single_trial_correlation"] == pytest.approx(expected, abs=1e-6)
    assert scored.mice[kind].responses.shape == (6, mouse.n_neurons)
