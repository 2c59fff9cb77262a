"""What attackers try of TLS at the doors (attacks 3.6), at SMTP and at POP3
alike, and what renewing certificates must not break."""
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from conftest import BIN, DOMAIN, PATIENCE, free_base, kill, wait_for
from tlsdoor import Talk, client_context, make_pem, put_pem

pytestmark = pytest.mark.attack("3.6")

SMTP, POP3 = "smtpd", "popup"
BOTH = pytest.mark.parametrize("which", (SMTP, POP3))


@pytest.fixture
def door(make_instance):
    """A running instance whose certificate is for default.example."""
    one = make_instance(users=("ann:secret",))
    put_pem(one, "servercert.pem", make_pem(one.folder, "default.example"))
    one.start("queued", "lspawn", "rspawn", "bounce", "send", "authd", "keyd",
              "smtpd", "popup")
    return one


def begin(door, which):
    """Up to the server's word that TLS may begin."""
    if which == POP3:
        talk = Talk(door.pop3)
        assert talk.line().startswith(b"+OK")
        talk.socket.sendall(b"STLS\r\n")
        assert talk.line().startswith(b"+OK")
        return talk
    talk = Talk(door.smtp)
    assert talk.reply().startswith("220 ")
    assert talk.say("EHLO client.example").startswith("250 ")
    assert talk.say("STARTTLS").startswith("220 ")
    return talk


def secured(door, which, **more):
    talk = begin(door, which)
    talk.secure(**more)
    return talk


def works(door, which, **more):
    """A whole session is answered; whether it went on with another."""
    with secured(door, which, **more) as talk:
        if which == POP3:
            talk.socket.sendall(b"CAPA\r\nQUIT\r\n")
            assert talk.line().startswith(b"+OK")
        else:
            assert talk.say("EHLO c").startswith("250 ")
            assert talk.say("QUIT").startswith("221 ")
        return talk.socket.session_reused


