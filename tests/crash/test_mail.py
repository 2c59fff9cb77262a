"""The account of messages: what is accused, and what is not."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mail import AGED, ANN, BOB, Books  # noqa: E402
from sink import OTHER, REFUSED, TAKEN, Taken  # noqa: E402


def delivered(message):
    return b"Return-Path: <bob@demo.example>\n" + message.data


@pytest.fixture
def books():
    return Books()


def accused(books):
    return sorted({wrong.split(":")[0] for wrong in books.wrong})


def test_a_message_that_was_acknowledged_must_be_there(books):
    books.message().state = "acked"
    books.settle([])
    assert accused(books) == ["lost"]


def test_a_message_without_an_answer_may_come_or_not(books):
    first, second = books.message(), books.message()
    first.state = second.state = "unsure"
    books.settle([(ANN, delivered(first))])
    assert not books.wrong


def test_what_nobody_was_answered_about_may_come_later(books):
    message = books.message()
    message.state = "unsure"
    books.settle([])
    books.settle([(ANN, delivered(message))])
    assert not books.wrong and books.figures["late"] == 1


def test_what_comes_later_comes_once(books):
    message = books.message()
    message.state = "unsure"
    books.settle([])
    books.settle([(ANN, delivered(message))] * 2)
    assert accused(books) == ["twice"]


@pytest.mark.parametrize("state", ("acked", "unsure"))
def test_what_has_come_does_not_come_again(books, state):
    message = books.message()
    message.state = state
    books.settle([(ANN, delivered(message))])
    books.settle([(ANN, delivered(message))])
    assert accused(books) == ["half"]


def test_what_was_refused_does_not_come_later(books):
    message = books.message()
    message.state = "refused"
    books.settle([])
    books.settle([(ANN, delivered(message))])
    assert accused(books) == ["half"]


def test_what_comes_later_goes_to_its_recipients_alone(books):
    message = books.message((BOB,))
    message.state = "unsure"
    books.settle([])
    books.settle([(ANN, delivered(message))])
    assert accused(books) == ["from nowhere"]


def test_a_piece_of_a_late_message_is_half_a_message(books):
    message = books.message(size=500)
    message.state = "unsure"
    books.settle([])
    books.settle([(ANN, delivered(message)[:-100])])
    assert accused(books) == ["half"]


def test_a_bounce_of_a_local_recipient_is_accused(books):
    message = books.message((ANN,))
    message.state = "acked"
    notice = (b"Return-Path: <>\n\n<" + ANN.encode() + b">:\n\n--\n" +
              message.data + b"\n--")
    books.settle([(BOB, notice)])
    assert accused(books) == ["bounced"]


def sent(message, to=TAKEN, heard=True):
    return Taken(to, b"Received: from a\r\n\tby b\r\n" +
                 message.data.replace(b"\n", b"\r\n"), heard)


def away(books, *recipients):
    message = books.message(recipients or (TAKEN,))
    message.state = "acked"
    return message


def notice(message, to, why=b""):
    return BOB, (b"Return-Path: <>\n\n<" + to.encode() + b">:\n" + why +
                 b"\n--\n" + message.data + b"\n--")


def test_mail_for_another_host_must_be_there(books):
    away(books)
    books.settle([], [])
    assert accused(books) == ["lost"]


def test_each_recipient_at_another_host_counts(books):
    message = away(books, TAKEN, OTHER)
    books.settle([], [sent(message)])
    assert accused(books) == ["lost"]


def test_another_host_has_it_twice_only_when_something_explains_it(books):
    message = away(books)
    books.settle([], [sent(message)] * 2)
    assert accused(books) == ["twice"]


def test_what_died_explains_one_copy_and_no_more(books):
    for copies, wrong in ((2, []), (3, ["twice"])):
        books.spare = 1
        books.settle([], [sent(away(books))] * copies)
        assert accused(books) == wrong
    books.wrong.clear()
    books.settle([], [sent(away(books))] * 2)
    assert accused(books) == ["twice"]


def test_a_reply_that_was_not_heard_explains_one_copy(books):
    message = away(books)
    books.settle([], [sent(message, heard=False), sent(message)])
    assert not books.wrong


def test_after_a_fault_a_lost_reply_may_be_the_last_word(books):
    for spare, heard, wrong in (
            (1, False, []),
            (0, False, ["bounced", "delivered and bounced"]),
            (1, True, ["bounced", "delivered and bounced"])):
        books.wrong.clear()
        message = away(books)
        books.spare = spare
        books.settle([notice(message, TAKEN)], [sent(message, heard=heard)])
        assert sorted(accused(books)) == wrong


def test_after_a_fault_the_next_attempt_may_be_the_last(books):
    aged = b"not now.\nI'm not going to try again; " + AGED + b".\n"
    for spare, why, wrong in (
            (1, aged, []), (0, aged, ["bounced"]), (1, b"no.\n", ["bounced"])):
        books.wrong.clear()
        message = away(books)
        books.spare = spare
        books.settle([notice(message, TAKEN, why)], [])
        assert accused(books) == wrong


def test_nobody_is_bounced_whom_another_host_takes(books):
    message = away(books)
    books.settle([notice(message, TAKEN)], [])
    assert accused(books) == ["bounced"]
    message = away(books)
    books.settle([notice(message, TAKEN)], [sent(message)])
    assert "delivered and bounced" in accused(books)


def test_whom_another_host_refuses_is_bounced(books):
    message = away(books, REFUSED, OTHER)
    books.settle([notice(message, REFUSED)], [sent(message, OTHER)])
    assert not books.wrong
    away(books, REFUSED)
    books.settle([], [])
    assert accused(books) == ["lost"]


@pytest.mark.parametrize("change", (
    lambda data: data[:-5], lambda data: data + b"\r\n",
    lambda data: data.replace(b"crash", b"crush"),
    lambda data: data.replace(b"\r\n..dots", b"\r\n.dots"),
    lambda data: data.replace(b"\r\n.\r\n", b"\r\n"),
    lambda data: data.replace(b"\r\n", b"\n"),
    lambda data: b"From: x\r\n" + data,
    lambda data: data.replace(b"a\r\n", b"a\n", 1)))
def test_every_byte_that_is_sent_counts(books, change):
    whole = sent(away(books))
    books.settle([], [whole._replace(data=change(whole.data))])
    assert "half" in accused(books)
