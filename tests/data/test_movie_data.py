"""Movies as a TFDS dataset, and the prepared mouse that streams them."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from movie_files import CHALLENGE, simulated_movies, unpacked
from sensorium_tf.datasets.sensorium2023 import Builder

from sensorium_tf import SensoriumError
from sensorium_tf.data import MovieMouse, load_mouse, pad_movies, prepare
from sensorium_tf.recordings import MovieRecording


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = simulated_movies(tmp_path_factory.mktemp("movies"))
    with MovieRecording(path, challenge=CHALLENGE) as opened:
        yield opened


@pytest.fixture(scope="module")
def mouse(recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    return prepare("lab1", recording=recording.path, data_dir=folder, challenge=CHALLENGE)


def test_the_dataset_has_a_config_for_each_mouse_and_no_checksum_that_nobody_knows():
    assert list(Builder.builder_configs) == [*CHALLENGE.catalog, "simulated"]
    assert Builder.name == "sensorium2023"
    for name in ("README.md", "TAGS.txt", "CITATIONS.bib"):
        assert Builder.code_path.with_name(name).read_text()
    assert not Builder.code_path.with_name("checksums.tsv").read_text()


def test_tfds_loads_valid_frames_alone_in_order(mouse, recording):
    folder = mouse.data_path.parents[2]
    trials, info = tfds.load("sensorium2023/lab1", split="train", data_dir=folder, with_info=True)
    indexes = recording.trials_of("train").tolist()
    for example, index in zip(trials.as_numpy_iterator(), indexes, strict=True):
        assert example["trial_index"] == index
        for name, values in recording.trial(index).signals.items():
            np.testing.assert_array_equal(example[name], values)
        assert example["video_id"] == recording.surveyed.video_ids[index]
    assert info.metadata["withheld"]["response_tiers"] == list(CHALLENGE.test_tiers)
    statistics = info.metadata["statistics"]["response"]
    np.testing.assert_allclose(statistics["std"], recording.statistics["response"].std)


def test_a_mouse_streams_normalised_movies_and_pads_them_to_a_batch(mouse, recording):
    assert isinstance(mouse, MovieMouse) and mouse.n_neurons == 12
    assert dict(mouse.tiers)["oracle"] == 4
    movies = list(mouse.stream("train"))
    assert [movie.trial_index for movie in movies] == recording.trials_of("train").tolist()
    raw = [recording.trial(movie.trial_index).signals for movie in movies]
    video = recording.statistics["video"]
    np.testing.assert_allclose(
        movies[0].signals["video"], (raw[0]["video"] - video.mean) / video.std, atol=1e-4
    )
    batch, mask = pad_movies(movies)
    assert mask.sum(axis=1).tolist() == [len(each["video"]) for each in raw]
    assert batch["response"].shape == (*mask.shape, 12)
    assert not batch["video"][~mask].any()
    responses = batch["response"][mask]
    np.testing.assert_allclose(
        responses, np.concatenate([each["response"] for each in raw]) / mouse.response_scale, 1e-5
    )
    some = mouse.with_neurons(np.array([3, 0]))
    np.testing.assert_array_equal(
        next(some.stream("train")).signals["response"], movies[0].signals["response"][:, [3, 0]]
    )
    with pytest.raises(SensoriumError, match="tier 'orcle': did you mean oracle"):
        next(mouse.stream("orcle"))


def test_movies_are_streamed_at_another_size_and_from_any_file_format(mouse, recording, tmp_path):
    whole = next(mouse.stream("train")).signals["video"]
    smaller = next(mouse.with_image_size("18x32").stream("train")).signals["video"]
    blocks = whole.reshape(len(whole), 18, 2, 32, 2, 1)
    np.testing.assert_allclose(smaller, blocks.mean(axis=(2, 4)), atol=1e-5)
    other = prepare(
        "lab1",
        recording=recording.path,
        data_dir=tmp_path,
        challenge=CHALLENGE,
        file_format="array_record",
    )
    for one, same in zip(mouse.stream("oracle"), other.stream("oracle"), strict=True):
        for name, values in one.signals.items():
            np.testing.assert_array_equal(same.signals[name], values)


def test_models_are_told_the_range_of_behavior_over_all_frames(mouse, recording):
    inputs = mouse.inputs("main", transforms={"behavior": "range"})
    frames = [recording.trial(index).signals for index in recording.trials_of("train").tolist()]
    behavior = np.concatenate([each["behavior"] for each in frames])
    constants = inputs.constants_of("lab1", "behavior")
    np.testing.assert_array_equal(constants["min"], behavior.min(axis=0))
    np.testing.assert_array_equal(constants["max"], behavior.max(axis=0))


def test_memory_does_not_hold_the_trials_of_a_large_recording(recording, tmp_path, monkeypatch):
    from tensorflow_datasets.core import shuffle

    at_once, iterate = [], shuffle.Shuffler.__iter__

    def watched(self):
        at_once.append(max(self.bucket_lengths))
        return iterate(self)

    monkeypatch.setattr(shuffle, "MAX_MEM_BUFFER_SIZE", 1)
    monkeypatch.setattr(shuffle.Shuffler, "__iter__", watched)
    mouse = prepare("large", recording=recording.path, data_dir=tmp_path, challenge=CHALLENGE)
    assert max(at_once) == 1
    indexes = [movie.trial_index for movie in mouse.stream("train")]
    assert indexes == recording.trials_of("train").tolist()


def test_what_is_not_prepared_says_how_to(tmp_path):
    with pytest.raises(SensoriumError, match="--challenge=sensorium2023 --mice=mouse1"):
        load_mouse("mouse1", data_dir=tmp_path, challenge=CHALLENGE)


def test_the_same_recording_is_taken_again_and_another_refused(mouse, recording, tmp_path):
    folder = mouse.data_path.parents[2]
    again = prepare("lab1", recording=recording.path, data_dir=folder, challenge=CHALLENGE)
    assert again.fingerprint == mouse.fingerprint
    from sensorium_tf.simulation import simulate_movie_recording

    other = simulate_movie_recording(tmp_path, n_neurons=12, n_clips=6, n_frames=55, seed=1)
    with pytest.raises(SensoriumError, match="sensorium2023/lab1 is prepared from another"):
        prepare("lab1", recording=other, data_dir=folder, challenge=CHALLENGE)


def test_a_trial_keeps_the_number_of_its_files_where_others_are_missing(recording, tmp_path):
    folder = unpacked(recording.path, tmp_path)
    gone = recording.trials_of("train")[0]
    for path in folder.glob(f"data/*/{gone}.npy"):
        path.unlink()
    path = folder.rename(tmp_path / "dynamic1-1-1-Video-lab")
    with pytest.warns(UserWarning, match="left out trials without files"):
        mouse = prepare("gap", recording=path, data_dir=tmp_path / "data", challenge=CHALLENGE)
    numbers = [movie.trial_index for movie in mouse.stream("train")]
    assert numbers == recording.trials_of("train")[1:].tolist()
