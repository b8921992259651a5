"""Images that look natural to V1: dead leaves with a texture whose amplitude falls as 1/f.

Occluding shapes of all sizes give the edges, the scale invariance and the heavy-tailed contrast of
natural scenes (Lee, Mumford and Huang, 2001), without any photograph.
"""

import numpy as np

IMAGE_SHAPE = (144, 256)
_LEAVES = 110
_LEAF_RADII = (6.0, 110.0)  # pixels
# Luminance and contrast of the published images: their mean is about 105 and their standard
# deviation about 58, of which two thirds lie within images and one third between them.
_LUMINANCE_MEAN, _LUMINANCE_STD = 105.0, 28.0
_CONTRAST_MEDIAN, _CONTRAST_SPREAD = 48.0, 0.35
_TEXTURE = 0.45  # standard deviation of the texture, that of the leaves being 1


def dead_leaves(n_images: int, rng: np.random.Generator) -> np.ndarray:
    """Draws images of occluding, textured leaves.

    Args:
      n_images: number of images.
      rng: source of randomness.

    Returns:
      `(n_images, 144, 256)` uint8.
    """
    images = np.empty((n_images, *IMAGE_SHAPE), np.uint8)
    amplitude = _pink_amplitude()
    for image in images:
        labels = _leaf_labels(rng)
        scene = rng.standard_normal(_LEAVES, np.float32)[labels]
        roughness = rng.gamma(2.0, _TEXTURE / 2, _LEAVES).astype(np.float32)[labels]
        scene += roughness * _pink_noise(amplitude, rng)
        scene -= scene.mean()
        scene *= _CONTRAST_MEDIAN * np.exp(_CONTRAST_SPREAD * rng.standard_normal()) / scene.std()
        scene += _LUMINANCE_MEAN + _LUMINANCE_STD * rng.standard_normal()
        image[:] = np.clip(np.rint(scene), 0, 255)
    return images


def at_model_scale(images: np.ndarray) -> np.ndarray:
    """Returns images at the 36 x 64 pixels that models see: means of the central 2 x 2 of 4 x 4.

    Args:
      images: `(images, 144, 256)`.

    Returns:
      `(images, 36, 64)` float32.
    """
    blocks = images.reshape(len(images), IMAGE_SHAPE[0] // 4, 4, IMAGE_SHAPE[1] // 4, 4)
    return blocks[:, :, 1:3, :, 1:3].mean((2, 4), dtype=np.float32)


def _leaf_labels(rng: np.random.Generator) -> np.ndarray:
    """Returns the index of the leaf that is on top at each pixel; leaf 0 lies behind all."""
    height, width = IMAGE_SHAPE
    labels = np.zeros(IMAGE_SHAPE, np.int16)
    # Radii with density r^-3 make the image look alike at every magnification.
    smallest, largest = (radius**-2 for radius in _LEAF_RADII)
    radii = (largest + (smallest - largest) * rng.random(_LEAVES)) ** -0.5
    # Large leaves first: had they come last, they would hide all the small ones.
    radii = -np.sort(-radii * np.exp(0.5 * rng.standard_normal(_LEAVES)))
    centers = rng.random((_LEAVES, 2)) * IMAGE_SHAPE
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


def _pink_amplitude() -> np.ndarray:
    height, width = IMAGE_SHAPE
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = np.inf
    return (1 / frequency).astype(np.float32)


def _pink_noise(amplitude: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    spectrum = np.fft.rfft2(rng.standard_normal(IMAGE_SHAPE, np.float32)) * amplitude
    noise = np.fft.irfft2(spectrum, IMAGE_SHAPE).astype(np.float32)
    return noise / noise.std()
