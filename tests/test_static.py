"""The pages as somebody without Python sees them: no kernel, no network, any width, light or dark, with or without a mouse.

Every lesson, the pages of the sliders, and the site that `make docs` has built where COURSE_SITE names its folder.
nbconvert makes the pages from what is committed. Its own frame is not ours, and some of it is no good example: FRAME says what.
"""
import json
import math
import os
import re
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

import nbformat
import pytest
from conftest import ROOT, notebooks

from course_lib.sliders.page import asset

pytestmark = pytest.mark.long

# What axe-core says of nbconvert's frame, with the template `lab`, which has the fewest findings: grey `In [ ]:` and colours of
# code with too little contrast, and links without a line below them. `classic` needs a CDN for its style, `basic` has none at all.
FRAME = dict(exclude=[[".jp-InputPrompt"], [".jp-OutputPrompt"], [".highlight"]])
RULES = {"link-in-text-block": {"enabled": False}}

PAGES = notebooks("lessons", "sliders")
SITE = ROOT/os.environ.get("COURSE_SITE", "-")        # a site that `make docs` has just built; an old one would only confuse
BUILT = sorted(SITE.rglob("*.html"))

def outputs(path):
    "The HTML of every committed output"
    return [o.data["text/html"] for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code" for o in c.outputs if "text/html" in o.get("data", {})]

@pytest.fixture(scope="module")
def exporter():
    "nbconvert, which asks no other host for anything"
    from nbconvert import HTMLExporter
    return HTMLExporter(template_name="lab", theme="light", mathjax_url="", require_js_url="", jquery_url="", mermaid_js_url="")

class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args): pass

@pytest.fixture(scope="module")
def address():
    "Of a small server of the built site: a browser refuses some scripts of a page that it reads from a file"
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(SITE))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()

@pytest.fixture(scope="module")
def axe(need_module):
    "The text of axe-core, which finds what keeps people from reading a page"
    need_module("axe")
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

