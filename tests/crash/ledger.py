#!/usr/bin/python3
"""The ledger: 100,000 messages under full load, a process of the suite killed
every 100 ms, and each message accounted for in the end.

Prints one JSON object; exits 1 when a figure of it is not what it must be.

No message may be held.  Kills do bring that about in principle: five deaths
running with a message in hand, without a result of any kind (a deferral, too,
begins the count anew).  But a message is in hand for milliseconds, and about
one attempt of a hundred meets a kill: five running are not met in 100,000
messages.  Nobody releases what is held, so a run in which it happens fails:
"held" says how many, and they are lost, too, since nobody has them.
"""
import argparse
import collections
import ctypes
import hashlib
import json
import mmap
import multiprocessing
import os
import poplib
import signal
import socket
import subprocess
import sys
import tempfile
import time

import ledgermail
from ledgerhost import Host
from ledgermail import ACKNOWLEDGED, REFUSED, UNSURE, UNUSED

CLIENTS = 8
QUICK = 4000
TICK = 0.1      # seconds between two kills
PUSH = 2.5      # seconds between two pushes for what was deferred
TURNS = 200     # messages of a connection
SILENCE = 60    # seconds that a client waits for a reply; then it is stuck
DRAIN = 120     # seconds without progress: the queue does not become empty
KILLING = 140   # seconds that the killing goes on at most after the load
QUICK_KILLING = 8
HOURS = 100     # that the clocks go on at most: less than queuelifetime
MOVED = ledgermail.USERS[:8]  # their reader moves files from new/ to cur/
MUST_BE_NONE = ("lost", "half", "twice", "bounced_and_delivered", "wrong",
                "notice_often", "held", "queued", "journals", "crashed",
                "refused", "stuck")


class Ended(Exception):
    """The connection is of no more use."""


