// The picture of `explore`, brought to life: sliders below it, and a curve that moves with them.
//
// The formula comes as a program, a list of steps such as ["mul", 3, 5]: multiply the results of steps 3 and 5.
// Nothing of a notebook is ever run as code, only the operations that stand here. They are those of trace.py.

const OPS = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  pow: Math.pow,
  neg: (a) => -a,
  abs: Math.abs,
  max: Math.max,
  min: Math.min,
  gt: (a, b) => +(a > b),
  ge: (a, b) => +(a >= b),
  lt: (a, b) => +(a < b),
  le: (a, b) => +(a <= b),
  where: (c, a, b) => c ? a : b,
  sign: Math.sign,
  floor: Math.floor,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  tanh: Math.tanh,
};

const sum = (values) => values.reduce((total, v) => total + v, 0);
const REDUCE = { sum, mean: (values) => sum(values) / values.length };

// A value is one number, or an array with one for each point.
const isArray = (value) => value.length !== undefined;

// f of numbers; with an array among them, f at every point. Plain loops: this is where the time goes.
function apply(f, args) {
  const many = args.find(isArray);
  if (many === undefined) return f(...args);
  const result = new Float64Array(many.length);
  const arrays = [...args.keys()].filter((j) => isArray(args[j]));
  const now = args.slice();
  for (let i = 0; i < result.length; i++) {
    for (const j of arrays) now[j] = args[j][i];
    result[i] = f(...now);
  }
  return result;
}

// What a program computes: the twin of `run` in trace.py.
function run(steps, env) {
  const values = [];
  for (const [op, ...args] of steps) {
    if (op === "k") values.push(args[0]);
    else if (op === "name") values.push(env[args[0]]);
    else if (op in REDUCE) values.push(REDUCE[op](values[args[0]]));
    else values.push(apply(OPS[op], args.map((i) => values[i])));
  }
  return values[values.length - 1];
}

const atEvery = (points, value) => isArray(value) ? value : points.map(() => value);

// Four digits, as Python's :.4g writes them.
const digits = (v) => Number.isFinite(v) ? String(Number(v.toPrecision(4))) : String(v);

// A pixel as the `d` of a line writes it. What is far outside of the picture need not be exact.
const pixel = (v) => Math.max(-1e4, Math.min(1e4, v)).toFixed(1);

// The `d` of a line through pixels, with a gap where there is no number; or of a dot at each of them.
function path(left, top, dots) {
  let d = "";
  let pen = "M";
  for (let i = 0; i < left.length; i++) {
    if (Number.isFinite(left[i]) && Number.isFinite(top[i])) {
      d += pen + pixel(left[i]) + "," + pixel(top[i]) + (dots ? "h0" : "");
      pen = dots ? "M" : "L";
    } else {
      pen = "M";
    }
  }
  return d;
}

// The static picture is an image, into which no script can reach. Its address holds the SVG: we read it
// from there. As a part of the page it takes the page's colours, and needs no white paper any more.
function unpack(image) {
  const bytes = Uint8Array.from(atob(image.src.split(",")[1]), (c) => c.charCodeAt(0));
  const svg = new DOMParser().parseFromString(new TextDecoder().decode(bytes), "image/svg+xml").documentElement;
  svg.querySelector(".paper").remove();
  image.replaceWith(svg);
  return svg;
}

function explore(root, spec) {
  const picture = unpack(root.querySelector("img"));
  const curve = picture.querySelector(".curve");
  const title = picture.querySelector(".title");
  const box = make("div", { className: "sliders" });
  const [[xFactor, xOffset], [yFactor, yOffset]] = spec.scale;
  const array = (values) => values && Float64Array.from(values);
  const [grid, x, y] = [spec.grid, spec.x, spec.y].map(array);
  const dots = Boolean(spec.across);
  const knobs = {};

  function at(program, points) {
    return atEvery(points, run(program, { x: points, y, ...knobs }));
  }

  // A curve stands over its grid. Dots begin at x and y, and move both ways: `across` is a program, too.
  function draw() {
    const points = dots ? x : grid;
    const up = at(spec.f, points);
    const left = (dots ? at(spec.across, points) : grid).map((v) => v * xFactor + xOffset);
    curve.setAttribute("d", path(left, up.map((v) => v * yFactor + yOffset), dots));
    if (!spec.loss) return;
    title.textContent = spec.lossName + " " + digits(run(spec.loss, { preds: at(spec.f, x), targs: y }));
  }

  for (const [name, min, max, step, value, decimals] of spec.sliders) {
    const label = make("label");
    const input = make("input", { type: "range", min, max, step, value });
    const says = make("output");
    // A screen reader says where a slider stands; it need not read the number once more.
    says.setAttribute("aria-live", "off");
    function read() {
      knobs[name] = Number(input.value);
      says.textContent = knobs[name].toFixed(decimals);
    }
    input.addEventListener("input", () => {
      read();
      draw();
      // A screen reader hears the slider's value, and the loss with it.
      if (spec.loss) input.setAttribute("aria-valuetext", says.textContent + ", " + title.textContent);
    });
    keepKeys(input);
    label.append(make("span", { textContent: name }), input);
    box.append(label, says);
    read();
  }
  root.append(box);
  draw();
}
