"""A culver-policyd in a network namespace of its own, where the DNS server and
the web server on port 443 are the test's.  Only root can make one."""
import base64
import contextlib
import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("CULVER_BIN", TOP / "build" / "bin")).resolve()
NOBODY = 65534
PATIENCE = 60  # seconds after which a wait has failed
NEWNET = 0x40000000
A, CNAME, TXT, AAAA = 1, 5, 16, 28


def wait_for(what, why=""):
    end = time.monotonic() + PATIENCE
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {why or what}")
        time.sleep(0.02)


@contextlib.contextmanager
def within(net):
    """This thread is in the namespace net, or in a new one."""
    libc = ctypes.CDLL(None, use_errno=True)
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        if net is None:
            assert libc.unshare(NEWNET) == 0, os.strerror(ctypes.get_errno())
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        else:
            assert libc.setns(net, NEWNET) == 0
        yield
    finally:
        assert libc.setns(before, NEWNET) == 0
        os.close(before)


class Names(threading.Thread):
    """A DNS server; zone is {(name, type): [text or address]}.  A name with the
    value None is not answered for now: SERVFAIL."""

    def __init__(self):
        super().__init__(daemon=True)
        self.zone, self.asked = {}, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.socket.settimeout(0.1)  # to see that it is over
        self.over = False

    def run(self):
        while not self.over:
            try:
                packet, client = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            if len(packet) > 12:
                self.socket.sendto(self.answer(packet), client)

    def close(self):
        self.over = True
        self.join(PATIENCE)
        self.socket.close()

    @staticmethod
    def data(kind, value):
        if kind == A:
            return socket.inet_aton(value)
        if kind == AAAA:
            return socket.inet_pton(socket.AF_INET6, value)
        raw = value.encode()
        return b"".join(bytes([len(raw[i:i + 255])]) + raw[i:i + 255]
                        for i in range(0, len(raw), 255))

    def answer(self, packet):
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode())
            at += 1 + packet[at]
        kind = struct.unpack(">H", packet[at + 1:at + 3])[0]
        name = ".".join(labels).lower()
        self.asked.append((name, kind))
        question = packet[12:at + 5]
        values = self.zone.get((name, kind), [])
        code = 2 if values is None else 0
        known = any(n == name for n, _ in self.zone)
        if not known:
            code = 3
        out = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 60, len(d)) + d
            for d in (self.data(kind, v) for v in values or []))
        return packet[:2] + struct.pack(
            ">HHHHH", 0x8580 | code, 1, len(values or []), 0, 0) + \
            question + out


class Page:
    """What a host answers; hold: not before the event is set."""

    def __init__(self, body, status=200, kind="text/plain", more="", hold=None):
        self.body = body if isinstance(body, bytes) else body.encode()
        self.status, self.kind, self.more = status, kind, more
        self.hold = hold


class Web(threading.Thread):
    """HTTPS on port 443.  pages is {host: Page}; a host in strangers shows a
    certificate of an unknown authority."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.pages, self.strangers = {}, set()
        self.asked, self.posted = [], []
        self.context = self.made(folder / "web.pem")
        self.stranger = self.made(folder / "stranger.pem")
        self.context.sni_callback = self.choose
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", 443))
        self.socket.listen(50)
        self.serving = []

    @staticmethod
    def made(path):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def choose(self, connection, name, _):
        if name in self.strangers:
            connection.context = self.stranger

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            client.settimeout(PATIENCE)
            t = threading.Thread(target=self.serve, args=(client,),
                                 daemon=True)
            t.start()
            self.serving.append(t)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE)
        self.socket.close()

    def serve(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as s:
                self.talk(s)
        except OSError:
            client.close()

    def talk(self, s):
        got = b""
        while b"\r\n\r\n" not in got:
            piece = s.recv(4096)
            if not piece:
                return
            got += piece
        head, _, body = got.partition(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", head)
        while size and len(body) < int(size[1]):
            body += s.recv(65536)
        host = re.search(rb"(?i)host: (\S+)", head)[1].decode()
        line = head.split(b"\r\n")[0].decode()
        self.asked.append((host, line))
        if line.startswith("POST"):
            self.posted.append((host, line, head, body))
        page = self.pages.get(host) or Page("no such thing", 404)
        if page.hold:
            page.hold.wait(PATIENCE)
        s.sendall((f"HTTP/1.1 {page.status} X\r\nConnection: close\r\n"
                   f"Content-Type: {page.kind}\r\n{page.more}"
                   f"Content-Length: {len(page.body)}\r\n\r\n").encode() +
                  page.body)


def openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_certificates(folder, names):
    """web.pem for names by the authority ca.pem; stranger.pem by nobody."""
    sans = ",".join("DNS:" + n for n in names)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA",
            cwd=folder)
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "web.key",
            "-out", "web.csr", "-subj", "/CN=web", cwd=folder)
    (folder / "ext").write_text(f"subjectAltName={sans}\n")
    openssl("x509", "-req", "-in", "web.csr", "-CA", "ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "30", "-extfile", "ext",
            "-out", "web.crt", cwd=folder)
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
            "-keyout", "s.key", "-out", "s.crt", "-subj", "/CN=s",
            "-addext", f"subjectAltName={sans}", cwd=folder)
    for pem, parts in (("web.pem", ("web.key", "web.crt")),
                       ("stranger.pem", ("s.key", "s.crt"))):
        (folder / pem).write_text(
            "".join((folder / p).read_text() for p in parts))


def text(mode="enforce", mx=("mx.good.example",), age=604800, more=""):
    return "version: STSv1\r\nmode: %s\r\n%smax_age: %d\r\n%s" % (
        mode, "".join(f"mx: {m}\r\n" for m in mx), age, more)


class Remote:
    """A culver-remote's connection (wire/sts.h)."""

    def __init__(self, home, uid=NOBODY):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        os.seteuid(uid)
        try:
            self.socket.connect(str(home / "state" / "policy"))
        finally:
            os.seteuid(0)

    def close(self):
        self.socket.close()

    def send(self, kind, payload):
        self.socket.sendall(
            struct.pack(">I", len(payload) + 1) + kind + payload)

    def take(self, size):
        data = b""
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                return None
            data += piece
        return data

    def read(self):
        """The kind and payload of a frame; None at the end."""
        head = self.take(5)
        if head is None:
            return None
        size = struct.unpack(">I", head[:4])[0] - 1
        return head[4:].decode(), self.take(size) if size else b""

    def ask(self, domain):
        """'N', 'Z', or (mode, max_age, id, [patterns])."""
        self.send(b"Q", domain.encode() + b"\0")
        kind, payload = self.read()
        if kind != "P":
            return kind
        mode, age = struct.unpack(">II", payload[:8])
        ident, _, rest = payload[8:].partition(b"\0")
        patterns = rest[4:].decode().split("\0")[:-1]
        assert struct.unpack(">I", rest[:4])[0] == len(patterns)
        return (("none", "testing", "enforce")[mode], age, ident.decode(),
                patterns)

    def tell(self, domain, kind=0, result=0, base="", mx="", sending="",
             receiving="", reason="", policy=""):
        self.send(b"R", struct.pack(">II", kind, result) + b"".join(
            t.encode() + b"\0" for t in (domain, base, mx, sending, receiving,
                                         reason, policy)))


