"""The flags of `simulate.py` that say what is recorded."""

import subprocess
import sys
from pathlib import Path

import pytest

from sensorium_tf.recordings import Recording

LAUNCH = Path(__file__).parents[2] / "launch" / "simulate.py"


def simulate(*flags):
    return subprocess.run(
        [sys.executable, LAUNCH, "--neurons=3", "--images=10", "--repeats=2", *flags],
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("flags", "shapes"),
    [
        (
            ["--image_size=36x64", "--behaviors=0", "--pupil=false"],
            {"image": (36, 64, 1), "response": (3,)},
        ),
        (
            ["--image_size=20x30", "--channels=2", "--behaviors=4", "--context=decision,licks"],
            {
                "image": (20, 30, 2),
                "response": (3,),
                "behavior": (4,),
                "pupil_center": (2,),
                "decision": (1,),
                "licks": (1,),
            },
        ),
    ],
)
def test_flags_say_what_is_recorded(tmp_path, flags, shapes):
    done = simulate(f"--output={tmp_path}", *flags)
    assert done.returncode == 0, done.stderr
    (path,) = tmp_path.glob("*.zip")
    with Recording(path) as recording:
        assert {each.name: each.shape for each in recording.spec.signals} == shapes
        assert not recording.withheld_signals


def test_a_wrong_size_is_one_line(tmp_path):
    done = simulate(f"--output={tmp_path}", "--image_size=36")
    assert done.returncode == 1
    error = "error: image size '36': expected height x width, such as 36x64"
    assert done.stderr.splitlines()[-1] == error
    assert not list(tmp_path.iterdir())


def test_movies_are_simulated_by_their_own_flags(tmp_path):
    done = simulate(f"--output={tmp_path}", "--challenge=sensorium2023")
    assert done.returncode == 1
    assert done.stderr == "error: --images: is not for movies: leave it out\n"
    done = simulate(f"--output={tmp_path}", "--clips=3")
    assert done.stderr == "error: --clips: is for movies: give --challenge=sensorium2023\n"
