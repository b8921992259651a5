"""Moving stimuli: natural-like scenes that drift, gratings, dots and noise."""

from collections.abc import Callable

import numpy as np

from sensorium_tf.simulation.images import dead_leaves

_GREY, _CONTRAST = 105.0, 55.0
# A scene is so many times as large as what is seen of it at once.
_SCENE = 2
_SCENE_SECONDS = 4.0
# Lengths are shares of the screen's width, speeds shares of it a second.
_SCENE_SPEED = 0.25
_WAVELENGTHS = (0.125, 0.3)
_GRATING_SECONDS = 1.0
_FREQUENCIES = (1.0, 4.0)  # cycles a second
_N_DOTS, _DOT_RADIUS, _DOT_SPEED = 60, 0.03, 0.4
_NOISE_SECONDS = 0.15


def natural_movie(
    n_frames: int, size: tuple[int, int], frame_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Draws scenes of textured leaves, one after the other, over which the gaze wanders.

    Args:
        n_frames: Number of frames.
        size: `(height, width)` of a frame.
        frame_rate: Frames a second.
        rng: Source of randomness.

    Returns:
        `(n_frames, height, width)` float32 grey values, 0 to 255.
    """
    height, width = size
    movie = np.empty((n_frames, *size), np.float32)
    shot = max(1, round(_SCENE_SECONDS * frame_rate))
    for start in range(0, n_frames, shot):
        (scene,) = dead_leaves(1, (_SCENE * height, _SCENE * width), rng)
        frames = movie[start : start + shot]
        # A steady velocity and a slow change of it; at an edge the way goes back.
        velocity = rng.standard_normal(2) + np.cumsum(
            rng.standard_normal((len(frames), 2)), axis=0
        ) / np.sqrt(frame_rate)
        way = rng.random(2) * size + np.cumsum(velocity, axis=0) * (
            _SCENE_SPEED * width / frame_rate
        )
        room = (np.array(scene.shape) - size)[None]
        way = room - np.abs(np.mod(way, 2 * room) - room)
        for frame, (top, left) in zip(frames, np.rint(way).astype(int), strict=True):
            frame[:] = scene[top : top + height, left : left + width]
    return movie


def gratings(
    n_frames: int, size: tuple[int, int], frame_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Draws drifting gratings of one direction, wavelength and frequency after the other.

    Args:
        n_frames: As of `natural_movie`, like the others.
        size: `(height, width)` of a frame.
        frame_rate: Frames a second.
        rng: Source of randomness.

    Returns:
        `(n_frames, height, width)` float32 grey values, 0 to 255.
    """
    row, column = np.indices(size, dtype=np.float32)
    movie = np.empty((n_frames, *size), np.float32)
    each = max(1, round(_GRATING_SECONDS * frame_rate))
    for start in range(0, n_frames, each):
        frames = movie[start : start + each]
        direction, wavelength = rng.uniform(0, 2 * np.pi), size[1] * rng.uniform(*_WAVELENGTHS)
        along = (np.cos(direction) * column + np.sin(direction) * row) / wavelength
        time = np.arange(len(frames), dtype=np.float32) * rng.uniform(*_FREQUENCIES) / frame_rate
        phase = along[None] - time[:, None, None] + rng.random()
        frames[:] = _GREY + 1.5 * _CONTRAST * np.sin(2 * np.pi * phase)
    return np.clip(movie, 0, 255)


def dots(
    n_frames: int, size: tuple[int, int], frame_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Draws bright and dark dots, of which some move together (random-dot kinematogram).

    Args:
        n_frames: As of `natural_movie`, like the others.
        size: `(height, width)` of a frame.
        frame_rate: Frames a second.
        rng: Source of randomness.

    Returns:
        `(n_frames, height, width)` float32 grey values, 0 to 255.
    """
    width = size[1]
    places = rng.random((_N_DOTS, 2)) * size
    together = rng.random(_N_DOTS) < rng.uniform(0.3, 1)
    own = rng.uniform(0, 2 * np.pi, _N_DOTS)
    directions = np.where(together, rng.uniform(0, 2 * np.pi), own)
    step = np.stack([np.sin(directions), np.cos(directions)], 1) * width * _DOT_SPEED / frame_rate
    signs = np.where(rng.random(_N_DOTS) < 0.5, -1.0, 1.0)
    row, column = np.indices(size, dtype=np.float32)
    movie = np.empty((n_frames, *size), np.float32)
    for number, frame in enumerate(movie):
        y, x = np.mod(places + number * step, size).T[:, :, None, None]
        inside = (row - y) ** 2 + (column - x) ** 2 < (_DOT_RADIUS * width) ** 2
        frame[:] = np.clip((signs[:, None, None] * inside).sum(axis=0), -1, 1)
    return np.clip(_GREY + 1.8 * _CONTRAST * movie, 0, 255)


def pink_noise(
    n_frames: int, size: tuple[int, int], frame_rate: float, rng: np.random.Generator
) -> np.ndarray:
    """Draws noise whose amplitude falls as 1/f in space and that changes smoothly in time.

    Args:
        n_frames: As of `natural_movie`, like the others.
        size: `(height, width)` of a frame.
        frame_rate: Frames a second.
        rng: Source of randomness.

    Returns:
        `(n_frames, height, width)` float32 grey values, 0 to 255.
    """
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None])
    frequency[0, 0] = np.inf
    keep = np.exp(-1 / (_NOISE_SECONDS * frame_rate))
    movie, state = np.empty((n_frames, *size), np.float32), rng.standard_normal(size)
    for frame in movie:
        state = keep * state + np.sqrt(1 - keep**2) * rng.standard_normal(size)
        frame[:] = np.fft.irfft2(np.fft.rfft2(state) / frequency, size)
    return np.clip(_GREY + _CONTRAST * movie / movie.std(), 0, 255)


#: Stimuli of other kinds than those of training.
OUT_OF_DOMAIN: dict[str, Callable[..., np.ndarray]] = {
    "gratings": gratings,
    "dots": dots,
    "pink_noise": pink_noise,
}
