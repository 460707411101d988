"""The embedded server: one per data folder, gone with its last user, back after any death."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from resources.postgres import EmbeddedPostgres, EmbeddedPostgresError, Server
from resources.postgres.account import account_for
from resources.postgres.binaries import binary_folder
from resources.postgres.cluster import Cluster
from resources.processes import has_ended

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0

# The interpreter may lie under /root, so nobody is let through everywhere, and may do nothing more.
_PASS = "-all,+dac_read_search"
AS_NOBODY = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *(f"--inh-caps={_PASS}", f"--ambient-caps={_PASS}", f"--bounding-set={_PASS}"),
)

USER = """
import sys
from pathlib import Path
from resources.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])).running() as server:
    print(server.url("switchboard"), flush=True)
    sys.stdin.read()
"""


class User:
    """Another process that uses the server of a data folder until told to leave."""

    def __init__(self, home: Path, *before: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-B", "-c", USER, str(home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | environment,
        )

    def url(self) -> str:
        """Wait until it has the server, and return the URL it was given."""
        assert self.process.stdout
        assert self.process.stderr
        return self.process.stdout.readline().strip() or pytest.fail(self.process.stderr.read())

    def leave(self) -> None:
        """Let it end by itself."""
        if self.process.returncode is None:
            self.process.communicate(timeout=30)

    def kill(self) -> None:
        """End it by kill -9."""
        self.process.kill()
        self.leave()


@pytest.fixture
def start_user() -> Iterator[Callable[..., User]]:
    """A function that starts a `User`; those still there after the test are ended."""
    with contextlib.ExitStack() as stack:

        def start(home: Path, *before: str, **environment: str) -> User:
            user = User(home, *before, **environment)
            stack.callback(user.kill)
            return user

        yield start


@pytest.fixture
def fresh_home(tmp_path: Path) -> Iterator[Path]:
    """A data folder that is not there yet; nothing is left of it after the test, whatever happened."""
    yield tmp_path / "home"
    for process in server_processes(tmp_path / "home"):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait()
    shutil.rmtree(tmp_path / "home", ignore_errors=True)


@pytest.fixture(scope="module")
def made_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder in which the server has run once; to make one takes most of a second."""
    home = tmp_path_factory.mktemp("made")
    with EmbeddedPostgres(home).running():
        pass
    yield home
    shutil.rmtree(home)


@pytest.fixture
def home(fresh_home: Path, made_home: Path) -> Path:
    """A copy of it."""
    subprocess.run(["cp", "-a", made_home, fresh_home], check=True)
    return fresh_home


def server_processes(home: Path) -> list[psutil.Process]:
    """The supervisor and the postmaster of a data folder."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(part.startswith(str(home / "postgres")) for part in process.cmdline()):
                found.append(process)
    return found


def postmaster(home: Path) -> psutil.Process:
    return psutil.Process(int((home / "postgres/data/postmaster.pid").read_text().splitlines()[0]))


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def query(url: str, statement: str) -> object:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def test_text_is_utf8_whatever_the_environment_says(fresh_home: Path, start_user: Callable[..., User]) -> None:
    """Cyrillic folds and is compared by trigrams, though LANG and LC_ALL say C."""
    user = start_user(fresh_home, LC_ALL="C", LANG="C", PGPORT="1", PGDATA="/nowhere", PGHOST="/nowhere")
    url = user.url()
    query(url, "CREATE EXTENSION pg_trgm")
    assert query(url, "SELECT lower('ИВАН')") == "иван"
    assert query(url, "SELECT similarity('Иванов', 'Иваново')") == pytest.approx(0.667, abs=0.01)
    user.leave()


def test_the_role_is_an_ordinary_one(postgres_server: Server) -> None:
    """As on a real server the role owns its databases, makes trusted extensions, and is no superuser."""
    for database in ("switchboard", "dagster"):
        url = postgres_server.url(database)
        assert query(url, "SELECT current_setting('is_superuser')") == "off"
        assert query(url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()")
        query(url, "CREATE EXTENSION btree_gist")
        query(url, "DROP EXTENSION btree_gist")


def test_only_the_password_opens_the_door(postgres_server: Server) -> None:
    """No password, a wrong one, or another role get nowhere."""
    for url in (
        postgres_server.url("switchboard").replace(postgres_server.password, "wrong"),
        postgres_server.url("switchboard").replace("switchboard:", "postgres:"),
    ):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)


def test_it_listens_on_loopback_only(home: Path) -> None:
    """One TCP port on 127.0.0.1, and no Unix socket."""
    with EmbeddedPostgres(home).running() as server:
        doors = postmaster(home).net_connections(kind="all")
        assert [(door.laddr, door.status) for door in doors] == [(("127.0.0.1", server.port), "LISTEN")]


def test_secrets_are_for_their_owner_only(fresh_home: Path) -> None:
    """Password, endpoint and log cannot be read by others, and the password is in no command line."""
    with EmbeddedPostgres(fresh_home).running() as server:
        for name in ("password", "endpoint.json", "server.log"):
            assert stat.S_IMODE((fresh_home / "postgres" / name).stat().st_mode) == 0o600, name
        assert server.password not in repr(server)
        for process in server_processes(fresh_home):
            assert server.password not in " ".join(process.cmdline())


def test_the_log_holds_no_row_contents(home: Path) -> None:
    """A refused row, such as a telephone number given twice, is not written to the server's log."""
    with EmbeddedPostgres(home).running() as server:
        url = server.url("switchboard")
        query(url, "CREATE TABLE phone (number text PRIMARY KEY)")
        for _ in range(2):
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                query(url, "INSERT INTO phone VALUES ('+79261234567')")
        text = (home / "postgres/server.log").read_text()
    assert "duplicate key" in text
    assert "79261234567" not in text


