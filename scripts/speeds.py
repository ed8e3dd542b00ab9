"""Measures the times that come with the course, `course_lib/speeds.json`: on a quiet machine, some minutes.

Each network is timed by itself until nothing disturbed it, so that one busy moment does not spoil the file.
"""
import json
import time
from pathlib import Path

from fastcore.script import call_parse

from course_lib.core import keep_memory, whole_or_nothing
from course_lib.models import DOZEN, facts, network, noise, time_model, typical
from course_lib.speed import Speeds, Watch, machine

FILE = Path(__file__).resolve().parents[1]/"course_lib/speeds.json"
NAMES = [*DOZEN, "alexnet", "convnext_small", "efficientnet_b2", "efficientnet_v2_s", "googlenet", "mnasnet1_0", "mobilenet_v2", "regnet_y_3_2gf",
         "resnet34", "squeezenet1_1", "vgg11", "vit_b_16"]


def undisturbed(net, xb, tries):
    "Times of a network while nothing else ran, and their spread is small; None if that did not come about"
    for _ in range(tries):
        with Watch() as watch: times = time_model(net, xb, seconds=0.5)
        if not watch.busy() and typical(times)[1] < 0.2: return times
        time.sleep(1)


@call_parse
def main(tries: int = 20):              # for each network and batch
    "Writes the file when every network could be timed; says which could not"
    keep_memory()
    rows, left = [], []
    for batch in (1, 32):
        for name, size in facts(NAMES).sort_values("ops")[["name", "size"]].itertuples(index=False):
            times = undisturbed(network(name), noise(batch, size), tries)
            print(name, batch, f"{typical(times)[0]:.1f} ms" if times else "disturbed", flush=True)
            if not times: left.append(f"{name} ({batch})")
            else: rows.append(dict(zip(("name", "batch", "ms", "spread", "runs"), (name, batch, *(round(v, 4) for v in typical(times)), len(times)))))
    if left: raise SystemExit(f"The machine was too busy for {', '.join(left)}: {FILE.name} stays as it was.")
    with whole_or_nothing(FILE) as tmp: tmp.write_text(json.dumps(vars(Speeds(rows, machine())), indent=1) + "\n", encoding="utf-8")
    print(f"wrote {FILE}")
