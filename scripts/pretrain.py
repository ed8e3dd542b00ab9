"""Pretrains `tiny_resnet` on pictures made from formulas and writes `course_lib/weights/tiny_resnet.safetensors`.

    python scripts/pretrain.py                            # no network, no photographs
    python scripts/pretrain.py --views 40_000 --out x.safetensors      # a trial of minutes

Three kinds of pictures, all with a textured ground:

* Textures: waves, rings, spirals, bricks, cells, spots and smooth noise, mixed, bent and coloured. A class is one such recipe; each picture
  of it has its own noise, place, angle and half of its colours.
* Shapes: a round outline with a few bumps, as if of clay: shaded from one side, with a texture of its own, a shadow and a few flat leaves
  behind and in front ("dead leaves"). A class is an outline and a surface.
* Fractals, as in Kataoka et al. 2020, "Pre-training without Natural Images" (arXiv:2101.08515). A class is an iterated function system, a few
  maps that each shrink and turn the plane; a picture has them jittered by up to 12 %.

A picture asks several questions at once: which texture is behind, which on the object, which shape, which fractal. Each has a linear layer of
its own behind the one body. A second task, contrast, asks which two crops belong to one picture (SimCLR: Chen et al. 2020, arXiv:2002.05709).
Crops, turns, colour and blur change hard at every step. What is kept is the running average of the weights (EMA).

Everything depends on `seed` and the number of the chunk or of the step, on nothing that came before: a run that was stopped goes on from its
checkpoint and ends as it would have. Pictures are equal on every machine of one kind (the last grey level may differ between kinds).
"""
import copy, hashlib, json, math, os, time
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fastcore.script import call_parse
from safetensors.torch import load_file, save
from torch import nn

from course_lib.core import autocast, course_home, default_device, keep_memory, whole_or_nothing
from course_lib.resnet import tiny_resnet
from course_lib.training import adam, one_cycle, set_hypers

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]   # ImageNet's, so that one normalisation serves all networks of the course
QUESTIONS = "ground", "surface", "shape", "fractal"
CHUNK, GROUP = 512, 16            # pictures a file, pictures drawn at once: small enough for a processor's cache
COLOURS, WAVES, HARMONICS = 5, 8, 6
N_MAPS, WORDS, LONGEST = 6, 16, 8 # maps of a system at most; chains of maps that draw it, and their length

# ---- small parts; pictures are (n,...), one number each is (n,) ----
def generator(*numbers):
    "Random numbers that depend on nothing but `numbers`"
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(repr(numbers).encode()).digest()[:7], "little"))

def rand(g, *shape, lo=0., hi=1.): return torch.rand(shape, generator=g)*(hi-lo) + lo
def per_pixel(a): return a.view(-1, 1, 1)
def take(classes, i): return {k: v[i] for k, v in classes.items()}

def shares(g, n, k, sparse):
    "`k` shares that sum to 1, a few of them large: `(n,k)`"
    w = rand(g, n, k)**(1/sparse)
    return w/w.sum(1, keepdim=True)

@lru_cache
def enlarge(q, size): return F.interpolate(torch.eye(q)[None, None], size=(size, q), mode="bicubic", align_corners=False)[0, 0]

def smooth(grid, size):
    "Values on a coarse grid as a smooth field, by two matrix products: `(...,q,q) -> (...,size,size)`"
    m = enlarge(grid.shape[-1], size)
    return m @ grid @ m.T

def plane(n, size):
    "Coordinates from -1 to 1: two `(n,size,size)`"
    a = (torch.arange(size) + .5)/size*2 - 1
    return a.expand(n, size, size), a[:, None].expand(n, size, size)

def palettes(g, n):
    "`COLOURS` colours around a few hues, most of them as dull as in photographs: `(n,COLOURS,3)`"
    grey, hue, strength = rand(g, n, COLOURS, 1), rand(g, n, 1, 3)-.5, rand(g, n, 1, 1)
    return (grey + .9*hue*strength + 1.2*(rand(g, n, COLOURS, 3)-.5)*rand(g, n, 1, 1)**2).clamp(0, 1)

