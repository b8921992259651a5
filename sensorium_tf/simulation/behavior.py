"""An animal's state over a session: pupil dilation, running and eye position, smooth in time."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from sensorium_tf.specs import RecordingSpec

_TRIAL_SECONDS = 0.9
BEHAVIOR, PUPIL_CENTER = "behavior", "pupil_center"
# Signals that the animal shows itself, and their columns; all others are further ones.
_COLUMNS = {BEHAVIOR: 3, PUPIL_CENTER: 2}
_FURTHER_TRIALS = 4.0


@dataclasses.dataclass(frozen=True, eq=False)
class AnimalState:
    """What the animal does in each trial, in the order in which the trials were shown.

    Attributes:
        behavior: `(trials, 3)` float32: pupil dilation (pixels), its derivative (pixels a second),
            running speed (cm a second, never negative).
        pupil_center: `(trials, 2)` float32, horizontal and vertical, in pixels of the eye camera.
        further: `(trials, signals)` float32, -1 to 1: whatever else is on its mind, such as a
            decision that it is about to make.
    """

    behavior: np.ndarray
    pupil_center: np.ndarray
    further: np.ndarray

    @property
    def arousal(self) -> np.ndarray:
        """The three behaviors as neurons feel them: `(trials, 3)`, of mean about 0 and scale 1."""
        dilation, derivative, running = self.behavior.T
        return np.stack(
            [(dilation - _DILATION_MEAN) / _DILATION_STD, derivative / 2, np.log1p(running) - 0.7],
            axis=1,
        ).astype(np.float32)

    @property
    def gaze(self) -> np.ndarray:
        """`(trials, 2)`: how far the pupil is from where it rests, in camera pixels."""
        return self.pupil_center - np.float32(_PUPIL_REST)

    def recorded(self, spec: RecordingSpec) -> Mapping[str, np.ndarray]:
        """Returns the context signals of a recording, name to `(trials, columns)` float32.

        Args:
            spec: What is recorded. Columns of behavior beyond the three, and signals other than
                behavior and pupil center, are those of `further`, in this order.
        """
        signals, first = {}, 0
        for signal in spec.context:
            (size,) = signal.shape
            known = {BEHAVIOR: self.behavior, PUPIL_CENTER: self.pupil_center}.get(signal.name)
            known = self.further[:, :0] if known is None else known[:, :size]
            last = first + size - known.shape[1]
            signals[signal.name] = np.concatenate([known, self.further[:, first:last]], axis=1)
            first = last
        return signals


@dataclasses.dataclass(frozen=True, eq=False)
class FrameState:
    """What the animal does at each frame of a movie.

    Attributes:
        behavior: `(frames, 2)` float32: pupil dilation (pixels), running speed (cm a second).
        pupil_center: `(frames, 2)` float32, horizontal and vertical, in pixels of the eye camera.
    """

    behavior: np.ndarray
    pupil_center: np.ndarray

    @property
    def arousal(self) -> np.ndarray:
        """`(frames, 2)`: both as neurons feel them, of mean about 0 and scale 1."""
        dilation, running = self.behavior.T
        return np.stack(
            [(dilation - _DILATION_MEAN) / _DILATION_STD, np.log1p(running) - 0.7], axis=1
        )


def n_further(spec: RecordingSpec) -> int:
    """Returns how many columns a recording has beyond the three behaviors and the pupil center."""
    return sum(max(0, each.shape[0] - _COLUMNS.get(each.name, 0)) for each in spec.context)


_DILATION_MEAN, _DILATION_STD = 30.0, 6.3
_PUPIL_REST = (59.5, 45.0)
_PUPIL_STD = (3.4, 2.1)


def sample_state(n_trials: int, rng: np.random.Generator, *, n_further: int = 0) -> AnimalState:
    """Draws the animal's state over a session.

    Args:
        n_trials: Number of trials.
        rng: Source of randomness.
        n_further: Number of signals beside behavior and pupil center.

    Returns:
        The state in the order of time.
    """
    # Mice run in bouts of some ten seconds and rest most of the time.
    urge = 0.8 * smooth_noise(n_trials, 5.0, rng) + 0.6 * smooth_noise(n_trials, 40.0, rng)
    running = 9.0 * np.maximum(urge - 0.4, 0.0) ** 1.3 + 0.15 * rng.random(n_trials)
    # Arousal opens the pupil slowly; running adds to it.
    slow, quick = smooth_noise(n_trials, 15.0, rng), smooth_noise(n_trials, 1.5, rng)
    dilation = _DILATION_MEAN + _DILATION_STD * (0.8 * slow + 0.4 * quick + 0.35 * urge)
    dilation = np.clip(dilation, 8.0, 55.0)
    derivative = np.gradient(dilation) / _TRIAL_SECONDS
    center = np.stack(
        [
            rest
            + std
            * (0.8 * smooth_noise(n_trials, 20.0, rng) + 0.6 * smooth_noise(n_trials, 2.0, rng))
            for rest, std in zip(_PUPIL_REST, _PUPIL_STD, strict=True)
        ],
        axis=1,
    )
    behavior = np.stack([dilation, derivative, running], axis=1)
    further = np.empty((n_trials, n_further), np.float32)
    for column in further.T:
        column[:] = np.tanh(smooth_noise(n_trials, _FURTHER_TRIALS, rng))
    return AnimalState(behavior.astype(np.float32), center.astype(np.float32), further)


def sample_frame_state(n_frames: int, frame_rate: float, rng: np.random.Generator) -> FrameState:
    """Draws the animal's state over one movie.

    Args:
        n_frames: Number of frames.
        frame_rate: Frames a second.
        rng: Source of randomness.
    """
    urge = smooth_noise(n_frames, 3 * frame_rate, rng) + 0.3 * rng.standard_normal()
    running = 9.0 * np.maximum(urge - 0.4, 0.0) ** 1.3 + 0.15 * rng.random(n_frames)
    slow, quick = (smooth_noise(n_frames, each * frame_rate, rng) for each in (4.0, 0.5))
    dilation = _DILATION_MEAN + _DILATION_STD * (0.8 * slow + 0.3 * quick + 0.35 * urge)
    center = np.stack(
        [
            rest + std * smooth_noise(n_frames, 2 * frame_rate, rng)
            for rest, std in zip(_PUPIL_REST, _PUPIL_STD, strict=True)
        ],
        axis=1,
    )
    behavior = np.stack([np.clip(dilation, 8.0, 55.0), running], axis=1)
    return FrameState(behavior.astype(np.float32), center.astype(np.float32))


def smooth_noise(n_trials: int, timescale: float, rng: np.random.Generator) -> np.ndarray:
    """Returns Gaussian noise of variance 1, correlated over about `timescale` trials."""
    reach = int(4 * timescale) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / timescale) ** 2)
    kernel /= np.sqrt(np.sum(kernel**2))
    return np.convolve(rng.standard_normal(n_trials + 2 * reach), kernel, "valid")
