"""Do the embedded weights help on real photographs, and by how much?

    COURSE_DATA=folder python benchmarks/transfer.py     # folder has pets/images; takes minutes; --json for machines
    COURSE_DATA=folder python benchmarks/transfer.py --photos birds     # folder has cifar2: birds and airplanes, 100 each

pets: 300 photos, 3 breeds, 96 px. For each of 5 seeds, 5-fold cross-validation: every photo is predicted once, by a network
that has not seen it, and the errors of the 5 folds are pooled. birds: 64 px; each seed learns from other 100 birds and 100 airplanes
(files 0000-2999 of the training side) and is judged on all photos of the test side. Both sides get the same photos, batches, augmentation, head, optimiser
and number of steps, and are judged after the last step, never at the best one. The pretrained side is fine-tuned (an epoch for the head,
10 for everything), the other learns everything for 11 epochs: freezing random weights would only handicap it. "head" is the pretrained
side after that first epoch, when nothing but the head has learned.

The recipe was fixed in advance on CIFAR-10's birds and airplanes (120 training pictures of each at 64 px, 800 others to judge, all from
CIFAR's training side, 4 seeds), and each side has the best of the rates tried for it: fine_tune with 2e-3 (lr_mult 100), 5e-3 and 1e-2 (lr_mult 10)
gave 81.5, 83.3 and 83.5 %; from scratch, 2e-3, 5e-3 and 1e-2 gave 79.7, 78.6 and 78.4 % (5e-4 and 1e-3, tried afterwards: 79.6 and
79.7). Nothing was tuned on these photos, and nothing may be: they judge.

Two 95 % intervals are given for the mean difference: a paired t interval over the seeds (how much it depends on folds and random
numbers), and a bootstrap over the photos (how much it depends on which 300 photos these are; usually the wider, and the one to quote).
"""
import contextlib, io, os, time
from json import dumps
from pathlib import Path

import numpy as np
from fastcore.script import call_parse

from course_lib.core import course_data
from course_lib.data import image_dls
from course_lib.labels import folder_label, image_files, regex_label
from course_lib.learner import vision_learner
from course_lib.plot import Table

BREEDS = "Abyssinian", "Bengal", "american_bulldog"
EPOCHS = 10
T_975 = {4: 2.776, 2: 4.303, 9: 2.262}   # Student's t at 97.5 %, by degrees of freedom

def root(name):
    "The folder of real data that holds `name`; ValueError saying where it is looked for"
    root = os.environ.get("COURSE_TEST_DATA") or course_data()
    if not root or not (Path(root)/name).is_dir(): raise ValueError(f"There is no {name} in {root}: set COURSE_TEST_DATA or COURSE_DATA to the folder of real data.")
    return Path(root)/name

def photos(per_breed=100):
    "The first `per_breed` photos of each breed"
    files = image_files(root("pets"))
    return [f for breed in BREEDS for f in [f for f in files if breed_of(f) == breed][:per_breed]]

def birds():
    "Files of CIFAR-10's birds and airplanes, 3,000 of each to learn from and all to judge by: two lists"
    folder = root("cifar2")
    learn, judge = [], image_files(folder/"test")
    for name in "airplane", "bird": learn += sorted((folder/"train"/name).glob("*.jpg"))[:3000]
    return learn, judge

breed_of = regex_label(r"(.+)_\d+")

def folds(n, k, seed):
    "`k` pairs `(train_idx, valid_idx)`: each of `n` items is in one validation side"
    parts = np.array_split(np.random.default_rng(seed).permutation(n), k)
    return [(np.concatenate(parts[:i] + parts[i+1:]), parts[i]) for i in range(k)]

def train_pretrained(dls, seed):
    "The embedded weights, fine-tuned: a trained `Learner`"
    learn = vision_learner(dls, "tiny_resnet", pretrained=True, seed=seed)
    learn.fine_tune(EPOCHS, base_lr=1e-2, lr_mult=10)
    return learn

def train_head(dls, seed):
    "The first part of `train_pretrained`: one epoch of the head alone"
    learn = vision_learner(dls, "tiny_resnet", pretrained=True, seed=seed)
    learn.freeze()
    learn.fit_one_cycle(1, slice(1e-2), pct_start=.99)
    return learn

def train_scratch(dls, seed):
    "Random weights, as many epochs in all: a trained `Learner`"
    learn = vision_learner(dls, "tiny_resnet", pretrained=False, seed=seed)
    learn.fit_one_cycle(EPOCHS + 1, 2e-3)
    return learn

SIDES = dict(pretrained=train_pretrained, head=train_head, scratch=train_scratch)

def judged(train, dls, seed):
    "Which photos of the validation side are recognised after `train`: 0. or 1., in their order"
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()): learn = train(dls, seed)   # no tables, no bars
    probs, targs = learn.get_preds()
    return (probs.argmax(1) == targs).numpy().astype(float)

