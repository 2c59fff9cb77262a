"""sendmail, mailq and newaliases as PHP, cron, mail readers and scripts run
them, against a private instance and as other people than its owner."""
import os
import shutil
import socket
import subprocess

import pytest

from conftest import DOMAIN, wait_for
from mailbed import FRIEND, NOBODY, forget, messages, submit, submitted

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is others")
ME = "mail." + DOMAIN  # control/me
MESSAGE = b"Subject: hi\n\ntext\n"
TO = b"To: ann, bob@b.example\nBcc: carl@c.example\n" + MESSAGE


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None,
                              reason=f"{program} is not installed")


@pytest.fixture
def queue(make_instance):
    one = make_instance()
    (one.home / "control/defaulthost").write_text(DOMAIN + "\n")
    one.start("queued")
    return one


ANN = "ann@" + DOMAIN
ALL = [ANN, "bob@b.example", "carl@c.example"]
ME_TOO = "me@" + DOMAIN


@pytest.mark.parametrize("argv, data, sender, recipients", [
    # PHP
    (["-t", "-i"], TO, ME_TOO, ALL),
    (["-t", "-i", "-fa@b.c"], TO, "a@b.c", ALL),
    (["-t", "-i", "-f", "a@b.c"], TO, "a@b.c", ALL),
    (["-t", "-i", "-fx@y.z", "-f", "a@b.c"], TO, "a@b.c", ALL),
    # cron
    (["-FCronDaemon", "-i", "-B8BITMIME", "-oem", "ann"], MESSAGE, ME_TOO,
     [ANN]),
    # mutt
    (["-oem", "-oi", "-f", "a@b.c", "-N", "failure,delay", "-R", "hdrs",
      "-B8BITMIME", "--", "ann", "x@y.z"], MESSAGE, "a@b.c",
     [ANN, "x@y.z"]),
    # bsd-mailx, s-nail, git send-email
    (["-i", "ann", "x@y.z"], MESSAGE, ME_TOO, [ANN, "x@y.z"]),
    (["-i", "-r", "a@b.c", "--", "ann"], MESSAGE, "a@b.c", [ANN]),
    (["-i", "ann", "x@y.z"], MESSAGE, ME_TOO, [ANN, "x@y.z"]),
    # Postfix's filters, mailing lists, scripts
    (["-G", "-i", "-f", "a@b.c", "--", "ann"], MESSAGE, "a@b.c", [ANN]),
    (["-f", "", "ann"], MESSAGE, "", [ANN]),
    (["-f", "<>", "ann"], MESSAGE, "", [ANN]),
    (["-f", "joe", "ann"], MESSAGE, "joe@" + DOMAIN, [ANN]),
    (["-oi", "-odb", "Ann B <ann>", "x@y.z,u@v.w"], MESSAGE, ME_TOO,
     [ANN, "x@y.z", "u@v.w"]),
    (["-bm", "-v", '"joe s"@y.z'], MESSAGE, ME_TOO, ["joe s@y.z"]),
    (["-t", "x@y.z"], TO, ME_TOO, ["x@y.z"] + ALL),
    (["-K", "--nonsense", "ann"], MESSAGE, ME_TOO, [ANN]),
    (["-C", "/etc/mail/x.cf", "-O", "Timeout=1", "-X/dev/null", "-d8.1",
      "-h", "5", "-L", "tag", "-n", "-U", "-x", "-m", "-Am", "-p", "x",
      "ann"], MESSAGE, ME_TOO, [ANN]),
])
def test_the_calls_of_programs(queue, argv, data, sender, recipients):
    one = submitted(queue, "sendmail", *argv, data=data, env={"USER": "me"})
    assert one.sender == sender
    assert one.recipients == recipients
    assert not one.header("Bcc")
    assert one.text == b"text\n"


