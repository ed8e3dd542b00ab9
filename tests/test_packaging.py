"What a person gets from `pip install`: every module, the weights, the pages' scripts, the notebooks, and nothing else; and that it works alone."
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import urllib.request
import zipfile
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, offline, run, settings
from course_lib.folder import FOLDERS, course_notebooks
from jupyter_page import jupyter

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")


@pytest.fixture(scope="module")
def src(tmp_path_factory):
    "The sources, away from the checkout, with a copy of a lesson that somebody made in JupyterLab, and all kinds of links in README.md"
    src = tmp_path_factory.mktemp("src")
    for name in ("settings.ini", "setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md"): shutil.copy(ROOT/name, src)
    for name in ("course_lib", "nbs", "practice", "clean", "tests", "scripts"): shutil.copytree(ROOT/name, src/name, ignore=LEFT_OUT)
    shutil.copy(src/"nbs/lessons/01_pets.ipynb", src/"nbs/lessons/01_pets-Copy1.ipynb")
    links = '[a](nbs/lessons/01_pets.ipynb) ![b](a.svg) <img alt="c" src="b.svg"> <a href="LICENSE">d</a> [e](#down)'
    with (src/"README.md").open("a", encoding="utf-8") as f: f.write(f"\n{links}\n")
    return src

@pytest.fixture(scope="module")
def dist(src):
    "A folder with the source archive, and with the wheel that was built from that archive alone"
    r = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", src/"dist", src)
    assert r.returncode == 0, r.stdout
    return src/"dist"

@pytest.fixture(scope="module")
def wheel(dist):
    file, = dist.glob("*.whl")
    return zipfile.ZipFile(file)

def package_files():
    return {p.relative_to(ROOT).as_posix() for p in (ROOT/"course_lib").rglob("*") if p.is_file() and "__pycache__" not in p.parts}


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = {n for n in wheel.namelist() if ".dist-info/" not in n}
    notebooks = {f"course_lib/_notebooks/{path}": data for path, data in course_notebooks(ROOT).items()}
    assert names == package_files() | notebooks.keys()
    assert {n: wheel.read(n).replace(b"\r\n", b"\n") for n in notebooks} == notebooks
    assert "course_lib/py.typed" in names and "course_lib/cli.py" in names
    assert {f"course_lib/sliders/{n}" for n in ("live.js", "live.css", "explore.js", "explore.css", "explore.svg", "steps.js", "steps.css", "interact.js",
                                               "scatter.js", "scatter.css", "scatter.svg")} <= names
    assert [n for n in names if n.startswith("course_lib/weights/") and n.endswith(".safetensors")]

def test_wheel_is_small(wheel): assert sum(i.compress_size for i in wheel.infolist()) < 10e6

def test_wheel_says_what_it_is(wheel):
    info, = [n for n in wheel.namelist() if n.endswith("METADATA")]
    text, s = wheel.read(info).decode(), settings()
    for line in ("Name: course_lib", f"Version: {s['version']}", "License: Apache-2.0", f"Requires-Python: >={s['min_python']}"): assert line in text or line.replace("License:", "License-Expression:") in text, line
    needs = {line.split("Requires-Dist: ")[1] for line in text.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line}
    assert len(needs) == len(s["requirements"].split()) and not [n for n in needs if n.startswith(("nbdev", "psutil", "papermill", "pytest"))]
    assert any(n.endswith("licenses/LICENSE") or n.endswith("dist-info/LICENSE") for n in wheel.namelist())

def test_readme_on_the_package_index(wheel):
    "Its links lead somewhere from there as well"
    info, = [n for n in wheel.namelist() if n.endswith("METADATA")]
    text, url = wheel.read(info).decode().split("\n\n", 1)[1], settings()["git_url"]
    links = [a or b for a, b in re.findall(r"\]\(([^)\s]+)|(?:href|src)=\"([^\"]+)", text)]
    assert links[-5:] == [f"{url}/blob/main/nbs/lessons/01_pets.ipynb", f"{url}/raw/main/a.svg", f"{url}/raw/main/b.svg", f"{url}/blob/main/LICENSE", "#down"]
    assert [link for link in links if not link.startswith(("https://", "#"))] == []

