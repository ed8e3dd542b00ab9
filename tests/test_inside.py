"Looking into networks of several kinds, and back out again: nothing stays hooked, modes and gradients are as they were."
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib import cnn, resnet
from course_lib.inside import (activations, dead_share, first_filters, grad_cam, hooked, nearest, occlusion, pca, predicting,
                               receptive_field, saliency, share_inside, top_patches)
from course_lib.model import create_model


def of_torchvision(name):
    from torchvision import models
    return models.get_model(name, weights=None, num_classes=5)

NETS = {  # name: (how to build it, its side in pixels, an early layer, the last with places)
    "resnet18": (lambda: of_torchvision("resnet18"), 64, "layer1", "layer4"),
    "resnet18 by hand": (lambda: resnet.resnet18(5), 64, "layer1", "layer4"),
    "convnext_tiny": (lambda: of_torchvision("convnext_tiny"), 64, "features.1", "features"),
    "cnn.Net": (lambda: cnn.Net(norm=True, dropout=0.2), 32, "conv1", "conv2"),
    "BodyHead": (lambda: create_model("tiny_resnet", 5)[0], 64, "body.layer1", "body.layer4")}

@pytest.fixture(scope="module", params=NETS)
def case(request):
    "A network in a mixed state (trained halfway, partly frozen), pictures, labels, two layers"
    build, size, early, late = NETS[request.param]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net, xb = build(), torch.randn(3, 3, size, size)
    first, *_, last = (p for p in net.parameters())
    first.requires_grad_(False); last.grad = torch.ones_like(last)
    net.train(); next(net.children()).eval()
    return net, xb, torch.tensor([0, 1, 1]), early, late

def state(net):
    "All that looking must not change"
    return ([m.training for m in net.modules()], [p.requires_grad for p in net.parameters()], sum(len(m._forward_hooks) for m in net.modules()),
            [p.grad is None or p.grad.sum().item() for p in net.parameters()], [b.sum().item() for b in net.buffers()])

LOOKS = {"activations": lambda net, xb, yb, early, late: activations(net, xb, [early, late])[late],
         "receptive_field": lambda net, xb, yb, early, late: torch.tensor(receptive_field(net, xb, early, 3, 3)),
         "top_patches": lambda net, xb, yb, early, late: top_patches(net, xb, early, [0, 2], k=2)[1][0],
         "occlusion": lambda net, xb, yb, early, late: occlusion(net, xb, yb, side=16, stride=12),
         "saliency": lambda net, xb, yb, early, late: saliency(net, xb, yb),
         "grad_cam": lambda net, xb, yb, early, late: grad_cam(net, xb, yb, late)}

@pytest.mark.parametrize("look", LOOKS)
def test_looks_into_it_and_leaves_it_as_it_was(case, look):
    net, xb, *_ = case
    before, pixels = state(net), xb.clone()
    with torch.no_grad(): got = LOOKS[look](*case)         # also where slopes are switched off outside
    assert got.isfinite().all() and not got.requires_grad and state(net) == before
    assert torch.equal(xb, pixels) and not xb.requires_grad
    if look in ("occlusion", "saliency", "grad_cam"): assert got.shape == (3, *xb.shape[2:])

def test_as_it_was_after_an_error(case):
    net, xb, yb, early, late = case
    before = state(net)
    with pytest.raises(ValueError, match="cannot read pictures"): activations(net, xb[:, :2], [early])
    with pytest.raises(KeyError), hooked(net, [early, late]), predicting(net): raise KeyError
    with pytest.raises(ValueError, match="no layer 'layr'"), hooked(net, [early, "layr"]): pass
    assert state(net) == before

def test_what_a_layer_gave_stays_what_it_was():
    "Although the next layer writes over it"
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True))
    xb = torch.randn(2, 3, 8, 8)
    assert torch.equal(activations(net, xb, ["0"])["0"], net[0](xb)) and activations(net, xb, ["0"])["0"].min() < 0

@pytest.mark.parametrize("layer, side", {"relu": 3, "layer1": 11, "layer2": 23, "layer3": 47}.items())
def test_the_field_that_one_calculates(layer, side):
    "With 3×3 windows, the field grows by 2·(the strides so far) with each; at the border it is cut off"
    net, xb = resnet.tiny_resnet(5), torch.randn(4, 3, 96, 96)
    n = activations(net, xb, [layer])[layer].shape[2]
    top, bottom, left, right = receptive_field(net, xb, layer, n//2, n//2)
    assert bottom - top == right - left == side
    top, bottom, left, right = receptive_field(net, xb, layer, 0, n - 1)
    assert top == 0 and bottom < side and right - left <= side and right >= 95

def test_of_one_unit_in_a_known_place():
    net = nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), nn.Conv2d(2, 1, (1, 3)))
    assert receptive_field(net, torch.randn(1, 1, 20, 30), "1", 2, 4) == (4, 7, 8, 15)
    with pytest.raises(ValueError, match="row=9, col=0 in a map of 9×12"): receptive_field(net, torch.randn(1, 1, 20, 30), "1", 9, 0)

