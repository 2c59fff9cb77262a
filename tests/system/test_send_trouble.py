"""culver-send when what it needs fails: disks, tables, its neighbours."""
import os
import shutil
import signal
import struct
import subprocess
import time

import pytest
from sendbed import BIN, NOBODY, Bed, REPEAT, line, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-send").exists(), reason="culver-send is not built")


@pytest.fixture
def bed():
    beds = []

    def make(*args, **kwargs):
        beds.append(Bed(*args, **kwargs))
        return beds[-1]
    yield make
    for b in beds:
        for path in b.home.glob("queue/*/*"):
            path.chmod(0o755)
        b.close()


def said(b, text):
    return [x for x in b.lines() if text in x.replace("\\x20", " ")]


def shut(b, kind):
    """Nothing can be made or removed in the folders of kind."""
    for path in b.home.glob("queue/%s/*" % kind):
        path.chmod(0o555)


def reopen(b, kind):
    for path in b.home.glob("queue/%s/*" % kind):
        path.chmod(0o755)


def test_one_lost_spawner_is_one_death_however_many_deliveries_it_had(bed):
    b = bed(plan=lambda j: None).start()
    ino = b.queue(["r%d@example.org" % i for i in range(8)])
    wait_for(lambda: len(b.spawner.jobs) == 8)
    b.spawner.plan = lambda j: "K"
    b.spawner.hang_up()
    b.gone(ino)
    assert not said(b, "send: held")


def test_table_that_cannot_be_opened_keeps_mail_waiting_without_a_spin(bed):
    b = bed()
    (b.home / "users/rcpt.cdb").mkdir()
    b.start()
    ino = b.queue(["r@example.org"])
    wait_for(lambda: len(said(b, "unable to open users/rcpt.cdb")) >= 1)
    first = time.monotonic()
    wait_for(lambda: len(said(b, "unable to open users/rcpt.cdb")) >= 2)
    assert time.monotonic() - first > 1
    assert b.spawner.jobs == []
    (b.home / "users/rcpt.cdb").rmdir()
    b.gone(ino)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("strace"),
                    reason="strace of a jailed program wants root")
def test_poll_that_fails_is_not_asked_again_at_once(bed):
    """The pause was a poll, too."""
    b = bed()
    b.start()
    b.become(0)
    faults = subprocess.Popen(
        ["strace", "-qq", "-o", "/dev/null", "-p", str(b.process.pid),
         "-e", "trace=poll", "-e", "inject=poll:error=ENOMEM"])
    try:
        wait_for(lambda: len(said(b, "unable to poll")) >= 1)
        first = time.monotonic()
        wait_for(lambda: len(said(b, "unable to poll")) >= 2)
        assert time.monotonic() - first > 0.5
    finally:
        faults.terminate()
        faults.wait()
        b.become(NOBODY)
    b.gone(b.queue(["r@example.org"]))


def test_rescan_that_cannot_be_removed_does_not_stop_the_listing(bed):
    b = bed()
    (b.home / "queue/rescan/x").mkdir(parents=True)
    inos = [b.queue(["r@example.org"], hint=False) for _ in range(20)]
    b.start(check=False)
    for ino in inos:
        b.gone(ino)


def test_mail_flows_while_nobody_makes_bounces(bed):
    b = bed(plan=lambda j: "K" if j.recipient.startswith("good")
            else ("D", "no such\n"))
    os.unlink(b.home / "queue/bounce")
    b.start()
    bad = [b.queue(["bad@example.org"]) for _ in range(60)]
    wait_for(lambda: b.events(bad[29]) == ["fail"])
    b.gone(b.queue(["good@example.org"]))
    b.bounce.close()
    b.bounce = type(b.bounce)(b, b.home / "queue/bounce")
    for ino in bad:
        b.gone(ino)
    assert sorted(a[0] for a in b.bounce.asked) == sorted(bad)


def test_mail_flows_while_bounces_cannot_be_queued(bed):
    b = bed(plan=lambda j: "K" if j.recipient.startswith("good")
            else ("D", "no such\n"))
    b.bounce.answers = [("Z", b"disk full")] * 100000
    b.start()
    bad = [b.queue(["bad@example.org"]) for _ in range(60)]
    wait_for(lambda: b.events(bad[29]) == ["fail"])
    b.gone(b.queue(["good@example.org"]))
    del b.bounce.answers[:]
    for ino in bad:
        b.gone(ino)


