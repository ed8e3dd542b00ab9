"The rules that hold across files: who may import whom, one address, no paths of one machine, the shape of a lesson."
import ast
import inspect
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from conftest import LIBRARY, ROOT, notebooks, run, settings
from course_lib.cli import minutes

# module -> the modules of course_lib it may import; a new module gets its line here and in the design's table
MAY = {"args": "", "core": "args", "plot": "args core", "labels": "args", "training": "args core", "resnet": "", "model": "args core resnet", "interpret": "args plot",
       "data": "args core plot labels pictures.critters pictures.fetch", "learner": "args core plot training model data",
       "descent": "core plot training", "relu": "core plot training", "tensors": "core plot training", "classifier": "core plot training tensors",
       "cnn": "core plot training", "inside": "core plot", "tables": "",
       "pictures.shapes": "", "pictures.critters": "pictures.shapes", "pictures.camera": "pictures.shapes pictures.critters", "pictures.owl": "pictures.shapes",
       "pictures.digits": "pictures.shapes", "pictures.sky": "pictures.shapes", "pictures.fetch": "core",
       "pictures.passengers": "args core",
       "pictures.arrays": "args core data pictures.shapes pictures.digits pictures.sky pictures.fetch",
       "sliders.trace": "", "sliders.page": "", "sliders.interact": "sliders.page", "sliders.steps": "sliders.page", "sliders.axes": "sliders.page",
       "sliders.explore": "sliders.trace sliders.page sliders.interact sliders.axes", "sliders.points": "sliders.trace sliders.page sliders.interact sliders.axes",
       "sliders.marks": "sliders.axes", "sliders.scatter": "sliders.page sliders.axes sliders.marks",
       "selftest.exercise": "", "selftest.progress": "core plot selftest.exercise", "selftest.expect": "selftest.progress", "selftest.compare": "", "selftest.trial": "core",
       "selftest.check": "plot selftest.exercise selftest.progress selftest.compare selftest.trial",
       "folder": "args selftest.files selftest.notebook", "selftest.notebook": "", "selftest.clean": "selftest.notebook", "selftest.practice": "selftest.exercise selftest.notebook selftest.clean",
       "selftest.files": "selftest.notebook selftest.clean selftest.practice", "selftest.audit": "selftest.exercise selftest.progress selftest.trial selftest.check selftest.practice",
       "speed": "args core", "models": "args core speed",
       "cli": "", "plan": "args cli selftest.exercise selftest.clean selftest.notebook selftest.practice", "sheet": "args tables", "slides": "cli selftest.clean selftest.notebook selftest.practice",
       "selftest.report": "cli selftest.files selftest.progress"}
WITHOUT_TORCH = {"args", "labels", "cli", "folder", "plan", "sheet", "slides", *(n for n in MAY if n.startswith("sliders.")), "selftest.exercise", "selftest.notebook", "selftest.clean", "selftest.practice", "selftest.files",
                 *(f"pictures.{n}" for n in ("shapes", "critters", "camera", "owl", "digits", "sky"))}
EVERY = {p.relative_to(ROOT/"course_lib").with_suffix("").as_posix().replace("/", "."): p for p in sorted((ROOT/"course_lib").rglob("*.py")) if p.stem[0] != "_"}
MODULES = {name: p for name, p in EVERY.items() if not name.startswith("selftest.exercises.")}
LESSONS = notebooks("lessons")


def imports(tree, name=""):
    "Every import below the `tree` of the module `name`, wherever it stands: (module, name or None)"
    package = ["course_lib", *name.split(".")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import): yield from ((a.name, None) for a in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[:len(package) - node.level + 1] if node.level else []
            yield from ((".".join(filter(None, [*above, node.module])), a.name) for a in node.names)

def at_import(tree, name=""):
    "The same for what runs when the module is imported: not inside functions"
    inside = {id(n) for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef)) for n in ast.walk(f)}
    return {m for n in ast.walk(tree) if isinstance(n, (ast.Import, ast.ImportFrom)) and id(n) not in inside for m in imports(n, name)}

def ours(pairs):
    "Which modules of course_lib are named by `pairs`, as `from course_lib.core import ...` or `from course_lib import core`"
    paths = [(m.split(".")[1:], name) for m, name in pairs if m.split(".")[0] == "course_lib"]
    named = {".".join([*path, name] if ".".join([*path, name or ""]) in MODULES else path) for path, name in paths}
    return named - {"", "_modidx"}

def parse(name): return ast.parse(EVERY[name].read_text(encoding="utf-8"))


def test_reading_imports():
    "The reader of imports itself sees all their forms"
    tree = ast.parse("import course_lib.data\nfrom course_lib import core\nfrom . import plot\nfrom .labels import e\nimport torch\ndef f():\n    from course_lib.cli import h")
    assert ours(imports(tree)) == {"data", "core", "plot", "labels", "cli"} and ours(at_import(tree)) == {"data", "core", "plot", "labels"}
    tree = ast.parse("from ..core import a\nfrom .clean import b\nfrom . import check\nfrom .. import plot")
    assert ours(imports(tree, "selftest.files")) == {"core", "selftest.clean", "selftest.check", "plot"}

