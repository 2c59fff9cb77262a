"""Any program may die at any moment: all mail arrives, none of it twice."""
import collections
import random
import re
import smtplib
import threading
import traceback

from conftest import DOMAIN, kill, wait_for

MESSAGES = 1000
SENDERS = 4
ANN = "ann@" + DOMAIN

# Listeners and schedulers first in the list of their kind, workers after.
VICTIMS = [("smtpd", 0), ("smtpd", 1), ("queued", 0), ("queued", 1),
           ("send", 0), ("lspawn", 0), ("local", 0), ("local", -1),
           ("rspawn", 0),
           ("bounce", 0), ("authd", 0), ("popup", 0)]


class Load:
    """Senders that go on whatever happens; who tells of what was said yes to.

    A message whose final reply never came, or says 4xx because the writer in
    the queue died before it answered, may or may not have been taken: it is
    sent again under a new number, and the old one is expected at most once.
    connect() gives a session that may send.
    """

    def __init__(self, instance, messages=MESSAGES, connect=None, to=ANN,
                 sender="bob@" + DOMAIN):
        self.instance, self.messages = instance, messages
        self.connect = connect or (lambda: instance.client(timeout=30))
        self.to, self.sender = to, sender
        self.lock = threading.Lock()
        self.next = 0
        self.acked, self.unsure, self.broken = set(), set(), []
        self.threads = [threading.Thread(target=self.work, daemon=True)
                        for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def number(self):
        with self.lock:
            if len(self.acked) >= self.messages:
                return None
            self.next += 1
            return self.next

    def work(self):
        try:
            self.talk()
        except BaseException as error:  # it has no other way to be seen
            self.broken.append(traceback.format_exc())
            raise error

    def progress(self, count):
        assert self.broken == []
        return len(self.acked) >= count

    def talk(self):
        client = None
        while (number := self.number()) is not None:
            body = b"Subject: test\r\n\r\nnumber %d\r\n" % number
            asked = False
            try:
                client = client or self.connect()
                client.mail(self.sender)
                code, _ = client.rcpt(self.to)
                assert code < 500, code
                if code != 250:
                    raise smtplib.SMTPException(code)
                if client.docmd("DATA")[0] != 354:
                    raise smtplib.SMTPException("no DATA")
                asked = True
                client.send(body + b".\r\n")
                code, _ = client.getreply()
                if code != 250:
                    assert 400 <= code < 500, code
                    raise smtplib.SMTPException(code)
                asked = False
                with self.lock:
                    self.acked.add(number)
            except (OSError, smtplib.SMTPException):
                if asked:
                    with self.lock:
                        self.unsure.add(number)
                if client is not None:
                    client.close()
                client = None


def numbers(instance):
    return collections.Counter(
        int(re.search(rb"number (\d+)\n$", m.read_bytes()).group(1))
        for m in instance.mails())


def test_all_arrive_and_none_twice_whatever_is_killed(make_instance):
    instance = make_instance(users=("ann:secret", "bob:hidden"))
    # A sanitizer looks for leaks in a process of its own, and would wait for
    # ever if we killed that.
    instance.env["ASAN_OPTIONS"] = "detect_leaks=0"
    instance.set_clock(0)
    instance.start()
    instance.keep_up()
    load = Load(instance)
    killed = collections.Counter()
    order = random.Random(2)
    round_size = MESSAGES // (2 * len(VICTIMS) + 2)
    for turn, (name, which) in enumerate(VICTIMS * 2):
        wait_for(lambda t=turn: load.progress((t + 1) * round_size), 120,
                 "messages to go on")
        pids = wait_for(lambda n=name: instance.processes(n), 30, name)
        pid = pids[min(which, len(pids) - 1)] if which < 2 else \
            order.choice(pids)
        if kill(pid):
            killed[name] += 1
    for thread in load.threads:
        thread.join(120)
    assert load.progress(MESSAGES)
    assert set(killed) == {name for name, _ in VICTIMS}
    # What was in hand is tried again on the usual schedule; its clock is ours.
    for hour in range(1, 100):
        instance.set_clock(hour * 3600)
        try:
            wait_for(lambda: load.acked <= set(numbers(instance)), 3)
            break
        except AssertionError:
            pass
    got = numbers(instance)
    assert load.acked - set(got) == set(), instance.journals()
    assert [n for n, times in got.items() if times > 1] == []
    assert set(got) <= load.acked | load.unsure
    instance.wait_empty()
    assert instance.mails("bob") == []  # nothing was bounced
