"""The relay matrix (attacks 3.5): 25 ways to ask for somebody else's mailbox,
by five kinds of client.

third.test is not ours.  What is sent there would be delivered into a Maildir
here, the sink: virtualdomains says so, and rcpthosts does not.  So a message
that slips through is seen, whatever its reply was; and the client that may
relay shows that the sink would see it.

  stranger4   another address of 127.0.0.0/8, at the listener
  stranger6   ::1, at the listener
  pretender   a UCSPI server says ::ffff:127.0.0.1, and that its name is ours
  neighbour   tcpserver's rules know its network and give it nothing
  client      tcpserver's rules give it RELAYCLIENT

The last may reach the sink where the address is one (reaches), and no row
that is a trick may make a local part a foreign address even for it.
"""
import base64
import contextlib
import itertools
import shutil
import subprocess

import pytest
from attackbed import (SINK, Mark, as_owner, connect, free_port, make_sink,
                       module_instance, ucspi, wait_for_port)
from conftest import DOMAIN, PATIENCE, wait_for

OURS = DOMAIN.encode()
NAME = b"mail." + OURS
N = b"n@third.test"
US = b"spamtest@" + OURS
SERIAL = itertools.count(1)

pytestmark = [
    pytest.mark.attack("3.5"),
    pytest.mark.skipif(not shutil.which("tcpserver"),
                       reason="tcpserver is not installed")]


class Row:
    """One way: who it is from, whom it is for.

    refused: a stranger is told 5xx at RCPT; else the address may be taken as
    one of ours, and what counts is where it goes.  reaches: how many messages
    of a client that may relay reach the sink.  before: what is tried first.
    """

    def __init__(self, name, sender, *rcpts, refused=True, reaches=0,
                 hello=b"client.example", before=None):
        self.name, self.sender, self.rcpts = name, sender, rcpts
        self.refused, self.reaches = refused, reaches
        self.hello, self.before = hello, before


def failed_auth(s):
    """AUTH that is wrong, in each way there is."""
    for text in (b"PLAIN " + base64.b64encode(b"\0ann@demo.example\0guess"),
                 b"PLAIN =", b"LOGIN", b"PLAIN"):
        code = s.ask(b"AUTH " + text)
        if code == 334:
            code = s.ask(b"*")
        assert code >= 500, code


def start_tls(s):
    """STARTTLS; where it is offered, go on inside."""
    if s.ask(b"STARTTLS") == 220:
        s.wrap()
        assert s.ask(b"EHLO client.example") == 250


def pretend(s):
    """Say that we are somebody who may."""
    for line in (b"XCLIENT ADDR=127.0.0.5 NAME=" + NAME,
                 b"XCLIENT LOGIN=ann@demo.example",
                 b"XFORWARD ADDR=127.0.0.5"):
        assert s.ask(line) >= 500


def login(s, user):
    """A true login.  Whether it was taken: without TLS it never is."""
    start_tls(s)
    text = base64.b64encode(b"\0" + user)
    code = s.ask(b"AUTH PLAIN " + text)
    assert code == 235 or code >= 500
    return code == 235


def login_then_reset(s):
    """Who is logged in stays so, and may relay as before RSET."""
    may = login(s, b"ann@demo.example\0secret!")
    assert s.ask(b"RSET") == 250
    return may


def login_as_another(s):
    """bob sends as ann: he may not, logged in or not."""
    login(s, b"bob@demo.example\0hidden!")
    return False


ROWS = [
    Row("R1 stranger to stranger", b"a@third.test", N, reaches=1),
    Row("R2 as one of ours", US, N, reaches=1),
    Row("R3 as localhost", b"spamtest@localhost", N, reaches=1),
    Row("R4 sender without domain", b"spamtest", N),
    Row("R5 null sender", b"", N, reaches=1),
    Row("R6 as our address", b"spamtest@[HERE]", N, reaches=1),
    Row("R7 percent at ours", US, b"n%third.test@" + OURS, refused=False),
    Row("R8 percent at our address", US, b"n%third.test@[HERE]",
        refused=False),
    Row("R9 quoted address", US, b'"n@third.test"'),
    Row("R10 quoted percent", US, b'"n%third.test"'),
    Row("R11 two at signs", US, N + b"@" + OURS, refused=False),
    Row("R12 quoted at ours", US, b'"n@third.test"@' + OURS, refused=False),
    Row("R13 two at signs, our address", US, N + b"@[HERE]", refused=False),
    Row("R14 source route by our name", US, b"@" + OURS + b":" + N,
        reaches=1),
    Row("R15 source route by our address", US, b"@[HERE]:" + N, reaches=1),
    Row("R16 bang path", US, b"third.test!n"),
    Row("R17 bang path at ours", US, b"third.test!n@" + OURS, refused=False),
    Row("R18 bang path at our address", US, b"third.test!n@[HERE]",
        refused=False),
    Row("R19 after AUTH that failed", US, N, before=failed_auth, reaches=1),
    Row("R20 after STARTTLS", US, N, before=start_tls, reaches=1),
    Row("R21 with our name in EHLO", US, N, hello=OURS, reaches=1),
    Row("R22 looks like ours", US, b"n@" + OURS + b".third.test",
        b"n@x" + OURS, N + b"\0@" + OURS, reaches=2),
    Row("R23 says it is trusted", US, N, hello=NAME, before=pretend,
        reaches=1),
    Row("R24 after AUTH and RSET", US, N, before=login_then_reset, reaches=1),
    Row("R25 as a user who is another", b"ann@" + OURS, N,
        before=login_as_another, reaches=1),
]
CLIENTS = ["stranger4", "stranger6", "pretender", "neighbour", "client"]


