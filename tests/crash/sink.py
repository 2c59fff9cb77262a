"""Another host: an SMTP server within the harness, which outlives every crash
of the instance and remembers what it has acknowledged; see class Sink.
"""
import collections
import re
import selectors
import socket
import threading

DOMAIN = "sink.example"
TAKEN = "taken@" + DOMAIN      # accepted at once
OTHER = "other@" + DOMAIN      # the same
REFUSED = "refused@" + DOMAIN  # 550 to RCPT
LATER = "later@" + DOMAIN      # 451 to every other RCPT, the first too
SPOILT = "spoilt@" + DOMAIN    # 554 to the message
FULL = "full@" + DOMAIN        # 452 to every other message, the first too
MUTE = "mute@" + DOMAIN        # hangs up on the first of three messages, takes
                               # the second without a reply, and the third
ADDRESS = re.compile(rb"(?:MAIL FROM|RCPT TO):<([^<>]*)>", re.I)
MOST = 1 << 20                 # bytes of a line, and of a message

# A message for one recipient; heard: it was told that it is taken.
Taken = collections.namedtuple("Taken", "to data heard")


class Session:
    """One connection, told what it receives."""

    def __init__(self, sink, sock):
        self.sink, self.sock = sink, sock
        self.pending, self.body, self.to = b"", None, []
        self.say(b"220 sink.example ESMTP")

    def say(self, line):
        """Answer; whether the system took it, which is all one can know."""
        try:
            return self.sock.send(line + b"\r\n") == len(line) + 2
        except OSError:
            return False

    def receive(self):
        """What has come; False when the connection is of no more use."""
        try:
            more = self.sock.recv(65536)
        except OSError:
            return False
        self.pending += more
        on = bool(more)
        while on and b"\r\n" in self.pending:
            line, self.pending = self.pending.split(b"\r\n", 1)
            on = self.line(line)
        return on and len(self.pending) <= MOST

    def line(self, line):
        if self.body is None:
            return self.command(line)
        if line == b".":
            data, self.body = b"\r\n".join([*self.body, b""]), None
            return self.message(data)
        self.body.append(line[1:] if line.startswith(b".") else line)
        return sum(map(len, self.body[-1:])) <= MOST

    def command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            self.say(b"250-sink.example\r\n250-PIPELINING\r\n"
                     b"250-ENHANCEDSTATUSCODES\r\n250 8BITMIME")
        elif verb in (b"MAIL", b"RSET"):
            self.to = []
            self.say(b"250 2.1.0 yes")
        elif verb == b"RCPT":
            self.recipient(ADDRESS.match(line))
        elif verb == b"DATA" and self.to:
            self.body = []
            self.say(b"354 go on")
        elif verb == b"DATA":
            self.say(b"503 5.5.1 for nobody")
        elif verb == b"QUIT":
            self.say(b"221 2.0.0 bye")
            return False
        else:
            self.say(b"500 5.5.2 what")
        return True

    def recipient(self, match):
        to = match[1].decode() if match else ""
        if to == REFUSED:
            self.say(b"550 5.1.1 nobody of that name")
        elif to == LATER and self.sink.is_odd(to):
            self.say(b"451 4.2.1 not yet")
        else:
            self.to.append(to)
            self.say(b"250 2.1.5 yes")

    def message(self, data):
        """The end of one.  What is taken is remembered before it is said."""
        if SPOILT in self.to:
            self.say(b"554 5.6.0 not that")
            return True
        if FULL in self.to and self.sink.is_odd(FULL):
            self.say(b"452 4.3.1 no room")
            return True
        mute = MUTE in self.to and self.sink.turn(MUTE) % 3
        if mute == 1:
            return False
        at = len(self.sink.taken)
        self.sink.taken += [Taken(to, data, False) for to in self.to]
        if mute or not self.say(b"250 2.0.0 taken"):
            return False
        self.sink.taken[at:] = [t._replace(heard=True)
                                for t in self.sink.taken[at:]]
        return True


class Sink:
    """Listens at 127.0.0.1:port, in a thread of its own.

    taken holds what it is responsible for, message by message and recipient
    by recipient; bytes are those of the wire, without the dots.
    """

    def __init__(self):
        self.lock, self.taken = threading.Lock(), []
        self.turns = collections.Counter()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.wake, self.waker = socket.socketpair()
        self.all = selectors.DefaultSelector()
        self.all.register(self.listener, selectors.EVENT_READ)
        self.all.register(self.wake, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def turn(self, to):
        """How often it was asked."""
        self.turns[to] += 1
        return self.turns[to]

    def is_odd(self, to):
        """Every other time."""
        return self.turn(to) % 2 == 1

    def serve(self):
        while True:
            self.all.select()
            with self.lock:
                for key, _ in self.all.select(0):
                    if key.fileobj is self.wake:
                        return
                    self.hear(key)

    def hear(self, key):
        if key.data is not None:
            if not key.data.receive():
                self.all.unregister(key.fileobj)
                key.fileobj.close()
            return
        try:
            sock, _ = self.listener.accept()
        except OSError:
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.all.register(sock, selectors.EVENT_READ, Session(self, sock))

    def idle(self):
        """Nobody waits for an answer of ours."""
        with self.lock:
            return not self.all.select(0)

    def collect(self):
        """What was taken since the last time."""
        with self.lock:
            found, self.taken = self.taken, []
        return found

    def close(self):
        self.waker.send(b"x")
        self.thread.join()
        for key in list(self.all.get_map().values()):
            key.fileobj.close()
        self.all.close()
        self.waker.close()
