"""Mail from the door to the mailbox, with clients that other people wrote."""
import poplib
import random
import re
import signal
import smtplib
import subprocess
from email.parser import BytesParser

import pytest

from conftest import DOMAIN, wait_for

poplib._MAXLINE = 1 << 25  # its 2,048 are its own idea

ANN = "ann@" + DOMAIN
HEADER = (b"From: you@client.example\r\nTo: ann@demo.example\r\n"
          b"Subject: test\r\n\r\n")


def noise(size):
    """Bytes of any value but CR, LF and NUL, the same ones every time."""
    pool = bytes(b for b in range(1, 256) if b not in b"\r\n")
    return bytes(random.Random(size).choices(pool, k=size))


def big(size):
    line = noise(76) + b"\r\n"
    return line * (size // len(line))


BODIES = {
    "one line": b"hello\r\n",
    "empty": b"",
    "8-bit": "Grüße, 鳩 \U0001f54a\r\n".encode() + noise(900) + b"\r\n",
    "dots": b".\r\n..\r\n...\r\n.a\r\n. \r\n\r\n.\r\n",
    "long lines": b"x" * 998 + b"\r\n" + noise(5000) + b"\r\n" +
                  b"." * 70000 + b"\r\n",
    "10 MiB": big(10 << 20),
}


def by_smtplib(instance, data, folder):
    with instance.client() as client:
        # As it is; smtplib would rewrite line ends that are fine.
        code, _ = client.mail("you@client.example")
        assert code == 250
        assert client.rcpt(ANN)[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
        assert client.getreply()[0] == 250


def by_curl(instance, data, folder):
    (folder / "out").write_bytes(data)
    subprocess.run(
        ["curl", "-s", "-S", "--url", f"smtp://127.0.0.1:{instance.smtp}",
         "--mail-from", "you@client.example", "--mail-rcpt", ANN,
         "--upload-file", folder / "out"], check=True, timeout=120)


def by_swaks(instance, data, folder):
    (folder / "out").write_bytes(re.sub(rb"(?m)^\.", b"..", data) + b".")
    subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{instance.smtp}", "--silent", "2",
         "--from", "you@client.example", "--to", ANN,
         "--helo", "client.example", "--no-data-fixup",
         "--data", "@" + str(folder / "out")], check=True, timeout=120)


def by_bdat(instance, data, folder):
    """In pieces of any size, with lines cut and all sent at once."""
    with instance.client() as client:
        assert client.has_extn("chunking")
        sizes, pieces, at = random.Random(len(data)), [], 0
        while at < len(data):
            piece = data[at:at + sizes.randrange(1, 100000)]
            pieces.append(b"BDAT %d\r\n" % len(piece) + piece)
            at += len(piece)
        client.send(b"MAIL FROM:<you@client.example>\r\nRCPT TO:<" +
                    ANN.encode() + b">\r\n" + b"".join(pieces) +
                    b"BDAT 0 LAST\r\n")
        for _ in range(len(pieces) + 3):
            assert client.getreply()[0] == 250


def read_poplib(instance):
    box = poplib.POP3("127.0.0.1", instance.pop3, timeout=60)
    box.user(ANN)
    box.pass_("secret")
    assert box.stat()[0] == 1
    data = b"".join(line + b"\r\n" for line in box.retr(1)[1])
    box.dele(1)
    box.quit()
    return data


def read_curl(instance):
    return subprocess.run(
        ["curl", "-s", "-S", "--user", ANN + ":secret",
         f"pop3://127.0.0.1:{instance.pop3}/1"],
        check=True, timeout=120, capture_output=True).stdout


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("send", [by_smtplib, by_curl, by_swaks, by_bdat])
def test_a_message_arrives_byte_for_byte(instance, tmp_path, send, body):
    data = HEADER + BODIES[body]
    send(instance, data, tmp_path)
    (mail,) = instance.wait_mails(1)
    stored = mail.read_bytes()
    assert stored.endswith(b"\n" + data.replace(b"\r\n", b"\n"))
    by_hand = read_curl(instance)
    fetched = read_poplib(instance)
    assert fetched == by_hand
    assert fetched == stored.replace(b"\n", b"\r\n")
    assert instance.mails() == []
    instance.wait_empty()


def test_the_file_name_tells_both_sizes(instance):
    instance.send(HEADER + b"one\r\ntwo\r\n")
    (mail,) = instance.wait_mails(1)
    stored = mail.read_bytes()
    size, wire = re.search(r",S=(\d+),W=(\d+)", mail.name).groups()
    assert int(size) == len(stored)
    assert int(wire) == len(stored) + stored.count(b"\n")


def test_the_head_says_where_it_came_from(instance):
    instance.send(HEADER + b"hello\r\n")
    (mail,) = instance.wait_mails(1)
    message = BytesParser().parsebytes(mail.read_bytes())
    assert message["Return-Path"] == "<you@client.example>"
    assert message["Delivered-To"].endswith(ANN)
    received = " ".join(message.get_all("Received"))
    assert "client.example" in received and "127.0.0.1" in received


