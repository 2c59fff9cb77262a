"""POP3 with real clients: culver-pop3d on a Maildir, and culver-popup in front
of a real culver-authd in a private HOME."""

import os
import pathlib
import poplib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import zlib

import pytest

from popbed import (ACCOUNTS, AS_NOBODY, MESSAGES, NOBODY, PATIENCE, RealHome,
                    can_unshare, children, connect, give, gone,
                    listening_popup, login, on_the_wire, pop3d, program,
                    wait_for)
from popbed import home, maildir, place  # noqa: F401, fixtures


def test_every_message_arrives_as_it_is(maildir):
    for i, data in enumerate(MESSAGES.values()):
        maildir.put("%d.m" % (i + 1), data)
    with pop3d(maildir.path) as c:
        total = 0
        for i, (name, data) in enumerate(MESSAGES.items()):
            size = int(c.ask(b"LIST %d" % (i + 1)).split()[2])
            got = c.retr(i + 1)
            assert got == on_the_wire(data), name
            assert len(got) == size, name
            total += size
        assert c.ask(b"STAT") == b"+OK %d %d\r\n" % (len(MESSAGES), total)


def test_poplib_reads_it(maildir):
    names = [n for n in MESSAGES if "CR" not in n]
    for i, name in enumerate(names):
        maildir.put("%d.m" % (i + 1), MESSAGES[name])
    with pop3d(maildir.path) as c:
        class Pop(poplib.POP3):
            def _create_socket(self, timeout):
                return c.sock

            def _getresp(self, fresh=[True]):
                if fresh.pop() if fresh else False:
                    return b"+OK"  # the greeting, which we have read
                return super()._getresp()

        p = Pop("unused")
        assert p.stat()[0] == len(names)
        for i, name in enumerate(names):
            _, lines, octets = p.retr(i + 1)
            got = b"".join(line + b"\r\n" for line in lines)
            assert got == on_the_wire(MESSAGES[name]), name
        assert len(p.uidl()[1]) == len(names)
        p.quit()


def test_sizes_are_not_read_from_files_whose_names_tell_them(maildir):
    maildir.put("1.a,S=3,W=4", b"abc\n")
    maildir.put("2.b,S=4,W=5:2,S", b"abc\n", "cur")
    (maildir.path / "new" / "1.a,S=3,W=4").chmod(0)
    with pop3d(maildir.path) as c:
        assert c.ask(b"STAT") == b"+OK 2 9\r\n"


def test_sizes_that_names_do_not_tell_are_counted_once(maildir):
    data = {"%d.m" % i: b"%d\n" % i * i for i in range(1, 101)}
    for name, text in data.items():
        maildir.put(name, text)
    total = sum(len(on_the_wire(text)) for text in data.values())
    with pop3d(maildir.path) as c:
        assert c.ask(b"STAT") == b"+OK 100 %d\r\n" % total
    remembered = maildir.path / "culver-sizes"
    assert len(remembered.read_bytes().splitlines()) == 100
    # Moved, and closed to us: nobody opens them any more.
    for name in data:
        (maildir.path / "new" / name).chmod(0)
        (maildir.path / "new" / name).rename(
            maildir.path / "cur" / (name + ":2,S"))
    with pop3d(maildir.path) as c:
        assert c.ask(b"STAT") == b"+OK 100 %d\r\n" % total
        assert c.ask(b"LIST 9") == b"+OK 9 %d\r\n" % (3 * 9)
    # Another file of the same name and size is counted.
    path = maildir.path / "cur" / "9.m:2,S"
    path.unlink()
    maildir.put(path.name, b"9\n" * 5 + b"12345678", "cur")
    with pop3d(maildir.path) as c:
        assert c.ask(b"LIST 9") == b"+OK 9 %d\r\n" % (3 * 5 + 10)
        assert c.retr(9) == b"9\r\n" * 5 + b"12345678\r\n"
    total += 25 - 27
    remembered.write_bytes(b"damaged\n")
    for path in (maildir.path / "cur").iterdir():
        path.chmod(0o600)
    with pop3d(maildir.path) as c:
        assert c.ask(b"STAT") == b"+OK 100 %d\r\n" % total
    # Whoever may not write there is told the sizes all the same.
    remembered.unlink()
    maildir.path.chmod(0o555)
    with pop3d(maildir.path) as c:
        assert c.ask(b"STAT") == b"+OK 100 %d\r\n" % total
    assert not remembered.exists()
    maildir.path.chmod(0o755)


