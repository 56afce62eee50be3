"""Mail to fetch: made from a seed, so that each run has the same, and checked after delivery.

A message is known by its Message-ID, and what was delivered is compared by its body: some tools
add headers of their own, none may touch what follows them.
"""

import base64
import collections
import hashlib
import os
import random

LINE = 77  # octets of a body line, its LF included
BLOCK = 1 << 20  # octets read or written at a time


class Pool:
    """Body lines for all messages, of which each message takes a stretch."""

    def __init__(self):
        octets = random.Random(1).randbytes(57 * 40_000)
        lines = [base64.b64encode(octets[at:at + 57]) for at in range(0, len(octets), 57)]
        # Every fiftieth line needs dot-stuffing on the wire.
        self.text = b"".join((b"." + line[1:] if at % 50 == 0 else line) + b"\n" for at, line in enumerate(lines))
        self.lines = len(lines)

    def body(self, start, lines):
        """`lines` lines from line `start` on, in blocks."""
        while lines > 0:
            start %= self.lines
            take = min(lines, self.lines - start, BLOCK // LINE)
            yield self.text[start * LINE:(start + take) * LINE]
            start, lines = start + take, lines - take


class Mail:
    """The content of one maildrop: `sizes` are the octets of each message, roughly."""

    pool = None

    def __init__(self, name, sizes):
        Mail.pool = Mail.pool or Pool()
        self.name, self.sizes = name, sizes
        self.bodies = {}  # Message-ID -> SHA-256 of the body, once written
        self.octets = 0

    def write(self, maildir):
        """Writes all messages into a Maildir's cur/. Dovecot finds the sizes in the names."""
        cur = os.path.join(maildir, "cur")
        self.octets = 0
        for at, size in enumerate(self.sizes):
            ident = f"{self.name}.{at}@bench.example"
            head = (
                f"Return-Path: <sender@bench.example>\nReceived: from bench.example by localhost; "
                f"Mon, 1 Jan 2024 00:00:00 +0000\nFrom: Sender <sender@bench.example>\n"
                f"To: Reader <reader@bench.example>\nSubject: {self.name}, message {at}\n"
                f"Date: Mon, 1 Jan 2024 00:00:00 +0000\nMessage-ID: <{ident}>\n\n"
            ).encode()
            lines = max(1, (size - len(head)) // LINE)
            digest = hashlib.sha256()
            draft = os.path.join(maildir, "tmp", str(at))
            with open(draft, "wb") as out:
                out.write(head)
                for block in self.pool.body(at * 131, lines):
                    digest.update(block)
                    out.write(block)
            octets = len(head) + lines * LINE
            wire = octets + head.count(b"\n") + lines
            os.rename(draft, os.path.join(cur, f"{1_700_000_000 + at}.M{at}.bench,S={octets},W={wire}:2,S"))
            self.bodies[ident] = digest.hexdigest()
            self.octets += octets


def even(count, octets):
    """`count` messages of `octets` each."""
    return [octets] * count


def mixed(count, octets):
    """`count` messages of `octets` in all, as mail is: most small, a few large."""
    rng = random.Random(2)
    weights = [rng.lognormvariate(0, 1.2) for _ in range(count)]
    return [max(600, round(octets * weight / sum(weights))) for weight in weights]


def _split(blocks):
    """(Message-ID, SHA-256 of the body) of one message, given in blocks."""
    head, digest = b"", None
    for block in blocks:
        if digest is None:
            head += block
            end = head.find(b"\n\n")
            if end < 0:
                continue
            head, block = head[:end], head[end + 2:]
            digest = hashlib.sha256()
        digest.update(block)
    for line in head.split(b"\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"message-id":
            return value.strip().strip(b"<>").decode("ascii", "replace"), digest.hexdigest() if digest else ""
    return "", ""


def _blocks(path):
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            yield block


def _mbox(path):
    """The messages of an mbox whose mail has no `From ` at a line's start."""
    message, blank = [], True
    with open(path, "rb") as file:
        for line in file:
            if blank and line.startswith(b"From "):
                if message:
                    yield message
                message = []
            else:
                message.append(line)
            blank = line == b"\n"
    if message:
        yield message


def stored(folder):
    """(Message-ID, SHA-256 of the body) of every copy below `folder`, in Maildirs and mboxes."""
    for place, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(place, name)
            if os.path.basename(place) in ("new", "cur"):
                yield _split(_blocks(path))
            elif name.endswith(".mbox"):
                for message in _mbox(path):
                    # An empty line ends a message in an mbox; fdm writes two. Our mail has none there.
                    while message[-1] == b"\n":
                        message.pop()
                    yield _split(message)


def count_files(folder):
    """Messages that a Maildir shows."""
    total = 0
    for part in ("new", "cur"):
        try:
            total += len(os.listdir(os.path.join(folder, part)))
        except FileNotFoundError:
            pass
    return total


Verdict = collections.namedtuple("Verdict", "wanted lost twice altered")


def check(mail, folder):
    """Compares what was delivered with what was on the server."""
    copies = list(stored(folder))
    count = collections.Counter(ident for ident, _ in copies)
    return Verdict(
        wanted=len(mail.bodies),
        lost=sum(1 for ident in mail.bodies if not count[ident]),
        twice=sum(copies - 1 for ident, copies in count.items() if ident in mail.bodies and copies > 1),
        altered=sum(1 for ident, digest in copies if mail.bodies.get(ident) != digest),
    )
