"""Natural images and the responses of mouse visual cortex: one config a mouse."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from sensorium_tf.datasets.sensorium.images import Images
from sensorium_tf.datasets.sensorium.trials import examples_of
from sensorium_tf.datasets.shared.builder import (
    SIMULATED_SESSION,
    RecordingBuilder,
    configs_of,
    manual_instructions,
)
from sensorium_tf.datasets.shared.description import describe

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.plausibility import check_images, check_signal
from sensorium_tf.simulation import simulate_recording
from sensorium_tf.specs import IMAGE, RESPONSE, RecordingSpec


class Builder(RecordingBuilder):
    """TFDS builder of the dataset `sensorium`, as of `RecordingBuilder`.

    Attributes:
        challenge: The benchmark whose recordings these are.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First release: raw responses, images as recorded.",
        "1.1.0": "The metadata carry the number of trials of each tier and a checksum.",
        "2.0.0": "The features follow the recording, whose description is in the metadata.",
    }
    challenge = sensorium2022.CHALLENGE
    BUILDER_CONFIGS = configs_of(
        challenge,
        simulated="A simulated population of 500 neurons with known rates; no download.",
    )
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions(challenge)
    # The package may be installed in place, where TFDS cannot work them out from the module name.
    pkg_dir_path = tfds.core.Path(__file__).parent
    code_path = tfds.core.Path(__file__)

    def _simulate(self, folder: Path) -> Path:
        return simulate_recording(folder, session_key=SIMULATED_SESSION)

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Prepares the dataset, as of `RecordingBuilder`: by Apache Beam if its config says so."""
        config = kwargs.get("download_config") or tfds.download.DownloadConfig()
        self._by_beam = bool(config.beam_runner or config.beam_options)
        super().download_and_prepare(**kwargs)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        recording = self._open(dl_manager)
        spec = self._spec_of(recording)
        signals = {
            name: recording.read(name).astype(np.float32, copy=False)
            for name in spec.names
            if name != IMAGE
        }
        for name, values in signals.items():
            check_signal(recording, name, values)
        self.info.metadata.update(_described(recording, spec, signals))
        trials = {tier: recording.trials_of(tier) for tier in self.challenge.tiers}
        trials = {tier: indexes for tier, indexes in trials.items() if indexes.size}
        if self._by_beam:
            return self._split_by_beam(recording, spec, trials)
        images = Images(recording, n_trials=sum(map(len, trials.values())))
        return {
            tier: self._generate_examples(recording, images, signals, indexes)
            for tier, indexes in trials.items()
        }

    def _split_by_beam(
        self, recording: Recording, spec: RecordingSpec, trials: Mapping[str, np.ndarray]
    ) -> dict[str, Any]:
        from sensorium_tf.datasets.sensorium.beam_trials import BeamTrials

        self._reported = recording, [self.data_path / f"{tier}.report.json" for tier in trials]
        return {
            tier: BeamTrials(recording, spec, indexes, tiers=self._tiers, report=report)
            for (tier, indexes), report in zip(trials.items(), self._reported[1], strict=True)
        }

    def _process_pipeline_result(self, pipeline_result: Any) -> None:
        """Judges what the workers of a Beam runner have read."""
        from sensorium_tf.datasets.sensorium.beam_trials import Found, read_report

        recording, reports = self._reported
        found = sum(map(read_report, reports), Found())
        if found.problems:
            raise SensoriumError("; ".join(found.problems))
        check_images(recording, found.summary)

    def _generate_examples(
        self,
        recording: Recording,
        images: Images,
        signals: Mapping[str, np.ndarray],
        trials: np.ndarray,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields some trials, in the order of their index."""
        for block, shown in images.blocks(trials):
            of_block = {name: values[block] for name, values in signals.items()}
            yield from examples_of(recording, block, {IMAGE: shown, **of_block})


def _described(
    recording: Recording, spec: RecordingSpec, signals: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the metadata of a dataset, by the signals but for the image, of all trials."""
    trials = {tier: recording.trials_of(tier) for tier in recording.challenge.tiers}
    responses = {tier: signals[RESPONSE][index] for tier, index in trials.items() if index.size}
    return describe(
        recording,
        spec,
        withheld_signals=[each.name for each in spec.context if not signals[each.name].any()],
        silent_tiers={tier: each.size for tier, each in responses.items() if not each.any()},
    )