def test_remembered_size_that_no_file_of_its_length_has_is_counted(maildir):
    """Sums of what is claimed there would go round."""
    claims = b""
    for name, octets in (("1.m", 2 ** 64 - 1), ("2.m", 11), ("3.m", 3)):
        maildir.put(name, b"a\n\nb")
        st = (maildir.path / "new" / name).stat()
        line = b"%d %d %d %s" % (octets, st.st_size, st.st_mtime_ns,
                                 name.encode())
        claims += b"%08x %s\n" % (zlib.crc32(line), line)
    (maildir.path / "culver-sizes").write_bytes(claims)
    give(maildir.path)
    with pop3d(maildir.path) as c:
        assert c.ask(b"STAT") == b"+OK 3 24\r\n"


def test_hostile_names_and_files(maildir, place):
    secret = place / "secret"
    secret.write_bytes(b"secret\n")
    new = maildir.path / "new"
    names = ["1.esc\x1b[2J", "2.blank name", "3.\n", "4." + "x" * 240,
             "5.\udcff", "6.#", "7.:2,:2,S"]
    for name in names:
        maildir.put(name, b"A: b\n")
    os.symlink(secret, new / "8.link")
    os.mkfifo(new / "9.fifo")
    (new / "10.folder").mkdir()
    give(maildir.path)
    if NOBODY:
        os.link(secret, new / "11.hardlink")  # somebody else's
    with pop3d(maildir.path) as c:
        c.send(b"UIDL\r\n")
        assert c.line() == b"+OK\r\n"
        ids = [line.split(b" ", 1)[1][:-2]
               for line in c.body().splitlines(True)]
        assert len(ids) == len(names) + (1 if NOBODY else 0)
        assert len(set(ids)) == len(ids)
        for i in ids:
            assert re.fullmatch(rb"[!-~]{1,70}", i)
        for i in range(len(names)):
            assert c.retr(i + 1) == b"A: b\r\n"
        if NOBODY:
            assert c.ask(b"RETR 8").startswith(b"-ERR [SYS/PERM]")
    with pop3d(maildir.path) as c:
        c.send(b"UIDL\r\n")
        assert c.line() == b"+OK\r\n"
        assert [line.split(b" ", 1)[1][:-2]
                for line in c.body().splitlines(True)] == ids


def test_only_quit_changes_anything(maildir):
    for i in range(1, 4):
        maildir.put("%d.m" % i, b"A: b\n")
    before = maildir.names()
    with pop3d(maildir.path) as c:
        c.retr(1)
        assert c.ask(b"DELE 2") == b"+OK\r\n"
    assert maildir.names() == before
    with pop3d(maildir.path) as c:
        c.retr(1)
        assert c.ask(b"DELE 2") == b"+OK\r\n"
        assert c.ask(b"QUIT") == b"+OK\r\n"
        assert c.rest() == b""
    assert maildir.names() == ["cur/1.m:2,S", "cur/3.m:2,"]


def test_two_sessions_lose_nothing(maildir):
    for i in range(1, 51):
        maildir.put("%d.m" % i, b"%d\n" % i)
    with pop3d(maildir.path) as a, pop3d(maildir.path) as b:
        maildir.put("99.later", b"later\n")
        for i in range(1, 51, 2):
            assert a.ask(b"DELE %d" % i) == b"+OK\r\n"
        for i in range(1, 51, 5):
            assert b.ask(b"DELE %d" % i) == b"+OK\r\n"
        assert a.ask(b"QUIT") == b"+OK\r\n"
        # Moved to cur/ and gone: read under the new name, or refused.
        assert b.retr(2) == b"2\r\n"
        assert b.ask(b"RETR 3") == b"-ERR message is gone\r\n"
        assert b.ask(b"STAT").startswith(b"+OK 40 ")
        assert b.ask(b"QUIT") == b"+OK\r\n"
    left = {re.sub(r"^.*/|:.*", "", n) for n in maildir.names()}
    assert left == {"%d.m" % i for i in range(1, 51)
                    if i % 2 == 0 and i % 5 != 1} | {"99.later"}


