"""culver-send against the promises of doc/INTERNALS 3 to 6."""
import os
import re
import signal
import struct
import time

import pytest
from sendbed import BIN, Bed, REPEAT, line, wait_for

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
        b.close()


def test_log_lines_are_qmail_sends(bed):
    b = bed().start()
    ino = b.queue(["ann@example.org"], sender="a b%@x.example")
    b.gone(ino)
    wait_for(lambda: "end msg %d" % ino in b.lines())
    qmail = [x for x in b.lines() if not x.startswith("send: ")]
    assert qmail == [
        "status: local 0/10 remote 0/20",
        "new msg %d" % ino,
        "info msg %d: bytes 18 from <a_b_@x.example> qp 4321 uid 1000" % ino,
        "starting delivery 1: msg %d to local ann@example.org" % ino,
        "status: local 1/10 remote 0/20",
        "delivery 1: success: did_1+0+0/",
        "status: local 0/10 remote 0/20",
        "end msg %d" % ino,
    ]
    assert b.stop() == 0
    assert b.lines()[-1] == "status: exiting"


def test_first_attempt_that_succeeds_never_gets_a_journal(bed):
    b = bed(plan=lambda job: None).start()
    ino = b.queue(["ann@example.org"])
    job = wait_for(lambda: b.spawner.jobs)[0]
    assert (job.ino, job.token, job.flags, job.number) == (ino, b.token, 0, 0)
    assert (job.sender, job.recipient) == ("s@example.net", "ann@example.org")
    made = os.listdir(b.path("info", ino).parent)
    b.spawner.answer(job, "K")
    b.gone(ino)
    assert made == []


def test_failure_is_bounced_before_the_message_goes(bed):
    b = bed(plan=lambda j: "K" if j.number == 0 else ("D", "no such\n"))
    b.start()
    ino = b.queue(["ann@example.org", "bob@example.org"])
    b.gone(ino)
    assert [a[0] for a in b.bounce.asked] == [ino]
    at_question = b.bounce.asked[0][1]
    assert " fail r=1 a=1 " in at_question
    assert "no\\x20such\\x0a" in at_question
    wait_for(lambda: "end msg %d" % ino in b.lines())
    assert "bounce msg %d qp 77" % ino in b.lines()


def test_bounce_that_cannot_be_made_keeps_the_message(bed):
    b = bed(plan=lambda j: ("D", "no\n"))
    b.bounce.answers = [("Z", b"disk full")]
    b.start()
    ino = b.queue(["ann@example.org"])
    wait_for(lambda: any("trouble injecting bounce" in x for x in b.lines()))
    assert b.path("mess", ino).exists()
    b.gone(ino)
    assert len(b.bounce.asked) == 2


@pytest.mark.parametrize("text", ["triple bounce: discarding bounce/",
                                  "double bounce: discarding bounce/"])
def test_unwanted_bounces_are_discarded_by_name(bed, text):
    b = bed(plan=lambda j: ("D", "no\n"))
    b.bounce.answers = [("N", text.encode())]
    b.start()
    ino = b.queue(["ann@example.org"], sender="#@[]")
    b.gone(ino)
    wait_for(lambda: text + str(ino) in b.lines())


def test_deferral_waits_and_sigalrm_tries_now(bed):
    answers = ["Z", "K"]
    b = bed(plan=lambda j: (answers.pop(0), "later\n")).start()
    ino = b.queue(["ann@example.org"])
    wait_for(lambda: b.events(ino) == ["defer"])
    assert len(b.spawner.jobs) == 1
    b.kill(signal.SIGALRM)
    b.gone(ino)
    assert [j.flags for j in b.spawner.jobs] == [0, REPEAT]


@pytest.mark.parametrize("age,ends", [(0, ["defer"]), (
    4 * 86400, ["defer", "ok", "done"])])
def test_only_the_old_leave_a_journal_that_says_done(bed, age, ends):
    """After half their lifetime (7 days): if they came back the next failure
    might be the last."""
    answers = ["Z", "K"]
    b = bed(plan=lambda j: (answers.pop(0), "later\n")).start()
    ino = b.queue(["ann@example.org"], age=age)
    wait_for(lambda: b.events(ino) == ["defer"])
    os.link(b.path("info", ino), b.home / "kept")
    b.kill(signal.SIGALRM)
    b.gone(ino)
    lines = (b.home / "kept").read_text().splitlines()[1:]
    assert [line.split()[1] for line in lines] == ends


