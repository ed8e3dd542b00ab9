"Every check is checked: right answers pass, wrong ones do not, known mistakes are told apart, and practice notebooks run to their end."
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, notebooks
from test_clean import executed, printed

from course_lib import check, clean

ALL = [(lesson, name) for lesson, names in check.lessons().items() for name in names]
names = pytest.mark.parametrize("name", [name for _, name in ALL])

@names
def test_no_false_pass_and_no_false_fail(name): assert audit(check.find(name), seeds=range(20)) == ([], [])

@names
def test_words(name):
    "A ladder of three hints, each under 60 words; misconceptions that have a name and a sentence; a reason"
    ex = check.find(name)
    assert len(ex.hints) == 3 and all(0 < len(h.split()) < 60 for h in ex.hints)
    assert ex.misconceptions and ex.why.endswith((".", "?", "`", ")")) and len({n for n, *_ in ex.misconceptions}) == len(ex.misconceptions)
    assert all(len(sentence.split()) < 60 and sentence[0].isupper() for *_, sentence in ex.misconceptions)
    if isinstance(ex, check.Exercise): assert [c for c in ex.cases if not callable(c)] and [c for c in ex.cases if callable(c)], "fixed cases and random ones"

def test_enough_exercises():
    "Six in every lesson that exports code, three in the others"
    exports = {p.stem: "default_exp" in p.read_text(encoding="utf-8") for p in notebooks("lessons")}
    assert {lesson: len(check.lessons().get(lesson, [])) for lesson in exports if len(check.lessons().get(lesson, [])) < (6 if exports[lesson] else 3)} == {}

def with_solutions(monkeypatch, lesson):
    "The practice notebook with the library's code in place of the holes, and the right answers"
    monkeypatch.setattr(clean, "stub", lambda source, name: source)
    cells = clean.practice_cells(clean.parse_notebook((ROOT/f"nbs/lessons/{lesson}.ipynb").read_bytes())[0])
    answers = {f'{q.name} = ...   # your answer': f"{q.name} = {q.answer!r}" for q in map(check.find, check.lessons()[lesson]) if isinstance(q, check.Question)}
    def filled(source):
        for hole, answer in answers.items(): source = source.replace(hole, answer)
        return source
    return [dict(c, source=filled(c["source"])) for c in cells]

@pytest.mark.parametrize("lesson", check.lessons())
def test_practice_runs_to_its_end(lesson, monkeypatch, tmp_path):
    "With its holes, each of them not attempted; and with the library's code and the right answers in them, everything passed"
    holes, filled = ROOT/f"practice/{lesson}.ipynb", tmp_path/"filled.ipynb"
    first = clean.parse_notebook(holes.read_bytes())[0][0]
    filled.write_text(clean.to_notebook([first, *with_solutions(monkeypatch, lesson)]), encoding="utf-8")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")                          # two kernels beside each other
    with ThreadPoolExecutor(2) as pool: notebooks = [*pool.map(executed, [holes, filled], [tmp_path/"a", tmp_path/"b"])]
    for nb, state, passed in zip(notebooks, (check.NOT_ATTEMPTED, check.PASSED), (0, len(check.lessons()[lesson]))):
        said = "".join(printed(c) for c in nb.cells if c.cell_type == "code")
        for name in check.lessons()[lesson]: assert f"{state}: {name}\n" in said
        assert f"{lesson}: {passed} of {len(check.lessons()[lesson])} passed" in printed(nb.cells[-1])
