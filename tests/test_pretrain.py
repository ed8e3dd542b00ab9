"scripts/pretrain.py in small: the same numbers give the same pictures and weights, and nothing is lost on the way."
import json
import sys

import pytest
import torch
from conftest import ROOT
from safetensors import safe_open

SMALL = dict(n_classes=20, n_pictures=600, pixels=32, sizes="32", views=512, bs=128, workers=1, threads=1)
KINDS = dict(fractals=(1, 0), bodies=(0, 1), shapes=(0, 0))


@pytest.fixture(scope="module")
def pretrain():
    "The script as a module, that other processes find as well"
    threads = torch.get_num_threads()
    sys.path.insert(0, str(ROOT/"scripts"))
    import pretrain
    yield pretrain
    sys.path.remove(str(ROOT/"scripts"))
    torch.set_num_threads(threads)

@pytest.fixture
def few(pretrain, monkeypatch): monkeypatch.setattr(pretrain, "CHUNK", 64)

@pytest.fixture(scope="module")
def folder(tmp_path_factory): return tmp_path_factory.mktemp("pictures")

@pytest.fixture(scope="module")
def done(pretrain, folder):
    "A small run without a break: its file"
    out = folder/"whole"/"tiny.safetensors"
    pretrain.main(out=out, folder=folder, **SMALL)
    return out

def drawn(pretrain, kind, seed=0, number=0):
    of_fractals, of_bodies = KINDS[kind]
    return pretrain.draw(seed, 20, 32, number, of_fractals=of_fractals, of_bodies=of_bodies)


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_depend_on_seed_and_number_alone(pretrain, few, kind):
    x, maps, y = first = drawn(pretrain, kind)
    other = drawn(pretrain, kind, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first, drawn(pretrain, kind)))
    assert not torch.equal(x, other[0]) and not torch.equal(x, drawn(pretrain, kind, number=1)[0])
    assert x.shape == (64, 3, 32, 32) and maps.shape == (64, 7, 8, 8) and y.shape == (64, 5)
    assert x.dtype == maps.dtype == torch.uint8
    asked = {name for name, targ in zip(pretrain.QUESTIONS, y.T) if (targ >= 0).all()}
    assert asked == {"ground"} | dict(fractals={"fractal"}, bodies={"surface", "body"}, shapes={"surface", "shape"})[kind]

def test_pictures_show_something_and_the_maps_say_where(pretrain, few):
    for kind in KINDS:
        x, maps, _ = drawn(pretrain, kind)
        share = maps.float().mean((0, 2, 3))/255
        assert x.float().std((2, 3)).median() > 5 and maps.int().sum(1).max() < 260, kind
        assert (share > 0).tolist() == [kind == "bodies"]*6 + [kind != "bodies"], kind

def test_maps_move_with_the_pictures(pretrain):
    "Left half white, and the map says so: it is still true after every change but those of colour"
    x, maps = torch.zeros(16, 3, 32, 32, dtype=torch.uint8), torch.zeros(16, 7, 8, 8, dtype=torch.uint8)
    x[..., :16], maps[..., :4] = 255, 255
    x, maps = pretrain.changed(x, maps, 32, pretrain.generator("moves"))
    bright, there = torch.nn.functional.avg_pool2d(x.mean(1), 4).flatten(1), maps[:, 0].flatten(1)
    assert torch.corrcoef(torch.stack((bright.flatten(), there.flatten())))[0, 1] > .85
    assert len({tuple(m.gt(.5).tolist()) for m in there}) > 4

def test_one_process_draws_what_two_draw(pretrain, folder, done, tmp_path):
    two = pretrain.pictures(600, tmp_path, 2, seed=0, n_classes=20, size=32, of_fractals=.2, of_bodies=.55)
    one = pretrain.pictures(600, folder, 1, seed=0, n_classes=20, size=32, of_fractals=.2, of_bodies=.55)
    assert all(torch.equal(a, b) for a, b in zip(one, two)) and len(one[0]) == 1024
    assert len(list(folder.rglob("*.npz"))) == 2, "drawn by the run, and not again"

