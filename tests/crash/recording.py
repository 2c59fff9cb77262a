"""What an instance did while clients spoke to it: a mix of mail and more,
recorded call by call; see README, STRICT."""
import os
import random
import re
import signal
import socket
import threading
import time

from host import PATIENCE, QUEUE, STEPS, Host, activity, wait_for
from mail import ANN, BOB, Books, Client, DOMAIN, FAR, NOBODY
from model import FILE, FOLDER, parse

CAROL = "carol@" + DOMAIN
LARGE = 150000
MINDED = re.compile(r"control/[a-z]+\.cdb|users/(passwd|[a-z]+\.cdb)")
LIMIT = 60

# What a mix may hold: (recipients, size), and how often.
KINDS = [((ANN,), 0)] * 4 + [((ANN, BOB), 0), ((BOB, NOBODY), 0),
                             ((NOBODY,), 0), ((ANN,), LARGE), ((FAR,), 0),
                             ((ANN, FAR), 0)]


class Mix:
    """Messages in rounds, each by as many clients at once, and what else goes
    on; all of it follows from the seed."""

    def __init__(self, seed):
        r = random.Random(f"mix {seed}")
        self.seed, self.kind = seed, seed % 4
        self.rounds, clients = [], (1, 2, 2, r.choice((5, 16)))[self.kind]
        for _ in range((4, 2, 2, 1)[self.kind]):
            self.rounds.append([r.choice(KINDS) for _ in range(clients)])
        self.settle = self.kind == 0  # between the rounds
        self.pop3 = self.kind in (1, 3)
        self.users = self.kind == 2
        self.control = self.kind in (2, 3)
        self.old = r.choice([None, (ANN, FAR), (FAR,)])
        self.late = r.random() < 0.3  # culver-send comes after the first


class Recording:
    """The snapshot, the events and what is known of them."""

    def __init__(self):
        self.snapshot = {}
        self.events = []     # (program, event, words)
        self.messages = {}   # number: Message
        self.acked = {}      # number: the event that said so
        self.deleted = set()  # numbers that the POP3 client removed
        self.asked = self.quit = None  # the events of its QUIT
        self.folders = {}    # see folder
        self.done = {}       # a command's name: the event of its end
        self.told = 0        # bytes of the record

    def folder(self, number):
        """The path of the folder with this inode number, or None."""
        if not self.folders:
            self.folders = {ino: path for path, (kind, ino, _)
                            in self.snapshot.items() if kind == FOLDER}
            for _, event, words in self.events:
                if event == "mkdir":
                    self.folders[int(words[0])] = (
                        self.folders[int(words[1])] + "/" + words[2])
        return self.folders.get(number)


class Teller(Client):
    """Remembers the last line that it heard."""

    def line(self):
        self.last = super().line()
        return self.last


class Recorder(Host):
    """A host whose clock's moves stand in the record."""

    def tick(self, seconds):
        super().tick(seconds)
        self.tracer.ask("mark", f"clock {self.shift}")

    def settle(self, stop=lambda: False):
        """As Host's, but the clock moves only while no program does anything:
        what is waited for shall not come eight days late, since programs give
        up then, and do things twice."""
        end, step, before = time.monotonic() + PATIENCE, 0, None
        while self.listing():
            assert time.monotonic() < end, self.story()
            self.keep_up()
            before, quiet = activity(self.pids.values(), before)
            if quiet:
                self.tick(STEPS[min(step, len(STEPS) - 1)])
                self.poke()
                step, before = step + 1, None
            time.sleep(0.004)
        return True

    def pause(self):
        """End culver-send: mail is accepted without it."""
        pid = self.pids["send"]
        self.wanted = tuple(n for n in self.wanted if n != "send")
        os.kill(pid, signal.SIGTERM)

        def ended():
            self.keep_up()
            return "send" not in self.pids

        wait_for(ended, "culver-send to end")

    def resume(self):
        self.wanted += ("send",)
        self.spawn("send")

    def command(self, name, *argv):
        """Run a program of the suite to its end, which stands there, too."""
        pid = self.tracer.run(str(self.logs / name), *map(str, argv))
        left = []
        for _ in range(LIMIT * 10):
            self.tracer.listen(0.1)
            while self.tracer.exits:
                ended = self.tracer.exits.popleft()
                if ended.pid != pid:
                    left.append(ended)
                    continue
                self.tracer.exits.extendleft(left)
                assert ended.status == 0, self.story()
                self.tracer.ask("mark", f"done {name}")
                return
        raise AssertionError(f"{name} does not end")


def snapshot(home):
    """{path: (kind, ino, bytes)} of all below home."""
    found = {}

    def walk(folder, path):
        found[path] = (FOLDER, folder.stat().st_ino, b"")
        for entry in sorted(folder.iterdir()):
            name = f"{path}/{entry.name}" if path else entry.name
            if entry.is_symlink():
                continue
            if entry.is_dir():
                walk(entry, name)
            elif entry.is_file():
                found[name] = (FILE, entry.stat().st_ino,
                               entry.read_bytes())

    walk(home, "")
    return found


