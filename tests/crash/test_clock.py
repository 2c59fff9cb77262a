"""Clocks that are set: no mass bounce, no retry storm, no stall.

The wall clock jumps as a row of WALLS says.  Time itself passes on both
clocks, as far as a test says: see class Time.
"""
import collections
import email
import email.utils
import os
import poplib
import re
import subprocess
import time

import pytest
from instances import DOMAIN, wait_for, write_clock
from sendbed import BIN, Bed

HOUR, DAY = 3600, 86400
FAR = "x@elsewhere.example"
NEAR = "r@example.org"
FENCE = "fence@example.org"
LIFETIME = 2000  # seconds
# By then a message tried shortly before LIFETIME has been tried again: qmail's
# pause of 2096 s, a tenth more, and the patience.
LAST_TURN = 5000
LEAST = 5  # seconds between two attempts for a recipient, however it is
SLACK = 120  # seconds by which a stamp may be late on a busy machine

ATTEMPT = re.compile(r"starting delivery \d+: msg (\d+) to \w+ (\S+)")
DEFER = re.compile(r" defer r=0 ")


def at(stamp):
    """How far the wall clock is off when it says this."""
    return int(stamp - time.time())


# name: how far it is off, one jump after the other.
WALLS = {
    "an hour back": [0, -HOUR],
    "an hour back and again right": [-HOUR, 0],
    "half a minute back": [0, -30],
    "to 1970": [0, at(60)],
    "from 1970": [at(60), 0],
    "before 1970": [0, at(-DAY)],
    "from before 1970": [at(-DAY), 0],
    "8 days on": [0, 8 * DAY],
    "8 days on and again right": [8 * DAY, 0],
    "to the last second of 2038": [0, at(2**31 - 1)],
    "past 2038": [0, at(2**31 + HOUR)],
    "back from past 2038": [at(2**31 + HOUR), 0],
    "to the last second of 2106": [0, at(2**32 - 1)],
    "past 2106": [0, at(2**32 + HOUR)],
    "back from past 2106": [at(2**32 + HOUR), 0],
    "to and fro by an hour": [0, HOUR, -HOUR, HOUR, 0, -HOUR, HOUR],
    "to and fro by 8 days": [0, 8 * DAY, 0, 8 * DAY, 0, 8 * DAY],
    "to and fro from 1970": [at(60), 0, at(60), at(2**31), at(60), 0],
}

walls = pytest.mark.parametrize("offsets", WALLS.values(), ids=WALLS.keys())

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-send").exists(), reason="culver-send is not built")


class Time:
    """What a culver-send on a Bed is told."""

    def __init__(self, bed, wall=0):
        self.bed, self.wall, self.passed = bed, wall, 0
        bed.env["CULVER_CLOCK"] = str(bed.home / "clock")
        self.tell()

    def tell(self):
        write_clock(self.bed.home / "clock", self.wall + self.passed,
                    self.passed)

    def passes(self, seconds):
        self.passed += seconds
        self.tell()

    def jumps(self, wall):
        """The wall clock alone is set; it is off by wall from now on."""
        self.wall = wall
        self.tell()

    def boot(self):
        return time.clock_gettime(time.CLOCK_BOOTTIME) + self.passed

    def now(self):
        return time.time() + self.wall + self.passed


