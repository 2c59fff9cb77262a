"""SCRAM bound to its connection: by Python for what it can export, by openssl for
tls-exporter, and by gsasl, whose mechanisms and TLS are neither ours nor
OpenSSL's; over SMTP and POP3."""
import base64
import hashlib
import hmac
import re
import select
import shutil
import socket
import ssl
import subprocess
import threading

import pytest
from conftest import BIN, DOMAIN, PATIENCE, wait_for
from tlsdoor import Talk, client_context, make_pem, put_pem

ANN, SECRET = "ann@" + DOMAIN, "words = of, ann"
TOOLS = BIN.parents[1] / "build/deps/tools"
GSASL = shutil.which("gsasl", path=f"{TOOLS}/usr/bin:/usr/bin")
NONCE = "rOprNGfwEbeRWgbNEkqO"


@pytest.fixture
def door(make_instance):
    """A running instance that offers SCRAM, bound and not."""
    one = make_instance(users=())
    put_pem(one, "servercert.pem", make_pem(one.folder, "default.example"))
    (one.home / "control" / "authmechanisms").write_text(
        "SCRAM-SHA-256-PLUS SCRAM-SHA-256\n")
    one.command("user", "add", ANN, "--password-stdin", "--method", "scram",
                input=SECRET + "\n")
    one.start("queued", "authd", "keyd", "smtpd", "popup")
    return one


class Door:
    """SMTP or POP3 up to AUTH; what each says differs in little."""

    def __init__(self, instance, protocol, low=None, high=None):
        self.protocol = protocol
        self.talk = Talk(getattr(instance, protocol))
        smtp = protocol == "smtp"
        self.talk.reply() if smtp else self.talk.line()
        if smtp:
            assert self.talk.say("EHLO a.example").startswith("250 ")
        assert self.send("STARTTLS" if smtp else "STLS")[:3] in ("220", "+OK")
        self.talk.secure(context=client_context(low, high))
        if smtp:
            assert self.talk.say("EHLO a.example").startswith("250 ")
            self.offered = b"\n".join(self.talk.lines).decode()
        else:
            self.offered = self.send("CAPA")
            while not self.offered.endswith("\n."):
                self.offered += "\n" + self.talk.line().decode()

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.talk.__exit__(*why)

    def send(self, line):
        self.talk.socket.sendall(line.encode() + b"\r\n")
        return self.talk.reply() if self.protocol == "smtp" \
            else self.talk.line().decode()

    def certificate(self):
        return hashlib.sha256(self.talk.socket.getpeercert(True)).digest()

    def log_in(self, mechanism, header, data, user=ANN):
        """The last answer of an exchange, and whether the server knew, too."""
        return scram(self.send, mechanism, header, data, user)


