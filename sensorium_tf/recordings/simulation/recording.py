"""A simulated mouse on disk: the recording, and beside it the truth that it must not contain."""

from pathlib import Path

import numpy as np

from sensorium_tf.files import expand
from sensorium_tf.recordings.catalog import recording_stem
from sensorium_tf.recordings.simulation.mouse import simulate
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.recordings.writer import write_recording


def simulate_recording(
    output_dir: str | Path,
    *,
    session_key: str = "26872-17-20",
    n_neurons: int = 500,
    n_images: int = 1000,
    n_repeats: int = 10,
    seed: int = 0,
    behavior: bool = True,
    competition: bool = False,
) -> Path:
    """Simulates a mouse and writes it in the published file tree.

    Beside the recording, `<stem>_truth.npz` keeps what the recording must not hold: `rates` and
    `responses`, each `(trials, neurons)` in the recording's units, with `tiers`, `image_ids` and
    `trial_ids` (strings), each `(trials,)`, and `unit_ids` `(neurons,)`, in the recording's order.

    Args:
      output_dir: folder to write to; it is made where it is missing.
      session_key: animal, session and scan; it names the file.
      n_neurons: number of neurons.
      n_images: images shown once, for training and validation.
      n_repeats: how often each test image is shown.
      seed: equal arguments give equal files, byte for byte.
      behavior: whether the file holds behavior and pupil center; else they are zeros, as in the
        recording of the `sensorium` track.
      competition: whether the file has the form of the competition's: a `final_test` tier, zeros
        in place of the responses of both test tiers, hashed trial ids.

    Returns:
      Path of the zip file.

    Raises:
      SensoriumError: if an argument is out of range or a file cannot be written.
    """
    mouse = simulate(
        session_key=session_key,
        n_neurons=n_neurons,
        n_images=n_images,
        n_repeats=n_repeats,
        seed=seed,
        competition=competition,
    )
    path = expand(output_dir) / f"{recording_stem(session_key)}.zip"
    # The truth first: where there is a recording, there is its truth.
    Truth(
        tiers=mouse.tiers,
        image_ids=mouse.image_ids,
        trial_ids=mouse.trial_ids,
        unit_ids=mouse.population.unit_ids,
        rates=mouse.rates,
        responses=mouse.responses,
    ).save(path.with_name(f"{path.stem}_truth.npz"))
    measured = mouse.responses
    if competition:
        hidden = np.isin(mouse.tiers, ["test", "final_test"])
        measured = np.where(hidden[:, None], np.float32(0), measured)
    return write_recording(
        path,
        session_key=session_key,
        images=mouse.images,
        responses=measured,
        behavior=mouse.behavior if behavior else np.zeros_like(mouse.behavior),
        pupil_center=mouse.pupil_center if behavior else np.zeros_like(mouse.pupil_center),
        tiers=mouse.tiers,
        image_ids=mouse.image_ids,
        trial_ids=mouse.trial_ids,
        unit_ids=mouse.population.unit_ids,
        cell_motor_coordinates=mouse.population.coordinates,
        image_class="dead_leaves",
    )
