"""Bad input gets one sentence with the value, the cause and the next step, and nothing is lost. One row per case."""
import functools
import hashlib
import http.server
import io
import json
import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms._presets
from conftest import ROOT
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision.models._api import Weights, WeightsEnum

from course_lib import core, data, labels, model
from course_lib.learner import load_learner, vision_learner
from course_lib.pictures import fetch

COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200)}
breed = labels.regex_label(r"(.+)_\d+")

@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    "An empty folder for the pictures, beside an empty COURSE_HOME; the current folder of the test"
    for name in ("http_proxy", "https_proxy", "all_proxy"): monkeypatch.delenv(name, raising=False), monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("COURSE_HOME", str(tmp_path/"home"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path/"torch"))
    (tmp_path/"pictures").mkdir()
    monkeypatch.chdir(tmp_path/"pictures")
    return tmp_path

def picture(colour="red", mode="RGB", size=(40, 40)): return Image.new("RGB", size, COLOURS[colour]).convert(mode)

def good(n=12):
    "Writes `n` pictures of two classes: their paths"
    files = [Path(f"{colour}_{i}.png") for i in range(n//2) for colour in COLOURS]
    for f in files: picture(breed(f)).save(f)
    return files

def dls(path=".", label=breed, **kwargs): return data.image_dls(path, label, **dict(size=32, bs=4, bar=False, device="cpu") | kwargs)

def learner(**kwargs):
    good()
    return vision_learner(dls(), **kwargs)

def said(call, capsys):
    "What a call printed, and the error it ended with, if any"
    capsys.readouterr()
    try: call()
    except (ValueError, OSError, MemoryError, KeyboardInterrupt) as e: return capsys.readouterr().out + str(e)
    return capsys.readouterr().out

ROWS = {}
def says(*parts):
    "Registers a case: a function (of the monkeypatch fixture, if it takes one) and what its sentence has to contain"
    def register(fn):
        ROWS[fn.__name__] = fn, parts
        return fn
    return register


# --- folders, labels, splits

@says("holds no pictures", "check the path, or the files' endings")
def empty_folder(): dls()

@says("nowhere is not a folder", "check the path")
def no_folder(): dls("nowhere")

@says("red_0.png is not a folder", "check the path")
def folder_is_a_file(): good(); dls("red_0.png")

@says("locked is left out: it cannot be read (Permission denied)", "change its permissions")
def folder_without_permission(monkeypatch):
    good(); Path("locked").mkdir(); real = os.scandir
    def scandir(folder):
        if str(folder).endswith("locked"): raise PermissionError(13, "Permission denied", str(folder))
        return real(folder)
    monkeypatch.setattr(os, "scandir", scandir)
    assert len(labels.image_files(".")) == 12

@says("'criters' is neither a data set nor a folder", "did you mean 'critters'?")
def misspelt_data_set(): data.get_data("criters")

@says("All 12 pictures have the label 'same'", "two classes or more", "check the labeller")
def one_class(): dls(good(), lambda f: "same")

@says("No training picture shows red", "split otherwise")
def class_only_in_validation():
    learn = vision_learner(dls(good(), split=labels.func_split(lambda f: breed(f) == "red")))
    learn.fit(1)
    assert len(learn.history) == 1

@says("no picture for validation", "check the splitter")
def validation_empty(): dls(good(), split=labels.func_split(lambda f: False))

@says("2 pictures are on both sides", "not learned from")
def sides_overlap(): dls(good(), split=lambda files: (range(10), range(8, 12)))

@says("does not match the file name 'noname.png'", "change the pattern, or leave the file out")
def pattern_does_not_match():
    good(); picture().save("noname.png")
    dls()

@says("'(.+' is not a regular expression (missing ), unterminated subpattern at position 0)", "put a backslash before")
def pattern_is_none(): labels.regex_label("(.+")

@says("'.+_' has no group", "round brackets")
def pattern_without_group(): labels.regex_label(".+_")

def table(text, encoding="utf-8"): Path("t.csv").write_text(text, encoding=encoding)

@says("t.csv does not exist", "check the path")
def csv_missing(): labels.csv_label("t.csv", "file", "kind")

@says("pictures cannot be read as a CSV table (Is a directory)", "save the table as CSV in UTF-8")
def csv_is_a_folder(place): labels.csv_label(place/"pictures", "file", "kind")

@says("t.csv cannot be read as a CSV table (field larger than field limit (131072))", "save the table as CSV in UTF-8")
def csv_is_something_else(): table("file,kind\n" + "a"*200_000); labels.csv_label("t.csv", "file", "kind")

@says("t.csv has no column 'file', it has []", "check the spelling")
def csv_empty(): table(""); labels.csv_label("t.csv", "file", "kind")

@says("t.csv has no column 'breed', it has ['file', 'kind']", "check the spelling")
def csv_without_column(): table("file,kind\na,b\n"); labels.csv_label("t.csv", "file", "breed")

@says("'blue_0.png' is not in column 'file' of t.csv", "add a row, or leave the file out")
def csv_lacks_a_file(): table("file,kind\nred_0.png,red\n"); dls(good(), labels.csv_label("t.csv", "file", "kind"))

@says("The labeller gave '' for blue_0.png", "must return a string that is not empty")
def csv_lacks_a_value(): table("file,kind\nred_0.png,red\nblue_0.png\n"); dls(good(2), labels.csv_label("t.csv", "file", "kind"))

@says("t.csv is not utf-8 text", "save it as UTF-8, or say encoding='latin-1'")
def csv_in_latin_1(): table("file,kind\na,l\u00f6we\n", "latin-1"); labels.csv_label("t.csv", "file", "kind")

@says("no column 'file', it has ['file;kind']", "say delimiter=';'")
def csv_with_semicolons(): table("file;kind\na;b\n"); labels.csv_label("t.csv", "file", "kind")

@says("12 files but 11 labels", "the same length")
def labels_of_another_length(): labels.list_label(good(), ["red"]*11)

@says("blue_0.png is not among the 1 files that were given labels", "label it, or leave it out")
def file_without_label(): dls(good(2), labels.list_label(["red_0.png"], ["red"]))

@says("The labeller gave None for red_0.png", "must return a string")
def labeller_returns_nothing(): dls(good(2), lambda f: None)

@says("label is 'red'", "must be a function")
def labeller_is_no_function(): dls(good(2), "red")

@says("size is 8: it must be a whole number, 16 or more, such as 96.")
def size_too_small(): dls(good(), size=8)

# --- files that are no pictures: skipped with a list and a count

def broken():
    "Good pictures, and one file of each kind that cannot be read"
    good()
    Path("red_90.png").touch()
    Path("red_91.jpg").write_text("hello")
    picture(size=(300, 300)).save("whole.jpg")
    Path("red_92.jpg").write_bytes(Path("whole.jpg").read_bytes()[:700]); Path("whole.jpg").unlink()
    Image.effect_noise((40, 40), 50).save("whole.png")
    Path("red_93.png").write_bytes(Path("whole.png").read_bytes()[:500]); Path("whole.png").unlink()
    picture().save("red_94.bmp")
    raw = bytearray(Path("red_94.bmp").read_bytes()); raw[18:26] = (20_000).to_bytes(4, "little")*2      # it says that it is that wide and that high
    Path("red_94.bmp").write_bytes(raw)
    Path("red_95.png").mkdir()
    os.symlink("gone.png", "red_96.png")
    Image.fromarray(np.full((40, 40), -1, np.float32)).save("red_97.tif")
    Path("red_98.ppm").write_bytes(b"P6 x 1 255 ")

@says("8 of 20 files are left out because they cannot be read", "red_90.png: the file is empty", "red_91.jpg: it is no picture", "red_92.jpg: it is damaged or cut off",
      "red_93.png: it is damaged or cut off", "red_94.bmp: it has more than 179 million pixels", "save it smaller", "red_96.png: there is no such file", "red_97.tif: its values go from -1.0 to -1.0 (mode F): save it with 8 or 16 bits",
      "red_98.ppm: it is damaged or cut off (invalid literal")
def files_that_are_no_pictures():
    broken()
    learn = vision_learner(dls())
    learn.fit(1)
    assert len(learn.dls.train.idx) + len(learn.dls.valid.idx) == 12 and sorted(learn.dls.vocab) == ["blue", "red"]

@says("15 of 27 files are left out", "and 5 more")
def many_broken_files():
    good()
    for i in range(15): Path(f"red_9{i}.png").touch()
    dls()

@says("1 of 13 files are left out", "x.png: it is a folder")
def folder_in_a_list_of_files(): Path("x.png").mkdir(); dls([*good(), Path("x.png")], lambda f: f.name[0])

@says("None of the 2 files is a picture that can be read", "the list above says why")
def no_file_is_a_picture():
    for i in range(2): Path(f"red_{i}.png").touch()
    dls()

@says("1 of 2 files are left out", "red_0.png: it cannot be read now (Permission denied)")
def no_permission(monkeypatch):
    files, real = good(2), Image.open
    def locked(file, *args):
        if Path(file).name == "red_0.png": raise PermissionError(13, "Permission denied")
        return real(file, *args)
    with monkeypatch.context() as m:
        m.setattr(Image, "open", locked)
        pixels, broken_files = data.byte_cache(files, 32, bar=False)
    assert list(broken_files) == [0]
    _, now = data.byte_cache(files, 32, bar=False)                      # tried again, not remembered as broken
    assert not now
    data._whole_files(files, pixels, broken_files)

@says("red_0.png: the file is empty")
def predict_on_an_empty_file():
    learn = learner()
    Path("red_0.png").write_bytes(b"")
    learn.predict("red_0.png")

# --- training

@says("The training loss became nan in epoch 0", "learning rates up to 1.0e-02", "10 times lower")
def nan_loss(): learner(loss_func=lambda preds, targs: preds.sum()*float("nan")).fit_one_cycle(2, 1e-2)

def greedy(preds, targs): return torch.empty(2**60)

@says("Out of memory", "4 pictures of 32×32", "bs=2", "size=16")
def memory_in_fit(): learner(loss_func=greedy).fit(1)

@says("Out of memory", "bs=2")
def memory_in_validate(): learner(loss_func=greedy).validate()

@says("Out of memory", "bs=2")
def memory_in_lr_find(): learner(loss_func=greedy).lr_find()

@says("Out of memory", "bs=2")
def memory_in_get_preds():
    learn = learner()
    learn.model.head.append(torch.nn.Module()).forward = lambda xb: greedy(xb, xb)
    learn.get_preds()

@says("COURSE_PRECISION is 'float16'", "only 'auto' and 'float32'")
def unknown_precision(monkeypatch):
    monkeypatch.setenv("COURSE_PRECISION", "float16")
    learner().fit(1)

# --- COURSE_HOME

@says("red_0.png", "cannot be written (a file stands where a folder must be)", "set COURSE_HOME")
def home_is_a_file(monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(good()[0].absolute()))
    dls()

@says("red_0.png", "cannot be written (a file stands where a folder must be)", "set COURSE_HOME")
def home_is_a_file_for_drawings(monkeypatch):
    monkeypatch.setenv("COURSE_HOME", str(good()[0].absolute()))
    data.get_data("critters")

def full(*args, **kwargs): raise OSError(28, "No space left on device")
FULL = "cannot be written (No space left on device)", "free some space, or take a folder you may write to"

@says("home/cache", *FULL)
def disk_full(monkeypatch, place):
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    try: dls(good())
    finally: assert not list((place/"home").rglob("*.*")), "debris"

@says("home/critters", *FULL)
def disk_full_while_drawing(monkeypatch, place):
    monkeypatch.setattr(Image.Image, "save", full)
    try: data.get_data("critters")
    finally: assert not list((place/"home").iterdir()), "debris"

@says("home/pets", *FULL)
def disk_full_while_downloading(monkeypatch, place):
    monkeypatch.setattr("torchvision.datasets.utils.download_url", full)
    try: data.get_data("pets")
    finally: assert not list((place/"home").iterdir()), "debris"

@says("model.safetensors", *FULL)
def disk_full_while_exporting(monkeypatch):
    learn = learner()
    before = learn.export("model").read_bytes()
    monkeypatch.setattr(Path, "write_bytes", full)
    try: learn.export("model")
    finally: assert Path("model.safetensors").read_bytes() == before and not list(Path().glob(".*")), "the old file is lost, or debris"

# --- model files

class Evil:
    "A pickle that would create a file"
    def __reduce__(self): return os.system, ("touch opened",)

def exported(): return learner().export("model.safetensors")

@says("bad.safetensors is not a file that export() wrote", "Pickles are never opened")
def pickle_as_model():
    Path("bad.safetensors").write_bytes(pickle.dumps(Evil()))
    try: load_learner("bad.safetensors")
    finally: assert not Path("opened").exists()

@says("export.pkl is not a file that export() wrote", "Pickles are never opened")
def pickle_under_its_own_name():
    Path("export.pkl").write_bytes(pickle.dumps(Evil()))
    try: load_learner("export.pkl")
    finally: assert not Path("opened").exists()

@says("is not a file that export() wrote, or it is damaged", "export the learner again")
def truncated_model():
    file = exported()
    file.write_bytes(file.read_bytes()[:-1000])
    load_learner(file)

@says("is not a file that export() wrote, or it is damaged")
def empty_model(): Path("bad.safetensors").touch(); load_learner("bad.safetensors")

@says("bad.safetensors is a folder", "name the file in it")
def folder_as_model(): Path("bad.safetensors").mkdir(); load_learner("bad.safetensors")

@says("nowhere.safetensors does not exist", "check the path")
def missing_model(): load_learner("nowhere")

@says("was altered or damaged after export()", "its checksum differs", "export the learner again")
def one_byte_flipped():
    file = exported()
    raw = bytearray(file.read_bytes()); raw[-5] ^= 1; file.write_bytes(raw)
    load_learner(file)

@says("was altered or damaged after export()", "its checksum differs")
def class_renamed():
    file = exported()
    file.write_bytes(file.read_bytes().replace(b"blue", b"bleu"))
    load_learner(file)

@says("has weights but not the names of the classes", "use a file that export() wrote")
def weights_of_another_program(): save_file({"x": torch.zeros(1)}, "bad.safetensors"); load_learner("bad.safetensors")

def rewrite(file, **about):
    "Changes what an exported file says about itself, and its checksum with it"
    from course_lib import learner as module
    state, old = load_file(file), module.read_about(file)
    new = old | about
    save_file(state, file, {"course_lib": json.dumps(new | dict(sha256=module._checksum(state, new)))})
    return file

@says("model.safetensors holds a tiny_resnt that this version does not build", "export the learner again here")
def unknown_architecture_inside(): load_learner(rewrite(exported(), arch="tiny_resnt"))

@says("model.safetensors holds a resnet18 that this version", "builds differently", "export the learner again here")
def weights_of_another_architecture(): load_learner(rewrite(exported(), arch="resnet18"))

@says("was saved with vocab ['blue', 'red'] (2 classes), this learner has ['blue', 'red', 'x'] (3 classes)", "build the learner it was saved from")
def load_with_other_classes():
    file = exported()
    vision_learner(dls(label=lambda f: "x" if f.name == "red_0.png" else breed(f))).load(file)

@says("was saved with arch tiny_resnet, this learner has resnet18")
def load_with_another_architecture(): vision_learner(dls(good()), "resnet18", pretrained=False).load(learner().export("model"))

@says("not built by name", "made by vision_learner")
def export_of_a_model_of_ones_own():
    from course_lib.learner import Learner
    Learner(dls(good()), torch.nn.Linear(2, 2)).export("x")

@pytest.mark.parametrize("case", ROWS)
def test_gets_a_sentence(case, capsys, monkeypatch, place):
    fn, parts = ROWS[case]
    fixtures = dict(monkeypatch=monkeypatch, place=place)
    text = said(lambda: fn(**{k: v for k, v in fixtures.items() if k in fn.__code__.co_varnames[:fn.__code__.co_argcount]}), capsys)
    assert not [part for part in parts if part not in text], text


# --- what looks bad and is fine

MODES = {"palette": ("P", "png"), "grey": ("L", "png"), "alpha": ("RGBA", "png"), "grey and alpha": ("LA", "png"), "print colours": ("CMYK", "jpg"), "YCbCr": ("YCbCr", "jpg"),
         "animated": ("P", "gif"), "webp": ("RGB", "webp"), "tiff": ("RGB", "tif"), "bmp": ("RGB", "bmp")}

@pytest.mark.parametrize("name", MODES)
def test_pictures_of_every_kind_are_read(name):
    mode, suffix = MODES[name]
    more = dict(save_all=True, append_images=[picture("blue", mode)]) if name == "animated" else {}
    picture("red", mode).save(f"a.{suffix}", **more)
    expected = [Image.new("RGB", (1, 1), COLOURS["red"]).convert("L").getpixel((0, 0))]*3 if mode in ("L", "LA") else COLOURS["red"]
    assert np.abs(data.load_image(f"a.{suffix}", 32)[16, 16].astype(int) - expected).max() <= 8

def test_transparent_colours_and_bits():
    for mode, suffix in ("RGBA", "png"), ("LA", "png"), ("P", "png"), ("RGBA", "gif"), ("RGBA", "webp"):       # black on nothing: what hides there is black as well
        im = Image.new("RGBA", (40, 40)); im.paste((0, 0, 0, 255), (0, 0, 20, 40))
        im.convert(mode).save(f"a.{suffix}", lossless=True)
        assert data.load_image(f"a.{suffix}", 32, "squish")[16, [6, 26]].tolist() == [[0]*3, [255]*3], (mode, suffix)
    Image.new("1", (40, 40), 1).save("one.png")
    Image.fromarray(np.full((40, 40), 200*257, np.uint16)).save("sixteen.png")
    assert [data.load_image(f, 32)[16, 16].tolist() for f in ("one.png", "sixteen.png")] == [[255]*3, [200]*3]

def test_a_photo_taken_sideways_stands_upright():
    im = Image.new("RGB", (60, 40), COLOURS["blue"]); im.paste(COLOURS["red"], (0, 0, 30, 40))
    exif = im.getexif(); exif[0x0112] = 6                               # "turn me by 90 degrees": left becomes top
    im.save("a.jpg", exif=exif, quality=95)
    grey = Image.fromarray(np.repeat([[60_000]*30 + [0]*30], 40, 0).astype(np.uint16))
    grey.save("b.png", exif=exif)                                       # the same with 16 bits
    for file in "a.jpg", "b.png":
        top, bottom = data.load_image(file, 40, "squish")[[5, 35], 20].astype(int)
        assert top[0] > 150 > 60 > bottom[0], file

@pytest.mark.filterwarnings("ignore:Glyph")
def test_odd_names(capsys):                                             # capsys cannot print what is no Unicode
    names = ["RED_1.PNG", "r\u00f6d katt_2.png", "\u732b_3.png", "\U0001f408_4.Png", " space _5.png", "two\nlines_6.png", "a'b\"c_7.png"]
    if sys.platform == "linux": names.append(os.fsdecode(b"caf\xe9_8.png"))      # not valid UTF-8
    for name in names: picture().save(name, "PNG")
    Path("broken\udce9_9.png").touch() if sys.platform == "linux" else None
    loaders = dls(label=lambda f: f.stem, bs=len(names))
    assert len(loaders.train.idx) + len(loaders.valid.idx) == len(loaders.vocab) == len(names)
    loaders.show_batch(n=len(names))[0].figure.canvas.draw()             # every name can be drawn,
    print(*loaders.vocab)                                                # and printed

def test_thousands_of_files_in_folders_and_links_that_loop():
    for i in range(30):
        folder = Path("a")/str(i % 5)/str(i); folder.mkdir(parents=True)
        for j in range(100): (folder/f"red_{j}.png").touch()
        os.symlink(Path().resolve(), folder/"loop")
        os.symlink(Path("a/4/4").resolve(), folder/"elsewhere")                # a folder that the walk reaches later
    assert len(labels.image_files(".")) == 3000

def test_a_link_is_the_second_name_of_a_folder():
    Path("cats").mkdir(); picture().save("cats/1.png")
    os.symlink("cats", "all"); os.symlink("cats", "zoo")
    assert labels.image_files(".") == [Path("cats/1.png")]

def test_a_batch_larger_than_the_data():
    learn = vision_learner(dls(good(), bs=64))
    learn.fit(1)
    assert len(learn.dls.train) == 1 and len(learn.history) == 1

@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("suffix", ["jpg", "png", "gif", "tif", "webp", "bmp"])
def test_random_damage_is_a_value_error_or_a_picture(suffix):
    rng, photo = random.Random(0), Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8).repeat(2, 0).repeat(2, 1))
    buffer = io.BytesIO(); photo.save(buffer, {"jpg": "jpeg", "tif": "tiff"}.get(suffix, suffix))
    read = 0
    for _ in range(60):
        raw = bytearray(buffer.getvalue())
        for _ in range(rng.choice([1, 3, 30])): raw[rng.randrange(len(raw))] = rng.randrange(256)
        Path(f"x.{suffix}").write_bytes(raw[:rng.choice([len(raw), rng.randrange(len(raw))])])
        try: read += data.load_image(f"x.{suffix}", 32).shape == (32, 32, 3)
        except ValueError: pass
    assert read < 60

