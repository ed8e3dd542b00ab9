"""Pretrains `tiny_resnet` on pictures made from formulas and writes `course_lib/weights/tiny_resnet.safetensors`.

    python scripts/pretrain.py                            # no network, no photographs
    python scripts/pretrain.py --views 40_000 --out x.safetensors      # a trial of minutes

Three kinds of pictures, all on a ground of a texture, often calm or out of focus:

* Bodies: a trunk with what a random plan gives it of head, ears, legs, tail, wings and fins, 19 ellipsoids in space, posed, lit, with a coat,
  seen from some side, sometimes only the head. Seen from far away, the height of an ellipsoid above a pixel is the root of a quadratic
  equation, so all pixels of all ellipsoids are two matrix products; the nearest one is seen. A class is a plan.
* Fractals, as in Kataoka et al. 2020, "Pre-training without Natural Images" (arXiv:2101.08515). A class is an iterated function system, a few
  maps that each shrink and turn the plane; a picture has them jittered by up to 12 %.
* Shapes: a round outline with a few bumps, as if of clay: shaded from one side, with a texture of its own, a shadow and a few flat leaves
  behind and in front ("dead leaves"). A class is an outline.

Textures, of grounds and coats, are waves, rings, spirals, bricks, cells, spots and smooth noise, mixed, bent and coloured. A class is one such
recipe; each picture of it has its own noise, place, angle and nearly half of its colours.

Three tasks at once, all behind the one body:

* Questions: which class (body, fractal, shape, texture of the coat, of the ground).
* Maps: which part (trunk, head, ear, leg, tail, wing, other thing) is seen where, asked of each cell of the last stage.
* Contrast: which two crops belong to one picture (SimCLR: Chen et al. 2020, arXiv:2002.05709).

Crops, turns, colour and blur change at every step, mildly at first, then hard.

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
from course_lib.model import cut, new_names
from course_lib.resnet import tiny_resnet
from course_lib.training import adam, one_cycle, set_hypers

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]   # ImageNet's, so that one normalisation serves all networks of the course
QUESTIONS = dict(ground=.2, surface=.4, shape=1., fractal=2., body=2.)             # and how much each counts where it is asked
CHUNK, GROUP = 512, 16            # pictures a file, pictures drawn at once: small enough for a processor's cache
COLOURS, WAVES, HARMONICS = 5, 8, 6
PARTS, MAP = ("trunk", "head", "ear", "leg", "tail", "wing", "thing"), 4        # what a map tells apart, and its pixels' side
N_PARTS, PLAN, HEAD, EYES = 19, 33, 3, [6, 8]   # of a body: ellipsoids, numbers that decide them, which is which
PART_OF = torch.eye(len(PARTS))[[0, 0, 0, 1, 1, 2, 1, 2, 1, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5]]        # ellipsoid -> part
THING = torch.eye(len(PARTS))[-1].view(-1, 1, 1)
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

def over(pics, colour, alpha, parts=0.):
    "`colour` on top where `alpha` is 1, and there the map says `parts`: pair of pictures and maps `(n,3,s,s)`, `(n,7,s/4,s/4)` -> another"
    pics, maps = pics
    return pics + alpha*(colour - pics), maps + F.avg_pool2d(alpha, MAP)*(parts - maps)

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
    n, size = pics[0].shape[::3]
    x, y = plane(n, size)
    for _ in range(k):
        s = take(shapes, torch.randint(len(shapes["cos"]), (n,), generator=g))
        s = s | dict(cos=s["cos"][:, :3], sin=s["sin"][:, :3])
        scale = lo*(hi/lo)**(rand(g, n)**1.5)
        inside, own_x, own_y = silhouette(s, x, y, *rand(g, 2, n, lo=-1.2, hi=1.2), scale, rand(g, n, hi=2*math.pi))
        alpha = torch.sigmoid((1-inside)*per_pixel(scale)*30)*(rand(g, n, 1, 1) < .8)
        slope = own_x*rand(g, n, 1, 1, lo=-.3, hi=.3) + own_y*rand(g, n, 1, 1, lo=-.3, hi=.3)
        pics = over(pics, palettes(g, n)[:, 0, :, None, None] + slope[:, None], alpha[:, None])
    return pics

def shaded(pics, s, surface, g):
    "A shape `s` with the texture `surface`, lit, and its shadow, on top of `pics`"
    n, size = pics[0].shape[::3]
    (x, y), r = plane(n, size), lambda lo=0., hi=1.: rand(g, n, lo=lo, hi=hi)
    wobble = rand(g, n, HARMONICS, lo=-.2, hi=.2).exp()
    s = s | dict(cos=s["cos"]*wobble, sin=s["sin"]*wobble, long=s["long"]*r(-.1, .1).exp())
    cx, cy, scale, turn = r(-.35, .35), r(-.35, .35), r(.4, .85), r(-.6, .6)
    lx, ly, lz = light = F.normalize(torch.stack((r(-1, 1), r(-1, 1), r(.35, 1.2))), dim=0)
    inside, own_x, own_y = silhouette(s, x, y, cx, cy, scale, turn)
    shadow, *_ = silhouette(s, x, y, cx - lx/4, cy - ly/4, scale, turn)
    pics = pics[0]*(1 - per_pixel(r(0, .5)*(r() < .6))*torch.sigmoid((1-shadow)*7))[:, None], pics[1]
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
    return over(pics, colour, alpha[:, None], THING)

# ---- bodies ----
def rotation(*angles):
    "Turns around z, then y, then x: three `(...)` -> `(...,3,3)`"
    (cz, cy, cx), (sz, sy, sx) = ([f(torch.as_tensor(a)) for a in angles] for f in (torch.cos, torch.sin))
    rows = cz*cy, cz*sy*sx - sz*cx, cz*sy*cx + sz*sx, sz*cy, sz*sy*sx + cz*cx, sz*sy*cx - cz*sx, -sy, cy*sx, cy*cx
    return torch.stack(torch.broadcast_tensors(*rows), -1).unflatten(-1, (3, 3))

def body_classes(g, n):
    "Body plans: 32 numbers each decide about the parts and their sizes; and the colours of parts that have their own"
    own, bare = rand(g, n, N_PARTS, 3), (rand(g, n, N_PARTS) < .18).float()
    own[:, EYES], bare[:, EYES] = own[:, EYES[:1]]*(rand(g, n, 1, 1) < .3), 1.
    return dict(plan=rand(g, n, PLAN), own=own, bare=bare)

def skeleton(b, g):
    "The parts of posed bodies, ellipsoids: where `(n,k,3)`, turned `(n,k,3,3)`, radii `(n,k,3)`, all in units of the trunk"
    p, n, parts = iter(b["plan"].T), len(b["plan"]), []
    num = lambda lo, hi: lo*(hi/lo)**next(p)                                  # of the plan
    has = lambda share: next(p) < share
    pose = lambda a, *k: rand(g, n, *k, lo=-a, hi=a)
    zero = torch.zeros(n)
    vec = lambda *v: torch.stack(torch.broadcast_tensors(*(torch.as_tensor(a, dtype=torch.float) for a in v), zero)[:-1], 1)
    at = lambda turn, v: (turn @ v[:, :, None])[:, :, 0]
    def part(where, turn, radii, there=True):
        far = torch.as_tensor(there).logical_not().float().expand(n)*99      # what a body lacks is far away
        parts.append((where + far[:, None], turn, radii))
    tall, wide, hip, flesh = num(.22, .75), num(.22, .7), num(.6, 1.2), num(.8, 1.2)
    bend = rotation(pose(.15), pose(.4), 0)
    part(vec(.38, 0, 0), rotation(zero, 0, 0), vec(.66, tall, wide))
    part(at(bend, vec(-.38, 0, 0)), bend, vec(.66, tall*hip, wide*hip*flesh))
    up, neck, thick = num(.15, 1.5), num(.12, .9), num(.25, .8)*tall
    turn = rotation(-up + pose(.35), pose(.4), 0)
    start = vec(.7, -.35*tall, 0)
    part(start + at(turn, vec(neck/2, 0, 0)), turn, vec(neck/2 + .2, thick, thick))
    head, long, muzzle, snout = num(.22, .6), num(.75, 1.5), num(.3, 1.6), num(.15, .6)
    centre, turn = start + at(turn, vec(neck, 0, 0)), rotation(pose(.4), pose(1.), pose(.3))
    def on_head(x, y, z): return centre + at(turn, vec(x*head*long, y*head, z*head))
    part(centre, turn, torch.stack((head*long, head, head*.9), 1))
    part(on_head(.85, .3, 0), turn, vec(head*muzzle, head*snout, head*snout*1.1))
    ears, ear, narrow, spread, back = has(.65), num(.3, 1.3), num(.25, .7), num(.2, 1.8), num(.2, 1.2) - .5
    eye, beside = num(.08, .26), num(.35, .8)
    for side in -1, 1:
        tilt = turn @ rotation(-back + pose(.15), 0, side*(spread + pose(.2)))
        part(on_head(-.1, 0, 0) + at(tilt, vec(0, -head*(.7 + .7*ear), 0)), tilt, vec(head*.12, head*ear, head*ear*narrow), ears)
        part(on_head(.62, -.3, side*beside), turn, torch.stack((head*eye,)*3, 1))
    front, hind, leg, foot, splay = has(.6), has(.75), num(.35, 1.4), num(.06, .22), num(.1, .5) - .1
    for x, there in (.6, front), (-.65, hind):
        for side in -1, 1:
            swing = rotation(math.pi/2 + pose(.6), zero, 0) @ rotation(zero, side*splay + pose(.15), 0)
            part(vec(x, tall*.3, side*wide*.6) + at(swing, vec(leg*.5, 0, 0)), swing, vec(leg/2 + .1, foot, foot), there)
    tails, tail, fat, lift = has(.75), num(.2, 1.2), num(.04, .2), num(.2, 2.) - .7
    turn = rotation(math.pi + lift + pose(.4), pose(.6), 0)
    part(at(bend, vec(-.95, -.25*tall, 0)) + at(turn, vec(tail/2, 0, 0)), turn, vec(tail/2 + .08, fat, fat), tails)
    wings, span, chord, sweep = has(.4), num(.4, 1.6), num(.15, .5), num(.1, 1.) - .2
    flap, fins, fin = pose(.7), has(.35), num(.2, .7)
    for side in -1, 1:
        turn = rotation(zero, side*sweep, 0) @ rotation(zero, 0, side*(flap + pose(.1)))
        part(vec(.15, -.3*tall, side*wide*.6) + at(turn, vec(0, 0, side*span*.9)), turn, vec(chord, .05, span), wings)
        turn = rotation(zero, side*(sweep + .2), 0)
        part(vec(-.95, -.1*tall, 0) + at(turn, vec(0, 0, side*fin*.8)), turn, vec(fin*.4, .04, fin), fins)
    part(vec(-.95, -tall*.4 - fin*.5, 0), rotation(pose(.1) + .4, 0, 0), vec(fin*.4, fin*.8, .04), fins)
    return [torch.stack(a, 1) for a in zip(*parts)]

def seen(where, turn, radii, g):
    "Bodies from some side, at some place and size in the picture, sometimes only the head: where `(n,k,3)` in the picture, `(n,k,3,3)` from there into a part"
    n, r = len(where), lambda lo=-1., hi=1.: rand(g, n, lo=lo, hi=hi)
    view = rotation(r(-.25, .25), r(-math.pi, math.pi), zero := torch.zeros(n))
    view = rotation(zero, 0, torch.where(r(0, 1) < .3, r(-1.4, 1.4), r(-.1, .5))) @ view
    spots = where @ view.mT
    here = where[..., 0] < 50
    reach = radii.mean(2, keepdim=True)
    low, high = ((spots[..., :2] + s*reach).masked_fill(~here[..., None], -s*torch.inf) for s in (-1, 1))
    low, high = low.amin(1), high.amax(1)
    face = r(0, 1) < .3
    middle = torch.where(face[:, None], spots[:, HEAD, :2], (low+high)/2)
    half = torch.where(face, radii[:, HEAD].amax(1)*1.5, (high-low).amax(1)/2)
    scale = r(.5, 1.05)/half
    spots = spots - F.pad(middle, (0, 1))[:, None]
    into = (turn.mT @ view.mT[:, None])/scale.view(-1, 1, 1, 1)
    return spots*scale.view(-1, 1, 1) + F.pad(torch.stack((r(-.3, .3), r(-.3, .3)), 1), (0, 1))[:, None], into

def quadrics(where, into, radii):
    "An ellipsoid's height is `l + sqrt(q)`: coefficients of l on 1, x, y and of q on 1, x, y, x², xy, y²: `(n,k,3)`, `(n,k,6)`"
    gx, gy, gz = (into/radii[..., None]).unbind(3)                            # (n,k,3) each
    dot = lambda a, b: (a*b).sum(2)
    g0 = -gx*where[..., :1] - gy*where[..., 1:2]
    a, b = dot(gz, gz), [dot(gz, v) for v in (g0, gx, gy)]
    linear = torch.stack((where[..., 2] - b[0]/a, -b[1]/a, -b[2]/a), 2)
    pairs = ((0, 0, 1), (0, 1, 2), (0, 2, 2), (1, 1, 1), (1, 2, 2), (2, 2, 1))
    v = g0, gx, gy
    q = torch.stack([m*(b[i]*b[j]/a - dot(v[i], v[j]) + (i == j == 0))/a for i, j, m in pairs], 2)
    return linear, q, a

def creature(pics, b, coat, g):
    "A body each on top of `pics`, in the coat `coat`, lit, and its shadow"
    n, size = pics[0].shape[::3]
    where, turn, radii = skeleton(b, g)
    spots, into = seen(where, turn, radii, g)
    linear, q, steep = quadrics(spots, into, radii)
    (x, y), r = plane(1, size), lambda lo=0., hi=1.: rand(g, n, 1, 1, lo=lo, hi=hi)
    x, y = x.reshape(-1), y.reshape(-1)
    basis = torch.stack((torch.ones_like(x), x, y, x*x, x*y, y*y))
    root = q @ basis                                                          # (n,k,size*size), below 0 outside
    fall = (q[..., 3]*q[..., 5] - q[..., 4]**2/4).clamp(min=1e-8).sqrt()
    cover = root*((steep/fall).sqrt()*size/4)[..., None]                      # pixels from the outline, near it
    alpha = (.5 + cover.amax(1)).clamp(0, 1).view(n, 1, size, size)
    height = torch.baddbmm(root.clamp_(min=0).sqrt_(), linear, basis[:3].expand(n, 3, -1))
    share = torch.softmax(height.add_(cover.clamp_(-9, 0)).mul_(40), 1)       # the nearest part, neighbours blend
    into = torch.cat(((where - (into @ spots[..., None])[..., 0])[..., None], into), 3)
    uv = torch.tensor([[1., .15, .35], [.1, 1., .6]]) @ into                  # the coat's place on a part, on 1, x, y, z
    f = torch.cat((linear, q, uv.flatten(2), b["own"], b["bare"][..., None], PART_OF.expand(n, -1, -1)), 2).mT @ share
    l, q, own, bare = f[:, :3], f[:, 3:9], f[:, 17:20].view(n, 3, size, size), f[:, 20].view(n, 1, size, size)
    root = (q*basis).sum(1).clamp(min=1e-3).sqrt()
    z = (l*basis[:3]).sum(1) + root
    dx, dy = l[:, 1] + (q[:, 1] + 2*q[:, 3]*x + q[:, 4]*y)/(2*root), l[:, 2] + (q[:, 2] + 2*q[:, 5]*y + q[:, 4]*x)/(2*root)
    u, v = ((f[:, i] + f[:, i+1]*x + f[:, i+2]*y + f[:, i+3]*z).view(n, size, size) for i in (9, 13))
    lx, ly, lz = F.normalize(torch.stack((rand(g, n, lo=-1), rand(g, n, lo=-1.2, hi=.4), rand(g, n, lo=.3, hi=1.2))), dim=0)[..., None]
    lit = ((lz - dx*lx - dy*ly)*torch.rsqrt(1 + dx*dx + dy*dy)).clamp(min=0).view(n, size, size)
    deep = z.view(n, 1, size, size).where(alpha > .5, -.6)
    hollow = (F.avg_pool2d(deep, 9, 1, 4, count_include_pad=False) - deep).clamp(0, .5)[:, 0]      # less light comes there
    coat = texture(coat, .7*u, .7*v, g)
    coat = coat.lerp(coat.mean((2, 3), keepdim=True), r()[:, None]) + (r(-.25, .35)*v.clamp(-1, 1))[:, None]   # bellies are often pale
    colour = (coat + bare*(own - coat))*((r(.3, .65) + r(.45, .95)*lit)*(1 - 1.2*hollow))[:, None]
    shadow = F.avg_pool2d(F.pad(alpha, (0, 0, 4, -4)), 11, 1, 5)
    pics = pics[0]*(1 - .5*r()[:, None]*shadow), pics[1]
    return over(pics, colour, alpha, F.avg_pool2d(f[:, 21:].view(n, -1, size, size), MAP))

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
    n, size = pics[0].shape[::3]
    row = torch.arange(n)[:, None]
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
    return over(pics, ink.view(n, 3, size, size), alpha.view(n, 1, size, size), THING)

# ---- the pictures ----
@lru_cache
def classes(seed, n):
    "All classes of a seed, in the order of the `QUESTIONS`: textures twice, half as many shapes, fractals, bodies"
    textures = texture_classes(generator(seed, "textures"), n)
    return textures, textures, shape_classes(generator(seed, "shapes"), n//2), fractal_classes(seed, n), body_classes(generator(seed, "bodies"), n)

def draw(seed, n_classes, size, number, of_fractals, of_bodies):
    "Chunk `number`: bytes `(512,3,size,size)`, the share of each part `(512,7,size/4,size/4)`, and the answers to the `QUESTIONS`, -100 where there is none, `(512,5)`"
    g, (textures, _, shapes, fractals, bodies) = generator(seed, "chunk", number), classes(seed, n_classes)
    x, maps, y = [], [], []
    for i in range(CHUNK//GROUP):
        ground, surface, shape, frac, body = targs = [torch.randint(m, (GROUP,), generator=g) for m in (n_classes, n_classes, n_classes//2, n_classes, n_classes)]
        (a, b), slope = plane(GROUP, size), rand(g, 2, GROUP, 1, 1, lo=-.25, hi=.25)
        pics = texture(take(textures, ground), a, b, g) + (a*slope[0] + b*slope[1])[:, None]
        kind = i*GROUP/CHUNK
        if kind < of_fractals + of_bodies: pics = calm(pics, .4, g)
        pics = pics, torch.zeros(GROUP, len(PARTS), size//MAP, size//MAP)
        if kind < of_fractals: pics, asked = fractal(pics, take(fractals, frac), g), (0, 3)
        elif kind < of_fractals + of_bodies: pics, asked = creature(pics, take(bodies, body), take(textures, surface), g), (0, 1, 4)
        else: pics, asked = shaded(leaves(pics, shapes, 2, .15, .7, g), take(shapes, shape), take(textures, surface), g), (0, 1, 2)
        if 3 not in asked: pics = leaves(pics, shapes, 1, .08, .4, g)
        for to, t in zip((x, maps), pics): to.append((t.clamp(0, 1)*255).byte())
        y.append(torch.stack([t if j in asked else torch.full_like(t, -100) for j, t in enumerate(targs)], 1))
    return torch.cat(x), torch.cat(maps), torch.cat(y)

def calm(pics, least, g):
    "Pictures with less contrast, half of them out of focus"
    pics = pics.lerp(pics.mean((2, 3), keepdim=True), rand(g, len(pics), 1, 1, 1, lo=least, hi=1.))
    return torch.where(rand(g, len(pics), 1, 1, 1) < .5, smooth(F.avg_pool2d(pics, 6), pics.shape[-1]), pics)

def _draw_to(folder, number, **kw):
    file = Path(folder)/f"{number:05d}.npz"
    if file.exists(): return
    torch.set_num_threads(1)                                                  # pictures are small, one process a core is faster
    keep_memory()                                                             # asking the system for it anew costs more than drawing
    drawn = {name: t.numpy() for name, t in zip("xmy", draw(number=number, **kw))}
    with whole_or_nothing(file) as tmp:
        with open(tmp, "wb") as f: np.savez(f, **drawn)

def pictures(n, folder, workers=None, **kw):
    "At least `n` pictures, drawn once into `folder` by as many processes as there are cores: what `draw` gives"
    folder = folder/hashlib.sha256(f"3 {sorted(kw.items())}".encode()).hexdigest()[:12]              # 3: the third way to draw them
    folder.mkdir(parents=True, exist_ok=True)
    start, numbers = time.time(), range(math.ceil(n/CHUNK))
    todo = [i for i in numbers if not (folder/f"{i:05d}.npz").exists()]
    if workers == 1: list(map(partial(_draw_to, folder, **kw), todo))
    else:
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool: list(pool.map(partial(_draw_to, folder, **kw), todo))
    if todo: print(f"{len(todo)*CHUNK} pictures drawn, {len(todo)*CHUNK/(time.time()-start):.0f} a second", flush=True)
    files = [np.load(folder/f"{i:05d}.npz") for i in numbers]
    return [torch.from_numpy(np.concatenate([f[name] for f in files])) for name in "xmy"]

def print_speed(seed, n_classes, size):
    "How many pictures of each kind one core draws in a second"
    torch.set_num_threads(1)
    keep_memory()
    for kind, shares in dict(fractals=(1, 0), bodies=(0, 1), shapes=(0, 0)).items():
        draw(seed, n_classes, size, 0, *shares)                               # once to warm up
        start = time.process_time()
        draw(seed, n_classes, size, 1, *shares)
        print(f"{kind}: {CHUNK/(time.process_time()-start):.0f} a second of one core, {size} pixels")

# ---- what changes from step to step ----
def changed(xb, maps, size, g, hard=1.):
    "Crops of 30 % and more, turned, mirrored, in other colours, some grey, some blurred, all `hard` so far: bytes -> floats 0..1 `(n,3,size,size)`, and their maps"
    n, dev, r = len(xb), xb.device, lambda lo=0., hi=1.: rand(g, n, lo=lo, hi=hi)
    area, shape, turn, flip = r(1 - .7*hard, 1.), r(-.28, .28).exp(), hard*r(-.25, .25)*(r() < .5), torch.where(r() < .5, -1., 1.)
    w, h = (area.sqrt()*shape).clamp(max=1), (area.sqrt()/shape).clamp(max=1)
    rows = (w*flip*turn.cos(), -h*turn.sin(), r(-1, 1)*(1-w)), (w*flip*turn.sin(), h*turn.cos(), r(-1, 1)*(1-h))
    move = torch.stack([torch.stack(row, 1) for row in rows], 1).to(dev)
    def moved(t, size):
        grid = F.affine_grid(move, (n, 3, size, size), align_corners=False)
        return F.grid_sample(t.float()/255, grid, padding_mode="reflection", align_corners=False)
    xb, maps = moved(xb, size), moved(maps, size//MAP)
    grey, strength, hue = torch.full((3, 3), 1/3), torch.where(r() < .15*hard, 0., 1 + hard*r(-.6, .6)).view(n, 1, 1), (hard*r(-.5, .5)*(r() < .8)).view(n, 1, 1)
    spin = torch.tensor([[0., -1, 1], [1, 0, -1], [-1, 1, 0]])/3**.5          # turns colours around the axis of greys
    colours = grey + strength*(torch.eye(3) - grey) @ (torch.eye(3) + hue.sin()*spin + (1-hue.cos())*(spin @ spin))
    xb = (colours.to(dev) @ xb.flatten(2)).view_as(xb)
    contrast, light, level = (1 + hard*r(-.4, .4)).view(n, 1, 1, 1).to(dev), hard*r(-.2, .2).view(n, 1, 1, 1).to(dev), xb.mean((1, 2, 3), keepdim=True)
    xb, blurred, m = (xb-level)*contrast + level + light, (r() < .3*hard).nonzero()[:, 0].to(dev), int(size*rand(g, 1, lo=.3, hi=.7))
    if len(blurred):
        small = F.interpolate(xb[blurred], size=m, mode="bilinear", antialias=True)
        xb[blurred] = F.interpolate(small, size=size, mode="bilinear", align_corners=False)
    return xb.clamp(0, 1), maps

def normalised(xb):
    mean, std = (torch.tensor(s, device=xb.device).view(3, 1, 1) for s in (MEAN, STD))
    return ((xb-mean)/std).to(memory_format=torch.channels_last)

# ---- the training ----
class Pretrainer(nn.Module):
    "A body; a linear layer for each question and one for the maps; and a small network for the contrast of crops"
    def __init__(self, n_classes):
        super().__init__()
        self.body, nf = cut(tiny_resnet())
        self.classes = nn.ModuleList(nn.Linear(nf, n) for n in (n_classes, n_classes, n_classes//2, n_classes, n_classes))
        self.maps = nn.Conv2d(nf, len(PARTS)*(16//MAP)**2, 1)                 # a cell of the last stage is 16 pixels wide
        self.project = nn.Sequential(nn.Linear(nf, nf), nn.BatchNorm1d(nf), nn.ReLU(), nn.Linear(nf, 128))

    def forward(self, xb):
        "Features, and shares of the parts in each cell: `(n,3,s,s) -> (n,nf), (n,7,s/4,s/4)`"
        for layer in list(self.body.children())[:-3]: xb = layer(xb)          # without the mean over the picture
        return xb.mean((2, 3)), F.pixel_shuffle(self.maps(xb), 16//MAP)

def asked(net, features, y):
    "Loss over the questions, each divided by what guessing costs, and the share of right answers to each, NaN where not asked: scalar, `(5,)`"
    loss, right = 0., torch.full((len(QUESTIONS),), torch.nan, device=features.device)
    for i, (weight, layer, targ) in enumerate(zip(QUESTIONS.values(), net.classes, y.T)):
        on = targ >= 0
        if not on.any(): continue
        scores, targ = layer(features[on]).float(), targ[on]
        loss = loss + weight*on.float().mean()*F.cross_entropy(scores, targ, label_smoothing=.05)/math.log(scores.shape[1])
        right[i] = (scores.argmax(1) == targ).float().mean()
    return loss, right

def by_question(right): return {q: v for q, v in zip(QUESTIONS, right.tolist()) if v == v}

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

def one_step(net, x, maps, y, step, size, hard, r, dev):
    "The loss of step `step`, the right answers, and the share of the maps' spread that is explained"
    two, g = r["contrast"] > 0, generator(r["seed"], "step", step)
    i = batch_numbers(step, len(x), r["bs"]//(1 + two), r["seed"])
    xb, mb, yb = (t[i.to(t.device)].to(dev) for t in (x, maps, y))
    if two: xb, mb, yb = (torch.cat([t, t]) for t in (xb, mb, yb))
    xb, mb = changed(xb, mb, size, g, hard)
    with autocast(dev):
        features, parts = net(normalised(xb))
        loss, right = asked(net, features, yb)
        missed = F.mse_loss(parts.float(), mb)/mb.var((0, 2, 3)).mean()
        loss = loss + r["maps"]*missed
        if two: loss = loss + r["contrast"]*contrast(net.project(features))
    return loss, right, 1 - missed.detach()

@torch.no_grad()
def judged(net, x, y, dev):
    "The share of right answers to each question, on pictures that nobody learned from and that are not changed"
    net.eval()
    right = [asked(net, net.body(normalised(x[i:i+128].to(dev).float()/255)), y[i:i+128].to(dev))[1] for i in range(0, len(x), 128)]
    net.train()
    return by_question(torch.stack(right).nanmean(0))

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

def begin_with(body, file):
    "Puts the weights of `file` into `body`; ValueError when they are not those of a `tiny_resnet`"
    state = new_names(load_file(file))
    if set(state) != set(body.state_dict()): raise ValueError(
        f"{file} holds no weights of tiny_resnet ({next(iter(state))!r} is not its own, or some are missing): name another --start.")
    body.load_state_dict({k: v.float() for k, v in state.items()})

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
    n_classes:int=1000,   # textures, and as many bodies and fractals and half as many shapes
    n_pictures:int=60_000,  # pictures in all
    of_fractals:float=.2, # share of pictures with a fractal
    of_bodies:float=.55,  # and of those with a body; the others have a shape
    pixels:int=64,        # of the pictures as drawn
    sizes:str="48,48,64", # sides of what the network sees, each for as long
    views:int=1_000_000,  # crops seen in all
    bs:int=256,           # crops a step
    lr:float=4e-3,        # highest learning rate of the one-cycle schedule
    wd:float=.05,         # weight decay
    maps:float=1.,        # weight of the maps
    contrast:float=.3,    # weight of the contrast; 0 for none
    easy:float=.5,        # share of the training in which the changes grow from mild to hard
    start:Path=None,      # weights to begin with, of this architecture
    minutes:float=5,      # between checkpoints
    workers:int=None,     # processes that draw; as many as there are cores, if nothing is said
    threads:int=0,        # of the training; 0: torch's own choice
    folder:Path=None,     # where the pictures are kept: about 12 kB each
    stop_after:int=0,     # stop after that many steps, as if interrupted (for tests)
    speed:bool=False,     # nothing but: how many pictures of each kind does a core draw in a second?
    seed:int=0,           # of the pictures, the first weights, the order and all changes
):
    "Draw the pictures, train `tiny_resnet` to answer questions about them, save its body"
    begun, dev, sides = time.time(), default_device(), [int(s) for s in sizes.split(",")]
    if speed: return print_speed(seed, n_classes, pixels)
    if any(s % 16 for s in sides): raise ValueError(f"--sizes {sizes}: each must be a multiple of 16, the width of a cell of the last stage.")
    if threads: torch.set_num_threads(threads)
    keep_memory()
    recipe = dict(n_classes=n_classes, n_pictures=n_pictures, of_fractals=of_fractals, of_bodies=of_bodies, pixels=pixels, sizes=sizes, views=views,
                  bs=bs, lr=lr, wd=wd, maps=maps, contrast=contrast, easy=easy, seed=seed,
                  start=hashlib.sha256(start.read_bytes()).hexdigest() if start else None)
    x, m, y = pictures(n_pictures, folder or course_home()/"pretrain", workers,
                    seed=seed, n_classes=n_classes, size=pixels, of_fractals=of_fractals, of_bodies=of_bodies)
    n_valid = CHUNK*max(1, len(x)//CHUNK//64)
    (vx, x), (_, m), (vy, y) = (t.split([n_valid, len(t)-n_valid]) for t in (x, m, y))
    if dev.type == "cuda": x = x.to(dev)
    torch.manual_seed(seed)
    net = Pretrainer(n_classes)
    if start: begin_with(net.body, start)
    net = net.to(dev, memory_format=torch.channels_last)
    opt, sched = adam(net, lr, wd=wd), one_cycle(lr)
    steps = views//bs
    checkpoint, log = out.with_suffix(".checkpoint"), out.with_suffix(".json")
    parts = dict(net=net, opt=opt)
    first, rows = continued(checkpoint, recipe, parts)
    saved, sums, each = time.time(), [], max(1, steps//40)
    net.train()
    for step in range(first, steps):
        set_hypers(opt, *sched(step/steps))
        loss, right, on_maps = one_step(net, x, m, y, step, sides[step*len(sides)//steps], min(1., .3 + step/steps/(easy + 1e-9)*.7), recipe, dev)
        loss.backward()
        opt.step()
        opt.zero_grad()
        sums.append(torch.cat([torch.stack([loss.detach(), on_maps]), right]))
        if (step+1) % each == 0 or step+1 == steps:
            mean, sums = torch.stack(sums).nanmean(0), []
            if not mean[0].isfinite(): raise ValueError(f"The loss is {mean[0]} at step {step}: use a lower --lr.")
            rows.append(dict(step=step+1, loss=mean[0].item(), maps=mean[1].item(), right=by_question(mean[2:]), seconds=time.time()-begun))
            print(json.dumps(rows[-1]), flush=True)
        if time.time() - saved > 60*minutes or step+1 in (stop_after, steps):
            with whole_or_nothing(checkpoint) as tmp: torch.save(dict(recipe=recipe, step=step+1, rows=rows) | {k: p.state_dict() for k, p in parts.items()}, tmp)
            saved = time.time()
            if step+1 == stop_after: return print(f"stopped after step {step+1}")
    state = body_state(net.body)
    checks = dict(float16=checked(net.body, state, normalised(vx[:128].to(dev).float()/255)), right=judged(net, vx, vy, dev))
    metadata = dict(architecture="tiny_resnet", widths=json.dumps([32, 64, 128, 256]), mean=json.dumps(MEAN), std=json.dumps(STD),
                    recipe=json.dumps(recipe), torch=torch.__version__, licence="made from formulas; no photographs")
    with whole_or_nothing(out) as tmp: tmp.write_bytes(in_order(save(state, metadata)))
    sha = hashlib.sha256(out.read_bytes()).hexdigest()
    log.write_text(json.dumps(dict(recipe=recipe, device=str(dev), torch=torch.__version__, sha256=sha, checks=checks, rows=rows), indent=1))
    print(f"rounding to float16 moves the features by at most {checks['float16']:.3%}")
    print(f"{out.name}: {out.stat().st_size/1e6:.2f} MB in {time.time()-begun:.0f} s, SHA-256 {sha}")
