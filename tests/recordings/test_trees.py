"""Recordings as other programs and people leave them: taken, or refused in their owner's words."""

import json
import warnings
import zipfile

import numpy as np
import pytest
from recording_files import STEM, npy, recording_tree, write_folder, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import Recording

OWN = "my mouse"


@pytest.fixture(scope="module")
def tree():
    return recording_tree()


def same(path, tree, *, trials=None, **options):
    """Checks that a recording holds the trials of a tree, all of them unless some are named."""
    trials = range(len(tree["meta/trials/tiers"])) if trials is None else trials
    with Recording(path, **options) as recording:
        assert recording.n_trials == len(trials)
        for signal, folder in (("response", "responses"), ("behavior", "behavior")):
            expected = [tree[f"data/{folder}/{trial}"] for trial in trials]
            np.testing.assert_array_equal(recording.read(signal), expected)
        ids = tree["meta/trials/trial_idx"][trials]
        np.testing.assert_array_equal(recording.trial_ids, ids.astype(str))
        return recording.tiers.tolist()


def refusal(path, **options):
    with pytest.raises(SensoriumError) as refused:
        Recording(path, **options)
    text = str(refused.value)
    assert "\n" not in text and text.count(str(path)) == 1
    return text


def members(tree, name=lambda name: name):
    return {name(f"{OWN}/{each}.npy"): npy(value) for each, value in tree.items()}


