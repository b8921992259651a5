"""A dataset of recordings, one config a mouse: had from anywhere, checked, prepared once."""

import contextlib
import functools
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow_datasets as tfds
from sensorium_tf.datasets.shared.description import Description
from sensorium_tf.datasets.shared.download import Download
from sensorium_tf.datasets.shared.features import features_of
from sensorium_tf.datasets.shared.manual import find_by_hand
from sensorium_tf.datasets.shared.prepared import check_prepared

from sensorium_tf.challenges import Challenge
from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line, os_reason
from sensorium_tf.io import expand, file_lock
from sensorium_tf.recordings import OpenRecording, open_recording
from sensorium_tf.specs import RecordingSpec

#: A mouse of its own: it shares no session with a published one.
SIMULATED_SESSION = "1-1-1"


def configs_of(challenge: Challenge, *, simulated: str) -> list[tfds.core.BuilderConfig]:
    """Returns a config for each published mouse, and one that is made on the spot.

    Args:
        challenge: Whose mice.
        simulated: Description of the one that is made.
    """
    return [
        *(
            tfds.core.BuilderConfig(
                name=entry.mouse,
                description=f"Session {entry.session_key} ({entry.purpose}), "
                f"{entry.n_neurons} neurons as published.",
            )
            for entry in challenge.catalog.values()
        ),
        tfds.core.BuilderConfig(name="simulated", description=simulated),
    ]


def manual_instructions(challenge: Challenge) -> str:
    """Returns what TFDS says where a file has to be downloaded by hand."""
    return (
        f"Download the mouse's zip from {challenge.archive_url} and put it, unopened, into this "
        "folder."
    )


class RecordingBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """What TFDS builders of recordings have in common.

    Args:
        recording: Path of a recording (zip or folder) to prepare instead of the published one.
            With a config of a new name it makes a dataset of a custom recording, whose signals it
            has.
        tiers: What its tiers are called here, as of `recordings.Recording`.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
        **kwargs: Those of every TFDS builder (`config`, `version`, `file_format`).

    Attributes:
        challenge: The benchmark whose recordings these are.
        description: What belongs to the recording as a whole; None before it is prepared.
        prepared_elsewhere: Whether another process prepared the dataset while this one waited.
    """

    challenge: Challenge

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
        self.description: Description | None = None
        self.prepared_elsewhere = False
        super().__init__(data_dir=expand(data_dir) if data_dir else None, **kwargs)
        # TFDS builds an equal builder in another process from these arguments.
        self._original_state |= {"recording": recording, "tiers": tiers}

    def _create_builder_config(self, builder_config: Any, version: Any) -> Any:
        """Returns the config, as TFDS: without its warning for a custom recording's."""
        is_config = isinstance(builder_config, tfds.core.BuilderConfig)
        if is_config and builder_config.name not in self.builder_configs:
            return builder_config
        return super()._create_builder_config(builder_config, version)

    def _build_data_dir(self, given_data_dir: str | None) -> tuple[str, str]:
        """Returns root and folder of the dataset, as TFDS, which reads it next: once checked."""
        root, folder = super()._build_data_dir(given_data_dir)
        self._check_prepared(folder)
        return root, folder

    def _check_prepared(self, folder: str) -> None:
        self.description = check_prepared(
            Path(folder),
            name=self.name,
            config=self.builder_config.name,
            version=str(self.version),
            challenge=self.challenge,
        )

    def _info(self) -> tfds.core.DatasetInfo:
        spec = self._expected_spec if self.description is None else self.description.spec
        return self.dataset_info_from_configs(
            features=features_of(spec),
            homepage=self.challenge.archive_url,
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

    @functools.cached_property
    def _given(self) -> OpenRecording:
        """The recording that was given by hand, opened."""
        return self._at(self._recording)

    def _at(self, path: os.PathLike | str) -> OpenRecording:
        return open_recording(path, challenge=self.challenge, tiers=self._tiers)

    @property
    def _expected_spec(self) -> RecordingSpec:
        """The signals that the dataset will have: a custom recording's, else the challenge's."""
        published = self.builder_config.name in self.builder_configs
        return self.challenge.recording if published or not self._recording else self._given.spec

    def _simulate(self, folder: Path) -> Path:
        """Makes the recording of the mouse `simulated`; returns its path."""
        raise SensoriumError(f"{self.name}: has no simulated mouse")

    def _open(self, dl_manager: tfds.download.DownloadManager) -> OpenRecording:
        """Returns the recording that is prepared."""
        recording = self._given if self._recording else self._at(self._find_recording(dl_manager))
        published = self.challenge.catalog.get(self.builder_config.name)
        if published is not None and recording.session_key != published.session_key:
            warnings.warn(
                f"{recording.path}: session {recording.session_key}, but {published.mouse} is "
                f"session {published.session_key}: prepared all the same",
                stacklevel=2,
            )
        return recording

    def _spec_of(self, recording: OpenRecording) -> RecordingSpec:
        """Returns what the dataset holds of a recording: the signals that it should have."""
        expected, found = self._expected_spec, recording.spec
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

    def _find_recording(self, dl_manager: tfds.download.DownloadManager) -> os.PathLike | str:
        """Returns the path of the recording: in the manual folder, downloaded."""
        name = self.builder_config.name
        if name == "simulated":
            return self._simulate(dl_manager.download_dir / f"{self.name}_simulated")
        if name not in self.challenge.catalog:
            raise SensoriumError(f"{self.name}/{name}: say which recording it is (recording=PATH)")
        entry = self.challenge.catalog[name]
        with contextlib.suppress(AssertionError):  # TFDS's word for: no such folder, or empty
            if found := find_by_hand(Path(dl_manager.manual_dir), entry.stem):
                return found
        try:
            self._download = Download(dl_manager, entry.url)
        except SensoriumError as e:
            raise SensoriumError(f"{self.name}/{name}: {e}") from e
        return self._download.path
