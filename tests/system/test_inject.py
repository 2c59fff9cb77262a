"""culver-inject against a private instance: who gets a message, what its
header becomes, who is said to have sent it, and what is refused."""
import fcntl
import os
import re
import struct
import subprocess
import termios

import pytest

from conftest import DOMAIN, wait_for
from mailbed import FRIEND, forget, messages, submit, submitted

root = pytest.mark.skipif(os.geteuid() != 0, reason="only root is others")
ME = "mail." + DOMAIN  # control/me
MESSAGE = b"To: ann, bob@b.example\nCc: carl@c.example\nBcc: dora\n\ntext\n"
RESENT = b"Resent-To: eve@e.example\nResent-Bcc: fritz\n" + MESSAGE


@pytest.fixture
def queue(make_instance):
    one = make_instance()
    (one.home / "control/defaulthost").write_text(DOMAIN + "\n")
    one.start("queued")
    return one


HEADER = ["ann@" + DOMAIN, "bob@b.example", "carl@c.example",
          "dora@" + DOMAIN]
SENT_ON = ["eve@e.example", "fritz@" + DOMAIN]
ARGUMENTS = ["x@" + DOMAIN, "y@y.example"]


@pytest.mark.parametrize("option, data, arguments, want", [
    ((), MESSAGE, (), HEADER),
    ((), MESSAGE, ("x", "y@y.example"), ARGUMENTS),
    (("-A",), MESSAGE, (), HEADER),
    (("-A",), MESSAGE, ("x", "y@y.example"), ARGUMENTS),
    (("-a",), MESSAGE, ("x", "y@y.example"), ARGUMENTS),
    (("-h",), MESSAGE, ("x", "y@y.example"), HEADER),
    (("-H",), MESSAGE, ("x", "y@y.example"), ARGUMENTS + HEADER),
    (("-H",), MESSAGE, (), HEADER),
    (("-a", "-h"), MESSAGE, ("x",), HEADER),
    (("-h", "-A"), MESSAGE, ("x", "y@y.example"), ARGUMENTS),
    ((), RESENT, (), SENT_ON),
    (("-H",), RESENT, ("x", "y@y.example"), ARGUMENTS + SENT_ON),
    (("-a",), b"To: a:b>\n\ntext\n", ("x", "y@y.example"), ARGUMENTS),
    ((), b"To: <>, ann\n\ntext\n", (), HEADER[:1]),
    ((), b"Apparently-To: ann\n\ntext\n", (), HEADER[:1]),
])
def test_recipients_are_the_options(queue, option, data, arguments, want):
    one = submitted(queue, "culver-inject", *option, *arguments, data=data)
    assert one.recipients == want
    for name in ("Bcc", "Resent-Bcc", "Return-Path", "Content-Length"):
        assert not one.header(name)


@pytest.mark.parametrize("arguments, env, data, want", [
    ((), {"USER": "u"}, b"", "u@" + DOMAIN),
    ((), {"USER": "u", "QMAILSUSER": "s"}, b"", "s@" + DOMAIN),
    ((), {"USER": "u"}, b"Return-Path: <r@r.example>\n", "r@r.example"),
    ((), {"USER": "u", "QMAILINJECT": "s"},
     b"Return-Path: <r@r.example>\n", "u@" + DOMAIN),
    ((), {"USER": "u"}, b"Return-Path: <>\n", ""),
    (("-ff@f.example",), {"USER": "u"}, b"Return-Path: <r@r.example>\n",
     "f@f.example"),
    (("-f", ""), {"USER": "u"}, b"", ""),
    (("-f", "<>"), {"USER": "u"}, b"", ""),
    (("-f", "<f@f.example>"), {"USER": "u"}, b"", "f@f.example"),
    (("-f", "f"), {"USER": "u"}, b"", "f@" + DOMAIN),
    (("-f", "a b@f.example"), {"USER": "u"}, b"", "a b@f.example"),
    ((), {"USER": "u", "QMAILINJECT": "r"}, b"", f"u-@{DOMAIN}-@[]"),
])
def test_the_senders_order(queue, arguments, env, data, want):
    one = submitted(queue, "culver-inject", *arguments, "joe", env=env,
                    data=data + b"\ntext\n")
    assert one.sender == want


def test_a_message_gets_a_sender_of_its_own(queue):
    one = submitted(queue, "culver-inject", "joe", data=b"\n",
                    env={"USER": "u", "QMAILINJECT": "m"})
    assert re.fullmatch(rf"u-\d+\.\d+@{DOMAIN}", one.sender)


