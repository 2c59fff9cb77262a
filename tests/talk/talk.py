"""Runs one transcript (see README) against a real program.

The program runs under a UCSPI-like parent in a HOME of its own, with a queue
that is played here: it speaks wire/submit.h's server end and keeps what it is
given, so that a transcript needs neither root nor any other program.  What
checks passwords for culver-popup (wire/login.h) is played, too.
"""

import atexit
import base64
import functools
import hmac
import os
import pathlib
import re
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 3  # seconds for anything that is sure to come
NOBODY = 65534


class Failure(Exception):
    """What a transcript expects is not what happened."""


# ---------------------------------------------------------------- transcripts

def parse_file(path):
    """The cases of a file: [(name, [(line number, words), ...])]."""
    preamble, cases = [], []
    for number, text in enumerate(path.read_text().splitlines(), 1):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("case "):
            cases.append((line[5:].strip(), list(preamble)))
        elif cases:
            cases[-1][1].append((number, line))
        else:
            preamble.append((number, line))
    return cases or [("whole", preamble)]


ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", '"': b'"',
           "\\": b"\\"}


def unescape(text):
    """The bytes between two quotes of a transcript."""
    def one(match):
        code = match.group(1)
        if code[0] == "x":
            return bytes([int(code[1:], 16)]).decode("latin-1")
        return ESCAPES[code].decode("latin-1")
    whole = re.sub(r'\\(x[0-9a-fA-F]{2}|[rnt0"\\])', one, text)
    return whole.encode("latin-1")


def parse_bytes(text):
    """"..." *N "..." ... as bytes; [...] is a netstring of what it holds."""
    token = re.compile(
        r'\s*(?:"((?:[^"\\]|\\.)*)"|(\[)|(\]))(?:\s*\*\s*(\d+))?')
    open_, at = [b""], 0
    while at < len(text.rstrip()):
        match = token.match(text, at)
        if not match or (match.group(3) and len(open_) == 1):
            raise Failure("not quoted bytes: " + text[at:])
        if match.group(2):
            open_.append(b"")
        else:
            piece = unescape(match.group(1) or "")
            if match.group(3):
                inner = open_.pop()
                piece = b"%d:%s," % (len(inner), inner)
            open_[-1] += piece * int(match.group(4) or 1)
        at = match.end()
    if len(open_) > 1:
        raise Failure("a netstring is not closed: " + text)
    return open_[0]


def matches(text, pattern):
    """In a pattern * stands for any text, and everything else for itself."""
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


# ----------------------------------------------------------------- its places

def cdb_hash(key):
    h = 5381
    for c in key:
        h = ((h << 5) + h ^ c) & 0xffffffff
    return h


def write_cdb(path, pairs):
    """A constant database, as users/rcpt.cdb is one."""
    tables, records, at = [[] for _ in range(256)], b"", 2048
    for key, value in pairs:
        h = cdb_hash(key)
        tables[h & 255].append((h, at))
        record = struct.pack("<II", len(key), len(value)) + key + value
        records += record
        at += len(record)
    heads, tails = b"", b""
    for table in tables:
        size = len(table) * 2
        heads += struct.pack("<II", at, size)
        slots = [(0, 0)] * size
        for h, where in table:
            i = (h >> 8) % size
            while slots[i][1]:
                i = (i + 1) % size
            slots[i] = (h, where)
        tails += b"".join(struct.pack("<II", *slot) for slot in slots)
        at += 8 * size
    path.write_bytes(heads + records + tails)


