"""Seven mice of full size train on one host, in little more memory than their trials take."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import sensorium_tf
from sensorium_tf.challenges import sensorium2022
from sensorium_tf.data import prepare
from sensorium_tf.simulation import simulate_recording

pytestmark = pytest.mark.long

# As published: 4,500 trials to train on and 500 to validate; and a job of 128 to train on.
N_IMAGES, N_IMAGES_OF_SMALL_JOB = 5000, 142
BYTES_OF_IMAGE, BYTES_OF_RESPONSE = 36 * 64 * 4, 4

# Prints the most memory that the process ever held, in bytes.
DRIVER = """
import resource, sys
from sensorium_tf.settings import TrainingSettings
from sensorium_tf.training import train_run

workdir, data_dir, *mice = sys.argv[1:]
settings = TrainingSettings(mice=tuple(mice), epochs=1)
train_run(settings, workdir, data_dir=data_dir, verbose=False)
print("peak", 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def prepare_mice(folder, n_images):
    """Simulates and prepares a mouse in the place of each published one."""
    mice = []
    for number, published in enumerate(sensorium2022.CHALLENGE.catalog.values()):
        recording = simulate_recording(
            folder,
            session_key=published.session_key,
            n_neurons=published.n_neurons,
            n_images=n_images,
            n_repeats=2,
            seed=number,
        )
        mice.append(prepare(f"full{number}", recording=recording, data_dir=folder / "data"))
        for path in folder.glob("static*"):
            path.unlink()
    return mice


def peak_memory(folder, mice):
    environment = {**os.environ, "PYTHONPATH": str(Path(sensorium_tf.__file__).parents[1])}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            DRIVER,
            folder / "run",
            folder / "data",
            *[mouse.name for mouse in mice],
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout.split("peak")[1])


def test_seven_mice_take_little_more_memory_than_their_trials(tmp_path):
    peaks, mice = {}, {}
    for name, n_images in (("small", N_IMAGES_OF_SMALL_JOB), ("full", N_IMAGES)):
        (tmp_path / name).mkdir()
        mice[name] = prepare_mice(tmp_path / name, n_images)
        peaks[name] = peak_memory(tmp_path / name, mice[name])
    assert {mouse.tiers["train"] for mouse in mice["small"]} == {128}
    assert {mouse.tiers["train"] for mouse in mice["full"]} == {4500}
    reduced = sum(
        (mouse.tiers["train"] + mouse.tiers["validation"])
        * (BYTES_OF_IMAGE + BYTES_OF_RESPONSE * mouse.n_neurons)
        for mouse in mice["full"]
    )
    ratio = (peaks["full"] - peaks["small"]) / reduced
    megabytes = {name: round(peak / 1e6) for name, peak in peaks.items()}
    print(f"peak memory {megabytes} MB, reduced data {reduced / 1e6:.0f} MB, ratio {ratio:.2f}")
    assert ratio < 1.3
