/* Columns as wide as their reader wants them: the right edge of a head (.sizer) is dragged, or Shift ← and Shift → pressed
   on the head. The first change freezes every column where it stands; from then on none moves but the one that is meant.
   A view of one's own keeps the widths by itself ([data-widths-url] and [data-view] on the table); else the dialog that
   arranges the list takes them along. */
(() => {
  "use strict";
  const { $, $$, announce } = window.oms;
  const NARROWEST = 40;
  const WIDEST = 600;
  const STEP = 10;
  const KEPT_AFTER = 700;   // ms without another change, after which the widths are kept

  let widths = new Map();   // code → pixels, once something was changed
  let dragged = null;
  let timer = null;
  let said = false;

  const tableOf = (element) => element.closest("table.sized");
  const heads = (table) => $$("thead th[data-size]", table);
  const columnOf = (head) => $$("col", tableOf(head))[head.cellIndex];

  function freeze(table) {
    if (widths.size) return;
    widths = new Map(heads(table).map((head) => [head.dataset.size, Math.round(head.getBoundingClientRect().width)]));
    show(table);
  }
  function show(table) {
    table.classList.add("exact");
    for (const head of heads(table)) {
      const width = widths.get(head.dataset.size);
      if (width) columnOf(head).setAttribute("width", width);
    }
  }
  function widen(head, width) {
    widths.set(head.dataset.size, Math.max(NARROWEST, Math.min(WIDEST, Math.round(width))));
    columnOf(head).setAttribute("width", widths.get(head.dataset.size));
  }
  function changed(head) {
    const table = tableOf(head);
    announce(`${$("a, button", head).textContent.trim()}: ${widths.get(head.dataset.size)} pixels`);
    clearTimeout(timer);
    timer = setTimeout(() => keep(table), KEPT_AFTER);
  }
  const asked = () => Object.fromEntries([...widths].map(([code, width]) => [`width_${code}`, width]));
  function keep(table) {
    const view = table.dataset.view;
    if (view) {
      htmx.ajax("POST", table.dataset.widthsUrl, { source: table, values: { view, ...asked() }, swap: "none" });
    } else if (!said) {
      said = true;
      window.oms.toast("These widths last as long as this page. Press V to keep them in a view.", "info");
    }
  }

  document.addEventListener("pointerdown", (event) => {
    const sizer = event.target.closest(".sizer");
    if (!sizer || event.button) return;
    event.preventDefault();
    const head = sizer.closest("th");
    freeze(tableOf(head));
    dragged = { head, from: event.clientX, width: widths.get(head.dataset.size) };
    sizer.setPointerCapture(event.pointerId);
  });
  document.addEventListener("pointermove", (event) => {
    if (dragged) widen(dragged.head, dragged.width + event.clientX - dragged.from);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => {
      if (dragged) changed(dragged.head);
      dragged = null;
    });
  }
  document.addEventListener("keydown", (event) => {
    const head = event.target.closest?.("th[data-size]");
    if (!head || !event.shiftKey || !["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();              // The list's own arrows are not meant.
    freeze(tableOf(head));
    widen(head, widths.get(head.dataset.size) + (event.key === "ArrowLeft" ? -STEP : STEP));
    changed(head);
  }, true);
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.elt.matches("[data-arranges]")) Object.assign(event.detail.parameters, asked());
  });
  document.addEventListener("oms:rows", (event) => {   // The list may have been fetched whole.
    const table = !event.detail && widths.size && $("table.sized[data-widths-url]");
    if (table) show(table);
  });
})();
