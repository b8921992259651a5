"""Writes a trained baseline as a PyTorch state dict, which the published starting kit loads.

    python launch/export_published.py --workdir=runs/cnn --output=cnn.pth
    python launch/export_published.py --model_file=cnn_mouse1.keras --output=cnn.pth

Weights get the published names, a mouse its session key. Of custom layers, subclasses of
SensoriumCore, GaussianReadout and MLPShifter can be exported. Needs PyTorch:
pip install '.[published]'.
"""

from absl import flags

from sensorium_tf import cli
from sensorium_tf.flags import define_flags

FLAGS = define_flags(
    cli.CommandSettings, ["workdir", "model_file", "output", "modules"], required=["output"]
)
KEYS = flags.DEFINE_list(
    "keys", [], "Mice and their session keys, such as lab1:1-2-3. Default: those of mouse1 ..."
)


def main() -> None:
    from sensorium_tf.interop.pytorch import save_published
    from sensorium_tf.registry import import_modules
    from sensorium_tf.runs import Run

    import_modules(FLAGS["modules"].value)
    output = FLAGS["output"].value
    trained = Run(cli.one_of(FLAGS["workdir"], FLAGS["model_file"]))
    keys = save_published(trained.model, output, keys=cli.pairs(KEYS))
    print(f"{trained.name} of track {trained.track} ({trained.provenance.describe()})")
    for mouse, key in keys.items():
        print(f"{mouse}: session key {key}")
    print(output)


if __name__ == "__main__":
    cli.run(main)