def test_killed_within_update_each_message_is_whole_or_gone(maildir):
    rng = random.Random(1)
    for run in range(10):
        for i in range(300):
            maildir.put("%d.%d" % (i + 1, run), b"%d\n" % i * 50)
        count = len(maildir.names())
        with pop3d(maildir.path) as c:
            c.send(b"".join(b"DELE %d\r\n" % (i + 1)
                            for i in range(0, count, 2)) + b"QUIT\r\n")
            wait_for(lambda: len(maildir.names()) < count, "no update")
            time.sleep(rng.random() * 0.002)
            c.process.kill()
        bases = [re.sub(r"^.*/|:.*", "", n) for n in maildir.names()]
        assert len(set(bases)) == len(bases)
        for name in maildir.names():
            i = int(re.sub(r"^.*/|\..*", "", name)) - 1
            assert (maildir.path / name).read_bytes() == b"%d\n" % i * 50


def test_pipelined_session_is_answered_whole(maildir):
    for i in range(1, 101):
        maildir.put("%d.m" % i, b"%d\n" % i)
    with pop3d(maildir.path) as c:
        c.send(b"".join(b"RETR %d\r\nDELE %d\r\n" % (i, i)
                        for i in range(1, 101)) + b"QUIT\r\nSTAT\r\n")
        assert c.rest() == b"".join(
            b"+OK\r\n%d\r\n.\r\n+OK\r\n" % i
            for i in range(1, 101)) + b"+OK\r\n"
    assert maildir.names() == []


def test_path_is_relative_to_the_current_folder(maildir, place):
    maildir.put("1.a", b"A: b\n")
    with pop3d("Maildir", cwd=place) as c:
        assert c.ask(b"STAT") == b"+OK 1 6\r\n"


def run_pop3d(*arguments, **how):
    return subprocess.run([program(), *arguments],
                          stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=PATIENCE, **how)


def test_what_cannot_be_opened_is_a_temporary_error(place):
    give(place)
    r = run_pop3d(place / "missing", **AS_NOBODY)
    assert r.returncode == 111
    assert r.stdout == b"-ERR [SYS/TEMP] unable to open the mailbox\r\n"
    r = run_pop3d(place, **AS_NOBODY)  # without new/ and cur/
    assert r.returncode == 111
    assert r.stdout == b"-ERR [SYS/TEMP] unable to open the mailbox\r\n"
    assert run_pop3d().returncode == 100
    assert run_pop3d("-t", "x", place).returncode == 100
    assert run_pop3d("--help").returncode == 0


@pytest.mark.skipif(not NOBODY, reason="needs root")
def test_root_has_no_mailbox(maildir):
    r = run_pop3d(maildir.path)
    assert r.returncode == 111
    assert r.stdout == b"-ERR [SYS/TEMP] unable to open the mailbox\r\n"


def test_silence_ends_the_session_and_deletes_nothing(maildir):
    maildir.put("1.a", b"A: b\n")
    with pop3d(maildir.path, "-t", "1") as c:
        assert c.ask(b"DELE 1") == b"+OK\r\n"
        assert c.rest() == b""
        log = c.process.stderr.read()
        assert b" how=timeout " in log
    assert maildir.names() == ["new/1.a"]


