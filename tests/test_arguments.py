"""What learners give as arguments: a wrong one gets one sentence, before anything is changed; a right one is taken in every form."""
import copy
import io
import json
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from course_lib import core, data, interpret, labels, learner, model, plot, training

COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200)}

@pytest.fixture(scope="module")
def room(tmp_path_factory):
    "A folder with pictures of two classes, a table, an exported learner and damaged files; and the names that the calls below use"
    with pytest.MonkeyPatch.context() as m:
        m.setenv("COURSE_HOME", str(tmp_path_factory.mktemp("home")))
        m.chdir(folder := tmp_path_factory.mktemp("room"))
        files = [Path(f"{colour}_{i}.png") for i in range(8) for colour in COLOURS]
        for f in files: Image.new("RGB", (40, 40), COLOURS[f.name.split("_")[0]]).save(f)
        Path("dir").mkdir(), Path("folder.safetensors").mkdir()
        for f in files: Image.open(f).save(Path("dir")/f)
        breed = labels.regex_label(r"(.+)_\d+")
        Path("t.csv").write_text("file,kind,part\n" + "".join(f"{f},{breed(f)},{'valid' if i < 4 else 'train'}\n" for i, f in enumerate(files)))
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)).save("cut.bin", "JPEG")
        Path("cut.bin").write_bytes(Path("cut.bin").read_bytes()[:9000])
        def dls(path, label=breed, **kwargs): return data.image_dls(path, label, **dict(size=32, bs=4, bar=False, device="cpu") | kwargs)
        loaders = dls(files)
        (fresh := learner.vision_learner(loaders)).export("good")
        other_weights()
        net, batches = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), [(torch.randn(4, 4), torch.tensor([0, 1, 0, 1]))]*3
        probs, targs = torch.tensor([[.9, .1], [.2, .8], [.7, .3]]), torch.tensor([0, 1, 1])
        interp = interpret.Interpretation(probs, targs, ["blue", "red"], files[:3])
        mine = dict(folder=folder, files=files, breed=breed, dls=dls, loaders=loaders, net=net, batches=batches, probs=probs, targs=targs, interp=interp,
                    one_png=Path("red_0.png").read_bytes(), opt=lambda: training.adam(net), re=re)
        public = {name: value for module in (labels, data, training, model, learner, interpret) for name, value in vars(module).items() if name in module.__all__}
        yield SimpleNamespace(names=globals() | public | mine, folder=folder, fresh=fresh)

def other_weights():
    "An exported file whose last layer is narrower, with a checksum that is right"
    state, about = load_file("good.safetensors"), learner.read_about("good")
    last = [k for k in state if k.endswith("weight")][-1]
    state[last] = state[last][:, :-1].contiguous()
    save_file(state, "other.safetensors", {"course_lib": json.dumps(about | dict(sha256=learner._checksum(state, about)))})

@pytest.fixture
def names(room, monkeypatch):
    "The names of a call, with a learner of its own"
    monkeypatch.chdir(room.folder)
    monkeypatch.setenv("COURSE_PRECISION", "float32")
    learn = copy.copy(room.fresh)
    learn.model, learn.dls, learn.history = copy.deepcopy(learn.model), copy.copy(learn.dls), plot.Table()
    yield room.names | dict(learn=learn)
    plt.close("all")

def state(learn):
    "What a wrong call may not change: weights, what learns, the history, the files"
    weights = torch.cat([v.double().flatten() for v in learn.model.state_dict().values()])
    return weights.sum().item(), weights.norm().item(), [p.requires_grad for p in learn.model.parameters()], len(learn.history), sorted(Path().rglob("*"))