@pytest.mark.parametrize("to,code", [
    ("stranger@" + DOMAIN, 550),
    ("somebody@elsewhere.example", 553),
    ("somebody%elsewhere.example@" + DOMAIN, 550),
])
def test_what_nobody_here_receives_is_refused(instance, to, code):
    with instance.client() as client:
        client.mail("you@client.example")
        got, text = client.rcpt(to)
    assert got == code, text
    assert instance.queued() == set()


def test_several_recipients_each_get_one(instance):
    with instance.client() as client:
        refused = client.sendmail("you@client.example",
                                  [ANN, "stranger@" + DOMAIN, "bob@" + DOMAIN],
                                  HEADER + b"hello\r\n")
    assert list(refused) == ["stranger@" + DOMAIN]
    instance.wait_mails(1, "ann")
    instance.wait_mails(1, "bob")
    instance.wait_empty()
    assert len(instance.mails("ann")) == len(instance.mails("bob")) == 1


def test_the_reply_names_time_and_number(instance):
    with instance.client() as client:
        client.mail("you@client.example")
        client.rcpt(ANN)
        code, text = client.data(HEADER + b"hello\r\n")
    assert code == 250
    assert re.match(rb"(2\.\d\.\d )?ok \d{10} qp \d+\b", text), text
    assert re.search(rb"\d+$", text.strip())


def test_one_connection_takes_many_messages(instance):
    with instance.client() as client:
        for n in range(50):
            client.sendmail("you@client.example", [ANN],
                            HEADER + b"number %d\r\n" % n)
    mails = instance.wait_mails(50)
    bodies = {m.read_bytes().rpartition(b"\n\n")[2] for m in mails}
    assert bodies == {b"number %d\n" % n for n in range(50)}


def test_a_wrong_password_opens_nothing(instance):
    box = poplib.POP3("127.0.0.1", instance.pop3, timeout=60)
    box.user(ANN)
    with pytest.raises(poplib.error_proto, match="-ERR"):
        box.pass_("guess")
    box.close()


def test_without_queued_mail_is_deferred_then_flows(instance):
    instance.stop("queued")
    with instance.client() as client:
        with pytest.raises(smtplib.SMTPException) as caught:
            client.sendmail("you@client.example", [ANN], HEADER + b"one\r\n")
    reply = caught.value
    assert reply.smtp_code == 451, reply
    assert re.match(rb"4\.3\.\d", reply.smtp_error.split(b"#")[-1].lstrip())
    instance.start("queued")
    instance.send(HEADER + b"two\r\n")
    (mail,) = instance.wait_mails(1)
    assert mail.read_bytes().endswith(b"two\n")


def test_mail_waits_for_send_and_flows_when_it_is_back(instance):
    instance.stop("send")
    for n in range(3):
        instance.send(HEADER + b"number %d\r\n" % n)
    assert len(instance.queued()) == 3
    assert instance.mails() == []
    instance.start("send")
    instance.wait_mails(3)
    instance.wait_empty()


def test_mail_waits_for_lspawn_and_flows_when_it_is_back(make_instance):
    instance = make_instance()
    instance.set_clock(0)
    instance.start()
    instance.stop("lspawn")
    instance.send(HEADER + b"hello\r\n")
    assert len(instance.queued()) == 1
    instance.start("lspawn")
    instance.set_clock(2000)
    instance.wait_mails(1)
    instance.wait_empty()


@pytest.mark.parametrize("name,text", [
    ("databytes", "10k\n"),
    ("maxrcpt", "1\n"),
    ("me", "not a name\n"),
])
def test_a_control_file_that_does_not_parse_defers_mail(instance, name, text):
    file = instance.home / "control" / name
    before = file.read_text() if file.exists() else None
    file.write_text(text)
    with instance.client() as client:
        with pytest.raises(smtplib.SMTPResponseException) as caught:
            client.sendmail("you@client.example", [ANN], HEADER + b"one\r\n")
    assert caught.value.smtp_code in (421, 451), caught.value
    assert f"control/{name}:1" in instance.log_text("smtpd")
    if before is None:
        file.unlink()
    else:
        file.write_text(before)
    instance.send(HEADER + b"two\r\n")
    (mail,) = instance.wait_mails(1)
    assert mail.read_bytes().endswith(b"two\n")


def test_an_unreadable_rcpthosts_is_no_open_door(instance):
    file = instance.home / "control" / "rcpthosts"
    file.unlink()
    with instance.client() as client:
        client.mail("you@client.example")
        assert client.rcpt("somebody@elsewhere.example")[0] == 553


