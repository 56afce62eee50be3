"""POP3 clients as their users configure them, each with a fresh folder: what they fetch from one server into it.

`Client.fetch` runs one to its end and says how long it took. Where a program refuses to work for root, it runs as the
system's `games` user.
"""

import dataclasses
import os
import pty
import pwd
import select
import shutil
import signal
import subprocess
import sys
import time

from rig.server import program


@dataclasses.dataclass(frozen=True)
class Login:
    """Where the mail is, and how to get it."""

    port: int
    user: str
    password: str
    messages: int
    ca_file: str = None  # None: clear text

    @property
    def host(self):
        # By its name, which is what the certificate has.
        return "localhost" if self.ca_file else "127.0.0.1"


class Failed(Exception):
    """A client did not come to its end, or not to a good one."""


class Client:
    """A program; `exact`: it stores what it got, octet for octet. `crlf`: with the line ends of the wire.
    `goes_on`: a run that failed is followed by others, which may store a message again."""

    exact, crlf, unprivileged, attempts, goes_on = False, False, False, 1, False

    def __init__(self, name):
        self.name = name

    def files(self, login, work):
        """File name -> text."""
        return {}

    def command(self, login, work):
        raise NotImplementedError

    def fetch(self, login, work, limit=600):
        """Seconds; the mail is in `out` in the folder `work` then, mostly as a Maildir."""
        self._prepare(login, work)
        began = time.monotonic()
        for attempt in range(self.attempts):
            try:
                self._run(login, work, limit)
            except Failed:
                if attempt + 1 == self.attempts:
                    raise
                continue
            return time.monotonic() - began
        raise AssertionError

    def _prepare(self, login, work):
        shutil.rmtree(work, ignore_errors=True)
        for folder in ("", "out", "out/new", "out/cur", "out/tmp"):
            os.mkdir(os.path.join(work, folder), 0o700)
        for name, text in self.files(login, work).items():
            with open(os.open(os.path.join(work, name), os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        if self._user():
            for place, folders, files in os.walk(work):
                for name in [place] + [os.path.join(place, name) for name in files]:
                    os.chown(name, *self._user())

    def _user(self):
        if self.unprivileged and os.getuid() == 0:
            games = pwd.getpwnam("games")
            return games.pw_uid, games.pw_gid
        return None

    def _run(self, login, work, limit):
        drop = dict(zip(("user", "group"), self._user() or ()))
        if drop:
            drop["extra_groups"] = []
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": work, "LANG": "C.UTF-8", "TERM": "xterm"}
        with open(os.path.join(os.path.dirname(work), "clients.log"), "ab") as log:
            child = subprocess.Popen(self.command(login, work), cwd=work, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=log, stderr=log, start_new_session=True, umask=0o077, **drop)
            try:
                code = child.wait(limit)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
                raise Failed(f"{self.name} did not end in {limit} s") from None
        if code:
            raise Failed(f"{self.name} ended with {code}; see clients.log")


class Popkeep(Client):
    exact = True

    def __init__(self, binary):
        super().__init__("popkeep")
        self.binary = binary

    def files(self, login, work):
        tls = f'tls_ca_file = "{login.ca_file}"' if login.ca_file else 'tls = "none"'
        return {"config.toml": f'state_dir = "{work}/state"\n[accounts.bench]\nhost = "{login.host}"\nport = {login.port}\n{tls}\n'
                               f'user = "{login.user}"\npassword = "{login.password}"\narchive = "{work}/out"\n'}

    def command(self, login, work):
        return [self.binary, "--config", f"{work}/config.toml", "fetch", "--quiet"]


class Curl(Client):
    """All in one session."""

    exact = crlf = True

    def command(self, login, work):
        scheme, trust = ("pop3s", ["--cacert", login.ca_file]) if login.ca_file else ("pop3", [])
        return [program("curl"), "-sS", "-4", *trust, "-u", f"{login.user}:{login.password}", "-o", f"{work}/out/new/#1",
                f"{scheme}://{login.host}:{login.port}/[1-{login.messages}]"]


class Mpop(Client):
    exact = True

    def files(self, login, work):
        tls = f"tls on\ntls_starttls off\ntls_trust_file {login.ca_file}" if login.ca_file else "tls off\nauth user"
        return {"mpoprc": f"account bench\nhost {login.host}\nport {login.port}\n{tls}\nuser {login.user}\npassword {login.password}\n"
                          f"delivery maildir {work}/out\nuidls_file {work}/uidls\nkeep on\nreceived_header off\n"}

    def command(self, login, work):
        return [program("mpop"), "-q", "-C", f"{work}/mpoprc", "bench"]


class Fetchmail(Client):
    """Delivers through procmail."""

    def files(self, login, work):
        mda = f"{program('procmail')} -m DEFAULT={work}/out/ ORGMAIL={work}/out/ SHELL=/bin/sh LOGFILE=/dev/null COMSAT=no /dev/null"
        return {"fetchmailrc": f'poll {login.host} protocol POP3 service {login.port} auth password\n  user "{login.user}" password '
                               f'"{login.password}" options keep sslproto "" no rewrite mda "{mda}"\n'}

    def command(self, login, work):
        return [program("fetchmail"), "--silent", "--nosyslog", "--invisible", "-f", f"{work}/fetchmailrc",
                "--pidfile", f"{work}/pid"]


class Getmail(Client):
    """It starts a process for each message and sets up only then how it learns of that process's end; a process that is
    quicker ends the run, with any server. The next run goes on, with what may be a second copy."""

    unprivileged, attempts, goes_on = True, 300, True

    def files(self, login, work):
        return {"getmailrc": f"[retriever]\ntype = SimplePOP3Retriever\nserver = {login.host}\nport = {login.port}\n"
                             f"username = {login.user}\npassword = {login.password}\ntimeout = 3\n[destination]\ntype = Maildir\n"
                             f"path = {work}/out/\n[options]\nread_all = false\ndelivered_to = false\nreceived = false\n"}

    def command(self, login, work):
        return [program("getmail"), "--quiet", f"--getmaildir={work}", "--rcfile=getmailrc"]


class Fdm(Client):
    unprivileged = True

    def files(self, login, work):
        return {"fdm.conf": f'set lock-file "{work}/lock"\nset maximum-size 1G\nset no-received\naccount "bench" pop3 server '
                            f'"{login.host}" port {login.port} user "{login.user}" pass "{login.password}" no-apop insecure keep\n'
                            f'action "deliver" maildir "{work}/out"\nmatch all action "deliver"\n'}

    def command(self, login, work):
        return [program("fdm"), "-q", "-f", f"{work}/fdm.conf", "fetch"]


class Mutt(Client):
    """Opens the maildrop as a mailbox, tags all and copies them into a Maildir."""

    def command(self, login, work):
        settings = [
            f'set pop_user="{login.user}" pop_pass="{login.password}" pop_authenticators="user" pop_delete=no',
            f'set ssl_force_tls=no ssl_starttls=no pop_checkinterval=3600 folder="{work}"',
            'set confirmappend=no mbox_type=Maildir quit=yes wait_key=no header_cache="" move=no',
            f"push '<tag-pattern>~A<enter><tag-prefix><copy-message><kill-line>{work}/out<enter><exit>'",
        ]
        return [program("mutt"), "-n", "-F", "/dev/null", "-f", f"pop://{login.host}:{login.port}/",
                *(word for setting in settings for word in ("-e", setting))]

    def _run(self, login, work, limit):
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(HOME=work, TERM="xterm", LANG="C.UTF-8", LINES="24", COLUMNS="80")
            os.execv(program("mutt"), self.command(login, work))
        deadline = time.monotonic() + limit
        try:
            while time.monotonic() < deadline:
                if select.select([terminal], [], [], 1)[0]:
                    try:
                        if not os.read(terminal, 1 << 16):
                            break
                    except OSError:
                        break
            else:
                os.kill(child, signal.SIGKILL)
                raise Failed(f"mutt did not end in {limit} s")
        finally:
            os.close(terminal)
            status = os.waitpid(child, 0)[1]
        if status:
            raise Failed(f"mutt ended with {status}")


class Poplib(Client):
    """Python's own."""

    exact = crlf = True
    SCRIPT = """if True:
        import poplib, sys
        poplib._MAXLINE = 10 ** 7
        host, port, user, password, out = sys.argv[1:]
        box = poplib.POP3(host, int(port), timeout=60)
        box.user(user); box.pass_(password)
        for number in range(1, box.stat()[0] + 1):
            with open(f"{out}/{number}", "wb") as file:
                file.write(b"".join(line + b"\\r\\n" for line in box.retr(number)[1]))
        box.quit()"""

    def command(self, login, work):
        return [sys.executable, "-c", self.SCRIPT, login.host, str(login.port), login.user, login.password, f"{work}/out/new"]


def all_clients(binary):
    """Those that are installed, and the names of the others."""
    known = [(Popkeep(binary), binary), (Curl("curl"), "curl"), (Poplib("poplib"), sys.executable), (Mpop("mpop"), "mpop"),
             (Fetchmail("fetchmail"), "fetchmail"), (Getmail("getmail6"), "getmail"), (Fdm("fdm"), "fdm"), (Mutt("mutt"), "mutt")]
    there = [client for client, needs in known if program(needs)]
    return there, [client.name for client, needs in known if not program(needs)]