def hand_over(port, messages, replies):
    """Each by a client of its own, all at once."""
    def one(message):
        client = Teller(port)
        client.send(message)
        replies[message.number] = client.last.strip()
        client.close()

    threads = [threading.Thread(target=one, args=(m,)) for m in messages]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for m in messages:
        assert m.state == "acked", (m.number, replies.get(m.number))


def pop3(host, r, recording):
    """Remove some messages of ann's and leave the others."""
    sock = socket.create_connection(("127.0.0.1", host.ports["popup"]), LIMIT)
    f = sock.makefile("rb")

    def ask(line):
        if line:
            sock.sendall(line + b"\r\n")
        answer = f.readline()
        assert answer.startswith(b"+OK"), (line, answer)
        return answer

    def lines():
        text = []
        while (line := f.readline()) != b".\r\n":
            assert line
            text.append(line)
        return text

    ask(b"")
    ask(b"USER " + ANN.encode())
    ask(b"PASS secret")
    ask(b"LIST")
    count = len(lines())
    for i in range(1, count + 1):
        ask(b"RETR %d" % i)
        number = next(int(line.split()[1]) for line in lines()
                      if line.startswith(b"X-Number: "))
        if number in recording.messages and number <= OLD and (
                r.random() < 0.5 or not recording.deleted):
            ask(b"DELE %d" % i)
            recording.deleted.add(number)
    host.tracer.ask("mark", "quit")
    ask(b"QUIT")
    sock.close()


OLD = 3  # messages that lie in ann's Maildir before


def record(host, mix, path):
    """Play a mix on a fresh host; the Recording.  path: for the record."""
    r, books = random.Random(f"play {mix.seed}"), Books()
    recording, replies = Recording(), {}
    host.start(QUEUE + ("authd", "popup") if mix.pop3 else QUEUE)
    before = [books.message() for _ in range(OLD)]
    hand_over(host.ports["smtpd"], before, replies)
    host.settle()
    host.flush()
    if mix.old:
        late = books.message(mix.old)
        hand_over(host.ports["smtpd"], [late], replies)
        journal_of(host)
    if mix.control:
        with open(host.home / "control/rcpthosts", "a") as f:
            f.write("more.example\n")
    host.disk.sync()
    recording.snapshot = snapshot(host.home)
    recording.acked = {number: -1 for number in books.open}
    recording.messages = books.open
    host.tracer.ask("record", path, host.home)
    host.tracer.ask("mark", f"clock {host.shift}")
    play(host, mix, r, books, recording, replies)
    host.settle()
    host.flush()
    host.tracer.ask("record", "-")
    with open(path) as f:
        text = f.readlines()
    recording.told = sum(map(len, text))
    recording.events = [parse(line) for line in text[1:]]
    tie(recording, replies)
    return recording


def journal_of(host):
    """Wait until the one message in the queue has its journal, whole, and none
    of its recipients is being delivered to: a file that has no name yet would
    not be in the snapshot."""
    seen = [None]

    def quiet():
        seen[0], still = activity(host.pids.values(), seen[0])
        return still

    host.tick(2)

    def there():
        host.poke()
        return any(p.stat().st_size
                   for p in (host.home / "queue/info").glob("*/*"))

    wait_for(there, "a journal")
    host.flush()
    wait_for(quiet, "all programs to rest")


def play(host, mix, r, books, recording, replies):
    if mix.late:
        host.pause()
    for i, clients in enumerate(mix.rounds):
        messages = [books.message(to, size) for to, size in clients]
        t = threading.Thread(target=hand_over, args=(
            host.ports["smtpd"], messages, replies))
        t.start()
        if i == 0 and mix.pop3:
            pop3(host, r, recording)
        if i == 0 and mix.control:
            host.command("build", host.programs / "culver-control", "build")
        if i == 0 and mix.users:
            host.command("add", host.programs / "culver-user", "add", CAROL,
                         "--no-password")
        t.join()
        if i == 0 and mix.late:
            host.resume()
        if mix.settle:
            host.settle()


def tie(recording, replies):
    """Which event told a client what."""
    said = {}
    for i, (program, event, words) in enumerate(recording.events):
        if event == "say":
            text = bytes.fromhex(words[0]).strip()
            if program == "smtpd":
                said[text] = i
            elif program in ("popup", "pop3d") and text.startswith(b"+OK"):
                recording.quit = i  # the last one answers QUIT
        elif event == "mark" and words[0] == "quit":
            recording.asked = i
        elif event == "mark" and words[0].startswith("done "):
            recording.done[words[0].split()[1]] = i
    for number in recording.messages:
        if number not in recording.acked:
            recording.acked[number] = said[replies[number]]