def test_source_archive_can_be_built_from(dist):
    file, = dist.glob("*.tar.gz")
    names = {n.split("/", 1)[1] for n in tarfile.open(file).getnames() if "/" in n}
    assert names >= package_files() | {"settings.ini", "setup.py", "pyproject.toml", "LICENSE", "README.md"} | course_notebooks(ROOT).keys()

def test_an_editable_install_copies_no_notebooks(src):
    "They are found in the checkout"
    code = "from setuptools.build_meta import build_editable; build_editable('editable')"
    r = run(sys.executable, "-c", "import os; os.mkdir('editable'); " + code, cwd=src)
    assert r.returncode == 0, r.stdout
    file, = (src/"editable").glob("*.whl")
    assert not [n for n in zipfile.ZipFile(file).namelist() if n.endswith(".ipynb")] and not (src/"course_lib/_notebooks").exists()

def test_extras(wheel):
    "`dev` is everything of `lab` and more"
    info, = [n for n in wheel.namelist() if n.endswith("METADATA")]
    found = re.findall(r"^Requires-Dist: (.+?); extra == [\"'](\w+)", wheel.read(info).decode(), re.M)
    lab, dev = ({need for need, extra in found if extra == name} for name in ("lab", "dev"))
    assert lab < dev and {"jupyterlab", "papermill"} <= {re.split("[<=>]", need)[0] for need in lab} and not [n for n in lab if n.startswith(("nbdev", "pytest"))]


# --- the wheel in an environment of its own

@pytest.fixture(scope="module")
def python(dist, tmp_path_factory):
    "A Python that has the wheel, and what the tests' Python has besides: nothing of that is installed again"
    env = tmp_path_factory.mktemp("env")
    assert run(sys.executable, "-m", "venv", env).returncode == 0
    scripts = env/("Scripts" if os.name == "nt" else "bin")
    file, = dist.glob("*.whl")
    without = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}       # or pip finds the checkout, and has nothing to do
    r = run(scripts/"python", "-m", "pip", "install", "--no-index", "--no-deps", file, env=without)
    assert r.returncode == 0, r.stdout
    there, = [Path(p) for p in run(scripts/"python", "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])").stdout.splitlines()]
    (there/"besides.pth").write_text("\n".join({sysconfig.get_paths()[k] for k in ("purelib", "platlib")}), encoding="utf-8")
    return scripts/"python"

@pytest.fixture
def alone(python, tmp_path, monkeypatch):
    "Runs a command of that environment, without a network, in an empty folder"
    env = offline(tmp_path/"home") | {"PYTHONPATH": str(ROOT/"tests/offline")}
    (tmp_path/"here").mkdir()
    def said(*words, cwd=tmp_path/"here", code=0, **more):
        r = run(python.with_name(words[0]), *words[1:], cwd=cwd, env=env | more)
        assert r.returncode == code, r.stdout
        return r.stdout
    said.env, said.here, said.course = env, tmp_path/"here", python.with_name("course")
    assert str(python.parents[1]) in said("python", "-c", "import course_lib; print(course_lib.__file__)")
    return said

@pytest.mark.long
def test_the_wheel_works(alone): assert "a right answer passes" in alone("python", ROOT/"scripts/smoke.py")

@pytest.mark.long
def test_the_lessons_are_there_without_a_folder(alone):
    "They can be listed from anywhere; where something would have to be written, the next step is said"
    assert alone("course", "list").startswith("01_pets ") and list(alone.here.iterdir()) == []
    for words in ("lab", "--no-browser"), ("practice", "04_descent"), ("clean",):
        assert "make one with  course start course  ," in alone("course", *words, code=1)
    assert list(alone.here.iterdir()) == []

