"""Natural images and the responses of mouse visual cortex: one config a mouse."""

import contextlib
import dataclasses
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from sensorium_tf.datasets.sensorium.description import Description, describe
from sensorium_tf.datasets.sensorium.download import Download
from sensorium_tf.datasets.sensorium.features import features_of
from sensorium_tf.datasets.sensorium.images import Images
from sensorium_tf.datasets.sensorium.manual import find_by_hand
from sensorium_tf.datasets.sensorium.prepared import check_prepared
from sensorium_tf.datasets.sensorium.trials import examples_of

from sensorium_tf.challenges import sensorium2022
from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line, os_reason
from sensorium_tf.io import expand, file_lock
from sensorium_tf.recordings import Recording
from sensorium_tf.recordings.plausibility import check_images, check_signal
from sensorium_tf.simulation import simulate_recording
from sensorium_tf.specs import IMAGE, RecordingSpec

_CHALLENGE = sensorium2022.CHALLENGE
# A mouse of its own: it shares no session with a published one.
_SIMULATED_SESSION = "1-1-1"


@dataclasses.dataclass(eq=False)
class RecordingConfig(tfds.core.BuilderConfig):
    """One mouse: what TFDS has to know of its recording before it is opened.

    Attributes:
        name: Of the mouse.
        version: As of every TFDS config; the builder's if left out.
        release_notes: As of every TFDS config.
        supported_versions: As of every TFDS config.
        description: For people.
        tags: As of every TFDS config.
        spec: The signals, every shape known but that of the response.
    """

    spec: RecordingSpec = _CHALLENGE.recording


