"""The picture of README.md and of the site's first page, `nbs/images/course.svg`, from what four lessons print (`make readme`).

Nothing is trained for it: pictures and frames are the lessons' committed outputs. The sliders of the second field go down the
slopes that lesson 04 teaches, by its own `descend`. It moves for five seconds, as long as something may that nobody can stop, and
rests; who asks for less motion sees the last frame (in an `<img>`, where the browser tells the picture).
"""
import base64
import io
import json
import re

import nbformat
import torch
from course_lib.descent import descend, mse
from outputs import ROOT
from PIL import Image

FILE = ROOT/"nbs/images/course.svg"
ALT = ("Four lessons at work. 01: drawn pets, and how many of them the network got wrong. 04: the sliders a, b and c move, and a curve comes closer to "
       "its points while the error falls. 05: straight pieces become an owl. 10: a heat map, bright on the faces of pets.")
STEPS, SECONDS = 24, 5
WIDTH, HEIGHT = 392, 262        # of a field


def output(lesson, source, kind):
    "What the cell of `lesson` whose code holds `source` has printed, of one kind such as image/jpeg"
    cells = nbformat.read(ROOT/f"nbs/lessons/{lesson}.ipynb", as_version=4).cells
    return next(o.data[kind] for c in cells if c.cell_type == "code" and source in c.source for o in c.outputs if kind in o.get("data", {}))

def spec(html):
    "What a slider's script is given: the JSON behind `const spec =`"
    return json.JSONDecoder().raw_decode(html.split("const spec = ", 1)[1])[0]

def cut(figure, box, size):
    "The part `box` of a figure (base64) as a small JPEG, an address that stands for itself"
    image, out = Image.open(io.BytesIO(base64.b64decode(figure))).convert("RGB").crop(box), io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(out, "jpeg", quality=72, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}"

def image(href, x, y, width, height): return f'<image href="{href}" x="{x}" y="{y}" width="{width}" height="{height}"/>'

def slider(name, share, y, left=48, width=210):
    "A slider with its knob at `share` of the way"
    return (f'<text x="{left - 14}" y="{y + 5}" text-anchor="end">{name}</text><path d="M{left} {y}h{width}" stroke="#999" stroke-width="4" '
            f'stroke-linecap="round"/><circle cx="{left + share*width:.1f}" cy="{y}" r="8" fill="#0072b2"/>')

def frames(drawings, kind):
    "Drawings that follow each other, the last one for a fifth of the time. Where nothing moves it alone is seen"
    share, last = 80/(len(drawings) - 1), len(drawings) - 1
    def seen(i): return f"{i*share:.2f}%{{opacity:1}}" + (f"{(i + 1)*share:.2f}%,to{{opacity:0}}" if i < last else "to{opacity:1}")
    def rule(i): return f"@keyframes {kind}{i}{{" + ("0%{opacity:0}" if i else "") + f"{seen(i)}}}"
    moves = "".join(f".{kind}{i}{{opacity:{int(i == last)};animation:{kind}{i} {SECONDS}s step-end}}{rule(i)}" for i in range(last + 1))
    shown = "".join(f'<g class="{kind}{i} moves">{drawing}</g>' for i, drawing in enumerate(drawings))
    return f"<style>{moves}</style>{shown}"


def pets():
    figure = output("01_pets", "dls.show_batch()", "image/jpeg")
    boxes = [(10 + 170*column, 29 + 188*row, 170 + 170*column, 189 + 188*row) for row in (0, 1) for column in (0, 1, 2, 4)]
    return "".join(image(cut(figure, box, (116, 116)), 14 + i % 4*92, 42 + i//4*92, 88, 88) for i, box in enumerate(boxes)) + \
        f'<text x="14" y="249">{output("01_pets", "interp = Interpretation", "text/plain").split(" (")[0]}</text>'

def fit():
    "The sliders of lesson 04 on their way down: position, curve and loss after each step"
    s = spec(output("04_descent", "by_number", "text/html"))
    x, y = torch.tensor(s["x"]), torch.tensor(s["y"])
    def quad(knobs, x): return knobs[0]*x**2 + knobs[1]*x + knobs[2]
    path, losses = descend(lambda knobs: mse(quad(knobs, x), y), torch.tensor([start for *_, start, _ in s["sliders"]]), 0.035, STEPS)
    (ax, bx), (ay, by) = s["scale"]
    at = torch.linspace(-2.2, 2.2, 45)
    def field(points): return " ".join(f"{(ax*a + bx - 48)*WIDTH/460:.1f},{(ay*b + by - 34)*0.5 + 40:.1f}" for a, b in points.tolist())
    dots = "".join(f'<circle cx="{p.split(",")[0]}" cy="{p.split(",")[1]}" r="4" fill="none" stroke="#555" stroke-width="1.5"/>' for p in field(torch.stack([x, y], 1)).split())
    def drawing(knobs, loss):
        curve = field(torch.stack([at, quad(knobs, at)], 1))
        shares = [(k - low)/(high - low) for k, (_, low, high, *_) in zip(knobs.tolist(), s["sliders"])]
        bars = "".join(slider(name, share, 196 + 24*i) for i, ((name, *_), share) in enumerate(zip(s["sliders"], shares)))
        return f'<polyline points="{curve}" fill="none" stroke="#d55e00" stroke-width="3"/>{bars}<text x="276" y="225">error {loss:.1f}</text>'
    return dots + frames([drawing(*step) for step in zip(path, losses)], "step")

def owl():
    s = spec(output("05_relu", "owls", "text/html"))
    drawings = [image(frame, 20, 38, 180, 221) + f'<text x="215" y="130">{title.split(",")[0]}</text>' + slider("", i/(len(s["frames"]) - 1), 160, 215, 150)
                for i, (frame, title) in enumerate(zip(s["frames"], s["titles"]))]
    return frames(drawings, "owl")

def seen():
    figure = output("10_inside", "#| fig-alt: \"Four pets; below", "image/jpeg")
    boxes = [(10 + 120*column, top, 122 + 120*column, top + 111) for top in (48, 190) for column in range(4)]
    return "".join(image(cut(figure, box, (112, 111)), 14 + i % 4*92, 48 + i//4*98, 88, 88) for i, box in enumerate(boxes))


def picture():
    "The text of the SVG"
    fields = {"01  name the breed": pets(), "04  learn by going downhill": fit(), "05  draw with straight pieces": owl(), "10  see where it looks": seen()}
    placed = "".join(f'<g transform="translate({i % 2*(WIDTH + 8)} {i//2*(HEIGHT + 8)})"><rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#fff" stroke="#ccc"/>'
                     f'<text x="14" y="29" font-weight="bold" xml:space="preserve">{title}</text>{body}</g>' for i, (title, body) in enumerate(fields.items()))
    still = "@media (prefers-reduced-motion: reduce){.moves{animation:none!important}}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {2*WIDTH + 10} {2*HEIGHT + 10}" font-family="sans-serif" font-size="20" fill="#222" role="img" '
            f'aria-label="{ALT}">\n<style>{still}</style>\n{placed}\n</svg>\n')


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(picture(), encoding="utf-8")
    print(FILE, FILE.stat().st_size)