@contextlib.contextmanager
def tcpserver(instance):
    """culver-smtpd under tcpserver with rules; its port."""
    folder = instance.folder / "rules"
    folder.mkdir()
    subprocess.run(
        ["tcprules", folder / "cdb", folder / "tmp"], check=True, timeout=60,
        input=b'127.0.0.5:allow,RELAYCLIENT=""\n127.0.0.:allow\n:deny\n')
    port = free_port()
    with open(instance.log("smtpd"), "ab") as log:
        server = subprocess.Popen(
            ["tcpserver", "-H", "-R", "-l0", "-x", folder / "cdb",
             "127.0.0.1", str(port), instance.home / "bin/culver-smtpd"],
            env=instance.env, stderr=log, stdin=subprocess.DEVNULL,
            **as_owner(instance))
    try:
        wait_for_port(port)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


class Post:
    """The instance, its two doors and its sink."""

    def __init__(self, instance, port):
        self.instance, self.port = instance, port
        self.sink = instance.home / "alias/Sink"

    def client(self, kind):
        if kind == "stranger4":
            s = connect(self.instance.smtp, source="127.0.0.9")
        elif kind == "stranger6":
            s = connect(self.instance.smtp, "::1")
        elif kind == "pretender":
            s = ucspi(self.instance, TCPREMOTEIP="::ffff:127.0.0.1",
                      TCPREMOTEHOST=NAME.decode(), TCPREMOTEPORT="40000",
                      TCPREMOTEINFO="root", TCPLOCALIP="127.0.0.1",
                      TCPLOCALPORT="25", PROTO="TCP")
        else:
            s = connect(self.port, source={"neighbour": "127.0.0.6",
                                           "client": "127.0.0.5"}[kind])
        assert s.reply()[0] == 220
        return s

    def drain(self):
        self.instance.wait_empty()


@pytest.fixture(scope="module")
def post():
    control = {"virtualdomains": "".join(
        f"{domain}:{SINK}\n"
        for domain in ("third.test", ".third.test", "x" + DOMAIN))}
    with module_instance(users=("ann:secret!", "bob:hidden!"),
                         listen=["[::1]"], control=control) as instance:
        make_sink(instance)
        with tcpserver(instance) as port:
            yield Post(instance, port)


def address(text, kind):
    here = b"IPv6:::1" if kind == "stranger6" else b"127.0.0.1"
    return text.replace(b"HERE", here)


def try_row(s, row, kind, serial):
    """May it relay by now; and the replies to each RCPT, or to MAIL if that
    was refused."""
    assert s.ask(b"EHLO " + row.hello) == 250
    may = bool(row.before and row.before(s))
    code = s.ask(b"MAIL FROM:<" + address(row.sender, kind) + b">")
    if code != 250:
        return may, [code]
    codes = [s.ask(b"RCPT TO:<" + address(to, kind) + b">")
             for to in row.rcpts]
    if s.ask(b"DATA") == 354:
        code = s.ask(b"Subject: try %d\r\n\r\nleak\r\n." % serial)
        assert code == 250 or code >= 500
    return may, codes


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_only_who_may_relay_reaches_the_third(post, row, kind):
    mark, serial = Mark(post.instance), next(SERIAL)
    before = set(post.sink.glob("new/*"))
    s = post.client(kind)
    may, codes = try_row(s, row, kind, serial)
    s.ask(b"QUIT")
    s.close()
    may = may or kind == "client"
    reaches = row.reaches if may else 0
    wait_for(lambda: len(set(post.sink.glob("new/*")) - before) >= reaches,
             why="the sink")
    post.drain()
    if row.refused and not may:
        assert min(codes) >= 500, codes
    came = set(post.sink.glob("new/*")) - before
    assert len(came) == reaches, [f.read_bytes() for f in came]
    told = mark.deliveries()
    assert [who for channel, who in told if channel == "remote"] == []
    assert len([1 for _, who in told if who.startswith(SINK + "-")]) == reaches
