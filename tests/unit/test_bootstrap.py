"""`bootstrap.py` on a small checkout of its own: an environment made once, then a quick hand-over."""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[2] / "bootstrap.py"

# A build backend inside the checkout, so that nothing comes from a network: its "package" has the
# command `switchboard` and a module `pytest`, and both print what they were called with.
BACKEND = """
import os, zipfile
INFO = "toy-1.dist-info"
FILES = {
    "toy.py": "import sys\\ndef main():\\n    print('switchboard', *sys.argv[1:])\\n    sys.exit(3)\\n",
    "pytest.py": "import os, sys\\nprint('pytest', os.getcwd(), *sys.argv[1:])\\n",
    f"{INFO}/METADATA": "Metadata-Version: 2.1\\nName: toy\\nVersion: 1\\nProvides-Extra: dev\\n",
    f"{INFO}/WHEEL": "Wheel-Version: 1.0\\nGenerator: toy\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    f"{INFO}/entry_points.txt": "[console_scripts]\\nswitchboard = toy:main\\n",
}

def build_editable(folder, config_settings=None, metadata_directory=None):
    with open("built", "a") as count:
        count.write(os.environ["PIP_CACHE_DIR"] + "\\n")
    name = "toy-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        for path, text in FILES.items():
            wheel.writestr(path, text)
        wheel.writestr(f"{INFO}/RECORD", "".join(f"{path},,\\n" for path in [*FILES, f"{INFO}/RECORD"]))
    return name

build_wheel = build_editable
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "toy"
version = "1"
"""


class Checkout:
    """A folder with `bootstrap.py`, and an own, empty home of the user."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "checkout"
        self.user_home = folder / "user"
        self.folder.mkdir()
        self.user_home.mkdir()
        shutil.copy(BOOTSTRAP, self.folder)
        (self.folder / "backend.py").write_text(BACKEND)
        (self.folder / "pyproject.toml").write_text(PROJECT)
        (self.folder / "constraints.txt").write_text("")

    def start(self, *words: str, where: str = ".") -> subprocess.Popen[str]:
        """Start `python bootstrap.py …` without a network, from the folder `where` seen from the checkout."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("SWITCHBOARD", "PIP"))}
        return subprocess.Popen(
            [sys.executable, self.folder / "bootstrap.py", *words],
            cwd=self.folder / where,
            # No other programs: pip asks a `rustc` for its version, and that of rustup writes into HOME.
            env=environment | {"HOME": str(self.user_home), "PIP_NO_INDEX": "1", "PATH": "/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *words: str, where: str = ".") -> str:
        """Run it and return the last line of its output."""
        output, _ = self.start(*words, where=where).communicate(timeout=120)
        return output.splitlines()[-1]

    def builds(self) -> int:
        """How often packages were installed."""
        return len((self.folder / "built").read_text().splitlines())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout in which `bootstrap.py demo` has run twice at the same moment, first of all."""
    checkout = Checkout(tmp_path_factory.mktemp("bootstrap"))
    both = [checkout.start("demo", "--days", "7") for _ in range(2)]
    for process in both:
        output, _ = process.communicate(timeout=120)
        assert output.splitlines()[-1] == "switchboard demo --days 7", output
        assert process.returncode == 3
    return checkout


def test_two_first_runs_set_up_once(made: Checkout) -> None:
    """The one who comes second waits, and both get what they asked for, with its exit code."""
    assert made.builds() == 1
    assert json.loads((made.folder / ".venv/bootstrap.json").read_text())["checkout"] == str(made.folder)


def test_nothing_changed_means_nothing_done(made: Checkout) -> None:
    """Then it only hands over, and says nothing of its own."""
    before = made.builds()
    output, _ = made.start("up").communicate(timeout=30)
    assert output == "switchboard up\n"
    assert made.builds() == before


def test_test_runs_pytest_in_the_checkout(made: Checkout) -> None:
    """What follows `test` is pytest's, wherever one stands."""
    assert made.run("test", "tests/unit", "-x", where="..") == f"pytest {made.folder} tests/unit -x"


def test_all_tests_are_run_by_several_workers(made: Checkout) -> None:
    """One after the other they take half an hour, most of it waiting."""
    assert made.run("test") == f"pytest {made.folder} -n 3 --dist loadfile --no-loadscope-reorder"


def test_nothing_is_written_outside(made: Checkout) -> None:
    """Nothing lands in the user's home; pip's cache is in the data folder."""
    assert list(made.user_home.rglob("*")) == []
    assert set((made.folder / "built").read_text().split()) == {str(made.folder / ".switchboard/pip")}


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_changed_requirements_are_installed(made: Checkout, name: str) -> None:
    """A new version of the checkout is brought up by the next run, once."""
    before = made.builds()
    file = made.folder / name
    file.write_text(file.read_text() + "# newer\n")
    assert made.run("up") == made.run("up") == "switchboard up"
    assert made.builds() == before + 1


def test_an_unfinished_environment_is_made_anew(made: Checkout) -> None:
    """One that was being made when it was killed has no stamp and no pip."""
    (made.folder / ".venv/bootstrap.json").unlink()
    for package in (made.folder / ".venv").glob("lib*/python*/site-packages/pip"):
        shutil.rmtree(package, ignore_errors=True)
    assert made.run("up") == "switchboard up"


def test_a_moved_checkout_is_set_up_again(made: Checkout) -> None:
    """The scripts of an environment hold its old path."""
    place = made.folder
    made.folder = place.with_name("moved")
    place.rename(made.folder)
    assert made.run("up") == "switchboard up"
    assert str(place) + "/" not in (made.folder / ".venv/bin/pip").read_text()


def test_an_old_python_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The text names the version needed, the one that runs, and a command that would do."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(sys, "argv", ["bootstrap.py", "demo"])
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer.*python3\.11 bootstrap\.py demo"):
        runpy.run_path(str(BOOTSTRAP), run_name="__main__")


def test_a_python_without_venv_is_told_what_to_install(tmp_path: Path) -> None:
    """Debian's Python has no venv of its own."""
    checkout = Checkout(tmp_path)
    # A module of that name stands in for the absent one: it fails as Debian's does.
    text = (checkout.folder / "bootstrap.py").read_text()
    assert '"-m", "venv"' in text
    (checkout.folder / "bootstrap.py").write_text(text.replace('"-m", "venv"', '"-m", "no_such_venv"'))
    output, _ = checkout.start("demo").communicate(timeout=30)
    assert "apt install python3-venv" in output
    assert not (checkout.folder / ".venv").exists()


def test_without_words_it_says_how_to_use_it(tmp_path: Path) -> None:
    """And sets nothing up."""
    checkout = Checkout(tmp_path)
    output, _ = checkout.start().communicate(timeout=30)
    assert "bootstrap.py demo" in output
    assert not (checkout.folder / ".venv").exists()
