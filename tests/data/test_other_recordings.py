"""Recordings of other sizes, colours and signals, from the simulation to the model inputs."""

import itertools

import numpy as np
import pytest
import tensorflow_datasets as tfds
from recording_files import recording_tree, write_zip
from sensorium_tf.datasets.sensorium import Builder

from sensorium_tf import SensoriumError
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data import batches, load_mouse, prepare
from sensorium_tf.recordings import Recording
from sensorium_tf.simulation import recording_spec, simulate_recording

SMALL = {"n_neurons": 4, "n_images": 20, "n_repeats": 2}
RECORDINGS = {
    "bare": {"image_size": "36x64", "n_behaviors": 0, "pupil_center": False},
    "coloured": {"image_size": "36x64", "n_channels": 2},
    "deciding": {"image_size": "50x70", "n_behaviors": 4, "context": ["decision", "licks"]},
}
SHAPES = {
    "bare": {"image": (36, 64, 1), "response": (None,)},
    "coloured": {
        "image": (36, 64, 2),
        "response": (None,),
        "behavior": (3,),
        "pupil_center": (2,),
    },
    "deciding": {
        "image": (50, 70, 1),
        "response": (None,),
        "behavior": (4,),
        "pupil_center": (2,),
        "decision": (1,),
        "licks": (1,),
    },
}


@pytest.fixture(scope="module", params=["tfrecord", "array_record"])
def made(request, tmp_path_factory):
    """Recordings by name, and the folder in which they are prepared."""
    folder = tmp_path_factory.mktemp("made")
    paths = {}
    for name, settings in RECORDINGS.items():
        paths[name] = simulate_recording(folder / name, **SMALL, spec=recording_spec(**settings))
        prepare(
            name,
            recording=paths[name],
            data_dir=folder / "data",
            file_format=request.param,
        )
    return paths, folder / "data", request.param


def raw(recording, signal, tier):
    return recording.read(signal, recording.trials_of(tier)).astype(np.float32)


@pytest.mark.parametrize("name", RECORDINGS)
def test_features_are_those_of_the_recording(made, name):
    paths, data_dir, file_format = made
    builder = tfds.builder(f"sensorium/{name}", data_dir=data_dir)
    features = {
        key: feature.shape
        for key, feature in builder.info.features.items()
        if key not in ("image_id", "trial_id", "trial_index")
    }
    assert features == SHAPES[name]
    load = tfds.load if file_format == "tfrecord" else tfds.data_source
    examples = load(f"sensorium/{name}", split="test", data_dir=data_dir)
    if file_format == "tfrecord":
        examples = examples.as_numpy_iterator()
    examples = list(itertools.islice(examples, 100))
    with Recording(paths[name]) as recording:
        assert len(examples) == len(recording.trials_of("test"))
        for signal in SHAPES[name]:
            np.testing.assert_array_equal(
                np.stack([each[signal] for each in examples]), raw(recording, signal, "test")
            )


@pytest.mark.parametrize("name", RECORDINGS)
def test_the_prepared_mouse_knows_its_spec(made, name):
    paths, data_dir, _ = made
    with Recording(paths[name]) as recording:
        assert load_mouse(name, data_dir=data_dir).spec == recording.spec


def test_a_recording_without_behavior_has_the_image_track_alone(made):
    paths, data_dir, _ = made
    mouse = load_mouse("bare", data_dir=data_dir)
    trials = mouse.trials("train")
    assert trials.signals == {}
    given = trials.inputs(mouse.inputs("sensorium"))
    assert list(given) == ["image"]
    with Recording(paths["bare"]) as recording:
        images, found = raw(recording, "image", "train"), recording.statistics["image"]
    expected = (images - np.float32(found.mean)) / np.float32(found.std)
    np.testing.assert_array_equal(given["image"], expected)
    with pytest.raises(SensoriumError, match="bare: track sensorium_plus needs behavior"):
        mouse.inputs("sensorium_plus")


def test_both_colours_come_before_the_behaviors(made):
    paths, data_dir, _ = made
    mouse = load_mouse("coloured", data_dir=data_dir)
    inputs = mouse.inputs("sensorium_plus")
    assert inputs.image_shape == (36, 64, 5)
    given = mouse.trials("validation").inputs(inputs)
    with Recording(paths["coloured"]) as recording:
        images, found = raw(recording, "image", "validation"), recording.statistics["image"]
        behavior = raw(recording, "behavior", "validation")
        std = recording.statistics["behavior"].std
    expected = (images - found.mean) / found.std
    np.testing.assert_allclose(given["image"][..., :2], expected, atol=1e-5)
    constant = np.broadcast_to((behavior / std)[:, None, None], (*images.shape[:3], 3))
    np.testing.assert_allclose(given["image"][..., 2:], constant, rtol=1e-5)


