"""The best recipe: the mean of several networks that see recorded images, each pre-trained.

Source: ours. The gains that it puts together are those of the competition's winners (Willeke et al.
2023, PMLR 220:314-333, "Retrospective on the Sensorium 2022 competition"): images of full size
through a learned stem, with their centred copy; a term of the correlation in the loss; one core for
all mice that is then fine-tuned; and the mean of several networks. The fast recipe's average of the
weights is longer here, for training trials that are few.

Command, with other mice and without:

    python launch/train.py --recipe=best --mice=mouse1 --pretrain_mice=mouse4,mouse5 --workdir=W
    python launch/train.py --recipe=best --mice=mouse1 --workdir=W

--track=sensorium_plus gives it behavior and eye position. --distil adds a student that takes the
place of the ensemble: a single model, with one prediction for an image. Images much smaller than
144 x 256 pixels leave its core little to see: --core=sensorium takes them as the baselines do.

Expected time: what --budget_minutes says, for 60 of which it is made; without it four trainings of
22 epochs, and as much again for each of --pretrain_mice.

Expected score: it depends on the recording; with --members=3 --budget_minutes=12 a test correlation
of .284 where the published recipe has .262 (docs/zoo.md, one training each). This prints how it
differs:

    python launch/evaluate.py --compare=runs/cnn,W
"""

from sensorium_tf.recipes import Recipe
from sensorium_tf.recipes.fast import FAST
from sensorium_tf.registry import RECIPES

_CHANNELS = ("image", "centred_image")

BEST = RECIPES.register("best")(
    Recipe(
        doc="The mean of several networks that see recorded images, pre-trained on other mice.",
        schedule=FAST.schedule,
        values={
            **FAST.values,
            "core": "learned_stem(dropout=0.1)",
            "nonlinearity": "softplus",
            "channels": _CHANNELS,
            "image_size": "recorded",
            "correlation_weight": 0.3,
            "ema_decay": 0.998,
            "members": 4,
            "prune": False,
            "distil": False,
        },
        of_tracks={"sensorium_plus": {"channels": (*_CHANNELS, "behavior")}},
        # Movies have cores of their own.
        of_challenges={
            "sensorium2023": {
                **FAST.of_challenges["sensorium2023"],
                **dict.fromkeys(("core", "nonlinearity", "channels", "image_size")),
                "correlation_weight": 0.0,
                "ema_decay": FAST.values["ema_decay"],
            }
        },
        balance_batch_size=FAST.balance_batch_size,
    )
)
