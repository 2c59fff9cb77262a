"""The same service directories under s6, runit and daemontools."""
import json
import pathlib
import os
import re
import shutil
import socket
import subprocess

import pytest

from conftest import children, kill, wait_for

SUPERVISORS = ("s6-svscan", "runsvdir", "svscan")
SERVICES = {"smtpd", "popup", "send", "queued", "lspawn", "rspawn", "bounce",
            "authd", "policyd", "keyd"}


def environment(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # a jailed process is its own affair
    return dict(e.split(b"=", 1) for e in text.split(b"\0") if b"=" in e)


def running_below(home):
    """Processes of this instance, by their open folder or their arguments."""
    found = []
    for proc in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(home).encode() in (proc / "cmdline").read_bytes():
                found.append(int(proc.name))
        except OSError:
            pass
    return found


@pytest.fixture(params=SUPERVISORS)
def supervised(request, make_instance):
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    one = make_instance()
    one.supervisor = request.param
    one.arguments = ("--home", str(one.home))
    one.command("start", *one.arguments, "--supervisor", request.param)
    yield one
    one.command("stop", *one.arguments, "--wait", "2")


def status(one, code=0):
    return json.loads(one.command("status", *one.arguments, "--json",
                                  code=code))


def test_an_instance_starts_serves_and_stops(supervised):
    one = supervised
    one.send(b"Subject: test\r\n\r\nhello\r\n")
    one.wait_mails(1)
    seen = status(one)
    assert seen["started"] and seen["supervisor"] == one.supervisor
    assert {s["name"] for s in seen["services"]} == SERVICES
    for service in seen["services"]:
        assert service["state"] == "up"
        assert service["pid"] > 0 and service["seconds"] >= 1
        assert re.fullmatch(r"\d+\.\d+.*", service["version"]), service
    ports = {s["name"]: s["ports"] for s in seen["services"] if s["ports"]}
    assert ports == {"smtpd": [f"127.0.0.1:{one.smtp}"],
                     "popup": [f"127.0.0.1:{one.pop3}"]}
    for pid in [seen["pid"], *children(seen["pid"])]:
        env = environment(pid)
        assert env is None or \
            env[b"CULVER_HOME"] == str(one.home).encode()
    one.command("stop", *one.arguments, "--wait", "2")
    down = status(one, code=111)
    assert not down["started"]
    assert {s["state"] for s in down["services"]} == {"down"}
    wait_for(lambda: running_below(one.home) == [],
             why=f"nothing of {one.home} to run")


def test_what_is_killed_is_started_again(supervised):
    one = supervised
    before = {s["name"]: s["pid"] for s in status(one)["services"]}
    for pid in before.values():
        kill(pid)

    def fresh():
        now = json.loads(one.command("status", *one.arguments, "--json",
                                     code=None))
        return all(s["state"] == "up" and s["pid"] != before[s["name"]]
                   for s in now["services"])

    wait_for(fresh, why="every service to be back")
    wait_for(lambda: one.reachable("smtpd") and one.reachable("queued") and
             one.reachable("lspawn"))
    one.send(b"Subject: test\r\n\r\nhello\r\n")
    one.wait_mails(1)


def test_every_service_has_a_log(supervised):
    one = supervised
    one.send(b"Subject: test\r\n\r\nhello\r\n")
    one.wait_mails(1)
    current = one.home / "log" / "send" / "current"
    text = wait_for(lambda: "end msg" in current.read_text() and
                    current.read_text(), why="culver-send's log")
    assert all(re.match(r"@[0-9a-f]{24} ", line)
               for line in text.splitlines())
    for name in SERVICES:
        assert (one.home / "log" / name / "current").exists()


def test_a_second_start_is_refused(supervised):
    one = supervised
    done = one.command("start", *one.arguments, code=100)
    assert done == ""


def test_a_port_that_is_taken_is_said(make_instance):
    import socket
    one = make_instance()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", one.smtp))
        other.listen()
        one.command("start", "--home", str(one.home), "--wait", "3", code=111)
    one.command("stop", "--home", str(one.home), "--wait", "2")


def page_steps():
    """What culver-qmtpd(8) says how its service is put in place."""
    page = (pathlib.Path(__file__).resolve().parents[2] / "man" /
            "culver-qmtpd.8").read_text()
    text = re.search(r"(?s)\nIn HOME:\n\.Bd [^\n]*\n(.*?)\n\.Ed", page)
    return text.group(1)


def test_an_optional_service_is_put_in_place_as_its_page_says(supervised):
    one = supervised
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    listen = one.home / "run" / "optional" / "qmtpd" / "env" / "LISTEN"
    assert "0.0.0.0:209\n" in listen.read_text()
    listen.write_text("127.0.0.1:%d\n" % port)
    steps = page_steps()
    if one.supervisor != "s6-svscan":
        steps = "\n".join(line for line in steps.split("\n")
                          if not line.startswith("s6-"))
    owner = {"user": one.uid, "group": one.gid, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    subprocess.run(["sh", "-ec", steps], cwd=one.home, check=True, **owner)

    def accepts():
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return True
        except OSError:
            return False

    wait_for(accepts, why="the supervisor to see it")
    wait_for(lambda: {"qmtpd"} == {
        s["name"] for s in status(one)["services"]
        if s["state"] == "up"} - SERVICES, why="status to tell of it")
    one.command("stop", *one.arguments, "--wait", "2")
    assert not accepts()
    assert (one.home / "log" / "qmtpd" / "current").exists()
