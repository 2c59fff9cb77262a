"""Ports 587 and 465: clients that other people wrote log in by each mechanism
they speak, over STARTTLS and TLS from the first byte, and what they send is
mended, is theirs, and does not go where it may not (attacks 3.6, 3.7)."""
import base64
import contextlib
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
from email.parser import BytesParser

import pytest
from attackbed import write_control
from clientbed import HOST, PASSWORD, Doors, give, run
from conftest import DOMAIN, Instance, PATIENCE, children, kill, wait_for
from test_auth import Scram
from test_syscalls import can_trace
from tlsdoor import Talk

HASHED, SCRAM, CLEAR = ("%s@%s" % (u, DOMAIN) for u in "hsc")
BOB = "bob@" + DOMAIN
WAYS = ("submission", "smtps")
LATE = ("badmailfrom-out", "badmailto-out", "forceheaderfrom", "hideclientip")
# Who can be checked by what, each by the least that is kept of a password.
USERS = {"PLAIN": HASHED, "LOGIN": HASHED, "SCRAM-SHA-256": SCRAM,
         "CRAM-MD5": CLEAR}


@contextlib.contextmanager
def opened(controls):
    one = Instance(users=("bob:x",))
    doors = None
    try:
        for user, method in ((HASHED, "default"), (SCRAM, "scram"),
                             (CLEAR, "plain")):
            how = () if method == "default" else ("--method", method)
            one.command("user", "add", "--password-stdin", *how, user,
                        input=PASSWORD + "\n")
        for name, text in controls.items():
            write_control(one, name, text)
        give(one)
        doors = Doors(one)
        one.start("queued", "lspawn", "rspawn", "bounce", "authd", "send",
                  "keyd", "smtpd")
        doors.open("submission", 587, REQUIREAUTH="1")
        doors.open("smtps", 465, REQUIREAUTH="1")
        yield doors
    except BaseException:
        one.tell()
        raise
    finally:
        if doors:
            doors.close()
        one.close()
    assert one.died == []


@pytest.fixture(scope="module")
def doors():
    with opened({"authmechanisms": "PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5\n",
                 "forceauthfrom": "1\n", "forceheaderfrom": "2\n",
                 "hideclientip": "1\n"}) as those:
        yield those


def mail_of(user):
    """Without Date and Message-ID."""
    return ("From: A Person <%s>\nTo: %s\nSubject: test\n\nhello\n.\n..\n"
            % (user, BOB)).encode()


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def by_swaks(doors, way, mechanism, user):
    data = crlf(mail_of(user).replace(b"\n.", b"\n.."))
    (doors.instance.folder / "data").write_bytes(data + b".")
    run("swaks", "--server", HOST, "--port", doors.ports[way],
        "--tls-on-connect" if way == "smtps" else "--tls", "--tls-verify",
        "--tls-ca-path", doors.trust, "--auth", mechanism, "--auth-user", user,
        "--auth-password", PASSWORD, "--from", user, "--to", BOB,
        "--no-data-fixup", "--data", f"@{doors.instance.folder}/data")


def by_msmtp(doors, way, mechanism, user):
    run("msmtp", "--host=" + HOST, "--port=%d" % doors.ports[way], "--tls=on",
        "--tls-starttls=" + ("off" if way == "smtps" else "on"),
        f"--tls-trust-file={doors.trust}", "--auth=" + mechanism.lower(),
        "--user=" + user, "--passwordeval=printf %s 'words of $(id) & more'",
        "--set-date-header=off", "--set-msgid-header=off", "--from=" + user,
        "--domain=client.example", BOB, data=mail_of(user))


def by_nail(doors, way, mechanism, user):
    """As a person writes: it is given the body alone."""
    quote = str.maketrans({"@": "%40", " ": "%20", "$": "%24", "(": "%28",
                           ")": "%29", "&": "%26"})
    scheme = "smtps" if way == "smtps" else "smtp"
    run("s-nail", "-n", "-Sv15-compat", "-Ssendwait", "-Stls-verify=strict",
        f"-Stls-ca-file={doors.trust}", "-Stls-ca-no-defaults",
        *([] if way == "smtps" else ["-Ssmtp-use-starttls"]),
        "-Ssmtp-config=-all,%s,starttls,pipelining" %
        mechanism.lower().replace("-", ""),
        "-Smta=%s://%s:%s@%s:%d" % (
            scheme, user.translate(quote), PASSWORD.translate(quote), HOST,
            doors.ports[way]),
        "-Shostname=client.example", "-r", user, "-s", "test", BOB,
        data=mail_of(user).partition(b"\n\n")[2])


