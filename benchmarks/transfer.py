"""Do the embedded weights help on real photographs, and by how much?

    COURSE_DATA=folder python benchmarks/transfer.py           # folder has pets/images; takes minutes; --json for machines

300 photos, 3 breeds, 96 px. For each of 5 seeds, 5-fold cross-validation: every photo is predicted once, by a network
that has not seen it, and the errors of the 5 folds are pooled. Both sides get the same folds, batches, augmentation, head,
optimiser, schedule and number of steps, and are judged after the last step; they differ in the first weights of the body
and in one thing that only makes sense with good first weights: of EPOCHS + 1 epochs, the pretrained side spends the first on the head alone.

The recipe (EPOCHS, LR, flip_crop) was fixed in advance on other pictures (RECIPE_FROM), separately for each side, at the
rate best for that side. Nothing here was tuned on these photos, and nothing may be: they judge.

Two intervals are given for the mean difference, both 95 %: a paired t interval over the seeds (how much it depends on the folds and
the random numbers), and a bootstrap over the photos (how much it depends on which 300 photos these are; the wider, and the one to quote).
"""
import contextlib, io, json, os, time
from pathlib import Path

import numpy as np
from fastcore.script import call_parse

from course_lib.core import course_data
from course_lib.data import image_dls
from course_lib.labels import image_files, regex_label
from course_lib.learner import vision_learner
from course_lib.plot import Table
from course_lib.training import one_cycle

BREEDS = "Abyssinian", "Bengal", "american_bulldog"
EPOCHS, LR = 10, dict(pretrained=2e-3, scratch=2e-3)
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
    "An epoch on the head, then everything: a trained `Learner`"
    learn = vision_learner(dls, "tiny_resnet", pretrained=True, seed=seed)
    learn.fit_one_cycle(1, LR["pretrained"])
    learn.unfreeze()
    learn.fit_one_cycle(EPOCHS, LR["pretrained"])
    return learn

def train_scratch(dls, seed):
    "As many epochs in all, everything from the first: a trained `Learner`"
    learn = vision_learner(dls, "tiny_resnet", pretrained=False, seed=seed)
    learn.fit_one_cycle(EPOCHS + 1, LR["scratch"])
    return learn