def test_login_and_mail_by_poplib(home):
    box = home.user("alice@mail.test", "pass word ")
    for i, name in enumerate(n for n in MESSAGES if "CR" not in n):
        box.put("%d.m" % (i + 1), MESSAGES[name])
    home.authd()
    p = login(home.ucspi(), "Alice@MAIL.test", "pass word ")
    for i, name in enumerate(n for n in MESSAGES if "CR" not in n):
        got = b"".join(line + b"\r\n" for line in p.retr(i + 1)[1])
        assert got == on_the_wire(MESSAGES[name]), name
    assert "TOP" in p.capa()
    for i in range(p.stat()[0]):
        p.dele(i + 1)
    p.quit()
    wait_for(lambda: box.names() == [], "messages are still there")
    assert home.lines("authd: success service=pop3 ip=127.0.0.1 "
                      "user=Alice@MAIL.test")


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_reads_it(home):
    box = home.user("bob@mail.test", "secret")
    data = MESSAGES["10 MiB"]
    box.put("1.m,S=%d,W=%d" % (len(data), len(on_the_wire(data))), data)
    box.put("2.m", MESSAGES["dots"])
    home.authd()
    port = home.ucspi()

    def curl(path):
        r = subprocess.run(
            ["curl", "-s", "-S", "-u", "bob@mail.test:secret",
             "pop3://127.0.0.1:%d/%s" % (port, path)],
            capture_output=True, timeout=PATIENCE)
        assert r.returncode == 0, r.stderr
        return r.stdout
    assert curl("1") == on_the_wire(data)
    assert curl("2") == on_the_wire(MESSAGES["dots"])
    sizes = [b"%d %d" % (i, len(on_the_wire(d))) for i, d in
             ((1, data), (2, MESSAGES["dots"]))]
    assert curl("").splitlines() == sizes


WRONG = b"-ERR [AUTH] authorization failed\r\n"


def test_all_who_may_not_log_in_are_told_the_same(home):
    home.user("alice@mail.test", "secret")
    home.user("shut@mail.test", "secret", "--flags", "disabled")
    home.user("smtp@mail.test", "secret", "--flags", "nopop3")
    home.run("user", "add", "none@mail.test", "--no-password")
    home.authd()
    port = home.ucspi()
    rows = [("alice@mail.test", "Secret", "password"),
            ("alice@mail.test", "secret ", "password"),
            ("alice@mail.test", "", "password"),
            ("nobody@mail.test", "secret", "user"),
            ("alice", "secret", "user"),
            ("x" * 240, "secret", "user"),
            ("../../etc/passwd", "secret", "user"),
            ("shut@mail.test", "secret", "flags"),
            ("smtp@mail.test", "secret", "flags"),
            ("none@mail.test", "", "password"),
            ("none@mail.test", "*", "password")]
    clients = []
    for user, password, reason in rows:
        c = connect(port)
        c.line()
        c.send(b"USER %s\r\nPASS %s\r\n" % (user.encode(), password.encode()))
        clients.append(c)
    # None of these failures delays anybody who may.
    p = login(port, "alice@mail.test", "secret")
    p.quit()
    for c, (user, password, reason) in zip(clients, rows):
        assert c.line() == b"+OK\r\n"
        assert c.line() == WRONG
        assert home.lines("authd: failure service=pop3 ip=127.0.0.1 user=%s "
                          "reason=%s" % (user, reason))
        c.close()


@pytest.mark.parametrize("length, code", [(200, 0), (201, 100), (300, 100)])
def test_password_that_is_too_long_is_not_cut(home, length, code):
    r = home.run("user", "add", "alice@mail.test", "--password-stdin",
                 input=b"x" * length + b"\n")
    assert r.returncode == code
    assert (b"the password is too long" in r.stderr) == (code != 0)


