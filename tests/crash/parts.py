"""The parts of the crash tests, their goals, and how their figures read."""
import collections
import itertools
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import host
import hunt
import points
import strict
from mutants import all_mutants

QUEUE_PROGRAMS = ("smtpd", "queued", "send", "lspawn", "local", "rspawn",
                  "remote", "bounce")
DISKS = ("ext4-ordered", "xfs", "ext4-writeback")
HERE = host.TOP / "tests/crash"
STATES = 5000  # of a task of the strict part

Part = collections.namedtuple("Part", "name goal what alone kinds")

# What one turn of each part does; the seed changes from turn to turn.
CUT = [(disk, "queue") for disk in DISKS] * 4 + [
    (disk, what) for disk in DISKS
    for what in ("remote", "pop3", "control", "users", "repair")]
KILL = [("folder", what, action) for action in ("kill", "killall")
        for what in ("queue", "queue", "remote", "pop3", "control", "users",
                     "repair")]
ERROR = [("folder", what) for what in
         ("queue", "queue", "queue", "remote", "pop3", "control", "users",
          "repair")]
DOUBLE = [(disk, what) for disk in DISKS for what in ("queue", "remote")] + [
    ("xfs", "repair")]


def part(name, goal, what, kinds, alone=False):
    return name, Part(name, goal, what, alone, kinds)


PARTS = dict((
    part("cut", 20000, "the power goes at each system call", CUT),
    part("strict", 50000, "what POSIX lets be lost is lost", [()], True),
    part("kill", 4000, "one process dies, or all, at each call", KILL),
    part("error", 10000, "each call fails in each way", ERROR),
    part("double", 2000, "a second fault follows the first", DOUBLE),
    part("clock", 90, "clocks are set back and forth", [()], True),
    part("ledger", 100000, "random processes die under full load", [()],
         True),
    part("mutants", 20, "planted defects are caught", [()]),
))


def tasks(self, seed):
    """Task after task, always in the same order."""
    if self.name == "mutants":
        yield from (("mutants", one.name) for one in all_mutants())
        return
    for turn in itertools.count(seed):
        for n, kind in enumerate(self.kinds):
            yield (self.name, turn * 100 + n, *kind)


Part.tasks = tasks


class Crew:
    """What a worker keeps from task to task."""

    def __init__(self, place):
        self.bench, self.place = None, place

    def do(self, task):
        return getattr(self, task[0])(*task[1:])

    def at(self):
        if self.bench is None:
            self.bench = points.Bench()
        return self.bench

    def close(self):
        if self.bench is not None:
            self.bench.close()
        self.bench = None

    def cut(self, seed, disk, what):
        return points.single(self.at(), disk, what, seed, "cut")

    def kill(self, seed, disk, what, action):
        return points.single(self.at(), disk, what, seed, action)

    def error(self, seed, disk, what):
        return points.errors(self.at(), disk, what, seed, 300)

    def double(self, seed, disk, what):
        return points.doubles(self.at(), disk, what, seed, 20)

    def strict(self, seed):
        figures, wrong = strict.run(seed, STATES, os.cpu_count())
        return {"figures": {**figures, "points": figures["states"]},
                "wrong": wrong}

    def clock(self, seed):
        """test_clock.py, whole; its tests are the points."""
        report = self.place / "clock.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
             f"--junitxml={report}", str(HERE / "test_clock.py")],
            env={**os.environ, "CULVER_CRASH": "all"}, text=True,
            stdout=subprocess.PIPE, check=False)
        suite = ElementTree.parse(report).getroot().find("testsuite")
        counts = {name: int(suite.get(name))
                  for name in ("tests", "failures", "errors", "skipped")}
        bad = counts["failures"] + counts["errors"]
        points = counts["tests"] - bad - counts["skipped"]
        return {"figures": {"points": points, "broken": bad},
                "wrong": [done.stdout[-8000:]] if bad else []}

    def ledger(self, seed):
        done = subprocess.run(
            [sys.executable, str(HERE / "ledger.py"), "--seed", str(seed)],
            stdout=subprocess.PIPE, text=True, check=False)
        seen = json.loads(done.stdout)
        figures = {name: seen[name] for name in LEDGER if name in seen}
        figures["points"] = seen["acknowledged"]
        figures["killed"] = seen["kills"]
        wrong = [] if done.returncode == 0 else [done.stdout]
        return {"figures": figures, "wrong": wrong}

    def mutants(self, name):
        return hunt.task(name)


LEDGER = ("lost", "half", "twice", "bounced_and_delivered", "wrong")

# A line of the scoreboard: its text, the part (None: all) and the figure's
# names.  Those with a part's goal must reach it, the others must be 0.
REACHED = (
    ("power-cut points, ext4 and xfs", "cut"),
    ("strict states recovered", "strict"),
    ("kill points", "kill"),
    ("injected errors", "error"),
    ("double faults", "double"),
    ("clock cases", "clock"),
    ("messages in the ledger", "ledger"),
    ("mutants caught", "mutants"),
)
NEVER = (
    ("acknowledged messages lost", ("lost",), None),
    ("half messages visible", ("half",), None),
    ("delivered and bounced",
     ("delivered and bounced", "bounced_and_delivered"), None),
    ("bounced for local trouble", ("bounced",), None),
    ("duplicates without a crash", ("twice",), ("error",)),
    ("duplicates in a Maildir with a crash", ("twice",),
     ("cut", "strict", "kill", "double", "ledger")),
    ("wrong acknowledgements",
     ("wrong acknowledgement", "wrong answer", "wrong", "from nowhere"),
     None),
    ("busy loops, stalls, what stays stuck",
     ("busy loop", "stalled", "stuck", "broken"), None),
    ("mutants that escaped", ("escaped",), ("mutants",)),
)


def unmet_calls(figures):
    """Changing calls of the queue's programs that were seen and never hit."""
    seen = {n[5:] for n in figures if n.startswith("seen ")}
    met = {n[6:] for n, count in figures.items()
           if n.startswith("calls ") and count}
    ours = {n for n in seen if n.split()[0] in QUEUE_PROGRAMS}
    return sorted(ours - met), len(ours)


def scoreboard(results, chosen, scale):
    """The text, and whether every figure is as it must be."""
    lines, good = [f"{'':42}{'must be':>12}{'seen':>12}"], True

    def put(text, goal, seen, fine):
        nonlocal good
        good = good and fine
        mark = "" if fine else "  MISSED"
        lines.append(f"{text:42}{goal:>12}{seen:>12,}{mark}")

    for text, name in REACHED:
        if name in chosen:
            goal = max(1, int(PARTS[name].goal * scale))
            seen = results.figures(name)["points"]
            put(text, f"{goal:,} or more", seen, seen >= goal)
    if "kill" in chosen:
        unmet, count = unmet_calls(results.figures("kill"))
        put("kinds of calls that change, killed at", f"{count} of {count}",
            count - len(unmet), not unmet)
        lines += [f"    never met: {call}" for call in unmet]
    for text, names, which in NEVER:
        parts_ = [p for p in which or chosen if p in chosen]
        if parts_:
            seen = sum(results.figures(p)[n] for p in parts_ for n in names)
            put(text, "0", seen, seen == 0)
    if results.wrong():
        good = False
    return "\n".join(lines), good