class Home:
    """A private instance with nothing in it but settings."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(
            prefix="culver-talk.", dir="/var/tmp"))
        self.path.chmod(0o755)
        for name in ("control", "queue", "users", "state"):
            (self.path / name).mkdir()
        self.users = []

    def control(self, name, value):
        (self.path / "control" / name).write_bytes(
            unescape(value) + b"\n")

    def user(self, address, flags="", forward=""):
        self.users.append((address.lower(), flags.replace("-", ""), forward))
        own = {a for a, _, _ in self.users}
        domains = {"@" + a.rpartition("@")[2] for a in own} - own
        pairs = [(d.encode(), b"") for d in sorted(domains)]
        pairs += [(a.encode(), f":0:{w}:{f}".encode())
                  for a, f, w in self.users]
        write_cdb(self.path / "users" / "rcpt.cdb", pairs)

    def hand_over(self):
        """A private instance is one whose HOME is not root's."""
        if os.getuid() != 0:
            return
        for folder, names, files in os.walk(self.path):
            for name in [folder] + [os.path.join(folder, f)
                                    for f in names + files]:
                os.chown(name, NOBODY, NOBODY)

    def remove(self):
        shutil.rmtree(self.path)


# ------------------------------------------------------------------ the queue

class Message:
    def __init__(self, data, records):
        self.records = records
        self.sender = b"".join(r[1:] for r in records if r[:1] == b"F")
        self.recipients = [r[1:] for r in records if r[:1] == b"T"]
        head = re.match(rb"Received: .*\n(?:[ \t].*\n)*", data)
        self.trace = head.group(0) if head else b""
        self.body = data[len(self.trace):]


class Queue(threading.Thread):
    """culver-queued as wire/submit.h describes it, played."""

    def __init__(self, home):
        super().__init__(daemon=True)
        self.messages, self.answers, self.aborts = [], 0, 0
        self.refusal = None  # (code, text) instead of keeping
        self.vanish = False  # close instead of answering
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(home.path / "queue" / "submit"))
        os.chmod(home.path / "queue" / "submit", 0o666)
        self.socket.listen(10)

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(
                target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE)
        self.socket.close()

    @staticmethod
    def read(client, size):
        data = b""
        while len(data) < size:
            piece = client.recv(size - len(data))
            if not piece:
                return None
            data += piece
        return data

    def serve(self, client):
        with client:
            self.converse(client)

    def converse(self, client):
        body, records = [], []
        while True:
            head = self.read(client, 5)
            if head is None:
                return
            size = struct.unpack(">I", head[:4])[0] - 1
            payload = self.read(client, size) if size else b""
            kind = head[4:]
            if payload is None:
                return
            if kind == b"M":
                body.append(payload)
            elif kind == b"E":
                records.append(payload)
            elif kind == b"A":
                self.aborts += 1
                body, records = [], []
            elif kind == b"C":
                if not self.answer(client, b"".join(body), b"".join(records)):
                    return
                body, records = [], []

    def answer(self, client, body, records):
        self.answers += 1
        if self.vanish:
            return False
        if self.refusal:
            reply = b"E" + bytes([self.refusal[0]]) + self.refusal[1].encode()
        else:
            self.messages.append(Message(body, records.split(b"\0")[:-1]))
            number = 1000 + len(self.messages)
            reply = b"K" + struct.pack(">Q", number) + bytes(range(16)) + \
                struct.pack(">I", 4711)
        client.sendall(struct.pack(">I", len(reply)) + reply)
        return True


# ------------------------------------------------------- who checks passwords