def test_what_is_missing_is_added_and_no_more(queue):
    one = submitted(queue, "culver-inject", "joe", data=b"\ntext\n",
                    env={"USER": "u", "NAME": "U Ser"})
    assert [len(one.header(n)) for n in ("Date", "Message-ID")] == [1, 1]
    assert re.fullmatch(rf"<[0-9.a-f]+@{ME}>", *one.header("Message-ID"))
    assert one.header("From") == [f'"U Ser" <u@{DOMAIN}>']
    assert one.header("Cc") == ["recipient list not shown: ;"]
    whole = (b"Date: d\nMessage-ID: <m@m>\nFrom: f@f.f\nTo: joe@j.j\n"
             b"X-Other:  as  it\n  stood \n\ntext\n.\nmore\n")
    assert submitted(queue, "culver-inject", data=whole).message == whole
    one = submitted(queue, "culver-inject", data=b"Resent-To: joe\n\n",
                    env={"USER": "u"})
    assert one.header("Resent-From") == [f"u@{DOMAIN}"]
    assert one.header("Resent-Date") and one.header("Resent-Message-ID")
    assert not one.header("From") and not one.header("Cc")


def test_letters_drop_fields_and_change_from(queue):
    data = b"From: f@f.f\nMessage-ID: <m@m>\n\n"
    one = submitted(queue, "culver-inject", "joe", data=data,
                    env={"USER": "u", "NAME": "N", "QMAILINJECT": "cfi"})
    assert one.header("From") == [f"u@{DOMAIN} (N)"]
    assert one.header("Message-ID") != ["<m@m>"]


@pytest.mark.parametrize("files, env, want", [
    ({}, {}, "joe@" + ME),
    ({"defaulthost": "d"}, {}, f"joe@d.{ME}"),
    ({"defaulthost": "d", "defaultdomain": "x.y"}, {}, "joe@d.x.y"),
    ({"defaulthost": "d+", "plusdomain": "p.q"}, {}, "joe@d.p.q"),
    ({"defaulthost": "d"}, {"QMAILDEFAULTHOST": "e.f"}, "joe@e.f"),
    ({}, {"QMAILDEFAULTHOST": "e", "QMAILDEFAULTDOMAIN": "g"}, "joe@e.g"),
    ({}, {"QMAILDEFAULTHOST": "e+", "QMAILPLUSDOMAIN": "g"}, "joe@e.g"),
])
def test_hosts_are_made_whole(queue, files, env, want):
    (queue.home / "control/defaulthost").unlink()
    for name, text in files.items():
        (queue.home / "control" / name).write_text(text + "\n")
    one = submitted(queue, "culver-inject", data=b"To: joe\n\n", env=env)
    assert one.recipients == [want]
    assert one.header("To") == [want]


def test_ids_are_of_idhost(queue):
    (queue.home / "control/idhost").write_text("id.example\n")
    one = submitted(queue, "culver-inject", "joe", data=b"\n")
    assert one.header("Message-ID")[0].endswith("@id.example>")
    one = submitted(queue, "culver-inject", "joe", data=b"\n",
                    env={"QMAILIDHOST": "e.example"})
    assert one.header("Message-ID")[0].endswith("@e.example>")


def test_a_list_is_followed_up(queue):
    lists = queue.folder / "lists"
    lists.write_text("# mine\nLIST@l.example\n")
    env = {"QMAILMFTFILE": str(lists)}
    one = submitted(queue, "culver-inject", env=env,
                    data=b"To: list@l.example\nCc: joe@j.example\n\n")
    assert one.header("Mail-Followup-To") == \
        ["list@l.example,\n  joe@j.example"]
    one = submitted(queue, "culver-inject", env=env, data=b"To: joe@j.j\n\n")
    assert not one.header("Mail-Followup-To")


def test_it_is_printed_and_not_queued(queue):
    forget(queue)
    done = submit(queue, "culver-inject", "-n", "-fme@m.example",
                  data=b"To: joe\n\ntext\n")
    assert done.stdout.startswith(b"Return-Path: <me@m.example>\nDate: ")
    assert done.stdout.endswith(
        b"To: joe@%s\n\ntext\n" % DOMAIN.encode())
    assert not messages(queue)


