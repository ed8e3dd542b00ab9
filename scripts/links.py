"""Whether the outside addresses that the project's pages link to still answer (`python scripts/links.py`); the workflow asks once a week.

An address is dead when it says 404 or 410, when its host has no address, or when three times
it does not answer, answers 5xx, or answers what is not HTTP. Everything else counts as alive:
many hosts turn programs away (403, 429) and serve people. Links between our own pages are the tests' business.
"""
import http.client
import re
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat

from course_lib.selftest.files import notebooks_in

ROOT = Path(__file__).resolve().parents[1]
WHO = {"User-Agent": "Mozilla/5.0 (compatible; course_lib link check)"}
ADDRESS = re.compile(r"https?://[^\s<>\"'`\\|{}\]]+")
EXAMPLES = re.compile(r"//(localhost|127\.0\.0\.1|example\.(org|com)|[\w.]*\.invalid)\b")     # nobody is meant to go there


def pages():
    "What a person reads: the notebooks' words, and the files at the top"
    yield from [*ROOT.glob("*.md"), *ROOT.glob("*.cff"), *(ROOT/"course_lib/weights").glob("*.md")]
    folders = [*(ROOT/"nbs").glob("*/"), ROOT/"nbs", ROOT/"practice", ROOT/"clean"]
    yield from [f for folder in folders for f in notebooks_in(folder)]

def text(file):
    if file.suffix != ".ipynb": return file.read_text(encoding="utf-8")
    return "\n".join(c.source for c in nbformat.read(file, as_version=4).cells if c.cell_type == "markdown")

def addresses(text):
    "The addresses in a text, without the punctuation behind them, and without their anchors"
    return {a for a in map(_whole, ADDRESS.findall(text)) if not EXAMPLES.search(a)}

def _whole(found):
    "An address without the bracket of Markdown that closes after it, which its own brackets may stand before"
    while found.count(")") > found.count("("): found = found.rpartition(")")[0]
    return found.rstrip(".,;:!?*").split("#")[0]

def dead(address, tries=3, pause=5):
    "Why an address is dead; an empty text when it is not"
    why = ""
    for i in range(tries):
        if i: time.sleep(pause*i)
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=WHO), timeout=30): return ""
        except urllib.error.HTTPError as e:
            if e.code not in (404, 410) and e.code < 500: return ""
            why = f"{e.code} {e.reason}"
            if e.code < 500: return why
        except (OSError, ValueError) as e: why = f"{getattr(e, 'reason', e)}"
        except http.client.HTTPException as e: why = repr(e)            # something else than HTTP listens there
    return why


if __name__ == "__main__":
    where = {}
    for file in pages():
        for address in addresses(text(file)): where.setdefault(address, []).append(file.relative_to(ROOT).as_posix())
    with ThreadPoolExecutor(8) as pool: found = dict(zip(where, pool.map(dead, where)))
    for address, why in sorted(found.items()):
        if why: print(f"{address}: {why}, in {', '.join(where[address])}")
    print(f"{len(where)} addresses, {sum(map(bool, found.values()))} dead")
    sys.exit(any(found.values()))
