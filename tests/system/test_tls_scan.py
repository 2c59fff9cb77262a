"""testssl.sh finds nothing worse than "low" at ports 25, 587, 465, 110 and
995."""
import json
import os
import shutil
import subprocess

import pytest
from conftest import BIN, PATIENCE, TOP, free_base, wait_for
from tlsdoor import Talk

TOOLS = TOP / "build/deps/tools"
TESTSSL = shutil.which("testssl", path=f"{TOOLS}/usr/bin:/usr/bin")
NAME = "mail.scan.example"
SCAN_SECONDS = 540  # after which it has failed

pytestmark = pytest.mark.skipif(TESTSSL is None,
                                reason="testssl.sh is not unpacked")

# Port, program, words of it, what testssl.sh is told.
DOORS = ((25, "smtpd", [], ["-t", "smtp"]), (587, "smtpd", [], ["-t", "smtp"]),
         (465, "smtpd", ["-t"], []), (110, "popup", [], ["-t", "pop3"]),
         (995, "popup", ["-t"], []))


def openssl(*words):
    subprocess.run(["openssl", *map(str, words)], check=True,
                   capture_output=True)


def make_chain(folder):
    """As an authority would give it: not self-signed, with a CRL's address."""
    openssl("req", "-x509", "-nodes", "-days", 300, "-subj", "/CN=authority",
            "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout",
            folder / "ca.key", "-out", folder / "ca.pem")
    openssl("req", "-nodes", "-subj", f"/CN={NAME}", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout",
            folder / "leaf.key", "-out", folder / "leaf.csr")
    (folder / "extensions").write_text(
        f"subjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n"
        "keyUsage=digitalSignature\nbasicConstraints=CA:FALSE\n"
        f"crlDistributionPoints=URI:http://{NAME}/crl\n")
    openssl("x509", "-req", "-days", 200, "-in", folder / "leaf.csr", "-CA",
            folder / "ca.pem", "-CAkey", folder / "ca.key", "-CAcreateserial",
            "-extfile", folder / "extensions", "-out", folder / "leaf.pem")
    return "".join((folder / name).read_text()
                   for name in ("leaf.key", "leaf.pem"))


def scan(folder, port, words):
    """What testssl.sh found, without a question to DNS."""
    path = folder / "bin"
    path.mkdir(exist_ok=True)
    for name in ("dig", "host", "drill", "nslookup"):
        (path / name).write_text("#!/bin/sh\nexit 1\n")
        (path / name).chmod(0o755)
    found = folder / "found.json"
    subprocess.run(
        [TESTSSL, "--quiet", "--color", "0", "--warnings", "batch", "--nodns",
         "none", "--ip", "127.0.0.1", "--add-ca", folder / "ca.pem",
         "--jsonfile", found, *words, f"{NAME}:{port}"], check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        timeout=SCAN_SECONDS,
        env={"PATH": f"{path}:{TOOLS}/usr/bin:{os.environ['PATH']}",
             "TESTSSL_INSTALL_DIR": str(
                 TOOLS / "etc/testssl" if (TOOLS / "etc/testssl").exists()
                 else "/etc/testssl"),
             "HOME": str(folder), "TERM": "dumb"})
    return json.loads(found.read_text())


@pytest.mark.parametrize("port, program, words, told", DOORS,
                         ids=[str(d[0]) for d in DOORS])
def test_nothing_above_low(make_instance, tmp_path, port, program, words, told):
    door = make_instance(users=("ann:secret",))
    path = door.home / "control" / "servercert.pem"
    path.write_text(make_chain(tmp_path))
    path.chmod(0o600)
    os.chown(path, door.uid, door.gid)
    door.start("keyd")
    at = free_base((port,)) + port
    env = dict(door.env, **({"REQUIREAUTH": "1"} if port in (465, 587) else {}))
    with open(door.folder / "door.log", "wb") as log:
        child = subprocess.Popen(
            [BIN / f"culver-{program}", *words, "-l", f"127.0.0.1:{at}"],
            env=env, stdout=log, stderr=log, user=door.uid, group=door.gid,
            extra_groups=[])

    def connected():
        try:
            Talk(at).socket.close()
            return True
        except OSError:
            return False
    try:
        wait_for(connected, why="the door")
        found = scan(tmp_path, at, told)
    finally:
        child.terminate()
        child.wait(PATIENCE)
    said = {row["id"]: row["finding"] for row in found}
    assert said["TLS1_3"].startswith("offered"), said
    assert said["TLS1"].startswith("not offered"), said
    assert said["cert_trust"].startswith("Ok"), said
    assert [row for row in found
            if row["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL")] == []
