"""The published recipe: large batches until the validation score gains no more.

Source: Willeke et al. 2022, arXiv 2206.08666 (docs/formulas.md, "The published recipe"); of movies
Turishcheva et al. 2023, arXiv 2305.19654, which has small batches and AdamW.

Command:

    python launch/train.py --mice=mouse1 --model=cnn --workdir=runs/cnn

Expected time: a step of 128 trials and 7,538 neurons takes 0.95 s on two CPU cores
(benchmarks/README.md, "How it grows"), so an epoch of 4,500 trials 34 s. The validation score
decides how many of the 200 epochs there are.

Expected score: it depends on the recording, such as a test correlation of .261 with 600 neurons and
1,000 training trials (docs/zoo.md). This prints it, beside the oracle:

    python launch/evaluate.py --workdir=runs/cnn
"""

from sensorium_tf.recipes import Recipe
from sensorium_tf.registry import RECIPES

PUBLISHED = RECIPES.register("published")(
    Recipe(
        doc="Large batches until the validation score gains no more, as published.",
        schedule="plateau",
        values={
            "epochs": 200,
            "batch_size": 128,
            "learning_rate": 0.009,
            "ema_decay": 0.0,
            "mean_bias": False,
            "correlation_weight": 0.0,
            "weight_decay": 0.0,
        },
        of_challenges={
            "sensorium2023": {"batch_size": 8, "learning_rate": 0.005, "weight_decay": 0.01}
        },
        # The published step: each mouse passes the core by itself.
        joint_core=False,
    )
)