def pets_hits(train, files, seed, k=5):
    "Which photos were recognised by a network that had not seen them: 0. or 1., `(n,)`"
    hit = np.zeros(len(files))
    for i, side in enumerate(folds(len(files), k, seed)):
        seed_i = 100*seed + i
        dls = image_dls(files, breed_of, size=96, bs=32, split=lambda files: side, seed=seed_i, bar=False)
        hit[side[1]] = judged(train, dls, seed_i)
    return hit

def birds_hits(train, sides, seed, per_class=100):
    "Which photos of the test side were recognised after learning from `per_class` of each: 0. or 1., `(n,)`"
    learn, judge = sides
    rng = np.random.default_rng(seed)
    train_idx = np.concatenate([rng.choice(3000, per_class, replace=False) + 3000*i for i in range(2)])
    files = [learn[i] for i in train_idx] + judge
    side = np.arange(len(train_idx)), np.arange(len(train_idx), len(files))
    return judged(train, image_dls(files, folder_label, size=64, bs=32, split=lambda files: side, seed=seed, bar=False), seed)

def t_interval(diffs):
    "95 % interval for the mean of a few differences, by Student's t: `(lo, hi)`"
    half = T_975[len(diffs)-1] * np.std(diffs, ddof=1) / len(diffs)**.5
    return np.mean(diffs) - half, np.mean(diffs) + half

def bootstrap_interval(diff_per_photo, seed=0, n=10_000):
    "95 % interval for the mean over photos, from `n` draws of as many photos with replacement: `(lo, hi)`"
    picks = np.random.default_rng(seed).integers(0, len(diff_per_photo), (n, len(diff_per_photo)))
    return np.quantile(diff_per_photo[picks].mean(1), (.025, .975))

def measure(seeds, which="pets", log=print):
    "All sides, seed by seed: hits `(seeds, sides, n)` and seconds `(seeds, sides)`"
    files, hits = (photos(), pets_hits) if which == "pets" else (birds(), birds_hits)
    found, seconds = [], []
    for seed in range(seeds):
        for train in SIDES.values():
            start = time.perf_counter()
            found.append(hits(train, files, seed))
            seconds.append(time.perf_counter() - start)
        log(f"seed {seed}: " + ", ".join(f"{name} {hit.mean():.1%}" for name, hit in zip(SIDES, found[-len(SIDES):])) + f", {sum(seconds[-len(SIDES):]):.0f} s")
    return np.stack(found).reshape(seeds, len(SIDES), -1), np.reshape(seconds, (seeds, len(SIDES)))

def report(hit, seconds):
    "What was measured as plain values: one row per seed, means and intervals in percent points"
    acc = 100*hit.mean(2)                                                     # (seeds, sides)
    rows = [dict(seed=i, **dict(zip(SIDES, a)), difference=a[0]-a[2], head_difference=a[1]-a[2], seconds=sec.sum()) for i, (a, sec) in enumerate(zip(acc, seconds))]
    mean = {k: np.mean([row[k] for row in rows]) for k in rows[0] if k not in ("seed", "seconds")}
    for side, i in dict(difference=0, head_difference=1).items():
        mean[f"{side}_t_interval"] = t_interval(acc[:, i] - acc[:, 2])
        mean[f"{side}_bootstrap_interval"] = bootstrap_interval(100*(hit[:, i] - hit[:, 2]).mean(0))
    return dict(rows=rows, photos=hit.shape[2], seconds=seconds.sum(), **mean)

@call_parse
def main(
    seeds:int=5,        # repetitions, each with its own folds: 3, 5 or 10
    photos:str="pets",  # or birds
    json:bool=False,    # JSON instead of the table
):
    "Accuracy (%) on real photos, with the embedded weights and without"
    if seeds - 1 not in T_975: raise SystemExit(f"--seeds {seeds} is not one of {[n+1 for n in T_975]}.")
    if photos not in ("pets", "birds"): raise SystemExit(f"--photos {photos} is neither pets nor birds.")
    r = report(*measure(seeds, photos, log=lambda text: None if json else print(text, flush=True)))
    if json: return print(dumps(r, default=lambda x: x.tolist()))
    columns = [*SIDES, "difference", "head_difference", "seconds"]
    print(Table([*r["rows"], dict(seed="mean", **{k: float(r[k]) for k in columns})]))
    for side, name in dict(difference="fine-tuned", head_difference="head alone").items():
        for kind, what in dict(t_interval=f"paired t over {seeds} seeds", bootstrap_interval=f"bootstrap over {r['photos']} photos").items():
            print("{} {:+.1f} points, 95 % interval {:+.1f} to {:+.1f} ({})".format(name, r[side], *r[f"{side}_{kind}"], what))