@pytest.mark.long
def test_a_folder_from_the_wheel(alone):
    "It looks as the checkout does, every command works in it, and an update leaves alone what somebody changed"
    alone("course", "start", "course")
    top = alone.here/"course"
    assert course_notebooks(top) == course_notebooks(ROOT) and {p.name for p in top.iterdir()} == {".course", "nbs", "practice", "clean", "my", "start.ipynb"}
    for file in [f for folder in (*FOLDERS[:1], *FOLDERS[2:], "my", ".") for f in (top/folder).glob("*.ipynb")]:
        links = re.findall(r"\]\(([^)#:]+\.ipynb)\)", "\n".join(c.source for c in nbformat.read(file, as_version=4).cells))
        if file.parent.name != "my": assert [link for link in links if not (file.parent/link).exists()] == [], file
    assert alone("course", "list", cwd=top).startswith("01_pets ") and "04_descent_practice.ipynb is yours" in alone("course", "practice", "04_descent", "--no-open", cwd=top)
    assert "as they should be" in alone("course", "clean", "--check", cwd=top) and f"your notebooks: {top/'my'}" in alone("course", "doctor", cwd=top)
    assert "01_pets" in alone("course", "plan", "--weeks", "8", "--hours", "2", cwd=top)
    alone("course", "slides", "04_descent", cwd=top, JUPYTER_PATH=str(Path(sys.prefix)/"share/jupyter"))     # nbconvert's templates are not installed again
    assert (top/"04_descent_slides.html").stat().st_size > 100_000
    mine = top/"nbs/lessons/04_descent.ipynb"
    mine.write_text(mine.read_text(encoding="utf-8").replace("lr = 0.1", "lr = 0.2"), encoding="utf-8")
    record = json.loads((top/".course/files.json").read_text())
    record["files"]["nbs/lessons/04_descent.ipynb"] = "of an older version"
    (top/".course/files.json").write_text(json.dumps(record))
    assert f"beside it: nbs/lessons/04_descent-{settings()['version']}.ipynb" in alone("course", "start", ".", cwd=top)
    assert "lr = 0.2" in mine.read_text(encoding="utf-8") and "04_descent-" not in alone("course", "list", cwd=top)

@pytest.mark.long
def test_from_the_wheel_to_the_first_model(alone):
    "Nothing but the package: a folder, JupyterLab in it, and lesson 01 from top to bottom, with the network off"
    alone("course", "start", "course")
    top = alone.here/"course"
    with pytest.MonkeyPatch.context() as patch:
        for key, value in alone.env.items(): patch.setenv(key, value)
        with jupyter(top, command=[alone.course, "lab"]) as url:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            page = json.load(opener.open(f"{url}/api/contents/start.ipynb?token=t"))
            assert "nbs/lessons/01_pets.ipynb" in page["content"]["cells"][0]["source"]
    assert re.search(r"^error_rate: 0\.\d+$", alone("course", "run", "01_pets", cwd=top), re.M) and (top/"_run/01_pets.ipynb").exists()


def test_git_ignores_what_is_made_by_running():
    made = [".venv/x", "_run/a.ipynb", "_docs/index.html", "_proc/a", "build/x", "dist/x", "course_lib.egg-info/x", "tests/__pycache__/x.pyc", "nbs/lessons/.ipynb_checkpoints/x"]
    r = subprocess.run(["git", "check-ignore", *made], cwd=ROOT, capture_output=True, text=True)
    if r.returncode == 128: pytest.skip("not a git checkout")
    assert r.stdout.split() == made


def test_every_requirement_is_put_to_use():
    "What nobody imports would only be downloaded"
    text = "\n".join(p.read_text(encoding="utf-8") for p in (ROOT/"course_lib").rglob("*.py"))
    names = [re.split("[<=>]", need)[0] for need in settings()["requirements"].split()]
    imported = re.compile(r"^\s*(?:from|import) .*", re.M)
    lines = "\n".join(imported.findall(text))
    assert [n for n in names if not re.search(rf"\b{ {'pillow': 'PIL'}.get(n, n) }\b", lines)] == []
