"""Dovecot beside culver: IMAP on the same Maildirs, by a passwd-file of users/
passwd; and delivery by its LMTP."""
import poplib
import re
import smtplib

import pytest

import dovecotbed
from conftest import DOMAIN, PATIENCE, wait_for
from dovecotbed import Dovecot

pytestmark = dovecotbed.marks

ANN = "ann@" + DOMAIN


@pytest.fixture
def dovecot(instance):
    one = Dovecot(instance)
    yield one
    one.close()


def message(subject):
    return b"Subject: " + subject + b"\r\n\r\ntext\r\n"


def pop3(instance, user=ANN, password="secret"):
    client = poplib.POP3("127.0.0.1", instance.pop3, PATIENCE)
    client.user(user)
    client.pass_(password)
    return client


def subjects(client):
    """By IMAP, of the folder that is selected."""
    client.noop()
    _, (found,) = client.search(None, "ALL")
    subjects = []
    for number in found.split():
        _, parts = client.fetch(number, "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
        subjects += [re.match(rb"Subject: (.*)\r", part[1]).group(1)
                     for part in parts if isinstance(part, tuple)]
    return sorted(subjects)


def popped(client):
    count = len(client.list()[1])
    texts = [b"\n".join(client.top(n + 1, 0)[1]) for n in range(count)]
    return sorted(re.search(rb"(?m)^Subject: (.*)", t).group(1) for t in texts)


def test_one_maildir_by_imap_and_by_pop3(instance, dovecot):
    instance.send(message(b"one"))
    instance.send(message(b"two"))
    instance.wait_mails(2)
    imap = dovecot.login(ANN, "secret")
    assert imap.select("INBOX") == ("OK", [b"2"])
    assert subjects(imap) == [b"one", b"two"]
    # Delivered while it is open.
    instance.send(message(b"three"))
    wait_for(lambda: subjects(imap) == [b"one", b"three", b"two"])
    # What IMAP has moved, marked and put there is POP3's, too.
    imap.store("1:*", "+FLAGS", r"(\Seen)")
    assert imap.append("INBOX", None, None, message(b"four"))[0] == "OK"
    client = pop3(instance)
    assert popped(client) == [b"four", b"one", b"three", b"two"]
    texts = {n: b"\n".join(client.retr(n)[1]) for n in range(1, 5)}
    client.dele(next(n for n, t in texts.items() if b"Subject: two" in t))
    client.quit()
    wait_for(lambda: subjects(imap) == [b"four", b"one", b"three"])
    # And the other way round; a folder of Maildir++ is no mail of POP3's.
    _, (number,) = imap.search(None, "SUBJECT", "one")
    imap.create("Old")
    assert imap.copy(number, "Old")[0] == "OK"
    imap.store(number, "+FLAGS", r"(\Deleted)")
    imap.expunge()
    client = pop3(instance)
    assert popped(client) == [b"four", b"three"]
    client.quit()
    imap.logout()


METHODS = ("yescrypt", "bcrypt", "sha512crypt", "scram", "plain")


def test_every_kind_of_password_logs_in(instance, dovecot):
    for method in METHODS:
        instance.command("user", "add", f"{method}@{DOMAIN}", "--password",
                         f"p {method}:%u", "--method", method)
    for name, hash in (("md5", "$1$salt$qJH7.N4xYta3aEG/dfqo/0"),
                       ("sha256", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY"
                        "/GNooZaBBGWEc5")):
        instance.command("user", "add", f"{name}@{DOMAIN}", "--hash", hash)
    instance.command("user", "add", f"none@{DOMAIN}", "--no-password")
    instance.command("user", "add", f"off@{DOMAIN}", "--password", "secret",
                     "--flags", "disabled")
    dovecot.export()
    good = [(m, f"p {m}:%u") for m in METHODS]
    good += [("md5", "password"), ("sha256", "Hello world!")]
    for name, password in good:
        assert dovecot.login(f"{name}@{DOMAIN}", password), name
        assert not dovecot.login(f"{name}@{DOMAIN}", password + "x"), name
    for password in ("secret", "*", "", "{CRYPT}*"):
        assert not dovecot.login(f"none@{DOMAIN}", password)
    assert not dovecot.login(f"off@{DOMAIN}", "secret")
    assert "off@" not in dovecot.users.read_text()


PLACES = [
    # address, --place, another name of it
    ("o'brien@" + DOMAIN, None, None),
    ("percent%d@" + DOMAIN, None, None),
    ("own@" + DOMAIN, "elsewhere/own/Mail", None),
    ("odd@" + DOMAIN, "elsewhere/50%u/Mail", None),
    ("carl@" + DOMAIN, None, "carl@alias.example"),
]


def test_mail_is_where_culver_delivers_it(instance, dovecot):
    instance.command("domain", "add", "alias.example", "--alias-of", DOMAIN)
    for address, place, _ in PLACES:
        instance.command("user", "add", address, "--password", "secret",
                         "--quota", "7M,99C",
                         *(["--place", place] if place else []))
    dovecot.export()
    for address, _, other in PLACES:
        instance.send(message(b"to " + address.encode()), to=[address])
        for name in filter(None, (address, other)):
            imap = dovecot.login(name, "secret")
            imap.select("INBOX")
            wait_for(lambda i=imap, a=address:
                     subjects(i) == [b"to " + a.encode()], why=name)
            _, (_, (quota,)) = imap.getquotaroot("INBOX")
            assert re.search(rb"STORAGE \d+ 7168 MESSAGE 1 99", quota), quota
            imap.logout()


def test_a_million_is_not_written_over_what_is_read(instance, dovecot):
    """The file of before, with its owner and mode, until all is there."""
    before = dovecot.users.stat()
    dovecot.export()
    after = dovecot.users.stat()
    assert (before.st_uid, before.st_gid, before.st_mode) == \
        (after.st_uid, after.st_gid, after.st_mode)
    assert before.st_ino != after.st_ino
    assert list(dovecot.folder.glob("users.*")) == []


# By LMTP: box.example is Dovecot's alone.

@pytest.fixture
def lmtp(instance, dovecot):
    """LMTP by a route; joe is there, as Dovecot knows."""
    where = instance.home / "domains/box.example/joe"
    dovecot.export(f"joe@box.example:{{PLAIN}}joe:{instance.uid}:"
                   f"{instance.gid}::{where}::userdb_mail=maildir:{where}/Mail")
    (instance.home / "control/smtproutes").write_text(
        f"box.example:lmtp:127.0.0.1:{dovecot.lmtp_port}\n")
    instance.command("domain", "add", "box.example", "--relay")
    return dovecot


def inbox(dovecot, user, password):
    imap = dovecot.login(user, password)
    imap.select("INBOX")
    return imap


def test_delivery_by_lmtp(instance, lmtp):
    instance.send(message(b"by lmtp"), to=["joe@box.example",
                                           "joe+list@box.example"])
    imap = inbox(lmtp, "joe@box.example", "joe")
    wait_for(lambda: subjects(imap) == [b"by lmtp", b"by lmtp"])
    instance.wait_empty()


def test_whom_lmtp_does_not_know_is_bounced_to(instance, lmtp):
    instance.send(message(b"lost"), to=["nobody@box.example"], sender=ANN)
    (mail,) = instance.wait_mails(1)
    text = mail.read_text()
    assert "Final-Recipient: rfc822;nobody@box.example" in \
        text.replace("rfc822; ", "rfc822;")
    assert "Status: 5.1.1" in text and "User doesn't exist" in text


def test_whom_the_admin_does_not_list_is_refused(instance, lmtp):
    (instance.home / "control/relayusers").write_text(
        "@box.example\njoe@box.example\n")
    with instance.client() as client:
        client.mail("you@client.example")
        wait_for(lambda: client.rcpt("nobody@box.example")[0] == 550)
        code, text = client.rcpt("nobody@box.example")
        assert (code, text[:6]) == (550, b"5.1.1 ")
        for name in ("joe", "JOE+list"):
            assert client.rcpt(f"{name}@box.example")[0] == 250
        client.data(message(b"listed"))
    imap = inbox(lmtp, "joe@box.example", "joe")
    wait_for(lambda: subjects(imap) == [b"listed", b"listed"])


def test_delivery_by_a_dot_qmail(instance, lmtp):
    """~alias/.qmail-team forwards, and so comes by LMTP."""
    file = instance.home / "alias/.qmail-team"
    file.write_text("&joe@box.example\n")
    (instance.home / "control/locals").write_text("local.example\n")
    instance.command("domain", "add", "local.example", "--local")
    try:
        instance.send(message(b"for all"), to=["team@local.example"])
    except smtplib.SMTPRecipientsRefused:
        pytest.fail("alias is not seen")
    imap = inbox(lmtp, "joe@box.example", "joe")
    wait_for(lambda: subjects(imap) == [b"for all"])
