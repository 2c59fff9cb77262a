"""Quotas of mailboxes in a whole instance: at delivery, at RCPT, in POP3, by
culver user quota, and with a real Dovecot at the same Maildir."""
import email
import imaplib
import json
import os
import poplib
import re
import shutil
import smtplib
import socket
import subprocess

import pytest

from conftest import DOMAIN, PATIENCE, wait_for
from localbed import LocalBed

ANN = f"ann@{DOMAIN}"
BOB = f"bob@{DOMAIN}"
WARNING = "Subject: Your mailbox is nearly full\n\nPlease tidy up.\n"


def control(instance, **files):
    for name, text in files.items():
        (instance.home / "control" / name).write_text(text)


def quota(instance, size, address=ANN):
    instance.command("user", "quota", address, size)


def use(instance, *more):
    return json.loads(instance.command("user", "quota", ANN, "--json", *more))


def maildirsize(instance):
    return (instance.maildir() / "maildirsize").read_text()


def figures(instance):
    """The sums of maildirsize."""
    lines = [line.split() for line in maildirsize(instance).splitlines()[1:]]
    return [sum(int(line[i]) for line in lines) for i in (0, 1)]


def there(instance):
    """Bytes and number of the files of the mailbox."""
    files = [f for f in instance.maildir().glob("**/*")
             if f.parent.name in ("new", "cur")]
    return [sum(f.stat().st_size for f in files), len(files)]


def rcpt(instance, size=None, address=ANN):
    """What RCPT is answered."""
    with instance.client() as client:
        client.mail("you@client.example", [f"SIZE={size}"] if size else [])
        code, text = client.rcpt(address)
    return code, text.decode()[:5]


def own(instance, path):
    if os.geteuid() == 0:
        os.chown(path, instance.uid, instance.gid, follow_symlinks=False)


def test_a_delivery_is_counted_and_pop3_subtracts(instance):
    quota(instance, "1M,500C")
    for n in range(3):
        instance.send(b"Subject: %d\r\n\r\nhello\r\n" % n)
    instance.wait_mails(3)
    instance.wait_empty()
    head, *lines = maildirsize(instance).splitlines()
    assert head == "1048576S,500C"
    assert len(lines) in range(1, 5)
    assert figures(instance) == there(instance)
    assert use(instance)["messages"] == 3
    client = poplib.POP3("127.0.0.1", instance.pop3, timeout=PATIENCE)
    client.user(ANN)
    client.pass_("secret")
    client.dele(1)
    client.dele(3)
    client.quit()
    wait_for(lambda: len(list(instance.maildir().glob("*/1*"))) == 1)
    wait_for(lambda: figures(instance) == there(instance))
    assert maildirsize(instance).splitlines()[-1].endswith(" -2")
    assert use(instance) == {
        "address": ANN, "bytes": there(instance)[0], "bytes_limit": 1 << 20,
        "messages": 1, "messages_limit": 500, "percent": 0}


def test_a_full_mailbox_defers_until_there_is_room(make_instance):
    instance = make_instance()
    control(instance, usercheck="0\n", retryschedule="1s\n")
    instance.start()
    quota(instance, "1C")
    instance.send(b"Subject: one\r\n\r\nhello\r\n")
    instance.wait_mails(1)
    instance.send(b"Subject: two\r\n\r\nhello\r\n")
    wait_for(lambda: "4.2.2" in instance.log_text("send"))
    assert len(instance.mails()) == 1
    assert len(instance.queued()) == 1
    client = poplib.POP3("127.0.0.1", instance.pop3, timeout=PATIENCE)
    client.user(ANN)
    client.pass_("secret")
    client.dele(1)
    client.quit()
    instance.wait_mails(1)
    instance.wait_empty()
    assert b"Subject: two" in instance.mails()[0].read_bytes()
    assert figures(instance)[1] == 1


def test_a_full_mailbox_refuses_by_a_bounce(instance):
    control(instance, usercheck="0\n", quotapolicy="refuse\n")
    quota(instance, "2000")
    instance.send(b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" * 2000,
                  sender=BOB)
    mail = instance.wait_mails(1, "bob")[0].read_text()
    assert "5.2.2" in mail
    assert instance.mails() == []
    instance.send(b"Subject: small\r\n\r\nhello\r\n", sender=BOB)
    instance.wait_mails(1)