def test_random_damage_of_a_model_is_a_value_error():
    raw = exported().read_bytes()
    rng, head = random.Random(0), 8 + int.from_bytes(raw[:8], "little")
    for _ in range(40):
        bad = bytearray(raw)
        bad[rng.randrange(rng.choice([8, head, len(raw)]))] ^= 1 << rng.randrange(8)
        Path("bad.safetensors").write_bytes(bad[:rng.choice([len(raw), len(raw), rng.randrange(len(raw))])])
        with pytest.raises(ValueError, match="^bad.safetensors "): load_learner("bad.safetensors")


# --- Ctrl-C, kills, two at once

def python(code, **kwargs):
    "A process that runs `code` after the imports it needs, and that Ctrl-C reaches even when the tests run in the background (nohup)"
    head = "import os, signal, sys, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom pathlib import Path\nfrom course_lib import core, data, labels\nfrom course_lib.learner import vision_learner\nbreed = labels.regex_label(r'(.+)_\\d+')\n"
    env = os.environ | dict(PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1", PYTHONUNBUFFERED="1")
    return subprocess.Popen([sys.executable, "-c", head + code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, **kwargs)

def test_ctrl_c_in_the_middle_of_an_epoch():
    good()
    p = python("""
learn = vision_learner(data.image_dls('.', breed, size=32, bs=4, bar=False))
slow = learn.loss_func
learn.loss_func = lambda *args: (time.sleep(0.02), slow(*args))[1]
try: learn.fit(1000)
except KeyboardInterrupt: print('it is raised again, so that Run All stops')
n = len(learn.history)
learn.loss_func = slow
learn.fit(1)
print('then', n > 0, len(learn.history) - n, learn.history[-1]['epoch'] == n)
""")
    lines = []
    for line in p.stdout:
        lines.append(line)
        if line.startswith("2 "): p.send_signal(signal.SIGINT)          # two whole epochs are behind it
    assert p.wait() == 0 and "Stopped after" in "".join(lines) and "it is raised again" in "".join(lines) and lines[-1] == "then True 1 True\n", "".join(lines)

SLOW = "real = data.load_image\ndef slow(*args):\n    print('.', flush=True); time.sleep(0.05); return real(*args)\ndata.load_image = slow\ndata.byte_cache(sorted(Path().glob('*.png')), 32, bar=False)"

def test_killed_while_decoding(place):
    files = sorted(good())
    p = python(SLOW)
    p.stdout.readline(); p.kill(); p.wait()
    left = list((place/"home/cache").iterdir())
    assert [f.name[-4:] for f in left] == [".tmp"], "killed too late, or too early"
    pixels, broken_files = data.byte_cache(files, 32, bar=False)
    assert not broken_files and np.array_equal(pixels[3], data.load_image(files[3], 32))
    os.utime(left[0], (0, 0))
    with core.whole_or_nothing(left[0].with_name(left[0].name.split(".")[1])) as tmp: tmp.mkdir()
    assert not left[0].exists(), "what a killed process left behind a day ago is removed"

def test_ctrl_c_while_decoding(place, monkeypatch):
    files, read = good(60), []
    def load_image(file, *args): read.append(file); time.sleep(0.01); return np.zeros((32, 32, 3), np.uint8)
    def stopped(it, *args):
        next(it); raise KeyboardInterrupt
    monkeypatch.setattr(data, "load_image", load_image); monkeypatch.setattr(data, "progress", stopped)
    with pytest.raises(KeyboardInterrupt): data.byte_cache(files, 32)
    assert len(read) < 50, "the other pictures are not waited for"
    assert not list((place/"home/cache").iterdir()), "debris"

def test_what_another_kernel_has_just_finished():
    os.symlink("gone", ".x.1.2.tmp")                                    # seen when listing, gone when looked at
    with core.whole_or_nothing("x") as tmp: tmp.write_text("x")
    assert Path("x").read_text() == "x"

FEW = "data._draw_critters = lambda folder: data.draw_critters(folder, 2)\n"

def test_killed_while_drawing(place, monkeypatch):
    monkeypatch.setattr(data, "_draw_critters", lambda folder: data.draw_critters(folder, 2))
    p = python(FEW + "data.get_data('critters')")
    deadline = time.monotonic() + 60
    while not (half := list((place/"home").rglob("*.jpg"))) and time.monotonic() < deadline: time.sleep(0.01)
    p.kill(); p.wait()
    assert half and not (place/"home/critters").exists()
    assert len(labels.image_files(data.get_data("critters"))) == 37*2
    file = labels.image_files(data.get_data("critters"))[5]
    file.write_bytes(file.read_bytes()[:900])                           # a drawing cut off later
    _, broken_files = data.byte_cache(labels.image_files(data.get_data("critters"))[:9], 32, bar=False)
    assert list(broken_files) == [5] and "damaged or cut off" in broken_files[5]

DAMAGE = {"pixels cut off": ("pixels.npy", lambda raw: raw[:-100]), "pixels gone": ("pixels.npy", lambda raw: b""), "another header": ("pixels.npy", lambda raw: raw.replace(b"(12, 32", b"(11, 32")),
          "another type": ("pixels.npy", lambda raw: raw.replace(b"'|u1'", b"'|i1'")), "a pickle": ("pixels.npy", lambda raw: raw.replace(b"'|u1'", b"'|O' ")),
          "list is no JSON": ("broken.json", lambda raw: b"{"), "list of another kind": ("broken.json", lambda raw: b"[1]"),
          "list of numbers": ("broken.json", lambda raw: b'{"0": 5}'), "list is no text": ("broken.json", lambda raw: b"\xff"), "pixels are a zip file": ("pixels.npy", lambda raw: b"PK\x03\x04" + raw)}

@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_cache_is_made_again(name, place):
    files = good()
    before = np.array(data.byte_cache(files, 32, bar=False)[0])
    which, damage = DAMAGE[name]
    file = next((place/"home/cache").rglob(which))
    assert damage(file.read_bytes()) != file.read_bytes()
    file.write_bytes(damage(file.read_bytes()))
    pixels, broken_files = data.byte_cache(files, 32, bar=False)
    assert np.array_equal(pixels, before) and not broken_files

TOGETHER = FEW + """
files = sorted(Path().glob('*.png'))
def together(what):
    print(what, flush=True)
    while not Path(what).exists(): time.sleep(0.001)
together('go')
path = data.get_data('critters')
total = data.byte_cache(files, 32, bar=False)[0].sum()
print(len(labels.image_files(path)), total)
together('again')
print(data.byte_cache(files, 32, bar=False)[0].sum() == total)
"""

def test_several_kernels_make_the_same_things_at_once(place):
    files = good(200)
    ps = [python(TOGETHER) for _ in range(3)]
    try:
        assert [p.stdout.readline() for p in ps] == ["go\n"]*3
        Path("go").touch()
        printed = {p.stdout.readline() for p in ps}
        expected = sum(int(data.load_image(f, 32).sum()) for f in files)
        assert printed == {f"{37*2} {expected}\n"} and [p.stdout.readline() for p in ps] == ["again\n"]*3
        next((place/"home/cache").rglob("pixels.npy")).write_bytes(b"damaged")     # all of them find it so
        Path("again").touch()
        assert [p.communicate()[0] for p in ps] == ["True\n"]*3 and not list((place/"home").rglob("*.tmp"))
    finally:
        for p in ps: p.kill()


# --- downloads, against a server of our own on this machine

class Handler(http.server.BaseHTTPRequestHandler):
    "The first part of the address says how this server behaves; the rest is the file"
    def log_message(self, *args): pass
    def do_GET(self):
        how, _, name = self.path[1:].partition("/")
        body = self.server.files.get(name, b"")
        if how == "portal": body = b"<html>Please log in</html>"
        self.send_response(404 if how == "missing" else 200)
        self.send_header("Content-Length", str(len(body))); self.end_headers()
        if how == "good" or how == "portal": self.wfile.write(body)
        else: self.wfile.write(body[:len(body)//2]); self.wfile.flush()
        if how == "reset": self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1] + [0]*7))     # closes like a pulled plug
        if how == "silent": self.server.enough.wait(20)

@pytest.fixture
def server(monkeypatch):
    "A server with `files`; it is given up after a silent second"
    s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    s.files, s.enough, s.daemon_threads = {}, threading.Event(), True
    threading.Thread(target=s.serve_forever, args=[0.01], daemon=True).start()
    for module in (fetch, model): monkeypatch.setattr(module, "patience", functools.partial(core.patience, 1))
    s.shutdown_request = s.close_request                                 # no goodbye before the connection is closed
    s.url = f"http://127.0.0.1:{s.server_port}"
    yield s
    s.enough.set(); s.shutdown(); s.server_close()

def archive(name="images/red_1.png", link=None):
    "A tar.gz with one picture under the name `name`, behind a link if there is one"
    picture().save("in.png")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        if link:
            info = tarfile.TarInfo(link[0]); info.type, info.linkname = tarfile.SYMTYPE, link[1]
            tar.addfile(info)
        info = tar.gettarinfo("in.png"); info.name = name
        with open("in.png", "rb") as f: tar.addfile(info, f)
    return buffer.getvalue()

def weights(server, how, name, monkeypatch):
    "Asks for weights at an address of the server instead of torchvision's"
    entry = Weights(url=f"{server.url}/{how}/{name}", transforms=functools.partial(torchvision.transforms._presets.ImageClassification, crop_size=224), meta={})
    monkeypatch.setattr(torchvision.models, "get_model_weights", lambda arch: WeightsEnum("W", {"DEFAULT": entry}))
    return model.torchvision_weights("resnet18")

def saved(obj):
    "What torch writes for `obj`, and a file name that ends in its hash"
    buffer = io.BytesIO(); torch.save(obj, buffer)
    return buffer.getvalue(), f"net-{hashlib.sha256(buffer.getvalue()).hexdigest()[:8]}.pth"

HOW = {"missing": "HTTP Error 404", "cut": "another checksum", "reset": "reset by peer", "silent": "timed out", "portal": "another checksum",
       "wrong checksum": "another checksum", "no server": "refused"}       # what goes wrong, and the cause in the sentence

filters = pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="needs a Python whose tarfile has filters (3.10.12, 3.11.4, 3.12)")

