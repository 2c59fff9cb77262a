"""A real instance: each program under its account, each mailbox its user's.

Needs root.  culver setup makes the accounts of the suite, which stay; the
person whose mail is delivered is made here and removed again.
"""
import grp
import os
import pathlib
import poplib
import pwd
import re
import shutil
import smtplib
import stat
import subprocess
import sys
import tempfile

import pytest

from conftest import (BIN, PATIENCE, TOP, accounts_alone, free_base, kill,
                      wait_for)
from tlsdoor import client_context, make_pem

sys.path.append(os.path.join(os.path.dirname(__file__), "../talk"))
from talk import write_cdb  # noqa: E402

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts"),
]

DOMAIN = "real.example"
HOST = "mail." + DOMAIN  # whose system users receive mail
PERSON = f"ctest{os.getpid()}"  # a system user; its mail is PERSON@HOST
OTHER = PERSON + "b"  # another, whose home is open and has a .qmail-open
EXTRA = PERSON + "g"  # a group that PERSON is in besides his own
VIRTUAL = "virtual.example"
ANN = "ann@" + VIRTUAL  # a virtual user
BOB = "bob@" + VIRTUAL  # another


def table():
    """The rows of doc/SECURITY, section 1: (program, process) -> the rest."""
    rows = {}
    for line in (TOP / "doc" / "SECURITY").read_text().splitlines():
        cells = re.split(r"  +", line.strip())
        if len(cells) == 6 and cells[0].startswith("culver-"):
            rows[cells[0], cells[1]] = cells[2:]
    assert len(rows) >= 9
    return rows


class Process:
    def __init__(self, pid):
        text = pathlib.Path(f"/proc/{pid}/status").read_text()
        field = dict(re.findall(r"(?m)^(\w+):[ \t]*(.*)$", text))
        uid, gid = field["Uid"].split(), field["Gid"].split()
        self.pid, self.name = pid, field["Name"]
        self.parent = int(field["PPid"])
        self.uids, self.gids = set(uid), set(gid)
        self.groups = set(map(int, field.get("Groups", "").split()))
        self.nnp, self.seccomp = field["NoNewPrivs"], field["Seccomp"]
        self.capabilities = int(field["CapEff"], 16)
        self.permitted = int(field["CapPrm"], 16)
        self.inheritable = int(field["CapInh"], 16)
        self.ambient = int(field["CapAmb"], 16)

    def account(self):
        assert len(self.uids) == len(self.gids) == 1, vars(self)
        return (pwd.getpwuid(int(*self.uids)).pw_name,
                grp.getgrgid(int(*self.gids)).gr_name)