def test_restart_goes_on_where_the_journal_ends(bed):
    plan = {0: "K", 1: ("Z", "later\n"), 2: None}
    b = bed(plan=lambda j: plan[j.number]).start()
    ino = b.queue(["r%d@example.org" % i for i in range(3)])
    wait_for(lambda: sorted(b.events(ino)) == ["defer", "ok"])
    b.stop(signal.SIGKILL)
    b.spawner.jobs.clear()
    plan[2] = "K"
    b.start()
    wait_for(lambda: sorted(b.events(ino)) == ["defer", "ok", "ok"])
    assert [(j.number, j.flags) for j in b.spawner.jobs] == [(2, REPEAT)]
    plan[1] = "K"
    b.kill(signal.SIGALRM)
    b.gone(ino)
    assert [j.number for j in b.spawner.jobs] == [2, 1]


def test_stamp_from_a_wrong_clock_is_due_now(bed):
    b = bed()
    ino = b.queue(["ann@example.org"], hint=False)
    far = int(time.time()) + 400 * 86400
    b.path("info", ino).write_text(
        line("culver-journal 1 %d %s" % (ino, b.token.hex())) +
        line("%d.000000 defer r=0 a=3 next=%d.000000" % (far, far)))
    os.utime(b.path("info", ino), (far, far))
    b.start()
    b.gone(ino)


def test_listing_finds_what_no_hint_told(bed):
    b = bed()
    inos = [b.queue(["r@example.org"], hint=False) for _ in range(50)]
    b.start()
    for ino in inos:
        b.gone(ino)
    assert {j.flags for j in b.spawner.jobs} == {REPEAT}


def test_rescan_lists_again(bed):
    b = bed().start()
    wait_for(lambda: b.queue(["x@example.org"]))
    wait_for(lambda: b.spawner.jobs)
    ino = b.queue(["r@example.org"], hint=False)
    (b.home / "queue/rescan").touch()
    b.gone(ino)
    assert not (b.home / "queue/rescan").exists()


def test_early_hint_counts_as_a_repeat(bed):
    b = bed()
    # Somebody keeps the fifo open while nobody reads it.
    keep = os.open(b.home / "queue/hint", os.O_RDWR | os.O_NONBLOCK)
    ino = b.queue(["r@example.org"])
    b.start()
    b.gone(ino)
    os.close(keep)
    assert [j.flags for j in b.spawner.jobs] == [REPEAT]


def test_hint_of_nothing_is_ignored(bed):
    b = bed().start()
    b.hint(123456789, bytes(16))
    ino = b.queue(["r@example.org"])
    b.gone(ino)
    assert len(b.spawner.jobs) == 1


def test_malformed_hint_leads_to_a_listing(bed):
    b = bed().start()
    ino = b.queue(["r@example.org"], hint=False)
    fd = os.open(b.home / "queue/hint", os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, b"x" * 54)
    os.close(fd)
    b.gone(ino)


def test_stale_journal_does_not_speak_for_a_new_message(bed):
    b = bed()
    ino = b.queue(["r@example.org"], hint=False)
    b.path("info", ino).write_text(
        line("culver-journal 1 %d %s" % (ino, "00" * 16)) +
        line("1.000000 ok r=0 a=1"))
    b.start()
    b.gone(ino)
    assert len(b.spawner.jobs) == 1


@pytest.mark.parametrize("tail", ["", "1.000000 ok r=0 a=1 #0000",
                                  "1.000000 ok r=0 a=1 #00000000\n"])
def test_line_that_never_became_whole_was_never_acted_on(bed, tail):
    b = bed(plan=lambda j: None)
    ino = b.queue(["r@example.org", "q@example.org"], hint=False)
    good = line("culver-journal 1 %d %s" % (ino, b.token.hex())) + \
        line("1.000000 ok r=1 a=1")
    b.path("info", ino).write_text(good + tail)
    b.start()
    wait_for(lambda: b.spawner.jobs)
    b.spawner.answer(b.spawner.jobs[0], ("Z", "later\n"))
    wait_for(lambda: b.events(ino) == ["ok", "defer"])
    assert b.journal(ino).startswith(good)
    assert [j.number for j in b.spawner.jobs] == [0]


def test_done_means_finish_removing(bed):
    b = bed()
    ino = b.queue(["r@example.org"], hint=False)
    b.path("info", ino).write_text(
        line("culver-journal 1 %d %s" % (ino, b.token.hex())) +
        line("1.000000 done"))
    b.start()
    b.gone(ino)
    assert b.spawner.jobs == []


def test_journal_without_a_message_is_removed(bed):
    b = bed()
    b.path("info", 4242).write_text("anything")
    b.start()
    b.gone(4242)


def test_lost_spawner_means_the_same_jobs_again(bed):
    b = bed(plan=lambda j: None).start()
    ino = b.queue(["r@example.org"])
    wait_for(lambda: b.spawner.jobs)
    b.spawner.plan = lambda j: "K"
    b.spawner.hang_up()
    b.gone(ino)
    assert [j.flags for j in b.spawner.jobs] == [0, REPEAT]


