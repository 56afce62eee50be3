"""A POP3 server for any number of users, in one thread and in clear text: so little work that it is not what is measured.

    many.py ADDRESSES MESSAGES OCTETS
    many.py ADDRESSES MESSAGES rows

Listens on so many addresses (127.0.0.1, 127.0.0.2, …), on one port that it prints. Every user has the same password, and
messages of their own; with `rows` they have the UIDs and sizes of those that rig/ledger.py puts on record. What it does is
told on its standard input, a line at a time:

    accept          everybody who has the password
    refuse          nobody
    sessions N      refuses whoever would be the next session of N that are open on one of its addresses; 0: nobody
    messages N      everybody has so many from now on
    count           prints the logins, the RETRs, and the sessions that were open at once, since the last time
"""

import asyncio
import sys

import ledger
from server import PASSWORD

CAPABILITIES = (b"+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nSASL PLAIN\r\n"
                b"EXPIRE NEVER\r\n.\r\n")


class Mail:
    """What everybody has: the same but for their names. The answers to STAT, LIST and UIDL are made once for whoever is there,
    and serve until it is another one's turn."""

    def __init__(self, messages, octets):
        self.count, self.filling = messages, b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 ABCDEFGHIJKLMNOPQRST\r\n"
        self.lines = max(octets // len(self.filling), 1)
        self.made_for = None

    def header(self, user, number):
        return (b"From: sender@example.net\r\nTo: %s\r\nSubject: Message %d\r\nDate: Mon, 23 Nov 2026 10:%02d:00 +0000\r\n"
                b"Message-ID: <%d.%s@example.net>\r\n\r\n" % (user, number, number % 60, number, user))

    def message(self, user, number):
        return self.header(user, number) + self.filling * self.lines

    def size(self, user, number):
        return len(self.header(user, number)) + len(self.filling) * self.lines

    def uid(self, number):
        return f"uid-{number}"

    def answers(self, user):
        """To STAT, LIST and UIDL."""
        if self.made_for != (user, self.count):
            numbers = range(1, self.count + 1)
            octets = sum(self.size(user, number) for number in numbers)
            sizes = "".join(f"{number} {self.size(user, number)}\r\n" for number in numbers)
            uids = "".join(f"{number} {self.uid(number)}\r\n" for number in numbers)
            self.made = [text.encode() for text in
                         (f"+OK {self.count} {octets}\r\n", f"+OK\r\n{sizes}.\r\n", f"+OK\r\n{uids}.\r\n")]
            self.made_for = user, self.count
        return self.made


class Rows(Mail):
    """Nobody fetches them."""

    def __init__(self, messages):
        super().__init__(messages, 0)

    def size(self, user, number):
        return ledger.list_size(number)

    def uid(self, number):
        return ledger.uid(number)


class Server:
    """What all sessions share."""

    def __init__(self, mail):
        self.mail, self.refuses, self.most = mail, False, 0
        self.open, self.logins, self.retrievals, self.peak = {}, 0, 0, 0

    def told(self, line):
        words = line.split()
        if words[:1] in (["accept"], ["refuse"]):
            self.refuses = words[0] == "refuse"
        elif words[:1] == ["sessions"]:
            self.most = int(words[1])
        elif words[:1] == ["messages"]:
            self.mail.count = int(words[1])
        elif words == ["count"]:
            print(self.logins, self.retrievals, self.peak, flush=True)
            self.logins = self.retrievals = self.peak = 0


class Session(asyncio.Protocol):
    """One connection."""

    def __init__(self, server):
        self.server, self.buffer, self.user, self.plain = server, b"", b"", False
        self.counted = False

    def connection_made(self, transport):
        self.transport, self.address = transport, transport.get_extra_info("sockname")[0]
        server = self.server
        open_here = server.open.get(self.address, 0)
        if server.most and open_here >= server.most:
            transport.write(b"-ERR [SYS/TEMP] Too many concurrent connections from your address\r\n")
            transport.close()
            return
        server.open[self.address] = open_here + 1
        server.peak = max(server.peak, open_here + 1)
        self.counted = True
        transport.write(b"+OK ready\r\n")

    def connection_lost(self, _):
        if self.counted:
            self.server.open[self.address] -= 1

    def data_received(self, data):
        *lines, self.buffer = (self.buffer + data).split(b"\r\n")
        answers = []
        for line in lines:
            answer = self.answer(line)
            answers.append(answer)
            if answer is BYE:
                break
        if answers:
            self.transport.write(b"".join(answers))
        if answers and answers[-1] is BYE:
            self.transport.close()

    def answer(self, line):
        if self.plain:
            import base64
            self.plain = False
            return self.login(*base64.b64decode(line).split(b"\0")[1:])
        command, _, rest = line.partition(b" ")
        answer = COMMANDS.get(command.upper())
        return answer(self, rest) if answer else b"-ERR what?\r\n"

    def login(self, user, password):
        self.server.logins += 1
        self.user = user
        if self.server.refuses or password != PASSWORD.encode():
            return b"-ERR [AUTH] no\r\n"
        return b"+OK in\r\n"

    def auth(self, rest):
        mechanism, _, initial = rest.partition(b" ")
        if mechanism.upper() != b"PLAIN":
            return b"-ERR no such mechanism\r\n"
        self.plain = True
        return self.answer(initial) if initial else b"+ \r\n"

    def name(self, rest):
        self.user = rest
        return b"+OK\r\n"

    def stat(self, _):
        return self.server.mail.answers(self.user)[0]

    def list(self, rest):
        mail = self.server.mail
        if rest:
            return b"+OK %d %d\r\n" % (int(rest), mail.size(self.user, int(rest)))
        return mail.answers(self.user)[1]

    def uidl(self, rest):
        mail = self.server.mail
        return f"+OK {rest.decode()} {mail.uid(int(rest))}\r\n".encode() if rest else mail.answers(self.user)[2]

    def retr(self, rest):
        self.server.retrievals += 1
        return b"+OK\r\n" + self.server.mail.message(self.user, int(rest)) + b".\r\n"

    def top(self, rest):
        number, lines = map(int, rest.split())
        # With more lines than any message has, it is how fetchmail asks for all of it.
        if lines > self.server.mail.lines:
            return self.retr(b"%d" % number)
        return b"+OK\r\n" + self.server.mail.header(self.user, number) + self.server.mail.filling * lines + b".\r\n"


BYE = b"+OK bye\r\n"
COMMANDS = {
    b"CAPA": lambda _, __: CAPABILITIES, b"NOOP": lambda _, __: b"+OK\r\n", b"RSET": lambda _, __: b"+OK\r\n",
    b"QUIT": lambda _, __: BYE, b"AUTH": Session.auth, b"USER": Session.name,
    b"PASS": lambda session, rest: session.login(session.user, rest), b"STAT": Session.stat, b"LIST": Session.list,
    b"UIDL": Session.uidl, b"RETR": Session.retr, b"TOP": Session.top,
}


async def main():
    addresses, messages, octets = sys.argv[1:]
    mail = Rows(int(messages)) if octets == "rows" else Mail(int(messages), int(octets))
    server, loop, port = Server(mail), asyncio.get_running_loop(), 0
    listeners = []
    for number in range(1, int(addresses) + 1):
        host = f"127.0.{number // 250}.{number % 250}"
        listeners.append(await loop.create_server(lambda: Session(server), host, port, backlog=1024))
        port = port or listeners[0].sockets[0].getsockname()[1]
    print(port, flush=True)
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        server.told(line.decode())


if __name__ == "__main__":
    asyncio.run(main())