def processes(home):
    """The processes of the instance, but for its supervisor and shells."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            env = (folder / "environ").read_bytes()
            if b"CULVER_HOME=" + str(home).encode() + b"\0" not in env:
                continue
            one = Process(int(folder.name))
        except (OSError, KeyError):
            continue
        if one.name.startswith("culver-"):
            found.append(one)
    return found


@pytest.fixture(scope="module")
def real():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="culver-real.",
                                           dir="/var/tmp"))
    folder.chmod(0o755)
    home = folder / "home"
    base = free_base((25, 110, 465, 587, 995))
    people = folder / "people"
    with accounts_alone():
        for name, where in ((PERSON, people), (OTHER, folder / "other")):
            subprocess.run(["useradd", "-r", "-M", "-d", str(where), "-s",
                            "/usr/sbin/nologin", name], check=True)
            person = pwd.getpwnam(name)
            for part in ("", "Maildir", "Maildir/tmp", "Maildir/new",
                         "Maildir/cur"):
                (where / part).mkdir(mode=0o700)
                os.chown(where / part, person.pw_uid, person.pw_gid)
        subprocess.run(["groupadd", "-r", EXTRA], check=True)
        subprocess.run(["usermod", "-a", "-G", EXTRA, PERSON], check=True)
    (folder / "other").chmod(0o711)
    (folder / "other" / ".qmail-open").write_text("./Maildir/\n")
    (folder / "other" / ".qmail-open").chmod(0o644)

    def culver(*words):
        done = subprocess.run([BIN / "culver", *words], check=False, text=True,
                              env={"PATH": os.environ["PATH"],
                                   "CULVER_HOME": str(home)},
                              capture_output=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    try:
        with accounts_alone():
            culver("setup", "--home", str(home), "--domain", DOMAIN)
        culver("user", "add", ANN, "--password", "secret")
        culver("user", "add", BOB, "--password", "other")
        with open(home / "control" / "rcpthosts", "a") as file:
            file.write(VIRTUAL + "\n")
        smtp, pop3 = base + 25, base + 110
        for name, port in (("smtpd", smtp), ("popup", pop3),
                           ("smtps", base + 465), ("pop3s", base + 995),
                           ("submission", base + 587)):
            listen = home / "service" / name / "env" / "LISTEN"
            listen.write_text(f"127.0.0.1:{port}\n")
        culver("start", "--home", str(home))
        one = type("Real", (), {})()
        one.home, one.smtp, one.pop3, one.people = home, smtp, pop3, people
        one.other = folder / "other"
        one.culver, one.base, one.folder = culver, base, folder
        yield one
    finally:
        if (home / "service").exists():
            culver("stop", "--home", str(home), "--wait", "2")
        with accounts_alone():
            for name in (PERSON, OTHER):
                subprocess.run(["userdel", name], check=True)
            subprocess.run(["groupdel", EXTRA], check=True)
        shutil.rmtree(folder, ignore_errors=True)


def send(real, to, text):
    with smtplib.SMTP("127.0.0.1", real.smtp, "client.example",
                      timeout=60) as client:
        client.sendmail("you@client.example", [to],
                        b"Subject: test\r\n\r\n" + text + b"\r\n")


def files(maildir):
    """Messages; a POP3 session has moved some to cur/."""
    return [*maildir.glob("new/*"), *maildir.glob("cur/*")]


@pytest.fixture(scope="module")
def mailed(real):
    """A message for the virtual user and one for the system's."""
    send(real, ANN, b"for ann")
    send(real, f"{PERSON}@{HOST}", b"for a person")
    virtual = real.home / "domains" / VIRTUAL / "ann" / "Maildir"
    person = real.people / "Maildir"
    wait_for(lambda: files(virtual), why="mail of the virtual user")
    wait_for(lambda: files(person), why="mail of the system user")
    return virtual, person


def test_the_accounts_exist_and_cannot_log_in(real):
    names = re.findall(r'X\([A-Z]+, "(\w+)", "(\w*)"',
                       (TOP / "lib" / "account.h").read_text())
    assert len(names) == 12
    for name, also in names:
        entry = pwd.getpwnam(name)
        assert entry.pw_uid != 0
        assert entry.pw_shell.endswith(("nologin", "false"))
        if also:
            assert name in grp.getgrnam(also).gr_mem
    assert grp.getgrnam("culveradm").gr_mem == [] or \
        not set(grp.getgrnam("culveradm").gr_mem) & {n for n, _ in names}


def test_no_file_is_setuid_or_setgid(real):
    for f in (real.home / "bin").iterdir():
        assert f.lstat().st_mode & (stat.S_ISUID | stat.S_ISGID) == 0
        assert f.lstat().st_uid == 0


def kind(one, everyone):
    """(program, process) of a process as the table names it."""
    by_pid = {p.pid: p for p in everyone}
    parent = by_pid.get(one.parent)
    below = parent is not None and parent.name == one.name
    words = {"culver-smtpd": ("listener", "worker"),
             "culver-popup": ("listener", "worker"),
             "culver-queued": ("listener", "writer"),
             "culver-authd": ("root half", "checking half"),
             "culver-local": ("worker", "worker"),
             "culver-policyd": ("keeper", "the others"),
             "culver-keyd": ("-", "-"),
             "culver-send": ("-", "-"), "culver-bounce": ("-", "-"),
             "culver-rspawn": ("-", "-"),
             "culver-pop3d": ("keeper", "session")}
    if one.name == "culver-lspawn":
        deeper = below and by_pid.get(parent.parent)
        return one.name, ("asking, naming" if deeper and
                          deeper.name == one.name else
                          "finding half" if below else "root")
    if one.name == "culver-authd":
        return one.name, words[one.name][one.uids != {"0"}]
    return one.name, words[one.name][below]


