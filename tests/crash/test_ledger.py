"""The ledger's own sums, and its short pass."""
import itertools
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import ledger  # noqa: E402
import ledgerhost  # noqa: E402
from ledgermail import (  # noqa: E402
    ACKNOWLEDGED, DOMAIN, REFUSED, UNSURE, UNUSED, Fates, judge, message, plan)

SEED = 5
HEAD = (b"Return-Path: <n0@demo.example>\nDelivered-To: u0@demo.example\n"
        b"Received: from x\n  by y\n")


def first(what):
    """The first number whose plan is such."""
    return next(n for n in itertools.count() if what(plan(SEED, n)))


PAIR = first(lambda p: len(p.mailboxes) == 2)
FAILING = first(lambda p: p.nobody and not p.mailboxes)


def sums(heard, *verdicts, number=PAIR):
    fates = Fates(SEED)
    for box, verdict in verdicts:
        fates.found(box, verdict)
    state = [UNUSED] * number + [heard]
    result = fates.sum_up(state)
    return {key for key, value in result.items() if value}


def delivered(number=PAIR):
    return [(box, ("whole", number)) for box in plan(SEED, number).mailboxes]


def notice(number=FAILING):
    return "n1", ("notice", number, [plan(SEED, number).nobody])


def test_all_there_is_nothing_to_tell():
    assert sums(ACKNOWLEDGED, *delivered()) == set()
    assert sums(ACKNOWLEDGED, notice(), number=FAILING) == set()


def test_a_recipient_without_the_message_is_lost():
    assert sums(ACKNOWLEDGED, *delivered()[:1]) == {"lost"}
    assert sums(ACKNOWLEDGED, number=FAILING) == {"lost"}


def test_what_was_never_acknowledged_is_there_for_all_or_for_none():
    assert sums(UNSURE) == sums(REFUSED) == set()
    assert sums(UNSURE, *delivered()) == {"unsure_delivered"}
    assert sums(UNSURE, *delivered()[:1]) == {"unsure_delivered", "lost"}


def test_the_second_file_is_one_too_many():
    assert sums(ACKNOWLEDGED, *delivered(), *delivered()[:1]) == {"twice"}
    assert sums(UNSURE, *delivered() * 2) == {"unsure_delivered", "twice"}


def test_a_notice_may_come_twice_and_not_more_often():
    two = [notice()] * 2
    assert sums(ACKNOWLEDGED, *two, number=FAILING) == {"notice_twice"}
    assert sums(ACKNOWLEDGED, *two, notice(),
                number=FAILING) == {"notice_often"}


def test_nobody_is_bounced_who_has_the_message():
    box = plan(SEED, PAIR).mailboxes[0]
    told = "n1", ("notice", PAIR, [f"{box}@{DOMAIN}"])
    assert sums(ACKNOWLEDGED, *delivered(), told) == {"bounced_and_delivered"}
    assert sums(ACKNOWLEDGED, *delivered()[1:], told) == {"wrong"}


def test_mail_for_others_or_never_sent_is_wrong():
    assert sums(ACKNOWLEDGED, *delivered(), ("n2", ("whole", PAIR))) == {
        "wrong"}
    assert sums(UNUSED, *delivered()) == {"wrong"}


def test_every_byte_counts():
    text = message(SEED, PAIR)[1]
    assert judge(SEED, HEAD + text) == ("whole", PAIR)
    for cut in (0, 5, len(text) // 2, len(text) - 1):
        assert judge(SEED, HEAD + text[:cut])[0] == "half"
    assert judge(SEED, HEAD + text + b"\n")[0] == "wrong"
    assert judge(SEED, HEAD + b"x" + text)[0] == "wrong"
    assert judge(SEED, HEAD + text.replace(b"end", b"End"))[0] == "wrong"


def test_a_seed_is_a_sequence_of_victims():
    def some(seed):
        return list(itertools.islice(ledgerhost.draws(seed), 1000))

    assert some(1) == some(1) != some(2)
    assert {order[0] for order in some(1)} == set(ledgerhost.ROLES)


def test_a_figure_that_is_not_what_it_must_be_fails_the_run():
    good = dict.fromkeys(ledger.MUST_BE_NONE, 0) | {"acknowledged": 7}
    assert ledger.failures(good, 7) == []
    assert ledger.failures(good, 8) == ["acknowledged"]
    for key in ledger.MUST_BE_NONE:
        assert ledger.failures(good | {key: 1}, 7) == [key]


def test_every_message_is_accounted_for_whatever_is_killed():
    done = subprocess.run([sys.executable, ledger.__file__, "--quick"],
                          capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["acknowledged"] == ledger.QUICK
    assert [result[key] for key in ledger.MUST_BE_NONE] == \
        [0] * len(ledger.MUST_BE_NONE)
    workers = {"queued worker", "local worker", "smtpd worker"}
    assert workers <= set(result["kills_by_role"])