WRONG = {       # call: its sentence, or a part of it: the value, what it must be, one that works
    'learn.fit(2.5)': 'epochs is 2.5: it must be a whole number, 0 or more, such as 3.',
    'learn.fit("3")': "epochs is '3': it must be a whole number, 0 or more, such as 3.",
    'learn.fit(-1)': 'epochs is -1: it must be a whole number, 0 or more, such as 3.',
    'learn.fit(float("nan"))': 'epochs is nan: it must be a whole number, 0 or more, such as 3.',
    'learn.fit(1, slice(None))': 'lr is slice(None, None, None): it must be slice(low, high), such as slice(1e-4, 1e-3), or slice(high).',
    'learn.fit(1, slice(1e-3, None))': 'lr is slice(0.001, None, None): it must be slice(low, high), such as slice(1e-4, 1e-3), or slice(high).',
    'learn.fit(1, "1e-3")': "lr is '1e-3': it must be a number, 0 or more, such as 0.001.",
    'learn.fit(1, -1e-3)': 'lr is -0.001: it must be a number, 0 or more, such as 0.001.',
    'learn.fit(1, slice(-1e-3, 1e-2))': 'lr, in its slice, is -0.001: it must be a number, 0 or more, such as 0.001.',
    'learn.fit(1, slice(0, 1e-2, 3))': 'lr is slice(0, 0.01, 3): it must be slice(low, high), such as slice(1e-4, 1e-3), or slice(high).',
    'learn.fit(1, slice(1e-2, 1e-4))': 'lr is slice(0.01, 0.0001, None): it must be slice(low, high), such as slice(1e-4, 1e-3), or slice(high).',
    'learn.fit(1, [1e-3, "x", 1e-3])': "lr[1] is 'x': it must be a number, 0 or more, such as 0.001.",
    'learn.fit(1, [1e-3, -1, 1e-3])': 'lr[1] is -1: it must be a number, 0 or more, such as 0.001.',
    'learn.fit(1, [1e-3])': '1 learning rates for 3 layer groups: give one per group, or slice(low, high).',
    'learn.fit(1, float("inf"))': 'lr is inf: it must be a number, 0 or more, such as 0.001.',
    'learn.fit(1, float("nan"))': 'lr is nan: it must be a number, 0 or more, such as 0.001.',
    'learn.fit(1, sched=0.1)': 'sched is 0.1: it must be a function, such as one_cycle(0.01).',
    'learn.fit_one_cycle("1")': "epochs is '1': it must be a whole number, 0 or more, such as 3.",
    'learn.fit_one_cycle(1, "a")': "lr is 'a': it must be a number, 0 or more, such as 0.001.",
    'learn.fit_one_cycle(1, 1e-3, pct_start=2)': 'pct_start is 2: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'learn.fit_one_cycle(1, 1e-3, pct_start=-0.5)': 'pct_start is -0.5: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'learn.fit_one_cycle(1, 1e-3, div=0)': 'div is 0: it must be a number, above 0, such as 25.',
    'learn.fit_one_cycle(1, 1e-3, div_final=0)': 'div_final is 0: it must be a number, above 0, such as 100000.0.',
    'learn.fine_tune("2")': "epochs is '2': it must be a whole number, 0 or more, such as 3.",
    'learn.fine_tune(2.5)': 'epochs is 2.5: it must be a whole number, 0 or more, such as 3.',
    'learn.fine_tune(1, "a")': "base_lr is 'a': it must be a number, above 0, such as 0.002.",
    'learn.fine_tune(1, slice(1e-3, 1e-2))': 'base_lr is slice(0.001, 0.01, None): it must be a number, above 0, such as 0.002.',
    'learn.fine_tune(1, freeze_epochs="1")': "freeze_epochs is '1': it must be a whole number, 0 or more, such as 1.",
    'learn.fine_tune(1, lr_mult=0)': 'lr_mult is 0: it must be a number, 1 or more, such as 100.',
    'learn.fine_tune(1, pct_start=2)': 'pct_start is 2: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'learn.fine_tune(1, div=0)': 'div is 0: it must be a number, above 0, such as 25.',
    'learn.lr_find(steps=0)': 'steps is 0: it must be a whole number, 1 or more, such as 100.',
    'learn.lr_find(steps=2.5)': 'steps is 2.5: it must be a whole number, 1 or more, such as 100.',
    'learn.lr_find(1, 1e-5)': 'hi is 1e-05: it must be a number, above 1.0, such as 10.0.',
    'learn.lr_find(0, 1)': 'lo is 0: it must be a number, above 0, such as 1e-07.',
    'learn.lr_find("a")': "lo is 'a': it must be a number, above 0, such as 1e-07.",
    'learn.lr_find(hi=None)': 'hi is None: it must be a number, above 1e-07, such as 1e-06.',
    'learn.lr_find(steps=10, ax=plt.subplots(1, 2)[1])': 'ax is numbers of shape (2,): it must be one set of axes, such as plt.subplots()[1].',
    'learn.get_preds(5)': 'dl is 5: it must be batches (xb, yb) to loop over, such as dls.valid.',
    'learn.get_preds("valid")': "dl is 'valid': it must be batches (xb, yb) to loop over, such as dls.valid.",
    'learn.predict(one_png[:50])': 'predict got no picture that it can read (the bytes given: it is damaged or cut off (image file is truncated)): check the file, or take another.',
    'learn.predict(b"not a picture")': 'predict got no picture that it can read (the bytes given: it is no picture, or of a kind that Pillow does not know): check the file, or take another.',
    'learn.predict(None)': 'item is None: it must be one picture: a file, its bytes, or a PIL image.',
    'learn.predict(files[:2])': 'it must be one picture: a file, its bytes, or a PIL image.',
    'learn.predict("")': "item is '': it must be a path, such as 'cat.jpg'.",
    'learn.predict("nowhere.png")': 'predict got no picture that it can read (nowhere.png: there is no such file): check the file, or take another.',
    'learn.predict(".")': 'predict got no picture that it can read (.: it is a folder): check the file, or take another.',
    'learn.predict(np.zeros((0, 0, 3), np.uint8))': 'predict got no picture that it can read (it has 0×0 pixels, and a picture has one or more): check the file, or take another.',
    'learn.predict(np.zeros((5, 5), np.uint8))': 'predict got numbers of shape (5, 5) and type uint8: give it bytes (uint8) of shape (h, w, 3), or a file.',
    'learn.predict(np.zeros((5, 5, 3)))': 'predict got numbers of shape (5, 5, 3) and type float64: give it bytes (uint8) of shape (h, w, 3), or a file.',
    'learn.predict(torch.zeros(1, 3, 32, 32))': 'predict got numbers of shape (1, 3, 32, 32) and type torch.float32: give it bytes (uint8) of shape (h, w, 3), or a file.',
    'learn.predict(Image.new("RGB", (0, 0)))': 'predict got no picture that it can read (it has 0×0 pixels, and a picture has one or more): check the file, or take another.',
    'learn.predict(learn.dls.one_batch())': 'it must be one picture: a file, its bytes, or a PIL image.',
    'learn.export(5)': "file is 5: it must be a path, such as 'model'.",
    'learn.export("")': "file is '': it must be a path, such as 'model'.",
    'learn.export(".")': "file is '.': it must be the path of a file, such as 'model'; this is a folder.",
    'learn.load(5)': "file is 5: it must be a path, such as 'model'.",
    'learn.load("")': "file is '': it must be a path, such as 'model'.",
    'Learner(loaders, net).load("good")': 'good was saved with arch tiny_resnet, this learner has None: build the learner it was saved from.',
    'load_learner(5)': "file is 5: it must be a path, such as 'model'.",
    'load_learner("good", device="gpu")': "device is 'gpu': it must be one that is here, such as",
    'load_learner("good", device="cuda:9")': "device is 'cuda:9': it must be one that is here, such as",
    'vision_learner(None)': 'dls is None: it must be DataLoaders, such as image_dls(...).',
    'vision_learner(loaders, None)': "arch is None: it must be a name in quotes, such as 'resnet18'; a model of your own goes into Learner(dls, model).",
    'vision_learner(loaders, torchvision.models.resnet18)': "arch is the function resnet18: it must be a name in quotes, such as 'resnet18'; a model of your own goes into Learner(dls, model).",
    'vision_learner(loaders, torchvision.models.ResNet)': "arch is the class ResNet: it must be a name in quotes, such as 'resnet18'; a model of your own goes into Learner(dls, model).",
    'vision_learner(loaders, net)': "arch is of type Sequential: it must be a name in quotes, such as 'resnet18'; a model of your own goes into Learner(dls, model).",
    'vision_learner(loaders, pretrained="yes")': "pretrained is 'yes': it must be True or False.",
    'vision_learner(loaders, pretrained=False, drop=2)': 'drop is 2: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'vision_learner(loaders, pretrained=False, drop=-0.5)': 'drop is -0.5: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'vision_learner(loaders, seed=1.5)': 'seed is 1.5: it must be a whole number, such as 42.',
    'vision_learner(loaders, metrics="error_rate")': "metrics is 'error_rate': it must be a function, such as error_rate.",
    'vision_learner(loaders, metrics=[0.5])': 'metrics is 0.5: it must be a function, such as error_rate.',
    'vision_learner(loaders, loss_func=None)': 'loss_func is None: it must be a function, such as F.cross_entropy or nn.CrossEntropyLoss().',
    'vision_learner(loaders, opt_func="adam")': "opt_func is 'adam': it must be a function, such as adam.",
    'vision_learner(loaders, lr="1e-3")': "lr is '1e-3': it must be a number, 0 or more, such as 0.001.",
    'vision_learner(loaders, lr=-1)': 'lr is -1: it must be a number, 0 or more, such as 0.001.',
    'vision_learner(loaders, wd=-0.1)': 'wd is -0.1: it must be a number, 0 or more, such as 0.01.',
    'vision_learner(loaders, train_bn="no")': "train_bn is 'no': it must be True or False.",
    'Learner(None, net)': 'dls is None: it must be DataLoaders, such as image_dls(...).',
    'Learner(loaders, None)': 'net is None: it must be a model; vision_learner builds one from its name.',
    'Learner(loaders, nn.Linear)': 'net is the class Linear: it must be a model; vision_learner builds one from its name.',
    'Learner(loaders, "resnet18")': "net is 'resnet18': it must be a model; vision_learner builds one from its name.",
    'dls(None)': "path is None: it must be a path, such as 'pictures'.",
    'dls("")': "path is '': it must be a path, such as 'pictures'.",
    'dls([None, 5])': 'path is [None, 5]: it must be a list of files, each a text or a Path.',
    'dls(files, "red")': "label is 'red': it must be a function, such as folder_label or regex_label(...).",
    'dls(files, ["red"]*16)': "label is ['red', 'red', 'red', ...]: it must be a function, such as folder_label or regex_label(...).",
    'dls(files, bs="4")': "bs is '4': it must be a whole number, 2 or more, such as 32.",
    'dls(files, bs=2.5)': 'bs is 2.5: it must be a whole number, 2 or more, such as 32.',
    'dls(files, bs=1)': 'bs is 1: it must be a whole number, 2 or more, such as 32.',
    'dls(files, size=(96, 96))': 'size is (96, 96): it must be a whole number, 16 or more, such as 96.',
    'dls(files, size=95.5)': 'size is 95.5: it must be a whole number, 16 or more, such as 96.',
    'dls(files, size=True)': 'size is True: it must be a whole number, 16 or more, such as 96.',
    'dls(files, method="croop")': "method is 'croop': it must be one of 'crop', 'pad', 'squish'; did you mean 'crop'? check the spelling.",
    'dls(files, method=None)': "method is None: it must be one of 'crop', 'pad', 'squish'; check the spelling.",
    'dls(files, method=["crop"])': "method is ['crop']: it must be one of 'crop', 'pad', 'squish'; did you mean 'crop'? check the spelling.",
    'dls(files, augment="flip")': "augment is 'flip': it must be a function, such as flip_crop.",
    'dls(files, split="random")': "split is 'random': it must be a number, above 0 and below 1, such as 0.2, or a function such as random_split(0.2).",
    'dls(files, split=2)': 'split is 2: it must be a number, above 0 and below 1, such as 0.2, or a function such as random_split(0.2).',
    'dls(files, split=lambda fs: None)': 'what the splitter gave is None: it must be two lists of positions, for training and for validation.',
    'dls(files, split=lambda fs: ([0, 1, 2], [99]))': 'The validation side of the split has [99]: it must hold positions from 0 to 15.',
    'dls(files, split=lambda fs: ([0, 0.5], [3]))': 'The training side of the split has [0.0, 0.5]: it must hold positions from 0 to 15.',
    'dls(files, stats="imagenet")': "stats is 'imagenet': it must be a dict, such as dict(mean=[0.5, 0.5, 0.5], std=[0.2, 0.2, 0.2]).",
    'dls(files, stats={"mean": [0, 0, 0]})': "stats is {'mean': [0, 0, 0]}: it must be a dict, such as dict(mean=[0.5, 0.5, 0.5], std=[0.2, 0.2, 0.2]).",
    'dls(files, stats={"mean": [0, 0, 0], "std": [0, 0, 0]})': 'a std is 0: it must be a number, above 0, such as 0.2.',
    'dls(files, device="gpu")': "device is 'gpu': it must be one that is here, such as",
    'dls(files, device="cuda:9")': "device is 'cuda:9': it must be one that is here, such as",
    'dls(files, seed=0.5)': 'seed is 0.5: it must be a whole number, such as 42.',
    'dls(files + [files[0]], split=lambda fs: (list(range(16)), [16]))': '1 files are listed twice and stand on both sides of the split (one is ',
    'dls(files + [Path("dir/..")/files[0]], split=lambda fs: (list(range(16)), [16]))': '1 files are listed twice and stand on both sides of the split (one is ',
    'loaders.show_batch(0)': 'n is 0: it must be a whole number, 1 or more, such as 10.',
    'loaders.show_batch(2.5)': 'n is 2.5: it must be a whole number, 1 or more, such as 10.',
    'loaders.show_batch(4, ncols=0)': 'ncols is 0: it must be a whole number, 1 or more, such as 5.',
    'loaders.with_stats(None)': 'stats is None: it must be a dict, such as dict(mean=[0.5, 0.5, 0.5], std=[0.2, 0.2, 0.2]).',
    'get_data("")': "name is '': it must be the name of a data set or a folder, such as 'critters'.",
    'get_data(None)': "name is None: it must be the name of a data set or a folder, such as 'critters'.",
    'get_data(b"critters")': "name is 8 bytes: it must be the name of a data set or a folder, such as 'critters'.",
    'to_square(Image.new("RGB", (9, 9)), "32")': "size is '32': it must be a whole number, 1 or more, such as 96.",
    'to_square(Image.new("RGB", (9, 9)), 32, None)': "method is None: it must be one of 'crop', 'pad', 'squish'; check the spelling.",
    'to_square("red_0.png", 32)': "img is 'red_0.png': it must be a PIL image, as Image.open(...) makes it; load_image takes a file.",
    'to_square(Image.new("RGB", (0, 9)), 32)': 'it has 0×9 pixels, and a picture has one or more',
    'load_image("red_0.png", "a")': "size is 'a': it must be a whole number, 1 or more, such as 96.",
    'load_image("red_0.png", 32, "croop")': "method is 'croop': it must be one of 'crop', 'pad', 'squish'; did you mean 'crop'? check the spelling.",
    'load_image(None, 32)': "file is None: it must be a path, such as 'cat.jpg'.",
    'byte_cache("red_0.png", 32)': "files is 'red_0.png': it must be a list of files.",
    'byte_cache(files, "32")': "size is '32': it must be a whole number, 1 or more, such as 96.",
    'byte_cache(files, 32, "cro")': "method is 'cro': it must be one of 'crop', 'pad', 'squish'; did you mean 'crop'? check the spelling.",
    'pixel_stats(np.zeros((4, 8, 8, 3), np.uint8), [])': 'idx is []: it must be positions of pictures, one or more.',
    'image_files(None)': "folder is None: it must be a path, such as 'pictures'.",
    'image_files("")': "folder is '': it must be a path, such as 'pictures'.",
    'folder_label(None)': "path is None: it must be a path, such as 'cat/1.jpg'.",
    'regex_label(None)': r"pattern is None: it must be a text, such as '(.+)_\\d+'.",
    'regex_label(b"(.+)_")': r"pattern is 5 bytes: it must be a text, such as '(.+)_\\d+'.",
    r'regex_label(r"(.+)_\d+")(None)': "path is None: it must be a path, such as 'Bengal_1.jpg'.",
    'csv_label("", "file", "kind")': "file is '': it must be a path, such as 'labels.csv'.",
    'csv_label("t.csv", None, "kind")': "a column's name is None: it must be a text, such as 'file'.",
    'csv_label("t.csv", "file", 2)': "a column's name is 2: it must be a text, such as 'file'.",
    'csv_label("t.csv", "file", "kind", encoding="utf-9")': "encoding is 'utf-9': it must be one that Python knows, such as 'latin-1'.",
    'csv_label("t.csv", "file", "kind", delimiter="")': "delimiter is '': it must be a text, such as ';'.",
    'csv_label("t.csv", "file", "kind", delimiter=";;")': "delimiter is ';;': it must be one sign, such as ';'.",
    'csv_label("t.csv", "file", "kind")(None)': "path is None: it must be a path, such as '1.jpg'.",
    'list_label(files, "abcdefghijklmnop")': "labels is 'abcdefghijklmnop': it must be a list of labels, one per file.",
    'list_label(files + [files[0]], ["red"]*16 + ["blue"])': "The lists say both 'red' and 'blue' of red_0.png: give every file one label.",
    'encode("abc")': "labels is 'abc': it must be a list of texts.",
    'encode(["a", 1])': "labels is ['a', 1]: it must be a list of texts, as str(...) makes them.",
    'encode(["a"], ["a", "a"])': "vocab is ['a', 'a']: it must be a list that names every class once.",
    'encode(["a"], "ab")': "vocab is 'ab': it must be a list of names of classes.",
    'random_split("a")': "pct is 'a': it must be a number, above 0 and below 1, such as 0.2.",
    'random_split(20)': 'pct is 20: it must be a number, above 0 and below 1, such as 0.2.',
    'random_split(0.2, seed=1.5)': 'seed is 1.5: it must be a whole number, such as 42.',
    'random_split()(None)': 'files is None: it must be a list of files.',
    'func_split("valid")': "is_valid is 'valid': it must be a function, such as lambda path: 'test' in path.parts.",
    'folder_split(None)': "valid is None: it must be a text, such as 'valid'.",
    'dls(files, split=folder_split("vlaid"))': "valid is 'vlaid': it must be the name of a folder below . that holds files.",
    'csv_split("t.csv", "file", "part", valid="vlaid")': "valid is 'vlaid': it must be one of 'train', 'valid'; did you mean 'valid'? check the spelling.",
    'time_split(2)': 'pct is 2: it must be a number, above 0 and below 1, such as 0.2.',
    'time_split(0.2, when="date")': "when is 'date': it must be a function, such as os.path.getmtime.",
    'time_split(0.2, when=lambda f: None)(files)': 'what `when` gave is [None, None, None, ...]: it must be numbers, dates or texts that can be sorted.',
    'one_cycle("a")': "lr_max is 'a': it must be a number, 0 or more, such as 0.001.",
    'one_cycle(0.1, pct_start=2)': 'pct_start is 2: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'one_cycle(0.1, div=0)': 'div is 0: it must be a number, above 0, such as 25.',
    'one_cycle(0.1, moms=0.9)': 'moms is 0.9: it must be a list of three momenta.',
    'one_cycle(0.1, moms=(1, 2, 3))': 'a momentum is 1: it must be a number, 0 or more and below 1, such as 0.95.',
    'adam(None)': 'groups is None: it must be a list of parameters.',
    'adam(net, lr=-1)': 'lr[0] is -1: it must be a number, 0 or more, such as 0.001.',
    'adam([list(net.parameters()), []], lr=[1e-3])': '1 learning rates for 2 groups of parameters: give one number, or one per group.',
    'adam(net, wd=-1)': 'wd is -1: it must be a number, 0 or more, such as 0.01.',
    'adam(net, sqr_mom="a")': "sqr_mom is 'a': it must be a number, 0 or more and below 1, such as 0.99.",
    'adam(net, eps=-1)': 'eps is -1: it must be a number, 0 or more, such as 1e-05.',
    'set_hypers(opt(), [])': '0 learning rates for 1 groups of parameters: give one number, or one per group.',
    'set_hypers(None, 1e-3)': 'opt is None: it must be an optimizer, such as adam(model).',
    'training.fit(net, batches, epochs="3", opt=opt(), loss_func=F.cross_entropy)': "epochs is '3': it must be a whole number, 0 or more, such as 3.",
    'training.fit(net, batches, epochs=-1, opt=opt(), loss_func=F.cross_entropy)': 'epochs is -1: it must be a whole number, 0 or more, such as 3.',
    'training.fit(net, batches, epochs=1, opt=adam, loss_func=F.cross_entropy)': 'opt is the function adam: it must be an optimizer, such as adam(model).',
    'training.fit(net, batches, epochs=1, opt=opt(), loss_func=F.cross_entropy, log="print")': "log is 'print': it must be a function, such as print.",
    'training.fit(net, None, epochs=1, opt=opt(), loss_func=F.cross_entropy)': 'train is None: it must be batches (xb, yb), as many in every loop, such as dls.train.',
    'training.fit(net, [], epochs=1, opt=opt(), loss_func=F.cross_entropy)': 'one_epoch got a loader without a single batch: check what the split left.',
    'training.fit(None, batches, epochs=1, opt=opt(), loss_func=F.cross_entropy)': 'model is None: it must be a model, such as nn.Linear(10, 3).',
    'evaluate(net, None, F.cross_entropy)': 'dl is None: it must be batches (xb, yb) to loop over, such as dls.valid.',
    'evaluate(net, batches, None)': 'loss_func is None: it must be a function, such as F.cross_entropy.',
    'evaluate(net, batches, F.cross_entropy, "accuracy")': "metrics is 'accuracy': it must be a function, such as accuracy.",
    'one_epoch(net, batches, F.cross_entropy, metrics=["accuracy"])': "metrics is 'accuracy': it must be a function, such as accuracy.",
    'accuracy(torch.randn(4, 2), torch.zeros(4, 1).long())': 'Scores of shape (4, 2) and labels of shape (4, 1) do not fit: scores must be (n,c), and labels (n,), as in targs.flatten().',
    'accuracy(torch.randn(4), torch.zeros(4).long())': 'Scores of shape (4,) and labels of shape (4,) do not fit: scores must be (n,c), and labels (n,), as in targs.flatten().',
    'lr_sweep(net, batches, F.cross_entropy, steps=0)': 'steps is 0: it must be a whole number, 1 or more, such as 100.',
    'lr_sweep(net, batches, F.cross_entropy, lo=1, hi=0.1)': 'hi is 0.1: it must be a number, above 1.0, such as 10.0.',
    'lr_sweep(net, batches, F.cross_entropy, lo=0)': 'lo is 0: it must be a number, above 0, such as 1e-07.',
    'lr_sweep(net, batches, F.cross_entropy, beta=1)': 'beta is 1: it must be a number, 0 or more and below 1, such as 0.98.',
    'lr_sweep(net, batches, None)': 'loss_func is None: it must be a function, such as F.cross_entropy.',
    'lr_sweep(net, [], F.cross_entropy)': 'lr_sweep got a loader without a single batch: check what the split left.',
    'valley([1, 2], [3])': '2 rates and 1 losses: give the two lists of lr_sweep, one loss per rate.',
    'spread(slice(None), 3)': 'lr is slice(None, None, None): it must be slice(low, high), such as slice(1e-4, 1e-3), or slice(high).',
    'spread(1e-3, 0)': 'n is 0: it must be a whole number, 1 or more, such as 3.',
    'create_model("tiny_resnet", 0)': 'n_out is 0: it must be a whole number, 1 or more, such as 2.',
    'create_model("tiny_resnet", "2")': "n_out is '2': it must be a whole number, 1 or more, such as 2.",
    'create_model("tiny_resnet", 2, drop=3)': 'drop is 3: it must be a number, 0 or more and 1 or less, such as 0.25.',
    'new_head(0, 2)': 'nf is 0: it must be a whole number, 1 or more, such as 512.',
    'build(None)': "arch is None: it must be a name in quotes, such as 'resnet18'; a model of your own goes into Learner(dls, model).",
    'freeze(None)': 'A NoneType has no body to freeze: only a BodyHead, as vision_learner makes it, has one.',
    'interp.times_confused("green", "red")': "class is 'green': it must be one of 'blue', 'red'; did you mean 'red'? check the spelling.",
    'interp.times_confused("red", "gren")': "class is 'gren': it must be one of 'blue', 'red'; did you mean 'red'? check the spelling.",
    'interp.times_confused("red", "red")': "Both classes are 'red', and none is taken for itself: name two different ones.",
    'interp.most_confused(-1)': 'min_val is -1: it must be a whole number, 0 or more, such as 1.',
    'interp.top_losses(-1)': 'k is -1: it must be a whole number, 1 or more, such as 9.',
    'interp.top_losses(2.5)': 'k is 2.5: it must be a whole number, 1 or more, such as 9.',
    'interp.plot_top_losses(0)': 'k is 0: it must be a whole number, 1 or more, such as 9.',
    'interp.plot_top_losses(3, ncols=0)': 'ncols is 0: it must be a whole number, 1 or more, such as 5.',
    'interp.plot_confusion_matrix(5)': 'ax is 5: it must be one set of axes, such as plt.subplots()[1].',
    'interp.plot_confusion_matrix(plt.subplots(1, 2)[1])': 'ax is numbers of shape (2,): it must be one set of axes, such as plt.subplots()[1].',
    'Interpretation.from_learner(loaders)': 'learn is 13 training and 3 validation pictures ...2×32 pixels (crop), batches of 4 on cpu: it must be a learner, such as vision_learner(...).',
    'Interpretation(probs*5, targs, ["blue", "red"])': 'probs is numbers of shape (3, 2): it must be probabilities, rows from 0 to 1 with the sum 1, as in scores.softmax(1).',
    'Interpretation(torch.randn(3, 2)*3, targs, ["blue", "red"])': 'probs is numbers of shape (3, 2): it must be probabilities, rows from 0 to 1 with the sum 1, as in scores.softmax(1).',
    'Interpretation(probs, targs.float() + 0.5, ["blue", "red"])': 'targs is [0.5, 1.5, 1.5]: it must be positions in vocab, whole numbers from 0 to 1.',
    'Interpretation(probs, targs + 1, ["blue", "red"])': 'targs is [1, 2, 2]: it must be positions in vocab, whole numbers from 0 to 1.',
    'Interpretation(probs, targs, ["blue", "red"], files[:2])': '2 pictures for 3 labels: give one per row of probs, in their order.',
    'Interpretation(probs, ["blue", "red", "red"], ["blue", "red"])': "targs is ['blue', 'red', 'red']: it must be positions in vocab, whole numbers from 0 to 1.",
    'Interpretation(probs, targs, None)': 'vocab is None: it must be a list of class names.',
    'Interpretation(probs*float("nan"), targs, ["blue", "red"])': 'probs is numbers of shape (3, 2): it must be probabilities, rows from 0 to 1 with the sum 1, as in scores.softmax(1).',
    'core.seeded("a").__enter__()': "seed is 'a': it must be a whole number, such as 42.",
    'core.ends_with(loss="a")': "loss is 'a': it must be a number, such as 0.04.",
    'core.ends_with(loss=None)': 'loss is None: it must be a number, such as 0.04.',
    'core.patience(-1).__enter__()': 'seconds is -1: it must be a number, above 0, such as 30.',
    'core.whole_or_nothing(None).__enter__()': "path is None: it must be a path, such as 'model.safetensors'.",
    'plot.show_images([np.zeros((4, 4))], ncols=0)': 'ncols is 0: it must be a whole number, 1 or more, such as 5.',
    'plot.show_images([np.zeros((4, 4))]*3, ["a"])': '1 titles for 3 pictures: give one per picture, in their order.',
    'plot.show_images(5)': 'images is 5: it must be a list of pictures.',
    'plot.new_ax(5)': 'ax is 5: it must be one set of axes, such as plt.subplots()[1].',
    'learn.fit(1, sched=lambda pct: 0.1)': 'what sched gave at 0.00 is 0.1: it must be a pair, rate and momentum, such as (0.01, None).',
    'learn.fit(1, sched=lambda pct: ("a", None))': "lr is 'a': it must be a number, 0 or more, such as 0.001.",
    'learn.fit(1, sched=lambda pct: (-1, None))': 'lr is -1: it must be a number, 0 or more, such as 0.001.',
    'setattr(learn, "lr", "a") or learn.fit(1)': "lr is 'a': it must be a number, 0 or more, such as 0.001.",
    'vision_learner(loaders, loss_func=nn.CrossEntropyLoss)': 'loss_func is the class CrossEntropyLoss: it must be a function, such as F.cross_entropy or nn.CrossEntropyLoss().',
    'vision_learner(DataLoaders(batches, batches, ["a", "b"]))': 'dls.train is of type list: it must be a loader of image_dls; with loaders of your own use Learner(dls, model).',
    'learn.get_preds([(loaders.one_batch()[0][0], torch.tensor(0))])': 'A batch has shape (n,3,h,w), this has (3, 32, 32): make a batch of one picture with xb[None].',
    'learn.predict(Image.open("cut.bin"))': 'predict got no picture that it can read (image file is truncated',
    'learn.export("folder")': 'folder.safetensors cannot be written (Is a directory): take another name.',
    'learn.load("other")': 'other holds other weights than this tiny_resnet (written with torch',
    'load_learner("good").fit(1)': 'one_epoch got a loader without a single batch: check what the split left.',
    'load_learner("good").lr_find()': 'lr_sweep got a loader without a single batch: check what the split left.',
    'load_learner("good").fine_tune()': 'one_epoch got a loader without a single batch: check what the split left.',
    'load_learner("good").dls.show_batch()': 'There is no training picture to look at: these loaders are empty, as after load_learner.',
    'dls(files, split=lambda fs: ([True]*8, [False]*8))': 'The training side of the split has [True, True, True]: it must hold positions from 0 to 15.',
    'dls([files[0]]*8 + files, split=random_split(0.5))': '1 files are listed twice and stand on both sides of the split (one is ',
}

