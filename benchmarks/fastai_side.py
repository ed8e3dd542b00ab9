"""What `finetune.py` measures of fastai, in an environment where it is installed (benchmarks/README.md says how to make one).

fastai's part of the comparison is its documentation's way with these photos (`Resize`, `aug_transforms`, `vision_learner`, error rate), and where there is a choice,
the faster one: `Resize(224)` and not `Resize(460)` followed by `aug_transforms(size=224)`, no perspective warp (`max_warp=0`; ours has none either),
no `Normalize` (fastai adds it with pretrained weights only), no progress bars. fastai's bfloat16 (`to_bf16`) is for CUDA alone, `to_channelslast` is measured.
"""
import fastai, torch
from fastai.callback.core import Callback
from fastai.data.block import CategoryBlock, DataBlock
from fastai.data.core import DataLoaders
from fastai.data.transforms import IndexSplitter
from fastai.learner import Learner
from fastai.metrics import error_rate
from fastai.torch_core import default_device
from fastai.vision.augment import Resize, aug_transforms
from fastai.vision.data import ImageBlock
from fastai.vision.learner import vision_learner
from fastai.callback import channelslast, schedule          # they add methods to Learner  # noqa: F401
from torch.utils.data import DataLoader, TensorDataset
from torchvision.models import resnet18

from course_lib.core import keep_memory
from course_lib.labels import regex_label
from worker import peak_mb, seconds, serve

class Steps(Callback):
    "Keeps the loss of every training step and the optimizer's settings"
    def __init__(self): self.found = []
    def after_loss(self):
        if self.training: self.found.append(dict(loss=self.loss.item(), hypers=hypers(self.opt)))

def hypers(opt):
    "The same as our side's: `[group, rate, momentum, squared momentum, eps, decay times numbers that decay]` of every layer group"
    decays = [sum(p.numel() for p in ps if p.requires_grad and opt.state[p].get("do_wd", True)) for ps in opt.param_lists]
    return [[i, h["lr"], h["mom"], h["sqr_mom"], h["eps"], h["wd"]*n] for i, (h, n) in enumerate(zip(opt.hypers, decays))]

class FastaiSide:
    def about(self, threads):
        torch.set_num_threads(threads)
        default_device(False)            # the CPU, as for ours
        return f"fastai {fastai.__version__}, torch {torch.__version__}"

    def set_up(self, files, valid, size, bs, workers, channels_last=False, keep=False):
        if keep: keep_memory()
        block = DataBlock(blocks=(ImageBlock, CategoryBlock), get_y=regex_label(r"(.+)_\d+"), splitter=IndexSplitter(valid),
                          item_tfms=Resize(size), batch_tfms=aug_transforms(max_warp=0))
        self.learn = vision_learner(block.dataloaders(files, bs=bs, num_workers=workers), resnet18, pretrained=False, metrics=error_rate)
        if channels_last: self.learn.to_channelslast(use_amp=False)

    def epoch(self, stage):
        "Seconds of an epoch, training and validation"
        {"frozen": self.learn.freeze, "unfrozen": self.learn.unfreeze}[stage]()
        with self.learn.no_bar(), self.learn.no_logging(): return seconds(self.learn.fit_one_cycle, 1, 1e-3)

    def peak(self): return peak_mb()

    def steps(self, folder, recipe, epochs, lr):
        "Every step of `recipe` on the batches that our side prepared"
        from our_side import layer_groups, read_case        # here, so that the peak memory of fastai's epochs is its own
        net, xb, yb, bs = read_case(folder)
        train, valid, steps = DataLoader(TensorDataset(xb, yb), bs), DataLoader(TensorDataset(xb[:bs], yb[:bs]), bs), Steps()
        learn = Learner(DataLoaders(train, valid), net, loss_func=torch.nn.CrossEntropyLoss(), splitter=layer_groups, cbs=steps)
        with learn.no_bar(), learn.no_logging(): getattr(learn, recipe)(epochs, lr)
        return steps.found

if __name__ == "__main__": serve(FastaiSide())
