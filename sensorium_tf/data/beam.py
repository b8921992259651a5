"""Preparing with Apache Beam, on whose workers a recording is read."""

from collections.abc import Sequence
from typing import Any

from sensorium_tf.errors import SensoriumError, one_line


def beam_settings(runner: str | None, options: Sequence[str] = ()) -> dict[str, Any]:
    """Returns what TFDS's `DownloadConfig` is told of Beam; nothing where it is not asked for.

    Args:
        runner: Name of a Beam runner, such as `DirectRunner`.
        options: Its options, such as `direct_num_workers=2`.

    Raises:
        SensoriumError: If Beam is not installed, has no such runner, or there are options alone.
    """
    if runner is None:
        if options:
            raise SensoriumError("beam_options: go with a Beam runner (--beam_runner)")
        return {}
    try:
        from apache_beam.options.pipeline_options import PipelineOptions
        from apache_beam.runners import create_runner
    except ImportError as e:
        raise SensoriumError(
            'a Beam runner needs apache-beam: pip install "sensorium_tf[beam]" (or pip install '
            "'.[beam]' in a clone)"
        ) from e
    try:
        create_runner(runner)
    except (AttributeError, ImportError, ValueError) as e:
        raise SensoriumError(f"beam_runner {runner!r}: {one_line(e, most=250)}") from e
    flags = [f"--{option}" for option in options]
    return {"beam_runner": runner, "beam_options": PipelineOptions(flags)}
