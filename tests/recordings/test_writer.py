import hashlib
import zipfile

import numpy as np
import pytest
from recording_files import STEM

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.statistics import pixel_statistics
from sensorium_tf.recordings.writer import write_recording

TIERS = np.array(["test", "train", "validation", "train", "test", "train", "train"])
N_TRIALS, N_NEURONS = len(TIERS), 4


@pytest.fixture
def arrays():
    random = np.random.default_rng(5)
    return {
        "session_key": "26872-17-20",
        "images": random.integers(0, 256, (N_TRIALS, 144, 256), np.uint8),
        "responses": random.gamma(0.5, 2.0, (N_TRIALS, N_NEURONS)).astype(np.float32),
        "context": {
            "behavior": random.normal(5, 1, (N_TRIALS, 3)),
            "pupil_center": random.normal(50, 2, (N_TRIALS, 2)),
        },
        "tiers": TIERS,
        "image_ids": np.array([7, 1, 2, 3, 7, 4, 5]),
        "trial_ids": np.arange(10, 10 + N_TRIALS),
        "unit_ids": np.array([3, 5, 8, 9]),
        "cell_motor_coordinates": random.uniform(-300, 300, (N_NEURONS, 3)),
    }


def contents(path):
    """Returns every array of a recording, by its name below the top folder."""
    with zipfile.ZipFile(path) as archive:
        return {
            name.removeprefix(f"{STEM}/").removesuffix(".npy"): np.load(
                archive.open(name), allow_pickle=False
            )
            for name in archive.namelist()
            if name.endswith(".npy")
        }


def forms(path):
    """Returns names with dtype and shape; `n` stands for neurons, `t` for trials."""
    found = {}
    for name, array in contents(path).items():
        if name.startswith("data/") and not name.endswith("/0"):
            continue
        by_neuron = name.startswith(("meta/neurons", "data/resp", "meta/statistics/resp"))
        shape = array.shape
        if by_neuron:
            shape = ("n", *shape[1:])
        elif name.startswith("meta/trials"):
            shape = ("t", *shape[1:])
        dtype = "U" if name == "meta/trials/frame_image_class" else array.dtype.str
        found[name] = (dtype, shape)
    return found


def test_the_file_has_the_published_names_dtypes_and_shapes(tmp_path, arrays):
    statistics = {
        f"meta/statistics/{signal}/all/{statistic}": ("<f4", shape)
        for signal, shape in {
            "images": (),
            "responses": ("n",),
            "behavior": (3,),
            "pupil_center": (2,),
        }.items()
        for statistic in ("mean", "std", "min", "max", "median")
    }
    assert forms(write_recording(tmp_path / f"{STEM}.zip", **arrays)) == statistics | {
        "data/images/0": ("|u1", (1, 144, 256)),
        "data/responses/0": ("<f4", ("n",)),
        "data/behavior/0": ("<f4", (3,)),
        "data/pupil_center/0": ("<f4", (2,)),
        "meta/neurons/animal_ids": ("<i8", ("n",)),
        "meta/neurons/area": ("<U2", ("n",)),
        "meta/neurons/cell_motor_coordinates": ("<f8", ("n", 3)),
        "meta/neurons/layer": ("<U4", ("n",)),
        "meta/neurons/scan_idx": ("<i8", ("n",)),
        "meta/neurons/sessions": ("<i8", ("n",)),
        "meta/neurons/unit_ids": ("<i8", ("n",)),
        "meta/trials/frame_image_class": ("U", ("t",)),
        "meta/trials/frame_image_id": ("<i8", ("t",)),
        "meta/trials/tiers": ("<U10", ("t",)),
        "meta/trials/trial_idx": ("<i8", ("t",)),
    }


