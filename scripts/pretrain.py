"""Pretrains `tiny_resnet` on pictures made from formulas and writes `course_lib/weights/tiny_resnet.safetensors`.

    python scripts/pretrain.py        # no network, no photographs; minutes on two cores

The pictures are random fractals, as in Kataoka et al. 2020, "Pre-training without Natural Images" (arXiv:2101.08515).
A class is an iterated function system: a few maps that each shrink and turn the plane. A point that follows randomly chosen
ones again and again ("the chaos game") draws its fractal. A class also has colours, one for each map, and a kind of background.
Two pictures of a class have slightly different maps, half their colour from elsewhere, and their own patches behind. So shape,
colour and texture each tell something about the class, and none tells all: a network that was trained with colours that mean
nothing learns to overlook them, and that hurts it on photographs.
"""
import copy, hashlib, json, time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fastcore.script import call_parse
from safetensors.torch import save

from course_lib.core import default_device, whole_or_nothing
from course_lib.resnet import tiny_resnet
from course_lib.training import accuracy, adam, fit, one_cycle

DEVICE = default_device()
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]   # ImageNet's, so that one normalisation serves all networks of the course
N_POINTS, N_MAPS = (128, 48), 6      # walkers and steps: 6,144 points a picture; at most 6 maps a system
GRIDS = 1, 2, 4, 8, 16, 32           # patches along the side of a background, from plain to fine

# ---- the pictures ----
def random_system(rng):
    "One iterated function system: 2 to 6 maps `x -> Ax + b` and how often each is taken, `(6,2,3)` and `(6,)`, zero where unused"
    k = rng.integers(2, N_MAPS+1)
    while True:    # sizes of the maps chosen so that the fractal is neither dust nor a blob: Anderson & Farrell 2021 (arXiv:2110.03091)
        sizes = np.sort(rng.random((k, 2)))[:, ::-1]                          # singular values, the larger first
        sizes *= rng.uniform(5+k, 6+k) / 2 / (sizes @ (1, 2)).sum()
        if sizes.max() < .9: break                                            # still shrinks after the jitter
    maps, freq = np.zeros((N_MAPS, 2, 3)), np.zeros(N_MAPS)
    maps[:k, :, :2] = turn(rng, k) @ (sizes[:, :, None] * turn(rng, k)) * rng.choice((-1, 1), (k, 1, 2))
    maps[:k, :, 2] = rng.uniform(-1, 1, (k, 2))
    freq[:k] = sizes.prod(1) + .02                                            # a map is taken as often as it is large
    return maps, freq/freq.sum()

def turn(rng, k):
    "`k` random rotations, `(k,2,2)`"
    a = rng.uniform(0, 2*np.pi, k)
    return np.stack((np.cos(a), -np.sin(a), np.sin(a), np.cos(a)), 1).reshape(k, 2, 2)

def chaos_game(maps, freq, palette, rng):
    "Points of `n` fractals and the colour of each point: `(n,6,2,3), (n,6), (n,6,3) -> (n,p,2), (n,p,3)`"
    n, (walkers, steps) = len(maps), N_POINTS
    maps, rows = maps.astype(np.float32), np.arange(n)[:, None]
    wheel = (freq.cumsum(1)[:, None] < (np.arange(256)[:, None]+.5)/256).sum(2).clip(max=N_MAPS-1)  # a random byte -> a map
    palette, keep = palette.astype(np.float32), rng.uniform(0, .7, (n, 1, 1)).astype(np.float32)
    xy, colour, points, colours = np.zeros((n, walkers, 2), np.float32), np.full((n, walkers, 3), .5, np.float32), [], []
    for t in range(steps+16):
        i = wheel[rows, rng.integers(0, 256, (n, walkers), np.uint8)]
        m = maps[rows, i]                                                     # (n,walkers,2,3)
        xy = m[..., 0]*xy[..., :1] + m[..., 1]*xy[..., 1:] + m[..., 2]
        colour = keep*colour + (1-keep)*palette[rows, i]                      # by branch, with a memory of earlier branches
        if t >= 16: points.append(xy); colours.append(colour)                 # the first steps are still on their way to the fractal
    return np.concatenate(points, 1), np.concatenate(colours, 1)