class Spot(nn.Module):
    "Its first class is the mean of one small square, its second a constant: the truth about its maps is known"
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 1, bias=False)
        nn.init.ones_(self.conv.weight)
    def forward(self, xb):
        spot = self.conv(xb)[:, 0, 4:8, 12:16].mean((1, 2))
        return torch.stack([spot, torch.zeros_like(spot)], 1)

def test_maps_mark_what_counts():
    net, xb = Spot(), torch.rand(2, 3, 20, 20) + 0.5
    yb, where = torch.tensor([0, 0]), torch.zeros(2, 20, 20, dtype=torch.bool)
    where[:, 4:8, 12:16] = True
    assert share_inside(saliency(net, xb, yb), where).tolist() == [1, 1]
    fall = occlusion(net, xb, yb, side=4, stride=4)
    assert share_inside(fall, where).tolist() == [1, 1] and fall[:, 4:8, 12:16].min() > 0.1
    before = net(xb).softmax(1)[:, 0]
    assert torch.allclose(fall[:, 5, 13], before - 0.5, atol=1e-6)
    assert occlusion(net, xb, torch.tensor([1, 1]), side=4, stride=4).max() <= 0       # covering it helps the other class
    cam = grad_cam(net, xb, yb, "conv")
    assert torch.allclose(cam, net.conv(xb)[:, 0]*16/400/16, atol=1e-6)                # one channel: its mean slope times itself

def test_a_picture_of_any_shape_is_covered_to_its_border():
    assert occlusion(Spot(), torch.rand(1, 3, 17, 21), [0], side=5, stride=3).isfinite().all()

def test_grad_cam_is_a_sum_over_channels():
    net, xb, yb = cnn.Net().eval(), torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    act = torch.tanh(net.conv1(xb)); act = net.conv2(F.max_pool2d(act, 2)); act.retain_grad()
    net.dense2(torch.tanh(net.dense1(F.max_pool2d(torch.tanh(act), 2).flatten(1))))[[0, 1], yb].sum().backward()
    small = sum(act.grad[:, c].mean((1, 2))[:, None, None]*act[:, c] for c in range(8)).relu()
    assert torch.allclose(grad_cam(net, xb, yb, "conv2"), F.interpolate(small[:, None], (32, 32), mode="bilinear")[:, 0], atol=1e-6)

def test_patches_are_where_the_channel_is_highest():
    net = nn.Sequential(nn.Conv2d(3, 2, 3, padding=1, bias=False))
    nn.init.zeros_(net[0].weight); net[0].weight.data[1] = 1
    xb = torch.zeros(4, 3, 9, 9); xb[2, :, 4, 5] = 5; xb[0, :, 0, 0] = 3
    (best, second, *_), = top_patches(net, xb, "0", [1], k=3)
    assert best.shape == (3, 3, 3) and best.sum() == 15 and second.sum() == 9

def test_first_filters():
    w = first_filters(of_torchvision("resnet18"))
    assert w.shape == (64, 3, 7, 7) and 0 <= w.min() and w.max() <= 1
    with pytest.raises(ValueError, match="Sequential has no Conv2d layer"): first_filters(nn.Sequential(nn.Linear(3, 2)))

def test_dead_channels():
    acts = torch.zeros(4, 5, 3, 3); acts[2, 0, 1, 1] = 1; acts[:, 1] = -1; acts[0, 4] = 2
    assert dead_share(acts) == pytest.approx(0.6) and dead_share(acts[:, :, 0, 0]) == pytest.approx(0.8)

