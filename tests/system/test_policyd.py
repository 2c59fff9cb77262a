"""culver-policyd fetches policies as RFC 8461 wants, keeps them, and reports as
RFC 8460 wants: the real program, a web server and a DNS server of the test's
in a network namespace of its own."""
import datetime
import email
import gzip
import json
import os
import signal
import sys
import threading

import pytest

from policybed import A, PATIENCE, TXT, Bed, Page, part_of, text, wait_for

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "talk"))
from talk import Queue  # noqa: E402

pytestmark = [pytest.mark.root,
              pytest.mark.skipif(os.getuid() != 0,
                                 reason="a network namespace is root's")]

HOSTS = ["mta-sts.%s.example" % n for n in (
    "good", "testing", "none", "redirect", "stranger", "big", "html", "gone",
    "mode", "slow", "late", "other")] + ["reports.example"]
DAY = 24 * 3600


@pytest.fixture
def bed():
    b = Bed(HOSTS)
    try:
        yield b
    finally:
        b.remove()


def test_policy_is_fetched_once_and_kept(bed):
    bed.announce("good.example", "1", Page(text(
        mx=("MX.good.example", "*.backup.example"), more="extra: what\r\n")))
    bed.start()
    r = bed.remote()
    want = ("enforce", 604800, "1", ["mx.good.example", "*.backup.example"])
    assert r.ask("good.example") == want
    assert r.ask("good.example") == want
    assert bed.remote().ask("good.example") == want
    assert bed.web.asked == [
        ("mta-sts.good.example", "GET /.well-known/mta-sts.txt HTTP/1.1")]
    assert b"MX.good.example" in bed.policy("good.example")


@pytest.mark.parametrize("mode,mx", [("testing", ("mx.x.example",)),
                                     ("none", ())])
def test_mode_is_told(bed, mode, mx):
    domain = mode + ".example"
    bed.announce(domain, "7", Page(text(mode, mx)))
    bed.start()
    assert bed.remote().ask(domain) == (mode, 604800, "7", list(mx))


@pytest.mark.parametrize("records", [
    [], ["v=spf1 -all"], ["v=STSv1; id=1;", "v=STSv1; id=2;"],
    ["v=STSv1; id=a-b;"], ["v=STSv2; id=1;"]])
def test_without_one_valid_record_nothing_is_fetched(bed, records):
    bed.announce("good.example", "1", Page(text()))
    bed.names.zone["_mta-sts.good.example", TXT] = records
    bed.start()
    assert bed.remote().ask("good.example") == "N"
    assert bed.web.asked == []


BAD = {
    "redirect": (Page("", 302, more="Location: https://mta-sts.good.example/"
                      ".well-known/mta-sts.txt\r\n"), "failed"),
    "stranger": (Page(text()), "untrusted"),
    "nameless": (Page(text()), "untrusted"),
    "big": (Page(text(more="x: " + "y" * 70000 + "\r\n")), "failed"),
    "html": (Page(text(), kind="text/html"), "failed"),
    "gone": (Page(text(), 404), "failed"),
    "mode": (Page(text("strict")), "invalid"),
    "other": (Page(text(age=31557601)), "invalid"),
}


def test_what_is_not_to_be_had_or_malformed_is_no_policy(bed):
    bed.web.strangers.add("mta-sts.stranger.example")
    bed.announce("good.example", "1", Page(text()))
    bed.start()
    for name, (page, event) in BAD.items():
        domain = name + ".example"
        bed.announce(domain, "1", page)
        assert bed.remote().ask(domain) == "N", name
        assert bed.says(f"policyd: {event} domain={domain} "), name
        assert bed.policy(domain) is None, name
    assert not any(h == "mta-sts.good.example" for h, _ in bed.web.asked)
    before = len(bed.web.asked)
    assert bed.remote().ask("gone.example") == "N"
    assert len(bed.web.asked) == before  # not again at once
    bed.web.pages["mta-sts.gone.example"] = Page(text())
    bed.move(600)
    assert bed.remote().ask("gone.example")[0] == "enforce"


def test_dns_trouble_is_no_policy_now(bed):
    bed.announce("good.example", "1", Page(text()))
    bed.names.zone["_mta-sts.good.example", TXT] = None
    bed.start()
    r = bed.remote()
    assert r.ask("good.example") in ("N", "Z")
    bed.announce("good.example", "1")
    bed.move(90)
    assert wait_for(lambda: bed.remote().ask("good.example")[0] == "enforce")


def test_slow_server_holds_up_nobody(bed):
    go = threading.Event()
    bed.announce("slow.example", "1", Page(text(), hold=go))
    bed.announce("good.example", "1", Page(text()))
    bed.start()
    slow, r = bed.remote(), bed.remote()
    slow.send(b"Q", b"slow.example\0")
    wait_for(lambda: bed.web.asked, "the slow one is being fetched")
    assert r.ask("good.example")[0] == "enforce"
    assert slow.read() == ("Z", b"")
    go.set()
    wait_for(lambda: bed.policy("slow.example"), "it comes after all")
    assert slow.ask("slow.example")[0] == "enforce"


