"""How fast, how large and how right is fine-tuning here? Against fastai, a bare loop, and more and more pictures.

    COURSE_DATA=folder python benchmarks/finetune.py --fastai .venv/fastai/bin/python        # folder has pets/images; --json for machines

Parts, chosen with --only: speed, fit, batches, same, import, growth. All on the CPU, with all cores, in processes of their own (`worker.py`), one measured at a
time. Sides take turns round by round after a round that does not count, and what is printed is the median over the rounds. Ratios count; seconds belong to one machine.
Everything is written to a temporary folder; 30,000 pictures need 0.5 GB there.
"""
import os, shutil, subprocess, sys, tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from json import dumps
from pathlib import Path
from statistics import median

from fastcore.script import call_parse

from course_lib.labels import random_split
from course_lib.plot import Table
from transfer import photos
from worker import Worker, alternate

OURS = {  # name of the row -> what set_up gets
    "ours": dict(augment="flip_crop"),
    "ours, warp": dict(augment="warp"),                                           # turns, zooms and lights as fastai's aug_transforms does
    "ours, train_bn": dict(augment="flip_crop", train_bn=True),                   # the body's BatchNorm learns while it is frozen, as in fastai
    "ours, warp, train_bn": dict(augment="warp", train_bn=True),
}
FASTAI = {
    "fastai, 0 workers": dict(workers=0),
    "fastai, 2 workers": dict(workers=2),
    "fastai, 0 workers, memory kept": dict(workers=0, keep=True),                 # with our `keep_memory`, which it does not have
    "fastai, 2 workers, channels_last": dict(workers=2, channels_last=True),      # not its default, but one call away
}

@dataclass
class Run:
    "What all parts share"
    files: list; valid: list; size: int; bs: int; rounds: int; threads: int; fastai: str; growth: list; home: Path

    def data(self): return dict(files=[str(f) for f in self.files], valid=self.valid, size=self.size, bs=self.bs)

    def worker(self, side="ours", **env):
        "A process of a side, ready to measure"
        script, python = ("our_side.py", sys.executable) if side == "ours" else ("fastai_side.py", self.fastai)
        worker = Worker(script, python, **{"COURSE_HOME": str(self.home), "CUDA_VISIBLE_DEVICES": ""} | env)
        worker("about", threads=self.threads)
        return worker

def sides(run):
    "What is compared; where fastai cannot be had, why, and what to do"
    with run.worker() as worker: rows = [dict(side="ours", what=worker("about", threads=run.threads))]
    try:
        if not run.fastai: raise RuntimeError("--fastai was not given")
        with run.worker("fastai") as worker: rows.append(dict(side="fastai", what=worker("about", threads=run.threads)))
    except (OSError, RuntimeError) as e:
        run.fastai = ""
        rows.append(dict(side="fastai", what=f"left out, {e}. benchmarks/README.md says how to make an environment that has it"))
    return dict(sides=rows)

def speed(run):
    "Seconds of a whole epoch, frozen and unfrozen, and the peak memory of each process"
    with ExitStack() as stack:
        settings = OURS | (FASTAI if run.fastai else {})
        workers = {name: stack.enter_context(run.worker(name.split(",")[0])) for name in settings}
        ready = {name: worker("set_up", **run.data(), **settings[name]) for name, worker in workers.items()}
        rows = [r for stage in ("frozen", "unfrozen") for r in stage_rows(stage, workers, run.rounds)]
    return dict(speed=rows, once=[{"what": f"decode {len(run.files)} photos, once and for all epochs", "seconds": ready["ours"]}])

def stage_rows(stage, workers, rounds):
    "A row per side; frozen comes first, so that its peak of memory is its own"
    if stage == "unfrozen": workers = {name: worker for name, worker in workers.items() if "train_bn" not in name}        # no difference there
    found = alternate({name: partial(worker, "epoch", stage=stage) for name, worker in workers.items()}, rounds, pause=0.3)
    best = min((median(found[name]) for name in ("fastai, 0 workers", "fastai, 2 workers") if name in found), default=None)
    return [{"stage": stage, "side": name, "seconds": median(times), "from": min(times), "to": max(times), "times as fast as fastai": best and best/median(times),
             "peak MB": round(workers[name]("peak"))} for name, times in found.items()]

def fit(run):
    "Two epochs of `fit` against a bare loop over the same prepared batches"
    rows = []
    with run.worker() as worker:
        worker("set_up", **run.data(), augment="center_crop")
        for stage in "frozen", "unfrozen":
            found = worker("fit", stage=stage, rounds=run.rounds)
            rows += [{"stage": stage, "side": name, "seconds": median(times), "time/bare loop": median(times)/median(found["bare loop"])} for name, times in found.items()]
    return dict(fit=rows)

def batches(run):
    "Pictures per second from the cache, nothing learned; and where the time of a batch goes"
    with run.worker() as worker:
        worker("set_up", **run.data())
        found = alternate({name: partial(worker, "batches", augment=name, epochs=5) for name in ("warp", "flip_crop", "center_crop")}, run.rounds)
        parts = alternate({name: partial(worker, "parts", augment=name) for name in found}, run.rounds)
        operations = worker("operations", augment="warp")
    return dict(batches=[{"transform": name, "pictures/s": 1/median(times)} for name, times in found.items()],
                parts=[{"transform": name, **{f"{k}, ms": median(r[k] for r in rounds) for k in rounds[0]}} for name, rounds in parts.items()],
                operations=[{"operation, in warp": op, "ms per batch": ms, "share": share} for op, ms, share in operations])

