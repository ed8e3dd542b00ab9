// Starts the slides, and makes each fit its 1280 by 720.

const LOW = 672;            // where a slide's content has to end
const ROOM = 1160;          // how wide it may be

// Everything on a slide but the speaker's notes.
const shown = (slide) => [...slide.children].filter((child) => child.tagName !== "ASIDE");

// A box in the slide's own pixels, which the browser shows larger or smaller.
function boxIn(slide, element) {
  const [frame, box] = [slide.getBoundingClientRect(), element.getBoundingClientRect()];
  const scale = frame.width / slide.offsetWidth || 1;
  const [down, right] = [(box.bottom - frame.top) / scale, (box.right - frame.left) / scale];
  return { down, right, width: box.width / scale, height: box.height / scale };
}

// How far down and to the right the content goes.
function reach(slide) {
  const all = [...slide.querySelectorAll("p, li, pre, table, img, svg:not(svg svg), .sliders, .controls, h1, h2, h3")];
  const boxes = all.filter((element) => !element.closest("aside")).map((element) => boxIn(slide, element));
  return { down: Math.max(...boxes.map((box) => box.down)), right: Math.max(...boxes.map((box) => box.right)) };
}

// How wide a picture is at most: the curve of `explore` beside its sliders, others larger than in the notebook.
function widest(picture) {
  if (picture.tagName !== "IMG") return 720;
  return Math.min(1.7 * (picture.getAttribute("width") || picture.naturalWidth), ROOM - 30);
}

// Pictures grow to fill the place that words and code leave, and shrink to it.
// What is too much even so becomes smaller as a whole.
async function fit(slide) {
  if (!slide || slide.dataset.fits) return;
  if (!slide.querySelector(".jp-CodeCell, h1")) slide.classList.add("words");
  const pictures = [...slide.querySelectorAll(".jp-OutputArea-output img, .course-explore svg:not(svg svg)")];
  await Promise.all(pictures.map((picture) => picture.decode && picture.decode().catch(() => 0)));
  for (const picture of pictures) picture.style.width = widest(picture) + "px";
  const over = reach(slide).down - LOW;
  const tall = pictures.reduce((sum, picture) => sum + boxIn(slide, picture).height, 0);
  if (over > 0 && tall > 0) {
    const factor = Math.max(0.35, (tall - over) / tall);
    for (const picture of pictures) picture.style.width = boxIn(slide, picture).width * factor + "px";
  }
  const { down, right } = reach(slide);
  const factor = Math.min(1, (LOW - 30) / (down - 30), ROOM / (right - 44));
  if (factor < 1) for (const child of shown(slide)) child.style.zoom = factor;
  slide.dataset.fits = factor.toFixed(2);
}

// Presenters' clickers send PageUp and PageDown: they turn the slide even while a slider has the focus.
// Escape leaves the slider.
function keys(event) {
  if (!/input|button/i.test(event.target.tagName)) return;
  const keys = { PageDown: () => Reveal.next(), PageUp: () => Reveal.prev(), Escape: () => event.target.blur() };
  const turn = keys[event.key];
  if (!turn) return;
  event.preventDefault();
  event.stopPropagation();
  turn();
}

addEventListener("keydown", keys, true);
Reveal.on("ready", (event) => fit(event.currentSlide));
Reveal.on("slidechanged", (event) => fit(event.currentSlide));
Reveal.initialize({
  width: 1280, height: 720, margin: 0, center: false, hash: true,
  slideNumber: "c/t", transition: "none", plugins: [RevealNotes],
});
