"""The planted defects: that each is still one.  Whether the harness catches
them is seen by running it on them; mutants.py builds them."""
import re

import mutants
import pytest

PATCHES = sorted(mutants.FOLDER.glob("*.patch"))


def ids(path):
    return path.stem


def test_there_are_enough_of_them():
    assert len(mutants.all_mutants()) >= mutants.LEAST


def test_no_two_make_the_same_change():
    changes = {}
    for path in PATCHES:
        diff = re.sub(r"^(#|@@).*\n", "", path.read_text(), flags=re.M)
        changes.setdefault(diff, []).append(path.stem)
    assert [names for names in changes.values() if len(names) > 1] == []


@pytest.mark.parametrize("path", PATCHES, ids=ids)
def test_the_header_says_what_it_breaks_and_what_sees_it(path):
    mutant = mutants.parse(path)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", mutant.name)
    assert len(set(mutant.breaks)) == len(mutant.breaks)
    assert len(set(mutant.caught_by)) == len(mutant.caught_by)
    assert re.search(r"\. {1,2}(Where|Without|What|As long) ", mutant.text), \
        "a sentence says why nobody notices without a fault"


@pytest.mark.parametrize("path", PATCHES, ids=ids)
def test_it_is_small_and_changes_programs_alone(path):
    mutant = mutants.parse(path)
    assert 0 < mutant.added + mutant.removed
    assert max(mutant.added, mutant.removed) <= mutants.CHANGED
    for name in mutant.files:
        assert re.fullmatch(r"[a-z0-9]+/[a-z_]+\.[ch]", name)


@pytest.mark.parametrize("path", PATCHES, ids=ids)
def test_it_applies_to_the_tree_as_it_is(path):
    mutants.apply(mutants.parse(path), mutants.TOP, "--dry-run")


@pytest.mark.parametrize("header", [
    "# breaks: P1\n# text\n",
    "# breaks: P0\n# caught-by: kill\n# text\n",
    "# breaks:\n# caught-by: kill\n# text\n",
    "# breaks: P1\n# caught-by: luck\n# text\n",
    "# breaks: P1\n# caught-by: kill\n",
    "# breaks: P1\n# caught-by: kill\nno comment\n",
])
def test_a_bad_header_is_refused(tmp_path, header):
    good = "# breaks: P1 P2\n# caught-by: kill\n# text\n"
    diff = "--- a/lib/x.c\n+++ b/lib/x.c\n@@ -1 +1 @@\n-a\n+b\n"
    path = tmp_path / "some-name.patch"
    path.write_text(good + diff)
    assert mutants.parse(path).breaks == ("P1", "P2")
    path.write_text(header + diff)
    with pytest.raises(mutants.MutantError):
        mutants.parse(path)


def test_what_does_not_apply_is_said(tmp_path):
    mutant = mutants.parse(PATCHES[0])
    with pytest.raises(mutants.MutantError, match="does not apply"):
        mutants.apply(mutant, tmp_path, "--dry-run")
