"""The ground truth of movies, and what the true rates score against it."""

import pytest
from movie_files import CHALLENGE, simulated_movies

from sensorium_tf import SensoriumError
from sensorium_tf.data import prepare
from sensorium_tf.evaluation import movie_ground_truth
from sensorium_tf.scoring import score


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return simulated_movies(tmp_path_factory.mktemp("movies"))


@pytest.fixture(scope="module")
def data_dir(recording, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    prepare("lab1", recording=recording, data_dir=folder, challenge=CHALLENGE)
    return folder


def test_true_rates_of_a_withheld_tier_score_well(recording, data_dir, tmp_path):
    path = movie_ground_truth(
        "lab1",
        "live_test_main",
        output=tmp_path,
        truth=recording,
        true_rates=True,
        data_dir=data_dir,
    )
    assert path == tmp_path / "ground_truth_file_live_test_main.parquet.brotli"
    found = score(tmp_path / "predictions_live_main.parquet.brotli", path, challenge=CHALLENGE)
    assert list(found["mice"]) == ["29515-10-12"]
    assert found["single_trial_correlation"] > 0.25
    assert found["correlation_to_average"] > found["single_trial_correlation"]


def test_what_has_no_truth_is_refused(recording, data_dir, tmp_path):
    given = {"output": tmp_path, "data_dir": data_dir}
    with pytest.raises(SensoriumError, match="'live_test_main' are withheld"):
        movie_ground_truth("lab1", "live_test_main", **given)
    with pytest.raises(SensoriumError, match="is of one mouse"):
        movie_ground_truth(["lab1", "lab1b"], "oracle", truth=recording, **given)
    with pytest.raises(SensoriumError, match="true rates: are in the truth file"):
        movie_ground_truth("lab1", "oracle", true_rates=True, **given)
    other = simulated_movies(tmp_path / "other")
    movie_ground_truth("lab1", "oracle", truth=other, **given)
    assert not [*tmp_path.glob("predictions*")]
