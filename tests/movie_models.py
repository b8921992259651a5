"""Small models of movies, for tests."""

import dataclasses

from sensorium_tf.challenges import sensorium2023
from sensorium_tf.models import ModelSettings, build_model

#: A core of two layers that gets no features of the first three frames.
CORE = "factorised_3d(channels=[3, 4], spatial_kernels=[5, 3], temporal_kernels=[3, 2])"
SIZE = (12, 16)


def movie_inputs(*extras, size=SIZE):
    """What small models of movies are given, context signals beside their own among it."""
    inputs = sensorium2023.CHALLENGE.inputs("main")
    for name in extras:
        inputs = inputs.with_extra(name)
    return dataclasses.replace(inputs, image_size=size, recorded_size=size)


def movie_model(coordinates, *, core=CORE, inputs=None, seed=None, joint_core=False, **settings):
    """A model of movies, of parts by name."""
    made = ModelSettings(core=core, **settings)
    return build_model(
        made, coordinates, inputs or movie_inputs(), seed=seed, joint_core=joint_core
    )
