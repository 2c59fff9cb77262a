"""Clients that other people wrote send, and the mailbox holds their bytes.

By SMTP: swaks, curl, Python's smtplib, msmtp, s-nail.  By the sendmail program:
PHP's mail(), s-nail, msmtp's kind of call, what Debian's cron calls, and cron
itself, in a mount namespace of its own.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
from email.parser import BytesParser

import pytest
from attackbed import as_owner, module_instance
from conftest import DOMAIN, PATIENCE, TOP, wait_for
from test_spine import by_curl, by_smtplib, by_swaks

ANN = "ann@" + DOMAIN
HEADER = b"From: you@client.example\nTo: ann@demo.example\nSubject: test\n\n"
TOOLS = TOP / "build/deps/tools"
CRON = shutil.which("cron", path=f"{TOOLS}/usr/sbin:/usr/sbin")
ETC = TOOLS / "etc"  # what came with it


def noise(size):
    """Bytes of any value but CR, LF and NUL, the same ones every time."""
    pool = bytes(b for b in range(1, 256) if b not in b"\r\n")
    return bytes(random.Random(size).choices(pool, k=size))


BODIES = {
    "one line": b"hello\n",
    "empty": b"",
    "8-bit": "Grüße, 鳩 \U0001f54a\n".encode() + noise(900) + b"\n",
    "dots": b".\n..\n...\n.a\n. \n\n.\n",
    "long lines": b"x" * 998 + b"\n" + noise(998) + b"\n" + b"." * 997 + b"\n",
    "1 MiB": (noise(77) + b"\n") * ((1 << 20) // 78),
}


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def run(instance, *words, data=b"", **more):
    done = subprocess.run(
        words, input=data, env=instance.env, capture_output=True, timeout=120,
        check=False, **{**as_owner(instance), **more})
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def by_msmtp(instance, data, folder):
    run(instance, "msmtp", "--host=127.0.0.1", f"--port={instance.smtp}",
        "--auth=off", "--tls=off", "--domain=client.example",
        "--from=you@client.example", ANN, data=data.replace(b"\r\n", b"\n"))


def nail(instance, data, mta):
    """As a person writes: s-nail is given the body alone."""
    body = data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    run(instance, "s-nail", "-n", "-Sv15-compat", "-Sttycharset=iso-8859-1",
        "-Ssendcharsets=iso-8859-1", "-Ssendwait", "-Smta=" + mta,
        "-Ssmtp-auth=none", "-Shostname=client.example",
        "-r", "you@client.example", "-s", "test", ANN, data=body)


def by_nail(instance, data, folder):
    nail(instance, data, f"smtp://127.0.0.1:{instance.smtp}")


def by_nail_and_sendmail(instance, data, folder):
    nail(instance, data, str(instance.home / "bin/sendmail"))


def by_cron_convention(instance, data, folder):
    run(instance, instance.home / "bin/sendmail", "-FCronDaemon", "-i",
        "-B8BITMIME", "-oem", ANN, data=data.replace(b"\r\n", b"\n"))


def by_mutt_convention(instance, data, folder):
    run(instance, instance.home / "bin/sendmail", "-oem", "-oi", "-f",
        "you@client.example", "-B8BITMIME", "--", ANN,
        data=data.replace(b"\r\n", b"\n"))


def by_php(instance, data, folder):
    body = data.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    code = ("exit(mail('%s', 'test', stream_get_contents(STDIN),"
            " \"From: you@client.example\") ? 0 : 1);" % ANN)
    run(instance, "php", "-n", "-d",
        f"sendmail_path={instance.home}/bin/sendmail -t -i", "-r", code,
        data=body)


def received(instance):
    """The one message that comes, its head and its body."""
    (mail,) = instance.wait_mails(1)
    text = mail.read_bytes()
    mail.unlink()
    instance.wait_empty()
    head, _, body = text.partition(b"\n\n")
    return head, body, text


@pytest.fixture(scope="module")
def house():
    with module_instance(users=("ann:secret",)) as instance:
        yield instance


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("send", [by_smtplib, by_curl, by_swaks, by_msmtp,
                                  by_cron_convention, by_mutt_convention])
def test_what_a_client_sends_is_what_arrives(house, tmp_path, send, body):
    send(house, crlf(HEADER + BODIES[body]), tmp_path)
    head, got, _ = received(house)
    assert got == BODIES[body]
    assert b"\nSubject: test" in head
    assert b"\r" not in head


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("send", [by_nail, by_nail_and_sendmail])
def test_what_a_person_writes_is_what_is_read(house, tmp_path, send, body):
    """s-nail encodes as it thinks fit; what is decoded is what was typed."""
    send(house, crlf(HEADER + BODIES[body]), tmp_path)
    _, _, text = received(house)
    message = BytesParser().parsebytes(text)
    assert message["Subject"] == "test"
    assert message.get_payload(decode=True) == BODIES[body]


@pytest.mark.parametrize("body", BODIES)
def test_what_php_sends_is_what_arrives(house, tmp_path, body):
    """mail() ends the message with a line end of its own."""
    by_php(house, crlf(HEADER + BODIES[body]), tmp_path)
    head, got, _ = received(house)
    assert got == BODIES[body] + b"\n"
    for field in (b"\nTo: ann@demo.example", b"\nSubject: test",
                  b"\nFrom: you@client.example"):
        assert field in head
    assert b"\r" not in head


# cron reads its tables and calls /usr/sbin/sendmail: in a namespace of its own
# these are ours.  @reboot jobs run once, when it starts.
CRON_HOUSE = r"""
set -e
mount --make-rprivate /
mkdir "$1/up-etc" "$1/work-etc" "$1/up-sbin" "$1/work-sbin"
mount -t tmpfs none /run
mount -t overlay none -o \
	lowerdir="$2:/etc,upperdir=$1/up-etc,workdir=$1/work-etc" /etc
