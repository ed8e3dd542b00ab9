"""On Colab, Kaggle and the like, as far as a machine without them can tell: the first cell of every notebook, and whole notebooks.

A package index of our own on this machine serves the wheel that is built here and writes down what it is asked for. A virtual
environment stands for the host: everything that a host has is there already, in the older versions that Colab has.
"""
import json
import os
import re
import shutil
import sys
import threading
import venv
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, offline, printed, run, settings
from nbclient import NotebookClient

from course_lib.core import _HOSTS, _KEPT
from course_lib.selftest.files import open_links

PAGES = [p for folder in ("nbs/lessons", "practice", "clean") for p in sorted((ROOT/folder).glob("*.ipynb"))]

def on_a_host(test): return pytest.mark.long(pytest.mark.skipif(os.name == "nt", reason="symbolic links stand for a host's packages")(test))

# Colab's versions (googlecolab/backend-info, pip-freeze.gpu.txt, June 2026), but for an older torch, and fastcore 2
THERE = {"torch": "2.6.0", "torchvision": "0.21.0", "numpy": "2.0.2", "pillow": "11.3.0", "matplotlib": "3.10.0", "pandas": "2.2.2", "safetensors": "0.7.0",
         "tqdm": "4.67.3", "tabulate": "0.9.0", "platformdirs": "4.10.0", "ipywidgets": "7.7.1", "filelock": "3.29.0",
         "nbformat": "5.10.4", "fastcore": "2.0.0"}

COLAB = {"COLAB_RELEASE_TAG": "release-colab_20260601-060000_RC00", "COLAB_GPU": ""}
HUB = {"JUPYTERHUB_USER": "ada", "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/", "JPY_PARENT_PID": "7"}
CASES = {   # what the place sets, where our files go there (under the user's home if it begins with ~), a word of what a learner is told
    "Colab": (COLAB, "~", "Drive"),
    "Colab, where the learner has mounted a Drive": (COLAB, "/content/drive/MyDrive", ""),
    "Kaggle": ({**COLAB, "KAGGLE_KERNEL_RUN_TYPE": "Interactive"}, "/kaggle/working", "Files only"),
    "SageMaker Studio Lab": ({"SAGEMAKER_INTERNAL_IMAGE_URI": "x", "JPY_PARENT_PID": "7"}, "~", ""),
    "Lightning": ({"LIGHTNING_CLOUD_SPACE_ID": "01h", "TERM_PROGRAM": "vscode"}, "/teamspace/studios/this_studio", ""),
    "RunPod": ({"RUNPOD_POD_ID": "abc", "JPY_PARENT_PID": "7"}, "/workspace", ""),
    "Codespaces": ({"CODESPACES": "true", "VSCODE_PID": "7", "TERM_PROGRAM": "vscode"}, "/workspaces", ""),
    "JupyterHub": (HUB, "~", ""),
    "VS Code": ({"VSCODE_PID": "7"}, "~", ""),
}


def same(name): return re.sub(r"[-_.]+", "-", name).lower()

class Index(BaseHTTPRequestHandler):
    "A package index: our wheel, and of everything that a host has a version that is far newer"
    def do_GET(self):
        self.server.asked.append(self.path)
        wheel, (name, *file) = self.server.wheel, self.path.removeprefix("/simple/").split("#")[0].strip("/").split("/")
        known = {"course-lib": wheel.name} | {same(n): f"{n}-99.0-py3-none-any.whl" for n in THERE}
        if self.path == f"/{wheel.name}": return self.answer(wheel.read_bytes(), "application/octet-stream")
        if file or same(name) not in known: return self.send_error(404)
        self.answer(f'<!DOCTYPE html><a href="/{known[same(name)]}">{known[same(name)]}</a>'.encode(), "text/html")

    def answer(self, body, kind):
        self.send_response(200)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(body))}.items(): self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args): pass

