"""What is wrong with a recording is found by Beam's own runner for one machine, too."""

import numpy as np
import pytest
from recording_files import recording_tree, write_zip

from sensorium_tf import SensoriumError
from sensorium_tf.data import prepare


@pytest.fixture(autouse=True)
def beam():
    """Skips where Beam is not installed, as it need not be."""
    return pytest.importorskip("apache_beam", reason="apache-beam is not installed (extra beam)")


def test_a_damaged_recording_is_refused_as_ever(tmp_path):
    tree = recording_tree()
    tree["data/images/3"] = np.full((1, 144, 256), np.nan)
    path = write_zip(tmp_path / "a.zip", tree)
    says = "a.zip: data/images/3.npy holds NaN or infinity: mend it"
    with pytest.raises(SensoriumError, match=says):
        prepare("lab", recording=path, data_dir=tmp_path / "data", beam_runner="DirectRunner")
    assert not [*tmp_path.rglob("*.tfrecord*")]


def test_statistics_of_other_data_are_warned_of(tmp_path):
    tree = recording_tree(n_train=30)
    tree["meta/statistics/images/all/std"] = tree["meta/statistics/images/all/std"] * 3
    path = write_zip(tmp_path / "r.zip", tree)
    with pytest.warns(UserWarning, match="meta/statistics/images do not fit data/images"):
        prepare("lab", recording=path, data_dir=tmp_path, beam_runner="DirectRunner")
