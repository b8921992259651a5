"""The commands, a script for each verb; installed as `sensorium_tf.launch`."""