class Builder(tfds.core.GeneratorBasedBuilder):
    """TFDS builder of the dataset `sensorium`.

    Args:
        recording: Path of a recording (zip or folder) to prepare instead of the published one.
            With a `RecordingConfig` of a new name it makes a dataset of a custom recording.
        tiers: What its tiers are called here, as of `recordings.Recording`.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        **kwargs: Those of every TFDS builder (`config`, `version`, `file_format`).

    Attributes:
        challenge: The benchmark whose recordings these are.
        description: What belongs to the recording as a whole; None before it is prepared.
        prepared_elsewhere: Whether another process prepared the dataset while this one waited.
    """

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "First release: raw responses, images as recorded.",
        "1.1.0": "The metadata carry the number of trials of each tier and a checksum.",
        "2.0.0": "The features follow the recording, whose description is in the metadata.",
    }
    BUILDER_CONFIGS = [  # noqa: RUF012
        *(
            RecordingConfig(
                name=entry.mouse,
                description=f"Session {entry.session_key} ({entry.purpose}), "
                f"{entry.n_neurons} neurons as published.",
            )
            for entry in _CHALLENGE.catalog.values()
        ),
        RecordingConfig(
            name="simulated",
            description="A simulated population of 500 neurons with known rates; no download.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Download the mouse's zip from {_CHALLENGE.archive_url} and put it, unopened, into this "
        "folder."
    )
    challenge = _CHALLENGE
    # The package may be installed in place, where TFDS cannot work them out from the module name.
    pkg_dir_path = tfds.core.Path(__file__).parent
    code_path = tfds.core.Path(__file__)

    def __init__(
        self,
        *,
        recording: os.PathLike | str | None = None,
        tiers: Mapping[str, str] | None = None,
        data_dir: os.PathLike | str | None = None,
        **kwargs: Any,
    ):
        self._recording = recording
        self._tiers = tiers
        self._download: Download | None = None
        self._by_beam = False
        self.description: Description | None = None
        self.prepared_elsewhere = False
        super().__init__(data_dir=expand(data_dir) if data_dir else None, **kwargs)
        # TFDS builds an equal builder in another process from these arguments.
        self._original_state |= {"recording": recording, "tiers": tiers}

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        """Returns the config, as TFDS: without its warning for a custom recording's."""
        if isinstance(builder_config, RecordingConfig):
            if builder_config.name not in self.builder_configs:
                return builder_config
        elif isinstance(builder_config, tfds.core.BuilderConfig):
            raise SensoriumError(
                f"config {builder_config.name!r}: expected a RecordingConfig, which says what the "
                "recording holds, or the name of a mouse"
            )
        return super()._create_builder_config(builder_config, version)

    def _build_data_dir(self, given_data_dir: str | None) -> tuple[str, str]:
        """Returns root and folder of the dataset, as TFDS, which reads it next: once checked."""
        root, folder = super()._build_data_dir(given_data_dir)
        self._check_prepared(folder)
        return root, folder

    def _check_prepared(self, folder: str) -> None:
        self.description = check_prepared(
            Path(folder),
            config=self.builder_config.name,
            version=str(self.version),
            tiers=_CHALLENGE.tiers,
        )

    def _info(self) -> tfds.core.DatasetInfo:
        spec = self.builder_config.spec if self.description is None else self.description.spec
        return self.dataset_info_from_configs(
            features=features_of(spec),
            homepage=_CHALLENGE.archive_url,
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def download_and_prepare(self, **kwargs: Any) -> None:
        """Prepares the dataset, unless it is there; see the base class for the arguments.

        Where another process is preparing it, waits until that is done and uses what is there then.

        Raises:
            SensoriumError: If the recording cannot be had or read, or the dataset cannot be
                written. Nothing is left half made.
        """
        if self.data_path.exists():
            return super().download_and_prepare(**kwargs)
        config = kwargs.get("download_config") or tfds.download.DownloadConfig()
        self._by_beam = bool(config.beam_runner or config.beam_options)
        if not sys.stderr.isatty():  # a log file would fill with bars
            tfds.disable_progress_bar()
        folder = self.data_path.parent
        work = f"preparing {self.name}/{self.builder_config.name}"
        with file_lock(folder / ".preparing", work, wait=True):
            if self.data_path.exists():  # another process has prepared it meanwhile
                self.prepared_elsewhere = True
                self._check_prepared(self.data_dir)
                self.info.read_from_directory(self.data_dir)
                return super().download_and_prepare(**kwargs)
            # Nobody else works here, so what is incomplete was left by a process that was killed.
            for leftover in folder.glob("incomplete.*"):
                leftover.rmtree()
            try:
                super().download_and_prepare(**kwargs)
            except SensoriumError as e:
                # What could not be read may be intact.
                if self._download is not None and not isinstance(e, AccessError):
                    self._download.forget()
                raise
            except (OSError, RuntimeError) as e:  # what TFDS makes of a write that failed
                if is_access_error(e):
                    raise AccessError(
                        f"{self.info.full_name}: cannot be prepared in {folder}: "
                        f"{e.filename or 'a file'}: {os_reason(e)}"
                    ) from e
                raise SensoriumError(
                    f"{self.info.full_name}: cannot be prepared in {folder} ({one_line(e)}): is "
                    "there space, and may you write there? Else choose another data_dir"
                ) from e
            self._check_prepared(self.data_dir)
            if self._download is not None:
                self._download.record()

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator]:
        recording = Recording(
            self._find_recording(dl_manager), challenge=_CHALLENGE, tiers=self._tiers
        )
        spec = self._spec_of(recording)
        published = _CHALLENGE.catalog.get(self.builder_config.name)
        if published is not None and recording.session_key != published.session_key:
            warnings.warn(
                f"{recording.path}: session {recording.session_key}, but {published.mouse} is "
                f"session {published.session_key}: prepared all the same",
                stacklevel=2,
            )
        signals = {
            name: recording.read(name).astype(np.float32, copy=False)
            for name in spec.names
            if name != IMAGE
        }
        for name, values in signals.items():
            check_signal(recording, name, values)
        self.info.metadata.update(describe(recording, spec, signals))
        trials = {tier: recording.trials_of(tier) for tier in _CHALLENGE.tiers}
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

    def _spec_of(self, recording: Recording) -> RecordingSpec:
        """Returns what the dataset holds of a recording: the signals of the config."""
        expected, found = self.builder_config.spec, recording.spec
        for signal in expected.signals:
            shape = found[signal.name].shape if signal.name in found else "absent"
            if shape != signal.shape and signal.role != "response":
                raise SensoriumError(
                    f"{recording.path}: {signal.name} is {shape}, but {signal.shape} in "
                    f"{self.builder_config.name}: prepare it under a name of its own "
                    "(--recording=PATH --name=NAME)"
                )
        if more := [name for name in found.names if name not in expected]:
            warnings.warn(
                f"{recording.path}: left out {', '.join(more)}, which is not part of "
                f"{self.builder_config.name}: prepare it under a name of its own to have it",
                stacklevel=3,
            )
        return RecordingSpec(tuple(found[name] for name in expected.names))

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

    def _find_recording(self, dl_manager: tfds.download.DownloadManager) -> os.PathLike | str:
        """Returns the path of the recording: given by hand, in the manual folder, downloaded."""
        name = self.builder_config.name
        if self._recording is not None:
            return self._recording
        if name == "simulated":
            folder = dl_manager.download_dir / "sensorium_simulated"
            return simulate_recording(folder, session_key=_SIMULATED_SESSION)
        if name not in _CHALLENGE.catalog:
            raise SensoriumError(f"sensorium/{name}: say which recording it is (recording=PATH)")
        entry = _CHALLENGE.catalog[name]
        with contextlib.suppress(AssertionError):  # TFDS's word for: no such folder, or empty
            if found := find_by_hand(Path(dl_manager.manual_dir), entry.stem):
                return found
        try:
            self._download = Download(dl_manager, entry.url)
        except SensoriumError as e:
            raise SensoriumError(f"sensorium/{name}: {e}") from e
        return self._download.path
