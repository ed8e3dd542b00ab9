"""How long after a key press is the new picture on the screen? `explore`, which the browser draws, beside `interact`, which Python draws.

    python benchmarks/sliders.py                            # --json for machines; --screenshots folder for pictures of the lessons' sliders instead

One JupyterLab in one Chromium without a window, the same curve, points and loss in every cell. The sides take turns move by move, so that whatever else
the machine does disturbs all of them. Times are taken inside the page: `WATCH` says from where to where.
"""
import shutil, sys, tempfile, time
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from random import Random
from statistics import median, quantiles

from fastcore.script import call_parse

from course_lib.plot import Table

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT/"scripts"))
from jupyter_page import FLAGS, chromium_path, jupyter, open_notebook, run_cells, write_notebook

CELLS = ["""import matplotlib.pyplot as plt, numpy as np
from ipywidgets import interact as interact_of_ipywidgets
from course_lib.sliders.explore import explore
from course_lib.sliders.interact import interact
def quad(a, b, c, x): return a*x**2 + b*x + c
def draw(ax, **knobs):
    ax.plot(xs, ys, "o", mfc="none", color="0.4")
    ax.plot(grid, quad(x=grid, **knobs), color="#d55e00")
    ax.set(ylim=(-10, 25), title=f"mean squared error {((quad(x=xs, **knobs) - ys)**2).mean():.4g}")
xs, grid = np.linspace(-2, 2, 20), np.linspace(-2, 2, 201)
ys = quad(3, 2, 1, xs) + np.random.default_rng(0).normal(0, 1, 20)
knobs = {name: (-4, 4, 0.1, 1) for name in "abc"}""",
"explore(quad, xs, ys, **knobs)",
"interact(draw, **knobs)",
"""@interact_of_ipywidgets(a=(-4, 4, 0.1), b=(-4, 4, 0.1), c=(-4, 4, 0.1))
def fit(a=1., b=1., c=1.):
    draw(plt.figure(figsize=(5.2, 3.2)).add_subplot(), a=a, b=b, c=c)
    plt.show()"""]
SIDES = {"explore": ".course-explore input", "interact": ".noUi-handle", "ipywidgets.interact, pyplot": ".noUi-handle"}     # what is moved first in cells 1, 2, 3

# From: the time stamp of the key press or the mouse move, given by the browser when it gets it, before any script sees it.
# To: the end of the frame with the new picture. The new curve is in the page, or the new image is decoded; then comes `requestAnimationFrame`, right before the
# page is laid out and painted, and a message that waits behind that. What the screen needs after that is not in it; it is the same for all sides.
WATCH = """() => {
  const seen = window.seen = {pressed: 0, moved: 0, frames: [], next: () => seen.wait = new Promise(done => seen.done = done)}, now = new Map();
  document.addEventListener("keydown", e => seen.pressed = e.timeStamp, true);
  document.addEventListener("pointermove", e => seen.moved = e.timeStamp, true);
  function painted(element, what) {
    requestAnimationFrame(frame => {
      if (!element.isConnected || (element.src || element.getAttribute("d")) !== what) return;         // another one came first
      const channel = new MessageChannel();
      channel.port1.onmessage = () => { seen.frames.push([frame, performance.now()]); seen.done && seen.done(performance.now() - seen.pressed); };
      channel.port2.postMessage(0);
    });
  }
  new MutationObserver(() => {
    for (const element of document.querySelectorAll(".course-explore .curve, .jp-OutputArea img")) {
      const what = element.src || element.getAttribute("d");
      if (now.get(element) === what) continue;
      now.set(element, what);
      if (element.src) element.decode().then(() => painted(element, what), () => {}); else painted(element, what);
    }
  }).observe(document.querySelector(".jp-Notebook"), {subtree: true, childList: true, attributes: true, attributeFilter: ["d", "src"]});
}"""

@contextmanager
def browser():
    "Chromium without a window"
    from playwright.sync_api import sync_playwright
    if not chromium_path(): raise SystemExit("There is no Chromium: install it (Debian: apt-get install chromium).")
    with sync_playwright() as p: yield p.chromium.launch(executable_path=chromium_path(), args=FLAGS)

def knobs(page):
    "The first slider of every side"
    cells = page.locator(".jp-CodeCell")
    return {name: cells.nth(i).locator(selector).first for i, (name, selector) in enumerate(SIDES.items(), 1)}

def press(page, knob, key):
    "Milliseconds from a key press to the picture"
    knob.evaluate("e => e.focus({preventScroll: true})")
    page.evaluate("() => { seen.next(); }")
    time.sleep(0.2 + Random().random()/60)          # all is quiet again, and the press comes anywhere between two frames
    page.keyboard.press(key)
    return page.evaluate("seen.wait")