def test_options_of_delivery_are_in_the_envelope(queue):
    one = submitted(queue, "sendmail", "-N", "failure,delay", "-R", "hdrs",
                    "-V", "QQ314", "-B8BITMIME", "ann", "x@y.z",
                    data=MESSAGE)
    assert [r.decode() for r in one.records[1:]] == [
        "RHDRS", "EQQ314", "B8BITMIME", "T" + ANN, "NFAILURE,DELAY",
        "Tx@y.z", "NFAILURE,DELAY"]
    one = submitted(queue, "sendmail", "-N", "never", "-R", "full", "ann",
                    data=MESSAGE)
    assert (one.of("N"), one.of("R")) == (["NEVER"], ["FULL"])
    one = submitted(queue, "sendmail", "ann", data=MESSAGE)
    assert [r[:1] for r in one.records] == [b"F", b"T"]
    one = submitted(queue, "sendmail", "j\u00fcrgen@y.z", data=MESSAGE)
    assert one.of("U") == [""]


@pytest.mark.parametrize("argv, env, want", [
    ([], {"USER": "me", "NAME": "My Self"}, f'"My Self" <{ME_TOO}>'),
    (["-F", "Some Body"], {"USER": "me", "NAME": "My Self"},
     f'"Some Body" <{ME_TOO}>'),
    (["-f", "a@b.c"], {"USER": "me", "NAME": "My Self"}, "a@b.c"),
    (["-f", "<a@b.c>"], {"USER": "me"}, "a@b.c"),
    (["-f", "<a@b.c"], {"USER": "me"}, '"<a"@b.c'),
    (["-f", "joe"], {"USER": "me", "MAILHOST": "h.h"}, "joe@" + DOMAIN),
    (["-f", "a@b.c", "-F", "A"], {"USER": "me"}, '"A" <a@b.c>'),
    (["-f", ""], {"USER": "me"}, ME_TOO),
])
def test_from_is_who_was_asked_for(queue, argv, env, want):
    one = submitted(queue, "sendmail", *argv, "ann", data=MESSAGE, env=env)
    assert one.header("From") == [want]
    one = submitted(queue, "sendmail", *argv, "ann", env=env,
                    data=b"From: o@o.o\n" + MESSAGE)
    assert one.header("From") == ["o@o.o"]


def test_a_dot_and_line_ends_are_the_callers(queue):
    one = submitted(queue, "sendmail", "ann", data=b"A: b\r\n\r\nx\r\n.\r\ny")
    assert one.text == b"x\n.\ny\n"
    assert one.header("A") == ["b"]


@pytest.mark.parametrize("argv, data, code", [
    ([], MESSAGE, 64),
    (["-t"], MESSAGE, 64),
    (["-t", "-f"], MESSAGE, 64),
    (["-bt"], b"", 64),
    (["-bz"], b"", 64),
    (["-t"], b"To: a> b\n\n", 65),
    (["ann"], b"A: b\n" + b" c\n" * 400000, 65),
    (["@"], MESSAGE, 67),
    (["a@b c"], MESSAGE, 67),
    (["<a@b.c"], MESSAGE, 67),
    (["-f", "a@b c", "ann"], MESSAGE, 67),
    (["-bv", "a b@c.d", "ann", "<x"], b"", 67),
    (["-bv", "ann"], b"", 0),
    (["-bd"], b"", 69),
    (["-bd", "-q30m"], b"", 69),
    (["-q"], b"", 0),
    (["-q30m"], b"", 0),
    (["-qSa@b"], b"", 0),
])
def test_exit_codes_are_those_of_sysexits(queue, argv, data, code):
    forget(queue)
    done = submit(queue, "sendmail", *argv, data=data, code=code)
    assert bool(done.stderr) == (code != 0)
    assert not messages(queue)


@pytest.mark.parametrize("env, code", [
    ({"CULVER_HOME": "/nowhere"}, 71),
    ({"QMAILQUEUE": "/nowhere"}, 71),
    ({"QMAILQUEUE": "/bin/false"}, 71),
    ({"QMAILDEFAULTHOST": "a b"}, 64),
])
def test_what_fails_is_never_success(queue, env, code):
    submit(queue, "sendmail", "ann", data=MESSAGE, env=env, code=code)


def test_without_the_queue_it_is_not_now(queue):
    queue.stop("queued")
    done = submit(queue, "sendmail", "ann", data=MESSAGE, code=71)
    assert b"not queued" in done.stderr
    done = submit(queue, "sendmail", "-bs", code=None,
                  data=dialogue("a@b.c", "x@y.z"))
    assert b"\r\n250 2.0.0" not in done.stdout and b"\r\n451 " in done.stdout


