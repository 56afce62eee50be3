"""The tools, each with the configuration that makes it do the same work: implicit TLS with the
certificate checked, only what is new, everything else as it comes out of the box.

What a tool keeps between runs is in its work folder, what it delivers in out/ below that.
"""

import dataclasses
import os
import subprocess

from rig.server import PASSWORD, program


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be fetched, and how."""

    user: str
    port: int
    ca_file: str
    mbox: bool = False
    delete: bool = False

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

    def __init__(self, binary):
        self.binary = binary

    def version(self):
        return subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]

    def configuration(self, work, job):
        return {"config.toml": f"""\
state_dir = "{work}/state"
[accounts.bench]
host = "localhost"
port = {job.port}
tls_ca_file = "{job.ca_file}"
user = "{job.user}"
password = "{PASSWORD}"
archive = "{job.target(work)}"
format = "{'mbox' if job.mbox else 'maildir'}"
delete = "{'fetched' if job.delete else 'never'}"
"""}

    def command(self, work):
        return [self.binary, "--config", f"{work}/config.toml", "fetch", "--quiet"]


class Mpop(Tool):
    name = package = "mpop"
    needs = (("mpop", "mpop"),)

    def configuration(self, work, job):
        return {"mpoprc": f"""\
account bench
host localhost
port {job.port}
tls on
tls_starttls off
tls_trust_file {job.ca_file}
user {job.user}
password {PASSWORD}
delivery {'mbox' if job.mbox else 'maildir'} {job.target(work)}
uidls_file {work}/uidls
only_new on
keep {'off' if job.delete else 'on'}
"""}

    def command(self, work):
        return [program("mpop"), "-q", "-C", f"{work}/mpoprc", "bench"]


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
        return {"fetchmailrc": f"""\
poll localhost protocol POP3 service {job.port} uidl
  user "{job.user}" password "{PASSWORD}"
  options ssl sslcertck sslcertfile "{job.ca_file}" {'nokeep' if job.delete else 'keep'}
  mda "{' '.join([program('procmail'), *settings])} /dev/null"
"""}

    def command(self, work):
        return [program("fetchmail"), "--silent", "--nosyslog", "-f", f"{work}/fetchmailrc",
                "--idfile", f"{work}/ids", "--pidfile", f"{work}/pid"]


class Fdm(Tool):
    name = package = "fdm"
    needs = (("fdm", "fdm"),)

    def configuration(self, work, job):
        only_new = "" if job.delete else f'new-only cache "{work}/cache" keep'
        return {"fdm.conf": f"""\
set verify-certificates
set maximum-size 1G
set lock-file "{work}/lock"
account "bench" pop3s server "localhost" port {job.port} user "{job.user}" pass "{PASSWORD}" {only_new}
action "deliver" {'mbox' if job.mbox else 'maildir'} "{job.target(work)}"
match all action "deliver"
"""}

    def environment(self, job):
        return {"SSL_CERT_FILE": job.ca_file}

    def command(self, work):
        return [program("fdm"), "-q", "-f", f"{work}/fdm.conf", "fetch"]

    def after_crash(self, work):
        try:
            os.unlink(f"{work}/lock")
            return "its lock file had to be removed by hand"
        except FileNotFoundError:
            return None


PEERS = (Mpop(), Fetchmail(), Fdm())
