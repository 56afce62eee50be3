"""Runs one tool once and says what it took."""

import contextlib
import dataclasses
import json
import os
import pwd
import resource
import select
import shutil
import signal
import subprocess
import sys
import time

from rig.server import listener

SAMPLE = 0.004  # seconds between two looks at a process's memory


@dataclasses.dataclass
class Run:
    """Seconds, seconds, octets of the largest process, exit code (negative: a signal)."""

    wall: float
    cpu: float
    peak: int
    code: int
    overdue: bool = False
    turns: int = None


def fetcher():
    """Who runs the tools: some of them refuse to work for root."""
    return pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())


def give_away(paths):
    """Makes the fetching user the owner."""
    if os.getuid() == 0:
        user = fetcher()
        for path in paths:
            os.chown(path, user.pw_uid, user.pw_gid)


def work_folder(path, tool, job):
    """A fresh work folder with the tool's configuration in it."""
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path, 0o700)
    give_away([path] + tool.configure(path, job))


class Process:
    """A tool at work, in a session of its own so that all it starts can be ended with it."""

    def __init__(self, tool, work, job, log):
        user = fetcher()
        drop = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if os.getuid() == 0 else {}
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": work, "USER": user.pw_name,
                       "LANG": "C.UTF-8"}
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            tool.command(work), cwd=work, env=environment | tool.environment(job), stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, umask=0o077, start_new_session=True, **drop)
        self.pid, self.peak, self.run = self.child.pid, 0, None
        self.watch = os.pidfd_open(self.pid)

    def wait(self, seconds):
        """Waits for its end, at most so long; None if it goes on."""
        deadline = self.started + seconds
        while self.run is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            if select.select([self.watch], [], [], min(SAMPLE, left))[0]:
                self._reap()
            else:
                self._look()
        return self.run

    def kill(self):
        """SIGKILL to it and to all it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self.run is None:
            self._reap()

    def _look(self):
        """The high-water mark of every process in the tree; the kernel forgets it at their end."""
        tree = [self.pid]
        for pid in tree:
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                    tree += [int(word) for word in file.read().split()]
                with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
                    marks = [line.split()[1] for line in file if line.startswith("VmHWM:")]
                self.peak = max([self.peak] + [int(mark) * 1024 for mark in marks])

    def _reap(self):
        _, status, usage = os.wait4(self.pid, 0)
        wall = time.monotonic() - self.started
        os.close(self.watch)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        # What wait4 says includes what this script had when it started the tool; a tool that
        # took more than that is measured exactly, a smaller one by the samples.
        exact = usage.ru_maxrss * 1024
        if exact > 1.05 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024:
            self.peak = max(self.peak, exact)
        self.run = Run(wall, usage.ru_utime + usage.ru_stime, self.peak, self.child.returncode)


def run(tool, work, job, limit, log):
    """One run from start to end, or to the limit in seconds."""
    os.sync()
    process = Process(tool, work, job, log)
    try:
        done = process.wait(limit)
        if done is None:
            process.kill()
            done = process.run
            done.overdue = True
        return done
    finally:
        process.kill()


class Link:
    """A port with latency in front of the server's; the same port as long as this object lives."""

    def __init__(self, server_port, milliseconds):
        self.server_port, self.one_way = server_port, milliseconds / 2
        self.socket = listener()
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]

    @contextlib.contextmanager
    def up(self):
        """Works while the block runs; yields a function that ends it and says how many turns there were."""
        descriptor = self.socket.fileno()
        child = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "link.py"), str(descriptor),
             str(self.server_port), str(self.one_way)],
            stdout=subprocess.PIPE, text=True, pass_fds=[descriptor], start_new_session=True)

        def turns():
            time.sleep(4 * self.one_way / 1000)
            child.terminate()
            return json.loads(child.stdout.readline())["turns"]

        try:
            child.stdout.readline()
            yield turns
        finally:
            child.kill()
            child.wait()
            child.stdout.close()

    def close(self):
        self.socket.close()
