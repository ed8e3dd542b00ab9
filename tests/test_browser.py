"Sliders, moved in a real browser: on a page without a kernel, in JupyterLab and in Notebook 7. What the picture says is compared with NumPy."
import base64
import io
import json
import math
import os
import re
import shutil
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ROOT, command, copy_of_the_sources, notebooks
from jupyter_page import jupyter, open_notebook, run_cells, write_notebook
from nbclient import NotebookClient
from PIL import Image

from course_lib.sliders.explore import explore
from course_lib.sliders.scatter import NARROW, View, scatter
from course_lib.sliders.steps import steps
from course_lib.sliders.trace import run

pytestmark = pytest.mark.long
SHOTS = os.environ.get("COURSE_SCREENSHOTS")        # a folder, for somebody who wants to look

CODE = """import numpy as np
from course_lib.sliders.explore import explore
from course_lib.sliders.interact import interact
def quad(a, b, c, x): return a*x**2 + b*x + c
xs = np.linspace(-2, 2, 20)
ys = quad(3, 2, 1, xs) + np.random.default_rng(0).normal(0, 1, 20)
shown = explore(quad, xs, ys, a=(-4, 4, 0.1, 1), b=(-4, 4, 0.1, 1), c=(-4, 4, 0.1, 1))"""
exec(CODE)                  # so that the test and the notebook mean the same by quad, xs, ys, shown

def mse(a=1., b=1., c=1.): return float(np.mean((quad(a, b, c, xs) - ys)**2))                  # noqa: F821

