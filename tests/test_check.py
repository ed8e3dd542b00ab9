"Every exercise is fit to be checked. (Whether a check is right, `audit` says in nbs/exercises; whether the holes can be filled, test_notebooks.py.)"
import ast
import re

import nbformat
import pytest
from conftest import notebooks

from course_lib.selftest.audit import as_learner, source_of
from course_lib.selftest.check import verdict
from course_lib.selftest.exercise import Exercise, find, lessons
from course_lib.selftest.progress import PASSED

NAMES = [name for names in lessons().values() for name in names]

@pytest.mark.parametrize("name", NAMES)
def test_words(name):
    "A ladder of three hints, each under 60 words; mistakes that have a name and a sentence; a reason"
    ex = find(name)
    assert len(ex.hints) == 3 and all(0 < len(h.split()) < 60 for h in ex.hints)
    assert ex.mistakes and ex.why.endswith((".", "?", "`", ")")) and len({n for n, *_ in ex.mistakes}) == len(ex.mistakes)
    assert all(len(sentence.split()) < 60 and sentence[0].isupper() for *_, sentence in ex.mistakes)
    if isinstance(ex, Exercise): assert [c for c in ex.cases if not callable(c)] and [c for c in ex.cases if callable(c)], "fixed cases and random ones"

class WithoutErrors(ast.NodeTransformer):
    "Code that raises nothing of its own"
    def visit_Raise(self, node): return ast.Pass()
    def visit_Expr(self, node): return ast.Pass() if ast.unparse(node).startswith("must_") else node

@pytest.mark.parametrize("name", [n for n in NAMES if isinstance(find(n), Exercise)])
def test_an_error_is_promised_where_it_is_asked_for(name):
    "`raises=True` leaves the ValueError in the learner's docstring: then, and only then, an answer without it fails"
    ex = find(name)
    without = as_learner(ast.unparse(WithoutErrors().visit(ast.parse(source_of(ex)))), ex)
    assert (verdict(ex, without, range(2)).state != PASSED) == ex.raises

def test_enough_exercises():
    "Six in every lesson that exports code, three in the others"
    exports = {p.stem: "default_exp" in p.read_text(encoding="utf-8") for p in notebooks("lessons")}
    assert {lesson: len(lessons().get(lesson, [])) for lesson in exports if len(lessons().get(lesson, [])) < (6 if exports[lesson] else 3)} == {}

@pytest.mark.parametrize("path", notebooks("exercises"), ids=lambda p: p.stem)
def test_each_exercise_is_audited_beside_it(path):
    "Declared, then audited with nothing in between but its own mistakes: an exercise that nobody audits could pass anything"
    said = re.findall(r"^ex = \w+\(\s*\"?(\w+)|^(assert audit\(ex\) == \(\[\], \[\]\))$", "\n".join(c.source for c in nbformat.read(path, as_version=4).cells), re.M)
    assert [name or "audited" for name, _ in said] == [word for name in lessons()[path.stem] for word in (name, "audited")]
