"""How well, how large and how fast are the networks of lessons 07 and 08 on real pictures?

    COURSE_DATA=folder python benchmarks/classifiers.py     # folder has mnist/ and cifar2/; about 4 minutes on 2 cores; --json for machines

Digits: the ten lines of lesson 07 and its classifier from scratch. Birds and airplanes: the dense network of lesson 08 and its convolutions.
The recipes are those of the lessons or of the books they answer (30 epochs for the dense network, so that it learns all by heart; 10 for the
convolutions). Nothing is chosen by looking at these numbers; every row is judged after its last epoch. Seconds are of one epoch, with all cores.
"""
import os, time
from json import dumps
from statistics import mean

import torch
import torch.nn.functional as F
from fastcore.script import call_parse
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_lib import classifier
from course_lib.pictures.arrays import get_arrays
from course_lib.cnn import Net
from course_lib.plot import Table
from course_lib.training import accuracy, adam, fit, one_cycle


def ten_lines(parts, epochs=8):
    "Lesson 07's first classifier: `(network, seconds per epoch)`"
    net, (x, y) = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10)), parts["train"]
    opt, start = torch.optim.RMSprop(net.parameters(), lr=1e-3), time.perf_counter()
    for _ in range(epochs):
        for idx in torch.randperm(len(x)).split(64):
            F.cross_entropy(net(x[idx]), y[idx]).backward()
            opt.step(); opt.zero_grad()
    return net, (time.perf_counter() - start)/epochs

def from_scratch(parts, epochs=8):
    "The same from scratch"
    gen = torch.Generator().manual_seed(torch.initial_seed())
    net = classifier.Sequential(classifier.Dense(784, 512, gen=gen, act=torch.relu), classifier.Dense(512, 10, gen=gen))
    start = time.perf_counter()
    classifier.fit(net, parts["train"], parts["valid"], epochs, lr=0.3)
    return net, (time.perf_counter() - start)/epochs

def with_training_fit(make, epochs, lr):
    "A network trained by the library's loop"
    def trained(parts):
        net, (x, y) = make().to(memory_format=torch.channels_last), parts["train"]
        rows = fit(net, DataLoader(TensorDataset(x, y), 64, shuffle=True), epochs=epochs, opt=adam(net), loss_func=F.cross_entropy, sched=one_cycle(lr))
        return net.eval(), mean(row["seconds"] for row in rows)
    return trained

def dense(): return nn.Sequential(nn.Flatten(), nn.Linear(3072, 512), nn.Tanh(), nn.Linear(512, 2))

def digits(x): return x.flatten(1)/255

def birds(x): return x.permute(0, 3, 1, 2)/255

SIDES = {"mnist": (digits, {"ten lines": ten_lines, "from scratch": from_scratch}),
         "cifar2": (birds, {"dense, 30 epochs": with_training_fit(dense, 30, 5e-4), "convolutions, 10 epochs": with_training_fit(Net, 10, 4e-3)})}

def parameters(net): return sum(p.numel() for p in (net.params if isinstance(net, classifier.Sequential) else net.parameters()))

def right(net, x, y):
    "The share of pictures that `net` names rightly"
    with torch.no_grad(): return accuracy(net(x), y).item()

def table(name, seeds):
    "Every network with every seed, taking turns"
    prepare, sides = SIDES[name]
    sets = get_arrays(name)
    parts = {part: (prepare(getattr(sets, part)[0]), getattr(sets, part)[1]) for part in ("train", "valid", "test")}
    if name == "cifar2": parts = normalised(parts)
    rows = []
    for seed in range(seeds):
        for side, train in sides.items():
            torch.manual_seed(seed)
            net, seconds = train(parts)
            rows.append({"network": side, "seed": seed, "parameters": parameters(net), "seconds": seconds, **{part: right(net, *parts[part]) for part in parts}})
    return rows

def normalised(parts):
    "Mean 0 and spread 1 per channel, by the training pictures"
    x = parts["train"][0]
    mean, std = (f(x, dim=(0, 2, 3)).view(3, 1, 1) for f in (torch.mean, torch.std))
    return {part: ((x - mean)/std, y) for part, (x, y) in parts.items()}

@call_parse
def main(
    seeds:int=3,
    json:bool=False):       # JSON instead of tables
    "Lessons 07 and 08 on MNIST and on CIFAR-10's birds and airplanes"
    if "COURSE_DATA" not in os.environ and "COURSE_TEST_DATA" in os.environ: os.environ["COURSE_DATA"] = os.environ["COURSE_TEST_DATA"]
    found = {name: table(name, seeds) for name in SIDES}
    if json: print(dumps(found))
    else: print(*(f"{name}\n{Table(rows)}\n" for name, rows in found.items()), sep="\n")
