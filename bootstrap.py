"""Set everything up, then run: `python3 bootstrap.py demo`, `python3 bootstrap.py test`.

Makes the virtual environment `.venv` beside this file with the tested versions of all packages, when it
is missing or `pyproject.toml` or `constraints.txt` have changed since. Then `test` runs the tests, with
what follows handed to pytest; every other word is handed to `switchboard`, such as `demo` or `up`.

Needs nothing but Python with `venv`. Writes into this folder and the data folder only.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)

CHECKOUT = Path(__file__).resolve().parent
ENVIRONMENT = CHECKOUT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "bootstrap.json"

# Sockets are made in the folder for temporary files, and the whole path of one may have 107 bytes.
LONGEST_TEMPORARY_FOLDER = 50

# Most tests wait for something, so there are more workers than cores; each has a PostgreSQL of its own. The tests of a
# file stay together, for what they share. In the order of their folders: files with one long test would come last.
ALL_TESTS = ["-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]


def main() -> None:
    """Set up what is missing and become the program that was asked for."""
    words = sys.argv[1:]
    if not words or words[0] in ("-h", "--help"):
        sys.exit(__doc__)
    if sys.version_info < OLDEST_PYTHON:
        needed = ".".join(map(str, OLDEST_PYTHON))
        sys.exit(
            f"Switchboard needs Python {needed} or newer, and this is {sys.version.split()[0]} ({sys.executable}). "
            f"Run it with a newer one, for example: python{needed} bootstrap.py {' '.join(words)}"
        )
    if os.name != "posix":
        sys.exit("Switchboard runs on Linux and macOS. On Windows, run it inside WSL.")
    data = data_folder()
    temporary = data / "tmp"
    if len(str(temporary)) <= LONGEST_TEMPORARY_FOLDER:
        temporary.mkdir(parents=True, exist_ok=True)
        os.environ["TMPDIR"] = str(temporary)
    if read_stamp() != wanted_stamp():
        set_up(data)
    if words[0] == "test":
        os.chdir(CHECKOUT)
        program = [str(PYTHON), "-m", "pytest", *(words[1:] or ALL_TESTS)]
    else:
        program = [str(ENVIRONMENT / "bin" / "switchboard"), *words]
    os.execv(program[0], program)  # noqa: S606


def data_folder() -> Path:
    """Return the data folder as Switchboard itself finds it: environment, settings file, default."""
    import tomllib

    named = os.environ.get("SWITCHBOARD_HOME")
    file = Path(os.environ.get("SWITCHBOARD_CONFIG", "switchboard.toml"))
    if not named and file.exists():
        try:
            named = tomllib.loads(file.read_text("utf-8")).get("home")
        except tomllib.TOMLDecodeError as error:
            sys.exit(f"{file} cannot be read: {error}")
    return Path(named or ".switchboard").absolute()


def read_stamp() -> dict[str, str]:
    """Return what the environment was set up for; empty if it is not, or not completely."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp


def wanted_stamp() -> dict[str, str]:
    """Return what the environment has to be set up for."""
    packages = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        packages.update((CHECKOUT / name).read_bytes())
    # Scripts in an environment hold its path; its packages belong to one version of Python.
    return {
        "checkout": str(CHECKOUT),
        "python": os.path.realpath(PYTHON) if PYTHON.exists() else "none",
        "packages": packages.hexdigest(),
    }


def set_up(data: Path) -> None:
    """Make the environment, or bring it up to date; of several at once one does it, the others wait."""
    import fcntl

    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp, wanted = read_stamp(), wanted_stamp()
        if stamp == wanted:
            return
        print("Setting up .venv with the tested versions; the first time this takes a minute or two …", flush=True)
        STAMP.unlink(missing_ok=True)
        if any(stamp.get(key, wanted[key]) != wanted[key] for key in ("checkout", "python")) or not works():
            make_environment()
        install(data)
        STAMP.write_text(json.dumps(wanted_stamp()))


def works() -> bool:
    """Whether the environment is there with its pip: one that was being made when killed has none."""
    return PYTHON.exists() and subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True).returncode == 0


def make_environment() -> None:
    """Make an empty environment in place of what is there."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    # Not from the environment's own Python, if that is what runs here: it has just been removed.
    python = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([python, "-m", "venv", ENVIRONMENT], capture_output=True, text=True)
    if made.returncode != 0:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        sys.exit(
            f"{made.stdout}{made.stderr}\n{python} cannot make a virtual environment. On Debian and Ubuntu its "
            "module for that is a package of its own: apt install python3-venv"
        )


def install(data: Path) -> None:
    """Install Switchboard and all it needs, in the tested versions."""
    surroundings = {"PIP_CACHE_DIR": str(data / "pip"), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    result = subprocess.run(
        [PYTHON, "-m", "pip", "install", "--quiet", "-c", "constraints.txt", "-e", ".[dev]"],
        cwd=CHECKOUT,
        env={**os.environ, **surroundings},
    )
    if result.returncode != 0:
        sys.exit(
            "The packages could not be installed; pip says why above. It needs the network, or a package index "
            "that it is told of (PIP_INDEX_URL)."
        )


if __name__ == "__main__":
    main()