def scram(send, mechanism, header, data, user=ANN):
    def say(text):
        answer = send(base64.b64encode(text.encode()).decode())
        kind, _, rest = answer.partition(" ")
        return base64.b64decode(rest).decode() if kind in ("334", "+") \
            else answer
    bare = "n=%s,r=%s" % (user, NONCE)
    assert send("AUTH " + mechanism).strip() in ("334", "+")
    text = say(header + bare)
    if not text.startswith("r="):
        return text
    parts = dict(p.split("=", 1) for p in text.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", SECRET.encode(),
                                 base64.b64decode(parts["s"]),
                                 int(parts["i"]))
    key = hmac.digest(salted, b"Client Key", "sha256")
    without = "c=%s,r=%s" % (
        base64.b64encode(header.encode() + data).decode(), parts["r"])
    message = ",".join((bare, text, without)).encode()
    proof = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
    text = say(without + ",p=" + base64.b64encode(
        bytes(a ^ b for a, b in zip(key, proof))).decode())
    if text.startswith("v="):
        assert base64.b64decode(text[2:]) == hmac.digest(
            hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        text = send("")
    return text


PLUS, BARE = "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"
RIGHT = {"smtp": "235 2.7.0 ok", "pop3": "+OK"}
WRONG = {"smtp": "535 5.7.8 authentication failed",
         "pop3": "-ERR [AUTH] authorization failed"}
both = pytest.mark.parametrize("protocol", ["smtp", "pop3"])
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


@both
def test_bound_to_the_certificate(door, protocol):
    for version in V12, V13:
        with Door(door, protocol, version, version) as d:
            assert "SCRAM-SHA-256-PLUS SCRAM-SHA-256" in d.offered
            assert d.log_in(PLUS, "p=tls-server-end-point,,",
                            d.certificate()) == RIGHT[protocol]


@both
def test_bound_by_tls_unique(door, protocol):
    with Door(door, protocol, V12, V12) as d:
        data = d.talk.socket.get_channel_binding("tls-unique")
        assert d.log_in(PLUS, "p=tls-unique,,", data) == RIGHT[protocol]
    # TLS 1.3 has none (RFC 9266, 1).
    with Door(door, protocol, V13, V13) as d:
        assert d.log_in(PLUS, "p=tls-unique,,", b"x" * 32) == WRONG[protocol]


@both
def test_another_binding_is_another_connection(door, protocol):
    with Door(door, protocol, V12, V12) as d:
        assert d.log_in(PLUS, "p=tls-unique,,", b"x" * 12) == WRONG[protocol]
        assert d.log_in(PLUS, "p=tls-exporter,,", b"x" * 32) == \
            WRONG[protocol]
    with Door(door, protocol, V13, V13) as d:
        for header, data in (("p=tls-exporter,,", b"x" * 32),
                             ("p=tls-none-such,,", b"x" * 32)):
            assert d.log_in(PLUS, header, data) == WRONG[protocol]


@both
def test_who_thinks_that_nothing_can_be_bound_was_made_to(door, protocol):
    """RFC 5802, 6: 'y' where -PLUS was offered is somebody in between."""
    with Door(door, protocol) as d:
        assert d.log_in(BARE, "y,,", b"") == WRONG[protocol]
        assert d.log_in(PLUS, "n,,", b"") == WRONG[protocol]
    with Door(door, protocol) as d:
        assert d.log_in(BARE, "n,,", b"") == RIGHT[protocol]
    (door.home / "control" / "authmechanisms").write_text(BARE + "\n")
    with Door(door, protocol) as d:
        assert PLUS not in d.offered
        assert d.log_in(BARE, "y,,", b"") == RIGHT[protocol]


class OpenSSL:
    """openssl s_client, which tells what it exports and then passes lines."""

    def __init__(self, port, starttls, version):
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", "127.0.0.1:%d" % port,
             "-starttls", starttls, "-crlf", "-ign_eof", version,
             "-keymatexport", "EXPORTER-Channel-Binding",
             "-keymatexportlen", "32"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.watch = threading.Timer(PATIENCE, self.process.kill)
        self.watch.start()
        text = self.until(rb"Keying material: (\w+)")
        self.exported = bytes.fromhex(text[1].decode())
        if starttls == "smtp":
            self.write("EHLO a.example")
            self.until(rb"^250 ")

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.watch.cancel()
        self.process.stdin.close()
        self.process.kill()
        self.process.stdout.close()
        self.process.wait(PATIENCE)

    def until(self, pattern):
        while line := self.process.stdout.readline():
            if found := re.search(pattern, line):
                return found
        raise AssertionError("openssl has ended")

    def write(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def send(self, line):
        self.write(line)
        return self.until(rb"^(([2-5]\d\d|\+|\+OK|-ERR)( .*?)?)\r?$")[1] \
            .decode()


@both
def test_bound_by_what_openssl_exports(door, protocol):
    with OpenSSL(getattr(door, protocol), protocol, "-tls1_3") as s:
        assert scram(s.send, PLUS, "p=tls-exporter,,", s.exported) == \
            RIGHT[protocol]
    with OpenSSL(getattr(door, protocol), protocol, "-tls1_3") as s:
        first = s.exported
    with OpenSSL(getattr(door, protocol), protocol, "-tls1_3") as s:
        assert first != s.exported
        assert scram(s.send, PLUS, "p=tls-exporter,,", first) == \
            WRONG[protocol]


class Between:
    """gsasl looks for STARTTLS in any line of EHLO but the last, where ours may
    have it: one line more comes behind it here, and all else is passed on."""

    def __init__(self, port):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port, self.to = self.listening.getsockname()[1], port
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *why):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.listening.close()

    def run(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            with client, socket.create_connection(
                    ("127.0.0.1", self.to)) as server:
                self.pass_on(client, server)

    @staticmethod
    def pass_on(client, server):
        other = {client: server, server: client}
        while True:
            for one in select.select([client, server], [], [], PATIENCE)[0]:
                data = one.recv(1 << 16)
                if not data:
                    return
                other[one].sendall(data.replace(
                    b"250 STARTTLS\r\n", b"250-STARTTLS\r\n250 X\r\n"))


@pytest.mark.skipif(GSASL is None, reason="gsasl is not unpacked")
@pytest.mark.parametrize("mechanism", [PLUS, BARE])
def test_gsasl_logs_in(door, mechanism):
    with Between(door.smtp) as between:
        def run(password):
            return subprocess.run(
                [GSASL, "--smtp", "--connect", "127.0.0.1:%d" % between.port,
                 "-m", mechanism, "-a", ANN, "-z", "", "-p", password,
                 "--x509-ca-file=", "--hostname=default.example", "-d",
                 *(["--no-cb"] if mechanism == BARE else [])],
                stdin=subprocess.DEVNULL, capture_output=True,
                timeout=PATIENCE, text=True, check=False)
        done = run(SECRET)
        assert "235 2.7.0 ok" in done.stdout, done
        assert "535 5.7.8" in run("wrong").stdout
    wait_for(lambda: "success service=smtp" in door.log_text("authd"),
             why="the log")