class Scene:
    """Deferred mail in the hands of a culver-send whose clock is set."""

    def __init__(self, bed, wall):
        self.tries = collections.defaultdict(list)  # boot clock
        self.letter = {}
        self.bed = bed(plan=self.plan, remote=self.plan)
        self.time = Time(self.bed, wall)
        self.bed.start()

    def plan(self, job):
        if job.recipient == FENCE:
            return "K"
        self.tries[job.ino, job.number].append(self.time.boot())
        return self.letter.get(job.ino, ("Z", "later\n"))

    def queue(self, recipients, **more):
        """A message that arrives now, by whatever the clock says."""
        age = int(time.time() - self.time.now())
        return self.bed.queue(recipients, age=age, **more)

    def fence(self):
        """New mail is delivered.  What was due before it has had its turn."""
        self.bed.gone(self.queue([FENCE]))

    def restart(self, wall):
        """culver-send is away for a little longer than LEAST."""
        assert self.bed.stop() == 0
        self.time.passes(LEAST + 1)
        self.time.jumps(wall)
        self.bed.start()

    def attempts(self):
        """(INO, recipient): deliveries begun, as the log has it."""
        return collections.Counter(
            (int(ino), to) for ino, to in ATTEMPT.findall(
                self.bed.lines_text()) if to != FENCE)

    def deferred(self, ino, times):
        """So many attempts have ended.  Time that passes while one is under
        way would not count for the next."""
        wait_for(lambda: len(DEFER.findall(self.bed.journal(ino))) == times)

    def no_storm(self):
        """Nobody is tried twice within LEAST seconds of true time."""
        for tries in self.tries.values():
            for one, two in zip(tries, tries[1:]):
                assert two - one >= LEAST - 0.1, tries

    def no_early_bounce(self):
        """What was bounced had been tried twice."""
        for ino, journal in self.bed.bounce.asked:
            tried = len(re.findall(r" (?:defer|fail) r=0 ", journal))
            assert tried >= 2, (ino, journal)


@pytest.fixture
def scene():
    beds = []

    def bed(**named):
        beds.append(Bed(**named))
        return beds[-1]

    yield lambda wall=0: Scene(bed, wall)
    for b in beds:
        b.close()


def three(s):
    """Deferred at once: near, far, and both; as keys of attempts()."""
    near, far = s.queue([NEAR]), s.queue([FAR])
    both = s.queue([NEAR, FAR])
    keys = [(near, NEAR), (far, FAR), (both, NEAR), (both, FAR)]
    wait_for(lambda: s.attempts() == dict.fromkeys(keys, 1))
    for ino in (near, far, both):
        wait_for(lambda i=ino: DEFER.search(s.bed.journal(i)))
    s.fence()
    return keys


# Seconds that pass, and how often the near and the far have been tried then:
# at the squares of 10 and of 20, a tenth sooner or later (send/retry.h),
# whatever the wall clock says; where it says nothing of a message's age, at
# their differences.  A busy machine may take 30 s for each row.
SCHEDULE = [(0, 1, 1), (60, 1, 1), (65, 2, 1), (225, 2, 1), (130, 3, 2),
            (400, 3, 2), (160, 4, 2), (490, 4, 2), (320, 5, 3)]


@walls
def test_a_running_culver_send_keeps_its_intervals(scene, offsets):
    s = scene(offsets[0])
    keys = three(s)
    exact = keys
    if min(offsets) < at(0):
        # All stamps before 1970 are one, and which of two recipients of one
        # message is due is not known: no more than that it is in time.
        exact = keys[:2]
    jumps = offsets[1:]
    for passes, near, far in SCHEDULE:
        if jumps:
            s.time.jumps(jumps.pop(0))
        s.time.passes(passes)
        expected = {k: near if k[1] == NEAR else far for k in keys}
        wait_for(lambda e=expected: all(s.attempts()[k] >= e[k]
                                        for k in exact))
        s.fence()
        now = s.attempts()
        assert {k: now[k] for k in exact} == {k: expected[k] for k in exact}
        assert all(abs(now[k] - expected[k]) <= 1 for k in keys), now
    s.no_storm()
    assert s.bed.bounce.asked == []


