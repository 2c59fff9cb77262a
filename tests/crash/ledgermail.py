"""The messages of the ledger: what each is made of, and what became of it.

Everything about a message follows from the seed and its number, so that
nothing of it is kept while it travels.
"""
import base64
import collections
import random

DOMAIN = "demo.example"
HOST = "mail." + DOMAIN
USERS = [f"u{n}" for n in range(56)]
SENDERS = [f"n{n}" for n in range(4)]  # they get the notices
LATE = ["late0", "late1"]              # their Maildirs come later
POP = "pop"                            # read by POP3 meanwhile
MAILBOXES = [*USERS, *SENDERS, *LATE, POP]

# What the client's socket has told of a number.
UNUSED, UNSURE, REFUSED, ACKNOWLEDGED = range(4)

MARK = b"X-Ledger: "
OURS = (b"Return-Path:", b"Delivered-To:", b"Received:", b" ", b"\t")

Plan = collections.namedtuple("Plan", "sender mailboxes nobody size")


def _plan(order, number):
    kind = order.random()
    user = order.choice(USERS)
    mailboxes, nobody, size = [user], None, order.randrange(50, 2000)
    if kind < 0.010:
        mailboxes, nobody = [], f"zz-{number}@{HOST}"
    elif kind < 0.015:
        nobody = f"zz-{number}@{HOST}"
    elif kind < 0.065:
        other = USERS[(USERS.index(user) + 1) % len(USERS)]
        mailboxes = [user, other]
    elif kind < 0.075:
        mailboxes = [order.choice(LATE)]
    elif kind < 0.080:
        mailboxes = [POP]
    elif kind < 0.081:
        size = 150000  # more than culver-queued keeps in memory
    return Plan(order.choice(SENDERS) + "@" + DOMAIN, mailboxes, nobody, size)


def plan(seed, number):
    """Who sends it to whom."""
    return _plan(random.Random(f"{seed} {number}"), number)


def message(seed, number):
    """Its Plan and its bytes, with LF line ends."""
    order = random.Random(f"{seed} {number}")
    what = _plan(order, number)
    lines = [MARK + b"%d" % number, b"Subject: ledger", b""]
    text = base64.b64encode(order.randbytes(what.size))
    for at in range(0, len(text), 72):
        # Dots in front are the client's and the server's affair.
        lines.append((b"." if at % 5 == 0 else b"") + text[at:at + 72])
    lines.append(b"end of %d\n" % number)
    return what, b"\n".join(lines)


def recipients(what):
    """The addresses of an envelope."""
    return [f"{box}@{DOMAIN}" for box in what.mailboxes] + \
        ([what.nobody] if what.nobody else [])


def wire(text):
    """The bytes between DATA and its reply."""
    return text.replace(b"\n.", b"\n..").replace(b"\n", b"\r\n") + b".\r\n"


def judge(seed, data):
    """What a delivered file is: ("whole", number), ("notice", number, failed
    addresses), ("half", why) or ("wrong", why)."""
    at = data.find(MARK)
    if at < 0:
        return "half", "no number in it"
    number = data[at + len(MARK):].split(b"\n", 1)[0]
    if not number.isdigit():
        return "half", "half a number"
    if b"MAILER-DAEMON" in data[:at] and b"Return-Path: <>" in data[:at]:
        return _judge_notice(data, int(number))
    for line in data[:at].splitlines():
        if not line.startswith(OURS):
            return "wrong", "a strange line: %r" % line[:60]
    want = message(seed, int(number))[1]
    if data[at:] == want:
        return "whole", int(number)
    if want.startswith(data[at:]):
        return "half", "%d ends early" % int(number)
    return "wrong", "%d has other bytes" % int(number)


def _judge_notice(data, number):
    ends = data.rstrip().endswith(b"--")
    if not ends or b"\nend of %d\n" % number not in data:
        return "half", "the notice of %d ends early" % number
    failed = [line[1:-2].decode() for line in data.splitlines()
              if line.startswith(b"<") and line.endswith(b">:")]
    return "notice", number, failed


class Fates:
    """What was found of each number, against what the clients heard."""

    def __init__(self, seed):
        self.seed = seed
        self.delivered = collections.Counter()  # (number, mailbox)
        self.notices = collections.Counter()    # (number, address)
        self.half, self.wrong = [], []

    def found(self, mailbox, verdict):
        """A file of a mailbox, as judge() names it."""
        kind = verdict[0]
        if kind == "whole":
            self.delivered[verdict[1], mailbox] += 1
        elif kind == "notice" and mailbox in SENDERS:
            for address in verdict[2]:
                self.notices[verdict[1], address] += 1
            if not verdict[2]:
                self.wrong.append("a notice of %d about nobody" % verdict[1])
        elif kind == "notice":
            self.wrong.append(f"a notice in the mailbox {mailbox}")
        else:
            (self.half if kind == "half" else self.wrong).append(
                f"{mailbox}: {verdict[1]}")

    def sum_up(self, state):
        """The figures; state tells of each number what its client heard."""
        f = {"lost": [], "twice": [], "bounced_and_delivered": [],
             "half": self.half, "wrong": self.wrong,
             "notice_twice": [], "notice_often": [],
             "unsure_delivered": 0, "refused_delivered": 0}
        for number, heard in enumerate(state):
            if heard != UNUSED:
                self._one(number, heard, f)
        for number, box in self.delivered:
            f["wrong"].append(f"{number} for {box}, whom it was not sent to")
        for number, address in self.notices:
            f["wrong"].append(f"{number}: a notice about {address}")
        return f

    def _one(self, number, heard, f):
        """One message; what is accounted for is taken out."""
        what = plan(self.seed, number)
        missing, there = [], False
        for box in what.mailboxes:
            times = self.delivered.pop((number, box), 0)
            bounced = self.notices.pop((number, f"{box}@{DOMAIN}"), 0)
            if times > 1:
                f["twice"].append(f"{number} for {box}")
            if bounced and times:
                f["bounced_and_delivered"].append(f"{number} for {box}")
            elif bounced:
                f["wrong"].append(f"{number} was bounced for {box}")
            elif times == 0:
                missing.append(f"{number} for {box}")
            there = there or times + bounced > 0
        if what.nobody:
            times = self.notices.pop((number, what.nobody), 0)
            if times == 0:
                missing.append(f"the notice of {number}")
            elif times > 1:
                f["notice_twice" if times == 2 else "notice_often"].append(
                    str(number))
            there = there or times > 0
        # Who was told neither yes nor no has all of its recipients or none.
        if heard == ACKNOWLEDGED or there:
            f["lost"] += missing
        if heard != ACKNOWLEDGED and there:
            key = "unsure" if heard == UNSURE else "refused"
            f[key + "_delivered"] += 1