def test_ten_wrong_passwords_are_logged_and_slowed_down(home):
    home.user("alice@mail.test", "secret")
    clock = home.path / "clock"
    clock.write_bytes(b"%+020d\n" % 0 * 2)
    home.env["CULVER_CLOCK"] = str(clock)
    home.give()
    home.authd()
    port = home.ucspi()
    clients = [connect(port) for _ in range(10)]
    began = time.monotonic()
    for c in clients:
        c.line()
        c.send(b"USER alice@mail.test\r\nPASS wrong\r\n")
        assert c.line() == b"+OK\r\n"
    wait_for(lambda: len(home.lines(
        "authd: failure service=pop3 ip=127.0.0.1 user=alice@mail.test "
        "reason=password")) == 10, "no ten lines")
    # Others are not held up, nor is who has the password.
    login(port, "alice@mail.test", "secret").quit()
    told = []
    for _ in range(4):
        [ready, *_], _, _ = select.select(
            [c.sock for c in clients], [], [], PATIENCE)
        [c] = [c for c in clients if c.sock is ready]
        assert c.line() == WRONG
        told.append(time.monotonic() - began)
        clients.remove(c)
    assert told[0] >= 2 and told[3] >= 4
    # A minute later all have been told; a connection makes it look.
    fd = os.open(clock, os.O_WRONLY)
    os.pwrite(fd, b"%+020d\n" % 60000000 * 2, 0)
    os.close(fd)
    home.answers()
    for c in clients:
        assert c.line() == WRONG
        c.close()


def test_log_is_written_by_us_alone(home):
    home.authd()
    c = connect(home.ucspi())
    c.line()
    assert c.ask(b"USER a\x1b[2J\x00b user=root %s") == \
        b"-ERR whose mailbox?\r\n"
    assert c.ask(b"USER a\x1b[2J\xff user=root %s\"") == b"+OK\r\n"
    assert c.ask(b"PASS x") == WRONG
    c.close()
    wait_for(lambda: home.lines("popup: end"), "no last line")
    text = home.log.read_bytes()
    assert re.fullmatch(rb"[\x20-\x7e\n]*", text)
    # A blank ends a value, so none is left within one.
    assert b" user=root" not in text
    assert text.count(b" user=a\\x1b[2J\\xff\\x20user=root\\x20\\x25s"
                      b"\\x22 ") == 2


def test_apop_is_for_users_whose_secret_is_kept(home):
    box = home.user("alice@mail.test", "tan staaf", "--method", "plain")
    box.put("1.m", b"A: b\n")
    home.user("hashed@mail.test", "tan staaf")
    home.authd()
    port = home.ucspi()
    c = connect(port)
    assert b"<" not in c.line()  # no stamp, so that nobody tries
    assert c.ask(b"APOP alice@mail.test " + b"0" * 32) == \
        b"-ERR no such command\r\n"
    c.close()
    (home.path / "control" / "pop3apop").write_text("1\n")
    give(home.path)
    p = poplib.POP3("127.0.0.1", port, PATIENCE)
    assert re.fullmatch(rb"\+OK <\d+\.\d+\.[0-9a-f]{16}@mail\.test>",
                        p.welcome)
    p.apop("Alice@Mail.test", "tan staaf")
    assert p.retr(1)[1] == [b"A: b"]
    p.quit()
    login(port, "alice@mail.test", "tan staaf").quit()
    stamps = set()
    for user, secret in (("alice@mail.test", "tanstaaf"),
                         ("hashed@mail.test", "tan staaf"),
                         ("nobody@mail.test", "tan staaf")):
        p = poplib.POP3("127.0.0.1", port, PATIENCE)
        stamps.add(p.welcome)
        began = time.monotonic()
        with pytest.raises(poplib.error_proto) as error:
            p.apop(user, secret)
        assert error.value.args[0] + b"\r\n" == WRONG
        assert time.monotonic() - began > 1
        p.close()
    assert len(stamps) == 3


def test_languages_and_utf8_before_and_after_login(home):
    home.user("\u00e4lice@mail.test", "p\u00e4ss")
    home.authd()
    p = poplib.POP3("127.0.0.1", home.ucspi(), PATIENCE)
    before = p.capa()
    assert before["UTF8"] == ["USER"] and before["EXPIRE"] == ["NEVER"]
    p.utf8()
    p.encoding = "UTF-8"
    assert b"+OK en " in p._shortcmd("LANG *")
    assert p._longcmd("LANG")[1] == [b"en English", b"i-default English"]
    p.user("\u00e4lice@mail.test")
    p.pass_("p\u00e4ss")
    assert before.pop("SASL") == ["PLAIN", "LOGIN"]
    assert p.capa() == before
    assert b"+OK i-default " in p._shortcmd("LANG i-default")
    with pytest.raises(poplib.error_proto):
        p._shortcmd("LANG fr")
    p.quit()


