"""What an instance does while something goes wrong, and how we know that it
came out right.  A scenario is used round after round on one host:

    prepare()        what is there before, durably
    act(over)        what is done; ends early when over() says so
    settle(over)     until nothing is left to do
    check()          whether it came out right: adds to books.wrong

While hasty is set something is broken for good, and nobody waits long.
"""
import os
import random
import signal
import socket
import time

from host import QUEUE, SHORT_STEPS, STEPS, wait_for
from mail import ANN, BOB, FAR, NOBODY, PATIENCE, Books, Client, Message
from sink import FULL, LATER, MUTE, OTHER, REFUSED, SPOILT, TAKEN

# No host is away for so long that mail for it is given up.
PATIENT_STEPS = STEPS[:-2]
HASTE = 0.5  # seconds that a client waits while hasty is set


class Mail:
    """Messages by SMTP, to where they belong.

    The seed chooses a mix of groups; those of a group are sent side by side,
    each in a session of its own.
    """

    wanted, hasty = QUEUE, False

    def __init__(self, host, seed):
        self.host, self.books = host, Books()
        chance = random.Random(seed)
        self.mix = [[self.choose(chance)
                     for _ in range(chance.choice((1, 1, 2, 3)))]
                    for _ in range(chance.choice((1, 2, 2)))]

    @staticmethod
    def choose(chance):
        return chance.choices(
            [((ANN,), 0), ((ANN, BOB), 100), ((NOBODY,), 0),
             ((ANN, NOBODY), 0), ((BOB,), 200000), ((FAR, ANN), 0)],
            (4, 2, 2, 1, 1, 1))[0]

    def prepare(self):
        pass

    def act(self, over):
        for group in self.mix:
            if not over():
                self.send([self.books.message(*shape) for shape in group])

    def send(self, messages):
        """Offer all, then hear what became of each."""
        clients = []
        for message in messages:
            client = None
            try:
                client = Client(self.host.ports["smtpd"],
                                HASTE if self.hasty else PATIENCE)
                code = client.offer(message)
                self.books.answered(message, code)
                if code is None:
                    clients.append((client, message))
                    client = None
            except OSError:
                pass
            finally:
                if client is not None:
                    client.close()
        for client, message in clients:
            try:
                self.books.answered(message, client.outcome(message))
            except OSError:
                pass
            finally:
                client.close()

    def probe(self):
        """One more message, which must pass now."""
        def passes():
            self.host.keep_up()
            message = self.books.message()
            self.send([message])
            return message.state == "acked"
        wait_for(passes, "the next message to pass")

    def settle(self, over):
        steps = SHORT_STEPS if self.hasty else STEPS
        if self.host.settle(over, steps):
            self.host.flush(over)

    def check(self):
        self.books.settle(self.host.collect())


class Remote(Mail):
    """Messages by SMTP that go on to another host, which refuses some, defers
    some, and hangs up on some that it has taken."""

    def __init__(self, host, seed):
        super().__init__(host, seed)
        host.open_sink()

    @staticmethod
    def choose(chance):
        return chance.choices(
            [((TAKEN,), 0), ((TAKEN, OTHER), 100), ((TAKEN, ANN), 0),
             ((REFUSED, OTHER), 0), ((OTHER,), 200000), ((LATER, TAKEN), 0),
             ((SPOILT,), 0), ((FULL,), 0), ((MUTE, OTHER), 0)],
            (3, 2, 1, 2, 1, 2, 1, 1, 2))[0]

    def settle(self, over):
        steps = SHORT_STEPS if self.hasty else PATIENT_STEPS
        if self.host.settle(over, steps):
            self.host.flush(over)

    def check(self):
        self.books.settle(self.host.collect(), self.host.sink.collect())


