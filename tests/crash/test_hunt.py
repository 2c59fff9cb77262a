"""The hunt of planted defects: where it looks, that it finds one, and that it
accuses nothing where none is."""
import os

import pytest

import disk
import hunt
import mutants
import points
from tracer import FAULTRUN

built = pytest.mark.skipif(
    not FAULTRUN.exists(), reason="faultrun is not built: make harness")
SPECS = {m.name: m.hunt for m in mutants.all_mutants()}
STORIES = sorted({spec for specs in SPECS.values() for spec in specs
                  if spec.split()[0] in ("cold", "crash")
                  or " folder " in spec})


@pytest.fixture(scope="module", name="bench")
def one_bench(in_a_process):
    """A bench in a process of its own, since it enters namespaces."""
    return in_a_process(points.Bench)


@pytest.mark.parametrize("name", SPECS)
def test_each_mutant_says_where_it_is_hunted(name):
    assert SPECS[name]
    for spec in SPECS[name] + hunt.QUICK:
        part, *words = spec.split()
        assert part in hunt.PARTS and words
        if part in ("rounds", "cold"):
            kind, scenario, _, where = words
            assert kind in (*disk.KINDS, "folder")
            assert scenario in points.SCENARIOS and "/" in where


def look(bench, spec):
    part, *words = spec.split()
    return hunt.PARTS[part](bench, *words)


@built
@pytest.mark.parametrize("spec", STORIES)
def test_sound_programs_are_accused_of_nothing(bench, spec):
    assert bench(look, spec) is None


@built
@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts disks")
@pytest.mark.parametrize("name", (
    "queued-failed-file-sync-ignored", "queued-no-folder-sync"))
def test_a_planted_defect_is_caught(name):
    assert hunt.task(name)["figures"] == {"points": 1}


def test_what_was_caught_is_not_hunted_again(tmp_path):
    out = tmp_path / "out"
    out.write_text('{"name": "a", "caught": true}\n'
                   '{"name": "b", "caught": false}\n')
    asked = hunt.argparse.Namespace(out=out, built=None)
    hunts = hunt.Hunts([hunt.Prey(n, (), None) for n in "abc"], asked)
    hunts.resume()
    assert [m.name for m in hunts.wanted] == ["b", "c"]