def zipped(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            # On the way in, zipfile makes slashes of what it takes for separators.
            info = zipfile.ZipInfo()
            info.filename = name
            archive.writestr(info, content)
    return path


@pytest.mark.parametrize(
    "name",
    [
        lambda name: f"./{name}",
        lambda name: name.replace("/", "\\"),
        lambda name: f"export/mice/{name}",
    ],
    ids=["dot", "backslashes", "deep"],
)
def test_names_in_a_zip_are_those_of_any_system(tmp_path, tree, name):
    same(zipped(tmp_path / "r.zip", members(tree, name)), tree)


def test_a_name_that_leaves_a_zip_is_refused_whatever_its_separators(tmp_path, tree):
    for number, name in enumerate(("..\\evil.npy", "a/../../evil.npy", "/evil.npy", "C:\\x.npy")):
        path = zipped(tmp_path / f"{number}.zip", {**members(tree), name: b""})
        assert "points outside of the recording" in refusal(path)
    twice = {f"{OWN}/meta\\trials\\tiers.npy": b"", **members(tree)}
    assert "a duplicate of" in refusal(zipped(tmp_path / "twice.zip", twice))


def test_what_macos_puts_beside_files_is_not_looked_at(tmp_path, tree):
    litter = {"meta/trials/._tiers": b"\0\5", "data/images/._0": b"\0\5"}
    litter |= {"meta/neurons/._area": b"\0\5"}
    folder = write_folder(tmp_path / OWN, {**tree, **litter})
    beside = {f"__MACOSX/{OWN}/meta/trials/._tiers.npy": b"\0\5"}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same(folder, tree)
        same(zipped(tmp_path / "r.zip", {**members(tree), **beside}), tree)


def test_links_to_folders_are_followed_and_may_lead_back(tmp_path, tree):
    folder = write_folder(tmp_path / OWN, tree)
    store = tmp_path / "store"
    (folder / "data").rename(store)
    (folder / "data").symlink_to(store, target_is_directory=True)
    (store / "again").symlink_to(folder, target_is_directory=True)
    same(folder, tree)


def test_a_link_to_a_folder_beside_it_hides_neither(tmp_path, tree):
    folder = write_folder(tmp_path / OWN, tree)
    (folder / "data" / "responses").rename(folder / "data" / "targets")
    (folder / "data" / "responses").symlink_to("targets", target_is_directory=True)
    same(folder, tree)


def test_copies_inside_of_a_recording_and_odd_names_are_no_harm(tmp_path, tree):
    folder = write_folder(tmp_path / OWN, tree)
    write_folder(folder / "backup", {"meta/trials/tiers": tree["meta/trials/tiers"]})
    same(folder, tree)
    same(zipped(tmp_path / "r.zip", {**members(tree), f"{OWN}/notes 12:30.txt": b""}), tree)
    deep = zipped(tmp_path / "d.zip", members(tree, lambda name: f"a/b/c/d/e/{name}"))
    assert "too many folders deep" in refusal(deep)


def test_a_link_to_nothing_is_named(tmp_path, tree):
    folder = write_folder(tmp_path / OWN, tree)
    file = folder / "data" / "behavior" / "0.npy"
    file.unlink()
    file.symlink_to("../.git/annex/objects/1")
    assert (
        "data/behavior/0.npy is a link to '../.git/annex/objects/1', which is not here"
    ) in refusal(folder)


def config(links):
    return json.dumps({"links": links}).encode()


@pytest.mark.parametrize("form", ["zip", "folder"])
def test_folders_of_signals_may_have_other_names(tmp_path, tree, form):
    renamed = {n.replace("data/responses/", "data/targets/"): v for n, v in tree.items()}
    if form == "folder":
        path = write_folder(tmp_path / OWN, renamed)
        (path / "config.json").write_bytes(config({"responses": "targets"}))
    else:
        contents = {**members(renamed), f"{OWN}/config.json": config({"responses": "targets"})}
        path = zipped(tmp_path / "r.zip", contents)
    with Recording(path) as recording:
        assert recording.spec.names == ("image", "response", "behavior", "pupil_center")
    same(path, tree)


def test_an_alias_that_changes_nothing_is_no_harm(tmp_path, tree):
    path = write_folder(tmp_path / OWN, tree)
    (path / "config.json").write_bytes(config({"targets": "responses", "responses": "responses"}))
    same(path, tree)


def test_folders_of_signals_may_be_swapped(tmp_path, tree):
    swapped = {"behavior": "pupil_center", "pupil_center": "behavior"}
    renamed = {}
    for name, value in tree.items():
        data, _, rest = name.partition("/")
        folder, _, trial = rest.partition("/")
        kept = data != "data" or folder not in swapped
        renamed[name if kept else f"data/{swapped[folder]}/{trial}"] = value
    path = write_folder(tmp_path / OWN, renamed)
    (path / "config.json").write_bytes(config(swapped))
    same(path, tree)


def test_an_alias_of_nothing_is_said_and_left_out(tmp_path, tree):
    path = write_folder(tmp_path / OWN, tree)
    (path / "config.json").write_bytes(config({"responses": "gone"}))
    with pytest.warns(UserWarning, match="says that 'gone' stands for responses, but there is non"):
        same(path, tree)


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"links": {"a": 1}}', b"\xff", b"[" * 99_999])
def test_a_configuration_that_makes_no_sense_is_left_out(tmp_path, tree, content):
    path = write_folder(tmp_path / OWN, tree)
    (path / "config.json").write_bytes(content)
    with pytest.warns(UserWarning, match="config.json cannot be understood .*left out"):
        same(path, tree)


def test_files_may_be_numbered_with_zeros_in_front_or_from_one(tmp_path, tree):
    def padded(name):
        folder, _, trial = name.rpartition("/")
        return f"{folder}/{int(trial) + 1:05d}" if folder.startswith("data/") else name

    same(write_folder(tmp_path / OWN, {padded(n): v for n, v in tree.items()}), tree)
    twice = {**tree, "data/behavior/007": tree["data/behavior/7"]}
    text = refusal(write_folder(tmp_path / "twice", twice))
    assert "data/behavior/007.npy and data/behavior/7.npy are one trial's" in text


def without_trial(tree, trial):
    return {name: value for name, value in tree.items() if not name.endswith(f"/{trial}")}