def test_each_process_is_who_the_table_says(real, mailed):
    rows = table()
    box = poplib.POP3("127.0.0.1", real.pop3, timeout=60)
    box.user(ANN)
    box.pass_("secret")
    client = smtplib.SMTP("127.0.0.1", real.smtp, "client.example", timeout=60)
    client.ehlo()
    client.mail("you@client.example")
    send(real, f"{PERSON}@{HOST}", b"keeps a worker")
    try:
        everyone = wait_for(
            lambda: (now := processes(real.home)) and
            {kind(p, now) for p in now} >= set(rows) and now,
            why="every kind of process: " + str(set(rows)))
        for one in everyone:
            account, group, nnp, seccomp = rows[kind(one, everyone)]
            users = {("culverv", "culverv"),
                     (PERSON, grp.getgrgid(pwd.getpwnam(PERSON).pw_gid).gr_name)}
            want = {(account, group)} if account != "the user" else users
            assert one.account() in want, vars(one)
            assert one.nnp == ("1" if nnp == "yes" else "0"), vars(one)
            assert one.seccomp == ("2" if seccomp == "yes" else "0"), vars(one)
            if account != "root":
                assert one.capabilities == 0, vars(one)
    finally:
        box.quit()
        client.close()


ROOTS = {("culver-lspawn", "root"), ("culver-authd", "root half")}


def test_mail_of_four_is_written_under_three_accounts_and_root_by_none(real):
    """Two users of the system and two mailboxes: whose each file is, and what
    each process of the suite may do meanwhile."""
    virtual = real.home / "domains" / VIRTUAL
    boxes = {f"{PERSON}@{HOST}": (real.people / "Maildir", PERSON),
             f"{OTHER}@{HOST}": (real.other / "Maildir", OTHER),
             ANN: (virtual / "ann" / "Maildir", "culverv"),
             BOB: (virtual / "bob" / "Maildir", "culverv")}
    before = {to: set(files(box)) for to, (box, _) in boxes.items()}
    for to in boxes:
        send(real, to, b"one of four")
    for to, (box, owner) in boxes.items():
        (file,) = wait_for(lambda to=to, box=box: set(files(box)) - before[to],
                           why="mail for " + to)
        status, account = file.stat(), pwd.getpwnam(owner)
        assert (status.st_uid, status.st_gid) == (account.pw_uid,
                                                  account.pw_gid), to
        assert b"\nDelivered-To: " + to.encode() + b"\n" in file.read_bytes()
    everyone = processes(real.home)
    workers = {p.account()[0]: p for p in everyone if p.name == "culver-local"}
    assert set(workers) == {PERSON, OTHER, "culverv"}
    for name, worker in workers.items():
        # Of his own first group alone, whatever others he is in.
        assert worker.groups == {pwd.getpwnam(name).pw_gid}, vars(worker)
    roots = [p for p in everyone if "0" in p.uids | p.gids or 0 in p.groups or
             p.capabilities or p.permitted or p.inheritable or p.ambient]
    assert {kind(p, everyone) for p in roots} == ROOTS
    rows = table()
    own = {"culverm": grp.getgrnam("culverm").gr_gid}
    for one in everyone:
        if one in roots:
            continue
        account, group = one.account()
        also = {own["culverm"]} if group == "culverm" or \
            account in ("culverq", "culvers", "culverr") else set()
        assert one.groups <= {pwd.getpwnam(account).pw_gid,
                              int(*one.gids)} | also, vars(one)
        assert kind(one, everyone) in rows


def test_a_mailbox_is_its_users_alone(real, mailed):
    virtual, person = mailed
    for maildir, owner in ((virtual, "culverv"), (person, PERSON)):
        uid = pwd.getpwnam(owner).pw_uid
        assert maildir.stat().st_uid == uid
        assert maildir.stat().st_mode & 0o077 == 0
        for f in files(maildir):
            assert f.stat().st_uid == uid
            assert f.stat().st_mode & 0o077 == 0


def can_read(account, path):
    entry = pwd.getpwnam(account)
    groups = [g.gr_gid for g in grp.getgrall() if account in g.gr_mem]
    done = subprocess.run(
        ["cat", str(path)], check=False, capture_output=True,
        user=entry.pw_uid, group=entry.pw_gid, extra_groups=groups)
    return done.returncode == 0


