"""Whether an installed `course_lib` works: its modules, its command, a picture, a training of a second, a check (`python scripts/smoke.py`).

Needs what `pip install course_lib` brings and nothing more, and no network. It is run in an environment without a checkout in its path: on every
system by the workflow, and here by tests/test_packaging.py. What does not work ends it with an error.
"""
import contextlib
import importlib
import io
import os
import pkgutil
import sys
import tempfile
import time
from pathlib import Path

import matplotlib

matplotlib.use("agg")
home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
os.environ["COURSE_HOME"] = home.name
os.chdir(home.name)
package = importlib.import_module("course_lib")


def modules():
    "Imports every module of the package"
    names = [m.name for m in pkgutil.walk_packages(package.__path__, "course_lib.")]
    for name in names: importlib.import_module(name)
    return f"{len(names)} modules of {Path(package.__file__).parent}"

def said(*words):
    "What the `course` command says to `words`"
    from course_lib.cli import main
    out = io.StringIO()
    with contextlib.redirect_stdout(out): code = main(list(words))
    assert code == 0, f"course {' '.join(words)} ended with {code}:\n{out.getvalue()}"
    return out.getvalue()

def command():
    "The lessons are found, the machine is ready, and a folder of the learner's can be made"
    ready, listed = said("doctor"), said("list")
    names = [line.split()[0] for line in listed.splitlines()]
    said("start", "course")
    there = [Path("course", folder, f"{name}.ipynb").is_file() for name in names for folder in ("nbs/lessons", "practice", "clean")]
    assert names[0].startswith("01_") and all(there), listed
    return f"{ready}{len(names)} lessons, in a folder of their own as well"

def picture():
    "A drawing, and a figure with it"
    from course_lib.pictures.critters import breeds, critter
    from course_lib.plot import show_image
    row = breeds()[0]
    drawn = critter(row["name"], seed=42, size=96)
    show_image(drawn).figure.savefig("critter.png")
    assert Path("critter.png").stat().st_size > 1000
    return f"a {row['name']} is drawn"

def training():
    "Two breeds from the weights that came with the package, one epoch"
    from course_lib.data import image_dls
    from course_lib.labels import regex_label
    from course_lib.learner import vision_learner
    from course_lib.pictures.critters import breeds, draw_critters
    names = [row["name"] for row in breeds()][:2]
    folder = draw_critters(Path("two"), n_per_breed=16, size=64, breeds=names)
    learn = vision_learner(image_dls(folder, label=regex_label(r"(.+)_\d+"), size=64), "tiny_resnet")
    start = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()): learn.fine_tune(1)
    name, _, probs = learn.predict(learn.dls.files[0])
    assert name in learn.dls.vocab and abs(float(probs.sum()) - 1) < 1e-3
    return f"trained in {time.perf_counter() - start:.1f} s"

def answers():
    "A right answer passes, a wrong one does not"
    from course_lib.descent import mse
    from course_lib.selftest.check import check
    def told(fn):
        fn.__name__, out = "mse", io.StringIO()
        with contextlib.redirect_stdout(out): check(fn)
        return out.getvalue()
    right, wrong = told(lambda preds, targs: ((preds - targs)**2).mean()), told(lambda preds, targs: ((preds - targs)**2).sum())
    assert "✔ passed" in right and "✘ not yet" in wrong and "divide" in wrong, right + wrong
    assert mse and "1 of" in said("progress")
    return "a right answer passes, a wrong one is told why not"


if __name__ == "__main__":
    for stream in sys.stdout, sys.stderr: stream.reconfigure(encoding="utf-8")
    for part in modules, command, picture, training, answers: print(part(), flush=True)
    os.chdir(Path(__file__).resolve().anchor)        # Windows does not remove the folder one stands in
    home.cleanup()
