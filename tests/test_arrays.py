"Small pictures in memory: real ones, and what happens when files are missing, damaged, or made to do harm."
import gzip
import hashlib
import io
import os
import pickle
import random
import struct
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import ROOT, offline, run
from PIL import Image
from test_bad_input import HOW, Evil, full, place, python, said, server  # noqa: F401 (fixtures; `place` is used by every test)
from torchvision.datasets import CIFAR10, MNIST

from course_lib.data import CATALOGUE, get_data
from course_lib.labels import image_files
from course_lib.pictures import arrays, digits, fetch
from course_lib.pictures.arrays import get_arrays

rng = np.random.default_rng(0)


def idx(x, magic=None):
    "An array of bytes as a gzipped IDX file"
    return gzip.compress(struct.pack(f">{1 + x.ndim}I", magic or 0x800 + x.ndim, *x.shape) + x.tobytes())

def some_digits(n): return rng.integers(0, 256, (n, 28, 28), np.uint8), np.arange(n, dtype=np.uint8) % 10

def mnist_files(n=20, which="t10k"):
    x, y = some_digits(n)
    return {f"{which}-images-idx3-ubyte.gz": idx(x), f"{which}-labels-idx1-ubyte.gz": idx(y)}

@pytest.fixture
def mnist(place, monkeypatch):
    "A COURSE_DATA of 20 digits: the folder"
    monkeypatch.setenv("COURSE_DATA", str(place/"data"))
    folder = place/"data/mnist"
    folder.mkdir(parents=True)
    for name, raw in mnist_files().items(): (folder/name).write_bytes(raw)
    return folder

@pytest.fixture
def cifar2(place, monkeypatch):
    "A COURSE_DATA of 3 + 2 pictures per class: the folder"
    monkeypatch.setenv("COURSE_DATA", str(place/"data"))
    folder = place/"data/cifar2"
    for part, kind, n in (("train", "airplane", 3), ("train", "bird", 3), ("test", "airplane", 2), ("test", "bird", 2)):
        (folder/part/kind).mkdir(parents=True)
        for i in range(n): Image.new("RGB", (32, 32), (i, i, i)).save(folder/part/kind/f"{i:04}.png")
    return folder


# --- real data

def test_real_digits(need, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(need("data")))
    a = get_arrays("mnist")
    assert repr(a).startswith("7,000 training, 1,500 validation and 1,500 test pictures of 28×28 bytes, 10 classes: 0, 1, 2")
    assert [(x.shape, x.dtype, y.dtype) for x, y in a[:3]] == [((n, 28, 28), torch.uint8, torch.int64) for n in (7000, 1500, 1500)]
    assert [round((x/255).mean().item(), 3) for x, _ in a[:3]] == pytest.approx([0.1307]*3, abs=0.003)      # the mean of the 60,000
    x, y = (torch.cat(both) for both in zip(*a[:3]))
    assert y.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]                 # of the test file
    torch.testing.assert_close((x/255).mean(), torch.tensor(0.13251), atol=1e-5, rtol=0)
    read = MNIST_reader(need("data")/"mnist")
    assert sorted(hashlib.md5(p).digest() + bytes([t]) for p, t in zip(map(bytes, x.numpy()), y)) == sorted(hashlib.md5(p).digest() + bytes([t]) for p, t in zip(map(bytes, read[0]), read[1]))

def MNIST_reader(folder):
    "The same files with torchvision's reader"
    from torchvision.datasets import mnist
    for name in "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte": Path(name).write_bytes(gzip.decompress((folder/f"{name}.gz").read_bytes()))
    return mnist.read_image_file("t10k-images-idx3-ubyte").numpy(), mnist.read_label_file("t10k-labels-idx1-ubyte")

