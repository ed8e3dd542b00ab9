"Every notebook runs: those of the library and of the exercises through nbdev, the lessons in a real Jupyter kernel. The network is off and COURSE_HOME is empty."
import builtins
import inspect
import os
import re

import nbformat
import pytest
from conftest import LIBRARY, ROOT, command, notebooks, offline, run

from course_lib.selftest import practice
from course_lib.selftest.clean import global_names
from course_lib.selftest.exercise import Question, find, lessons
from course_lib.selftest.notebook import code_cell, parse_notebook, split_head, to_notebook
from course_lib.selftest.progress import NOT_ATTEMPTED, NOT_YET, PASSED

ENDS_WITH = {  # what the lessons say, on the drawn data
    "01_pets": "error_rate_without_close_pairs < 0.1 and error_rate < 0.05 and half_way < half_way_from_nothing - 0.1",
    "02_your_pictures": "random_split_says < then_the_future_says/2 and time_split_says > and_the_future_says/2 and time_split_says > random_split_says + 0.1"
                        " and no_leak == 0 and leak > 0.1",
    "03_fine_tuning": "after_one_epoch_at_one_rate > head_only + 0.2 and head_only + 0.1 < with_the_old_body < min(with_the_old_head, after_one_epoch_at_one_rate) - 0.1"
                      " and head_only < after_new_averages < after_one_epoch_at_one_rate - 0.1 and spread_forgot < one_rate_forgot"
                      " and max(three_epochs_one_rate, three_epochs_spread) < three_epochs_head_only - 0.05 and abs(three_epochs_head_only - head_only) < 0.06"
                      " and averages_counted < averages_forgetting - 0.1"
                      " and small_network_longer < large_network - 0.05 < small_network - 0.1",
    "04_descent": "above_the_best < 0.01 and below_the_edge < 1 and above_the_edge > 1000 and forgot > 2*zeroed",
    "05_relu": "0.542 < without_weights < 0.56 and worst_of_five <= 0.005 and voice_calculated < 0.1 and voice_learned > 0.3 and owl < 0.02",
    "08_cnn": "dense_train > dense_valid + 0.15 and cnn_valid > dense_valid + 0.1 and cnn_test > dense_valid + 0.1 and 0.95 < shuffled_less < 1.05"
              " and moved_cnn > moved_dense + 0.05 and over_time > 0.95 > 0.7 > dense_time and unfold_times_as_fast > 10",
    "06_tensors": "matmul_times_as_fast > 10 and add_times_as_fast > 10 and loss_of_perfect_predictions > 10 and no_bend < 0.0001 and with_relu > 0.1",
    "09_resnet": "parameters == 1235909 and without_the_last_layer == 1226400 and farthest_from_torchvision < 1e-5 and plain_32 > plain_8 + 0.5"
                 " and plain_32 > shortcuts_32 + 0.5 and shaken_plain > 2*shaken_shortcuts",
    "10_inside": "error_rate < 0.1 and dead_in_our_network < 0.1 and dead_at_a_moderate_rate < 0.3 and dead_at_a_large_rate > 0.9 and dead_with_batchnorm < 0.1"
                 " and same_breed_by_features > same_breed_by_pixels + 0.3 and slopes_in_eyes < 1.8 < min(grad_cam_in_eyes, occlusion_in_eyes)"
                 " and right_as_sent > 0.85 and right_without_dates < 0.8 and right_swapped < 0.4",
    "11_tables": "always_no < by_sex < linear < mean_of_2_units < two_units < best_possible and mean_of_8_units > linear + 0.02 and leak_of_statistics < 0.006"
                 " and promised_with_names > 0.9 and kept_with_names < 0.75 and chosen_by_luck > and_then + 0.02"
                 " and ten_splits_linear < ten_splits_16_units - 0.015 and abs(ten_splits_forest - ten_splits_16_units) < 0.01"
                 " and ten_splits_forest_as_it_comes < ten_splits_forest - 0.015",
    "12_which_network": "in_front < networks/3 and recipe > 4 and knew > from_nothing + 0.05"
                        " and abs(forecast - truth) < 0.02 and forecast_with_less_decay > truth_with_less_decay + 0.03",
    "07_classifier": "abs(in_ten_lines - from_scratch) < 0.03 and rate_too_small < rate_near_the_edge - 0.2 and last_valid_loss > 1.02*lowest_valid_loss",
}
REAL = {"critters": "pets", "sky": "cifar2", "glyphs": "mnist", "passengers": "titanic"}  # embedded -> what it stands for


@pytest.fixture(scope="session")
def home(tmp_path_factory): return tmp_path_factory.mktemp("home")      # the library's notebooks share one


def nbdev_test(path, home):
    r = run(command("nbdev_test"), "--path", path, "--n_workers", 0, cwd=ROOT, env=offline(home))
    assert r.returncode == 0 and "Success." in r.stdout, r.stdout

