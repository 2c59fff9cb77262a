"""make install puts in place what hier says, and an instance is made of it."""
import os
import pathlib
import stat
import subprocess
import tempfile

import pytest

from conftest import TOP


def installed(rows):
    """The rows of hier that make install is to fill, patterns expanded."""
    for path, owner, group, mode in rows:
        if path[-1] in "|?/" or "SS" in path:
            continue
        if path.startswith("man/"):
            folder, pattern = path.rsplit("/", 1)
            for page in (TOP / "man").glob(pattern):
                yield f"{folder}/{page.name}", int(mode, 8)
        else:
            yield path, int(mode, 8)


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="culver-test.",
                                     dir="/var/tmp") as name:
        os.chmod(name, 0o755)
        yield pathlib.Path(name)


def test_an_instance_is_made_of_what_was_installed(folder):
    subprocess.run(["make", "-s", "install", f"DESTDIR={folder}"], cwd=TOP,
                   check=True, capture_output=True, timeout=600)
    home = (TOP / "conf-home").read_text().splitlines()[0]
    there = folder / home.lstrip("/")
    rows = [line.split() for line in (TOP / "hier").read_text().splitlines()
            if line and not line.startswith("#")]
    wanted = dict(installed(rows))
    found = {str(f.relative_to(there)): stat.S_IMODE(f.stat().st_mode)
             for f in there.rglob("*") if f.is_file()}
    assert found == wanted
    for f in there.rglob("*"):
        assert f.stat().st_uid == os.geteuid()
    # By the installed programs alone, in another place.
    place = folder / "mine"
    done = subprocess.run(
        [there / "bin" / "culver", "setup", "--home", place, "--domain",
         "demo.example", "--private", "--user", "ann:secret"],
        capture_output=True, text=True, check=False, timeout=120,
        env={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stderr
    for name in ("bin/culver-smtpd", "service/smtpd/run", "service/.common"):
        assert (place / name).is_file(), name