def by_curl(doors, way, mechanism, user):
    scheme = "smtps" if way == "smtps" else "smtp"
    run("curl", "-sS", "--ssl-reqd", "--cacert", doors.trust,
        "--login-options", "AUTH=" + mechanism, "-u", f"{user}:{PASSWORD}",
        "--mail-from", user, "--mail-rcpt", BOB, "-T", "-",
        f"{scheme}://{HOST}:{doors.ports[way]}",
        data=crlf(mail_of(user)))


@contextlib.contextmanager
def client(doors, way):
    """Python's, whose TLS checks the name."""
    context = ssl.create_default_context(cafile=doors.trust)
    where = HOST, doors.ports[way], "client.example"
    if way == "smtps":
        with smtplib.SMTP_SSL(*where, timeout=PATIENCE,
                              context=context) as one:
            yield one
    else:
        with smtplib.SMTP(*where, timeout=PATIENCE) as one:
            one.starttls(context=context)
            yield one


def log_in(one, mechanism, user):
    one.ehlo_or_helo_if_needed()
    one.user, one.password = user, PASSWORD
    how = {"PLAIN": one.auth_plain, "LOGIN": one.auth_login,
           "CRAM-MD5": one.auth_cram_md5,
           "SCRAM-SHA-256": Scram(user, PASSWORD)}[mechanism]
    assert one.auth(mechanism, how)[0] == 235


def by_smtplib(doors, way, mechanism, user):
    with client(doors, way) as one:
        log_in(one, mechanism, user)
        one.sendmail(user, [BOB], crlf(mail_of(user)))


