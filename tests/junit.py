"""Print "PASSED FAILED SKIPPED" of a pytest report, and why on stderr."""
import sys
import xml.etree.ElementTree as tree


def main(path):
    try:
        suite = tree.parse(path).getroot()[0]
    except (OSError, tree.ParseError, IndexError):
        print("0 1 0")  # it did not get as far as a report
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
    print(count["tests"] - bad - count["skipped"], bad, count["skipped"])


if __name__ == "__main__":
    main(sys.argv[1])
