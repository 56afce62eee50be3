"""A Dovecot of our own: on loopback, on ports that nobody else has, with a certificate made for it. And a server that does
less, where Dovecot would be what is measured.

As root, Dovecot's mail belongs to the system's `mail` user and its processes to those that Debian's
package made for them; otherwise all of it runs as the user who called. It ends with us.
"""

import grp
import os
import poplib
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

PASSWORD = "bench"
STARTING, ENDING = 20, 20  # seconds

CERTIFICATES = """\
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
[server]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost
extendedKeyUsage = serverAuth
"""

CONFIGURATION = """\
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = popkeep-bench
log_path = {folder}/log
protocols = pop3 {imap}
listen = 127.0.0.1
ssl = {ssl}
{clear_text}ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.key
first_valid_uid = 1
{unprivileged}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
mail_location = {location}
mbox_write_locks = fcntl
mail_fsync = never
pop3_no_flag_updates = yes
{imap_login}
service anvil {{
  {chroot}
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  {chroot}
  inet_listener pop3 {{
    port = {plain_port}
  }}
  inet_listener pop3s {{
    port = {port}
    ssl = yes
  }}
}}
"""


IMAP_LOGIN = """\
service imap-login {{
  {chroot}
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {imap_port}
    ssl = yes
  }}
}}
"""


class Problem(Exception):
    """What keeps the comparison from being made, and what to do."""


def program(name):
    """Where a program is; a user's PATH on Debian lacks the sbin folders."""
    return shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin")


