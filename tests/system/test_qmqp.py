"""Mail of a host without a queue, by culver-qmqpc and culver-qmqpd, to a
Maildir of the host that has one; and by QMTP from a stranger."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import pytest

from conftest import BIN, DOMAIN, PATIENCE, TOP, children, kill, wait_for

ANN = "ann@" + DOMAIN
BODY = bytes(range(256)).replace(b"\0", b"") * 40
MESSAGE = b"From: a\nSubject: bytes\n\n" + BODY


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Door:
    """culver-qmqpd or culver-qmtpd of an instance, its service put in place as
    its page says."""

    def __init__(self, one, name):
        self.one, self.name, self.port = one, name, free_port()
        service = one.home / "service"
        shutil.copytree(TOP / "run" / "optional" / name, service / name)
        self.listen = service / name / "env" / "LISTEN"
        self.listen.write_text("127.0.0.1:%d\n" % self.port)
        log = one.home / "log" / name
        log.mkdir()
        os.chown(log, one.uid, one.gid)
        self.start()

    def start(self):
        self.one.spawn(self.name)
        wait_for(self.is_open, why=self.name)

    def is_open(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 5).close()
            return True
        except OSError:
            return False

    def end(self):
        """SIGKILL, workers first, as no crash would be kinder."""
        child = self.one.running.pop(self.name)
        for pid in [*children(child.pid), child.pid]:
            kill(pid, signal.SIGKILL)
        child.wait()

    def allow(self, *rules):
        path = self.one.home / "control" / ("tcp." + self.name[:4])
        fresh = path.with_suffix(".new")
        fresh.write_text("".join(r + "\n" for r in rules))
        fresh.rename(path)

    @property
    def server(self):
        return "127.0.0.1:%d" % self.port


@pytest.fixture
def host(make_instance):
    """host(): a running instance with culver-qmqpd, let in from here."""
    made = []

    def make(door="qmqpd"):
        one = make_instance()
        one.start()
        made.append(Door(one, door))
        if door == "qmqpd":
            made[-1].allow("127.0.0.1:allow")
        return one, made[-1]
    yield make
    for door in made:
        door.one.stop(door.name)


class Null:
    """A host without a queue: three files."""

    def __init__(self, folder):
        self.home = folder / "home"
        (self.home / "bin").mkdir(parents=True)
        (self.home / "control").mkdir()
        shutil.copy(BIN / "culver-qmqpc", self.home / "bin")
        (self.home / "bin" / "qmail-queue").symlink_to("culver-qmqpc")
        (self.home / "control" / "me").write_text("null.example\n")
        for f in [folder, self.home, *self.home.rglob("*")]:
            if not f.is_symlink():
                f.chmod(0o755)

    def servers(self, *names):
        (self.home / "control" / "qmqpservers").write_text(
            "".join(n + "\n" for n in names))

    def send(self, message=MESSAGE, to=(ANN,), sender="you@null.example"):
        with tempfile.TemporaryFile() as text, \
                tempfile.TemporaryFile() as envelope:
            text.write(message)
            envelope.write(b"F%s\0" % sender.encode() + b"".join(
                b"T%s\0" % t.encode() for t in to) + b"\0")
            text.seek(0)
            envelope.seek(0)
            nobody = {"user": 65534, "group": 65534, "extra_groups": []} \
                if os.geteuid() == 0 else {}
            return subprocess.run(
                [self.home / "bin" / "qmail-queue"], stdin=text,
                stdout=envelope, stderr=subprocess.DEVNULL, check=False,
                env={"CULVER_HOME": str(self.home)}, timeout=10 * PATIENCE,
                **nobody).returncode


@pytest.fixture
def null():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="culver-null.",
                                           dir="/var/tmp"))
    yield Null(folder)
    shutil.rmtree(folder)


def after_our_fields(data):
    """What a Maildir's file holds behind what delivery put on top."""
    lines = data.split(b"\n")
    while lines and lines[0].startswith((
            b"Return-Path:", b"Delivered-To:", b"Received:", b" ", b"\t")):
        lines.pop(0)
    return b"\n".join(lines)