def test_nothing_is_written_outside_the_data_folder(home: Path) -> None:
    """Every file that a server process has open for writing lies there, and shared memory is no file."""
    with EmbeddedPostgres(home).running():
        supervisor = psutil.Process(postmaster(home).ppid())
        looked_at = 0
        for process in [supervisor, *supervisor.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                files = [Path(file.path) for file in process.open_files() if file.mode != "r"]
                mapped = [Path(area.path) for area in process.memory_maps(grouped=False)]
                assert all(path.is_relative_to(home) for path in files)
                assert not any(path.is_relative_to("/dev/shm") for path in mapped)  # noqa: S108
                looked_at += 1
        assert looked_at > 3


def test_an_installed_postgresql_is_never_used(
    fresh_home: Path, tmp_path: Path, start_user: Callable[..., User]
) -> None:
    """Neither an empty PATH nor other programs of the same names first on it make a difference."""
    fake = tmp_path / "fake"
    fake.mkdir()
    for name in ("postgres", "initdb", "pg_ctl", "psql"):
        (fake / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/used\nexit 1\n")
        (fake / name).chmod(0o755)
    for path in ("", f"{fake}:/usr/local/bin:/usr/bin:/bin"):
        user = start_user(fresh_home, PATH=path)
        user.url()
        assert Path(postmaster(fresh_home).cmdline()[0]) == binary_folder() / "postgres"
        user.leave()
    assert not (tmp_path / "used").exists()


def test_first_starts_at_once_end_in_one_server(fresh_home: Path, start_user: Callable[..., User]) -> None:
    """Five processes that need the server of a fresh folder at the same moment share one."""
    users = [start_user(fresh_home) for _ in range(5)]
    assert len({user.url() for user in users}) == 1
    assert len(server_processes(fresh_home)) == 2
    for user in users:
        user.leave()
    wait_until(lambda: not server_processes(fresh_home))


def test_the_server_ends_with_its_last_user(home: Path, start_user: Callable[..., User]) -> None:
    """Users may be killed: the others keep the server, and after the last it is gone."""
    users = [start_user(home) for _ in range(3)]
    url = {user.url() for user in users}.pop()
    for user in users[:2]:
        user.kill()
    time.sleep(1)
    assert query(url, "SELECT 1") == 1
    users[2].kill()
    wait_until(lambda: not server_processes(home), seconds=10)
    assert not (home / "postgres/endpoint.json").exists()
    assert not (home / "postgres/data/postmaster.pid").exists()


def test_the_folder_is_quiet_when_the_block_ends(home: Path) -> None:
    """After the last user's block no process is left, so the folder may be removed."""
    with EmbeddedPostgres(home).running(), EmbeddedPostgres(home).running():
        assert server_processes(home)
    assert not server_processes(home)


@pytest.mark.parametrize("victims", ["postmaster", "supervisor", "both"])
def test_a_killed_server_comes_back_with_all_commits(home: Path, victims: str, start_user: Callable[..., User]) -> None:
    """After kill -9 of any part the user it had finds it again, at the same address, with every commit."""
    user = start_user(home)
    url = user.url()
    query(url, "CREATE TABLE kept AS SELECT 42 AS n")
    master = postmaster(home)
    supervisor = psutil.Process(master.ppid())
    killed = {"postmaster": [master], "supervisor": [supervisor], "both": [supervisor, master]}[victims]
    for process in killed:
        process.kill()
    wait_until(lambda: all(has_ended(process) for process in killed))

    def is_back() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            return query(url, "SELECT n FROM kept") == 42 and postmaster(home) != master
        return False

    wait_until(is_back)
    with EmbeddedPostgres(home).running() as server:
        assert server.url("switchboard") == url
        assert len(server_processes(home)) == 2
    user.leave()


def test_a_server_without_a_supervisor_is_ended(home: Path) -> None:
    """Where the kernel does not end it with its supervisor, the next start does, and takes its place."""
    folder = home / "postgres"
    with subprocess.Popen(
        Cluster(folder, account_for(folder / "data")).server_command(port=1 + 2**15),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    ) as left:
        pid_file = folder / "data/postmaster.pid"
        wait_until(lambda: pid_file.exists() and "ready" in pid_file.read_text())
        with EmbeddedPostgres(home).running() as server:
            assert query(server.url("switchboard"), "SELECT 1") == 1
            assert left.wait() == 0


def test_backends_of_a_killed_server_are_ended(home: Path, start_user: Callable[..., User]) -> None:
    """A query that goes on after its server was killed does not keep the next one from starting."""
    user = start_user(home)
    url = user.url()
    connection = psycopg.connect(url, autocommit=True)
    with contextlib.closing(connection):
        backend = psutil.Process(connection.info.backend_pid)
        connection.pgconn.send_query(b"DO 'BEGIN FOR i IN 1..1000000000 LOOP PERFORM i; END LOOP; END'")
        time.sleep(0.3)
        postmaster(home).kill()
        with EmbeddedPostgres(home).running() as server:
            assert query(server.url("switchboard"), "SELECT 1") == 1
        assert not backend.is_running()
    user.leave()


def test_a_reused_process_number_is_no_server(home: Path) -> None:
    """A pid file left by a crash may name a process of somebody else by now; it is not believed."""
    with EmbeddedPostgres(home).running():
        lines = (home / "postgres/data/postmaster.pid").read_text().splitlines()
    # Of the same user: PostgreSQL itself sees through a process of another one.
    stranger = subprocess.Popen(["sleep", "60"], user=(home / "postgres/data").stat().st_uid)
    (home / "postgres/data/postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
    with EmbeddedPostgres(home).running() as server:
        assert query(server.url("switchboard"), "SELECT 1") == 1
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_an_unfinished_first_start_is_begun_anew(fresh_home: Path) -> None:
    """What a killed initdb left is thrown away."""
    (fresh_home / "postgres/data.new/base").mkdir(parents=True)
    (fresh_home / "postgres/data.new/PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(fresh_home).running() as server:
        assert query(server.url("dagster"), "SELECT 1") == 1


def test_a_lost_password_is_replaced(home: Path) -> None:
    """Without its password file the data can still be had: the next start sets another one."""
    with EmbeddedPostgres(home).running() as server:
        first = server.password
    (home / "postgres/password").unlink()
    with EmbeddedPostgres(home).running() as server:
        assert server.password != first
        assert query(server.url("switchboard"), "SELECT 1") == 1


def test_data_of_another_version_are_refused(home: Path) -> None:
    """The text says both versions and what to do."""
    with EmbeddedPostgres(home).running():
        pass
    (home / "postgres/data/PG_VERSION").write_text("17\n")
    with pytest.raises(EmbeddedPostgresError, match=r"made by PostgreSQL 17, and the embedded one is 18"):
        EmbeddedPostgres(home).running().__enter__()
    assert not server_processes(home)


def test_a_server_that_cannot_start_says_why(home: Path) -> None:
    """The reason from the server's own log is in the error."""
    with EmbeddedPostgres(home).running():
        pass
    (home / "postgres/data/global/pg_control").unlink()
    with pytest.raises(EmbeddedPostgresError, match="pg_control"):
        EmbeddedPostgres(home).running().__enter__()


@pytest.mark.skipif(not AS_ROOT, reason="needs root")
class TestRoot:
    """PostgreSQL refuses root, so another user runs it."""

    def test_nothing_on_the_way_is_opened(self, home: Path, tmp_path: Path) -> None:
        """Under a folder that is closed to others the server runs, as another user, without chmod."""
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        with EmbeddedPostgres(closed / "home").running() as server:
            assert query(server.url("switchboard"), "SELECT 1") == 1
            master = postmaster(closed / "home")
            assert master.uids().effective != 0
            status = Path(f"/proc/{master.pid}/status").read_text()
            assert "CapEff:\t0000000000000004" in status
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    def test_without_the_capability_the_closed_folder_is_named(
        self, tmp_path: Path, start_user: Callable[..., User]
    ) -> None:
        """Where the kernel lets nobody pass, the error names the folder and SWITCHBOARD_HOME."""
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        lost = "-dac_read_search,-dac_override"
        user = start_user(closed / "home", "setpriv", f"--bounding-set={lost}", f"--inh-caps={lost}")
        _, text = user.process.communicate(timeout=30)
        closed_folder = account_closed_folder(closed)
        assert f"cannot pass {closed_folder}" in text
        assert "SWITCHBOARD_HOME" in text

    def test_an_ordinary_user_needs_nothing(self, tmp_path: Path, start_user: Callable[..., User]) -> None:
        """It works without root, as the user himself."""
        home = tmp_path / "home"
        home.mkdir()
        os.chown(home, 65534, 65534)
        user = start_user(home, *AS_NOBODY)
        assert query(user.url(), "SELECT 1") == 1
        assert {process.uids().effective for process in server_processes(home)} == {65534}
        user.leave()

    def test_a_closed_data_folder_is_named(self, tmp_path: Path, start_user: Callable[..., User]) -> None:
        """Who may not write there is told where, and of SWITCHBOARD_HOME."""
        user = start_user(tmp_path / "home", *AS_NOBODY)
        _, text = user.process.communicate(timeout=30)
        assert f"{tmp_path}/home" in text.splitlines()[-1]
        assert "is closed to you" in text
        assert "SWITCHBOARD_HOME" in text

    def test_the_owner_of_the_data_stays(self, tmp_path: Path) -> None:
        """A user "postgres" who appears later does not change who runs the server."""
        data = tmp_path / "data"
        data.mkdir()
        os.chown(data, 65534, 65534)
        assert account_for(data).uid == 65534

    def test_data_that_belong_to_root_are_refused(self, tmp_path: Path) -> None:
        """A copy that lost its owner is named, with the command that mends it."""
        with pytest.raises(EmbeddedPostgresError, match="chown -R"):
            account_for(tmp_path)


def account_closed_folder(path: Path) -> Path:
    """The first folder on the way that others may not pass."""
    folders = [*reversed(path.parents), path]
    return next(folder for folder in folders if not folder.stat().st_mode & stat.S_IXOTH)


def test_somebody_elses_data_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user who meets data of another is told whose they are."""
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(EmbeddedPostgresError, match=r"SWITCHBOARD_HOME"):
        account_for(tmp_path)


def test_a_signal_to_the_supervisor_ends_the_server_orderly(home: Path, start_user: Callable[..., User]) -> None:
    """A machine that shuts down ends the supervisor by SIGTERM; nothing is left to recover from."""
    user = start_user(home)
    user.url()
    user.process.send_signal(signal.SIGSTOP)  # or it would have the server back at once
    psutil.Process(postmaster(home).ppid()).send_signal(signal.SIGTERM)
    wait_until(lambda: not server_processes(home))
    assert "database system is shut down" in (home / "postgres/server.log").read_text()
    assert not (home / "postgres/endpoint.json").exists()
    user.process.send_signal(signal.SIGCONT)
    user.leave()
