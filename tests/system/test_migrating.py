"""The commands of doc/MIGRATING do what it says of them."""
import pathlib
import re
import subprocess

import pytest
from conftest import BIN, DOMAIN, TOP

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-route").exists(), reason="culver-route is not built")

DOC = (TOP / "doc/MIGRATING").read_text()
VPASSWD = ("bob:$1$abcdefgh$irWbblnpmw.5z7wgBnprh0:1:0:Bob:"
           "/home/vpopmail/domains/example.org/bob:1000000S:\n")


def block(word):
    """The commands, indented, that stand together and have this word."""
    found = [b for b in re.findall(r"(?:^    .*\n)+", DOC, re.M) if word in b]
    assert len(found) == 1
    return found[0]


@pytest.fixture
def host(make_instance):
    one = make_instance(users=())
    tmp_path = one.folder
    paths = {"/var/culver": one.home, "/etc/aliases": tmp_path / "aliases",
             "/etc/postfix/virtual": tmp_path / "virtual",
             "~vpopmail/domains": tmp_path / "vpop"}

    def run(commands, code=0):
        for path, to in paths.items():
            commands = commands.replace(path, str(to))
        # In a private instance there is one account.
        commands = commands.replace("culverv:culverv",
                                    f"{one.uid}:{one.gid}")
        done = subprocess.run(
            ["/bin/sh", "-ec", commands], capture_output=True, text=True,
            env={**one.env, "PATH": f"{BIN}:/usr/bin:/bin"}, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout
    one.run, one.tmp = run, tmp_path
    return one


def test_aliases_of_postfix_become_dotfiles(host):
    (host.tmp / "aliases").write_text(
        "# comment\nPostmaster: root\nInfo.Desk: joe, ann@x.example\n"
        "prog:  |/bin/true\n")
    host.run(block("/etc/aliases"))
    alias = host.home / "alias"
    assert {p.name: p.read_text() for p in alias.iterdir()} == {
        ".qmail-postmaster": "&root\n",
        ".qmail-info:desk": "&joe\n&ann@x.example\n",
        ".qmail-prog": "|/bin/true\n"}


def test_virtual_aliases_of_postfix_become_forwards(host):
    (host.tmp / "virtual").write_text(
        f"# x\ninfo@{DOMAIN} b@x.example, c@y.example\n@{DOMAIN} z@x.example\n")
    host.run(block("/etc/postfix/virtual"))
    said = host.command("route", f"info@{DOMAIN}")
    assert "forward         b@x.example,c@y.example" in said


def test_the_catch_all_is_a_line_of_users_passwd(host):
    with open(host.home / "users/passwd", "a", encoding="ascii") as f:
        f.write(f"@{DOMAIN}::0:all@x.example:\n")
    host.command("control", "build", "users")
    assert "all@x.example" in host.command("route", f"nobody@{DOMAIN}")


def test_a_domain_of_vpopmail_becomes_mailboxes(host):
    folder = host.tmp / "vpop/example.org"
    (folder / "bob/Maildir/new").mkdir(parents=True)
    (folder / "bob/Maildir/new/1").write_text("x\n")
    (folder / "vpasswd").write_text(VPASSWD.replace(
        "/home/vpopmail/domains", str(host.tmp / "vpop")))
    (host.home / "control/virtualdomains").write_text(
        "example.org:example.org\nother.example:x\n")
    said = host.run(block("--format vpasswd"))
    assert "mailbox bob@example.org" in said
    place = re.search(r"maildir +(\S+)", said)[1]
    assert (host.home / place / "new/1").read_text() == "x\n"
    st = (host.home / place).stat()
    assert st.st_uid == host.uid
    assert (host.home / "control/virtualdomains").read_text() == \
        "other.example:x\n"


def test_every_command_and_name_that_it_speaks_of_is_there():
    for name in set(re.findall(r"^    (?:.*\| )?culver (\w+)", DOC, re.M)):
        program = "check" if name == "queue" else name
        assert (BIN / f"culver-{program}").exists(), name
    section = DOC.split("2. NAMES\n")[-1].split("Others are")[0]
    names = [name for line in section.splitlines()
             if re.match("  [a-z]", line)
             for name in line[2:].split("  ")[0].split()]
    assert "qmail-queue" in names and "forward" in names
    hier = (TOP / "hier").read_text()
    for name in names:
        assert (BIN / name).exists() and f"bin/{name} " in hier, name


def test_controls_that_it_names_are_controls():
    listed = subprocess.run([BIN / "culver", "control", "list"], check=True,
                            capture_output=True, text=True).stdout
    known = set(re.findall(r"^(\S+)", listed, re.M)) | {"servercert.pem", "tls"}
    for name in re.findall(r"control/([a-z.]+[a-z])", DOC):
        assert name in known, name
