"""Should BatchNorm's running statistics move while the body is frozen? Head-only training with and without, side by side.

    python benchmarks/frozen_bn.py        # COURSE_TEST_DATA adds birds and airplanes (their training folder only)

The critters are drawn with another seed than the lessons' ones, so nothing is chosen on what the lessons report.
"""
import os, tempfile, time
from pathlib import Path
from statistics import median

from torch import nn

from course_lib.data import image_dls
from course_lib.labels import folder_label, image_files, random_split, regex_label
from course_lib.learner import vision_learner
from course_lib.pictures.critters import draw_critters
from course_lib.plot import Table


class FixedStats(nn.Module):
    "A body whose BatchNorm layers keep the statistics they came with"
    def __init__(self, body): super().__init__(); self.body = body
    def train(self, mode=True): return super().train(False)
    def forward(self, xb): return self.body(xb)

def error(dls, fixed, seed, epochs=3, lr=1e-2):
    "Error rate and seconds of `epochs` frozen epochs"
    learn, start = vision_learner(dls, seed=seed), time.perf_counter()
    if fixed: learn.model.body = FixedStats(learn.model.body)
    learn.fit_one_cycle(epochs, lr)
    return learn.history[-1]["error_rate"], time.perf_counter() - start

def compare(name, files, label, size, split, seeds=5):
    "One row: medians over `seeds` runs of each side, taken in turns"
    runs = [(error(dls, True, s), error(dls, False, s)) for s in range(seeds) for dls in [image_dls(files, label, size=size, split=split, seed=s, bar=False)]]
    fixed, moving = zip(*runs)
    better = sum(m[0] < f[0] for f, m in runs)
    return {"pictures": name, "error, fixed": median(e for e, _ in fixed), "error, moving": median(e for e, _ in moving),
            "moving better": f"{better} of {seeds}", "time moving/fixed": median(m[1]/f[1] for f, m in runs)}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ["COURSE_HOME"] = home
        folder = draw_critters(Path(home)/"other", n_per_breed=24, seed=7)
        rows = [compare("critters, 80 px", image_files(folder), regex_label(r"(.+)_\d+"), 80, None)]
        if os.environ.get("COURSE_TEST_DATA"):
            small = image_files(Path(os.environ["COURSE_TEST_DATA"])/"cifar2"/"train")[::8]
            rows.append(compare("birds and airplanes, 64 px", small, folder_label, 64, random_split(0.8, seed=1)))
        print(Table(rows))
