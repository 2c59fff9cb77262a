#!/usr/bin/python3
"""Hunts planted defects: the harness, run on programs with one of them in it,
must see a broken promise.

    hunt.py                     hunt each of mutants/
    hunt.py NAME ...            these alone
    hunt.py --sound             the same hunts on the programs as they are,
                                which nothing may accuse

Each hunt is a process of its own.  It begins with the specs of the patch's
header, and goes on with those of QUICK.  A spec is a line "# hunt: WORD ...":

    rounds KIND SCENARIO ACTION PROGRAM/CALL
                      one round after the other, in which the 1st, 2nd, ...
                      such call meets ACTION; CALL may be "changing"
    cold KIND SCENARIO ACTION PROGRAM/CALL
                      the same, where programs are started in each round
    crash PROGRAM/CALL
                      the program crashes there, twice, with a message in hand
    strict SEED       every state that the strict model tells of this mix
    clock EXPRESSION  the tests of test_clock.py that pytest -k chooses
"""
import argparse
import collections
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time

import mutants

HERE = pathlib.Path(__file__).resolve()
DEADLINE = 400   # seconds of a hunt
MOST = 40        # rounds of one spec
STATES = 1500    # of one mix
ENOUGH = 4       # crashes, of which the second should have been the last
QUICK = ("rounds ext4-ordered several cut */changing",
         "rounds xfs several synccut */changing",
         "rounds folder late kill */changing",
         "rounds folder one errno=EIO */changing",
         "rounds xfs users synccut */changing",
         "rounds xfs control synccut */changing",
         "rounds ext4-ordered pop3 cut */changing")


def rounds(bench, kind, scenario, action, where, cold=False):
    """What the first round that breaks a promise accuses, or None."""
    import points
    program, calls = where.split("/")
    chain = points.Chain(bench, kind, scenario, 1, True, cold)
    missed = 0
    try:
        for _ in range(0 if cold else 2):  # what it is like without a fault
            chain.scenario.prepare()
            chain.scenario.act(lambda: False)
            chain.scenario.settle(lambda: False)
            chain.scenario.check()
        chain.collect("without a fault")
        for at in range(1, MOST + 1):
            point = points.Point(program, calls, at, action, calls)
            reached = chain.guarded(lambda p=point: chain.round(p),
                                    points.label(point))
            missed = 0 if reached else missed + 1
            if chain.wrong or missed > 1:
                break
    finally:
        chain.end()
    return chain.wrong[0] if chain.wrong else None


def cold(bench, *words):
    return rounds(bench, *words, cold=True)


def crash(bench, where):
    """P9: a message on which a program crashes twice is held, and other mail
    goes on."""
    import points
    program, call = where.split("/")
    chain = points.Chain(bench, "folder", "one", 1, True)
    host, scenario = chain.host, chain.scenario

    def held():
        return b"send: held " in (host.logs / "send").read_bytes()
    try:
        crash_twice(host, scenario, program, call)
        scenario.until(lambda: held() or not host.listing()
                       or host.tracer.hits > ENOUGH, lambda: False)
        host.tracer.disarm()
        if not held():
            return f"not held: {where} crashed twice\n{host.story()}"
        scenario.books.open.clear()
        left = len(host.listing())
        scenario.probe()
        scenario.until(lambda: len(host.listing()) <= left, lambda: False)
        scenario.check()
    finally:
        chain.end()
    wrong = scenario.books.wrong
    return f"{where} crashed twice: {wrong[0]}" if wrong else None


def crash_twice(host, scenario, program, call):
    """A worker crashes each time; a service that makes the call while it
    starts, with nothing in hand, crashes behind that."""
    wanted = host.wanted
    host.kill()
    host.tracer.arm(program, call, 0, "count")
    host.start(wanted)
    idle = host.tracer.seen()
    host.tracer.arm(program, call, 1, "signal=SEGV" + "+" * (idle == 0))
    scenario.act(lambda: False)
    if idle > 0:
        host.wanted = tuple(n for n in wanted if n != program)
        scenario.until(lambda: host.tracer.hit, lambda: False)
        host.tracer.arm(program, call, 1 + idle, "signal=SEGV")
        host.start(wanted)
        scenario.until(lambda: host.tracer.hit, lambda: False)


def strict(bench, seed):
    """A mix, recorded and recovered with these programs."""
    import strict as model
    base = bench.place / f"strict.{seed}"
    base.mkdir()
    base.chmod(0o755)
    figures, wrong = model.in_child(lambda: model.recover_as_owner(
        model.play(int(seed), base, bench.template, bench.programs),
        int(seed), base, bench, STATES, enough=1))
    return wrong[0] if wrong else None


