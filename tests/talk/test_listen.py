"""culver-smtpd with -l: several addresses, workers that serve one client after
another, and none of the one in the talk of the other."""

import os
import pathlib
import random
import signal
import socket
import struct
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

GREETING = b"220 mail.example ESMTP\r\n"


def free_port(family, address):
    """None that the kernel gives to clients: one that connects before there
    is a server would meet itself."""
    while True:
        port = random.randrange(10000, 30000)
        with socket.socket(family) as s:
            try:
                s.bind((address, port))
                return port
            except OSError:
                pass


class Server:
    """Listens at both families' own address."""

    def __init__(self, *options, program="smtpd", **control):
        self.home = talk.Home()
        self.home.control("me", "mail.example")
        self.home.control("rcpthosts", "local.test")
        for name, value in control.items():
            self.home.control(name, value)
        self.queue = talk.Queue(self.home)
        self.queue.start()
        self.home.hand_over()
        self.port4 = free_port(socket.AF_INET, "127.0.0.1")
        self.port6 = free_port(socket.AF_INET6, "::1")
        binary = pathlib.Path(os.environ.get(
            "CULVER_BIN", talk.ROOT / "build" / "bin")) / ("culver-" + program)
        self.log = open(self.home.path / "log", "w+b")
        self.process = subprocess.Popen(
            [str(binary), *options, "-l", "127.0.0.1:%d" % self.port4,
             "-l", "[::1]:%d" % self.port6],
            env={"CULVER_HOME": str(self.home.path),
                 "PATH": "/usr/bin:/bin",
                 "TCPREMOTEHOST": "evil.test", "TCPREMOTEIP": "192.0.2.66"},
            stdin=subprocess.DEVNULL, stderr=self.log)

    def connect(self, address="127.0.0.1", source=None):
        port = self.port6 if ":" in address else self.port4
        while True:
            try:
                return Connection(socket.create_connection(
                    (address, port), talk.PATIENCE,
                    source and (source, 0)))
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.read_log()

    def read_log(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(talk.PATIENCE) == 0, self.read_log()

    def clean_up(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()
        self.queue.close()
        self.home.remove()


class Connection:
    def __init__(self, s):
        s.settimeout(talk.PATIENCE)
        self.socket, self.file = s, s.makefile("rb")

    def line(self):
        return self.file.readline()

    def say(self, *lines):
        for line in lines:
            self.socket.sendall(line.encode() + b"\r\n")
            reply = self.line()
            while reply[3:4] == b"-":
                reply = self.line()
        return reply[:3]

    def close(self):
        self.file.close()
        self.socket.close()


@pytest.fixture
def serve():
    started = []

    def start(*options, **control):
        started.append(Server(*options, **control))
        return started[-1]
    yield start
    for server in started:
        server.clean_up()


def deliver(connection, sender):
    assert connection.line() == GREETING
    assert connection.say("EHLO client.example", "MAIL FROM:<%s>" % sender,
                          "RCPT TO:<u@local.test>", "DATA") == b"354"
    assert connection.say("hello\r\n.") == b"250"
    assert connection.say("QUIT") == b"221"
    connection.close()


def test_both_families_deliver_and_the_environment_is_no_client(serve):
    server = serve()
    deliver(server.connect(), "a@example.org")
    deliver(server.connect("::1"), "b@example.org")
    server.stop()
    traces = [m.trace for m in server.queue.messages]
    assert b"([127.0.0.1])" in traces[0]
    assert b"([IPv6:::1])" in traces[1]
    assert not any(b"evil" in t or b".66" in t for t in traces)


def test_a_worker_forgets_the_client_before(serve):
    server = serve(concurrencyincoming="1")
    for _ in range(5):
        first = server.connect()
        assert first.line() == GREETING
        assert first.say("EHLO one.example", "MAIL FROM:<a@example.org>",
                         "RCPT TO:<u@local.test>") == b"250"
        first.close()
        second = server.connect()
        assert second.line() == GREETING
        assert second.say("MAIL FROM:<b@example.org>") == b"503"
        assert second.say("HELO two.example", "DATA") == b"503"
        second.close()
    server.stop()
    assert server.queue.messages == []


def test_a_client_that_leaves_a_message_leaves_nothing_of_it(serve):
    server = serve(concurrencyincoming="1")
    first = server.connect()
    assert first.line() == GREETING
    assert first.say("EHLO one.example", "MAIL FROM:<a@example.org>",
                     "RCPT TO:<u@local.test>", "DATA") == b"354"
    first.socket.sendall(b"never " * 50000)
    first.close()
    deliver(server.connect(), "b@example.org")
    server.stop()
    assert [m.body for m in server.queue.messages] == [b"hello\n"]


@pytest.mark.parametrize("uses", ["1", "3"])
def test_workers_are_replaced_after_maxuse(serve, uses):
    server = serve(maxuse=uses, concurrencyincoming="1")
    for i in range(7):
        deliver(server.connect(), "a%d@example.org" % i)
    server.stop()
    pids = [m.trace.split(b" id ")[1].split(b".")[1]
            for m in server.queue.messages]
    for pid in set(pids):
        assert pids.count(pid) <= int(uses)
    assert len(pids) == 7


def test_beyond_the_limit_a_client_waits_for_its_turn(serve):
    server = serve(concurrencyincoming="2")
    talks = [server.connect() for _ in range(3)]
    assert talks[0].line() == talks[1].line() == GREETING
    talks[2].socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        talks[2].socket.recv(1, socket.MSG_PEEK)
    talks[2].socket.settimeout(talk.PATIENCE)
    talks[0].close()
    assert talks[2].line() == GREETING
    for t in talks[1:]:
        t.close()
    server.stop()


def test_a_worker_that_is_killed_takes_one_connection_with_it(serve):
    server = serve()
    first, second = server.connect(), server.connect()
    assert first.line() == second.line() == GREETING
    children = pathlib.Path("/proc/%d/task/%d/children" % (
        server.process.pid, server.process.pid)).read_text().split()
    assert len(children) >= 2
    os.kill(int(children[0]), signal.SIGKILL)
    alive = []
    for t in (first, second):
        try:
            alive.append(t.say("NOOP") == b"250")
        except (ConnectionError, BrokenPipeError):
            alive.append(False)
        t.close()
    assert sorted(alive) == [False, True]
    deliver(server.connect(), "a@example.org")
    server.stop()


def test_last_words_reach_a_client_that_goes_on_sending(serve):
    server = serve()
    client = server.connect()
    assert client.line() == GREETING
    client.socket.sendall(b"XYZZY\r\n" * 50000)
    replies = client.file.readlines()
    assert replies[:-1] == [b"500 5.5.1 no such command\r\n"] * 20
    assert replies[-1].startswith(b"421 4.7.0 ")
    client.close()
    server.stop()


def test_a_client_that_resets_within_a_message_leaves_nothing(serve):
    """L9: RST, after a part that is read and one that is not."""
    server = serve()
    for begin in (b"DATA\r\n", b"BDAT 1000000 LAST\r\n"):
        client = server.connect()
        assert client.line() == GREETING
        assert client.say("EHLO client.example", "MAIL FROM:<a@example.org>",
                          "RCPT TO:<u@local.test>") == b"250"
        client.socket.sendall(begin + b"x" * 300000)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        client.close()
        client = server.connect()
        assert client.line() == GREETING
        client.close()
    server.stop()
    assert server.queue.answers == 0
    assert server.read_log().count("disconnect") == 4


def test_lmtp_is_spoken_to_every_client(serve):
    server = serve("-L")
    for address in ("127.0.0.1", "::1"):
        client = server.connect(address)
        assert client.line() == b"220 mail.example LMTP\r\n"
        assert client.say("LHLO client.example", "MAIL FROM:<a@example.org>",
                          "RCPT TO:<u@local.test>", "RCPT TO:<v@local.test>",
                          "DATA") == b"354"
        client.socket.sendall(b"x\r\n.\r\n")
        assert [client.line()[:9] for _ in range(2)] == [b"250 2.0.0"] * 2
        assert client.say("EHLO client.example") == b"500"
        client.close()
    server.stop()


def test_an_address_that_is_none_is_wrong_usage():
    home = talk.Home()
    home.control("me", "mail.example")
    home.hand_over()
    binary = pathlib.Path(os.environ.get(
        "CULVER_BIN", talk.ROOT / "build" / "bin")) / "culver-smtpd"
    env = {"CULVER_HOME": str(home.path)}
    for words in (["-l", "localhost"], ["-l", "127.0.0.1"], ["-x"], ["x"]):
        done = subprocess.run([str(binary)] + words, env=env,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 100
    done = subprocess.run([str(binary), "--help"], capture_output=True)
    assert done.returncode == 0 and b"example:" in done.stdout
    home.remove()
