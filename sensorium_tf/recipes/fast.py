"""The fast recipe: few epochs of many small steps.

Source: ours (docs/formulas.md, "The fast recipe"). Each neuron starts at its mean response; the
learning rate rises for one epoch, stays, and falls in a line to zero in the second half; a moving
average of the weights is scored and kept in their place.

Command:

    python launch/train.py --mice=mouse1 --model=cnn --recipe=fast --workdir=runs/fast

Expected time: 22 epochs, a third of what the published recipe usually takes (docs/formulas.md): for
1,000 training trials and 600 neurons 86 s on two CPU cores (benchmarks/README.md).

Expected score: it depends on the recording; on that one a test correlation of .272, where the
published recipe has .261 (docs/zoo.md, one training each). This prints how it differs:

    python launch/evaluate.py --compare=runs/cnn,runs/fast
"""

from sensorium_tf.recipes import Recipe
from sensorium_tf.registry import RECIPES

FAST = RECIPES.register("fast")(
    Recipe(
        doc="Few epochs of many small steps.",
        schedule="warmup_stable_decay",
        values={
            "epochs": 22,
            "batch_size": 8,
            "learning_rate": 0.005,
            "ema_decay": 0.99,
            "mean_bias": True,
            "correlation_weight": 0.0,
            "warmup_epochs": 1.0,
            "weight_decay": 0.0,
        },
        # A movie has few trials, each of many frames, of which a step takes some.
        of_challenges={"sensorium2023": {"epochs": 60}},
        balance_batch_size=128,
    )
)
