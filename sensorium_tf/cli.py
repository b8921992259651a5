"""What all commands share: readable help, one-line errors, exit status 0 or 1; and their verbs."""

import ast
import dataclasses
import gc
import re
import runpy
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from absl import app, flags, logging

from sensorium_tf import launch
from sensorium_tf.challenges import CHALLENGES, DEFAULT
from sensorium_tf.config import Config, hint, setting
from sensorium_tf.errors import SensoriumError, TrainingStopped, one_line, os_reason, printable
from sensorium_tf.flags import define_flags, help_text
from sensorium_tf.quiet import quieten_tensorflow
from sensorium_tf.settings import FIGURE_FORMATS

#: When the command began, of `time.monotonic`: the libraries are imported after this.
STARTED = time.monotonic()
# Exit status of a run that SIGTERM stopped and that can go on: "try again" in sysexits.h.
_STOPPED = 75
# Of a message; of files, paths alone may come near it.
_LONGEST_WORD = 400
_HELP = {"--help", "-h", "-help", "--helpshort"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CommandSettings(Config):
    """What several commands are given, each some of it."""

    workdir: str | None = setting(None, "Folder of the run.", essential=True)
    model_file: str | None = setting(
        None, "Model file (.keras), trained or imported, instead of --workdir.", essential=True
    )
    mouse: str | None = setting(None, "Name of the mouse.", essential=True)
    mice: tuple[str, ...] | None = setting(None, "Names of mice, joined by commas.", essential=True)
    recording: str | None = setting(None, "Zip or folder of a recording.", essential=True)
    tiers: tuple[str, ...] = setting(
        (),
        "What the tiers of the recording are called here, such as oracle:test; nothing after the "
        "colon leaves their trials out.",
        essential=True,
    )
    tier: str | None = setting(None, "Tier of the trials.", essential=True)
    output: str | None = setting(None, "Folder or file to write, as shown above.", essential=True)
    truth: str | None = setting(
        None, "<name>_truth.npz of a simulated recording: true rates and withheld responses."
    )
    modules: tuple[str, ...] = setting(
        (), "Custom modules to import first: of parts, metrics, recipes or a model file."
    )
    challenge: str = setting(
        DEFAULT.name,
        "Benchmark whose recordings or files are meant.",
        choices=tuple(CHALLENGES),
        essential=True,
    )
    track: str | None = setting(
        None,
        "Track of the challenge; its first if left out.",
        choices=tuple(name for each in CHALLENGES.values() for name in each.tracks),
        essential=True,
    )
    json: bool = setting(False, "Print JSON instead of text.")
    figure_format: str = setting(
        FIGURE_FORMATS[0], "Format of the figures.", choices=FIGURE_FORMATS
    )
    data_dir: str | None = setting(None, "Folder of the prepared datasets.", essential=True)


DATA_DIR = define_flags(
    CommandSettings, ["data_dir"], default_texts={"data_dir": "TFDS's, ~/tensorflow_datasets"}
)["data_dir"]


def one_of(*choices: flags.FlagHolder) -> str:
    """Returns the value of the one flag that was given.

    Raises:
        SensoriumError: If none was, or several were.
    """
    given = [choice.value for choice in choices if choice.value is not None]
    if len(given) != 1:
        raise SensoriumError(f"give either {' or '.join(f'--{choice.name}' for choice in choices)}")
    return given[0]


def pairs(choice: flags.FlagHolder, *, may_be_empty: bool = False) -> dict[str, str]:
    """Returns what a flag such as `--names=a:b,c:d` pairs.

    Args:
        choice: The flag.
        may_be_empty: Whether nothing may stand after a colon.

    Raises:
        SensoriumError: If it holds anything else.
    """
    found = {}
    for part in choice.value:
        first, colon, second = (each.strip() for each in part.partition(":"))
        if not (first and colon and (second or may_be_empty)) or first in found:
            raise SensoriumError(f"--{choice.name}: {part!r}, expected pairs such as a:b,c:d")
        found[first] = second
    return found


def run(main: Callable[[], None]) -> NoReturn:
    """Parses the flags, runs `main`, and turns a user's mistake into one line on stderr.

    The exit status is 0, or 1 after a mistake, or 75 after a training run that SIGTERM stopped.

    Args:
        main: Does the work; the docstring and the flags of its script are the command's help.
    """
    flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[DATA_DIR.name])
    if _HELP & set(sys.argv[1:]):
        key_flags = flags.FLAGS.get_key_flags_for_module(sys.argv[0])
        print(f"{_docstring_for_people(main)}\n\n{help_text(key_flags)}")
        sys.exit(0)

    def guarded(arguments: list[str]) -> None:
        if len(arguments) > 1:
            _fail(f"unexpected argument {arguments[1]!r}: flags are written --name=value")
        for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0]):
            if flag.present and flag.value in ("", []):
                _fail(f"--{flag.name}: is empty, give it a value or leave it out")
        logging.set_verbosity(logging.ERROR)
        warnings.showwarning = _show_warning
        quieten_tensorflow()
        try:
            main()
        except TrainingStopped as e:
            print("stopped:", one_line(e), file=sys.stderr, flush=True)
            sys.exit(_STOPPED)
        except SensoriumError as e:
            _fail(str(e))
        except OSError as e:
            _fail(f"{e.filename or 'files'}: {os_reason(e)}")
        except KeyboardInterrupt:
            _fail("interrupted")
        finally:
            # The process ends: nobody needs the memory back, object by object.
            gc.freeze()

    app.run(guarded, flags_parser=_parse)


