"""The tools, each with the configuration that makes it do the same work: implicit TLS with the
certificate checked (or clear text), only what is new, everything else as it comes out of the box.

What a tool keeps between runs is in its work folder, what it delivers in out/ below that.
"""

import dataclasses
import os
import shutil
import subprocess

from rig.server import PASSWORD, Problem, program


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be fetched, and how."""

    user: str
    port: int
    ca_file: str = None  # None: clear text
    mbox: bool = False
    delete: bool = False

    @property
    def host(self):
        # By its name, which is what the certificate has.
        return "localhost" if self.ca_file else "127.0.0.1"

    def target(self, work):
        """Where the mail is delivered: an mbox, or a Maildir."""
        return os.path.join(work, "out", "box.mbox") if self.mbox else os.path.join(work, "out")


class Tool:
    """One program; `package` is what apt knows it by, `needs` are the programs it cannot do without."""

    name = package = ""
    needs = ()
    # Exit codes that are as good as 0.
    nothing_new = ()

    def missing(self):
        """The packages to install before this tool can take part."""
        return [package for name, package in self.needs if not program(name)]

    def version(self):
        """The version of the package that the program is from, as far as dpkg knows it."""
        output = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${Version}", self.package], capture_output=True, text=True)
        return output.stdout.strip()

    def command(self, work):
        raise NotImplementedError

    def configuration(self, work, job):
        """File name -> text."""
        raise NotImplementedError

    def environment(self, job):
        return {}

    def after_crash(self, work):
        """What a person has to do by hand when a run after SIGKILL fails; says what was done."""
        return None

    def record(self, job, count):
        """Where it notes what it has fetched: the file, what is above so many UIDs, and what to write for each."""
        raise NotImplementedError

    def remember(self, work, job, count, uids):
        """Makes it believe that it has fetched these, so many; returns the file. They are in ascending order."""
        name, head, entry = self.record(job, count)
        path = os.path.join(work, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(head)
            file.writelines(map(entry, uids))
        return path

    def configure(self, work, job):
        files = self.configuration(work, job)
        out = os.path.join(work, "out")
        made = [out]
        os.mkdir(out)
        if not job.mbox:
            made += [os.path.join(out, part) for part in ("cur", "new", "tmp")]
            for part in made[1:]:
                os.mkdir(part)
        for name, text in files.items():
            path = os.path.join(work, name)
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            made.append(path)
        return made


class Popkeep(Tool):
    name = "popkeep"

    def __init__(self, binary, more=()):
        self.binary, self.more = binary, more

    def version(self):
        return subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def configuration(self, work, job):
        tls = f'tls_ca_file = "{job.ca_file}"' if job.ca_file else 'tls = "none"'
        return {"config.toml": f"""\
state_dir = "{work}/state"
[accounts.bench]
host = "{job.host}"
port = {job.port}
{tls}
user = "{job.user}"
password = "{PASSWORD}"
archive = "{job.target(work)}"
format = "{'mbox' if job.mbox else 'maildir'}"
delete = "{'fetched' if job.delete else 'never'}"
"""}

    def command(self, work):
        return [self.binary, "--config", f"{work}/config.toml", "fetch", "--quiet", *self.more]


class Mpop(Tool):
    name = package = "mpop"
    needs = (("mpop", "mpop"),)

    def configuration(self, work, job):
        tls = f"tls on\ntls_starttls off\ntls_trust_file {job.ca_file}" if job.ca_file else "tls off\nauth user"
        return {"mpoprc": f"""\
