"""The competition's files: predicted rates or recorded responses as CSV, a row per trial.

A row names its trial, its image and, as Python lists in text, one value per neuron and the unit
ids of those neurons. Lists are read as data (JSON), never evaluated.
"""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from sensorium_tf.errors import SensoriumError
from sensorium_tf.files import atomic_write

COLUMNS = ("trial_indices", "image_ids", "{values}", "neuron_ids")
SUBMISSION_NAMES: Mapping[str, str] = {
    "test": "submission_file_live_test.csv",
    "final_test": "submission_file_final_test.csv",
}


