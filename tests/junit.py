"""Print "PASSED FAILED SKIPPED ATTACKS" of a pytest report, and on stderr why
some were skipped.  ATTACKS counts those passed that are marked as cases of the
catalogue of attacks."""
import sys
import xml.etree.ElementTree as tree


def is_attack(case):
    return any(p.get("name") == "attack"
               for p in case.findall("properties/property"))


def has_passed(case):
    return not any(case.findall(word)
                   for word in ("failure", "error", "skipped"))


def main(path):
    try:
        suite = tree.parse(path).getroot()[0]
    except (OSError, tree.ParseError, IndexError):
        print("0 1 0 0")  # it did not get as far as a report
        return
    count = {key: int(suite.get(key))
             for key in ("tests", "failures", "errors", "skipped")}
    bad = count["failures"] + count["errors"]
    why = {}
    for case in suite:
        for skip in case.findall("skipped"):
            why.setdefault(skip.get("message"), []).append(case.get("name"))
    for message, tests in sorted(why.items()):
        print(f"         skipped {', '.join(tests)}: {message}",
              file=sys.stderr)
    attacks = sum(is_attack(case) and has_passed(case) for case in suite)
    print(count["tests"] - bad - count["skipped"], bad, count["skipped"],
          attacks)


if __name__ == "__main__":
    main(sys.argv[1])
