"""Searches for settings: trials that are runs, on one study that several processes may share.

    python launch/search.py --space=docs/search_space.json --trials=50 --workdir=runs/search

The space is a JSON file: settings that stay, and ranges of those that are searched for. A trial
that falls behind the others is ended early. The best trial is a run like any other, in the folder
that is printed; `tensorboard --logdir=runs/search/tensorboard` compares them. The same command goes
on where it stopped; started several times at once, its processes share the work. Takes Optuna
(extra search).
"""

import shlex

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags, show

WORKDIR = define_flags(cli.CommandSettings, ["workdir"], required=["workdir"])["workdir"]
SPACE = show(flags.DEFINE_string("space", None, "JSON file of the space.", required=True))
TRIALS = show(
    flags.DEFINE_integer(
        "trials", 20, "Of all processes together, earlier ones included.", lower_bound=1
    )
)
MODULES = define_flags(cli.CommandSettings, ["modules"])["modules"]


def main() -> None:
    from sensorium_tf.registry import import_modules
    from sensorium_tf.training import search

    import_modules(MODULES.value)
    best = search(SPACE.value, WORKDIR.value, n_trials=TRIALS.value, data_dir=cli.DATA_DIR.value)
    print(f"best of {best.n_trials} trials: {best.workdir}, correlation {best.score:.4f}")
    for name, value in best.values.items():
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        print(f"  --{name}={shlex.quote(text)}")


if __name__ == "__main__":
    cli.run(main)