@pytest.mark.long
@pytest.mark.parametrize("folder", [*LIBRARY, "exercises"])
def test_all_of_a_folder(folder, home):
    "The library's tests beside its code; and each exercise's `audit`: right answers pass, wrong ones do not, known mistakes are told apart"
    nbdev_test(ROOT/"nbs"/folder, home)

@pytest.mark.short
@pytest.mark.parametrize("path", notebooks(*LIBRARY, "exercises"), ids=lambda p: p.stem)
def test_one_that_has_changed(path, home): nbdev_test(path, home)


def run_lesson(name, tmp_path, *args, **env):
    "`course run` in an empty folder: what it printed, once it is certain that it worked"
    r = run(command("course"), "run", name, *args, cwd=tmp_path, env=offline(tmp_path/"home") | env)
    assert r.returncode == 0, r.stdout
    return r.stdout

def cells_of(folder, name): return parse_notebook((ROOT/folder/f"{name}.ipynb").read_bytes())[0]

def bare(c): return split_head(c["source"])[1]

def another(name, k):
    "Right answer number `k` to an exercise, under the exercise's name; what stands in the cell where there is no other"
    from course_lib.selftest.exercise import find
    rights = find(name).rights
    if not rights: return globals()[name]
    fn = rights[k % len(rights)]
    answer = fn if hasattr(fn, "__globals__") or isinstance(fn, type) else lambda *args, **kwargs: fn(*args, **kwargs)      # PyTorch's own take no name
    answer.__name__ = name
    return answer

def in_another_form(name, k):
    "The answer to a question as a learner may have come by it: calculated by PyTorch, in words, calculated by NumPy"
    import numpy, torch
    from course_lib.selftest.exercise import find
    answer = find(name).answer
    return ", ".join(answer.lower()) if isinstance(answer, str) else (torch.tensor, str, numpy.array)[k % 3](answer)

def practice_code(name, monkeypatch):
    "The code cells of a practice notebook, `[(with a hole, with the library's code in it)]`"
    holes = [c["source"] for c in cells_of("practice", name) if c["kind"] == "code"]
    monkeypatch.setattr(practice, "stub", lambda source, name: source)
    filled = practice.practice_cells(cells_of("nbs/lessons", name), practice.tasks(cells_of("nbs/exercises", name)))
    return [*zip(holes, [c["source"] for c in filled if c["kind"] == "code"], strict=True)]

def with_holes(name, monkeypatch):
    "The code of a lesson, every cell as it is, and among it what only its practice notebook has"
    lesson = [c for c in cells_of("nbs/lessons", name) if c["kind"] == "code"]
    for hole, full in practice_code(name, monkeypatch):
        its_cell = re.sub(r"\n\n(\w+) = check\(\1\)$", "", full)
        of_the_lesson = its_cell in map(bare, lesson)
        while of_the_lesson and (c := lesson.pop(0)):
            yield c
            if bare(c) == its_cell: break
        if hole == "progress()": yield from lesson
        if hole != its_cell or not of_the_lesson: yield code_cell(hole)

def with_answers(name, monkeypatch, k):
    "A practice notebook with the library's code in its holes, and then with right answers that are not the library's"
    for helper in another, in_another_form: yield code_cell(inspect.getsource(helper))
    for _, full in practice_code(name, monkeypatch):
        yield code_cell(re.sub(r"^(\w+) = \.\.\.   # your answer$", rf'\1 = in_another_form("\1", {k})', full, flags=re.M))
        if asked := re.search(r"^(\w+) = check\(\1\)$", full, re.M): yield code_cell(f'{asked[1]} = check(another("{asked[1]}", {k}))')

def run_cells(path, cells, tmp_path):
    "What was printed by `course run`, and what is shown by a notebook of these cells, after a run in which none was left out"
    (tmp_path/path.name).write_text(to_notebook(cells), encoding="utf-8")
    printed = run_lesson(tmp_path/path.name, tmp_path)
    cells = nbformat.read(tmp_path/"_run"/path.name, as_version=4).cells
    assert [c.source for c in cells if c.cell_type == "code" and c.source and not c.execution_count] == [], "cells that did not run"
    return printed, "".join(o.get("text", "") for c in cells for o in c.outputs)