@pytest.mark.parametrize("policy,answer", [("defer", (452, "4.2.2")),
                                           ("refuse", (552, "5.2.2"))])
def test_rcpt_knows_the_room_by_size(instance, policy, answer):
    control(instance, quotapolicy=f"{policy}\n")
    quota(instance, "5000")
    assert rcpt(instance) == (250, "2.1.5")
    assert rcpt(instance, 5000) == (250, "2.1.5")
    assert rcpt(instance, 5001) == answer
    assert rcpt(instance, 18446744073709551615) == answer
    instance.send(b"Subject: one\r\n\r\n" + b"x" * 998 + b"\r\n")
    instance.wait_mails(1)
    assert rcpt(instance, 3000) == (250, "2.1.5")
    assert rcpt(instance, 4000) == answer
    # Who has no quota has all room; and messages count, too.
    assert rcpt(instance, 4000, BOB) == (250, "2.1.5")
    quota(instance, "1C")
    wait_for(lambda: rcpt(instance) == answer)
    # A catch-all, an alias or a plus extension is the mailbox's.
    assert rcpt(instance, address=f"ann+x@{DOMAIN}") == answer
    # Somebody made room and wrote a line, as Dovecot does.
    assert use(instance)["messages"] == 1
    instance.mails()[0].unlink()
    with open(instance.maildir() / "maildirsize", "a",
              encoding="ascii") as file:
        file.write("-1 -1\n")
    wait_for(lambda: rcpt(instance) == (250, "2.1.5"))


def test_lmtp_says_it_at_rcpt(instance):
    quota(instance, "100")
    program = instance.home / "bin" / "culver-smtpd"
    ours, theirs = socket.socketpair()
    identity = {}
    if os.geteuid() == 0:
        identity = {"user": instance.uid, "group": instance.gid,
                    "extra_groups": []}
    with subprocess.Popen([program, "-L"], stdin=theirs, stdout=theirs,
                          env={**instance.env, "TCPREMOTEIP": "127.0.0.1",
                               "RELAYCLIENT": ""}, **identity) as child, ours:
        theirs.close()
        ours.settimeout(PATIENCE)
        talk = ours.makefile("rwb")
        said = [talk.readline()]
        for line in (b"LHLO x", b"MAIL FROM:<> SIZE=500",
                     b"RCPT TO:<%s>" % ANN.encode(), b"QUIT"):
            talk.write(line + b"\r\n")
            talk.flush()
            said.append(talk.readline())
            while said[-1][3:4] == b"-":
                said[-1] = talk.readline()
        child.wait(PATIENCE)
    assert said[3].startswith(b"452 4.2.2")


def calls_of_worker(text):
    """The system calls of culver-local, and what each was asked."""
    rows = re.findall(r"^(\d+) +(\w+)\((.*)$", text, re.MULTILINE)
    worker = next(pid for pid, name, _ in rows if name == "linkat")
    return [(name, args) for pid, name, args in rows if pid == worker]


@pytest.mark.skipif(not shutil.which("strace") or os.geteuid() != 0,
                    reason="strace is not installed, or needs root")
def test_a_mailbox_without_a_quota_costs_no_call(make_instance):
    """The first message sees that there is no maildirsize, and that cur/ is a
    folder, by one call each; the others see nothing of either."""
    instance = make_instance()
    trace = instance.folder / "trace"
    instance.wrapped["lspawn"] = ["strace", "-f", "-s", "200", "-o", str(trace)]
    control(instance, concurrencylocal="1\n")
    instance.start()
    for n in range(4):
        instance.send(b"Subject: %d\r\n\r\nhello\r\n" % n)
        instance.wait_mails(n + 1)
        instance.wait_empty()
    instance.stop()
    calls = calls_of_worker(trace.read_text(errors="replace"))
    links = [i for i, (name, _) in enumerate(calls) if name == "linkat"]
    assert len(links) == 4
    for what in ("maildirsize", "Maildir/cur"):
        asked = [i for i, (_, args) in enumerate(calls) if what in args]
        assert len(asked) == 1 and asked[0] < links[0]
    # From link to link a Maildir that is open is looked at once.
    for a, b in zip(links, links[1:]):
        names = [name for name, args in calls[a:b]]
        assert len([args for _, args in calls[a:b] if "Maildir/new" in args]) == 1
        assert names.count("writev") == 1 and names.count("fsync") == 2
        assert "write" not in names and "lseek" not in names