account bench
host {job.host}
port {job.port}
{tls}
user {job.user}
password {PASSWORD}
delivery {'mbox' if job.mbox else 'maildir'} {job.target(work)}
uidls_file {work}/uidls
only_new on
keep {'off' if job.delete else 'on'}
"""}

    def command(self, work):
        return [program("mpop"), "-q", "-C", f"{work}/mpoprc", "bench"]

    def record(self, job, count):
        return "uidls", f" {count} {job.host} {job.user}\n", lambda uid: f"{uid}\n"


class Fetchmail(Tool):
    """Delivers through procmail: it writes no mailbox itself."""

    name = package = "fetchmail"
    needs = (("fetchmail", "fetchmail"), ("procmail", "procmail"))
    nothing_new = (1,)

    def version(self):
        return super().version() + " with procmail"

    def configuration(self, work, job):
        # By arguments, not by a file: should procmail not like the file's owner, it would deliver
        # into the user's own mailbox. Without -m it makes that mailbox, though empty.
        target = job.target(work) if job.mbox else job.target(work) + "/"
        settings = ["-m", f"DEFAULT={target}", f"ORGMAIL={target}", "SHELL=/bin/sh", "LOGFILE=/dev/null", "COMSAT=no"]
        if job.mbox:
            # Without a sender procmail writes no `From_` line, and all is one message.
            settings = ["-f", "%F", *settings, f"LOCKFILE={work}/box.lock"]
        login, tls = ("", f'ssl sslcertck sslcertfile "{job.ca_file}"') if job.ca_file else (" auth password", 'sslproto ""')
        return {"fetchmailrc": f"""\
poll {job.host} protocol POP3 service {job.port} uidl{login}
  user "{job.user}" password "{PASSWORD}"
  options {tls} {'nokeep' if job.delete else 'keep'}
  mda "{' '.join([program('procmail'), *settings])} /dev/null"
"""}

    def command(self, work):
        return [program("fetchmail"), "--silent", "--nosyslog", "-f", f"{work}/fetchmailrc",
                "--idfile", f"{work}/ids", "--pidfile", f"{work}/pid"]

    def record(self, job, count):
        return "ids", "", lambda uid: f"{job.user}@{job.host} {uid}\n"


class Fdm(Tool):
    name = package = "fdm"
    needs = (("fdm", "fdm"),)

    def configuration(self, work, job):
        only_new, keep = ("", "") if job.delete else (f'new-only cache "{work}/cache"', "keep")
        scheme, clear_text = ("pop3s", "") if job.ca_file else ("pop3", "no-apop insecure")
        return {"fdm.conf": f"""\
set verify-certificates
set maximum-size 1G
set lock-file "{work}/lock"
account "bench" {scheme} server "{job.host}" port {job.port} user "{job.user}" pass "{PASSWORD}" {only_new} {clear_text} {keep}
action "deliver" {'mbox' if job.mbox else 'maildir'} "{job.target(work)}"
match all action "deliver"
"""}

    def environment(self, job):
        return {"SSL_CERT_FILE": job.ca_file} if job.ca_file else {}

    def command(self, work):
        return [program("fdm"), "-q", "-f", f"{work}/fdm.conf", "fetch"]

    def record(self, job, count):
        return "cache", "", lambda uid: f"{len(uid)} {uid}\n"

    def after_crash(self, work):
        try:
            os.unlink(f"{work}/lock")
            return "its lock file had to be removed by hand"
        except FileNotFoundError:
            return None


PEERS = (Mpop(), Fetchmail(), Fdm())


def installed(popkeep, wanted, folder, tell, more=()):
    """Popkeep, as its file says and with `more` behind `fetch`, and the peers that are here, as far as they are `wanted`
    (names with commas; None: all); says which are not here."""
    if not os.access(popkeep, os.X_OK):
        raise Problem(f"no popkeep at {popkeep}: cargo build --release, or --popkeep FILE")
    # The user who fetches may not be able to read the folder that it was built in.
    binary = os.path.join(folder, "popkeep")
    shutil.copy(popkeep, binary)
    os.chmod(binary, 0o755)
    found = [Popkeep(binary, more)]
    for tool in PEERS:
        if packages := tool.missing():
            tell(f"without {tool.name}: apt-get install {' '.join(packages)}")
        else:
            found.append(tool)
    return [tool for tool in found if not wanted or tool.name in wanted.split(",")]
