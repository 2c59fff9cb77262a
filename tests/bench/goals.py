"""What is wanted of each scenario of the bench, and where a run says it.

A goal compares culver's figure with another server's, or with a limit.  least
is how many times the other's it must be, most the part of it that it may be.
"""
import statistics


class Goal:
    def __init__(self, what, scenario, take, against=None, least=None,
                 most=None, of="culver"):
        self.of = of
        self.what, self.scenario, self.take = what, scenario, take
        self.against, self.least, self.most = against, least, most

    def row(self, ours, theirs):
        seen = ours / theirs if self.against else ours
        wanted = self.most if self.least is None else self.least
        met = seen >= wanted if self.most is None else seen <= wanted
        return {"what": self.what, "scenario": self.scenario, "ours": ours,
                "theirs": theirs, "against": self.against, "is": seen,
                "sign": ">=" if self.most is None else "<=", "goal": wanted,
                "met": met}


def where(lines, *words, **values):
    """The lines with these words in which these keys have these values."""
    found = [f for f in lines if all(w in f["line"] for w in words) and
             all(f.get(k) == v for k, v in values.items())]
    assert found, f"nothing of {words} {values} in what the bench said"
    return found


def middle(key, *words, **values):
    """Of a round: the median of key in those lines."""
    return lambda lines: statistics.median(
        f[key] for f in where(lines, *words, **values))


def sent(sessions, mode, key="e2e_per_s"):
    return middle(key, "n=", sessions=sessions, mode=mode)


def shaken(mode):
    """By STARTTLS, a connection for each message: mode is full or resumed."""
    return middle("e2e_per_s", "n=", sessions=50, mode=mode)


def cpu(lines):
    return statistics.median(f["user_ms"] + f["sys_ms"] for f in
                             where(lines, "n=", sessions=10, mode="-d"))


def syncs(lines):
    one, = where(lines, "inbound mode=-d")
    return one["fsync"] + one["fdatasync"]


def of_disk(lines):
    """Messages by half of the durable files that four writers make."""
    files = statistics.mean(float(str(f["rate"]).split("/")[0])
                            for f in where(lines, "disk-now", procs=4))
    return sent(10, "-d")(lines) / (files / 2)


def bytes_each(lines):
    """Private memory of the scheduler for a message of the queue."""
    before, = where(lines, " before ")
    after, = where(lines, " settled ")

    def held(f):
        return int(f["line"].split("sched:")[1].split("pss_anon_kB=")[1]
                   .split()[0]) * 1024
    return (held(after) - held(before)) / after["queued"]


def of_listing(lines):
    return max(f["secs"] for f in where(lines, " list"))


GOALS = [
    Goal("SMTP to Maildir, 10 kept, /s", "inbound", sent(10, "-d"), "postfix",
         least=3),
    Goal("one connection each, 50 at once, /s", "inbound", sent(50, "single"),
         "postfix", least=3),
    Goal("1 session kept, /s", "inbound", sent(1, "-d"), "postfix", least=2),
    Goal("CPU of a message, ms", "inbound", cpu, "postfix", most=1 / 3),
    Goal("rate by half the disk's", "inbound", of_disk, least=0.6),
    Goal("system calls of a message", "cost",
         middle("syscalls", "inbound mode=-d"), most=80),
    Goal("fsyncs of a message", "cost", syncs, most=4.2),
    Goal("forks of a message", "cost",
         middle("sched_process_fork", "inbound mode=-d"), most=0.005),
    Goal("relay, /s", "relay", middle("e2e_per_s", "relayed="), "postfix",
         least=3),
    Goal("10 MiB, 4 sessions, MB/s", "large", middle("e2e_MB_per_s",
         sessions=4), "postfix", least=2),
    Goal("deferred: inject, /s", "queue", middle("per_s_if_complete",
         " inject "), "postfix", least=2),
    Goal("deferred: memory of a message, bytes", "queue", bytes_each, most=64),
    Goal("deferred: listing, s", "queue", of_listing, most=1),
    Goal("deferred: first after a flush, s", "queue",
         middle("first_after", " drain "), most=1),
    Goal("deferred: drain, /s", "queue", middle("per_s", " drain "), "postfix",
         least=2.5),
    Goal("POP3: first listing ever, s", "pop3",
         middle("login_stat_uidl_list", " first-ever "), "dovecot", most=1),
    Goal("POP3: listing, s", "pop3",
         middle("login_stat_uidl_list", " list "), "dovecot", most=0.5),
    Goal("POP3: short sessions, /s", "pop3",
         middle("per_s", "sess (10 messages"), "courier", least=4),
    Goal("POP3: short sessions, /s", "pop3",
         middle("per_s", "sess (10 messages"), "dovecot", least=8),
    Goal("POP3: RETR one by one, /s", "pop3",
         middle("msgs_per_s", "retr-quickack"), "dovecot", least=1.2),
    Goal("POP3: RETR pipelined, /s", "pop3",
         middle("msgs_per_s", "retr-pipelined"), "dovecot", least=1.2),
    Goal("STARTTLS, whole handshakes, /s", "starttls", shaken("full"),
         "postfix", least=2),
    Goal("STARTTLS, sessions go on, /s", "starttls", shaken("resumed"),
         "postfix", least=2),
    Goal("POP3S: short sessions, /s", "pop3s",
         middle("per_s", "n=", mode="full"), "dovecot", least=4),
    Goal("POP3S: the same, sessions go on, /s", "pop3s",
         middle("per_s", "n=", mode="resumed"), "dovecot", least=4),
    Goal("idle: processes", "idle", middle("procs", "idle-after-500"),
         "postfix", most=1),
    Goal("idle: PSS, kB", "idle", middle("pss_kB", "idle-after-500"),
         "postfix", most=1),
    Goal("with a million waiting, /s", "length", sent(10, "-d"), "few",
         least=0.95, of="many"),
]