@pytest.mark.parametrize(
    ("session_key", "images_dtype", "hashed"),
    [
        ("21067-10-18", np.uint8, False),
        ("26872-17-20", np.uint8, True),
        ("27204-5-13", np.float32, True),
    ],
)
def test_the_file_is_built_as_the_files_at_hand(
    shared, tmp_path, arrays, session_key, images_dtype, hashed
):
    stem = STEM.replace("26872-17-20", session_key)
    arrays["session_key"], arrays["images"] = session_key, arrays["images"].astype(images_dtype)
    if hashed:
        arrays["trial_ids"] = np.array([hashlib.md5(bytes([i])).hexdigest() for i in range(7)])
    written = write_recording(tmp_path / f"{stem}.zip", **arrays)
    known = shared / "recordings" / f"{stem}.zip"
    with zipfile.ZipFile(known) as theirs, zipfile.ZipFile(written) as ours:
        config = f"{stem}/config.json"
        assert ours.read(config) == theirs.read(config)
        assert {name.split("/")[0] for name in ours.namelist()} == {stem}
        names = [name for name in theirs.namelist() if not name.startswith(f"{stem}/data/")]
        for name in [name for name in names if name.endswith(".npy")]:
            ours_array, theirs_array = (np.load(z.open(name)) for z in (ours, theirs))
            assert ours_array.dtype == theirs_array.dtype, name
            assert ours_array.ndim == theirs_array.ndim, name
        for signal in ("images", "responses", "behavior", "pupil_center"):
            name = f"{stem}/data/{signal}/0.npy"
            ours_array, theirs_array = (np.load(z.open(name)) for z in (ours, theirs))
            assert ours_array.dtype == theirs_array.dtype, name
            assert ours_array.ndim == theirs_array.ndim, name


@pytest.mark.parametrize("images_dtype", [np.uint8, np.float32, np.float64])
def test_a_recording_reads_back_as_it_was_written(tmp_path, arrays, images_dtype):
    arrays["images"] = arrays["images"].astype(images_dtype) * images_dtype(1)
    with Recording(write_recording(tmp_path / f"{STEM}.zip", **arrays)) as recording:
        assert recording.session_key == "26872-17-20"
        np.testing.assert_array_equal(recording.read("image")[..., 0], arrays["images"])
        for signal, values in {"response": arrays["responses"], **arrays["context"]}.items():
            np.testing.assert_array_equal(recording.read(signal), values.astype(np.float32), signal)
        np.testing.assert_array_equal(recording.tiers, TIERS)
        np.testing.assert_array_equal(recording.image_ids, arrays["image_ids"])
        np.testing.assert_array_equal(recording.trial_ids, arrays["trial_ids"].astype(str))
        np.testing.assert_array_equal(recording.unit_ids, arrays["unit_ids"])
        np.testing.assert_array_equal(
            recording.cell_motor_coordinates, arrays["cell_motor_coordinates"]
        )
        assert set(recording.neurons["animal_ids"]) == {26872}
        assert set(recording.neurons["sessions"]) == {17}
        assert set(recording.neurons["scan_idx"]) == {20}


