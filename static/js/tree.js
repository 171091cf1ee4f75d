/* Rows that open in place, level by level: a button [data-kids=url] in a row brings the rows of its parts below it
   (tr.kid with data-level) and takes them away again; data-below on the table says which columns they fill. What stood
   open stays open when the row, or something below it, changes, and when the list is fetched whole: its parts are fetched
   anew and put where they stood. */
(() => {
  "use strict";
  const { $, $$ } = window.oms;
  const AT_ONCE = 20;       // Open rows fetched anew on one change; more of them only where the change names them.
  const opened = new Set(); // Keys of the rows that their reader opened.
  const level = (row) => Number(row.dataset.level || 0);
  const keyOf = (row) => row.dataset.row || row.dataset.node;
  function kidsOf(row) {
    const kids = [];
    for (let at = row.nextElementSibling; at?.classList.contains("kid") && level(at) > level(row); at = at.nextElementSibling) kids.push(at);
    return kids;
  }
  /* The row somebody stood on stands again, with the keyboard where it had it. */
  function stand(kid, focused) {
    kid.classList.add("on");
    kid.setAttribute("aria-current", "true");
    kid.tabIndex = 0;
    if (focused) kid.focus({ preventScroll: true });
  }
  async function open(row) {
    const button = $("[data-kids]", row);
    if (!button) return;
    button.setAttribute("aria-expanded", "true");
    opened.add(keyOf(row));
    if (row.dataset.opening) {            // What is on its way may be older than this.
      row.dataset.opening = "again";
      return;
    }
    row.dataset.opening = "once";
    try {
      const table = row.closest("table");
      const answer = await fetch(button.dataset.kids + (table.dataset.below || ""), { credentials: "same-origin", headers: { "HX-Request": "true" } });
      if (!answer.ok || answer.redirected) throw new Error(`parts: ${answer.status}`);
      const leaf = document.createElement("template");
      leaf.innerHTML = await answer.text();
      if (!row.isConnected || !opened.has(keyOf(row))) return;
      const old = kidsOf(row);
      const stood = old.find((kid) => kid.classList.contains("on"));
      const focused = stood ? stood === document.activeElement : document.activeElement === document.body;
      old.forEach((kid) => kid.remove());
      const fresh = [...leaf.content.querySelectorAll("tr")];
      row.after(...fresh);
      for (const kid of fresh) {
        kid.tabIndex = -1;
        htmx.process(kid);
        if (stood ? keyOf(kid) === keyOf(stood) : !$(".on", table) && kid.dataset.href === table.dataset.at) stand(kid, focused);
      }
      await Promise.all(fresh.filter((kid) => opened.has(keyOf(kid))).map(open));
    } catch (error) {
      console.error(error);
      $("[data-kids]", row)?.setAttribute("aria-expanded", String(kidsOf(row).length > 0));
    } finally {
      const again = row.dataset.opening === "again";
      delete row.dataset.opening;
      if (again && row.isConnected && opened.has(keyOf(row))) await open(row);
    }
  }
  function close(row) {
    $("[data-kids]", row).setAttribute("aria-expanded", "false");
    for (const one of [row, ...kidsOf(row)]) opened.delete(keyOf(one));
    kidsOf(row).forEach((kid) => kid.remove());
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-kids]");
    if (!button) return;
    const row = button.closest("tr");
    if (button.getAttribute("aria-expanded") === "true") close(row);
    else open(row);
  });
  document.addEventListener("oms:rows", async (event) => {
    const shut = (event.detail ?? $$("tr[data-row]")).filter((row) => opened.has(keyOf(row)) && $('[data-kids][aria-expanded="false"]', row));
    const whole = shut.filter((row) => !kidsOf(row).length);   // The list was fetched whole: it stays where it was scrolled to.
    const grid = whole[0]?.closest(".grid");
    const top = grid?.scrollTop;
    const opening = shut.map(open);
    let root = null;
    for (const row of event.detail ? [] : $$("tr[data-row], tr.kid")) {
      if (!row.classList.contains("kid")) root = row;
      else if (!root || (level(row) === 1 && row.dataset.of !== keyOf(root))) row.remove();   // Its row left the list.
    }
    await Promise.all(opening);
    if (grid) grid.scrollTop = top;
  });
  /* Something below an open row changed, though the row itself may not have. */
  document.addEventListener("oms:changed", (event) => {
    const pile = event.detail;
    const names = (key) => { const [subject, id] = (key || "").split(":"); return pile.get(subject)?.has(Number(id)); };
    if (!["block", "route", "execution", "inquiry"].some((subject) => pile.has(subject))) return;
    const roots = $$('tr[data-row]:has([data-kids][aria-expanded="true"])');
    roots.filter((row) => roots.length <= AT_ONCE || kidsOf(row).some((kid) => names(keyOf(kid)))).forEach(open);
  });
})();
