"What is made from the notebooks is what the notebooks say today."
import json

import nbformat
import outputs
import pytest
from conftest import LIBRARY, ROOT, command, copy_of_the_sources, notebooks, run

PAGES = [*notebooks("", "lessons", *LIBRARY)]       # of the docs site
ALL = [*PAGES, *notebooks("exercises")]


def files(folder, pattern="**/*.py"):
    return {p.relative_to(folder).as_posix(): p.read_text(encoding="utf-8") for p in sorted(folder.glob(pattern))}

def differing(a, b): return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def test_library(checkout):
    r = run(command("nbdev_export"), cwd=checkout)
    assert r.returncode == 0, r.stdout
    stale = differing(files(checkout/"course_lib"), files(ROOT/"course_lib"))
    assert not stale, f"course_lib/ and nbs/ differ in {stale}: run nbdev_export (never edit course_lib/ itself)"
    assert differing(files(checkout, "pyproject.toml"), files(ROOT, "pyproject.toml")) == []


def test_readme():
    from readme import INDEX, README, readme
    executed = outputs.execute(nbformat.read(INDEX, as_version=4))
    text = README.read_text(encoding="utf-8")
    assert readme(executed) == text, "README.md is not what nbs/index.ipynb says: run make readme"
    assert readme(nbformat.read(INDEX, as_version=4)) == text, "the outputs in nbs/index.ipynb are old: run make readme"


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    "All notebooks after `nbdev_clean`"
    top = copy_of_the_sources(tmp_path_factory.mktemp("cleaned"))
    r = run(command("nbdev_clean"), "--fname", top/"nbs", cwd=top)
    assert r.returncode == 0 and "Failed" not in r.stdout, r.stdout
    return top

@pytest.mark.parametrize("path", ALL, ids=lambda p: p.stem)
def test_notebook_is_clean(path, cleaned):
    copy = cleaned/path.relative_to(ROOT)
    assert copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), f"run: nbdev_clean --fname {path.relative_to(ROOT)}"
    assert "widgets" not in json.loads(path.read_bytes())["metadata"], "GitHub cannot show a notebook with metadata.widgets: delete them"


@pytest.mark.parametrize("path", outputs.committed(), ids=lambda p: p.stem)
def test_committed_outputs_are_not_stale(path):
    assert not outputs.stale(path), f"its sources changed after its outputs were made: run make outputs NB={path.relative_to(ROOT)}"


@pytest.mark.parametrize("path", sorted({*ALL} - {*outputs.committed()}), ids=lambda p: p.stem)
def test_other_notebooks_have_no_outputs(path):
    cells = nbformat.read(path, as_version=4).cells
    assert not [c.id for c in cells if c.get("outputs")], f"outputs here would go stale unnoticed: run nbdev_clean --clear_all --fname {path.name}"


@pytest.mark.parametrize("path", outputs.committed(), ids=lambda p: p.stem)
def test_committed_outputs_are_fit_to_read(path):
    outs = [o for c in nbformat.read(path, as_version=4).cells for o in c.get("outputs", [])]
    assert not [o for o in outs if "%|" in str(o.get("data", {}).get("text/plain", o.get("text", "")))], "a progress bar that stands still"
    figures = [(kind, o) for o in outs for kind in ("image/png", "image/jpeg") if kind in o.get("data", {})]
    assert not [o for kind, o in figures if not o.metadata.get(kind, {}).get("alt")], "a figure without `#| fig-alt`"
    assert path.stat().st_size < 400_000


def test_hash_follows_the_sources():
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1"), nbformat.v4.new_code_cell("2")])
    before = outputs.source_hash(nb)
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", text="1")]
    assert outputs.source_hash(nb) == before
    nb.cells.reverse()
    assert outputs.source_hash(nb) != before


def test_outputs_name_no_folder_of_this_machine():
    source = "import os; print(os.environ['COURSE_HOME'] + '/critters'); os.environ['COURSE_HOME']"
    cell, = outputs.execute(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])).cells
    assert [cell.outputs[0].text, cell.outputs[1].data["text/plain"]] == ["COURSE_HOME/critters\n", "'COURSE_HOME'"]
