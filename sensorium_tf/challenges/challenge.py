"""What makes a benchmark: its recordings, tracks, tiers and scoring rules."""

import dataclasses
import re
from collections.abc import Mapping, Sequence

from sensorium_tf.config import hint
from sensorium_tf.errors import SensoriumError, shown
from sensorium_tf.specs import (
    DERIVED_IMAGES,
    PAST_RESPONSES,
    PAST_WINDOWS,
    Input,
    InputSpec,
    RecordingSpec,
    Track,
    input_size,
)

_OF_IMAGES = (*DERIVED_IMAGES, PAST_RESPONSES)
_SESSION_KEY = re.compile(r"[0-9]{1,9}-[0-9]{1,9}-[0-9]{1,9}")


@dataclasses.dataclass(frozen=True)
class PublishedRecording:
    """One published recording.

    Attributes:
        mouse: The name under which it is prepared, such as `mouse1`.
        session_key: Animal, session and scan, such as `26872-17-20`.
        purpose: The track whose competition it is for, else `pre-training`.
        n_neurons: Neurons in the published file, for documentation: the file itself decides.
        stem: File name without `.zip`, which is also the top folder inside the zip.
        url: Address of the file.
    """

    mouse: str
    session_key: str
    purpose: str
    n_neurons: int
    stem: str
    url: str


