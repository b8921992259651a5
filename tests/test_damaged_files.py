"""Files with random bytes, flipped bits or missing ends: one clear line, or what was there."""

import json
import warnings
from pathlib import Path

import damage
import numpy as np
import pytest
import tiny_files
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recording_files import STEM, npy, recording_tree, write_folder, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.scoring.label import read_label, write_label
from sensorium_tf.scoring.rows import Rows

many = settings(
    max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
CSV = "trial_indices,image_ids,{},neuron_ids\n" + "".join(
    f'{trial},{trial // 2},"[0.5, {trial}.25, 1e-3]","[3, 5, 9]"\n' for trial in range(4)
)


def assert_clear(error: Exception, path) -> None:
    text = str(error)
    assert isinstance(error, SensoriumError), repr(error)
    assert len(text) - len(str(path)) < 400, text
    assert text.isprintable(), ascii(text)
    assert str(path) in text, text


def read_or_refuse(read, path):
    """Returns what a reader makes of a file; None if it refuses it in one clear line.

    Warnings, too, are single lines.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = read(path)
        except Exception as e:
            assert_clear(e, path)
            found = None
    for each in said:
        if each.category is UserWarning:
            assert_clear(SensoriumError(each.message), path)
        else:
            assert each.category in (DeprecationWarning, ResourceWarning), each
    return found


class Sound:
    """A file as it was written, of which hypothesis prints little.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path):
        self.path, self.content = path, path.read_bytes()

    def __repr__(self):
        return str(self.path)


@pytest.fixture(scope="module")
def tree():
    tree = recording_tree(n_train=2, n_validation=1, n_test_images=1, n_repeats=2)
    # Small ones, or nearly all damage would be to pixels.
    small = {name: image[:, :6, :8] for name, image in tree.items() if "data/images/" in name}
    return Tree({**tree, **small})


class Tree(dict):
    """Arrays of which hypothesis prints little."""

    def __repr__(self):
        return f"{len(self)} arrays"


def signals(path):
    with Recording(path) as recording:
        recording.statistics  # noqa: B018
        return {name: recording.read(name) for name in recording.spec.names}


def assert_finite(found):
    for name, values in found.items():
        assert np.isfinite(values).all(), name


@pytest.fixture(scope="module")
def recording_zip(tree, tmp_path_factory):
    return Sound(write_zip(tmp_path_factory.mktemp("zip") / "recording.zip", tree))


@many
@given(data=st.data())
def test_a_recording_in_a_zip(recording_zip, data):
    recording_zip.path.write_bytes(data.draw(damage.damaged_zip(recording_zip.content)))
    found = read_or_refuse(signals, recording_zip.path)
    if found is not None:
        assert_finite(found)


@pytest.fixture(scope="module")
def recording_folder(tree, tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("folder") / STEM, tree)


@many
@given(data=st.data())
def test_a_recording_in_a_folder(recording_folder, tree, data):
    name = data.draw(st.sampled_from(sorted(tree)))
    path = recording_folder / f"{name}.npy"
    content = npy(tree[name])
    path.write_bytes(data.draw(damage.damaged(content)))
    try:
        found = read_or_refuse(signals, recording_folder)
    finally:
        path.write_bytes(content)
    if found is not None:
        assert_finite(found)


@many
@given(content=damage.damaged_json(b'{"links": {"responses": "targets", "images": "images"}}'))
def test_the_names_of_a_recordings_folders(recording_folder, content):
    path = recording_folder / "config.json"
    path.write_bytes(content)
    try:
        read_or_refuse(lambda folder: Recording(folder).close(), recording_folder)
    finally:
        path.unlink()


@pytest.mark.parametrize("column", ["prediction", "responses"])
@many
@given(data=st.data())
def test_a_submission_and_its_ground_truth(tmp_path, column, data):
    path = tmp_path / "file.csv"
    path.write_bytes(data.draw(damage.damaged(CSV.format(column).encode())))
    for _, _, values, unit_ids in read_or_refuse(lambda path: list(Rows(path, column)), path) or ():
        assert np.isfinite(values).all() and values.shape == unit_ids.shape


