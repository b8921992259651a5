"""A prepared mouse that saw images, with the trials of a tier in memory."""

import dataclasses
import functools

import numpy as np

from sensorium_tf.data.mouse import Mouse
from sensorium_tf.data.normalizing import normalize_images, normalize_responses
from sensorium_tf.data.past import PastResponses, read_past
from sensorium_tf.data.prepared_files import read_blocks
from sensorium_tf.data.trials import Trials
from sensorium_tf.recordings import Truth
from sensorium_tf.specs import IMAGE, RESPONSE, size_step


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class ImageMouse(Mouse):
    """A prepared mouse that saw images, from `load_mouse`."""

    def trials(self, tier: str) -> Trials:
        """Reads the trials of a tier, normalised, the images at `image_size`.

        Raises:
            SensoriumError: If there is no such tier, or the prepared files are damaged.
        """
        self.check_tier(tier)
        n_trials, (height, width) = self.tiers[tier], self.image_size
        step = size_step(self.spec.image_shape[:2], (height, width))
        images = np.empty((n_trials, height, width, self.spec.image_shape[2]), np.float32)
        columns = {
            each.name: np.empty((n_trials, *each.shape), np.float32)
            for each in self.spec.signals
            if each.name != IMAGE and each.name not in self.withheld_signals
        }
        image_ids = np.empty(n_trials, np.int64)
        trial_ids = np.empty(n_trials, object)
        scale = self.statistics[IMAGE]
        start = 0
        for block in read_blocks(self._builder, tier, mouse=self.name):
            rows = slice(start, start := start + len(block["image_id"]))
            images[rows] = normalize_images(block[IMAGE], scale["mean"], scale["std"], step=step)
            if self._index is not None:
                block[RESPONSE] = block[RESPONSE][:, self._index]
            # Block by block: those of a tier at once would take new memory of that size.
            block[RESPONSE] = normalize_responses(block[RESPONSE], self.response_scale)
            for name, values in columns.items():
                values[rows] = block[name]
            image_ids[rows] = block["image_id"]
            trial_ids[rows] = [trial_id.decode() for trial_id in block["trial_id"]]
        responses = columns.pop(RESPONSE)
        given = {name: self.challenge.input(name, self.spec) for name in columns}
        return Trials(
            mouse=self.name,
            images=images,
            responses=responses,
            signals={
                name: given[name].apply(values, self.statistics[name])
                for name, values in columns.items()
            },
            image_ids=image_ids,
            trial_ids=trial_ids.astype(str),
            tiers=np.full(n_trials, tier),
            neurons=self.neurons,
            given=given,
            past=self.past_responses,
        )

    def past_responses(self, tiers: tuple[str, ...]) -> PastResponses:
        """Returns what the neurons did before any trial, of the responses to some tiers.

        Args:
            tiers: Which responses are known; tiers that the mouse does not have are passed over.

        Raises:
            SensoriumError: If the order of the trials is withheld.
        """
        if tiers not in self._past:
            self._past[tiers] = read_past(
                self._builder,
                [tier for tier in tiers if self.tiers.get(tier)],
                mouse=self.name,
                neurons=self._index,
                scale=self.response_scale,
                means=self.statistics[RESPONSE]["mean"] / self.response_scale,
            )
        return self._past[tiers]

    @functools.cached_property
    def _past(self) -> dict[tuple[str, ...], PastResponses]:
        return {}

    def standardize(self, truth: Truth, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Returns the true responses and rates of some trials, divided as the responses are.

        Args:
            truth: Of this mouse's recording, which is simulated.
            trials: Some of its trials.

        Returns:
            Responses and rates, `(trials, neurons)` float32 each.

        Raises:
            SensoriumError: If the truth is another recording's.
        """
        aligned = truth.align(
            trial_ids=trials.trial_ids, image_ids=trials.image_ids, unit_ids=self.unit_ids
        )
        return (
            normalize_responses(aligned.responses, self.response_scale),
            normalize_responses(aligned.rates, self.response_scale),
        )
