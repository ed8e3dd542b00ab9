"What a page carries beside Python's HTML: scripts and style sheets, in files that an editor colours and Node.js can read."
import json
import re

import pytest
from conftest import ROOT, run

PACKAGE = ROOT/"course_lib"
VENDORED = {"reveal.js", "reveal.css", "notes.js"}         # of course_lib/reveal, as their makers wrote them
FILES = sorted(p for kind in ("js", "css", "svg") for p in PACKAGE.rglob(f"*.{kind}") if p.name not in VENDORED)
SLIDERS = [p for p in FILES if p.parent.name == "sliders"]
COMMENT = ("//", "/*", "<!--")

def test_there_are_scripts(): assert {"live.js", "explore.js", "steps.js", "scatter.js", "interact.js"} <= {p.name for p in FILES}

@pytest.mark.parametrize("path", [p for p in FILES if p.suffix == ".js"], ids=lambda p: p.name)
def test_syntax(path, need):
    "Alone, and those of the sliders as a page carries them: without comments and indents"
    from course_lib.sliders.page import asset
    as_carried = [["-e", f"new Function({json.dumps(asset(path.name))})"]] if path in SLIDERS else []
    for args in [["--check", path], *as_carried]:
        r = run(need("node"), *args)
        assert r.returncode == 0, r.stdout

def test_a_mistake_in_a_script_is_found(tmp_path, need):
    (tmp_path/"a.js").write_text("function a( { return 1; }")
    assert run(need("node"), "--check", tmp_path/"a.js").returncode != 0

@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_files_are_for_readers(path):
    "Lines one can read, and what the file is for in the first"
    lines = path.read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 120 and lines[0].startswith((*COMMENT, "<svg"))

@pytest.mark.parametrize("path", SLIDERS, ids=lambda p: p.name)
def test_comments_have_lines_of_their_own(path):
    "There Python finds them and leaves them out of the page"
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    code = [line for line in lines if not line.startswith(COMMENT)]
    assert not [line for line in code if re.search(r"(?<!:)//|/\*|\*/|<!--|-->", line)], "comments have lines of their own"
    assert not [line for line in lines if line.startswith("/*") and not line.endswith("*/")]
    assert "`" not in "".join(code), "a text over several lines would lose its indents"

def test_no_script_stands_in_python():
    script = re.compile(r"document\.\w+|addEventListener|=> *\{|\bfunction \w+\(")
    found = {p.name: script.findall(p.read_text(encoding="utf-8")) for p in PACKAGE.rglob("*.py")}
    assert {name: what for name, what in found.items() if what} == {}
