/* Lists under the keyboard. A grid is [data-grid] (a table or a list); its rows carry data-row and data-href.
   Arrows or J K move, PageUp and PageDown by a screen, Home and End to the ends of what stands there; Enter opens data-href in the drawer (again: steps into it), Space selects, Shift extends,
   → and ← press the row's [aria-expanded] control, Esc closes the drawer. data-target on the grid names another
   region than #drawer (a review's page); where there is no region, a row leads to its address. */
(() => {
  "use strict";
  const { $, $$, typing, dirty, modal, announce } = window.oms;
  const ROW = "[data-row], [data-href]";
  const CONTROL = "a, button, input, select, textarea, label, summary";

  const gridOf = (element) => element?.closest?.("[data-grid]");
  const rowsOf = (grid) => $$(ROW, grid);
  const current = (grid) => $(".on", grid);
  const box = (row) => $("input[type=checkbox]", row);
  const regionOf = (grid) => $(grid.dataset.target || "#drawer");
  const RECOUNT = 1000;     // ms after which what is ticked is weighed again where it changed
  let listUrl = null;
  let following;

  const nameOf = (row) => row.dataset.row || row.dataset.href;
  function stand(row, { focus = true } = {}) {
    const grid = gridOf(row);
    grid.dataset.at = nameOf(row);
    for (const other of $$(".on", grid)) {
      other.classList.remove("on");
      other.removeAttribute("aria-current");
      other.tabIndex = -1;
    }
    row.classList.add("on");
    row.setAttribute("aria-current", "true");
    row.tabIndex = 0;
    if (focus) {
      row.focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
    }
  }

  /* The drawer's address goes into the address bar, so that it can be sent to a colleague. */
  function addressed(href) {
    if (listUrl === null) {
      listUrl = $("#drawer")?.dataset.listUrl || location.pathname + location.search;
      history.replaceState({ htmx: true }, "");
      history.pushState({ htmx: true }, "", href);
    } else {
      history.replaceState({ htmx: true }, "", href);
    }
  }
  window.oms.listUrl = () => listUrl || $("#drawer")?.dataset.listUrl || location.href;
  function mayLeave(region) {
    return !dirty(region) || window.confirm("You have typed something here that is not saved. Leave it?");
  }
  async function openRow(row) {
    const region = regionOf(gridOf(row));
    const { href } = row.dataset;
    if (href && !region) location.assign(href);
    if (!href || !region || !mayLeave(region)) return;
    stand(row, { focus: !region.contains(document.activeElement) });
    await htmx.ajax("GET", href, { source: region, target: region, swap: "innerHTML show:top" });
    if (!region.children.length) return;
    region.dataset.shows = href;
    addressed(href);
    announce(`${$("h1, h2", region)?.textContent.trim() || "Detail"}, opened`);
  }
  function closeDrawer() {
    const drawer = $("#drawer");
    if (!drawer?.children.length || !mayLeave(drawer)) return false;
    const within = drawer.contains(document.activeElement);
    const back = listUrl || drawer.dataset.listUrl;
    drawer.replaceChildren();
    delete drawer.dataset.shows;
    if (back) history.replaceState({ htmx: true }, "", back);
    if (within) $("[data-grid] .on")?.focus();
    return true;
  }
  /* Facts of a drawer that came anew bring its heading along; where it shows something else by now, neither is put in place. */
  document.addEventListener("htmx:afterSwap", () => {
    for (const leaf of $$("#drawer template[data-heading]")) {
      $("#drawer-title")?.replaceWith(leaf.content.firstElementChild);
      leaf.remove();
    }
  });
  /* Moving with an open drawer takes it along, unless something is typed in it. */
  function follow(row) {
    const region = regionOf(gridOf(row));
    clearTimeout(following);
    if (!region?.dataset.shows || !row.dataset.href || dirty(region)) return;
    following = setTimeout(() => openRow(row), 160);
  }

  function move(grid, step, extend) {
    const rows = rowsOf(grid);
    if (!rows.length) return;
    const at = rows.indexOf(current(grid));
    const to = Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + step));
    const next = rows[to];
    if (extend) rows.slice(Math.min(at < 0 ? to : at, to), Math.max(at, to) + 1).forEach((row) => tick(row, true, false));
    if (extend) counted(grid);
    stand(next);
    follow(next);
  }
  /* Rows that fit between the heads and the foot of the list, but for one that both screens show. */
  function screenful(grid) {
    const row = rowsOf(grid)[0];
    const seen = (grid.closest(".grid") || grid).clientHeight - (grid.tHead?.offsetHeight ?? 0) - (grid.tFoot?.offsetHeight ?? 0);
    return Math.max(1, Math.floor(seen / (row?.offsetHeight || seen)) - 1);
  }
  function tick(row, to, count = true) {
    const check = row && box(row);
    if (!check || check.disabled) return;
    check.checked = to ?? !check.checked;
    if (count) counted(gridOf(row));
  }

  /* Selection: [data-selection] bars show the count in [data-count] and what it comes to in [data-worth]; [data-needs-selection] controls wake with it. */
  function counted(grid) {
    const ticks = $$("tbody input[type=checkbox], .item input[type=checkbox]", grid).filter((c) => !c.disabled);
    ticks.forEach((c) => c.closest(ROW)?.classList.toggle("picked", c.checked));
    const count = ticks.filter((c) => c.checked).length;
    const all = $("[data-select-all]", grid);
    if (all) {
      all.checked = count > 0 && count === ticks.length;
      all.indeterminate = count > 0 && count < ticks.length;
    }
    $$("[data-selection]").forEach((bar) => { bar.hidden = count === 0; });
    weigh(ticks.filter((c) => c.checked).map((c) => c.value).join());
    $$("[data-count]").forEach((place) => { place.textContent = count ? `${count} selected` : ""; });
    $$("[data-needs-selection]").forEach((control) => { control.disabled = count === 0; });
  }

  /* What is ticked comes to, as the server says it. */
  let weighed = "";
  function weigh(said) {
    if (said === weighed) return;
    weighed = said;
    for (const place of $$("[data-worth]")) {
      place.textContent = "";
      if (said) htmx.trigger(place, "picked");
    }
  }

  function clear() {
    for (const grid of $$("[data-grid]")) {
      $$("input[type=checkbox]:checked", grid).forEach((c) => { c.checked = false; });
      counted(grid);
    }
  }
  /* What was done to the rows ticked is done: they are ticked no longer. What a drawer did leaves them. */
  let fromSelection = false;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!event.detail.elt.closest?.("#dialog")) fromSelection = Boolean(event.detail.elt.closest?.("[data-selection]"));
  });
  document.addEventListener("acted", () => { if (fromSelection) clear(); });

  document.addEventListener("keydown", (event) => {
    if (modal() || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && !$("details.me[open]") && closeDrawer()) return;
    const inside = gridOf(event.target);
    const grid = inside || $("[data-grid]");
    if (!grid) return;
    const free = inside || event.target === document.body;
    const letters = document.documentElement.dataset.letters !== "off";
    const row = current(grid);
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let used = true;
    if ((key === "ArrowDown" && free) || (key === "j" && letters)) move(grid, 1, event.shiftKey);
    else if ((key === "ArrowUp" && free) || (key === "k" && letters)) move(grid, -1, event.shiftKey);
    else if ((key === "Home" || key === "End") && inside) move(grid, key === "Home" ? -1e6 : 1e6, event.shiftKey);
    else if ((key === "PageUp" || key === "PageDown") && inside) {
      move(grid, screenful(grid) * (key === "PageUp" ? -1 : 1), event.shiftKey);
    }
    else if (key === "Enter" && row && (event.target === row || event.target === document.body)) {
      const region = regionOf(grid);
      if (row.dataset.href && region?.dataset.shows === row.dataset.href) region.focus();
      else openRow(row);
    } else if (key === " " && row && (event.target === row || event.target === document.body)) tick(row);
    else if ((key === "ArrowRight" || key === "ArrowLeft") && row && inside) {
      const twist = $("[aria-expanded]", row);
      if (twist && twist.getAttribute("aria-expanded") === String(key === "ArrowLeft")) twist.click();
    } else used = false;
    if (used) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-drawer]")) {
      closeDrawer();
      return;
    }
    if (event.target.closest("[data-clear-selection]")) {
      clear();
      return;
    }
    const row = event.target.closest(ROW);
    if (!gridOf(row) || event.defaultPrevented) return;
    const control = event.target.closest(CONTROL);
    const own = control && control.matches("a[href]") && control.getAttribute("href") === row.dataset.href;
    if (control && !own) return;
    if (!row.dataset.href || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!own && String(window.getSelection())) return;
    event.preventDefault();
    openRow(row);
  });
  document.addEventListener("change", (event) => {
    const grid = gridOf(event.target);
    if (!grid || event.target.type !== "checkbox") return;
    if (event.target.matches("[data-select-all]")) {
      for (const row of rowsOf(grid)) {
        const check = box(row);
        if (check && !check.disabled) check.checked = event.target.checked;
      }
    }
    counted(grid);
  });
  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.(ROW);
    if (row && gridOf(row) && !row.classList.contains("on")) stand(row, { focus: false });
  });

  /* Every grid can be tabbed into at one row; a list that came anew is counted again, and stands where it stood. */
  function ready() {
    $$(".list-keys").forEach((keys) => { keys.hidden = !$("[data-grid]"); });
    for (const grid of $$("[data-grid]")) {
      const rows = rowsOf(grid);
      const stood = current(grid) || rows.find((r) => nameOf(r) === grid.dataset.at);
      if (stood && !stood.hasAttribute("aria-current")) stand(stood, { focus: false });
      if (rows.length && !rows.some((r) => r.tabIndex === 0 && r.hasAttribute("tabindex"))) {
        rows.forEach((r) => { r.tabIndex = -1; });
        (current(grid) || rows[0]).tabIndex = 0;
      }
      counted(grid);
    }
    for (const region of [$("#drawer"), ...$$("[data-grid][data-target]").map(regionOf)]) {
      if (region?.children.length && !region.dataset.shows && !$(":scope > .empty", region)) region.dataset.shows = location.pathname;
    }
  }
  /* Rows replaced where they stand took their tick and their place along; only what cannot be ticked any more changes a count.
     What is ticked may come to something else. */
  let recount = null;
  function swapped(rows) {
    for (const row of rows) {
      const check = box(row);
      row.classList.toggle("picked", Boolean(check?.checked && !check.disabled));
    }
    if (rows.some((row) => box(row)?.disabled)) new Set(rows.map(gridOf)).forEach((grid) => grid && counted(grid));
    const picked = rows.find((row) => row.classList.contains("picked"));
    if (picked) recount ??= setTimeout(() => { recount = null; if (gridOf(picked)) counted(gridOf(picked)); }, RECOUNT);
  }
  document.addEventListener("htmx:afterSettle", ready);
  document.addEventListener("oms:rows", (event) => {
    if (event.detail) swapped(event.detail);
    else ready();
  });
  /* Beside a drawer the first column stays in sight. A class says so: a rule that looks for the drawer by itself is asked
     again at every changed row. */
  const drawer = $("#drawer");
  if (drawer) {
    const beside = () => drawer.parentElement.classList.toggle("beside", drawer.childElementCount > 0);
    new MutationObserver(beside).observe(drawer, { childList: true });
    beside();
  }
  ready();
})();
