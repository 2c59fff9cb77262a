"""The strict model of a power cut: record what an instance does, tell every
state that the disk may be in after it, recover each and check the promises.

python3 tests/crash/strict.py [--seed N] [--states N] [--jobs N] [--split]
"""
import argparse
import collections
import multiprocessing
import os
import pathlib
import pickle
import queue as queues
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

from disk import Disk, call, enter_namespace
from host import BUILT, make_template, scratch, stage_programs
from judge import Judge, Plan
from recording import Mix, Recorder, record
from station import Builder, Station

DISK = "ext4-ordered"
MIXES = 1000    # of a seed
MOST = 1500     # states of one mix that are recovered
AFRESH = 250    # states after which the helpers are started anew
ENOUGH = 20     # wrong lines after which a mix is given up
PR_SET_PDEATHSIG = 1
KEPT = "wrong.pickle"
BOXES = 3       # workers for each job, since a recovery mostly waits


def play(seed, base, template, programs):
    """Record a mix on a disk of its own."""
    disk = Disk(base, DISK, template)
    try:
        disk.fresh()
        host = Recorder(disk, base, programs)
        try:
            return record(host, Mix(seed), str(base / "record"))
        finally:
            host.kill()
            host.close()
    finally:
        disk.close()


def recover(recording, seed, base, template, programs, most=None,
            count=lambda n: None, enough=ENOUGH, only=None,
            stop=lambda: False, afresh=AFRESH,
            outcome=lambda key, files: None, **how):
    """Recover a recording's states, or most of them chosen at random, until
    enough is wrong or stop(); (figures, wrong).  The caller is HOME's owner.
    What was wrong is kept in base; only: those states and no others; afresh:
    after how many the helpers are started anew; outcome hears what lay in the
    Maildirs after each."""
    plan = Plan(recording, seed, **how)
    keys = [key for key in plan.states
            if only is None or plan.model.told(key) in only]
    random.Random(f"order {seed}").shuffle(keys)
    station = Station(base, template, programs)
    try:
        builder = Builder(station, plan.model, seed)
        builder.links, builder.unlinked = plan.links, plan.unlinked
        judge = Judge(plan, builder, seed)
        judge.figures.update({
            "mixes": 1, "legal": len(keys),
            "mixes in full": int(most is None or len(keys) <= most),
            "points told in full": plan.model.exhaustive,
            "points told in part": plan.model.systematic})
        for i, key in enumerate(keys[:most]):
            if i % afresh == afresh - 1:
                station.warm()
            outcome(key, judge.check(key))
            count(1)
            if len(judge.wrong) >= enough or stop():
                break
        judge.figures["files used again"] = plan.again
        judge.figures["journals of strangers"] = builder.twice_used
        if judge.bad and "thinner" not in how:
            (base / KEPT).write_bytes(pickle.dumps(
                (recording, seed, {plan.model.told(key) for key in judge.bad},
                 how)))
        return judge.figures, judge.wrong
    finally:
        station.close()


def recover_as_owner(recording, seed, base, field, most, **how):
    """As recover; the caller is root, and is HOME's owner from then on."""
    owner = (field.template / "home").stat()
    place = base / "station"
    place.mkdir()
    os.chown(place, owner.st_uid, owner.st_gid)
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    os.umask(0o022)
    call("prctl", PR_SET_PDEATHSIG, signal.SIGTERM)  # lost by setuid
    return recover(recording, seed, place, field.template, field.programs,
                   most, **how)


