"""SMTP and LMTP hosts made of Python, for programs that send.

A Sink says what its script says and keeps every byte that it was sent.

    with Sink({"RCPT": ["250 ok", "450 later"], "EOD": "250 taken"}) as sink:
        ... sink.port ...
        sink.wait(lambda: sink.transactions)

The script has a reply for a verb (GREETING EHLO LHLO HELO STARTTLS AUTH MAIL RCPT
DATA BDAT RSET QUIT NOOP, and EOD for what follows the message; by LMTP one for
each recipient): a text, which may have several lines; a list, from which one is
taken each time, the last for ever; a function of (connection, argument); DROP,
to close without a word; a Pause, to wait for its event first.  What is not in
the script is answered as by a host that takes all.  offers are the lines of
EHLO behind the first, by default OFFERS.
"""
import collections
import socket
import ssl
import threading

from sendbed import PATIENCE, wait_for

OFFERS = ("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN",
          "ENHANCEDSTATUSCODES")
DROP = object()
DEFAULTS = {"GREETING": "220 sink.example", "HELO": "250 sink.example",
            "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on",
            "EOD": "250 taken", "RSET": "250 ok", "NOOP": "250 ok",
            "QUIT": "221 bye", "STARTTLS": "220 go on", "BDAT": "250 taken"}


class Pause:
    """The reply comes when go() was called."""

    def __init__(self, reply):
        self.reply, self.event = reply, threading.Event()

    def go(self):
        self.event.set()


class Gone(Exception):
    """The other end has closed, or this one wants to."""


Transaction = collections.namedtuple(
    "Transaction", "connection mail rcpts data chunked")


