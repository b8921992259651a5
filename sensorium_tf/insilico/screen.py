"""How large a pixel of the images is to the animal, where the screen's geometry is known."""

import dataclasses

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.config import Config, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Screen(Config):
    """A flat screen in front of the eye; lengths in any unit, the same for both.

    Results are in pixels of the model's images; `result.in_degrees(screen)` has them in degrees,
    and `wavelengths=screen.pixels([10, 20, 40], 64)` takes them so, for images 64 pixels wide. A
    degree is one where the screen is nearest to the eye: towards its edges a pixel covers less.
    """

    width: float = setting(
        dataclasses.MISSING, "Of what the images fill, from side to side.", above=0
    )
    distance: float = setting(dataclasses.MISSING, "From the eye to the nearest point.", above=0)

    def degrees(self, pixels: ArrayLike, image_width: int) -> np.ndarray:
        """Returns lengths on images so many pixels wide in degrees of visual angle."""
        return np.asarray(pixels, np.float64) * self._degrees_a_pixel(image_width)

    def pixels(self, degrees: ArrayLike, image_width: int) -> np.ndarray:
        """Returns angles in pixels of images so many pixels wide."""
        return np.asarray(degrees, np.float64) / self._degrees_a_pixel(image_width)

    def _degrees_a_pixel(self, image_width: int) -> float:
        return float(np.degrees(np.arctan(self.width / image_width / self.distance)))
