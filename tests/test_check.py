"Every exercise is fit to be checked, and practice notebooks run to their end. (Whether a check is right, `audit` says in nbs/exercises.)"
import re

import nbformat
import pytest
from conftest import ROOT, executed, notebooks, printed

from course_lib.selftest import practice
from course_lib.selftest.progress import NOT_ATTEMPTED, PASSED
from course_lib.selftest.exercise import Exercise, Question, find, lessons
from course_lib.selftest.notebook import code_cell, parse_notebook, to_notebook

NAMES = [name for names in lessons().values() for name in names]

@pytest.mark.parametrize("name", NAMES)
def test_words(name):
    "A ladder of three hints, each under 60 words; mistakes that have a name and a sentence; a reason"
    ex = find(name)
    assert len(ex.hints) == 3 and all(0 < len(h.split()) < 60 for h in ex.hints)
    assert ex.mistakes and ex.why.endswith((".", "?", "`", ")")) and len({n for n, *_ in ex.mistakes}) == len(ex.mistakes)
    assert all(len(sentence.split()) < 60 and sentence[0].isupper() for *_, sentence in ex.mistakes)
    if isinstance(ex, Exercise): assert [c for c in ex.cases if not callable(c)] and [c for c in ex.cases if callable(c)], "fixed cases and random ones"

def test_enough_exercises():
    "Six in every lesson that exports code, three in the others"
    exports = {p.stem: "default_exp" in p.read_text(encoding="utf-8") for p in notebooks("lessons")}
    assert {lesson: len(lessons().get(lesson, [])) for lesson in exports if len(lessons().get(lesson, [])) < (6 if exports[lesson] else 3)} == {}

@pytest.mark.parametrize("path", notebooks("exercises"), ids=lambda p: p.stem)
def test_each_exercise_is_audited_beside_it(path):
    "Declared, then audited with nothing in between but its own mistakes: an exercise that nobody audits could pass anything"
    said = re.findall(r"^ex = \w+\(\s*\"?(\w+)|^(assert audit\(ex\) == \(\[\], \[\]\))$", "\n".join(c.source for c in nbformat.read(path, as_version=4).cells), re.M)
    assert [name or "audited" for name, _ in said] == [word for name in lessons()[path.stem] for word in (name, "audited")]


def tried(lesson, monkeypatch):
    "The practice notebook in which each hole is run as it is, and then with the library's code or the right answer in it"
    with_holes, _ = parse_notebook((ROOT/f"practice/{lesson}.ipynb").read_bytes())
    monkeypatch.setattr(practice, "stub", lambda source, name: source)
    cells, _ = parse_notebook((ROOT/f"nbs/lessons/{lesson}.ipynb").read_bytes())
    todo = practice.tasks(parse_notebook((ROOT/f"nbs/exercises/{lesson}.ipynb").read_bytes())[0])
    filled = [c["source"] for c in practice.practice_cells(cells, todo) if c["kind"] == "code"]
    answers = {f"{q.name} = ...   # your answer": f"{q.name} = {q.answer!r}" for q in map(find, lessons()[lesson]) if isinstance(q, Question)}
    for c in with_holes:
        yield c
        if c["kind"] != "code": continue
        source = filled.pop(0)
        for hole, answer in answers.items(): source = source.replace(hole, answer)
        if source != c["source"]: yield code_cell(source)
    assert not filled

@pytest.mark.long
@pytest.mark.parametrize("lesson", lessons())
def test_practice_runs_to_its_end(lesson, monkeypatch, tmp_path):
    "In one run: first each hole, which is not attempted and replaced by the library's function; then a right answer, which is passed and goes on being used"
    file = tmp_path/f"{lesson}.ipynb"
    file.write_text(to_notebook([*tried(lesson, monkeypatch)]), encoding="utf-8")
    nb = executed(file, tmp_path/"home")
    said = "".join(printed(c) for c in nb.cells if c.cell_type == "code")
    for name in lessons()[lesson]: assert said.index(f"{NOT_ATTEMPTED}: {name}\n") < said.index(f"{PASSED}: {name}\n")
    assert f"{lesson}: {len(lessons()[lesson])} of {len(lessons()[lesson])} passed" in printed(nb.cells[-1])
