"Lesson 12 and its times: names that do not exist, a machine that is busy, broken files, two machines."
import contextlib
import json
import math
import os
import subprocess
import sys

import pytest

from course_lib.models import DOZEN, facts, fit_power_law, front, learning_curve, measure, network, typical, wilson, with_timm
from course_lib.speed import Speeds, compare_speeds, kept_speeds, load_speeds, save_speeds, shipped_speeds


@contextlib.contextmanager
def busy_cores():
    "Inside the `with`, a process for every core counts, and does nothing else"
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try: yield
    finally:
        for p in others:
            p.kill()
            p.wait()


@pytest.mark.parametrize("name", ["resnet5", "ResNet50", "", 50, None, "vit"])
@pytest.mark.parametrize("ask", [lambda name: facts([name]), network, lambda name: measure([name])], ids=["facts", "network", "measure"])
def test_a_name_that_does_not_exist(ask, name):
    "One sentence, with the nearest names"
    with pytest.raises(ValueError, match=r"^There is no network .*: did you mean \w+(, \w+)*\?$"): ask(name)

def test_the_nearest_names():
    with pytest.raises(ValueError, match="resnet50"): facts(["resnet5"])
    with pytest.raises(ValueError, match="mobilenet_v3_large"): facts(["mobilenetv3large"])

def test_facts_are_those_of_the_default_weights():
    table = facts()
    assert len(table) >= 80 and not table.isna().any().any() and table["name"].is_unique
    assert facts(["resnet50"])["accuracy"][0] == 80.858 and facts(["resnet50"])["size"][0] == 224
    assert list(facts(["resnet50"], every=True)["weights"]) == ["IMAGENET1K_V1", "IMAGENET1K_V2"]
    assert len(facts([])) == 0

def test_front_by_its_definition():
    "Against every pair, also where some are equally good or equally expensive"
    import random
    dice = random.Random(0)
    for _ in range(300):
        n = dice.randrange(8)
        x, y = ([dice.choice([1, 2, 3, math.nan]) for _ in range(n)] for _ in range(2))
        def beats(i, j): return x[i] <= x[j] and y[i] >= y[j] and (x[i] < x[j] or y[i] > y[j])
        there = [i for i in range(n) if x[i] == x[i] and y[i] == y[i]]
        best = [i for i in there if not any(beats(j, i) for j in there)]
        kept = front(x, y)
        assert {(x[i], y[i]) for i in kept} == {(x[i], y[i]) for i in best}      # of equal ones, one is kept
        assert [x[i] for i in kept] == sorted(x[i] for i in kept)


def test_a_busy_machine_is_said(tmp_path, capsys):
    "Below the table, in the file and its name, and when two files are compared"
    with busy_cores(): speeds = measure(["mobilenet_v3_small"], seconds=6, batches=[1])
    assert speeds.rows and speeds.busy, "nobody noticed"
    for text in repr(speeds), speeds._repr_html_(): assert "The machine was busy: " in text
    file = save_speeds(speeds, tmp_path)
    assert file.name.endswith("busy.json") and load_speeds(file).busy == speeds.busy
    compare_speeds(speeds, load_speeds(file))
    assert "The first machine was busy" in capsys.readouterr().out

def test_measuring_stops_in_time():
    speeds = measure(DOZEN, seconds=0)
    assert speeds.rows == [] and len(speeds.left_out) == 2*len(DOZEN) and "Left out, no time: mobilenet_v3_small (1)" in repr(speeds)

def test_odd_arguments():
    "An empty list, a name twice, and what is no number"
    assert measure([]).rows == [] and "Nothing was measured." in repr(measure([]))
    twice = measure(["mobilenet_v3_small"]*2, seconds=2, batches=[1])
    assert len(twice.rows) + len(twice.left_out) == 1 and repr(twice)
    assert measure(["resnet18"], seconds=0).busy == ""              # nothing was measured, so nothing was disturbed
    for odd, why in [(dict(seconds="2"), "seconds"), (dict(batches=1), "batches"), (dict(batches=[0]), "batch")]:
        with pytest.raises(ValueError, match=f"^{why} is "): measure(["mobilenet_v3_small"], **odd)

