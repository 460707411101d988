"""The step between fork and a program: what must be set inside the new process, then exec.

Run as a script by an isolated interpreter (`launcher` builds the command line), so it uses the
standard library only. A `preexec_fn` would do the same in less time, but it runs Python between fork
and exec, which is not safe in a process that has threads (and from Python 3.12 on warned about).

The rules are those of the Linux manual pages prctl(2) and capabilities(7).
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522

ON_LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Launch:
    """How a program is to be started.

    Attributes:
        parent: pid of the process that starts it; the program is not run if that one is gone already.
        signal_on_parent_death: sent to the program by the kernel when the *thread* that started it
            ends; Linux only, elsewhere it is passed over.
        uid: user to become, None to stay.
        gid: group to become; needs `uid`.
        capability: number of the one Linux capability to keep over the change of user, or None.
    """

    parent: int
    signal_on_parent_death: int
    uid: int | None = None
    gid: int | None = None
    capability: int | None = None


def launcher(
    signal_on_parent_death: signal.Signals,
    *,
    uid: int | None = None,
    gid: int | None = None,
    capability: int | None = None,
) -> list[str]:
    """Return what to put before a program's own arguments so that it starts that way."""
    launch = Launch(os.getpid(), signal_on_parent_death, uid, gid, capability)
    return [sys.executable, "-I", "-S", str(Path(__file__)), json.dumps(asdict(launch))]


def become_subreaper() -> None:
    """Make orphans among our descendants our own children instead of init's; Linux only."""
    if ON_LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def held_capabilities() -> int:
    """Return the capabilities of this process that a child could keep, as a bit mask."""
    if not ON_LINUX:
        return 0
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["CapPrm"], 16) & int(status["CapBnd"], 16)


def _become(uid: int, gid: int, capability: int | None) -> None:
    if capability is not None:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        # Of all that root may do exactly one thing is kept, and only an ambient capability
        # survives exec under an ordinary user.
        mask = 1 << capability
        _call("capset", (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)(mask, mask, mask))
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(*arguments: int) -> None:
    _call("prctl", *(ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:5]))


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc[name](*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _main() -> None:
    launch = Launch(**json.loads(sys.argv[1]))
    program = sys.argv[2:]
    if launch.uid is not None and launch.gid is not None:
        _become(launch.uid, launch.gid, launch.capability)
    if ON_LINUX:
        # After the change of user: the kernel forgets this setting at such a change.
        _prctl(_PR_SET_PDEATHSIG, launch.signal_on_parent_death)
    if os.getppid() != launch.parent:
        sys.exit("The process that wanted to start this one is gone.")
    # What is ignored stays ignored over exec: SIGPIPE, which Python ignores, and whatever our starter
    # did (nohup, a shell's "&"). Dagster, for one, copies its handling of SIGINT to SIGTERM.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv(program[0], program)  # noqa: S606


if __name__ == "__main__":
    _main()