@many
@given(data=st.data())
def test_the_label_of_a_submission(tmp_path, data):
    path = tmp_path / "submission.csv"
    path.write_text(CSV.format("prediction"))
    provenance = {"mice": ["a"], "inputs": ["image"], "unfinished": "1 of 2 epochs"}
    write_label([path], model="cnn", mouse="a", provenance=provenance)
    label = path.with_suffix(".json")
    label.write_bytes(data.draw(damage.damaged_json(label.read_bytes())))
    read_or_refuse(lambda _: read_label(path), label)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    path = tmp_path_factory.mktemp("truth") / "mouse_truth.npz"
    Truth(**tiny_files.TRUTH).save(path)
    return Sound(path)


@many
@given(data=st.data())
def test_the_truth_of_a_simulation(truth, data):
    truth.path.write_bytes(data.draw(damage.damaged_zip(truth.content)))
    found = read_or_refuse(Truth.load, truth.path)
    if found is not None:
        assert np.isfinite(found.rates).all() and np.isfinite(found.responses).all()


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    from small_models import small_model

    from sensorium_tf.runs import save_model

    path = tmp_path_factory.mktemp("model") / "model.keras"
    model = small_model({"full": np.zeros((5, 2))}, n_blocks=0, hidden_channels=2, model="ln")
    save_model(model, path)
    sound = Sound(path)
    sound.weights = weights(path)
    return sound


def weights(path):
    from sensorium_tf.runs import load_model

    # The others are seeds, which are not saved.
    return [np.asarray(each) for each in load_model(path).weights if each.dtype == "float32"]


@many
@given(data=st.data())
def test_a_keras_model(model_file, data):
    content = model_file.content
    any_part, config = damage.damaged_zip(content), damage.damaged_zip_json(content, "config.json")
    model_file.path.write_bytes(data.draw(any_part | config))
    if (found := read_or_refuse(weights, model_file.path)) is not None:
        assert_same(found, model_file.weights)