def listener():
    """A loopback socket on a free port."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


class Dovecot:
    """A running server; with `clear_text` also without TLS, at `plain_port`. `location`: where a user's mail is, as
    Dovecot writes it."""

    def __init__(self, folder, imap=False, clear_text=False, location="maildir:{folder}/mail/%u"):
        self.folder, self.master, self.imap = folder, None, imap
        self.clear_text, self.location = clear_text, location.format(folder=folder)
        self.program = program("dovecot")
        if not self.program or not os.path.exists("/usr/lib/dovecot/pop3"):
            raise Problem("Dovecot's POP3 server is not installed: apt-get install dovecot-pop3d")
        if imap and not os.path.exists("/usr/lib/dovecot/imap"):
            raise Problem("Dovecot's IMAP server is not installed: apt-get install dovecot-imapd")
        if not program("openssl"):
            raise Problem("openssl is not installed: apt-get install openssl")
        self.version = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.split(" ")[0]
        if not self.version.startswith("2.3."):
            raise Problem(f"Dovecot {self.version} wants another configuration than this script writes (for 2.3)")
        owner = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.uid, self.gid = owner.pw_uid, owner.pw_gid
        os.mkdir(folder, 0o755)
        os.mkdir(os.path.join(folder, "mail"))
        self.ca_file = os.path.join(folder, "ca.pem")
        self._certificates()

    def _path(self, name):
        return os.path.join(self.folder, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def _certificates(self):
        self._write("openssl.cnf", CERTIFICATES)
        request = ["openssl", "req", "-config", self._path("openssl.cnf"), "-x509", "-newkey", "ec", "-pkeyopt",
                   "ec_paramgen_curve:P-256", "-nodes", "-days", "7"]
        authority = ["-extensions", "ca", "-subj", "/CN=popkeep benchmark", "-keyout", self._path("ca.key"),
                     "-out", self.ca_file]
        server = ["-extensions", "server", "-subj", "/CN=localhost", "-keyout", self._path("server.key"),
                  "-out", self._path("server.pem"), "-CA", self.ca_file, "-CAkey", self._path("ca.key")]
        for arguments in (authority, server):
            made = subprocess.run(request + arguments, capture_output=True, text=True)
            if made.returncode:
                raise Problem(f"openssl made no certificate (1.1.1 is too old):\n{made.stderr}")

    def start(self):
        """Starts it; somebody else may take the free port first, hence the attempts."""
        for _ in range(5):
            with listener() as free, listener() as other, listener() as third:
                self.port, self.imap_port, self.plain_port = (one.getsockname()[1] for one in (free, other, third))
            unprivileged = chroot = ""
            if os.getuid():
                user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
                unprivileged = (f"default_internal_user = {user}\ndefault_internal_group = {group}\n"
                                f"default_login_user = {user}")
                chroot = "chroot ="
            self._write("dovecot.conf", CONFIGURATION.format(
                folder=self.folder, password=PASSWORD, uid=self.uid, gid=self.gid, port=self.port,
                plain_port=self.plain_port if self.clear_text else 0, location=self.location,
                ssl="yes" if self.clear_text else "required",
                clear_text="disable_plaintext_auth = no\n" if self.clear_text else "",
                unprivileged=unprivileged, chroot=chroot, imap="imap" if self.imap else "",
                imap_login=IMAP_LOGIN.format(chroot=chroot, imap_port=self.imap_port) if self.imap else ""))
            with open(self._path("start.log"), "w", encoding="utf-8") as log:
                self.master = subprocess.Popen(
                    [self.program, "-F", "-c", self._path("dovecot.conf")],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
            if self._answers():
                return
            self.stop()
        logs = [self._path(name) for name in ("start.log", "log") if os.path.exists(self._path(name))]
        raise Problem("Dovecot did not start:\n" + "".join(open(log, encoding="utf-8").read() for log in logs))

    def _answers(self):
        deadline = time.monotonic() + STARTING
        while time.monotonic() < deadline and self.master.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.05)
        return False

    def stop(self):
        """TERM lets the master end its children; KILL would leave them behind."""
        if self.master is None:
            return
        self.master.terminate()
        try:
            self.master.wait(ENDING)
        except subprocess.TimeoutExpired:
            os.killpg(self.master.pid, signal.SIGKILL)
            self.master.wait()
        self.master = None

    def maildir(self, user):
        """Where a user's mail is on the server."""
        return self._path(os.path.join("mail", user))

    def fill(self, user, mail):
        """Gives a user this mail and nothing else, and lets the server build its index."""
        maildir = self.maildir(user)
        shutil.rmtree(maildir, ignore_errors=True)
        for part in ("", "cur", "new", "tmp"):
            os.mkdir(os.path.join(maildir, part), 0o700)
        mail.write(maildir)
        if os.getuid() == 0:
            for place, _, files in os.walk(maildir):
                for path in [place] + [os.path.join(place, name) for name in files]:
                    os.chown(path, self.uid, self.gid)
        context = ssl.create_default_context(cafile=self.ca_file)
        session = poplib.POP3_SSL("localhost", self.port, context=context, timeout=300)
        session.user(user)
        session.pass_(PASSWORD)
        count, _ = session.stat()
        session.uidl()
        session.quit()
        if count != len(mail.sizes):
            raise Problem(f"Dovecot shows {count} of {len(mail.sizes)} messages; see {self._path('log')}")

    def left(self, user):
        """Messages still on the server."""
        return sum(len(os.listdir(os.path.join(self.maildir(user), part))) for part in ("new", "cur"))

    def discard(self, user):
        """Removes a user's mail."""
        shutil.rmtree(self.maildir(user), ignore_errors=True)


class Many:
    """See rig/many.py, to which these are the arguments."""

    def __init__(self, hosts, messages, octets):
        self.child = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "many.py"), str(hosts), str(messages), str(octets)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port, self.hosts, self.messages = int(self.child.stdout.readline()), hosts, messages

    def tell(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def count(self):
        """Logins, RETRs and the most sessions at once on one address, since the last time."""
        self.tell("count")
        return map(int, self.child.stdout.readline().split())

    def host(self, number):
        number = number % self.hosts + 1
        return f"127.0.{number // 250}.{number % 250}"

    def stop(self):
        self.child.stdin.close()
        self.child.terminate()
        self.child.wait()
        self.child.stdout.close()