class Authd(threading.Thread):
    """culver-authd as wire/login.h describes it, played.  The password decides:
    "right" and any digest of user "ok" open a mailbox that says "+OK mailbox"
    and then what it hears; "later" cannot be checked; all others are wrong."""

    def __init__(self, home, words="ok"):
        super().__init__(daemon=True)
        self.logins, self.words = [], words
        self.sent, self.asked = {}, 0
        path = home.path / "state" / "auth"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.socket.listen(10)

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            with client:
                self.answer(client)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE)
        self.socket.close()

    def answer(self, client):
        head = Queue.read(client, 5)
        payload = head and Queue.read(
            client, struct.unpack(">I", head[:4])[0] - 1)
        if not payload:
            return
        service, how, _, _, _, _, user, password, stamp, _ = \
            payload.split(b"\0")
        self.logins.append((user, password, stamp))
        if service == b"smtp":
            return self.say(client, self.smtp(how, user, password, stamp))
        right = password == b"right" or (how == b"apop" and user == b"ok")
        if how in (b"first", b"cram"):
            said = self.smtp(how, user, password, stamp)
            if how == b"first":
                return self.say(client, said)
            right = said[:1] == b"K"
        if right:
            ours, theirs = socket.socketpair()
            with theirs:
                answer = b"K" + user.lower() + b"\0"
                socket.send_fds(client, [
                    struct.pack(">I", len(answer)) + answer],
                    [theirs.fileno()])
            threading.Thread(
                target=self.mailbox, args=(ours,), daemon=True).start()
        else:
            client.sendall(b"\0\0\0\1" +
                           (b"Z" if password == b"later" else b"N"))

    @staticmethod
    def say(client, answer):
        client.sendall(struct.pack(">I", len(answer)) + answer)

    def may_send(self):
        """Recipients are counted; the played limit is the request's own."""
        user, n, most = self.logins.pop()
        self.sent[user] = self.sent.get(user, 0) + int(n)
        return b"N" if self.sent[user] > int(most) else b"K\0"

    def seen(self):
        self.logins.pop()
        self.asked += 1
        return {"seen": b"K\0", "lost": b"Z"}.get(self.words, b"N")

    def smtp(self, how, user, password, stamp):
        """Every secret is "right", and so is SCRAM's proof."""
        if how == b"first":
            return b"Cr=" + user.split(b"r=")[1] + b"OURS,s=QUFBQQ==,i=4096"
        if how in (b"send", b"seen"):
            return {b"send": self.may_send, b"seen": self.seen}[how]()
        if how == b"final":
            right = password.endswith(b",p=cmlnaHQ=")  # "right"
            return b"Ku\0v=OUR" if right else b"N"
        if how == b"cram":
            right = hmac.new(b"right", stamp, "md5").hexdigest().encode()
            return Authd.right(user) if password == right else b"N"
        if password == b"later":
            return b"Z"
        return Authd.right(user) if how == b"pass" and password == b"right" \
            else b"N"

    @staticmethod
    def right(user):
        """The user "alias" is "u@local.test"."""
        user = b"u@local.test" if user == b"alias" else user.lower()
        return b"K" + user + b"\0"

    @staticmethod
    def mailbox(stream):
        with stream:
            stream.sendall(b"+OK mailbox\r\n")
            while data := stream.recv(1 << 16):
                stream.sendall(data)


# -------------------------------------------------------------- who is there

