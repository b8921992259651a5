"""The trials of one tier as a model eats them, held in memory at the size it eats them."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from sensorium_tf.data.buffers import select, stack_channels
from sensorium_tf.errors import SensoriumError
from sensorium_tf.tracks import check_track

# A neuron that hardly responds would else be blown up: its std counts as a hundredth of the mean.
_SMALLEST_STD = 0.01


@dataclasses.dataclass(frozen=True, eq=False)
class Trials:
    """Normalised trials of one mouse, in the order of their index.

    Attributes:
      mouse: name of the mouse, for messages.
      images: `(trials, 36, 64)` float32, z-scored with the recording's mean and std, resized.
      responses: `(trials, neurons)` float32, divided by the mouse's `response_scale`; zeros where
        withheld.
      behavior: `(trials, 3)` float32, divided by its std; None where withheld.
      pupil_center: `(trials, 2)` float32, z-scored; None where withheld.
      image_ids: `(trials,)` int64.
      trial_ids: `(trials,)` strings.
    """

    mouse: str
    images: np.ndarray
    responses: np.ndarray
    behavior: np.ndarray | None
    pupil_center: np.ndarray | None
    image_ids: np.ndarray
    trial_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        signals = {"behavior": self.behavior, "pupil center": self.pupil_center}
        there = ["images", "responses", *(n for n, each in signals.items() if each is not None)]
        return (
            f"{len(self)} trials of {self.mouse}, {self.responses.shape[1]} neurons: "
            f"{', '.join(there)}"
        )

    def take(self, index: np.ndarray) -> "Trials":
        """Returns some of the trials.

        Args:
          index: which, in the order in which they are wanted.
        """
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        mouse = values.pop("mouse")
        taken = {name: None if value is None else value[index] for name, value in values.items()}
        return Trials(mouse=mouse, **taken)

    @classmethod
    def concatenate(cls, parts: Sequence["Trials"]) -> "Trials":
        """Returns the trials of several tiers of a mouse, one after another."""
        first, *others = parts
        if not others:
            return first
        names = [field.name for field in dataclasses.fields(cls) if field.name != "mouse"]
        columns = {name: [getattr(part, name) for part in parts] for name in names}
        joined = {
            name: None if values[0] is None else np.concatenate(values)
            for name, values in columns.items()
        }
        return cls(mouse=first.mouse, **joined)

    def as_shown(self) -> "Trials":
        """Returns the trials in the order in which they were shown, which their ids tell.

        Raises:
          SensoriumError: if the ids are hashed, as the competition's are.
        """
        if not np.char.isdecimal(self.trial_ids).all():
            raise SensoriumError(
                f"{self.mouse}: the trial ids are hashed in this recording, the order in which the "
                "trials were shown is withheld"
            )
        return self.take(np.argsort(self.trial_ids.astype(np.int64), kind="stable"))

    def inputs(self, track: str, index: slice | np.ndarray = slice(None)) -> dict[str, np.ndarray]:
        """Returns what a model of the track is given.

        Args:
          track: `sensorium` (image only) or `sensorium_plus`.
          index: which trials.

        Returns:
          `{"image": (trials, 36, 64, 1)}`, or for `sensorium_plus`
          `{"image": (trials, 36, 64, 4), "pupil_center": (trials, 2)}` where the image has the
          three behaviors as constant channels behind it.

        Raises:
          SensoriumError: if the track is unknown, or needs signals that this mouse withholds.
        """
        check_track(track)
        if track == "sensorium":
            return {"image": select(self.images, index)[..., None]}
        if self.behavior is None or self.pupil_center is None:
            raise SensoriumError(
                f"{self.mouse}: behavior or pupil center is withheld in this recording: train and "
                "evaluate it on --track=sensorium"
            )
        stacked = stack_channels(select(self.images, index), self.behavior[index])
        return {"image": stacked, "pupil_center": self.pupil_center[index]}


def normalize_images(images: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Z-scores images and resizes them by 0.25.

    The resize is bilinear with half-pixel centres and no antialiasing, so that each output pixel
    is the mean of the central 2 x 2 pixels of its 4 x 4 block.

    Args:
      images: `(trials, 144, 256, 1)` grey values.
      mean: mean grey value of the training images.
      std: standard deviation of the training images.

    Returns:
      `(trials, 36, 64)` float32.
    """
    mean, std = np.float32(mean), np.float32(std)

    def central(row: int, column: int) -> np.ndarray:
        return (images[:, row::4, column::4, 0].astype(np.float32) - mean) / std

    upper, lower = central(1, 1) + central(1, 2), central(2, 1) + central(2, 2)
    return np.float32(0.25) * (upper + lower)


def normalize_responses(responses: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Divides responses by their scale.

    Args:
      responses: `(trials, neurons)`.
      scale: `(neurons,)`, from `response_scale`.
    """
    return responses * (1.0 / scale).astype(np.float32)


def response_scale(std: np.ndarray) -> np.ndarray:
    """Returns what responses are divided by: where std is at most 0.01 of its mean, that counts.

    Args:
      std: `(neurons,)`, over the training trials; of all neurons of the recording, for the mean of
        some is another.
    """
    std = np.asarray(std, np.float64)
    return np.maximum(std, _SMALLEST_STD * std.mean())


def normalize_columns(values: np.ndarray, *, mean: np.ndarray | float, std: np.ndarray):
    """Returns `(values - mean) / std` as float32, with a std of zero counted as one.

    Args:
      values: `(trials, columns)`.
      mean: `(columns,)`, or 0 to divide only.
      std: `(columns,)`.
    """
    std = np.asarray(std, np.float32)
    return (values - np.asarray(mean, np.float32)) / np.where(std > 0, std, np.float32(1))


def normalize(
    mouse: str,
    signals: Mapping[str, np.ndarray],
    statistics: Mapping,
    withheld: tuple[str, ...],
    *,
    response_scale: np.ndarray,
) -> Trials:
    """Makes `Trials` of a mouse from signals that are raw, but for the images.

    Args:
      mouse: name of the mouse.
      signals: `images` `(trials, 36, 64)` as from `normalize_images`; `responses`, `behavior` and
        `pupil_center` raw; `image_ids`, `trial_ids`.
      statistics: signal to `{"mean", "std"}` over the training trials.
      withheld: signals that the recording withholds.
      response_scale: `(neurons,)`, what the responses are divided by.
    """
    behavior = pupil_center = None
    if "behavior" not in withheld:
        behavior = normalize_columns(
            signals["behavior"], mean=0.0, std=statistics["behavior"]["std"]
        )
    if "pupil_center" not in withheld:
        pupil_center = normalize_columns(
            signals["pupil_center"],
            mean=statistics["pupil_center"]["mean"],
            std=statistics["pupil_center"]["std"],
        )
    return Trials(
        mouse=mouse,
        images=signals["images"],
        responses=normalize_responses(signals["responses"], response_scale),
        behavior=behavior,
        pupil_center=pupil_center,
        image_ids=signals["image_ids"],
        trial_ids=signals["trial_ids"],
    )