def test_whole_session_in_one_segment(home):
    box = home.user("alice@mail.test", "secret")
    box.put("1.m", b"A: b\n")
    home.authd()
    c = connect(home.ucspi())
    c.send(b"CAPA\r\nUSER alice@mail.test\r\nPASS secret\r\nSTAT\r\n"
           b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    c.sock.shutdown(socket.SHUT_WR)
    assert c.line() == b"+OK mail.test\r\n"
    assert c.line().startswith(b"+OK")
    assert b"PIPELINING\r\n" in c.body()
    assert c.rest() == (b"+OK\r\n+OK\r\n+OK 1 6\r\n+OK\r\nA: b\r\n.\r\n"
                        b"+OK\r\n+OK\r\n")
    assert box.names() == []


def test_without_authd_it_is_temporary(home):
    home.user("alice@mail.test", "secret")
    c = connect(home.ucspi())
    c.line()
    assert c.ask(b"USER alice@mail.test") == b"+OK\r\n"
    assert c.ask(b"PASS secret").startswith(b"-ERR [SYS/TEMP] ")
    assert c.ask(b"QUIT") == b"+OK\r\n"


def test_damaged_table_is_temporary(home):
    home.user("alice@mail.test", "secret")
    (home.path / "users" / "passwd.cdb").write_bytes(b"damaged")
    home.authd()
    c = connect(home.ucspi())
    c.line()
    c.ask(b"USER alice@mail.test")
    assert c.ask(b"PASS secret").startswith(b"-ERR [SYS/TEMP] ")
    c.close()


def test_mailbox_that_is_not_there_is_temporary(home):
    box = home.user("alice@mail.test", "secret")
    shutil.rmtree(box.path)
    home.authd()
    port = home.ucspi()
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
        login(port, "alice@mail.test", "secret")
    shutil.rmtree(box.path.parent)  # not even pop3d can be started there
    with pytest.raises(poplib.error_proto, match=r"\[SYS/TEMP\]"):
        login(port, "alice@mail.test", "secret")


def test_settings_that_do_not_parse_are_temporary(home):
    (home.path / "control" / "timeoutpop3").write_text("soon\n")
    give(home.path)
    home.authd()
    c = connect(home.ucspi())
    assert c.line().startswith(b"-ERR [SYS/TEMP] ")
    assert c.rest() == b""
    assert home.lines("control/timeoutpop3:1:")


def test_many_at_once(home):
    boxes = [home.user("u%d@mail.test" % i, "p%d" % i) for i in range(8)]
    for i, box in enumerate(boxes):
        box.put("1.m", b"%d\n" % i)
    home.authd()
    port = home.ucspi()
    failed = []

    def session(i):
        try:
            p = login(port, "u%d@mail.test" % (i % 8), "p%d" % (i % 8))
            assert p.retr(1)[1] == [b"%d" % (i % 8)]
            p.quit()
        except Exception as e:
            failed.append(e)
    threads = [threading.Thread(target=session, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed


@pytest.mark.parametrize("half", ["opening", "checking"])
def test_either_half_of_authd_ends_with_the_other(home, half):
    home.user("alice@mail.test", "secret")
    p = home.authd()
    port = home.ucspi()
    session = login(port, "alice@mail.test", "secret")
    [checking] = [c for c in children(p.pid)
                  if b"authd" in pathlib.Path("/proc/%d/cmdline" % c)
                  .read_bytes()]
    os.kill(p.pid if half == "opening" else checking, signal.SIGKILL)
    p.wait(PATIENCE)
    wait_for(lambda: gone(checking), "the checking half lives on")
    # Who is logged in is not concerned, and authd can start again.
    assert session.noop() == b"+OK"
    home.authd()
    login(port, "alice@mail.test", "secret").quit()
    session.quit()


@pytest.mark.skipif(not NOBODY, reason="needs root to be somebody else")
def test_nobody_else_may_ask_authd(home):
    home.authd()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(str(home.path / "state" / "auth"))
        assert s.recv(1) == b""
    assert home.lines("somebody else")


def keeper_of(authd):
    """The culver-pop3d whose children have the mailboxes."""
    def found():
        return [c for c in children(authd.pid) if b"pop3d" in
                pathlib.Path("/proc/%d/cmdline" % c).read_bytes()]
    wait_for(found, "no culver-pop3d")
    return found()[0]


def test_mailbox_is_started_as_its_user_with_nothing_inherited(home):
    home.user("alice@mail.test", "secret")
    p = home.authd()
    session = login(home.ucspi(), "alice@mail.test", "secret")
    [pid] = children(keeper_of(p))
    proc = pathlib.Path("/proc/%d" % pid)
    if os.getuid() == 0:  # it is not dumpable: only root may look
        environ = dict(e.split(b"=", 1) for e in
                       (proc / "environ").read_bytes().split(b"\0")[:-1])
        assert environ == {b"CULVER_HOME": str(home.path).encode()}
        links = {os.readlink(proc / "fd" / f).split(":")[0]
                 for f in os.listdir(proc / "fd") if int(f) > 2}
        box = str(home.path / "domains/mail.test/alice/Maildir")
        assert links == {box, box + "/new", box + "/cur",
                         box + "/culver-sizes", "socket"}
    status = (proc / "status").read_text()
    assert re.search(r"^Seccomp:\s+2$", status, re.M)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.M)
    uid = NOBODY.pw_uid if NOBODY else os.getuid()
    assert re.search(r"^Uid:\s+%d\s+%d\s+%d\s" % (uid, uid, uid), status,
                     re.M)
    session.quit()
    wait_for(lambda: not proc.exists(), "nobody reaped it")


def test_a_mailbox_that_dies_takes_no_other_with_it(home):
    """And the next has another place in memory: its keeper is another one."""
    box = home.user("alice@mail.test", "secret")
    box.put("1.m", b"A: b\n")
    authd = home.authd()
    popup, port = listening_popup(home)
    keeper = keeper_of(authd)
    staying = login(port, "alice@mail.test", "secret")
    [first] = children(keeper)
    dying = login(port, "alice@mail.test", "secret")
    [second] = set(children(keeper)) - {first}
    os.kill(second, signal.SIGSEGV)
    with pytest.raises((poplib.error_proto, OSError)):
        dying.stat()
    assert staying.stat() == (1, 6)
    wait_for(lambda: gone(keeper), "the keeper stays")
    login(port, "alice@mail.test", "secret").quit()
    assert keeper_of(authd) != keeper
    os.kill(keeper_of(authd), signal.SIGKILL)
    login(port, "alice@mail.test", "secret").quit()
    assert staying.retr(1)[1] == [b"A: b"]
    staying.quit()


def test_session_handed_over_in_one_segment(home):
    box = home.user("alice@mail.test", "secret")
    box.put("1.m", b"A: b\n")
    home.authd()
    popup, port = listening_popup(home)
    c = connect(port)
    c.send(b"USER alice@mail.test\r\nPASS secret\r\nSTAT\r\n"
           b"RETR 1\r\nDELE 1\r\nQUIT\r\n")
    c.sock.shutdown(socket.SHUT_WR)
    assert c.line() == b"+OK mail.test\r\n"
    assert c.rest() == (b"+OK\r\n+OK\r\n+OK 1 6\r\n+OK\r\nA: b\r\n.\r\n"
                        b"+OK\r\n+OK\r\n")
    assert box.names() == []
    wait_for(lambda: home.lines("pop3d: end ip=127.0.0.1 user=alice@mail.test "
                                "how=quit messages=1 retrieved=1 octets=6 "
                                "deleted=1"), "no last line")
    # +OK to PASS and STAT, the message, and +OK to DELE and QUIT.
    wait_for(lambda: home.lines("popup: end ip=127.0.0.1 user=alice@mail.test "
                                "how=done errors=0 sent=%d"
                                % (5 + 9 + 14 + 10)), "popup has no last line")


def test_silence_ends_a_session_that_was_handed_over(home):
    home.user("alice@mail.test", "secret")
    (home.path / "control" / "timeoutpop3").write_text("1\n")
    give(home.path)
    home.authd()
    popup, port = listening_popup(home)
    c = connect(port)
    c.line()
    c.ask(b"USER alice@mail.test")
    assert c.ask(b"PASS secret") == b"+OK\r\n"
    assert c.rest() == b""
    wait_for(lambda: home.lines("how=timeout"), "no last line")


def test_what_was_right_a_moment_ago_is_right_no_longer(home):
    """Whatever is remembered of a login, users/passwd rules."""
    home.user("alice@mail.test", "secret")
    home.authd()
    popup, port = listening_popup(home)
    for _ in range(3):
        login(port, "alice@mail.test", "secret").quit()
    assert home.run("user", "passwd", "alice@mail.test", "--password-stdin",
                    input=b"other\n").returncode == 0
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        login(port, "alice@mail.test", "secret")
    for _ in range(3):
        login(port, "alice@mail.test", "other").quit()
    assert home.run("user", "set", "alice@mail.test", "--flags",
                    "nopop3").returncode == 0
    with pytest.raises(poplib.error_proto, match=r"\[AUTH\]"):
        login(port, "alice@mail.test", "other")


def test_listening_popup_serves_and_ends(home):
    home.user("alice@mail.test", "secret")
    (home.path / "control" / "maxuse").write_text("2\n")
    give(home.path)
    home.authd()
    p, port = listening_popup(home)
    for _ in range(5):  # more than one worker serves
        login(port, "alice@mail.test", "secret").quit()
    session = login(port, "alice@mail.test", "secret")
    p.terminate()
    assert session.noop() == b"+OK"  # a session is ended by its client
    session.quit()
    assert p.wait(PATIENCE) == 0


@pytest.mark.skipif(not shutil.which("tcpserver"),
                    reason="tcpserver is not installed")
def test_tcpserver_runs_popup(home):
    home.user("alice@mail.test", "secret")
    home.authd()
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with open(home.log, "ab") as log:
        home.stop.append(subprocess.Popen(
            ["tcpserver", "-H", "-R", "-l0", "127.0.0.1", str(port),
             home.path / "bin" / "culver-popup"],
            env=home.env, stderr=log, **AS_NOBODY))

    def up():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0
    wait_for(up, "tcpserver does not listen")
    login(port, "alice@mail.test", "secret").quit()
    assert home.lines("authd: success service=pop3 ip=127.0.0.1 ")


@pytest.mark.skipif(not can_unshare(), reason="needs root and unshare")
def test_in_a_real_instance_each_program_has_its_account(place):
    home = RealHome(place)
    try:
        home.user("alice@mail.test", "secret")
        authd = home.authd()
        popup, port = listening_popup(home)
        session = login(port, "alice@mail.test", "secret")
        seen = {}
        for pid in [authd.pid, popup.pid, *children(authd.pid),
                    *children(popup.pid)]:
            status = pathlib.Path("/proc/%d/status" % pid).read_text()
            name = re.search(r"^Name:\s+(\S+)", status, re.M).group(1)
            uids = set(re.search(r"^Uid:\s+(.*)$", status, re.M)
                       .group(1).split())
            gids = set(re.search(r"^Gid:\s+(.*)$", status, re.M)
                       .group(1).split())
            jail = re.search(r"^Seccomp:\s+(\d)", status, re.M).group(1)
            assert uids == gids and len(uids) == 1
            seen.setdefault(name, set()).add((int(uids.pop()), jail))
        assert seen == {
            "culver-authd": {(0, "0"), (ACCOUNTS["culveru"], "2")},
            "culver-popup": {(ACCOUNTS["culverp"], "2")},
            "culver-pop3d": {(ACCOUNTS["culverv"], "2")},
        }
        session.quit()
    finally:
        home.end()