mount -t overlay none -o \
	lowerdir=/usr/sbin,upperdir="$1/up-sbin",workdir="$1/work-sbin" /usr/sbin
rm -rf /etc/cron.d /etc/cron.*ly /etc/crontab
mount -t tmpfs none /var/spool
mkdir -p /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
ln -sf "$4/bin/sendmail" /usr/sbin/sendmail
printf 'MAILTO=%s\nSHELL=/bin/sh\n@reboot nobody cat %s\n' "$5" "$3" \
	>/etc/crontab
exec "$6" -f
"""


def can_unshare():
    return os.geteuid() == 0 and shutil.which("unshare") and \
        subprocess.run(["unshare", "-m", "true"], check=False,
                       capture_output=True).returncode == 0


@pytest.mark.skipif(not can_unshare(), reason="needs root and unshare")
@pytest.mark.skipif(not CRON, reason="cron is not here")
@pytest.mark.parametrize("body", [b for b in BODIES if b != "empty"])
def test_cron_mails_what_a_job_says(house, body):
    """One that says nothing is not mailed about."""
    place = pathlib.Path("/dev/shm") / f"cron.{os.getpid()}"
    place.mkdir()
    place.chmod(0o755)
    (place / "none").mkdir()
    (place / "said").write_bytes(BODIES[body])
    cron = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", CRON_HOUSE, "sh", place,
         ETC if ETC.is_dir() else place / "none", place / "said",
         house.home, ANN, CRON], env=house.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: house.mails() or cron.poll() is not None,
                 why="cron's mail")
        assert cron.poll() is None, cron.stdout.read()
    finally:
        cron.send_signal(signal.SIGTERM)
        cron.wait(PATIENCE)
        shutil.rmtree(place)
    head, got, _ = received(house)
    assert got == BODIES[body]
    assert b"\nSubject: Cron <nobody@" in head
    assert b"(Cron Daemon)" in head