@pytest.mark.parametrize("call", WRONG)
def test_a_wrong_argument_gets_a_sentence(call, names):
    before = state(names["learn"])
    with pytest.raises((ValueError, OSError)) as e: eval(call, names)
    assert WRONG[call] in str(e.value) and len(str(e.value)) < 300
    assert state(names["learn"]) == before


RIGHT = [       # other forms of what is certain
    'learn.fit(1)',
    'learn.fit(0)',
    'learn.fit(1.0)',
    'learn.fit(np.int64(1))',
    'learn.fit(torch.tensor(1))',
    'learn.fit(np.array(1))',
    'learn.fit(1, 1e-3)',
    'learn.fit(1, 1)',
    'learn.fit(1, np.float32(1e-3))',
    'learn.fit(1, torch.tensor(1e-3))',
    'learn.fit(1, slice(1e-3))',
    'learn.fit(1, slice(1e-4, 1e-3))',
    'learn.fit(1, slice(np.float64(1e-4), 1e-3))',
    'learn.fit(1, slice(1e-3, 1e-3))',
    'learn.fit(1, [1e-4, 1e-3, 1e-3])',
    'learn.fit(1, np.array([1e-4, 1e-3, 1e-3]))',
    'learn.fit(1, (1e-4, 1e-3, 1e-3))',
    'learn.fit(1, 0)',
    'learn.fit(1, sched=one_cycle(1e-3))',
    'learn.fit_one_cycle(1, 1e-3, pct_start=0.5)',
    'learn.fit_one_cycle(np.int32(1), slice(1e-4, 1e-3), div=10, div_final=100)',
    'learn.fit_one_cycle(1, pct_start=1)',
    'learn.fit_one_cycle(1, pct_start=0)',
    'learn.fine_tune(1)',
    'learn.fine_tune(1.0, 1, freeze_epochs=0)',
    'learn.fine_tune(0)',
    'learn.fine_tune(None)',
    'learn.fine_tune(1, torch.tensor(2e-3), lr_mult=1)',
    'learn.fine_tune(np.int64(1), np.float32(2e-3))',
    'learn.lr_find(steps=20.0)',
    'learn.lr_find(np.float32(1e-5), 1, np.int64(12))',
    'learn.lr_find(steps=1)',
    'learn.get_preds()',
    'learn.get_preds(learn.dls.train)',
    'learn.predict("red_0.png")',
    'learn.predict(Path("red_0.png"))',
    'learn.predict(Image.open("red_0.png"))',
    'learn.predict(Image.new("RGB", (1, 1)))',
    'learn.predict(np.zeros((5, 7, 3), np.uint8))',
    'learn.predict(torch.zeros(5, 7, 3, dtype=torch.uint8))',
    'learn.predict(one_png)',
    'learn.predict(bytearray(one_png))',
    'learn.predict(io.BytesIO(one_png))',
    'setattr(learn, "metrics", error_rate) or learn.validate()',
    'setattr(learn, "metrics", accuracy) or learn.fit(1)',
    'learn.predict(open("red_0.png", "rb"))',
    'learn.fit(1, sched=lambda pct: [1e-3, None])',
    'learn.fit(1, sched=lambda pct: (torch.tensor(1e-3), 0.9))',
    'dls(files, split=lambda fs: [np.arange(8), np.arange(8, 12)])',
    'dls(files, split=lambda fs: (i for i in (range(8), range(8, 12))))',
    'list_label(files*2, ["x"]*32)(files[0])',
    'dls(sorted(Path(".").glob("*.png")), func_split and breed, split=func_split(lambda f: "1" in f.name))',
    'dls(files, split=lambda fs: ([0, 0, 1, 2], [5, 6]))',
    'learn.export("x")',
    'learn.export(Path("x.safetensors"))',
    'learn.export("new/x")',
    'learn.load("good")',
    'learn.load(Path("good.safetensors"))',
    'load_learner("good")',
    'load_learner(Path("good"), device=torch.device("cpu"))',
    'vision_learner(loaders, metrics=error_rate)',
    'vision_learner(loaders, metrics=error_rate).validate()',
    'vision_learner(loaders, metrics=[accuracy, error_rate]).fit(1)',
    'vision_learner(loaders, metrics=()).validate()',
    'vision_learner(loaders, metrics=None).fit(1)',
    'vision_learner(loaders, metrics=partial(error_rate)).validate()',
    'vision_learner(loaders, loss_func=nn.CrossEntropyLoss()).fit(1)',
    'vision_learner(loaders, pretrained=False, drop=0)',
    'vision_learner(loaders, pretrained=0)',
    'vision_learner(loaders, seed=np.int64(3), lr=1, wd=0)',
    'vision_learner(loaders, lr=slice(1e-4, 1e-3), seed=3.0)',
    'vision_learner(loaders, "resnet18", pretrained=False)',
    'Learner(DataLoaders(batches, batches, ["a", "b"]), net).fit(1)',
    'Learner(DataLoaders(batches, None, ["a", "b"]), net).fit(1)',
    'dls(files)',
    'dls(".")',
    'dls(Path("."))',
    'dls([str(f) for f in files])',
    'dls(np.array([str(f) for f in files]))',
    'dls(tuple(files))',
    'dls(iter(files))',
    'dls(files, bs=4.0)',
    'dls(files, bs=np.int64(4))',
    'dls(files, size=np.int64(32))',
    'dls(files, size=32.0)',
    'dls(files, size=torch.tensor(32))',
    'dls(files, split=0.25)',
    'dls(files, split=random_split(0.2))',
    'dls(files, split=time_split(0.2))',
    'dls(files, split=lambda fs: (np.arange(8), np.arange(8, 16)))',
    'dls(files, split=lambda fs: (range(8), range(8, 16)))',
    'dls(files, split=lambda fs: (torch.arange(8), torch.arange(8, 16)))',
    'dls(files, augment=None).one_batch()',
    'dls(files, augment=center_crop).one_batch()',
    'dls(files, augment=partial(warp, max_rotate=20)).one_batch()',
    'dls(files, stats={"mean": (0.5, 0.5, 0.5), "std": (0.2, 0.2, 0.2)}).one_batch()',
    'dls(files, stats={"mean": np.ones(3)*.5, "std": np.ones(3)}).one_batch()',
    'dls(files, seed=np.int64(1))',
    'dls(files + files[:1]*3, split=lambda fs: (list(range(12)) + [16, 17, 18], [12, 13, 14, 15]))',
    'dls(files, device=torch.device("cpu"))',
    'loaders.show_batch(4.0)',
    'loaders.show_batch(np.int64(4), 2)',
    'loaders.show_batch(99)',
    'get_data(".")',
    'get_data(Path("dir"))',
    'image_files("dir")',
    'folder_label("cat/x.png")',
    r'regex_label(__import__("re").compile(r"(.+)_\d+"))("red_1.png")',
    'csv_label("t.csv", "file", "kind")("red_0.png")',
    'csv_label(Path("t.csv"), "file", "kind", encoding="latin-1")',
    'list_label(files, ["red"]*16)(files[0])',
    'list_label(files, np.arange(16))(files[0])',
    'list_label([str(f) for f in files], range(16))("red_0.png")',
    'encode(("b", "a"))',
    'encode(np.array(["b", "a"]))',
    'encode(["a"], ("a", "b"))',
    'random_split(np.float32(0.2))(files)',
    'random_split(torch.tensor(0.2), seed=3.0)(files)',
    'random_split(0.2, np.int64(3))(files)',
    'func_split(lambda f: np.bool_(True))(files)',
    'folder_split("dir")([Path("x")/f for f in files[:2]] + [Path("x/dir")/f for f in files])',
    'Interpretation(probs, targs, "br")',
    'csv_split("t.csv", "file", "part")(files)',
    'csv_split("t.csv", "file", "part", encoding="utf-8")(files)',
    'time_split(np.float64(0.2))(files)',
    'time_split(0.2, when=str)(files)',
    'one_cycle([1e-3, 1e-2], 0.3)(0.5)',
    'one_cycle(1, pct_start=np.float32(0.5))(0.5)',
    'adam(net, lr=1, wd=0)',
    'adam([list(net.parameters())], lr=[1e-3])',
    'adam(net.parameters())',
    'adam(net, lr=torch.tensor(1e-3))',
    'training.fit(net, batches, batches, epochs=1, opt=opt(), loss_func=F.cross_entropy, metrics=accuracy)',
    'training.fit(net, batches, batches, epochs=1.0, opt=opt(), loss_func=F.cross_entropy, metrics=[accuracy])',
    'training.fit(net, batches, epochs=1, opt=torch.optim.SGD(net.parameters(), lr=0.1), loss_func=F.cross_entropy, sched=one_cycle(0.1), log=lambda rows: None)',
    'evaluate(net, batches, F.cross_entropy, accuracy)',
    'one_epoch(net, batches, F.cross_entropy, metrics=accuracy)',
    'accuracy(torch.randn(4, 2), torch.zeros(4).long())',
    'lr_sweep(net, batches, F.cross_entropy, steps=5, hi=1)',
    'valley([1, 2, 3], [3, 2, 1])',
    'valley(np.array([1, 2, 3]), np.array([3, 2, 1]))',
    'spread(1, 3)',
    'spread(slice(1e-3), 3)',
    'create_model("tiny_resnet", np.int64(2))',
    'interp.times_confused("blue", "red")',
    'interp.most_confused(np.int64(1))',
    'interp.most_confused(1.0)',
    'interp.most_confused(0)',
    'interp.top_losses(2)',
    'interp.top_losses(99)',
    'interp.plot_top_losses(np.int64(2), 2.0)',
    'interp.plot_confusion_matrix(plt.subplots()[1])',
    'Interpretation(probs.numpy(), [0, 1, 1], ("blue", "red"))',
    'Interpretation(probs.tolist(), targs.numpy(), ["blue", "red"])',
    'Interpretation(probs, targs.float(), ["blue", "red"])',
    'Interpretation.from_learner(learn)',
    'core.seeded(np.int64(3)).__enter__()',
    'core.seeded(-1).__enter__()',
    'core.ends_with(loss=torch.tensor(3.), n=2)',
    'core.patience(0.5).__enter__()',
    'plot.show_images([np.zeros((4, 4))]*3, ["a"]*3, ncols=2.0)',
]

