"""The account of messages: what is accused, and what is not."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from mail import ANN, BOB, Books  # noqa: E402


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
