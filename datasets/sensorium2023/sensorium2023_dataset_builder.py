"""Movies and the responses of mouse visual cortex: one config a mouse."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from sensorium_tf.datasets.shared.builder import (
    SIMULATED_SESSION,
    RecordingBuilder,
    configs_of,
    manual_instructions,
)
from sensorium_tf.datasets.shared.description import describe
from sensorium_tf.datasets.shared.frame_statistics import write_frame_statistics

from sensorium_tf.challenges import sensorium2023
from sensorium_tf.recordings import MovieRecording
from sensorium_tf.simulation import simulate_movie_recording
from sensorium_tf.specs import RecordingSpec

_KEYS = 1 << 128


class Builder(RecordingBuilder):
    """TFDS builder of the dataset `sensorium2023`, as of `RecordingBuilder`.

    The recording is read twice, trial by trial: once to find all that is wrong with it, its
    statistics and its repeats, and once to write it.

    Attributes:
        challenge: The benchmark whose recordings these are.
    """

    VERSION = tfds.core.Version("1.1.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First release: raw responses, videos as recorded, without their padding.",
        "1.1.0": "The statistics of each frame are beside the trials.",
    }
    challenge = sensorium2023.CHALLENGE
    BUILDER_CONFIGS = configs_of(
        challenge,
        simulated="A simulated population of 100 neurons with known rates; no download.",
    )
    MANUAL_DOWNLOAD_INSTRUCTIONS = manual_instructions(challenge)
    # The package may be installed in place, where TFDS cannot work them out from the module name.
    pkg_dir_path = tfds.core.Path(__file__).parent
    code_path = tfds.core.Path(__file__)

    def _simulate(self, folder: Path) -> Path:
        return simulate_movie_recording(
            folder, session_key=SIMULATED_SESSION, n_neurons=100, n_clips=40, n_frames=150
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        recording = self._open(dl_manager)
        spec = self._spec_of(recording)
        found = recording.surveyed
        self.info.metadata.update(
            describe(
                recording,
                spec,
                withheld_signals=found.withheld_signals,
                silent_tiers=found.silent_tiers,
                n_frames=found.n_frames,
            )
        )
        write_frame_statistics(self.data_path, recording, spec)
        trials = {tier: recording.trials_of(tier) for tier in self.challenge.tiers}
        return {
            tier: self._generate_examples(recording, spec, indexes)
            for tier, indexes in trials.items()
            if indexes.size
        }

    def _generate_examples(
        self, recording: MovieRecording, spec: RecordingSpec, trials: np.ndarray
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yields some trials, in the order of their index; memory holds a few."""
        # TFDS sorts by key what exceeds its memory, in parts of the range that keys can have, each
        # as a whole: in one part alone would be all trials with small numbers for keys.
        step = _KEYS // recording.n_trials
        for trial in recording.trials(trials):
            yield (
                trial.index * step,
                {
                    **{name: trial.signals[name] for name in spec.names},
                    "video_id": recording.surveyed.video_ids[trial.index],
                    "trial_id": recording.trial_ids[trial.index],
                    "trial_index": recording.file_numbers[trial.index],
                },
            )
