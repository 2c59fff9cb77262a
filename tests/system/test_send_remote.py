"""culver-send and mail for other hosts: jobs of many recipients, lanes, and what
becomes of recipients when a worker or a spawner dies (INTERNALS 10)."""
import re
import signal

import pytest
from sendbed import BIN, Bed, REPEAT, Spawner, wait_for

pytestmark = pytest.mark.skipif(
    not (BIN / "culver-send").exists(), reason="culver-send is not built")


@pytest.fixture
def bed():
    beds = []

    def make(*args, remote=lambda job: "K", **kwargs):
        beds.append(Bed(*args, remote=remote, **kwargs))
        return beds[-1]
    yield make
    for b in beds:
        b.close()


def flights(b):
    """The lines of deliveries, without their numbers."""
    return [re.sub(r"msg \d+", "msg", x) for x in b.lines()
            if re.match("(starting )?delivery ", x)]


def test_recipients_of_a_host_go_together_and_each_hears_its_reply(bed):
    def remote(job):
        return [dict(letter="K", number=0, text="250 ok\n", via="mx.a.example",
                     tls="TLSv1.3 x verified"),
                dict(letter="D", number=2, text="550 who\n", status="5.1.1"),
                dict(letter="Z", text="451 later\n", status="4.3.0")]
    b = bed(remote=remote).start()
    ino = b.queue(["kim@a.example", "ann@example.org", "bob@A.Example",
                   "eve@a.example"])
    wait_for(lambda: sorted(b.events(ino)) == ["defer", "fail", "ok", "ok"])
    job, = b.remote.jobs
    assert job.numbers == (0, 2, 3)
    assert job.recipients == ["kim@a.example", "bob@A.Example",
                              "eve@a.example"]
    assert (job.lane, job.group) == ("a.example", "a.example")
    assert [j.recipient for j in b.spawner.jobs] == ["ann@example.org"]
    assert (b.spawner.jobs[0].lane, b.spawner.jobs[0].group) == ("", "")
    journal = b.journal(ino)
    assert re.search(r" ok r=0 a=1 via=mx\.a\.example "
                     r"tls=TLSv1\.3\\x20x\\x20verified ", journal)
    assert " fail r=2 a=1 status=5.1.1 reply=550\\x20who" in journal
    assert re.search(r" defer r=3 a=1 .*next=", journal)
    far = [x for x in flights(b) if "ann@" not in x and "did_" not in x]
    first = int(re.search(r"delivery (\d+)", far[0])[1])
    assert far == [
        "starting delivery %d: msg to remote kim@a.example" % first,
        "starting delivery %d: msg to remote bob@A.Example" % (first + 1),
        "starting delivery %d: msg to remote eve@a.example" % (first + 2),
        "delivery %d: success: 250_ok/" % first,
        "delivery %d: failure: 550_who/" % (first + 1),
        "delivery %d: deferral: 451_later/" % (first + 2)]


def test_each_next_hop_has_its_jobs(bed):
    b = bed()
    b.control("smtproutes", "one.example:relay.example\n"
              "two.example:relay.example")
    b.start()
    ino = b.queue(["a@one.example", "b@three.example", "c@two.example",
                   "d@[127.0.0.1]"])
    b.gone(ino)
    assert sorted((j.recipients, j.lane) for j in b.remote.jobs) == [
        (["a@one.example", "c@two.example"], "relay.example:25"),
        (["b@three.example"], "three.example"),
        (["d@[127.0.0.1]"], "[127.0.0.1]:25")]


@pytest.mark.parametrize("count, sizes", [(100, [100]), (101, [100, 1]),
                                          (250, [100, 100, 50])])
def test_a_job_holds_a_hundred(bed, count, sizes):
    b = bed().start()
    to = ["r%d@a.example" % i for i in range(count)]
    b.gone(b.queue(to))
    assert [len(j.recipients) for j in b.remote.jobs] == sizes
    assert [r for j in b.remote.jobs for r in j.recipients] == to


def test_a_job_holds_so_many_bytes(bed):
    b = bed().start()
    to = ["%04d%s@a.example" % (i, "x" * 900) for i in range(50)]
    b.gone(b.queue(to))
    assert [r for j in b.remote.jobs for r in j.recipients] == to
    assert all(sum(len(r) + 1 for r in j.recipients) <= 32768
               for j in b.remote.jobs)
    assert len(b.remote.jobs) == 2


def test_a_list_with_a_sender_for_each_has_a_job_for_each(bed):
    b = bed().start()
    b.gone(b.queue(["a@x.example", "b@x.example"],
                   sender="list-@host.example-@[]"))
    assert sorted((j.sender, j.recipients) for j in b.remote.jobs) == [
        ("list-a=x.example@host.example", ["a@x.example"]),
        ("list-b=x.example@host.example", ["b@x.example"])]


