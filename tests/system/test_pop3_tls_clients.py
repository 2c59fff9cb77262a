"""Ports 110 with STLS and 995: clients that other people wrote check the
certificate, log in each way they can, and keep what was delivered (attacks
3.6).

What a client changes by its own documentation is said where it is undone."""
import os
import poplib
import shutil
import ssl

import pytest
from attackbed import write_control
from clientbed import HOST, PASSWORD, Doors, give, run
from conftest import DOMAIN, PATIENCE, Instance

ANN = "ann@" + DOMAIN
WAYS = ("popup", "pop3s")
MESSAGES = sorted(
    b"Return-Path: <s@client.example>\nFrom: S <s@client.example>\n"
    b"Subject: %d\nDate: Wed, 25 Nov 2026 10:00:00 +0000\n"
    b"Message-ID: <%d@client.example>\n\n%s" % (i, i, body)
    for i, body in enumerate((
        b"body\n", b".\n..\n.a\n", "gr\u00fc\u00dfe\n".encode(),
        b"line of a message that is not small\n" * 20000)))


@pytest.fixture(scope="module")
def doors():
    """A mailbox behind both doors."""
    one = Instance(users=("bob:x",))
    those = None
    try:
        # Kept so that each mechanism can check it.
        one.command("user", "add", "--password-stdin", "--method", "plain",
                    ANN, input=PASSWORD + "\n")
        write_control(one, "authmechanisms",
                      "PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5\n")
        give(one)
        for i, data in enumerate(MESSAGES):
            path = one.maildir() / "new" / ("%d.m" % i)
            path.write_bytes(data)
            os.chown(path, one.uid, one.gid)
        those = Doors(one)
        one.start("authd", "keyd", "popup")
        those.ports["popup"] = one.pop3
        those.open("pop3s", 995)
        yield those
    except BaseException:
        one.tell()
        raise
    finally:
        if those:
            those.close()
        one.close()
    assert one.died == []


@pytest.fixture
def place(doors):
    """A home for a client, which is not root."""
    path = doors.instance.folder / "client"
    path.mkdir()
    yield path
    shutil.rmtree(path)


def mine(doors, path):
    """What to run a client with: it refuses to be root, or need not be."""
    env = dict(os.environ, HOME=str(path))
    if os.geteuid() != 0:
        return {"env": env}
    one = doors.instance
    for folder, _, files in os.walk(path):
        for name in [folder, *(os.path.join(folder, f) for f in files)]:
            os.chown(name, one.uid, one.gid)
    return {"env": env, "user": one.uid, "group": one.gid, "extra_groups": []}


def make_maildir(path):
    for name in ("tmp", "new", "cur"):
        (path / name).mkdir(parents=True)
    return path


def kept(path):
    return sorted(f.read_bytes() for folder in ("new", "cur")
                  for f in (path / folder).iterdir())


def needs(name):
    return pytest.mark.skipif(not shutil.which(name),
                              reason=name + " is not installed")


def log_says(doors, way):
    log = doors.log_text("pop3s") if way == "pop3s" else \
        doors.instance.log_text("popup")
    return "cipher=TLSv1.3_" in log


@pytest.mark.parametrize("way", WAYS)
@needs("curl")
@pytest.mark.parametrize("how", ("AUTH=*", "AUTH=PLAIN", "AUTH=LOGIN",
                                 "AUTH=CRAM-MD5"))
def test_curl(doors, way, how):
    scheme = "pop3s" if way == "pop3s" else "pop3"
    got = [run("curl", "-sS", "--ssl-reqd", "--cacert", doors.trust,
               "--login-options", how, "-u", f"{ANN}:{PASSWORD}",
               f"{scheme}://{HOST}:{doors.ports[way]}/{i + 1}")
           for i in range(len(MESSAGES))]
    assert sorted(g.replace(b"\r\n", b"\n") for g in got) == MESSAGES
    assert log_says(doors, way)


