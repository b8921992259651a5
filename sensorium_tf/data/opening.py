"""Opening a prepared mouse by its name."""

import contextlib
import os
import re
import sys
from collections.abc import Mapping

import tensorflow_datasets as tfds

from sensorium_tf.challenges import DEFAULT, Challenge
from sensorium_tf.config import hint
from sensorium_tf.data.image_mouse import ImageMouse
from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.movies import MovieMouse
from sensorium_tf.data.normalizing import response_scale
from sensorium_tf.data.prepared_files import is_refused
from sensorium_tf.data.prepared_recording import SIMULATED
from sensorium_tf.datasets import sensorium, sensorium2023
from sensorium_tf.datasets.shared.builder import RecordingBuilder
from sensorium_tf.errors import AccessError, SensoriumError, one_line
from sensorium_tf.io import expand
from sensorium_tf.specs import RESPONSE

_BUILDERS: dict[str, type[RecordingBuilder]] = {
    module.Builder.challenge.name: module.Builder for module in (sensorium, sensorium2023)
}


def load_mouse(
    name: str,
    *,
    data_dir: str | os.PathLike | None = None,
    challenge: Challenge = DEFAULT,
) -> Mouse:
    """Opens a prepared mouse; reads no trial yet. `simulated` is prepared if it is not there.

    Args:
        name: `mouse1` to `mouse7`, `simulated`, or the name given to a custom recording.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        challenge: Whose mouse; that of a challenge of movies is a `MovieMouse`.

    Raises:
        SensoriumError: If it has not been prepared, or by another version, or what is there is
            damaged or cannot be read.
    """
    folder = expand(data_dir or tfds.core.constants.DATA_DIR)
    try:
        builder = builder_of(name, data_dir=data_dir, challenge=challenge)
        if name == SIMULATED:
            # TFDS says so on standard output, which is for what the caller asked for.
            with contextlib.redirect_stdout(sys.stderr):
                builder.download_and_prepare()
        if builder.data_path.exists():
            return _open(name, builder)
        earlier = sorted(builder.data_path.parent.glob("[0-9]*.[0-9]*.[0-9]*"))
    except SensoriumError:
        raise
    except Exception as e:  # TFDS and protobuf raise many kinds of error on damaged metadata
        if is_refused(e):
            raise AccessError(
                f"mouse {name!r}: the prepared dataset in {folder} cannot be read: "
                f"{one_line(e)[:200]}"
            ) from e
        raise SensoriumError(
            f"mouse {name!r}: the prepared dataset in {folder} is damaged ({one_line(e)}): delete "
            f"the folder {dataset_of(challenge)}/{name} there and prepare it again"
        ) from e
    script = "run python launch/prepare.py"
    if challenge is not DEFAULT:
        script += f" --challenge={challenge.name}"
    known = builder.builder_configs
    command = f"{script} --mice={name}"
    if name not in known:
        command = f"{script} --recording=PATH --name={name}"
    if earlier:
        raise SensoriumError(
            f"mouse {name!r} in {folder} is prepared as version {earlier[-1].name}, but this is "
            f"version {builder.version}: {command} and delete the folder {earlier[-1]}"
        )
    if name not in known:
        # There is nothing of this name that could be prepared without a recording.
        raise SensoriumError(
            f"mouse {name!r} is not prepared in {folder}, and no published one has this name "
            f"({hint(name, known)}); for a custom recording {command}"
        )
    raise SensoriumError(f"mouse {name!r} is not prepared in {folder}: {command}")


def builder_of(
    name: str,
    *,
    data_dir: str | os.PathLike | None = None,
    recording: str | os.PathLike | None = None,
    tiers: Mapping[str, str] | None = None,
    challenge: Challenge = DEFAULT,
) -> RecordingBuilder:
    """Returns the TFDS builder of a mouse, published or not, prepared or not.

    It is always this package's: `tfds.builder` would make one of what the data folder says, and
    import the modules that are named there.

    Args:
        name: Of the mouse.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        recording: Zip or folder to prepare.
        tiers: What its tiers are called here, as of `recordings.Recording`.
        challenge: Whose mouse.

    Raises:
        SensoriumError: If there cannot be a mouse of this name, or what is prepared is damaged.
    """
    builder = _BUILDERS[challenge.name]
    if name in builder.builder_configs:
        config = name
    elif isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        description = f"A custom recording: {name}."
        config = tfds.core.BuilderConfig(name=name, description=description)
    else:
        raise SensoriumError(f"name {name!r}: expected letters, digits and _, a letter first")
    return builder(config=config, recording=recording, tiers=tiers, data_dir=data_dir)


def dataset_of(challenge: Challenge) -> str:
    """Returns the name of the TFDS dataset of a challenge, such as `sensorium`."""
    return _BUILDERS[challenge.name].name


def _open(name: str, builder: RecordingBuilder) -> Mouse:
    described = builder.description
    kind = MovieMouse if described.spec.has_time else ImageMouse
    return kind(
        name=name,
        session_key=described.session_key,
        spec=described.spec,
        tiers=described.trials,
        neurons=described.neurons,
        statistics=described.statistics,
        response_scale=response_scale(described.statistics[RESPONSE]["std"]),
        withheld_signals=described.withheld_signals,
        withheld_tiers=described.withheld_tiers,
        _builder=builder,
    )