# ---- textures ----
def texture_classes(g, n):
    return dict(turn=rand(g, n, hi=math.pi), freq=1.2*9**rand(g, n), stretch=rand(g, n, lo=-.9, hi=.9).exp(), warp=1.2*rand(g, n)**2,
                waves=shares(g, n, WAVES, .25), octaves=shares(g, n, 4, .5), cells=torch.randint(4, 25, (n,), generator=g),
                twist=torch.randint(0, 5, (n,), generator=g).float(), contrast=rand(g, n, lo=.5, hi=3.), gamma=rand(g, n, lo=-.6, hi=.6).exp(),
                sharp=3 + rand(g, n, hi=3.4).exp(), grain=.2*rand(g, n)**3, palette=palettes(g, n))

def texture(t, x, y, g):
    "A texture a picture, seen at `x, y`: `(n,s,s)` twice `-> (n,3,s,s)`"
    n, s = x.shape[:2]
    r = lambda lo=0., hi=1.: rand(g, n, 1, 1, lo=lo, hi=hi)
    bend = (smooth(rand(g, n, 2, 3, 3)-.5, s) + .6*smooth(rand(g, n, 2, 7, 7)-.5, s)) * t["warp"].view(n, 1, 1, 1)
    x, y = x + bend[:, 0], y + bend[:, 1]
    turn, freq, stretch = per_pixel(t["turn"]) + r(-.25, .25), per_pixel(t["freq"])*r(-.2, .2).exp(), per_pixel(t["stretch"])*r(-.15, .15).exp()
    u, v = (x*turn.cos() + y*turn.sin() + r(-1, 1))*freq*stretch, (y*turn.cos() - x*turn.sin() + r(-1, 1))*freq/stretch
    noise = 1.8*sum(smooth(rand(g, n, q, q, lo=-1)*per_pixel(t["octaves"][:, i]), s) for i, q in enumerate((4, 8, 16, 32)))
    sine, rings = (u*math.pi).sin(), (u*u + v*v + 1e-4).sqrt()*math.pi
    spirals, bricks = (rings + per_pixel(t["twist"])*torch.atan2(v, u)).sin(), (u/2 + (v/2).floor()/2).frac().abs()*2 - 1
    waves = sine, 1.5*sine*(v*math.pi).sin(), spirals, 1.5*noise, 1 - 3*noise.abs(), *cells(t, x*stretch, y/stretch, g), bricks
    level = .3*noise + sum(per_pixel(w)*wave for w, wave in zip(t["waves"].T, waves))
    return coloured(t, torch.sigmoid(level*per_pixel(t["contrast"]))**per_pixel(t["gamma"]), g)

def cells(t, x, y, g):
    "Walls between random points, and spots around them, where a texture has either: two `(n,s,s)`"
    out, i = torch.zeros(2, *x.shape), (t["waves"][:, 5:7].sum(1) > .08).nonzero()[:, 0]
    if not len(i): return out
    x, y, k = x[i], y[i], t["cells"][i]
    most = int(k.max())
    px, py = rand(g, 2, len(i), most, lo=-1)
    px = px + 9.*(torch.arange(most) >= k[:, None])                           # those too many are far away
    nearest = second = torch.full(x.shape, 9.)
    for j in range(most):
        d = (x - per_pixel(px[:, j])).square() + (y - per_pixel(py[:, j])).square()
        nearest, second = torch.minimum(nearest, d), torch.minimum(second, torch.maximum(nearest, d))
    nearest, second, many = nearest.sqrt(), second.sqrt(), 2*per_pixel(k.float().sqrt())
    out[:, i] = torch.stack((((second-nearest)*many - 1).clamp(-1, 1), (nearest*many - 1).clamp(-1, 1)))
    return out

def coloured(t, level, g):
    "Levels from 0 to 1 as colours of the palette, 40 % of it chance, with steps as sharp as the class has them: `(n,s,s) -> (n,3,s,s)`"
    n, s = level.shape[:2]
    level = level*(COLOURS - 1.001)
    level = level.floor() + torch.sigmoid((level.frac()-.5)*per_pixel(t["sharp"]))
    near = (1 - (level.view(n, -1, 1) - torch.arange(COLOURS)).abs()).clamp(min=0)                  # (n,s*s,COLOURS)
    palette = .6*t["palette"] + .4*palettes(g, n)
    grain = per_pixel(t["grain"])*(rand(g, n, s, s) - .5)
    return (palette.mT @ near.mT).view(n, 3, s, s) + grain[:, None]

