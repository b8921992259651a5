"""New Pythons for tests, without the seconds that importing TensorFlow takes.

Run as a program, this imports the libraries and waits. At each request it forks, and the child
becomes the program that was asked for: it ends as any Python does.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
_REQUEST_BYTES = 1 << 16


class WarmPython:
    """A Python that has imported the libraries, from which others start."""

    def __init__(self):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def close(self):
        """Ends it; what it started goes on."""
        self._socket.close()
        self._process.wait()

    def start(self, *arguments, cwd=None, **environment):
        """Starts `python ARGUMENTS`: `-c CODE`, `-m MODULE` or a script, with its arguments."""
        request = {
            "arguments": [str(argument) for argument in arguments],
            "cwd": str(cwd or Path.cwd()),
            "environment": {**os.environ, **environment},
        }
        ours, theirs = zip(*(os.pipe() for _ in range(3)), strict=True)
        socket.send_fds(self._socket, [json.dumps(request).encode()], theirs)
        for end in theirs:
            os.close(end)
        return Started(*ours)

    def run(self, *arguments, **options):
        """As `subprocess.run` with its text captured."""
        process = self.start(*arguments, **options)
        output, errors = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


class Started:
    """A process, with what tests use of `subprocess.Popen`."""

    def __init__(self, output, errors, status):
        self.stdout, self.stderr, self._status = (
            os.fdopen(end) for end in (output, errors, status)
        )
        self.pid = int(self._status.readline())
        self.returncode = None

    def poll(self, timeout=0.0):
        """Returns the exit status, as `Popen.poll`."""
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            self.returncode = int(self._status.readline())
        return self.returncode

    def communicate(self, timeout=None):
        """Returns what it wrote, once it has ended."""
        with ThreadPoolExecutor(2) as readers:
            texts = readers.map(lambda stream: stream.read(), (self.stdout, self.stderr))
            if self.poll(timeout) is None:
                self.kill()
                raise subprocess.TimeoutExpired(self.pid, timeout)
            return tuple(texts)

    def send_signal(self, number):
        """Sends a signal."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


def _import_libraries():
    import matplotlib.pyplot  # noqa: F401
    import tensorboard.plugins.hparams.api
    import tensorboard.summary  # noqa: F401
    import tensorflow_datasets  # noqa: F401

    import sensorium_tf.api  # noqa: F401


def _next_program(requests):
    """Returns in a new process, with what it is asked to be; the first process stays."""
    while True:
        message, ends, *_ = socket.recv_fds(requests, _REQUEST_BYTES, 3)
        if not message:
            os._exit(0)
        if os.fork() == 0:
            break
        for end in ends:
            os.close(end)
        os.wait()
    # Its child tells of the program's end, so that the first process need not wait for it.
    if os.fork() > 0:
        os._exit(0)
    requests.close()
    output, errors, status = ends
    pid = os.fork()
    if pid > 0:
        for end in (output, errors):
            os.close(end)
        os.write(status, f"{pid}\n".encode())
        ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.write(status, f"{ended}\n".encode())
        os._exit(0)
    for stream, end in ((1, output), (2, errors)):
        os.dup2(end, stream)
    for end in ends:
        os.close(end)
    return json.loads(message)


def _become(arguments, cwd, environment):
    # Where the tests themselves run in the background, Ctrl-C is ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    kind, *rest = arguments
    if kind in ("-c", "-m"):
        sys.path[0] = ""
        what, *rest = rest
        sys.argv = [kind, *rest]
        if kind == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.path[0] = str(Path(kind).parent)
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name="__main__")


if __name__ == "__main__":
    _import_libraries()
    # What is there already is not searched for garbage in each child, which would copy it all.
    gc.collect()
    gc.freeze()
    _become(**_next_program(socket.socket(fileno=int(sys.argv[1]))))