@root
def test_it_works_within_a_hardened_unit(queue):
    """No new privileges, no environment, a uid that nobody has."""
    argv = ["/usr/bin/setpriv", "--no-new-privs", f"--reuid={FRIEND}",
            f"--regid={FRIEND}", "--clear-groups", "--inh-caps=-all",
            "/usr/bin/env", "-i", f"CULVER_HOME={queue.home}",
            str(queue.home / "bin/sendmail")]
    one = submitted(queue, *argv, "-t", uid=0, data=TO)
    assert (one.uid, one.recipients) == (FRIEND, ALL)
    assert one.sender == "anonymous@" + DOMAIN
    one = submitted(queue, *argv, "-bs", uid=0,
                    data=dialogue("a@b.c", "x@y.z"))
    assert (one.uid, one.recipients) == (FRIEND, ["x@y.z"])


# -bs

def dialogue(sender, recipient):
    return (f"EHLO me\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\n"
            "DATA\r\nSubject: bs\r\n\r\n..text\r\n.\r\nQUIT\r\n").encode()


@pytest.mark.parametrize("uid", [
    None, pytest.param(FRIEND, marks=root), pytest.param(0, marks=root)])
def test_smtp_is_spoken_with_the_caller(queue, uid):
    one = submitted(queue, "sendmail", "-bs", uid=uid,
                    data=dialogue("a@b.c", "x@elsewhere.example"))
    # A private instance is its owner's: root becomes him there.
    want = uid if uid else queue.uid
    assert one.uid == want
    assert (one.sender, one.recipients) == ("a@b.c", ["x@elsewhere.example"])
    assert one.body.startswith(
        b"Received: from me (uid%d@localhost [127.0.0.1])" %
        (os.geteuid() if uid is None and os.geteuid() else
         queue.uid if uid is None else uid))
    assert one.body.endswith(b"Subject: bs\n\n.text\n")
    forget(queue)
    done = submit(queue, "sendmail", "-bs", uid=uid,
                  data=dialogue("a@b.c", "x@elsewhere.example"))
    assert done.stderr == b"" and done.stdout.count(b"\r\n250 ") == 4
    if uid == FRIEND:
        assert one.of("C") == one.of("S") == []


@pytest.mark.parametrize("name, text", [
    ("proxyclients", "127.0.0.1\n"),
    ("tcp.smtp", "127.:deny\n"),
    ("tcp.smtp", '127.:allow,QMAILQUEUE="/nowhere"\n')])
def test_what_networks_may_is_nothing_to_the_caller(make_instance, name, text):
    one = make_instance()
    (one.home / "control" / name).write_text(text)
    one.start("queued")
    got = submitted(one, "sendmail", "-bs", data=dialogue("a@b.c", "x@y.z"))
    assert got.recipients == ["x@y.z"]


def test_the_caller_speaks_for_nobody_else(queue):
    (queue.home / "control/xclientclients").write_text("127.0.0.1\n")
    done = submit(queue, "sendmail", "-bs", code=None,
                  data=b"EHLO me\nXCLIENT ADDR=192.0.2.1\nQUIT\n")
    (queue.home / "control/xclientclients").unlink()
    assert b"\r\n550 5.7.0 you may not say XCLIENT\r\n" in done.stdout


@pytest.mark.parametrize("uid", [
    None, pytest.param(FRIEND, marks=root), pytest.param(0, marks=root)])
def test_the_callers_program_gets_what_smtp_brought(queue, uid):
    one = submitted(queue, "sendmail", "-bs", uid=uid,
                    env={"QMAILQUEUE": str(queue.home / "bin/culver-queue")},
                    data=dialogue("a@b.c", "x@elsewhere.example"))
    assert one.uid == (uid or queue.uid)
    assert (one.sender, one.recipients) == ("a@b.c", ["x@elsewhere.example"])


def test_a_script_may_speak_smtp_in_plain_lines(queue):
    data = dialogue("a@b.c", "x@y.z").replace(b"\r\n", b"\n")
    one = submitted(queue, "sendmail", "-bs", data=data)
    assert one.recipients == ["x@y.z"]
    assert one.body.endswith(b"Subject: bs\n\n.text\n")