# ---- shapes ----
def shape_classes(g, n):
    size, phase = .5*rand(g, n, HARMONICS)**3*rand(g, n, 1, hi=1.2).exp()/torch.arange(1, HARMONICS+1)**.7, rand(g, n, HARMONICS, hi=2*math.pi)
    return dict(cos=size*phase.cos(), sin=size*phase.sin(), long=rand(g, n, lo=-.3, hi=.3).exp(), power=rand(g, n, hi=2).exp(),
                round=rand(g, n, lo=.35, hi=1.25), bumps=.15*rand(g, n)**2, hole=(rand(g, n) < .2)*rand(g, n, lo=.2, hi=.6))

def silhouette(s, x, y, cx, cy, size, turn):
    "Below 1 inside the outline, and the shape's own coordinates: three `(n,s,s)`"
    x, y, cos, sin = (x - per_pixel(cx))/per_pixel(size), (y - per_pixel(cy))/per_pixel(size), per_pixel(turn.cos()), per_pixel(turn.sin())
    x, y = (x*cos + y*sin)*per_pixel(s["long"]), (y*cos - x*sin)/per_pixel(s["long"])
    r = (x*x + y*y + 1e-6).sqrt()
    edge, c1, s1, c, sn = 1, x/r, y/r, x/r, y/r                               # cosine and sine of the angle, then of its multiples
    for a, b in zip(s["cos"].T, s["sin"].T):
        edge, c, sn = edge + per_pixel(a)*c + per_pixel(b)*sn, c*c1 - sn*s1, c*s1 + sn*c1
    return r/edge.clamp(min=.12), x, y

def leaves(pics, shapes, k, lo, hi, g):
    "`k` flat leaves on top"
    n, (x, y) = len(pics), plane(len(pics), pics.shape[-1])
    for _ in range(k):
        s = take(shapes, torch.randint(len(shapes["cos"]), (n,), generator=g))
        s = s | dict(cos=s["cos"][:, :3], sin=s["sin"][:, :3])
        size = lo*(hi/lo)**(rand(g, n)**1.5)
        inside, own_x, own_y = silhouette(s, x, y, *rand(g, 2, n, lo=-1.2, hi=1.2), size, rand(g, n, hi=2*math.pi))
        alpha = torch.sigmoid((1-inside)*per_pixel(size)*30)*(rand(g, n, 1, 1) < .8)
        slope = own_x*rand(g, n, 1, 1, lo=-.3, hi=.3) + own_y*rand(g, n, 1, 1, lo=-.3, hi=.3)
        pics = pics + alpha[:, None]*(palettes(g, n)[:, 0, :, None, None] + slope[:, None] - pics)
    return pics

def shaded(pics, s, surface, g):
    "A shape `s` with the texture `surface`, lit, and its shadow, on top of `pics`"
    n, size = len(pics), pics.shape[-1]
    (x, y), r = plane(n, size), lambda lo=0., hi=1.: rand(g, n, lo=lo, hi=hi)
    wobble = rand(g, n, HARMONICS, lo=-.2, hi=.2).exp()
    s = s | dict(cos=s["cos"]*wobble, sin=s["sin"]*wobble, long=s["long"]*r(-.1, .1).exp())
    cx, cy, scale, turn = r(-.35, .35), r(-.35, .35), r(.4, .85), r(-.6, .6)
    lx, ly, lz = light = F.normalize(torch.stack((r(-1, 1), r(-1, 1), r(.35, 1.2))), dim=0)
    inside, own_x, own_y = silhouette(s, x, y, cx, cy, scale, turn)
    shadow, *_ = silhouette(s, x, y, cx - lx/4, cy - ly/4, scale, turn)
    pics = pics*(1 - per_pixel(r(0, .5)*(r() < .6))*torch.sigmoid((1-shadow)*7))[:, None]
    height = (1 - inside.clamp(max=.999)**per_pixel(s["power"])).clamp(min=1e-4)**per_pixel(s["round"])*per_pixel(scale)
    dy, dx = torch.gradient(height + per_pixel(s["bumps"])*smooth(rand(g, n, 9, 9)-.5, size), spacing=2/size, dim=(1, 2))
    norm = torch.rsqrt(1 + dx*dx + dy*dy)
    def towards(d): return (norm*(per_pixel(d[2]) - dx*per_pixel(d[0]) - dy*per_pixel(d[1]))).clamp(min=0)
    shine = towards(F.normalize(light + torch.tensor([[0.], [0.], [1.]]), dim=0))**16*per_pixel(r()*(r() < .4))
    flat = per_pixel(r() < .2)
    brightness = torch.where(flat, 1., per_pixel(r(.2, .5)) + per_pixel(r(.6, 1.))*towards(light))
    colour = texture(surface, 1.1*own_x*per_pixel(scale), 1.1*own_y*per_pixel(scale), g)*brightness[:, None] + torch.where(flat, 0., shine)[:, None]
    alpha = torch.sigmoid((1-inside)*per_pixel(scale)*25)
    alpha = alpha*torch.where(per_pixel(s["hole"]) > 0, torch.sigmoid((inside - per_pixel(s["hole"]))*40), 1.)
    return pics + alpha[:, None]*(colour - pics)