@pytest.mark.parametrize("name", MODULES)
def test_imports_only_point_down(name):
    assert name in MAY or name == "cli", f"{name} is new: say in MAY what it may import"
    if name == "cli": assert not ours(at_import(parse(name))), "cli imports the library inside functions only"
    else: assert ours(imports(parse(name), name)) <= set(MAY[name].split())

def test_the_table_has_no_circle():
    def below(name): return {name}.union(*(below(m) for m in MAY[name].split()))     # a circle would never end
    assert below("learner") == {"learner", *"args core plot training model data resnet labels pictures.critters pictures.shapes pictures.fetch".split()}
    for name in MAY: below(name)

@pytest.mark.parametrize("name", EVERY)
def test_lines_fit_in_120_columns(name):
    lines = EVERY[name].read_text(encoding="utf-8").split("__all__ = [", 1)          # nbdev writes that list, and breaks it late
    assert [line for part in lines for line in part.split("]\n", 1)[-1].splitlines() if len(line) > 120] == []

@pytest.mark.parametrize("name", EVERY)
def test_no_star_imports(name): assert "*" not in {what for _, what in imports(parse(name))}

def test_no_module_that_collects_the_others():
    assert "all" not in MODULES
    assert not list(imports(ast.parse((ROOT/"course_lib/__init__.py").read_text(encoding="utf-8"))))

def test_resnet_imports_only_torch(): assert {m.split(".")[0] for m, _ in imports(parse("resnet"))} == {"torch"}

def test_only_sliders_touches_ipywidgets():
    assert {n for n in MODULES if any(m.startswith("ipywidgets") for m, _ in imports(parse(n)))} <= {"sliders.interact"}


HEAVY = {"torch", "torchvision", "ipywidgets", "matplotlib.pyplot", "pandas", "nbdev", "IPython", "numpy", "fastcore"}

def imported(*names):
    "Which of HEAVY are there after the import of some modules, in a fresh process"
    code = f"import sys, {', '.join('course_lib.' + n for n in names) or 'course_lib'}; print(*({HEAVY} & set(sys.modules)))"
    r = run(sys.executable, "-c", code, cwd=ROOT)
    assert r.returncode == 0, r.stdout
    return set(r.stdout.split())

def test_what_an_import_brings():
    "Together, so that each process speaks for many modules: what none of them brings is not there"
    assert not imported() and not imported("cli")
    assert "torch" not in imported(*WITHOUT_TORCH)
    assert not imported(*MODULES) & {"torchvision", "ipywidgets", "nbdev", "pandas", "fastcore"}

def test_reading_what_is_imported(): assert imported("learner") >= {"torch", "numpy"}


def texts():
    "Every text file that git has or would take: {path: text}"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode: pytest.skip("not a git checkout: which files belong to the project is not known")
    res = {}
    for name in listed.stdout.splitlines():
        try: res[name] = (ROOT/name).read_text(encoding="utf-8")
        except (UnicodeDecodeError, FileNotFoundError): pass        # a picture, weights; or deleted and not yet committed
    assert "Makefile" in res and "nbs/index.ipynb" in res
    return res

def found(pattern, but=()):
    "Where `pattern` is found: {path: {what}}"
    hits = {name: set(re.findall(pattern, text)) for name, text in texts().items() if name not in but}
    return {name: what for name, what in hits.items() if what}

CITED = {"quarto-dev", "fastai", "markedjs"}      # other projects on GitHub that a page may link to

def test_one_address():
    "The address of the project stands in settings.ini; what has it besides is made from there, and agrees"
    s = settings()
    made = {"settings.ini", "README.md", "CITATION.cff", "nbs/index.ipynb", "nbs/practice.ipynb", "nbs/about.ipynb", "nbs/nbdev.yml", "course_lib/_modidx.py", *(n for n in texts() if n.startswith(("clean/", "practice/")))}
    assert found(re.escape(s["git_url"]) + "|" + re.escape(f"{s['user']}.github.io"), but=made | {n for n in texts() if n.startswith("nbs/lessons")}) == {}
    others = found(r"(?:github(?:usercontent)?\.com|google\.com/github)/([A-Za-z][\w-]*)/")
    assert {n: who - {s["user"], *CITED} for n, who in others.items() if who - {s["user"], *CITED}} == {}, "another address than that of settings.ini"

def test_no_paths_of_one_machine():
    assert found(r"(?<![\w.])/(?:home|Users|root|work|tmp)/\w[^\s\"'`]*|[A-Z]:\\{1,2}Users\b") == {}


def cells(path, kind): return [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == kind]

def tagged(path, tag): return [c for c in cells(path, "code") if tag in c.metadata.get("tags", [])]

