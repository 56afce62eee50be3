"""What is measured. A scenario is some mail, how it is to be fetched, and what may follow on it."""

import dataclasses
import os
import shutil
import statistics

from rig import mail, measure, report
from rig.tools import Job

LIMIT = 900  # seconds for one run
PATIENCE = 20  # seconds: a tool that takes longer is not asked again
ROUND_TRIP = 40  # milliseconds


@dataclasses.dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    sizes: callable  # scale -> octets of each message
    mbox: bool = False
    far: bool = False
    delete: bool = False
    # The same tool once more, with nothing new on the server: name and title.
    again: tuple = None


def _count(full, scale):
    return max(10, round(full * scale))


SCENARIOS = (
    Scenario("cold", "{count} messages, {octets}, into a Maildir",
             lambda scale: mail.mixed(_count(5_000, scale), _count(5_000, scale) * 50_000),
             again=("poll", "nothing new among {count} messages")),
    Scenario("mbox", "{count} messages, {octets}, into an mbox",
             lambda scale: mail.mixed(_count(5_000, scale), _count(5_000, scale) * 50_000), mbox=True),
    Scenario("rtt", "{count} messages, {octets}, over a 40 ms link",
             lambda scale: mail.even(_count(500, scale), 10_000), far=True,
             again=("rttpoll", "nothing new among {count} messages, over a 40 ms link")),
    Scenario("delete", "{count} messages, {octets}, fetched and deleted, over a 40 ms link",
             lambda scale: mail.even(_count(500, scale), 10_000), far=True, delete=True),
    Scenario("big", "one message of {octets}",
             lambda scale: [round(200_000_000 * scale)]),
)


class Result:
    """What one tool did in one scenario."""

    def __init__(self):
        self.runs, self.complaints = [], []

    def wall(self):
        return statistics.median(run.wall for run in self.runs)

    def valid(self):
        """Whether its figures count: whatever is not complete is no result."""
        return bool(self.runs) and not self.complaints


def names():
    """Every scenario's name, those that follow on another included."""
    return [name for scenario in SCENARIOS for name in (scenario.name, *(scenario.again or ())[:1])]


class Comparison:
    """All tools through all scenarios, one after the other in each round."""

    def __init__(self, server, tools, folder, runs, scale, tell):
        self.server, self.tools, self.folder = server, tools, folder
        self.runs, self.scale, self.tell = runs, scale, tell
        self.log = open(os.path.join(folder, "tools.log"), "ab")

    def measure(self, scenario, wanted):
        """[(name, title, {tool: Result})]: the scenario's, then that of what follows on it."""
        content = mail.Mail(scenario.name, scenario.sizes(self.scale))
        parts = [(scenario.name, scenario.title)] + ([scenario.again] if scenario.again else [])
        results = {name: {tool: Result() for tool in self.tools} for name, _ in parts}
        if not scenario.delete:
            self.server.fill(scenario.name, content)
        link = measure.Link(self.server.port, ROUND_TRIP) if scenario.far else None
        try:
            for turn in range(self.runs):
                # Nobody always runs first, or always behind the same neighbour.
                at = turn % len(self.tools)
                for tool in self.tools[at:] + self.tools[:at]:
                    self._round(scenario, content, tool, link, results, wanted)
        finally:
            if link:
                link.close()
            self.server.discard(scenario.name)
        facts = {"count": f"{len(content.sizes):,}", "octets": report.octets(content.octets)}
        return [(name, title.format(**facts), results[name]) for name, title in parts if name in wanted]

    def _round(self, scenario, content, tool, link, results, wanted):
        result = results[scenario.name][tool]
        if any(run.wall > PATIENCE for run in result.runs) or result.complaints:
            return
        user = scenario.name
        if scenario.delete:
            user = f"{scenario.name}-{tool.name}-{len(result.runs)}"
            self.server.fill(user, content)
        job = Job(user=user, port=link.port if link else self.server.port, ca_file=self.server.ca_file,
                  mbox=scenario.mbox, delete=scenario.delete)
        work = os.path.join(self.folder, "work")
        measure.work_folder(work, tool, job)
        run = self._run(scenario.name, tool, work, job, link, (0,))
        result.runs.append(run)
        result.complaints += self._complaints(run, content, work, (0,))
        if scenario.delete:
            if left := self.server.left(user):
                result.complaints.append(f"{left} left on the server")
            self.server.discard(user)
        if scenario.again and scenario.again[0] in wanted and not result.complaints:
            follow = results[scenario.again[0]][tool]
            run = self._run(scenario.again[0], tool, work, job, link, (0, *tool.nothing_new))
            follow.runs.append(run)
            follow.complaints += self._complaints(run, content, work, (0, *tool.nothing_new))
        shutil.rmtree(work)

    def _run(self, name, tool, work, job, link, good):
        if link:
            with link.up() as turns:
                run = measure.run(tool, work, job, LIMIT, self.log)
                run.turns = turns()
        else:
            run = measure.run(tool, work, job, LIMIT, self.log)
        self.tell(f"{name} {tool.name}: {run.wall:.2f} s" + ("" if run.code in good else f", exit {run.code}"))
        return run

    def _complaints(self, run, content, work, good):
        verdict = mail.check(content, os.path.join(work, "out"))
        facts = [(run.overdue, f"stopped after {LIMIT} s"),
                 (run.code not in good and not run.overdue, f"exit {run.code}"),
                 (verdict.lost, f"{verdict.lost} of {verdict.wanted} missing"),
                 (verdict.twice, f"{verdict.twice} twice"),
                 (verdict.altered, f"{verdict.altered} altered")]
        return [text for there, text in facts if there]
