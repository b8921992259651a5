"""A prepared mouse: what is known of its neurons, and its trials tier by tier."""

import contextlib
import dataclasses
import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from sensorium_tf.data.trials import (
    Trials,
    normalize,
    normalize_images,
    normalize_responses,
    response_scale,
)
from sensorium_tf.datasets.sensorium import Builder
from sensorium_tf.datasets.sensorium.prepared import read_description
from sensorium_tf.errors import AccessError, SensoriumError, is_access_error, one_line
from sensorium_tf.files import expand
from sensorium_tf.recordings import TIERS, recording_stem
from sensorium_tf.recordings.truth import Truth
from sensorium_tf.tracks import IMAGE_SIZE, check_track

_BLOCK = 32


@dataclasses.dataclass(frozen=True, eq=False)
class Mouse:
    """A prepared mouse, from `load_mouse`.

    Attributes:
      name: such as `mouse1`.
      session_key: such as `26872-17-20`.
      tiers: the tiers it has, and the number of trials of each.
      neurons: metadata of the neurons, name to `(neurons,)` array, `unit_ids` among them;
        `cell_motor_coordinates` is `(neurons, 3)` in micrometres.
      statistics: signal to `{"mean", "std"}` over the training trials, raw units.
      response_scale: `(neurons,)`, what the responses are divided by: their std or, where that is
        smaller, 0.01 of its mean over all neurons of the recording.
      withheld_signals: signals that are zeros because the competition hides them.
      withheld_tiers: tiers whose responses are zeros for the same reason.
    """

    name: str
    session_key: str
    tiers: Mapping[str, int]
    neurons: Mapping[str, np.ndarray]
    statistics: Mapping[str, Mapping[str, np.ndarray]]
    response_scale: np.ndarray
    withheld_signals: tuple[str, ...]
    withheld_tiers: tuple[str, ...]
    _builder: tfds.core.DatasetBuilder = dataclasses.field(repr=False)
    # Which of the recording's neurons these are; None for all.
    _index: np.ndarray | None = dataclasses.field(default=None, repr=False)

    def __repr__(self) -> str:
        trials = ", ".join(f"{number} {tier}" for tier, number in self.tiers.items())
        hidden = [*self.withheld_signals, *(f"responses of {t}" for t in self.withheld_tiers)]
        return (
            f"{self.name}: session {self.session_key}, {self.n_neurons} neurons, trials: {trials}"
            + (f"; withheld: {', '.join(hidden)}" if hidden else "")
        )

    @property
    def unit_ids(self) -> np.ndarray:
        """`(neurons,)` int64."""
        return self.neurons["unit_ids"]

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.unit_ids)

    @property
    def cell_motor_coordinates(self) -> np.ndarray:
        """`(neurons, 3)` in micrometres."""
        return self.neurons["cell_motor_coordinates"]

    @property
    def fingerprint(self) -> str:
        """Tells recordings apart: session, neurons and responses enter it."""
        content = hashlib.sha256(self.session_key.encode())
        content.update(self.unit_ids.astype(np.int64).tobytes())
        responses = self.statistics["responses"]
        # Saved runs know some of a mouse's neurons by what their responses are divided by.
        std = responses["std"] if self._index is None else self.response_scale
        for value in (responses["mean"], std):
            content.update(value.astype(np.float64).tobytes())
        return content.hexdigest()[:16]

    @property
    def recording_id(self) -> str:
        """Tells recordings apart whatever the mouse is called and which neurons are chosen."""
        content = hashlib.sha256(self.session_key.encode())
        # Sessions that were simulated may share the key.
        for value in (self.statistics["images"]["mean"], self.statistics["images"]["std"]):
            content.update(value.astype(np.float64).tobytes())
        return content.hexdigest()[:16]

    def with_neurons(self, index: np.ndarray) -> "Mouse":
        """Returns the mouse with some of its neurons.

        Args:
          index: which, `(fewer neurons,)`, in the order in which they are wanted.
        """
        responses = self.statistics["responses"]
        return dataclasses.replace(
            self,
            neurons={name: values[index] for name, values in self.neurons.items()},
            statistics={
                **self.statistics,
                "responses": {name: values[index] for name, values in responses.items()},
            },
            response_scale=self.response_scale[index],
            _index=index if self._index is None else self._index[index],
        )

    def check_track(self, track: str) -> None:
        """Raises SensoriumError if the track is unknown or needs signals that are withheld."""
        check_track(track)
        if track == "sensorium_plus" and self.withheld_signals:
            raise SensoriumError(
                f"{self.name}: {' and '.join(self.withheld_signals)} withheld in this recording: "
                "use --track=sensorium"
            )

    def check_tier(self, tier: str, *, responses: bool = False) -> None:
        """Raises SensoriumError if there is no such tier or, if asked, no responses to it."""
        if tier not in TIERS:
            raise SensoriumError(f"tier {tier!r}: expected one of {', '.join(TIERS)}")
        if not self.tiers.get(tier):
            raise SensoriumError(
                f"{self.name}: has no trials of tier {tier!r}, only {', '.join(self.tiers)}"
            )
        if responses and tier in self.withheld_tiers:
            raise SensoriumError(
                f"{self.name}: the responses of tier {tier!r} are withheld: use a tier whose "
                "responses are known, or submit and score with a ground-truth file"
            )

    def trials(self, tier: str) -> Trials:
        """Reads the trials of a tier, normalised and at the models' image size.

        Raises:
          SensoriumError: if there is no such tier, or the prepared files are damaged.
        """
        self.check_tier(tier)
        n_trials = self.tiers[tier]
        signals = {
            "images": np.empty((n_trials, *IMAGE_SIZE), np.float32),
            "responses": np.empty((n_trials, self.n_neurons), np.float32),
            "behavior": np.empty((n_trials, 3), np.float32),
            "pupil_center": np.empty((n_trials, 2), np.float32),
            "image_ids": np.empty(n_trials, np.int64),
            "trial_ids": np.empty(n_trials, object),
        }
        scale = self.statistics["images"]
        start = 0
        for block in self._read(tier):
            rows = slice(start, start := start + len(block["image_id"]))
            signals["images"][rows] = normalize_images(block["image"], scale["mean"], scale["std"])
            responses = block["response"]
            signals["responses"][rows] = (
                responses if self._index is None else responses[:, self._index]
            )
            signals["behavior"][rows] = block["behavior"]
            signals["pupil_center"][rows] = block["pupil_center"]
            signals["image_ids"][rows] = block["image_id"]
            signals["trial_ids"][rows] = [trial_id.decode() for trial_id in block["trial_id"]]
        signals["trial_ids"] = signals["trial_ids"].astype(str)
        return normalize(
            self.name,
            signals,
            self.statistics,
            self.withheld_signals,
            response_scale=self.response_scale,
        )

    def standardize(self, truth: Truth, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Returns the true responses and rates of some trials, divided as the responses are.

        Args:
          truth: of this mouse's recording, which is simulated.
          trials: some of its trials.

        Returns:
          Responses and rates, `(trials, neurons)` float32 each.

        Raises:
          SensoriumError: if the truth is another recording's.
        """
        aligned = truth.align(
            trial_ids=trials.trial_ids, image_ids=trials.image_ids, unit_ids=self.unit_ids
        )
        return (
            normalize_responses(aligned.responses, self.response_scale),
            normalize_responses(aligned.rates, self.response_scale),
        )

    def _read(self, tier: str) -> Iterator[dict[str, np.ndarray]]:
        """Yields the prepared trials in blocks, in order."""
        try:
            if self._builder.info.file_format is tfds.core.FileFormat.ARRAY_RECORD:
                source = self._builder.as_data_source(split=tier)
                for start in range(0, len(source), _BLOCK):
                    rows = source.__getitems__(range(start, min(start + _BLOCK, len(source))))
                    yield {key: np.stack([row[key] for row in rows]) for key in rows[0]}
            else:
                yield from self._builder.as_dataset(
                    split=tier, batch_size=_BLOCK, read_config=tfds.ReadConfig(try_autocache=False)
                ).as_numpy_iterator()
        except (tf.errors.OpError, OSError, ValueError) as e:
            if _is_access_error(e):
                raise AccessError(
                    f"{self.name}: the prepared {tier} trials in {self._builder.data_path} cannot "
                    f"be read: {one_line(e)[:200]}"
                ) from e
            raise SensoriumError(
                f"{self.name}: the prepared {tier} trials in {self._builder.data_path} cannot be "
                f"read ({one_line(e)}): delete that folder and prepare it again"
            ) from e

    @property
    def data_path(self) -> Path:
        """Folder of the prepared dataset."""
        return Path(self._builder.data_path)

    @property
    def truth_file(self) -> Path | None:
        """True rates of the mouse `simulated`, for `evaluate`; None for every other one."""
        folder = self.data_path.parents[2] / "downloads" / "sensorium_simulated"
        path = folder / f"{recording_stem(self.session_key)}_truth.npz"
        return path if self.name == "simulated" and path.exists() else None


def load_mouse(name: str, *, data_dir: str | os.PathLike | None = None) -> Mouse:
    """Opens a prepared mouse; reads no trial yet. `simulated` is prepared if it is not there.

    Args:
        name: `mouse1` to `mouse7`, `simulated`, or the name given to a custom recording.
        data_dir: where the prepared datasets are; TFDS's default if left out.

    Raises:
        SensoriumError: if it has not been prepared, or by another version, or what is there is
            damaged or cannot be read.
    """
    folder = expand(data_dir or tfds.core.constants.DATA_DIR)
    try:
        builder = builder_of(name, data_dir=data_dir)
        if name == "simulated":
            # TFDS says so on standard output, which is for what the caller asked for.
            with contextlib.redirect_stdout(sys.stderr):
                builder.download_and_prepare()
        if builder.data_path.exists():
            return _open(name, builder)
        earlier = sorted(builder.data_path.parent.glob("[0-9]*.[0-9]*.[0-9]*"))
    except SensoriumError:
        raise
    except Exception as e:  # TFDS and protobuf raise many kinds of error on damaged metadata
        if _is_access_error(e):
            raise AccessError(
                f"mouse {name!r}: the prepared dataset in {folder} cannot be read: "
                f"{one_line(e)[:200]}"
            ) from e
        raise SensoriumError(
            f"mouse {name!r}: the prepared dataset in {folder} is damaged ({one_line(e)}): delete "
            f"the folder sensorium/{name} there and prepare it again"
        ) from e
    command = (
        f"run python launch/prepare.py --mice={name} (or --recording=PATH --name={name} for a "
        "recording of your own)"
    )
    if earlier:
        raise SensoriumError(
            f"mouse {name!r} in {folder} is prepared as version {earlier[-1].name}, but this is "
            f"version {builder.version}: {command} and delete the folder {earlier[-1]}"
        )
    raise SensoriumError(f"mouse {name!r} is not prepared in {folder}: {command}")


def builder_of(
    name: str,
    *,
    data_dir: str | os.PathLike | None = None,
    recording: str | os.PathLike | None = None,
) -> Builder:
    """Returns the TFDS builder of a mouse, published or not, prepared or not.

    It is always this package's: `tfds.builder` would make one of what the data folder says, and
    import the modules that are named there.

    Args:
        name: of the mouse.
        data_dir: where the prepared datasets are; TFDS's default if left out.
        recording: zip or folder to prepare.

    Raises:
        SensoriumError: if there cannot be a mouse of this name, or what is prepared is damaged.
    """
    if name in Builder.builder_configs:
        config = name
    elif isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        config = tfds.core.BuilderConfig(name=name, description=f"A custom recording: {name}.")
    else:
        raise SensoriumError(f"name {name!r}: expected letters, digits and _, a letter first")
    return Builder(config=config, recording=recording, data_dir=data_dir)


def _is_access_error(error: Exception) -> bool:
    # TensorFlow's own words for permissions and for too many open files.
    refused = (tf.errors.PermissionDeniedError, tf.errors.ResourceExhaustedError)
    missing = isinstance(error, FileNotFoundError)
    return isinstance(error, refused) or (is_access_error(error) and not missing)


def _open(name: str, builder: Builder) -> Mouse:
    described = read_description(Path(builder.data_path))
    return Mouse(
        name=name,
        session_key=described.session_key,
        tiers=described.trials,
        neurons=described.neurons,
        statistics=described.statistics,
        response_scale=response_scale(described.statistics["responses"]["std"]),
        withheld_signals=described.withheld_signals,
        withheld_tiers=described.withheld_tiers,
        _builder=builder,
    )