def test_message_that_only_waited_for_a_slot_is_no_repeat(bed):
    b = bed(plan=lambda j: None)
    b.control("concurrencylocal", "1")
    b.control("concurrencyremote", "1")
    b.start()
    inos = [b.queue(["r@example.org"]) for _ in range(60)]
    # All of them were read, and most of them let go of, before the first ends.
    wait_for(lambda: b.lines_text().count("info msg ") == 60)
    b.spawner.plan = lambda j: "K"
    b.spawner.answer(b.spawner.jobs[0], "K")
    for ino in inos:
        b.gone(ino)
    assert {j.flags for j in b.spawner.jobs} == {0}


def test_two_crashes_hold_a_message_and_the_rest_goes_on(bed):
    b = bed(plan=lambda j: ("signal", signal.SIGSEGV)
            if j.recipient.startswith("bad") else "K").start()
    bad = b.queue(["bad@example.org"])
    wait_for(lambda: b.events(bad) == ["hold"])
    good = b.queue(["good@example.org"])
    b.gone(good)
    assert len([j for j in b.spawner.jobs if j.ino == bad]) == 2
    assert any(x.startswith("send: held ino=%d " % bad) for x in b.lines())
    b.stop()
    b.spawner.jobs.clear()
    b.start()
    b.gone(b.queue(["good@example.org"]))
    assert [j.recipient for j in b.spawner.jobs] == ["good@example.org"]
    assert b.path("mess", bad).exists()


def test_five_kills_hold_a_message(bed):
    b = bed(plan=lambda j: ("signal", signal.SIGKILL)).start()
    ino = b.queue(["r@example.org"])
    wait_for(lambda: b.events(ino) == ["hold"])
    assert len(b.spawner.jobs) == 5


def leave_in_hand(b, ino, killed_by):
    """queue/trying as a culver-send leaves it that died with ino in hand."""
    with open(b.home / "queue/trying", "r+b") as f:
        f.seek(16)
        f.write(struct.pack("=Q16sII", ino, bytes(16), killed_by, 0))


@pytest.mark.parametrize("killed_by, times", [(signal.SIGSEGV, 2), (0, 5)])
def test_message_that_kills_culver_send_is_held(bed, killed_by, times):
    # An attempt that ends well clears it: this one's does not end.
    b = bed(plan=lambda j: None if j.recipient.startswith("bad") else "K")
    ino = b.queue(["bad@example.org"], hint=False)
    b.start()
    for i in range(times):
        assert not any(x.startswith("send: held") for x in b.lines())
        b.stop(signal.SIGKILL)
        leave_in_hand(b, ino, killed_by)
        b.start()
    assert any(x.startswith("send: held ino=%d " % ino) for x in b.lines())
    b.gone(b.queue(["good@example.org"]))
    assert b.path("mess", ino).exists()


@pytest.mark.parametrize("at", [0, 30, 100, 440, -1])
def test_damaged_message_is_held_and_kept(bed, at):
    b = bed()
    ino = b.queue(["r@example.org"], hint=False)
    data = bytearray(b.path("mess", ino).read_bytes())
    data[at] ^= 1
    b.path("mess", ino).write_bytes(data)
    b.start()
    wait_for(lambda: any(x.startswith("send: held ino=%d " % ino)
                         for x in b.lines()))
    assert b.spawner.jobs == []
    assert b.path("mess", ino).read_bytes() == data


def test_damaged_body_is_held_when_the_worker_says_so(bed):
    b = bed(plan=lambda j: ("H", "crc32 differs\n")).start()
    ino = b.queue(["r@example.org"])
    wait_for(lambda: b.events(ino) == ["hold"])
    assert b.path("mess", ino).exists()


def test_a_message_to_many_has_all_slots_but_those_kept_for_others(bed):
    b = bed(plan=lambda j: None if j.sender == "s@example.net" else "K").start()
    b.queue(["r%d@example.org" % i for i in range(50)])
    wait_for(lambda: len(b.spawner.jobs) == 8)
    b.gone(b.queue(["ann@example.org"], sender="t@example.com"))
    assert len(b.spawner.jobs) == 9


def test_old_message_is_given_up_after_its_second_attempt(bed):
    b = bed(plan=lambda j: ("Z", "later\n")).start()
    ino = b.queue(["r@example.org"], age=8 * 86400)
    wait_for(lambda: b.events(ino) == ["defer"])
    b.kill(signal.SIGALRM)
    b.gone(ino)
    assert "in\\x20the\\x20queue\\x20too\\x20long" in b.bounce.asked[0][1]