def test_what_was_delivered_is_recorded_before_a_message_is_held(bed):
    b = bed(plan=lambda j: "K" if j.number == 0 else ("H", "damaged\n"))
    b.start()
    shut(b, "info")
    ino = b.queue(["a@example.org", "b@example.org"])
    wait_for(lambda: said(b, "unable to write the journal"))
    reopen(b, "info")
    wait_for(lambda: sorted(b.events(ino)) == ["hold", "ok"])
    wait_for(lambda: said(b, "send: held ino=%d " % ino))


def test_message_that_cannot_be_removed_is_not_delivered_again(bed):
    b = bed().start()
    ino = b.queue(["a@example.org"], hint=False)
    shut(b, "mess")
    b.hint(ino, b.token)
    wait_for(lambda: said(b, "unable to unlink queue/mess"))
    assert b.stop() == 0
    reopen(b, "mess")
    b.start()
    b.gone(ino)
    assert len(b.spawner.jobs) == 1


def test_journal_at_the_limit_of_a_file_does_not_kill(bed):
    b = bed(plan=lambda j: ("Z", "x" * 1000 + "\n")).start()
    limited(b, "20000")
    ino = b.queue(["r%d@example.org" % i for i in range(60)])
    wait_for(lambda: len(b.spawner.jobs) >= 10)
    # It lives, and hears: nothing it could not record is tried again.
    limited(b, "unlimited")
    wait_for(lambda: b.events(ino) == ["defer"] * 60)
    assert len(b.spawner.jobs) == 60
    assert b.process.poll() is None


def limited(b, size):
    b.run(["prlimit", "--pid", str(b.process.pid), "--fsize=%s:" % size])


def suspect(b, ino, token, crashes):
    """queue/trying as it is when programs have died with ino in hand."""
    with open(b.home / "queue/trying", "r+b") as f:
        f.seek(8)
        f.write(struct.pack("=I", 1))
        f.seek(48)
        f.write(struct.pack("=Q16sII", ino, token, crashes, 0))


@pytest.mark.parametrize("mine", [True, False])
def test_a_suspect_is_known_by_its_token(bed, mine):
    b = bed()
    b.start()
    b.stop()
    ino = b.queue(["r@example.org"], hint=False)
    suspect(b, ino, b.token if mine else b"another message!", 2)
    b.start()
    if mine:
        assert said(b, "send: held ino=%d " % ino)
        assert b.spawner.jobs == []
    else:
        b.gone(ino)


def test_hint_that_comes_late_does_not_hide_a_journal(bed):
    b = bed().start()
    ino = b.queue(["a@example.org", "b@example.org"], hint=False)
    b.path("info", ino).write_text(
        line("culver-journal 1 %d %s" % (ino, b.token.hex())) +
        line("1.000000 ok r=0 a=1"))
    b.hint(ino, b.token)
    b.gone(ino)
    assert [(j.number, j.flags) for j in b.spawner.jobs] == [(1, REPEAT)]


def test_journals_are_written_though_descriptors_are_few(bed):
    b = bed(plan=lambda j: ("Z", "later\n"))
    b.control("concurrencylocal", "200")
    inos = [b.queue(["r@example.org"], hint=False) for _ in range(150)]
    b.start(wrap=("prlimit", "--nofile=60:60"))
    wait_for(lambda: all(b.events(ino) == ["defer"] for ino in inos))
    assert len(b.spawner.jobs) == 150


def test_nothing_is_tried_again_before_its_deferral_is_recorded(bed):
    known = []

    def plan(job):
        known.append(b.events(job.ino))
        return "Z", "later\n"
    b = bed(plan=plan).start()
    shut(b, "info")
    b.queue(["a@example.org"])
    wait_for(lambda: said(b, "unable to write the journal"))
    b.kill(signal.SIGALRM)
    wait_for(lambda: len(said(b, "unable to write the journal")) >= 2)
    assert known == [[]]
    reopen(b, "info")
    wait_for(lambda: len(known) > 1)
    assert known == [[], ["defer"]]


def test_many_failures_go_to_the_disk_together(bed):
    """Each by itself, and the journal read anew for each, took minutes."""
    b = bed(plan=lambda j: ("D", "no such user here by that name\n"))
    b.control("concurrencylocal", "100")
    b.start()
    ino = b.queue(["r%05d@example.org" % i for i in range(20000)])
    wait_for(lambda: b.bounce.asked, 60)
    assert b.bounce.asked[0][1].count(" fail ") == 20000
    b.gone(ino)
