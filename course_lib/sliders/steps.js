// The frames of `steps`, to go through with buttons, a slider and the arrow keys.

function steps(root, spec) {
  const image = root.querySelector("img");
  // The first frame is the static picture, which is there already.
  const frames = [image.src, ...spec.frames];
  const last = frames.length - 1;
  const box = make("div", { className: "controls" });
  const play = make("button", { className: "play" });
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, value: 0 });
  const says = make("output");
  let timer = null;
  const at = () => Number(slider.value);

  function show(i) {
    slider.value = i;
    image.src = frames[i];
    image.alt = says.textContent = spec.titles[i];
    slider.setAttribute("aria-valuetext", spec.titles[i]);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "▶ play";
  }

  function next() {
    if (at() < last) show(at() + 1);
    if (at() === last) stop();
  }

  function start() {
    if (at() === last) show(0);
    play.textContent = "❚❚ pause";
    timer = setInterval(next, spec.pause);
  }

  function go(by) {
    stop();
    show(Math.max(0, Math.min(last, at() + by)));
  }

  function stepButton(text, name, by) {
    const button = make("button", { textContent: text });
    button.setAttribute("aria-label", name);
    button.addEventListener("click", () => go(by));
    return button;
  }

  // The slider knows the arrow keys; the buttons learn them.
  function arrows(event) {
    if (event.target === slider) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
  }

  slider.setAttribute("aria-label", "step");
  play.addEventListener("click", () => timer ? stop() : start());
  slider.addEventListener("input", () => {
    stop();
    show(at());
  });
  box.append(stepButton("◀", "step back", -1), stepButton("▶", "step on", 1), play, slider, says);
  for (const element of box.children) {
    keepKeys(element);
    element.addEventListener("keydown", arrows);
  }
  root.append(box);
  stop();
  show(0);
}
