"""NWB files of other labs, and such as mean harm."""

import json

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nwb_files import MAPPING, N_TRIALS, SPLITS, arrays, write_foreign

from sensorium_tf import SensoriumError
from sensorium_tf.data import prepare
from sensorium_tf.interop.nwb import NwbMapping, import_nwb
from sensorium_tf.interop.nwb.stimulus import StoredImages
from sensorium_tf.recordings import Recording

KEPT = np.flatnonzero(SPLITS != "bad")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A file of another lab."""
    return write_foreign(tmp_path_factory.mktemp("theirs") / "theirs.nwb", arrays())


@pytest.fixture
def copy(theirs, tmp_path):
    """The same file, to be changed."""
    path = tmp_path / "copy.nwb"
    path.write_bytes(theirs.read_bytes())
    return path


def mapping(**changes):
    return NwbMapping.of({**MAPPING, **changes})


LEFT_OUT = pytest.mark.filterwarnings("ignore:.*left out columns", "ignore:.*metadata")


@LEFT_OUT
def test_a_file_of_another_lab_becomes_a_recording(theirs, tmp_path):
    found = arrays()
    (tmp_path / "theirs.json").write_text(json.dumps(MAPPING))
    path = import_nwb(theirs, tmp_path, mapping=tmp_path / "theirs.json")
    with Recording(path) as recording:
        assert recording.session_key == "7-1-2"
        assert recording.spec["image"].shape == (36, 64, 1)
        assert recording.spec["behavior"].shape == (2,)
        np.testing.assert_array_equal(recording.read("image")[..., 0], found["images"][KEPT])
        np.testing.assert_array_equal(recording.read("response"), found["responses"][KEPT])
        behavior = np.stack([found["running"], found["pupil_area"]], 1)[KEPT].astype(np.float32)
        np.testing.assert_allclose(recording.read("behavior"), behavior, rtol=1e-6)
        np.testing.assert_array_equal(
            recording.read("pupil_center"), found["gaze"][KEPT].astype(np.float32)
        )
        names = np.array([MAPPING["tiers"][each] for each in SPLITS[KEPT]])
        np.testing.assert_array_equal(recording.tiers, names)
        assert recording.trial_ids.tolist() == KEPT.astype(str).tolist()
        # Equal images share their id.
        assert len(set(recording.image_ids[-4:])) == 2 and len(set(recording.image_ids)) == 13
        rows = found["rois"]
        assert recording.unit_ids.tolist() == found["cells"][rows].tolist()
        np.testing.assert_allclose(
            recording.cell_motor_coordinates[:, :2], found["xy"][rows] * 1e6, rtol=1e-12
        )
        assert {*recording.neurons} == {"area"}
        assert recording.neurons["area"].tolist() == [f"VIS{c}" for c in found["cells"][rows]]
        assert {*recording.trials} == {"pupil_area", "picture"}


@LEFT_OUT
def test_it_can_be_prepared(theirs, tmp_path):
    path = import_nwb(theirs, tmp_path, mapping=mapping())
    mouse = prepare("theirs", recording=path, data_dir=tmp_path / "data")
    assert mouse.n_neurons == 4 and dict(mouse.tiers) == {"train": 8, "validation": 3, "test": 4}
    assert mouse.trials("train").images.shape == (8, 36, 64, 1)


@LEFT_OUT
@pytest.mark.parametrize(
    ("is_indexed", "changes"),
    [
        (True, {"stimulus": "stimulus/presentation/shown"}),
        (False, {"image_index": "picture"}),
        (False, {"stimulus": ["stimulus/presentation/natural_scenes/data"]}),
    ],
)
def test_images_are_found_however_they_are_stored(tmp_path, is_indexed, changes):
    found = arrays()
    file = write_foreign(tmp_path / "a.nwb", found, is_indexed=is_indexed)
    with Recording(import_nwb(file, tmp_path, mapping=mapping(**changes))) as recording:
        shown = found["images"]
        if "image_index" in changes or is_indexed:
            shown = shown[::-1]
        np.testing.assert_array_equal(recording.read("image")[..., 0], shown[KEPT])


@LEFT_OUT
def test_columns_settings_and_colours(theirs, tmp_path):
    found = arrays()
    changed = mapping(
        image_axes="xy",
        image_id="picture",
        trial_id="split",
        context=None,
        stimulus=[MAPPING["stimulus"]] * 2,
        neurons="processing/ophys/segmentation/cells",
    )
    with pytest.raises(SensoriumError, match="has 4 columns, which are not rows of .* of 6"):
        import_nwb(theirs, tmp_path, mapping=changed)
    changed = mapping(**{**changed.to_json(), "neurons": None})
    with (
        pytest.warns(UserWarning, match="trial ids are duplicates"),
        Recording(import_nwb(theirs, tmp_path, mapping=changed)) as recording,
    ):
        assert recording.spec.names == ("image", "response")
        both = np.stack([found["images"][KEPT].swapaxes(1, 2)] * 2, -1)
        np.testing.assert_array_equal(recording.read("image"), both)
        assert recording.image_ids.tolist() == np.arange(N_TRIALS)[::-1][KEPT].tolist()
        assert recording.trial_ids.tolist() == SPLITS[KEPT].tolist()


@LEFT_OUT
def test_series_that_run_on_are_averaged_over_a_window(theirs, tmp_path):
    found = arrays()
    changed = mapping(
        window_start=0.1,
        window_stop=0.5,
        context={"behavior": ["processing/behavior/wheel", "processing/behavior/camera"]},
    )
    with Recording(import_nwb(theirs, tmp_path, mapping=changed)) as recording:
        values = recording.read("behavior")
        # What has a row for each trial stays as it is.
        np.testing.assert_array_equal(recording.read("response"), found["responses"][KEPT])
    for row, start in enumerate(KEPT * 1.5):
        for columns, name, times in (
            ([0], "wheel", np.arange(480) / 20),
            ([1, 2], "camera", found["stamps"]),
        ):
            inside = (times >= start + 0.1) & (times < start + 0.5)
            mean = 3 * found[name].reshape(len(times), -1)[inside].mean(0)
            np.testing.assert_allclose(values[row, columns], mean, rtol=1e-5, atol=1e-6)


def timeless(file, name):
    del file[f"{name}/starting_time"]


def standing_still(file, name):
    file[f"{name}/starting_time"].attrs["rate"] = 0.0


def backwards(file, name):
    del file[f"{name}/starting_time"]
    file[f"{name}/timestamps"] = np.arange(480.0)[::-1]


def without_unit(file, name):
    file[f"{name}/data"].attrs["conversion"] = "much"


def never_written(file, name):
    del file[f"{name}/data"]
    file.create_dataset(f"{name}/data", (480, 1 << 30), "f4", chunks=(1, 1 << 20))


@LEFT_OUT
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (timeless, "has neither timestamps nor a rate"),
        (standing_still, "has rate 0.0, expected more than 0"),
        (backwards, "its 480 samples are not at ascending times"),
        (without_unit, "conversion of /processing/behavior/wheel/data is no finite number"),
        (never_written, "and holds 0: it was never written"),
        (lambda *_: None, "has no sample in the window of 15 trials, row 0 among them"),
    ],
)
def test_a_series_that_has_no_means_is_refused(copy, tmp_path, damage, says):
    with h5py.File(copy, "a") as file:
        damage(file, "processing/behavior/wheel")
    start = 99 if "no sample" in says else 0
    changed = mapping(
        context={"behavior": "processing/behavior/wheel"},
        window_start=start,
        window_stop=start + 0.2,
    )
    with pytest.raises(SensoriumError) as refused:
        import_nwb(copy, tmp_path, mapping=changed)
    assert says in str(refused.value)


@LEFT_OUT
def test_neurons_without_coordinates_are_at_zero_and_a_warning_says_so(theirs, tmp_path):
    with pytest.warns(UserWarning, match="train with --positions=free"):
        path = import_nwb(theirs, tmp_path, mapping=mapping(coordinates=()))
    with Recording(path) as recording:
        assert not recording.cell_motor_coordinates.any()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"respones": "x"}, "respones: no such name in a mapping: did you mean responses?"),
        ({"tier": 3}, "tier 3: expected text"),
        ({"stimulus": []}, "stimulus: expected at least one series"),
        ({"context": {"behavior": 3}}, "context 'behavior': expected the path of a series"),
        ({"context": {"trial_id": "id"}}, "context signal 'trial_id'"),
        ({"window_start": 0}, "window_start and window_stop go together"),
        ({"window_start": 0.5, "window_stop": 0.5}, "window_stop 0.5: expected more than window_s"),
        ({"micrometres": 0}, "micrometres 0: expected more than 0"),
        ({"image_axes": "yz"}, "image_axes 'yz': expected yx or xy"),
        ({"responses": "processing/ophys/dff"}, "'processing/ophys/dff': there is no such object"),
        ({"responses": "processing/ophis/dff"}, "did you mean ophys?"),
        ({"responses": "intervals/trials/split/x"}, "intervals/trials/split is a dataset"),
        ({"responses": "intervals/trials"}, "intervals/trials is no series: it has no data"),
        ({"responses": "processing/behavior/running"}, "does not say where its neurons are"),
        ({"responses": "intervals/trials/split"}, "expected numbers"),
        ({"tier": "splits"}, "splits: no such column: did you mean split?"),
        ({"tiers": {}}, "names tiers that are not known, 'bad' (1 trials)"),
        ({"trials": "processing/ophys"}, "processing/ophys is no table: it has no ids"),
        ({"trials": "processing/ophys/segmentation/cells"}, "/split: no such column"),
        ({"stimulus": "processing/ophys"}, "processing/ophys holds no images"),
        ({"stimulus": "processing/behavior/running"}, "(16,), expected (images, height, width)"),
        ({"image_index": "pupil_area"}, "images are not numbers from 0 to 15"),
        ({"coordinates": ["area"]}, "expected two or three finite numbers for each neuron"),
        ({"coordinates": ["x"]}, "expected two or three finite numbers for each neuron"),
        ({"neurons": "intervals/trials"}, "has 4 columns, which are not rows of intervals/trials"),
        (
            {"statistics": "intervals/trials/id"},
            "intervals/trials/id is a dataset, expected a group",
        ),
        ({"session": None}, "which session is it?"),
        ({"session": "a/b"}, "session 'a/b': expected a session key"),
    ],
)
@LEFT_OUT
def test_a_mapping_that_does_not_fit_is_refused_in_one_line(theirs, tmp_path, changes, says):
    path = tmp_path / "mapping.json"
    path.write_text(json.dumps({**MAPPING, **changes}))
    with pytest.raises(SensoriumError) as refused:
        import_nwb(theirs, tmp_path / "out", mapping=path)
    assert says in str(refused.value)
    assert len(str(refused.value)) < 400 and "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{", "not JSON"),
        ("[]", "expected what is what by name"),
        ("{}", "stimulus is missing: IndexSeries"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(theirs, tmp_path, content, says):
    path = tmp_path / "mapping.json"
    path.write_text(content)
    with pytest.raises(SensoriumError, match=f"mapping.json: {says}"):
        import_nwb(theirs, tmp_path, mapping=path)
    with pytest.raises(SensoriumError, match=r"no.json: there is no such mapping"):
        import_nwb(theirs, tmp_path, mapping=tmp_path / "no.json")


def test_a_file_without_a_mapping_asks_for_one(theirs, tmp_path):
    with pytest.raises(SensoriumError, match="say what is what in it by a mapping"):
        import_nwb(theirs, tmp_path)
    with pytest.raises(SensoriumError, match="there is no such NWB file"):
        import_nwb(tmp_path / "no.nwb", tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"tier": 1}', "[" * (2 << 20), "\ud800"])
def test_a_mapping_in_a_file_is_not_trusted(copy, tmp_path, text):
    with h5py.File(copy, "a") as file:
        file["scratch/sensorium_tf_mapping"] = text.encode(errors="surrogatepass")
    with pytest.raises(SensoriumError) as refused:
        import_nwb(copy, tmp_path)
    assert "sensorium_tf_mapping" in str(refused.value) and "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


RESPONSES = "processing/ophys/Fluorescence/deconvolved"
GAZE = "processing/behavior/EyeTracking/gaze"


def lose(path, name, trials, columns=...):
    """Makes values of a series NaN."""
    with h5py.File(path, "a") as file:
        values = file[f"{name}/data"][:]
        values[trials, columns] = np.nan
        file[f"{name}/data"][:] = values


@LEFT_OUT
@pytest.mark.parametrize(
    ("name", "trials", "columns", "said"),
    [
        (RESPONSES, [2, 9], ..., r"2 of 15 trials, .*\(response in 2\)"),
        (RESPONSES, [2, 9], [1], r"2 of 15 trials, .*\(response in 2\)"),
        (GAZE, [0, 5], ..., r"2 of 15 trials, .*\(pupil_center in 2\)"),
        (GAZE, [0, 5, 8], [1], r"2 of 15 trials, .*\(pupil_center in 2\)"),
        # A whole tier, but not of the responses.
        (GAZE, [9, 10, 11], ..., r"3 of 15 trials, .*\(pupil_center in 3\)"),
    ],
)
def test_trials_in_which_values_were_lost_are_left_out(copy, tmp_path, name, trials, columns, said):
    lose(copy, name, trials, columns)
    with pytest.warns(UserWarning, match=f"left out {said}: take a signal out of the mapping"):
        path = import_nwb(copy, tmp_path, mapping=mapping())
    kept, found = np.setdiff1d(KEPT, trials), arrays()
    with Recording(path) as recording:
        assert recording.trial_ids.tolist() == kept.astype(str).tolist()
        np.testing.assert_array_equal(recording.read("image")[..., 0], found["images"][kept])
        np.testing.assert_array_equal(recording.read("response"), found["responses"][kept])
        np.testing.assert_array_equal(
            recording.read("pupil_center"), found["gaze"][kept].astype(np.float32)
        )


@LEFT_OUT
@pytest.mark.filterwarnings("error:.*NaN")
def test_what_is_nan_throughout_is_withheld(copy, tmp_path):
    lose(copy, GAZE, slice(None))
    lose(copy, RESPONSES, slice(12, 16))
    with Recording(import_nwb(copy, tmp_path, mapping=mapping())) as recording:
        assert recording.n_trials == len(KEPT)
        assert recording.withheld_signals == ("pupil_center",)
        assert not recording.read("response")[-4:].any()
        assert recording.read("response")[:-4].any(axis=1).all()


@LEFT_OUT
def test_a_training_tier_without_any_response_is_refused(copy, tmp_path):
    lose(copy, RESPONSES, np.flatnonzero(SPLITS == "fit"))
    with pytest.raises(SensoriumError, match="all responses of tier train are NaN: name another"):
        import_nwb(copy, tmp_path, mapping=mapping())


@LEFT_OUT
def test_images_are_never_in_memory_all_at_once(copy, tmp_path, rng):
    n_images, size = 400, (60, 100)
    with h5py.File(copy, "a") as file:
        del file["stimulus/presentation/natural_scenes"]
        stored = file.create_dataset("grey", (n_images, *size), "f8", chunks=(1, *size))
        for number in range(n_images):
            stored[number] = rng.uniform(0, 255, size)
        del file["intervals/trials/picture"]
        file["intervals/trials/picture"] = np.arange(N_TRIALS)
    shown = mapping(stimulus=["grey"], image_index="picture")
    asked = []

    def read(self, index):
        asked.append(len(index))
        return original(self, index)

    with pytest.MonkeyPatch.context() as patch:
        original = StoredImages.read
        patch.setattr(StoredImages, "read", read)
        patch.setattr("sensorium_tf.recordings.rows.BLOCK_BYTES", 3 * 8 * 60 * 100)
        path = import_nwb(copy, tmp_path, mapping=shown)
    assert max(asked) == 3
    with Recording(path) as recording:
        assert recording.spec["image"].shape == (*size, 1)


@LEFT_OUT
def test_a_column_that_is_never_known_leaves_no_trial(copy, tmp_path):
    lose(copy, GAZE, slice(None), 1)
    with pytest.raises(SensoriumError, match=r"NaN in every trial \(pupil_center in 15\): take"):
        import_nwb(copy, tmp_path, mapping=mapping())


def elsewhere(file, name, put):
    """Puts something else in the place of an object."""
    del file[name]
    put(file, name)


def link_out(file, name):
    file[name] = h5py.ExternalLink("/etc/passwd", "/")


def loop(file, name):
    file[name] = h5py.SoftLink(f"/{name}")


def outside(file, name):
    file.create_dataset(name, (16, 4), "f4", external=[("/dev/zero", 0, 256)])


def virtual(file, name):
    layout = h5py.VirtualLayout((16, 4), "f4")
    layout[:] = h5py.VirtualSource("/etc/hosts", "x", (16, 4))
    file.create_virtual_dataset(name, layout)


def claims(file, name):
    file.create_dataset(name, (16, 1 << 40), "f4", chunks=(1, 1 << 20))


def huge_chunks(file, name):
    shape = {"shape": (16, 4), "maxshape": (None, None), "chunks": (1 << 12, 1 << 12)}
    file.create_dataset(name, dtype="f8", compression="gzip", **shape)[:] = 1.0


def objects(file, name):
    file.create_dataset(name, (16, 4), h5py.vlen_dtype(np.float32))


def infinite(file, name):
    file[name] = np.full((16, 4), np.inf, np.float32)


@LEFT_OUT
@pytest.mark.parametrize(
    ("put", "says"),
    [
        (link_out, "is a link to another file, which is not followed"),
        (loop, "is a link that leads nowhere"),
        (outside, "keeps its values in another file"),
        (virtual, "keeps its values in another file"),
        (claims, "claims 70368744177664 bytes and holds 0"),
        (huge_chunks, "too many for a file of this size"),
        (objects, "expected numbers or text"),
        (infinite, "responses holds NaN or infinity"),
    ],
)
def test_what_leads_elsewhere_or_is_too_large_is_refused(copy, tmp_path, monkeypatch, put, says):
    monkeypatch.setattr("sensorium_tf.interop.nwb.hdf5._LEAST_BYTES", 100 << 20)
    monkeypatch.setattr("sensorium_tf.interop.nwb.hdf5._EXPANSION", 1)
    with h5py.File(copy, "a") as file:
        elsewhere(file, f"{RESPONSES}/data", put)
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(SensoriumError) as refused:
        import_nwb(copy, tmp_path, mapping=mapping())
    assert says in str(refused.value)
    assert len(str(refused.value)) < 400 and "\n" not in str(refused.value)
    assert {path.name for path in tmp_path.iterdir()} == before


def test_one_image_many_times_is_too_large(tmp_path):
    path = tmp_path / "often.nwb"
    with h5py.File(path, "w") as file:
        image = file.create_dataset("image", data=np.zeros((1000, 1000), np.uint8))
        file.create_dataset("x/order_of_images", (4000,), h5py.ref_dtype)[:] = [image.ref] * 4000
        file["trials/id"], file["responses"], file["neurons/id"] = [0, 1, 2], [0, 1, 2], [5]
        file["trials/tier"] = ["train"] * 3
    changed = NwbMapping(
        stimulus=("x",),
        responses="responses",
        trials="trials",
        tier="tier",
        neurons="neurons",
        session="1-2-3",
        coordinates=("id",) * 3,
    )
    with pytest.raises(
        SensoriumError, match="x/order_of_images takes 4000000000 bytes, too many for a file"
    ):
        import_nwb(path, tmp_path, mapping=changed)


@LEFT_OUT
def test_images_that_are_packed_together_are_read_as_often_as_needed(copy, tmp_path, monkeypatch):
    pictures = np.tile(arrays()["images"], (1, 10, 10))

    def one_chunk(file, name):
        file.create_dataset(name, data=pictures, chunks=pictures.shape, compression="gzip")

    # Beside the recording, one chunk fits into it, but not one for each image.
    monkeypatch.setattr("sensorium_tf.interop.nwb.hdf5._LEAST_BYTES", 3 * pictures.nbytes)
    monkeypatch.setattr("sensorium_tf.interop.nwb.hdf5._EXPANSION", 0)
    with h5py.File(copy, "a") as file:
        elsewhere(file, f"{MAPPING['stimulus']}/data", one_chunk)
    with Recording(import_nwb(copy, tmp_path, mapping=mapping())) as recording:
        np.testing.assert_array_equal(recording.read("image")[..., 0], pictures[KEPT])


@LEFT_OUT
def test_images_in_other_files_are_not_read(copy, tmp_path):
    with h5py.File(copy, "a") as file:
        file["stimulus/presentation/natural_scenes/external_file"] = ["/etc/passwd"]
    with pytest.raises(SensoriumError, match="keeps its images in other files"):
        import_nwb(copy, tmp_path, mapping=mapping())


@LEFT_OUT
def test_a_series_that_is_not_sampled_by_trial_is_refused(copy, tmp_path):
    with h5py.File(copy, "a") as file:
        elsewhere(file, f"{RESPONSES}/data", lambda f, n: f.create_dataset(n, data=np.ones((9, 4))))
    with pytest.raises(SensoriumError, match=r"\(9, 4\), expected .* give window_start"):
        import_nwb(copy, tmp_path, mapping=mapping())


@LEFT_OUT
def test_extensions_that_a_file_brings_along_are_not_loaded(copy, tmp_path):
    with h5py.File(copy, "a") as file:
        place = file.require_group("specifications/ndx-evil/1.0.0")
        place["namespace"] = '{"namespaces": [{"name": "ndx-evil", "schema": "!!python/object"}]}'
        file[RESPONSES].attrs["namespace"] = "ndx-evil"
        file[RESPONSES].attrs["neurodata_type"] = "EvilSeries"
    with Recording(import_nwb(copy, tmp_path, mapping=mapping())) as recording:
        np.testing.assert_array_equal(recording.read("response"), arrays()["responses"][KEPT])


@LEFT_OUT
@given(where=st.lists(st.integers(0, 1 << 30), min_size=1, max_size=8), cut=st.booleans())
def test_damage_is_one_line_or_does_no_harm(theirs, tmp_path_factory, where, cut):
    content = bytearray(theirs.read_bytes())
    for place in where:
        content[place % len(content)] ^= 1 << (place % 8)
    folder = tmp_path_factory.mktemp("damaged")
    path = folder / "damaged.nwb"
    path.write_bytes(content[: where[0] % len(content)] if cut else content)
    try:
        import_nwb(path, folder, mapping=mapping())
    except SensoriumError as e:
        assert "\n" not in str(e) and len(str(e)) < 500
