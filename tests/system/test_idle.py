"""A thousand connections that do nothing and two hundred that do it slowly: who
comes then is answered at once, memory and processes stay within what control/
says, and everything is as before when they have gone (attacks 3.9)."""
import pathlib
import resource
import statistics
import threading
import time

import pytest
from attackbed import connect, module_instance
from conftest import DOMAIN, wait_for

IDLE, SLOW = 1000, 200
SOON = 1.0         # seconds in which the next client is to be answered
EACH = 2 << 20     # bytes of its own that a process may hold for a client
BEHIND = SLOW * EACH // 2 + (32 << 20)  # that those behind the door may grow
SPARE = 10         # processes besides one for each connection

pytestmark = pytest.mark.attack("3.9")


class Kind:
    """How a door greets, and what a slow client says to it."""

    def __init__(self, name, greeting, hello, slow):
        self.name, self.greeting = name, greeting
        self.hello, self.slow = hello, slow


SMTP = Kind("smtpd", b"220 ", [b"EHLO client.example"],
            [b"MAIL FROM:<a@b.test>", b"RCPT TO:<ann@demo.example>", b"DATA"])
POP3 = Kind("popup", b"+OK", [b"CAPA"], [])


def port_of(instance, kind):
    return instance.smtp if kind is SMTP else instance.pop3


def limits(incoming):
    """As many at once; none of an address, so that one host can be all."""
    return {"concurrencyincoming": f"{incoming}\n",
            "concurrencypop3": f"{incoming}\n",
            "concurrencyip": "0\n", "concurrencynet": "0\n",
            "concurrencypop3ip": "0\n", "concurrencypop3net": "0\n"}


@pytest.fixture(scope="module", autouse=True)
def many_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Crowd:
    """Connections that are held, and bytes that drip into some of them."""

    def __init__(self, instance, kind):
        self.instance, self.kind = instance, kind
        self.held, self.slow, self.refused = [], [], 0
        self.over = threading.Event()
        self.dripper = threading.Thread(target=self.drip, daemon=True)

    def greeted(self, source):
        """A connection that has been greeted, or None."""
        s = connect(port_of(self.instance, self.kind), source=source)
        if s.line().startswith(self.kind.greeting):
            self.held.append(s)
            return s
        s.close()
        self.refused += 1
        return None

    def come(self, idle, slow):
        for n in range(idle):
            s = self.greeted(f"127.0.{n % 4}.{n % 200 + 1}")
            if s and n % 2:
                for line in self.kind.hello:
                    s.send(line + b"\r\n")
        for n in range(slow):
            s = self.greeted(f"127.1.0.{n % 200 + 1}")
            if s:
                for line in self.kind.hello + self.kind.slow:
                    s.send(line + b"\r\n")
                    if self.kind is SMTP:
                        s.reply()
                self.slow.append(s)
        self.dripper.start()

    def drip(self):
        """A byte into each now and then."""
        while not self.over.wait(0.5):
            for s in self.slow:
                s.send(b"x")

    def leave(self):
        self.over.set()
        if self.dripper.is_alive():
            self.dripper.join()
        for s in self.held:
            s.close()


def answered(instance, kind, source="127.200.0.1"):
    """Seconds until a further client has its greeting and a reply."""
    began = time.monotonic()
    s = connect(port_of(instance, kind), source=source)
    line = s.line()
    assert line.startswith(kind.greeting), line
    s.send(b"QUIT\r\n")
    assert s.line()
    took = time.monotonic() - began
    s.close()
    return took


def own_memory(pids):
    """Bytes that these processes share with nobody."""
    total = 0
    for pid in pids:
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) << 10
                     for line in status.splitlines()
                     if line.startswith("RssAnon:"))
    return total


def others(instance):
    """Own memory of the programs behind the door."""
    return own_memory([pid for name in ("queued", "send", "lspawn", "local",
                                        "authd")
                       for pid in instance.processes(name)])


@pytest.fixture
def crowd_of():
    made = []

    def make(instance, kind, idle, slow):
        made.append(Crowd(instance, kind))
        made[-1].come(idle, slow)
        return made[-1]

    yield make
    for crowd in made:
        crowd.leave()


@pytest.fixture(scope="module")
def wide():
    """Room for all of them, and a few more."""
    with module_instance(control=limits(IDLE + SLOW + 50)) as instance:
        yield instance


@pytest.mark.parametrize("kind", [SMTP, POP3], ids=lambda k: k.name)
def test_the_next_client_is_answered_at_once(wide, crowd_of, kind):
    answered(wide, kind)
    before = others(wide)
    crowd = crowd_of(wide, kind, IDLE, SLOW)
    assert crowd.refused == 0
    assert statistics.median(answered(wide, kind) for _ in range(5)) < SOON

    pids = wide.processes(kind.name)
    assert len(pids) <= IDLE + SLOW + 50 + SPARE
    assert own_memory(pids) <= len(pids) * EACH
    wide.send(b"Subject: meanwhile\r\n\r\nx\r\n")
    wide.wait_mails(1)
    assert others(wide) <= before + BEHIND

    crowd.leave()
    wide.send(b"Subject: afterwards\r\n\r\nx\r\n")
    wide.wait_mails(2)
    wide.wait_empty()
    for file in wide.mails():
        file.unlink()
    assert statistics.median(answered(wide, kind) for _ in range(5)) < SOON


def test_the_processes_end_when_nobody_comes(wide):
    """A worker waits a minute for its next client."""
    for kind in (SMTP, POP3):
        wait_for(lambda k=kind: len(wide.processes(k.name)) <= SPARE,
                 seconds=180, why="the processes to end")
    assert others(wide) <= BEHIND


@pytest.fixture(scope="module")
def plain():
    """The settings as they come."""
    with module_instance() as instance:
        yield instance


@pytest.mark.parametrize("kind", [SMTP, POP3], ids=lambda k: k.name)
def test_a_flood_of_one_host_keeps_nobody_else_out(plain, kind):
    """It has what one address may have, and is told so."""
    held, refused = [], 0
    try:
        for _ in range(IDLE):
            s = connect(port_of(plain, kind), source="127.0.0.1")
            if s.line().startswith(kind.greeting):
                held.append(s)
            else:
                refused += 1
                s.close()
        assert len(held) <= 100 and refused == IDLE - len(held)
        assert statistics.median(
            answered(plain, kind) for _ in range(5)) < SOON
        assert len(plain.processes(kind.name)) <= 100 + SPARE
    finally:
        for s in held:
            s.close()

    def again():
        s = connect(port_of(plain, kind), source="127.0.0.1")
        line = s.line()
        s.close()
        return line.startswith(kind.greeting)
    wait_for(again, why="its places")
    plain.send(b"To: ann@" + DOMAIN.encode() + b"\r\n\r\nx\r\n")
    plain.wait_mails(1)
    plain.wait_empty()
    for file in plain.mails():
        file.unlink()