class Connection:
    """wire: all bytes that came, as they came (within TLS: decrypted);
    lines: the commands, without CR LF; peer: the other end's address; groups: commands that had come before
    the first of them was answered; quit: it ended by QUIT."""

    def __init__(self, sink, sock):
        self.sink, self.sock = sink, sock
        self.wire, self.buffer = b"", b""
        self.lines, self.groups = [], []
        self.tls = self.quit = False
        self.peer = None
        self.mail, self.rcpts, self.chunks = None, [], b""

    def fill(self):
        more = self.sock.recv(65536)
        if not more:
            raise Gone
        self.wire += more
        self.buffer += more

    def line(self):
        while b"\n" not in self.buffer:
            self.fill()
        line, self.buffer = self.buffer.split(b"\n", 1)
        assert line.endswith(b"\r"), line
        return line[:-1]

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def text(self):
        """What stands behind DATA, up to the end of data and without it,
        dots as they were sent."""
        while b"\r\n.\r\n" not in b"\r\n" + self.buffer:
            self.fill()
        data, self.buffer = (b"\r\n" + self.buffer).split(b"\r\n.\r\n", 1)
        return (data + b"\r\n")[2:]

    def say(self, reply, argument=b""):
        """What was said, b"" for nothing."""
        while not isinstance(reply, (str, bytes)):
            if reply is DROP:
                raise Gone
            if isinstance(reply, Pause):
                if not reply.event.wait(PATIENCE):
                    raise Gone
                reply = reply.reply
            else:
                reply = reply(self, argument)
        if isinstance(reply, bytes):  # as it is
            self.sock.sendall(reply)
            return reply
        lines = reply.split("\n")
        out = "".join("%s%s%s\r\n" % (line[:3],
                                      "-" if i + 1 < len(lines) else " ",
                                      line[4:])
                      for i, line in enumerate(lines))
        self.sock.sendall(out.encode())
        return out.encode()

    def hello(self, verb):
        if verb == "HELO":
            return self.sink.reply("HELO")
        offers = self.sink.offers_tls if self.tls else self.sink.offers
        return self.sink.reply(
            verb, "\n".join(["250 sink.example"] +
                            ["250 " + offer for offer in offers]))

    def end_message(self, data, chunked, verb):
        self.sink.transactions.append(Transaction(
            self, self.mail, list(self.rcpts), data, chunked))
        count = len(self.rcpts) if self.sink.lmtp else 1
        self.mail, self.rcpts, self.chunks = None, [], b""
        for _ in range(count):
            self.say(self.sink.reply(verb))

    def do_data(self):
        said = self.say(self.sink.reply("DATA"))
        if said.startswith(b"3"):
            self.end_message(self.text(), False, "EOD")

    def do_bdat(self, argument):
        count, *last = argument.split()
        self.chunks += self.take(int(count))
        if last:
            self.end_message(self.chunks, True, "BDAT")
        else:
            self.say("250 go on")

    def do_starttls(self):
        if self.say(self.sink.reply("STARTTLS")).startswith(b"220"):
            self.start_tls()

    def start_tls(self):
        if self.sink.context is None:
            raise Gone
        self.sock = self.sink.context.wrap_socket(self.sock, server_side=True)
        self.tls = True
        self.mail, self.rcpts = None, []

    def out_of_order(self, verb):
        """A transaction within another, or RCPT outside of one."""
        return verb in ("MAIL", "RCPT") and \
            (verb == "MAIL") == (self.mail is not None)

    def command(self):
        waiting = self.buffer.count(b"\n")
        line = self.line()
        self.lines.append(line)
        self.groups.append(max(waiting, self.buffer.count(b"\n") + 1))
        verb, _, argument = line.partition(b" ")
        verb = verb.decode().upper()
        if verb in ("EHLO", "LHLO", "HELO"):
            self.mail, self.rcpts = None, []
            self.say(self.hello(verb))
        elif verb == "DATA":
            self.do_data()
        elif verb == "BDAT":
            self.do_bdat(argument)
        elif verb == "STARTTLS":
            self.do_starttls()
        elif self.out_of_order(verb):
            self.say("503 5.5.1 not now")
        else:
            said = self.say(self.sink.reply(verb), argument)
            if verb == "MAIL" and said.startswith(b"2"):
                self.mail, self.rcpts = argument, []
            if verb == "RCPT" and said.startswith(b"2"):
                self.rcpts.append(argument)
            if verb == "RSET":
                self.mail, self.rcpts = None, []
            if verb == "QUIT":
                self.quit = True
                raise Gone
            if said.startswith(b"421"):
                raise Gone

    def serve(self):
        try:
            if self.sink.implicit:
                self.start_tls()
            said = self.say(self.sink.reply("GREETING"))
            if said.startswith(b"421"):
                raise Gone
            while True:
                self.command()
        except (Gone, OSError, ssl.SSLError):
            pass
        finally:
            self.sock.close()


class Sink:
    """context: of TLS; offers_tls: what is offered within it."""

    def __init__(self, script=None, offers=OFFERS, lmtp=False, context=None,
                 offers_tls=None, implicit=False, host="127.0.0.1", port=0):
        self.script = dict(script or {})
        self.offers, self.lmtp = tuple(offers), lmtp
        self.context, self.implicit = context, implicit
        self.offers_tls = self.offers if offers_tls is None else offers_tls
        if context is not None and not implicit:
            self.offers += ("STARTTLS",)
        self.connections, self.transactions, self.threads = [], [], []
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((host, port))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()

    def reply(self, verb, default=None):
        with self.lock:
            found = self.script.get(verb, default or DEFAULTS.get(
                verb, "502 5.5.1 what?"))
            if isinstance(found, list):
                found = found.pop(0) if len(found) > 1 else found[0]
            return found

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(PATIENCE)
            # It answers at once, though each reply is a packet of its own.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self, sock)
            connection.peer = sock.getpeername()[0]
            thread = threading.Thread(target=connection.serve)
            self.connections.append(connection)
            self.threads.append(thread)
            thread.start()

    def wait(self, what):
        return wait_for(what)

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join()
        self.listener.close()
        for value in self.script.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Pause):
                    one.go()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
