"""What `finetune.py` measures of course_lib, in processes of its own."""
import copy, os, threading, time
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch.profiler import ProfilerActivity, profile

from course_lib import data, training
from course_lib.core import autocast, has_bfloat16, keep_memory
from course_lib.labels import random_split, regex_label
from course_lib.learner import Learner, vision_learner
from course_lib.model import create_model, layer_groups
from worker import alternate, anonymous_mb, peak_mb, seconds, serve

AUGMENT = {"flip_crop": data.flip_crop, "warp": data.warp, "center_crop": data.center_crop}
breed_of = regex_label(r"(.+)_\d+")

class OurSide:
    def about(self, threads):
        torch.set_num_threads(threads)
        keep_memory()                    # as `fit` does; here, so that the bare loop and the batches have it too
        cast = os.environ.get("COURSE_PRECISION", "auto") == "auto" and has_bfloat16()
        return f"course_lib, torch {torch.__version__}, {threads} threads, {'bfloat16' if cast else 'float32'}"

    def set_up(self, files, valid, size, bs, augment="flip_crop", train_bn=False):
        "Seconds until the data are ready: decoding is in them when the cache is new"
        train = sorted(set(range(len(files))) - set(valid))
        def dls(): self.dls = data.image_dls(files, breed_of, size=size, bs=bs, split=lambda files: (train, valid), augment=AUGMENT[augment],
                                           device="cpu", bar=False)
        took = seconds(dls)
        self.learn = vision_learner(self.dls, "resnet18", pretrained=False, train_bn=train_bn)
        return took

    def epoch(self, stage):
        "Seconds of an epoch, training and validation"
        {"frozen": self.learn.freeze, "unfrozen": self.learn.unfreeze}[stage]()
        return seconds(self.learn.fit_one_cycle, 1, 1e-3)

    def peak(self): return peak_mb()

    def fit(self, stage, rounds):
        "Seconds of `fit`, `learn.fit` and a bare loop over the same prepared batches, in turns: `{name: [one per round]}`"
        batches = list(self.dls.train)
        def side(run):
            learn = Learner(data.DataLoaders(batches, None, self.dls.vocab), copy.deepcopy(self.learn.model))
            getattr(learn, {"frozen": "freeze", "unfrozen": "unfreeze"}[stage])()
            learn.opt = learn.new_opt(learn.model)
            return lambda: seconds(run, learn, batches)
        return alternate({"bare loop": side(bare_loop), "fit": side(plain_fit), "learn.fit": side(lambda learn, _: learn.fit(2))}, rounds)

    def batches(self, augment, epochs):
        "Seconds per picture of going `epochs` times over the training batches, nothing learned"
        dl = self.loader(augment)
        def loop():
            for _ in range(epochs):
                for _ in dl: pass
        return seconds(loop)/(epochs*min(len(dl)*dl.bs, len(dl.idx)))

    def loader(self, augment):
        dl = copy.copy(self.dls.train)
        dl.tfm = AUGMENT[augment]
        return dl

    def parts(self, augment):
        "Milliseconds per batch of its three parts: reading from the cache, the transform, normalising"
        dl, spent = self.loader(augment), dict(transform=0., normalize=0.)
        def timed(name, f):
            def g(*args, **kwargs):
                start = time.perf_counter()
                try: return f(*args, **kwargs)
                finally: spent[name] += time.perf_counter() - start
            return g
        dl.tfm = timed("transform", dl.tfm)
        with patch.object(data, "normalize", timed("normalize", data.normalize)): total = seconds(list, (None for _ in dl))
        return {k: 1000*v/len(dl) for k, v in {"read": total - sum(spent.values()), **spent, "whole batch": total}.items()}

    def operations(self, augment, most=6):
        "What torch's profiler says takes longest in a batch: `[(operation, milliseconds per batch, share)]`"
        dl = self.loader(augment)
        with profile(activities=[ProfilerActivity.CPU]) as prof: seconds(list, (None for _ in dl))
        ops = sorted(prof.key_averages(), key=lambda op: -op.self_cpu_time_total)
        total = sum(op.self_cpu_time_total for op in ops)
        return [(op.key, op.self_cpu_time_total/1000/len(dl), op.self_cpu_time_total/total) for op in ops[:most]]

    def write_case(self, folder):
        "Weights and batches to start from, for both sides"
        torch.manual_seed(0)
        net = create_model("resnet18", len(self.dls.vocab), pretrained=False, drop=0.)[0]        # dropout would draw other numbers on each side
        xs, ys = zip(*self.dls.train)
        save_file(net.state_dict(), Path(folder)/"net.safetensors")
        save_file(dict(xb=torch.cat(xs).contiguous(), yb=torch.cat(ys), bs=torch.tensor(self.dls.train.bs)), Path(folder)/"batches.safetensors")

    def steps(self, folder, recipe, epochs, lr, layout="channels_last"):
        "Every step of `recipe`: its loss, and the optimizer's settings, see `hypers`"
        net, xb, yb, bs = read_case(folder)
        batches, found = list(zip(xb.contiguous(memory_format=getattr(torch, layout)).split(bs), yb.split(bs))), []
        def loss_func(preds, targs):
            loss = F.cross_entropy(preds, targs)
            if net.training: found.append(dict(loss=loss.item(), hypers=hypers(learn.opt)))
            return loss
        learn = Learner(data.DataLoaders(batches, batches[:1], "abc"), net.to(memory_format=getattr(torch, layout)), loss_func, train_bn=True)
        getattr(learn, recipe)(epochs, lr)
        return found

    def growth(self, folder, size):
        "Seconds per picture of the pictures in `folder`: decoding, image_dls from the cache, a frozen epoch; and the peak of anonymous memory in MB"
        def dls(): return data.image_dls(folder, breed_of, size=size, split=random_split(0.2), device="cpu", bar=False)
        with PeakMemory() as memory:
            first, again = seconds(dls), seconds(dls)
            learn = vision_learner(dls())
            n, times = len(learn.dls.files), max(1, 3000//len(learn.dls.files))           # few pictures: several epochs, or there is little to time
            training.one_batch(learn.model, *learn.dls.one_batch(), F.cross_entropy)      # torch's first step takes longer
            epoch = seconds(learn.fit, times)/times
        return dict(pictures=n, decode=(first - again)/n, image_dls=again/n, epoch=epoch/n, peak=memory.peak)

def plain_fit(learn, batches): training.fit(learn.model, batches, epochs=2, opt=learn.opt, loss_func=learn.loss_func)

def bare_loop(learn, batches):
    "What `fit` does, and nothing else"
    net, opt = learn.model.train(), learn.opt
    for _ in range(2):
        for xb, yb in batches:
            with autocast(xb.device): preds = net(xb)
            F.cross_entropy(preds.float(), yb).backward()
            opt.step()
            opt.zero_grad()

def hypers(opt):
    "`[group, rate, momentum, squared momentum, eps, decay times numbers that decay]` of every layer group, of whose two halves only one decays"
    found = Counter()
    for pg in opt.param_groups: found[(pg["group"], pg["lr"], *pg["betas"], pg["eps"])] += pg["weight_decay"]*sum(p.numel() for p in pg["params"])
    return [[*key, decay] for key, decay in sorted(found.items())]

def read_case(folder):
    "What `write_case` wrote: `(net, xb (n,3,h,w), yb (n,), batch size)`"
    case, state = (load_file(Path(folder)/f"{name}.safetensors") for name in ("batches", "net"))
    net = create_model("resnet18", len(state["head.2.bias"]), pretrained=False, drop=0.)[0]
    net.load_state_dict(state)
    return net, case["xb"], case["yb"], int(case["bs"])

class PeakMemory:
    "Inside the `with`, a thread looks at the anonymous memory of this process 20 times a second; `peak` is the most it saw, in MB"
    def __enter__(self):
        self.peak, self.over = anonymous_mb(), threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def _look(self):
        while not self.over.wait(0.05): self.peak = max(self.peak, anonymous_mb())

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

if __name__ == "__main__": serve(OurSide())