@pytest.mark.parametrize("images_dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("n_train", [3, 4])
def test_statistics_are_those_of_the_training_trials(tmp_path, arrays, images_dtype, n_train):
    arrays["images"] = arrays["images"].astype(images_dtype)
    arrays["tiers"] = TIERS.copy()
    arrays["tiers"][np.flatnonzero(TIERS == "train")[n_train:]] = "test"
    training = arrays["tiers"] == "train"
    # The brightest and the darkest pixel, and the largest response, lie outside of the training.
    arrays["images"][training] = arrays["images"][training] // 2 + 20
    arrays["responses"][0] = 100
    written = contents(write_recording(tmp_path / f"{STEM}.zip", **arrays))
    signals = {"images": arrays["images"], "responses": arrays["responses"], **arrays["context"]}
    for signal, values in signals.items():
        values = np.asarray(values, np.float64)[training]
        axis = None if signal == "images" else 0
        for statistic in ("mean", "std", "min", "max", "median"):
            np.testing.assert_allclose(
                written[f"meta/statistics/{signal}/all/{statistic}"],
                getattr(np, statistic)(values, axis=axis),
                rtol=1e-6,
                err_msg=f"{signal} {statistic}",
            )


def test_the_median_lies_between_the_two_middle_pixels(tmp_path, arrays):
    arrays["images"][:, :72], arrays["images"][:, 72:] = 10, 21
    written = contents(write_recording(tmp_path / f"{STEM}.zip", **arrays))
    assert written["meta/statistics/images/all/median"] == 15.5


def test_statistics_do_not_depend_on_how_many_trials_are_taken_at_once(
    tmp_path, arrays, monkeypatch
):
    whole = write_recording(tmp_path / "whole.zip", **arrays).read_bytes()
    for module in ("rows", "writer"):
        monkeypatch.setattr(f"sensorium_tf.recordings.{module}.BLOCK_BYTES", 40)
    assert write_recording(tmp_path / "blocks.zip", **arrays).read_bytes() == whole


def test_equal_input_gives_equal_bytes(tmp_path, arrays):
    first = write_recording(tmp_path / "first.zip", **arrays).read_bytes()
    assert write_recording(tmp_path / "second.zip", **arrays).read_bytes() == first
    arrays["responses"][0, 0] += 1
    assert write_recording(tmp_path / "third.zip", **arrays).read_bytes() != first


def test_a_full_disk_leaves_nothing_and_keeps_what_was_there(tmp_path, arrays, monkeypatch):
    path = tmp_path / f"{STEM}.zip"
    path.write_bytes(b"what was there")
    write = zipfile.ZipFile.writestr

    def fails_late(archive, info, *args, **kwargs):
        if info.filename.endswith("behavior/3.npy"):
            raise OSError(28, "No space left on device")
        return write(archive, info, *args, **kwargs)

    monkeypatch.setattr(zipfile.ZipFile, "writestr", fails_late)
    with pytest.raises(SensoriumError, match=r"No space left on device") as refused:
        write_recording(path, **arrays)
    assert str(path) in str(refused.value)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"what was there"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("images", np.zeros((N_TRIALS, 64)), "(7, 64), expected (trials, height, width)"),
        ("images", np.zeros((N_TRIALS, 0, 64)), "(7, 0, 64), expected (trials, height, width)"),
        ("images", np.zeros((N_TRIALS - 1, 144, 256)), "(6, 144, 256), expected (7, 144, 256)"),
        ("responses", np.zeros((N_TRIALS, 5)), "(7, 5), expected (7, 4)"),
        ("context", {"behavior": np.zeros((N_TRIALS - 1, 3))}, "(6, 3), expected (7, 3)"),
        ("context", {"decision": np.zeros(N_TRIALS)}, "(7,), expected (7, columns)"),
        ("context", {"decision": np.zeros((N_TRIALS, 0))}, "(7, 0), expected (7, columns)"),
        ("context", {"../decision": np.zeros((N_TRIALS, 1))}, "context signal '../decision'"),
        ("context", {"trial_id": np.zeros((N_TRIALS, 1))}, "context signal 'trial_id': expected"),
        ("image_ids", np.arange(6), "(6,), expected (7,)"),
        ("trial_ids", np.arange(8), "(8,), expected (7,)"),
        ("cell_motor_coordinates", np.zeros((4, 2)), "(4, 2), expected (4, 3)"),
        ("responses", np.full((N_TRIALS, N_NEURONS), np.nan), "holds NaN or infinity"),
        (
            "context",
            {"pupil_center": np.full((7, 2), np.inf)},
            "pupil_center holds NaN or infinity",
        ),
        ("tiers", np.array(["train"] * 6 + ["dev"]), "unknown tier 'dev'"),
        ("tiers", np.array(["train"] * 6 + ["final_test2"]), "unknown tier 'final_test2'"),
        ("tiers", np.array(["test"] * 7), "no trial is in tier 'train'"),
        ("session_key", "../1-2-3", "session '../1-2-3': expected a session key"),
        ("session_key", "mouse.zip", "session 'mouse.zip': expected a session key"),
        ("neurons", {"area": np.full(3, "V1")}, "neurons area has shape (3,) and dtype <U2"),
        ("neurons", {"unit_ids": np.arange(4)}, "neurons 'unit_ids': expected the name"),
        ("trials", {"../x": np.arange(7)}, "trials '../x': expected the name"),
        ("trials", {"note": np.full(7, None)}, "trials note has shape (7,) and dtype object"),
        ("statistics", {"decision": {}}, "decision: no such signal of this recording"),
        ("statistics", {"response": {"mean": np.ones(4)}}, "statistics of response: std is miss"),
        (
            "statistics",
            {"behavior": {"mean": np.ones(3), "std": np.ones(2)}},
            "std of behavior has shape (2,), expected finite numbers of shape (3,)",
        ),
        (
            "statistics",
            {"image": {"mean": np.nan, "std": 1.0}},
            "mean of image has shape (), expected finite numbers",
        ),
    ],
)
def test_arrays_that_make_no_recording_are_refused(tmp_path, arrays, name, value, told):
    with pytest.raises(SensoriumError) as refused:
        write_recording(tmp_path / "lab.zip", **{**arrays, name: value})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_colours_and_further_signals_read_back(tmp_path, arrays, channels):
    random = np.random.default_rng(6)
    arrays["images"] = random.integers(0, 256, (N_TRIALS, 36, 64, channels), np.uint8)
    arrays["context"] = {"decision": random.normal(size=(N_TRIALS, 2)).astype(np.float32)}
    path = write_recording(tmp_path / f"{STEM}.zip", **arrays)
    assert contents(path)["data/images/3"].shape == (channels, 36, 64)
    with Recording(path) as recording:
        assert recording.spec["image"].shape == (36, 64, channels)
        assert recording.spec.names == ("image", "response", "decision")
        np.testing.assert_array_equal(recording.read("image"), arrays["images"])
        np.testing.assert_array_equal(recording.read("decision"), arrays["context"]["decision"])
        training = arrays["context"]["decision"][TIERS == "train"]
        np.testing.assert_allclose(recording.statistics["decision"].std, training.std(0), rtol=1e-5)


