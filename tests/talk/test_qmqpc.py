"""culver-qmqpc against servers that are played here: which is asked, what is
final, what is tried again elsewhere, and the exit codes."""

import os
import pathlib
import socket
import subprocess
import sys
import threading

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402

BIN = pathlib.Path(os.environ.get("CULVER_BIN", talk.ROOT / "build" / "bin"))
MESSAGE = b"Subject: x\n\nhello\r\n\0\xff.\n.\nno end"
ENVELOPE = b"Fa@example.org\0Tu@local.test\0Tv@other.test\0\0"
WHOLE = b"84:31:" + MESSAGE + b",13:a@example.org,12:u@local.test," \
    b"12:v@other.test,,"


class Server:
    """Answers each package with what it is told; keeps what it read."""

    def __init__(self, answer, address="127.0.0.1", read=None):
        self.answer, self.limit, self.got = answer, read, []
        self.socket = socket.create_server(
            (address, 0),
            family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        port = self.socket.getsockname()[1]
        self.name = ("[%s]:%d" if ":" in address else "%s:%d") % (
            address, port)
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            if self.stopping.is_set():
                return
            with client:
                try:
                    self.serve(client)
                except ConnectionError:
                    pass

    def serve(self, client):
        client.settimeout(talk.PATIENCE)
        data = b""
        while not self.whole(data):
            piece = client.recv(65536)
            if not piece:
                break
            data += piece
        self.got.append(data)
        if self.answer is None:
            self.stopping.wait(talk.PATIENCE)
        elif self.answer:
            client.sendall(self.answer)

    def whole(self, data):
        if self.limit is not None:
            return len(data) >= self.limit
        head, colon, rest = data.partition(b":")
        return colon and len(rest) > int(head)

    def stop(self):
        self.stopping.set()
        # accept() is left by a connection, not by a close.
        try:
            socket.create_connection(self.socket.getsockname()[:2], 5).close()
        except OSError:
            pass
        self.thread.join(talk.PATIENCE)
        self.socket.close()


@pytest.fixture
def serve():
    made = []

    def start(*args, **named):
        made.append(Server(*args, **named))
        return made[-1]
    yield start
    for one in made:
        one.stop()


@pytest.fixture
def home():
    one = talk.Home()
    one.control("me", "null.example")
    yield one
    one.remove()


def nobody():
    """An address at which nothing listens."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return "127.0.0.1:%d" % s.getsockname()[1]


def start(home, *servers, message=MESSAGE, envelope=ENVELOPE, env=None):
    names = [s if isinstance(s, str) else s.name for s in servers]
    if names:
        home.control("qmqpservers", "\\n".join(names))
    home.hand_over()
    files = []
    for number, data in enumerate((message, envelope)):
        path = home.path / ("fd%d" % number)
        path.write_bytes(data)
        files.append(open(path, "rb"))
    with files[0], files[1]:
        return subprocess.Popen(
            [str(BIN / "culver-qmqpc")], stdin=files[0], stdout=files[1],
            stderr=subprocess.PIPE,
            env={"CULVER_HOME": str(home.path), **(env or {})})


def hand(home, *servers, **named):
    child = start(home, *servers, **named)
    _, child.said = child.communicate(timeout=talk.PATIENCE)
    return child.returncode


def test_the_server_reads_what_was_given(home, serve):
    one = serve(b"9:Kok 1 qp 2,")
    assert hand(home, one) == 0
    assert one.got == [WHOLE]


def test_six_megabytes_and_ten_thousand_recipients(home, serve):
    one = serve(b"2:Ko,")
    message = bytes(range(256)) * 25000
    rcpts = [b"u%d@local.test" % i for i in range(10000)]
    envelope = b"F\0" + b"".join(b"T%s\0" % r for r in rcpts) + b"\0"
    assert hand(home, one, message=message, envelope=envelope) == 0
    inner = b"%d:%s," % (len(message), message) + b"0:," + b"".join(
        b"%d:%s," % (len(r), r) for r in rcpts)
    assert one.got == [b"%d:%s," % (len(inner), inner)]


def test_an_empty_message(home, serve):
    one = serve(b"1:K,")
    assert hand(home, one, message=b"", envelope=b"F\0Ta\0\0") == 0
    assert one.got == [b"10:0:,0:,1:a,,"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_families(home, serve, address):
    one = serve(b"1:K,", address=address)
    assert hand(home, one) == 0
    assert one.got == [WHOLE]


def test_the_first_that_takes_it_and_no_other(home, serve):
    first, second = serve(b"1:K,"), serve(b"1:K,")
    assert hand(home, first, second) == 0
    assert (len(first.got), len(second.got)) == (1, 0)


@pytest.mark.parametrize("answer,read", [
    (b"9:Zcome back,", None),
    (b"", None),             # it goes away where it should answer
    (b"", 1),                # and after the first bytes
    (b"HTTP/1.0 400 Bad\r\n", None),
    (b"01:K,", None),
    (b"0:,", None),
    (b"1:X,", None),
    (b"12", None),           # an answer without its words
], ids=["Z", "closes", "closes-early", "http", "zero", "empty", "letter",
        "cut"])
def test_the_next_one_where_one_does_not_take_it(home, serve, answer, read):
    first, second = serve(answer, read=read), serve(b"1:K,")
    assert hand(home, nobody(), first, second) == 0
    assert second.got == [WHOLE]
    assert len(first.got) == 1


def test_no_for_good_is_final(home, serve):
    first, second = serve(b"13:Dgo elsewhere,"), serve(b"1:K,")
    assert hand(home, first, second) == 31
    assert second.got == []


def test_an_answer_in_pieces(home, serve):
    one = serve(b"")

    def slowly(client):
        while not one.whole(data := client.recv(65536, socket.MSG_PEEK)):
            pass
        one.got.append(data)
        for byte in b"9:Kok 1 qp 2,":
            client.sendall(bytes([byte]))
    one.serve = slowly
    assert hand(home, one) == 0


@pytest.mark.parametrize("servers,code", [
    ([b"2:Zz,"], 71),
    ([b""], 74),
    ([None], 73),
    ([None, b"2:Zz,"], 71),
    ([b"2:Zz,", None], 73),
    ([b"2:Zz,", b""], 74),
    ([b"2:Zz,", b"2:Dd,"], 31),
], ids=["Z", "closes", "shut", "shut-Z", "Z-shut", "Z-closes", "Z-D"])
def test_the_last_server_gives_the_exit_code(home, serve, servers, code):
    names = [nobody() if a is None else serve(a) for a in servers]
    assert hand(home, *names) == code


def test_a_server_that_says_nothing_is_given_up(home, serve):
    clock = home.path / "clock"
    clock.write_bytes(b"%+020d\n%+020d\n" % (0, 0))
    silent, second = serve(None), serve(b"1:K,")
    child = start(home, silent, second, env={"CULVER_CLOCK": str(clock)})
    while not silent.got:
        assert child.poll() is None
    ahead = 0
    while child.poll() is None and ahead < 3000:
        ahead += 1
        fd = os.open(clock, os.O_WRONLY)
        os.pwrite(fd, b"%+020d\n%+020d\n" % ((ahead * 1000000,) * 2), 0)
        os.close(fd)
        try:
            child.wait(0.01)
        except subprocess.TimeoutExpired:
            pass
    assert child.wait(talk.PATIENCE) == 0
    child.stderr.close()
    assert second.got == [WHOLE]
    assert ahead >= 10  # it was waited for


@pytest.mark.parametrize("message,envelope,code", [
    (b"x", b"Fa\0Tb\0", 54),
    (b"x", b"Fa\0Tb", 54),
    (b"x", b"", 54),
    (b"x", b"Ta\0Tb\0\0", 91),
    (b"x", b"Fa\0Fb\0\0", 91),
    (b"x", b"\0", 91),
    (b"x", b"F" + b"a" * 1000 + b"\0T" + b"b" * 1000 + b"\0\0", 0),
    (b"x", b"F" + b"a" * 1001 + b"\0Tb\0\0", 11),
    (b"x", b"Fa\0T" + b"b" * 1001 + b"\0\0", 11),
    (b"x", b"Fa\0Tb\0\0what follows is not read", 0),
], ids=range(10))
def test_envelopes(home, serve, message, envelope, code):
    one = serve(b"1:K,")
    assert hand(home, one, message=message, envelope=envelope) == code
    assert len(one.got) == (code == 0)


def test_nobody_to_send_it_to_asks_no_server(home, serve):
    one = serve(b"1:D,")
    assert hand(home, one, envelope=b"Fa\0\0") == 0
    assert one.got == []


def test_without_servers_it_is_the_configurations_fault(home):
    assert hand(home) == 55
    home.control("qmqpservers", "# none")
    assert hand(home) == 55


@pytest.mark.parametrize("line", [
    "mail.example", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "::1:628x",
    "[::1]:0", "[127.0.0.1]", "127.1"])
def test_a_line_that_is_no_server_stops_all(home, serve, line):
    one = serve(b"1:K,")
    assert hand(home, one, line) == 55
    assert one.got == []


def test_a_home_that_is_not_there():
    done = subprocess.run(
        [str(BIN / "culver-qmqpc")], stdin=subprocess.DEVNULL, check=False,
        stdout=subprocess.DEVNULL, env={"CULVER_HOME": "/nonexistent"})
    assert done.returncode == 61


def test_closed_descriptors_are_a_read_error(home):
    home.hand_over()
    done = subprocess.run(
        ["sh", "-c", "exec '%s' <&- >&-" % (BIN / "culver-qmqpc")],
        check=False, env={"CULVER_HOME": str(home.path)})
    assert done.returncode == 54
