"""Trains a baseline; the same command again goes on where it stopped.

    python launch/train.py --mice=mouse1 --track=sensorium --model=cnn --workdir=runs/cnn

The workdir gets config.json, model.keras (the best weights so far), metrics.jsonl (a line an
epoch), checkpoints/ and tensorboard/. Without --mice it trains on the simulated mouse. With --seeds
it trains a member for each seed, in members/, and model.keras averages their rates.

SIGTERM saves the run and ends it with exit status 75. Several machines: start the same command on
each with TF_CONFIG set; all must see the workdir.
"""

from absl import flags

from sensorium_tf import cli

WORKDIR = flags.DEFINE_string("workdir", None, "Folder of the run.", required=True)
SEEDS = flags.DEFINE_list(
    "seeds", None, "Seeds of an ensemble, such as 0,1,2,3,4; not with --seed."
)

SETTINGS = (
    flags.DEFINE_string("mice", "simulated", "Prepared mice, joined by commas."),
    flags.DEFINE_enum(
        "track",
        "sensorium",
        ["sensorium", "sensorium_plus"],
        "sensorium: image only. sensorium_plus: image, behavior and pupil center.",
    ),
    flags.DEFINE_string(
        "model",
        "cnn",
        "Baseline (cnn or ln), or package.module:function that builds a model of your own; its "
        "code is run.",
    ),
    flags.DEFINE_integer("seed", 0, "Of weights, order of trials and sampled positions."),
    flags.DEFINE_enum(
        "recipe",
        "published",
        ["published", "fast"],
        "published: until the validation score gains no more. fast: few epochs of many small "
        "steps.",
    ),
    flags.DEFINE_integer("epochs", None, "At most so many; published: 200, fast: 22."),
    flags.DEFINE_integer(
        "batch_size", None, "Trials of each mouse in a step; published: 128, fast: 8."
    ),
    flags.DEFINE_float(
        "learning_rate", None, "Of Adam, at its highest; published: 0.009, fast: 0.005."
    ),
    flags.DEFINE_float("warmup_epochs", 1.0, "fast: the learning rate rises in these."),
    flags.DEFINE_float(
        "cooldown_epochs", None, "fast: it falls to zero in the last so many; half of all."
    ),
    flags.DEFINE_bool(
        "mean_bias", None, "Start each neuron at its mean response. published: false, fast: true."
    ),
    flags.DEFINE_bool("joint_core", False, "fast: all mice pass the core in one batch."),
    flags.DEFINE_float("gradient_clip", None, "Largest norm of all gradients."),
    flags.DEFINE_float(
        "average_decay",
        None,
        "Decay of a moving average of the weights, kept in their place; 0: none. published: 0, "
        "fast: 0.99.",
    ),
    flags.DEFINE_string(
        "init_from",
        None,
        "Model file (.keras) to start from, trained or imported: its core, and its readouts of "
        "neurons that are known to be the same.",
    ),
    flags.DEFINE_bool("freeze_core", False, "Keep the core of --init_from as it is."),
    flags.DEFINE_bool("deterministic", False, "The same bits each time, at some cost."),
    flags.DEFINE_bool("mixed_precision", False, "Compute in bfloat16; slower on a CPU."),
)
SUBSET = (
    flags.DEFINE_integer("neurons", None, "So many neurons of each mouse, drawn at random."),
    flags.DEFINE_list("unit_ids", [], "Only the neurons with these unit ids, of every mouse."),
    flags.DEFINE_list("areas", [], "Only neurons of these areas."),
    flags.DEFINE_list("layers", [], "Only neurons of these layers of cortex."),
    flags.DEFINE_float(
        "min_reliability", None, "Only neurons with at least this FEV over the repeats of test."
    ),
    flags.DEFINE_integer("train_trials", None, "So many trials to train on, drawn at random."),
    flags.DEFINE_list("train_tiers", ["train"], "Tiers to train on."),
    flags.DEFINE_string(
        "validation_tier",
        "validation",
        "Tier by which weights are chosen; validation/... in a run's files is of it.",
    ),
    flags.DEFINE_integer("subset_seed", 0, "Of the drawn neurons and trials."),
)
SCHEDULE = (
    flags.DEFINE_integer("patience", 5, "published: epochs without gain, then best weights."),
    flags.DEFINE_integer("restarts", 3, "published: how often the best weights come back."),
    flags.DEFINE_integer("decay_patience", 5, "published: epochs without gain, then a cut."),
    flags.DEFINE_float("decay_factor", 0.3, "published: what a cut leaves of the rate."),
    flags.DEFINE_float("learning_rate_floor", 1e-4, "published: the smallest rate."),
    flags.DEFINE_float("smallest_gain", 1e-6, "published: of the score, to count as one."),
)
ARCHITECTURE = (
    flags.DEFINE_integer("hidden_channels", 64, "Channels of the core's layers."),
    flags.DEFINE_integer("input_kernel", 9, "Size of the first layer's kernels, in pixels."),
    flags.DEFINE_integer("hidden_kernel", 7, "Size of the depthwise kernels, in pixels."),
    flags.DEFINE_integer("n_blocks", None, "Blocks after the first layer; cnn: 3, ln: 2."),
    flags.DEFINE_float("laplace_penalty", 6.3831, "On the roughness of the first layer."),
    flags.DEFINE_enum(
        "covariance", "full", ["full", "uncorrelated", "isotropic"], "Of sampled positions."
    ),
    flags.DEFINE_enum(
        "positions", "predicted", ["predicted", "free"], "Predicted from cortex, or free."
    ),
    flags.DEFINE_integer("position_hidden_units", 30, "Of the network for positions."),
    flags.DEFINE_float("sigma_init", 0.1, "Range of the positions' width at the start."),
    flags.DEFINE_float("feature_penalty", 0.0076, "On the size of the readouts' features."),
    flags.DEFINE_bool("shifter", True, "Whether sensorium_plus models follow the pupil."),
    flags.DEFINE_integer("shifter_hidden_units", 5, "Of the shifter's hidden layers."),
    flags.DEFINE_integer("shifter_layers", 3, "Layers of the shifter."),
)

STRATEGY = flags.DEFINE_enum(
    "strategy",
    "auto",
    ["auto", "one_device", "mirrored", "multi_worker"],
    "auto: TF_CONFIG if set, else all visible GPUs, else the CPU.",
)
MODULES = flags.DEFINE_list(
    "modules", [], "Modules to import first: those of your own layers in --init_from."
)
PROFILE = flags.DEFINE_bool("profile", False, "Record some steps for TensorBoard's profiler.")


def main() -> None:
    import sensorium_tf

    cli.import_own(MODULES)
    values = {flag.name: flag.value for flag in (*SETTINGS, *SUBSET, *SCHEDULE, *ARCHITECTURE)}
    values["unit_ids"] = cli.whole_numbers(flags.FLAGS["unit_ids"])
    seeds = None if SEEDS.value is None else cli.whole_numbers(SEEDS)
    if seeds is not None and not flags.FLAGS["seed"].present:
        del values["seed"]
    sensorium_tf.train(
        **values,
        seeds=seeds,
        workdir=WORKDIR.value,
        data_dir=cli.DATA_DIR.value,
        strategy=STRATEGY.value,
        profile=PROFILE.value,
    )


if __name__ == "__main__":
    cli.run(main)