def to_pixels(points, size, rng):
    "Column and row of each point, `(n,p,2)`, or -1 outside: the middle of the fractal fills the frame, a little moved and scaled"
    lo, hi = np.quantile(points[:, ::8], (.02, .98), axis=1, keepdims=True)
    zoom, move = rng.uniform(.7, 1.1, (len(points), 1, 2)), rng.uniform(-.1, .1, (len(points), 1, 2))
    pos = np.floor((((points-lo)/(hi-lo+1e-3) - .5)*zoom + .5 + move)*size)
    return np.where(((pos >= 0) & (pos < size)).all(2, keepdims=True), pos, -1).astype(np.int64)

def background(colour, texture, size, rng):
    "Around one colour, patches of every size in `GRIDS`, as strong as `texture` says: `(n,3), (n,6) -> (n,size,size,3)`"
    out = torch.from_numpy(colour).float()[:, :, None, None].expand(-1, -1, size, size)
    for g, strength in zip(GRIDS, torch.from_numpy(texture).float().T):
        patches = torch.from_numpy(rng.random((len(colour), 3, g, g), np.float32)) - .5
        out = out + strength[:, None, None, None]*F.interpolate(patches, size=size, mode="bilinear")
    return out.clamp(0, 1).permute(0, 2, 3, 1).numpy()

def draw(maps, freq, palette, behind, size, rng):
    "Pictures of `n` systems, each jittered by up to 12 %, over the pictures `behind`: bytes `(n,3,size,size)`"
    points, colours = chaos_game(maps * rng.uniform(.88, 1.12, maps.shape), freq, palette, rng)
    pos, n = to_pixels(points, size, rng), len(maps)
    where = np.arange(n)[:, None]*size*size + pos[..., 1]*size + pos[..., 0]
    where, colours = where[pos[..., 0] >= 0], colours[pos[..., 0] >= 0]
    count = np.bincount(where, minlength=n*size*size)
    total = np.stack([np.bincount(where, c, n*size*size) for c in colours.T], 1)
    alpha = (1 - np.exp(-1.5*count))[:, None]                                 # one point is see-through, many are not
    pics = alpha*total/count.clip(1)[:, None] + (1-alpha)*behind.reshape(-1, 3)
    return torch.from_numpy((pics*255).astype(np.uint8)).view(n, size, size, 3).permute(0, 3, 1, 2)

def blend(style, rng, part=.5):
    "Colours `style`, half of each replaced by chance: the same shape"
    return (1-part)*style + part*rng.random(style.shape)

def fractals(classes, pictures, size, seed, n=250):
    "`pictures` fractals of `classes` classes and their class numbers: bytes `(pictures,3,size,size)`, int64 `(pictures,)`"
    rng = np.random.default_rng(seed)
    maps, freq = map(np.stack, zip(*(random_system(rng) for _ in range(classes))))
    palettes, grounds = rng.random((classes, N_MAPS, 3)), rng.random((classes, 3))
    textures = rng.dirichlet([.5]*len(GRIDS), classes)                        # mostly one or two sizes of patches are strong
    y = rng.permutation(np.arange(pictures) % classes)
    x = torch.empty(pictures, 3, size, size, dtype=torch.uint8)
    for i in range(0, pictures, n):
        c = y[i:i+n]
        behind = background(blend(grounds[c], rng), textures[c], size, rng)
        x[i:i+n] = draw(maps[c], freq[c], blend(palettes[c], rng), behind, size, rng)
    return x, torch.from_numpy(y)

