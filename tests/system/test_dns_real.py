"""What NSD serves and Unbound validates is what lib/dns hears: AD where the
zone is signed, trouble where it was tampered with, and answers by TCP."""
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from attackbed import free_port, wait_for_port
from conftest import TOP

TOOLS = TOP / "build/deps/tools"
PATH = f"{TOOLS}/usr/sbin:{TOOLS}/usr/bin:/usr/sbin:/usr/bin"
NSD = shutil.which("nsd", path=PATH)
UNBOUND = shutil.which("unbound", path=PATH)
SIGN = shutil.which("ldns-signzone", path=PATH)
KEYGEN = shutil.which("ldns-keygen", path=PATH)
RESOLVE = pathlib.Path(os.environ.get(
    "CULVER_BIN", TOP / "build/bin")).parent / "tests/system/resolve"

pytestmark = pytest.mark.skipif(
    None in (NSD, UNBOUND, SIGN, KEYGEN), reason="NSD or Unbound is not there")

HASH = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ZONE = f"""$ORIGIN {{name}}.
$TTL 300
@ IN SOA ns.{{name}}. hostmaster.{{name}}. 1 3600 900 604800 300
@ IN NS ns
@ IN MX 20 mx2
@ IN MX 10 mx1
ns IN A 127.0.0.1
mx1 IN A 127.0.0.1
mx1 IN AAAA ::1
mx2 IN A 127.0.0.2
_25._tcp.mx1 IN TLSA 3 1 1 {HASH}
null IN MX 0 .
alias IN CNAME @
far IN CNAME alias
mxalias IN MX 10 host
host IN CNAME mx2
hollow IN MX 10 nobody
plain IN A 127.0.0.3
ring IN CNAME gnir
gnir IN CNAME ring
1.2.0.192 IN PTR mx1
""" + "\n".join(f'big IN TXT "{n:03d}-{"x" * 200}"' for n in range(100)) + "\n"

NSD_CONF = """server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: {folder}
  database: ""
  pidfile: {folder}/nsd.pid
  xfrdfile: {folder}/xfrd.state
  zonelistfile: {folder}/zone.list
  xfrdir: {folder}
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: example.test
  zonefile: example.test.signed
zone:
  name: bogus.test
  zonefile: bogus.test.signed
"""

UNBOUND_CONF = """server:
  interface: 127.0.0.1@{port}
  port: {port}
  username: ""
  chroot: ""
  directory: {folder}
  pidfile: {folder}/unbound.pid
  use-syslog: no
  do-daemonize: no
  do-not-query-localhost: no
  num-threads: 1
  module-config: "validator iterator"
  trust-anchor-file: {folder}/example.test.ds
  trust-anchor-file: {folder}/bogus.test.ds
  local-zone: "test." nodefault
  domain-insecure: "insecure.test"
  local-zone: "insecure.test." static
  local-data: "insecure.test. 60 IN MX 10 mx.insecure.test."
  local-data: "mx.insecure.test. 60 IN A 127.0.0.1"
  local-zone: "refused.test." always_refuse
remote-control:
  control-enable: no
stub-zone:
  name: bogus.test
  stub-addr: 127.0.0.1@{authority}
stub-zone:
  name: example.test
  stub-addr: 127.0.0.1@{authority}
"""


def environment():
    arch = os.uname().machine + "-linux-gnu"
    return {"PATH": PATH, "LD_LIBRARY_PATH": ":".join(
        [str(TOOLS / "usr/lib" / arch), os.environ.get("LD_LIBRARY_PATH", "")])}