class Who(threading.Thread):
    """culver-lspawn's asking half as wire/who.h describes it, played: the letter
    of the first pattern that is like the address, else Y."""

    def __init__(self, home, rows):
        super().__init__(daemon=True)
        self.rows, self.asked = rows, []
        path = home.path / "state" / "who"
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(path))
        os.chmod(path, 0o666)
        self.socket.listen(10)

    def run(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(
                target=self.serve, args=(client,), daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.join(PATIENCE)
        self.socket.close()

    def serve(self, client):
        with client:
            while (head := Queue.read(client, 5)) is not None:
                payload = Queue.read(
                    client, struct.unpack(">I", head[:4])[0] - 1)
                assert head[4:] == b"W" and len(payload) >= 8
                address = payload[8:].decode("latin-1")
                self.asked.append(address)
                letter = next((w for w, p in self.rows if matches(address, p)),
                              "Y")
                if letter == "vanish":
                    return
                client.sendall(b"\0\0\0\1" + letter.encode())


# ---------------------------------------------------------------- the program

@functools.lru_cache(maxsize=None)
def binary(program):
    """Where nobody may go, too: the tree may lie in root's own folder."""
    path = pathlib.Path(os.environ.get(
        "CULVER_BIN", ROOT / "build" / "bin")).resolve() / ("culver-" + program)
    if os.getuid() != 0 or program != "pop3d":
        return path
    folder = pathlib.Path(tempfile.mkdtemp(
        prefix="culver-bin.", dir="/var/tmp"))
    atexit.register(shutil.rmtree, folder)
    folder.chmod(0o755)
    return shutil.copy(path, folder)


class Client:
    """One connection to a program that was started for it."""

    def __init__(self, program, options, home, env, early):
        arguments, who = list(options), {}
        if program == "pop3d":
            arguments.append("Maildir")
            if os.getuid() == 0:
                who = dict(user=NOBODY, group=NOBODY, extra_groups=[])
        self.socket, theirs = socket.socketpair()
        self.socket.sendall(early)
        self.log = tempfile.TemporaryFile()
        environment = {"CULVER_HOME": str(home.path), "PROTO": "TCP",
                       "PATH": "/usr/bin:/bin",
                       "TCPREMOTEIP": "192.0.2.9", "TCPREMOTEPORT": "40000",
                       "TCPLOCALIP": "192.0.2.1", "TCPLOCALPORT": "25"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
            if name in os.environ:
                environment[name] = os.environ[name]
        environment.update(env)
        self.process = subprocess.Popen(
            [str(binary(program)), *arguments], stdin=theirs, stdout=theirs,
            stderr=self.log, cwd=home.path,
            env={k: v for k, v in environment.items() if v != "-"}, **who)
        theirs.close()
        self.socket.setblocking(False)
        self.got, self.ended = b"", False

    def receive(self, wait):
        """Take what has come; False when nothing did within wait seconds."""
        if not select.select([self.socket], [], [], wait)[0]:
            return False
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self.got += data
        return True

    def line(self):
        limit = time.monotonic() + PATIENCE
        while b"\r\n" not in self.got:
            left = limit - time.monotonic()
            if self.ended or left <= 0 or not self.receive(left):
                raise Failure("no reply; got %r" % self.got)
        line, self.got = self.got.split(b"\r\n", 1)
        return line.decode("latin-1")

    def netstring(self):
        limit = time.monotonic() + PATIENCE
        while True:
            head, colon, rest = self.got.partition(b":")
            if not colon and not head[:20].isdigit() and head:
                raise Failure("no netstring: %r" % self.got)
            size = int(head) if colon else 0
            if colon and len(rest) > size:
                if rest[size:size + 1] != b",":
                    raise Failure("no netstring: %r" % self.got)
                self.got = rest[size + 1:]
                return rest[:size].decode("latin-1")
            left = limit - time.monotonic()
            if self.ended or left <= 0 or not self.receive(left):
                raise Failure("no answer; got %r" % self.got)

    def send(self, data):
        """All of it, reading meanwhile so that neither side stands still."""
        view = memoryview(data)
        while view and not self.ended:
            readable, writable, _ = select.select(
                [self.socket], [self.socket], [], PATIENCE)
            if not readable and not writable:
                raise Failure("the program does not read")
            if readable:
                self.receive(0)
            if writable and not self.ended:
                try:
                    view = view[self.socket.send(view):]
                except (BrokenPipeError, ConnectionResetError):
                    return

    def wait_until_read(self):
        """The program has taken every byte that was sent."""
        import fcntl
        import termios
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            unread = fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"\0" * 4)
            if struct.unpack("i", unread)[0] == 0:
                return
            time.sleep(0)
        raise Failure("the program does not read")

    def shut(self):
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def finish(self):
        """Close, and wait for the program.  What it said last, and its log."""
        self.shut()
        limit = time.monotonic() + PATIENCE
        while not self.ended and time.monotonic() < limit:
            self.receive(1)
        self.socket.close()
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure("the program does not end")
        self.log.seek(0)
        return status, self.log.read()


# ----------------------------------------------------------------- one case

class Case:
    def __init__(self, program):
        self.program = program
        self.home, self.env, self.options = Home(), {}, []
        self.queue = self.authd = self.who = self.client = None
        self.who_rows = []  # (letter, pattern of addresses); None: down
        for name in {"pop3d": ["Maildir", "Maildir/new", "Maildir/cur"]
                     }.get(program, []):
            (self.home.path / name).mkdir()
        self.authd_words = "ok"
        self.queue_words, self.early = "ok", b""
        self.logged = []
        self.past = 0  # seconds that the program's clock is ahead

    # Before the talk.

    def do_control(self, rest):
        name, _, value = rest.partition(" ")
        self.home.control(name, value)
        if self.client:
            self.home.hand_over()

    def do_absent(self, name):
        path = self.home.path / "control" / name
        if path.exists():
            path.unlink()

    def do_file(self, rest):
        name, _, data = rest.partition(" ")
        (self.home.path / name).write_bytes(parse_bytes(data))

    def do_user(self, rest):
        self.home.user(*rest.split(" ", 2))

    def do_option(self, rest):
        self.options += rest.split(" ")

    def do_env(self, rest):
        name, _, value = rest.partition(" ")
        self.env[name] = value

    def do_queue(self, rest):
        self.queue_words = rest
        if self.queue:
            self.set_queue()

    def do_clock(self, seconds):
        """The program's clock, as lib/clock.h has it; 0 before the talk."""
        path = self.home.path / "clock"
        self.env["CULVER_CLOCK"] = str(path)
        self.past = int(seconds)
        ahead = b"%+020d\n" % (self.past * 1000000)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.pwrite(fd, ahead * 2, 0)
        os.close(fd)

    def do_who(self, words):
        """Whether users exist: down, or LETTER PATTERN."""
        if words == "down":
            self.who_rows = None
        else:
            self.who_rows.append(tuple(words.split(" ", 1)))

    def do_authd(self, words):
        self.authd_words = words

    def mailbox(self, name):
        return os.path.join(os.fsencode(self.home.path / "Maildir"), name)

    def do_mail(self, text):
        """A file of the Maildir: its name below it, and its bytes."""
        name = re.match(r'"(?:[^"\\]|\\.)*"', text)
        path = self.mailbox(parse_bytes(name[0]))
        with open(path, "wb") as file:
            file.write(parse_bytes(text[name.end():]))
        if self.client and os.getuid() == 0:
            os.chown(path, NOBODY, NOBODY)

    def do_vanish(self, name):
        os.unlink(self.mailbox(parse_bytes(name)))

    def do_move(self, text):
        old, new = [self.mailbox(unescape(w)) for w in
                    re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        os.rename(old, new)

    def do_early(self, text):
        self.early = parse_bytes(text)

    def set_queue(self):
        words = self.queue_words.split(" ", 2)
        self.queue.vanish = words[0] == "vanish"
        self.queue.refusal = None
        if words[0] == "refuse":
            self.queue.refusal = (
                int(words[1]), words[2] if len(words) > 2 else "")

    def start(self):
        if self.client:
            return
        if self.program in ("popup", "smtpd") and self.authd_words != "down":
            self.authd = Authd(self.home, self.authd_words)
            self.authd.start()
        if self.program not in ("popup", "pop3d") and \
                self.queue_words != "down":
            self.queue = Queue(self.home)
            self.set_queue()
            self.queue.start()
        if self.program in ("smtpd", "qmtpd") and self.who_rows is not None:
            self.who = Who(self.home, self.who_rows)
            self.who.start()
        self.home.hand_over()
        self.client = Client(
            self.program, self.options, self.home, self.env, self.early)

    # The talk.

    def do_S(self, pattern):
        self.start()
        line = self.client.line()
        if not matches(line, pattern):
            raise Failure("expected %r, got %r" % (pattern, line))

    def do_reply(self, pattern):
        """All lines of a reply; the last is like this."""
        self.start()
        line = self.client.line()
        while line[3:4] == "-":
            line = self.client.line()
        if not matches(line, pattern):
            raise Failure("expected %r, got %r" % (pattern, line))

    def do_A(self, pattern):
        self.start()
        answer = self.client.netstring()
        if not matches(answer, pattern):
            raise Failure("expected %r, got %r" % (pattern, answer))

    def do_hello(self, _):
        self.do_S("220 *")
        self.do_C("EHLO client.example")
        self.do_reply("250 *")

    def do_begin(self, _):
        self.do_hello("")
        self.do_C("MAIL FROM:<a@example.org>")
        self.do_S("250 2.1.0 *")

    def do_open(self, _):
        self.do_begin("")
        self.do_C("RCPT TO:<u@local.test>")
        self.do_S("250 2.1.5 *")
        self.do_C("DATA")
        self.do_S("354 *")

    def do_enter(self, _):
        self.do_hello("")
        self.do_plain(r'"\0u@local.test\0right"')
        self.do_S("235 *")

    def do_compose(self, _):
        self.do_enter("")
        self.do_C("MAIL FROM:<u@local.test>")
        self.do_S("250 2.1.0 *")
        self.do_C("RCPT TO:<b@else.where>")
        self.do_S("250 2.1.5 *")
        self.do_C("DATA")
        self.do_S("354 *")

    def do_C(self, line):
        self.start()
        self.client.send(line.encode("latin-1") + b"\r\n")

    def do_R(self, text):
        self.start()
        self.client.send(parse_bytes(text))

    def do_R1(self, text):
        """One byte a packet, each read before the next is sent."""
        self.start()
        for byte in parse_bytes(text):
            self.client.send(bytes([byte]))
            self.client.wait_until_read()

    def do_drip(self, rest):
        """Time goes by, and a few bytes come."""
        seconds, _, data = rest.partition(" ")
        self.do_clock(self.past + int(seconds))
        self.client.send(parse_bytes(data))
        self.client.wait_until_read()

    def do_wait(self, _):
        self.client.wait_until_read()

    def do_shut(self, _):
        self.start()
        self.client.shut()

    def do_close(self, _):
        self.start()
        self.client.socket.shutdown(socket.SHUT_RDWR)
        self.finish()

    def do_end(self, _):
        self.start()
        limit = time.monotonic() + PATIENCE
        while not self.client.ended and time.monotonic() < limit:
            self.client.receive(1)
        if not self.client.ended:
            raise Failure("the program does not hang up")
        self.finish()

    def finish(self):
        """The connection is over: nothing unexpected was said or logged."""
        if self.client is None or self.client.process.returncode is not None:
            return
        left = self.client
        status, log = left.finish()
        self.logged = log.decode("latin-1").splitlines()
        if status != 0:
            raise Failure("exit status %d; log: %r" % (status, log))
        if left.got:
            raise Failure("unexpected reply %.2000r" % left.got)
        for line in self.logged:
            if not line.isascii() or not line.isprintable():
                raise Failure("the log holds %r" % line)
        if self.queue:
            self.queue.close()
        if self.authd:
            self.authd.close()
        if self.who:
            self.who.close()

    # After it.

    def do_plain(self, text):
        """AUTH PLAIN with these bytes in base64, as its initial response."""
        self.do_C("AUTH PLAIN " + base64.b64encode(
            parse_bytes(text)).decode())

    def do_base64(self, text):
        """A line of these bytes in base64."""
        self.do_C(base64.b64encode(parse_bytes(text)).decode())

    def do_cram(self, text):
        """The answer of CRAM-MD5 to the challenge that comes: user, secret."""
        user, secret = [unescape(w) for w in
                        re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        self.start()
        challenge = base64.b64decode(self.client.line().split(" ")[1])
        digest = hmac.new(secret, challenge, "md5").hexdigest()
        self.do_C(base64.b64encode(
            user + b" " + digest.encode()).decode())

    def do_login(self, text):
        """The last login that was to be checked: user and password."""
        self.finish()
        wanted = [unescape(w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        self.same("login", list(self.authd.logins[-1][:2]), wanted)

    def do_logins(self, count):
        self.finish()
        self.same("logins", len(self.authd.logins), int(count))

    def do_files(self, text):
        self.finish()
        wanted = [unescape(w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        found = [b"%s/%s" % (folder, name) for folder in (b"cur", b"new")
                 for name in sorted(os.listdir(self.mailbox(folder)))]
        self.same("files", found, wanted)

    def last(self):
        self.finish()
        if self.queue is None or not self.queue.messages:
            raise Failure("nothing was queued; log: %r" % self.logged)
        return self.queue.messages[-1]

    @staticmethod
    def same(what, got, wanted):
        if got != wanted:
            raise Failure("%s is %.2000r, not %.2000r" % (what, got, wanted))

    def do_queued(self, count):
        self.finish()
        messages = self.queue.messages if self.queue else []
        self.same("messages queued", len(messages), int(count))

    def do_asked(self, count):
        self.finish()
        self.same("commits", self.queue.answers, int(count))

    def do_aborted(self, count):
        self.finish()
        limit = time.monotonic() + PATIENCE
        while self.queue.aborts < int(count) and time.monotonic() < limit:
            time.sleep(0.001)  # until it has read what was sent
        self.same("aborts", self.queue.aborts, int(count))

    def do_from(self, text):
        self.same("sender", self.last().sender, parse_bytes(text))

    def do_rcpts(self, text):
        wanted = [unescape(w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        self.same("recipients", self.last().recipients, wanted)

    def do_records(self, text):
        wanted = [unescape(w) for w in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]
        self.same("envelope", self.last().records, wanted)

    def do_record(self, text):
        if parse_bytes(text) not in self.last().records:
            raise Failure("no such record among %r" % self.last().records)

    def do_norecord(self, kind):
        found = [r for r in self.last().records if r[:1] == kind.encode()]
        self.same("records " + kind, found, [])

    def do_body(self, text):
        self.same("body", self.last().body, parse_bytes(text))

    def do_mended(self, pattern):
        body = self.last().body.decode("latin-1")
        if not matches(body, unescape(pattern).decode("latin-1")):
            raise Failure("the message is %.2000r" % body)

    def do_trace(self, pattern):
        trace = self.last().trace.decode("latin-1")
        if not matches(trace, unescape(pattern).decode("latin-1")):
            raise Failure("the trace field is %r" % trace)

    def do_log(self, pattern):
        self.finish()
        if not any(matches(line, pattern) for line in self.logged):
            raise Failure("no such line in the log: %r" % self.logged)

    def do_nolog(self, pattern):
        self.finish()
        for line in self.logged:
            if matches(line, pattern):
                raise Failure("the log says %r" % line)

    def run(self, lines):
        try:
            for number, line in lines:
                self.step(number, line)
            self.finish()
        finally:
            self.clean_up()

    def step(self, number, line):
        times = re.match(r"x(\d+) (.*)", line)
        count, line = (int(times[1]), times[2]) if times else (1, line)
        word, _, rest = line.partition(" ")
        act = getattr(self, "do_" + word, None)
        if act is None:
            raise Failure("line %d: no such word: %s" % (number, word))
        try:
            for _ in range(count):
                act(rest)
        except Failure as failure:
            raise Failure("line %d: %s: %s" % (number, line, failure)) from None

    def clean_up(self):
        if self.client and self.client.process.returncode is None:
            self.client.process.kill()
            self.client.process.wait()
        for server in (self.queue, self.authd, self.who):
            if server and server.is_alive():
                server.close()
        self.home.remove()