@pytest.mark.parametrize("end", [b"\n.\n", b"\n.\r\n", b"\r\n.\n"])
def test_who_ends_lines_in_crlf_has_no_other_end(queue, end):
    """What he passes on is another's, who could end the message there."""
    forget(queue)
    hidden = (b"MAIL FROM:<e@e.e>\r\nRCPT TO:<f@f.f>\r\nDATA\r\n"
              b"Subject: hidden\r\n\r\n.\r\n")
    data = dialogue("a@b.c", "x@y.z").replace(b"..text\r\n",
                                              b"text" + end + hidden)
    submit(queue, "sendmail", "-bs", code=None, data=data)
    assert not [m for m in messages(queue) if m.sender != "a@b.c"]
    assert len(messages(queue)) <= 1


def test_a_session_ends_while_its_caller_goes_on(queue):
    """The server has ended at QUIT, whatever is still open."""
    with subprocess.Popen([queue.home / "bin/sendmail", "-bs"], env=queue.env,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        assert child.stdout.readline().startswith(b"220 ")
        child.stdin.write(b"NOOP\r\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith(b"250 ")
        child.stdin.write(b"QUIT\r\n")
        child.stdin.flush()
        assert child.stdout.readline().startswith(b"221 ")
        assert child.stdout.read() == b""
        assert child.wait(60) == 0


def test_a_caller_talks_ahead_and_others_do_not(instance):
    """What sendmail -bs allows its caller is refused on a network."""
    data = dialogue("a@b.c", "ann@" + DOMAIN)
    with socket.create_connection(("127.0.0.1", instance.smtp), 60) as s:
        s.sendall(data)
        assert s.makefile("rb").read(3) in (b"554", b"220")
    assert not instance.queued() and not instance.mails()


# mailq, newaliases

def test_an_empty_queue_is_said_to_be(queue):
    for argv in (["mailq"], ["sendmail", "-bp"], ["mailq", "-v"]):
        assert submit(queue, *argv).stdout == b"Mail queue is empty\n"


def test_the_queue_is_listed_as_postfix_lists_it(queue):
    submit(queue, "sendmail", "-f", "a@b.c", "ann", "x@y.z",
           data=b"A: b\n\n" + b"x" * 3000 + b"\n")
    submit(queue, "sendmail", "-f", "", "ann", data=MESSAGE)
    lines = submit(queue, "mailq").stdout.decode().splitlines()
    assert lines[0] == ("-Queue ID-  --Size-- ----Arrival Time---- "
                        "-Sender/Recipient-------")
    assert lines[-1].startswith("-- 3 Kbytes in 2 Requests.")
    first = next(i for i, s in enumerate(lines) if s.endswith("a@b.c"))
    ino, size, *when, sender = lines[first].split()
    assert int(ino) in queue.queued() and int(size) > 3000 and len(when) == 4
    assert [s.strip() for s in lines[first + 1:first + 3]] == [ANN, "x@y.z"]
    assert any(s.endswith(" MAILER-DAEMON") for s in lines)


def test_a_list_writes_nothing_on_a_terminal_but_text(queue):
    submit(queue, "sendmail", "-f", b"a\x9b2Jb@c.d", "j\u00fc@y.z",
           data=MESSAGE)
    text = submit(queue, "mailq").stdout
    assert b"a?2Jb@c.d\n" in text and "j\u00fc@y.z\n".encode() in text


@root
def test_others_are_told_that_they_may_not_look(queue):
    submit(queue, "sendmail", "ann", data=MESSAGE)
    done = submit(queue, "mailq", uid=FRIEND, code=75)
    assert done.stdout == b"" and b"root and its owner" in done.stderr


def test_what_is_waited_for_is_shown_with_its_reason(instance):
    # A host that is there and serves nothing.
    (instance.home / "control/smtproutes").write_text(":[127.0.0.1]:1\n")
    submit(instance, "sendmail", "ann@" + DOMAIN, "x@elsewhere.example",
           data=MESSAGE)
    instance.wait_mails(1)
    text = wait_for(lambda: (t := submit(instance, "mailq").stdout.decode())
                    and "\n(" in t and t, why="a deferral")
    assert "x@elsewhere.example" in text and "ann@" not in text


def test_newaliases_compiles_what_there_is(queue):
    done = submit(queue, "newaliases")
    assert done.returncode == 0
    table = queue.home / "users/rcpt.cdb"
    passwd = queue.home / "users/passwd"
    old = table.stat().st_ino
    os.utime(passwd, (passwd.stat().st_mtime + 10,) * 2)
    submit(queue, "sendmail", "-bi")
    assert table.stat().st_ino != old


@root
def test_newaliases_of_others_is_no_failure(queue):
    done = submit(queue, "newaliases", uid=FRIEND)
    assert b"nothing to do" in done.stdout


# the programs themselves

@needs("php")
@pytest.mark.parametrize("more, sender", [
    ("", ME_TOO), (", '', '-fa@b.c'", "a@b.c"),
    (", ['From' => 'Me <me@m.m>', 'Cc' => 'cc@c.c'], '-f a@b.c'", "a@b.c"),
])
def test_php_mails(queue, more, sender):
    path = f"{queue.home}/bin/sendmail -t -i"
    php = [shutil.which("php"), "-n", "-d", f"sendmail_path={path}", "-r",
           "exit(mail('ann, x@y.z', 'Hi \u00e9', \"one\\ntwo\\n.\\n\""
           f"{more}) ? 0 : 9);"]
    one = submitted(queue, *php, env={"USER": "me"},
                    uid=FRIEND if os.geteuid() == 0 else None)
    assert one.sender == sender
    assert one.recipients[:2] == [ANN, "x@y.z"]
    assert one.recipients[2:] == (["cc@c.c"] if "Cc" in more else [])
    assert one.text == b"one\ntwo\n.\n\n"  # PHP adds the last
    assert one.uid == (FRIEND if os.geteuid() == 0 else os.geteuid())
    assert b"\r" not in one.body


@needs("php")
def test_php_hears_that_it_was_not_queued(queue):
    queue.stop("queued")
    path = f"{queue.home}/bin/sendmail -t -i"
    submit(queue, shutil.which("php"), "-n", "-d", f"sendmail_path={path}",
           "-r", "exit(mail('ann', 's', 'b') ? 0 : 9);", code=9)


@needs("s-nail")
def test_s_nail_mails(queue):
    one = submitted(
        queue, shutil.which("s-nail"), "-:/", "-S", "v15-compat",
        "-S", f"mta={queue.home}/bin/sendmail", "-s", "from s-nail",
        "-r", "me@m.m", "-c", "x@y.z", ANN, data=b"text\n.\nmore\n",
        env={"USER": "me", "HOME": "/", "LOGNAME": "me",
             "MAILRC": "/dev/null"})
    assert one.sender == "me@m.m"
    assert one.recipients == [ANN, "x@y.z"]
    assert one.text == b"text\n.\nmore\n"
    assert one.header("Subject") == ["from s-nail"]


@needs("neomutt")
def test_mutt_mails(queue):
    submitted_by_mutt(queue, "neomutt")


@needs("mutt")
def test_the_other_mutt_mails(queue):
    submitted_by_mutt(queue, "mutt")


def submitted_by_mutt(queue, mutt):
    place = queue.folder / mutt
    place.mkdir()
    os.chown(place, queue.uid, queue.gid)
    rc = queue.folder / "muttrc"
    rc.write_text(f'set sendmail="{queue.home}/bin/sendmail -oem -oi"\n'
                  "set use_envelope_from\nset from=me@m.m\n"
                  "set dsn_notify=failure,delay\nset dsn_return=hdrs\n"
                  "unset record\n")
    one = submitted(queue, shutil.which(mutt), "-n", "-F", str(rc), "-s",
                    "from mutt", "--", ANN, "x@y.z", data=b"text\n.\n",
                    env={"HOME": str(place), "USER": "me", "TERM": "dumb"})
    assert one.sender == "me@m.m"
    assert one.recipients == [ANN, "x@y.z"]
    assert one.text == b"text\n.\n"
    assert one.of("N") == ["FAILURE,DELAY"] * 2 and one.of("R") == ["HDRS"]


def git_sends():
    if shutil.which("git") is None:
        return False
    path = subprocess.run(["git", "--exec-path"], capture_output=True,
                          text=True, check=True).stdout.strip()
    has = subprocess.run(["perl", "-MMail::Address", "-e1"], check=False,
                         capture_output=True)
    return os.path.exists(path + "/git-send-email") and has.returncode == 0


@pytest.mark.skipif(not git_sends(), reason="git-email is not installed")
def test_git_sends_patches(queue):
    patch = queue.folder / "0001-x.patch"
    patch.write_text("From 1 Mon Sep 17 00:00:00 2001\nFrom: Me <me@m.m>\n"
                     "Date: Thu, 1 Jan 2026 00:00:00 +0000\n"
                     "Subject: [PATCH] x\n\n---\n a | 1 +\n-- \n2.39\n")
    one = submitted(queue, shutil.which("git"), "send-email", "--quiet",
                    "--confirm=never", "--suppress-cc=all", "--to=x@y.z",
                    f"--smtp-server={queue.home}/bin/sendmail",
                    "--from=me@m.m", str(patch),
                    env={"HOME": "/", "GIT_COMMITTER_NAME": "me",
                         "GIT_COMMITTER_EMAIL": "me@m.m",
                         "GIT_AUTHOR_NAME": "me",
                         "GIT_AUTHOR_EMAIL": "me@m.m"})
    assert one.recipients == ["x@y.z"]
    assert one.header("Subject") == ["[PATCH] x"]


@needs("bsd-mailx")
def test_bsd_mailx_mails(queue):
    """Its package wants another's sendmail; so it is seldom there."""
    rc = queue.folder / "mailrc"
    rc.write_text(f"set sendmail={queue.home}/bin/sendmail\n")
    one = submitted(queue, shutil.which("bsd-mailx"), "-s", "from mailx", ANN,
                    data=b"text\n", env={"MAILRC": str(rc), "HOME": "/",
                                         "USER": "me"})
    assert one.recipients == [ANN]
    assert one.text == b"text\n"


def test_a_message_arrives(instance):
    submit(instance, "sendmail", "-t", "-i", "-f", "me@m.m",
           data=b"To: ann@%s\n" % DOMAIN.encode() + MESSAGE)
    mail, = instance.wait_mails(1)
    data = mail.read_bytes()
    assert data.startswith(b"Return-Path: <me@m.m>\n")
    assert data.endswith(MESSAGE)


CRON = r"""
set -e
mount -t tmpfs none /run
mount -t tmpfs none /mnt
mkdir /mnt/over /mnt/work /mnt/cron.d /mnt/spool
mount -t overlay -o lowerdir=/usr/sbin,upperdir=/mnt/over,workdir=/mnt/work \
    none /usr/sbin
printf '#!/bin/sh\nCULVER_HOME=%s exec %s/bin/sendmail "$@"\n' "$1" "$1" \
    >/usr/sbin/sendmail
chmod 755 /usr/sbin/sendmail
mount --bind /mnt/cron.d /etc/cron.d
mount --bind /mnt/spool /var/spool/cron
mount --bind /dev/null /etc/crontab
mkdir /var/spool/cron/crontabs
printf 'MAILTO=ann\n@reboot echo "by cron"; echo . ; echo more\n' \
    >/var/spool/cron/crontabs/nobody
chmod 600 /var/spool/cron/crontabs/nobody
chown nobody:crontab /var/spool/cron/crontabs/nobody
exec cron -f
"""


def may_mount():
    return os.geteuid() == 0 and subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"],
        check=False, capture_output=True).returncode == 0


@needs("cron")
@pytest.mark.skipif(not may_mount(), reason="no mounts of our own")
def test_cron_mails_what_a_job_says(queue):
    """Debian's cron itself, in a file system where /usr/sbin/sendmail is
    ours."""
    with subprocess.Popen(["unshare", "-m", "sh", "-c", CRON, "cron",
                           str(queue.home)], stdin=subprocess.DEVNULL,
                          start_new_session=True) as child:
        try:
            wait_for(lambda: messages(queue), why="cron's mail")
        finally:
            child.terminate()
            child.wait(60)
    one, = messages(queue)
    assert one.uid == NOBODY and one.recipients == [ANN]
    assert one.sender == "nobody@" + DOMAIN
    assert one.text == b"by cron\n.\nmore\n"
    assert one.header("From") == [f"root@{DOMAIN} (Cron Daemon)"]
    assert one.of("B") == ["8BITMIME"]