def test_no_other_account_can_read_it(real, mailed):
    virtual, person = mailed
    others = ["culverd", "culverq", "culvers", "culverr", "culverp", "culveru",
              "culverk", "culverf", "culvert", "culvera", "culverl",
              "nobody"]
    for account in [*others, PERSON]:
        assert not can_read(account, files(virtual)[0]), account
    for account in [*others, "culverv"]:
        assert not can_read(account, files(person)[0]), account
    assert can_read("culverv", files(virtual)[0])
    assert can_read(PERSON, files(person)[0])


def test_passwords_are_for_culver_authd_alone(real):
    for name in ("passwd", "passwd.cdb"):
        path = real.home / "users" / name
        assert can_read("culveru", path)
        for account in ("culverd", "culverp", "culvers", "culverv", "nobody"):
            assert not can_read(account, path), (account, name)


def test_private_keys_are_for_culver_keyd_alone(real):
    keeper = pwd.getpwnam("culverk")
    for name in ("servercert.pem", "tls/default.example.pem"):
        path = real.home / "control" / name
        path.touch(0o600)
        path.write_text(make_pem(real.folder, "default.example"))
        os.chown(path, keeper.pw_uid, keeper.pw_gid)
        assert can_read("culverk", path)
        for account in ("culverd", "culverp", "culveru", "culverr", "nobody"):
            assert not can_read(account, path), (account, name)
    # And the doors speak TLS all the same.
    context = client_context()

    def secure():
        with smtplib.SMTP("127.0.0.1", real.smtp, timeout=60) as client:
            client.ehlo()
            return client.has_extn("starttls") and \
                client.starttls(context=context)[0] == 220
    wait_for(secure, why="STARTTLS at port 25")
    smtplib.SMTP("127.0.0.1", real.base + 587, timeout=60).close()
    smtplib.SMTP_SSL("127.0.0.1", real.base + 465, context=context,
                     timeout=60).close()
    poplib.POP3_SSL("127.0.0.1", real.base + 995, context=context,
                    timeout=60).quit()


def test_a_queued_message_is_for_the_suite_alone(real):
    service = real.home / "service" / "lspawn"
    tell = {"s6-svscan": ["s6-svc", "-wd", "-d"], "runsvdir": ["sv", "down"],
            "svscan": ["svc", "-d"]}
    which = (real.home / "state" / "supervisor").read_text().strip()
    subprocess.run([*tell[which], str(service)], check=True)
    try:
        wait_for(lambda: not any(p.name == "culver-lspawn"
                                 for p in processes(real.home)))
        send(real, ANN, b"waits")
        (path,) = wait_for(
            lambda: list((real.home / "queue" / "mess").glob("*/*")))
        entry = path.stat()
        assert stat.S_IMODE(entry.st_mode) == 0o640
        assert pwd.getpwuid(entry.st_uid).pw_name == "culverq"
        assert grp.getgrgid(entry.st_gid).gr_name == "culverm"
        for account in ("culverd", "culverp", "culverv", PERSON, "nobody"):
            assert not can_read(account, path), account
            folder = path.parent
            done = subprocess.run(
                ["rm", "-f", str(path)], check=False, capture_output=True,
                user=pwd.getpwnam(account).pw_uid, extra_groups=[])
            assert done.returncode != 0 and folder.exists() and path.exists()
        # Who may read may still not remove, but for culver-send.
        done = subprocess.run(
            ["rm", "-f", str(path)], check=False, capture_output=True,
            user=pwd.getpwnam("culverr").pw_uid,
            group=grp.getgrnam("culverm").gr_gid, extra_groups=[])
        assert done.returncode != 0 and path.exists()
    finally:
        up = {"s6-svscan": ["s6-svc", "-u"], "runsvdir": ["sv", "up"],
              "svscan": ["svc", "-u"]}
        subprocess.run([*up[which], str(service)], check=True)


def test_any_account_may_hand_in_mail(real):
    """culver-queue under an account that has nothing to do with the suite."""
    before = len(files(real.people / "Maildir"))
    message = tempfile.TemporaryFile()
    message.write(b"Subject: from nobody\n\nhello\n")
    message.seek(0)
    envelope = tempfile.TemporaryFile()
    envelope.write(f"Fyou@client.example\0T{PERSON}@{HOST}\0\0".encode())
    envelope.seek(0)
    entry = pwd.getpwnam("nobody")
    done = subprocess.run(
        [real.home / "bin" / "culver-queue"], stdin=message, stdout=envelope,
        env={"CULVER_HOME": str(real.home)}, user=entry.pw_uid,
        group=entry.pw_gid, extra_groups=[], check=False, timeout=PATIENCE)
    assert done.returncode == 0
    wait_for(lambda: len(files(real.people / "Maildir")) > before)


