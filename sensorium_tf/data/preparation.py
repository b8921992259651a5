"""Preparing a recording as a TFDS dataset."""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow_datasets as tfds

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.config import hint
from sensorium_tf.data.beam import beam_settings
from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.names import FILE_FORMATS
from sensorium_tf.data.opening import builder_of, load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.recordings import MovieRecording, Recording, open_recording
from sensorium_tf.specs import RecordingSpec


def prepare(
    name: str,
    *,
    recording: str | os.PathLike | None = None,
    tiers: Mapping[str, str] | None = None,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    file_format: str = FILE_FORMATS[0],
    beam_runner: str | None = None,
    beam_options: Sequence[str] = (),
    challenge: Challenge = DEFAULT,
) -> Mouse:
    """Prepares a mouse, unless it is, so that `tfds.load(f"sensorium/{name}")` works.

    Args:
        name: `mouse1` to `mouse7`, `simulated`, or a new name for a custom recording.
        recording: Zip or folder to prepare; if left out the published file is taken from the manual
            folder, or downloaded.
        tiers: Name of a tier in that recording to the one that it is here, such as
            `{"oracle": "test"}`, or to nothing, which leaves its trials out.
        data_dir: Where prepared datasets go; TFDS's default if left out.
        manual_dir: Folder with the published zips.
        file_format: `tfrecord`, or `array_record` for `tfds.data_source`.
        beam_runner: Apache Beam runner on whose workers the trials are read, such as
            `DirectRunner`; they find the recording and `data_dir` under the same paths.
        beam_options: Options of that runner, such as `direct_num_workers=2`.
        challenge: Whose mouse; those of `sensorium2023` are `sensorium2023/{name}` to TFDS.

    Returns:
        The prepared mouse.

    Raises:
        SensoriumError: If the recording cannot be had or read, or the name is taken by another one
            or by another file format. Nothing is left half made.
    """
    if file_format not in FILE_FORMATS:
        raise SensoriumError(f"file format {file_format!r}: {hint(file_format, FILE_FORMATS)}")
    if manual_dir is not None and not (manual_dir := expand(manual_dir)).is_dir():
        raise SensoriumError(f"manual folder {manual_dir}: there is no such folder")
    if tiers and recording is None:
        raise SensoriumError("tiers: go with a recording of one's own (--recording)")
    if challenge.recording.has_time and (beam_runner or beam_options):
        raise SensoriumError("beam_runner: movies are prepared without Apache Beam: leave it out")
    builder = builder_of(
        name, data_dir=data_dir, recording=recording, tiers=tiers, challenge=challenge
    )
    if builder.data_path.exists():
        return _check_same(
            load_mouse(name, data_dir=data_dir, challenge=challenge),
            builder,
            recording,
            tiers,
            file_format,
        )
    if recording is None and name not in builder.builder_configs:
        raise SensoriumError(
            f"mouse {name!r} is not known: {', '.join(builder.builder_configs)}, or give a file "
            "with --recording"
        )
    config = tfds.download.DownloadConfig(
        manual_dir=manual_dir,
        try_download_gcs=False,
        **beam_settings(beam_runner, beam_options),
    )
    # TFDS says so on standard output, which is for what the caller asked for.
    with contextlib.redirect_stdout(sys.stderr):
        builder.download_and_prepare(download_config=config, file_format=file_format)
    mouse = load_mouse(name, data_dir=data_dir, challenge=challenge)
    if builder.prepared_elsewhere:
        return _check_same(mouse, builder, recording, tiers, file_format)
    return mouse


def _check_same(mouse: Mouse, builder, recording, tiers, file_format: str) -> Mouse:
    """Returns a mouse that is prepared already, if it is what was asked for."""
    prepared = builder.info.file_format.value
    if prepared != file_format:
        raise SensoriumError(
            f"{builder.name}/{mouse.name} is prepared as {prepared} in {mouse.data_path}: load "
            f"it so, or prepare it as {file_format} in another --data_dir"
        )
    if recording is not None:
        with open_recording(recording, challenge=mouse.challenge, tiers=tiers) as given:
            same = (
                given.session_key == mouse.session_key
                and {t: len(given.trials_of(t)) for t in mouse.tiers} == dict(mouse.tiers)
                and given.n_trials == sum(mouse.tiers.values())
                and _shapes(mouse.spec).items() <= _shapes(given.spec).items()
                and all(
                    np.array_equal(getattr(given.statistics[name], key), known[key])
                    for name, known in mouse.statistics.items()
                    for key in ("mean", "std")
                )
                and _has_same_neurons(mouse, given)
            )
        if not same:
            raise SensoriumError(
                f"{builder.name}/{mouse.name} is prepared from another recording, or with other "
                f"tiers or metadata of neurons (session {mouse.session_key}), in "
                f"{mouse.data_path}: choose another --name, or delete it"
            )
    return mouse


def _shapes(spec: RecordingSpec) -> dict[str, tuple[int, ...]]:
    return {signal.name: signal.shape for signal in spec.signals}


def _has_same_neurons(mouse: Mouse, given: Recording | MovieRecording) -> bool:
    """Tells whether what is known of a mouse's neurons is what its recording says of them."""
    known = {
        **given.neurons,
        "unit_ids": given.unit_ids,
        "cell_motor_coordinates": given.cell_motor_coordinates,
    }
    # As text, in which NaN is NaN.
    return known.keys() == mouse.neurons.keys() and all(
        np.array_equal(values.astype(str), mouse.neurons[name].astype(str))
        for name, values in known.items()
    )