def drag(page, knob, moves=60, seconds=1.):
    "The slider pulled from end to end: how many frames with a new picture there were, milliseconds from the last move to the last one, and the seconds it took"
    track = knob.locator("xpath=ancestor-or-self::*[self::input or contains(@class, 'noUi-target')]").bounding_box()
    knob.evaluate("e => e.focus({preventScroll: true})")
    page.keyboard.press("Home"); time.sleep(1)
    at = knob.bounding_box()
    x, y = track["x"], at["y"] + at["height"]/2
    page.mouse.move(x + 8, y); page.mouse.down(); time.sleep(0.5)
    page.evaluate("() => { seen.frames = []; }")
    start = time.perf_counter()
    for i in range(1, moves + 1):
        page.mouse.move(x + 8 + (track["width"] - 16)*i/moves, y)
        time.sleep(max(0, start + seconds*i/moves - time.perf_counter()))
    took = time.perf_counter() - start
    page.mouse.up(); time.sleep(2)
    frames, moved = page.evaluate("[seen.frames, seen.moved]")
    return {"pictures": len({frame for frame, _ in frames}), "lag, ms": frames[-1][1] - moved, "drag took, s": took}

def measure(page, rounds, moves=40, warm=5):
    "Milliseconds of every key press, and what each drag gave: `{side: [...]}` twice"
    knob, times, drags = knobs(page), {name: [] for name in SIDES}, {name: [] for name in SIDES}
    for _ in range(rounds):
        for i in range(warm + moves):
            for name in SIDES:
                ms = press(page, knob[name], "ArrowRight" if i//20 % 2 == 0 else "ArrowLeft")
                if i >= warm: times[name].append(ms)
        for name in SIDES: drags[name].append(drag(page, knob[name]))
    return times, drags

def tables(times, drags):
    "Rows to print"
    mid, p95 = ({name: f(ms) for name, ms in times.items()} for f in (median, lambda ms: quantiles(ms, n=20, method="inclusive")[-1]))
    rows = [{"side": name, "moves": len(ms), "median, ms": mid[name], "p95, ms": p95[name], "max, ms": max(ms), "median/explore's": mid[name]/mid["explore"]} for name, ms in times.items()]
    goals = [("explore, median, ms", mid["explore"], "at most 16.7", mid["explore"] <= 16.7), ("explore, p95, ms", p95["explore"], "at most 25", p95["explore"] <= 25),
             ("median of interact/explore", mid["interact"]/mid["explore"], "at least 5", mid["interact"] >= 5*mid["explore"])]
    dragged = [{"side": name, **{k: median(d[k] for d in found) for k in found[0]}} for name, found in drags.items()]
    return {"key press": rows, "drag of 60 moves in 1 s": dragged,
            "goals": [{"what": what, "found": found, "goal": goal, "": "reached" if ok else "not reached"} for what, found, goal, ok in goals]}

def measured(rounds):
    "The tables, from a JupyterLab of its own"
    with tempfile.TemporaryDirectory() as folder, browser() as chromium, jupyter(folder) as url:
        write_notebook(Path(folder)/"a.ipynb", *CELLS)
        page = chromium.new_page(viewport=dict(width=1200, height=2400))       # all three on the screen at once
        open_notebook(page, f"{url}/lab/tree/a.ipynb")
        run_cells(page, len(CELLS))
        for knob in knobs(page).values(): knob.wait_for(timeout=60_000)
        page.wait_for_timeout(3000)
        page.evaluate(WATCH)
        return tables(*measure(page, rounds))

def shoot_lessons(folder, lessons):
    "PNG files of everything that moves in `lessons`, in both themes: as it was saved and is not trusted yet, and after all cells were run"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for theme in "Light", "Dark":
        with tempfile.TemporaryDirectory() as home, browser() as chromium, jupyter(home, theme) as url:
            for lesson in lessons:
                shutil.copy(lesson, home)
                page = chromium.new_page(viewport=dict(width=1200, height=1000))
                open_notebook(page, f"{url}/lab/workspaces/{lesson.stem}/tree/{lesson.name}")
                shoot(page, ".course-explore img, .course-steps img", f"{folder}/{lesson.stem}_{theme.lower()}_saved")
                run_all(page)
                shoot(page, ".course-explore.live, .course-steps.live, .widget-vbox", f"{folder}/{lesson.stem}_{theme.lower()}")
                page.close()

def run_all(page):
    "Runs all cells; RuntimeError when they take more than five minutes"
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.wait_for_function("() => { const p = [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(e => e.textContent); return p.some(t => /\\d/.test(t)) && !p.some(t => t.includes('*')); }", timeout=300_000)
    page.wait_for_timeout(3000)

def shoot(page, what, start):
    "A file for each `what` on the page, named `start_0.png` and so on, with its surroundings"
    for i, element in enumerate(page.locator(what).all()):
        area = element.locator("xpath=ancestor::*[contains(concat(' ', @class, ' '), ' jp-OutputArea ')][1]")
        area.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        area.screenshot(path=f"{start}_{i}.png")

@call_parse
def main(
    rounds:int=1,           # of 40 moves and a drag of each side
    json:bool=False,        # JSON instead of tables
    screenshots:str="",     # a folder: measure nothing, and write pictures of the lessons' sliders there, in both themes of JupyterLab
    lessons:str="04_descent,05_relu",
):
    "Key press to picture, and a drag, in JupyterLab: explore beside interact"
    if screenshots: return shoot_lessons(screenshots, [p for p in sorted((ROOT/"nbs/lessons").glob("*.ipynb")) if p.stem in lessons.split(",")])
    found = measured(rounds)
    if json: print(dumps(found))
    else: print(*(f"{name}\n{Table(rows)}\n" for name, rows in found.items()), sep="\n")
