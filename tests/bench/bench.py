#!/usr/bin/python3
"""Measure culver beside Postfix, Dovecot and Courier on this machine.

usage: tests/bench/bench.py [--quick] [--rounds N] [--bench DIR] [SCENARIO ...]

Each scenario is run by the bench in DIR, in namespaces of its own, for one
server after the other, round after round, so that what the disk does in one
minute is done to all.  The medians, and what culver's are to the best that was
asked for, are printed and written to build/bench/: table, results.json and
plot.svg.  The exit code is 1 when a goal was missed.  The scenarios are

  inbound   4 KiB messages by SMTP into a Maildir, durable
  cost      system calls, fsyncs and forks of a message, counted by the kernel
  relay     5,000 messages in by SMTP, out by SMTP
  large     messages of 10 MiB into a Maildir
  queue     100,000 messages that cannot be delivered, and then can
  pop3      a mailbox of 10,000 messages; many short sessions
  starttls  4 KiB messages by SMTP with STARTTLS, a connection for each, with
            whole handshakes and with sessions that go on
  pop3s     many short sessions by TLS, likewise
  idle      processes and memory of a server that does nothing
  length    culver with 1,000 and with a million other messages waiting, on an
            ext4 in memory: what a long queue costs

--quick   one round of fewer messages, in less than five minutes
--rounds  how often everything is done; 5
--bench   where the bench is, ../shared/bench

As root.  The first time the servers are unpacked below /tmp from Debian's
packages.  Example: make bench QUICK=1
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from goals import GOALS
from plot import draw

TOP = pathlib.Path(__file__).resolve().parents[2]
OUT = TOP / "build" / "bench"
ASIDE = pathlib.Path("/var/tmp/culver-bench/aside")  # peers/aside.sh

# scenario: (servers, what a full and what a quick round sets); few and many are
# culver (peers/waiting.sh)
SCENARIOS = {
    "inbound": (("culver", "postfix"), {"N": 4000}, {"N": 2000}),
    "cost": (("culver", "postfix"), {"N": 1000}, {"N": 300}),
    "relay": (("culver", "postfix"), {"N": 5000}, {"N": 2000}),
    "large": (("culver", "postfix"), {}, {}),
    "queue": (("culver", "postfix"), {"N": 100000}, {"N": 5000}),
    "pop3": (("culver", "dovecot", "courier"), {"N": 10000}, {"N": 2000}),
    "starttls": (("culver", "postfix"), {"N": 3000}, {"N": 600}),
    "pop3s": (("culver", "dovecot"), {"N": 1000}, {"N": 300}),
    "idle": (("culver", "postfix"), {}, {}),
    "length": (("few", "many"), {"N": 4000}, {"N": 800, "BENCH_MANY": 50000}),
}
ONCE = {"inbound": {"RUNS": 1}, "relay": {"RUNS": 1},
        "length": {"RUNS": 1, "SESSIONS": 10}}


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def figures(line):
    """What a line of the bench says: its words, and key=value as numbers."""
    values = {}
    for key, value in re.findall(r"(\S+)=(-?[\d.]+|\S+)", line):
        try:
            values[key] = float(value)
        except ValueError:
            values[key] = value
    values["line"] = line
    return values


class Disk:
    """An ext4 in memory with room for a million messages, for as long as we
    run: to empty a real disk of them takes longer than the bench."""

    def __init__(self):
        self.image = pathlib.Path("/dev/shm/culver-bench.img")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="culver-bench."))
        self.folder.chmod(0o755)
        with open(self.image, "wb") as image:
            image.truncate(14 << 30)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-i", "8192", self.image],
                       check=True)
        subprocess.run(["mount", "-o", "loop", self.image, self.folder],
                       check=True)

    def close(self):
        subprocess.run(["umount", self.folder], check=True)
        self.folder.rmdir()
        self.image.unlink()


class Bench:
    """The runs of all rounds: (scenario, server) -> a list of lists of lines."""

    def __init__(self, folder, quick):
        self.folder, self.quick, self.runs = folder, quick, {}
        self.disk = None
        OUT.mkdir(parents=True, exist_ok=True)
        self.log = open(OUT / "log", "a")

    def unpack(self):
        if pathlib.Path("/tmp/bench-courier-root").exists():
            return
        print("Unpacking the other servers, once; it takes some minutes.",
              flush=True)
        subprocess.run([self.folder / "setup-peers.sh"], check=True,
                       stdout=self.log, stderr=self.log)

    def run(self, scenario, server):
        _, full, quick = SCENARIOS[scenario]
        sets = {**(quick if self.quick else full), **ONCE.get(scenario, {})}
        env = {**os.environ, "CULVER_BIN": str(TOP / "build" / "bin"),
               "BENCH_PEERS": str(TOP / "tests" / "bench" / "peers"),
               "BENCH_ASIDE": str(ASIDE),
               "TLSLOAD": str(TOP / "build" / "tests" / "bench" / "tlsload"),
               **{k: str(v) for k, v in sets.items()}}
        if scenario == "length":
            self.disk = self.disk or Disk()
            env["CULVER_BENCH_HOME"] = str(self.disk.folder / server)
            env["BENCH_ASIDE"] = str(self.disk.folder / "aside")
        word = "inbound" if scenario == "length" else scenario
        done = subprocess.run(
            [self.folder / "bench.sh", server, word], env=env, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            stderr=self.log)
        self.log.write(done.stdout)
        self.log.flush()
        if done.returncode != 0:
            sys.exit(f"{server} {scenario} ended with {done.returncode}; "
                     f"{OUT}/log has what it said.")
        lines = [figures(line) for line in done.stdout.splitlines()]
        self.runs.setdefault((scenario, server), []).append(lines)

    def close(self):
        shutil.rmtree(ASIDE, ignore_errors=True)
        if self.disk is not None:
            self.disk.close()

    def figure(self, scenario, server, take):
        """The median over all rounds of what take finds in a round's lines."""
        found = [take(lines) for lines in self.runs[scenario, server]]
        return statistics.median(found)


