"""The trials of a recording, read by the workers of an Apache Beam runner."""

import dataclasses
import functools
import json
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from sensorium_tf.datasets.sensorium.images import read_images
from sensorium_tf.datasets.sensorium.trials import blocks_of, examples_of

from sensorium_tf.challenges import Challenge
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.plausibility import ImageSummary
from sensorium_tf.recordings.statistics import Moments
from sensorium_tf.specs import IMAGE, RecordingSpec

_FOUND = "found"
_MOST_PROBLEMS = 20


@dataclasses.dataclass(frozen=True)
class Found:
    """What workers found out, which they can tell by what they return alone; it adds up.

    Attributes:
        summary: Of the images.
        problems: What is wrong with the recording.
    """

    summary: ImageSummary = dataclasses.field(default_factory=ImageSummary)
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Found") -> "Found":
        problems = dict.fromkeys(self.problems + other.problems)
        return Found(self.summary + other.summary, tuple(problems)[:_MOST_PROBLEMS])


def read_report(path: os.PathLike) -> Found:
    """Returns what the workers found out, and removes the file that told it."""
    path = Path(path)
    values = json.loads(path.read_text("utf-8"))
    path.unlink()
    training = Moments(**values["summary"].pop("training"))
    return Found(ImageSummary(**values["summary"], training=training), tuple(values["problems"]))


class BeamTrials(beam.PTransform):
    """The trials of one tier, as TFDS takes them.

    Args:
        recording: Theirs.
        spec: What the dataset holds of it.
        trials: Their indexes.
        tiers: As of `Recording`, which each worker opens.
        report: File that the workers write for `read_report`.
    """

    def __init__(
        self,
        recording: Recording,
        spec: RecordingSpec,
        trials: np.ndarray,
        *,
        tiers: Mapping[str, str] | None,
        report: os.PathLike,
    ):
        super().__init__()
        self._blocks = [block.tolist() for block in blocks_of(trials)]
        self._read = _Read(recording.path.absolute(), recording.challenge, tiers, spec)
        self._report = os.fspath(report)

    def expand(self, pipeline):
        """Adds the steps to a pipeline."""
        read = (
            pipeline
            | "Blocks" >> beam.Create(self._blocks)
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(self._read).with_outputs(_FOUND, main="trials")
        )
        _ = (
            read[_FOUND]
            | "Sum" >> beam.CombineGlobally(_sum)
            | "Report" >> beam.Map(functools.partial(_write, path=self._report))
        )
        return read["trials"]


class _Read(beam.DoFn):
    """Reads blocks of trials, on a worker.

    Args:
        path: Of the recording.
        challenge: As of `Recording`.
        tiers: As of `Recording`.
        spec: What the dataset holds.
    """

    def __init__(
        self,
        path: Path,
        challenge: Challenge,
        tiers: Mapping[str, str] | None,
        spec: RecordingSpec,
    ):
        self._path, self._challenge, self._tiers, self._spec = path, challenge, tiers, spec

    def setup(self) -> None:
        """Opens the recording."""
        with warnings.catch_warnings(action="ignore"):  # said when it was opened first
            self._recording = Recording(self._path, challenge=self._challenge, tiers=self._tiers)

    def process(self, block: list[int]) -> Iterator[Any]:
        """Yields the trials of a block, and what was found out about it."""
        recording, trials = self._recording, np.array(block)
        try:
            images, summary = read_images(recording, trials)
            signals = {
                name: recording.read(name, trials).astype(np.float32)
                for name in self._spec.names
                if name != IMAGE
            }
            found = Found(summary)
        except SensoriumError as e:
            found = Found(problems=(str(e),))
            # The dataset will be thrown away, but TFDS wants some trial in each tier.
            trials = trials[:1]
            signals = {
                signal.name: np.zeros((1, *signal.shape), np.float32)
                for signal in self._spec.signals
            }
        else:
            signals[IMAGE] = images
        yield beam.pvalue.TaggedOutput(_FOUND, found)
        yield from examples_of(recording, trials, signals)

    def teardown(self) -> None:
        """Closes the recording."""
        self._recording.close()


def _sum(found: Iterable[Found]) -> Found:
    return sum(found, Found())


def _write(found: Found, *, path: str) -> None:
    Path(path).write_text(json.dumps(dataclasses.asdict(found)), "utf-8")