class Pop3:
    """A session that deletes two of four messages."""

    wanted, hasty = ("authd", "popup"), False
    DELETED = (1, 3)

    def __init__(self, host, seed):
        self.host, self.books, self.seed = host, Books(), seed
        self.told, self.files = False, {}

    def prepare(self):
        """Two in new/, two in cur/, as another time left them."""
        self.files, self.told = {}, False
        folder = self.host.maildir(ANN)
        owner = folder.stat()
        for n in range(4):
            message = Message(n + 1, size=n * 3000)
            part, flags = (("new", ""), ("cur", ":2,"))[n // 2]
            file = folder / part / f"{1700000000 + n}.M{n}.crash{flags}"
            file.write_bytes(message.data)
            os.chown(file, owner.st_uid, owner.st_gid)
            file.chmod(0o600)
            self.files[n + 1] = message.data
        self.host.disk.sync()

    def act(self, over):
        try:
            with socket.create_connection(
                    ("127.0.0.1", self.host.ports["popup"]),
                    HASTE if self.hasty else PATIENCE) as s:
                answers = s.makefile("rb")
                lines = [None, b"USER " + ANN.encode(), b"PASS secret",
                         b"STAT"]
                lines += [b"RETR 2"] if self.seed % 2 else []
                lines += [b"DELE %d" % n for n in self.DELETED] + [b"QUIT"]
                for line in lines:
                    if line is not None:
                        s.sendall(line + b"\r\n")
                    answer = answers.readline()
                    if not answer.startswith(b"+OK"):
                        return
                    if line is not None and line.startswith(b"RETR"):
                        while answers.readline() not in (b".\r\n", b""):
                            pass
                self.told = True
        except OSError:
            pass

    def probe(self):
        pass

    def settle(self, over):
        """A session whose client has gone may be at its end still."""
        wait_for(lambda: over() or not self.host.sessions(),
                 "the end of a session")

    def check(self):
        left = [data for _, data in self.host.collect()]
        for n, data in self.files.items():
            count = left.count(data)
            gone = n in self.DELETED
            if count > 1:
                self.books.accuse("twice", f"POP3 message {n}")
            if count == 0 and not gone:
                self.books.accuse("lost", f"POP3 message {n} was kept")
            if count and gone and self.told:
                self.books.accuse("wrong acknowledgement",
                                  f"POP3 message {n} was deleted")
        if any(data not in self.files.values() for data in left):
            self.books.accuse("half", "a POP3 message")
        self.books.figures["acked" if self.told else "unsure"] += 1


class Command:
    """A command that changes what is on the disk."""

    wanted, hasty = (), False

    def __init__(self, host, seed):
        self.host, self.books, self.seed = host, Books(), seed
        self.status, self.turn, self.pid = None, 0, None

    def run(self, over, *argv):
        """Run it under the tracer; its status, or None when it was killed or
        has not ended while something is broken for good."""
        return self.ended(
            over, str(self.host.programs / f"culver-{argv[0]}"), *argv[1:],
            "--home", str(self.host.home))

    def ended(self, over, *argv):
        """The same of any program."""
        self.pid = self.host.tracer.run(str(self.host.logs / "command"), *argv)
        end = time.monotonic() + HASTE
        return self.end(lambda: over() or
                        self.hasty and time.monotonic() > end)

    def end(self, over):
        """Its status, once it has ended or over() says that none waits."""
        exits = self.host.tracer.exits

        def ended():
            self.host.tracer.listen(0)
            for one in list(exits):
                if one.pid == self.pid:
                    exits.remove(one)
                    self.pid = None
                    return (one.status,)
            if self.host.tracer.doomed():
                self.pid = None
            return (self.pid is None or over()) and (None,)
        if self.pid is None:
            return None
        return wait_for(ended, "a command to end")[0]

    def probe(self):
        pass

    def settle(self, over):
        """One that could not end while something was broken."""
        if self.pid is not None:
            self.status = self.end(over)


class Control(Command):
    """culver control build: the table is the old one or the new one."""

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.tables, self.old = {}, None

    def names(self):
        return [f"h{n}.example" for n in range(20 + 30 * (self.turn % 2))]

    def prepare(self):
        self.old = self.table()
        self.turn += 1
        text = self.host.home / "control/rcpthosts"
        text.write_text("\n".join([*self.names(), ""]))
        self.host.disk.sync()

    def table(self):
        try:
            return (self.host.home / "control/rcpthosts.cdb").read_bytes()
        except FileNotFoundError:
            return None

    def act(self, over):
        self.status = self.run(over, "control", "build", "rcpthosts",
                               "--force")

    def check(self):
        got, kind = self.table(), self.turn % 2
        new = self.tables.get(kind)
        if self.status == 0 and new is None:
            self.tables[kind] = new = got
        if self.status == 0 and got != new:
            self.books.accuse("lost", "a table that was said to be built")
        if got not in (self.old, new) and new is not None:
            self.books.accuse("half", "control/rcpthosts.cdb")
        self.status = None
        self.act(lambda: False)
        if self.status != 0 or (new is not None and self.table() != new):
            self.books.accuse("stuck", "culver control build afterwards")
        self.books.figures["done"] += 1


class Users(Command):
    """culver user add and del: the list has it wholly or not."""

    def act(self, over):
        self.turn += 1
        verb = ("add", f"cat{self.turn}@demo.example", "--no-password")
        self.status = self.run(over, "user", *verb)

    def prepare(self):
        pass

    def check(self):
        name = f"cat{self.turn}@demo.example"
        log = self.host.logs / "command"
        log.write_bytes(b"")
        if self.run(lambda: False, "user", "list") != 0:
            self.books.accuse("half", "users/passwd does not read")
        listed = log.read_text()
        for who in (ANN, BOB):
            if who not in listed:
                self.books.accuse("lost", f"the mailbox {who}")
        if self.status == 0 and name not in listed:
            self.books.accuse("lost", f"{name}, which was said to be added")
        if self.run(lambda: False, "control", "check") != 0:
            self.books.accuse("half", "control check afterwards")
        if name in listed and self.run(
                lambda: False, "user", "del", name) != 0:
            self.books.accuse("stuck", "culver user del afterwards")
        self.books.figures["done"] += 1


class Repair(Command):
    """A queue that was copied back, so that no file has the inode that its
    name says, is repaired and goes on: two messages with a journal, which ann
    has had, and two without."""

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.saved, self.messages, self.moment = {}, [], 0

    def save(self):
        """Make the queue that is restored round after round."""
        host, mail = self.host, Mail(self.host, self.seed)
        host.start(QUEUE)
        had = [Message(1, (FAR, ANN)), Message(2, (ANN, FAR))]
        mail.send(had)
        # The far host is dead once one of them has tried it, and is probed
        # when culver-send is told to try all.
        wait_for(host.poked(
            lambda: sum(b" ok r=" in text and b" defer r=" in text
                        for text in self.files("info").values()) == 2,
            signal.SIGALRM), "ok and defer in two journals")
        host.wanted = tuple(n for n in QUEUE if n != "send")
        host.poke(signal.SIGTERM)
        wait_for(lambda: host.keep_up() or "send" not in host.pids,
                 "culver-send to end")
        new = [Message(3, (ANN,)), Message(4, (BOB, ANN), 200000)]
        mail.send(new)
        host.kill()
        host.collect()
        assert all(m.state == "acked" for m in had + new)
        self.messages = [(m, (FAR,) if m in had else m.recipients)
                         for m in had + new]
        self.saved = {**self.files("mess"), **self.files("info")}
        self.moment = host.shift

    def files(self, kind):
        return {f: f.read_bytes()
                for f in (self.host.home / "queue" / kind).glob("*/*")}

    def prepare(self):
        """Copy it back; the seed decides who gets whose number."""
        self.host.kill()
        self.host.wanted = ()
        if not self.saved:
            self.save()
        # No older than it was, or it would be given up.
        self.host.turn_clock(self.moment)
        for kind in ("mess", "info"):
            for file in self.files(kind):
                file.unlink()
        owner = (self.host.home / "queue").stat()
        files = list(self.saved.items())
        random.Random(self.seed + self.turn).shuffle(files)
        for file, data in files:
            file.write_bytes(data)
            os.chown(file, owner.st_uid, owner.st_gid)
            file.chmod(0o640)
        self.turn += 1
        self.books.open = {}
        for message, to in self.messages:
            again = Message(message.number, to, 0)
            again.data, again.state = message.data, "acked"
            self.books.open[message.number] = again
        self.host.disk.sync()

    def act(self, over):
        self.run(over, "check", "--repair")

    def settle(self, over):
        """Repair again, whatever became of the first; then deliver."""
        status = 0
        if self.pid is not None:
            self.end(over)
        if not over() and "send" not in self.host.pids:
            status = self.run(over, "check", "--repair")
        if over():
            return
        if status != 0:
            if not self.host.tracer.armed:
                self.books.accuse("stuck", f"a repair that ends with {status}")
            return
        self.host.start(QUEUE, self.hasty)
        steps = SHORT_STEPS if self.hasty else STEPS
        if self.host.settle(over, steps):
            self.host.flush(over)

    def check(self):
        self.books.settle(self.host.collect())


SCENARIOS = {"queue": Mail, "remote": Remote, "pop3": Pop3,
             "control": Control, "users": Users, "repair": Repair}