# ---- the training ----
class Batches:
    "Shuffled, augmented, normalised batches of byte pictures, anew every epoch: `(bs,3,h,w), (bs,)`"
    def __init__(self, x, y, bs, gen, train=True): self.x, self.y, self.bs, self.gen, self.train = x, y, bs, gen, train
    def __len__(self): return len(self.x)//self.bs                            # a last, smaller batch is left out

    def __iter__(self):
        for i in torch.randperm(len(self.x), generator=self.gen)[:len(self)*self.bs].view(-1, self.bs):
            xb = self.x[i].float()/255
            if self.train: xb = relight(crop_and_flip(xb, self.gen), self.gen)
            xb = (xb - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
            yield xb.to(DEVICE, memory_format=torch.channels_last), self.y[i].to(DEVICE)

def crop_and_flip(xb, gen):
    "Each picture moved by up to an eighth of its size, half of them mirrored: `(n,c,s,s) -> (n,c,s,s)`"
    n, size = len(xb), xb.shape[-1]
    dy, dx = torch.randint(0, size//4+1, (2, n), generator=gen)
    windows = F.pad(xb, [size//8]*4, mode="reflect").unfold(2, size, 1).unfold(3, size, 1)   # a view of every possible crop
    xb = windows[torch.arange(n), :, dy, dx]
    return torch.where(torch.rand(n, 1, 1, 1, generator=gen) < .5, xb.flip(3), xb)

def relight(xb, gen):
    "Each picture with a little more or less contrast and light: `(n,3,h,w) -> (n,3,h,w)`"
    contrast, light = torch.rand(2, len(xb), 1, 1, 1, generator=gen)
    return ((xb-.5)*(.8+.4*contrast) + .5 + .2*(light-.5)).clamp(0, 1)

def body_state(model):
    "What is kept of the network: all but the last layer; kernels as float16, BatchNorm's vectors (their range is large, they are few) as they are"
    last = f"{len(model)-1}."
    return {k: (v.half() if v.ndim > 1 else v).cpu().contiguous() for k, v in model.state_dict().items() if not k.startswith(last)}

def checked(model, state, dl):
    "The largest effect of rounding to float16 on the features of a batch, relative to the largest feature; ValueError above 1 %"
    xb, body = next(iter(dl))[0], model[:-1].eval()
    with torch.no_grad():
        exact, rounded = body(xb), copy.deepcopy(model).eval()
        rounded.load_state_dict(state, strict=False)
        off = ((rounded[:-1](xb) - exact).abs().max() / exact.abs().max()).item()
    if not off < .01: raise ValueError(f"float16 changes the features by {off:.1%}: look for very large or very small weights before saving.")
    return off

def in_order(data):
    "The same safetensors file with its header sorted, so that equal weights give equal bytes and one checksum (the library writes metadata in random order)"
    n = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8:8+n]), sort_keys=True, separators=(",", ":")).encode()
    header += b" "*(-len(header) % 8)                                         # tensors begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + data[8+n:]

@call_parse
def main(
    out:Path=Path(__file__).parents[1]/"course_lib"/"weights"/"tiny_resnet.safetensors",  # file to write
    classes:int=1000,     # iterated function systems
    pictures:int=32_000,  # pictures in all
    size:int=64,          # pixels, high and wide
    epochs:int=8,         # passes over the pictures
    bs:int=128,           # pictures a step
    lr:float=4e-3,        # highest learning rate of the one-cycle schedule
    seed:int=0,           # of the pictures, the first weights, the order and the augmentation
):
    "Draw the fractals, train `tiny_resnet` to tell them apart, save its body"
    start, recipe = time.time(), dict(classes=classes, pictures=pictures, size=size, epochs=epochs, bs=bs, lr=lr, seed=seed)
    x, y = fractals(classes, pictures, size, seed)
    print(f"{pictures} fractals drawn in {time.time()-start:.0f} s")
    torch.manual_seed(seed)
    gen, n_valid = torch.Generator().manual_seed(seed), max(bs, pictures//16)
    train, valid = Batches(x[n_valid:], y[n_valid:], bs, gen), Batches(x[:n_valid], y[:n_valid], bs, gen, train=False)
    model = tiny_resnet(classes).to(DEVICE, memory_format=torch.channels_last)
    rows = fit(model, train, valid, epochs=epochs, opt=adam(model, lr), loss_func=F.cross_entropy, metrics=[accuracy],
               sched=one_cycle(lr), log=lambda rows: print({k: round(v, 3) for k, v in rows[-1].items()}, flush=True))
    state = body_state(model)
    print(f"rounding to float16 moves the features by at most {checked(model, state, valid):.3%}")
    recipe |= dict(accuracy=round(rows[-1]["accuracy"], 3))
    metadata = dict(architecture="tiny_resnet", widths=json.dumps([32, 64, 128, 256]), mean=json.dumps(MEAN), std=json.dumps(STD),
                    recipe=json.dumps(recipe), torch=torch.__version__, licence="made from formulas; no photographs")
    with whole_or_nothing(out) as tmp: tmp.write_bytes(in_order(save(state, metadata)))
    print(f"{out.name}: {out.stat().st_size/1e6:.2f} MB in {time.time()-start:.0f} s, SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}")