def hello(name=None, version=None):
    """The first bytes of a client, and the client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context(version, version).wrap_bio(
        incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def say_last(talk, data):
    """Nothing follows; the server may have gone before all is said."""
    try:
        talk.socket.sendall(data)
        talk.socket.shutdown(socket.SHUT_WR)
    except OSError as error:
        assert not isinstance(error, TimeoutError)


def heard(talk):
    """All that comes until the end."""
    found = b""
    try:
        while more := talk.socket.recv(65536):
            found += more
    except ConnectionError:
        pass
    return found


STRANGE = (b"\xff" * 15, b"a.example\0b.exam", b"../../../etc/pas",
           b"...............", b"a b c d e f g h", b"control/tls/a.p",
           b"\r\nQUIT\r\nxxxxxxx", b"%s%n%s%n%s%n%s%", b"*.default.examp")


@BOTH
@pytest.mark.parametrize("name", STRANGE)
def test_a_name_of_strange_bytes_is_no_name(door, which, name):
    """The default certificate, as for who names nobody; TLS 1.2 shows it in
    clear."""
    placeholder = "abcdefg.example!"[:len(name)].replace("!", "x")
    data = hello(placeholder, ssl.TLSVersion.TLSv1_2)
    assert data.count(placeholder.encode()) == 1
    with begin(door, which) as talk:
        say_last(talk, data.replace(placeholder.encode(), name))
        assert b"default.example" in heard(talk) or b"\0" in name
    assert not works(door, which)


def records(body, size=16384):
    """A handshake message as records of TLS."""
    return b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
        for part in (body[i:i + size] for i in range(0, len(body), size)))


HUGE = {
    "a length of 16 MiB": records(b"\x01\xff\xff\xff" + b"x" * 200000),
    "128 KiB": records(b"\x01\x02\x00\x00\x03\x03" + b"x" * 131070),
    "one byte a record": records(b"\x01\x00\x20\x00" + b"x" * 8192, 1),
    "empty records": b"\x16\x03\x01\x00\x00" * 20000,
    "a record over its limit": b"\x16\x03\x01\xff\xff" + b"x" * 65535,
}


@BOTH
@pytest.mark.parametrize("data", HUGE.values(), ids=HUGE)
def test_a_huge_hello_ends_the_connection(door, which, data):
    with begin(door, which) as talk:
        say_last(talk, data)
        assert len(heard(talk)) < 100
    assert not works(door, which)


def be_impatient(door):
    """Who says nothing is given up after eight seconds."""
    for name in ("timeoutsmtpd", "timeoutpop3"):
        (door.home / "control" / name).write_text("8\n")


@BOTH
def test_a_handshake_that_stalls_is_given_up(door, which):
    be_impatient(door)
    with begin(door, which) as talk:
        assert heard(talk) == b""
    with begin(door, which) as talk:
        talk.socket.sendall(hello()[:100])
        assert heard(talk) == b""
    wait_for(lambda: door.log_text(which).count("tls-failed") == 2,
             why="the log")


@BOTH
def test_a_handshake_byte_by_byte_ends_as_a_whole(door, which):
    """Each byte comes in time, all together do not."""
    be_impatient(door)
    data = hello() * 20
    with begin(door, which) as talk:
        done = threading.Event()

        def dribble():
            try:
                for byte in data:
                    talk.socket.sendall(bytes([byte]))
                    if done.wait(0.25):
                        return
            except OSError:
                pass
        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            assert heard(talk) == b""
        finally:
            done.set()
            thread.join()
    wait_for(lambda: "tls-failed" in door.log_text(which), why="the log")


@BOTH
@pytest.mark.parametrize("part", (b"", b"\x17", b"\x17\x03\x03\x40\x00abc"),
                         ids=("nothing", "a byte", "half a record"))
def test_a_client_that_says_no_more_within_tls_is_given_up(door, which, part):
    be_impatient(door)
    with secured(door, which) as talk:
        os.write(talk.socket.fileno(), part)
        try:
            while talk.socket.recv(4096):
                pass
        except OSError as error:
            assert not isinstance(error, TimeoutError)


@BOTH
def test_data_that_comes_too_early_is_no_command(door, which):
    """RFC 8446, 2.3: nobody was told that there is early data."""
    junk = b"\x17\x03\x03\x00\x20" + b"x" * 32
    with begin(door, which) as talk:
        say_last(talk, hello() + junk)
        heard(talk)
    wait_for(lambda: "tls-failed" in door.log_text(which), why="the log")
    assert not works(door, which)


@BOTH
def test_half_a_command_behind_the_one_for_tls_ends_all(door, which):
    with Talk(door.smtp if which == SMTP else door.pop3) as talk:
        talk.line()
        if which == SMTP:
            assert talk.say("EHLO c").startswith("250 ")
        talk.socket.sendall(b"STARTTLS\r\nX" if which == SMTP
                            else b"STLS\r\nX")
        assert heard(talk)[:4] in (b"554 ", b"-ERR", b"")
    assert not works(door, which)


@BOTH
def test_renegotiation_is_refused(door, which):
    port, word = (door.smtp, "smtp") if which == SMTP else (door.pop3, "pop3")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls",
         word, "-tls1_2"], input=b"R\nQUIT\r\n", capture_output=True,
        timeout=PATIENCE, check=False)
    assert b"no renegotiation" in done.stderr
    assert not works(door, which)


def session_of(door, which, context):
    """A session that may go on."""
    with secured(door, which, context=context) as talk:
        if which == POP3:
            talk.socket.sendall(b"CAPA\r\n")
            talk.line()
        else:
            talk.say("EHLO c")
        return talk.socket.session


@BOTH
def test_a_ticket_goes_on_at_its_own_service_alone(door, which):
    other = POP3 if which == SMTP else SMTP
    context = client_context(ssl.TLSVersion.TLSv1_3)
    session = session_of(door, which, context)
    assert not works(door, other, context=context, session=session)
    assert works(door, which, context=context, session=session)


@BOTH
def test_a_ticket_outlives_neither_certificate_nor_keyd(door, which):
    context = client_context(ssl.TLSVersion.TLSv1_3)
    session = session_of(door, which, context)
    put_pem(door, "servercert.pem", make_pem(door.folder, "new.example"))

    def renewed():
        with secured(door, which, context=context, session=session) as talk:
            return not talk.socket.session_reused
    wait_for(renewed, why="the ticket to be refused")
    session = session_of(door, which, context)
    assert works(door, which, context=context, session=session)
    door.stop("keyd")
    door.start("keyd")
    # Keys of tickets that a worker has got it keeps, so here is a new one.
    door.stop(which)
    door.start(which)
    assert not works(door, which, context=context, session=session)


# Who renews, and how

def by_rename(path, text, owner):
    new = path.parent / "new"
    new.write_text(text)
    new.chmod(0o600)
    os.chown(new, *owner)
    new.rename(path)


def in_place(path, text, owner):
    path.write_text(text)


def in_pieces(path, text, owner):
    with open(path, "w") as out:
        for i in range(0, len(text), 64):
            out.write(text[i:i + 64])
            out.flush()


def removed_first(path, text, owner):
    path.rename(path.parent / "before")
    by_rename(path, text, owner)


def by_a_link(path, text, owner):
    """As certbot's live/ does."""
    by_rename(path.parent / "tls" / "archive2", text, owner)
    link = path.parent / "link"
    link.symlink_to("tls/archive2")
    link.rename(path)


