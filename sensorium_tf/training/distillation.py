"""A student learns what a teacher predicts, beside the responses.

The Poisson loss is linear in the responses, so its mean over responses and the teacher's rates is
the loss of their mix: what changes are the trials, not the step (Hinton, Vinyals and Dean 2015,
arXiv 1503.02531, for rates instead of classes).
"""

import dataclasses
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from sensorium_tf.data import Mouse, Trials, unlabelled_images
from sensorium_tf.errors import SensoriumError
from sensorium_tf.runs import Provenance, Run, predict
from sensorium_tf.specs import PAST_RESPONSES

# Nothing but the same picture correlates so closely.
_SAME = 0.99


@dataclasses.dataclass(frozen=True, eq=False)
class Teacher:
    """A trained model that knows the student's mice.

    Attributes:
        run: The model.
        mice: The student's.
    """

    run: Run
    mice: Sequence[Mouse]

    @property
    def provenance(self) -> Provenance:
        """The signals and trials that the teacher uses."""
        return self.run.provenance

    def teach(
        self,
        trials: Mapping[str, Trials],
        *,
        weight: float,
        images: Sequence[str] = (),
        seed: int,
        say: bool = False,
    ) -> dict[str, Trials]:
        """Returns what the student learns from: a mix of responses and the teacher's rates.

        Images without responses come after the trials, with the teacher's rates alone and the
        behavior of training trials drawn at random. Images that a mouse is shown in other
        trials, such as those that choose weights, are left out.

        Args:
            trials: Mouse to the trials to train on.
            weight: Share of the teacher's rates in what is learnt.
            images: Further ones, as of `data.unlabelled_images`.
            seed: Of what is drawn.
            say: Whether to print what is learnt from.

        Raises:
            SensoriumError: If there are further images, but they cannot be read or the teacher
                cannot predict responses to them.
        """
        if images and PAST_RESPONSES in self.run.model.inputs:
            raise SensoriumError(
                f"distil_images: the teacher {self.run.path} is given past responses, which there "
                "are none of to more images: leave them out"
            )
        taught = {}
        for mouse in self.mice:
            own = trials[mouse.name]
            rates = predict(self.run.model, own)
            mix = own.responses + np.float32(weight) * (rates - own.responses)
            parts = [dataclasses.replace(own, responses=mix)]
            for source in images:
                more = _read(source, mouse, self.run.data_dir)
                kept = more[~_shown(more, mouse, own)]
                if say:
                    print(
                        f"{len(kept)} more images of {source} for {mouse.name}"
                        f"{f', {len(more) - len(kept)} left out' * (len(kept) < len(more))}: "
                        f"taught by {self.run.path}"
                    )
                if len(kept):
                    parts.append(self._unlabelled(kept, own, np.random.default_rng(seed)))
            taught[mouse.name] = Trials.concatenate(parts)
        return taught

    def _unlabelled(
        self, images: np.ndarray, trials: Trials, random: np.random.Generator
    ) -> Trials:
        """Returns trials of images whose responses are the teacher's rates."""
        rows = random.integers(0, len(trials), len(images))
        shown = dataclasses.replace(
            trials.take(rows),
            images=images,
            image_ids=np.full(len(images), -1),
            trial_ids=np.array([f"taught {number}" for number in range(len(images))]),
            tiers=np.full(len(images), "unlabelled"),
        )
        return dataclasses.replace(shown, responses=predict(self.run.model, shown))


def open_teacher(path: str | Path, mice: Sequence[Mouse], *, data_dir=None) -> Teacher:
    """Opens a teacher.

    Args:
        path: Workdir or model file.
        mice: The student's.
        data_dir: Where the prepared datasets are; TFDS's default if left out.

    Raises:
        SensoriumError: If there is no model, or it does not know the mice with the same neurons.
    """
    run = Run(path, data_dir)
    for own, theirs in zip(mice, run.load_mice([mouse.name for mouse in mice]), strict=True):
        if not np.array_equal(own.unit_ids, theirs.unit_ids):
            raise SensoriumError(
                f"distil_from {run.folder}: was trained on other neurons of {own.name}: choose "
                "the same"
            )
    return Teacher(run, mice)


def check_images(images: Iterable[str], mice: Iterable[Mouse], *, data_dir=None) -> None:
    """Raises SensoriumError unless further images can be read for some mice.

    Args:
        images: Where they are, as of `data.unlabelled_images`.
        mice: The mice.
        data_dir: Where the prepared datasets are; TFDS's default if left out.
    """
    for source, mouse in itertools.product(images, mice):
        _read(source, mouse, data_dir)


def _read(source: str, mouse: Mouse, data_dir) -> np.ndarray:
    try:
        return unlabelled_images(source, mouse, data_dir=data_dir)
    except SensoriumError as e:
        raise SensoriumError(f"distil_images: {e}") from e


def _shown(images: np.ndarray, mouse: Mouse, trained: Trials) -> np.ndarray:
    """Tells which images the mouse is shown in other trials than those that are trained on."""
    shown = np.zeros(len(images), bool)
    for tier in mouse.tiers:
        theirs = mouse.trials(tier)
        others = ~np.isin(theirs.trial_ids, trained.trial_ids[trained.tiers == tier])
        _, first = np.unique(theirs.image_ids[others], return_index=True)
        pictures = theirs.images[others][first]
        shown |= (_z_scored(images) @ _z_scored(pictures).T > _SAME).any(axis=1)
    return shown


def _z_scored(images: np.ndarray) -> np.ndarray:
    """Returns images as rows whose products are correlations."""
    rows = images.reshape(len(images), math.prod(images.shape[1:])).astype(np.float32)
    rows = rows - rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
