"The words around the course: README, the pages that are no lessons, and the files that people and machines look for at the top."
import re
from xml.etree import ElementTree

import nbformat
import outputs
import pytest
import yaml
from conftest import ROOT, settings
from course_lib.cli import lessons, parser
from course_lib.selftest.exercise import find

FILES = [ROOT/name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")]
PAGES = [ROOT/f"nbs/{name}.ipynb" for name in ("index", "practice", "groups", "about")]
both = pytest.mark.parametrize("path", [*FILES, *PAGES], ids=lambda p: p.stem)


def shown(path):
    "What a reader sees of a file, or of a page and its outputs, as Markdown"
    if path.suffix == ".md": return path.read_text(encoding="utf-8")
    cells = nbformat.read(path, as_version=4).cells
    said = [[o.get("data", {}).get("text/markdown", "") for o in c.get("outputs", [])] if c.cell_type == "code" else [c.source] for c in cells]
    return "\n\n".join(text for texts in said for text in texts)

def links(text): return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^ *```.*?^ *```|`[^`\n]+`", "", text, flags=re.M | re.S))

def inside(text): return [link.split("#")[0] for link in links(text) if not re.match(r"\w+:|#", link)]

def in_code(text): return re.findall(r"`([^`\n]+)`", text) + [line for block in re.findall(r"^ *```(?:sh|bat)\n(.*?)^ *```", text, re.M | re.S) for line in block.splitlines()]

@both
def test_links_lead_to_files(path): assert [link for link in inside(shown(path)) if not (path.parent/link).exists()] == []

def test_reading_links():
    text = "[a](b.md) [c](https://d.org) ![e](f/g.svg) [h](#i) [j](k.ipynb#l)\n`x[0](z)`\n```python\nx[0](y)\n```"
    assert inside(text) == ["b.md", "f/g.svg", "k.ipynb"] and links(text)[1] == "https://d.org"

@both
def test_commands_exist(path):
    "Every `course ...` and `make ...` that is named, with its lesson and its options"
    make = set(re.findall(r"^([a-z]+):.*## ", (ROOT/"Makefile").read_text(encoding="utf-8"), re.M))
    sub = next(action for action in parser()._actions if getattr(action, "choices", None)).choices
    for line in in_code(shown(path)):
        line = re.sub(r"^.*\\(?=course )|^!", "", line.strip())
        for command in re.split(r" && ", line):
            words = command.split()
            if words[:1] == ["make"]: assert set(words[1:2]) <= make, command
            if words[:1] != ["course"] or len(words) < 2: continue
            assert words[1] in sub, command
            options = {o for action in sub[words[1]]._actions for o in action.option_strings}
            assert {w for w in words[2:] if w.startswith("--")} <= options, command
            assert {w for w in words[2:] if re.match(r"\d\d_", w)} <= {*lessons()}, command

def test_reading_commands():
    assert in_code("`course list` and\n```sh\nmake lab\n```\n") == ["course list", "make lab"]


def test_readme_lists_every_lesson():
    "Once each, with its question, in order; lesson and practice in this repository, and a click to Colab"
    text = (ROOT/"README.md").read_text(encoding="utf-8").split("## Lessons")[1].split("\n## ")[0]
    assert re.findall(r"\*\*(\d\d) (.*?)\*\*", text) == [(name[:2], question) for name, question in lessons().items()]
    for name in lessons():
        assert f"](nbs/lessons/{name}.ipynb)" in text and f"](practice/{name}.ipynb)" in text
        assert re.search(rf"\]\(https://colab\.research\.google\.com/github/\S+/nbs/lessons/{name}\.ipynb\)", text)

def test_readme_is_short():
    "What stands there to be read, without addresses, code, the list of lessons and what is folded away"
    text = re.sub("## Lessons.*?\n## ", "## ", (ROOT/"README.md").read_text(encoding="utf-8"), flags=re.S)
    words = re.sub(r"\]\(\S+\)|^```(?:python|text).*?^```|!\[.*?\]|<!--.*?-->|<details>.*?</details>", "", text, flags=re.M | re.S).split()
    assert len(words) < 600, len(words)

def test_readme_has_one_picture_and_says_what_it_shows():
    (alt, file), = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", (ROOT/"README.md").read_text(encoding="utf-8"))
    assert len(alt) > 80 and (ROOT/file).stat().st_size < 200_000
    svg = ElementTree.fromstring((ROOT/file).read_bytes())
    text = (ROOT/file).read_text(encoding="utf-8")
    assert svg.get("aria-label") == alt and "prefers-reduced-motion" in text
    assert not re.search(r"<script|(?:href|src)=\"(?!data:)|url\(", text), "a picture on GitHub runs no script and fetches nothing"

def test_the_picture_shows_what_the_lessons_print():
    "All of it but the pixels of photos, which another version of Pillow may pack otherwise"
    import picture
    def plain(text): return re.sub(r"data:image/jpeg;base64,[^\"]*", "JPEG", text)
    assert plain(picture.picture()) == plain(picture.FILE.read_text(encoding="utf-8")), "lesson 01, 04, 05 or 10 prints something else now: run make readme"

def test_five_minutes_are_what_lesson_01_prints():
    "The code of README is a lesson's, and so are the numbers below it"
    cells = nbformat.read(ROOT/"nbs/lessons/01_pets.ipynb", as_version=4).cells
    code = [line for c in cells if c.cell_type == "code" for line in c.source.splitlines()]
    printed = "\n".join(str(o.get("text") or o.get("data", {}).get("text/plain")) for c in cells for o in c.get("outputs", []))
    blocks = re.findall(r"^```(python|text)\n(.*?)^```", (ROOT/"README.md").read_text(encoding="utf-8"), re.M | re.S)
    assert [kind for kind, _ in blocks] and {kind for kind, _ in blocks} == {"python", "text"}
    for kind, block in blocks:
        for line in filter(str.strip, block.splitlines()): assert line in (code if kind == "python" else printed.splitlines()), line

def test_readme_is_seen_from_the_top():
    from readme import from_the_top
    assert from_the_top("[a](lessons/b.ipynb) [c](../LICENSE) ![d](images/e.svg)") == "[a](nbs/lessons/b.ipynb) [c](LICENSE) ![d](nbs/images/e.svg)"
    assert from_the_top("[f](https://g.org) [h](#i)") == "[f](https://g.org) [h](#i)"


@pytest.mark.long
@pytest.mark.parametrize("path", PAGES[1:], ids=lambda p: p.stem)
def test_a_page_shows_what_its_cells_print_today(path):
    nb = nbformat.read(path, as_version=4)
    kept = [[o.get("text") or o["data"] for o in c.outputs] for c in nb.cells if c.cell_type == "code"]
    now = [[o.get("text") or o["data"] for o in c.outputs] for c in outputs.execute(nb).cells if c.cell_type == "code"]
    assert now == kept, f"run: make outputs NB=nbs/{path.name}"

def test_groups_has_a_part_for_every_lesson():
    "Under its question, with mistakes that the checks know"
    cells = nbformat.read(ROOT/"nbs/groups.ipynb", as_version=4).cells
    headings = re.findall(r"^### (.*)", "\n".join(c.source for c in cells if c.cell_type == "markdown"), re.M)
    assert headings == [f"{name[:2]} {question}" for name, question in lessons().items()]
    for call in re.findall(r'^leads\("(\w+)", (\[.*?\]), ask=', "\n".join(c.source for c in cells if c.cell_type == "code"), re.M):
        for exercise, mistake in eval(call[1]): assert mistake in [name for name, *_ in find(exercise).mistakes], (exercise, mistake)


def test_citation_is_what_settings_say():
    cff, s = yaml.safe_load((ROOT/"CITATION.cff").read_text(encoding="utf-8")), settings()
    assert cff["cff-version"] == "1.2.0" and cff["type"] == "software" and {"message", "title", "authors"} <= {*cff}
    assert cff["version"] == s["version"] and cff["authors"] == [{"name": s["author"]}] and cff["license"] == {"apache2": "Apache-2.0"}[s["license"]]
    assert cff["title"].lower() == f"{s['title']}: {s['description']}".lower() and cff["keywords"] == s["keywords"].split()
    assert cff["repository-code"] == s["git_url"] and cff["url"] == s["doc_host"] + s["doc_baseurl"]

def test_changelog_begins_with_what_is_not_released():
    "A version that is released has a heading with its day; the newest of them is not above the one in settings.ini"
    headings = re.findall(r"^## \[(.*?)\](.*)", (ROOT/"CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert headings[0] == ("Unreleased", "")
    assert all(re.fullmatch(r" - \d{4}-\d\d-\d\d", day) for _, day in headings[1:])

def test_changelog_names_every_command():
    named = re.search(r"The `course` command: (.*)\.", (ROOT/"CHANGELOG.md").read_text(encoding="utf-8"))[1]
    assert {*re.findall(r"`(\w+)`", named)} == {*parser().commands}

def test_contributing_names_every_command_that_makes_something():
    text = (ROOT/"CONTRIBUTING.md").read_text(encoding="utf-8")
    made_by = "nbdev_export", "nbdev_clean", "course clean", "make readme", "make outputs", "make minutes", "make quick", "make test"
    assert [command for command in made_by if not any(command in code for code in in_code(text))] == []

def test_no_address_is_invented(): assert not re.search(r"[\w.]+@[\w-]+\.\w+", "\n".join(shown(p) for p in [*FILES, *PAGES]))
