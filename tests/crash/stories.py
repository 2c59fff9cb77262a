"""Scenarios that are each about one promise, with a fixed mix of mail, for
those defects which an ordinary round can hide.

What has new mail is read before anything that died is started again, as by
a reader who does not wait for us; and what leaves the queue only after clocks
were moved PROMPT seconds was waiting for a listing that comes by chance.
"""
import os
import pathlib
import signal

from host import MAILBOXES, QUEUE, SHORT_STEPS, wait_for
from mail import ANN, BOB, FORWARD, LATE, NOBODY, NUMBER, damaged
from scenarios import Command, Mail, Remote
from sink import LATER, MUTE, OTHER, REFUSED, TAKEN

PROMPT = 900   # seconds of the host's clock: far less than DISCOVER_AGAIN
LARGE = 200000


NOTICE = b"\nF\0"  # an envelope without a sender begins so


class Story(Mail):
    """One message to one mailbox."""

    MIX = [[((ANN,), 0)]]

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.mix = self.MIX
        host.mend = self.mend

    def mend(self):
        """Before what died is started again: new mail is read, and stays."""
        for address in (*MAILBOXES, LATE):
            folder = self.host.maildir(address)
            if not folder.exists():
                continue
            for name in os.listdir(folder / "new"):
                (folder / "new" / name).rename(folder / "cur" / f"{name}:2,S")
        self.host.disk.sync()

    def settle(self, over):
        begun = self.host.shift

        def late():
            return self.host.shift - begun > PROMPT * 1000000
        if self.host.settle(lambda: over() or late(), SHORT_STEPS):
            self.host.flush(over)
        elif not over() and not self.hasty:
            for number in self.waiting():
                self.books.accuse("waits", f"message {number}")
            for name in damaged(self.host.home / "queue/mess"):
                self.books.accuse("half", f"queue/mess/{name}")
            if not self.books.wrong:
                super().settle(over)

    def waiting(self):
        """The acknowledged messages that are in the queue.  What nobody was
        told of may wait for the next listing."""
        for file in (self.host.home / "queue/mess").glob("*/*"):
            data = file.read_bytes()
            found = NUMBER.search(data)
            message = found and self.books.open.get(int(found.group(1)))
            if (message and message.state == "acked"
                    and NOTICE not in data):
                yield message.number

    def until(self, what, over):
        """Move the clock bit by bit, while nothing else moves, until what(),
        over() or a while."""
        begun, seen = self.host.shift, None

        def done():
            nonlocal seen
            if what() or over() or (
                    self.host.shift - begun > PROMPT * 1000000):
                return True
            # A signal kills one that has just begun.
            state = self.host.idle() if self.host.up() else None
            if state is not None and state == seen:
                self.host.tick(10)
                self.host.poke()
                state = None
            seen = state
            return False
        wait_for(done, "what the story needs")


class Large(Story):
    """A message that is read in pieces."""

    MIX = [[((BOB,), LARGE)]]


class Several(Story):
    """Three at once, so that each syncs what another has not."""

    MIX = [[((ANN,), 0), ((BOB,), 0), ((ANN,), 0)]]


class Forward(Story):
    """A message that culver-local hands to culver-queued again."""

    MIX = [[((FORWARD,), 0)]]


class Bounce(Story):
    """A message whose sender is told, and nobody else."""

    MIX = [[((NOBODY,), 0)]]


class Late(Story):
    """Its mailbox is made as soon as something has died: who has been told
    that there is none gets nothing into it any more."""

    MIX = [[((LATE,), 0)]]

    def file(self):
        return self.host.home / "alias/.qmail-late"

    def prepare(self):
        self.file().unlink(missing_ok=True)
        self.host.disk.sync()

    def mend(self):
        if self.host.home.exists():
            self.file().write_text("./late/\n")
        super().mend()


class Partial(Story):
    """Ann has hers, which is written down, and has taken it away; bob's
    mailbox is not there yet.  She gets it no second time."""

    MIX = [[((ANN, BOB), 0)]]

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.taken = []

    def away(self):
        return self.host.maildir(BOB).with_name("away")

    def prepare(self):
        if not self.away().exists():
            self.host.maildir(BOB).rename(self.away())
        self.host.disk.sync()

    def names(self):
        new = self.host.maildir(ANN) / "new"
        return [f for part in ("new", "cur")
                for f in (new.parent / part).iterdir()]

    def act(self, over):
        super().act(over)
        if not any(m.state == "acked" for m in self.books.open.values()):
            return
        self.until(self.names, over)
        if not over():
            self.host.flush(over)
        # What was done within a second of a death may be done again.
        if not over() and not self.host.tracer.struck_dead():
            self.take()

    def take(self):
        for file in self.names():
            self.taken.append((ANN, file.read_bytes()))
            file.unlink()
        self.host.disk.sync()

    def settle(self, over):
        """Another attempt while bob is away, then one that reaches him."""
        if self.away().exists():
            self.host.poke()
            self.host.flush(over)
            if over():
                return
            self.away().rename(self.host.maildir(BOB))
        super().settle(over)

    def mend(self):
        if self.away().exists():
            self.away().rename(self.host.maildir(BOB))
        super().mend()

    def check(self):
        self.books.settle(self.host.collect() + self.taken)
        self.taken = []