class Client:
    """One SMTP session after another, until its share is acknowledged.

    The numbers are dealt to the clients in turn; state has a byte for each
    number, in memory that all processes share.  What must not be is told.
    """

    def __init__(self, host, seed, index, share, state, tell):
        self.host, self.seed, self.share = host, seed, share
        self.number, self.state, self.tell = index, state, tell
        self.sock = self.lines = None

    def run(self):
        while self.share > 0:
            try:
                self._session()
            except TimeoutError:
                self.tell("stuck", self.number)
            except (OSError, Ended):
                time.sleep(0.02)
            if self.sock is not None:
                self.sock.close()

    def _reply(self):
        """The code of the next reply; 5xx is never right."""
        line = b"   -"
        while line[3:4] == b"-":
            line = self.lines.readline()
            if not line.endswith(b"\n"):
                raise Ended
        if line.startswith(b"5"):
            self.tell("refused", self.number, line)
        return int(line[:3])

    def _expect(self, *codes):
        for code in codes:
            if self._reply() != code:
                raise Ended

    def _session(self):
        self.sock = socket.create_connection(
            ("127.0.0.1", self.host.smtp), SILENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.sock.makefile("rb")
        self._expect(220)
        self.sock.sendall(b"EHLO client.example\r\n")
        self._expect(250)
        self._messages()
        self.sock.sendall(b"QUIT\r\n")
        self._expect(221)

    def _messages(self):
        """A body and the next message's envelope go together."""
        body, before = b"", None
        for _ in range(TURNS):
            if self.share <= (before is not None):
                break
            what, text = ledgermail.message(self.seed, self.number)
            to = ledgermail.recipients(what)
            self.sock.sendall(body + b"".join(
                [b"MAIL FROM:<%s>\r\n" % what.sender.encode(),
                 *(b"RCPT TO:<%s>\r\n" % one.encode() for one in to),
                 b"DATA\r\n"]))
            self._settle(before)
            before = None
            self._expect(250, *[250] * len(to), 354)
            before, body = self.number, ledgermail.wire(text)
            self.state[before] = UNSURE
            self.number += CLIENTS
        if before is not None:
            self.sock.sendall(body)
            self._settle(before)

    def _settle(self, number):
        if number is None:
            return
        if self._reply() == 250:
            self.state[number] = ACKNOWLEDGED
            self.share -= 1
        else:
            self.state[number] = REFUSED


def move(host):
    """A mail reader: what is in new/ goes to cur/."""
    while True:
        for box in MOVED:
            new = host.maildir(box) / "new"
            for name in os.listdir(new):
                os.rename(new / name, new.parent / "cur" / (name + ":2,S"))
        time.sleep(0.05)


def read_pop(host, seed, tell):
    """Read the newest messages of a mailbox; each must be whole."""
    while True:
        try:
            pop = poplib.POP3("127.0.0.1", host.pop3, SILENCE)
            pop.user(f"{ledgermail.POP}@{ledgermail.DOMAIN}")
            pop.pass_("secret")
            count = pop.stat()[0]
            for number in range(max(1, count - 5), count + 1):
                data = b"\n".join(pop.retr(number)[1]) + b"\n"
                verdict = ledgermail.judge(seed, data)
                if verdict[0] != "whole":
                    tell("wrong", number, repr(verdict).encode())
            time.sleep(0.2)  # as long as people take
            pop.quit()
        except (OSError, poplib.error_proto):
            time.sleep(0.05)


def judge_box(what):
    """What lies in a mailbox."""
    box, maildir, seed = what
    found = []
    for part in ("new", "cur"):
        for entry in os.scandir(os.path.join(maildir, part)):
            with open(entry.path, "rb") as f:
                found.append(ledgermail.judge(seed, f.read()))
    return box, found


class Ledger:
    """One run."""

    def __init__(self, args):
        self.args = args
        self.host = Host(ledgermail.MAILBOXES, args.where or "/var/tmp")
        self.state = mmap.mmap(-1, 4 * args.messages + 10000)
        self.ends = os.pipe2(os.O_NONBLOCK)
        self.told = collections.defaultdict(list)
        self.clients = set()
        self.next_kill = self.next_push = self.next_hour = 0.0
        self.hours = 0

    def tell(self, what, number, text=b""):
        """To the first process, at once and whole: it is a short line."""
        os.write(self.ends[1], b"%s %d %s\n" % (
            what.encode(), number, text.strip()[:200]))

    def _hear(self):
        try:
            for line in os.read(self.ends[0], 65536).splitlines():
                what, rest = line.decode(errors="replace").split(" ", 1)
                self.told[what].append(rest)
        except BlockingIOError:
            pass

    def _fork(self, work, *args):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
                work(*args)
                code = 0
            finally:
                os._exit(code)
        self.host.others.add(pid)
        return pid

    # The mailboxes that come late

    def _away(self, box):
        folder = self.host.maildir(box)
        return folder, folder.with_name("later")

    def hide(self):
        for box in ledgermail.LATE:
            folder, later = self._away(box)
            folder.rename(later)

    def show(self, count):
        for box in ledgermail.LATE[:count]:
            folder, later = self._away(box)
            if later.exists():
                later.rename(folder)

    # Load and kills

    def load(self):
        each, more = divmod(self.args.messages, CLIENTS)
        for i in range(CLIENTS):
            client = Client(self.host, self.args.seed, i, each + (i < more),
                            self.state, self.tell)
            self.clients.add(self._fork(client.run))
        self._fork(move, self.host)
        self._fork(read_pop, self.host, self.args.seed, self.tell)
        while self.clients & self.host.others:
            self._turn(True)
            if self.acknowledged() * 2 > self.args.messages:
                self.show(1)

    def _turn(self, killing):
        self.host.look_after()
        self._hear()
        now = time.monotonic()
        if killing and now >= self.next_kill:
            self.next_kill = max(self.next_kill + TICK, now - TICK)
            self.host.end_one(self.args.seed)
        if now >= self.next_push:
            self.next_push = now + PUSH
            self.host.signal("send", signal.SIGALRM)
            self._show_progress()
        time.sleep(0.02)

    def drain(self):
        """Until the queue is empty.

        The killing goes on until little but deferred mail is left, or for
        long.  Then such mail becomes due: the clocks go on, hour by hour.
        """
        self.show(len(ledgermail.LATE))
        long = QUICK_KILLING if self.args.quick else KILLING
        begun = progress = time.monotonic()
        look, least, few, empty = begun, sys.maxsize, False, 0
        while empty < 3 and time.monotonic() < progress + DRAIN:
            now = time.monotonic()
            self._turn(not few and now < begun + long)
            if now < look:
                continue
            left = self.host.queue() + len(self.host.journals())
            empty = 0 if left else empty + 1
            look = now + (0.25 if left < 1000 else PUSH)
            few = few or left <= 2 * self.args.messages // 100
            if left < least:
                least, progress = left, now
            if few and self.hours < HOURS and now > self.next_hour:
                self.next_hour = now + PUSH
                self.hours += 1
                self.host.set_clock(self.hours * 3600)

    # Progress and the account

    def acknowledged(self):
        return self.state[:].count(ACKNOWLEDGED)

    def _show_progress(self):
        if sys.stderr.isatty():
            print("\rledger: %d of %d acknowledged, %d queued, %d killed " % (
                self.acknowledged(), self.args.messages, self.host.queue(),
                sum(self.host.kills.values())), end="", file=sys.stderr)

    def account(self):
        fates = ledgermail.Fates(self.args.seed)
        boxes = [(box, str(self.host.maildir(box)), self.args.seed)
                 for box in ledgermail.MAILBOXES]
        with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
            for box, found in pool.imap_unordered(judge_box, boxes):
                for verdict in found:
                    fates.found(box, verdict)
        return fates.sum_up(self.state[:])

    def run(self):
        begun = time.monotonic()
        self.hide()
        self.host.start()
        self.load()
        loaded = time.monotonic()
        self.drain()
        host, state = self.host, self.state[:]
        self._hear()
        host.tell_crashes()
        result = {
            "messages": len(state) - state.count(UNUSED),
            "acknowledged": state.count(ACKNOWLEDGED),
            "unsure": state.count(UNSURE),
            "refused_for_now": state.count(REFUSED),
            "kills": sum(host.kills.values()),
            "kills_by_role": {" ".join(r): n
                              for r, n in sorted(host.kills.items())},
            "roles_drawn": hashlib.sha256(
                repr(host.order[:50]).encode()).hexdigest()[:16],
            "queued": host.queue(), "journals": len(host.journals()),
            "held": host.held(), "crashed": host.crashes,
            "seconds_of_load": round(loaded - begun, 1)}
        host.stop()
        result.update(self.account())
        for what in ("refused", "stuck"):
            result[what] = self.told[what]
        result["wrong"] += self.told["wrong"]
        result["seconds"] = round(time.monotonic() - begun, 1)
        return result


def failures(result, messages):
    """The figures that are not what they must be."""
    bad = [key for key in MUST_BE_NONE if result[key]]
    if result["acknowledged"] != messages:
        bad.append("acknowledged")
    return bad


def in_memory(argv, messages):
    """Run on an ext4 in memory that ends with its mount namespace."""
    script = 'mount -o loop "$0/image" "$0/disk" && exec "$@"'
    with tempfile.TemporaryDirectory(
            dir="/dev/shm", prefix="culver-ledger.") as folder:
        os.chmod(folder, 0o755)
        os.mkdir(folder + "/disk")
        with open(folder + "/image", "wb") as image:
            image.truncate((256 << 20) + 8192 * messages)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-i", "4096",
                        folder + "/image"], check=True)
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private",
             "sh", "-c", script, folder, sys.executable, __file__,
             *argv, "--where", folder + "/disk"], check=False).returncode


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true",
                        help=f"{QUICK} messages")
    parser.add_argument("--where", metavar="FOLDER",
                        help="where the instance lies; without it and as "
                        "root on an ext4 in memory, else in /var/tmp")
    args = parser.parse_args(argv)
    if args.quick:
        args.messages = QUICK
    if os.geteuid() == 0 and args.where is None:
        return in_memory(argv, args.messages)
    ledger = Ledger(args)
    try:
        result = ledger.run()
    finally:
        ledger.host.stop()
        ledger.host.remove()
    bad = failures(result, args.messages)
    for key in MUST_BE_NONE:
        if isinstance(result[key], list):
            for one in result[key][:20] if key in bad else []:
                print(f"{key}: {one}", file=sys.stderr)
            result[key] = len(result[key])
    result["notice_twice"] = len(result["notice_twice"])
    print(json.dumps(result))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
