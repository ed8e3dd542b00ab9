"Notebooks in a real browser: a Jupyter server of its own, and Chromium. For the browser tests and `benchmarks/sliders.py`."
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import nbformat

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split()

def chromium_path():
    "Where Chromium is, None when it is not installed"
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

def write_notebook(path, *sources):
    "Writes a notebook of code cells: the notebook"
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    nb.metadata["kernelspec"] = dict(name="python3", display_name="python3", language="python")
    nbformat.write(nb, path)
    return nb

@contextmanager
def jupyter(
    folder,                 # its notebooks; what Jupyter remembers goes to the sub-folder .jupyter, so that nobody's own settings play a part
    theme="Light",          # of JupyterLab: Light or Dark
    command=(sys.executable, "-m", "jupyter", "lab")):
    "A server of JupyterLab and Notebook 7 on this machine only: its address. TimeoutError when it does not answer within two minutes"
    own = Path(folder)/".jupyter"
    settings = own/"settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True, exist_ok=True)
    for name, values in dict(themes=dict(theme=f"JupyterLab {theme}"), notification=dict(fetchNews="false", checkForUpdates=False)).items():
        (settings/f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    env = os.environ | dict(JUPYTERLAB_SETTINGS_DIR=str(own/"settings"), JUPYTER_CONFIG_DIR=str(own/"config"), JUPYTER_DATA_DIR=str(own/"data"))
    with socket.socket() as s: s.bind(("127.0.0.1", 0)); port = s.getsockname()[1]
    options = ["--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token=t"]
    server = subprocess.Popen([*command, *options], cwd=folder, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _answers(f"http://127.0.0.1:{port}/api?token=t")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate(); server.wait(20)

def _answers(url, seconds=120):
    "Waits until there is an answer; TimeoutError when there is none"
    opener, until = urllib.request.build_opener(urllib.request.ProxyHandler({})), time.monotonic() + seconds
    while time.monotonic() < until:
        try: return opener.open(url, timeout=5)
        except OSError: time.sleep(0.5)
    raise TimeoutError(f"Jupyter did not answer within {seconds} seconds.")

def open_notebook(page, url):
    "Opens a notebook alone, `url` as in http://127.0.0.1:8888/lab/tree/a.ipynb, and waits until Jupyter has built the page"
    page.goto(f"{url}?token=t&reset")                       # without `reset`, JupyterLab opens those of the last time as well
    page.wait_for_selector(".jp-Notebook .jp-CodeCell .cm-content", timeout=60_000)
    page.wait_for_timeout(3000)                             # Jupyter goes on building for a while, and nothing says when it is done

def run_cells(page, n):
    "Runs the first `n` code cells by keyboard"
    for i in range(n):
        page.locator(".jp-CodeCell .cm-content").nth(i).click()
        page.keyboard.press("Shift+Enter")
