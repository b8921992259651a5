"""Trains a baseline by the published recipe; the same command again goes on where it stopped.

    python launch/train.py --mice=mouse1 --track=sensorium --model=cnn --workdir=runs/cnn

The workdir gets config.json, model.keras (the best weights so far), metrics.jsonl (a line an
epoch), checkpoints/ and tensorboard/. Without --mice it trains on the simulated mouse.
"""

import launcher
from absl import flags

MICE = flags.DEFINE_string("mice", "simulated", "Prepared mice, joined by commas.")
TRACK = flags.DEFINE_enum(
    "track",
    "sensorium",
    ["sensorium", "sensorium_plus"],
    "sensorium: image only. sensorium_plus: image, behavior and pupil center.",
)
MODEL = flags.DEFINE_enum("model", "cnn", ["cnn", "ln"], "Which baseline.")
WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
EPOCHS = flags.DEFINE_integer("epochs", 200, "At most so many epochs; the recipe may stop sooner.")
BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Trials of each mouse in a step.")
LEARNING_RATE = flags.DEFINE_float("learning_rate", 0.009, "Of Adam, at the start.")
SEED = flags.DEFINE_integer("seed", 0, "Of weights, order of trials and sampled positions.")
INIT_FROM = flags.DEFINE_string(
    "init_from",
    None,
    "Model file (.keras) to start from, trained or imported: its core, and its readouts of the "
    "same neurons.",
)
FREEZE_CORE = flags.DEFINE_bool("freeze_core", False, "Keep the core of --init_from as it is.")
HIDDEN_CHANNELS = flags.DEFINE_integer("hidden_channels", 64, "Channels of the core's layers.")


def main() -> None:
    from sensorium_tf.data import mouse_names
    from sensorium_tf.models import BaselineSettings
    from sensorium_tf.training import TrainingSettings, train

    settings = TrainingSettings(
        mice=tuple(mouse_names(MICE.value)),
        track=TRACK.value,
        model=MODEL.value,
        epochs=EPOCHS.value,
        batch_size=BATCH_SIZE.value,
        learning_rate=LEARNING_RATE.value,
        seed=SEED.value,
        init_from=INIT_FROM.value,
        freeze_core=FREEZE_CORE.value,
        architecture=BaselineSettings(hidden_channels=HIDDEN_CHANNELS.value),
    )
    print(settings.describe())
    result = train(settings, WORKDIR.value, data_dir=launcher.DATA_DIR.value)
    print(
        f"{len(result.epochs)} epochs; best validation correlation {result.best_score:.4f}; "
        f"model in {result.model_file}"
    )


if __name__ == "__main__":
    launcher.run(main)