SPEAK = [(by_swaks, ("PLAIN", "LOGIN", "CRAM-MD5")),
         (by_msmtp, ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256")),
         (by_nail, ("PLAIN", "LOGIN", "CRAM-MD5")),
         (by_curl, ("PLAIN", "LOGIN", "CRAM-MD5")),
         (by_smtplib, ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"))]
PROGRAM = {by_swaks: "swaks", by_msmtp: "msmtp", by_nail: "s-nail",
           by_curl: "curl", by_smtplib: "python3"}

WHY_NOT = {send: name + " is not installed" for send, name in PROGRAM.items()
           if not shutil.which(name)}
if by_swaks not in WHY_NOT and subprocess.run(
        ["perl", "-MNet::SSLeay", "-e", "1"], capture_output=True).returncode:
    WHY_NOT[by_swaks] = "swaks has no TLS: Net::SSLeay is not installed"


def arrived(doors):
    (mail,) = doors.instance.wait_mails(1, "bob")
    text = mail.read_bytes()
    mail.unlink()
    return text


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("send,mechanism", [
    pytest.param(send, m, id=f"{PROGRAM[send]}-{m}")
    for send, mechanisms in SPEAK for m in mechanisms])
def test_a_client_logs_in_and_sends(doors, send, mechanism, way):
    if WHY_NOT.get(send):
        pytest.skip(WHY_NOT[send])
    user = USERS[mechanism]
    send(doors, way, mechanism, user)
    text = arrived(doors)
    message = BytesParser().parsebytes(text)
    assert message.get_all("From")[0].endswith(user) or \
        message["From"].endswith(f"<{user}>")
    assert message["Subject"] == "test"
    assert len(message.get_all("Date")) == 1
    assert len(message.get_all("Message-ID")) == 1
    assert message.get_payload(decode=True) == b"hello\n.\n..\n"
    assert re.search(
        rb"Received: from hidden \(authenticated\)\n\tby [^ ]+ with ESMTPSA "
        rb"\(TLSv1\.3 TLS_[A-Z0-9_]+\) id [^;]+;\n", text)
    assert b"client.example" not in re.sub(rb"(?m)^Message-ID:.*\n", b"",
                                           text, flags=re.I)
    assert f"user={user} " in doors.log_text(way)


def test_what_was_missing_is_added_at_the_end(doors):
    by_smtplib(doors, "submission", "PLAIN", HASHED)
    assert re.search(
        rb"\nFrom: A Person <[^>]+>\nTo: [^\n]+\nSubject: test\n"
        rb"Date: [A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d "
        rb"\+0000\nMessage-ID: <\d+\.[0-9a-f]{16}@[^ >]+>\n\nhello\n",
        arrived(doors))


@pytest.mark.attack("3.6")
@pytest.mark.parametrize("way", WAYS)
def test_nobody_sends_without_a_login(doors, way):
    """T6"""
    with client(doors, way) as one:
        one.ehlo()
        assert one.mail("x@client.example")[0] == 530


@pytest.mark.attack("3.6")
def test_no_password_goes_before_tls(doors):
    """T6"""
    with smtplib.SMTP("127.0.0.1", doors.ports["submission"],
                      timeout=PATIENCE) as one:
        one.ehlo()
        assert not one.has_extn("auth")
        assert one.docmd("AUTH", "PLAIN AHgAeQ==") == \
            (538, b"5.7.11 encryption required for AUTH")
        assert one.mail("x@client.example")[0] == 530


@pytest.mark.parametrize("send,said", [
    (by_swaks, b"550 5.7.1"), (by_msmtp, b"5.7.1"),
    (by_curl, b"Weird server reply")])
def test_who_sends_as_another_is_told(doors, send, said, monkeypatch):
    if WHY_NOT.get(send):
        pytest.skip(WHY_NOT[send])
    monkeypatch.setitem(globals(), "mail_of", lambda user: b"From: ceo@bank."
                        b"example\nSubject: x\n\nhello\n")
    with pytest.raises(AssertionError) as told:
        send(doors, "submission", "PLAIN", HASHED)
    assert said in str(told.value).encode()
    assert doors.instance.mails("bob") == []


@pytest.mark.attack("3.7")
def test_one_account_is_not_another(doors):
    with client(doors, "smtps") as one:
        log_in(one, "PLAIN", HASHED)
        assert one.mail(CLEAR)[0] == 553
        assert one.mail(HASHED)[0] == 250
        assert one.rcpt(BOB)[0] == 250
        assert one.data(crlf(mail_of(CLEAR))) == (
            550, b"5.7.1 the From or Sender of this message is not yours "
            b"to use")


def test_a_header_in_any_pieces_is_the_same(doors):
    """Each byte of it in a record of TLS of its own."""
    message = b"From: %s\r\nX: y\r\n z\r\n\r\nhello\r\n" % HASHED.encode()
    with client(doors, "submission") as one:
        log_in(one, "PLAIN", HASHED)
        for pieces in ([message], [message[i:i + 1]
                                   for i in range(len(message))]):
            assert one.mail(HASHED)[0] == 250
            assert one.rcpt(BOB)[0] == 250
            assert one.docmd("DATA")[0] == 354
            for piece in pieces:
                one.send(piece)
            one.send(b".\r\n")
            assert one.getreply()[0] == 250
            assert re.search(rb"\nFrom: [^\n]+\nX: y\n z\nDate: [^\n]+\n"
                             rb"Message-ID: [^\n]+\n\nhello\n$",
                             arrived(doors))


@pytest.mark.attack("3.6")
@pytest.mark.parametrize("name", ["a" * 63 + ".example", "-", "..", "x" * 255,
                                  "../servercert.pem", "%s%n", "xn--"])
def test_junk_for_a_name_gets_the_usual_certificate(doors, name):
    """T5: SNI as the client likes."""
    hello = subprocess.run(
        ["openssl", "s_client", "-connect",
         "127.0.0.1:%d" % doors.ports["smtps"], "-servername", name, "-brief"],
        input=b"QUIT\r\n", capture_output=True, timeout=PATIENCE, check=False)
    assert b"CN = " + HOST.encode() in hello.stderr or \
        hello.returncode != 0, hello
    with client(doors, "smtps") as one:
        assert one.noop()[0] == 250


@pytest.mark.attack("3.6")
def test_a_hello_of_a_mebibyte_ends_the_connection(doors):
    """T5: records of a handshake message that says it is 1 MiB long."""
    record = b"\x16\x03\x01\x40\x00"
    first = b"\x01\x10\x00\x00\x03\x03" + b"r" * 32 + b"\0"
    with Talk(doors.ports["smtps"]) as talk:
        with contextlib.suppress(ConnectionError):
            talk.socket.sendall(record + first.ljust(1 << 14, b"\0"))
            for _ in range(64):
                talk.socket.sendall(record + bytes(1 << 14))
        with contextlib.suppress(ConnectionError):
            while talk.socket.recv(4096):
                pass
    with client(doors, "smtps") as one:
        assert one.noop()[0] == 250


@pytest.mark.attack("3.6")
def test_who_says_nothing_in_a_handshake_keeps_nobody_else(doors):
    """T5: the stall itself ends by control/timeoutsmtpd."""
    silent = [socket.create_connection(("127.0.0.1", doors.ports["smtps"]))
              for _ in range(10)]
    try:
        with client(doors, "smtps") as one:
            assert one.noop()[0] == 250
    finally:
        for s in silent:
            s.close()


@pytest.mark.attack("3.6")
def test_a_handshake_that_stalls_is_ended():
    """T5"""
    with opened({"timeoutsmtpd": "1\n"}) as those:
        for way in WAYS:
            with Talk(those.ports[way]) as talk:
                if way == "submission":
                    talk.reply()
                    talk.say("EHLO c")
                    assert talk.say("STARTTLS").startswith("220 ")
                talk.socket.sendall(b"\x16\x03\x01")
                with contextlib.suppress(ConnectionError):
                    while talk.socket.recv(4096):
                        pass
            wait_for(lambda w=way: "disconnect" in those.log_text(w),
                     why="the log")


MANY = 1000000


def test_a_million_addresses_that_no_mail_goes_to():
    """Compiled by control build; text without a table, and the table of it."""
    with opened({}) as those:
        one = those.instance
        control = one.home / "control"
        with open(control / "badmailto-out", "w", encoding="ascii") as out:
            out.writelines("user%d@no%d.example\n" % (i, i % 1000)
                           for i in range(MANY - 2))
            out.write("@never.example\n.below.example\n")
        one.command("control", "build", "badmailto-out")
        give(one)
        assert (control / "badmailto-out.cdb").stat().st_size > 1 << 25
        with client(those, "submission") as s:
            log_in(s, "PLAIN", HASHED)
            assert s.mail(HASHED)[0] == 250
            for i in range(0, MANY - 2, 100003):
                host = i % 1000
                assert s.rcpt("USER%d@no%d.example" % (i, host)) == (
                    550, b"5.7.1 sorry, no mail goes from here to that "
                    b"address (#5.7.1)")
                assert s.rcpt("user%d@no%d.example" % (i, host + 1))[0] == 250
            assert s.rcpt("x@never.example")[0] == 550
            assert s.rcpt("x@a.b.below.example")[0] == 550
            assert s.rcpt("x@below.example")[0] == 250
        write_control(one, "badmailto-out", "@other.example\n")

        def told(address):
            with client(those, "submission") as s:
                log_in(s, "PLAIN", HASHED)
                assert s.mail(HASHED)[0] == 250
                return s.rcpt(address)[0]
        wait_for(lambda: told("x@never.example") == 250, why="the new list")
        assert told("x@other.example") == 550


@pytest.mark.skipif(os.geteuid() != 0,
                    reason="only root traces what is not dumpable")
@pytest.mark.skipif(can_trace() is not None, reason=str(can_trace()))
def test_strangers_pay_nothing_for_it(make_instance, tmp_path):
    """Their worker looks at none of the files that are for those who relay."""
    one = make_instance(users=("bob:x",))
    for name in LATE:
        write_control(one, name, "1\n" if name[0] in "fh" else "@x.example\n")
    write_control(one, "plainauth", "1\n")
    one.command("user", "add", "--password-stdin", HASHED,
                input=PASSWORD + "\n")
    give(one)
    one.start("queued", "lspawn", "authd", "smtpd")

    with one.client() as stranger, one.client() as friend:
        seen = {}
        for who, login in ((stranger, False), (friend, True)):
            def talk(who=who, login=login):
                if login:
                    plain = base64.b64encode(
                        b"\0%s\0%s" % (HASHED.encode(), PASSWORD.encode()))
                    assert who.docmd("AUTH", "PLAIN " +
                                     plain.decode())[0] == 235
                sender = HASHED if login else "x@client.example"
                who.sendmail(sender, [BOB], "From: %s\r\n\r\nhi\r\n" % sender)
            seen[login] = traced(one, tmp_path / str(login), talk)
    assert not any(name in line for name in LATE for line in seen[False])
    assert all(any(name in line for line in seen[True]) for name in LATE)


def traced(one, file, talk):
    """The calls of all of smtpd's workers."""
    pids = children(one.running["smtpd"].pid)
    words = [w for pid in pids for w in ("-p", str(pid))]
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-s", "200", "-e", "trace=%file", "-o",
         str(file), *words], stderr=subprocess.DEVNULL)
    try:
        def attached():
            return all("TracerPid:\t%d\n" % tracer.pid in status(pid)
                       for pid in pids)
        wait_for(attached, why="strace to attach")
        talk()
    finally:
        kill(tracer.pid, signal.SIGINT)
        tracer.wait(PATIENCE)
    return file.read_text(errors="replace").splitlines()


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as text:
        return text.read()