def test_nothing_but_images_and_responses_need_be_recorded(tmp_path, arrays):
    del arrays["context"]
    with Recording(write_recording(tmp_path / f"{STEM}.zip", **arrays)) as recording:
        assert recording.spec.names == ("image", "response")


def test_grey_images_may_have_their_one_channel(tmp_path, arrays):
    without = write_recording(tmp_path / "a.zip", **arrays).read_bytes()
    arrays["images"] = arrays["images"][..., None]
    assert write_recording(tmp_path / "b.zip", **arrays).read_bytes() == without


def test_metadata_and_statistics_of_ones_own_are_kept(tmp_path, arrays):
    neurons = {"area": np.array(["V1", "LM", "V1", "AL"]), "depth": np.arange(4.0)}
    trials = {
        "frame_image_class": np.full(N_TRIALS, "noise"),
        "shown_at": np.arange(14).reshape(7, 2),
    }
    statistics = {"response": {"mean": np.full(4, 2.0), "std": np.full(4, 3, np.float32)}}
    path = write_recording(
        tmp_path / "a.zip",
        **{**arrays, "session_key": "lab mouse.7"},
        neurons=neurons,
        trials=trials,
        statistics=statistics,
    )
    with pytest.warns(UserWarning, match="metadata"), Recording(path) as recording:
        assert recording.session_key == "lab mouse.7"
        assert {*recording.neurons} == {*neurons}
        assert {*recording.trials} == {*trials}
        for name, values in (neurons | trials).items():
            read = (recording.neurons | recording.trials)[name]
            assert read.dtype == values.dtype, name
            np.testing.assert_array_equal(read, values, name)
        stored = recording.stored_statistics
        assert {*stored} == {"image", "response", "behavior", "pupil_center"}
        assert {*stored["response"]} == {"mean", "std"} and len(stored["image"]) == 5
        assert stored["response"]["std"].dtype == np.float32
        np.testing.assert_array_equal(recording.statistics["response"].mean, np.full(4, 2.0))


def test_signals_of_small_whole_numbers_stay_so(tmp_path, arrays):
    arrays["context"] = {"decision": np.arange(7, dtype=np.uint8)[:, None]}
    with Recording(write_recording(tmp_path / "a.zip", **arrays)) as recording:
        assert recording.read("decision").dtype == np.uint8


@pytest.mark.parametrize("n_images", [3, 4])
@pytest.mark.parametrize("shift", [0, -128])
def test_statistics_of_float_images_are_those_of_all_pixels(rng, monkeypatch, n_images, shift):
    images = (rng.uniform(0, 255, (n_images, 7, 11)) + shift).astype(np.float32)
    for most in (1 << 16, 10):
        monkeypatch.setattr("sensorium_tf.recordings.statistics._MOST_BRIGHTNESSES", most)
        found = pixel_statistics(lambda: iter([images[:2], images[2:]]))
        for name, value in found.items():
            expected = getattr(np, name)(images.astype(float))
            assert value == pytest.approx(expected, rel=1e-5, abs=1e-5), (most, name)
        assert found["median"] == pytest.approx(np.median(images), rel=1e-7)
