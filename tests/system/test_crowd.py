"""A thousand idle connections and two hundred slow ones: whoever comes from
somewhere else is still answered at once, and afterwards nothing is left of it.
"""
import pathlib
import resource
import smtplib
import socket
import threading
import time

import pytest
from conftest import DOMAIN, children, wait_for

IDLE, SLOW, FURTHER = 1000, 200, 20
ANSWER = 1  # seconds in which a further client is answered
WORKER = 16 << 20  # bytes of one worker that are in memory, shared ones too

# program, its limit, its limits of one client; what it says at first, what a
# slow client dribbles, a command and its answer
DOORS = {
    "smtpd": ("concurrencyincoming", ("concurrencyip", "concurrencynet"),
              b"220 ", b"EHLO slow.example", b"NOOP\r\n", b"250 "),
    "popup": ("concurrencypop3", ("concurrencypop3ip", "concurrencypop3net"),
              b"+OK ", b"USER slow", b"QUIT\r\n", b"+OK"),
}


def connect(port, source):
    s = socket.socket()
    s.settimeout(60)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))
    return s


def line(s):
    data = b""
    try:
        while not data.endswith(b"\n"):
            byte = s.recv(1)
            if not byte:
                break
            data += byte
    except ConnectionResetError:
        pass
    return data


class Crowd:
    """The connections, from forty networks."""

    def __init__(self, port, word):
        self.idle = [connect(port, "127.%d.%d.1" % (1 + i % 10, i // 10 % 2))
                     for i in range(IDLE)]
        self.slow = [connect(port, "127.%d.%d.1" % (11 + i % 10, i // 10 % 2))
                     for i in range(SLOW)]
        self.word, self.ended = word, threading.Event()
        self.thread = threading.Thread(target=self.dribble, daemon=True)
        self.thread.start()

    def dribble(self):
        for at in range(10**6):
            for s in self.slow:
                try:
                    s.send(self.word[at % len(self.word):][:1])
                except OSError:
                    pass
            if self.ended.wait(0.2):
                return

    def first_words(self):
        return [line(s) for s in self.idle]

    def close(self):
        self.ended.set()
        self.thread.join()
        for s in self.idle + self.slow:
            s.close()


def resident(pid):
    pages = pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def answered(port, door, source):
    """Seconds from connecting to the answer to a first command."""
    _, _, greeting, _, command, answer = door
    began = time.monotonic()
    s = connect(port, source)
    assert line(s).startswith(greeting)
    s.sendall(command)
    assert line(s).startswith(answer)
    s.close()
    return time.monotonic() - began


@pytest.fixture
def descriptors():
    """This test has one for each connection, and so has the listener."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * (IDLE + SLOW)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip("too few descriptors may be had")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("program", DOORS)
@pytest.mark.parametrize("most", [100, 2000])
def test_a_crowd_keeps_nobody_else_out(
        make_instance, descriptors, program, most):
    inst, door = make_instance(), DOORS[program]
    limit, own, greeting, word, _, _ = door
    control = inst.home / "control"
    if most != 100:  # the default, as it is
        (control / limit).write_text(f"{most}\n")
        for name in own:
            (control / name).write_text(f"{most // 4}\n")
    inst.start()
    began = time.monotonic()
    port = inst.smtp if program == "smtpd" else inst.pop3
    listener = inst.running[program].pid
    crowd = Crowd(port, word)
    try:
        first = crowd.first_words()
        let_in = sum(w.startswith(greeting) for w in first)
        told = sum(b"too many connections" in w for w in first)
        assert let_in + told == IDLE
        assert told == 0 if most * 3 / 4 > IDLE + SLOW else let_in <= most
        took = [answered(port, door, f"127.200.{i}.1")
                for i in range(FURTHER)]
        assert max(took) < ANSWER, took
        below = children(listener)
        assert len(below) <= most + 1
        sizes = [resident(pid) for pid in below]
        assert max(sizes) < WORKER
        assert resident(listener) < WORKER
        print(f"{program}: {let_in} of {IDLE} idle let in, {told} told; a "
              f"further one after {max(took):.3f} s at most; "
              f"{len(below)} workers of {max(sizes) >> 10} KiB at most, the "
              f"listener {resident(listener) >> 10} KiB")
    finally:
        crowd.close()
    # All places come back, those of who was refused, too.
    wait_for(lambda: recovered(port, door), why="places to come back")
    assert inst.running[program].poll() is None
    with smtplib.SMTP("127.0.0.1", inst.smtp, "client.example") as client:
        client.sendmail("you@client.example", ["ann@" + DOMAIN],
                        b"Subject: after\r\n\r\nall of it\r\n")
    inst.wait_mails(1)
    log = inst.log_text(program)
    # One line a second at most, however many were refused.
    assert log.count(": crowded ") <= time.monotonic() - began + 2
    assert "was killed" not in log and "exited" not in log


def recovered(port, door):
    talks = [connect(port, "127.1.0.1") for _ in range(25)]
    try:
        return all(line(s).startswith(door[2]) for s in talks)
    finally:
        for s in talks:
            s.close()
