"""Maildirs with any number of messages on little disk: their files are hard links to as many files as there are sizes.

A file system has a limit of links to a file (65,000 on ext4), which is far away: rig/ledger.py has 999 sizes.
"""

import os

from rig import ledger, measure

LINE = b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRST\n"


class Copies:
    """The files are in `folder`, on the file system of the Maildirs."""

    def __init__(self, folder):
        self.folder, self.inodes = folder, set()
        os.mkdir(folder)
        for size in range(ledger.OCTETS, ledger.OCTETS + ledger.SIZES):
            path = self._path(size)
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
                file.write((b"Subject: archived\n\n" + LINE * (size // len(LINE) + 1))[:size - 1] + b"\n")
                self.inodes.add(os.fstat(file.fileno()).st_ino)
            measure.give_away([path])

    def _path(self, size):
        return os.path.join(self.folder, str(size))

    def fill(self, place, names):
        """Adds messages to new/ or cur/: (size, name)."""
        for size, name in names:
            os.link(self._path(size), os.path.join(place, name))

    def clear(self, maildir):
        """Removes what has come into a Maildir since; says how many messages that was."""
        count = 0
        for part in ("new", "cur", "tmp"):
            with os.scandir(os.path.join(maildir, part)) as entries:
                come = [entry.path for entry in entries if entry.inode() not in self.inodes]
            for path in come:
                os.unlink(path)
            count += len(come) * (part != "tmp")
        return count
