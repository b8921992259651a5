"""Preparing a recording as a TFDS dataset."""

import contextlib
import os
import re
import sys
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from sensorium_tf.data.mouse import Mouse, find_builder, load_mouse
from sensorium_tf.datasets.sensorium import Builder
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import Recording

#: The first is for `tfds.load`, the second for `tfds.data_source`.
FILE_FORMATS = ("tfrecord", "array_record")


def prepare(
    name: str,
    *,
    recording: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
    file_format: str = "tfrecord",
) -> Mouse:
    """Prepares a mouse, unless it is, so that `tfds.load(f"sensorium/{name}")` works.

    Args:
      name: `mouse1` to `mouse7`, `simulated`, or a new name for one's own recording.
      recording: zip or folder to prepare; if left out the published file is taken from the manual
        folder, or downloaded.
      data_dir: where prepared datasets go; TFDS's default if left out.
      manual_dir: folder with the published zips.
      file_format: `tfrecord`, or `array_record` for `tfds.data_source`.

    Returns:
      The prepared mouse.

    Raises:
      SensoriumError: if the recording cannot be had or read, or the name is taken by another one
        or by another file format. Nothing is left half made.
    """
    if file_format not in FILE_FORMATS:
        raise SensoriumError(f"file format {file_format!r}: expected {' or '.join(FILE_FORMATS)}")
    if manual_dir is not None and not Path(manual_dir).expanduser().is_dir():
        raise SensoriumError(f"manual folder {manual_dir}: there is no such folder")
    builder = _builder(name, recording=recording, data_dir=data_dir)
    if builder.data_path.exists():
        return _check_same(load_mouse(name, data_dir=data_dir), builder, recording, file_format)
    config = tfds.download.DownloadConfig(
        manual_dir=manual_dir,
        try_download_gcs=False,
    )
    # TFDS says so on standard output, which is for what the caller asked for.
    with contextlib.redirect_stdout(sys.stderr):
        builder.download_and_prepare(download_config=config, file_format=file_format)
    return load_mouse(name, data_dir=data_dir)


def _builder(name, *, recording, data_dir) -> tfds.core.DatasetBuilder:
    if recording is None:
        builder = find_builder(name, data_dir=data_dir)
        if builder is None:
            raise SensoriumError(
                f"mouse {name!r} is not known: {', '.join(Builder.builder_configs)}, or give the "
                "file of your own with --recording"
            )
        return builder
    if name in Builder.builder_configs:
        return Builder(config=name, recording=recording, data_dir=data_dir)
    if not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise SensoriumError(f"name {name!r}: expected letters, digits and _, a letter first")
    config = tfds.core.BuilderConfig(name=name, description=f"A recording of one's own: {name}.")
    return Builder(config=config, recording=recording, data_dir=data_dir)


def _check_same(mouse: Mouse, builder, recording, file_format: str) -> Mouse:
    """Returns a mouse that is prepared already, if it is what was asked for."""
    prepared = builder.info.file_format.value
    if prepared != file_format:
        raise SensoriumError(
            f"sensorium/{mouse.name} is prepared as {prepared} in {mouse.data_path}: load it so, "
            f"or prepare it as {file_format} in another --data_dir"
        )
    if recording is not None:
        with Recording(recording) as given:
            mean = given.statistics["responses"].mean
            same = given.session_key == mouse.session_key and np.array_equal(
                mean, mouse.statistics["responses"]["mean"]
            )
        if not same:
            raise SensoriumError(
                f"sensorium/{mouse.name} is prepared from another recording (session "
                f"{mouse.session_key}) in {mouse.data_path}: choose another --name, or delete it"
            )
    return mouse
