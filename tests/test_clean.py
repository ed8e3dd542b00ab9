"The clean and practice notebooks as files: odd notebooks of others, learners' edits, the command, and notebooks that run to their end."
import hashlib
import json
import re
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from conftest import ROOT, command, executed, notebooks, offline, printed, run, settings

from course_lib.selftest import files

PYTHON = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}

def raw(source, kind="code", **more): return dict({"cell_type": kind, "metadata": {}, "source": source}, **({"outputs": [], "execution_count": None} if kind == "code" else {}), **more)

def nb(*cells, minor=4, **more): return json.dumps(dict({"cells": list(cells), "metadata": PYTHON, "nbformat": 4, "nbformat_minor": minor}, **more)).encode()

OUT = [{"output_type": "execute_result", "data": {"text/plain": "1"}, "metadata": {}, "execution_count": 3}]
V3 = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": [
    {"cell_type": "heading", "level": 3, "source": ["Old"]}, {"cell_type": "code", "input": ["!pip install x\n", "y = 1"], "outputs": [], "language": "python", "prompt_number": 7}]},
    {"cells": [{"cell_type": "markdown", "source": "words"}]}]}

# a file's bytes -> the sources that stay, or what the sentence says
ODD = {
    "format 3": (json.dumps(V3).encode(), ["### Old", "!pip install x\ny = 1"]),
    "format 4.5 with ids": (nb(raw("1", id="a"), raw("2", id="a"), minor=5), ["1", "2"]),
    "outputs and counts": (nb(raw("1", metadata={"tags": ["t"], "collapsed": True}) | {"outputs": OUT, "execution_count": 3}), ["1"]),
    "Windows newlines": (nb(raw("a = 1\r\nb = 2"), raw(["# T\r\n", "more"], "markdown")).replace(b", ", b",\r\n"), ["a = 1\nb = 2", "# T\nmore"]),
    "byte order mark": (b"\xef\xbb\xbf" + nb(raw("1")), ["1"]),
    "source in lines": (nb(raw(["a = 1\n", "b = 2"])), ["a = 1\nb = 2"]),
    "bash and pip": (nb(raw("%%bash\nfor f in *; do echo $f; done"), raw("!pip install x"), raw("%pip install x\nfiles = !ls")), ["%%bash\nfor f in *; do echo $f; done", "!pip install x", "%pip install x\nfiles = !ls"]),
    "awaits": (nb(raw("await f()\nasync for x in y: pass")), ["await f()\nasync for x in y: pass"]),
    "attachments": (nb(raw("# ![](attachment:a.png)", "markdown", attachments={"a.png": {"image/png": "aa"}}), raw("![](attachment:a.png)", "markdown")), ["# ![](attachment:a.png)"]),
    "raw cells": (nb(raw("raw", "raw"), raw("# title", "raw"), raw("1")), ["# title", "1"]),
    "empty": (nb(), []),
    "empty cells": (nb(raw(""), raw([]), raw("", "markdown")), ["", ""]),
    "500 cells": (nb(*(raw(f"x = {i}") for i in range(500))), [f"x = {i}" for i in range(500)]),
    "R": (nb(raw("x <- c(1, 2) %>% f"), metadata={"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}), ["x <- c(1, 2) %>% f"]),
    "letters of the world": (nb(raw("λ = 'ö漢🙂'")), ["λ = 'ö漢🙂'"]),
    "marks": (nb(raw("#clean\nkept", "markdown"), raw("# clean\nkept too", "markdown"), raw("#cleaning up\ngone", "markdown"), raw("#clean\nx = 1")), ["kept", "kept too", "x = 1"]),
    "directives of nbdev": (nb(raw("#| export\n#| hide\nx = 1"), raw("#hide\n#export core\nx = 1"), raw("#id a\n#caption A cat\n#alt b\n#width 3\n#hide_input\nx = 1")), ["x = 1"]*3),
    "what only looks like one": (nb(raw("x = '#identity'  # id\ny = 1  # width of it\nz = 2\n#hide"), raw("# identity\nx = 1"), raw("# hidden layers\nx = 1"), raw("'''\n#| export\n'''")),
                                 ["x = '#identity'  # id\ny = 1  # width of it\nz = 2\n#hide", "# identity\nx = 1", "# hidden layers\nx = 1", "'''\n#| export\n'''"]),
    "questionnaire": (nb(raw("words", "markdown"), raw("## Questionnaire", "markdown"), raw("1. Q?", "markdown"), raw("### Further research", "markdown"), raw("words", "markdown")),
                      ["## Questionnaire", "1. Q?", "### Further research", "words"]),
    "a heading and its words": (nb(raw("## Limits\n\nFrom this picture", "markdown"), raw("##not one", "markdown"), raw("text\n## later", "markdown")), ["## Limits\n\nFrom this picture"]),
    "no Python": (nb(raw("1"), raw("x = 1 y = 2")), "cell 2 ('x = 1 y = 2') is not Python (line 1: invalid syntax): mend it."),
    "no Python under %%time": (nb(raw("%%time\nx = = 1")), "cell 1 ('%%time') is not Python"),
    "invalid JSON": (nb(raw("1"))[:-9], "it is not JSON ("),
    "empty file": (b"", "it is not JSON ("),
    "deep JSON": (b"["*100000, "it is not JSON ("),
    "no notebook": (b'{"a": 1}', "it is JSON, but not a notebook (it has no list of cells): check which file this is."),
    "a list": (b"[1, 2]", "not a notebook"),
    "Latin-1": ('{"é": 1}'.encode("latin-1"), "it is not UTF-8 (byte 2): open it in Jupyter and save it again."),
    "UTF-16": (nb().decode().encode("utf-16"), "it is not UTF-8"),
    "a cell without a kind": (b'{"cells": [{"source": "1"}], "nbformat": 4}', "cell 1 has no kind, or no text that can be read: the file is damaged"),
    "a cell that is none": (b'{"cells": ["x = 1"], "nbformat": 4}', "cell 1 has no kind"),
    "half a character": (nb(raw("'\ud800'")), "cell 1 has no kind, or no text that can be read"),
}

@pytest.fixture
def theirs(tmp_path):
    (tmp_path/"theirs").mkdir()
    return tmp_path/"theirs"

def hashes(folder): return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.glob("*.ipynb")}

@pytest.mark.parametrize("name", ODD)
def test_odd_notebooks(name, theirs, tmp_path):
    data, want = ODD[name]
    (theirs/"a.ipynb").write_bytes(data)
    before = hashes(theirs)
    made, problems = files.foreign_files(theirs, tmp_path/"out")
    files.update(made)
    assert hashes(theirs) == before
    if isinstance(want, str): assert not made and len(problems) == 1 and want in problems[0] and "\n" not in problems[0] and problems[0].startswith(str(theirs/"a.ipynb"))
    else:
        got = nbformat.read(tmp_path/"out/a.ipynb", as_version=4)
        nbformat.validate(got)
        assert problems == [] and [c.source for c in got.cells] == want
        assert not any(c.get("outputs") or c.get("execution_count") or c.metadata for c in got.cells)
        assert files.update(made) == ([], []) and files.update(files.foreign_files(theirs, tmp_path/"out")[0]) == ([], [])

def test_attachments_stay_with_their_picture(theirs, tmp_path):
    (theirs/"a.ipynb").write_bytes(ODD["attachments"][0])
    files.update(files.foreign_files(theirs, tmp_path)[0])
    assert nbformat.read(tmp_path/"a.ipynb", as_version=4).cells[0].attachments == {"a.png": {"image/png": "aa"}}


def course(*args, cwd, code=0):
    r = run(command("course"), *args, cwd=cwd, env=offline(cwd/"home"))
    assert r.returncode == code, r.stdout
    return r.stdout

def test_command_on_other_notebooks(theirs, tmp_path):
    "The good ones are written, the bad one is named; the folder to write to may lie inside the source, as fastbook's does"
    for name in "empty", "bash and pip", "no Python": (theirs/f"{name}.ipynb").write_bytes(ODD[name][0])
    (theirs/"_draft.ipynb").write_bytes(nb())
    (theirs/"folder.ipynb").mkdir()
    said = course("clean", "--source", "theirs", "--dest", "theirs/clean", cwd=tmp_path, code=1)
    assert {p.name for p in (theirs/"clean").iterdir()} == {"empty.ipynb", "bash and pip.ipynb"}
    assert said.count("\n") == 3 and "no Python.ipynb: cell 2 ('x = 1 y = 2') is not Python" in said
    (theirs/"no Python.ipynb").unlink()
    assert course("clean", "--check", "--source", "theirs", "--dest", "theirs/clean", cwd=tmp_path) == "2 files are as they should be.\n"

@pytest.mark.parametrize("source, dest, says", [("theirs", "theirs", "sources are never changed"), ("theirs", "link", "sources are never changed"), ("nowhere", "out", "is not a folder"),
                                                ("theirs", "a_file", "is a file"), ("out", "theirs", "holds no notebooks"), ("theirs", "a_file/out", "give a folder you may write to"), ("theirs", None, "go together")])
def test_folders_that_cannot_be(source, dest, says, theirs, tmp_path):
    (theirs/"a.ipynb").write_bytes(nb(raw("1")))
    (tmp_path/"a_file").touch(), (tmp_path/"out").mkdir(), (tmp_path/"link").symlink_to(theirs)
    before = hashes(theirs)
    said = course("clean", "--source", source, *(["--dest", dest] if dest else []), cwd=tmp_path, code=1)
    assert said.startswith("course: ") and says in said and said.count("\n") == 1 and hashes(theirs) == before

def test_a_link_to_the_source_is_not_written_through(theirs, tmp_path):
    (theirs/"a.ipynb").write_bytes(nb(raw("1")))
    (tmp_path/"out").mkdir(), (tmp_path/"out/a.ipynb").symlink_to(theirs/"a.ipynb")
    before = hashes(theirs)
    made, _ = files.foreign_files(theirs, tmp_path/"out")
    assert files.update(made) == ([], list(made)) and files.update(made, force=True) == (list(made), []) and hashes(theirs) == before


MSE = """ex = exercise(mse, cases=[(torch.ones(2), torch.zeros(2))], hints=["Square."], why="It is smooth.")"""
STEEPEST = """ex = question("steepest", after="The slope, measured", answer="a", hints=["Look."], why="It is.")"""
@pytest.fixture
def small(checkout):
    "A checkout whose lesson 04 has two exercises, and the others none"
    for file in notebooks("exercises"): (checkout/"nbs/exercises"/file.name).unlink()
    (checkout/"course_lib").mkdir()
    made = [raw("## mse\n\nThe task is in the lesson.", "markdown"), raw(MSE), raw("## steepest\n\n> Which knob has the steepest slope at the start?", "markdown"), raw(STEEPEST)]
    (checkout/"nbs/exercises/04_descent.ipynb").write_bytes(nb(*made))
    return checkout

@pytest.mark.long
def test_clean_lesson_runs(small, tmp_path):
    "With something expected of one section, as a learner would write it, and of the others nothing"
    course("clean", "04_descent", cwd=small)
    file = small/"clean/04_descent.ipynb"
    file.write_text(file.read_text(encoding="utf-8").replace('expect(\\"The loss\\", \\"...\\")', 'expect(\\"The loss\\", \\"4.67\\")'), encoding="utf-8")
    nb = executed(file, tmp_path/"home")
    assert "above_the_best" in printed(nb.cells[-2])
    said = {c.source: printed(c) for c in nb.cells if c.source.startswith("expect")}
    assert len(said) > 20 and {source for source, text in said.items() if text} == {'expect.was_it_so("The loss", "...")'}
    assert "You expected: 4.67\n→ Was it so?" in said['expect.was_it_so("The loss", "...")']
    assert nb.cells[-1].source == "expect" and nb.cells[-1].outputs[0].data["text/plain"] == "04_descent: 0 of 1 came as expected\n○ The loss: 4.67"
    words = [line for c in nb.cells if c.cell_type == "markdown" for line in c.source.splitlines() if line]
    assert words.pop(1).startswith("The lesson without its words.") and all(line.startswith("#") or line[0].isdigit() for line in words), words
    assert not any(re.search(r'^ +".*"$', c.source, re.M) for c in nb.cells), "a docstring"
    assert not any("#|" in c.source or "exercise" in c.source or "assert" in c.source for c in nb.cells)

def test_practice_lesson(small):
    course("clean", cwd=small)
    sources = [c.source for c in nbformat.read(small/"practice/04_descent.ipynb", as_version=4).cells]
    stubs = [s for s in sources if "your code here" in s and s.startswith("def")]
    assert stubs == ['def mse(preds, targs):\n    "Mean squared error: `(n,), (n,) -> scalar`, in the unit of `targs` squared"\n    ...  # your code here\n\nmse = check(mse)']
    assert '# hint("mse")\n# solution("mse")' in sources and "Which knob has the steepest slope at the start?" in sources
    assert 'steepest = ...   # your answer\ncheck_value("steepest", steepest)' in sources and sources[-1] == "progress()"

def test_all_lessons_at_once(small):
    "Quick, the same a second time, as nbdev_clean wants it, and stale as soon as a lesson changes"
    start = time.process_time()
    made = files.course_files(small)
    assert time.process_time() - start < 2
    assert files.update(made) == (list(made), []) and files.update(files.course_files(small)) == ([], [])
    notebooks = [p for p in made if p.suffix == ".ipynb"]
    assert len(notebooks) == 2*len(list((small/"nbs/lessons").glob("*.ipynb")))
    for folder in "clean", "practice": run(command("nbdev_clean"), "--fname", small/folder, cwd=small)
    assert files.stale(made) == [], "nbdev_clean would change them"
    for p in notebooks: nbformat.validate(nbformat.read(p, as_version=4))
    assert "as they should be" in course("clean", "--check", cwd=small)
    file = small/"nbs/lessons/04_descent.ipynb"
    file.write_text(file.read_text(encoding="utf-8").replace("lr = 0.1", "lr = 0.2"), encoding="utf-8")
    said = course("clean", "--check", cwd=small, code=1)
    assert "clean/04_descent.ipynb" in said and "practice/04_descent.ipynb" in said and said.count("is not what its notebook says") == 2
    said = course("clean", "04_descent", cwd=small)
    assert said.count("wrote") == 2 and "as they should be" in course("clean", "--check", cwd=small)

def test_a_learners_work_is_left_alone(small):
    course("clean", cwd=small)
    mine = small/"practice/04_descent.ipynb"
    nb = nbformat.read(mine, as_version=4)
    nb.cells[-2].source += "\n# mine"
    nbformat.write(nb, mine)
    before = mine.read_bytes()
    said = course("clean", cwd=small, code=1)
    assert mine.read_bytes() == before and "practice/04_descent.ipynb was changed by hand and is left alone; with --force" in said
    assert "practice/04_descent.ipynb" in course("clean", "--check", cwd=small, code=1)
    course("clean", "--force", cwd=small)
    assert mine.read_bytes() != before

def test_practice_copies_once(small):
    assert "is yours: git ignores it" in course("practice", "04_descent", "--no-open", cwd=small)
    mine = small/"my/04_descent_practice.ipynb"
    assert "your code here" in mine.read_text(encoding="utf-8")
    mine.write_text("work")
    assert "stays as you left it" in course("practice", "04_descent", "--no-open", cwd=small) and mine.read_text() == "work"
    assert subprocess.run(["git", "check-ignore", "-q", "my/04_descent_practice.ipynb", "start.ipynb"], cwd=ROOT).returncode in (0, 128)      # 128: not a checkout

def test_names_are_unique_in_the_course(small):
    shutil.copy(small/"nbs/exercises/04_descent.ipynb", small/"nbs/exercises/99_again.ipynb")
    said = course("clean", "01_pets", cwd=small, code=1)
    assert said == "course: exercises/99_again.ipynb: the exercise 'mse' is in 04_descent.ipynb already: names are unique in the whole course, rename one.\n"

def test_a_question_needs_a_heading_of_the_lesson(small):
    file = small/"nbs/exercises/04_descent.ipynb"
    file.write_text(file.read_text(encoding="utf-8").replace("The slope, measured", "The slope, guessed"), encoding="utf-8")
    said = course("clean", cwd=small, code=1)
    assert said == ("course: 04_descent.ipynb: question steepest stands after the heading 'The slope, guessed', which the lesson does not have: "
                    "did you mean 'The slope, measured'?\n")


SETUP = """import sys, importlib.util
from IPython.core.interactiveshell import InteractiveShell
shell, there = InteractiveShell.instance(), importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == {missing!r} else there(name)
shell.register_magic_function(lambda line: print("pip", line), magic_name="pip")
sys.exit(not shell.run_cell({source!r}).success)"""

@pytest.mark.parametrize("missing, asked", [("course_lib", f"pip install -q {settings()['lib_name']}\n"), ("", "")])
def test_setup_installs_what_is_missing_and_else_does_nothing(missing, asked, tmp_path):
    r = run(sys.executable, "-c", SETUP.format(missing=missing, source=files.setup_cell(settings())), cwd=tmp_path, env=offline(tmp_path))
    assert (r.returncode, r.stdout) == (0, asked)

@pytest.mark.parametrize("folder", ["nbs/lessons", "practice", "clean"])
def test_every_page_begins_with_the_set_up(folder):
    for path in sorted((ROOT/folder).glob("*.ipynb")):
        first = next(c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
        assert first.source == files.setup_cell(settings()), path


@pytest.mark.parametrize("path", notebooks("exercises"), ids=lambda p: p.stem)
def test_every_exercise_is_in_its_practice_notebook_and_no_answer_is(path):
    "What a learner opens shows neither the library's function nor the answer to a question"
    todo = files.all_tasks(ROOT)[path.stem]
    code = [c.source for c in nbformat.read(ROOT/"practice"/path.name, as_version=4).cells if c.cell_type == "code"]
    for t in todo:
        asked = f'{t.name} = ...   # your answer\ncheck_value("{t.name}", {t.name})' if t.kind == "question" else f"\n\n{t.name} = check({t.name})"
        assert len([s for s in code if asked in s]) == 1 and f'# hint("{t.name}")\n# solution("{t.name}")' in code, t.name
        if t.kind == "exercise": assert [s for s in code if asked in s and "...  # your code here" in s], t.name
    learners = [*ROOT.glob("nbs/lessons/*.ipynb"), *ROOT.glob("practice/*.ipynb"), *ROOT.glob("clean/*.ipynb")]
    assert not [p for p in learners if "selftest.exercises" in p.read_text(encoding="utf-8") or "question(" in p.read_text(encoding="utf-8")]

def test_what_is_committed_is_fresh():
    made = files.course_files(ROOT)
    assert [p.name for p in files.stale(made) + files.leftovers(ROOT, made)] == [], "run: course clean"
