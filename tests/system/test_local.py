"""culver-lspawn and culver-local: the right user's worker, once into a Maildir,
one answer to every job, whatever dies."""
import os
import re
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time

import pytest
from localbed import BIN, NOBODY, LocalBed, alive, wait_for
from sendbed import job

sys.path.append(os.path.join(os.path.dirname(__file__), "../talk"))
from talk import write_cdb  # noqa: E402

REPEAT = 1
NAME = re.compile(r"^1795229420\.q[0-9a-f]{32}r%d\.mail\.example,S=(\d+),W=(\d+)$")

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-lspawn").exists(), reason="culver-lspawn is not built")


@pytest.fixture
def bed():
    b = LocalBed()
    yield b
    b.close()


def test_delivery_is_exact_and_named_by_the_message(bed):
    bed.start().connect()
    body = b"Subject: \xff\n\n.\n..\nFrom x\r\n"
    message = bed.put(body)
    result = bed.deliver(message, "box@mail.example", number=3)
    assert (result.letter, result.text) == ("K", b"did 1+0+0\n")
    assert result.via == b"maildir %s/alias/Maildir" % bytes(bed.home)
    (file,) = bed.new()
    want = (b"Return-Path: <s@example.net>\n"
            b"Delivered-To: box@mail.example\n" + body)
    assert file.read_bytes() == want
    size, wire = NAME_of(3).match(file.name).groups()
    assert int(size) == len(want)
    assert int(wire) == len(want) + want.count(b"\n") - want.count(b"\r\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def NAME_of(number):
    return re.compile(NAME.pattern % number)


def test_again_changes_nothing_in_new_nor_in_cur(bed):
    bed.start().connect()
    message = bed.put()
    for flags in (0, 0, REPEAT):
        assert bed.deliver(message, "box@x", flags=flags).letter == "K"
    (file,) = bed.new()
    file.rename(file.parent.parent / "cur" / (file.name + ":2,S"))
    assert bed.deliver(message, "box@x", flags=REPEAT).letter == "K"
    assert bed.new() == []


def test_ten_megabytes_and_no_line_end(bed):
    bed.start().connect()
    body = b"Subject: x\n\n" + bytes(range(256)) * 40960
    assert bed.deliver(bed.put(body), "box@x").letter == "K"
    (file,) = bed.new()
    assert file.read_bytes().endswith(body)
    assert ",W=" not in file.name


def test_one_worker_for_one_user_one_message_after_the_other(bed):
    bed.start().connect()
    pids = set()
    for _ in range(20):
        assert bed.deliver(bed.put(), "box@x").letter == "K"
        pids.update(bed.workers())
    assert len(pids) == 1
    assert len(bed.new()) == 20


def test_many_at_once_each_with_one_answer(bed):
    bed.start().connect()
    jobs = {bed.send(bed.put(), "box@x") for _ in range(30)}
    results = [bed.result() for _ in jobs]
    assert {r.job for r in results} == jobs
    assert {r.letter for r in results} == {"K"}
    assert len(bed.new()) == 30


def test_jobs_come_together_or_in_pieces(bed):
    bed.start().connect()
    messages = [bed.put() for _ in range(5)]
    frames = b""
    for number, message in enumerate(messages):
        payload = job(number, *message, ["box@x"])
        frames += struct.pack(">I", len(payload) + 1) + b"J" + payload
    for at in (0, 3, 4, 5, 60, len(frames) - 1):
        bed.frames.sock.sendall(frames[:at])
        time.sleep(0.02)  # whatever it reads of it, it waits for the rest
        bed.frames.sock.sendall(frames[at:])
        results = [bed.result() for _ in messages]
        assert {r.job for r in results} == set(range(5))
        assert {r.letter for r in results} == {"K"}
    assert len(bed.new()) == 5


def test_half_a_job_is_forgotten_with_its_connection(bed):
    bed.start().connect()
    bed.frames.sock.sendall(b"\0\0\0\x50J\0\0")
    bed.frames.sock.close()
    assert bed.connect().deliver(bed.put(), "box@x").letter == "K"


def test_nobody_runs_what_lies_in_somebody_elses_home(bed):
    """Whoever says where the home is may have been told himself."""
    if not bed.root:
        pytest.skip("another account is needed")
    bed.start().connect()
    bed.become(0)
    os.chown(bed.home / "alias", NOBODY + 1, -1)
    bed.become(NOBODY)
    result = bed.deliver(bed.put(), "box@x")
    assert (result.letter, result.status) == ("Z", b"4.7.0")
    assert b"somebody else" in result.text
    bed.become(0)
    os.chown(bed.home / "alias", NOBODY, -1)
    bed.become(NOBODY)


def test_a_worker_has_let_go_of_a_message_when_it_is_done(bed):
    if not bed.root:
        pytest.skip("a worker shows its descriptors to root alone")
    bed.start().connect()
    for _ in range(5):
        message = bed.put()
        assert bed.deliver(message, "box@x").letter == "K"
        (pid,) = bed.workers()
        bed.become(0)
        links = [os.readlink(f"/proc/{pid}/fd/{n}")
                 for n in os.listdir(f"/proc/{pid}/fd")]
        bed.become(NOBODY)
        assert not [name for name in links if "/mess/" in name]


def test_no_such_mailbox_is_permanent_and_stale_jobs_are_not(bed):
    bed.start().connect()
    message = bed.put()
    result = bed.deliver(message, "nobody-here@x")
    assert (result.letter, result.status) == ("D", b"5.1.1")
    assert result.text == b"Sorry, no mailbox here by that name. (#5.1.1)\n"
    for other in ((message[0], bytes(16)), (message[0] + SPLIT_FAR, bytes(16))):
        result = bed.deliver(other, "box@x")
        assert result.letter == "Z"
        assert b"gone" in result.text
    assert bed.new() == []


SPLIT_FAR = 1 << 40


def test_damaged_messages_are_to_be_held(bed):
    bed.start().connect()
    ino, token = bed.put()
    file = bed.mess(ino)
    data = bytearray(file.read_bytes())
    data[460] ^= 1
    file.write_bytes(data)
    assert bed.deliver((ino, token), "box@x", flags=REPEAT).letter == "H"
    data[20] ^= 1
    file.write_bytes(data)
    assert bed.deliver((ino, token), "box@x").letter == "H"
    assert bed.new() == []


def test_links_and_fifos_in_the_queue_are_not_followed(bed):
    bed.start().connect()
    ino, token = bed.put()
    bed.mess(ino).rename(bed.home / "elsewhere")
    bed.mess(ino).symlink_to(bed.home / "elsewhere")
    assert bed.deliver((ino, token), "box@x").letter == "Z"
    bed.mess(ino).unlink()
    os.mkfifo(bed.mess(ino))
    assert bed.deliver((ino, token), "box@x").letter == "Z"
    assert bed.new() == []


def test_forwards_go_in_one_message_behind_files(bed):
    (bed.home / "alias/.qmail-list").write_text(
        "./Maildir/\n&a@example.org\nb@example.org\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), "list@x")
    assert (result.letter, result.text) == ("K", b"did 1+2+0\nqp 4242\n")
    assert bed.queued.messages == [
        (b"Delivered-To: list@x\nSubject: x\n\nhello\n",
         [b"Fs@example.net", b"Ta@example.org", b"Tb@example.org"])]
    assert len(bed.new()) == 1


def test_failure_before_a_forward_sends_nothing(bed):
    (bed.home / "alias/.qmail-list").write_text("./None/\n&a@example.org\n")
    bed.start().connect()
    assert bed.deliver(bed.put(), "list@x").letter == "Z"
    assert bed.queued.messages == []


def test_idle_worker_killed_costs_nothing(bed):
    bed.start().connect()
    bed.deliver(bed.put(), "box@x")
    bed.kill(bed.workers()[0])
    assert bed.deliver(bed.put(), "box@x").letter == "K"


def slow(bed):
    """A delivery that goes on until alias/go is there; its job."""
    (bed.home / "alias/.qmail-slow").write_text(
        "|touch begun; until [ -e go ]; do sleep 0.05; done\n./Maildir/\n")
    job = bed.send(bed.put(), "slow@x")
    wait_for((bed.home / "alias/begun").exists)
    return job


def test_worker_that_dies_at_work_is_told_with_its_signal(bed):
    bed.start().connect()
    job = slow(bed)
    bed.kill(bed.workers()[0], signal.SIGSEGV)
    result = bed.result()
    assert (result.job, result.letter) == (job, "Z")
    assert result.signal == signal.SIGSEGV
    assert result.text == b"culver-local crashed.\n"
    assert bed.deliver(bed.put(), "box@x").letter == "K"


def test_worker_that_cannot_be_run_defers(bed):
    (bed.home / "bin/culver-local").unlink()
    bed.start().connect()
    result = bed.deliver(bed.put(), "box@x")
    assert (result.letter, result.signal) == ("Z", 0)
    assert bed.process.poll() is None


def test_a_program_that_stops_its_worker_keeps_no_place(bed):
    (bed.home / "alias/.qmail-stop").write_text("|kill -STOP $PPID\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), "stop@x")
    assert (result.letter, result.signal) == ("Z", signal.SIGKILL)
    wait_for(lambda: not bed.workers())
    assert bed.deliver(bed.put(), "box@x").letter == "K"


def test_workers_end_with_their_connection(bed):
    bed.start().connect()
    slow(bed)  # even one that does not hear
    (pid,) = bed.workers()
    bed.frames.sock.close()
    bed.connect()
    assert pid not in bed.workers()
    assert bed.deliver(bed.put(), "box@x").letter == "K"


def test_nonsense_ends_the_connection_and_no_more(bed):
    bed.start()
    for nonsense in (b"\xff" * 5, b"\0\0\0\1X", b"\0\0\0\2Jx"):
        bed.connect()
        bed.frames.sock.sendall(nonsense)
        assert bed.frames.read() == (None, None)
    assert bed.connect().deliver(bed.put(), "box@x").letter == "K"


def test_sigterm_lets_what_is_under_way_end(bed):
    bed.start().connect()
    job = slow(bed)
    bed.kill(bed.process.pid, signal.SIGTERM)
    time.sleep(0.05)
    (bed.home / "alias/go").touch()
    result = bed.result()
    assert (result.job, result.letter) == (job, "K")
    assert bed.frames.read() == (None, None)
    assert bed.process.wait(20) == 0
    assert len(bed.new()) == 1


def test_workers_do_not_outlive_a_killed_spawner(bed):
    bed.start().connect()
    bed.deliver(bed.put(), "box@x")
    (pid,) = bed.workers()
    bed.stop(signal.SIGKILL)
    wait_for(lambda: not os.path.exists("/proc/%d" % pid))


def test_environment_is_ours_and_memory_is_not_readable(bed):
    if os.geteuid() != NOBODY or not bed.root:
        pytest.skip("only root sees a process that is not dumpable")
    bed.start().connect()
    bed.deliver(bed.put(), "box@x")
    (pid,) = bed.workers()
    with pytest.raises(PermissionError):
        open("/proc/%d/environ" % pid, "rb").read()
    assert os.stat("/proc/%d/mem" % pid).st_uid == 0


def test_a_virtual_mailbox_has_its_mail_by_each_of_its_names(bed):
    """Plus addressing, alias domains, catch-alls and a place of one's own."""
    write_cdb(bed.home / "users/rcpt.cdb", [
        (b"@x.test", b""), (b"ann@x.test", b":0::"),
        (b"joe@x.test", b":0:ann@x.test:keep:other/joe/Mail"),
        (b"@y.test", b":0:@x.test:"), (b"@z.test", b":0:ann@x.test:")])
    bed.maildir("domains/x.test/ann")
    for part in ("tmp", "new", "cur"):
        (bed.home / "domains/other/joe/Mail" / part).mkdir(parents=True)
    bed.start().connect()
    for address, files, forwards in (
            ("ann@x.test", 1, 0), ("ann+ext@x.test", 1, 0),
            ("Ann@Y.test", 1, 0), ("ann+ext@y.test", 1, 0),
            ("joe@y.test", 1, 1), ("nobody@z.test", 0, 1)):
        result = bed.deliver(bed.put(b"Subject: x\n\n"), address)
        assert result.letter == "K", (address, result)
        assert result.text.startswith(b"did %d+%d+0" % (files, forwards))
    for address in ("nobody@x.test", "nobody@y.test"):
        result = bed.deliver(bed.put(b"Subject: x\n\n"), address)
        assert (result.letter, result.status) == ("D", b"5.1.1")
    assert len(bed.new("domains/x.test/ann")) == 4
    (kept,) = (bed.home / "domains/other/joe/Mail/new").iterdir()
    assert b"Delivered-To: joe@y.test\n" in kept.read_bytes()
    assert [r[-1] for _, r in bed.queued.messages] == [b"Tann@x.test"] * 2


def test_programs_mbox_and_forwards_in_one_delivery(bed):
    (bed.home / "alias/.qmail-all-default").write_text(
        "./Maildir/\n&a@example.org\n./mbox\n"
        "|cat; echo \"$DEFAULT $SENDER\"; env >env\n"
        "|exit 99\n&never@example.org\n")
    (bed.home / "alias/.qmail-all-x-owner").write_text("&o@example.org\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), "all-x@h.example")
    assert (result.letter, result.text) == (
        "K", b"Subject: x\n\nhello\nx s@example.net\ndid 2+1+2\nqp 4242\n")
    assert bed.queued.messages == [
        (b"Delivered-To: all-x@h.example\nSubject: x\n\nhello\n",
         [b"Fall-x-owner@h.example", b"Ta@example.org"])]
    lines = (bed.home / "alias/mbox").read_bytes().split(b"\n")
    assert lines[0].startswith(b"From s@example.net ")
    assert lines[1:] == [b"Return-Path: <s@example.net>",
                         b"Delivered-To: all-x@h.example", b"Subject: x", b"",
                         b"hello", b"", b""]
    names = {line.split("=")[0] for line in
             (bed.home / "alias/env").read_text().splitlines() if "=" in line}
    assert "SECRET" not in names
    assert names - {"PWD", "_", "OLDPWD", "SHLVL"} == {
        "PATH", "CULVER_HOME", "HOST", "HOST2", "HOST3", "HOST4", "HOME", "USER",
        "LOCAL", "RECIPIENT", "DTLINE", "RPLINE", "UFLINE", "SENDER",
        "NEWSENDER", "EXT", "EXT2", "EXT3", "EXT4", "DEFAULT"}


@pytest.mark.parametrize("line,letter,text", [
    ("|echo gone; exit 100", "D", b"gone\n"),
    ("|exit 111", "Z", b"The program ended with exit code 111. (#4.3.0)\n"),
    ("|kill -KILL $$", "Z", b"Aack, child crashed. (#4.3.0)\n"),
    ("|yes | head -c 1000000000; exit 100", "D", b"y\n" * 1300),
    ("|kill -TERM 0; sleep 1000", "Z", b"Aack, child crashed. (#4.3.0)\n"),
])
def test_ends_of_programs(bed, line, letter, text):
    (bed.home / "alias/.qmail-p").write_text(line + "\n&a@example.org\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), "p@x")
    assert (result.letter, result.text) == (letter, text)
    assert bed.queued.messages == []
    # The worker is as it was.
    assert bed.deliver(bed.put(), "box@x").letter == "K"


def test_who_is_left_behind_is_ended_with_his_program(bed):
    """Who has made a session of his own is not."""
    (bed.home / "control/programgrace").write_text("0\n")
    (bed.home / "alias/stay").write_text(
        "trap '' HUP TERM; echo $$ >$1; while :; do sleep 1; done\n")
    (bed.home / "alias/.qmail-p").write_text(
        "|rm -f left own; sh stay left & setsid sh stay own & "
        "until test -s left -a -s own; do sleep 0.01; done; exit 100\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), "p@x")
    assert (result.letter, result.status) == ("D", b"5.3.0")
    left, own = (int((bed.home / "alias" / name).read_text())
                 for name in ("left", "own"))
    wait_for(lambda: not alive(left))
    assert alive(own)
    bed.become(0)
    os.kill(own, signal.SIGKILL)
    bed.become(NOBODY)
    # The worker, whose child he has become, hears of it.
    bed.deliver(bed.put(), "p@x")
    wait_for(lambda: not alive(own))
    for pid in (int((bed.home / "alias" / name).read_text())
                for name in ("left", "own")):
        if alive(pid):
            bed.become(0)
            os.kill(pid, signal.SIGKILL)
            bed.become(NOBODY)


@pytest.mark.parametrize("end", [
    lambda bed: bed.frames.sock.close(),
    lambda bed: bed.kill(bed.workers()[0], signal.SIGTERM),
    lambda bed: bed.kill(bed.workers()[0], signal.SIGALRM),
    lambda bed: bed.stop(signal.SIGKILL),
], ids=["culver-send is gone", "told", "a day is over", "culver-lspawn is gone"])
def test_a_program_and_its_group_end_with_the_worker(bed, end):
    (bed.home / "alias/.qmail-p").write_text(
        "|trap '' HUP TERM; (trap '' HUP TERM; echo $$ >up; "
        "while :; do sleep 1; done) & while :; do sleep 1; done\n")
    bed.start().connect()
    bed.send(bed.put(), "p@x")
    group = int(wait_for(lambda: (bed.home / "alias/up").exists() and
                         (bed.home / "alias/up").read_text()))
    end(bed)
    wait_for(lambda: group not in map(int, subprocess.run(
        ["ps", "-e", "-o", "pgid="], capture_output=True,
        text=True).stdout.split()))


def test_what_is_left_behind_has_its_grace(bed):
    (bed.home / "control/programgrace").write_text("600\n")
    (bed.home / "alias/.qmail-p").write_text(
        "|(sleep 0.3; echo done >late) &\n|test -s late\n")
    bed.start().connect()
    assert bed.deliver(bed.put(), "p@x").text == b"did 0+0+2\n"


def test_a_program_has_three_descriptors_and_its_limits(bed):
    (bed.home / "alias/.qmail-p").write_text(
        "|ls /proc/self/fd >fds; cat /proc/self/limits >limits; umask >mask\n")
    (bed.home / "control/programcpu").write_text("33\n")
    (bed.home / "control/programmemory").write_text("300000000\n")
    with open("/dev/null", "rb") as one, open("/dev/null", "rb") as two:
        bed.pass_fds = (one.fileno(), two.fileno())
        bed.start().connect()
    assert bed.deliver(bed.put(), "p@x").letter == "K"
    # The last is ls's own.
    assert (bed.home / "alias/fds").read_text().split() == ["0", "1", "2", "3"]
    limits = {line[:26].strip(): line[26:].split()[:2] for line in
              (bed.home / "alias/limits").read_text().splitlines()}
    for name, value in (("Max cpu time", "33"), ("Max data size", "300000000"),
                        ("Max open files", "1024"),
                        ("Max processes", "4096"),
                        ("Max core file size", "0")):
        assert limits[name] == [value, value], name
    assert (bed.home / "alias/mask").read_text() == "0077\n"


def test_a_helper_has_the_limits_of_its_program(bed):
    """What it runs, too."""
    shutil.copy(BIN / "culver-except", bed.home / "bin/except")
    (bed.home / "bin/except").chmod(0o755)
    (bed.home / "alias/.qmail-p").write_text(
        "|except sh -c 'cat /proc/self/limits >limits; ls /proc/self/fd >fds; "
        "exit 100'\n")
    (bed.home / "control/programcpu").write_text("44\n")
    bed.start().connect()
    assert bed.deliver(bed.put(), "p@x").letter == "K"
    assert re.search(r"(?m)^Max cpu time +44 +44 ",
                     (bed.home / "alias/limits").read_text())
    assert (bed.home / "alias/fds").read_text().split() == ["0", "1", "2", "3"]


# A bash of 2014 ran what stood behind such a value's end.
@pytest.mark.parametrize("sender,recipient", [
    ("() { :;}; touch pwn>@x", "p@x"),
    ("s@x", "p-() { :;}; touch pwn@x"),
    ("a\nb@x", "p@x"),
    ("s@x", "p@x\ny"),
])
def test_what_a_shell_could_run_reaches_no_program(bed, sender, recipient):
    (bed.home / "alias/.qmail-p").write_text("|touch ran\n")
    (bed.home / "alias/.qmail-p-default").write_text("|touch ran\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), recipient, sender=sender)
    assert (result.letter, result.status) == ("D", b"5.1.3")
    assert sorted(p.name for p in (bed.home / "alias").iterdir()) == [
        ".qmail-box", ".qmail-p", ".qmail-p-default", "Maildir"]


# attacks.md 3.12, M1 and M2: what is in the way puts off, and is not waited for.
@pytest.mark.parametrize("prepare", [
    lambda alias: os.mkfifo(alias / ".qmail-p"),
    lambda alias: (alias / ".qmail-p").mkdir(),
    lambda alias: (alias / ".qmail-p").symlink_to("/dev/zero"),
    lambda alias: (alias / ".qmail-p").symlink_to(".qmail-p"),
    lambda alias: [(alias / ".qmail-p").touch(),
                   os.truncate(alias / ".qmail-p", 1 << 32)],
    lambda alias: (alias / ".qmail-p").write_text("|true\0x\n"),
    lambda alias: (alias / ".qmail-p").write_text("./fifo\n")
    and os.mkfifo(alias / "fifo"),
    lambda alias: (alias / ".qmail-p").write_text("./Maildir/\n")
    and [(alias / "Maildir/tmp").rmdir(),
         (alias / "Maildir/tmp").symlink_to("/etc")],
    lambda alias: (alias / ".qmail-p").write_text("./Maildir/\n")
    and [(alias / "Maildir/new").rmdir(), os.mkfifo(alias / "Maildir/new")],
    lambda alias: [(alias / ".qmail-p").write_text("|true\n"),
                   (alias / ".qmail-p").chmod(0o700)],
    lambda alias: [(alias / ".qmail-p").write_text("|true\n"),
                   (alias / ".qmail-p").chmod(0o602)],
    lambda alias: [(alias / ".qmail-p").write_text("|true\n"),
                   alias.chmod(0o1700)],
    lambda alias: [(alias / ".qmail-p").write_text("|true\n"),
                   alias.chmod(0o702)],
])
def test_what_is_in_the_way_puts_off(bed, prepare):
    prepare(bed.home / "alias")
    bed.start().connect()
    result = bed.deliver(bed.put(), "p@x")
    assert (result.letter, result.text[-1:]) == ("Z", b"\n")


def test_long_lines_and_no_line_end(bed):
    (bed.home / "alias/.qmail-p").write_text(
        "#" + "x" * 200000 + "\n|true " + "y" * 50000 + "\n./mbox")
    bed.start().connect()
    assert bed.deliver(bed.put(), "p@x").text == b"did 1+0+1\n"


def test_a_program_that_takes_too_long_is_ended(bed):
    (bed.home / "control/timeoutprogram").write_text("1\n")
    (bed.home / "alias/.qmail-p").write_text(
        "|echo $$ >pid; trap '' TERM; sleep 1000; sleep 1000\n")
    bed.start().connect()
    result = bed.deliver(bed.put(), "p@x")
    assert (result.letter, result.text) == (
        "Z", b"The program took longer than 1 seconds. (#4.3.0)\n")
    leader = int((bed.home / "alias/pid").read_text())
    wait_for(lambda: not any(leader == int(line) for line in subprocess.run(
        ["ps", "-e", "-o", "pgid="], capture_output=True,
        text=True).stdout.split()))