def test_a_permanent_failure_comes_back_as_a_bounce(instance):
    instance.stop("send")
    instance.send(HEADER + b"hello\r\n", sender="bob@" + DOMAIN)
    instance.command("user", "del", ANN, "--purge")
    instance.start("send")
    (mail,) = instance.wait_mails(1, "bob")
    text = mail.read_bytes()
    report = BytesParser().parsebytes(text)
    assert report["Return-Path"] == "<>"
    assert report.get_content_type() == "multipart/report"
    first, status = report.get_payload()[:2]
    assert first.get_payload().lstrip().startswith("Hi. This is the ")
    assert f"<{ANN}>:" in first.get_payload()
    assert status.get_content_type() == "message/delivery-status"
    assert "5.1.1" in status.as_string()
    assert ANN in status.as_string()
    instance.wait_empty()


@pytest.mark.parametrize("ret,whole", [("FULL", True), ("HDRS", False)])
def test_a_bounce_says_what_its_sender_asked_for(instance, ret, whole):
    """RFC 3461: ENVID and ORCPT come back, and as much of the message as RET
    says."""
    instance.stop("send")
    with instance.client() as client:
        assert client.has_extn("dsn")
        client.sendmail(
            "bob@" + DOMAIN, [ANN], HEADER + b"the body\r\n",
            [f"RET={ret}", "ENVID=order+2B17"],
            ["NOTIFY=FAILURE", "ORCPT=rfc822;list+2Bann@example.net"])
    instance.command("user", "del", ANN, "--purge")
    instance.start("send")
    (mail,) = instance.wait_mails(1, "bob")
    status = BytesParser().parsebytes(mail.read_bytes()).get_payload()[1]
    assert "Original-Envelope-Id: order+17\n" in status.as_string()
    assert "Original-Recipient: rfc822;list+ann@example.net\n" in \
        status.as_string()
    assert (b"the body" in mail.read_bytes()) == whole
    instance.wait_empty()


def test_who_wants_no_notice_gets_none(instance):
    instance.stop("send")
    with instance.client() as client:
        client.sendmail("bob@" + DOMAIN, [ANN], HEADER + b"hello\r\n", [],
                        ["NOTIFY=NEVER"])
    instance.command("user", "del", ANN, "--purge")
    instance.start("send")
    instance.wait_empty()
    assert instance.mails("bob") == []


def told(instance, count):
    """Recipient and action of each report that bob has got."""
    found = []
    for mail in instance.wait_mails(count, "bob"):
        report = BytesParser().parsebytes(mail.read_bytes())
        assert report["Return-Path"] == "<>"
        assert report["Auto-Submitted"] == "auto-replied"
        found += [(part["Final-Recipient"], part["Action"])
                  for part in report.get_payload()[1].get_payload()[1:]]
    return sorted(found)


def test_success_and_failure_of_one_message_are_two_reports(make_instance):
    cat = "cat@" + DOMAIN
    instance = make_instance(users=("ann:secret", "bob:secret", "cat:secret"))
    instance.start()
    instance.stop("send")
    with instance.client() as client:
        client.mail("bob@" + DOMAIN, ["RET=FULL"])
        assert client.rcpt(ANN, ["NOTIFY=SUCCESS,FAILURE"])[0] == 250
        assert client.rcpt(cat, ["NOTIFY=SUCCESS,FAILURE"])[0] == 250
        assert client.data(HEADER + b"hello\r\n")[0] == 250
    instance.command("user", "del", cat, "--purge")
    instance.start("send")
    assert told(instance, 2) == [("rfc822;" + ANN, "delivered"),
                                 ("rfc822;" + cat, "failed")]
    instance.wait_empty()
    assert len(instance.mails()) == 1


def test_a_delay_is_told_of_and_the_mail_comes(instance):
    (instance.home / "control/delaynotice").write_text("1\n")
    folder = instance.maildir()
    folder.rename(folder.with_name("away"))
    folder.touch()
    instance.stop("send")
    instance.start("send")
    instance.send(HEADER + b"hello\r\n", sender="bob@" + DOMAIN)
    wait_for(lambda: instance.mails("bob") or
             instance.running["send"].send_signal(signal.SIGALRM))
    assert told(instance, 1) == [("rfc822;" + ANN, "delayed")]
    folder.unlink()
    folder.with_name("away").rename(folder)
    wait_for(lambda: instance.mails() or
             instance.running["send"].send_signal(signal.SIGALRM))
    instance.wait_empty()
    assert len(instance.mails("bob")) == 1


def test_two_hundred_connections_at_once_all_deliver(instance):
    """More than concurrencyincoming: the others wait, none is lost."""
    for limit in ("concurrencyip", "concurrencynet"):
        (instance.home / "control" / limit).write_text("0\n")
    clients = []
    done = []

    def talk(n):
        with instance.client(timeout=120) as client:
            client.sendmail("you@client.example", [ANN],
                            HEADER + b"number %d\r\n" % n)
        done.append(n)

    import threading
    for n in range(200):
        clients.append(threading.Thread(target=talk, args=(n,)))
        clients[-1].start()
    for c in clients:
        c.join()
    assert len(done) == 200
    mails = instance.wait_mails(200)
    assert len({m.read_bytes().rpartition(b"\n\n")[2] for m in mails}) == 200
    wait_for(lambda: not instance.queued(), why="an empty queue")
