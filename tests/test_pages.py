"A lesson is a page to read: what a learner sees of it in Jupyter, on Colab, on GitHub and on the docs site."
import re
import statistics

import nbformat
import pytest
import yaml
from conftest import LIBRARY, ROOT, notebooks

LESSONS = notebooks("lessons")
lessons = pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
pages = pytest.mark.parametrize("path", notebooks("", "lessons", "exercises", *LIBRARY), ids=lambda p: p.stem)


def cells(path): return [c for c in nbformat.read(path, as_version=4).cells if c.source.strip()]

def folded(cell): return cell.metadata.get("jupyter", {}).get("source_hidden", False)

def seen(path): return [c for c in cells(path) if c.cell_type == "code" and not folded(c)]

def lines(cell): return [line for line in cell.source.splitlines() if line.strip()]

def directives(cell): return re.findall(r"^#\|\s*([\w-]+)", cell.source, re.M)


@lessons
def test_what_only_tests_is_folded_away(path):
    assert not [c.source for c in seen(path) if re.search(r"^\s*assert\b", c.source, re.M) or "hide" in directives(c)]
    assert not [c.source for c in cells(path) if folded(c) and re.search(r"^assert\b", c.source, re.M) and "hide" not in directives(c)]

@lessons
def test_code_breathes(path):
    "In lines of 88 columns, and a few of them at a time; the first result soon"
    sizes = sorted(len(lines(c)) for c in seen(path))
    wide = [line for c in seen(path) for line in lines(c) if len(line) > 88]
    assert len(wide) <= 0.02*sum(sizes), wide
    assert statistics.median(sizes) <= 4 and sizes[int(0.9*(len(sizes) - 1))] <= 10
    result = next(i for i, c in enumerate(seen(path)) if c.outputs)
    assert sum(len(lines(c)) for c in seen(path)[:result + 1]) <= 14

@lessons
def test_words_go_with_code(path):
    words = [w for c in cells(path) if c.cell_type == "markdown" for w in re.split(r"^#+\s+Questionnaire", c.source, flags=re.M)[0].split()]
    told = [c for c in cells(path) if c.cell_type == "markdown"]
    assert len(told) >= len(seen(path)) and len(words) >= 10*sum(len(lines(c)) for c in seen(path))

@lessons
def test_what_a_lesson_builds_is_shown_on_the_site(path):
    "`#| exports` says so to every tool that knows nbdev's directives, too"
    defines = [c for c in cells(path) if c.cell_type == "code" and re.search(r"^(def|class) [a-z]\w*", c.source, re.M | re.I)]
    hidden = [c.source for c in defines if "export" in directives(c) and not folded(c)]
    assert hidden == []

@pytest.mark.parametrize("path", notebooks("lessons", *LIBRARY), ids=lambda p: p.stem)
def test_the_first_cell_is_title_and_one_line(path):
    "They are the page's title and description on the site"
    first = cells(path)[0]
    assert first.cell_type == "markdown" and re.fullmatch(r"# [^\n]+\n\n> [^\n]+", first.source.strip()), first.source

@pages
def test_options_of_cells_are_yaml(path):
    "What Quarto cannot read ends the build of the whole site"
    options = [(c.source, line) for c in cells(path) if c.cell_type == "code" for line in re.findall(r"^#\|\s*([\w-]+: .*)", c.source, re.M)]
    for source, line in options:
        got, = yaml.safe_load(line).values()            # raises where it is none
        told = line.split(":", 1)[1].strip()
        assert not isinstance(got, str) or len(got) >= len(told.strip("'\"")) - told.count("\\"), f"a part of it is lost:\n{source}"

def test_reading_options():
    with pytest.raises(yaml.YAMLError): yaml.safe_load("fig-alt: A curve: with a colon")
    assert yaml.safe_load("fig-alt: A curve # and more") == {"fig-alt": "A curve"}

@pytest.mark.parametrize("path", notebooks("exercises"), ids=lambda p: p.stem)
def test_exercises_read_as_a_page(path):
    "A part for each exercise, headed by its name; lines of 100 columns; and no page of the site"
    from course_lib.selftest.exercise import lessons
    headings = [h for c in cells(path) if c.cell_type == "markdown" for h in re.findall(r"^## (.*)", c.source, re.M)]
    assert [h for h in headings if h in lessons()[path.stem]] == lessons()[path.stem]
    assert [line for c in cells(path) if c.cell_type == "code" for line in lines(c) if len(line) > 100] == []
