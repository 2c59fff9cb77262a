"""The names that other people's software calls qmail's programs by."""
import os
import re
import subprocess

import pytest
from conftest import BIN, DOMAIN

pytestmark = pytest.mark.skipif(
    not (BIN / "qmail-qread").exists(), reason="qmail-qread is not built")

HELD = "later@x.example"


@pytest.fixture
def host(make_instance):
    """Its queue is written and nothing is delivered."""
    one = make_instance()
    one.start("queued")

    def call(name, *words, code=0, message=b"Subject: x\n\nx\n", envelope=None):
        read, write = os.pipe()
        os.write(write, envelope or b"")
        os.close(write)
        done = subprocess.run(
            [one.home / "bin" / name, *words], env=one.env, input=message,
            stdout=None if envelope is not None else subprocess.PIPE,
            stderr=subprocess.PIPE, check=False,
            preexec_fn=(lambda: os.dup2(read, 1)) if envelope is not None
            else None)
        os.close(read)
        assert done.returncode == code, done.stderr
        return (done.stdout or b"").decode()
    one.call = call
    return one


def test_qmail_queue_takes_an_envelope_on_descriptor_1(host):
    host.call("qmail-queue", envelope=b"Fa@x.example\0T%s\0\0" % HELD.encode())
    assert len(host.queued()) == 1
    host.call("qmail-queue", envelope=b"Xa\0\0", code=91)
    host.call("qmail-queue", envelope=b"Fa@x.example\0Tb", code=54)
    host.call("qmail-queue", code=11, envelope=b"Fa@x.example\0T%s\0\0" % (
        b"a" * 3000))
    assert len(host.queued()) == 1


def test_qmail_inject_shows_with_n_and_fails_with_100(host):
    shown = host.call("qmail-inject", "-n", "joe",
                      message=b"Subject: y\n\nx\n")
    assert "Subject: y" in shown and "From: " in shown
    assert not host.queued()
    host.call("qmail-inject", code=100, message=b"Subject: y\n\nx\n")


def test_qmail_qstat_and_qread_list_what_is_queued(host):
    host.call("qmail-queue",
              envelope=b"Fa@x.example\0T%s\0Tann@%s\0\0" % (
                  HELD.encode(), DOMAIN.encode()))
    assert host.call("qmail-qstat") == (
        "messages in queue: 1\n"
        "messages in queue but not yet preprocessed: 1\n")
    (ino,) = host.queued()
    first, *rest = host.call("qmail-qread").splitlines()
    assert re.fullmatch(r"\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT  "
                        r"#%d  \d+  <a@x\.example> " % ino, first)
    assert rest == ["\tlocal\tann@" + DOMAIN, "\tremote\t" + HELD]


def test_qmail_showctl_has_qmails_words(host):
    text = host.call("qmail-showctl")
    me = (host.home / "control/me").read_text().strip()
    for line in ("me: My name is %s." % me,
                 "concurrencyremote: (Default.) Remote concurrency is 20.",
                 "virtualdomains: (Default.) No virtual domains.",
                 "Messages for %s are delivered locally." % me):
        assert line in text.splitlines(), line
    (host.home / "control/databytes").write_text("x\n")
    host.call("qmail-showctl", code=111)


@pytest.mark.parametrize("name", ["qmail-qstat", "qmail-qread"])
def test_a_queue_that_is_not_there_is_111(host, name):
    host.stop()
    (host.home / "queue/format").unlink()
    host.call(name, code=111)