def assert_same(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.fixture(scope="module")
def state_file(tmp_path_factory):
    torch = pytest.importorskip("torch")
    path = tmp_path_factory.mktemp("state") / "network.pth"
    torch.save({"core.weight": torch.ones(3, 2), "bias": torch.zeros(2)}, path)
    return Sound(path)


@many
@given(data=st.data())
def test_a_pytorch_checkpoint(state_file, data):
    from sensorium_tf.interop.pytorch.checkpoint import read_state

    state_file.path.write_bytes(data.draw(damage.damaged_zip(state_file.content)))
    for values in (read_or_refuse(read_state, state_file.path) or {}).values():
        assert np.isfinite(values).all()


@pytest.fixture(scope="module")
def dataset(prepared):
    """The files that describe a prepared dataset, as they were written."""
    (folder,) = (prepared / "sensorium" / "full").glob("*.*.*")
    files = ("metadata.json", "features.json", "dataset_info.json")
    return {name: Sound(folder / name) for name in files}


def signed(values):
    """Makes the checksum of metadata fit."""
    from sensorium_tf.datasets.shared.description import checksum

    if isinstance(values, dict) and "checksum" in values:
        values["checksum"] = checksum(values)
    return values


@pytest.mark.parametrize("name", ["metadata.json", "features.json", "dataset_info.json"])
@many
@given(data=st.data())
def test_what_describes_a_prepared_dataset(dataset, name, data):
    from sensorium_tf.datasets.sensorium import Builder
    from sensorium_tf.datasets.shared.prepared import check_prepared

    def read(_):
        return check_prepared(
            path.parent,
            name=Builder.name,
            config="full",
            version=str(Builder.VERSION),
            challenge=Builder.challenge,
        )

    path, content = dataset[name].path, dataset[name].content
    path.write_bytes(data.draw(damage.damaged_json(content, sign=signed)))
    try:
        # The checksum of all metadata is in one file, the trials in two.
        found = read_or_refuse(read, path.parent)
    finally:
        path.write_bytes(content)
    if found is not None:
        assert np.isfinite(found.neurons["cell_motor_coordinates"]).all()
        for each in found.statistics.values():
            assert np.isfinite(each["mean"]).all() and (each["std"] >= 0).all()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run of two epochs."""
    from sensorium_tf.runs import Provenance, RunRecord, RunStore
    from sensorium_tf.settings import TrainingSettings

    store = RunStore(tmp_path_factory.mktemp("run"))
    provenance = Provenance(mice=("full",), track="sensorium", inputs=("image",))
    record = RunRecord(
        settings=TrainingSettings(mice=("full",)),
        recordings={"full": "0123456789abcdef"},
        n_neurons={"full": 5},
        provenance=provenance,
    )
    with store.claimed(record):
        epochs = [{"epoch": number, "validation/score": 0.5} for number in (1, 2)]
        store.write_metrics(epochs)
        for n_steps in (1, 2):
            state = {"epochs": epochs[:n_steps], "stopped": False}
            store.checkpoints.save(n_steps, state, {"weight": np.ones((3, 2), np.float32)})
    return store


@pytest.fixture(scope="module")
def run_files(run):
    checkpoint = max((run.path / "checkpoints").glob("*.npz"))
    names = {"config.json": run.path / "config.json", "metrics.jsonl": run.metrics}
    return {name: Sound(path) for name, path in {**names, "checkpoint": checkpoint}.items()}


def damaged_run(run_files, name, data, *, how=damage.damaged_json):
    """Returns the path of a run's file that has been damaged."""
    run_files[name].path.write_bytes(data.draw(how(run_files[name].content)))
    return run_files[name].path


def restore(run_files):
    for each in run_files.values():
        each.path.write_bytes(each.content)


@many
@given(data=st.data())
def test_the_configuration_of_a_run(run, run_files, data):
    damaged_run(run_files, "config.json", data)
    try:
        read_or_refuse(lambda _: run.record(), run.path)
        run.begun  # noqa: B018
    finally:
        restore(run_files)


@many
@given(data=st.data())
def test_the_epochs_of_a_run(run, run_files, data):
    path = damaged_run(run_files, "metrics.jsonl", data, how=damage.damaged)
    try:
        for epoch in read_or_refuse(lambda _: run.read_metrics(), path) or ():
            json.dumps(epoch)
    finally:
        restore(run_files)


@many
@given(data=st.data())
def test_the_checkpoint_of_a_run(run, run_files, data):
    def read(_):
        def load(state, arrays):
            found.append((len(state["epochs"]), arrays["weight"]))

        found.clear()
        assert run.checkpoints.resume(load)
        run.unfinished()
        return found

    found = []
    path = damaged_run(run_files, "checkpoint", data, how=damage.damaged_zip)
    try:
        # The one before serves where the newest is damaged.
        ((n_epochs, weight),) = read_or_refuse(read, path.parent)
        assert n_epochs in (0, 1, 2, 3) and weight.size >= 0
    finally:
        restore(run_files)


NOTE = b'{"dataset_names": ["sensorium/mouse1"], "urls": ["https://example.org/a.zip"]}'


@many
@given(note=damage.damaged_json(NOTE), first=damage.damaged(b"https://example.org/a.zip\t9\tab\ta"))
def test_the_notes_of_a_download(tmp_path, note, first):
    from sensorium_tf.datasets.shared import download

    url = "https://example.org/a.zip"
    (tmp_path / "sensorium").mkdir(exist_ok=True)
    (tmp_path / "sensorium" / "a.zip.INFO").write_bytes(note)
    record = tmp_path / "sensorium" / "a.zip.checksums.tsv"
    record.write_bytes(first)
    read_or_refuse(lambda _: download.notes_of(tmp_path, url), tmp_path)
    read_or_refuse(lambda path: download.first_of(path, url), record)