def test_pca_agrees_with_the_eigenvectors_of_the_covariance():
    x = torch.randn(40, 6, dtype=torch.float64)@torch.randn(6, 6, dtype=torch.float64) + 3
    values, vectors = torch.linalg.eigh(x.T.cov())
    flat = pca(x, 3)
    assert torch.allclose(flat.var(0), values.flip(0)[:3]) and torch.allclose(flat.mean(0), torch.zeros(3, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(flat.abs(), ((x - x.mean(0))@vectors.flip(1)[:, :3]).abs())

def test_nearest_agrees_with_sorting():
    x, query = torch.randn(30, 4), torch.randn(5, 4)
    slow = [sorted(range(30), key=lambda i: (x[i] - q).norm().item())[:3] for q in query]
    assert nearest(query, x, 3).tolist() == slow

def test_share_inside():
    maps = torch.tensor([[[1., 3], [-5, 0]], [[0., 0], [0, -1]]])
    masks = torch.tensor([[[True, False], [True, True]]]*2)
    assert share_inside(maps, masks).tolist() == [0.25, 0]
    assert share_inside(torch.ones(1, 2, 2), masks[:1]).item() == 0.75


net, xb, yb = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)), torch.randn(2, 3, 16, 16), torch.tensor([0, 1])
WRONG = {
    "a learner for its model": (lambda: activations(object(), xb, ["0"]), "object is no model: give the nn.Module itself, of a learner learn.model"),
    "a layer that does not exist": (lambda: activations(resnet.tiny_resnet(5), xb, ["layer5"]), "no layer 'layer5' in this ResNet: try 'layer"),
    "no name": (lambda: activations(net, xb, [None]), "no layer None in this Sequential: try '0', '1', '2'"),
    "one picture": (lambda: saliency(net, xb[0], yb), r"float32 of shape \(3, 16, 16\).*x\[None\] makes a batch of one"),
    "an empty batch": (lambda: saliency(net, xb[:0], yb[:0]), "none of them empty"),
    "a list": (lambda: grad_cam(net, [1, 2], yb, "0"), r"list of shape \(\): a batch of pictures is a tensor of floats with 4 axes"),
    "bytes": (lambda: saliency(net, xb.byte(), yb), r"uint8 of shape \(2, 3, 16, 16\): .* floats"),
    "grey pictures": (lambda: grad_cam(net, xb[:, :1], yb, "0"), r"cannot read pictures of shape \(2, 1, 16, 16\)"),
    "too few labels": (lambda: saliency(net, xb, yb[:1]), r"yb=\[0\] for 2 pictures and 2 classes: give one class per picture"),
    "a class that is none": (lambda: occlusion(net, xb, torch.tensor([0, 2])), r"yb=\[0, 2\] .* each from 0 to 1"),
    "labels as floats": (lambda: grad_cam(net, xb, torch.ones(2), "0"), "give one class per picture"),
    "names for labels": (lambda: saliency(net, xb, ["cat", "dog"]), r"yb=\['cat', 'dog'\]"),
    "no classifier": (lambda: saliency(net[:2], xb, yb), "gives no scores"),
    "no maps": (lambda: grad_cam(net, xb, yb, "3"), r"'3' gives shape \(2, 4\), not maps"),
    "no convolutions": (lambda: grad_cam(nn.Sequential(nn.Flatten(), nn.Linear(768, 2)), xb, yb, "1"), r"gives shape \(2, 2\), not maps"),
    "a layer that did not run": (lambda: grad_cam(Unused(), xb, yb, "spare"), "'spare' gives no tensor"),
    "a layer that says nothing": (lambda: grad_cam(Unused(), xb, yb, "idle"), "'idle' has no part in the scores"),
    "a square too large": (lambda: occlusion(net, xb, yb, side=17), "side=17, stride=8 on pictures of 16×16"),
    "a stride of 0": (lambda: occlusion(net, xb, yb, 4, 0), "side=4, stride=0"),
    "a stride with gaps": (lambda: occlusion(net, xb, yb, 4, 5), "no more than the side"),
    "half a pixel": (lambda: occlusion(net, xb, yb, 4.5, 2), "whole numbers"),
    "a channel too many": (lambda: top_patches(net, xb, "0", [4]), "Channel 4 of a layer with 4 channels: they go from 0 to 3"),
    "no activations": (lambda: dead_share(torch.zeros(3)), r"shape \(3,\): give the activations of a batch"),
    "more directions than there are": (lambda: pca(torch.randn(3, 9), 4), r"shape \(3, 9\), k=4"),
    "other numbers": (lambda: nearest(torch.randn(2, 3), torch.randn(5, 4)), r"query \(2, 3\), x \(5, 4\), k=5"),
    "more than there are": (lambda: nearest(torch.randn(2, 4), torch.randn(3, 4)), r"k=5: .* at least k rows"),
    "masks of another size": (lambda: share_inside(torch.ones(2, 8, 8), torch.ones(2, 9, 9)), r"\(2, 8, 8\) .* \(2, 9, 9\)")}

class Unused(nn.Module):
    "With layers that do not count"
    def __init__(self):
        super().__init__()
        self.net, self.spare, self.idle = net, nn.Conv2d(3, 1, 1), nn.Conv2d(3, 1, 1)
    def forward(self, xb):
        self.idle(xb)
        return self.net(xb)

@pytest.mark.parametrize("what", WRONG)
def test_a_sentence(what):
    call, says = WRONG[what]
    with pytest.raises(ValueError, match=says) as e: call()
    assert "\n" not in str(e.value) and str(e.value).endswith(".") and len(str(e.value)) < 330
