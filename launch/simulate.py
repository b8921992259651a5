"""Simulates a mouse and writes it as a recording, in the published file tree.

Beside the recording goes <name>_truth.npz: the true rates, and the responses that a competition
recording withholds.

    python launch/simulate.py --output=runs/recordings --session=26872-17-20 --neurons=500
"""

from sensorium_tf import cli
from sensorium_tf.config import from_flat
from sensorium_tf.flags import define_flags
from sensorium_tf.simulation.settings import SimulationSettings

OUTPUT = define_flags(cli.CommandSettings, ["output"], required=["output"])["output"]
SETTINGS = define_flags(SimulationSettings)


def main() -> None:
    from sensorium_tf.simulation import HiddenState, recording_spec, simulate_recording

    settings = from_flat(SimulationSettings, SETTINGS.values())
    print(f"simulating {settings.neurons} neurons (a mouse of full size takes about two minutes)")
    path = simulate_recording(
        OUTPUT.value,
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
    print(f"{path}\n{path.with_name(path.stem + '_truth.npz')}")


if __name__ == "__main__":
    cli.run(main)
