"""A simulated mouse on disk: the recording, and beside it the truth that it must not contain."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.recordings.writer import write_recording
from sensorium_tf.simulation.behavior import BEHAVIOR, PUPIL_CENTER
from sensorium_tf.simulation.hidden import HiddenState
from sensorium_tf.simulation.mouse import simulate_mouse
from sensorium_tf.simulation.settings import SimulationSettings
from sensorium_tf.specs import IMAGE, RecordingSpec, parse_size


def recording_spec(
    *,
    image_size: str | None = SimulationSettings.image_size,
    n_channels: int | None = SimulationSettings.channels,
    n_behaviors: int | None = SimulationSettings.behaviors,
    pupil_center: bool = SimulationSettings.pupil,
    context: Sequence[str] = SimulationSettings.context,
    challenge: Challenge = DEFAULT,
) -> RecordingSpec:
    """Returns what a simulated recording is to hold; what is left out is as in the challenge.

    Args:
        image_size: Height and width of the images in pixels, such as `36x64`.
        n_channels: Colours of the images.
        n_behaviors: Columns of behavior; 0 for none recorded.
        pupil_center: Whether the eye is recorded.
        context: Names of further signals, of one column each, which change the rates as well.
        challenge: The benchmark.

    Raises:
        SensoriumError: If the size is no size, or a name is taken.
    """
    spec = challenge.recording
    height, width, channels = spec.image_shape
    if image_size is not None:
        height, width = parse_size(image_size, example=challenge.image_size)
    shape = (height, width, channels if n_channels is None else n_channels)
    spec = spec.with_shapes({IMAGE: shape})
    if n_behaviors is not None:
        spec = spec.with_shapes({BEHAVIOR: (n_behaviors,)})
    absent = [
        *([BEHAVIOR] if n_behaviors == 0 else []),
        *([] if pupil_center else [PUPIL_CENTER]),
    ]
    spec = spec.without(*absent)
    for name in context:
        if name in spec:
            raise SensoriumError(f"context signal {name!r}: is recorded already")
        spec = spec.with_context(name, 1)
    return spec


def simulate_recording(
    output_dir: str | Path,
    *,
    session_key: str = SimulationSettings.session,
    n_neurons: int = SimulationSettings.neurons,
    n_images: int = SimulationSettings.images,
    n_repeats: int = SimulationSettings.repeats,
    seed: int = SimulationSettings.seed,
    behavior: bool = SimulationSettings.behavior,
    competition: bool = SimulationSettings.competition,
    spec: RecordingSpec | None = None,
    hidden: HiddenState | None = None,
    challenge: Challenge = DEFAULT,
) -> Path:
    """Simulates a mouse and writes it in the published file tree.

    Beside the recording, `<stem>_truth.npz` keeps what the recording must not hold: `rates` and
    `responses`, each `(trials, neurons)` in the recording's units, with `tiers`, `image_ids` and
    `trial_ids` (strings), each `(trials,)`, and `unit_ids` `(neurons,)`, in the recording's order.
    What each neuron responds to is beside them: `neuron_kind`, `neuron_place`,
    `neuron_orientation`, `neuron_wavelength`, `neuron_phase` and `neuron_size`, as of
    `recordings.Truth`.

    Args:
        output_dir: Folder to write to; it is made where it is missing.
        session_key: Animal, session and scan; it names the file.
        n_neurons: Number of neurons.
        n_images: Images shown once, for training and validation.
        n_repeats: How often each test image is shown.
        seed: Equal arguments give equal files, byte for byte.
        behavior: Whether the file holds the values of behavior and pupil center; else they are
            zeros, as in the recording of the `sensorium` track.
        competition: Whether the file has the form of the competition's: a `final_test` tier, zeros
            in place of the responses of the test tiers, hashed trial ids.
        spec: What is recorded, from `recording_spec`; as in the challenge if left out.
        hidden: What moves the rates beside image and animal; nothing if left out. The true rates
            include it.
        challenge: The benchmark whose form the file has.

    Returns:
        Path of the zip file.

    Raises:
        SensoriumError: If an argument is out of range or a file cannot be written.
    """
    mouse = simulate_mouse(
        session_key=session_key,
        n_neurons=n_neurons,
        n_images=n_images,
        n_repeats=n_repeats,
        seed=seed,
        competition=competition,
        spec=spec,
        hidden=hidden,
        challenge=challenge,
    )
    path = expand(output_dir) / f"{challenge.recording_stem(session_key)}.zip"
    # The truth first: where there is a recording, there is its truth.
    Truth(
        tiers=mouse.tiers,
        image_ids=mouse.image_ids,
        trial_ids=mouse.trial_ids,
        unit_ids=mouse.population.unit_ids,
        rates=mouse.rates,
        responses=mouse.responses,
        neurons=mouse.population.tuning(),
    ).save(path.with_name(f"{path.stem}_truth.npz"))
    measured = mouse.responses
    if competition:
        hidden = np.isin(mouse.tiers, list(challenge.test_tiers))
        measured = np.where(hidden[:, None], np.float32(0), measured)
    return write_recording(
        path,
        session_key=session_key,
        images=mouse.images,
        responses=measured,
        context={
            name: values if behavior else np.zeros_like(values)
            for name, values in mouse.signals.items()
        },
        tiers=mouse.tiers,
        image_ids=mouse.image_ids,
        trial_ids=mouse.trial_ids,
        unit_ids=mouse.population.unit_ids,
        cell_motor_coordinates=mouse.population.coordinates,
        image_class="dead_leaves",
        challenge=challenge,
    )
