"Lesson 07's functions against PyTorch's, on random shapes from a seeded generator: what would be too long for the lesson itself."
import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_lib.classifier import Dense, Sequential, batches, fit, judge, log_softmax, nll, softmax, training_step

gen = random.Random(0)
def lengths(n, lo=0, hi=6): return tuple(gen.randint(lo, hi) for _ in range(n))
def normal(*shape): return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(gen.randrange(10**9)))



@pytest.mark.parametrize("shape, dim", [(lengths(3, 1, 5), gen.randint(-3, 2)) for _ in range(30)])
def test_softmax(shape, dim):
    for size in 1, 1e3:
        x = size*normal(*shape)
        torch.testing.assert_close(softmax(x, dim), x.softmax(dim))
        torch.testing.assert_close(log_softmax(x, dim), x.log_softmax(dim))
    torch.testing.assert_close(softmax(x, dim).sum(dim), torch.ones_like(x).mean(dim))
    assert torch.autograd.gradcheck(lambda x: log_softmax(x, dim), normal(*shape).requires_grad_())

def test_likelihood():
    for _ in range(50):
        n, c = lengths(2, 1, 8)
        scores, targs = normal(n, c), torch.randint(c, (n,))
        torch.testing.assert_close(nll(log_softmax(scores), targs), F.cross_entropy(scores, targs))


def net(*widths): return Sequential(*(Dense(nin, nout, torch.relu if i < len(widths) - 2 else None) for i, (nin, nout) in enumerate(zip(widths, widths[1:]))))

@pytest.mark.parametrize("widths", [lengths(gen.randint(2, 5), 1, 9) for _ in range(20)])
def test_a_step_is_autograds_gradient(widths):
    "Our layers and our step, against nn.Linear, cross_entropy and SGD with the same numbers"
    model = net(*widths)
    twin = nn.Sequential(*(layer for nin, nout in zip(widths, widths[1:]) for layer in (nn.Linear(nin, nout), nn.ReLU())))[:-1]
    with torch.no_grad():
        for p, q in zip(twin.parameters(), model.params, strict=True): p.copy_(q.t())
    opt = torch.optim.SGD(twin.parameters(), lr=0.1)
    for _ in range(3):
        n = gen.randint(1, 7)
        xb, yb = normal(n, widths[0]).float(), torch.randint(widths[-1], (n,))
        loss = F.cross_entropy(twin(xb), yb)
        opt.zero_grad(); loss.backward()
        grads = torch.autograd.grad(nll(log_softmax(model(xb)), yb), model.params)
        for g, p in zip(grads, twin.parameters()): torch.testing.assert_close(g, p.grad.t())
        opt.step()
        assert training_step(model, xb, yb, 0.1) == pytest.approx(loss.item(), abs=1e-5)
        for p, q in zip(model.params, twin.parameters()): torch.testing.assert_close(p, q.t())
        assert all(p.grad is None and p.requires_grad for p in model.params)

def test_weights_begin_as_those_of_linear():
    ours, theirs = Dense(100, 400), nn.Linear(100, 400)
    for p, q in zip(ours.params, theirs.parameters()):
        assert abs(p.mean()) < 0.02 and p.abs().max() <= 0.1 and p.std().item() == pytest.approx(q.std().item(), rel=0.15)

def test_a_rule_replaces_the_slope():
    model = net(3, 2)
    before = [p.detach().clone() for p in model.params]
    training_step(model, torch.ones(1, 3), torch.tensor([1]), 0.5, rule=lambda p, g: torch.ones_like(p))
    for p, old in zip(model.params, before): torch.testing.assert_close(p.detach(), old - 0.5)