@dataclasses.dataclass(frozen=True, kw_only=True)
class Challenge:
    """A benchmark.

    Attributes:
        name: Such as `sensorium2022`.
        archive_url: Where its recordings are published.
        stem: File name of a recording without `.zip`, with `{session_key}` in it.
        catalog: Mouse to its published recording.
        recording: What its recordings hold.
        tiers: All tiers, in the order in which they are listed; the first is trained on, the second
            chooses weights.
        test_tiers: Those whose responses a competition withholds, each with its submission file.
        file_format: Of submissions and ground truth, `csv` or `parquet`.
        tracks: Name to track.
        metrics: Scores of a submission, in the order in which tables show them.
        image_size: `(height, width)` of the images, or frames, that its models are given.
        transforms: Signal to what becomes of its values, as of `Input`.
        fev_threshold: Neurons with a lower fraction of explainable variance have no FEVE; None
            where FEVE is none of the metrics.
        skip_frames: So many frames at the start of each movie are not scored.
        frame_rate: Frames a second; None for static images.
    """

    name: str
    archive_url: str
    stem: str
    catalog: Mapping[str, PublishedRecording]
    recording: RecordingSpec
    tiers: tuple[str, ...]
    test_tiers: Mapping[str, str]
    file_format: str = "csv"
    tracks: Mapping[str, Track]
    metrics: tuple[str, ...]
    image_size: tuple[int, int]
    transforms: Mapping[str, str]
    fev_threshold: float | None = None
    skip_frames: int = 0
    frame_rate: float | None = None

    @property
    def training_tier(self) -> str:
        """Tier over whose trials the statistics of a recording are."""
        return self.tiers[0]

    @property
    def validation_tier(self) -> str:
        """Tier by whose score weights are chosen, unless somebody chooses another."""
        return self.tiers[1]

    @property
    def default_track(self) -> str:
        """The track wherever nobody names another: the first."""
        return next(iter(self.tracks))

    @property
    def file_suffix(self) -> str:
        """What the names of its submissions end in, such as `.csv`."""
        name = next(iter(self.test_tiers.values()))
        return name[name.index(".") :]

    def track(self, name: str) -> Track:
        """Returns a track.

        Raises:
            SensoriumError: If there is no such track.
        """
        if name not in self.tracks:
            raise SensoriumError(f"track {name!r}: {hint(name, self.tracks)}")
        return self.tracks[name]

    @property
    def example_session(self) -> str:
        """Session key of the first mouse, for messages and as the default of simulations."""
        return next(iter(self.catalog.values())).session_key

    def recording_stem(self, session_key: str) -> str:
        """Returns the file name, without `.zip`, of a session such as `26872-17-20`.

        Raises:
            SensoriumError: If `session_key` is not three numbers joined by hyphens.
        """
        if not _SESSION_KEY.fullmatch(session_key):
            raise SensoriumError(
                f"session key {shown(session_key)}: expected animal-session-scan, three numbers "
                f"such as {self.example_session}"
            )
        return self.stem.format(session_key=session_key)

    def free_stem(self, session: str) -> str:
        """Returns the file name, without `.zip`, of a session whose name need not be a key.

        Args:
            session: A session key, as of `recording_stem`, or any other name, which then is the
                file's.

        Raises:
            SensoriumError: If no file can have this name.
        """
        if _SESSION_KEY.fullmatch(session):
            return self.recording_stem(session)
        if not re.fullmatch(r"\w[\w .-]{0,199}", session) or session.endswith(".zip"):
            raise SensoriumError(
                f"session {shown(session)}: expected a session key such as {self.example_session}, "
                "or a name of letters, digits, spaces and . _ -, which begins with a letter or "
                "digit"
            )
        return session

    def session_key_of(self, stem: str) -> str:
        """Returns the session key in a file or folder name, or the name itself without one."""
        prefix, _, _ = self.stem.partition("{")
        match = re.match(rf"{re.escape(prefix)}({_SESSION_KEY.pattern})(?:-|$)", stem)
        return match[1] if match else stem

    def has_published(self, stem: str) -> bool:
        """Tells whether a file or folder of this name is one of the published recordings."""
        return any(stem == each.stem for each in self.catalog.values())

    def inputs(
        self,
        track: str,
        recording: RecordingSpec | None = None,
        *,
        channels: str | Sequence[str] = (),
        extras: Sequence[str] | None = None,
        transforms: Mapping[str, str] | None = None,
        past_tiers: Sequence[str] | None = None,
    ) -> InputSpec:
        """Returns what models of a track are given.

        Args:
            track: Name of the track.
            recording: What the recordings hold, every shape known; the challenge's if left out.
            channels: Signals to stack instead of the track's: the stimulus (`image` or `video`),
                what is made of images (`centred_image`, `sobel_image`) and, where the track allows
                it, any context signal.
            extras: Context signals, and `past_responses`, to give beside it instead of the track's;
                None for the track's.
            transforms: Context signal to its transform, as of `Input`, if not the challenge's.
            past_tiers: Tiers whose responses may be known as past ones; None for all but those that
                a competition withholds.

        Raises:
            SensoriumError: If there is no such track or tier, or the track does not
                allow a signal, or the recording lacks one.
        """
        rules, recording = self.track(track), recording or self.recording
        if isinstance(channels, str):
            channels = [name.strip() for name in channels.split(",")]
        chosen = tuple(channels) or rules.channels
        beside = rules.extras if extras is None else tuple(dict.fromkeys(extras))
        stimulus = recording.stimulus.name
        stacked = [name for name in chosen if name != stimulus and name not in DERIVED_IMAGES]
        context = [signal.name for signal in recording.context]
        of_images = [name for name in (*chosen, *beside) if name in _OF_IMAGES]
        if recording.has_time and of_images:
            raise SensoriumError(
                f"signal {of_images[0]}: is of recordings of images, not of movies: leave it out"
            )
        if PAST_RESPONSES in stacked:
            raise SensoriumError(
                f"channels: {PAST_RESPONSES} are no images: a modulator takes them, such as history"
            )
        for name in (*stacked, *beside):
            if not rules.context:
                raise SensoriumError(
                    f"signal {name}: models of track {track} see the {stimulus} alone"
                )
            if name not in (*context, PAST_RESPONSES):
                raise SensoriumError(
                    f"track {track} needs {name}, which this recording does not have beside the "
                    f"{stimulus} (it has {', '.join(context) or 'nothing'}): use another track, or "
                    "other channels and parts"
                )
        if chosen[0] != stimulus or len(set(chosen)) < len(chosen):
            raise SensoriumError(f"channels: expected {stimulus} first, and each signal once")
        return InputSpec(
            challenge=self.name,
            track=track,
            image_size=self.input_size(recording),
            recorded_size=recording.image_shape[:2],
            time=recording.has_time,
            channels=tuple(self.input(name, recording, transforms) for name in chosen),
            extras=tuple(self.input(name, recording, transforms) for name in beside),
            past_tiers=self._past_tiers(past_tiers) if PAST_RESPONSES in beside else (),
        )

    def input(
        self, name: str, recording: RecordingSpec, transforms: Mapping[str, str] | None = None
    ) -> Input:
        """Returns how models are given a signal of a recording.

        Args:
            name: Of the signal, or of one that is made of the image or the responses.
            recording: What the recording holds, the shape of this signal known.
            transforms: As of `inputs`.
        """
        if name == PAST_RESPONSES:
            return Input(name, len(PAST_WINDOWS), "none")
        n_channels = recording.image_shape[2]
        if name == recording.stimulus.name:
            return Input(name, n_channels, self.transforms[name])
        if made := DERIVED_IMAGES.get(name):
            return Input(name, n_channels * made.channels, made.transform)
        (size,) = recording[name].frame_shape
        known = {**self.transforms, **(transforms or {})}
        return Input(name, size, known.get(name, "standardize"))

    def _past_tiers(self, given: Sequence[str] | None) -> tuple[str, ...]:
        if not given:
            return tuple(tier for tier in self.tiers if tier not in self.test_tiers)
        for tier in given:
            if tier not in self.tiers:
                raise SensoriumError(f"past_tiers: {tier!r}: {hint(tier, self.tiers)}")
        return tuple(tier for tier in self.tiers if tier in given)

    def input_size(self, recording: RecordingSpec) -> tuple[int, int]:
        """Returns `(height, width)` of the images that models of a recording are given."""
        return input_size(recording.image_shape[:2], self.image_size)
