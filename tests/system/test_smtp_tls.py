"""culver-smtpd speaks TLS, and holds no key: STARTTLS, TLS from the first byte,
certificates by name, and what attackers try (attacks 3.6)."""
import base64
import os
import signal
import smtplib
import ssl
import subprocess

import pytest
from conftest import (BIN, DOMAIN, PATIENCE, children, free_base, kill,
                      wait_for)
from tlsdoor import KINDS, Talk, client_context, make_pem, put_pem

ANN = "ann@" + DOMAIN
ATTACK = pytest.mark.attack("3.6")


@pytest.fixture
def door(make_instance):
    """A running instance whose certificate is for default.example."""
    one = make_instance(users=("ann:secret",))
    put_pem(one, "servercert.pem", make_pem(one.folder, "default.example"))
    one.start("queued", "lspawn", "rspawn", "bounce", "send", "keyd", "smtpd")
    return one


def hello(door):
    talk = Talk(door.smtp)
    assert talk.reply().startswith("220 ")
    assert talk.say("EHLO client.example").startswith("250 ")
    return talk


def begin_tls(door, **more):
    talk = hello(door)
    assert b"250-STARTTLS" in talk.lines or b"250 STARTTLS" in talk.lines
    assert talk.say("STARTTLS").startswith("220 ")
    talk.secure(**more)
    return talk


def delivered(door):
    return list((door.maildir() / "new").glob("*"))


def test_mail_comes_by_starttls_and_its_trace_says_so(door):
    with smtplib.SMTP("127.0.0.1", door.smtp, timeout=PATIENCE) as client:
        client.starttls(context=client_context())
        client.sendmail("me@client.example", [ANN], "Subject: a\r\n\r\nhi\r\n")
    mail = wait_for(lambda: delivered(door), why="the mail")[0].read_text()
    assert "with ESMTPS (TLSv1.3 TLS_AES_256_GCM_SHA384) id " in mail


def test_curl_sends_by_starttls(door):
    subprocess.run(["curl", "-sSk", "--ssl-reqd", "--mail-from",
                    "me@client.example", "--mail-rcpt", ANN, "-T", "-",
                    f"smtp://127.0.0.1:{door.smtp}"],
                   input=b"Subject: a\r\n\r\nhi\r\n", check=True,
                   timeout=PATIENCE)
    assert wait_for(lambda: delivered(door), why="the mail")


def test_openssl_finds_no_renegotiation_and_no_compression(door):
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{door.smtp}",
         "-starttls", "smtp", "-tls1_2"], input=b"R\nQUIT\r\n",
        capture_output=True, timeout=PATIENCE, check=False)
    assert b"Compression: NONE" in done.stdout
    assert b"RENEGOTIATING" in done.stderr
    assert b"no renegotiation" in done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1_2,
                                     ssl.TLSVersion.TLSv1_3))
def test_each_kind_of_key_and_version(door, kind, version):
    put_pem(door, "tls/x.example.pem",
            make_pem(door.folder, "x.example", kind))
    with begin_tls(door, name="x.example",
                   context=client_context(version, version)) as talk:
        assert talk.common_name() == "x.example"
        assert talk.say("EHLO c").startswith("250 ")


@pytest.mark.parametrize("behind", ("RSET", "MAIL FROM:<x@y.example>",
                                    "NOOP", "EHLO evil.example"))
@ATTACK
def test_nothing_is_injected_behind_starttls(door, behind):
    """T1 (CVE-2011-0411)"""
    with hello(door) as talk:
        assert talk.say("STARTTLS", behind).startswith("554 ")
        assert talk.line() == b""


@ATTACK
def test_bytes_behind_the_reply_are_no_commands(door):
    """T1, where they come later than the command."""
    with hello(door) as talk:
        assert talk.say("STARTTLS").startswith("220 ")
        talk.socket.sendall(b"RSET\r\n")
        with pytest.raises((ssl.SSLError, OSError)):
            talk.secure()
    wait_for(lambda: "tls-failed" in door.log_text("smtpd"), why="the log")


@ATTACK
def test_tls_begins_the_session_anew(door):
    """T3, T4"""
    with begin_tls(door) as talk:
        assert talk.say("MAIL FROM:<x@y.example>").startswith("503 ")
        assert talk.say("STARTTLS").startswith("503 ")
        assert talk.say("EHLO c").startswith("250 ")
        assert not any(b"STARTTLS" in line for line in talk.lines)
        assert talk.say("STARTTLS").startswith("503 ")
        assert talk.say("MAIL FROM:<x@y.example>").startswith("250 ")


@ATTACK
def test_starttls_wants_its_place(door):
    """T4"""
    with hello(door) as talk:
        assert talk.say("STARTTLS now").startswith("501 ")
        assert talk.say("MAIL FROM:<x@y.example>").startswith("250 ")
        assert talk.say("STARTTLS").startswith("503 ")
    with Talk(door.smtp) as talk:
        talk.reply()
        assert talk.say("STARTTLS").startswith("503 ")


@pytest.mark.parametrize("version", (ssl.TLSVersion.TLSv1,
                                     ssl.TLSVersion.TLSv1_1))
@ATTACK
def test_old_versions_are_refused(door, version):
    """T5"""
    with pytest.raises((ssl.SSLError, OSError)):
        begin_tls(door, context=client_context(version, version))


@pytest.mark.parametrize("junk", (b"\x16\x03\x01\xff\xff\x01" + b"x" * 70000,
                                  b"GET / HTTP/1.0\r\n\r\n", b"\0" * 4096))
