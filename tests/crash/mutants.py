#!/usr/bin/python3
"""Planted defects: patches that break a promise, and trees built with them.

A defect is tests/crash/mutants/NAME.patch.  It begins with lines of comment:

    # breaks: P1 P2            the promises of DESIGN 4 that it breaks
    # caught-by: strict kill   the parts of the harness that ought to see it
    # hunt: crash local/fsync  where to look first, see hunt.py; several lines
    # what is wrong, what is lost by it, and why nobody notices without a fault

and goes on with a unified diff against the tree.  Every one builds, and
everything works with it as long as nothing fails and nothing dies.

    mutants.py               a list of them
    mutants.py --build       build each, or those that are named behind it
"""
import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
FOLDER = TOP / "tests" / "crash" / "mutants"
PROMISES = tuple(f"P{n}" for n in range(1, 10))
PARTS = ("powercut", "strict", "kill", "error", "double", "clock", "ledger",
         "check-repair")
LEAST = 20    # defects that there must be
CHANGED = 10  # lines that one may add, and that it may remove
# What a build does not read, and what no build may take with it.
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".ci", "tests", "log", "build-*", "__pycache__", ".pytest_cache")


class MutantError(Exception):
    """A patch with a bad header, that does not apply or does not build."""


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One defect.  files: the paths that its diff changes."""
    name: str
    breaks: tuple
    caught_by: tuple
    hunt: tuple
    text: str
    files: tuple
    added: int
    removed: int
    path: pathlib.Path


def words_of(name, key, line, known):
    """The words behind "# KEY:", each of them one that is known."""
    match = re.fullmatch(rf"# {key}: (.+)", line)
    words = tuple(match[1].split()) if match else ()
    if not words or not set(words) <= set(known):
        raise MutantError(f'{name}: "# {key}: WORD ..." is wanted, of '
                          f"{' '.join(known)}, not: {line}")
    return words


def parse(path):
    """The mutant in this file."""
    name = path.stem
    head, mark, diff = path.read_text().partition("\n--- a/")
    lines = head.split("\n") + ["", ""]
    breaks = words_of(name, "breaks", lines[0], PROMISES)
    caught_by = words_of(name, "caught-by", lines[1], PARTS)
    rest = lines[2:-2]
    hunt = tuple(line[8:] for line in rest if line.startswith("# hunt: "))
    rest = rest[len(hunt):]
    text = " ".join(line[2:] for line in rest)
    if not mark or not text or not all(
            line.startswith("# ") and line[:7] != "# hunt:"
            for line in rest):
        raise MutantError(f"{name}: a text in comment and a diff are wanted")
    diff = "--- a/" + diff
    files = re.findall(r"^--- a/(\S+)\n\+\+\+ b/\1$", diff, re.M)
    if len(files) != len(re.findall(r"^(?:---|\+\+\+) ", diff, re.M)) / 2:
        raise MutantError(f"{name}: a diff of a/FILE and b/FILE is wanted")
    return Mutant(name, breaks, caught_by, hunt, text, tuple(files),
                  len(re.findall(r"^\+(?!\+\+ )", diff, re.M)),
                  len(re.findall(r"^-(?!-- )", diff, re.M)), path)


def all_mutants():
    """Every defect, by name."""
    return [parse(path) for path in sorted(FOLDER.glob("*.patch"))]


def run(what, *argv, **more):
    """Run a command; MutantError with the end of what it said."""
    # No make above us has a say in how the copies are built.
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(argv, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          **more)
    if done.returncode != 0:
        raise MutantError(f"{what}:\n{done.stdout[-4000:]}")


def apply(mutant, tree, *options):
    """Patch this tree; as it is, or nothing."""
    run(f"{mutant.name} does not apply", "patch", "-d", str(tree), "-p1",
        "--fuzz=0", "-s", "-f", "-i", str(mutant.path), *options)


bases = {}
bases_lock = threading.Lock()


def base(scratch, jobs):
    """A copy of this tree below scratch with all of its programs up to date,
    made once for each scratch folder in the life of this process.

    Whatever the tree was built with, and whether it was, the copy is built
    with make's own settings, and its copies find nothing to do but what a
    patch changes: make goes by times, which copying keeps, and every path in
    the Makefile is relative.
    """
    scratch = pathlib.Path(scratch).resolve()
    with bases_lock:
        if scratch not in bases:
            tree = scratch / "base"
            shutil.rmtree(tree, ignore_errors=True)
            copy_tree(TOP, tree)
            run("the tree does not build", "make", "-s", f"-j{jobs}", "-C",
                str(tree), "all")
            bases[scratch] = tree
        return bases[scratch]


def copy_tree(tree, to):
    """Copy what a build reads and has made, with times.  Libraries that
    tests/run has unpacked are shared."""
    unpacked = tree / "build" / "deps"

    def left_out(folder, names):
        more = {"deps"} if pathlib.Path(folder) == unpacked.parent else set()
        return set(LEFT_OUT(folder, names)) | more

    shutil.copytree(tree, to, symlinks=True, ignore=left_out)
    if unpacked.exists():
        (to / "build" / "deps").symlink_to(unpacked.resolve())


def build(mutant, scratch, jobs=2):
    """Build scratch/NAME, a copy of this tree with the defect in it; its
    folder of programs, from which culver setup works.  MutantError otherwise.
    What is there already is made anew.  Threads may build different mutants
    below one scratch folder."""
    tree = pathlib.Path(scratch).resolve() / mutant.name
    shutil.rmtree(tree, ignore_errors=True)
    copy_tree(base(scratch, jobs), tree)
    apply(mutant, tree)
    run(f"{mutant.name} does not build", "make", "-s", f"-j{jobs}", "-C",
        str(tree), "all")
    return tree / "build" / "bin"


def show(mutants):
    wide = max((len(m.name) for m in mutants), default=0)
    for m in mutants:
        print(f"{m.name:{wide}}  {' '.join(m.breaks):6}"
              f"  {' '.join(m.caught_by)}")
    print(len(mutants), "mutants")


def build_all(mutants, scratch, jobs):
    """Build each, one after the other; how many could not be."""
    failed = 0
    begun = time.monotonic()
    base(scratch, jobs)
    print(f"{time.monotonic() - begun:6.1f}s  base", flush=True)
    for m in mutants:
        begun = time.monotonic()
        try:
            build(m, scratch, jobs)
            print(f"{time.monotonic() - begun:6.1f}s  {m.name}", flush=True)
        except MutantError as error:
            failed += 1
            print(f"{error}\n        {m.name}: failed", flush=True)
        shutil.rmtree(pathlib.Path(scratch) / m.name, ignore_errors=True)
    print(len(mutants) - failed, "built,", failed, "failed")
    return failed


def main():
    asks = argparse.ArgumentParser(
        description="List the planted defects, or build the suite with each.")
    asks.add_argument("--build", action="store_true", help="build them")
    asks.add_argument("--jobs", type=int, default=os.cpu_count(),
                      help="how many compilers run side by side")
    asks.add_argument("name", nargs="*", help="these alone")
    asked = asks.parse_args()
    mutants = [m for m in all_mutants()
               if not asked.name or m.name in asked.name]
    if asked.name and len(mutants) != len(set(asked.name)):
        asks.error("there is no mutant of some of these names")
    if not asked.build:
        show(mutants)
        return 0
    with tempfile.TemporaryDirectory(prefix="culver-mutants.",
                                     dir="/var/tmp") as scratch:
        return 1 if build_all(mutants, scratch, asked.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