def test_the_bytes_of_a_message_arrive(host, null):
    one, door = host()
    null.servers(door.server)
    assert null.send() == 0
    (path,) = one.wait_mails(1)
    data = path.read_bytes()
    assert after_our_fields(data) == MESSAGE
    assert b"Return-Path: <you@null.example>\n" in data
    assert b" with QMQP id " in data and b"([127.0.0.1])" in data
    assert "accept ip=127.0.0.1 from=you@null.example rcpts=1" in \
        one.log_text("qmqpd")


def test_a_dead_server_and_one_that_cannot_queue_are_passed_over(host, null):
    first, second = host(), host()
    dead = "127.0.0.1:%d" % free_port()
    null.servers(dead, first[1].server, second[1].server)
    first[0].stop("queued")
    assert null.send() == 0
    (path,) = second[0].wait_mails(1)
    assert after_our_fields(path.read_bytes()) == MESSAGE
    assert first[0].queued() == set()
    second[0].stop("queued")
    assert null.send() == 71
    first[0].start("queued")
    assert null.send() == 0
    first[0].wait_mails(1)


def test_no_rule_lets_in_and_a_rule_lets_in_whom_it_names(host, null):
    one, door = host()
    null.servers(door.server)
    rules = one.home / "control" / "tcp.qmqp"
    rules.unlink()
    assert null.send() == 74
    for lines in (["192.0.2.1:allow"], ["127.0.0.1:deny"], [],
                  ["127.0.0.1:deny", ":allow"], ["not a rule"]):
        door.allow(*lines)
        assert null.send() == 74, lines
    assert "deny ip=127.0.0.1" in one.log_text("qmqpd")
    door.allow("127.0.0.0/8:allow", ":deny")
    assert null.send() == 0
    door.allow('127.0.0.1:allow,DATABYTES="100"')
    assert null.send() == 31
    door.allow("127.0.0.1:allow")
    assert null.send() == 0
    one.wait_mails(2)
    one.wait_empty()
    assert len(one.mails()) == 2


def test_killed_servers_lose_nothing(host, null):
    """Two servers are killed and started in turn, and each message that was
    taken arrives; twice only if a server died or closed after it had it all:
    each death hits what is in hand there, one message for each sender."""
    hosts = [host(), host()]
    null.servers(*(door.server for _, door in hosts))
    taken, senders, deaths = [], 3, 0
    stopping = threading.Event()

    def work(number):
        count = 0
        while not stopping.is_set():
            count += 1
            name = b"X-Name: %d.%d\n" % (number, count)
            if null.send(name + MESSAGE) == 0:
                taken.append(name)

    threads = [threading.Thread(target=work, args=(i,))
               for i in range(senders)]
    for t in threads:
        t.start()
    try:
        for turn in range(8):
            before = len(taken)
            wait_for(lambda: len(taken) > before + 3, why="mail is taken")
            _, door = hosts[turn % 2]
            door.end()
            deaths += 1
            # The other one alone, too, so that both have their share.
            before = len(taken)
            wait_for(lambda: len(taken) > before + 3, why="the other takes")
            door.start()
    finally:
        stopping.set()
        for t in threads:
            t.join(PATIENCE)
    for one, _ in hosts:
        one.wait_empty()
    arrived = [f.read_bytes() for one, _ in hosts for f in one.mails()]
    names = [next(line for line in data.split(b"\n")
                  if line.startswith(b"X-Name:")) + b"\n" for data in arrived]
    assert all(after_our_fields(d).split(b"\n", 1)[1] == MESSAGE
               for d in arrived)
    assert set(taken) <= set(names)
    assert len(names) - len(set(names)) <= deaths * senders


def netstring(data):
    return b"%d:%s," % (len(data), data)