def rows(bench, scenarios):
    """A row for each goal: what, unit, figures, how far, wanted, met."""
    made = []
    for goal in GOALS:
        if goal.scenario not in scenarios:
            continue
        ours = bench.figure(goal.scenario, goal.of, goal.take)
        theirs = goal.against and bench.figure(goal.scenario, goal.against,
                                               goal.take)
        made.append(goal.row(ours, theirs))
    return made


def table(made):
    text = ["%-37s %9s %9s %-8s %7s %7s" % (
        "", "culver", "other", "", "is", "goal")]
    for r in made:
        text.append("%-37s %9s %9s %-8s %7s %7s%s" % (
            r["what"], number(r["ours"]),
            "" if r["theirs"] is None else number(r["theirs"]),
            r["against"] or "", number(r["is"]), r["sign"] + number(r["goal"]),
            "" if r["met"] else " *"))
    text.append("* missed.  is: culver's figure by the other's, or its own.")
    return "\n".join(text) + "\n"


def number(x):
    if x == 0 or abs(x) >= 100:
        return "%d" % round(x)
    return "%.3g" % x


def arguments():
    words = argparse.ArgumentParser(add_help=False)
    words.add_argument("--quick", action="store_true")
    words.add_argument("--rounds", type=int)
    words.add_argument("--bench", type=pathlib.Path,
                       default=TOP.parent / "shared" / "bench")
    words.add_argument("--help", "-h", action="store_true")
    words.add_argument("scenario", nargs="*")
    args = words.parse_args()
    if args.help:
        print(__doc__.strip())
        sys.exit(0)
    unknown = set(args.scenario) - set(SCENARIOS)
    if unknown:
        sys.exit(f"there is no scenario {', '.join(sorted(unknown))}; --help")
    if os.geteuid() != 0:
        sys.exit("The bench makes namespaces and accounts: run it as root.")
    if not (args.bench / "bench.sh").exists():
        sys.exit(f"There is no bench.sh in {args.bench}; --bench says where "
                 "it is.")
    return args


def main():
    args = arguments()
    scenarios = args.scenario or list(SCENARIOS)
    rounds = args.rounds or (1 if args.quick else 5)
    bench = Bench(args.bench, args.quick)
    bench.unpack()
    start = time.time()
    try:
        for n in range(rounds):
            for scenario in scenarios:
                for server in SCENARIOS[scenario][0]:
                    progress(f"{time.time() - start:5.0f} s  round {n + 1} of "
                             f"{rounds}: {server} {scenario}")
                    bench.run(scenario, server)
    finally:
        bench.close()
    progress("")
    made = rows(bench, scenarios)
    (OUT / "results.json").write_text(json.dumps(
        {"rounds": rounds, "quick": args.quick, "rows": made}, indent=1) + "\n")
    (OUT / "table").write_text(table(made))
    (OUT / "plot.svg").write_text(draw(made))
    print(table(made), end="")
    print(f"{rounds} rounds, {time.time() - start:.0f} s; see {OUT}")
    sys.exit(not all(r["met"] for r in made))


if __name__ == "__main__":
    main()
