"""culver-smtpd under a real tcpserver, behind the wrappers of a qmail host."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import talk  # noqa: E402
from test_listen import Connection, deliver, free_port  # noqa: E402

pytestmark = pytest.mark.skipif(
    shutil.which("tcpserver") is None, reason="no ucspi-tcp here")
SMTPD = str(pathlib.Path(os.environ.get(
    "CULVER_BIN", talk.ROOT / "build" / "bin")).resolve() / "culver-smtpd")


class Server:
    """tcpserver with rules, and the chain of programs that it starts."""

    def __init__(self, folder, rules, *chain, filter=None, env):
        self.home = talk.Home()
        self.home.control("me", "mail.example")
        self.home.control("rcpthosts", "local.test")
        self.queue = talk.Queue(self.home)
        self.queue.start()
        cdb = folder / "tcp.cdb"
        subprocess.run(["tcprules", str(cdb), str(folder / "tmp")],
                       input=rules.encode(), check=True)
        if filter:
            program = self.home.path / "filter"
            program.write_text("#!/bin/sh\n" + filter + "\n")
            program.chmod(0o755)
            env = {**env, "QMAILQUEUE": str(program)}
        self.home.hand_over()
        self.port = free_port(socket.AF_INET, "127.0.0.1")
        self.log = open(folder / "log", "w+b")
        self.process = subprocess.Popen(
            ["tcpserver", "-H", "-R", "-l", "mail.example", "-x", str(cdb),
             "127.0.0.1", str(self.port), *chain, SMTPD],
            env={"CULVER_HOME": str(self.home.path),
                 "PATH": "/usr/bin:/bin", **env},
            stdin=subprocess.DEVNULL, stderr=self.log)

    def connect(self, source="127.0.0.1"):
        limit = time.monotonic() + talk.PATIENCE
        while True:
            try:
                return Connection(socket.create_connection(
                    ("127.0.0.1", self.port), talk.PATIENCE, (source, 0)))
            except ConnectionRefusedError:
                assert self.process.poll() is None, self.read_log()
                assert time.monotonic() < limit

    def read_log(self):
        self.log.seek(0)
        return self.log.read().decode()

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        self.queue.close()
        self.home.remove()


@pytest.fixture
def serve(tmp_path):
    started = []

    def start(rules, *chain, filter=None, **env):
        started.append(
            Server(tmp_path, rules, *chain, filter=filter, env=env))
        return started[-1]
    yield start
    for server in started:
        server.clean_up()


def relays(server, source="127.0.0.1"):
    t = server.connect(source)
    assert t.line().startswith(b"220 "), server.read_log()
    code = t.say("HELO x", "MAIL FROM:<a@b.example>",
                 "RCPT TO:<far@away.example>")
    t.close()
    return code == b"250"


def test_rules_of_tcpserver_say_who_may_relay_and_how_much(serve):
    server = serve('127.0.0.2:allow,RELAYCLIENT="",DATABYTES="10"\n'
                   '127.0.0.3:deny\n:allow\n')
    assert not relays(server)
    assert relays(server, "127.0.0.2")
    t = server.connect("127.0.0.2")
    t.line()
    assert t.say("EHLO x", "MAIL FROM:<a@b.example> SIZE=11") == b"552"
    t.close()
    deliver(server.connect(), "a@example.org")
    assert b"([127.0.0.1])" in server.queue.messages[-1].trace


def test_rblsmtpd_turns_away_and_lets_through(serve):
    server = serve('127.0.0.2:allow,RBLSMTPD="not you"\n'
                   '127.0.0.3:allow,RBLSMTPD="-never you"\n'
                   ':allow,RBLSMTPD=""\n', "rblsmtpd", "-B")
    for source, code in (("127.0.0.2", b"451"), ("127.0.0.3", b"553")):
        t = server.connect(source)
        assert t.line().startswith(b"220 rblsmtpd")
        assert t.say("HELO x", "MAIL FROM:<a@b.example>",
                     "RCPT TO:<u@local.test>") == code
        t.close()
    deliver(server.connect(), "a@example.org")
    assert len(server.queue.messages) == 1


def test_a_shell_script_sets_who_relays(serve):
    script = ('case $TCPREMOTEIP in 127.0.0.2) RELAYCLIENT=;'
              ' export RELAYCLIENT;; esac; exec "$@"')
    server = serve(":allow\n", "sh", "-c", script, "sh")
    assert relays(server, "127.0.0.2")
    assert not relays(server)


def test_fixcrio_mends_the_lines_of_a_broken_client(serve):
    server = serve(":allow\n", "fixcrio")
    t = server.connect()
    t.line()
    for line, code in [("HELO x", "250"), ("MAIL FROM:<a@b.example>", "250"),
                       ("RCPT TO:<u@local.test>", "250"), ("DATA", "354"),
                       ("hello\n.", "250"), ("QUIT", "221")]:
        t.socket.sendall(line.encode() + b"\n")
        assert t.line()[:3] == code.encode(), server.read_log()
    t.close()
    assert [m.body for m in server.queue.messages] == [b"hello\n"]


def test_our_own_rules_come_before_those_of_tcpserver(serve):
    server = serve(':allow,RELAYCLIENT="@wrong.example"\n')
    server.home.control(
        "tcp.smtp", '127.0.0.2:deny\\n127.0.0.3:allow,RELAYCLIENT="@right"')
    t = server.connect("127.0.0.2")
    assert t.line().startswith(b"554 5.7.1 ")
    t.close()
    t = server.connect("127.0.0.3")
    t.line()
    assert t.say("HELO x", "MAIL FROM:<a@b.example>", "RCPT TO:<f@a.example>",
                 "DATA") == b"354"
    assert t.say("hi\r\n.") == b"250"
    t.close()
    assert server.queue.messages[-1].recipients == [b"f@a.example@right"]


# ------------------------------------------------------------- $QMAILQUEUE

def submit(connection, *recipients, end="hi\r\n."):
    assert connection.line().startswith(b"220 ")
    connection.say("EHLO x", "MAIL FROM:<a@b.example>")
    for r in recipients:
        assert connection.say("RCPT TO:<%s>" % r) == b"250"
    assert connection.say("DATA") == b"354"
    connection.socket.sendall(end.encode() + b"\r\n")
    return connection.line()


QUEUE = SMTPD.replace("culver-smtpd", "culver-queue")


def test_a_mail_filter_sees_each_message_and_hands_it_on(serve):
    server = serve(":allow\n", filter=f"""
        sed 's/hi/hi filtered/' >message
        exec {QUEUE} <message""")
    t = server.connect()
    assert submit(t, "u@local.test", "v@local.test").startswith(
        b"250 2.0.0 ok ")
    assert t.say("MAIL FROM:<b@b.example>", "RCPT TO:<w@local.test>",
                 "DATA") == b"354"
    assert t.say("hi again\r\n.") == b"250"
    t.close()
    first, second = server.queue.messages
    assert first.sender == b"a@b.example"
    assert first.recipients == [b"u@local.test", b"v@local.test"]
    # Our field is below the one of culver-queue.
    assert b"from x ([127.0.0.1])" in first.body
    assert first.body.endswith(b"\nhi filtered\n")
    assert second.recipients == [b"w@local.test"]
    assert second.body.endswith(b"\nhi filtered again\n")


@pytest.mark.parametrize("end,reply", [
    ("exit 31",
     b"554 5.3.0 mail server permanently rejected message (#5.3.0)"),
    ("echo 'Dno spam here' >&6; exit 82", b"554 5.3.0 no spam here"),
    ("echo 'Zcome again' >&4; exit 88", b"451 4.3.0 come again"),
    ("exit 53", b"451 4.3.0 qq write error or disk full (#4.3.0)"),
    ("kill -9 $$", b"451 4.3.0 qq internal bug (#4.3.0)"),
])
def test_what_a_mail_filter_refuses_is_refused(serve, end, reply):
    server = serve(":allow\n", filter="cat >/dev/null; " + end)
    t = server.connect()
    assert submit(t, "u@local.test") == reply + b"\r\n"
    assert t.say("NOOP") == b"250"
    t.close()
    assert server.queue.messages == []


def test_a_client_that_leaves_has_its_filter_queue_nothing(serve):
    server = serve(":allow\n", filter=f"""
        cat >message
        {QUEUE} <message
        echo $? >code.tmp; mv code.tmp code""")
    t = server.connect()
    t.line()
    assert t.say("HELO x", "MAIL FROM:<a@b.example>",
                 "RCPT TO:<u@local.test>", "DATA") == b"354"
    t.socket.sendall(b"half a mess" * 50000)
    t.close()
    code = server.home.path / "code"
    limit = time.monotonic() + talk.PATIENCE
    while not code.exists():
        assert time.monotonic() < limit, server.read_log()
        time.sleep(0.02)
    assert int(code.read_text()) != 0
    assert server.queue.messages == []


def test_a_filter_that_dies_between_messages_is_not_passed_by(serve):
    server = serve(":allow\n", filter="kill -9 $PPID; sleep 9")
    t = server.connect()
    assert submit(t, "u@local.test")[:4] == b"451 "
    for _ in range(2):
        assert t.say("MAIL FROM:<a@b.example>", "RCPT TO:<u@local.test>",
                     "DATA") == b"451"
        t.say("RSET")
    t.close()
    assert server.queue.messages == []