@pytest.mark.parametrize("arguments, data, env, code, says", [
    ((), b"To: a> b\n\n", {}, 100, b"no list of addresses: To: a> b"),
    ((), b"From: (x\n\n", {}, 100, b"no list of addresses: From"),
    ((), b"\ntext\n", {}, 100, b"no recipients"),
    (("-a",), b"To: joe\n\n", {}, 100, b"no recipients"),
    (("",), b"\n", {}, 100, b"no address"),
    (("@",), b"\n", {}, 100, b"no address"),
    (("a\nb@c",), b"\n", {}, 100, b"no address"),
    (("a@b c",), b"\n", {}, 100, b"no address"),
    (("x" * 1001 + "@c.d",), b"\n", {}, 100, b"no address"),
    (("-f", "a@b c", "joe"), b"\n", {}, 100, b"no address"),
    (("-Z", "joe"), b"\n", {}, 100, b"usage"),
    (("joe",), b"\n", {"USER": "u\n"}, 100, b"$USER"),
    (("joe",), b"\n", {"QMAILHOST": "a b"}, 100, b"$QMAILHOST"),
    (("joe",), b"\n", {"QMAILDEFAULTHOST": "a b"}, 100,
     b"$QMAILDEFAULTHOST"),
    (("joe",), b"\n", {"QMAILQUEUE": "/nowhere"}, 111, b"$QMAILQUEUE"),
    (("joe",), b"\n", {"CULVER_HOME": "/nowhere"}, 111, b"/nowhere"),
    (("joe",), b"A: b\n" + b" c\n" * 400000, {}, 100, b"longer than"),
    (("joe",), b"A: " + b"c" * 1100000, {}, 100, b"longer than"),
])
def test_what_cannot_be_sent_is_told(queue, arguments, data, env, code, says):
    forget(queue)
    done = submit(queue, "culver-inject", *arguments, data=data, env=env,
                  code=code)
    assert says in done.stderr and done.stderr.count(b"\n") == 1
    assert not messages(queue)


def test_without_the_queue_it_is_not_now(queue):
    queue.stop("queued")
    done = submit(queue, "culver-inject", "joe", data=b"\n", code=111)
    assert b"is culver-queued up?" in done.stderr


def test_a_control_that_is_wrong_is_not_now(queue):
    (queue.home / "control/plusdomain").write_text("a b\n")
    done = submit(queue, "culver-inject", "joe", data=b"\n", code=111)
    assert b"control/plusdomain" in done.stderr


def test_a_large_body_is_the_same_bytes(queue):
    body = os.urandom(3 << 20).replace(b"\r", b"-") + b"\n"
    one = submitted(queue, "culver-inject", "joe", data=b"A: b\n\n" + body)
    assert one.text == body
    lines = b"one\r\ntwo\rthree\r\n"
    one = submitted(queue, "culver-inject", "joe", data=b"A: b\r\n\r\n" + lines)
    assert one.text == b"one\ntwo\rthree\n"


def test_a_slow_caller_holds_no_connection(queue):
    """Cron hands over what a job prints while it prints it."""
    def writers():
        return len(queue.processes("queued")) - 1

    # Whoever asked whether culver-queued is up has been served before this.
    submitted(queue, "culver-inject", "joe", data=b"\n")
    forget(queue)
    wait_for(lambda: writers() == 0, why="no connection")
    with subprocess.Popen([queue.home / "bin/culver-inject", "joe"],
                          env=queue.env, stdin=subprocess.PIPE) as child:
        child.stdin.write(b"Subject: slow\n\nfirst line\n")
        child.stdin.flush()
        wait_for(lambda: unread(child.stdin) == 0 and asleep(child.pid),
                 why="a program that has read all there is")
        assert writers() == 0
        child.stdin.write(b"last line\n")
        child.stdin.close()
        assert child.wait(60) == 0
    assert messages(queue)[0].text == b"first line\nlast line\n"


def unread(pipe):
    count = fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4)
    return struct.unpack("i", count)[0]


