"What a study group uses, as a browser shows it: every slide whole, sliders that move, a report that fits a telephone. No network."
import re
from hashlib import sha256
from importlib.resources import files

import nbformat
import pytest
from conftest import ROOT

from course_lib.selftest.report import Done, to_html
from course_lib.slides import slides

pytestmark = pytest.mark.long


def opened(browser, file, scheme="light", width=1280, height=720):
    "A page from the disk with no host to be reached. `page.wrong`: what it wanted from elsewhere, or complained about"
    page = browser.new_page(viewport=dict(width=width, height=height), color_scheme=scheme)
    page.wrong = []
    def at_home(route):
        if route.request.url.startswith(("file:", "data:", "blob:")): return route.continue_()
        page.wrong.append(route.request.url)
        route.abort()
    page.route("**/*", at_home)
    page.on("console", lambda said: page.wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.goto(file.as_uri())
    return page

@pytest.fixture(scope="module")
def deck(tmp_path_factory):
    "`deck(lesson)`: a file with its slides"
    folder = tmp_path_factory.mktemp("slides")
    def make(lesson):
        file = folder/f"{lesson}.html"
        if not file.exists(): file.write_text(slides(lesson)[0], encoding="utf-8")
        return file
    return make

# How far the slide's content goes, whether one sees it, and whether anything in it is cut off at its own edge
LOOK = """() => {
  const slide = Reveal.getCurrentSlide(), {down, right} = reach(slide), box = slide.getBoundingClientRect();
  const first = slide.querySelector("h1, h2, p, pre, table, img, svg").getBoundingClientRect();
  const seen = document.elementFromPoint(first.left + 3, first.top + first.height / 2);
  const cut = [...slide.querySelectorAll("pre, table, p, li, .jp-OutputArea-output")].filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth);
  return {fits: Number(slide.dataset.fits), down, right, high: slide.scrollHeight, wide: slide.scrollWidth, frame: [box.left, box.top, box.width, box.height],
          seen: slide.contains(seen), cut: cut.map((e) => e.textContent.slice(0, 60)), text: slide.innerText.trim().slice(0, 60)};
}"""

def walk(page):
    "What `LOOK` says of every slide, each with all that comes one key later"
    page.wait_for_selector(".present[data-fits]")
    while True:
        page.wait_for_function("Reveal.getCurrentSlide().dataset.fits")
        while page.evaluate("Reveal.availableFragments().next"): page.evaluate("Reveal.nextFragment()")
        yield page.evaluate(LOOK)
        if page.evaluate("Reveal.isLastSlide()"): return
        page.evaluate("Reveal.next()")

@pytest.mark.parametrize("lesson", ["01_pets", "04_descent", "06_tensors"])
def test_every_slide_is_seen_whole(browser, deck, lesson):
    page = opened(browser, deck(lesson))
    told = list(walk(page))
    assert len(told) == page.evaluate("Reveal.getTotalSlides()") > 50
    for n, slide in enumerate(told, 1):
        assert slide["seen"] and slide["frame"] == [0, 0, 1280, 720], (n, slide)
        assert slide["high"] <= 720 and slide["wide"] <= 1280 and slide["down"] <= 676 and slide["right"] <= 1208 and not slide["cut"], (n, slide)
        assert slide["fits"] >= 0.75, (n, slide)            # smaller letters are not read from the last row
    assert page.wrong == []
    page.close()

def test_the_slides_speak_of_everything_the_lesson_shows(browser, deck):
    "Every figure of lesson 04 is there, drawn, and says in words what it shows"
    page = opened(browser, deck("04_descent"))
    page.wait_for_selector(".present[data-fits]")
    cells = [c for c in nbformat.read(ROOT/"nbs/lessons/04_descent.ipynb", as_version=4).cells if c.cell_type == "code"]
    figures = [c for c in cells for o in c.outputs if {"image/png", "image/jpeg"} & set(o.get("data", {}))]
    shown = page.evaluate("[...document.querySelectorAll('.jp-RenderedImage img')].map((i) => [i.naturalWidth > 0, i.alt])")
    assert len(shown) == len(figures) and all(drawn and len(alt) > 20 for drawn, alt in shown)
    assert page.evaluate("document.querySelectorAll('.reveal h1').length") == 1 and not page.evaluate("document.querySelector('.reveal a[href$=\".ipynb\"]')")
    page.close()

def to_slide(page, has):
    "Turns to the first slide of which `has`, in JavaScript, is true; what comes one key later is still hidden"
    page.wait_for_selector(".present[data-fits]")
    for n in range(page.evaluate("Reveal.getTotalSlides()")):
        if page.evaluate(f"((slide) => !!({has}))(Reveal.getCurrentSlide())"): return
        while page.evaluate("Reveal.availableFragments().next"): page.evaluate("Reveal.nextFragment()")
        page.evaluate("Reveal.next()")
    pytest.fail(f"none of {n + 1} slides has what is looked for: {has}")

def to_slider(page):
    to_slide(page, "slide.querySelector('.course-explore.live input')")
    return page.locator(".present.present .course-explore input").first

@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_slider_moves_on_its_slide(browser, deck, scheme):
    "Arrow keys move the slider and not the slides; a clicker's PageDown turns the slide all the same; Escape leaves the slider"
    page = opened(browser, deck("04_descent"), scheme)
    slider = to_slider(page)
    at = page.evaluate("Reveal.getSlidePastCount()")
    curve = "Reveal.getCurrentSlide().querySelector('.curve').getAttribute('d')"
    before, value = page.evaluate(curve), slider.input_value()
    slider.focus()
    for _ in range(5): page.keyboard.press("ArrowRight")
    assert slider.input_value() != value and page.evaluate(curve) != before and page.evaluate("Reveal.getSlidePastCount()") == at
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement === document.body") and not page.evaluate("Reveal.isOverview()")
    slider.focus()
    page.keyboard.press("PageDown")
    page.wait_for_function(f"Reveal.getSlidePastCount() > {at} || Reveal.getCurrentSlide().querySelector('.fragment.visible')")
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(255, 255, 255)") == (scheme == "light") and page.wrong == []
    page.close()

def test_an_answer_comes_one_key_later(browser, deck):
    "`quad(3, 2, 1, x=2)` is asked for, and shown when the audience has had its time"
    page = opened(browser, deck("04_descent"))
    to_slide(page, "/^quad\\(3, 2, 1, x=2\\)/m.test(slide.innerText)")
    answer = page.locator(".present.present .fragment").first
    assert answer.text_content().strip() == "17" and not answer.is_visible()
    page.keyboard.press(" ")
    answer.wait_for(state="visible")
    page.close()

def test_the_speakers_notes_open(browser, deck):
    "Key S opens a second window, which holds the notes"
    page = opened(browser, deck("04_descent"))
    page.wait_for_selector(".present[data-fits]")
    with page.expect_popup() as popup: page.keyboard.press("s")
    notes = popup.value
    notes.wait_for_function("document.querySelector('.speaker-controls-notes .value')?.textContent.includes('minutes to read')")
    assert page.wrong == []
    notes.close()
    page.close()

def test_a_stepper_is_no_control_of_the_slides(browser, deck):
    "The buttons of `steps` are named as reveal.js names its arrows, and look and work as their own"
    page = opened(browser, deck("09_resnet"))
    to_slide(page, "slide.querySelector('.course-steps.live')")
    page.wait_for_function("Reveal.getCurrentSlide().dataset.fits")
    steps = page.locator(".present.present .course-steps")
    before = steps.locator("img").get_attribute("src")
    steps.get_by_label("step on").click()
    assert steps.locator("img").get_attribute("src") != before and steps.locator("button").first.bounding_box()["width"] > 20
    page.close()

def test_what_is_shipped_is_reveal():
    "The files of reveal.js 5.2.1 as npm has them: nobody has changed them here"
    ours = files("course_lib")/"reveal"
    known = {"reveal.js": "46538b52db48", "reveal.css": "68f915a11ebf", "notes.js": "df1201d19d03", "LICENSE": "34014800f412"}
    assert {name: sha256((ours/name).read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:12] for name in known} == known


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(browser, deck, need_module, tmp_path, scheme):
    "On the first slides of lesson 04, its sliders among them, and on a report"
    need_module("axe")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    file = tmp_path/"my_progress.html"
    file.write_text(to_html([Done("04_descent", "How?", {"mse": ("✔ passed", "2026-11-20")}, results="edge: 0.2")]), encoding="utf-8")
    for page in opened(browser, deck("04_descent"), scheme), opened(browser, file, scheme):
        page.evaluate(axe)
        for _ in range(14 if page.evaluate("'Reveal' in window") else 1):
            found = [v for v in page.evaluate("axe.run()")["violations"] if v["impact"] in ("serious", "critical")]
            assert not found, [(v["id"], v["nodes"][0]["html"]) for v in found]
            page.evaluate("'Reveal' in window && Reveal.next()")
        page.close()


EVIL = "<img src=x onerror=\"document.title='hurt'\"><script>document.title='hurt'</script>" + "a_long_word_"*20

@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_fits_and_is_harmless(browser, tmp_path, width, scheme):
    "A learner's own words, however wild, are words; and no page is wider than a telephone"
    states = {"mse": ("✔ passed", "2026-11-20"), "descend_in_batches": ("✘ not yet", ""), EVIL: ("○ not attempted", "")}
    picture = files("course_lib")/"weights"       # any bytes: a broken picture must not break the page either
    done = [Done("04_descent", "How does a neural net learn?", states, dict(right=6, of=7, day="2026-11-21"),
                 {"The loss": dict(words=EVIL, answer="nearly: " + EVIL)}, "edge: 0.2215\n" + "9"*300, [("png", str(picture).encode(), EVIL)])]
    file = tmp_path/"my_progress.html"
    file.write_text(to_html(done, name=EVIL, day="2026-11-22"), encoding="utf-8")
    page = opened(browser, file, scheme, width, 800)
    assert page.title() == "What I have done in course_lib" and page.locator("img").count() == 1 and page.locator("script").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert re.search("onerror", page.inner_text("main")) and page.wrong == []
    page.close()
