// The chart of `scatter`, brought to life: a point answers to the mouse, a finger, the slider, and its first letter.
//
// Python has drawn the frame, the line and the names, once for each choice of x: wide, and narrow for a telephone.
// The marks are drawn here: where they lie is a factor times a number plus an offset, which Python's Axes gives.

const REACH = 30;

// As a reader wants a number: 80.86, or 25,557,032. What is text stays as it is; a dash stands for nothing.
function told(value) {
  if (typeof value !== "number") return value ?? "–";
  return Math.abs(value) < 1000 ? String(Number(value.toPrecision(4))) : Math.round(value).toLocaleString("en");
}

// A path with the marks of points of one group. A mark is a `d` of its own, drawn from where its point is.
function marks(points, [, small, large, style], g) {
  const d = points.map((p) => "M" + p.left.toFixed(1) + "," + p.top.toFixed(1) + (p.marked ? large : small));
  return '<path class="g' + g + '" ' + style + ' d="' + d.join("") + '"/>';
}

// The mark of a group as a small picture, for its button.
function sample(group) {
  const mark = marks([{ left: 0, top: 0 }], group, "");
  return '<svg viewBox="-9 -9 18 18" width="18" height="18" aria-hidden="true">' + mark + "</svg>";
}

const ring = (x, y) => "M" + (x - 12) + "," + y + "a12,12 0 1 0 24,0a12,12 0 1 0-24,0";

function tableOf(spec) {
  const table = make("table");
  const line = (cells, tag) => table.insertRow().append(...cells.map((c) => make(tag, { textContent: told(c) })));
  line([spec.name, ...spec.group, ...spec.columns], "th");
  for (const [name, group, ...values] of spec.rows) {
    line([name, ...spec.group.map(() => spec.groups[group][0]), ...values], "td");
  }
  return table;
}

function scatter(root, spec) {
  const picture = make("div", { className: "picture" });
  const select = make("select");
  const says = make("output");
  const slider = make("input", { type: "range", min: 0, step: 1 });
  const legend = make("div", { className: "legend" });
  const all = make("button");
  const numbers = make("details");
  const off = new Set();
  let view, narrow;
  let points = [];
  let shown = [];
  let at = 0;

  const isNarrow = () => root.clientWidth > 0 && root.clientWidth < spec.narrow;

  // The points that have this x, from left to right, with their pixels.
  function placed() {
    const [[xFactor, xOffset], [yFactor, yOffset]] = view.scale[+narrow];
    const across = spec.log ? Math.log10 : (v) => v;
    return spec.rows.filter((row) => row[2 + view.column] !== null).map(([name, group, ...values]) => ({
      name,
      group,
      values,
      marked: view.front.includes(name),
      left: across(values[view.column]) * xFactor + xOffset,
      top: values[spec.y] * yFactor + yOffset,
    })).sort((a, b) => a.left - b.left || a.top - b.top);
  }

  function draw() {
    const before = shown[at];
    view = spec.views[select.selectedIndex];
    narrow = isNarrow();
    points = placed();
    picture.innerHTML = view.pictures[+narrow];
    const paths = spec.groups.map((group, g) => marks(points.filter((p) => p.group === g), group, g));
    picture.querySelector(".marks").innerHTML = paths.join("");
    show(before);
  }

  // Shows what is switched on, and tells about the point of before, or about one near it.
  function show(before) {
    spec.groups.forEach((group, g) => {
      for (const part of picture.querySelectorAll(".g" + g)) part.style.display = off.has(g) ? "none" : "";
    });
    shown = points.filter((p) => !off.has(p.group));
    slider.max = Math.max(0, shown.length - 1);
    slider.disabled = !shown.length;
    const same = shown.findIndex((p) => before && p.name === before.name);
    go(same < 0 ? Math.min(at, slider.max) : same);
  }

  function go(i) {
    at = slider.value = i;
    const p = shown[i];
    picture.querySelector(".curve").setAttribute("d", p ? ring(p.left, p.top) : "");
    says.textContent = p ? "" : "Nothing is switched on.";
    if (!p) return;
    const group = spec.group.map(() => spec.groups[p.group][0]);
    const facts = spec.columns.map((label, c) => label + ": " + told(p.values[c]));
    const words = [...group, ...(p.marked ? ["on the line"] : []), ...facts].join(" · ");
    says.append(make("b", { textContent: p.name }), " · " + words);
    slider.setAttribute("aria-valuetext", p.name);
  }

  // The nearest point, when one is within reach.
  function point(event) {
    const box = picture.getBoundingClientRect();
    const zoom = box.width / picture.firstChild.viewBox.baseVal.width;
    const [x, y] = [event.clientX - box.left, event.clientY - box.top];
    const distances = shown.map((p) => Math.hypot(p.left * zoom - x, p.top * zoom - y));
    const nearest = Math.min(...distances);
    if (nearest <= REACH) go(distances.indexOf(nearest));
  }

  // On to the next point whose name begins with this letter.
  function find(letter) {
    const turn = [...shown.slice(at + 1), ...shown.slice(0, at + 1)];
    const found = turn.find((p) => p.name.toLowerCase().startsWith(letter.toLowerCase()));
    if (found) go(shown.indexOf(found));
  }

  function press() {
    [...legend.children].slice(1).forEach((button, g) => button.setAttribute("aria-pressed", !off.has(g)));
    all.textContent = off.size ? "show all" : "hide all";
    show(shown[at]);
  }

  function groupButton(group, g) {
    const button = make("button", { innerHTML: sample(group) });
    button.append(group[0]);
    button.addEventListener("click", () => {
      if (!off.delete(g)) off.add(g);
      press();
    });
    return button;
  }

  const choice = make("label", { textContent: "x axis: " });
  choice.append(select);
  select.append(...spec.views.map((v) => make("option", { textContent: spec.columns[v.column] })));
  select.addEventListener("change", draw);
  says.setAttribute("aria-live", "polite");
  slider.setAttribute("aria-label", "point, from left to right");
  slider.addEventListener("input", () => go(Number(slider.value)));
  slider.addEventListener("keydown", (event) => {
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) find(event.key);
  });
  picture.addEventListener("pointermove", point);
  picture.addEventListener("click", (event) => {
    point(event);
    slider.focus({ preventScroll: true });
  });
  all.addEventListener("click", () => {
    const keep = off.size > 0;
    spec.groups.forEach((group, g) => keep ? off.delete(g) : off.add(g));
    press();
  });
  legend.setAttribute("role", "group");
  legend.setAttribute("aria-label", spec.group[0]);
  legend.append(all, ...spec.groups.map(groupButton));
  numbers.append(make("summary", { textContent: "The numbers as a table" }));
  numbers.addEventListener("toggle", () => {
    if (numbers.children.length > 1) return;
    const box = make("div", { className: "rows", tabIndex: 0 });
    box.append(tableOf(spec));
    numbers.append(box);
  }, { once: true });

  root.querySelector("img").replaceWith(...(spec.views.length > 1 ? [choice] : []), picture);
  root.append(says, slider, ...(spec.group.length ? [legend] : []), numbers);
  root.querySelectorAll("select, input, button, summary").forEach(keepKeys);
  draw();
  press();
  new ResizeObserver(() => {
    if (isNarrow() !== narrow) draw();
  }).observe(root);
}