class Torn(Partial):
    """As Partial; but all dies, the journal ends in half a line that never
    reached the disk whole, and only then ann's is written down."""

    def prepare(self):
        super().prepare()
        self.hidden = self.host.maildir(ANN).with_name("hidden")
        if not self.hidden.exists():
            self.host.maildir(ANN).rename(self.hidden)

    def names(self):
        return super().names() if self.host.maildir(ANN).exists() else []

    def journals(self):
        return [f for f in (self.host.home / "queue/info").glob("*/*")
                if f.stat().st_size > 0]

    def act(self, over):
        Mail.act(self, over)
        self.until(self.journals, over)
        self.host.flush(over)
        self.host.kill()
        for file in self.journals():
            with open(file, "ab") as f:
                f.write(b"1700000000.000000 ok r=0 ")
        self.hidden.rename(self.host.maildir(ANN))
        self.host.disk.sync()
        self.host.start(self.wanted)
        self.until(self.names, over)
        self.host.flush(over)
        self.host.tracer.listen(0)
        if self.host.tracer.hit is None:  # else it may be in flight
            self.take()


class Stale(Story):
    """While culver-send is dead others get the numbers of messages that it
    was removing, and whose journals are there; so many that it does not
    matter which of them files in a Maildir have got."""

    MIX = [[((NOBODY,), 0)] * 4]
    NEW = [((ANN,), 0)] * 8

    def act(self, over):
        super().act(over)
        host = self.host

        def removed():
            host.tracer.listen(0)
            if host.tracer.hit or over() or not host.listing():
                return True
            host.tick(1)
            host.poke()
            return False
        wait_for(removed, "the removal")
        if host.tracer.hit and not over():
            self.send([self.books.message(*shape) for shape in self.NEW])


class Kept(Story):
    """A program keeps the descriptor of every message that was delivered, and
    reads what others get in none of them."""

    MIX = [[((ANN,), 0), ((BOB,), 0)]]

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.kept = []

    def act(self, over):
        """They wait in the queue until they are opened."""
        host = self.host
        host.wanted = tuple(n for n in self.wanted if n != "send")
        host.poke(signal.SIGTERM)
        wait_for(lambda: over() or host.keep_up() or "send" not in host.pids,
                 "culver-send to end")
        super().act(over)
        for file in (host.home / "queue/mess").glob("*/*"):
            fd = os.open(file, os.O_RDONLY)
            self.kept.append((fd, os.pread(fd, LARGE, 0)))
        host.wanted = self.wanted
        if not over():
            host.start(self.wanted)

    def check(self):
        super().check()
        for fd, data in self.kept:
            if os.pread(fd, LARGE, 0) != data:
                self.books.accuse("seen by another", "the next message")
        assert self.kept


class Inject(Command, Story):
    """A message by culver-queue, which a program would run."""

    wanted, mend = QUEUE, Story.mend

    def __init__(self, host, seed):
        Story.__init__(self, host, seed)
        self.files = pathlib.Path(host.logs).parent

    def prepare(self):
        pass

    def act(self, over):
        message = self.books.message()
        (self.files / "message").write_bytes(message.data)
        (self.files / "envelope").write_bytes(b"F%s\0T%s\0\0" % (
            message.sender.encode(), ANN.encode()))
        message.state = "unsure"
        status = self.ended(over, "/bin/sh", "-c",
                            'exec "$0" <"$1" 1<"$2"',
                            str(self.host.programs / "culver-queue"),
                            str(self.files / "message"),
                            str(self.files / "envelope"))
        if status == 0:
            message.state = "acked"

    settle = Story.settle
    probe = Story.probe
    check = Story.check


class Away(Remote):
    """Jobs for several recipients at another host, each of whom has a fate of
    his own."""

    MIX = [[((TAKEN, OTHER), 0)], [((OTHER, REFUSED, TAKEN), 0)],
           [((TAKEN, LATER), 0)], [((MUTE, OTHER), 0)]]

    def __init__(self, host, seed):
        super().__init__(host, seed)
        self.mix = self.MIX


STORIES = {"one": Story, "large": Large, "several": Several,
           "forward": Forward, "bounce": Bounce, "late": Late,
           "partial": Partial, "torn": Torn, "stale": Stale, "kept": Kept,
           "inject": Inject, "away": Away}