def unit(seed, base, field, most, queue, stop, how):
    """A process: one mix, recorded and recovered; its results go to queue."""
    result = (seed, {}, [f"mix {seed}: broken"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    call("prctl", PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        enter_namespace()
        recording = play(seed, base, field.template, field.programs)
        figures, wrong = recover_as_owner(
            recording, seed, base, field, most, count=queue.put,
            stop=stop.is_set, **how)
        result = (seed, dict(figures), wrong)
    except BaseException:
        result = (seed, {}, [f"mix {seed}: broken: "
                             + traceback.format_exc()])
    finally:
        queue.put(result)
        queue.close()
        queue.join_thread()


def in_child(work):
    """What work() returns, in a process of its own."""
    queue = multiprocessing.Queue()

    def run_it():
        try:
            queue.put((work(), None))
        except BaseException:
            queue.put((None, traceback.format_exc()))

    child = multiprocessing.Process(target=run_it)
    child.start()
    result, trouble = queue.get()
    child.join()
    assert trouble is None, trouble
    return result


def once(field, seed, most, recorded, thinner=None, enough=ENOUGH):
    """One mix, for the tests: (figures, wrong).  recorded keeps what was
    recorded before; thinner as in Plan."""
    def prepared(name):
        base = field.base / name
        base.mkdir()
        base.chmod(0o755)
        return base

    def recorded_now():
        enter_namespace()
        return play(seed, base, field.template, field.programs)

    base = prepared(f"once.{seed}")
    try:
        if seed not in recorded:
            recorded[seed] = in_child(recorded_now)
        return in_child(lambda: recover_as_owner(
            recorded[seed], seed, base, field, most, thinner=thinner,
            enough=enough))
    finally:
        shutil.rmtree(base)


class Field:
    """The template and the programs that units share."""

    def __init__(self):
        self.base = scratch()
        self.template = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-strict.", dir="/var/tmp"))
        self.template.chmod(0o755)
        self.programs = stage_programs(self.base, BUILT)
        make_template(self.template, self.programs, BUILT)

    def close(self):
        for folder in (self.base, self.template):
            shutil.rmtree(folder, ignore_errors=True)


class Crew:
    """Units under way."""

    def __init__(self, field, most, keep, how):
        self.field, self.most, self.keep, self.how = field, most, keep, how
        self.queue, self.stop = multiprocessing.Queue(), multiprocessing.Event()
        self.working = {}

    def begin(self, seed):
        base = self.field.base / f"mix.{seed}"
        base.mkdir()
        base.chmod(0o755)
        process = multiprocessing.Process(target=unit, args=(
            seed, base, self.field, self.most, self.queue, self.stop,
            self.how))
        process.start()
        self.working[seed] = process

    def hear(self):
        """The next word of one of them, or None after a while."""
        try:
            return self.queue.get(timeout=5)
        except queues.Empty:
            pass
        for seed, process in self.working.items():
            if not process.is_alive() and self.queue.empty():
                return seed, {}, [f"mix {seed}: broken: {process.exitcode}"]
        return None

    def end(self, seed):
        self.working.pop(seed).join()
        kept = self.field.base / f"mix.{seed}/station" / KEPT
        if self.keep and kept.exists():
            shutil.move(kept, pathlib.Path(self.keep) / f"mix.{seed}.pickle")
        shutil.rmtree(self.field.base / f"mix.{seed}", ignore_errors=True)

    def close(self):
        for seed, process in list(self.working.items()):
            process.terminate()
            self.end(seed)


def run(seed, wanted, jobs=2, report=lambda done: None, most=MOST,
        done=(), finished=lambda seed, figures, wrong: None, keep=None,
        **how):
    """Recover wanted states of mixes that the seed chooses, of which no two
    seeds have one in common; (figures, wrong).

    report(n) hears how many are done; finished(mix, figures, wrong) each
    finished mix, which may be passed over in another run as done[mix] =
    (figures, wrong).  most: states of one mix.  keep: a folder for recordings
    in which something is wrong, which again takes.  how: as Plan takes it."""
    figures, wrong = collections.Counter(), []
    past = dict(done)
    for one, bad in past.values():
        figures.update(one)
        wrong += bad
    field = Field()
    crew = Crew(field, most, keep, how)
    count, following = figures["states"], seed * MIXES
    try:
        while crew.working or figures["states"] < wanted and not wrong:
            while (len(crew.working) < jobs * BOXES and count < wanted
                   and not wrong):
                while following in past:
                    following += 1
                crew.begin(following)
                following += 1
            if not crew.working:
                break
            told = crew.hear()
            if told is None:
                continue
            if isinstance(told, int):
                count += told
                report(count)
                if count >= wanted:
                    crew.stop.set()
                continue
            mix, one, bad = told
            crew.end(mix)
            figures.update(one)
            wrong += bad
            finished(mix, one, bad)
        return figures, wrong
    finally:
        crew.close()
        field.close()


def again(path):
    """Recover the wrong states of a recording that was kept."""
    with open(path, "rb") as f:
        recording, seed, keys, how = pickle.load(f)
    field = Field()
    base = field.base / "again"
    try:
        base.mkdir()
        base.chmod(0o755)
        return in_child(lambda: recover_as_owner(
            recording, seed, base, field, None, only=keys, **how))
    finally:
        field.close()


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--states", type=int, default=2000)
    p.add_argument("--jobs", type=int, default=os.cpu_count())
    p.add_argument("--most", type=int, default=MOST,
                   help="states of one mix, some of them where it has more")
    p.add_argument("--split", action="store_true",
                   help="a rename across folders may be half done")
    p.add_argument("--keep", metavar="FOLDER",
                   help="where recordings go in which something is wrong")
    p.add_argument("--again", metavar="FILE",
                   help="recover the wrong states of such a recording")
    args = p.parse_args()
    began = time.monotonic()

    def report(n):
        if n % 500 == 0:
            print(f"{n} states, {time.monotonic() - began:.0f} s", flush=True)

    if args.again:
        figures, wrong = again(args.again)
    else:
        figures, wrong = run(args.seed, args.states, args.jobs, report,
                             args.most, keep=args.keep, split=args.split)
    for line in wrong:
        print(line)
    print(f"{time.monotonic() - began:.0f} s", dict(figures))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
