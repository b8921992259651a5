"""What the tests of the models share."""

import keras
import numpy as np
import pytest


@pytest.fixture
def gradients():
    """Gradients of a scalar function, on the backends that the tests run on."""

    def tensorflow(function, *arrays):
        import tensorflow as tf

        tensors = [tf.constant(array) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(tensors)
            value = function(*tensors)
        return [gradient.numpy() for gradient in tape.gradient(value, tensors)]

    def torch(function, *arrays):
        import torch

        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        function(*tensors).backward()
        return [tensor.grad.numpy() for tensor in tensors]

    def jax(function, *arrays):
        import jax

        slopes = jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays)
        return [np.asarray(slope) for slope in slopes]

    backends = {"tensorflow": tensorflow, "torch": torch, "jax": jax}
    if keras.backend.backend() not in backends:
        pytest.skip(reason=f"no gradients here on the {keras.backend.backend()} backend")
    return backends[keras.backend.backend()]