def test_new_id_brings_the_new_policy(bed):
    bed.announce("good.example", "1", Page(text()))
    bed.start()
    r = bed.remote()
    assert r.ask("good.example")[2] == "1"
    bed.announce("good.example", "2", Page(text("testing")))
    assert r.ask("good.example")[2] == "1"  # it is not asked every time
    bed.move(2 * 3600)
    r = bed.remote()
    wait_for(lambda: r.ask("good.example")[2] == "2", "the new one")
    assert r.ask("good.example")[0] == "testing"


def test_policy_survives_restart_and_failing_fetches_until_max_age(bed):
    bed.announce("good.example", "1", Page(text(age=DAY)))
    bed.start()
    assert bed.remote().ask("good.example")[2] == "1"
    assert bed.stop() == 0
    bed.announce("good.example", "2", Page("broken", 500))
    bed.start()
    r = bed.remote()
    assert r.ask("good.example")[2] == "1"
    wait_for(lambda: bed.says("failed domain=good.example"))
    assert r.ask("good.example")[2] == "1"
    del bed.names.zone["_mta-sts.good.example", TXT]
    bed.move(DAY - 3600)
    assert bed.remote().ask("good.example")[2] == "1"
    bed.move(2 * 3600)
    assert wait_for(lambda: bed.remote().ask("good.example") == "N")
    wait_for(lambda: bed.policy("good.example") is None)


def test_policy_is_fetched_anew_before_it_ends_though_nobody_asks(bed):
    bed.announce("good.example", "1", Page(text(age=4 * DAY)))
    bed.start()
    assert bed.remote().ask("good.example")[2] == "1"
    bed.web.pages["mta-sts.good.example"] = Page(text("testing", age=4 * DAY))
    bed.stop()
    bed.move(DAY + 60)
    bed.start()
    wait_for(lambda: b"mode: testing" in bed.policy("good.example"))


@pytest.mark.parametrize("frame", [
    (b"Q", b"../../etc/passwd\0"), (b"Q", b"good.example"), (b"X", b""),
    (b"Q", b"Good.example\0"), (b"R", b"\0" * 8), (b"Q", b"x" * 20000)])
def test_what_is_no_request_ends_the_connection(bed, frame):
    bed.start()
    r = bed.remote()
    r.send(*frame)
    try:
        assert r.read() is None
    except ConnectionResetError:
        pass
    assert bed.remote().ask("nobody.there.example") == "N"


def test_only_culver_remote_is_served(bed):
    bed.start()
    os.chmod(bed.home / "state/policy", 0o666)
    try:
        r = bed.remote(uid=12345)
        r.send(b"Q", b"nobody.there.example\0")
        assert r.read() is None
    except OSError:
        pass


def test_without_one_of_its_processes_it_ends(bed):
    bed.start()
    task = f"/proc/{bed.child.pid}/task/{bed.child.pid}/children"
    for child in range(2):
        pids = open(task, encoding="ascii").read().split()
        assert len(pids) == 2
        os.kill(int(pids[child]), signal.SIGKILL)
        assert bed.child.wait(PATIENCE) == 111
        bed.start()
        task = f"/proc/{bed.child.pid}/task/{bed.child.pid}/children"


@pytest.fixture
def queue(bed):
    q = Queue(bed)
    q.start()
    try:
        yield q
    finally:
        q.close()


def report_of(message, name):
    mail = email.message_from_bytes(message.body)
    data = gzip.decompress(part_of(mail, "application/tlsrpt+gzip"))
    assert mail["TLS-Report-Domain"] == name
    return mail, json.loads(data)


