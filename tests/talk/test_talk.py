"""Every transcript below this folder, one test for each case."""

import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import talk  # noqa: E402


def all_cases():
    for path in sorted(HERE.glob("*/*.talk")):
        for name, lines in talk.parse_file(path):
            yield pytest.param(
                path.parent.name, lines,
                id="%s/%s: %s" % (path.parent.name, path.stem, name))


@pytest.mark.parametrize("program,lines", all_cases())
def test_talk(program, lines):
    talk.Case(program).run(lines)