def asleep(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        return stat.read().rsplit(")", 1)[1].split()[0] == "S"


@root
def test_the_kernel_says_who_it_was(queue):
    """Whatever the caller claims, his uid is with his message."""
    for uid in (FRIEND, 0, queue.uid):
        one = submitted(queue, "culver-inject", "joe", uid=uid, data=b"\n",
                        env={"USER": "root", "LOGNAME": "root",
                             "UID": "0", "TCPREMOTEINFO": "root"})
        assert one.uid == uid
        assert f"invoked by uid {uid})".encode() in one.stamp
        assert one.of("S") == one.of("C") == []


def frame(kind, payload=b""):
    return struct.pack(">I", len(payload) + 1) + kind + payload


TALK = r"""
import socket, sys
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(30)
    s.connect(sys.argv[1])
    s.sendall(bytes.fromhex(sys.argv[2]))
    while part := s.recv(4096):
        sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        if sys.argv[3] == "one":
            break
"""


@root
@pytest.mark.parametrize("record", [b"Sroot", b"C192.0.2.1 mx.example", b"Q"])
def test_nobody_speaks_for_another(queue, record):
    """Records that only the suite's doors may send are refused from others,
    and a Received field of the caller's own does not change his uid."""
    forget(queue)
    talk = frame(b"M", b"Received: (culver 1 invoked by uid 0)\n\nx\n") + \
        frame(b"E", b"Fa@b.c\0" + record + b"\0Tann@%s\0" % DOMAIN.encode())
    path = str(queue.home / "queue/submit")
    argv = ["/usr/bin/python3", "-c", TALK, path]
    done = submit(queue, *argv, (talk + frame(b"C")).hex(), "all", uid=FRIEND)
    assert done.stdout[4:6] == b"E" + bytes([91])
    assert not messages(queue)
    plain = talk.replace(record + b"\0", b"")
    plain = frame(b"M", b"Received: (culver 1 invoked by uid 0)\n\nx\n") + \
        frame(b"E", b"Fa@b.c\0Tann@%s\0" % DOMAIN.encode()) + frame(b"C")
    done = submit(queue, *argv, plain.hex(), "one", uid=FRIEND)
    assert done.stdout[4:5] == b"K"
    assert [m.uid for m in messages(queue)] == [FRIEND]


@root
def test_it_needs_no_privileges_and_no_environment(queue):
    setpriv = ["/usr/bin/setpriv", "--no-new-privs", f"--reuid={FRIEND}",
               f"--regid={FRIEND}", "--clear-groups", "/usr/bin/env", "-i",
               f"CULVER_HOME={queue.home}",
               str(queue.home / "bin/culver-inject")]
    one = submitted(queue, *setpriv, "joe", uid=0, data=b"\ntext\n")
    assert (one.uid, one.sender) == (FRIEND, "anonymous@" + DOMAIN)
    for f in (queue.home / "bin").iterdir():
        assert f.stat().st_mode & 0o6000 == 0, f


FILTER = """#!/bin/sh
cat >"$0.message"
cat <&1 >"$0.envelope"
%s
"""


@pytest.mark.parametrize("says, code, told", [
    ("exit 0", 0, b""),
    ("exit 31", 100, b"permanently rejected"),
    ("exit 71", 111, b"temporarily rejected"),
    ("echo Dspam >&4; exit 88", 100, b"spam"),
    ("echo Dspam >&6; exit 82", 100, b"spam"),
    ("echo Zlater >&4; exit 82", 111, b"later"),
    ("kill -9 $$", 111, b"internal bug"),
])
def test_a_filter_of_the_callers(queue, says, code, told):
    script = queue.folder / "filter"
    script.write_text(FILTER % says)
    script.chmod(0o755)
    os.chown(queue.folder, queue.uid, queue.gid)
    done = submit(queue, "culver-inject", "-fme@m.example", "joe", "jim@j.j",
                  data=b"A: b\n\ntext\n", env={"QMAILQUEUE": str(script)},
                  code=code)
    assert told in done.stderr
    message = (queue.folder / "filter.message").read_bytes()
    assert message.startswith(b"Date: ")
    assert message.endswith(b"A: b\n\ntext\n")
    assert (queue.folder / "filter.envelope").read_bytes() == \
        b"Fme@m.example\0Tjoe@%s\0Tjim@j.j\0\0" % DOMAIN.encode()
    assert not messages(queue)


def test_a_filter_hands_on_to_culver_queue(queue):
    script = queue.folder / "filter"
    script.write_text(f"#!/bin/sh\nexec {queue.home}/bin/culver-queue\n")
    script.chmod(0o755)
    one = submitted(queue, "culver-inject", "joe", data=b"A: b\n\ntext\n",
                    env={"QMAILQUEUE": str(script)})
    assert one.recipients == ["joe@" + DOMAIN]
    assert one.body.count(b"Received: (culver ") == 1


def test_it_arrives(instance):
    (instance.home / "control/defaulthost").write_text(DOMAIN + "\n")
    submit(instance, "culver-inject", data=b"To: ann\nSubject: x\n\ntext\n")
    mail, = instance.wait_mails(1)
    assert mail.read_bytes().endswith(
        b"To: ann@%s\nSubject: x\n\ntext\n" % DOMAIN.encode())


def test_a_sender_for_each_recipient(instance):
    """VERP: what culver-send makes of QMAILINJECT r."""
    (instance.home / "control/defaulthost").write_text(DOMAIN + "\n")
    submit(instance, "culver-inject", "ann", "bob", data=b"\n",
           env={"USER": "list", "QMAILINJECT": "r"})
    for user in ("ann", "bob"):
        mail, = instance.wait_mails(1, user)
        assert mail.read_bytes().startswith(
            b"Return-Path: <list-%s=%s@%s>\n" %
            (user.encode(), DOMAIN.encode(), DOMAIN.encode()))


