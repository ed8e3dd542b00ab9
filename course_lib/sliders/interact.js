// Notebook 7 takes the arrow keys away from a slider of ipywidgets as well. So whatever is focused inside
// the box gets the attribute that makes it leave the keys alone (see live.js).
document.currentScript?.closest(".widget-vbox")?.addEventListener("focusin", (event) => {
  event.target.setAttribute("data-lm-suppress-shortcuts", "true");
});