@pytest.mark.long
@pytest.mark.parametrize("path", notebooks("lessons"), ids=lambda p: p.stem)
def test_lesson(path, tmp_path, monkeypatch):
    """Every cell ran, of the lesson and of its practice notebook, and the numbers are what the lesson promises. No exercise is attempted,
    the library's functions are used, and nothing else is said about them"""
    made = [*with_holes(path.stem, monkeypatch)]
    in_order, every = iter(c["source"] for c in made), {source for c in made for source in (c["source"], bare(c))}
    assert all(c["source"] in in_order for c in cells_of("nbs/lessons", path.stem) if c["kind"] == "code"), "a cell of the lesson is missing"
    assert all(c["source"] in every for c in cells_of("practice", path.stem) if c["kind"] == "code"), "a cell of practice is missing"
    printed, said = run_cells(path, made, tmp_path)
    assert re.search(r"\d s\b", printed)
    numbers = {name: float(value) for name, value in re.findall(r"^(\w+): ([\d.]+)$", printed, re.M)}
    if path.stem in ENDS_WITH: assert eval(ENDS_WITH[path.stem], {}, numbers), f"not so: {ENDS_WITH[path.stem]}\n{printed}"
    names = lessons()[path.stem]
    assert all(said.count(f"{NOT_ATTEMPTED}: {name}\n") == 1 for name in names) and f"{path.stem}: 0 of {len(names)} passed" in said
    assert f"{PASSED}: " not in said and f"{NOT_YET}: " not in said


def sets_of_answers(name):
    "How many runs of a practice notebook it takes until every right answer has been used"
    return max(len(getattr(find(exercise), "rights", [])) for exercise in lessons()[name]) or 1

def pytest_generate_tests(metafunc):
    "Each practice notebook with the first of the other right answers, and with `--every-answer` with the next ones as well"
    if "k" not in metafunc.fixturenames: return
    every = metafunc.config.getoption("--every-answer")
    runs = [(path, k) for path in notebooks("lessons") for k in range(sets_of_answers(path.stem) if every else 1)]
    metafunc.parametrize("path, k", runs, ids=lambda v: getattr(v, "stem", v))

@pytest.mark.long
def test_practice_with_other_answers(path, k, tmp_path, monkeypatch):
    "What passes can be used: the notebook runs to its end with right answers that are not the library's"
    _, said = run_cells(path, [*with_answers(path.stem, monkeypatch, k)], tmp_path)
    names = lessons()[path.stem]
    for name in names: assert said.count(f"{PASSED}: {name}\n") == (1 if isinstance(find(name), Question) else 2), name
    assert f"{NOT_YET}: " not in said and f"{path.stem}: {len(names)} of {len(names)} passed" in said

@pytest.mark.parametrize("path", [p for folder in ("nbs/lessons", "practice", "clean") for p in sorted((ROOT/folder).glob("*.ipynb"))], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_names_are_there_when_they_are_used(path):
    "Each page alone: a lesson needs nothing of its exercises, and what is hidden or taken out is not missed further down"
    known = {*dir(builtins), "get_ipython", "display"}
    for c in parse_notebook(path.read_bytes())[0]:
        if c["kind"] != "code": continue
        bound, used = global_names(c["source"])
        assert used <= known | bound, f"{sorted(used - known - bound)} in\n{c['source']}"
        known |= bound


def data_of(path):
    "The data set that a lesson begins with: None when it has no cell tagged `parameters`"
    cells = nbformat.read(path, as_version=4).cells
    sources = [c.source for c in cells if "parameters" in c.metadata.get("tags", [])]
    return re.search(r"DATA *= *['\"](\w+)", sources[0])[1] if sources else None

@pytest.mark.long
@pytest.mark.parametrize("path", [p for p in notebooks("lessons") if data_of(p)], ids=lambda p: p.stem)
def test_lesson_on_real_data(path, tmp_path, need):
    run_lesson(path, tmp_path, "--data", REAL[data_of(path)], COURSE_DATA=str(need("data")))


REACH = {"url": "from urllib.request import urlopen; urlopen('http://192.0.2.1')",
         "address": "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)",
         "name": "import socket; socket.create_connection(('example.com', 80), timeout=5)"}

@pytest.mark.parametrize("name", REACH)
def test_the_network_is_off_in_kernels(name, tmp_path):
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(REACH[name])])
    nb.metadata["kernelspec"] = {"name": "python3", "display_name": "python3"}
    nbformat.write(nb, tmp_path/"net.ipynb")
    r = run(command("course"), "run", "net.ipynb", cwd=tmp_path, env=offline(tmp_path))
    says = "refused" if name == "url" else "the network is switched off"      # an address on the web meets the dead proxy first
    assert r.returncode == 1 and says in r.stdout, r.stdout


def test_what_is_required_fails_and_the_rest_is_skipped(need, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_TEST_DATA", str(tmp_path))
    assert need("data") == tmp_path.resolve()
    monkeypatch.setenv("COURSE_TEST_DATA", str(tmp_path/"nowhere"))
    monkeypatch.setenv("COURSE_REQUIRE", "browser,data")
    with pytest.raises(pytest.fail.Exception, match="set COURSE_TEST_DATA"): need("data")
    monkeypatch.setenv("COURSE_REQUIRE", "browser")
    with pytest.raises(pytest.skip.Exception, match="set COURSE_TEST_DATA"): need("data")