@pytest.mark.parametrize("path", LESSONS, ids=lambda p: p.stem)
class TestLesson:
    def test_title_is_a_question(self, path):
        first = nbformat.read(path, as_version=4).cells[0]
        assert first.cell_type == "markdown" and re.match(r"# [^\n]+\?(\n|$)", first.source)

    def test_ends_with_what_to_remember_and_questions(self, path):
        text = "\n".join(c.source for c in cells(path, "markdown"))
        headings = re.findall(r"^## (.*)", text, re.M)
        assert {"What to remember", "Questionnaire"} <= set(headings)
        assert "<details>" in text.split("## Questionnaire")[1], "the answers are folded away in <details>"

    def test_says_its_numbers_when_it_has_data(self, path):
        assert len(tagged(path, "parameters")) <= 1
        assert len(tagged(path, "results")) == 1 or not tagged(path, "parameters"), "`course run` prints the cell tagged `results`"

    def test_imports_name_what_they_take(self, path):
        assert not [c.source for c in cells(path, "code") if re.search(r"^from .* import \*", c.source, re.M)]

    def test_says_how_long_it_takes(self, path):
        "Within a step of what scripts/minutes.py calculates, so that a mended sentence may stay without it; and no page asks for more than 90 + 75"
        from minutes import LIMITS, estimate
        told, now = minutes(path), estimate(path)
        assert told and max(abs(a - b) for a, b in zip(told, now)) <= 5, f"it says {told}, and takes {now}: run make minutes"
        assert all(n <= limit for n, limit in zip(told, LIMITS)), f"{told} minutes: shorten the page or its practice"
        introduction = nbformat.read(path, as_version=4).cells[1].source
        assert f"[practice](../../practice/{path.name})" in introduction.split("\n")[0]

    def test_does_not_export_when_it_runs(self, path):
        "A learner who changes a lesson and runs it must not change the library"
        assert not [c.source for c in cells(path, "code") if "nbdev_export(" in c.source]


def test_counting_minutes():
    "Each of the assumptions once; and lines of a solution are those below its docstring"
    import minutes
    from course_lib.plan import solution_lines
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
    def takes(*cells): return pytest.approx(minutes.reading(new_notebook(cells=cells, metadata={"seconds": 0})))
    picture = new_code_cell("show()", outputs=[new_output("display_data", {"image/png": ""})])
    assert takes(new_markdown_cell("word "*150)) == 1 and takes(new_markdown_cell("word "*15 + "\n\n## Questionnaire\n\n" + "word "*99)) == 0.1
    assert takes(new_code_cell("#| export\n" + "x = 1\n\n"*8)) == 1 and takes(new_code_cell("x = 1", metadata={"jupyter": {"source_hidden": True}})) == 0
    assert takes(new_markdown_cell("**Try:** this")) == 2 + 2/150 and takes(new_markdown_cell("Why?")) == 0.25 + 1/150
    assert takes(picture) == 0.5 + 1/8 and takes(new_code_cell("explore(quad)")) == 1.5 + 1/8
    assert minutes.reading(new_notebook(metadata={"seconds": 90})) == 1.5

    class Two:
        "No line"
        a = 1
        def f(self): "none"; return 1
        def g(self):
            """This
            is none."""
            x = 1
            return x
    assert [solution_lines(inspect.getsource(what)) for what in (Two, Two.g)] == [3, 2]

def test_make_lab_opens_the_start_page():
    if not shutil.which("make"): pytest.skip("there is no make here")
    assert re.search(r"/course lab --no-browser$", run("make", "-n", "lab", "LAB=--no-browser", cwd=ROOT).stdout, re.M)
    assert ".venv\\Scripts\\course lab" in (ROOT/"README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [*notebooks("", *LIBRARY), *LESSONS], ids=lambda p: p.stem)
def test_links_to_other_pages_lead_there(path):
    links = re.findall(r"\]\(([^)#:]+\.ipynb)[^)]*\)", "\n".join(c.source for c in cells(path, "markdown")))
    assert [link for link in links if not (path.parent/link).exists()] == []

def mixes_imports(source):
    "Whether a cell imports and does something else as well. `nbdev_docs` runs every cell with an import, and only those"
    if re.search(r"^#\|\s*(export|exports|exporti|exec_doc|eval: *false)", source, re.M) or "nbdev_export()" in source: return False
    nodes = list(ast.walk(ast.parse(re.sub(r"^(\s*)[%!].*", r"\1pass", source, flags=re.M))))
    return any(isinstance(n, (ast.Import, ast.ImportFrom)) for n in nodes) and any(isinstance(n, (ast.Expr, ast.Assign)) for n in nodes)

def test_reading_mixed_cells():
    assert mixes_imports("import os\nos.sep") and mixes_imports("x = 1\nfrom a import b") and not mixes_imports("import os\nfrom a import b")
    assert not mixes_imports("#| export\nimport os\nx = 1") and not mixes_imports("x = 1")

@pytest.mark.parametrize("path", [*notebooks("", *LIBRARY), *LESSONS], ids=lambda p: p.stem)
def test_imports_stand_in_cells_of_their_own(path):
    mixed = [c.source for c in cells(path, "code") if mixes_imports(c.source)]
    assert not mixed, "the docs cannot be built from this: put the imports into a cell of their own, this is the first:\n" + mixed[0]
