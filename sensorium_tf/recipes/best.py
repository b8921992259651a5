"""The best recipe: several fast trainings, each pre-trained if there are other mice, as one model.

Source: ours. The gains that it puts together are those of the competition's winners: one core for
all mice that is then fine-tuned, and the mean of several networks (Willeke et al. 2023, PMLR
220:314-333, "Retrospective on the Sensorium 2022 competition").

Command, with other mice and without:

    python launch/train.py --recipe=best --mice=mouse1 --pretrain_mice=mouse4,mouse5 --workdir=W
    python launch/train.py --recipe=best --mice=mouse1 --workdir=W

--track=sensorium_plus gives it behavior and eye position. --distil adds a student that takes the
place of the ensemble: a single model, with one prediction for an image.

Expected time: what --budget_minutes says, for 60 of which it is made; without it four times that of
the fast recipe, and as much again for each of --pretrain_mice.

Expected score: it depends on the recording; this prints how it differs from the published recipe's:

    python launch/evaluate.py --compare=runs/cnn,W
"""

from sensorium_tf.recipes import Recipe
from sensorium_tf.recipes.fast import FAST
from sensorium_tf.registry import RECIPES

BEST = RECIPES.register("best")(
    Recipe(
        doc="The mean of several fast trainings, each pre-trained if there are other mice.",
        schedule=FAST.schedule,
        values={**FAST.values, "members": 4, "prune": False, "distil": False},
        of_challenges=FAST.of_challenges,
        balance_batch_size=FAST.balance_batch_size,
    )
)
