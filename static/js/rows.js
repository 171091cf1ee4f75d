/* Rows that came anew, put in place in a list without a reader losing what they have in hand: the tick, the row they stand
   on, the keyboard. Each change ends in "oms:rows" on the document; its detail is the rows that were replaced where they
   stand, where nothing else about the list changed. A row that belongs elsewhere by what it says now (data-stands) is told of by
   "oms:moved". */
(() => {
  "use strict";
  const { $, $$, announce } = window.oms;
  const FEW = 8;            // Rows that are found one by one
  const GLOW = 1400;
  const GLOWING = 24;       // rows at once beyond which a glow says nothing any more

  let glowing = 0;
  const glow = (element) => {
    if (glowing >= GLOWING || element.classList.contains("flash")) return;
    glowing += 1;
    element.classList.add("flash");
    setTimeout(() => { glowing -= 1; element.classList.remove("flash"); }, GLOW);
  };

  const tell = (swapped = null) => document.dispatchEvent(new CustomEvent("oms:rows", { detail: swapped }));
  const process = (part) => { if (part.outerHTML.includes(" hx-")) htmx.process(part); };
  /* Classes and attributes that the page gives a row, not the server. */
  const OURS = ["on", "picked", "flash"];
  const KEPT = ["class", "tabindex", "aria-current", "data-opening", "data-at"];
  function take(place, fresh) {
    for (const { name, value } of [...fresh.attributes]) {
      if (!KEPT.includes(name) && place.getAttribute(name) !== value) place.setAttribute(name, value);
    }
    for (const { name } of [...place.attributes]) {
      if (!KEPT.includes(name) && !fresh.hasAttribute(name)) place.removeAttribute(name);
    }
    const classes = [...new Set([...fresh.classList, ...OURS.filter((name) => place.classList.contains(name))])].join(" ");
    if (place.className !== classes) place.className = classes;
  }
  function tickAlike(fresh, old) {
    const tick = $("input[type=checkbox]", old);
    const freshTick = $("input[type=checkbox]", fresh);
    if (tick && freshTick && !freshTick.disabled) freshTick.checked = tick.checked;
  }
  /* A row takes from the fresh one only the cells that differ: what stays the same is neither styled nor laid out anew, and
     keeps the keyboard. :return: the row that stands */
  function swap(old, fresh) {
    const cells = old.cells && [...old.cells];
    const anew = fresh.cells && [...fresh.cells];
    if (!cells || cells.length !== anew?.length) return replace(old, fresh);
    const at = document.activeElement;
    const moved = (old.dataset.stands ?? "") !== (fresh.dataset.stands ?? "");
    take(old, fresh);
    cells.forEach((cell, n) => {
      if (cell.isEqualNode(anew[n])) return;
      tickAlike(anew[n], cell);
      const inner = cell !== at && cell.contains(at);
      take(cell, anew[n]);
      cell.replaceChildren(...anew[n].childNodes);
      process(cell);
      if (inner) ($("a, button, input", cell) || old).focus({ preventScroll: true });
    });
    glow(old);
    if (moved) document.dispatchEvent(new CustomEvent("oms:moved"));
    return old;
  }
  function replace(old, fresh) {
    tickAlike(fresh, old);
    if (old.classList.contains("on")) {
      fresh.classList.add("on");
      fresh.setAttribute("aria-current", "true");
    }
    fresh.tabIndex = old.tabIndex;
    const focused = old === document.activeElement;
    const inner = !focused && old.contains(document.activeElement);
    old.replaceWith(fresh);
    if (focused || inner) (inner && $("a, button, input", fresh) || fresh).focus({ preventScroll: true });
    process(fresh);
    glow(fresh);
    return fresh;
  }
  /* Rows of these ids as they stand now: replaced where they stand, taken away where they no longer belong to the list,
     and on top where they are new in a list that takes new ones. :return: ids of the new ones that do not belong on top,
     for the list has an order of its own (data-insert="ordered"): they are not put in place */
  function put(place, subject, ids, leaf) {
    const standing = new Map(
      ids.length > FEW ? $$(`[data-row^="${subject}:"]`, place).map((row) => [row.dataset.row, row])
        : ids.map((id) => [`${subject}:${id}`, $(`[data-row="${subject}:${id}"]`, place)]),
    );
    const takesNew = place.hasAttribute("data-insert") && (place.dataset.subject ?? subject) === subject;
    const came = new Set();
    const swapped = [];
    const anew = [];
    for (const fresh of [...leaf.content.querySelectorAll(`[data-row^="${subject}:"]`)]) {
      const old = standing.get(fresh.dataset.row);
      came.add(fresh.dataset.row);
      if (old) swapped.push(swap(old, fresh));
      else if (takesNew) anew.push(fresh);
    }
    let gone = 0;
    for (const id of ids) {
      const row = standing.get(`${subject}:${id}`);
      if (!row || came.has(row.dataset.row)) continue;
      row.remove();
      gone += 1;
    }
    const apart = place.dataset.insert === "ordered" ? anew.splice(0) : anew.slice(0, 0);
    if (anew.length) {
      const body = place.tBodies ? place.tBodies[0] : place;
      $$("[data-empty]", body).forEach((none) => none.remove());
      body.prepend(...anew);
      anew.forEach((row) => { process(row); glow(row); });
      announce(`${anew.length} new in the list`);
    }
    if (anew.length || gone) tell();
    else if (swapped.length) tell(swapped);
    return apart.map((row) => row.dataset.row.split(":")[1]);
  }
  function leafOf(text) {
    const leaf = document.createElement("template");
    leaf.innerHTML = text;
    return leaf;
  }

  window.oms.rows = { put, swap, take, leafOf, tell };
})();