def clock(bench, *expression):
    """Tests of an instance whose clock is set."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p",
         "no:cacheprovider", "-k", " ".join(expression),
         str(HERE.with_name("test_clock.py"))],
        env={**os.environ, "CULVER_BIN": str(bench.built)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        check=False)
    if ended.returncode == 0:
        return None
    if ended.returncode != 1:
        raise RuntimeError(ended.stdout)
    lines = [line for line in ended.stdout.splitlines()
             if line.startswith(("E  ", "FAILED"))]
    return "; ".join(lines[-2:]) or ended.stdout[-500:]


# What is hunted: hunt holds its specs; path is None where nothing is planted.
Prey = collections.namedtuple("Prey", "name hunt path")
PARTS = {f.__name__: f for f in (rounds, cold, crash, strict, clock)}


def hunt(built, specs):
    """(the spec that saw it, what it accuses), or None: nobody did."""
    import points
    bench = points.Bench(pathlib.Path(built))
    bench.built = built
    try:
        for spec in specs:
            part, *words = spec.split()
            accused = PARTS[part](bench, *words)
            print(f"{spec}: {accused}", file=sys.stderr)
            if accused is not None:
                return spec, accused.split("\n")[0]
    finally:
        bench.close()
    return None


def one(built, specs):
    """A process: hunt, and print the result as a line of JSON."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    found = hunt(built, specs)
    cpu = sum(t.ru_utime + t.ru_stime for t in map(
        resource.getrusage,
        (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
    print(json.dumps({"caught": found is not None,
                      "by": found and found[0], "accused": found and found[1],
                      "cpu": round(cpu, 1)}))
    return 0


def in_process(built, specs, log):
    """The result of a hunt in a process of its own."""
    argv = [sys.executable, str(HERE), "--one", str(built), *specs]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log,
                          text=True) as child:
        try:
            out, _ = child.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            child.terminate()
            child.communicate()
            return {"caught": False, "broken": "its time was over"}
    if child.returncode != 0 or not out.strip():
        return {"caught": False, "broken": f"it ended with {child.returncode}"}
    return json.loads(out.splitlines()[-1])


def task(name):
    """For the scoreboard: build this mutant and hunt it."""
    mutant = mutants.parse(mutants.FOLDER / f"{name}.patch")
    with tempfile.TemporaryDirectory(
            prefix="culver-hunt.", dir="/var/tmp") as scratch:
        result = in_process(mutants.build(mutant, scratch, 1),
                            (*mutant.hunt, *QUICK), subprocess.DEVNULL)
    if result["caught"]:
        return {"figures": {"points": 1}, "wrong": [], "path": []}
    why = result.get("broken", "nothing accuses it")
    return {"figures": {"escaped": 1}, "wrong": [f"{name}: {why}"],
            "path": []}


class Hunts:
    """All of them, so many at a time; results go to out, line by line."""

    def __init__(self, wanted, asked):
        self.wanted, self.asked = collections.deque(wanted), asked
        self.total, self.lock = len(wanted), threading.Lock()
        self.results = {}
        self.kept = pathlib.Path(asked.built) if asked.built else None

    def resume(self):
        """What an earlier run has written counts."""
        out = self.asked.out
        if out is None or not out.exists():
            return
        for line in out.read_text().splitlines():
            result = json.loads(line)
            if result["caught"]:
                self.results[result["name"]] = result
        self.wanted = collections.deque(
            m for m in self.wanted if m.name not in self.results)

    def programs(self, mutant, scratch):
        if mutant.path is None:
            return mutants.TOP / "build/bin"
        if self.kept is not None:
            return self.kept / mutant.name / "build/bin"
        return mutants.build(mutants.parse(mutant.path), scratch, 1)

    def work(self, scratch, log):
        while True:
            with self.lock:
                if not self.wanted:
                    return
                mutant = self.wanted.popleft()
            begun = time.monotonic()
            try:
                result = in_process(self.programs(mutant, scratch),
                                    mutant.hunt, log)
            except mutants.MutantError as error:
                result = {"caught": False, "broken": str(error)}
            result = {"name": mutant.name, **result,
                      "seconds": round(time.monotonic() - begun, 1)}
            with self.lock:
                self.tell(result)

    def tell(self, result):
        self.results[result["name"]] = result
        if self.asked.out is not None:
            with open(self.asked.out, "a") as f:
                f.write(json.dumps(result) + "\n")
        how = result.get("by") or result.get("broken") or "-"
        word = "caught" if result["caught"] else "      "
        print(f"{len(self.results):3} of {self.total}  {word}  "
              f"{result.get('cpu', 0):5.1f}s  {result['name']}  {how}",
              flush=True)

    def run(self):
        self.resume()
        with tempfile.TemporaryDirectory(
                prefix="culver-hunt.", dir="/var/tmp") as scratch, open(
                    self.asked.log, "a") as log:
            threads = [threading.Thread(target=self.work,
                                        args=(scratch, log))
                       for _ in range(self.asked.jobs)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()

    def table(self):
        """A line for each; how many are as they should be."""
        good = 0
        for name, r in sorted(self.results.items()):
            good += r["caught"] != self.asked.sound and "broken" not in r
            print(f"{name:36} {r.get('cpu', 0):6.1f}  "
                  f"{r.get('by') or '-'}\n    {r.get('accused') or '-'}")
        return good


def main():
    asks = argparse.ArgumentParser(
        description="Hunt the planted defects of tests/crash/mutants.")
    asks.add_argument("--jobs", type=int, default=os.cpu_count())
    asks.add_argument("--out", type=pathlib.Path,
                      help="results, a line of JSON each; go on with them")
    asks.add_argument("--built", help="a folder of built mutants")
    asks.add_argument("--log", default=os.devnull)
    asks.add_argument("--sound", action="store_true",
                      help="hunt where there is no defect")
    asks.add_argument("--one", help=argparse.SUPPRESS)
    asks.add_argument("name", nargs="*", help="these alone")
    asked = asks.parse_args()
    if asked.one:
        return one(asked.one, asked.name)
    wanted = [Prey(m.name, (*m.hunt, *QUICK), m.path)
              for m in mutants.all_mutants()
              if not asked.name or m.name in asked.name]
    if asked.name and len(wanted) != len(set(asked.name)):
        asks.error("there is no mutant of some of these names")
    if asked.sound:
        wanted = [Prey(spec, (spec,), None)
                  for spec in sorted({s for m in wanted for s in m.hunt})]
    hunts = Hunts(wanted, asked)
    hunts.run()
    good = hunts.table()
    print(f"{'accused of nothing' if asked.sound else 'caught'} "
          f"{good} of {len(wanted)}")
    return 0 if good == len(wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