@pytest.mark.parametrize("way", WAYS)
@needs("mpop")
@pytest.mark.parametrize("how", ("user", "plain", "login", "cram-md5",
                                 "scram-sha-256"))
def test_mpop(doors, place, way, how):
    box = make_maildir(place / "got")
    run("mpop", "--host=" + HOST, "--port=%d" % doors.ports[way],
        "--auth=" + how, "--user=" + ANN, "--tls=on",
        "--passwordeval=printf %s 'words of $(id) & more'",
        "--tls-starttls=" + ("off" if way == "pop3s" else "on"),
        f"--tls-trust-file={doors.trust}", "--keep=on",
        "--received-header=off", f"--uidls-file={place}/uidls",
        f"--delivery=maildir,{box}", **mine(doors, place))
    assert kept(box) == MESSAGES
    assert log_says(doors, way)


@pytest.mark.parametrize("way", WAYS)
@needs("fetchmail")
def test_fetchmail(doors, place, way):
    got = place / "got"
    got.mkdir()
    script = place / "keep"
    script.write_text("#!/bin/sh\ncat >$(mktemp %s/XXXXXX)\n" % got)
    script.chmod(0o755)
    rc = place / "fetchmailrc"
    rc.write_text(
        'set invisible\npoll %s protocol pop3 port %d auth password\n'
        'user "%s" password "%s" %s sslcertck sslcertfile "%s"\n'
        'keep fetchall no rewrite mda "%s"\n' % (
            HOST, doors.ports[way], ANN, PASSWORD,
            "ssl" if way == "pop3s" else 'sslproto "TLS1.2+"',
            doors.trust, script))
    rc.chmod(0o600)
    run("fetchmail", "-f", rc, "--pidfile", place / "pid", "--idfile",
        place / "ids", **mine(doors, place))
    assert sorted(f.read_bytes() for f in got.iterdir()) == MESSAGES
    assert log_says(doors, way)


GETMAILRC = """\
[retriever]
type = SimplePOP3SSLRetriever
server = {host}
port = {port}
username = {user}
password_command = ("/bin/cat", "{place}/password")
ca_certs = {trust}
[destination]
type = Maildir
path = {place}/got/
[options]
delivered_to = false
received = false
read_all = true
verbose = 0
"""


@needs("getmail")
def test_getmail(doors, place):
    """Port 995 alone: it has no STLS."""
    make_maildir(place / "got")
    (place / "password").write_text(PASSWORD)
    (place / "rc").mkdir()
    (place / "rc" / "getmailrc").write_text(GETMAILRC.format(
        host=HOST, port=doors.ports["pop3s"], user=ANN, place=place,
        trust=doors.trust))
    run("getmail", "--getmaildir", place / "rc", **mine(doors, place))
    assert kept(place / "got") == MESSAGES


@pytest.mark.parametrize("way", WAYS)
def test_poplib(doors, way):
    context = ssl.create_default_context(cafile=doors.trust)
    if way == "pop3s":
        box = poplib.POP3_SSL(HOST, doors.ports[way], timeout=PATIENCE,
                              context=context)
    else:
        box = poplib.POP3(HOST, doors.ports[way], timeout=PATIENCE)
        box.stls(context=context)
    box.user(ANN)
    box.pass_(PASSWORD)
    got = [b"".join(line + b"\n" for line in box.retr(i + 1)[1])
           for i in range(len(MESSAGES))]
    box.quit()
    assert sorted(got) == MESSAGES


@pytest.mark.parametrize("way", WAYS)
@needs("curl")
def test_a_certificate_that_is_not_trusted_ends_it(doors, way):
    """It checks at all: without our certificate none of the above would do."""
    scheme = "pop3s" if way == "pop3s" else "pop3"
    said = run("curl", "-sS", "--ssl-reqd", "-u", f"{ANN}:{PASSWORD}",
               f"{scheme}://{HOST}:{doors.ports[way]}/1", code=60)
    assert b"certificate" in said
