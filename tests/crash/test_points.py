"""A part of what make crash does, in a minute or two: each way in which
something goes wrong, at some of the calls.  Without root the power is not cut;
the rest is the same."""
import os

import pytest

import points
from tracer import FAULTRUN

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks")
pytestmark = pytest.mark.skipif(
    not FAULTRUN.exists(), reason="faultrun is not built: make harness")
DISKS = ("ext4-ordered", "ext4-writeback", "xfs")
SCENARIOS = ("queue", "remote", "pop3", "control", "users", "repair")

# What was found once, and mended: (scenario, seed, cold,
# program, calls, at, action).
FOUND = (
    # A worker that lspawn cannot hear was killed, and its mail held.
    ("queue", 2, False, "lspawn", "recvmsg", 1, "errno=ENOMEM+"),
    ("queue", 2, False, "lspawn", "recvmsg", 1, "errno=EMFILE+"),
    # One that could not be started was a crash with a message in hand.
    ("queue", 3, True, "local", "all", 6, "errno=ENOMEM+"),
    # A jail was made too narrow to work in, and nobody noticed.
    ("queue", 5, True, "queued", "newfstatat", 12, "errno=EIO"),
    # Without descriptors it asked again at once.
    ("pop3", 3, True, "authd", "accept4", 1, "errno=ENFILE+"),
    # A connection that we gave up ourselves was the death of a spawner.
    ("queue", 102, False, "send", "recvfrom", 2, "errno=ENOMEM+"),
)


@pytest.fixture(scope="module", name="bench")
def one_bench(in_a_process):
    """A bench in a process of its own, since it enters namespaces."""
    return in_a_process(points.Bench)


def check(result):
    """Nothing is accused, and enough was met that something could be."""
    assert result["wrong"] == [], "\n".join(result["wrong"])
    figures = result["figures"]
    assert figures.get("points", 0) > figures.get("missed", 0), figures


@ROOT
@pytest.mark.parametrize("disk", DISKS)
def test_mail_survives_a_power_cut_at_each_call(bench, disk):
    check(bench(points.single, disk, "queue", 4, "cut", 60))


@ROOT
@pytest.mark.parametrize("scenario", SCENARIOS[1:])
def test_the_rest_survives_a_power_cut_at_each_call(bench, scenario):
    check(bench(points.single, "xfs", scenario, 1, "cut", 40))


@pytest.mark.parametrize("action", ("kill", "killall"))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_processes_may_die_at_each_call(bench, scenario, action):
    check(bench(points.single, "folder", scenario, 2, action, 40))


@pytest.mark.parametrize("seed", (2, 3))
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_each_call_may_fail(bench, scenario, seed):
    check(bench(points.errors, "folder", scenario, seed, 30))


@ROOT
@pytest.mark.parametrize("disk", ("ext4-ordered", "xfs"))
def test_a_second_fault_may_follow_the_first(bench, disk):
    check(bench(points.doubles, disk, "queue", 1, 10))


@pytest.mark.parametrize("found", FOUND, ids=lambda f: " ".join(map(str, f)))
def test_what_was_found_once_stays_mended(bench, found):
    check(bench(points.again, "folder", *found))


def test_two_runs_with_one_seed_take_the_same_path(bench):
    first, second = (bench(points.single, "folder", "one", 1, "killall")
                     for _ in range(2))
    check(first)
    assert first["path"] == second["path"]