RECIPES = [dict(recipe="fine_tune", epochs=2, lr=1e-3), dict(recipe="fit_one_cycle", epochs=3, lr=1e-5)]     # 21 steps each

def same(run):
    """Rates, momenta and losses of every step, ours against fastai's, from the same weights and batches, in float32.

    fastai computes its schedules in float32 (1e-7). Adam turns rounding errors of small gradients into steps of full length, so losses drift apart on their own.
    Therefore big batches, low rates, and a yardstick: ours once more with another memory layout, which changes nothing but the rounding."""
    if not run.fastai: return {}
    folder = tempfile.mkdtemp(dir=run.home)
    with run.worker(COURSE_PRECISION="float32") as ours, run.worker("fastai") as fastai:
        ours("set_up", **run.data(), augment="center_crop")
        ours("write_case", folder=folder)
        steps = {name: [worker("steps", folder=folder, **recipe, **kwargs) for recipe in RECIPES] for name, worker, kwargs in
                 [("ours", ours, {}), ("fastai", fastai, {}), ("ours again", ours, dict(layout="contiguous_format"))]}
    hypers = [dict(recipe=recipe["recipe"], steps=len(a), **hypers_differ(a, b)) for recipe, a, b in zip(RECIPES, steps["ours"], steps["fastai"])]
    losses = [{"recipe": recipe["recipe"], "first": a[0]["loss"], "20th": a[:20][-1]["loss"], "ours - fastai": losses_differ(a, b),
               "ours, other layout - fastai": losses_differ(c, b), "ours, other layout - ours": losses_differ(c, a)} for recipe, a, b, c in zip(RECIPES, *steps.values())]
    return dict(hypers=hypers, losses=losses)

def hypers_differ(ours, fastai):
    "The largest relative difference of any step and layer group; ValueError when they have not as many"
    pairs = [(a, b) for mine, its in zip(ours, fastai, strict=True) for a, b in zip(mine["hypers"], its["hypers"], strict=True)]
    def relative(*which): return max(abs(a[i] - b[i])/(b[i] or 1) for a, b in pairs for i in which)
    return {"layer groups": len(pairs)//len(ours), "rates differ by": relative(1), "momenta": relative(2), "squared momentum, eps, decay": relative(3, 4, 5)}

def losses_differ(some, others): return max(abs(a["loss"] - b["loss"]) for a, b in zip(some[:20], others[:20]))

def imports(run):
    "What `import course_lib.learner` adds to importing torch and torchvision, in fresh processes"
    code = "import time, torch, torchvision; t = time.perf_counter(); import course_lib.learner; print(time.perf_counter() - t)"
    times = [float(subprocess.check_output([sys.executable, "-c", code], cwd=Path(__file__).parents[1])) for _ in range(5)]
    return {"import": [{"import course_lib.learner": "seconds after torch and torchvision", "median": median(times), "from": min(times), "to": max(times)}]}

def growth(run):
    "Seconds per picture and memory while the pictures become many: the photos under other names, at 64 pixels, each number of them in a process of its own"
    rows = []
    for n in run.growth:
        with tempfile.TemporaryDirectory(dir=run.home) as home:
            many(run.files, n, Path(home)/"photos")
            with run.worker(COURSE_HOME=home) as worker: found = worker("growth", folder=f"{home}/photos", size=64)
        rows.append({"pictures": found["pictures"], **{f"{k}, ms per picture": 1000*found[k] for k in ("decode", "image_dls", "epoch")}, "peak MB, anonymous": round(found["peak"])})
    return dict(growth=rows)

def many(files, n, folder):
    "`n` files below `folder`: hard links to copies of `files` (copies where there are no links), as many in each folder as there are `files`"
    for i in range(n):
        copy, link = (folder/f"{k:04}"/files[i % len(files)].name for k in (0, i//len(files)))
        link.parent.mkdir(parents=True, exist_ok=True)
        try: os.link(copy, link)
        except OSError: shutil.copy(files[i % len(files)], link)

PARTS = {"speed": speed, "fit": fit, "batches": batches, "same": same, "import": imports, "growth": growth}

@call_parse
def main(
    fastai:str="",      # the python of an environment that has fastai; without it there are no rows of fastai
    rounds:int=3,       # how often each side is measured
    only:str=",".join(PARTS),       # the parts to run, with commas between them
    growth:str="300,3000,30000",    # numbers of pictures
    threads:int=0,      # of torch; 0: as many as there are cores
    n:int=300,          # photos; fewer, smaller ones in smaller batches try the program out
    size:int=224, bs:int=32,
    json:bool=False,    # JSON instead of tables
):
    "Fine-tuning a ResNet-18 on real photos, measured: speed, memory, correctness, growth"
    unknown = set(only.split(",")) - set(PARTS)
    if unknown: raise SystemExit(f"--only {only}: there is no part {', '.join(sorted(unknown))}; the parts are {', '.join(PARTS)}.")
    try: files = photos(n//3)
    except ValueError as e: raise SystemExit(str(e))
    found = {}
    with tempfile.TemporaryDirectory() as home:
        run = Run(files, random_split(0.2)(files)[1], size, bs, rounds, threads or os.cpu_count(), fastai, [int(g) for g in growth.split(",")], Path(home))
        for part in (sides, *(PARTS[name] for name in only.split(","))):
            tables = part(run)
            found |= tables
            if not json: print(*(f"{Table(rows)}\n" for rows in tables.values()), sep="\n", flush=True)
    if json: print(dumps(found))
