"""SIGKILL in mid-fetch, then run again: what is missing afterwards, what is there twice?"""

import collections
import dataclasses
import itertools
import os

from rig import mail, measure
from rig.tools import Job

LIMIT = 300  # seconds for one run
ATTEMPTS = 4  # runs after the kill
MESSAGES, OCTETS = 1_000, 20_000

Outcome = collections.namedtuple("Outcome", "stored verdict notes")


class Killing:
    """Kills each tool at several moments of its run."""

    def __init__(self, server, tools, folder, points, tell):
        self.server, self.tools, self.folder, self.points, self.tell = server, tools, folder, points, tell
        self.log = open(os.path.join(folder, "tools.log"), "ab")
        self.work = os.path.join(folder, "work")
        self.maildrops = itertools.count(1)

    def table(self, delete):
        """[(tool, [Outcome])]"""
        content = mail.Mail("kill", mail.even(MESSAGES, OCTETS))
        job = Job(user="keep", port=self.server.port, ca_file=self.server.ca_file, delete=delete)
        if not delete:
            self.server.fill(job.user, content)
        return [(tool, self._tool(tool, content, job)) for tool in self.tools]

    def _tool(self, tool, content, job):
        undisturbed = self._begin(tool, self._maildrop(content, job))
        try:
            if undisturbed.wait(LIMIT) is None or undisturbed.run.code != 0:
                self.tell(f"kill {tool.name}: the undisturbed run failed")
                return []
        finally:
            undisturbed.kill()
        outcomes = []
        for point in range(self.points):
            moment = undisturbed.run.wall * (0.2 + 0.7 * (point + 0.5) / self.points)
            outcome = None
            while outcome is None and moment > 0.01:
                outcome = self._kill(tool, content, self._maildrop(content, job), moment)
                moment *= 0.8
            if outcome:
                outcomes.append(outcome)
                self.tell(f"kill {tool.name}: {outcome.stored} stored, then {outcome.verdict.lost} lost, "
                          f"{outcome.verdict.twice} twice")
        return outcomes

    def _maildrop(self, content, job):
        """The job, with a maildrop that is full. The server may still be at work on that of a killed
        session: after a deletion the next one is another user's."""
        if job.delete:
            number = next(self.maildrops)
            self.server.discard(f"delete-{number - 1}")
            job = dataclasses.replace(job, user=f"delete-{number}")
            self.server.fill(job.user, content)
        return job

    def _begin(self, tool, job):
        measure.work_folder(self.work, tool, job)
        os.sync()
        return measure.Process(tool, self.work, job, self.log)

    def _kill(self, tool, content, job, moment):
        """None if all was stored before it could be killed, or nothing."""
        process = self._begin(tool, job)
        try:
            # A moment too early for the first message is put off until there is one.
            while process.wait(moment) is None and not mail.count_files(job.target(self.work)):
                moment += 0.01
        finally:
            process.kill()
        stored = mail.count_files(job.target(self.work))
        if stored in (0, MESSAGES):
            return None
        notes = []
        for attempt in range(ATTEMPTS):
            run = measure.run(tool, self.work, job, LIMIT, self.log)
            if run.code in (0, *tool.nothing_new):
                break
            if help_given := tool.after_crash(self.work):
                notes.append(help_given)
        else:
            notes.append(f"still exit {run.code} after {ATTEMPTS} runs")
        return Outcome(stored, mail.check(content, os.path.join(self.work, "out")), notes)
