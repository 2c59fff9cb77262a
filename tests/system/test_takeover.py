"""culver setup --from: what it takes of a qmail's folder, and what it says."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from conftest import BIN

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-setup").exists(), reason="culver-setup is not built")

# Every file of qmail-control(5) that has a control of ours, as a host has it.
CONTROL = {
    "bouncefrom": "mailer\n", "bouncehost": "b.example.org\n",
    "concurrencylocal": "20\n", "concurrencyremote": "255\n",
    "databytes": "20000000\n", "defaultdomain": "example.org\n",
    "defaulthost": "h.example.org\n", "doublebouncehost": "d.example.org\n",
    "doublebounceto": "dead\n", "envnoathost": "example.org\n",
    "helohost": "out.example.org\n", "idhost": "id.example.org\n",
    "locals": "# ours\nmail.example.org\nlocalhost\nOther.Example\n",
    "me": "mail.example.org\n", "morercpthosts": "more.example\n",
    "percenthack": "hack.example\n", "plusdomain": "plus.example.org\n",
    "qmqpservers": "192.0.2.1\n192.0.2.2\n", "queuelifetime": "432000\n",
    "rcpthosts": "mail.example.org\n.sub.example\n",
    "smtpgreeting": "mail.example.org no UCE\n",
    "smtproutes": "inside.example:gate.example:26\n.dark.example:\n"
                  ":relay.example\n",
    "timeoutconnect": "30\n", "timeoutremote": "600\n",
    "timeoutsmtpd": "900\n",
    "virtualdomains": "v.example:joe\none@half.example:ann-x\n:catch\n",
}
OTHERS = {"badmailfrom": "@spam.example\n", "localiphost": "x.example\n"}
ASSIGN = ("=joe:joe:1001:1001:/home/joe:::\n"
          "+joe-:joe:1001:1001:/home/joe:-::\n"
          "+:alias:7790:2108:/var/qmail/alias:-::\n.\n")


class Host:
    """A qmail's folder, and a HOME that is to be."""

    def __init__(self):
        self.folder = pathlib.Path(
            tempfile.mkdtemp(prefix="culver-test.", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.qmail, self.home = self.folder / "qmail", self.folder / "home"
        for name in ("control", "users", "alias"):
            (self.qmail / name).mkdir(parents=True)
        self.write("control", {**CONTROL, **OTHERS})
        self.write("users", {"assign": ASSIGN})
        self.write("alias", {".qmail-postmaster": "&joe\n",
                             ".qmail-list:x-default": "|forward a@b.example\n",
                             ".qmail-box": "./Maildir/\n"})
        (self.qmail / "rc").write_text(
            "exec env - PATH=\"/var/qmail/bin:$PATH\" \\\n"
            "qmail-start ./Maildir/ splogger qmail\n")

    def write(self, folder, files):
        for name, text in files.items():
            (self.qmail / folder / name).write_text(text)

    def setup(self, *options, code=0):
        done = subprocess.run(
            [BIN / "culver", "setup", "--home", self.home, "--from",
             self.qmail, "--private", *options],
            capture_output=True, text=True, timeout=120, check=False)
        self.said = done.stderr
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def findings(self, *options, code=0):
        """Path: verb, text; of several findings of a path the last."""
        told = json.loads(self.setup("--json", *options, code=code))
        return {f["path"]: (f["verb"], f["text"]) for f in told["findings"]}

    def read(self, path):
        return (self.home / path).read_text()

    def command(self, *words, code=0):
        done = subprocess.run(
            [BIN / "culver", *words], capture_output=True, text=True,
            env={"CULVER_HOME": str(self.home), "PATH": os.environ["PATH"]},
            timeout=60, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def tree(self):
        return {p: p.read_bytes() for p in self.home.glob("**/*")
                if p.is_file() and p.name != ".lock"}


@pytest.fixture
def host():
    h = Host()
    yield h
    shutil.rmtree(h.folder)


def test_every_control_of_qmail_is_taken_as_it_is(host):
    found = host.findings()
    for name, text in CONTROL.items():
        assert host.read("control/" + name) == text
        assert found["control/" + name][0] in ("took", "changed")
        assert (host.home / "control" / name).stat().st_mode & 0o777 == 0o644
    for name in OTHERS:
        assert found["control/" + name][0] == "ignored"
        assert len(found["control/" + name][1]) > 20
        assert not (host.home / "control" / name).exists()
    assert "0 errors" in host.command("control", "check")


def test_users_and_alias_are_taken_and_compiled(host):
    found = host.findings()
    assert found["users/assign"][0] == "changed"
    assert host.read("users/assign").splitlines()[:2] == \
        ASSIGN.splitlines()[:2]
    alias = host.read("users/assign").splitlines()[2]
    assert alias.startswith("+:culvera:")
    assert alias.endswith(":%s/alias:-::" % host.home)
    assert (host.home / "users/cdb").stat().st_size > 2048
    assert host.read("alias/.qmail-list:x-default") == "|forward a@b.example\n"
    assert found["alias/.qmail-box:1"][0] == "note"


def test_only_forwards_stays_so(host):
    (host.qmail / "alias/.qmail-postmaster").chmod(0o744)
    host.setup()
    assert (host.home / "alias/.qmail-postmaster").stat().st_mode & 0o100


@pytest.mark.parametrize("rc, delivery", [
    ("qmail-start ./Maildir/ splogger\n", "./Maildir/\n"),
    ("qmail-start '|preline procmail' x\n", "|preline procmail\n"),
    ("qmail-start \"$(cat control/defaultdelivery)\"\n", "./Mailbox\n"),
    ("", "./Mailbox\n")])
def test_the_default_delivery_is_that_of_rc(host, rc, delivery):
    (host.qmail / "rc").write_text(rc)
    host.setup()
    assert host.read("control/defaultdelivery") == delivery


@pytest.mark.parametrize("path, text, where, what", [
    ("control/databytes", "10k\n", "control/databytes:1", "not a number"),
    ("control/virtualdomains", "a.example:x\nnocolon\n",
     "control/virtualdomains:2", ""),
    ("control/smtproutes", "a.example:b.example:25 user pass\n",
     "control/smtproutes:1", ""),
    ("users/assign", "=joe:joe:x:1:/home/joe:::\n.\n", "users/assign:1",
     "uid or gid"),
    ("users/assign", "=joe:joe:1:1:/home/joe:::\n", "users/assign:2",
     "last line"),
    ("users/assign", "=r:root:0:0:/root:::\n.\n", "users/assign:1",
     "root receives no mail"),
])
def test_a_malformed_file_is_named_and_nothing_is_changed(
        host, path, text, where, what):
    (host.qmail / path).write_text(text)
    found = host.findings(code=100)
    assert found[where][0] == "refused" and what in found[where][1]
    assert not host.home.exists()
    assert "nothing was changed" in host.said


def test_without_a_name_nothing_is_taken(host):
    (host.qmail / "control/me").unlink()
    assert host.findings(code=100)["control/me"][0] == "refused"


def test_a_dotfile_that_others_write_is_refused(host):
    (host.qmail / "alias/.qmail-box").chmod(0o666)
    assert host.findings(code=100)["alias/.qmail-box"][0] == "refused"


def test_a_link_in_alias_is_not_followed(host):
    """Who may write there does not say what root reads."""
    (host.qmail / "alias/.qmail-box").unlink()
    (host.qmail / "alias/.qmail-box").symlink_to("/etc/shadow")
    assert host.findings()["alias/.qmail-box"][0] == "note"
    assert not (host.home / "alias/.qmail-box").exists()


def test_no_rcpthosts_is_said(host):
    for name in ("rcpthosts", "morercpthosts"):
        (host.qmail / "control" / name).unlink()
    verb, text = host.findings()["control/rcpthosts"]
    assert verb == "note" and "relays for everybody" in text
    assert not (host.home / "control/rcpthosts").exists()


def test_dry_run_says_the_same_and_makes_nothing(host):
    dry = host.findings("--dry-run")
    assert not host.home.exists()
    wet = host.findings()
    assert dry == wet


def test_run_twice_it_finds_all_the_same(host):
    host.setup()
    before = host.tree()
    found = host.findings()
    assert {v for v, _ in found.values()} <= {"same", "ignored", "note"}
    assert host.tree() == before


def test_what_is_there_stays_unless_told(host):
    host.setup()
    mine = host.home / "control/locals"
    mine.write_text("mine.example\n")
    assert host.findings()["control/locals"][0] == "kept"
    assert mine.read_text() == "mine.example\n"
    assert host.findings("--overwrite")["control/locals"][0] == "took"
    assert mine.read_text() == CONTROL["locals"]


def test_passwords_of_relays_are_not_for_all_to_read(host):
    host.write("control", {"smtproutes": ":relay.example:587|user|secret\n"})
    host.setup()
    mode = (host.home / "control/smtproutes").stat().st_mode
    assert mode & 0o777 == 0o640


def test_a_certificate_is_for_keyd_alone(host):
    pem = ("-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n"
           "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    host.write("control", {"servercert.pem": pem})
    assert host.findings()["control/servercert.pem"][0] == "changed"
    path = host.home / "control/servercert.pem"
    assert path.stat().st_mode & 0o777 == 0o600 and path.read_text() == pem


def test_tables_alone_are_taken(host):
    """morercpthosts.cdb and users/cdb without their texts."""
    host.setup()
    host.command("control", "build", "morercpthosts")
    for path in ("control/morercpthosts.cdb", "users/cdb"):
        shutil.copy(host.home / path, host.qmail / path)
    (host.qmail / "control/morercpthosts").unlink()
    (host.qmail / "users/assign").unlink()
    shutil.rmtree(host.home)
    found = host.findings()
    assert found["control/morercpthosts.cdb"][0] == "took"
    assert found["users/cdb"][0] == "changed"
    (host.qmail / "users/cdb").write_bytes(b"no table")
    shutil.rmtree(host.home)
    assert host.findings(code=100)["users/cdb"][0] == "refused"


# Files of the usual patches, forks and neighbours: each gets an answer.
PATCHES = """
badrcptto badhelo badmailfromnorelay badmimetypes spfbehavior spfrules
dnsbllist tarpitcount tarpitdelay maxrecipients validrcptto recipients
taps moreipme notipme srs_domain domainkeys dkimkeys signaturedomains
bouncemessage concurrencysuppl1 suppls1 qmtproutes bindroutes domainips
clientcert.pem tlsserverciphers tlshosts notlshosts smtpplugins simcontrol
qfilters holdremote mailfromrules relaymailfrom aliases.cdb etrnhosts surbl
rejectnullsenders greydelay ratelimit filterargs authservid tlsdestinations
""".split()


def test_files_of_patches_are_ignored_with_a_reason(host):
    host.write("control", {name: "x\n" for name in PATCHES})
    host.write("control", {"whatisthis": "x\n", "locals.bak": "x\n"})
    found = host.findings()
    for name in PATCHES:
        assert found["control/" + name][0] == "ignored"
        assert "no control here" not in found["control/" + name][1], name
    assert "no control here" in found["control/whatisthis"][1]
    assert "backup" in found["control/locals.bak"][1]
