"""What all launchers share: quiet libraries, readable help, one-line errors, exit status 0 or 1.

A training run that SIGTERM stopped ends with 75.
"""

import contextlib
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import NoReturn

# Must be set before TensorFlow is imported. Its errors reach us as Python exceptions anyway.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from absl import app, flags, logging

# Exit status of a run that SIGTERM stopped and that can go on: "try again" in sysexits.h.
_STOPPED = 75

DATA_DIR = flags.DEFINE_string(
    "data_dir", None, "Folder of the prepared datasets. Default: TFDS's own, ~/tensorflow_datasets."
)


def one_of(*choices: flags.FlagHolder) -> str:
    """Returns the value of the one flag that was given.

    Raises:
      SensoriumError: if none was, or several were.
    """
    from sensorium_tf.errors import SensoriumError

    given = [choice.value for choice in choices if choice.value is not None]
    if len(given) != 1:
        raise SensoriumError(f"give either {' or '.join(f'--{choice.name}' for choice in choices)}")
    return given[0]


def pairs(choice: flags.FlagHolder) -> dict[str, str]:
    """Returns what a flag such as `--names=a:b,c:d` pairs.

    Raises:
      SensoriumError: if it holds anything else.
    """
    from sensorium_tf.errors import SensoriumError

    found = {}
    for part in choice.value:
        first, colon, second = (each.strip() for each in part.partition(":"))
        if not (first and colon and second) or first in found:
            raise SensoriumError(f"--{choice.name}: {part!r}, expected pairs such as a:b,c:d")
        found[first] = second
    return found


def whole_numbers(choice: flags.FlagHolder) -> tuple[int, ...]:
    """Returns the numbers of a flag such as `--seeds=0,1,2`.

    Raises:
      SensoriumError: if it holds anything else.
    """
    from sensorium_tf.errors import SensoriumError

    texts = [text.strip() for text in choice.value]
    if not all(text.isascii() and text.isdigit() for text in texts):
        raise SensoriumError(
            f"--{choice.name}: {','.join(texts)}, expected whole numbers such as 0,1,2"
        )
    return tuple(map(int, texts))


def import_own(choice: flags.FlagHolder) -> None:
    """Imports the modules of a user's own layers."""
    from sensorium_tf.registry import import_modules

    import_modules(choice.value)


def run(main: Callable[[], None]) -> NoReturn:
    """Parses the flags, runs `main`, and turns a user's mistake into one line on stderr.

    Args:
      main: does the work; its module's docstring and flags are the launcher's help.
    """
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[DATA_DIR.name])
    if {"--help", "-h", "-help", "--helpshort"} & set(sys.argv[1:]):
        print(f"{sys.modules['__main__'].__doc__.strip()}\n\nflags:")
        print(flags.FLAGS.main_module_help().split("\n", 2)[2])
        sys.exit(0)

    def guarded(arguments: list[str]) -> None:
        if len(arguments) > 1:
            _fail(f"unexpected argument {arguments[1]!r}: flags are written --name=value")
        for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0]):
            if flag.present and flag.value in ("", []):
                _fail(f"--{flag.name}: is empty, give it a value or leave it out")
        logging.set_verbosity(logging.ERROR)
        warnings.showwarning = _show_warning
        try:
            _run_guarded(main)
        except KeyboardInterrupt:
            _fail("interrupted")

    app.run(guarded, flags_parser=_parse)


def _run_guarded(main: Callable[[], None]) -> None:
    # Imported only now, so that `--help` and a wrong flag answer at once.
    with _hidden_greetings():
        from sensorium_tf.errors import SensoriumError
        from sensorium_tf.training import TrainingStopped

    try:
        main()
    except TrainingStopped as e:
        print("stopped:", " ".join(str(e).split()), file=sys.stderr, flush=True)
        sys.exit(_STOPPED)
    except SensoriumError as e:
        _fail(str(e))
    except OSError as e:
        _fail(f"{e.filename or 'files'}: {e.strerror or e}")


@contextlib.contextmanager
def _hidden_greetings() -> Iterator[None]:
    """Hides what TensorFlow writes to stderr before its log level counts, unless it fails."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as hidden:
        os.dup2(hidden.fileno(), 2)
        try:
            yield
        except Exception:
            hidden.seek(0)
            os.write(stderr, hidden.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.Error as e:
        _fail(f"{e} (--help lists the flags)")


def _fail(text: str) -> NoReturn:
    print("error:", " ".join(text.split()), file=sys.stderr, flush=True)
    sys.exit(1)


def _show_warning(message, category, *_, **__) -> None:
    # What libraries say to their developers is not for the person at the terminal.
    if issubclass(category, UserWarning):
        print("warning:", " ".join(str(message).split()), file=sys.stderr, flush=True)
