"""A hosting server whose helpers die at any moment: who logs in over TLS and
sends to a system's user is put off, and is never refused, lied to or lost."""
import base64
import collections
import re
import ssl

import pytest

from conftest import DOMAIN, children, kill, wait_for
from test_kill import Load
from test_who import HOST, assign, local_host
from tlsdoor import client_context, make_pem, put_pem

MESSAGES = 400
ANN = "ann@" + DOMAIN
PLAIN = base64.b64encode(b"\0" + ANN.encode() + b"\0secret").decode()

# Which of a program's processes: the first, or one of those below it.
VICTIMS = [("keyd", 0), ("authd", 0), ("authd", 1), ("authd", 2), ("lspawn", 0),
           ("lspawn", 1), ("lspawn", 2), ("lspawn", 3), ("lspawn", 4),
           ("smtpd", 1)]


class Submitters(Load):
    """Each session begins with STARTTLS and AUTH."""

    def __init__(self, instance):
        self.context = client_context()
        super().__init__(instance, MESSAGES, self.begin, f"joe-list@{HOST}",
                         ANN)

    def begin(self):
        client = self.instance.client(timeout=30)
        try:
            client.starttls(context=self.context)
            client.ehlo()
            code, text = client.docmd("AUTH", "PLAIN " + PLAIN)
        except ssl.SSLError as error:
            raise OSError("no TLS now") from error
        assert code < 500, (code, text)
        if code != 235:
            raise OSError(code, text)
        return client


@pytest.fixture
def hosted(make_instance):
    instance = make_instance()
    put_pem(instance, "servercert.pem", make_pem(instance.folder, HOST))
    instance.env["ASAN_OPTIONS"] = "detect_leaks=0"
    instance.joe = local_host(instance)
    (instance.joe / ".qmail-list").write_text("|cat >/dev/null\n./Maildir/\n")
    assign(instance, f"+joe-:joe:{instance.uid or 1}:{instance.gid}:"
           f"{instance.joe}:-::")
    instance.set_clock(0)
    instance.start("queued", "lspawn", "rspawn", "bounce", "authd", "send",
                   "keyd", "smtpd")
    instance.keep_up()
    return instance


def test_all_arrive_and_nobody_is_refused_whatever_helper_dies(hosted):
    load = Submitters(hosted)
    step = MESSAGES // (2 * len(VICTIMS) + 2)
    killed = collections.Counter()
    for turn, (name, which) in enumerate(VICTIMS * 2):
        wait_for(lambda t=turn: load.progress((t + 1) * step), 120,
                 "messages to go on")
        first = hosted.running[name].pid
        pids = [first, *children(first)]
        if kill(pids[min(which, len(pids) - 1)]):
            killed[name] += 1
    for thread in load.threads:
        thread.join(120)
    assert load.progress(MESSAGES)
    assert set(killed) == {name for name, _ in VICTIMS}

    def arrived():
        return collections.Counter(
            int(re.search(rb"number (\d+)\n$", m.read_bytes()).group(1))
            for m in (hosted.joe / "Maildir" / "new").iterdir())
    # What was in hand is tried again on the usual schedule; its clock is ours.
    for hour in range(1, 100):
        hosted.set_clock(hour * 3600)
        try:
            wait_for(lambda: load.acked <= set(arrived()), 3)
            break
        except AssertionError:
            pass
    got = arrived()
    assert load.acked - set(got) == set(), hosted.journals()
    assert [n for n, times in got.items() if times > 1] == []
    assert set(got) <= load.acked | load.unsure
    hosted.wait_empty()
    assert hosted.mails() == []  # nothing was bounced