@pytest.mark.parametrize("n, bs", [(lengths(1, 1, 50)[0], lengths(1, 1, 60)[0]) for _ in range(30)])
def test_batches_are_all_of_the_data_once(n, bs):
    x, y = torch.arange(n)[:, None]*torch.ones(3), torch.arange(n)
    parts = list(batches(x, y, bs))
    assert [len(xb) for xb, _ in parts] == [bs]*(n//bs) + [n % bs]*(n % bs > 0)
    assert all(torch.equal(xb[:, 0], yb) for xb, yb in parts) and torch.cat([yb for _, yb in parts]).sort().values.equal(y)
    again = [torch.cat([yb for _, yb in batches(x, y, bs, torch.Generator().manual_seed(seed))]) for seed in (1, 1, 2)]
    assert torch.equal(again[0], again[1]) and (n < 10 or not torch.equal(again[0], again[2]))

def test_the_training_loss_is_the_mean_over_pictures():
    data = normal(7, 3).float(), torch.arange(7) % 2
    row, = fit(net(3, 2), data, data, epochs=1, lr=0., bs=3)                # batches of 3, 3 and 1, and nothing learned
    assert row["train_loss"] == pytest.approx(row["valid_loss"], rel=1e-5)

def test_judging_changes_nothing():
    model, (x, y) = net(3, 4, 2), (normal(9, 3).float(), torch.arange(9) % 2)
    before = [p.detach().clone() for p in model.params]
    expected = {"valid_loss": F.cross_entropy(model(x), y).item(), "accuracy": (model(x).argmax(1) == y).float().mean().item()}
    assert judge(model, (x, y)) == pytest.approx(expected, rel=1e-5)
    assert all(torch.equal(p, old) and p.grad is None for p, old in zip(model.params, before))

def test_fit_learns_and_is_repeatable():
    x = normal(200, 2).float(); data = x, (x.prod(1) > 0).long()            # no single layer can tell these apart
    def run(seed=0):
        torch.manual_seed(0)
        return fit(net(2, 20, 2), data, data, epochs=30, lr=0.5, bs=16, seed=seed)
    rows = run()
    assert rows == run() != run(seed=1) and [*rows[0]] == ["epoch", "train_loss", "valid_loss", "accuracy"] and len(rows) == 30
    assert rows[-1]["accuracy"] > 0.9 and rows[-1]["train_loss"] < rows[0]["train_loss"]/2


x, y = torch.randint(256, (6, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2
@pytest.mark.parametrize("call, parts", [
    (lambda: net(4, 2)(x), ["uint8 of shape (6, 4)", "x/255"]),
    (lambda: net(4, 2)(y), ["int64 of shape (6,)"]),
    (lambda: net(5, 2)(x/255), ["(6, 4) and (5, 2) do not fit", "flatten it"]),
    (lambda: net(4, 2)((x/255).reshape(6, 2, 2)), ["(6, 2, 2) and (4, 2)"]),
    (lambda: net(4, 2)((x/255)[..., None].expand(6, 4, 4)), ["(6, 4, 4) and (4, 2)"]),
    (lambda: fit(net(4, 2), (x[:0]/255, y[:0]), (x/255, y), 1, 0.1), ["Batches of 32", "(0, 4) and (0,)", "at least 1"]),
    (lambda: fit(net(4, 2), (x/255, y), (x[:0]/255, y[:0]), 1, 0.1), ["nll got no pictures", "(0, 2) and (0,)"]),
    (lambda: fit(net(4, 2), (x/255, y[:5]), (x/255, y), 1, 0.1), ["(6, 4) and (5,)", "same length"]),
    (lambda: fit(net(4, 2), (x/255, y), (x/255, y), 1, 0.1, bs=0), ["Batches of 0"]),
    (lambda: fit(net(4, 2), (x/255, y), (x/255, y), 99, 1e38), ["in epoch", "learning rate 1e+38", "smaller rate"]),
    (lambda: fit(net(4, 2), (x*torch.nan, y), (x/255, y), 1, 0.1), ["became nan in epoch 0"]),
    (lambda: nll(torch.zeros(3, 2), y), ["(3, 2) and (6,)", "its class"]),
    (lambda: nll(torch.zeros(6), y), ["(6,) and (6,)"]),
])
def test_bad_input(call, parts):
    with pytest.raises(ValueError) as e: call()
    assert all(part in str(e.value) for part in parts), str(e.value)