@walls
def test_a_start_after_the_jump_neither_storms_nor_stalls(scene, offsets):
    s = scene(offsets[0])
    keys = three(s)
    before = s.attempts()
    for wall in offsets[1:]:
        s.restart(wall)
        s.fence()
        now = s.attempts()
        assert all(now[k] - before[k] in (0, 1) for k in keys), now
        before = now
    # Each within the interval that it would have waited anyway.
    for passes, who in ((111, NEAR), (330, FAR)):
        s.time.passes(passes)
        wait_for(lambda w=who: all(n >= 2 for k, n in s.attempts().items()
                                   if k[1] == w), why=str(s.attempts()))
    s.fence()
    # A start's own, and the schedule's.
    starts = len(offsets) - 1
    for (_, to), n in s.attempts().items():
        assert n <= starts + (3 if to == NEAR else 2), s.attempts()
    s.no_storm()
    s.no_early_bounce()
    if max(offsets) < DAY and min(offsets) > -DAY:
        assert s.bed.bounce.asked == []


@walls
def test_a_start_without_a_jump_waits_for_the_stamps(scene, offsets):
    s = scene(offsets[-1])
    keys = three(s)
    s.restart(offsets[-1])
    s.fence()
    # Before 1970 there are no stamps.
    if s.time.now() > HOUR:
        assert s.attempts() == dict.fromkeys(keys, 1)
    s.time.passes(111)
    wait_for(lambda: all(n == 2 for k, n in s.attempts().items()
                         if k[1] == NEAR))
    s.no_storm()
    assert s.bed.bounce.asked == []


def test_an_hour_back_at_a_start_tries_only_what_had_just_been_tried(scene):
    """What was tried before the hour that comes again keeps its stamp."""
    s = scene()
    old = s.queue([FAR])
    s.deferred(old, 1)
    s.time.passes(441)
    s.deferred(old, 2)
    s.time.passes(1370)
    s.deferred(old, 3)
    s.time.passes(1000)
    new = s.queue([NEAR])
    wait_for(lambda: DEFER.search(s.bed.journal(new)))
    s.restart(-500)
    s.fence()
    assert s.attempts()[new, NEAR] == 2
    assert s.attempts()[old, FAR] == 3
    # Its stamp lies 2000 s from its third attempt, a tenth more or less: no
    # more is waited now.
    s.time.passes(1740)
    wait_for(lambda: s.attempts()[old, FAR] == 4)


def test_a_clock_8_days_ahead_makes_no_message_old(scene):
    """It is given up when it has been there for its lifetime, and not before:
    nor after."""
    s = scene()
    s.bed.control("queuelifetime", "2000")
    s.bed.kill(1)
    ino = s.queue([NEAR])
    wait_for(lambda: DEFER.search(s.bed.journal(ino)))
    s.time.jumps(8 * DAY)
    for passes, attempts in ((111, 2), (330, 3), (550, 4), (770, 5)):
        s.time.passes(passes)
        wait_for(lambda a=attempts: s.attempts()[ino, NEAR] == a)
        s.fence()
        assert s.bed.bounce.asked == []
    s.time.passes(990)
    s.bed.gone(ino)
    assert [i for i, _ in s.bed.bounce.asked] == [ino]
    assert s.attempts()[ino, NEAR] == 6


def test_a_message_8_days_old_by_a_new_clock_is_tried_again(scene):
    """A start that knows only the stamps: one attempt is not enough to give
    it up, though its age is."""
    s = scene()
    messages = [s.queue([NEAR]) for _ in range(20)]
    for ino in messages:
        wait_for(lambda i=ino: DEFER.search(s.bed.journal(i)))
        s.letter[ino] = "K"
    s.restart(8 * DAY)
    for ino in messages:
        s.bed.gone(ino)
    assert s.bed.bounce.asked == []


@pytest.mark.parametrize("arrived", [at(60), 0], ids=["1970", "yesterday"])
def test_a_first_attempt_gives_nothing_up(scene, arrived):
    """Whatever its age, its second attempt is not made at once."""
    s = scene()
    s.bed.control("queuelifetime", "3600")
    s.bed.kill(1)
    ino = s.bed.queue([NEAR], age=-arrived or DAY)
    wait_for(lambda: DEFER.search(s.bed.journal(ino)))
    s.fence()
    s.time.passes(300)
    s.fence()
    assert s.attempts()[ino, NEAR] == 1 and s.bed.bounce.asked == []
    s.time.passes(2000)
    s.bed.gone(ino)
    assert [i for i, _ in s.bed.bounce.asked] == [ino]


