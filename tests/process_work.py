"""What processes are given to do: found by its name in each of them."""

import os
import signal
import threading
import warnings

from sensorium_tf.errors import SensoriumError


def work(item):
    """Does what the item says."""
    if item == "fails":
        raise SensoriumError("bad.zip: cannot be read")
    if item == "warns":
        warnings.warn("odd.zip: is odd", stacklevel=1)
        warnings.warn("for developers", DeprecationWarning, stacklevel=1)
    if item == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if item == "goes on":
        print("at work", flush=True)
        threading.Event().wait()