@filters
@pytest.mark.parametrize("how", HOW)
def test_photos_that_cannot_be_had(how, server, place, capsys):
    server.files["a.tar.gz"] = archive()
    md5 = hashlib.md5(server.files["a.tar.gz"]).hexdigest()
    url = f"{server.url}/{'good' if ' ' in how else how}/a.tar.gz"
    if how == "no server": server.shutdown(); server.server_close()
    text = said(lambda: fetch.fetch_pets(place/"out", url, "0"*32 if how == "wrong checksum" else md5), capsys)
    assert f"The photos could not be had from {url} (" in text and HOW[how] in text and "set COURSE_DATA" in text and "get_data('critters')" in text, text
    assert not (place/"out").exists() and not list(place.glob("out*"))
    if how != "no server":
        fetch.fetch_pets(place/"out", f"{server.url}/good/a.tar.gz", md5)
        assert len(labels.image_files(place/"out")) == 1

@pytest.mark.parametrize("how", HOW)
def test_weights_that_cannot_be_had(how, server, place, capsys, monkeypatch):
    raw, name = saved({"a": torch.ones(2000)})
    server.files[name] = raw if how != "wrong checksum" else raw[:-1] + b"?"
    if how == "no server": server.shutdown(); server.server_close()
    text = said(lambda: weights(server, "good" if " " in how else how, name, monkeypatch), capsys)
    assert f"The weights of resnet18 could not be had from {server.url}" in text and HOW[how] in text and "or use 'tiny_resnet'" in text, text
    assert not [f for f in (place/"torch").rglob("*") if f.is_file()]
    if how == "no server": return
    server.files[name] = raw
    assert weights(server, "good", name, monkeypatch)[0]["a"].sum() == 2000