def test_a_killed_door_opens_again_without_root(real):
    for one in processes(real.home):
        if one.name == "culver-smtpd":
            kill(one.pid)  # and comes back by itself, bound again as root
    wait_for(lambda: any(p.name == "culver-smtpd" and
                         p.account()[0] == "culverd"
                         for p in processes(real.home)))

    def works():
        try:
            send(real, ANN, b"again")
            return True
        except OSError:
            return False

    wait_for(works)


def wait_bodies(folder, text, count):
    """That many messages with these bytes in a person's mailbox."""
    return wait_for(lambda: len(
        found := [f for f in files(folder / "Maildir")
                  if text in f.read_bytes()]) >= count and found)


def test_every_user_has_sendmail(real):
    """Of a real instance: by its environment alone, and by SMTP; the queue
    knows whose each message is, and shows itself to root alone."""
    nobody = pwd.getpwnam("nobody")
    env = {"CULVER_HOME": str(real.home)}
    to = f"{PERSON}@{HOST}"
    talk = (f"EHLO me\nMAIL FROM:<a@b.c>\nRCPT TO:<{to}>\nDATA\n"
            "Subject: by sendmail\n\nhello\n.\nQUIT\n").encode()

    def run(*argv, uid=nobody.pw_uid, data=b"", code=0):
        done = subprocess.run(
            [real.home / "bin" / argv[0], *argv[1:]], input=data, env=env,
            user=uid, group=uid, extra_groups=[], check=False,
            capture_output=True, timeout=PATIENCE)
        assert done.returncode == code, done.stderr
        return done.stdout

    run("sendmail", "-t", data=f"To: {to}\nSubject: by sendmail\n\n".encode())
    run("culver-inject", to, data=b"Subject: by sendmail\n\n")
    assert run("sendmail", "-bs", data=talk).count(b"\r\n250 2.") >= 3
    assert run("sendmail", "-bs", data=talk, uid=0).count(b"\r\n250 2.") >= 3
    found = wait_bodies(real.people, b"Subject: by sendmail", 4)
    heads = sorted(re.search(rb"Received: .*\n", f.read_bytes()).group()
                   for f in found)
    assert [b"invoked by uid %d)" % nobody.pw_uid in h for h in heads[:2]] == \
        [True, True]
    log = (real.home / "log/queued/current").read_text(errors="replace")
    uids = [int(n) for n in re.findall(r"stored .*\buid=(\d+)", log)[-4:]]
    assert sorted(uids) == sorted([nobody.pw_uid] * 3 +
                                  [pwd.getpwnam("culverd").pw_uid])
    assert run("mailq", uid=nobody.pw_uid, code=75) == b""
    assert run("mailq", uid=0).endswith((b"empty\n", b"Request.\n",
                                         b"Requests.\n"))
    assert b"nothing to do" in run("newaliases")
    run("newaliases", uid=0)


def rcpt(real, address):
    with smtplib.SMTP("127.0.0.1", real.smtp, "client.example",
                      timeout=60) as client:
        client.ehlo()
        client.mail("you@client.example")
        code, text = client.rcpt(address)
        return code, text.decode()[:5]


def test_system_users_exist_with_what_may_be_seen_of_their_homes(real):
    for local, answer in ((PERSON, (250, "2.1.5")), (OTHER, (250, "2.1.5")),
                          (OTHER + "-open", (250, "2.1.5")),
                          (OTHER + "-shut", (550, "5.1.1")),
                          # His home is his own: whether it has one only he
                          # could say.
                          (PERSON + "-any", (250, "2.1.5")),
                          (PERSON + "x", (550, "5.1.1")),
                          ("root", (550, "5.1.1")),
                          ("culverq", (550, "5.1.1"))):
        assert rcpt(real, f"{local}@{HOST}") == answer, local
    before = set(files(real.other / "Maildir"))
    send(real, f"{OTHER}-open@{HOST}", b"for the other")
    (file,) = wait_for(lambda: set(files(real.other / "Maildir")) - before)
    assert file.stat().st_uid == pwd.getpwnam(OTHER).pw_uid