def qmtp(port, *rcpts):
    """What a stranger is told of one message; [] when it is not let in."""
    answers, data = [], b""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
        try:
            s.sendall(netstring(b"\n" + MESSAGE) + netstring(b"you@x.example")
                      + netstring(b"".join(
                          netstring(r.encode()) for r in rcpts)))
            while len(answers) < len(rcpts):
                piece = s.recv(65536)
                if not piece:
                    break
                data += piece
                while b":" in data:
                    size, _, rest = data.partition(b":")
                    if len(rest) <= int(size):
                        break
                    answers.append(rest[:int(size)])
                    data = rest[int(size) + 1:]
        except ConnectionError:
            pass
    return answers


def test_qmtp_from_a_stranger_and_from_who_may_relay(host):
    one, door = host("qmtpd")
    yes, no, far = qmtp(door.port, ANN, "nobody@" + DOMAIN, "x@far.example")
    assert yes.startswith(b"Kok ")
    assert no == b"Dsorry, no mailbox here by that name (#5.1.1)"
    assert far.startswith(b"Dsorry, that domain isn't in my list of allowed")
    (path,) = one.wait_mails(1)
    assert after_our_fields(path.read_bytes()) == MESSAGE
    door.allow('127.0.0.1:allow,RELAYCLIENT=""')
    answers = qmtp(door.port, ANN, "x@far.example")
    assert [a[:4] for a in answers] == [b"Kok ", b"Kok "]
    door.allow("127.0.0.1:deny")
    assert qmtp(door.port, ANN) == []
    door.allow("192.0.2.1:deny")
    far, = qmtp(door.port, "x@far.example")
    assert far[:1] == b"D"
    # What was relayed comes back as a notice, some time.
    wait_for(lambda: [after_our_fields(p.read_bytes()) for p in one.mails()
                      ].count(MESSAGE) == 2, why="what ann was sent")


def test_idle_clients_keep_no_other_waiting_and_have_their_limit(host):
    one, door = host("qmtpd")
    (one.home / "control" / "concurrencyip").write_text("41\n")
    idle = [socket.create_connection(("127.0.0.1", door.port), PATIENCE)
            for _ in range(40)]
    for s in idle[::2]:
        s.sendall(b"1000:\nhalf")
    wait_for(lambda: one.log_text("qmtpd").count(": connect ") == 40 + 1,
             why="all are served, and who looked whether it was open")
    assert qmtp(door.port, ANN)[0].startswith(b"Kok ")
    wait_for(lambda: one.log_text("qmtpd").count("accepted=1") == 1)
    idle.append(socket.create_connection(("127.0.0.1", door.port), PATIENCE))
    wait_for(lambda: one.log_text("qmtpd").count(": connect ") == 40 + 3)
    assert qmtp(door.port, ANN) == []
    for s in idle:
        s.close()
    wait_for(lambda: qmtp(door.port, ANN) != [], why="they have left")
    one.wait_mails(2)
    one.wait_empty()
    assert len(one.mails()) == 2


def proxied(port, header, data):
    """What is answered to data behind a proxy's header."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as s:
        got = b""
        try:
            s.sendall(header + data)
            s.shutdown(socket.SHUT_WR)
            while piece := s.recv(65536):
                got += piece
        except OSError:  # it has hung up
            pass
        return got


def test_a_proxy_speaks_for_guests_and_for_nobody_else(host):
    one, door = host()
    (one.home / "control" / "proxyclients").write_text("127.0.0.1\n")
    door.allow("192.0.2.7:allow")
    package = netstring(netstring(MESSAGE) + netstring(b"") +
                        netstring(ANN.encode()))
    line = b"PROXY TCP4 %s 192.0.2.1 5000 628\r\n"
    assert proxied(door.port, line % b"192.0.2.7", package)[3:7] == b"Kok "
    assert proxied(door.port, line % b"192.0.2.8", package) == b""
    assert proxied(door.port, b"", package) == b""
    (path,) = one.wait_mails(1)
    assert b"([192.0.2.7])" in path.read_bytes()
    one.wait_empty()
    assert len(one.mails()) == 1