PLANTS = {
    "fifo": lambda p: os.mkfifo(p, 0o600),
    "link": lambda p: p.symlink_to("/etc/passwd"),
    "loop": lambda p: p.symlink_to(p),
    "huge": lambda p: os.truncate(os.open(p, os.O_CREAT | os.O_WRONLY, 0o600),
                                  1 << 40),
    "junk": lambda p: p.write_bytes(os.urandom(4096)),
    "zeros": lambda p: p.write_bytes(bytes(4096)),
    "overflow": lambda p: p.write_text(
        "9000S\n9223372036854775807 1\n9223372036854775807 1\n"),
    "negative": lambda p: p.write_text("9000S\n-1 -1\n"),
    "cut": lambda p: p.write_text("9000S\n0 0\n12"),
    "old limits": lambda p: p.write_text("1S\n0 0\n"),
}


@pytest.mark.attack("3.12")
@pytest.mark.parametrize("plant", PLANTS)
def test_a_hostile_maildirsize_is_replaced(instance, plant):
    quota(instance, "9000")
    passwd = open("/etc/passwd", "rb").read()
    path = instance.maildir() / "maildirsize"
    PLANTS[plant](path)
    own(instance, path)
    assert rcpt(instance, 8000) == (250, "2.1.5")
    assert rcpt(instance, 9001) == (452, "4.2.2")
    instance.send(b"Subject: one\r\n\r\nhello\r\n")
    instance.wait_mails(1)
    instance.wait_empty()
    assert path.is_file() and not path.is_symlink()
    assert figures(instance) == there(instance)
    assert maildirsize(instance).startswith("9000S\n")
    assert open("/etc/passwd", "rb").read() == passwd


@pytest.mark.attack("3.12")
def test_two_hundred_at_once_stay_within_the_quota(instance):
    """Not one message more than there is room for, and all that fit."""
    control(instance, usercheck="0\n", concurrencylocal="20\n",
            quotapolicy="refuse\n")
    quota(instance, "50C")
    with instance.client() as client:
        for n in range(200):
            client.sendmail("", [ANN], b"Subject: %d\r\n\r\nx\r\n" % n)
    instance.wait_empty()
    assert len(instance.mails()) == 50
    assert figures(instance) == there(instance)


def test_without_a_quota_anothers_file_is_kept_right(instance):
    """Dovecot has a limit of its own: that is its affair."""
    path = instance.maildir() / "maildirsize"
    path.write_text("100S\n0 0\n")
    own(instance, path)
    for n in range(3):
        instance.send(b"Subject: %d\r\n\r\nhello\r\n" % n)
    instance.wait_mails(3)
    instance.wait_empty()
    assert maildirsize(instance).startswith("100S\n0 0\n")
    assert figures(instance) == there(instance)


def test_a_killed_delivery_leaves_it_recountable(instance):
    """Its line is there and its message is not: too much, and not for long."""
    quota(instance, "3C")
    instance.send(b"Subject: one\r\n\r\nhello\r\n")
    instance.wait_mails(1)
    instance.wait_empty()
    with open(instance.maildir() / "maildirsize", "a",
              encoding="ascii") as file:
        file.write("100 1\n100 1\n")
    assert rcpt(instance) == (250, "2.1.5")
    instance.send(b"Subject: two\r\n\r\nhello\r\n")
    instance.wait_mails(2)
    instance.wait_empty()
    assert figures(instance) == there(instance)


def warnings(instance):
    return [f for f in instance.mails() if b"Please tidy up." in f.read_bytes()]