def test_a_trial_may_be_left_out(tmp_path, tree):
    rest = [each for each in range(22) if each != 3]
    fewer = without_trial(tree, 3)
    for column in ("tiers", "frame_image_id", "trial_idx"):
        fewer[f"meta/trials/{column}"] = np.delete(tree[f"meta/trials/{column}"], 3)
    with pytest.warns(UserWarning, match="numbered with gaps .there is no 3.: taken in their ord"):
        same(write_folder(tmp_path / "whole", fewer), tree, trials=rest)
    with pytest.warns(UserWarning, match="left out trials without files, 1 of 22: 3$"):
        same(write_folder(tmp_path / OWN, without_trial(tree, 3)), tree, trials=rest)


def test_trials_are_not_left_out_where_it_cannot_be_told_which(tmp_path, tree):
    """Files 1 to 21: without the first trial, or numbered from 1 without the last one."""
    text = refusal(write_folder(tmp_path / OWN, without_trial(tree, 0)))
    assert "knows 22 trials, but 21 have files, numbered 1 to 21" in text


def test_a_published_recording_has_all_of_its_trials(tmp_path, tree):
    text = refusal(write_folder(tmp_path / STEM, without_trial(tree, 3)))
    assert "knows 22 trials, but 21 have files" in text and "download it again" in text


def test_a_trial_that_one_signal_lacks_is_missing(tmp_path, tree):
    fewer = {name: value for name, value in tree.items() if name != "data/behavior/3"}
    text = refusal(write_folder(tmp_path / OWN, fewer))
    assert "data/behavior/3.npy is missing (1 of 22 trials)" in text
    assert "copy or export it again" in text


def test_tiers_of_any_name_are_said_to_be_ours(tmp_path, tree):
    others = {"train": "training", "validation": "val", "test": "oracle"}
    odd = {**tree, "meta/trials/tiers": np.array([others[t] for t in tree["meta/trials/tiers"]])}
    path = write_folder(tmp_path / OWN, odd)
    text = refusal(path)
    assert "'oracle' (6 trials), 'training' (12 trials), 'val' (4 trials)" in text
    assert "--tiers=oracle:TIER" in text
    tiers = same(path, tree, tiers={there: ours for ours, there in others.items()})
    assert tiers == tree["meta/trials/tiers"].tolist()
    kept = np.flatnonzero(tree["meta/trials/tiers"] != "validation")
    tiers = {"training": "train", "oracle": "test", "val": ""}
    assert "validation" not in same(path, tree, trials=kept, tiers=tiers)


@pytest.mark.parametrize(
    ("there", "ours"), [("TEST", "test"), ("Train", "train"), ("Val", "validation"), ("t", "TIER")]
)
def test_the_closest_tier_is_proposed(tmp_path, tree, there, ours):
    odd = {**tree, "meta/trials/tiers": np.array([there] * 22)}
    assert f"--tiers={there}:{ours}" in refusal(write_folder(tmp_path / OWN, odd))


def test_tiers_without_a_name_are_not_left_out_by_chance(tmp_path, tree):
    tiers = tree["meta/trials/tiers"].copy()
    tiers[:5] = ""
    path = write_folder(tmp_path / OWN, {**tree, "meta/trials/tiers": tiers})
    assert "'' (5 trials)" in refusal(path)
    same(path, tree, trials=np.arange(5, 22), tiers={"": ""})
    every = dict.fromkeys(("train", "validation", "test", ""), "")
    assert "every tier is left out" in refusal(path, tiers=every)


def test_many_and_odd_names_make_a_short_line(tmp_path, tree):
    tiers = np.array([f"\x1b[31m{trial}" + "x" * 200 for trial in range(22)])
    text = refusal(write_folder(tmp_path / OWN, {**tree, "meta/trials/tiers": tiers}))
    assert text.isprintable() and len(text) < 700 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("tiers", "says"),
    [
        ({"val": "validation"}, "has no tier 'val', but"),
        ({"test": "tset"}, "'tset': did you mean test?"),
    ],
)
def test_tiers_that_there_are_not_are_refused(tmp_path, tree, tiers, says):
    with pytest.raises(SensoriumError, match=says):
        Recording(write_folder(tmp_path / OWN, tree), tiers=tiers)