@pytest.fixture
def page(browser):
    "An empty page; `page.errors` are those it reported"
    page = browser.new_context(viewport=dict(width=1200, height=1000)).new_page()
    page.errors = []
    page.on("pageerror", lambda e: page.errors.append(str(e)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    yield page
    page.context.close()

def shown_loss(page): return float(re.search(r"[-\d.e+]+$", page.locator(".course-explore .title").text_content())[0])

def value(page, name):
    "What the read-out beside the slider `name` says"
    return float(page.locator(".course-explore label", has_text=re.compile(f"^{name}$")).locator("+ output").text_content())

def agrees(page, **values):
    "Whether read-outs and the loss in the title are those of `values`, to three digits"
    assert {name: value(page, name) for name in values} == pytest.approx(values, abs=1e-9)
    assert shown_loss(page) == pytest.approx(mse(**values), rel=1e-3)

def move(page):
    "Moves sliders by keyboard and by mouse, and looks at the numbers each time"
    agrees(page, a=1., b=1., c=1.)
    before = page.locator(".course-explore .curve").get_attribute("d")
    a = page.locator(".course-explore").get_by_role("slider", name="a")
    a.focus()
    for _ in range(10): page.keyboard.press("ArrowRight")
    agrees(page, a=2.)
    assert page.locator(".course-explore .curve").get_attribute("d") != before
    for key, there in dict(Home=-4., PageUp=-3.2, ArrowLeft=-3.3, End=4., PageDown=3.2).items():
        page.keyboard.press(key)
        agrees(page, a=there)
    page.keyboard.press("Tab")                                          # the next slider
    page.keyboard.press("End")
    agrees(page, a=3.2, b=4.)
    box = page.locator(".course-explore").get_by_role("slider", name="c").bounding_box()
    x, y = box["x"] + box["width"]/2, box["y"] + box["height"]/2
    page.mouse.move(x, y); page.mouse.down(); page.mouse.move(x + box["width"]/4, y, steps=8); page.mouse.up()
    assert 1.5 < value(page, "c") < 2.5
    agrees(page, a=3.2, b=4., c=value(page, "c"))

def write(path, html):
    path.write_text(f"<!doctype html><meta charset='utf-8'><title>a page</title><body>{html}", encoding="utf-8")
    return path.as_uri()

def test_a_page_without_kernel_and_network(page, tmp_path):
    page.context.set_offline(True)
    page.goto(write(tmp_path/"page.html", shown._repr_html_()))         # noqa: F821
    assert page.locator(".sliders").evaluate("e => getComputedStyle(e).display") == "grid"          # the style sheet came along
    move(page)
    assert page.errors == []

def test_two_on_one_page_do_not_disturb_each_other(page, tmp_path):
    page.goto(write(tmp_path/"page.html", 2*shown._repr_html_()))       # noqa: F821
    page.get_by_role("slider", name="a").first.focus()
    page.keyboard.press("End")
    titles = page.locator(".title").all_text_contents()
    assert titles[0] != titles[1] and page.errors == []

def test_without_scripts_the_first_picture_is_there(browser, tmp_path):
    "On white paper: the picture is black, and a page's own colours do not reach into it"
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(write(tmp_path/"page.html", f"<style>body {{background: #111}}</style>{shown._repr_html_()}"))         # noqa: F821
    image = page.get_by_role("img")
    assert image.bounding_box()["height"] > 200 and "mean squared error" in image.get_attribute("alt")
    pixels = Image.open(io.BytesIO(image.screenshot())).convert("RGB")
    assert pixels.getpixel((2, 2)) == pixels.getpixel((pixels.width - 3, pixels.height - 3)) == (255, 255, 255)
    page.context.close()

@pytest.mark.parametrize("paper, ink", [("rgb(17, 17, 17)", "rgb(230, 230, 230)"), ("rgb(255, 255, 255)", "rgb(0, 0, 0)")])
def test_the_living_picture_takes_the_colours_of_the_page(paper, ink, page, tmp_path):
    page.goto(write(tmp_path/"page.html", f"<style>body {{background: {paper}; color: {ink}}}</style>{shown._repr_html_()}"))         # noqa: F821
    assert page.locator(".title").evaluate("e => getComputedStyle(e).fill") == ink and page.locator(".paper").count() == 0

def test_pieces_with_gaps_and_other_functions(page, tmp_path):
    "The browser's interpreter gives what NumPy gives, for every operation there is"
    def f(x, a): return (np.sin(a*x) + np.exp(-x)*np.tanh(x) - np.sqrt(np.abs(x)) + np.where(x > a, np.maximum(x, 0), np.minimum(x, 1)) + np.floor(x)*np.sign(x)
                         + np.log(x + 5)**2 + np.cos(x)/np.tan(x + 9) + (x >= 1) + (x < a)*2 + (x <= 0) - (-x))
    made = explore(f, xs, ys, a=(-1, 1, 0.25, 0.5))                     # noqa: F821
    page.goto(write(tmp_path/"page.html", made._repr_html_()))
    for key, a in (("Home", -1.), ("End", 1.), ("ArrowLeft", 0.75)):
        page.get_by_role("slider", name="a").focus(); page.keyboard.press(key)
        assert shown_loss(page) == pytest.approx(float(np.mean((f(xs, a) - ys)**2)), rel=1e-3)      # noqa: F821
    gap = explore(lambda x, a: np.log(x - a), np.linspace(1, 3, 9), a=(0, 2, 0.5, 0))
    page.goto(write(tmp_path/"gap.html", gap._repr_html_()))
    page.get_by_role("slider", name="a").focus(); page.keyboard.press("End")
    assert "NaN" not in page.locator(".curve").get_attribute("d") and page.errors == []

def test_what_the_picture_says_stays_the_same_when_it_comes_to_life(page, tmp_path):
    "Loss and read-outs, also of steps that need two decimals and starts between two steps; and a screen reader hears the loss"
    made = explore(lambda x, a, b: 100*a*x + b, xs, ys, a=(-1, 1, 0.25, 0.75), b=(0, 1, 0.3, 0.5))          # noqa: F821
    html = made._repr_html_()
    page.goto(write(tmp_path/"page.html", html))
    assert page.locator(".title").text_content() == made.title() and f"at the start, {made.title()}" in html
    assert page.locator("output").all_text_contents() == ["0.75", "0.6"]
    slider = page.get_by_role("slider", name="b")
    slider.press("ArrowRight")
    assert slider.get_attribute("aria-valuetext") == f"0.9, {page.locator('.title').text_content()}"

def test_a_script_run_elsewhere_finds_its_output(page, tmp_path):
    "As the classic notebook does it: in the page's head, before the output is on the page"
    other = explore(quad, xs, ys, a=(0, 1, 0.1, 0), b=(0, 1, 0.1, 0), c=(0, 1, 0.1, 0))                    # noqa: F821
    page.goto(write(tmp_path/"page.html", f"<meta charset='utf-8'>{other._repr_html_()}<div id='cell'></div>"))
    page.evaluate("""html => { const output = document.createElement("div"), script = document.createElement("script"); output.innerHTML = html;
        script.text = output.querySelector("script").text; document.head.append(script); document.querySelector("#cell").append(output); }""", shown._repr_html_())       # noqa: F821
    page.wait_for_selector("#cell .course-explore.live input")
    assert page.locator("#cell .title").text_content() == shown.title() and page.locator(".live").count() == 2 and page.errors == []       # noqa: F821

def test_the_stepper(page, tmp_path):
    def frame(i): return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="90" height="90"><circle cx="{i}" cy="4" r="2"/></svg>'
    page.goto(write(tmp_path/"page.html", steps([frame(i) for i in range(5)], pause=30)._repr_html_()))
    def at(): return base64.b64decode(page.locator(".course-steps img").get_attribute("src").split(",")[1]).decode(), page.locator("output").text_content()
    assert at() == (frame(0), "step 0")
    page.get_by_role("button", name="step on").click(); assert at() == (frame(1), "step 1")
    page.get_by_role("button", name="step back").click(); assert at() == (frame(0), "step 0")
    page.get_by_role("slider").focus(); page.keyboard.press("End"); assert at() == (frame(4), "step 4")
    page.evaluate("""() => { window.said = []; const output = document.querySelector("output");
        new MutationObserver(() => said.push(output.textContent)).observe(output, {childList: true}); }""")
    page.get_by_role("button", name="play").click()                     # from the start again, up to the end, and stops there
    page.wait_for_function("said.at(-1) === 'step 4'")
    assert page.evaluate("said") == [f"step {i}" for i in range(5)]
    assert page.get_by_role("button", name="play").is_visible() and page.errors == []


# --- the chart of points

def networks():
    "Seven points, one of them without a size, with names that a page has to escape"
    names, makers = ["alpha", "beta", "<b>gamma", "delta", "bravo", "echo", "dora"], ["one", "two", "one", "three", "two", "one", "<i>&"]
    rows = [dict(name=n, maker=m, ms=10**(i/2), size=20 - 3*i, score=50 + (i*5 % 7)*6.1234567) for i, (n, m) in enumerate(zip(names, makers))]
    return [*rows[:3], {**rows[3], "size": None}, *rows[4:]]

def chart(**more):
    return scatter(networks(), {"ms": "time, ms", "size": "size"}, {"score": "score, %"}, group="maker", log_x=True,
                   **{**dict(front={"ms": ["alpha", "<b>gamma"], "size": ["dora"]}, title="Seven", alt="seven points"), **more})

@pytest.fixture
def seven(page, tmp_path):
    "The chart on a page of its own, without a network: its root"
    page.context.set_offline(True)
    page.goto(write(tmp_path/"page.html", chart()._repr_html_()))
    return page.locator(".course-scatter.live")

def told(root): return root.locator("> output").text_content().split(" · ")

def ring(root):
    "Where the ring is, in the picture's own pixels: its middle"
    found = re.match(r"M([-\d.]+),([-\d.]+)a12", root.locator(".curve").get_attribute("d"))
    return None if found is None else (float(found[1]) + 12, float(found[2]))

def on_page(root, at):
    "Where a place of the picture is on the page"
    box = root.locator(".picture svg").bounding_box()
    zoom = box["width"]/float(root.locator(".picture svg").get_attribute("width"))
    return box["x"] + at[0]*zoom, box["y"] + at[1]*zoom

def tells(root, made, column, name, size=(680, 400)):
    "Whether text and ring are those of the point `name`, as Python places it"
    view = View(made, column, size)
    assert told(root)[0] == name and root.get_by_role("slider").get_attribute("aria-valuetext") == name
    assert ring(root) == pytest.approx(view.at[[made.names[i] for i in view.rows].index(name)], abs=0.06)

def test_points_tell_their_numbers(page, seven):
    made, slider = chart(), seven.get_by_role("slider")
    tells(seven, made, "ms", "alpha")
    slider.focus()
    for key, name in dict(ArrowRight="beta", End="dora", ArrowLeft="echo", Home="alpha").items():
        page.keyboard.press(key)
        tells(seven, made, "ms", name)
    for key, name in [("d", "delta"), ("d", "dora"), ("D", "delta"), ("b", "bravo"), ("b", "beta"), ("x", "beta"), ("<", "<b>gamma")]:
        page.keyboard.press(key)                                        # the next name that begins with it, and round
        tells(seven, made, "ms", name)
    assert told(seven) == ["<b>gamma", "one", "on the line", "time, ms: 10", "size: 14", "score, %: 68.37"]
    page.keyboard.press("Control+d"); tells(seven, made, "ms", "<b>gamma")
    assert seven.locator("> output").get_attribute("aria-live") == "polite" and seven.locator("b").count() == 1
    assert page.errors == []

def test_the_mouse_and_a_finger_find_the_nearest_point(page, seven):
    made = chart()
    at = {made.names[i]: at for i, at in zip(View(made, "ms").rows, View(made, "ms").at)}
    x, y = on_page(seven, at["delta"])
    page.mouse.move(x + 9, y - 9); tells(seven, made, "ms", "delta")
    page.mouse.move(*on_page(seven, at["echo"])); tells(seven, made, "ms", "echo")
    page.mouse.move(*on_page(seven, (330, 60))); tells(seven, made, "ms", "echo")          # nothing within reach
    page.mouse.click(*on_page(seven, at["delta"]))
    page.keyboard.press("ArrowRight"); tells(seven, made, "ms", "bravo")                    # and on from there
    seven.locator(".picture").dispatch_event("pointermove", dict(zip(("clientX", "clientY"), on_page(seven, at["beta"])), pointerType="touch"))
    tells(seven, made, "ms", "beta")
    for width, size in (620, (680, 400)), (500, NARROW):                # smaller and larger than it was drawn
        page.set_viewport_size(dict(width=width, height=800))
        page.wait_for_function("width => document.querySelector('.picture svg').getAttribute('width') === width", arg=str(size[0]))
        for name in ("dora", "alpha"):
            view = View(made, "ms", size)
            page.mouse.move(*on_page(seven, view.at[[made.names[i] for i in view.rows].index(name)])); tells(seven, made, "ms", name, size)
    seven.get_by_role("slider").press("b")
    page.set_viewport_size(dict(width=390, height=800))                 # a telephone gets a picture of its own
    page.wait_for_function("document.querySelector('.picture svg').getAttribute('width') === '380'")
    tells(seven, made, "ms", "beta", NARROW)
    narrow = View(made, "ms", NARROW)
    page.mouse.move(*on_page(seven, narrow.at[5])); tells(seven, made, "ms", "echo", NARROW)
    assert page.errors == []

def test_a_finger_on_a_telephone(browser, tmp_path):
    context = browser.new_context(viewport=dict(width=390, height=844), has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(write(tmp_path/"page.html", "<meta name='viewport' content='width=device-width'>" + chart()._repr_html_()))
    root, view = page.locator(".course-scatter.live"), View(chart(), "ms", NARROW)
    for k in 3, 0, 6:
        page.touchscreen.tap(*on_page(root, view.at[k]))
        tells(root, chart(), "ms", chart().names[view.rows[k]], NARROW)
    page.get_by_role("button", name="two", exact=True).tap()
    assert root.locator('[aria-pressed="false"]').all_text_contents() == ["two"]
    context.close()

def test_groups_go_on_and_off(page, seven):
    made, slider = chart(), seven.get_by_role("slider")
    buttons = seven.get_by_role("group", name="maker").get_by_role("button")
    assert buttons.all_text_contents() == ["hide all", "one", "two", "three", "<i>&"]
    page.keyboard.press("Tab"); page.keyboard.press("Tab")
    for key in ("End", "Tab", "Tab", "Space"): page.keyboard.press(key)
    one = seven.get_by_role("button", name="one", exact=True)
    assert one.get_attribute("aria-pressed") == "false" and told(seven)[0] == "dora" and slider.get_attribute("max") == "3"
    assert seven.locator("path.g0, text.g0").evaluate_all("all => all.map(e => [e.tagName, getComputedStyle(e).display])") == \
        [["path", "none"], ["text", "none"], ["text", "none"]]
    slider.press("Home"); tells(seven, made, "ms", "beta")              # alpha is gone, beta is the first now
    slider.press("a"); tells(seven, made, "ms", "beta")
    page.mouse.move(*on_page(seven, View(made, "ms").at[0])); tells(seven, made, "ms", "beta")
    seven.get_by_role("combobox").select_option("size")                 # another x: what is off stays off
    assert seven.locator("path.g0").first.evaluate("e => getComputedStyle(e).display") == "none"
    seven.get_by_role("combobox").select_option("time, ms")
    seven.get_by_role("button", name="show all").click()
    assert seven.get_by_role("button", pressed=True).count() == 4 and slider.get_attribute("max") == "6"
    seven.get_by_role("button", name="hide all").click()
    assert told(seven) == ["Nothing is switched on."] and slider.is_disabled() and ring(seven) is None
    page.mouse.move(*on_page(seven, (300, 200)))
    one.press("Enter")
    assert slider.get_attribute("max") == "2" and told(seven)[1] == "one" and page.errors == []

def test_another_x_draws_the_chart_anew(page, seven):
    made, slider, choice = chart(), seven.get_by_role("slider"), seven.get_by_role("combobox", name="x axis")
    slider.press("End"); tells(seven, made, "ms", "dora")
    choice.focus(); page.keyboard.press("ArrowDown")
    tells(seven, made, "size", "dora")                                  # the same point, at its new place
    texts = seven.locator(".picture text").all_text_contents()
    assert "size" in texts and "1 of 7 have none: left out" in texts and "time, ms" not in texts and "dora" in texts
    slider.press("d"); tells(seven, made, "size", "dora")               # delta has no size
    slider.press("End"); tells(seven, made, "size", "alpha")
    assert slider.get_attribute("max") == "5" and page.errors == []
    marks = "".join(e.get_attribute("d") for e in seven.locator(".marks path").all())
    drawn = sorted((float(x), float(y)) for x, y in re.findall(r"M([-\d.]+),([-\d.]+)m", marks))
    assert np.allclose(drawn, sorted(map(tuple, View(made, "size").at)), atol=0.06)

def test_the_numbers_as_a_table(page, seven):
    assert seven.locator("table").count() == 0
    seven.locator("summary").press("Enter")
    seven.locator("table").wait_for()
    rows = [row.locator("th, td").all_text_contents() for row in seven.locator("tr").all()]
    assert rows[0] == ["name", "maker", "time, ms", "size", "score, %"] and len(rows) == 8
    assert rows[3] == ["<b>gamma", "one", "10", "14", "68.37"] and rows[4][3] == "–"
    seven.locator("summary").click(); seven.locator("summary").click()
    assert seven.locator("table").count() == 1 and page.errors == []

def test_big_numbers_one_x_and_no_groups(page, tmp_path):
    "No choice and no legend when there is nothing to choose; numbers as people write them"
    rows = [dict(name="a", x=25557032, y=0.000123456, maker="me"), dict(name="b", x=1234.567, y=12.34567, maker=None)]
    page.goto(write(tmp_path/"page.html", scatter(rows, "x", "y", show=["maker"], alt="two points")._repr_html_()))
    root = page.locator(".course-scatter.live")
    assert told(root) == ["b", "x: 1,235", "y: 12.35", "maker: –"]
    root.get_by_role("slider").press("End")
    assert told(root) == ["a", "x: 25,557,032", "y: 0.0001235", "maker: me"]
    assert (root.locator("select").count(), root.locator("button").count()) == (0, 0) and page.errors == []

def test_a_chart_without_scripts(browser, tmp_path):
    "The marks, the names of the front and the legend stand there, on white paper"
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(write(tmp_path/"page.html", f"<style>body {{background: #111}}</style>{chart()._repr_html_()}"))
    image = page.get_by_role("img", name="seven points")
    assert image.bounding_box()["width"] == 680
    pixels = np.asarray(Image.open(io.BytesIO(image.screenshot())).convert("RGB")).astype(int)
    assert (pixels[2, 2] == 255).all() and (pixels[-3, -3] == 255).all()
    view = View(chart(), "ms")
    for i, (x, y) in zip(view.rows, view.at):                           # in the middle of every mark is its colour
        colour = re.search("#(..)(..)(..)", view.chart.groups[view.chart.member[i]][3]).groups()
        assert np.abs(pixels[round(y), round(x)] - [int(c, 16) for c in colour]).max() < 60, view.chart.names[i]
    svg = base64.b64decode(image.get_attribute("src").split(",")[1]).decode()
    assert all(f">{text}</text>" in svg for text in ("alpha", "&lt;b&gt;gamma", "one", "two", "&lt;i&gt;&amp;", "score, %", "Seven"))
    page.context.close()


# --- the docs site: outputs as they are committed

def alive(path):
    "The HTML of every committed output of a notebook that has a script of ours"
    outputs = [o for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code" for o in c.outputs]
    return [o.data["text/html"] for o in outputs if "course-live" in o.get("data", {}).get("text/html", "")]

def dots_say(page, spec, values):
    "Whether the dots lie where Python's interpreter of the two programs puts them"
    at, pixels = values | {name: np.array(spec[name]) for name in "xy"}, []
    for program, (factor, offset) in zip((spec["across"], spec["f"]), spec["scale"]): pixels.append(factor*np.broadcast_to(run(program, at), len(spec["x"])) + offset)
    drawn = re.findall(r"M([-\d.]+),([-\d.]+)h0", page.locator(".curve").get_attribute("d"))
    assert np.allclose(np.array(drawn, float), np.stack(pixels, 1), atol=0.06)

def title_says(page, spec, values):
    "Whether title and read-outs are what Python's interpreter of the same program gives"
    assert {name: float(text) for name, text in zip(values, page.locator("output").all_text_contents(), strict=True)} == pytest.approx(values, abs=1e-9)
    if "across" in spec: return dots_say(page, spec, values)
    ys = run(spec["f"], values | dict(x=np.array(spec["x"])))
    assert not spec["loss"] or shown_loss(page) == pytest.approx(float(run(spec["loss"], dict(preds=np.broadcast_to(ys, len(spec["x"])), targs=np.array(spec["y"])))), rel=1e-3)

def all_positions(page, spec):
    "Every slider at its start, lowest, start, highest, by keyboard; the others stay where they are"
    values = {name: start for name, lo, hi, step, start, *_ in spec["sliders"]}
    title_says(page, spec, values)
    for name, lo, hi, step, start, *_ in spec["sliders"]:
        page.get_by_role("slider", name=name, exact=True).focus()
        page.keyboard.press("Home"); title_says(page, spec, values | {name: lo})
        for _ in range(round((start - lo)/step)): page.keyboard.press("ArrowRight")
        title_says(page, spec, values)
        page.keyboard.press("End"); values[name] = lo + math.floor((hi - lo)/step + 1e-9)*step; title_says(page, spec, values)

def all_frames(page, spec):
    "Every frame of a stepper is a picture, and the last one is the last"
    page.get_by_role("slider").focus()
    for title in spec["titles"]:
        assert page.locator("output").text_content() == title
        page.wait_for_function("document.querySelector('.course-steps img').naturalWidth > 0")
        page.keyboard.press("ArrowRight")
    assert page.locator("output").text_content() == spec["titles"][-1]

def all_points(page, spec):
    "Every point of a chart is told, for every x, from left to right"
    for i, view in enumerate(spec["views"]):
        if i: page.get_by_role("combobox").select_option(index=i)
        there = [row for row in spec["rows"] if row[2 + view["column"]] is not None]
        page.get_by_role("slider").press("Home")
        told = []
        for _ in there:
            told.append(page.locator("output b").text_content())
            page.get_by_role("slider").press("ArrowRight")
        xs = {row[0]: row[2 + view["column"]] for row in there}
        assert sorted(told) == sorted(xs) and [xs[name] for name in told] == sorted(xs.values())

ALIVE = [p for p in notebooks("lessons", "sliders") if alive(p)]

@pytest.mark.parametrize("path", ALIVE, ids=lambda p: p.stem)
def test_committed_outputs_live_without_kernel_and_network(path, page, tmp_path):
    page.context.set_offline(True)
    for i, html in enumerate(alive(path)):
        page.goto(write(tmp_path/f"{i}.html", html))
        spec = json.loads(re.search(r"spec = (\{.*\});$", html, re.M)[1])
        (all_frames if "frames" in spec else all_points if "views" in spec else all_positions)(page, spec)
    page.goto(write(tmp_path/"all.html", "".join(alive(path))))         # together, as on the site
    assert page.locator(".live").count() == len(alive(path)) and page.errors == []

def test_there_is_a_lesson_with_sliders(): assert any(p.parent.name == "lessons" for p in ALIVE)


# --- Jupyter

MORE = """import numpy as np
from course_lib.sliders.points import explore_points
from course_lib.sliders.steps import steps
square = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]])
explore_points(lambda size, up, x, y: (size*x, size*y + up), square, size=(0, 2, 0.5, 1), up=(-1, 1, 0.5, 0))""", \
    """steps([np.full((60, 90), 50*i, np.uint8) for i in range(5)], pause=100)""", \
    """from course_lib.sliders.scatter import scatter
animals = "ant bee cat dog eel fox".split()
scatter([dict(name=n, size=i, weight=i*i, legs=6 - i//2*2) for i, n in enumerate(animals, 1)],
        ["size", "weight"], "legs", group="legs", log_x=True, front=["bee", "fox"], alt="Six animals")"""

@pytest.fixture(scope="module")
def jupyter_url(tmp_path_factory):
    "A JupyterLab and Notebook 7 server on this machine, with the notebook `a.ipynb`, and `run.ipynb`, which was run elsewhere and is not trusted: its address"
    folder = tmp_path_factory.mktemp("jupyter")
    nb = write_notebook(folder/"a.ipynb", CODE, "shown", "display(*[interact(lambda ax, k: ax.plot(xs, k*xs), k=(-2, 2, 0.5, 1))]*2)")
    NotebookClient(nb, timeout=120).execute()
    nbformat.write(nb, folder/"run.ipynb")
    write_notebook(folder/"b.ipynb", *MORE)
    with jupyter(folder) as url: yield url

@pytest.mark.parametrize("where", ["lab/tree", "notebooks"])
def test_in_jupyter(where, page, jupyter_url):
    open_notebook(page, f"{jupyter_url}/{where}/a.ipynb")
    run_cells(page, 3)
    page.wait_for_selector(".course-explore .curve", timeout=60_000)
    page.wait_for_timeout(1000)
    page.errors.clear()                                                 # what Jupyter itself says while it starts
    move(page)
    assert page.errors == []
    page.wait_for_selector(".widget-slider", timeout=30_000)
    image = page.locator(".jp-OutputArea img.widget-image, .jp-OutputArea .widget-image img").first
    height = image.bounding_box()["height"]
    page.locator(".widget-slider .noUi-handle").first.focus()
    for key, there in dict(ArrowRight=1.5, ArrowDown=1., Home=-2., ArrowUp=-1.5, End=2.).items():     # Notebook 7 wanted the arrows for itself
        before = image.get_attribute("src")
        page.keyboard.press(key)
        page.wait_for_function("was => document.querySelector('img.widget-image').src != was", arg=before)
        assert float(page.locator(".widget-readout").first.text_content().replace("−", "-")) == there
    assert image.bounding_box()["height"] == height and page.errors == []       # the page does not jump

def test_points_and_a_stepper_in_jupyter(page, jupyter_url):
    "JupyterLab has uses of its own for arrow keys: our controls keep theirs, the buttons of a stepper as well"
    open_notebook(page, f"{jupyter_url}/lab/tree/b.ipynb")
    run_cells(page, 2)
    page.wait_for_selector(".course-steps.live", timeout=60_000)
    page.wait_for_timeout(1000)
    page.errors.clear()
    def dots(): return np.array(re.findall(r"M([-\d.]+),([-\d.]+)h0", page.locator(".course-explore .curve").get_attribute("d")), float)
    before = dots()
    page.get_by_role("slider", name="up").focus()
    page.keyboard.press("ArrowRight")
    assert np.allclose(dots() - before, [0, before[1, 1]/4 - before[0, 1]/4])            # half a unit up, and the square is two high
    page.get_by_role("slider", name="size").press("Home")
    assert np.ptp(dots(), 0).tolist() == [0, 0]
    says = page.locator(".course-steps output")
    page.get_by_role("button", name="step on").click()
    for key, there in ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2):
        page.keyboard.press(key)
        assert says.text_content() == f"step {there}"
    page.locator(".course-steps").get_by_role("slider").press("End")
    assert says.text_content() == "step 4" and page.errors == []
    if SHOTS: page.screenshot(path=f"{SHOTS}/lab_points.png")

@pytest.mark.parametrize("where", ["lab/tree", "notebooks"])
def test_a_chart_in_jupyter(where, page, jupyter_url):
    "JupyterLab deletes a cell at `d d`, makes one at `a` and goes into one at Enter: not while somebody uses a chart"
    open_notebook(page, f"{jupyter_url}/{where}/b.ipynb")
    run_cells(page, 3)
    page.wait_for_selector(".course-scatter.live", timeout=60_000)
    page.wait_for_timeout(1000)
    page.errors.clear()
    root, cells = page.locator(".course-scatter"), page.locator(".jp-CodeCell").count()
    root.scroll_into_view_if_needed()
    slider, name = root.get_by_role("slider"), root.locator("output b")
    slider.focus()
    for key, there in ("ArrowRight", "bee"), ("End", "fox"), ("d", "dog"), ("d", "dog"), ("a", "ant"), ("b", "bee"), ("x", "bee"):
        page.keyboard.press(key)
        assert name.text_content() == there, key
    x, y = [float(v) for v in re.findall(r"M([-\d.]+),([-\d.]+)m", root.locator(".g1").first.get_attribute("d"))[-1]]
    page.mouse.click(*on_page(root, (x, y)))
    assert name.text_content() == "cat"
    page.wait_for_timeout(300)
    page.keyboard.press("ArrowRight")
    assert name.text_content() == "dog"                                 # a click leads the arrow keys to the slider
    button = root.get_by_role("button", name="4", exact=True)
    for key, pressed in ("Enter", "false"), ("Space", "true"), ("Enter", "false"):
        button.press(key)
        assert button.get_attribute("aria-pressed") == pressed
    root.get_by_role("combobox").focus()
    page.keyboard.press("ArrowDown")
    assert "weight" in root.locator(".picture text").all_text_contents()
    root.locator("summary").press("Enter")
    root.locator("table").wait_for()
    assert root.locator("tr").count() == 7
    assert page.locator(".jp-CodeCell").count() == cells and page.locator(".jp-mod-editMode").count() == 0 and page.errors == []
    if SHOTS: page.screenshot(path=f"{SHOTS}/lab_chart.png")

def test_an_untrusted_notebook_shows_the_first_picture(page, jupyter_url):
    open_notebook(page, f"{jupyter_url}/lab/tree/run.ipynb")
    images = page.locator(".jp-OutputArea img")
    assert images.first.bounding_box()["height"] > 200 and page.locator(".course-explore input").count() == 0
    assert images.nth(1).get_attribute("src").startswith("data:image/png")      # interact's static picture


def said(page, cell): return "\n".join(page.locator(".jp-CodeCell").nth(cell).locator(".jp-OutputArea-output").all_text_contents())

def type_and_run(page, cell, text, expect):
    "Replaces what stands in a code cell by `text`, as a learner types it, runs it, and waits for what it says"
    page.locator(".jp-CodeCell").nth(cell).locator(".cm-content").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+Enter")
    page.wait_for_function("([cell, words]) => document.querySelectorAll('.jp-CodeCell')[cell]?.querySelector('.jp-OutputArea')?.textContent.includes(words)", arg=[cell, expect], timeout=60_000)

def test_a_learner_practises(page, tmp_path, monkeypatch):
    "In JupyterLab: a wrong answer, a hint, an endless loop, the right answer, and where do I stand"
    monkeypatch.setenv("COURSE_HOME", str(tmp_path/"home"))
    nb = nbformat.read(ROOT/"practice/04_descent.ipynb", as_version=4)
    code = [c for c in nb.cells if c.cell_type == "code"]
    stub = next(i for i, c in enumerate(code) if c.source.startswith("def mse"))
    hints = code[stub + 1]
    assert hints.source == '# hint("mse")\n# solution("mse")'
    head = code[stub].source.split("    ...")[0]
    nb.cells = [code[0], code[1], next(c for c in code if c.source == "import torch"), code[stub], hints, code[-1]]       # what this takes of a long notebook
    nbformat.write(nb, tmp_path/"mine.ipynb")
    with jupyter(tmp_path) as url:
        open_notebook(page, f"{url}/lab/tree/mine.ipynb")
        run_cells(page, 4)
        page.wait_for_function("() => document.body.textContent.includes('○ not attempted: mse')", timeout=90_000)
        answer = "return ((preds - targs)**2).{}\n\nmse = check(mse)"
        type_and_run(page, 3, head + "    " + answer.format("sum()"), "✘ not yet: mse")
        assert "With preds = [1., 3.]" in said(page, 3) and "A mean does not grow" in said(page, 3)
        type_and_run(page, 4, 'hint("mse")', "Hint 1 of 3")
        type_and_run(page, 3, head + "    while True: preds = preds + 1\n\nmse = check(mse)", "did not come to an end")
        type_and_run(page, 3, head + "    " + answer.format("mean()"), "✔ passed: mse")
        type_and_run(page, 5, "progress()", "04_descent: 1 of")
        page.wait_for_selector(".jp-OutputArea img", timeout=60_000)
        if SHOTS: page.locator(".jp-OutputArea img").scroll_into_view_if_needed(), page.screenshot(path=f"{SHOTS}/practice.png")
    entry = json.loads((tmp_path/"home/progress.json").read_text(encoding="utf-8"))["exercises"]["mse"]
    assert (entry["state"], entry["tries"], entry["hints"]) == ("✔ passed", 3, 1)

def clone(folder):
    "A clone of the project as a learner has it, without its library, which is installed"
    for name in ("clean", "practice"): shutil.copytree(ROOT/name, folder/name)
    (folder/"course_lib").mkdir()
    return copy_of_the_sources(folder)

def follow(page, link, leads_to):
    "Clicks a link of the start page, looks where it leads, and goes back"
    page.locator(f'.jp-NotebookPanel a[href*="{link}"]').first.click()
    page.wait_for_url(f"**/lab/tree/{leads_to}", timeout=60_000)
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) h1:has-text('How does a neural net learn?')", timeout=60_000)
    if SHOTS: page.screenshot(path=f"{SHOTS}/lab_{Path(leads_to).stem}.png")
    page.get_by_role("tab", name="start.ipynb").click()
    page.wait_for_url("**/lab/tree/start.ipynb")

def test_the_lab_leads_from_its_start_page_to_everything(page, tmp_path, monkeypatch):
    "As `make lab` opens it, with nothing of the environment on the PATH: lesson, copy for practice, and `course` in a cell and in a terminal"
    monkeypatch.setenv("COURSE_HOME", str(tmp_path/"home"))
    monkeypatch.setenv("PATH", os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != Path(sys.executable).parent))
    (tmp_path/"clone").mkdir()
    top = clone(tmp_path/"clone")
    with jupyter(top, command=[command("course"), "lab"]) as url:
        page.set_viewport_size(dict(width=1366, height=768))
        page.goto(f"{url}/?token=t")
        page.wait_for_selector(".jp-NotebookPanel table", timeout=90_000)
        page.wait_for_timeout(3000)
        if SHOTS: page.screenshot(path=f"{SHOTS}/lab_start.png")
        shown = page.locator(".jp-DirListing-item").all_text_contents()
        assert all(any(s.startswith(name) for s in shown) for name in ("nbs", "practice", "clean", "my", "start.ipynb")), shown
        page.get_by_role("link", name="Something does not work").click()
        type_and_run(page, 2, "!course list", "04_descent        How does a neural net learn?")
        page.locator(".jp-NotebookPanel h1").first.scroll_into_view_if_needed()
        follow(page, "04_descent.ipynb", "nbs/lessons/04_descent.ipynb")
        follow(page, "04_descent_practice", "my/04_descent_practice.ipynb")
        for kind, name in ("MenuBar", "File"), ("Menu", "New"), ("Menu", "Terminal"):
            page.locator(f".lm-{kind}-itemLabel", has_text=re.compile(f"^{name}$")).first.click()
        page.locator(".jp-Terminal .xterm-helper-textarea").wait_for(state="attached", timeout=60_000)
        page.wait_for_timeout(3000)
        page.keyboard.type("course progress > said.txt\n")
        until = time.monotonic() + 120
        while "✔ passed" not in (said := (top/"said.txt").read_text(encoding="utf-8") if (top/"said.txt").exists() else ""):
            assert time.monotonic() < until, f"the terminal wrote {said!r}"
            time.sleep(0.5)
        if SHOTS: page.screenshot(path=f"{SHOTS}/lab_terminal.png")
    assert "04_descent: 0 of" in said and (top/"my/09_resnet_clean.ipynb").exists()
