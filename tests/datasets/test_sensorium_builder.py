import collections
import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds
from recording_files import recording_tree, withhold, write_zip
from sensorium_tf.datasets.sensorium import Builder, sensorium_dataset_builder

import sensorium_tf
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data import prepare

CATALOG = sensorium2022.CHALLENGE.catalog
SPLITS = {"train": 12, "validation": 4, "test": 6}


def write_published(folder: Path) -> Path:
    """Writes a small stand-in for each published recording under its published name."""
    for seed, entry in enumerate(CATALOG.values()):
        tree = recording_tree(seed=seed)
        if entry.mouse == "mouse1":
            tree = withhold(tree, signals=["behavior", "pupil_center"], tiers=["test"])
        write_zip(folder / f"{entry.stem}.zip", tree, top=entry.stem)
    return folder


class BuilderTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own checks, on a mouse of which some is withheld and one of which nothing is."""

    DATASET_CLASS = Builder
    SPLITS = SPLITS
    BUILDER_CONFIG_NAMES_TO_TEST = ["mouse1", "mouse7"]  # noqa: RUF012
    # The published files' checksums are recorded at the first download; none is shipped.
    SKIP_CHECKSUMS = True
    EXAMPLE_DIR = tempfile.mkdtemp()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        write_published(Path(cls.EXAMPLE_DIR))

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.EXAMPLE_DIR)

    def _get_dl_extract_result(self, url):
        raise AssertionError(f"{url} was downloaded though it is in the manual folder")


@pytest.fixture(scope="module")
def manual_dir(tmp_path_factory):
    return write_published(tmp_path_factory.mktemp("manual"))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, manual_dir):
    """A folder with mouse1 and mouse2 prepared."""
    folder = tmp_path_factory.mktemp("data")
    for mouse in ("mouse1", "mouse2"):
        sensorium_tf.data.prepare(mouse, data_dir=folder, manual_dir=manual_dir)
    return folder


def test_examples_hold_the_files_values_in_the_order_of_their_index(data_dir):
    tree = recording_tree(seed=1)
    for split, count in SPLITS.items():
        examples = list(
            tfds.load("sensorium/mouse2", split=split, data_dir=data_dir).as_numpy_iterator()
        )
        assert len(examples) == count
        trials = [example["trial_index"] for example in examples]
        assert trials == np.flatnonzero(tree["meta/trials/tiers"] == split).tolist()
        for trial, example in zip(trials, examples, strict=True):
            np.testing.assert_array_equal(
                example["image"][..., 0], tree[f"data/images/{trial}"][0].astype(np.float32)
            )
            np.testing.assert_array_equal(example["response"], tree[f"data/responses/{trial}"])
            np.testing.assert_array_equal(example["behavior"], tree[f"data/behavior/{trial}"])
            np.testing.assert_array_equal(
                example["pupil_center"], tree[f"data/pupil_center/{trial}"]
            )
            assert example["image_id"] == tree["meta/trials/frame_image_id"][trial]
            assert example["trial_id"].decode() == str(tree["meta/trials/trial_idx"][trial])


def test_the_info_tells_what_the_dataset_is(data_dir):
    _, info = tfds.load("sensorium/mouse1", data_dir=data_dir, with_info=True)
    assert "two-photon" in info.description
    assert "willeke2022sensorium" in info.citation
    assert info.homepage == "https://gin.g-node.org/cajal/Sensorium2022"
    assert {name: split.num_examples for name, split in info.splits.items()} == SPLITS
    assert info.features["image"].shape == (144, 256, 1)


def test_the_metadata_tell_what_belongs_to_the_recording(data_dir):
    tree = recording_tree(seed=0)
    metadata = tfds.builder("sensorium/mouse1", data_dir=data_dir).info.metadata
    assert metadata["session_key"] == "26872-17-20"
    assert metadata["withheld"] == {
        "signals": ["behavior", "pupil_center"],
        "response_tiers": ["test"],
    }
    assert metadata["neurons"]["unit_ids"] == tree["meta/neurons/unit_ids"].tolist()
    assert metadata["neurons"]["area"] == ["V1"] * 5
    np.testing.assert_allclose(
        metadata["statistics"]["response"]["std"], tree["meta/statistics/responses/all/std"]
    )


def test_a_path_given_by_hand_comes_before_the_manual_folder(tmp_path, manual_dir):
    path = write_zip(tmp_path / "mine.zip", recording_tree(n_neurons=3))
    mouse = sensorium_tf.data.prepare(
        "mouse1", recording=path, data_dir=tmp_path / "data", manual_dir=manual_dir
    )
    assert mouse.n_neurons == 3


def test_tfds_load_takes_a_path_as_builder_argument(tmp_path):
    path = write_zip(tmp_path / "mine.zip", recording_tree(n_neurons=3))
    examples = tfds.load(
        "sensorium/mouse1",
        split="train",
        data_dir=tmp_path / "data",
        builder_kwargs={"recording": path},
    )
    assert next(examples.as_numpy_iterator())["response"].shape == (3,)


def test_a_recording_of_ones_own_loads_by_its_name(tmp_path):
    path = write_zip(tmp_path / "mine.zip", recording_tree(n_neurons=3))
    sensorium_tf.data.prepare("lab1", recording=path, data_dir=tmp_path / "data")
    examples = tfds.load("sensorium/lab1", split="test", data_dir=tmp_path / "data")
    assert len(examples) == SPLITS["test"]


def test_array_record_serves_random_access(tmp_path, manual_dir):
    sensorium_tf.data.prepare(
        "mouse2", data_dir=tmp_path, manual_dir=manual_dir, file_format="array_record"
    )
    source = tfds.data_source("sensorium/mouse2", split="validation", data_dir=tmp_path)
    tree = recording_tree(seed=1)
    trial = np.flatnonzero(tree["meta/trials/tiers"] == "validation")[2]
    np.testing.assert_array_equal(source[2]["response"], tree[f"data/responses/{trial}"])


def test_what_a_killed_process_left_is_swept(tmp_path, manual_dir):
    leftover = tmp_path / "sensorium" / "mouse3" / "incomplete.ABC_1.0.0"
    leftover.mkdir(parents=True)
    (leftover / "part").write_text("half an example")
    sensorium_tf.data.prepare("mouse3", data_dir=tmp_path, manual_dir=manual_dir)
    assert not leftover.exists()


def test_an_equal_builder_is_made_in_another_process(tmp_path):
    import pickle

    path = write_zip(tmp_path / "mine.zip", recording_tree(n_neurons=3))
    builder = Builder(config="mouse1", recording=path, data_dir=tmp_path / "data")
    copy = pickle.loads(pickle.dumps(builder))
    copy.download_and_prepare()
    assert len(copy.info.metadata["neurons"]["unit_ids"]) == 3


def test_each_published_mouse_is_read_from_its_file(tmp_path):
    for mouse, entry in CATALOG.items():
        (tmp_path / f"{entry.stem}.zip").write_bytes(b"no zip")
        with pytest.raises(sensorium_tf.SensoriumError, match=f"{entry.stem}.zip: "):
            prepare(mouse, data_dir=tmp_path / "data", manual_dir=tmp_path)


def test_the_simulated_mouse_is_made_on_the_spot(tmp_path, capsys, monkeypatch):
    few = {"n_images": 10, "n_repeats": 2}
    simulate = functools.partial(sensorium_dataset_builder.simulate_recording, **few)
    monkeypatch.setattr(sensorium_dataset_builder, "simulate_recording", simulate)
    mouse = sensorium_tf.data.load_mouse("simulated", data_dir=tmp_path)
    assert not capsys.readouterr().out
    assert mouse.n_neurons == 500
    assert not mouse.withheld_signals and not mouse.withheld_tiers
    truth = sensorium_tf.recordings.Truth.load(mouse.truth_file)
    assert truth.rates.shape == (sum(mouse.tiers.values()), 500)
    np.testing.assert_array_equal(truth.unit_ids, mouse.unit_ids)
    examples = tfds.load("sensorium/simulated", split="test", data_dir=tmp_path)
    assert len(examples) == mouse.tiers["test"]


def test_each_file_of_a_recording_is_read_once(tmp_path, monkeypatch):
    """However many tiers there are and blocks are read ahead; and the images stay in order."""
    from sensorium_tf.datasets.sensorium import trials as blocks

    from sensorium_tf.recordings.storage import Storage

    seen, real = collections.Counter(), Storage._content

    def count(self, name, at_most):
        seen[name] += 1
        return real(self, name, at_most)

    tree = recording_tree()
    path = write_zip(tmp_path / "a.zip", tree)
    monkeypatch.setattr(Storage, "_content", count)
    monkeypatch.setattr(blocks, "_TRIALS_PER_BLOCK", 2)
    prepare("once", recording=path, data_dir=tmp_path / "data")
    trials = {name: times for name, times in seen.items() if name.startswith("data/")}
    # The first one of a signal tells its shape.
    first = {name for name, times in trials.items() if times > 1}
    assert len(trials) == 4 * 22 and len(first) <= 4, trials
    for tier in SPLITS:
        for trial in tfds.load("sensorium/once", split=tier, data_dir=tmp_path / "data"):
            image = tree[f"data/images/{int(trial['trial_index'])}"]
            np.testing.assert_array_equal(trial["image"][..., 0], image[0])
