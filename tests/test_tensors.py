"Lesson 06's functions against PyTorch's, on random shapes from a seeded generator: what would be too long for the lesson itself."
import random

import pytest
import torch

from course_lib.tensors import broadcast_shape, matmul, naive_add, naive_dot, naive_matmul, naive_matvec, naive_relu, turn

gen = random.Random(0)
def lengths(n, lo=0, hi=6): return tuple(gen.randint(lo, hi) for _ in range(n))
def normal(*shape): return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(gen.randrange(10**9)))


@pytest.mark.parametrize("m, k, n", [lengths(3) for _ in range(100)])
def test_products(m, k, n):
    a, b = normal(m, k), normal(k, n)
    for f in naive_matmul, matmul: torch.testing.assert_close(f(a, b), a@b)
    for v in b.T: torch.testing.assert_close(naive_matvec(a, v), a@v)
    for row in a: torch.testing.assert_close(naive_dot(row, row), row@row)

@pytest.mark.parametrize("f", [naive_matmul, matmul, naive_matvec, naive_dot, naive_add])
def test_shapes_that_do_not_fit(f):
    "Every pair of shapes either gives what PyTorch gives, or a sentence with both shapes"
    refused = 0
    for _ in range(200):
        a, b = normal(*lengths(gen.randint(1, 3), 1, 3)), normal(*lengths(gen.randint(1, 3), 1, 3))
        try: got = f(a, b)
        except ValueError as e:
            assert str(tuple(a.shape)) in str(e) and str(tuple(b.shape)) in str(e) and "do not fit: " in str(e)
            refused += 1
        else: torch.testing.assert_close(got, a + b if f is naive_add else a@b)
    assert 20 < refused < 200

@pytest.mark.parametrize("shape", [lengths(rank) for rank in (0, 1, 2, 3, 4) for _ in range(10)])
def test_number_by_number(shape):
    for dtype in torch.float64, torch.float32, torch.int64:
        a, b = (10*normal(*shape)).to(dtype), (10*normal(*shape)).to(dtype)
        assert torch.equal(naive_relu(a), a.clip(min=0)) and torch.equal(naive_add(a, b), a + b)
        assert naive_relu(a).dtype == naive_add(a, b).dtype == dtype

def test_relu_keeps_what_is_no_number(): assert naive_relu(torch.tensor([torch.nan])).isnan().all()

def test_broadcasting():
    agreed = 0
    for _ in range(1000):
        a, b = (tuple(gen.choice((0, 1, 1, 2, 3)) for _ in range(gen.randint(0, 4))) for _ in range(2))
        try: expected = torch.broadcast_shapes(a, b)
        except RuntimeError:
            with pytest.raises(ValueError, match="neither is 1") as e: broadcast_shape(a, b)
            assert str(a) in str(e.value) and str(b) in str(e.value)
        else: assert broadcast_shape(a, b) == expected; agreed += 1
    assert 200 < agreed < 900

def test_turning():
    for _ in range(20):
        a, b = gen.uniform(-7, 7), gen.uniform(-7, 7)
        torch.testing.assert_close(turn(a)@turn(b), turn(a + b))                # one turn after the other
        torch.testing.assert_close(turn(a)@turn(a).T, torch.eye(2))             # lengths and angles stay
        torch.testing.assert_close(torch.tensor([1., 0])@turn(a), torch.tensor([a]*2).add(torch.tensor([torch.pi/2, 0])).sin())     # to (cos a, sin a)