def test_a_bounce_is_given_up_earlier_where_bouncelifetime_says_so(bed):
    b = bed(plan=lambda j: ("Z", "later\n"))
    b.control("bouncelifetime", "86400")
    b.start()
    ordinary, bounce = [b.queue(["r@example.org"], sender=sender,
                                age=2 * 86400) for sender in ("a@b.c", "")]
    wait_for(lambda: b.events(ordinary) == b.events(bounce) == ["defer"])
    b.kill(signal.SIGALRM)
    b.gone(bounce)
    wait_for(lambda: b.events(ordinary) == ["defer", "defer"])


def test_retryschedule_says_when_the_next_attempts_are(bed):
    b = bed(plan=lambda j: ("Z", "later\n"))
    b.control("retryschedule", "1h 1d")
    b.start()
    ino = b.queue(["r@example.org"])
    for pause, events in (3600, 1), (86400, 2), (86400, 3):
        wait_for(lambda n=events: b.events(ino) == ["defer"] * n)
        last = b.path("info", ino).read_text().splitlines()[-1]
        at = float(last.split()[0])
        wait = float(re.search(r" next=([0-9.]+)", last).group(1)) - at
        assert pause * 0.9 - 1 <= wait <= pause * 1.1 + 1
        b.kill(signal.SIGALRM)
    b.control("retryschedule", "1h, 1d")
    b.kill(signal.SIGHUP)
    wait_for(lambda: any("control/retryschedule:1: no list of times" in
                         x.replace("\\x20", " ") for x in b.lines()))


def test_malformed_control_keeps_mail_waiting_until_it_is_mended(bed):
    b = bed()
    b.control("concurrencylocal", "ten")
    b.start()
    ino = b.queue(["r@example.org"])
    wait_for(lambda: any("control/concurrencylocal:1" in x
                         for x in b.lines()))
    assert b.spawner.jobs == []
    b.control("concurrencylocal", "3")
    b.kill(signal.SIGHUP)
    b.gone(ino)
    assert any("status: local 1/3 " in x for x in b.lines())


def test_virtualdomains_and_locals_are_reread_on_sighup(bed):
    b = bed().start()
    b.control("virtualdomains", "virtual.example:bob")
    b.control("locals", "other.example")
    b.kill(signal.SIGHUP)
    wait_for(lambda: len([x for x in b.lines()
                          if x.startswith("status")]) >= 2)
    b.gone(b.queue(["x@virtual.example"]))
    b.gone(b.queue(["y@other.example"]))
    assert [j.recipient for j in b.spawner.jobs] == [
        "bob-x@virtual.example", "y@other.example"]


def test_sigterm_lets_what_flies_end(bed):
    b = bed(plan=lambda j: None).start()
    ino = b.queue(["r@example.org"])
    job = wait_for(lambda: b.spawner.jobs)[0]
    b.kill(signal.SIGTERM)
    wait_for(lambda: any(x.endswith(" exitasap") for x in b.lines()))
    b.queue(["later@example.org"], hint=False)
    b.spawner.answer(job, "K")
    assert b.process.wait(20) == 0
    assert not b.path("mess", ino).exists()
    assert len(b.spawner.jobs) == 1


def test_concurrency_is_a_limit(bed):
    b = bed(plan=lambda j: None)
    b.control("concurrencylocal", "3")
    b.start()
    ino = b.queue(["r%d@example.org" % i for i in range(10)])
    wait_for(lambda: len(b.spawner.jobs) == 3)
    done = 0
    while done < 10:
        wait_for(lambda: len(b.spawner.jobs) == min(10, done + 3))
        b.spawner.answer(b.spawner.jobs[done], "K")
        done += 1
    b.gone(ino)
    assert [j.number for j in b.spawner.jobs] == list(range(10))


def test_many_recipients_are_streamed(bed):
    b = bed().start()
    ino = b.queue(["recipient%06d@example.org" % i for i in range(20000)])
    wait_for(lambda: len(b.spawner.jobs) == 20000, 60)
    b.gone(ino)
    assert sorted(j.number for j in b.spawner.jobs) == list(range(20000))


def test_only_one_runs(bed):
    b = bed().start()
    first = b.process
    b.start(check=False)
    assert b.process.wait(20) == 111
    b.process = first
    assert "another culver-send runs" in b.lines_text()


def test_message_without_recipients_is_finished(bed):
    b = bed().start()
    ino = b.queue([])
    b.gone(ino)
    assert b.spawner.jobs == []


def test_what_a_dead_writer_left_in_tmp_goes_after_36_hours(bed):
    b = bed()
    tmp = b.home / "queue/mess/tmp"
    tmp.mkdir()
    for name, hours in (("old", 37), ("young", 35)):
        (tmp / name).touch()
        then = time.time() - hours * 3600
        os.utime(tmp / name, (then, then))
    b.start()
    assert os.listdir(tmp) == ["young"]
