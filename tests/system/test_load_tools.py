"""Postfix's smtp-source with each option it has loses nothing: what it was told
is taken is in the mailbox, once.  So through HAProxy, which says by a header
(PROXY, versions 1 and 2) for whom it speaks."""
import contextlib
import os
import re
import shutil
import subprocess

import pytest
from attackbed import as_owner, free_port, module_instance, wait_for_port
from conftest import PATIENCE, TOP, wait_for

TOOLS = TOP / "build/deps/tools"
SOURCE = shutil.which("smtp-source", path=f"{TOOLS}/usr/sbin:/usr/sbin")
HAPROXY = shutil.which("haproxy", path=f"{TOOLS}/usr/sbin:/usr/sbin")
TO = "bulk@bulk.test"

pytestmark = pytest.mark.skipif(
    SOURCE is None, reason="smtp-source is not unpacked")


def tool_env():
    """Where the libraries of what was unpacked are."""
    arch = os.uname().machine + "-linux-gnu"
    return {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": ":".join(
        str(TOOLS / "usr/lib" / name) for name in ("postfix", arch))}


class Bulk:
    """An instance where anybody@bulk.test is one Maildir."""

    def __init__(self, instance):
        self.instance = instance
        alias = instance.home / "alias"
        self.new = alias / "Bulk/new"
        for part in ("tmp", "new", "cur"):
            (alias / "Bulk" / part).mkdir(parents=True)
        (alias / ".qmail-bulk-default").write_text("./Bulk/\n")
        for path in (alias / "Bulk", *(alias / "Bulk").iterdir(),
                     alias / ".qmail-bulk-default"):
            os.chown(path, instance.uid, instance.gid)

    def source(self, to, *options, copies):
        """smtp-source OPTIONS TO; what it says, and the copies that came."""
        before = set(os.listdir(self.new))
        done = subprocess.run(
            [SOURCE, "-t", TO, *options, to], env=tool_env(), timeout=600,
            capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        wait_for(lambda: len(os.listdir(self.new)) - len(before) >= copies,
                 seconds=600, why="all that was taken")
        self.instance.wait_empty(600)
        came = [self.new / f for f in set(os.listdir(self.new)) - before]
        texts = [f.read_bytes() for f in came]
        for file in came:
            file.unlink()
        assert len(texts) == copies
        return done.stdout + done.stderr, texts


@pytest.fixture(scope="module")
def bulk():
    control = {"virtualdomains": "bulk.test:bulk\n", "rcpthosts": "bulk.test\n"}
    with module_instance(listen=["[::1]"], control=control) as instance:
        yield Bulk(instance)


def ids(texts):
    return {re.search(rb"(?mi)^message-id: (.*)$", t)[1] for t in texts}


# What it is told, how many messages, and copies of each.
OPTIONS = {
    "nothing": ([], 1, 1),
    "-m": (["-m", "50"], 50, 1),
    "-d": (["-d", "-m", "100"], 100, 1),
    "-s": (["-s", "20", "-m", "200"], 200, 1),
    "-s -d": (["-s", "20", "-d", "-m", "1000"], 1000, 1),
    "-r": (["-r", "100", "-m", "5"], 5, 100),
    "-N": (["-N", "-m", "30"], 30, 1),
    "-N -r -s -d": (["-N", "-r", "5", "-s", "10", "-d", "-m", "50"], 50, 5),
    "-M": (["-M", "client.example", "-m", "10"], 10, 1),
    "-R": (["-R", "1", "-s", "5", "-m", "10"], 10, 1),
    "-w": (["-w", "1", "-m", "3"], 3, 1),
    "-T": (["-T", "1024", "-l", "20000", "-m", "10"], 10, 1),
    "-C": (["-C", "5", "-m", "10"], 10, 1),
    "-A": (["-A", "-m", "10"], 10, 1),
    "-4": (["-4", "-m", "10"], 10, 1),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_nothing_is_lost_or_doubled(bulk, name):
    options, messages, each = OPTIONS[name]
    _, texts = bulk.source(f"127.0.0.1:{bulk.instance.smtp}", *options,
                           copies=messages * each)
    assert len(ids(texts)) == messages


def test_over_IPv6_too(bulk):
    _, texts = bulk.source(f"[::1]:{bulk.instance.smtp}", "-6", "-s", "5",
                           "-m", "50", copies=50)
    assert len(ids(texts)) == 50
    assert all(re.search(rb"Received: from .*::1", t) for t in texts)


def test_it_counts_what_arrives(bulk):
    said, _ = bulk.source(f"127.0.0.1:{bulk.instance.smtp}", "-c", "-s", "5",
                          "-m", "100", copies=100)
    assert re.findall(r"\d+", said)[-1] == "100"


def test_it_may_talk_of_what_it_does(bulk):
    said, _ = bulk.source(f"127.0.0.1:{bulk.instance.smtp}", "-v", "-m", "2",
                          copies=2)
    assert said.count("354 ") == 2


def test_sender_subject_and_size_are_as_it_was_told(bulk):
    _, texts = bulk.source(
        f"127.0.0.1:{bulk.instance.smtp}", "-f", "you@client.example", "-S",
        "a subject", "-l", "100000", "-s", "4", "-m", "20", copies=20)
    for text in texts:
        head, _, body = text.partition(b"\n\n")
        assert b"Return-Path: <you@client.example>\n" in head
        assert b"\nSubject: a subject" in head
        assert len(body.replace(b"\n", b"\r\n")) >= 100000
        assert body.count(b"X") > 90000


def test_a_file_is_sent_as_it_is(bulk, tmp_path):
    body = (b".\n..\n.a\n\n" + bytes(range(128, 256)) + b"\n" +
            b"x" * 900 + b"\n")
    (tmp_path / "message").write_bytes(b"Subject: a file\n\n" + body)
    _, texts = bulk.source(f"127.0.0.1:{bulk.instance.smtp}", "-F",
                           str(tmp_path / "message"), "-s", "3", "-m", "12",
                           copies=12)
    for text in texts:  # it puts an empty line behind the last one
        assert text.endswith(b"\nSubject: a file\n\n" + body + b"\n")


def test_the_old_way_without_HELO_is_refused_and_nothing_kept(bulk):
    """-o: MAIL without HELO is out of sequence here, so none is taken."""
    before = os.listdir(bulk.new)
    done = subprocess.run(
        [SOURCE, "-o", "-t", TO, f"127.0.0.1:{bulk.instance.smtp}"],
        env=tool_env(), capture_output=True, text=True, timeout=600,
        check=False)
    assert done.returncode != 0 and "503 5.5.1" in done.stderr
    bulk.instance.wait_empty()
    assert os.listdir(bulk.new) == before


@contextlib.contextmanager
def lmtp(instance):
    """culver-smtpd -L; its port."""
    port = free_port()
    with open(instance.log("smtpd"), "ab") as log:
        server = subprocess.Popen(
            [instance.home / "bin/culver-smtpd", "-L", "-l",
             f"127.0.0.1:{port}"], env=instance.env, stderr=log,
            stdin=subprocess.DEVNULL, **as_owner(instance))
    try:
        wait_for(lambda: server.poll() is None, why="culver-smtpd -L")
        wait_for_port(port)
        yield port
    finally:
        server.terminate()
        server.wait(PATIENCE)


@pytest.mark.parametrize("options,messages,each", [
    (["-m", "20"], 20, 1),
    (["-s", "10", "-d", "-m", "200"], 200, 1),
    (["-r", "20", "-m", "10", "-d"], 10, 20),
], ids=["one by one", "many at once", "many recipients"])
def test_by_LMTP_too(bulk, options, messages, each):
    with lmtp(bulk.instance) as port:
        _, texts = bulk.source(f"127.0.0.1:{port}", "-L", *options,
                               copies=messages * each)
    assert len(ids(texts)) == messages


# ------------------------------------------------------------------- by proxy

CONFIG = """
global
    maxconn 500
defaults
    mode tcp
    timeout connect 10s
    timeout client 60s
    timeout server 60s
frontend four
    bind 127.0.0.1:{four}
    default_backend mail
frontend six
    bind [::1]:{six}
    default_backend mail
frontend nix
    bind unix@{unix} mode 666
    default_backend mail
backend mail
    server smtpd 127.0.0.1:{smtp} {send} check inter 200ms
"""


class Proxy:
    def __init__(self, instance, send):
        self.four, self.six = free_port(), free_port("::1")
        self.unix = instance.folder / f"proxy.{send}"
        self.config = instance.folder / f"haproxy.{send}"
        self.config.write_text(CONFIG.format(
            four=self.four, six=self.six, unix=self.unix, send=send,
            smtp=instance.smtp))
        self.process = subprocess.Popen(
            [HAPROXY, "-db", "-f", self.config], env=tool_env(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@pytest.fixture(scope="module", params=["send-proxy-v2", "send-proxy"])
def proxy(request, bulk):
    """HAProxy in front; culver-smtpd believes 127.0.0.1's header."""
    control = bulk.instance.home / "control/proxyclients"
    control.write_text("127.0.0.1\n")
    one = Proxy(bulk.instance, request.param)
    try:
        wait_for_port(one.four)
        wait_for_port(one.six, "::1")
        yield one
    finally:
        one.close()
        control.unlink()


@pytest.mark.skipif(not HAPROXY, reason="haproxy is not here")
class TestByProxy:
    @pytest.mark.parametrize("name", ["-m", "-s", "-s -d", "-r"])
    def test_nothing_is_lost_or_doubled(self, bulk, proxy, name):
        options, messages, each = OPTIONS[name]
        _, texts = bulk.source(f"127.0.0.1:{proxy.four}", *options,
                               copies=messages * each)
        assert len(ids(texts)) == messages
        assert all(b"127.0.0.1" in t for t in texts)

    def test_the_client_is_whom_the_proxy_names(self, bulk, proxy):
        _, texts = bulk.source(f"[::1]:{proxy.six}", "-s", "10", "-d", "-m",
                               "200", copies=200)
        assert all(re.search(rb"Received: from .*::1", t) for t in texts)

    def test_a_client_without_address_is_the_proxy_itself(self, bulk, proxy):
        _, texts = bulk.source(f"unix:{proxy.unix}", "-s", "5", "-m", "50",
                               copies=50)
        assert all(re.search(rb"Received: from .*127\.0\.0\.1", t)
                   for t in texts)
