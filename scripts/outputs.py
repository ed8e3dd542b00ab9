"""Runs again the notebooks whose outputs are committed: the index, every lesson, and what has been run by this once (`make outputs`).

Each runs in a real kernel from an empty COURSE_HOME, is cleaned as `nbdev_clean` would, and carries a hash of its sources.
When the sources change afterwards the hash no longer fits: the outputs are stale, and `make test` says so.
"""
import base64
import hashlib
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import yaml
from nbclient import NotebookClient
from nbdev.clean import nbdev_clean
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
TEMPORARY = re.compile(re.escape(tempfile.gettempdir()) + r"[\\/]tmp\w{6,}")     # a folder that a cell made, in which it plays a learner's own
WIDGET = "application/vnd.jupyter.widget-view+json"     # means nothing without a kernel; the text beside it stays


def committed():
    "The notebooks whose outputs are committed"
    pages = sorted(p for p in (ROOT/"nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    return [p for p in pages if p.parent.name == "lessons" or p.name == "index.ipynb" or "source_hash" in nbformat.read(p, as_version=4).metadata]


def source_hash(nb):
    "16 hexadecimal digits that change with any cell's source, kind or place"
    text = "\0".join(f"{c.cell_type}\0{c.source}" for c in nb.cells)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def stale(path):
    "Whether the sources of the notebook have changed since its outputs were made"
    nb = nbformat.read(path, as_version=4)
    return nb.metadata.get("source_hash") != source_hash(nb)


def execute(nb):
    "Runs every cell of `nb` in a kernel of its own, in an empty folder; what it prints about that folder reads COURSE_HOME"
    with tempfile.TemporaryDirectory() as home:
        # no progress bars, and a lesson's own `nbdev_export()` does nothing
        env = {**os.environ, "COURSE_HOME": home, "TQDM_DISABLE": "1", "IN_TEST": "1"}
        NotebookClient(nb, timeout=900, kernel_name="python3", resources={"metadata": {"path": home}}, coalesce_streams=True,
                       extra_arguments=["--IPKernelApp.log_level=ERROR"]).execute(env=env)
    for cell in nb.cells:
        if cell.cell_type == "code": cell.outputs = [described(tidy(o, home), cell.source) for o in cell.outputs if not is_bar(o)]
    return nb


def is_bar(output):
    "Whether an output is a progress bar: nothing but a widget and the text of its first frame"
    return set(output.get("data", {})) == {WIDGET, "text/plain"} and "%|" in output.data["text/plain"]


def described(output, source):
    "The output with the cell's `#| fig-alt` as the alternative text of its figure, where nbconvert and Jupyter look for it"
    alt = re.search(r"^#\| fig-alt: (.*)", source, re.M)
    for kind in {"image/png", "image/jpeg"} & set(output.get("data", {})) if alt else (): output.metadata[kind] = {"alt": yaml.safe_load(alt[1])}
    return output


def smaller(png):
    "A figure for the repository (base64): `(kind, data)`, a PNG of 64 colours or a JPEG, whichever is smaller"
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    def packed(image, kind, **kwargs):
        out = io.BytesIO()
        image.save(out, kind, optimize=True, **kwargs)
        return f"image/{kind}", base64.b64encode(out.getvalue()).decode()
    return min(packed(image.quantize(64, dither=Image.Dither.NONE), "png"), packed(image, "jpeg", quality=65, progressive=True), key=lambda kd: len(kd[1]))


def tidy(output, home):
    "The output without widgets and without this machine's paths, its figures small"
    data = output.get("data", {})
    data.pop(WIDGET, None)
    if "image/png" in data:
        data.pop("image/jpeg", None)            # Pillow's pictures come as both
        data.update([smaller(data.pop("image/png"))])
    for where in (output, output.get("data", {})):
        for key, text in where.items():
            if isinstance(text, str): where[key] = TEMPORARY.sub("COURSE_HOME", text.replace(home, "COURSE_HOME").replace(repr(home)[1:-1], "COURSE_HOME"))
    return output


def remake(path):
    "Executes the notebook at `path` and writes it back, clean, with the hash of its sources and the seconds it took"
    start = time.monotonic()
    nb = execute(nbformat.read(path, as_version=4))
    nb.metadata["seconds"] = 10*round((time.monotonic() - start)/10)        # scripts/minutes.py counts them
    nb.metadata["source_hash"] = source_hash(nb)
    nb.metadata.pop("widgets", None)
    nbformat.write(nb, path)
    nbdev_clean(fname=str(path))


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or committed()):
        print("running", path, flush=True)
        remake(path)