def assign(local, user, uid, gid, home):
    """A line of users/assign, and its pair of users/cdb."""
    words = [user, str(uid), str(gid), str(home), "", ""]
    return (f"={local}:" + ":".join(words) + ":\n",
            (b"!%s\0" % local.encode(), "\0".join(words).encode()))


def test_no_table_has_mail_delivered_as_the_suite(real):
    """culverq could read every message that is queued; culverm's group, too.
    culver-newu names the line; a table that another program has made is not
    obeyed."""
    queue, reader = pwd.getpwnam("culverq"), grp.getgrnam("culverm").gr_gid
    person, box = pwd.getpwnam(PERSON), pwd.getpwnam("culverv")
    rows = [
        (assign("evil", "culverq", queue.pw_uid, person.pw_gid, real.other),
         "the uid is one of culver's own"),
        (assign("worse", PERSON, person.pw_uid, reader, real.other),
         "the gid is one of culver's own"),
        (assign("box", "culverv", box.pw_uid, box.pw_gid, real.other),
         "the uid is one of culver's own"),
        (assign("bad", PERSON, person.pw_uid, 0, real.other),
         "uid or gid is 0")]
    good = assign("good", PERSON, person.pw_uid, person.pw_gid, real.other)
    for (line, _), why in rows:
        (real.home / "users" / "assign").write_text(good[0] + line + ".\n")
        with pytest.raises(AssertionError,
                           match="users/assign:2: " + why):
            real.culver("newu")
    assert not (real.home / "users" / "cdb").exists()
    (real.home / "users" / "assign").unlink()
    write_cdb(real.home / "users" / "cdb",
              [(b"", b""), *(pair for (_, pair), _ in rows)])
    before = len(files(real.other / "Maildir"))
    for local in ("evil", "worse", "bad", "box"):
        wait_for(lambda who=local: rcpt(real, f"{who}@{HOST}")[0] == 250)
        send(real, f"{local}@{HOST}", b"not as that")
    queued = real.home / "queue" / "info"
    why = b"start culver-local as that account"
    wait_for(lambda: sum(why in f.read_bytes() or why.replace(b" ", b"_") in
                         f.read_bytes() or b"as\\x20that" in f.read_bytes()
                         for f in queued.glob("*/*")) == 4,
             why="four deferrals")
    assert len(files(real.other / "Maildir")) == before
    assert not any(p.name == "culver-local" and
                   {str(queue.pw_uid)} == p.uids
                   for p in processes(real.home))


def test_a_program_of_a_mailbox_is_roots(real):
    """Who gets at one mailbox would get at all of them."""
    home = real.home / "domains" / VIRTUAL / "bob"
    box = home / "Maildir"
    dot, ran = home / ".qmail", home / "ran"
    owner = pwd.getpwnam("culverv")
    before = len(files(box))
    # Whoever is culverv may file and forward, not run.
    dot.write_text("./Maildir/\n")
    os.chown(dot, owner.pw_uid, owner.pw_gid)
    send(real, BOB, b"filed")
    wait_for(lambda: len(files(box)) > before)
    dot.write_text("|touch ran\n./Maildir/\n")
    send(real, BOB, b"not run")
    info = real.home / "queue" / "info"
    wait_for(lambda: any(b"is not root's" in f.read_bytes().replace(
        b"\\x20", b" ").replace(b"_", b" ") for f in info.glob("*/*")),
        why="a deferral")
    assert not ran.exists()
    # A name that culverv has made does not make a file of root's its own.
    dot.unlink()
    (real.folder / "line").write_text("|touch ran\n./Maildir/\n")
    dot.symlink_to(real.folder / "line")
    os.lchown(dot, owner.pw_uid, owner.pw_gid)
    send(real, BOB, b"not run either")
    wait_for(lambda: sum(b"root's" in f.read_bytes()
                         for f in info.glob("*/*")) >= 2)
    assert not ran.exists()
    dot.unlink()
    count = len(files(box))
    dot.write_text("|touch ran\n./Maildir/\n")
    dot.chmod(0o644)
    send(real, BOB, b"run")
    wait_for(lambda: len(files(box)) > count)
    assert ran.stat().st_uid == owner.pw_uid
    dot.unlink()