def test_whole_floats_are_ids(tmp_path, tree):
    odd = {**tree, "meta/trials/trial_idx": tree["meta/trials/trial_idx"].astype(float)}
    odd["meta/trials/frame_image_id"] = tree["meta/trials/frame_image_id"].astype(np.float32)
    same(write_folder(tmp_path / OWN, odd), tree)
    odd["meta/trials/trial_idx"] = odd["meta/trials/trial_idx"] + 0.5
    assert "trial_idx.npy holds ids that are not whole" in refusal(
        write_folder(tmp_path / "b", odd)
    )


def test_all_that_is_wrong_is_said_at_once(tmp_path, tree):
    broken = {
        **tree,
        "meta/trials/tiers": np.array(["traim"] * 22),
        "meta/neurons/cell_motor_coordinates": np.zeros((5, 2)),
    }
    text = refusal(write_folder(tmp_path / OWN, broken))
    assert "names tiers that are not known" in text and "expected (5, 3)" in text
    broken = {**tree, "data/behavior/0": np.zeros((2, 2)), "meta/statistics/images/all/std": -1.0}
    del broken["data/images/4"], broken["data/pupil_center/5"]
    text = refusal(write_folder(tmp_path / "b", broken))
    for wrong in ("data/behavior/0.npy has shape", "images/4.npy is mis", "center/5.npy is mis"):
        assert wrong in text
    broken = {**tree, **{f"meta/statistics/{s}/all/std": -1.0 for s in ("images",)}}
    broken["meta/statistics/behavior/all/mean"] = np.full(3, np.nan)
    text = refusal(write_folder(tmp_path / "c", broken))
    assert "images/all/std.npy is negative" in text and "holds NaN" in text


def test_what_is_no_zip_is_called_what_it_is(tmp_path):
    for start, says in (
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file"),
        (b"\x1f\x8b" + bytes(99), "is a gzip file, perhaps of a tar archive: unpack it"),
        (b"/annex/objects/MD5-s1--0\n", "run git annex get"),
        (b"version https://git-lfs.github.com/spec/v1\n", "run git lfs pull"),
        (b"hello", "not a complete zip file"),
    ):
        path = tmp_path / "mouse.zip"
        path.write_bytes(start)
        assert says in refusal(path)


def test_a_folder_without_a_recording_says_what_it_holds(tmp_path):
    (tmp_path / "a.zip").touch()
    assert "in it (but 'a.zip'): not a recording" in refusal(tmp_path)


def test_images_the_wrong_way_round_are_noticed(tmp_path, tree):
    def images(change):
        return {n: change(v) if n.startswith("data/images/") else v for n, v in tree.items()}

    last = write_folder(tmp_path / "last", images(lambda a: np.moveaxis(np.repeat(a, 3, 0), 0, -1)))
    assert "(144, 256, 3), channels last, expected (channels, height, width)" in refusal(last)
    turned = write_folder(tmp_path / "turned", images(lambda a: np.swapaxes(a, 1, 2)))
    with pytest.warns(UserWarning, match="256 pixels high and 144 wide.*are they transposed?"):
        Recording(turned)


def test_films_are_no_images(tmp_path, tree):
    films = {n.replace("data/images/", "data/videos/"): v for n, v in tree.items()}
    path = write_folder(tmp_path / OWN, films)
    with pytest.warns(UserWarning, match="left out data/videos"):
        text = refusal(path)
    assert "(there are data/behavior, data/pupil_center, data/responses, data/videos)" in text


def test_a_recording_that_is_refused_is_closed(tmp_path, tree):
    path = write_zip(tmp_path / "r.zip", {**tree, "meta/trials/tiers": np.zeros(22)}, top=OWN)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        refusal(path)


def test_a_link_to_itself_is_named_with_a_remedy(tmp_path, tree):
    folder = write_folder(tmp_path / "lab", tree)
    (folder / "data" / "images" / "notes").symlink_to("notes")
    with pytest.raises(SensoriumError) as refused:
        Recording(folder)
    assert "notes" in str(refused.value) and "links lead in a circle: put the" in str(refused.value)