def test_an_address_that_grows_too_long_fails_alone(bed):
    b = bed().start()
    ino = b.queue(["x" * 2040, "ann@example.org"])
    b.gone(ino)
    assert [j.recipient for j in b.spawner.jobs] == ["ann@example.org"]
    assert " fail r=0 a=1 status=5.1.3 " in b.bounce.asked[0][1]


def test_a_sender_that_grows_too_long_fails_alone(bed):
    b = bed().start()
    ino = b.queue(["y" * 1500 + "@x.example", "z@x.example"],
                  sender="l" * 1000 + "-@host.example-@[]")
    b.gone(ino)
    assert [j.recipients for j in b.remote.jobs] == [["z@x.example"]]
    assert " fail r=0 a=1 status=5.1.3 " in b.bounce.asked[0][1]


def test_who_had_a_result_when_the_worker_died_is_not_tried_again(bed):
    def remote(job):
        if len(b.remote.jobs) == 1:
            return [dict(letter="K", number=1), dict(letter="Z", killed=9)]
        return "K"
    b = bed(remote=remote).start()
    ino = b.queue(["a@x.example", "b@x.example", "c@x.example"])
    b.gone(ino)
    assert [j.recipients for j in b.remote.jobs] == [
        ["a@x.example", "b@x.example", "c@x.example"],
        ["a@x.example", "c@x.example"]]
    assert [j.flags for j in b.remote.jobs] == [0, REPEAT]


def test_a_worker_that_crashes_on_many_recipients_has_crashed_once(bed):
    b = bed(remote=lambda job: ("signal", signal.SIGSEGV)).start()
    ino = b.queue(["r%d@x.example" % i for i in range(9)])
    wait_for(lambda: "hold" in b.events(ino))
    assert len(b.remote.jobs) == 2
    assert b.path("mess", ino).exists()


def test_a_spawner_that_dies_in_the_middle_loses_what_had_no_result(bed):
    def remote(job):
        if len(b.remote.jobs) > 1:
            return "K"
        b.remote.answer(job, [dict(letter="D", number=0, text="no\n")])
        wait_for(lambda: "fail" in b.events(job.ino))
        raise OSError
    b = bed(remote=remote).start()
    ino = b.queue(["a@x.example", "b@x.example"])
    b.gone(ino)
    assert [j.recipients for j in b.remote.jobs] == [
        ["a@x.example", "b@x.example"], ["b@x.example"]]
    assert [a[0] for a in b.bounce.asked] == [ino]
    assert any("The_connection_to_the_spawner_was_lost" in x
               for x in b.lines())


def test_results_that_make_no_sense_end_the_connection(bed):
    def remote(job):
        if len(b.remote.jobs) == 1:
            return [dict(letter="K", number=7)]
        return "K"
    b = bed(remote=remote).start()
    ino = b.queue(["a@x.example"])
    b.gone(ino)
    assert len(b.remote.jobs) == 2
    assert any("mangled" in x for x in b.lines())


def test_local_mail_goes_on_while_there_is_no_way_out(bed):
    b = bed(remote=None)
    b.start()
    far = [b.queue(["x%d@far.example" % i]) for i in range(50)]
    mixed = b.queue(["x@far.example", "ann@example.org"])
    for i in range(5):
        b.gone(b.queue(["r%d@example.org" % i]))
    wait_for(lambda: b.events(mixed) == ["ok"])
    assert all(b.path("mess", ino).exists() for ino in far)
    b.remote = Spawner(b.home / "queue/rspawn", lambda job: "K")
    for ino in [*far, mixed]:
        b.gone(ino)
    assert [j.recipient for j in b.spawner.jobs].count("ann@example.org") == 1


def test_mail_goes_out_while_there_is_no_local_delivery(bed):
    b = bed()
    b.spawner.close()
    (b.home / "queue/lspawn").unlink()
    b.start()
    near = [b.queue(["r@example.org"]) for _ in range(50)]
    b.gone(b.queue(["x@far.example"]))
    b.spawner = Spawner(b.home / "queue/lspawn", lambda job: "K")
    for ino in near:
        b.gone(ino)


def test_a_restart_keeps_the_next_attempts(bed):
    answers = {"a.example": "Z", "b.example": None, "c.example": "Z"}
    b = bed(remote=lambda job: answers[job.lane]).start()
    ino = b.queue(["x@a.example", "x@b.example", "x@c.example"])
    wait_for(lambda: b.events(ino) == ["defer", "defer"])
    b.stop(signal.SIGKILL)
    b.remote.jobs.clear()
    answers["b.example"] = "Z"
    b.start()
    wait_for(lambda: b.events(ino) == ["defer"] * 3)
    assert [j.lane for j in b.remote.jobs] == ["b.example"]
    b.stop()
    b.start()
    b.gone(b.queue(["ann@example.org"]))
    assert [j.lane for j in b.remote.jobs] == ["b.example"]
    answers.update(dict.fromkeys(answers, "K"))
    b.kill(signal.SIGALRM)
    b.gone(ino)
    assert sorted(j.lane for j in b.remote.jobs[1:]) == [
        "a.example", "b.example", "c.example"]