def test_weights_that_would_run_a_program(server, capsys, monkeypatch):
    raw, name = saved(Evil())
    server.files[name] = raw
    text = said(lambda: weights(server, "good", name, monkeypatch), capsys)
    assert "it holds more than weights and was not opened" in text and not Path("opened").exists(), text

def test_a_damaged_file_where_weights_are_kept(server, place, capsys, monkeypatch):
    raw, name = saved({"a": torch.ones(2000)})
    server.files[name] = raw
    kept = place/"torch/hub/checkpoints"/name
    weights(server, "good", name, monkeypatch)
    for damaged in b"", raw[:-100], saved({"b": torch.ones(1)})[0]:
        kept.write_bytes(damaged)
        text = said(lambda: weights(server, "good", name, monkeypatch), capsys)
        assert f"{kept} is damaged or another file of that name, its checksum differs: delete it" in text, text
    kept.unlink()
    assert weights(server, "good", name, monkeypatch)[0]["a"].sum() == 2000

OUTSIDE = {"above": dict(name="../red_1.png"), "through a link": dict(name="images/red_1.png", link=("images", "../..")), "to a place of the machine": dict(name="images/red_1.png", link=("images", "/"))}

@filters
@pytest.mark.parametrize("name", OUTSIDE)
def test_archives_that_point_outside(name, server, place, capsys):
    server.files["a.tar.gz"] = archive(**OUTSIDE[name])
    text = said(lambda: fetch.fetch_pets(place/"out", f"{server.url}/good/a.tar.gz", hashlib.md5(server.files["a.tar.gz"]).hexdigest()), capsys)
    assert f"{server.url}/good/a.tar.gz is not used ('{OUTSIDE[name].get('link', ['../red_1.png'])[0]}'" in text, text
    assert not list(place.glob("red*")) and not (place.parent/"red_1.png").exists() and not list(place.glob("*.gz*"))

def test_an_older_python_unpacks_nothing(server, place, monkeypatch):
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    with pytest.raises(OSError, match="cannot unpack archives safely: take a newer 3.10 or 3.11, set COURSE_DATA"): fetch.fetch_pets(place/"out", f"{server.url}/good/a.tar.gz")
    assert not (place/"out").exists()

@filters
def test_an_absolute_name_lands_inside(server, place):
    server.files["a.tar.gz"] = archive(f"{place}/red_1.png")
    fetch.fetch_pets(place/"out", f"{server.url}/good/a.tar.gz", hashlib.md5(server.files["a.tar.gz"]).hexdigest())
    assert len(labels.image_files(place/"out")) == 1 and not (place/"red_1.png").exists()