@pytest.mark.parametrize("call", RIGHT)
def test_a_right_argument_is_taken_in_every_form(call, names): eval(call, names)

def test_what_the_forms_mean(names):
    "Not only taken: taken for the same"
    def same(a, b): return (a.train.size, a.train.bs, a.train.idx.tolist(), a.valid.idx.tolist()) == (b.train.size, b.train.bs, b.train.idx.tolist(), b.valid.idx.tolist())
    dls, files = names["dls"], names["files"]
    assert same(dls(files, split=0.25), dls(files, split=labels.random_split(0.25), size=np.int64(32), bs=torch.tensor(4.0)))
    assert dls(files, augment=None).train.tfm is data.center_crop
    assert learner.vision_learner(dls(files), metrics=training.error_rate).metrics == [training.error_rate]
    assert "accuracy" in training.evaluate(names["net"], names["batches"], F.cross_entropy, training.accuracy)
    learn = names["learn"]
    assert learn.predict(names["one_png"])[2].tolist() == learn.predict("red_0.png")[2].tolist() == learn.predict(Image.open("red_0.png"))[2].tolist()
    assert model.spread(np.array([1, 2, 3]), 3) == [1, 2, 3] and model.spread(slice(None, np.float32(1)), 2) == [0.1, 1]

def test_the_same_file_under_two_names_is_one(names, monkeypatch):
    "A link to the folder, a detour: the same file on both sides is found, copies on one side are fine"
    dls, files = names["dls"], names["files"]
    if not Path("link").exists(): Path("link").symlink_to("dir")
    inside = [Path("dir")/f for f in files]
    for twin in Path("link")/files[0], Path("dir/../dir")/files[0]:
        with pytest.raises(ValueError, match="1 files are listed twice and stand on both sides"): dls([*inside, twin], split=lambda fs: (range(16), [16]))
        assert len(dls([*inside, twin], split=lambda fs: ([*range(12), 16], range(12, 16))).train.idx) == 13

def test_a_failed_load_leaves_the_learner_as_it_was(names):
    learn = names["learn"]
    learn.fit(1)
    before, opt, stats = state(learn), learn.opt, learn.dls.train.stats
    for file in "other", "t.csv", "nowhere", 5:
        with pytest.raises(ValueError): learn.load(file)
    assert state(learn) == before and learn.opt is opt and learn.dls.train.stats == stats
    learn.fit(1)
