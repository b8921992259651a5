"""Images without responses, as a mouse's model is given them."""

import os
import re
from pathlib import Path

import numpy as np
import tensorflow as tf

from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.normalizing import normalize_images
from sensorium_tf.data.opening import load_mouse
from sensorium_tf.errors import SensoriumError
from sensorium_tf.io import expand
from sensorium_tf.reading import open_regular, reading
from sensorium_tf.recordings import Recording
from sensorium_tf.specs import IMAGE, size_step

_PHOTOGRAPHS = (".bmp", ".jpeg", ".jpg", ".png")
_LARGEST_PHOTOGRAPH = 100 << 20


def unlabelled_images(
    source: str, mouse: Mouse, *, data_dir: str | os.PathLike | None = None
) -> np.ndarray:
    """Reads images that no responses are known to, for a student to learn from, say.

    Args:
        source: A folder of photographs (JPEG, PNG, BMP; the largest middle part of the recording's
            proportions is taken, in grey), a recording, or the name of a prepared mouse; of the
            last two the images of training and validation trials.
        mouse: Whose normalisation and image size are used.
        data_dir: Where the prepared datasets are; TFDS's default if left out.

    Returns:
        `(images, height, width, channels)` float32.

    Raises:
        SensoriumError: If there is no such thing, or its images are of another size or cannot be
            read.
    """
    path = expand(source)
    if not path.exists() and re.fullmatch(r"[A-Za-z]\w*", source, re.ASCII):
        return _of_mouse(load_mouse(source, data_dir=data_dir), mouse)
    shape, scale = mouse.spec.image_shape, mouse.statistics[IMAGE]
    if path.is_dir() and not any(path.glob("**/data/images")):
        images = _photographs(path, mouse)
    else:
        with Recording(path, challenge=mouse.challenge) as recording:
            _check_shape(source, recording.spec.image_shape, mouse)
            trials = [recording.trials_of(tier) for tier in _tiers(mouse)]
            images = recording.read(IMAGE, np.concatenate(trials))
    step = size_step(shape[:2], mouse.image_size)
    return normalize_images(images, scale["mean"], scale["std"], step=step)


def _tiers(mouse: Mouse) -> list[str]:
    return [tier for tier in mouse.challenge.tiers if tier not in mouse.challenge.test_tiers]


def _of_mouse(other: Mouse, mouse: Mouse) -> np.ndarray:
    """Returns another mouse's images, normalised anew."""
    _check_shape(other.name, other.spec.image_shape, mouse)
    theirs, ours = other.statistics[IMAGE], mouse.statistics[IMAGE]
    sized = other.with_image_size(mouse.image_size)
    tiers = [tier for tier in _tiers(mouse) if other.tiers.get(tier)]
    images = np.concatenate([sized.trials(tier).images for tier in tiers])
    scale, shift = theirs["std"] / ours["std"], (theirs["mean"] - ours["mean"]) / ours["std"]
    return images * np.float32(scale) + np.float32(shift)


def _check_shape(source: str, shape: tuple[int, ...], mouse: Mouse) -> None:
    if shape != mouse.spec.image_shape:
        raise SensoriumError(
            f"{source}: images of shape {shape}, but those of {mouse.name} are "
            f"{mouse.spec.image_shape}"
        )


def _photographs(folder: Path, mouse: Mouse) -> np.ndarray:
    """Reads the photographs in a folder, `(images, height, width, 1)` grey values 0 to 255."""
    height, width, n_channels = mouse.spec.image_shape
    if n_channels != 1:
        raise SensoriumError(
            f"{folder}: photographs become grey, but {mouse.name} was shown {n_channels} colours"
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _PHOTOGRAPHS)
    if not paths:
        raise SensoriumError(f"{folder}: no photographs ({', '.join(_PHOTOGRAPHS)}) in it")
    images = np.empty((len(paths), height, width, 1), np.float32)
    for image, path in zip(images, paths, strict=True):
        with reading(path, "is not a photograph"), open_regular(path) as file:
            try:
                decoded = tf.io.decode_image(
                    file.read(_LARGEST_PHOTOGRAPH), channels=3, expand_animations=False
                )
            except tf.errors.OpError as e:
                raise ValueError("cannot be decoded") from e
        grey = tf.image.rgb_to_grayscale(tf.cast(decoded, tf.float32))
        rows, columns = grey.shape[:2]
        scale = min(rows / height, columns / width)
        middle = tf.image.resize_with_crop_or_pad(
            grey, max(1, round(height * scale)), max(1, round(width * scale))
        )
        image[:] = tf.image.resize(middle, (height, width), method="area")
    return images