def test_a_warning_comes_once_a_day(make_instance):
    instance = make_instance()
    control(instance, quotawarn="50\n", quotawarnmsg=WARNING, usercheck="0\n",
            quotapolicy="refuse\n")
    instance.set_clock(0)
    instance.start()
    quota(instance, "4C")
    instance.send(b"Subject: one\r\n\r\nhello\r\n")
    instance.wait_mails(1)
    instance.wait_empty()
    assert warnings(instance) == []
    instance.send(b"Subject: two\r\n\r\nhello\r\n")
    instance.wait_mails(3)
    instance.wait_empty()
    (warning,) = warnings(instance)
    mail = email.message_from_bytes(warning.read_bytes())
    assert mail["To"] == ANN and mail["Return-Path"] == "<>"
    assert mail["Date"] and mail["Message-ID"].endswith(">")
    assert mail["From"].startswith("postmaster@")
    assert mail["Subject"] == "Your mailbox is nearly full"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_payload() == "Please tidy up.\n"
    assert figures(instance) == there(instance)
    # Full, and refused: still one a day.
    instance.send(b"Subject: three\r\n\r\nhello\r\n", sender="")
    instance.wait_mails(4)
    instance.send(b"Subject: four\r\n\r\nhello\r\n", sender="")
    instance.wait_empty()
    assert len(instance.mails()) == 4 and len(warnings(instance)) == 1
    # It is not refused itself.
    instance.set_clock(24 * 3600 + 5)
    instance.send(b"Subject: five\r\n\r\nhello\r\n", sender="")
    wait_for(lambda: len(warnings(instance)) == 2)
    instance.wait_empty()
    assert len(instance.mails()) == 5
    assert figures(instance) == there(instance)


@pytest.mark.attack("3.12")
def test_a_hostile_stamp_stops_no_mail(instance):
    control(instance, quotawarn="1\n", quotawarnmsg=WARNING)
    quota(instance, "100C")
    path = instance.maildir() / "culver-quotawarn"
    for n, plant in enumerate(("fifo", "link", "huge", "junk"), 1):
        PLANTS[plant](path)
        own(instance, path)
        instance.send(b"Subject: one\r\n\r\nhello\r\n")
        wait_for(lambda n=n: len(instance.mails()) -
                 len(warnings(instance)) == n)
        instance.wait_empty()
        path.unlink()


def test_culver_user_quota_recounts(instance):
    quota(instance, "1M")
    for n in range(2):
        instance.send(b"Subject: %d\r\n\r\nhello\r\n" % n)
    instance.wait_mails(2)
    instance.wait_empty()
    folder = instance.maildir() / ".Sent" / "cur"
    (instance.maildir() / ".Trash" / "cur").mkdir(parents=True)
    folder.mkdir(parents=True)
    (folder / "1.x.y:2,S").write_bytes(b"12345")
    (instance.maildir() / ".Trash/cur/2.x.y,S=7:2,ST").write_bytes(b"1234567")
    assert use(instance)["messages"] == 2
    assert use(instance, "--recount")["messages"] == 4
    assert use(instance)["bytes"] == there(instance)[0]
    control(instance, quotatrash="0\n")
    assert use(instance, "--recount")["bytes"] == there(instance)[0] - 7
    said = instance.command("user", "quota", ANN)
    assert said == (f"{ANN}: {there(instance)[0] - 7} of 1048576 bytes (0%); "
                    "3 messages, no limit\n")
    # Without a quota nothing is kept, and it is counted each time.
    quota(instance, "0")
    assert not (instance.maildir() / "maildirsize").exists()
    assert use(instance)["messages"] == 3
    instance.command("user", "quota", "nobody@" + DOMAIN, code=100)


def test_a_system_users_maildirsize_rules_his_maildir():
    with_bed(lambda bed: (bed.home / "alias/Maildir/maildirsize").write_text(
        "300S\n0 0\n"))


def test_quotadefault_rules_where_maildirsize_does_not():
    with_bed(lambda bed: (bed.home / "control/quotadefault").write_text(
        "300\n"))


def with_bed(prepare):
    bed = LocalBed()
    try:
        (bed.home / "control/usercheck").write_text("0\n")
        prepare(bed)
        bed.start().connect()
        assert bed.deliver(bed.put(), "box@mail.example").letter == "K"
        big = bed.put(b"Subject: x\n\n" + b"x" * 300 + b"\n")
        result = bed.deliver(big, "box@mail.example")
        assert (result.letter, result.status) == ("Z", b"4.2.2")
        assert len(bed.new()) == 1
        size = bed.new()[0].stat().st_size
        assert (bed.home / "alias/Maildir/maildirsize").read_text() in (
            f"300S\n0 0\n{size} 1\n", f"300S\n{size} 1\n")
    finally:
        bed.close()