def run(*words, cwd):
    done = subprocess.run(words, cwd=cwd, env=environment(), timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def sign(folder, name):
    """NAME.signed and NAME.ds, in folder."""
    (folder / name).write_text(ZONE.format(name=name))
    key = run(KEYGEN, "-a", "ECDSAP256SHA256", "-k", name, cwd=folder)
    (folder / f"{key}.ds").rename(folder / f"{name}.ds")
    run(SIGN, "-n", "-e", "20361231000000", "-f", f"{name}.signed", name, key,
        cwd=folder)


@pytest.fixture(scope="module")
def resolver(tmp_path_factory):
    """ADDRESS:PORT of an Unbound that validates what an NSD serves."""
    folder = tmp_path_factory.mktemp("dns")
    for name in ("example.test", "bogus.test"):
        sign(folder, name)
    # The address of mx1.bogus.test is no longer what was signed.
    signed = folder / "bogus.test.signed"
    signed.write_text(re.sub(r"(mx1\.bogus\.test\.\s+\d+\s+IN\s+A\s+)127.0.0.1",
                             r"\g<1>127.0.0.9", signed.read_text()))
    authority, port = free_port(), free_port()
    (folder / "nsd.conf").write_text(
        NSD_CONF.format(folder=folder, port=authority))
    (folder / "unbound.conf").write_text(
        UNBOUND_CONF.format(folder=folder, port=port, authority=authority))
    servers = []
    with open(folder / "log", "wb") as log:
        for argv in ([NSD, "-d", "-c", "nsd.conf"],
                     [UNBOUND, "-d", "-c", "unbound.conf"]):
            servers.append(subprocess.Popen(
                argv, cwd=folder, env=environment(), stdout=log, stderr=log,
                stdin=subprocess.DEVNULL))
    try:
        wait_for_port(authority)
        wait_for_port(port)
        yield f"127.0.0.1:{port}"
    finally:
        for server in servers:
            server.terminate()
            server.wait(60)


TARGETS = [
    ("mx", "example.test",
     "example.test mx secure group mx1.example.test,mx2.example.test\n"
     "10 mx1.example.test mx1.example.test secure ::1 127.0.0.1\n"
     "20 mx2.example.test mx2.example.test secure 127.0.0.2\n"),
    ("mx", "far.example.test",
     "example.test mx secure group mx1.example.test,mx2.example.test\n"
     "10 mx1.example.test mx1.example.test secure ::1 127.0.0.1\n"
     "20 mx2.example.test mx2.example.test secure 127.0.0.2\n"),
    ("mx", "mxalias.example.test",
     "mxalias.example.test mx secure group host.example.test\n"
     "10 host.example.test mx2.example.test secure 127.0.0.2\n"),
    ("mx", "plain.example.test",
     "plain.example.test secure group \n"
     "0 plain.example.test plain.example.test secure 127.0.0.3\n"),
    ("mx", "insecure.test",
     "insecure.test mx group mx.insecure.test\n"
     "10 mx.insecure.test mx.insecure.test 127.0.0.1\n"),
    ("mx", "null.example.test", "D 5.1.10\n"),
    ("mx", "nobody.example.test", "D 5.1.2\n"),
    ("mx", "hollow.example.test", "D 5.4.4\n"),
    ("mx", "refused.test", "Z 4.1.2\n"),
    # The exchangers are signed, the address of the best is false: the next.
    ("mx", "bogus.test",
     "bogus.test mx secure group mx1.bogus.test,mx2.bogus.test\n"
     "10 mx1.bogus.test mx1.bogus.test secure ::1\n"
     "20 mx2.bogus.test mx2.bogus.test secure 127.0.0.2\n"),
    ("A", "mx1.bogus.test", "trouble"),
    ("A", "mx1.example.test", "found secure\n127.0.0.1\n"),
    ("A", "mx.insecure.test", "found\n127.0.0.1\n"),
    ("TLSA", "_25._tcp.mx1.example.test", f"found secure\n3 1 1 {HASH}\n"),
    ("TLSA", "_25._tcp.mx2.example.test", "no name secure\n"),
    ("AAAA", "mx2.example.test", "no data secure\n"),
    ("PTR", "1.2.0.192.example.test", "found secure\n0 mx1.example.test\n"),
]


@pytest.mark.parametrize("what,name,says", TARGETS,
                         ids=[f"{what}-{name}" for what, name, _ in TARGETS])
def test_what_is_served_is_what_is_heard(resolver, what, name, says):
    done = subprocess.run([RESOLVE, resolver, what, name], timeout=120,
                          capture_output=True, text=True, check=False)
    assert done.stdout.startswith(says), done.stdout + done.stderr
    assert done.returncode == (0 if "127." in says or "found" in says else 1)


def test_an_answer_too_long_for_udp_comes_whole(resolver):
    done = subprocess.run([RESOLVE, resolver, "TXT", "big.example.test"],
                          timeout=120, capture_output=True, text=True,
                          check=False)
    lines = done.stdout.splitlines()
    assert lines[0] == "found secure"
    assert sorted(lines[1:]) == [f"0 {n:03d}-{'x' * 200}" for n in range(100)]


def test_aliases_in_a_ring_lead_nowhere(resolver):
    """Unbound says SERVFAIL of them, so they are tried again."""
    done = subprocess.run([RESOLVE, resolver, "mx", "ring.example.test"],
                          timeout=120, capture_output=True, text=True,
                          check=False)
    assert re.match(r"Z 4\.1\.2|D 5\.4\.4", done.stdout), done.stdout