@pytest.fixture(scope="module")
def index(tmp_path_factory):
    "The package index, with the wheel of this checkout; `asked` is what it has been asked for"
    src = tmp_path_factory.mktemp("src")
    for name in ("settings.ini", "setup.py", "pyproject.toml", "MANIFEST.in", "LICENSE", "README.md"): shutil.copy(ROOT/name, src)
    shutil.copytree(ROOT/"course_lib", src/"course_lib", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("nbs", "practice", "clean"): shutil.copytree(ROOT/name, src/name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    r = run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", src/"dist", src)
    assert r.returncode == 0, r.stdout
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    server.asked, (server.wheel,) = [], (src/"dist").glob("*.whl")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()

class Host:
    "A virtual environment that has what a host has, and not our course; `root` stands for the disk of the host"
    def __init__(self, top, index):
        self.top, self.index, self.there = top, index, top/"there"
        venv.create(top/"venv", with_pip=False, symlinks=True)
        self.python, (self.site,) = top/"venv/bin/python", (top/"venv/lib").glob("python*/site-packages")
        (self.site/"host.pth").write_text(str(self.there))
        self.there.mkdir()
        for path in [Path(p) for p in sys.path if p.endswith(("site-packages", "dist-packages"))]:
            for p in path.iterdir():
                ours = same(p.name).startswith(("course-lib", "-editable")) or p.suffix == ".pth"
                older = p.suffix == ".dist-info" and same(p.name.split("-")[0]) in THERE
                if not (ours or older or (self.there/p.name).exists()): (self.there/p.name).symlink_to(p)
        for name, version in THERE.items():
            info = self.there/f"{name}-{version}.dist-info"
            info.mkdir()
            (info/"METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            for file in ("INSTALLER", "RECORD"): (info/file).write_text("")
        google = top/"google_stand_in/google/colab"
        google.mkdir(parents=True)
        for file in (google.parent/"__init__.py", google/"__init__.py"): file.write_text("")
        (google/"drive.py").write_text("def mount(*args, **kwargs): raise SystemExit('a Drive is mounted')\n")

    def begin(self, name, tmp_path):
        "A new machine of the host: `(its environment variables, what its folders are, where our files must go)`"
        for p in self.site.glob("course_lib*"): shutil.rmtree(p)
        self.index.asked.clear()
        env, home, _ = CASES[name]
        kept = {host: str(tmp_path/"disk"/folder.strip("/")) for host, folder in _KEPT.items()}
        if home[0] == "/": (tmp_path/"disk"/home.strip("/")).mkdir(parents=True)
        user = tmp_path/"disk/home"
        user.mkdir(parents=True)
        away = offline(tmp_path)
        env = {"HOME": str(user), "MPLCONFIGDIR": str(self.top/"mpl"), "IPYTHONDIR": str(user/"ipython"), "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1",
               "PATH": f"{self.top}/venv/bin:/usr/bin:/bin", "PIP_INDEX_URL": f"http://127.0.0.1:{self.index.server_port}/simple", "PIP_CONFIG_FILE": os.devnull,
               "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1", "PIP_NO_COMPILE": "1", "PYTHONUTF8": "1", "PYTHONPATH": str(ROOT/"tests/offline"),
               **{k: away[k] for k in away if "proxy" in k.lower()}, **env}
        if "COLAB_RELEASE_TAG" in env: env["PYTHONPATH"] += f"{os.pathsep}{self.top/'google_stand_in'}"
        return env, kept, user if home == "~" else tmp_path/"disk"/home.strip("/")/"course_home"

@pytest.fixture(scope="module")
def machine(tmp_path_factory, index): return Host(tmp_path_factory.mktemp("host"), index)

def asked_for_the_course_alone(index):
    "Whether the index was asked for our package, once, and for nothing else"
    return index.asked == ["/simple/course-lib/", f"/{index.wheel.name}"]

def first_cell(path): return next(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")

PROBE = """
import importlib.metadata, json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
cells, kept = json.loads(sys.argv[1])
def there(): return {d.name: d.version for d in importlib.metadata.distributions()}
before = there()
for cell in cells:
    assert shell.run_cell(cell).success and shell.user_ns.get("_exit_code", 0) == 0
import course_lib
from course_lib import core
from course_lib.selftest.progress import PASSED, progress, record_result
core._KEPT.update(kept)
record_result("mse", state=PASSED)
with core.whole_or_nothing(core.course_home()/"critters") as tmp: tmp.mkdir()
after = there()
print(json.dumps(dict(host=core.host(), home=str(core.course_home()), file=course_lib.__file__,
                      new=sorted(after.items() - before.items()), gone=sorted(before.items() - after.items()))))
progress(draw=False)
"""

@on_a_host
@pytest.mark.parametrize("name", CASES)
def test_every_first_cell(name, machine, index, tmp_path):
    env, kept, home = machine.begin(name, tmp_path)
    work = tmp_path/"work"
    work.mkdir()
    r = run(machine.python, "-c", PROBE, json.dumps([[first_cell(p) for p in PAGES], kept]), cwd=work, env=env)
    assert r.returncode == 0, r.stdout
    found = json.loads(next(line for line in r.stdout.splitlines() if line.startswith("{")))
    assert Path(found["file"]).parent == machine.site/"course_lib", r.stdout
    assert asked_for_the_course_alone(index), index.asked
    assert (found["new"], found["gone"]) == ([["course_lib", settings()["version"]]], []), "something that was there is not as it was"
    assert found["host"] == next(host for host in _HOSTS if name.startswith(host))
    where = Path(found["home"])
    assert where.is_relative_to(home) and (where/"progress.json").is_file() and (where/"critters").is_dir()
    strays = [p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(where) and not p.is_relative_to(tmp_path/"disk/home")]
    assert not strays and (home == tmp_path/"disk/home" or not [*(tmp_path/"disk/home").rglob("course_lib*")]), "files were written elsewhere"
    last = r.stdout.splitlines()[-1]
    said = CASES[name][2]
    assert last.startswith(f"Kept in {where/'progress.json'}.") and (said in last if said else last.endswith("progress.json.")), last
    assert "mounted" not in r.stdout

SET_UP = """
import sys
from IPython.core.interactiveshell import InteractiveShell
assert InteractiveShell.instance().run_cell(sys.argv[1]).success
import course_lib
print(course_lib.__file__, course_lib.__version__)
"""

@on_a_host
def test_the_first_cell_leaves_an_installed_course_alone(machine, index, tmp_path):
    "Also one that is older than the notebook: the learner's library changes when the learner says so"
    env, _, _ = machine.begin("Kaggle", tmp_path)
    (machine.site/"course_lib").mkdir()
    (machine.site/"course_lib/__init__.py").write_text("__version__ = '0.0.1'")
    r = run(machine.python, "-c", SET_UP, first_cell(PAGES[0]), cwd=tmp_path, env=env)
    assert (r.returncode, r.stdout.split()[-1], index.asked) == (0, "0.0.1", []), r.stdout

@on_a_host
def test_our_files_beside_a_notebook_are_not_taken_for_the_package(machine, index, tmp_path):
    "Kaggle's notebooks stand in the folder that it keeps, and Python looks for packages beside them first"
    env, _, home = machine.begin("Kaggle", tmp_path)
    home.mkdir()
    r = run(machine.python, "-c", SET_UP, first_cell(PAGES[0]), cwd=home.parent, env=env)
    assert r.returncode == 0 and asked_for_the_course_alone(index) and str(machine.site) in r.stdout, r.stdout

@on_a_host
@pytest.mark.parametrize("name, page", [("Colab", "nbs/lessons/04_descent.ipynb"), ("Kaggle", "practice/04_descent.ipynb"), ("SageMaker Studio Lab", "clean/04_descent.ipynb")])
def test_whole_notebook(name, page, machine, index, tmp_path, monkeypatch):
    env, kept, home = machine.begin(name, tmp_path)
    spec = dict(argv=[str(machine.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="host", language="python")
    (tmp_path/"jupyter/kernels/host").mkdir(parents=True)
    (tmp_path/"jupyter/kernels/host/kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path/"jupyter"))
    nb = nbformat.read(ROOT/page, as_version=4)
    first = next(i for i, c in enumerate(nb.cells) if c.cell_type == "code")
    redirect = f"from course_lib import core\ncore._KEPT.update({kept})\nprint(core.course_home())"     # the host's folders, on this machine
    nb.cells.insert(first + 1, nbformat.v4.new_code_cell(redirect))
    if "practice" in page: nb.cells.insert(-1, nbformat.v4.new_code_cell("def mse(preds, targ): return ((preds - targ)**2).mean()\nmse = check(mse)"))
    NotebookClient(nb, timeout=600, kernel_name="host", resources={"metadata": {"path": str(tmp_path)}}).execute(env=env)
    assert asked_for_the_course_alone(index), index.asked
    where = Path(printed(nb.cells[first + 1]).strip())
    assert where.is_relative_to(home)
    if "practice" in page:          # the learner has solved one exercise: it is written down, and progress() says where
        assert "✔" in printed(nb.cells[-2]) and '"passed"' in (where/"progress.json").read_text(encoding="utf-8").replace("✔ ", "")
        assert "✔ mse" in printed(nb.cells[-1]) and f"Kept in {where/'progress.json'}. Kaggle keeps it" in printed(nb.cells[-1])


# fonts/ttf of matplotlib 3.7.5, which Kaggle had; Colab has 3.10
FONTS = {*(f"DejaVu{family}{face}" for family in ("Sans", "SansMono") for face in ("", "-Bold", "-Oblique", "-BoldOblique")),
         *(f"DejaVuSerif{face}" for face in ("", "-Bold", "-Italic", "-BoldItalic")),
         *(f"STIXGeneral{face}" for face in ("", "Bol", "Italic", "BolIta")), "cmr10", "cmb10", "cmss10", "cmtt10"}

def test_digits_are_drawn_with_fonts_that_hosts_have(tmp_path):
    from course_lib.pictures.digits import face_file, faces
    for font in FONTS: (tmp_path/f"{font}.ttf").touch()
    assert [face for part in faces.values() for face in part if not face_file(face, tmp_path).exists()] == []

def test_what_a_host_has_is_all_that_is_required():
    assert {re.split("[<>=]", r)[0] for r in settings()["requirements"].split()} <= set(THERE)

@pytest.mark.parametrize("path", PAGES, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_links_open_a_file_that_is_there(path):
    name = path.relative_to(ROOT).as_posix()
    links = open_links(settings(), name)
    for place, address in links.items():
        assert re.fullmatch(r"https://[\w.]+/[\w./?=:-]+", address), address
        if place != "Codespaces": assert address.endswith(f"/blob/main/{name}") and (ROOT/address.split("/blob/main/")[1]).is_file()

# https://containers.dev/implementors/json_reference, and Codespaces' own `openFiles`
KNOWN = set("""name image hostRequirements updateContentCommand postCreateCommand forwardPorts portsAttributes customizations containerEnv
               remoteEnv remoteUser features""".split())

def test_dev_container():
    text = (ROOT/".devcontainer/devcontainer.json").read_text(encoding="utf-8")
    made = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.M))           # the specification allows comments
    assert set(made) <= KNOWN and made["image"].startswith("mcr.microsoft.com/devcontainers/python:3.")
    assert set(made["customizations"]) == {"vscode", "codespaces"} and set(made["hostRequirements"]) <= {"cpus", "memory", "storage", "gpu"}
    assert all((ROOT/file).is_file() for file in made["customizations"]["codespaces"]["openFiles"])
    assert set(made["portsAttributes"]) == {str(port) for port in made["forwardPorts"]}
    torch, ours = made["updateContentCommand"].split(" && ")
    assert torch.endswith("torch torchvision --index-url https://download.pytorch.org/whl/cpu") and ours == "pip install -e '.[lab]'"