# ---- fractals ----
def fractal_classes(seed, n):
    rng = np.random.default_rng(seed)
    maps, words = map(np.stack, zip(*(random_system(rng) for _ in range(n))))
    return dict(maps=torch.tensor(maps).float(), words=torch.tensor(words), palette=torch.tensor(rng.random((n, N_MAPS+1, 3))).float())

def random_system(rng):
    "2 to 6 maps `x -> Ax + b` and, last, the one that changes nothing, `(7,2,3)`; and chains of them, `(16,8)`"
    k, maps = rng.integers(2, N_MAPS+1), np.zeros((N_MAPS+1, 2, 3))
    while True:    # sizes of the maps chosen so that the fractal is neither dust nor a blob: Anderson & Farrell 2021 (arXiv:2110.03091)
        sizes = np.sort(rng.random((k, 2)))[:, ::-1]                          # singular values, the larger first
        sizes *= rng.uniform(5+k, 6+k) / 2 / (sizes @ (1, 2)).sum()
        if sizes.max() < .9: break                                            # still shrinks after the jitter
    maps[:k, :, :2] = turns(rng, k) @ (sizes[:, :, None] * turns(rng, k)) * rng.choice((-1, 1), (k, 1, 2))
    maps[:k, :, 2], maps[N_MAPS, :, :2] = rng.uniform(-1, 1, (k, 2)), np.eye(2)
    area = sizes.prod(1) + .02
    return maps, chains(area/area.sum())

def turns(rng, k):
    "`k` random rotations, `(k,2,2)`"
    a = rng.uniform(0, 2*np.pi, k)
    return np.stack((np.cos(a), -np.sin(a), np.sin(a), np.cos(a)), 1).reshape(k, 2, 2)

def chains(share):
    "16 chains of maps that together cover a fractal evenly: the largest part is split into its own parts until there are as many"
    parts = [((i,), p) for i, p in enumerate(share)]
    while len(parts) + len(share) - 1 <= WORDS:
        chain, p = parts.pop(max((j for j in range(len(parts)) if len(parts[j][0]) < LONGEST), key=lambda j: parts[j][1]))
        parts += [(chain + (i,), p*q) for i, q in enumerate(share)]
    parts += sorted(parts, key=lambda part: -part[1])[:WORDS - len(parts)]
    return np.array([chain + (N_MAPS,)*(LONGEST - len(chain)) for chain, _ in parts])

def fractal(pics, f, g):
    "A fractal each on top of `pics`: 16 chains of maps, used three times, turn one of its points into 4,096"
    n, size, row = len(pics), pics.shape[-1], torch.arange(len(pics))[:, None]
    maps, keep = f["maps"].clone(), rand(g, n, 1, 1, hi=.7).repeat(1, N_MAPS+1, 1)
    maps[:, :N_MAPS] *= rand(g, n, N_MAPS, 2, 3, lo=.88, hi=1.12)
    add = (1-keep)*(f["palette"] + rand(g, n, N_MAPS+1, 3))/2                 # colour by branch, with a memory of earlier branches
    keep[:, N_MAPS], add[:, N_MAPS] = 1, 0
    a, b = torch.eye(2).expand(n, WORDS, 2, 2), torch.zeros(n, WORDS, 2, 1)
    ck, ca = torch.ones(n, WORDS, 1), torch.zeros(n, WORDS, 3)
    for i in f["words"].flip(2).unbind(2):                                    # a chain becomes one map
        m = maps[row, i]
        a, b, ck, ca = m[..., :2] @ a, m[..., :2] @ b + m[..., 2:], keep[row, i]*ck, keep[row, i]*ca + add[row, i]
    xy = torch.linalg.solve(torch.eye(2) - maps[:, 0, :, :2], maps[:, 0, :, 2:])   # the point that the first map leaves where it is
    colour = torch.full((n, 3, 1), .5)
    for _ in range(3):
        xy = (a.reshape(n, -1, 2) @ xy + b.reshape(n, -1, 1)).view(n, WORDS, 2, -1).transpose(1, 2).reshape(n, 2, -1)
        colour = (ck[..., None]*colour[:, None] + ca[..., None]).transpose(1, 2).reshape(n, 3, -1)
    lo, hi = xy[:, :, ::9].quantile(torch.tensor([.02, .98]), dim=2)[..., None]   # the middle of the fractal fills the frame
    at = ((((xy-lo)/(hi-lo+1e-3) - .5)*rand(g, n, 2, 1, lo=.7, hi=1.1) + .5 + rand(g, n, 2, 1, lo=-.1, hi=.1))*size).floor()
    seen = ((at >= 0) & (at < size)).all(1)
    pixel = torch.where(seen, at[:, 1]*size + at[:, 0], float(size*size)).long() + row*(size*size + 1)      # one more for all outside
    def counted(weights=None): return torch.bincount(pixel.view(-1), weights, n*(size*size + 1)).view(n, -1)[:, :-1].float()
    count = counted()
    ink = torch.stack([counted(c.reshape(-1)) for c in colour.unbind(1)], 1)/count.clamp(min=1)[:, None]
    alpha = 1 - torch.exp(-2*count)                                           # one point is see-through, many are not
    return pics + alpha.view(n, 1, size, size)*(ink.view(n, 3, size, size) - pics)

