"""The scoreboard: every part of the crash tests, until each figure is reached.

    python3 tests/crash/board.py             all of it (make crash)
    python3 tests/crash/board.py cut kill    these parts
    ... --seed N --jobs N --scale 0.01       other numbers; a part of each goal
    ... --fresh                              forget what was done before

Work is divided into tasks, each a part with a seed.  What a finished task found
is kept in build/crash/results, so that a run that was stopped goes on where it
was; programs that have changed begin anew.  Ends with 1 when a figure is
missed.
"""
import argparse
import collections
import hashlib
import json
import multiprocessing
import os
import pathlib
import signal
import sys
import time
import traceback

import host
import parts

FOLDER = host.TOP / "build/crash"
TICK = 60  # seconds between lines of progress where nobody looks


class Results:
    """What finished tasks found, in a file of one line each."""

    def __init__(self, fresh, seed):
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.path = FOLDER / "results"
        self.first = {"programs": fingerprint(), "seed": seed}
        self.done = {}
        if not fresh and self.path.exists():
            self.load()
        if not self.done:
            self.path.write_text(json.dumps(self.first) + "\n")

    def load(self):
        first, *lines = self.path.read_text().splitlines()
        if json.loads(first) != self.first:
            return
        for line in lines:
            try:
                one = json.loads(line)
            except ValueError:  # the last one, when we were stopped
                continue
            self.done[tuple(one["task"])] = one

    def add(self, task, result):
        one = {"task": list(task), **result}
        self.done[tuple(task)] = one
        with open(self.path, "a") as f:
            f.write(json.dumps(one) + "\n")

    def figures(self, part):
        total = collections.Counter()
        for task, one in self.done.items():
            if task[0] == part:
                total.update(one["figures"])
        return total

    def wrong(self):
        return [f"{task[0]}: {line}" for task, one in self.done.items()
                for line in one["wrong"]]


def fingerprint():
    """Of the programs that are tested, and of what tests them."""
    digest = hashlib.sha256()
    here = pathlib.Path(__file__).parent
    files = [*host.BUILT.iterdir(), *here.glob("*.py"),
             *here.glob("faultrun/*.c"), *here.glob("mutants/*.patch")]
    for file in sorted(files):
        if file.name != "test_points.py":
            digest.update(file.read_bytes())
    return digest.hexdigest()


class Progress:
    """One line, rewritten where somebody looks."""

    def __init__(self):
        self.begun = self.said = time.monotonic()
        self.looks = sys.stderr.isatty()

    def say(self, text, now=False):
        elapsed = time.monotonic() - self.begun
        line = f"{int(elapsed) // 60:3d}:{int(elapsed) % 60:02d}  {text}"
        if self.looks:
            print(f"\r\033[K{line[:79]}", end="", file=sys.stderr, flush=True)
        elif now or time.monotonic() - self.said > TICK:
            self.said = time.monotonic()
            print(line, file=sys.stderr, flush=True)

    def end(self):
        if self.looks:
            print(file=sys.stderr)


def work(inbox, outbox):
    """A worker: one bench, task after task; SIGTERM ends it tidily."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    crew = parts.Crew(FOLDER)
    try:
        for task in iter(inbox.get, None):
            try:
                outbox.put((task, crew.do(task)))
            except Exception:  # it has no other way to be seen
                outbox.put((task, {
                    "figures": {"broken": 1},
                    "wrong": [f"{task}: {traceback.format_exc()}"]}))
                crew.close()
    finally:
        crew.close()


class Workers:
    """Processes that take tasks from one queue."""

    def __init__(self, count):
        self.inbox = multiprocessing.Queue()
        self.outbox = multiprocessing.Queue()
        self.all = [multiprocessing.Process(
            target=work, args=(self.inbox, self.outbox)) for _ in range(count)]
        for one in self.all:
            one.start()

    def close(self, now=False):
        """Let them end; now: whatever they do."""
        for one in self.all:
            if now:
                one.terminate()
            else:
                self.inbox.put(None)
        for one in self.all:
            one.join()


def run_part(part, goal, results, jobs, progress, seed):
    """Give out tasks until the part's figure is reached."""
    workers = Workers(1 if part.alone else jobs)
    tasks, under_way, done = part.tasks(seed), 0, False
    try:
        while True:
            figures = results.figures(part.name)
            more = figures["points"] < goal
            while more and under_way < (1 if part.alone else jobs):
                task = next((t for t in tasks if t not in results.done), None)
                if task is None:
                    break
                workers.inbox.put(task)
                under_way += 1
            if under_way == 0:
                done = True
                return
            task, result = workers.outbox.get()
            under_way -= 1
            results.add(task, result)
            figures = results.figures(part.name)
            wrong = sum(len(one["wrong"]) for one in results.done.values())
            progress.say(f"{part.name} {figures['points']:,} of {goal:,}, "
                         f"{wrong} wrong")
    finally:
        workers.close(now=not done)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *parts.PARTS],
                        metavar="PART", help=", ".join(parts.PARTS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=3 * os.cpu_count())
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--fresh", action="store_true")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("make crash cuts the power of disks that it mounts: run it as "
              "root; tests/run holds what needs none", file=sys.stderr)
        return 100
    results, progress = Results(args.fresh, args.seed), Progress()
    chosen = args.parts or list(parts.PARTS)
    if results.done:
        progress.say(f"going on after {len(results.done)} tasks", True)
    try:
        for name in chosen:
            part = parts.PARTS[name]
            progress.say(f"{name}: {part.what}", True)
            run_part(part, max(1, int(part.goal * args.scale)), results,
                     args.jobs, progress, args.seed)
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here",
              file=sys.stderr)
        return 130
    finally:
        progress.end()
    text, good = parts.scoreboard(results, chosen, args.scale)
    print(text)
    (FOLDER / "scoreboard").write_text(text + "\n")
    (FOLDER / "wrong").write_text("\n\n".join(results.wrong()))
    if results.wrong():
        print(f"what went wrong: {FOLDER / 'wrong'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