def runs(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


class Bed:
    """A home, its servers, and culver-policyd, once it is started."""

    def __init__(self, hosts):
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-policy.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.path = self.home = self.folder / "home"
        for name in ("", "control", "queue", "state", "state/policies",
                     "state/tlsrpt"):
            (self.home / name).mkdir()
        self.log = self.folder / "log"
        self.log.touch()
        self.clock = self.folder / "clock"
        self.wall = self.boot = 0
        self.move(0)
        self.control("me", "me.example")
        self.control("dnsservers", "127.0.0.1")
        self.control("tlscafile", str(self.folder / "ca.pem"))
        make_certificates(self.folder, hosts)
        for path in [self.home, *self.home.rglob("*")]:
            os.chown(path, NOBODY, NOBODY)
        self.child, self.remotes = None, []
        with within(None):
            self.net = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            self.names, self.web = Names(), Web(self.folder)
        self.names.start()
        self.web.start()

    def control(self, name, value):
        (self.home / "control" / name).write_text(value + "\n")

    def move(self, seconds):
        """Both clocks go forward."""
        self.wall += seconds
        self.boot += seconds
        fd = os.open(self.clock, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, b"%+020d\n%+020d\n" % (
            self.wall * 1000000, self.boot * 1000000), 0)
        os.close(fd)

    def now(self):
        return int(time.time()) + self.wall

    def announce(self, domain, ident, page=None):
        """The domain's record, and what its web server says."""
        self.names.zone["_mta-sts." + domain, TXT] = [f"v=STSv1; id={ident};"]
        self.names.zone["mta-sts." + domain, A] = ["127.0.0.1"]
        if page:
            self.web.pages["mta-sts." + domain] = page

    def start(self):
        env = {"PATH": os.environ["PATH"], "CULVER_HOME": str(self.home),
               "CULVER_CLOCK": str(self.clock)}
        for name in ("LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                env[name] = os.environ[name]
        with within(self.net), open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                [str(BIN / "culver-policyd")], env=env, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True)
        wait_for(self.reachable, "culver-policyd is there")

    def reachable(self):
        assert self.child.poll() is None, self.log.read_text()
        try:
            self.remote().ask("nobody.there.example")
            return True
        except OSError:
            return False

    def remote(self, **how):
        r = Remote(self.home, **how)
        self.remotes.append(r)
        return r

    def tell(self, *words, **more):
        """Tell, and wait until it has been heard."""
        r = self.remote()
        r.tell(*words, **more)
        assert r.ask("nobody.there.example") == "N"

    def stop(self):
        """End it; what it exits with."""
        task = f"/proc/{self.child.pid}/task/{self.child.pid}/children"
        others = pathlib.Path(task).read_text().split()
        self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(PATIENCE)
        wait_for(lambda: not any(runs(p) for p in others),
                 "its other processes end with it")
        return code

    def says(self, what):
        return what in self.log.read_text()

    def policy(self, domain):
        """The file kept of domain; None without one."""
        try:
            return (self.home / "state/policies" / domain).read_bytes()
        except FileNotFoundError:
            return None

    def remove(self):
        for r in self.remotes:
            r.close()
        if self.child and self.child.poll() is None:
            self.stop()
        self.web.close()
        self.names.close()
        os.close(self.net)
        shutil.rmtree(self.folder)


def part_of(message, kind):
    """The decoded part of that media type."""
    for part in message.walk():
        if part.get_content_type() == kind:
            return base64.b64decode(part.get_payload()) \
                if part["Content-Transfer-Encoding"] == "base64" \
                else part.get_payload().encode()
    raise AssertionError(f"no {kind}")