@pytest.fixture(scope="module")
def page(browser, address):
    "One page for all. `page.asked`: addresses it wanted elsewhere, which it does not get; `page.errors`: what it complained about"
    context = browser.new_context(viewport=dict(width=1280, height=900), color_scheme="light")
    page = context.new_page()
    page.asked, page.errors = [], []
    def at_home(route):
        if route.request.url.startswith((address, "file:", "data:", "blob:")): return route.continue_()
        page.asked.append(route.request.url)
        route.abort()
    context.route("**/*", at_home)
    page.on("pageerror", lambda e: page.errors.append(str(e)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    yield page
    context.close()

@pytest.fixture
def show(page, exporter, tmp_path):
    "`show(what)`: an address, a file, or a notebook turned into a page, 1280 pixels wide"
    def show(what):
        page.asked.clear(), page.errors.clear()
        page.set_viewport_size(dict(width=1280, height=900))
        page.emulate_media(color_scheme="light")
        if isinstance(what, Path) and what.suffix == ".ipynb":
            html, _ = exporter.from_filename(str(what))
            what = tmp_path/f"{what.stem}.html"
            what.write_text(html, encoding="utf-8")
        page.goto(what.as_uri() if isinstance(what, Path) else what)
    return show

@pytest.fixture
def darken(page, exporter):
    "Gives the page the colours of a dark theme: those of JupyterLab, which change no more than these; the site follows the system"
    def darken():
        page.emulate_media(color_scheme="dark")
        if page.url.startswith("file:"): page.add_style_tag(content=exporter.environment.loader.get_source(exporter.environment, "static/theme-dark.css")[0])
        else: page.reload()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every(v => v < 80)")
    return darken


# --- what a page must hold

def pictures(page):
    "What is not there although the page names it: pictures, and lives that did not begin"
    page.wait_for_function("[...document.images].every(i => i.complete)")
    return page.evaluate("""() => [...[...document.images].filter(i => !i.naturalWidth).map(i => i.src.slice(0, 60)),
        ...[...document.querySelectorAll(".course-live:not(.live)")].map(e => e.className)]""")

def without_words(page): return page.evaluate("[...document.querySelectorAll('main img, #quarto-document-content img')].filter(i => !i.alt).length")

def twice(page):
    "Ids that stand twice on the page in what is ours"
    return page.evaluate("""() => [...document.querySelectorAll(".jp-OutputArea [id], .cell-output [id]")].map(e => e.id)
        .filter(id => document.querySelectorAll("#" + CSS.escape(id)).length > 1)""")

def findings(page, axe, **options):
    "What axe-core finds to be serious or critical: rule and first place"
    page.evaluate(axe)
    found = page.evaluate("([context, options]) => axe.run(context, options)", [FRAME, dict(resultTypes=["violations"], **options)])
    return [(v["id"], v["nodes"][0]["target"], v["nodes"][0]["failureSummary"]) for v in found["violations"] if v["impact"] in ("serious", "critical")]

def too_wide(page):
    "By how many pixels the page is wider than a telephone; and what of ours is cut off there, and cannot be moved into view"
    page.set_viewport_size(dict(width=390, height=844))
    return page.evaluate("""() => {
        const scrolls = (e) => e && (/auto|scroll/.test(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
        const ours = (e) => e.closest(".course-live") && e.tagName !== "TABLE";
        // an svg within another cuts off what is outside of it, and yet says how wide that would be
        const cut = [...document.querySelectorAll(".course-live :is(svg:not(svg svg), input, button, output, select, summary), main img, main table")]
            .filter((e) => e.getBoundingClientRect().right > 391 && (ours(e) || !scrolls(e)));
        return [document.documentElement.scrollWidth - 390, cut.map((e) => e.outerHTML.slice(0, 80))]; }""")

def drawn(root): return root.evaluate("e => e.querySelector('.curve') ? e.querySelector('.curve').getAttribute('d') : e.querySelector('img').src")

def moves(page, root, slider):
    "A slider moves its picture by keyboard, there and back, and by mouse; the focus can be seen"
    steps, before = int(slider.evaluate("e => Math.round((e.max - e.min)/e.step)")), drawn(root)
    slider.focus()
    first, last = ("ArrowLeft", "ArrowRight") if slider.evaluate("e => Number(e.value) > (Number(e.min) + Number(e.max))/2") else ("ArrowRight", "ArrowLeft")
    page.keyboard.press(first)
    there = drawn(root)
    assert there != before and slider.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press(last)
    assert drawn(root) == before
    box = slider.bounding_box()
    x = box["x"] + box["width"]*(0.9 if first == "ArrowRight" else 0.1)
    page.mouse.click(x, box["y"] + box["height"]/2)
    assert drawn(root) != before and steps > 0

def arrows_move(page, root):
    "The buttons of a stepper know the arrow keys as well"
    before = drawn(root)
    for name in "step back", "step on", "play":
        root.get_by_role("button", name=name).focus()
        page.keyboard.press("ArrowLeft")
        there = drawn(root)
        page.keyboard.press("ArrowRight")
        assert drawn(root) == before != there

def sliders_move(page):
    "How many sliders were moved"
    roots = page.locator(".course-live")
    for i in range(roots.count()):
        for slider in roots.nth(i).get_by_role("slider").all(): moves(page, roots.nth(i), slider)
        if "course-steps" in roots.nth(i).get_attribute("class"): arrows_move(page, roots.nth(i))
    return page.locator(".course-live input").count()


def can_be_read(page, darken, axe):
    "Axe finds nothing, a telephone shows all of it, the dark page has contrast, and nothing failed or was fetched"
    assert findings(page, axe, rules=RULES) == []
    wide, cut = too_wide(page)
    assert wide <= 0 and cut == []
    darken()
    assert findings(page, axe, runOnly=["color-contrast"]) == []
    assert page.errors == [] and page.asked == []


# --- the lessons, and the pages of the sliders

@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_a_page_without_a_kernel(path, page, show, darken, axe):
    show(path)
    html = outputs(path)
    assert pictures(page) == [] and without_words(page) == 0 and twice(page) == []
    assert page.locator(".course-live.live").count() == sum("course-live" in h for h in html)
    specs = [json.loads(re.search(r"spec = (\{.*\});$", h, re.M)[1]) for h in html if "course-live" in h]
    assert sliders_move(page) == sum(len(s.get("sliders", [0])) for s in specs)
    can_be_read(page, darken, axe)

def test_there_are_sliders():
    assert sum("course-live" in h for path in notebooks("lessons") for h in outputs(path)) >= 12

@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_sliders_carry_the_script_of_today(path):
    "An output holds a copy of script and style; when those change, the notebook has to run again (make outputs)"
    for html in outputs(path):
        for kind in re.findall(r'class="course-live course-(\w+)', html):
            assert all(asset(name) in html for name in ("live.css", f"{kind}.css", f"{kind}.js", "live.js"))

def test_no_lesson_has_a_picture_that_only_python_moves():
    "Readers of the site cannot move it"
    assert not [p.stem for p in notebooks("lessons") if re.search(r"\binteract\(", "".join(c.source for c in nbformat.read(p, as_version=4).cells if c.cell_type == "code"))]


CHARTS = [p for p in PAGES if any("course-scatter" in h for h in outputs(p))]

def focused(page):
    "What the keyboard acts on, as a screen reader names it, and whether one sees where it is"
    return page.evaluate("""() => { const e = document.activeElement;
        return [e.getAttribute("aria-label") || (e.labels?.[0] || e).textContent.trim().split(":")[0], getComputedStyle(e).outlineStyle]; }""")

@pytest.mark.parametrize("path", CHARTS, ids=lambda p: p.stem)
def test_a_chart_by_keyboard_alone(path, page, show, darken, axe):
    "From the choice of x to the table: each stop is named and seen, does what it says, and is readable afterwards"
    show(path)
    root = page.locator(".course-scatter").first
    spec = next(json.loads(re.search(r"spec = (\{.*\});$", h, re.M)[1]) for h in outputs(path) if "course-scatter" in h)
    names, said, several = {name for name, *_ in spec["rows"]}, root.locator("> output"), len(spec["views"]) > 1
    root.locator("select, input").first.focus()
    if several:
        assert focused(page) == ["x axis", "solid"]
        before = root.locator(".picture").inner_html()
        page.keyboard.press("ArrowDown")
        assert root.locator(".picture").inner_html() != before
        page.keyboard.press("Tab")
    assert focused(page) == ["point, from left to right", "solid"]
    page.keyboard.press("End")
    last = said.text_content()
    page.keyboard.press("Home")
    assert last != said.text_content() and {last.split(" · ")[0], said.text_content().split(" · ")[0]} <= names
    for button in ["hide all", *(label for label, *_ in spec["groups"])] if spec["group"] else []:
        page.keyboard.press("Tab")
        assert focused(page) == [button, "solid"]
    if spec["group"]:
        page.keyboard.press("Space")
        assert root.locator('[aria-pressed="false"]').all_text_contents() == [spec["groups"][-1][0]]
    page.keyboard.press("Tab")
    assert focused(page) == ["The numbers as a table", "solid"]
    page.keyboard.press("Enter")
    root.locator("table").wait_for()
    assert root.locator("tr").count() == len(spec["rows"]) + 1 and root.locator("th").first.text_content() == spec["name"]
    can_be_read(page, darken, axe)

def test_there_is_a_chart(): assert CHARTS


# --- what finds nothing must have looked

BROKEN = {"pictures": "<img src='data:image/png;base64,AAAA' alt='a'>", "without_words": "<img src='data:image/gif;base64,R0lGODlhAQABAAAAACw='>",
          "twice": "<div class='jp-OutputArea'><p id='a'></p><p id='a'></p></div>", "too_wide": "<table><tr><td style='min-width: 500px'>a</td></tr></table>",
          "findings": "<p style='color: #aaa; background: #fff'>a line that is hard to read</p>"}

@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_is_found(what, show, page, tmp_path, axe):
    (tmp_path/"wrong.html").write_text(f"<!doctype html><html lang=en><meta charset=utf-8><title>a</title><body><main><h1>a</h1>{BROKEN[what]}</main>", encoding="utf-8")
    show(tmp_path/"wrong.html")
    found = globals()[what](page, axe) if what == "findings" else globals()[what](page)
    assert found and (what != "too_wide" or found[0] > 0 and found[1])

def test_another_host_and_an_error_are_found(show, page, tmp_path):
    (tmp_path/"wrong.html").write_text("<!doctype html><title>a</title><script src='https://cdn.example.org/a.js'></script><script>nothing.here()</script>", encoding="utf-8")
    show(tmp_path/"wrong.html")
    assert page.asked == ["https://cdn.example.org/a.js"] and any("nothing" in e for e in page.errors)


# --- the built site

@pytest.mark.skipif(not BUILT, reason="COURSE_SITE names no built site: make docs makes one, in _docs")
@pytest.mark.parametrize("path", BUILT, ids=lambda p: p.relative_to(SITE).as_posix())
def test_a_page_of_the_site(path, page, show, darken, address, axe):
    show(f"{address}/{path.relative_to(SITE).as_posix()}")
    assert pictures(page) == [] and twice(page) == []
    sliders_move(page)
    assert findings(page, axe) == []
    assert too_wide(page)[0] <= 0
    darken()
    assert findings(page, axe, runOnly=["color-contrast"]) == []
    assert page.errors == [] and page.asked == []