def test_mail_from_the_future_is_given_up_in_the_end(scene):
    """Its clock was a century ahead; it ages by its attempts."""
    s = scene()
    s.bed.control("queuelifetime", "2000")
    s.bed.kill(1)
    ino = s.bed.queue([NEAR], age=-at(2**32 + HOUR))
    for passes, attempts in ((0, 1), (111, 2), (331, 3), (551, 4),
                             (771, 5)):
        s.time.passes(passes)
        wait_for(lambda a=attempts: s.attempts()[ino, NEAR] == a)
        s.fence()
        assert s.attempts()[ino, NEAR] == attempts
    assert s.bed.bounce.asked == []
    s.time.passes(991)
    s.bed.gone(ino)
    assert [i for i, _ in s.bed.bounce.asked] == [ino]


def test_mail_for_a_dead_host_ends_though_only_probes_are_made(scene):
    """Its turns do not come: what waits for a probe that fails and fails is
    deferred, and given up when it is old."""
    s = scene()
    s.bed.remote.plan = lambda job: [dict(letter="Z", text="dead\n", fault=2)]
    s.bed.control("queuelifetime", str(LIFETIME))
    s.bed.control("laneinitial", "1")
    s.bed.kill(1)
    messages = [s.queue([FAR]) for _ in range(20)]
    wait_for(lambda: s.bed.remote.jobs)
    for _ in range(LAST_TURN // 50):
        s.time.passes(50)
        s.fence()
    for ino in messages:
        s.bed.gone(ino)
    assert sorted(i for i, _ in s.bed.bounce.asked) == sorted(messages)
    assert all(2 <= n <= 6 for n in s.attempts().values()), s.attempts()
    assert len(s.bed.remote.jobs) < 80
    s.no_early_bounce()


def test_tmp_of_the_future_is_swept(scene):
    s = scene()
    assert s.bed.stop() == 0
    tmp = s.bed.home / "queue/mess/tmp"
    tmp.mkdir()
    for name, hours in (("future", 37), ("young", 35), ("old", -37)):
        (tmp / name).touch()
        then = time.time() + hours * HOUR
        os.utime(tmp / name, (then, then))
    s.bed.start()
    assert os.listdir(tmp) == ["young"]


# The whole suite

NAME = re.compile(r"(\d+)\.q[0-9a-f]{32}r0\.[^,:/]+,S=\d+,W=\d+")
LATEST = re.compile(r";\s+((?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), .*)$", re.S)
MOMENTS = {
    "an hour ago": -HOUR, "before 1970": at(-DAY), "1970": at(60),
    "in 8 days": 8 * DAY, "the end of 2038": at(2**31 - 2),
    "after 2038": at(2**31 + HOUR), "the end of 2106": at(2**32 - 2),
    "after 2106": at(2**32 + HOUR), "now": 0,
}


def near(stamp, expected):
    return -SLACK <= stamp - expected <= SLACK


def stamp_of(date):
    return email.utils.parsedate_to_datetime(date).timestamp()


def submit(instance, sender, recipient):
    """By culver-queue."""
    envelope = instance.folder / "envelope"
    envelope.write_bytes(b"F%s\0T%s\0\0" % (sender.encode(),
                                            recipient.encode()))
    with open(envelope, "rb") as records:
        subprocess.run([BIN / "culver-queue"], env=instance.env, check=True,
                       input=b"Subject: to nobody\n\nhello\n",
                       stdout=records, timeout=60)


def dates_of(mail):
    dates = [LATEST.search(r)[1] for r in mail.get_all("Received", [])]
    if mail["Subject"] == "failure notice":
        assert re.fullmatch(r"<\d+\.[!-~]+@[!-~]+>", mail["Message-ID"])
        status = mail.get_payload()[1].get_payload()
        dates += [mail["Date"], status[0]["Arrival-Date"],
                  status[1]["Last-Attempt-Date"]]
    assert dates, mail.as_string()
    return dates


def arrive(instance, wall):
    """One message by SMTP, and one that comes back as a bounce: both in ann's
    Maildir, with the names and dates of this clock."""
    before = {m.name for m in instance.mails()}
    instance.send(b"Subject: by SMTP\r\n\r\nhello\r\n")
    submit(instance, "ann@" + DOMAIN, "nobody@" + DOMAIN)
    instance.wait_mails(len(before) + 2)
    new = [m for m in instance.mails() if m.name not in before]
    assert len(new) == 2
    for file in new:
        # Names, arrivals and journals know no time before 1970.
        now = time.time() + wall
        name = NAME.fullmatch(file.name)
        assert name and near(int(name[1]), max(0, now)), file.name
        for date in dates_of(email.message_from_bytes(file.read_bytes())):
            assert near(stamp_of(date), now) or \
                near(stamp_of(date), max(0, now)), date


def test_mail_of_every_time_has_valid_dates_and_names(make_instance):
    one = make_instance()
    one.set_clock(0)
    one.start()
    for wall in MOMENTS.values():
        one.set_clock(0, wall=wall)
        arrive(one, wall)
    one.wait_empty()
    assert len({m.name for m in one.mails()}) == 2 * len(MOMENTS)


def test_no_session_ends_because_a_clock_is_set(make_instance):
    one = make_instance()
    one.set_clock(0)
    one.start()
    smtp = one.client()
    for wall in MOMENTS.values():
        assert smtp.mail("you@client.example")[0] == 250
        one.set_clock(0, wall=wall)
        assert smtp.rcpt("ann@" + DOMAIN)[0] == 250
        one.set_clock(0)
        assert smtp.data(b"Subject: x\r\n\r\nhello\r\n")[0] == 250
    one.wait_mails(len(MOMENTS))
    pop = poplib.POP3("127.0.0.1", one.pop3, 60)
    pop.user("ann@" + DOMAIN)
    pop.pass_("secret")
    for number, wall in enumerate(MOMENTS.values(), 1):
        one.set_clock(0, wall=wall)
        assert pop.stat()[0] == len(MOMENTS) - number + 1
        assert b"hello" in pop.retr(number)[1]
        pop.dele(number)
    pop.quit()
    smtp.quit()
    wait_for(lambda: not one.mails())


@pytest.mark.parametrize("restart", [False, True],
                         ids=["running", "started again"])
@walls
def test_mail_for_a_mailbox_that_was_away_arrives(
        make_instance, offsets, restart):
    """The whole suite: deferred before the jump, delivered after it, beside
    what is new."""
    one = make_instance(users=("ann:secret", "bob:hidden"))
    passed = 0
    one.set_clock(0, wall=offsets[0])
    one.start()
    mailbox, away = one.maildir(), one.folder / "away"
    mailbox.rename(away)
    one.send(b"Subject: late\r\n\r\nhello\r\n")
    wait_for(lambda: any(" defer " in j for j in one.journals().values()))
    if restart:
        away.rename(mailbox)
    for number, wall in enumerate(offsets[1:], 1):
        if restart:
            one.stop()
            passed += LEAST + 1
        one.set_clock(passed, wall=wall + passed)
        if restart:
            one.start()
        one.send(b"Subject: new\r\n\r\nhello\r\n",
                 to=["bob@" + DOMAIN])
        one.wait_mails(number, "bob")
    if not restart:
        assert not one.mails()
        away.rename(mailbox)
    passed += 101
    one.set_clock(passed, wall=offsets[-1] + passed)
    one.wait_mails(1)
    one.wait_empty()
    assert len(one.mails()) == 1
    assert len(one.mails("bob")) == len(offsets) - 1  # and no bounce
