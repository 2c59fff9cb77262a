"""culver domain, ended at any moment: no mail is taken that would be nobody's,
and the same command again completes what was begun."""
import os
import shutil
import subprocess

import pytest

from attackbed import ucspi
from conftest import BIN, DOMAIN, PATIENCE

STRACE = shutil.which("strace")

pytestmark = pytest.mark.skipif(STRACE is None,
                                reason="strace is not installed")

CALLS = ("renameat", "fsync", "openat", "fchmod", "write")
FEW = {"openat": 7, "write": 3}  # every so many of these


def domain(instance, *words):
    done = subprocess.run([BIN / "culver-domain", *words], env=instance.env,
                          capture_output=True, text=True, check=False,
                          timeout=120)
    return done.returncode, done.stdout + done.stderr


def killed(instance, call, number, *words):
    """culver-domain WORDS, killed as it enters its call of that number; false
    when it made fewer."""
    trace = instance.folder / "trace"
    subprocess.run(
        [STRACE, "-f", "-o", trace, "-e", "trace=" + call, "-e",
         f"inject={call}:signal=KILL:when={number}", BIN / "culver-domain",
         *words], env=instance.env, capture_output=True, check=False,
        timeout=120)
    return "killed by" in trace.read_text()


def answer(instance, address):
    """The code of RCPT, by a culver-smtpd that has just begun."""
    smtpd = ucspi(instance)
    assert smtpd.reply()[0] == 220
    for line in ("EHLO client.example", "MAIL FROM:<you@client.example>",
                 f"RCPT TO:<{address}>"):
        smtpd.send(line.encode() + b"\r\n")
        code = smtpd.reply()[0]
    smtpd.sock.close()
    smtpd.process.wait(PATIENCE)
    return code


@pytest.fixture
def home(make_instance):
    """An instance, not running, whose lists all have their tables."""
    one = make_instance()
    control = one.home / "control"
    for name, text in (("rcpthosts", "demo.example\n"),
                       ("morercpthosts", "more.example\nlast.example\n"),
                       ("virtualdomains", ".example:ann\n")):
        (control / name).write_text(text)
        os.chown(control / name, one.uid, one.gid)
    one.command("control", "build")
    return one


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ["new.example", "more.example"])
def test_ended_at_any_moment_it_takes_no_mail_for_nobody(home, call, name):
    """553 is not ours, 550 ours without that mailbox; 250 would be mail for
    ann, or for another host."""
    someone = "nobody-here@" + name
    number = 1
    if name.startswith("more"):
        assert domain(home, "add", name)[0] == 0
        assert answer(home, someone) == 550
        assert domain(home, "del", name)[0] == 0
    while killed(home, call, number, "add", name):
        assert answer(home, someone) in (550, 553)
        assert domain(home, "add", name)[0] == 0
        assert answer(home, someone) == 550
        code, said = domain(home, "add", name)
        assert (code, said) == (0, f"nothing to do: {name} is there\n")
        killed(home, call, number, "del", name)
        assert answer(home, someone) in (550, 553)
        assert domain(home, "del", name)[0] in (0, 100)
        assert answer(home, someone) == 553
        code, said = domain(home, "del", name)
        assert code == 100 and f"there is no domain {name}" in said
        number += FEW.get(call, 1)
    assert number > 3
    check = home.command("control", "check")
    assert "0 errors" in check


def test_its_mail_is_delivered_at_once(instance):
    """culver-send knows whose it is as soon as culver-smtpd takes it."""
    file = instance.home / "alias/.qmail-new-default"
    file.write_text("&ann@" + DOMAIN + "\n")
    if os.geteuid() == 0:
        os.chown(file, instance.uid, instance.gid)
    instance.send(b"Subject: before\r\n\r\n")
    instance.wait_mails(1)
    for n, name in enumerate(("new.example", "other.example")):
        assert domain(instance, "add", name, "--user", "new")[0] == 0
        instance.send(b"Subject: at once\r\n\r\n", to=["x@" + name])
        texts = [f.read_text() for f in instance.wait_mails(n + 2)]
        # Nor is it a bounce of a bounce.
        assert all(t.startswith("Return-Path: <you@client.example>\n")
                   for t in texts)
    instance.wait_empty()
