"What the tests share: where things are, a process with the network off, a notebook that runs, and `need` for what not every machine has."
import os
os.environ.setdefault("OMP_NUM_THREADS", "1")       # two of pytest's processes beside each other, and each begins kernels
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/"scripts"))
from docs import settings                        # noqa: E402, F401
from jupyter_page import FLAGS, chromium_path   # noqa: E402


def notebooks(*folders): return [p for folder in folders for p in sorted((ROOT/"nbs"/folder).glob("*.ipynb"))]

LIBRARY = "lib", "pictures", "sliders", "selftest"          # the folders of the library's notebooks

def command(name):
    "A command of the environment that runs the tests, also when that environment is not activated"
    found = shutil.which(name, path=str(Path(sys.executable).parent))
    assert found, f"{name} is not installed beside {sys.executable}"
    return found

def run(*cmd, **kwargs):
    "Runs a command: its `returncode`, and all it printed as `stdout`"
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL, "timeout": 600, **kwargs}
    kwargs["env"] = {**kwargs.get("env", os.environ), "PYTHONUTF8": "1"}
    return subprocess.run([str(c) for c in cmd], encoding="utf-8", errors="replace", **kwargs)

def offline(home):
    "The environment of a process that has no network, no real data, and writes to `home`"
    env = {k: v for k, v in os.environ.items() if k not in ("COURSE_DATA", "COURSE_PRECISION")}
    proxies = {k: "http://127.0.0.1:9" for p in ("http", "https", "all") for k in (f"{p}_proxy", f"{p}_PROXY".upper())}
    path = os.pathsep.join(filter(None, [str(ROOT/"tests/offline"), env.get("PYTHONPATH")]))
    return {**env, **proxies, "no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost", "PYTHONPATH": path, "COURSE_HOME": str(home)}

def executed(file, home):
    "The notebook `file` after a run from top to bottom in a kernel without a network"
    nb = nbformat.read(file, as_version=4)
    where = {"metadata": {"path": str(file.parent)}}
    NotebookClient(nb, timeout=600, kernel_name="python3", resources=where).execute(env=offline(home) | {"TQDM_DISABLE": "1"})
    return nb

def printed(cell): return "".join(o.get("text", "") for o in cell.outputs)

def copy_of_the_sources(folder):
    "A copy of what notebooks are turned into files from: `folder`"
    for name in ("settings.ini", "pyproject.toml", "README.md"): shutil.copy(ROOT/name, folder)
    shutil.copytree(ROOT/"nbs", folder/"nbs", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    return folder

@pytest.fixture
def checkout(tmp_path): return copy_of_the_sources(tmp_path)

HOW = {"data": "set COURSE_TEST_DATA to a folder of real samples", "browser": "install Chromium (Debian: apt-get install chromium) and playwright (pip install playwright)",
       "axe": "install axe-core (pip install axe-playwright-python)", "node": "install Node.js (Debian: apt-get install nodejs)",
       "libreoffice": "install LibreOffice's spreadsheet (Debian: apt-get install libreoffice-calc)"}

def _place(what):
    "The folder of real samples, the program of the browser, of Node.js or of LibreOffice, or what it takes to use axe-core; None when it is missing"
    if what == "axe": return find_spec("axe_playwright_python")
    if what == "node": return shutil.which("node")
    if what == "libreoffice": return shutil.which("soffice") or shutil.which("libreoffice")
    if what == "data": return os.environ.get("COURSE_TEST_DATA") if Path(os.environ.get("COURSE_TEST_DATA") or "-").is_dir() else None
    return chromium_path() if find_spec("playwright") else None

def _need(what):
    place = _place(what)
    if place: return Path(place).resolve() if what == "data" else place
    (pytest.fail if what in os.environ.get("COURSE_REQUIRE", "").split(",") else pytest.skip)(f"needs {what}: {HOW[what]}")

@pytest.fixture
def need():
    "`need('data')`: the folder of real samples; `need('browser')`, `need('node')`, `need('libreoffice')`: the program's path. Without it the test is skipped, or fails when COURSE_REQUIRE names it"
    return _need

@pytest.fixture(scope="module")
def need_module():
    "The same for fixtures that a whole module shares"
    return _need

@pytest.fixture(scope="module")
def browser(need_module):
    "A Chromium that the tests of a module share"
    path = need_module("browser")
    from playwright.sync_api import sync_playwright
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


# --- make quick, and what make nightly adds

def pytest_addoption(parser):
    parser.addoption("--quick", action="store_true", help="no browser, no lessons, and of the notebooks only those that git calls changed")
    parser.addoption("--every-answer", action="store_true", help="the practice notebooks with every set of other right answers, not only with the first")

def pytest_configure(config):
    config.addinivalue_line("markers", "long: a browser, or notebooks that run; `make quick` leaves it out")
    config.addinivalue_line("markers", "short: a part of a long test, for `make quick` alone")

def changed():
    "The files that differ from the last commit"
    listed = subprocess.run(["git", "status", "--porcelain", "-uall", "--no-renames"], cwd=ROOT, capture_output=True, text=True)
    return {ROOT/line[3:] for line in listed.stdout.splitlines()}

def pytest_collection_modifyitems(config, items):
    "Long tests begin first, so that no process waits for the last one; `--quick` leaves out what need not run for every edit"
    quick, now = config.getoption("--quick"), changed()
    def stays(item):
        path = item.callspec.params.get("path") if hasattr(item, "callspec") else None
        if item.get_closest_marker("long" if quick else "short"): return False
        return not quick or not isinstance(path, Path) or path in now
    items.sort(key=lambda item: not item.get_closest_marker("long"))
    left_out = [item for item in items if not stays(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if stays(item)]