DOVECOT = """\
base_dir = {place}/run
state_dir = {place}/run
log_path = {place}/dovecot.log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{maildir}
first_valid_uid = 1
mail_plugins = quota
protocol imap {{
  mail_plugins = quota imap_quota
}}
plugin {{
  quota = maildir:User quota
  quota_rule = *:bytes=1048576:messages=500
}}
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={place}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@pytest.fixture
def dovecot(instance):
    """A function that logs in by IMAP at ann's Maildir."""
    if not shutil.which("dovecot") or os.geteuid() != 0 or not os.path.exists(
            "/usr/lib/dovecot/modules/lib11_imap_quota_plugin.so"):
        pytest.skip("dovecot-imapd is not installed, or needs root")
    place = instance.folder / "dovecot"
    (place / "home").mkdir(parents=True)
    os.chown(place / "home", instance.uid, instance.gid)
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    (place / "conf").write_text(DOVECOT.format(
        place=place, maildir=instance.maildir(), port=port, uid=instance.uid,
        gid=instance.gid))

    def listens():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def login():
        client = imaplib.IMAP4("127.0.0.1", port, timeout=PATIENCE)
        client.login("ann", "x")
        return client

    with subprocess.Popen(["dovecot", "-F", "-c", place / "conf"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL,
                          start_new_session=True) as process:
        try:
            wait_for(listens, why="Dovecot to listen")
            yield login
        finally:
            process.terminate()
            process.wait(PATIENCE)


def asked(client):
    """(KiB, messages) of GETQUOTAROOT INBOX."""
    _, (_, (text,)) = client.getquotaroot("INBOX")
    words = text.decode().replace("(", " ").replace(")", " ").split()
    return (int(words[words.index("STORAGE") + 1]),
            int(words[words.index("MESSAGE") + 1]))


def agree(instance, client):
    ours = use(instance)
    assert [ours["bytes"], ours["messages"]] == there(instance)
    assert asked(client) == (-(-ours["bytes"] // 1024), ours["messages"])
    return ours["messages"]


def test_dovecot_agrees(instance, dovecot):
    """Whoever delivers, files, deletes, counts: both have the same figures, and
    each goes on with the other's file."""
    quota(instance, "1M,500C")
    for n in range(3):
        instance.send(b"Subject: %d\r\n\r\n" % n + b"x" * 900 + b"\r\n")
    instance.wait_mails(3)
    instance.wait_empty()
    before = maildirsize(instance)
    client = dovecot()
    client.select("INBOX")
    assert agree(instance, client) == 3
    assert maildirsize(instance) == before
    # It files one, and moves one away.
    client.append("INBOX", None, None, b"Subject: y\r\n\r\n" + b"y" * 2000)
    client.create("Sent")
    client.copy("1", "Sent")
    client.create("Trash")
    client.copy("2", "Trash")
    assert agree(instance, client) == 6
    # We deliver and take away.
    instance.send(b"Subject: 4\r\n\r\nhello\r\n")
    instance.wait_mails(1)
    instance.wait_empty()
    assert agree(instance, client) == 7
    pop = poplib.POP3("127.0.0.1", instance.pop3, timeout=PATIENCE)
    pop.user(ANN)
    pop.pass_("secret")
    pop.dele(1)
    pop.quit()
    wait_for(lambda: figures(instance) == there(instance))
    assert agree(instance, client) == 6
    client.noop()
    client.store("1", "+FLAGS", "\\Deleted")
    client.expunge()
    assert agree(instance, client) == 5
    # Either counts anew as the other does.
    use(instance, "--recount")
    assert agree(instance, client) == 5
    (instance.maildir() / "maildirsize").unlink()
    other = dovecot()
    other.select("INBOX")
    assert asked(other)[1] == 5
    assert agree(instance, other) == 5
    for one in (client, other):
        one.logout()


def test_dovecot_refuses_what_we_would(instance, dovecot):
    quota(instance, "1M,500C")
    client = dovecot()
    client.select("INBOX")
    big = b"Subject: y\r\n\r\n" + b"y" * (1 << 20)
    assert client.append("INBOX", None, None, big)[0] == "NO"
    with instance.client() as smtp, pytest.raises(
            smtplib.SMTPRecipientsRefused) as refused:
        smtp.sendmail("you@client.example", [ANN], big)
    assert refused.value.recipients[ANN][0] == 452
    client.logout()