def test_a_decision_can_be_a_channel(made):
    paths, data_dir, _ = made
    mouse = load_mouse("deciding", data_dir=data_dir)
    channels = ["image", "centred_image", "behavior", "decision"]
    inputs = mouse.inputs("sensorium_plus", channels)
    # 50 x 70 is nearest to 36 x 64 as it is.
    assert inputs.image_shape == (50, 70, 1 + 1 + 4 + 1)
    given = mouse.trials("test").inputs(inputs)
    with Recording(paths["deciding"]) as recording:
        images, image = raw(recording, "image", "test"), recording.statistics["image"]
        decision, found = raw(recording, "decision", "test"), recording.statistics["decision"]
        pupil, eye = raw(recording, "pupil_center", "test"), recording.statistics["pupil_center"]
    assert np.ptp(given["image"][..., 2:], axis=(1, 2)).max() == 0
    np.testing.assert_allclose(
        given["image"][:, 0, 0, -1:], (decision - found.mean) / found.std, atol=1e-5
    )
    z = (images - image.mean) / image.std
    centred = z - z.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(given["image"][..., 1:2], centred, atol=1e-5)
    np.testing.assert_allclose(given["pupil_center"], (pupil - eye.mean) / eye.std, atol=1e-4)


def test_batches_have_the_size_of_the_recording(made):
    _, data_dir, _ = made
    data = batches(
        "deciding",
        track="sensorium_plus",
        channels=["image", "licks"],
        batch_size=4,
        data_dir=data_dir,
    )
    inputs, responses = next(data.as_numpy_iterator())
    assert inputs["deciding"]["image"].shape == (4, 50, 70, 2)
    assert responses["deciding"].shape == (4, 4)


def test_preparing_again_at_another_size_is_another_recording(made, tmp_path):
    _, data_dir, file_format = made
    other = simulate_recording(tmp_path, **SMALL, spec=recording_spec(image_size="72x128"))
    with pytest.raises(SensoriumError, match="bare is prepared from another recording"):
        prepare("bare", recording=other, data_dir=data_dir, file_format=file_format)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"image_size": "36x64"}, r"image is \(36, 64, 1\), but \(144, 256, 1\) in mouse3"),
        ({"n_behaviors": 4}, r"behavior is \(4,\), but \(3,\) in mouse3"),
        ({"pupil_center": False}, r"pupil_center is absent, but \(2,\) in mouse3"),
    ],
)
def test_a_published_mouse_is_as_published(tmp_path, settings, says):
    path = simulate_recording(tmp_path, **SMALL, spec=recording_spec(**settings))
    with pytest.raises(SensoriumError, match=rf"\.zip: {says}: prepare it under a name") as refused:
        prepare("mouse3", recording=path, data_dir=tmp_path / "data")
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "data").rglob("*.tfrecord*"))


def test_a_published_mouse_has_no_further_signals(tmp_path):
    tree = recording_tree()
    more = {f"data/licks/{trial}": np.ones(1) * trial for trial in range(22)}
    path = write_zip(tmp_path / "r.zip", tree | more)
    with pytest.warns(UserWarning, match="left out licks, which is not part of mouse1"):
        mouse = prepare("mouse1", recording=path, data_dir=tmp_path / "data")
    assert mouse.spec.names == ("image", "response", "behavior", "pupil_center")
    own = prepare("own", recording=path, data_dir=tmp_path / "data")
    assert own.spec.names == (*mouse.spec.names, "licks")
    assert own.trials("train").signals["licks"].shape == (12, 1)


def test_a_config_of_ones_own_has_the_signals_of_its_recording(tmp_path):
    config = tfds.core.BuilderConfig(name="lab")
    path = simulate_recording(tmp_path, **SMALL, spec=recording_spec(pupil_center=False))
    builder = Builder(config=config, recording=path, data_dir=tmp_path / "data")
    assert "pupil_center" not in builder.info.features
    builder.download_and_prepare()
    prepared = Builder(config=config, data_dir=tmp_path / "data")
    assert prepared.info.features.keys() == builder.info.features.keys()
    assert load_mouse("lab", data_dir=tmp_path / "data").spec.names == (
        "image",
        "response",
        "behavior",
    )


def test_a_published_recording_found_by_hand_has_its_tiers_renamed_too(tmp_path):
    tree = recording_tree()
    tiers = tree["meta/trials/tiers"]
    tree["meta/trials/tiers"] = np.where(tiers == "test", "oracle", tiers)
    stem = sensorium2022.CHALLENGE.catalog["mouse1"].stem
    (tmp_path / "manual").mkdir()
    write_zip(tmp_path / "manual" / f"{stem}.zip", tree)
    builder = Builder(config="mouse1", tiers={"oracle": "test"}, data_dir=tmp_path / "data")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=tmp_path / "manual")
    )
    assert builder.info.splits["test"].num_examples == (tiers == "test").sum()
