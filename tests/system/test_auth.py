"""AUTH: clients that are not ours log in to culver-smtpd by a real culver-authd,
by each mechanism, and nobody learns whether there is such a user."""

import base64
import concurrent.futures
import hashlib
import hmac
import shutil
import smtplib
import socket
import subprocess

import pytest

from popbed import BIN, PATIENCE, ROOT, home, place, wait_for  # noqa: F401

TOOLS = ROOT / "build/deps/tools"
FAIL2BAN = shutil.which("fail2ban-regex", path=f"{TOOLS}/usr/bin:/usr/bin")
EACH = "PLAIN LOGIN SCRAM-SHA-256 CRAM-MD5"
HASHED, SCRAM, CLEAR = "hash@mail.test", "scram@mail.test", "clear@mail.test"
SECRET = "words of $(id) and, more = all"


@pytest.fixture
def port(home):  # noqa: F811
    """Of a culver-smtpd that offers every mechanism to three users."""
    shutil.copy(BIN / "culver-smtpd", home.path / "bin")
    (home.path / "queue").mkdir()
    (home.path / "control" / "plainauth").write_text("1\n")
    (home.path / "control" / "authmechanisms").write_text(EACH + "\n")
    home.give()
    home.user(HASHED, SECRET)
    home.user(SCRAM, SECRET, "--method", "scram")
    home.user(CLEAR, SECRET, "--method", "plain")
    home.authd()
    with socket.create_server(("127.0.0.1", 0)) as s:
        number = s.getsockname()[1]
    home.start("smtpd", "-l", "127.0.0.1:%d" % number)

    def up():
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", number)) == 0
    wait_for(up, "smtpd does not listen")
    return number


