"Convolution and pooling by hand against torch's, over random shapes, strides, paddings, dilations and groups."
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.cnn import avg_pool, conv_loops, conv_unfold, max_pool, out_size, shifted


@st.composite
def cases(draw):
    "Random pictures `(n,c,h,w)`, kernels, biases and options that fit, in float64"
    def pick(lo, hi): return draw(st.integers(lo, hi))
    gen = torch.Generator().manual_seed(pick(0, 2**31))
    def randn(*shape): return torch.randn(*shape, generator=gen, dtype=torch.float64)
    groups, stride, padding, dilation, kh, kw = pick(1, 3), pick(1, 3), pick(0, 3), pick(1, 3), pick(1, 4), pick(1, 4)
    h, w = (max(1, dilation*(k - 1) + 1 - 2*padding) + pick(0, 5) for k in (kh, kw))
    c, out = groups*pick(1, 2), groups*pick(1, 2)
    return randn(pick(1, 3), c, h, w), randn(out, c//groups, kh, kw), randn(out) if pick(0, 1) else None, dict(stride=stride, padding=padding, dilation=dilation, groups=groups)

often = settings(max_examples=200, deadline=None, derandomize=True, database=None)      # the same 200 cases everywhere

@pytest.mark.parametrize("conv", [conv_loops, conv_unfold])
def test_equal_to_torch(conv):
    @often
    @given(cases())
    def equal(case):
        x, w, b, how = case
        assert torch.allclose(conv(x, w, b, **how), F.conv2d(x, w, b, **how), atol=1e-5, rtol=0)
    equal()

def test_kernels_laid_out_channels_last():
    "As they are after training: the order in memory must not matter"
    x, w = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
    for conv in conv_loops, conv_unfold:
        assert torch.allclose(conv(x, w.to(memory_format=torch.channels_last)), F.conv2d(x, w), atol=1e-4)

@settings(often, max_examples=20)
@given(cases())
def test_gradients_equal_torchs(case):
    x, w, b, how = case
    for conv in conv_loops, conv_unfold:
        ours, theirs = (torch.autograd.grad((f(x, w.requires_grad_(), b, **how)**2).sum(), w)[0] for f in (conv, F.conv2d))
        assert torch.allclose(ours, theirs, atol=1e-8)

@often
@given(cases())
def test_pooling_equals_torchs(case):
    x, w, *_ = case
    ks = min(w.shape[2], *x.shape[2:])
    assert torch.equal(max_pool(x, ks), F.max_pool2d(x, ks)) and torch.allclose(avg_pool(x, ks), F.avg_pool2d(x, ks))

def test_the_law_of_sizes():
    "A window fits at the last place, and at none further"
    for n in range(1, 12):
        for ks in range(1, 5):
            for stride in range(1, 4):
                for padding in range(3):
                    for dilation in range(1, 3):
                        reach = dilation*(ks - 1) + 1
                        if reach > n + 2*padding:
                            with pytest.raises(ValueError, match="does not fit"): out_size(n, ks, stride, padding, dilation)
                            continue
                        last = (out_size(n, ks, stride, padding, dilation) - 1)*stride + reach
                        assert last <= n + 2*padding < last + stride

def test_moving_there_and_back():
    x = torch.randn(2, 3, 8, 8)
    for dx in range(-4, 5): assert torch.equal(shifted(shifted(x, dx), -dx)[..., abs(dx):8 - abs(dx)], x[..., abs(dx):8 - abs(dx)])

@pytest.mark.parametrize("how", [dict(stride=0), dict(padding=-1), dict(dilation=0), dict(groups=0), dict(groups=2)])
def test_options_that_cannot_be(how):
    for conv in conv_loops, conv_unfold:
        with pytest.raises(ValueError, match="|".join(how)): conv(torch.ones(1, 3, 8, 8), torch.ones(4, 3, 3, 3), **how)
