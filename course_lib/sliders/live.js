// What explore.js, steps.js and scatter.js share. Python puts this text into the page, after one of them and before
//     wake("the output's name", explore, {what Python says about it});
// It leaves out indents and lines that are only a comment: every output carries a copy of its own.

function make(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

// JupyterLab and Notebook 7 listen for keys before the page does, and would take the arrow keys away
// from a slider. They leave alone what carries this attribute. The classic notebook listens further out
// and is kept away by stopPropagation. Tab and Escape go through: nobody is caught in here.
function keepKeys(element) {
  element.setAttribute("data-lm-suppress-shortcuts", "true");
  for (const type of ["keydown", "keyup", "keypress"]) {
    element.addEventListener(type, (event) => {
      if (event.key !== "Tab" && event.key !== "Escape") event.stopPropagation();
    });
  }
}

// Brings the output with this name to life. It is the one around this script, so that the same output may
// stand on a page twice. The classic notebook runs a script elsewhere, and before its output is on the page:
// there we come back a moment later and take the first one that does not live yet.
function wake(name, live, spec) {
  function begin(root) {
    live(root, spec);
    root.classList.add("live");
  }
  const here = document.currentScript && document.currentScript.closest("." + name);
  if (here) begin(here);
  else setTimeout(() => begin(document.querySelector("." + name + ":not(.live)")));
}