@BOTH
@pytest.mark.parametrize("renew", (by_rename, in_place, in_pieces,
                                   removed_first, by_a_link))
def test_no_handshake_fails_while_a_certificate_is_renewed(door, which, renew):
    text = make_pem(door.folder, "renewed.example")
    path = door.home / "control" / "servercert.pem"
    failed, ended = [], threading.Event()
    works(door, which)

    def keep_asking():
        while not ended.is_set():
            try:
                works(door, which)
            except Exception as error:  # whatever it is, it failed
                failed.append(error)
    clients = [threading.Thread(target=keep_asking) for _ in range(2)]
    for client in clients:
        client.start()
    try:
        renew(path, text, (door.uid, door.gid))

        def counts():
            with secured(door, which) as talk:
                return talk.common_name() == "renewed.example"
        wait_for(counts, why="the new certificate")
    finally:
        ended.set()
        for client in clients:
            client.join()
    assert not failed


@BOTH
def test_half_a_file_is_named_and_what_was_before_goes_on(door, which):
    text = make_pem(door.folder, "renewed.example")
    path = door.home / "control" / "servercert.pem"
    works(door, which)
    path.write_text(text[:len(text) - 40])

    def named():
        with secured(door, which) as talk:
            assert talk.common_name() == "default.example"
        return "control/servercert.pem: " in door.log_text("keyd")
    wait_for(named, why="keyd's word of it")
    path.write_text(text)

    def counts():
        with secured(door, which) as talk:
            return talk.common_name() == "renewed.example"
    wait_for(counts, why="the new certificate")


@pytest.mark.parametrize("name, file", (
    ("mx.xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("mx.wild.example", "wild.example")))
def test_a_wildcard_is_found_by_what_is_behind_the_dot(door, name, file):
    put_pem(door, f"tls/{file}.pem", make_pem(door.folder, "*." + file))
    for which in (SMTP, POP3):
        with secured(door, which, name=name) as talk:
            assert talk.common_name() == "*." + file
        with secured(door, which, name="a.b." + file) as talk:
            assert talk.common_name() == "default.example"


HOG = """
import socket, sys, time
held = []
while True:
    try:
        s = socket.socket(socket.AF_UNIX)
        s.connect(sys.argv[1])
        held.append(s)
    except OSError:
        held = held[100:]
    if len(held) == 300:
        print("full", flush=True)
    if len(held) > 900:
        held = held[1:]
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another account")
def test_who_takes_all_places_of_keyd_takes_few(door):
    """A worker that was taken over; the others' handshakes end well."""
    hog = subprocess.Popen(
        [sys.executable, "-c", HOG, door.home / "state" / "key"],
        stdout=subprocess.PIPE, user=door.uid, group=door.gid,
        extra_groups=[] if os.geteuid() == 0 else None)
    try:
        assert hog.stdout.readline() == b"full\n"
        for which in (SMTP, POP3) * 3:
            assert not works(door, which)
        wait_for(lambda: "too many questions at once" in door.log_text("keyd"),
                 why="keyd's word of it")
    finally:
        kill(hog.pid, signal.SIGKILL)
        hog.wait(PATIENCE)
        hog.stdout.close()


# Under a UCSPI server there is no private key in the process either.

@pytest.mark.skipif(shutil.which("tcpserver") is None,
                    reason="no ucspi-tcp here")
@pytest.mark.parametrize("secure", (False, True), ids=("asked", "at once"))
@BOTH
def test_under_tcpserver_keyd_signs(door, which, secure):
    port = free_base((7,)) + 7
    argv = [str(BIN / f"culver-{which}")] + (["-t"] if secure else [])
    log = door.folder / "tcpserver.log"
    with open(log, "wb") as out:
        server = subprocess.Popen(
            ["tcpserver", "-H", "-R", "-l", "mail.example", "127.0.0.1",
             str(port), *argv], env=door.env, stdout=out, stderr=out,
            user=door.uid, group=door.gid,
            extra_groups=[] if os.geteuid() == 0 else None)

    def connected():
        try:
            return Talk(port)
        except OSError:
            return None
    try:
        talk = wait_for(connected, why="tcpserver")
        if not secure:
            talk.line()
            if which == SMTP:
                talk.say("EHLO c")
            talk.socket.sendall(b"STARTTLS\r\n" if which == SMTP
                                else b"STLS\r\n")
            talk.line()
        with talk:
            talk.secure()
            assert talk.common_name() == "default.example"
            if which == SMTP:
                assert talk.say("EHLO c")[:4] in ("220 ", "250 ")
            else:
                talk.socket.sendall(b"CAPA\r\n")
                assert talk.line().startswith(b"+OK")
    finally:
        server.terminate()
        server.wait(PATIENCE)