def main() -> None:
    """Runs the script of a verb: `sensorium train --workdir=runs/cnn`.

    It is the same as `python launch/train.py --workdir=runs/cnn` in a clone.
    """
    scripts = {path.stem: path for path in sorted(Path(launch.__file__).parent.glob("[!_]*.py"))}
    verb, *arguments = sys.argv[1:] or ["--help"]
    if verb in _HELP:
        width = max(map(len, scripts))
        lines = [f"  {name:{width}}  {_docstring(scripts[name], 1)}" for name in scripts]
        print("\n".join(["sensorium VERB --flags", "", "verbs, each with its own --help:", *lines]))
        return
    if verb not in scripts:
        _fail(f"{verb}: no such verb: {hint(verb, scripts, '--help lists the verbs')}")
    sys.argv[1:] = arguments
    runpy.run_module(f"{launch.__name__}.{verb}", run_name="__main__", alter_sys=True)


def _docstring(script: Path, n_lines: int | None = None) -> str:
    # From the source: `python -OO` leaves no docstrings in the code.
    text = ast.get_docstring(ast.parse(script.read_text("utf-8"))) or ""
    return "\n".join(text.splitlines()[:n_lines])


def _docstring_for_people(main: Callable[[], None]) -> str:
    """Returns the docstring of the script of `main`, with the commands as they are typed here."""
    text = _docstring(Path(main.__code__.co_filename))
    is_script = main.__globals__.get("__spec__") is None
    return text if is_script else re.sub(r"python launch/(\w+)\.py", r"sensorium \1", text)


def _parse(arguments: list[str]) -> list[str]:
    try:
        return flags.FLAGS(arguments)
    except flags.UnrecognizedFlagError as e:
        known = [flag.name for flag in flags.FLAGS.get_key_flags_for_module(sys.argv[0])]
        meant = hint(e.flagname, known, "--help lists the flags")
        _fail(f"--{e.flagname}: no such flag: {meant}")
    except flags.ValidationError as e:
        if missing := re.match(r"flag --(\w+)=None: ", str(e)):
            _fail(f"--{missing[1]}: has to be given (--help lists the flags)")
        _fail(f"{e} (--help lists the flags)")
    except flags.Error as e:
        _fail(f"{e} (--help lists the flags)")


def _fail(text: str) -> NoReturn:
    print("error:", _line(text), file=sys.stderr, flush=True)
    sys.exit(1)


def _line(text: str) -> str:
    """Returns text in one printable line, in which no word goes on for ever."""
    words = printable(" ".join(text.split())).split(" ")
    return " ".join(
        word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}..." for word in words
    )


def _show_warning(message, category, *_, **__) -> None:
    # What libraries say to their developers is not for the person at the terminal.
    if issubclass(category, UserWarning):
        print("warning:", _line(str(message)), file=sys.stderr, flush=True)
