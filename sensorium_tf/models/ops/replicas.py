"""What changes when TensorFlow trains one model on several devices at once."""

import keras


def replica_context():
    """Returns TensorFlow's replica context inside a step that runs on several replicas.

    Asked for at every call and never stored, so that a model carries no trace of the devices it
    was trained on.

    Returns:
        A `tf.distribute.ReplicaContext`, or `None` on one device and on other backends.
    """
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context if context is not None and context.num_replicas_in_sync > 1 else None


@keras.saving.register_keras_serializable(package="sensorium_tf")
class ReplicaSeedGenerator(keras.random.SeedGenerator):
    """A seed generator that gives every replica its own stream.

    Keras's keeps the same state on all replicas, which would then draw the same noise for
    different images. Arguments are those of `keras.random.SeedGenerator`.
    """

    def next(self, ordered=True):
        """Returns the next seed, a `(2,)` tensor."""
        seed = super().next(ordered=ordered)
        context = replica_context()
        if context is None:
            return seed
        import tensorflow as tf

        replica = tf.cast(context.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([tf.zeros_like(replica), replica])