@ATTACK
def test_junk_for_a_handshake_ends_the_connection(door, junk):
    """T5"""
    with hello(door) as talk:
        assert talk.say("STARTTLS").startswith("220 ")
        try:
            talk.socket.sendall(junk)
            while talk.socket.recv(4096):
                pass
        except ConnectionError:
            pass
    begin_tls(door).socket.close()


@ATTACK
def test_an_end_without_close_notify_is_an_end(door):
    """T5"""
    with begin_tls(door) as talk:
        assert talk.say("EHLO c").startswith("250 ")
        os.close(talk.socket.detach())
    wait_for(lambda: "disconnect" in door.log_text("smtpd"), why="the log")
    assert not delivered(door)


def test_the_name_chooses_the_certificate(door):
    put_pem(door, "tls/a.example.pem", make_pem(door.folder, "a.example"))
    put_pem(door, "tls/b.example.pem", make_pem(door.folder, "*.b.example"))
    for name, expected in (("a.example", "a.example"),
                           ("A.example", "a.example"),
                           ("x.b.example", "*.b.example"),
                           ("c.example", "default.example"),
                           (None, "default.example")):
        with begin_tls(door, name=name) as talk:
            assert talk.common_name() == expected, name


def test_a_renewed_certificate_counts_without_a_restart(door):
    with begin_tls(door) as talk:
        assert talk.common_name() == "default.example"
    put_pem(door, "servercert.pem", make_pem(door.folder, "renewed.example"))

    def renewed():
        with begin_tls(door) as talk:
            return talk.common_name() == "renewed.example"
    wait_for(renewed, why="the new certificate")


def test_a_file_that_others_may_read_is_not_used(make_instance):
    one = make_instance(users=("ann:secret",))
    put_pem(one, "servercert.pem", make_pem(one.folder, "a.example"), 0o644)
    one.start("queued", "keyd", "smtpd")
    with hello(one) as talk:
        assert not any(b"STARTTLS" in line for line in talk.lines)
        assert talk.say("STARTTLS").startswith("454 ")
    assert "control/servercert.pem: others" in one.log_text("keyd")


@ATTACK
def test_without_keyd_there_is_454_and_mail_goes_on(door):
    """T5: the keys cannot be used while it runs."""
    door.stop("keyd")
    with hello(door) as talk:
        assert any(b"STARTTLS" in line for line in talk.lines)
        assert talk.say("STARTTLS").startswith("454 ")
        assert talk.say("MAIL FROM:<x@y.example>").startswith("250 ")


def test_a_keyd_that_hangs_ends_a_handshake_and_nothing_else(door):
    with begin_tls(door) as talk:  # certificates are known now
        assert talk.say("EHLO c").startswith("250 ")
        kill(door.running["keyd"].pid, signal.SIGSTOP)
        try:
            with hello(door) as other:
                other.say("STARTTLS")
                with pytest.raises((ssl.SSLError, OSError)):
                    other.secure()
            assert talk.say("NOOP").startswith("250 ")
            assert talk.say("QUIT").startswith("221 ")
        finally:
            kill(door.running["keyd"].pid, signal.SIGCONT)
    begin_tls(door).socket.close()


def test_a_ticket_is_good_at_every_worker(door):
    context = client_context(ssl.TLSVersion.TLSv1_3)
    with begin_tls(door, context=context) as talk:
        assert talk.say("EHLO c").startswith("250 ")
        session = talk.socket.session
        # The first worker is busy: another takes the ticket.
        with begin_tls(door, context=context, session=session) as other:
            assert other.say("EHLO c").startswith("250 ")
            assert other.socket.session_reused


def test_tls_from_the_first_byte(door):
    port = free_base((465,)) + 465
    log = door.folder / "smtps.log"
    with open(log, "wb") as out:
        child = subprocess.Popen(
            [BIN / "culver-smtpd", "-t", "-l", f"127.0.0.1:{port}"],
            env=door.env, stdout=out, stderr=out, user=door.uid,
            group=door.gid,
            extra_groups=[] if os.geteuid() == 0 else None)
    try:
        def connected():
            try:
                return Talk(port)
            except OSError:
                return None
        with wait_for(connected, why="the door") as talk:
            talk.secure()
            assert talk.reply().startswith("220 ")
            assert talk.say("EHLO c").startswith("250 ")
            assert not any(b"STARTTLS" in line for line in talk.lines)
            assert talk.say("QUIT").startswith("221 ")
            assert talk.line() == b""
        with Talk(port) as talk:
            talk.socket.sendall(b"EHLO c\r\nMAIL FROM:<x@y.example>\r\n")
            assert not talk.line().startswith(b"2")
    finally:
        child.terminate()
        child.wait(PATIENCE)


@pytest.mark.skipif(os.geteuid() != 0, reason="reads others' memory")
def test_no_process_but_keyd_has_the_private_key(door):
    pem = make_pem(door.folder, "k.example", "ed25519")
    put_pem(door, "tls/k.example.pem", pem)
    body = pem.split("-----")[2]
    secret = base64.b64decode(body)[-32:]
    with begin_tls(door, name="k.example") as talk:
        assert talk.say("EHLO c").startswith("250 ")
        found = [name for name, child in door.running.items()
                 if any(holds(pid, secret) for pid in family(child.pid))]
    assert found == ["keyd"]


def family(pid):
    return [pid, *children(pid)]


def holds(pid, secret):
    """The bytes are somewhere in what the process can write to."""
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as mem:
        for line in maps:
            span, mode = line.split()[:2]
            if not mode.startswith("rw"):
                continue
            low, high = (int(x, 16) for x in span.split("-"))
            try:
                mem.seek(low)
                if secret in mem.read(high - low):
                    return True
            except OSError:
                pass
    return False
