"""Whose mail it is, and whether there is anybody: users/assign, .qmail files and
the sockets between culver-smtpd and culver-lspawn, in a whole instance."""
import os
import pathlib
import signal
import smtplib
import subprocess

import pytest

from conftest import BIN, DOMAIN, children, kill, wait_for

HOST = f"mail.{DOMAIN}"


def rcpt(instance, address):
    """What RCPT is answered."""
    with smtplib.SMTP("127.0.0.1", instance.smtp, "client.example",
                      timeout=60) as client:
        client.ehlo()
        client.mail("you@client.example")
        code, text = client.rcpt(address)
    return code, text.decode()


def halves(instance):
    """The pids of the finding half, and of those below it: the asking half and
    who asks the name service for either; None while one is missing."""
    below = [pid for pid in children(instance.running["lspawn"].pid)
             if name_of(pid) == "culver-lspawn"]
    return below if len(below) == 4 else None


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return None


def local_host(instance):
    """A local domain of its users, and a virtual domain of joe's."""
    control = instance.home / "control"
    for name, text in (("locals", f"{HOST}\n"),
                       ("virtualdomains", "v.example:joe\n"),
                       ("rcpthosts", f"{DOMAIN}\n{HOST}\nv.example\n")):
        (control / name).write_text(text)
    home = instance.folder / "joe"
    for path in (home, home / "Maildir", *(home / "Maildir" / n for n in
                                           ("tmp", "new", "cur"))):
        path.mkdir()
        path.chmod(0o700)
    (home / ".qmail-here").write_text("./Maildir/\n")
    os.chmod(home / ".qmail-here", 0o600)
    if os.geteuid() == 0:
        for path in (home, *home.rglob("*")):
            os.chown(path, instance.uid, instance.gid)
    return home


def assign(instance, *lines):
    (instance.home / "users" / "assign").write_text(
        "".join(line + "\n" for line in (*lines, ".")))
    instance.command("newu")


@pytest.fixture
def hosted(make_instance):
    instance = make_instance()
    instance.joe = local_host(instance)
    assign(instance, f"=joe:joe:{instance.uid or 1}:{instance.gid}:"
           f"{instance.joe}:::",
           f"+joe-:joe:{instance.uid or 1}:{instance.gid}:{instance.joe}:-::")
    instance.start()
    return instance


def test_assigned_users_exist_with_the_qmail_files_they_have(hosted):
    for address in (f"joe@{HOST}", f"JOE-here@{HOST}", "here@v.example"):
        assert rcpt(hosted, address)[0] == 250, address
    for address in (f"joe-gone@{HOST}", f"nobody-x@{HOST}", "gone@v.example",
                    f"bob@{DOMAIN}"):
        code, text = rcpt(hosted, address)
        assert (code, text[:5]) == (550, "5.1.1"), address
    with smtplib.SMTP("127.0.0.1", hosted.smtp, "client.example",
                      timeout=60) as client:
        client.sendmail("you@client.example", ["here@v.example"],
                        b"Subject: x\r\n\r\nhello\r\n")
    wait_for(lambda: list((hosted.joe / "Maildir" / "new").iterdir()))


def test_a_new_table_rules_within_a_moment_and_a_bad_one_never(hosted):
    table = hosted.home / "users" / "cdb"
    before = table.read_bytes()
    (hosted.home / "users" / "assign").write_text("=joe:joe:x:1:/h:::\n.\n")
    done = subprocess.run([BIN / "culver", "newu"], env=hosted.env, check=False,
                          capture_output=True, text=True)
    assert done.returncode == 111
    assert "users/assign:1: uid or gid is not a number" in done.stderr
    assert table.read_bytes() == before
    done = subprocess.run([BIN / "culver", "control", "build"], env=hosted.env,
                          check=False, capture_output=True, text=True)
    assert done.returncode == 100
    assert "users/assign:1: uid or gid is not a number" in done.stdout
    assert table.read_bytes() == before
    assign(hosted)
    wait_for(lambda: rcpt(hosted, f"joe-here@{HOST}")[0] == 550)


def test_a_damaged_table_is_trouble_and_nobody_is_unknown(hosted):
    (hosted.home / "users" / "cdb").write_bytes(b"no table")
    wait_for(lambda: rcpt(hosted, f"joe@{HOST}")[0] == 451)
    assert rcpt(hosted, f"nobody-x@{HOST}")[0] == 451


def test_each_half_that_is_killed_comes_back(hosted):
    root = hosted.running["lspawn"].pid
    # At once, again and again: nothing of it ends culver-lspawn.
    for which in (1, 2, 3, 0, 0, 0):
        before = wait_for(lambda: halves(hosted))
        kill(before[which])
        wait_for(lambda b=before: (now := halves(hosted)) and
                 b[which] not in now)
        wait_for(lambda: rcpt(hosted, f"joe@{HOST}")[0] == 250)
        assert hosted.running["lspawn"].poll() is None
    assert hosted.running["lspawn"].pid == root


def test_without_culver_lspawn_nobody_is_taken_nor_refused(hosted):
    hosted.stop("lspawn")
    for address in (f"joe@{HOST}", f"nobody-x@{HOST}", "gone@v.example"):
        assert rcpt(hosted, address)[0] == 451, address
    assert rcpt(hosted, f"ann@{DOMAIN}")[0] == 250
    hosted.start("lspawn")
    wait_for(lambda: rcpt(hosted, f"joe@{HOST}")[0] == 250)
    assert rcpt(hosted, f"nobody-x@{HOST}")[0] == 550


def test_a_half_that_stands_still_is_trouble_not_a_verdict(hosted):
    """It is stopped, and killed while the client waits."""
    for half in wait_for(lambda: halves(hosted))[1:]:
        os.kill(half, signal.SIGSTOP)
    with smtplib.SMTP("127.0.0.1", hosted.smtp, "client.example",
                      timeout=60) as client:
        client.ehlo()
        client.mail("you@client.example")
        client.putcmd("rcpt", f"TO:<joe@{HOST}>")
        for half in children(hosted.running["lspawn"].pid)[1:]:
            kill(half)
        assert client.getreply()[0] in (250, 451)


def test_who_has_waited_in_vain_does_not_wait_for_each_recipient(hosted):
    """It asks again when it has rested, though there was somebody before."""
    below = wait_for(lambda: halves(hosted))[1:]
    for half in below:
        os.kill(half, signal.SIGSTOP)
    with smtplib.SMTP("127.0.0.1", hosted.smtp, "client.example",
                      timeout=60) as client:
        client.ehlo()
        client.mail("you@client.example")
        assert client.rcpt(f"joe@{HOST}")[0] == 451
        for half in below:
            os.kill(half, signal.SIGCONT)
        assert client.rcpt(f"joe-here@{HOST}")[0] == 451
        wait_for(lambda: client.rcpt(f"joe-here@{HOST}")[0] == 250)


def test_nothing_of_lspawn_is_root_but_its_first_process(hosted):
    for pid in wait_for(lambda: halves(hosted)):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        assert "Seccomp:\t2" in status and "NoNewPrivs:\t1" in status
