"""Trains a model; the same command again goes on where it stopped.

    python launch/train.py --mice=mouse1 --track=sensorium --model=cnn --workdir=runs/cnn

The workdir gets config.json, model.keras (the best weights so far), metrics.jsonl (a line an
epoch), checkpoints/ and tensorboard/. Without --mice it trains on the simulated mouse.

A training can have stages, each a run in a folder of its own below the workdir, which may be killed
and goes on like any other: --pretrain_mice=mouse4,mouse5 (pretraining/, then finetuning/),
--seeds=0,1,2, --members=5 or --folds=5 (members/; model.keras averages their rates), --distil (one
model learns from all that). --budget_minutes=60 fits the epochs of all of them into the time.

SIGTERM saves the run and ends it with exit status 75. Several machines: start the same command on
each with TF_CONFIG set; all must see the workdir.
"""

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_choice, define_flags, show
from sensorium_tf.recipe_help import by_recipe
from sensorium_tf.settings import STRATEGIES, TrainingSettings

WORKDIR = define_flags(cli.CommandSettings, ["workdir"], required=["workdir"])["workdir"]
SETTINGS = define_flags(TrainingSettings, default_texts=by_recipe())
STRATEGY = show(
    define_choice(
        "strategy",
        "auto",
        STRATEGIES,
        "auto: TF_CONFIG if set, else all visible GPUs, else the CPU.",
    ),
    title="devices",
)
MODULES = define_flags(cli.CommandSettings, ["modules"])["modules"]
PROFILE = flags.DEFINE_bool("profile", False, "Record some steps for TensorBoard's profiler.")


def main() -> None:
    import sensorium_tf

    values = SETTINGS.values()
    if values["seeds"] is not None and not SETTINGS["seed"].present:
        del values["seed"]
    sensorium_tf.train(
        **values,
        workdir=WORKDIR.value,
        data_dir=cli.DATA_DIR.value,
        modules=MODULES.value,
        strategy=STRATEGY.value,
        profile=PROFILE.value,
        started=cli.STARTED,
    )


if __name__ == "__main__":
    cli.run(main)
