"""The other host: whom it takes, and what it remembers."""
import smtplib

import pytest

import sink
from sink import FULL, LATER, MUTE, OTHER, REFUSED, SPOILT, TAKEN

DATA = b"Subject: x\r\n\r\n.\r\n..two\r\nend\r\n"


@pytest.fixture(name="host")
def one_sink():
    one = sink.Sink()
    yield one
    one.close()


def send(host, *to):
    """The codes it refuses with, or what became of the connection."""
    with smtplib.SMTP("127.0.0.1", host.port, "c.example", 60) as client:
        try:
            return {who: code for who, (code, _) in client.sendmail(
                "s@example.org", to, DATA).items()}
        except smtplib.SMTPRecipientsRefused as error:
            return {who: code for who, (code, _) in error.recipients.items()}
        except smtplib.SMTPDataError as error:
            return error.smtp_code
        except smtplib.SMTPServerDisconnected:
            return None


def test_what_it_takes_it_remembers_byte_for_byte(host):
    assert send(host, TAKEN, OTHER) == {}
    assert host.collect() == [sink.Taken(TAKEN, DATA, True),
                              sink.Taken(OTHER, DATA, True)]
    assert host.collect() == []


def test_who_is_refused_has_nothing(host):
    assert send(host, REFUSED, OTHER) == {REFUSED: 550}
    assert [one.to for one in host.collect()] == [OTHER]
    assert send(host, REFUSED) == {REFUSED: 550}
    assert send(host, SPOILT) == 554
    assert host.collect() == []


@pytest.mark.parametrize("to, answer", ((LATER, {LATER: 451}), (FULL, 452)))
def test_who_comes_again_is_taken(host, to, answer):
    for _ in range(2):
        assert send(host, to) == answer and host.collect() == []
        assert send(host, to) == {}
        assert [one.heard for one in host.collect()] == [True]


def test_it_hangs_up_before_and_behind_what_it_takes(host):
    for answer, heard in ((None, []), (None, [False]), ({}, [True])):
        assert send(host, MUTE) == answer
        assert [one.heard for one in host.collect()] == heard


def test_it_is_idle_when_all_are_answered(host):
    send(host, TAKEN)
    with smtplib.SMTP("127.0.0.1", host.port, "c.example", 60) as client:
        client.noop()
        assert host.idle()
