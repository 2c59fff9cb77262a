"""What the tests of attacks share: a client that says bytes and nothing of its
own, instances that serve a whole module, and a sink for other people's mail."""
import contextlib
import os
import pathlib
import socket
import ssl
import struct
import subprocess
import time

from conftest import PATIENCE, Instance, wait_for

SINK = "sink"  # virtualdomains leads other people's domains to this alias


class Session:
    """SMTP by hand over a socket: what is sent is what the test says."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(PATIENCE)
        self.got = b""
        self.ended = False

    def send(self, data):
        """Whatever of it still goes out; a server may have hung up."""
        try:
            self.sock.sendall(data)
        except OSError:
            self.ended = True

    def line(self):
        """The next line, without CR LF; b"" when the server has gone."""
        while b"\r\n" not in self.got:
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionError:
                data = b""
            if not data:
                self.ended = True
                return b""
            self.got += data
        line, self.got = self.got.split(b"\r\n", 1)
        return line

    def reply(self):
        """(code, [lines]) of one reply; code 0 when the server has gone."""
        lines = []
        while True:
            line = self.line()
            if not line:
                return 0, lines
            lines.append(line)
            if line[3:4] != b"-":
                return int(line[:3]), lines

    def ask(self, command):
        self.send(command + b"\r\n")
        return self.reply()[0]

    def wrap(self, name="mail.demo.example"):
        """Go on under TLS, whoever the server is."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=name)
        self.got = b""

    def close(self):
        self.sock.close()


def connect(port, to="127.0.0.1", source=None):
    sock = socket.create_connection(
        (to, port), PATIENCE, (source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Session(sock)


def hex_address(sock_name):
    """An address as /proc/net/tcp writes it."""
    number, = struct.unpack("=I", socket.inet_aton(sock_name[0]))
    return "%08X:%04X" % (number, sock_name[1])


def wait_until_read(session):
    """The server has taken every byte that was sent (IPv4)."""
    ours = hex_address(session.sock.getsockname())
    theirs = hex_address(session.sock.getpeername())
    end = time.monotonic() + PATIENCE
    while True:
        rest = unread(ours, theirs)
        if not rest:
            return
        assert time.monotonic() < end, "the server does not read"
        time.sleep(0)


def unread(ours, theirs):
    """Bytes on their way to the server's end, or waiting there."""
    rest = 0
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            words = line.split()
            if words[1:3] == [theirs, ours]:
                rest += int(words[4].split(":")[1], 16)
            elif words[1:3] == [ours, theirs]:
                rest += int(words[4].split(":")[0], 16)
    return rest


@contextlib.contextmanager
def module_instance(*args, listen=(), control=None, **named):
    """A running Instance for all tests of a module.

    listen holds further addresses for culver-smtpd, as [::1]; control what
    stands in control files from the beginning.
    """
    one = Instance(*args, **named)
    try:
        file = one.home / "service/smtpd/env/LISTEN"
        more = ["%s:%d" % (address, one.smtp) for address in listen]
        file.write_text(" ".join([file.read_text().strip(), *more]) + "\n")
        for name, text in (control or {}).items():
            write_control(one, name, text)
        one.start()
        yield one
    except BaseException:
        one.tell()
        raise
    finally:
        one.close()
    assert one.died == []


def write_control(instance, name, text):
    """Where it takes effect: in the text, without a table made of it."""
    (instance.home / "control" / (name + ".cdb")).unlink(missing_ok=True)
    (instance.home / "control" / name).write_text(text)


def make_sink(instance):
    """alias/Sink, which ~alias/.qmail-sink-default fills."""
    alias = instance.home / "alias"
    for part in ("tmp", "new", "cur"):
        (alias / "Sink" / part).mkdir(parents=True)
    (alias / f".qmail-{SINK}-default").write_text("./Sink/\n")
    for path in (alias / "Sink", *(alias / "Sink").iterdir(),
                 alias / f".qmail-{SINK}-default"):
        os.chown(path, instance.uid, instance.gid)
    return alias / "Sink"


def as_owner(instance):
    """Popen's arguments for a process of whom the instance belongs to."""
    if os.geteuid() != 0:
        return {}
    return {"user": instance.uid, "group": instance.gid, "extra_groups": []}


def ucspi(instance, name="smtpd", **env):
    """A culver-NAME on a socket pair, started as a UCSPI server does it."""
    ours, theirs = socket.socketpair()
    with open(instance.log(name), "ab") as log:
        process = subprocess.Popen(
            [instance.home / "bin" / f"culver-{name}"], stdin=theirs,
            stdout=theirs, stderr=log, env={**instance.env, **env},
            **as_owner(instance))
    theirs.close()
    session = Session(ours)
    session.process = process
    return session


class Mark:
    """Where the log of culver-send ended when this was made."""

    def __init__(self, instance):
        self.path = pathlib.Path(instance.log("send"))
        self.size = self.path.stat().st_size

    def deliveries(self):
        """(channel, address) of each delivery begun since."""
        with self.path.open("rb") as log:
            log.seek(self.size)
            lines = log.read().decode("latin-1").splitlines()
        words = [line.split() for line in lines if "starting delivery" in line]
        return [(w[-2], w[-1]) for w in words]


def free_port(address="127.0.0.1"):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.bind((address, 0))
        return s.getsockname()[1]


def wait_for_port(port, address="127.0.0.1"):
    def there():
        try:
            socket.create_connection((address, port), 5).close()
            return True
        except OSError:
            return False
    wait_for(there, why=f"port {port}")
