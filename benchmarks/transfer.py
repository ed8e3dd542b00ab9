"""Do the embedded weights help on real photographs, and by how much?

    COURSE_DATA=folder python benchmarks/transfer.py     # folder has pets/images; takes minutes; --json for machines

300 photos, 3 breeds, 96 px. For each of 5 seeds, 5-fold cross-validation: every photo is predicted once, by a network
that has not seen it, and the errors of the 5 folds are pooled. Both sides get the same photos, batches, augmentation, head, optimiser
and number of steps, and are judged after the last step, never at the best one. The pretrained side is fine-tuned (an epoch for the head,
10 for everything), the other learns everything for 11 epochs: freezing random weights would only handicap it.

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
from course_lib.labels import image_files, regex_label
from course_lib.learner import vision_learner
from course_lib.plot import Table

BREEDS = "Abyssinian", "Bengal", "american_bulldog"
EPOCHS = 10
T_975 = {4: 2.776, 2: 4.303, 9: 2.262}   # Student's t at 97.5 %, by degrees of freedom

def photos(per_breed=100):
    "The first `per_breed` photos of each breed; ValueError saying where they are looked for"
    root = os.environ.get("COURSE_TEST_DATA") or course_data()
    if not root or not (Path(root)/"pets").is_dir(): raise ValueError(f"There is no pets/images in {root}: set COURSE_TEST_DATA or COURSE_DATA to the folder of real data.")
    files = image_files(Path(root)/"pets")
    return [f for breed in BREEDS for f in [f for f in files if breed_of(f) == breed][:per_breed]]

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

def train_scratch(dls, seed):
    "Random weights, as many epochs in all: a trained `Learner`"
    learn = vision_learner(dls, "tiny_resnet", pretrained=False, seed=seed)
    learn.fit_one_cycle(EPOCHS + 1, 2e-3)
    return learn

def hits(train, files, seed, k=5):
    "Which photos were recognised by a network that had not seen them: 0. or 1., `(n,)`"
    hit = np.zeros(len(files))
    for i, side in enumerate(folds(len(files), k, seed)):
        seed_i = 100*seed + i
        dls = image_dls(files, breed_of, size=96, bs=32, split=lambda files: side, seed=seed_i, bar=False)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()): learn = train(dls, seed_i)   # no tables, no bars
        probs, targs = learn.get_preds()
        hit[side[1]] = (probs.argmax(1) == targs).numpy()
    return hit

def t_interval(diffs):
    "95 % interval for the mean of a few differences, by Student's t: `(lo, hi)`"
    half = T_975[len(diffs)-1] * np.std(diffs, ddof=1) / len(diffs)**.5
    return np.mean(diffs) - half, np.mean(diffs) + half

def bootstrap_interval(diff_per_photo, seed=0, n=10_000):
    "95 % interval for the mean over photos, from `n` draws of as many photos with replacement: `(lo, hi)`"
    picks = np.random.default_rng(seed).integers(0, len(diff_per_photo), (n, len(diff_per_photo)))
    return np.quantile(diff_per_photo[picks].mean(1), (.025, .975))

def measure(seeds, log=print):
    "Both sides, seed by seed: hits `(seeds, 2, n)` and seconds `(seeds, 2)`"
    files, found, seconds = photos(), [], []
    for seed in range(seeds):
        for train in train_pretrained, train_scratch:
            start = time.perf_counter()
            found.append(hits(train, files, seed))
            seconds.append(time.perf_counter() - start)
        log(f"seed {seed}: pretrained {found[-2].mean():.1%}, scratch {found[-1].mean():.1%}, {sum(seconds[-2:]):.0f} s")
    return np.stack(found).reshape(seeds, 2, -1), np.reshape(seconds, (seeds, 2))

def report(hit, seconds):
    "What was measured as plain values: one row per seed, means and intervals in percent points"
    acc = 100*hit.mean(2)                                                     # (seeds, 2)
    diffs, per_photo = acc[:, 0] - acc[:, 1], 100*(hit[:, 0] - hit[:, 1]).mean(0)
    rows = [dict(seed=i, pretrained=p, scratch=s, difference=p-s, seconds=sec.sum()) for i, ((p, s), sec) in enumerate(zip(acc, seconds))]
    return dict(rows=rows, pretrained=acc[:, 0].mean(), scratch=acc[:, 1].mean(), difference=diffs.mean(), photos=hit.shape[2],
                t_interval=t_interval(diffs), bootstrap_interval=bootstrap_interval(per_photo), seconds=seconds.sum())

@call_parse
def main(
    seeds:int=5,        # repetitions, each with its own folds: 3, 5 or 10
    json:bool=False,    # JSON instead of the table
):
    "Cross-validated accuracy (%) on 300 photos, with the embedded weights and without"
    if seeds - 1 not in T_975: raise SystemExit(f"--seeds {seeds} is not one of {[n+1 for n in T_975]}.")
    r = report(*measure(seeds, log=lambda text: None if json else print(text, flush=True)))
    if json: return print(dumps(r, default=lambda x: x.tolist()))
    mean = dict(seed="mean", **{k: float(r[k]) for k in ("pretrained", "scratch", "difference", "seconds")})
    print(Table([*r["rows"], mean]))
    for name, what in dict(t_interval=f"paired t over {seeds} seeds", bootstrap_interval=f"bootstrap over {r['photos']} photos").items():
        print("difference {:+.1f} points, 95 % interval {:+.1f} to {:+.1f} ({})".format(r["difference"], *r[name], what))
