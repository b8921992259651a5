"""Simulates a mouse and writes it as a recording, in the published file tree.

Beside the recording goes <name>_truth.npz: the true rates, and the responses that a competition
recording withholds.

    python launch/simulate.py --output=runs/recordings --session=26872-17-20 --neurons=500
    python launch/simulate.py --challenge=sensorium2023 --output=runs/movies --clips=60 --frames=300

Of sensorium2023 count --session, --neurons, --clips, --frames, --repeats, --seed and --competition.
The others are of sensorium2022.
"""

from pathlib import Path

from sensorium_tf import cli
from sensorium_tf.config import from_flat
from sensorium_tf.errors import SensoriumError
from sensorium_tf.flags import define_flags
from sensorium_tf.simulation.settings import SimulationSettings

COMMAND = define_flags(cli.CommandSettings, ["output", "challenge"], required=["output"])
SETTINGS = define_flags(SimulationSettings)
_OF_MOVIES = ("session", "neurons", "clips", "frames", "repeats", "seed", "competition")


def main() -> None:
    from sensorium_tf.challenges import challenge_of

    settings = from_flat(SimulationSettings, SETTINGS.values())
    if challenge_of(COMMAND["challenge"].value).recording.has_time:
        path = _movies(settings)
    else:
        path = _images(settings)
    print(f"{path}\n{path.with_name(path.stem + '_truth.npz')}")


def _images(settings: SimulationSettings) -> Path:
    from sensorium_tf.simulation import HiddenState, recording_spec, simulate_recording

    for name in ("clips", "frames"):
        if SETTINGS[name].present:
            raise SensoriumError(f"--{name}: is for movies: give --challenge=sensorium2023")
    print(f"simulating {settings.neurons} neurons (a mouse of full size takes about two minutes)")
    return simulate_recording(
        COMMAND["output"].value,
        session_key=settings.session,
        n_neurons=settings.neurons,
        n_images=settings.images,
        n_repeats=settings.repeats,
        seed=settings.seed,
        behavior=settings.behavior,
        competition=settings.competition,
        spec=recording_spec(
            image_size=settings.image_size,
            n_channels=settings.channels,
            n_behaviors=settings.behaviors,
            pupil_center=settings.pupil,
            context=settings.context,
        ),
        hidden=HiddenState(
            slow_gain=settings.slow_gain,
            adaptation=settings.adaptation,
            shared_fluctuations=settings.shared_fluctuations,
        ),
    )


def _movies(settings: SimulationSettings) -> Path:
    from sensorium_tf.simulation import simulate_movie_recording

    for name, flag in SETTINGS.holders.items():
        if flag.present and name not in _OF_MOVIES:
            raise SensoriumError(f"--{name}: is not for movies: leave it out")
    print(f"simulating {settings.neurons} neurons that see {settings.clips} movies and repeats")
    return simulate_movie_recording(
        COMMAND["output"].value,
        session_key=settings.session if SETTINGS["session"].present else None,
        n_neurons=settings.neurons,
        n_clips=settings.clips,
        n_frames=settings.frames,
        n_repeats=settings.repeats,
        seed=settings.seed,
        competition=settings.competition,
    )


if __name__ == "__main__":
    cli.run(main)
