"""Whether a recording's values can be what they are said to be: asked once, when it is prepared."""

import dataclasses
import math
import warnings

import numpy as np

from sensorium_tf.errors import SensoriumError
from sensorium_tf.recordings.opened import OpenRecording
from sensorium_tf.recordings.recording import Recording
from sensorium_tf.recordings.statistics import Moments, Statistics
from sensorium_tf.specs import IMAGE, RESPONSE

# Statistics over all trials instead of the training trials differ by less, and by no other trials
# as much as by the second.
_ODD, _IMPOSSIBLE = 1.25, 1000.0
# Grey values are 0 to 255; those of 16 bits are taken, with a warning.
_DARKEST, _BRIGHTEST = 0.0, 255.0
_LARGEST = 1e6
# Share of the mean up to which a std is rounding: such a column is constant.
_ROUNDING = 1e-6
_BLOCK_BYTES = 1 << 25


def check_signal(recording: Recording, name: str, values: np.ndarray) -> None:
    """Checks what was recorded beside the images against its own statistics.

    Args:
        recording: That is prepared.
        name: Of the signal.
        values: Of all trials, `(trials, columns)` float32.

    Raises:
        SensoriumError: If the recording's statistics cannot be those of its data. Where they
            differ a lot, or responses are negative, a warning says so.
    """
    folder = recording.spec[name].folder
    if name == RESPONSE and values.min() < 0:
        share = (values < 0).mean()
        _warn(
            recording,
            f"{share:.0%} of the values in data/{folder} are negative, down to {values.min():.3g}, "
            "which deconvolved activity never is: kept, but models are trained to predict rates, "
            "which are not: deconvolve it first if it is dF/F",
        )
    training = values[recording.trials_of(recording.challenge.training_tier)]
    if not training.size:
        return
    # Some columns at a time: no copy of them all.
    blocks = np.array_split(training, math.ceil(8 * training.size / _BLOCK_BYTES), axis=1)
    mean = np.concatenate([each.mean(axis=0, dtype=np.float64) for each in blocks])
    std = np.concatenate([each.std(axis=0, dtype=np.float64) for each in blocks])
    compare_statistics(recording, name, Statistics(mean, std), recording.statistics[name])


@dataclasses.dataclass(frozen=True)
class ImageSummary:
    """What is known of some images of a recording; those of two groups add up to that of both.

    Attributes:
        lowest: Their lowest value.
        highest: Their highest value.
        training: Of the values of those that are shown in training trials.
    """

    lowest: float = math.inf
    highest: float = -math.inf
    training: Moments = dataclasses.field(default_factory=Moments)

    @classmethod
    def of(cls, recording: Recording, trials: np.ndarray, images: np.ndarray) -> "ImageSummary":
        """Looks at some images.

        Args:
            recording: Theirs.
            trials: Their indexes.
            images: `(trials, height, width, channels)` float32.

        Raises:
            SensoriumError: If one holds values that no image has.
        """
        lowest, highest = float(images.min()), float(images.max())
        if max(-lowest, highest) > _LARGEST:
            largest = np.abs(images).max(axis=(1, 2, 3))
            trial = trials[np.argmax(largest > _LARGEST)]
            raise SensoriumError(
                f"{recording.path}: image of trial {trial} holds {largest.max():.3g}, "
                f"expected grey values, {_DARKEST:g} to {_BRIGHTEST:g}: mend it, or take the files "
                "of this trial out of every folder under data"
            )
        shown = np.isin(trials, recording.trials_of(recording.challenge.training_tier))
        pixels = images[shown].reshape(shown.sum(), images[0].size)
        return cls(lowest, highest, Moments.of_rows(pixels))

    def __add__(self, other: "ImageSummary") -> "ImageSummary":
        return ImageSummary(
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            self.training + other.training,
        )


def check_images(recording: Recording, summary: ImageSummary) -> None:
    """Compares all images that are prepared with the recording's statistics.

    Args:
        recording: That is prepared.
        summary: Of its images.

    Raises:
        SensoriumError: As `check_signal`. Where values are unusual a warning says so.
    """
    if summary.lowest < _DARKEST or summary.highest > _BRIGHTEST:
        folder = recording.spec[IMAGE].folder
        _warn(
            recording,
            f"data/{folder} hold values from {summary.lowest:.4g} to {summary.highest:.4g}, "
            f"expected grey values, {_DARKEST:g} to {_BRIGHTEST:g}: kept, but look whether "
            "they are images as they were shown",
        )
    if summary.training.n:
        mean, std = summary.training.mean, summary.training.std
        found = Statistics(np.array([mean]), np.array([std]))
        compare_statistics(recording, IMAGE, found, recording.statistics[IMAGE])


def compare_statistics(
    recording: OpenRecording, name: str, found: Statistics, said: Statistics
) -> None:
    """Compares the statistics that a recording holds with those of its training trials.

    Args:
        recording: That is prepared.
        name: Of the signal.
        found: Of the data, `()` or `(columns,)`.
        said: By the recording.

    Raises:
        SensoriumError: If they cannot be of the same data; where they differ a lot, a warning says
            so.
    """
    folder = recording.spec[name].folder
    mean, std = np.atleast_1d(found.mean), np.atleast_1d(found.std)
    varies = std > _ROUNDING * np.abs(mean)
    if not varies.any():
        return
    said_mean, said_std = (np.atleast_1d(each)[varies] for each in (said.mean, said.std))
    mean, std = mean[varies], std[varies]
    with np.errstate(over="ignore"):
        ratio = np.maximum(said_std, 1e-300) / std
        off = np.abs(said_mean - mean) / std
    # What a neuron that hardly responds is divided by does not follow from its std alone.
    smallest = np.median(ratio) if name == RESPONSE else ratio.min()
    middle = float(np.median(ratio))
    what = (
        f"meta/statistics/{folder} do not fit data/{folder}: of the training trials the std is "
        f"{np.median(std):.3g} there, but {np.median(said_std):.3g}, and the mean "
        f"{np.median(mean):.3g}, but {np.median(said_mean):.3g} (medians over {len(std)} columns)"
    )
    remedy = "delete that folder of statistics, and they are computed from the data"
    if max(ratio.max(), off.max()) > _IMPOSSIBLE or smallest < 1 / _IMPOSSIBLE:
        raise SensoriumError(f"{recording.path}: {what}: {remedy}")
    if max(middle, 1 / middle) > _ODD or np.median(off) > _ODD - 1:
        _warn(recording, f"{what}: kept, but {remedy}")


def _warn(recording: OpenRecording, text: str) -> None:
    warnings.warn(f"{recording.path}: {text}", stacklevel=3)