def test_day_is_reported_by_mail(bed, queue):
    bed.control("tlsrptfrom", "tls")
    bed.announce("good.example", "1", Page(text()))
    bed.announce("gone.example", "1", Page("", 404))
    for name in ("good", "gone"):
        bed.names.zone[f"_smtp._tls.{name}.example", TXT] = [
            "v=TLSRPTv1; rua=mailto:r%2Bx@{0}.example?subject=x,"
            "mailto:a@{0}.example,ftp://x/".format(name)]
    bed.start()
    day = datetime.datetime.fromtimestamp(bed.now(), datetime.timezone.utc)
    r = bed.remote()
    assert r.ask("good.example")[0] == "enforce"
    assert r.ask("gone.example") == "N"
    for _ in range(3):
        r.tell("good.example", kind=2)
    for _ in range(2):
        r.tell("good.example", kind=2, result=3, mx="mx.good.example",
               sending="192.0.2.1", receiving="2001:db8::1",
               reason='"expired" 100%\n')
    r.tell("good.example", kind=1, result=6, base="mx.good.example",
           policy="3 1 1 AB\n3 1 1 CD")
    r.tell("gone.example")
    r.tell("silent.example")
    assert r.ask("gone.example") == "N"  # all has been read
    name = day.strftime("%Y-%m-%d")
    counts = bed.home / "state/tlsrpt" / name
    wait_for(counts.exists, "counts are written")
    bed.stop()  # and go on after a restart
    bed.start()
    bed.tell("good.example", kind=2)
    bed.stop()
    bed.start()
    bed.move(2 * DAY)
    wait_for(lambda: len(queue.messages) == 2, "both reports")
    wait_for(lambda: not counts.exists(), "the day is done with")
    by = {m.recipients[1]: m for m in queue.messages}
    check_good(by[b"a@good.example"], name)
    _, gone = report_of(by[b"a@gone.example"], "gone.example")
    assert gone["policies"][0]["policy"]["policy-type"] == "sts"
    assert gone["policies"][0]["failure-details"][0]["result-type"] == \
        "sts-policy-fetch-error"


def check_good(message, day):
    mail, report = report_of(message, "good.example")
    assert message.sender == b""
    assert message.recipients[0] == b"r+x@good.example"
    assert mail["TLS-Report-Submitter"] == "me.example"
    assert mail["From"] == "tls@me.example"
    assert mail["TLS-Required"] == "No"
    assert mail["To"].split() == ["r+x@good.example,", "a@good.example"]
    assert mail.get_content_type() == "multipart/report"
    assert mail.get_param("report-type") == "tlsrpt"
    assert report["organization-name"] == "me.example"
    assert report["contact-info"] == "tls@me.example"
    assert report["report-id"] in mail["Subject"]
    assert report["date-range"] == {
        "start-datetime": day + "T00:00:00Z",
        "end-datetime": day + "T23:59:59Z"}
    sts, tlsa = sorted(report["policies"],
                       key=lambda p: p["policy"]["policy-type"])
    assert sts["policy"] == {
        "policy-type": "sts", "policy-domain": "good.example",
        "policy-string": ["version: STSv1", "mode: enforce",
                          "mx: mx.good.example", "max_age: 604800"],
        "mx-host": ["mx.good.example"]}
    assert sts["summary"] == {"total-successful-session-count": 4,
                              "total-failure-session-count": 2}
    assert sts["failure-details"] == [{
        "result-type": "certificate-expired", "sending-mta-ip": "192.0.2.1",
        "receiving-mx-hostname": "mx.good.example",
        "receiving-ip": "2001:db8::1", "failed-session-count": 2,
        "failure-reason-code": '"expired" 100%\n'}]
    assert tlsa["policy"] == {
        "policy-type": "tlsa", "policy-domain": "mx.good.example",
        "policy-string": ["3 1 1 AB", "3 1 1 CD"]}
    assert tlsa["failure-details"] == [
        {"result-type": "tlsa-invalid", "failed-session-count": 1}]


def test_day_is_reported_by_https(bed):
    bed.control("tlsrptfrom", "tls@me.example")
    bed.names.zone["reports.example", A] = ["127.0.0.1"]
    bed.names.zone["_smtp._tls.good.example", TXT] = [
        "v=TLSRPTv1;rua=https://reports.example/v1"]
    bed.web.pages["reports.example"] = Page("", 201)
    bed.start()
    bed.tell("good.example")
    assert bed.stop() == 0
    bed.start()
    bed.move(DAY + 5 * 3600)
    wait_for(lambda: bed.web.posted, "the report")
    host, line, head, body = bed.web.posted[0]
    assert (host, line) == ("reports.example", "POST /v1 HTTP/1.1")
    assert b"Content-Type: application/tlsrpt+gzip" in head
    report = json.loads(gzip.decompress(body))
    assert report["policies"][0]["policy"] == {
        "policy-type": "no-policy-found", "policy-string": [],
        "policy-domain": "good.example"}


def test_report_that_finds_no_queue_is_sent_later(bed):
    bed.control("tlsrptfrom", "tls")
    bed.names.zone["_smtp._tls.good.example", TXT] = [
        "v=TLSRPTv1;rua=mailto:a@good.example"]
    bed.start()
    bed.tell("good.example")
    bed.stop()
    bed.start()
    bed.move(DAY + 5 * 3600)
    wait_for(lambda: bed.says("unable to queue a report"))
    q = Queue(bed)
    q.start()
    bed.move(3600)
    wait_for(lambda: q.messages, "the report")
    q.close()


def test_nothing_is_counted_unless_wanted(bed):
    bed.start()
    bed.tell("good.example")
    assert bed.stop() == 0
    assert os.listdir(bed.home / "state/tlsrpt") == []
