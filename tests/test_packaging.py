"What a person gets from `pip install`: every module, the weights, the pages' scripts, `py.typed`, and nothing else."
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest
from conftest import ROOT, run, settings

LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.egg-info")


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    "A folder with the source archive, and with the wheel that was built from that archive alone"
    src = tmp_path_factory.mktemp("src")
    for name in ("settings.ini", "setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md"): shutil.copy(ROOT/name, src)
    for name in ("course_lib", "nbs", "tests", "scripts"): shutil.copytree(ROOT/name, src/name, ignore=LEFT_OUT)
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
    assert names == package_files()
    assert "course_lib/py.typed" in names and "course_lib/cli.py" in names
    assert {f"course_lib/sliders/{n}" for n in ("live.js", "live.css", "explore.js", "explore.css", "explore.svg", "steps.js", "steps.css", "interact.js")} <= names
    assert [n for n in names if n.startswith("course_lib/weights/") and n.endswith(".safetensors")]

def test_wheel_is_small(wheel): assert sum(i.file_size for i in wheel.infolist()) < 10e6

def test_wheel_says_what_it_is(wheel):
    info, = [n for n in wheel.namelist() if n.endswith("METADATA")]
    text, s = wheel.read(info).decode(), settings()
    for line in ("Name: course_lib", f"Version: {s['version']}", "License: Apache-2.0", f"Requires-Python: >={s['min_python']}"): assert line in text or line.replace("License:", "License-Expression:") in text, line
    needs = {line.split("Requires-Dist: ")[1] for line in text.splitlines() if line.startswith("Requires-Dist") and "extra ==" not in line}
    assert len(needs) == len(s["requirements"].split()) and not [n for n in needs if n.startswith(("nbdev", "psutil", "papermill", "pytest"))]
    assert any(n.endswith("licenses/LICENSE") or n.endswith("dist-info/LICENSE") for n in wheel.namelist())

def test_wheel_works_without_the_checkout(wheel, tmp_path):
    wheel.extractall(tmp_path)
    code = "import course_lib.core as c, course_lib.cli as d, course_lib; print(course_lib.__file__); d.main(['list'])"
    r = run(sys.executable, "-c", code, cwd=tmp_path)
    assert r.stdout.startswith(str(tmp_path)) and "There are no lessons here: go to a clone" in r.stdout, r.stdout

def test_source_archive_can_be_built_from(dist):
    file, = dist.glob("*.tar.gz")
    names = {n.split("/", 1)[1] for n in tarfile.open(file).getnames() if "/" in n}
    assert names >= package_files() | {"settings.ini", "setup.py", "pyproject.toml", "LICENSE", "README.md"}

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
