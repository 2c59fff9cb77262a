"""Every transcript below this folder, one test for each case.

A file whose first comment names a section, as (attacks 3.4), holds cases of it.
"""

import itertools
import pathlib
import re
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import talk  # noqa: E402


def section(path):
    """The first section of the catalogue of attacks that the file names."""
    lines = path.read_text().splitlines()
    head = itertools.takewhile(lambda line: line.startswith("#"), lines)
    named = re.search(r"\(attacks (\d+\.\d+)", " ".join(head))
    return named and named[1]


def all_cases():
    for path in sorted(HERE.glob("*/*.talk")):
        attack = section(path)
        marks = [pytest.mark.attack(attack)] if attack else []
        for name, lines in talk.parse_file(path):
            yield pytest.param(
                path.parent.name, lines, marks=marks,
                id="%s/%s: %s" % (path.parent.name, path.stem, name))


@pytest.mark.parametrize("program,lines", all_cases())
def test_talk(program, lines):
    talk.Case(program).run(lines)