def test_what_becomes_local_is_not_sent_out(bed):
    b = bed(remote=lambda job: "Z").start()
    ino = b.queue(["x@a.example"])
    wait_for(lambda: b.events(ino) == ["defer"])
    b.control("locals", "example.org\na.example")
    b.kill(signal.SIGHUP)
    b.kill(signal.SIGALRM)
    b.gone(ino)
    assert len(b.remote.jobs) == 1
    assert [j.recipient for j in b.spawner.jobs] == ["x@a.example"]


def test_a_flood_leaves_slots_for_others(bed):
    """Jobs of the flood never end; the stranger's mail does not wait."""
    b = bed(remote=lambda job: None if "flood" in job.lane else "K")
    b.control("concurrencyremote", "8")
    b.control("lanemax", "100")
    b.control("laneinitial", "100")
    b.start()
    for i in range(30):
        b.queue(["x@flood%d.example" % i], sender="s@flood.example")
    wait_for(lambda: len(b.remote.jobs) == 6)
    b.gone(b.queue(["x@quiet.example"], sender="s@quiet.example"))
    assert len(b.remote.jobs) == 7


def test_a_tarpit_gets_no_more_than_its_lane_has(bed):
    b = bed(remote=lambda job: None if job.lane == "pit.example" else "K")
    b.control("laneinitial", "2")
    b.start()
    for i in range(30):
        b.queue(["x@pit.example"], sender="s%d@s%d.example" % (i, i))
    wait_for(lambda: len(b.remote.jobs) == 2)
    for i in range(30):
        b.gone(b.queue(["x@a%d.example" % i]))
    assert [j.lane for j in b.remote.jobs].count("pit.example") == 2


def test_a_dead_host_is_probed_and_the_rest_waits(bed):
    dead = [dict(letter="Z", text="no route\n", fault=2)]
    b = bed(remote=lambda job: dead if job.lane == "dead.example" else "K")
    b.control("laneinitial", "1")
    b.start()
    inos = [b.queue(["x@dead.example"]) for _ in range(20)]
    wait_for(lambda: len(b.remote.jobs) == 1)
    for i in range(5):
        b.gone(b.queue(["x@a%d.example" % i]))
    assert [j.lane for j in b.remote.jobs].count("dead.example") == 1
    assert sum(b.events(ino) == ["defer"] for ino in inos) <= 1


def test_two_names_of_one_set_of_hosts_share_its_slots(bed):
    plan = {}
    b = bed(remote=lambda job: plan.get(job.lane))
    b.control("laneinitial", "2")
    plan.update(dict.fromkeys(
        ["one.example", "two.example"],
        [dict(letter="K", group="mx.host.example")]))
    b.start()
    for name in ("one", "two"):
        b.gone(b.queue(["x@%s.example" % name]))
    plan.clear()
    b.remote.jobs.clear()
    for i in range(10):
        b.queue(["x@one.example"], sender="s@a%d.example" % i)
        b.queue(["x@two.example"], sender="s@b%d.example" % i)
    wait_for(lambda: len(b.remote.jobs) >= 2)
    b.gone(b.queue(["ann@example.org"]))
    assert 2 <= len(b.remote.jobs) <= 5
    assert {j.group for j in b.remote.jobs} == {"mx.host.example"}


def test_the_more_recipients_hear_a_reply_the_less_of_it_is_kept(bed):
    """The journal of the longest message must be read again."""
    n = 40000
    b = bed(remote=lambda job: [
        dict(letter="Z", text="4" * 1000 + "\n")]).start()
    few = b.queue(["kim@a.example"])
    many = b.queue(["r%d@a.example" % i for i in range(n)])
    wait_for(lambda: b.events(few) == ["defer"] and
             b.events(many) == ["defer"] * n, 60)
    assert "4" * 1000 in b.journal(few)
    assert b.path("info", many).stat().st_size < n * (2**24 // n + 150)


def test_a_message_to_thousands_of_hosts_goes_in_one_pass(bed):
    b = bed()
    b.control("concurrencyremote", "50")
    b.start()
    ino = b.queue(["r@h%d.example" % i for i in range(3000)])
    wait_for(lambda: not b.path("mess", ino).exists(), 60)
    assert len(b.remote.jobs) == 3000
    assert len({j.recipient for j in b.remote.jobs}) == 3000
