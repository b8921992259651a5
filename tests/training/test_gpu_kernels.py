"""Every operation of a training step has a kernel for GPUs, as TensorFlow's own table says.

The table is of the installed TensorFlow; what its kernels do is seen on a machine with a GPU alone.
"""

from collections.abc import Iterator

import keras
import numpy as np
import pytest
import tensorflow as tf
from movie_models import CORE, movie_inputs, movie_model
from small_models import small_model
from tensorflow.python.framework import kernels

from sensorium_tf.models import PoissonLoss
from sensorium_tf.models.ops import depthwise_gradient
from sensorium_tf.training import Steps

pytestmark = pytest.mark.skipif(not tf.test.is_built_with_cuda(), reason="TensorFlow has no CUDA")
COORDINATES = {"mouse1": np.random.default_rng(0).normal(size=(3, 3))}
N_TRIALS, N_FRAMES = 2, 6
# Hands over what the processor has read.
OF_THE_PROCESSOR = {"IteratorGetNext"}
MODELS = {
    "published": lambda: small_model(COORDINATES, track="sensorium_plus"),
    "ln": lambda: small_model(COORDINATES, model="ln"),
    "learned_stem": lambda: small_model(
        COORDINATES, core="learned_stem(patch_channels=2, channels=[3, 4])", hidden_channels=None
    ),
    "gabor": lambda: small_model(
        COORDINATES,
        core="gabor(n_rotations=4, channels=2, n_blocks=1)",
        readout="oriented(positions=scattered)",
        hidden_channels=None,
        n_blocks=None,
    ),
    "receptive_field": lambda: small_model(
        COORDINATES,
        core="contrast",
        readout="receptive_field",
        hidden_channels=None,
        n_blocks=None,
    ),
    "factorised_3d": lambda: movie_model(COORDINATES, core=CORE, inputs=movie_inputs()),
}


def traced(model, **options) -> tf.Graph:
    """Returns the graph of a call of some steps."""
    n_frames = (N_FRAMES,) if model.inputs.time else ()
    shapes = {
        name: tuple(N_FRAMES if size is None else size for size in shape)
        for name, shape in model.inputs.signal_shapes().items()
    }
    given = {name: np.zeros((N_TRIALS, *shape), np.float32) for name, shape in shapes.items()}
    responses = np.zeros((N_TRIALS, *n_frames, 3), np.float32)
    data = tf.data.Dataset.from_tensors(({"mouse1": given}, {"mouse1": responses})).repeat()
    model.compile(
        keras.optimizers.Adam(weight_decay=0.01), {"mouse1": PoissonLoss(100)}, jit_compile=False
    )
    model.optimizer.build(model.trainable_variables)
    steps = Steps(model, tf.distribute.get_strategy(), clip_norm=1.0, ema_decay=0.9, **options)
    vectors = tf.TensorSpec((None,), tf.float32), tf.TensorSpec((None, 1), tf.float32)
    return steps._compiled.get_concrete_function(
        iter(data), *vectors, tf.TensorSpec((), tf.float32)
    ).graph


def compiled_by_xla(graph: tf.Graph) -> set[str]:
    """Returns the functions of which XLA makes kernels."""
    functions = graph.as_graph_def().library.function
    return {each.signature.name for each in functions if each.attr["_XlaMustCompile"].b}


def nodes(graph: tf.Graph) -> Iterator[tf.compat.v1.NodeDef]:
    """Yields what is computed, but for what XLA makes kernels of itself."""
    definition, compiled = graph.as_graph_def(), compiled_by_xla(graph)
    yield from definition.node
    for each in definition.library.function:
        if each.signature.name not in compiled | inside(definition, compiled):
            yield from each.node_def


def inside(definition, names: set[str]) -> set[str]:
    """Returns the functions that some functions call, and that these call."""
    bodies = {each.signature.name: each.node_def for each in definition.library.function}
    found, new = set(), set(names)
    while new:
        called = {
            function.name
            for name in new
            for node in bodies[name]
            for value in node.attr.values()
            for function in (value.func, *value.list.func)
            if function.name
        }
        new = called - found
        found |= called
    return found


def has_gpu_kernel(node) -> bool:
    """Tells whether a kernel for GPUs, or for every device, takes the node's types."""
    for kernel in kernels.get_registered_kernels_for_op(node.op).kernel:
        if kernel.device_type not in ("GPU", "DEFAULT"):
            continue
        allowed = {each.name: set(each.allowed_values.list.type) for each in kernel.constraint}
        given = {name: node.attr[name].type for name in allowed if node.attr[name].type}
        if all(kind in allowed[name] for name, kind in given.items()):
            return True
    return False


@pytest.mark.parametrize(
    ("name", "precision"),
    [*((name, "float32") for name in MODELS), ("published", "mixed_bfloat16")],
)
def test_every_operation_of_a_step_has_a_gpu_kernel(monkeypatch, name, precision):
    monkeypatch.setattr(depthwise_gradient, "gains", lambda *_: False)  # as where there is a GPU
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        graph = traced(MODELS[name]())
    finally:
        keras.config.set_dtype_policy(before)
    found = [*nodes(graph)]
    assert len(found) > 300
    # As the reading of features is, of which receptive fields have none.
    assert bool(compiled_by_xla(graph)) == (name != "receptive_field")
    without = {node.op for node in found if not has_gpu_kernel(node)}
    assert without - OF_THE_PROCESSOR == set()


def test_an_operation_of_the_processor_alone_is_found_out():
    @tf.function
    def work(values):
        return tf.strings.length(tf.strings.as_string(values))

    found = work.get_concrete_function(tf.TensorSpec((2,), tf.float32)).graph.as_graph_def().node
    assert {node.op for node in found if not has_gpu_kernel(node)} >= {"AsString"}
