"""Images that look natural to V1: dead leaves with a texture whose amplitude falls as 1/f.

Occluding shapes of all sizes give the edges, the scale invariance and the heavy-tailed contrast of
natural scenes (Lee, Mumford and Huang, 2001), without any photograph.
"""

import numpy as np

from sensorium_tf.specs import central_pixels

_LEAVES = 110
_LEAF_RADII = (0.0234375, 0.4296875)  # shares of the image's width
# Luminance and contrast of the published images: their mean is about 105 and their standard
# deviation about 58, of which two thirds lie within images and one third between them.
_LUMINANCE_MEAN, _LUMINANCE_STD = 105.0, 28.0
_CONTRAST_MEDIAN, _CONTRAST_SPREAD = 48.0, 0.35
_TEXTURE = 0.45  # standard deviation of the texture, that of the leaves being 1
_COLOURFULNESS = 0.6  # how much of each colour but the first is its own, of 1


def sample_images(
    n_images: int, shape: tuple[int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """Draws images, whose colours have most of their structure in common.

    Args:
        n_images: Number of images.
        shape: `(height, width, channels)` of an image.
        rng: Source of randomness.

    Returns:
        `(n_images, height, width, channels)` uint8.
    """
    images = np.empty((n_images, *shape), np.uint8)
    images[..., 0] = dead_leaves(n_images, shape[:2], rng)
    shared = np.sqrt(1 - _COLOURFULNESS**2)
    for channel in range(1, shape[2]):
        own = dead_leaves(n_images, shape[:2], rng)
        for image, other in zip(images, own, strict=True):
            mixed = shared * (image[..., 0] - _LUMINANCE_MEAN)
            mixed += _COLOURFULNESS * (other - _LUMINANCE_MEAN) + _LUMINANCE_MEAN
            image[..., channel] = np.clip(np.rint(mixed), 0, 255)
    return images


def dead_leaves(n_images: int, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draws grey images of occluding, textured leaves.

    Args:
        n_images: Number of images.
        size: `(height, width)` of an image.
        rng: Source of randomness.

    Returns:
        `(n_images, height, width)` uint8.
    """
    images = np.empty((n_images, *size), np.uint8)
    amplitude = _pink_amplitude(size)
    for image in images:
        labels = _leaf_labels(size, rng)
        scene = rng.standard_normal(_LEAVES, np.float32)[labels]
        roughness = rng.gamma(2.0, _TEXTURE / 2, _LEAVES).astype(np.float32)[labels]
        scene += roughness * _pink_noise(amplitude, size, rng)
        scene -= scene.mean()
        scene *= _CONTRAST_MEDIAN * np.exp(_CONTRAST_SPREAD * rng.standard_normal()) / scene.std()
        scene += _LUMINANCE_MEAN + _LUMINANCE_STD * rng.standard_normal()
        image[:] = np.clip(np.rint(scene), 0, 255)
    return images


def at_model_scale(images: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns images at the size that models see: means of the central pixels of each block.

    Args:
        images: `(images, height, width, channels)`.
        size: `(height, width)` that models see.

    Returns:
        `(images, *size, channels)` float32.
    """
    step = images.shape[1] // size[0]
    height, width = size
    blocks = images[:, : height * step, : width * step]
    blocks = blocks.reshape(len(images), height, step, width, step, images.shape[3])
    central = slice(central_pixels(step).start, central_pixels(step).stop)
    return blocks[:, :, central, :, central].mean((2, 4), dtype=np.float32)


def _leaf_labels(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Returns the index of the leaf that is on top at each pixel; leaf 0 lies behind all."""
    height, width = size
    labels = np.zeros(size, np.int16)
    # Radii with density r^-3 make the image look alike at every magnification.
    smallest, largest = ((radius * width) ** -2 for radius in _LEAF_RADII)
    radii = (largest + (smallest - largest) * rng.random(_LEAVES)) ** -0.5
    # Large leaves first: had they come last, they would hide all the small ones.
    radii = -np.sort(-radii * np.exp(0.5 * rng.standard_normal(_LEAVES)))
    centers = rng.random((_LEAVES, 2)) * size
    angles = rng.random(_LEAVES) * np.pi
    stretches = np.exp(0.35 * rng.standard_normal(_LEAVES))
    for leaf in range(1, _LEAVES):
        (y, x), radius, stretch = centers[leaf], radii[leaf], stretches[leaf]
        reach = radius * max(stretch, 1 / stretch)
        top, bottom = max(0, int(y - reach)), min(height, int(y + reach) + 2)
        left, right = max(0, int(x - reach)), min(width, int(x + reach) + 2)
        dy = np.arange(top, bottom, dtype=np.float32)[:, None] - np.float32(y)
        dx = np.arange(left, right, dtype=np.float32)[None] - np.float32(x)
        cos, sin = np.float32(np.cos(angles[leaf])), np.float32(np.sin(angles[leaf]))
        along, across = (dx * cos + dy * sin) * np.float32(stretch), dy * cos - dx * sin
        inside = along**2 + (across / np.float32(stretch)) ** 2 < np.float32(radius**2)
        labels[top:bottom, left:right][inside] = leaf
    return labels


def _pink_amplitude(size: tuple[int, int]) -> np.ndarray:
    height, width = size
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    return (1 / frequency).astype(np.float32)


def _pink_noise(
    amplitude: np.ndarray, size: tuple[int, int], rng: np.random.Generator
) -> np.ndarray:
    spectrum = np.fft.rfft2(rng.standard_normal(size, np.float32)) * amplitude
    noise = np.fft.irfft2(spectrum, size).astype(np.float32)
    return noise / noise.std()