# ---- the pictures ----
@lru_cache
def classes(seed, n):
    "All classes of a seed: `n` textures, half as many shapes, `n` fractals"
    return texture_classes(generator(seed, "textures"), n), shape_classes(generator(seed, "shapes"), n//2), fractal_classes(seed, n)

def draw(seed, n_classes, size, number, of_fractals=.5):
    "Chunk `number`: bytes `(512,3,size,size)` and the answers to the four `QUESTIONS`, -100 where there is none, `(512,4)`"
    g, (textures, shapes, fractals) = generator(seed, "chunk", number), classes(seed, n_classes)
    x, y = [], []
    for i in range(CHUNK//GROUP):
        y.append(torch.stack([torch.randint(m, (GROUP,), generator=g) for m in (n_classes, n_classes, n_classes//2, n_classes)], 1))
        ground, surface, shape, frac = y[-1].T
        (a, b), slope = plane(GROUP, size), rand(g, 2, GROUP, 1, 1, lo=-.25, hi=.25)
        pics = texture(take(textures, ground), a, b, g) + (a*slope[0] + b*slope[1])[:, None]
        if i < of_fractals*CHUNK/GROUP:
            pics = fractal(pics.lerp(pics.mean((2, 3), keepdim=True), rand(g, GROUP, 1, 1, 1, lo=.3, hi=.9)), take(fractals, frac), g)   # on a calmer ground
            y[-1][:, 1:3] = -100
        else:
            pics = shaded(leaves(pics, shapes, 2, .15, .7, g), take(shapes, shape), take(textures, surface), g)
            pics = leaves(pics, shapes, 1, .08, .4, g)
            y[-1][:, 3] = -100
        x.append((pics.clamp(0, 1)*255).byte())
    return torch.cat(x), torch.cat(y)

def _draw_to(folder, number, **kw):
    file = Path(folder)/f"{number:05d}.npz"
    if file.exists(): return
    torch.set_num_threads(1)
    keep_memory()                                                             # asking the system for it anew costs more than drawing
    x, y = draw(number=number, **kw)
    with whole_or_nothing(file) as tmp:
        with open(tmp, "wb") as f: np.savez(f, x=x.numpy(), y=y.numpy())

def pictures(n, folder, workers=None, **kw):
    "At least `n` pictures, drawn once into `folder` by as many processes as there are cores: bytes `(n,3,s,s)`, int64 `(n,4)`"
    folder = folder/hashlib.sha256(f"1 {sorted(kw.items())}".encode()).hexdigest()[:12]              # 1: the first way to draw them
    folder.mkdir(parents=True, exist_ok=True)
    start, numbers = time.time(), range(math.ceil(n/CHUNK))
    todo = [i for i in numbers if not (folder/f"{i:05d}.npz").exists()]
    with ProcessPoolExecutor(workers or os.cpu_count(), get_context("spawn")) as pool: list(pool.map(partial(_draw_to, folder, **kw), todo))
    if todo: print(f"{len(todo)*CHUNK} pictures drawn, {len(todo)*CHUNK/(time.time()-start):.0f} a second", flush=True)
    files = [np.load(folder/f"{i:05d}.npz") for i in numbers]
    return torch.from_numpy(np.concatenate([f["x"] for f in files])), torch.from_numpy(np.concatenate([f["y"] for f in files]))

# ---- what changes from step to step ----
def changed(xb, size, g, smallest=.3):
    "Crops of 30 % and more, turned, mirrored, in other colours, some grey, some blurred: bytes `(n,3,s,s)` -> floats 0..1 `(n,3,size,size)`"
    n, dev, r = len(xb), xb.device, lambda lo=0., hi=1.: rand(g, n, lo=lo, hi=hi)
    area, shape, turn, flip = r(smallest, 1.), r(-.28, .28).exp(), r(-.25, .25)*(r() < .5), torch.where(r() < .5, -1., 1.)
    w, h = (area.sqrt()*shape).clamp(max=1), (area.sqrt()/shape).clamp(max=1)
    rows = (w*flip*turn.cos(), -h*turn.sin(), r(-1, 1)*(1-w)), (w*flip*turn.sin(), h*turn.cos(), r(-1, 1)*(1-h))
    grid = F.affine_grid(torch.stack([torch.stack(row, 1) for row in rows], 1).to(dev), (n, 3, size, size), align_corners=False)
    xb = F.grid_sample(xb.float()/255, grid, padding_mode="reflection", align_corners=False)
    grey, strength, hue = torch.full((3, 3), 1/3), torch.where(r() < .15, 0., r(.4, 1.6)).view(n, 1, 1), (r(-.5, .5)*(r() < .8)).view(n, 1, 1)
    spin = torch.tensor([[0., -1, 1], [1, 0, -1], [-1, 1, 0]])/3**.5          # turns colours around the axis of greys
    colours = grey + strength*(torch.eye(3) - grey) @ (torch.eye(3) + hue.sin()*spin + (1-hue.cos())*(spin @ spin))
    xb = (colours.to(dev) @ xb.flatten(2)).view_as(xb)
    contrast, light, level = r(.6, 1.4).view(n, 1, 1, 1).to(dev), r(-.2, .2).view(n, 1, 1, 1).to(dev), xb.mean((1, 2, 3), keepdim=True)
    xb, blurred, m = (xb-level)*contrast + level + light, (r() < .3).nonzero()[:, 0].to(dev), int(size*rand(g, 1, lo=.3, hi=.7))
    if len(blurred):
        small = F.interpolate(xb[blurred], size=m, mode="bilinear", antialias=True)
        xb[blurred] = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
    return xb.clamp(0, 1)

def normalised(xb):
    mean, std = (torch.tensor(s, device=xb.device).view(3, 1, 1) for s in (MEAN, STD))
    return ((xb-mean)/std).to(memory_format=torch.channels_last)

# ---- the training ----
class Pretrainer(nn.Module):
    "A body, a linear layer for each question, and a small network for the contrast of crops"
    def __init__(self, n_classes):
        super().__init__()
        self.body = tiny_resnet()[:-1]
        nf = 256
        self.answers = nn.ModuleList(nn.Linear(nf, n) for n in (n_classes, n_classes, n_classes//2, n_classes))
        self.project = nn.Sequential(nn.Linear(nf, nf), nn.BatchNorm1d(nf), nn.ReLU(), nn.Linear(nf, 128))

def asked(net, features, y):
    "Loss over the questions, each divided by what guessing costs, and the share of right answers to each (NaN where not asked)"
    loss, right = 0., []
    for layer, targ in zip(net.answers, y.T):
        on = targ >= 0
        scores = layer(features[on]).float()
        if len(scores): loss = loss + F.cross_entropy(scores, targ[on], label_smoothing=.05)/math.log(scores.shape[1])
        right.append((scores.argmax(1) == targ[on]).float().mean())
    return loss, torch.stack(right)

def contrast(z, temperature=.2):
    "How well each crop finds its twin among all others, divided by what guessing costs: `(2n,k) -> scalar`, twins n apart"
    z, n = F.normalize(z.float(), dim=1), len(z)//2
    near = (z @ z.T/temperature).masked_fill(torch.eye(2*n, dtype=bool, device=z.device), -torch.inf)
    return F.cross_entropy(near, torch.arange(2*n, device=z.device).roll(n))/math.log(2*n - 1)

@lru_cache(maxsize=2)
def order(epoch, n, seed): return torch.randperm(n, generator=generator(seed, "epoch", epoch))

def batch_numbers(step, n, bs, seed):
    "Which pictures step `step` sees: every one once before any is seen again"
    epoch, i = divmod(step, n//bs)
    return order(epoch, n, seed)[i*bs:(i+1)*bs]

def one_step(net, x, y, step, size, r, dev):
    "The loss of step `step` and the right answers"
    two, g = r["contrast"] > 0, generator(r["seed"], "step", step)
    i = batch_numbers(step, len(x), r["bs"]//(1 + two), r["seed"])
    xb, yb = x[i.to(x.device)].to(dev), y[i].to(dev)
    if two: xb, yb = torch.cat([xb, xb]), torch.cat([yb, yb])
    xb = normalised(changed(xb, size, g))
    with autocast(dev):
        features = net.body(xb)
        loss, right = asked(net, features, yb) if r["questions"] else (0., torch.full((4,), torch.nan))
        if two: loss = loss + r["contrast"]*contrast(net.project(features))
    return loss, right

def averaged(average, model, step, decay):
    "Moves the average a little towards the model; at first, when there is not yet much to average, further"
    decay = min(decay, (step+1)/(step+10))
    pairs = [(a, b) for a, b in zip(average.state_dict().values(), model.state_dict().values()) if a.is_floating_point()]
    with torch.no_grad(): torch._foreach_lerp_(*map(list, zip(*pairs)), 1-decay)

@torch.no_grad()
def judged(net, body, x, y, dev):
    "The share of right answers to each question, on pictures nobody learned from and that are not changed"
    body.eval()
    right = torch.stack([asked(net, body(normalised(x[i:i+128].to(dev).float()/255)), y[i:i+128].to(dev))[1] for i in range(0, len(x), 128)])
    body.train()
    return dict(zip(QUESTIONS, right.nanmean(0).tolist()))

def body_state(body):
    "What is kept: kernels as float16, BatchNorm's vectors (their range is large, they are few) as they are"
    return {k: (v.half() if v.ndim > 1 else v).cpu().contiguous() for k, v in body.state_dict().items()}

@torch.no_grad()
def checked(body, state, xb):
    "The largest effect of rounding to float16 on the features of a batch, relative to the largest feature; ValueError above 1 %"
    exact, rounded = copy.deepcopy(body).eval(), copy.deepcopy(body).eval()
    rounded.load_state_dict({k: v.float() for k, v in state.items()})
    off = ((rounded(xb) - exact(xb)).abs().max() / exact(xb).abs().max()).item()
    if not off < .01: raise ValueError(f"float16 changes the features by {off:.1%}: look for very large or very small weights before saving.")
    return off

def in_order(data):
    "The same safetensors file with its header sorted, so that equal weights give equal bytes and one checksum (the library writes metadata in random order)"
    n = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:8+n]), sort_keys=True, separators=(",", ":")).encode()
    header += b" "*(-len(header) % 8)                                         # tensors begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + data[8+n:]

def continued(file, recipe, parts):
    "Puts what the checkpoint `file` holds into `parts`: `(next step, rows)`; ValueError when it is another run's"
    if not file.exists(): return 0, []
    try: saved = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as e: raise ValueError(f"{file} cannot be read ({type(e).__name__}): delete it, and the run begins again.") from None
    if saved["recipe"] != recipe: raise ValueError(
        f"{file} is the checkpoint of another run ({saved['recipe']}): delete it, or name another --out.")
    for name, part in parts.items(): part.load_state_dict(saved[name])
    print(f"going on after step {saved['step']}", flush=True)
    return saved["step"], saved["rows"]

@call_parse
def main(
    out:Path=Path(__file__).parents[1]/"course_lib"/"weights"/"tiny_resnet.safetensors",  # file to write; log and checkpoint lie beside it
    n_classes:int=1000,   # textures, and as many fractals and half as many shapes
    n_pictures:int=160_000,  # pictures in all
    of_fractals:float=.5, # share of pictures with a fractal; the others have a shape
    pixels:int=72,        # of the pictures as drawn
    sizes:str="48,64",    # sides of what the network sees: equal parts of the training, small ones first
    views:int=2_000_000,  # crops seen in all
    bs:int=256,           # crops a step
    lr:float=4e-3,        # highest learning rate of the one-cycle schedule
    wd:float=.05,         # weight decay
    questions:int=1,      # 0: only contrast
    contrast:float=.5,    # weight of the second task; 0 for none
    ema:float=.999,       # how slowly the averaged weights follow
    start:Path=None,      # weights to begin with, of this architecture
    minutes:float=5,      # between checkpoints
    workers:int=0,        # processes that draw; 0: one a core
    threads:int=0,        # of the training; 0: torch's own choice
    folder:Path=None,     # where the pictures are kept: about 16 kB each
    stop_after:int=0,     # stop after that many steps, as if interrupted (for tests)
    seed:int=0,           # of the pictures, the first weights, the order and all changes
):
    "Draw the pictures, train `tiny_resnet` to answer questions about them, save its averaged body"
    begun, dev = time.time(), default_device()
    if threads: torch.set_num_threads(threads)
    keep_memory()
    recipe = dict(n_classes=n_classes, n_pictures=n_pictures, of_fractals=of_fractals, pixels=pixels, sizes=sizes, views=views, bs=bs, lr=lr, wd=wd,
                  questions=questions, contrast=contrast, ema=ema, seed=seed,
                  start=hashlib.sha256(start.read_bytes()).hexdigest() if start else None)
    x, y = pictures(n_pictures, folder or course_home()/"pretrain", workers, seed=seed, n_classes=n_classes, size=pixels, of_fractals=of_fractals)
    n_valid = CHUNK*max(1, len(x)//CHUNK//64)
    (vx, x), (vy, y) = (t.split([n_valid, len(t)-n_valid]) for t in (x, y))
    if dev.type == "cuda": x = x.to(dev)
    torch.manual_seed(seed)
    net = Pretrainer(n_classes)
    if start: net.body.load_state_dict({k: v.float() for k, v in load_file(start).items()})
    net = net.to(dev, memory_format=torch.channels_last)
    average, opt, sched = copy.deepcopy(net.body), adam(net, lr, wd=wd), one_cycle(lr)
    sizes, steps = [int(s) for s in sizes.split(",")], views//bs
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".json")
    parts = dict(net=net, average=average, opt=opt)
    first, rows = continued(checkpoint, recipe, parts)
    saved, sums, each = time.time(), [], max(1, steps//40)
    net.train()
    for step in range(first, steps):
        set_hypers(opt, *sched(step/steps))
        loss, right = one_step(net, x, y, step, sizes[step*len(sizes)//steps], recipe, dev)
        loss.backward()
        opt.step()
        opt.zero_grad()
        averaged(average, net.body, step, ema)
        sums.append(torch.cat([loss.detach()[None], right.detach()]))
        if (step+1) % each == 0 or step+1 == steps:
            mean = torch.stack(sums).nanmean(0).tolist()
            if not math.isfinite(mean[0]): raise ValueError(f"The loss is {mean[0]} at step {step}: use a lower --lr.")
            rows.append(dict(step=step+1, loss=mean[0], **dict(zip(QUESTIONS, mean[1:])), seconds=time.time()-begun))
            print({k: round(v, 3) for k, v in rows[-1].items()}, flush=True)
            sums = []
        if time.time() - saved > 60*minutes or step+1 in (stop_after, steps):
            with whole_or_nothing(checkpoint) as tmp: torch.save(dict(recipe=recipe, step=step+1, rows=rows) | {k: p.state_dict() for k, p in parts.items()}, tmp)
            saved = time.time()
            if step+1 == stop_after: return print(f"stopped after step {step+1}")
    state = body_state(average)
    checks = dict(float16=checked(average, state, normalised(vx[:128].to(dev).float()/255)), right=judged(net, average, vx, vy, dev) if questions else None)
    metadata = dict(architecture="tiny_resnet", widths=json.dumps([32, 64, 128, 256]), mean=json.dumps(MEAN), std=json.dumps(STD),
                    recipe=json.dumps(recipe), torch=torch.__version__, licence="made from formulas; no photographs")
    with whole_or_nothing(out) as tmp: tmp.write_bytes(in_order(save(state, metadata)))
    sha = hashlib.sha256(out.read_bytes()).hexdigest()
    log.write_text(json.dumps(dict(recipe=recipe, device=str(dev), torch=torch.__version__, sha256=sha, checks=checks, rows=rows), indent=1))
    print(f"rounding to float16 moves the features by at most {checks['float16']:.3%}; right answers {checks['right']}")
    print(f"{out.name}: {out.stat().st_size/1e6:.2f} MB in {time.time()-begun:.0f} s, SHA-256 {sha}")
