"""Trials grouped by the image they showed."""

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError

#: Why what needs repeats is not defined.
NO_REPEATS = "no image was shown more than once in these trials: use a tier with repeated images"


class Images:
    """Which trials showed the same image.

    Args:
        image_ids: `(trials,)`, the image shown in each trial.
        n_trials: How many trials there are.

    Attributes:
        of_trial: `(trials,)`, index of a trial's image among the distinct ones.
        counts: `(images,)`, how often each was shown.
        repeated: `(images,)`, whether it was shown more than once.

    Raises:
        SensoriumError: If there is not one image id a trial.
    """

    def __init__(self, image_ids: ArrayLike, n_trials: int):
        image_ids = np.asarray(image_ids)
        if image_ids.shape != (n_trials,):
            raise SensoriumError(
                f"image ids have shape {image_ids.shape}, expected ({n_trials},): one a trial"
            )
        _, self.of_trial, self.counts = np.unique(
            image_ids, return_inverse=True, return_counts=True
        )
        self.repeated = self.counts > 1
        self._order = np.argsort(self.of_trial, kind="stable")
        self._starts = np.cumsum(self.counts) - self.counts

    @property
    def has_repeats(self) -> bool:
        """Whether some image was shown more than once."""
        return bool(self.repeated.any())

    def check_repeats(self, what: str) -> None:
        """Checks that some image was shown more than once.

        Args:
            what: Needs that, for the message.

        Raises:
            SensoriumError: If none was.
        """
        if not self.has_repeats:
            raise SensoriumError(f"{what}: {NO_REPEATS}")

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums `(trials, neurons)` over the trials of each image: `(images, neurons)`."""
        return np.add.reduceat(values[self._order], self._starts, axis=0)

    def repeats(self, values: np.ndarray) -> np.ndarray:
        """Returns the repeats of those images that have some, as many as all of these have.

        Args:
            values: `(trials, neurons)`.

        Returns:
            `(repeats, images, neurons)`, each image's first ones in the order of the trials.
        """
        n_repeats = self.counts[self.repeated].min()
        rows = self._starts[self.repeated] + np.arange(n_repeats)[:, None]
        return values[self._order[rows]]

    def means(self, values: np.ndarray) -> np.ndarray:
        """Averages `(trials, neurons)` over the trials of each image: `(images, neurons)`."""
        return self.sums(values) / self.counts[:, None]


def has_repeats(image_ids: ArrayLike) -> bool:
    """Tells whether some image was shown more than once, which FEV, FEVE and the oracle need.

    Args:
        image_ids: `(trials,)`, the image shown in each trial.
    """
    return Images(image_ids, len(image_ids)).has_repeats