def test_ellipsoids_are_where_a_ray_meets_them(pretrain):
    "The closed form against a search along the ray, for an ellipsoid turned at random"
    g = pretrain.generator("ellipsoid")
    where, radii = torch.tensor([[[.2, -.1, .3]]]), torch.tensor([[[.5, .3, .2]]])
    into = pretrain.rotation(*pretrain.rand(g, 3, 1, 1, lo=-3, hi=3))
    linear, q, _ = pretrain.quadrics(where, into, radii)
    x, y = .25, -.05
    height = (linear[0, 0] @ torch.tensor([1, x, y]) + (q[0, 0] @ torch.tensor([1, x, y, x*x, x*y, y*y])).sqrt()).item()
    z = torch.linspace(-2, 2, 400_001)
    points = torch.stack((torch.full_like(z, x), torch.full_like(z, y), z), 1) - where[0, 0]
    inside = ((points @ into[0, 0].T/radii[0, 0])**2).sum(1) <= 1
    assert abs(z[inside].max().item() - height) < 1e-3

def test_the_file(pretrain, done):
    from course_lib.model import cut
    from course_lib.resnet import tiny_resnet
    assert done.stat().st_size < 3e6
    with safe_open(done, "pt") as f:
        state, meta = {k: f.get_tensor(k) for k in f.keys()}, f.metadata()
    cut(tiny_resnet())[0].load_state_dict({k: v.float() for k, v in state.items()})
    assert json.loads(meta["mean"]) == pretrain.MEAN and meta["architecture"] == "tiny_resnet" and "no photographs" in meta["licence"]
    log = json.loads(done.with_suffix(".json").read_text())
    assert log["recipe"] == json.loads(meta["recipe"]) and log["recipe"]["seed"] == 0 and log["recipe"]["start"] is None
    assert log["checks"]["float16"] < .01 and set(log["checks"]["right"]) == set(pretrain.QUESTIONS)
    assert log["rows"][-1]["step"] == 4 and len(log["sha256"]) == 64

def test_a_run_that_was_stopped_ends_as_one_that_was_not(pretrain, folder, done, capsys):
    out = folder/"stopped"/"tiny.safetensors"
    pretrain.main(out=out, folder=folder, stop_after=2, **SMALL)
    assert not out.exists()
    pretrain.main(out=out, folder=folder, **SMALL)
    assert "going on after step 2" in capsys.readouterr().out
    assert out.read_bytes() == done.read_bytes()

@pytest.mark.parametrize("what", ["another run", "damaged"])
def test_a_checkpoint_that_cannot_go_on_is_kept(pretrain, folder, done, tmp_path, what):
    file, out = done.with_suffix(".checkpoint"), tmp_path/"tiny.safetensors"
    held = file.read_bytes() if what == "another run" else file.read_bytes()[:5000]
    out.with_suffix(".checkpoint").write_bytes(held)
    with pytest.raises(ValueError, match="another run" if what == "another run" else "cannot be read") as e:
        pretrain.main(out=out, folder=folder, **(SMALL | dict(seed=0, lr=1e-3)))
    assert "delete it" in str(e.value) and out.with_suffix(".checkpoint").read_bytes() == held and not out.exists()

def test_sizes_are_whole_cells(pretrain, tmp_path):
    with pytest.raises(ValueError, match="multiple of 16"): pretrain.main(out=tmp_path/"x.safetensors", **(SMALL | dict(sizes="40")))

def test_a_start_of_another_architecture_is_refused(pretrain, folder, tmp_path):
    from safetensors.torch import save_file
    save_file({"a.weight": torch.zeros(2)}, tmp_path/"other.safetensors")
    with pytest.raises(ValueError, match="no weights of tiny_resnet"):
        pretrain.main(out=tmp_path/"x.safetensors", folder=folder, start=tmp_path/"other.safetensors", **SMALL)
