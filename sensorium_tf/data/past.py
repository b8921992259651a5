"""What the neurons of a mouse did in the trials before, of the responses that are known."""

from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from sensorium_tf.data.normalizing import normalize_responses
from sensorium_tf.data.order import shown_order
from sensorium_tf.data.prepared_files import read_blocks
from sensorium_tf.errors import SensoriumError
from sensorium_tf.specs import PAST_WINDOWS, RESPONSE


class PastResponses:
    """Means of each neuron over the last trials whose responses are known.

    A trial's own response is never among them, nor that of a trial that was shown later.

    Args:
        responses: `(known trials, neurons)` float32, as models are given them.
        trial_ids: `(known trials,)` strings, which tell the order in which they were shown.
        means: `(neurons,)`, each neuron's mean response over the training trials.
        mouse: Name of the mouse, for messages.

    Raises:
        SensoriumError: If the ids are hashed, so that the order is withheld.
    """

    def __init__(
        self, responses: np.ndarray, trial_ids: np.ndarray, *, means: np.ndarray, mouse: str
    ):
        shown = shown_order(trial_ids, mouse)
        order = np.argsort(shown, kind="stable")
        self._shown = shown[order]
        self._responses = responses[order]
        self._means = np.asarray(means, np.float32)

    def before(self, shown: np.ndarray) -> np.ndarray:
        """Returns, of some trials, what each neuron did before.

        Args:
            shown: `(trials,)`, when they were shown: their ids as numbers.

        Returns:
            `(trials, neurons, windows)` float32: the neuron's mean over the last 1, 2, 5, 10 and 30
            known responses (`specs.PAST_WINDOWS`), or as many as there are, less its mean over the
            training trials; 0 where there is none.
        """
        ends = np.searchsorted(self._shown, shown, side="left")
        means = np.zeros((len(ends), len(PAST_WINDOWS), len(self._means)), np.float32)
        starts = (0, *PAST_WINDOWS[:-1])
        # Trial by trial: the last 30 are neighbours in memory, and summed while they are at hand.
        for found, end in zip(means, ends.tolist(), strict=True):
            last = self._responses[max(0, end - PAST_WINDOWS[-1]) : end][::-1]
            if not len(last):
                continue
            there = [start for start in starts if start < len(last)]
            sums = np.cumsum(np.add.reduceat(last, there, axis=0), axis=0)
            counts = np.minimum(PAST_WINDOWS, len(last))
            found[: len(there)] = sums
            found[len(there) :] = sums[-1]
            found /= counts[:, None].astype(np.float32)
            found -= self._means
        return np.ascontiguousarray(means.transpose(0, 2, 1))


def read_past(
    builder: tfds.core.DatasetBuilder,
    tiers: Sequence[str],
    *,
    mouse: str,
    neurons: np.ndarray | None,
    scale: np.ndarray,
    means: np.ndarray,
) -> PastResponses:
    """Reads the past responses of a mouse.

    Args:
        builder: Of its prepared dataset.
        tiers: Those whose responses are known; at least one.
        mouse: Its name, for messages.
        neurons: Which of the recording's, `(neurons,)`; None for all.
        scale: `(neurons,)`, what responses are divided by.
        means: `(neurons,)`, as of `PastResponses`.

    Raises:
        SensoriumError: If there is no such tier, the files are damaged, or the order of the trials
            is withheld.
    """
    responses, trial_ids = [], []
    for tier in tiers:
        for block in read_blocks(builder, tier, mouse=mouse, images=False):
            raw = block[RESPONSE]
            responses.append(raw if neurons is None else raw[:, neurons])
            trial_ids += [trial_id.decode() for trial_id in block["trial_id"]]
    if not responses:
        raise SensoriumError(f"{mouse}: has no trial of past_tiers")
    return PastResponses(
        normalize_responses(np.concatenate(responses), scale),
        np.array(trial_ids),
        means=means,
        mouse=mouse,
    )