class Scram:
    """The client of RFC 5802 for smtplib."""

    def __init__(self, user, password, nonce="rOprNGfwEbeRWgbNEkqO"):
        name = user.replace("=", "=3D").replace(",", "=2C")
        self.bare = "n=%s,r=%s" % (name, nonce)
        self.password = password.encode()
        self.salt = self.signature = None

    def __call__(self, challenge=None):
        if challenge is None:
            return "n,," + self.bare
        text = challenge.decode()
        if text.startswith("v="):
            assert base64.b64decode(text[2:]) == self.signature
            return ""
        parts = dict(p.split("=", 1) for p in text.split(","))
        self.salt = parts["s"]
        salted = hashlib.pbkdf2_hmac(
            "sha256", self.password, base64.b64decode(self.salt),
            int(parts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        without = "c=biws,r=" + parts["r"]
        message = ",".join((self.bare, text, without)).encode()
        proof = hmac.digest(
            hashlib.sha256(key).digest(), message, "sha256")
        self.signature = hmac.digest(
            hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        return without + ",p=" + base64.b64encode(
            bytes(a ^ b for a, b in zip(key, proof))).decode()


def attempt(port, mechanism, client):  # noqa: F811
    """The reply to a login, and to a recipient that only users may name."""
    with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as s:
        s.ehlo("client.test")
        try:
            code, text = s.auth(mechanism, client)
        except smtplib.SMTPAuthenticationError as e:
            code, text = e.smtp_code, e.smtp_error
        s.mail("a@example.org")
        return code, text, s.rcpt("b@else.where")[0]


def logged(home, text, count=1):  # noqa: F811
    """A line comes behind the answer, maybe."""
    wait_for(lambda: len(home.lines(text)) >= count, "not logged: " + text)


def test_scram_by_verifier_and_by_a_secret(port, home):  # noqa: F811
    for user in SCRAM, SCRAM.upper(), CLEAR:
        client = Scram(user, SECRET)
        assert attempt(port, "SCRAM-SHA-256", client) == \
            (235, b"2.7.0 ok", 250)
        assert client.signature
        logged(home, "authd: success service=smtp ip=127.0.0.1 user=" + user)


def test_scram_tells_nobody_who_is_there(port, home):  # noqa: F811
    salts = []
    for user, password in ((SCRAM, "wrong"), (CLEAR, "wrong"),
                           (HASHED, SECRET), ("nobody@mail.test", SECRET),
                           ("nobody@mail.test", SECRET)):
        client = Scram(user, password)
        assert attempt(port, "SCRAM-SHA-256", client) == \
            (535, b"5.7.8 authentication failed", 553)
        salts.append(client.salt)
    assert len({len(s) for s in salts}) == 1
    assert salts[-1] == salts[-2] and len(set(salts)) == 4
    logged(home, "failure service=smtp ip=127.0.0.1 user=nobody@mail.test "
                 "reason=user")


def answers(mechanism, user, password):
    """What a client of smtplib says by this mechanism."""
    if mechanism == "LOGIN":
        words = iter((user, password))
        return lambda challenge=None: next(words)
    if mechanism == "PLAIN":
        return lambda challenge=None: "\0%s\0%s" % (user, password)
    return lambda challenge=None: None if challenge is None else \
        user + " " + hmac.new(password.encode(), challenge, "md5").hexdigest()


@pytest.mark.attack("3.7")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_no_failure_tells_who_is_there(port, home, mechanism):  # noqa: F811
    """The same words; that they come at the same time is checker's unit test."""
    home.user("none@mail.test", SECRET, "--flags", "nosmtp")
    rows = [(HASHED, "wrong"), (SCRAM, "wrong"), (CLEAR, "wrong"),
            ("nobody@mail.test", SECRET), ("none@mail.test", "wrong")]
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        said = list(pool.map(
            lambda row: attempt(port, mechanism, answers(mechanism, *row)),
            rows))
    assert set(said) == {(535, b"5.7.8 authentication failed", 553)}
    logged(home, "failure service=smtp ip=127.0.0.1 user=nobody@mail.test "
                 "reason=user")


@pytest.mark.parametrize("mechanism,users", [
    ("PLAIN", (HASHED, SCRAM, CLEAR)), ("LOGIN", (HASHED, SCRAM, CLEAR)),
    ("CRAM-MD5", (CLEAR,))])
def test_swaks_logs_in(port, home, mechanism, users):  # noqa: F811
    for user in users:
        r = subprocess.run(
            ["swaks", "--server", "127.0.0.1:%d" % port, "--auth", mechanism,
             "--auth-user", user, "--auth-password", SECRET.encode(),
             "--from", "a@example.org", "--to", "b@else.where",
             "--quit-after", "RCPT"],
            capture_output=True, timeout=PATIENCE)
        assert r.returncode == 0, r.stdout
        assert b"235 2.7.0 ok" in r.stdout
    logged(home, "authd: success service=smtp", len(users))


def test_swaks_with_a_wrong_password(port, home):  # noqa: F811
    r = subprocess.run(
        ["swaks", "--server", "127.0.0.1:%d" % port, "--auth", "PLAIN",
         "--auth-user", HASHED, "--auth-password", "x", "--to", "b@c.test",
         "--quit-after", "RCPT"], capture_output=True, timeout=PATIENCE)
    assert r.returncode == 28
    assert b"535 5.7.8 authentication failed" in r.stdout


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_curl_logs_in(port, home, mechanism):  # noqa: F811
    r = subprocess.run(
        ["curl", "-sv", "smtp://127.0.0.1:%d" % port, "--login-options",
         "AUTH=" + mechanism, "--user", HASHED.encode() + b":" +
         SECRET.encode(), "-X", "NOOP"],
        capture_output=True, timeout=PATIENCE)
    assert r.returncode == 0, r.stderr
    assert b"235 2.7.0 ok" in r.stderr


def test_flags_refuse_one_door_alone(port, home):  # noqa: F811
    home.user("pop@mail.test", "secret", "--flags", "nosmtp")
    home.user("smtp@mail.test", "secret", "--flags", "nopop3")

    def plain(user):
        return attempt(port, "PLAIN", lambda _=None: "\0%s\0secret" % user)[0]
    assert plain("smtp@mail.test") == 235
    assert plain("pop@mail.test") == 535
    logged(home, "failure service=smtp ip=127.0.0.1 user=pop@mail.test "
                 "reason=flags")


def test_the_log_holds_no_secret(port, home):  # noqa: F811
    client = "\0" + HASHED + "\n\0secret"
    attempt(port, "PLAIN", lambda _=None: client)
    attempt(port, "PLAIN", lambda _=None: "\0" + HASHED + "\0sesame")
    text = home.log.read_text()
    assert text.isascii() and HASHED in text
    for secret in "secret", "sesame":
        assert secret not in text
    for line in (client, "\0" + HASHED + "\0sesame"):
        assert base64.b64encode(line.encode()).decode() not in text


# As Bernstein's interface has it: three texts on 3, then the rest of its words.
CHECKPW = r'''#!/usr/bin/python3
import hmac, os, sys
data = b""
while piece := os.read(3, 512):
    data += piece
user, password, challenge, _ = data.split(b"\0")
if user == b"crash":
    os.abort()
digest = hmac.new(b"secret", challenge, "md5").hexdigest().encode()
right = password == (digest if challenge else b"secret")
if user != b"alice" or not right:
    sys.exit(1)
os.write(2, b"checkpw runs %s for %s\n" % (
    sys.argv[1].encode(), os.environb[b"TCPREMOTEIP"]))
os.execvp(sys.argv[1], sys.argv[1:])
'''


def test_a_checkpassword_program_checks(port, home):  # noqa: F811
    path = home.path / "checkpw"
    path.write_text(CHECKPW)
    path.chmod(0o755)
    (home.path / "control" / "checkpassword").write_text("%s\n" % path)
    home.give()

    def plain(user, password):
        return attempt(port, "PLAIN", lambda _=None: "\0%s\0%s" % (
            user, password))

    def cram(secret):
        return attempt(port, "CRAM-MD5", lambda c=None: c and (
            "alice " + hmac.new(secret, c, "md5").hexdigest()))
    assert plain("alice", "secret") == (235, b"2.7.0 ok", 250)
    assert home.lines("checkpw runs true for 127.0.0.1")
    assert cram(b"secret") == (235, b"2.7.0 ok", 250)
    failed = (535, b"5.7.8 authentication failed", 553)
    assert plain("alice", "wrong") == failed
    assert plain("bob", "secret") == failed
    assert cram(b"wrong") == failed
    assert plain("crash", "secret")[0] == 454
    assert attempt(port, "SCRAM-SHA-256", Scram("alice", "secret"))[0] == 454
    logged(home, "failure service=smtp ip=127.0.0.1 user=crash reason=program")


class Visitor:
    """A client from elsewhere: its program as a UCSPI server starts it."""

    def __init__(self, home, program, *words, ip="192.0.2.9"):  # noqa: F811
        ours, theirs = socket.socketpair()
        home.start(program, *words, stdin=theirs, stdout=theirs, environment={
            "PROTO": "TCP", "TCPREMOTEIP": ip, "TCPREMOTEPORT": "40000",
            "TCPLOCALIP": "192.0.2.1", "TCPLOCALPORT": "25"})
        theirs.close()
        ours.settimeout(PATIENCE)
        self.socket, self.file = ours, ours.makefile("rb")
        self.reply()

    def reply(self):
        line = self.file.readline()
        while line[3:4] == b"-" and line[:3].isdigit():
            line = self.file.readline()
        return line.decode().rstrip()

    def say(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def close(self):
        self.file.close()
        self.socket.close()


def test_a_program_checks_under_a_ucspi_server(port, home):  # noqa: F811
    """culver-smtpd HOST CHECKPASSWORD true, as qmail-smtpd with AUTH."""
    path = home.path / "checkpw"
    path.write_text(CHECKPW)
    path.chmod(0o755)
    home.give()

    def visit(mechanism, answer):
        v = Visitor(home, "smtpd", "host.test", str(path), "true")
        assert v.say("EHLO a.test").startswith("250 ")
        line = v.say("AUTH " + mechanism)
        challenge = base64.b64decode(line[4:])
        r = v.say(base64.b64encode(answer(challenge)).decode())
        v.say("MAIL FROM:<a@example.org>")
        code = v.say("RCPT TO:<b@else.where>")[:3]
        v.close()
        return r[:3], code

    def digest(challenge):
        assert challenge.endswith(b"@host.test>")
        return b"alice " + hmac.new(
            b"secret", challenge, "md5").hexdigest().encode()
    assert visit("PLAIN", lambda _: b"\0Alice\0secret") == ("535", "553")
    assert visit("PLAIN", lambda _: b"\0alice\0secret") == ("235", "250")
    assert home.lines("checkpw runs true for 192.0.2.9")
    assert visit("CRAM-MD5", digest) == ("235", "250")
    assert visit("PLAIN", lambda _: b"\0crash\0secret") == ("454", "553")
    assert visit("SCRAM-SHA-256", lambda _: b"n,,n=alice,r=abc") == \
        ("454", "553")
    logged(home, "smtpd: success service=smtp ip=192.0.2.9 user=alice", 2)
    logged(home, "smtpd: failure service=smtp ip=192.0.2.9 user=Alice "
                 "reason=password")
    logged(home, "user=crash reason=program")
    for words in (("host.test",), ("host.test", str(path)),
                  ("-l", "127.0.0.1:0", "host.test", str(path), "true"),
                  ("-c", "host.test", str(path), "true")):
        assert home.run("smtpd", *words).returncode == 100


def restart(home, program, port=None):  # noqa: F811
    """Killed, and started as it was."""
    [old] = [p for p in home.stop if p.args[-3 if program == "smtpd" else -1:][
        0] == home.path / "bin" / ("culver-" + program)]
    old.kill()
    old.wait(PATIENCE)
    home.stop.remove(old)
    if program == "authd":
        wait_for(lambda: not home.answers(), "authd lives on")
        home.authd()
    else:
        home.start("smtpd", "-l", "127.0.0.1:%d" % port)
        wait_for(lambda: socket.socket().connect_ex(
            ("127.0.0.1", port)) == 0, "smtpd does not listen")


def test_nobody_has_the_same_salt_after_a_restart(port, home):  # noqa: F811
    def salt():
        client = Scram("nobody@mail.test", "x")
        attempt(port, "SCRAM-SHA-256", client)
        return client.salt
    before = salt()
    restart(home, "authd")
    assert salt() == before
    (home.path / "state" / "authd" / "secret").unlink()
    restart(home, "authd")
    assert salt() != before


def test_recipients_of_an_hour_outlive_every_process(
        port, home):  # noqa: F811
    (home.path / "control" / "authrate").write_text("%s:3/h\n" % HASHED)

    def recipients(count):
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as s:
            s.login(HASHED.upper(), SECRET)
            s.mail("a@example.org")
            return [s.rcpt("b@else.where") for _ in range(count)]
    (home.path / "control" / "authmechanisms").write_text("PLAIN\n")
    assert [r[0] for r in recipients(2)] == [250, 250]
    restart(home, "smtpd", port)
    assert [r[0] for r in recipients(2)] == [250, 450]
    restart(home, "authd")
    [(code, text)] = recipients(1)
    assert code == 450 and text.startswith(b"4.7.1 ")


def test_who_has_read_mail_may_send_for_a_time(port, home):  # noqa: F811
    (home.path / "control" / "popbeforesmtp").write_text("1\n")
    (home.path / "control" / "plainpop3").write_text("1\n")
    (home.path / "domains").mkdir(exist_ok=True)

    def may_relay(ip):
        v = Visitor(home, "smtpd", ip=ip)
        v.say("EHLO a.test")
        v.say("MAIL FROM:<a@example.org>")
        reply = v.say("RCPT TO:<b@else.where>")
        v.close()
        return reply[:3]

    def read_mail(ip, password):
        v = Visitor(home, "popup", ip=ip)
        v.say("USER " + HASHED)
        reply = v.say("PASS " + password)
        v.close()
        return reply[:3]
    home.user("box@mail.test", "x")
    assert may_relay("192.0.2.9") == "553"
    assert read_mail("192.0.2.9", "wrong") == "-ER"
    assert may_relay("192.0.2.9") == "553"
    assert read_mail("192.0.2.9", SECRET) == "+OK"
    assert may_relay("192.0.2.9") == "250"
    assert may_relay("192.0.2.10") == "553"
    # Nobody shares the host's own address with a web mailer.
    assert read_mail("127.0.0.1", SECRET) == "+OK"
    assert may_relay("127.0.0.1") == "553"
    restart(home, "authd")
    assert may_relay("192.0.2.9") == "250"
    (home.path / "control" / "popbeforesmtp").unlink()
    assert may_relay("192.0.2.9") == "553"


@pytest.mark.skipif(FAIL2BAN is None, reason="fail2ban is not unpacked")
def test_fail2ban_finds_who_fails(port, home):  # noqa: F811
    """Our filter, on our log: failures of clients and nothing else, whatever a
    client is called."""
    for user in (HASHED, "nobody", "x ip=192.0.2.9 user=y reason=user",
                 "x\nauthd: failure service=smtp ip=192.0.2.9 user=x"):
        with smtplib.SMTP("127.0.0.1", port, timeout=PATIENCE) as s:
            s.ehlo("client.test")
            s.docmd("AUTH LOGIN")
            s.docmd(base64.b64encode(user.encode()).decode())
            s.docmd(base64.b64encode(b"wrong").decode())
    assert attempt(port, "PLAIN", lambda _=None: "\0%s\0%s" % (
        HASHED, SECRET))[0] == 235
    logged(home, "authd: success")
    with open(home.log, "a") as log:
        log.write("authd: failure service=pop3 ip=2001:db8::1 user=a reason="
                  "flags\nauthd: failure service=pop3 ip=192.0.2.9 user=a "
                  "reason=table\n")
    out = subprocess.run(
        ["/usr/bin/python3", FAIL2BAN, "-c",
         TOOLS / "etc/fail2ban" if FAIL2BAN.startswith(str(TOOLS))
         else "/etc/fail2ban", home.log, ROOT / "doc/fail2ban.conf",
         "--print-all-matched"], capture_output=True, text=True,
        env={"PATH": "/usr/bin:/bin",
             "PYTHONPATH": str(TOOLS / "usr/lib/python3/dist-packages")},
        timeout=PATIENCE).stdout
    assert " 4 matched" in out, out
    found = out.partition("Matched line(s):")[2].partition("Missed line")[0]
    assert "reason=table" not in found and "success" not in found
    assert "ip=2001:db8::1 user=a reason=flags" in found