def test_real_birds_and_airplanes(need, place, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(need("data")))
    a = get_arrays("cifar2")
    assert repr(a) == "10,000 training, 1,000 validation and 1,000 test pictures of 32×32×3 bytes, 2 classes: airplane, bird"
    assert [(x.shape, x.dtype, y.dtype, y.bincount().tolist()) for x, y in a[:3]] == [((n, 32, 32, 3), torch.uint8, torch.int64, [n//2]*2) for n in (10_000, 1000, 1000)]
    for x, _ in a[:3]: assert (x/255).mean((0, 1, 2)).tolist() == pytest.approx([0.51, 0.53, 0.51], abs=0.015) and (x/255).std().item() == pytest.approx(0.246, abs=0.003)
    assert 400 < a.train[1][:1000].sum() < 600, "the classes are not mixed"
    pictures = {kind: {hashlib.md5(np.asarray(Image.open(f)).tobytes()).digest() for f in (need("data")/"cifar2/test"/kind).iterdir()} for kind in a.vocab}
    for x, y in a[1:3]: assert all(hashlib.md5(p.numpy().tobytes()).digest() in pictures[a.vocab[t]] for p, t in zip(x, y))
    seen = [{hashlib.md5(p.numpy().tobytes()).digest() for p in x} for x, _ in a[1:3]]
    assert not seen[0] & seen[1], "validation and test share pictures"
    assert sum(f.stat().st_size for f in (place/"home").rglob("*.npy")) < 12_000*3072 + 1000
    again = get_arrays("cifar2")
    assert all(torch.equal(p, q) for one, two in zip(a[:3], again[:3]) for p, q in zip(one, two))


# --- bad input: a sentence

ROWS = {}
def says(*parts):
    "Registers a case: a function of fixtures, and what its sentence has to contain"
    def register(fn):
        ROWS[fn.__name__] = fn, parts
        return fn
    return register

@says("'minst' does not come as arrays", "did you mean 'mnist'?", "there are glyphs, sky, mnist, cifar2")
def misspelt_arrays(): get_arrays("minst")

@says("'cifar' is neither a data set nor a folder", "did you mean 'cifar2'?")
def misspelt_folder(): get_data("cifar")

@says("'critters' is a folder of pictures of many sizes", "use get_data('critters')")
def folder_as_arrays(): get_arrays("critters")

@says("'sky' is no folder of pictures", "use get_arrays('sky')")
def arrays_as_folder(): get_data("sky")

@says("mnist/t10k-images-idx3-ubyte.gz cannot be read (Compressed file ended before", "replace it by the original")
def digits_cut_off(mnist):
    file = mnist/"t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-100])
    get_arrays("mnist")

@says("t10k-images-idx3-ubyte.gz cannot be read (", "replace it by the original")
def digits_damaged(mnist):
    file = mnist/"t10k-images-idx3-ubyte.gz"
    raw = bytearray(file.read_bytes()); raw[500:600] = bytes(100)
    file.write_bytes(raw)
    get_arrays("mnist")

@says("t10k-images-idx3-ubyte.gz cannot be read (Not a gzipped file", "replace it by the original")
def digits_not_packed(mnist):
    file = mnist/"t10k-images-idx3-ubyte.gz"
    file.write_bytes(gzip.decompress(file.read_bytes()))
    get_arrays("mnist")

@says("t10k-images-idx3-ubyte.gz begins with the number 2049, an IDX file of this kind with 2051")
def labels_as_pictures(mnist):
    (mnist/"t10k-images-idx3-ubyte.gz").write_bytes((mnist/"t10k-labels-idx1-ubyte.gz").read_bytes())
    get_arrays("mnist")

@says("should hold 4,294,967,295 items", "and has 20")
def labels_that_promise_too_much(mnist):
    (mnist/"t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">II", 0x801, 2**32 - 1) + bytes(20)))
    get_arrays("mnist")

@says("should hold 1 items", "and has 67,108,856")
def a_bomb(mnist):
    (mnist/"t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">II", 0x801, 1) + bytes(10**8), 1))
    get_arrays("mnist")

@says("t10k-labels-idx1-ubyte.gz holds 19 labels for 20 pictures", "replace both files")
def one_label_too_few(mnist):
    (mnist/"t10k-labels-idx1-ubyte.gz").write_bytes(idx(some_digits(19)[1]))
    get_arrays("mnist")

@says("t10k-labels-idx1-ubyte.gz cannot be read (No such file or directory)", "replace it by the original")
def labels_missing(mnist): (mnist/"t10k-labels-idx1-ubyte.gz").unlink(); get_arrays("mnist")

@says("train-labels-idx1-ubyte.gz cannot be read (No such file or directory)")
def training_labels_missing(mnist):
    (mnist/"train-images-idx3-ubyte.gz").write_bytes(idx(some_digits(12)[0]))
    get_arrays("mnist")

@says("cifar2/test has no pictures in bird", "complete it, or delete")
def a_class_missing(cifar2):
    for f in (cifar2/"test/bird").iterdir(): f.unlink()
    (cifar2/"test/bird").rmdir()
    get_arrays("cifar2")

@says("cifar2/test has no pictures in airplane and bird")
def a_part_missing(cifar2):
    (cifar2/"test").rename(cifar2/"tset")
    get_arrays("cifar2")

@says("1 of 6 pictures cannot be read", "train/bird/0001.png: it is damaged or cut off", "get them again")
def a_broken_picture(cifar2):
    file = cifar2/"train/bird/0001.png"
    file.write_bytes(file.read_bytes()[:60])
    get_arrays("cifar2")

def few(monkeypatch):
    "Drawing in no time"
    monkeypatch.setitem(arrays.SIZES, "glyphs", (20, 10, 10))
    monkeypatch.setattr(digits, "glyphs", lambda n, seed=42, part="train": (np.full((n, 28, 28), len(part), np.uint8), np.arange(n) % 10), raising=False)

@says("home/cache", "cannot be written (a file stands where a folder must be)", "set COURSE_HOME")
def home_is_a_file(place, monkeypatch):
    few(monkeypatch); (place/"home").write_text("")
    get_arrays("glyphs")

@says("home/cache/glyphs.npz cannot be written (No space left on device)", "free some space")
def disk_full(place, monkeypatch):
    few(monkeypatch); monkeypatch.setattr(np, "savez", full)
    try: get_arrays("glyphs")
    finally: assert not list((place/"home/cache").iterdir()), "debris"

@says("home/mnist cannot be written (No space left on device)", "free some space")
def disk_full_while_downloading(place, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.utils.download_url", full)
    try: get_arrays("mnist")
    finally: assert not list((place/"home").iterdir()), "debris"

@pytest.mark.parametrize("case", ROWS)
def test_gets_a_sentence(case, capsys, request):
    fn, parts = ROWS[case]
    text = said(lambda: fn(**{name: request.getfixturevalue(name) for name in fn.__code__.co_varnames[:fn.__code__.co_argcount]}), capsys)
    assert not [part for part in parts if part not in text], text
    assert "\n" not in text.strip() and len(text) < 400, text

def test_the_catalogue_says_the_sizes():
    for name, total in ("glyphs", "10,000 digits"), ("sky", "6,000 birds"): assert CATALOGUE[name].startswith(total) and f"{sum(arrays.SIZES[name]):,}" == total.split()[0]

def test_random_damage_of_digits_is_a_value_error(mnist):
    file = mnist/"t10k-images-idx3-ubyte.gz"
    raw, dice, read = file.read_bytes(), random.Random(0), 0
    for _ in range(100):
        bad = bytearray(raw)
        for _ in range(dice.choice([1, 3, 30])): bad[dice.randrange(dice.choice([30, len(bad)]))] = dice.randrange(256)
        file.write_bytes(bad[:dice.choice([len(bad), dice.randrange(len(bad))])])
        try: get_arrays("mnist"); read += 1
        except ValueError as e: assert str(e).startswith(str(file))
    assert read < 60         # gzip says nothing about its own head


# --- drawn once, and whole

def test_drawn_once_and_again_when_damaged(place, monkeypatch):
    few(monkeypatch)
    before = get_arrays("glyphs")
    file, = (place/"home/cache").iterdir()
    raw = file.read_bytes()
    times = []
    paint = digits.glyphs
    monkeypatch.setattr(digits, "glyphs", lambda *args, **kwargs: (times.append(1), paint(*args, **kwargs))[1])
    assert all(torch.equal(p, q) for one, two in zip(before[:3], get_arrays("glyphs")[:3]) for p, q in zip(one, two)) and not times
    pickled = io.BytesIO(); np.savez(pickled, key=np.array([Evil()], object))
    for i, damaged in enumerate([b"", raw[:-50], raw.replace(b"|u1", b"|i1"), raw[:3000] + bytes(50) + raw[3050:], pickle.dumps(Evil()), pickled.getvalue(), b"x"], 1):
        assert damaged != raw
        file.write_bytes(damaged)
        assert torch.equal(get_arrays("glyphs").train[0], before.train[0]) and len(times) == 3*i
    assert not Path("opened").exists()

def test_killed_while_drawing(place, monkeypatch):
    few(monkeypatch)
    p = python("from course_lib.pictures import arrays, digits\nimport numpy as np\narrays.SIZES['glyphs'] = 20, 10, 10\n"
               "def savez(f, **kwargs):\n    f.write(b'half'); f.flush(); print('.', flush=True); time.sleep(60)\n"
               "np.savez = savez\ndigits.glyphs = lambda n, seed=42, part='train': (np.zeros((n, 28, 28), np.uint8), np.zeros(n, int))\narrays.get_arrays('glyphs')")
    assert p.stdout.readline() == ".\n"
    p.kill(); p.wait()
    assert [f.name[-4:] for f in (place/"home/cache").iterdir()] == [".tmp"]
    assert get_arrays("glyphs").train[0].unique().tolist() == [5]


# --- downloads, against a server of our own on this machine

BATCHES = [name for names in fetch.BATCHES.values() for name in names]

def batch(labels, seed=0):
    "Random pictures as CIFAR-10 stores them"
    data = np.random.default_rng(seed).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    return pickle.dumps({"batch_label": "x", "labels": labels, "data": data, "filenames": ["a.png"]*len(labels)}, 2)

def cifar_files(): return {f"cifar-10-batches-py/{name}": batch([0, 1, 2, 0, 2, 9], i) for i, name in enumerate(BATCHES)}

def pack(members, mode="w:gz"):
    "An archive: name -> bytes, or a TarInfo for what is no file"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        for name, raw in members.items():
            if isinstance(raw, tarfile.TarInfo): tar.addfile(raw); continue
            info = tarfile.TarInfo(name); info.size = len(raw)
            tar.addfile(info, io.BytesIO(raw))
    return buffer.getvalue()

def serve_mnist(server, how, monkeypatch, wrong=False):
    "torchvision's addresses now lead to the server, two of them"
    server.files = mnist_files(120, "train") | mnist_files()
    monkeypatch.setattr(MNIST, "mirrors", [f"{server.url}/missing/", f"{server.url}/{how}/"])
    monkeypatch.setattr(MNIST, "resources", [(name, "0"*32 if wrong else hashlib.md5(raw).hexdigest()) for name, raw in server.files.items()])

def serve_cifar(server, how, monkeypatch, raw=None, wrong=False):
    server.files["c.tar.gz"] = pack(cifar_files()) if raw is None else raw
    monkeypatch.setattr(CIFAR10, "url", f"{server.url}/{how}/c.tar.gz")
    monkeypatch.setattr(CIFAR10, "tgz_md5", "0"*32 if wrong else hashlib.md5(server.files["c.tar.gz"]).hexdigest())

REAL = {"mnist": (serve_mnist, "The digits", "get_arrays('glyphs')"), "cifar2": (serve_cifar, "The birds and airplanes", "get_arrays('sky')")}

@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", REAL)
def test_pictures_that_cannot_be_had(name, how, server, place, capsys, monkeypatch):
    serve, what, instead = REAL[name]
    serve(server, "good" if " " in how else how, monkeypatch, wrong=how == "wrong checksum")
    if how == "no server": server.shutdown(); server.server_close()
    text = said(lambda: get_arrays(name), capsys)
    assert f"{what} could not be had from {server.url}/" in text and HOW[how] in text and f"set COURSE_DATA to a folder that has {name}/" in text and f"or use {instead}, which needs no network" in text, text
    assert name != "mnist" or " nor from " in text and "404" in text or how == "no server", text
    assert not list((place/"home").iterdir()), "debris"
    if how == "no server": return
    serve(server, "good", monkeypatch)
    sizes = {"mnist": [110, 10, 20], "cifar2": [20, 2, 2]}[name]
    assert [len(y) for _, y in get_arrays(name)[:3]] == sizes
    server.files.clear()
    assert [len(y) for _, y in get_arrays(name)[:3]] == sizes, "downloaded twice"

def test_what_was_downloaded_is_what_was_packed(server, monkeypatch):
    serve_cifar(server, "good", monkeypatch)
    a, files = get_arrays("cifar2"), image_files(get_data("cifar2"))
    assert len(files) == 24 and {f.parent.name for f in files} == {"airplane", "bird"}
    packed = [pickle.loads(raw) for raw in cifar_files().values()]
    expected = {({0: 0, 2: 1}[t], p.reshape(3, 32, 32).transpose(1, 2, 0).tobytes()) for b in packed for p, t in zip(b["data"], b["labels"]) if t in (0, 2)}     # as CIFAR-10's page says
    assert {(int(t), p.numpy().tobytes()) for x, y in a[:3] for p, t in zip(x, y)} == expected

def test_no_network_at_all(tmp_path):
    code = "from course_lib.pictures.arrays import get_arrays\nfor name in 'mnist', 'cifar2':\n    try: get_arrays(name)\n    except OSError as e: print(e)"
    r = run(sys.executable, "-c", code, cwd=ROOT, env=offline(tmp_path/"home"))
    lines = r.stdout.splitlines()
    assert len(lines) == 2 and all(m in lines[0] for m in [*MNIST.mirrors, "get_arrays('glyphs')"]) and all(m in lines[1] for m in (CIFAR10.url, "get_arrays('sky')")), r.stdout


# --- pickles and archives made to do harm

class Asks:
    "Pickles as a call of `fn(*args)`"
    def __init__(self, fn, *args): self.fn, self.args = fn, args
    def __reduce__(self): return self.fn, self.args

def text(module, name, *args, proto=4):
    "The same by name, for what pickle itself would not write"
    def put(s): return pickle.SHORT_BINUNICODE + bytes([len(s)]) + s.encode()
    return pickle.PROTO + bytes([proto]) + put(module) + put(name) + pickle.STACK_GLOBAL + pickle.MARK + b"".join(map(put, args)) + pickle.TUPLE + pickle.REDUCE + pickle.STOP

HOSTILE = {
    "runs a program": pickle.dumps(Evil()), "runs a program, protocol 0": pickle.dumps(Evil(), 0), "evaluates": pickle.dumps(Asks(eval, "open('opened', 'w')")),
    "opens a file": pickle.dumps(Asks(open, "opened", "w")), "imports": pickle.dumps(Asks(__import__, "os")), "inside a batch": pickle.dumps({"data": Evil(), "labels": [0]}),
    "a method of an array, by a dotted name": text("numpy", "ndarray.tofile", "opened"), "NumPy's loader": pickle.dumps(Asks(np.load, "opened")),
    "NumPy's runner": pickle.dumps(Asks(np.testing.runstring, "open('opened', 'w')", {})), "a codec": text("_codecs", "encode", "opened", "idna"),
    "a module by a codec": text("_codecs", "encode", "a", "../../opened"), "a type": text("builtins", "type", "a"), "an old name": b"c__builtin__\nexec\n(S'open(\"opened\", \"w\")'\ntR.",
    "an instance": b"(S'touch opened'\nios\nsystem\n.", "a persistent id": b"Popened\n.", "an array of objects": pickle.dumps({"data": np.array([[Evil()]*3072], object), "labels": [0]}),
    "a giant": pickle.dumps({"data": Asks(np.ndarray, (10**15,)), "labels": [0]}), "a giant number": b"\x80\x02\x8b\xff\xff\xff\x7f.", "deep": b"]"*10**5 + b"a"*(10**5 - 1) + b".",
    "empty": b"", "no pickle": b"<html>", "cut off": batch([0, 2])[:-3000], "a list": pickle.dumps([1]), "labels of another length": pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}),
    "pictures of another size": pickle.dumps({"data": np.zeros((2, 3071), np.uint8), "labels": [0, 2]}), "floats": pickle.dumps({"data": np.zeros((1, 3072)), "labels": [0]}),
}

WHY = {"evaluates": "its pickle asks for builtins.eval", "a method of an array, by a dotted name": "asks for numpy.ndarray.tofile", "a codec": "asks for the encoding 'idna'", "a list": "a batch in it cannot be read",
       "labels of another length": "does not hold n rows", "cut off": "truncated"}      # a few causes

@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pickles(name, server, place, capsys, monkeypatch):
    serve_cifar(server, "good", monkeypatch, pack(cifar_files() | {"cifar-10-batches-py/data_batch_4": HOSTILE[name]}))
    text = said(lambda: get_arrays("cifar2"), capsys)
    assert f"The archive from {server.url}/good/c.tar.gz is not used (" in text and text.endswith("): use get_arrays('sky'), and tell us.") and WHY.get(name, "") in text and len(text) < 400, text
    assert not Path("opened").exists() and not list((place/"home").iterdir())

def test_the_hostile_pickles_would_do_harm():
    "An unpickler without our list runs them"
    for name in "runs a program", "evaluates", "opens a file", "inside a batch", "an old name", "an instance", "an array of objects", "NumPy's runner":
        pickle.loads(HOSTILE[name])
        assert Path("opened").exists(), name
        Path("opened").unlink()

@pytest.fixture
def little_memory():
    "At most 1 GB more than now: a damaged pickle may ask for any amount"
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(Path("/proc/self/statm").read_text().split()[0])*resource.getpagesize() if Path("/proc/self/statm").exists() else 64*10**9
    resource.setrlimit(resource.RLIMIT_AS, (now + 10**9, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)

def test_random_damage_of_a_pickle_is_a_value_error(little_memory):
    raw, dice = batch([0, 2]), random.Random(0)
    ends = [*range(200), *range(len(raw) - 300, len(raw))]             # the pixels in the middle may be anything
    for _ in range(2000):
        bad = bytearray(raw)
        for _ in range(dice.choice([1, 2, 8])): bad[dice.choice(ends)] = dice.randrange(256)
        try: x, y = fetch.read_batch(io.BytesIO(bad[:dice.choice([len(raw), len(raw), dice.randrange(len(raw))])]))
        except ValueError: continue
        assert x.dtype == np.uint8 and x.shape == (len(y), 32, 32, 3)

def link(kind, name, to):
    info = tarfile.TarInfo(name); info.type, info.linkname = kind, to
    return {name: info}

def sized(name, size):
    "An archive that ends after the head of a file of `size` bytes"
    info = tarfile.TarInfo(name); info.size = size
    return gzip.compress(info.tobuf() + bytes(10240))

FIRST = "cifar-10-batches-py/data_batch_1"
BIG = pack({"readme": rng.bytes(100_000)} | cifar_files())      # its first file is passed over
REST = {name: raw for name, raw in cifar_files().items() if name != FIRST}
ARCHIVES = {
    "a link out of it": (pack(REST | link(tarfile.SYMTYPE, FIRST, "/etc/passwd")), "it lacks data_batch_1"), "a hard link out of it": (pack(REST | link(tarfile.LNKTYPE, FIRST, "../../secret")), "it lacks data_batch_1"),
    "a device": (pack(REST | link(tarfile.CHRTYPE, FIRST, "")), "it lacks data_batch_1"), "a folder": (pack(REST | link(tarfile.DIRTYPE, FIRST, "")), "it lacks data_batch_1"),
    "outside": (pack(REST | {f"../{FIRST}": batch([0, 2])}), "it lacks data_batch_1"), "absolute": (pack(REST | {f"/{FIRST}": batch([0, 2])}), "it lacks data_batch_1"),
    "a giant": (sized(FIRST, 10**12), f"{FIRST} in it has 1,000,000,000,000 bytes"), "a giant nobody asked for": (sized("readme", 10**12), "readme in it has 1,000,000,000,000 bytes"),
    "empty": (pack({}), "it lacks data_batch_1, data_batch_2"), "no archive": (b"<html>", "not a gzip file"), "cut off": (pack(cifar_files())[:-5000], ""), "cut off where nobody reads": (BIG[:50_000], "ended before"),
    "damaged where nobody reads": (BIG[:300] + bytes(200) + BIG[500:], ""), "cut off within a head": (gzip.compress(pack(cifar_files(), "w")[:700]), ""),
}

@pytest.mark.parametrize("name", ARCHIVES)
def test_hostile_archives(name, server, place, capsys, monkeypatch):
    raw, why = ARCHIVES[name]
    serve_cifar(server, "good", monkeypatch, raw)
    start = time.perf_counter()
    text = said(lambda: get_arrays("cifar2"), capsys)
    assert f"The archive from {server.url}/good/c.tar.gz is not used (" in text and why in text and text.endswith("): use get_arrays('sky'), and tell us."), text
    assert not list((place/"home").iterdir()) and {p.name for p in place.iterdir()} <= {"home", "pictures", "torch"} and time.perf_counter() - start < 20

def test_members_that_point_outside_are_passed_over(server, place, monkeypatch):
    serve_cifar(server, "good", monkeypatch, pack({"../escaped": b"x", "/escaped": b"x"} | link(tarfile.SYMTYPE, "cifar-10-batches-py", "/") | cifar_files()))
    assert len(get_arrays("cifar2").train[1]) == 20
    assert not [p for p in place.rglob("escaped*")] and {f.suffix for f in image_files(place/"home/cifar2")} == {".png"} and not os.path.exists("/escaped")