def test_what_no_law_can_be_fitted_to():
    import torch
    for sizes, errors in [([10, 20], [0.5, 0.4]), ([10, 20, 40], [0.5, 0.2, 0.])]:
        with pytest.raises(ValueError, match="three sizes or more"): fit_power_law(sizes, errors)
    train = torch.randn(60, 5), torch.arange(60) % 3
    with pytest.raises(ValueError, match="only 60"): learning_curve(train, train, [50, 100])

def test_too_few():
    for times in [], [1], [0, 0, 0]:
        with pytest.raises(ValueError, match="two times or more"): typical(times)
    for share, n in [(0.5, 0), (1.2, 50), (-0.1, 50), (math.nan, 50)]:
        with pytest.raises(ValueError, match="cannot be"): wilson(share, n)

def test_what_cannot_be_read_is_named_and_the_rest_is_there(tmp_path, capsys):
    whole = shipped_speeds()
    file = save_speeds(whole, tmp_path)
    for name, text in {"half.json": file.read_text(encoding="utf-8")[:200], "empty.json": "", "other.json": "{}", "list.json": "[]"}.items():
        (tmp_path/name).write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=rf"{name} is no (whole )?file of speeds.*: (delete it|take one)"): load_speeds(tmp_path/name)
    assert [vars(s) for s in kept_speeds(tmp_path)] == [vars(whole)]
    assert capsys.readouterr().out.count(" file of speeds") == 4

def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    file = save_speeds(shipped_speeds(), tmp_path)
    before = file.read_bytes()
    broken = shipped_speeds()
    broken.left_out.append(object())                # JSON does not know it
    with pytest.raises(TypeError): save_speeds(broken, tmp_path)
    assert file.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == [file.name]

def test_two_machines():
    ours = shipped_speeds()
    twice = Speeds([row | dict(ms=2*row["ms"]) for row in ours.rows[::2]], ours.about)
    both = compare_speeds(ours, twice)
    assert len(both) == len(twice.rows) and both["ratio"].tolist() == pytest.approx([2]*len(both))
    with pytest.raises(ValueError, match="measure the same names"): compare_speeds(ours, Speeds([], ours.about))

def test_the_times_that_come_with_the_course():
    "A whole dozen at least, from a quiet machine, and of nobody in particular"
    ours = shipped_speeds()
    assert not ours.busy and not ours.left_out
    assert {(name, batch) for name in DOZEN for batch in (1, 32)} <= {(row["name"], row["batch"]) for row in ours.rows}
    assert all(row["spread"] < 0.3 for row in ours.rows)
    assert set(ours.about) == {"cpu", "cores", "threads", "device", "system", "python", "torch", "torchvision", "date"}


def test_timm(tmp_path):
    "Its accuracies come from a file that its project offers, and are nothing without it"
    pytest.importorskip("timm")
    row = with_timm(["resnet18"]).iloc[0]
    assert math.isnan(row["accuracy"]) and row["params"] == pytest.approx(11.69, abs=0.01) and row["ops"] == pytest.approx(1.82, abs=0.02)
    csv = tmp_path/"results-imagenet.csv"
    csv.write_text('model,top1,param_count\nresnet18.a1_in1k,71.49,11.69\neva,90.05,"1,014.45"\n', encoding="utf-8")
    assert with_timm(["resnet18"], csv)["accuracy"][0] == 71.49
    with pytest.raises(ValueError, match="did you mean resnet18"): with_timm(["resnet_18"])
    with pytest.raises(ValueError, match="nofile.csv is not there"): with_timm("resnet18", tmp_path/"nofile.csv")

def test_without_timm(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ValueError, match="pip install timm"): with_timm(["resnet18"])
