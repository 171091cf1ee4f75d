/* One event stream a page. <body data-stream="/stream/?topics=block,route"> opens it; messages are
   {"seq": 7, "subject": "block", "ids": [12, 13], "drawn": false}. An event `rows` brings the rows of the page's list that
   changed, drawn: {"subject": "block", "ids": [12, 13], "rows": "<tr data-row=…"}; they are put in place at once, and what
   a message marked `drawn` says is not asked for again by that list. What follows a message, 250 ms of them together:
   - rows: inside [data-rows-url], rows data-row="block:12" are fetched in one GET data-rows-url?ids=12,13 and
     replaced where they stand; one that does not come back has left the list. With data-insert, unknown ids are
     asked for too, and those that belong to the list appear on top (data-insert="ordered": where they belong). With data-follows="route inquiry", rows that show
     something of those subjects are fetched by GET data-rows-url?route=7,8&inquiry=3 and replaced likewise.
   - panels: elements with data-refresh="block", "block:12" or "*" (several, space separated) get the htmx trigger `refresh`.
   An event `gap` (the server no longer has what we missed) fetches the lists whole, in place: a [data-live-list] by its
   own htmx trigger `refresh`, any other from the page's address. So does an answer 409, for the list's view is another now:
   then what says how the list is shown, [data-with-list] with an id, comes anew too, and the stream is asked for that list.
   An event `beat` only says that the line is alive. A lost stream shows #stream-lost with the age of what is seen. */
(() => {
  "use strict";
  const url = document.body.dataset.stream;
  if (!url) return;
  const { $, $$, announce } = window.oms;
  const { put, swap, take, leafOf, tell: tellRows } = window.oms.rows;
  const TOGETHER = 250;     // ms of messages taken as one
  const MANY = 400;         // changed rows beyond which the list is fetched whole
  const CALM = 5000;        // ms at least between two times that a list is put in order
  const SILENCE = 30000;    // ms without a beat (once one was heard) before the line is called dead
  const AGAIN = 2000;       // ms at least between two fetches of a whole list
  const HEALTH = 10000;     // ms at least between two looks at panels of `health`
  const RESTING = [1000, 10000];  // ms between two looks at one panel: thirty times what the last one took

  let source = null;
  let changed = new Map();  // subject → ids
  let undrawn = new Map();  // What of it the drawn list must ask for
  let timer = null;
  let heardAt = Date.now();
  let beats = false;
  let lost = false;
  let lostAt = 0;
  let trueAt = 0;           // as of when the page is known to be right, once the line is lost
  let wasOpen = false;
  let lastRef = "";
  let wait = 1000;
  let retry = null;
  const busy = new Set();
  const drawn = $("[data-rows-url]");   // The list whose rows the stream may bring.
  let waiting = [];         // Rows brought while a finger is on the page.

  /* Rows */
  async function refreshRows(place, subject, ids) {
    const known = ids.filter((id) => $(`[data-row="${subject}:${id}"]`, place));
    const wanted = place.hasAttribute("data-insert") && (place.dataset.subject ?? subject) === subject ? ids : known;
    if (!wanted.length) return;
    if (wanted.length > MANY) {
      reloadLists();
      return;
    }
    const leaf = await bring(place, { ids: wanted.join(",") });
    const older = leaveOut(place, leaf);
    order(place, put(place, subject, wanted.filter((id) => !older.has(`${subject}:${id}`)), leaf));
  }
  /* New rows of an ordered list: it is fetched whole, unless they come after all that stands here. */
  const apart = new Set();
  let ordering = false;
  async function order(place, ids) {
    ids.forEach((id) => apart.add(id));
    if (ordering || !apart.size) return;
    ordering = true;
    await new Promise((go) => setTimeout(go, TOGETHER));
    const asked = [...apart].slice(-MANY);
    apart.clear();
    try {
      const more = $("[data-more]", place);
      const upto = more && new URL(more.dataset.more, location.href).searchParams.get("after");
      if (!more || (await bring(place, { ids: asked.join(","), upto })).content.querySelector("[data-row]")) reloadLists();
    } catch (error) {
      if (error.status !== 409) console.error(error);
      reloadLists();
    }
    await new Promise((go) => setTimeout(go, AGAIN));
    ordering = false;
    order(place, []);
  }
  /* Rows that the stream brought. What is on its way meanwhile may be older than they are: of rows asked for, those are
     left out, and in a list fetched whole they are put in place again. */
  const overtaken = new Set();          // "subject:id" of rows brought while rows of the list were asked for.
  const brought = [];                   // What was brought while the list was on its way.
  function leaveOut(place, leaf) {
    const older = place === drawn ? overtaken : new Set();
    for (const row of [...leaf.content.querySelectorAll("[data-row]")]) if (older.has(row.dataset.row)) row.remove();
    return older;
  }
  function bringDrawn(said) {
    if (document.hidden || !drawn) return note(said.subject, said.ids);
    if (pressed) return void waiting.push(said);
    if (renewing) brought.push(said);
    if (busy.has(drawn)) said.ids.forEach((id) => overtaken.add(`${said.subject}:${id}`));
    order(drawn, put(drawn, said.subject, said.ids, leafOf(said.rows)));
  }
  async function bring(place, asked) {
    const address = new URL(place.dataset.rowsUrl, location.href);
    for (const [name, value] of Object.entries(asked)) address.searchParams.set(name, value);
    const answer = await fetch(address, { credentials: "same-origin", headers: { "HX-Request": "true", "X-Live": "rows" } });
    if (!answer.ok || answer.redirected) throw Object.assign(new Error(`rows: ${answer.status}`), { status: answer.status });
    return leafOf(await answer.text());
  }
  async function followRows(place, pile) {
    const followed = (place.dataset.follows || "").split(/\s+/).filter((subject) => pile.has(subject));
    if (!followed.length) return;
    if (followed.some((subject) => pile.get(subject).size > MANY)) {
      reloadLists();
      return;
    }
    const leaf = await bring(place, Object.fromEntries(followed.map((subject) => [subject, [...pile.get(subject)].join(",")])));
    leaveOut(place, leaf);
    const swapped = [];
    for (const fresh of [...leaf.content.querySelectorAll("[data-row]")]) {
      const old = $(`[data-row="${CSS.escape(fresh.dataset.row)}"]`, place);
      if (old) swapped.push(swap(old, fresh));
    }
    if (swapped.length) tellRows(swapped);
  }

  /* Panels: never two requests of one at once, and none under a finger: what is pressed must still be there as it comes up. */
  let pressed = null;
  const fieldInUse = (panel) => {
    const at = document.activeElement;
    return panel.contains(pressed) || panel.contains(at) && at.matches("input, textarea, select") || window.oms.dirty(panel);
  };
  function refreshPanels(subject, ids) {
    const topics = new Set([subject, "*", ...ids.map((id) => `${subject}:${id}`)]);
    for (const panel of $$("[data-refresh]")) {
      if (!panel.dataset.refresh.split(/\s+/).some((topic) => topics.has(topic))) continue;
      refreshPanel(panel);
    }
  }
  const looked = new WeakMap();         // panel → when it was last refreshed
  const rests = new WeakMap();          // panel → ms
  const resting = new WeakSet();
  function refreshPanel(panel) {
    if (panel.classList.contains("htmx-request")) panel.dataset.again = "";
    else if (fieldInUse(panel)) panel.classList.add("stale");
    else {
      const left = (rests.get(panel) ?? RESTING[0]) - (Date.now() - (looked.get(panel) ?? 0));
      if (left <= 0) {
        looked.set(panel, Date.now());
        htmx.trigger(panel, "refresh");
      } else if (!resting.has(panel)) {
        resting.add(panel);
        setTimeout(() => { resting.delete(panel); if (panel.isConnected) refreshPanel(panel); }, left);
      }
    }
  }
  document.addEventListener("htmx:afterRequest", (event) => {
    const panel = event.detail.elt;
    if (looked.has(panel)) rests.set(panel, Math.min(Math.max(30 * (Date.now() - looked.get(panel)), RESTING[0]), RESTING[1]));
    if (!panel.dataset || !("again" in panel.dataset)) return;
    delete panel.dataset.again;
    setTimeout(() => panel.isConnected && htmx.trigger(panel, "refresh"), TOGETHER);
  });
  function freshen() {
    for (const panel of $$("[data-refresh].stale")) {
      if (fieldInUse(panel)) continue;
      panel.classList.remove("stale");
      htmx.trigger(panel, "refresh");
    }
  }
  document.addEventListener("focusout", () => setTimeout(freshen, TOGETHER));
  function lift() {
    pressed = null;
    waiting.splice(0).forEach(bringDrawn);
    freshen();
  }
  document.addEventListener("pointerdown", (event) => {
    pressed = event.target;
    setTimeout(lift, 3000);               // A finger lifted outside the window is not told of.
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => setTimeout(lift));

  /* The whole list anew, where it stands: ticks, the current row and what is typed stay. */
  async function renew(places) {
    const address = new URL(window.oms.listUrl(), location.href);
    if (drawn) address.searchParams.set("standing", $$("[data-row]", drawn).length);   // It has gone on since.
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) throw new Error(`list: ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = $$("[data-rows-url]", page);
    const asked = drawn?.dataset.rowsUrl;
    places.forEach((place, at) => {
      const anew = place.id ? page.getElementById(place.id) : fresh[at];
      if (!anew) return;
      const ticked = new Set($$("[data-row]", place).filter((r) => $("input:checked", r)).map((r) => r.dataset.row));
      const stood = $(".on", place)?.dataset.row;
      const focused = place.contains(document.activeElement);
      take(place, anew);
      place.replaceChildren(...document.adoptNode(anew).childNodes);
      for (const row of $$("[data-row]", place)) {
        const tick = ticked.has(row.dataset.row) && $("input[type=checkbox]", row);
        if (tick) tick.checked = true;
        if (row.dataset.row !== stood) continue;
        row.classList.add("on");
        row.setAttribute("aria-current", "true");
        row.tabIndex = 0;
        if (focused) row.focus({ preventScroll: true });
      }
      htmx.process(place);
    });
    if (drawn?.dataset.rowsUrl !== asked) shownAnew(page);
    tellRows();
  }
  /* The list's view is another than before. What the stream drew until now is of the old one; it tells again what changed
     since this page was made. */
  function shownAnew(page) {
    for (const part of $$("[data-with-list]")) {
      const fresh = page.getElementById(part.id);
      if (!fresh) continue;
      part.replaceWith(document.adoptNode(fresh));
      htmx.process(fresh);
    }
    brought.length = waiting.length = 0;
    connect(page.body.dataset.asOf);
    window.oms.toast("The view of this list was changed. It is shown as it is now.", "info");
  }
  let gapped = false;       // The list is to be fetched whole, as soon as somebody looks and the last time is a while ago.
  let reloading = false;
  let renewing = false;     // The list is on its way.
  async function reloadLists() {
    gapped = true;
    if (reloading) return;
    reloading = true;
    while (gapped && !document.hidden) {
      gapped = false;
      for (const list of $$("[data-live-list]")) htmx.trigger(list, "refresh");
      for (const panel of $$("[data-refresh]")) if (!fieldInUse(panel)) htmx.trigger(panel, "refresh");
      try {
        const places = $$("[data-rows-url]").filter((place) => !place.closest("[data-live-list]"));
        renewing = true;
        if (places.length) await renew(places);
      } catch (error) {
        console.error(error);
        gapped = true;
      } finally {
        renewing = false;
        brought.splice(0).forEach(bringDrawn);
      }
      await new Promise((go) => setTimeout(go, AGAIN));
    }
    reloading = false;
  }

  /* Rows that belong elsewhere by what they say now: the list is put in order now and then. */
  let settling = null;
  let orderedAt = 0;
  function putInOrder() {
    settling ??= setTimeout(() => {
      settling = null;
      if (pressed || drawn?.querySelector("tbody input:checked")) return putInOrder();
      orderedAt = Date.now();
      reloadLists();
    }, Math.max(TOGETHER, orderedAt + CALM - Date.now()));
  }
  document.addEventListener("oms:moved", putInOrder);

  /* The pile of changes */
  function note(subject, ids, isDrawn = false) {
    for (const pile of isDrawn ? [changed] : [changed, undrawn]) {
      if (!pile.has(subject)) pile.set(subject, new Set());
      ids.forEach((id) => pile.get(subject).add(id));
    }
    timer ??= setTimeout(flush, TOGETHER);
  }
  async function flush() {
    timer = null;
    if (document.hidden) return;          // Nobody looks: the pile waits for visibilitychange.
    if (busy.size || pressed) {
      timer = setTimeout(flush, TOGETHER);
      return;
    }
    const pile = changed;
    const asked = undrawn;
    changed = new Map();
    undrawn = new Map();
    const of = (place) => place === drawn ? asked : pile;
    for (const [subject, set] of pile) {
      refreshPanels(subject, [...set]);
      for (const place of $$("[data-rows-url]")) {
        const ids = [...of(place).get(subject) ?? []];
        if (ids.length) await asking(place, () => refreshRows(place, subject, ids), new Map([[subject, ids]]));
      }
    }
    for (const place of $$("[data-rows-url][data-follows]")) {
      await asking(place, () => followRows(place, of(place)), of(place));
    }
    document.dispatchEvent(new CustomEvent("oms:changed", { detail: pile }));   // For whatever else stands on the page.
  }
  async function asking(place, ask, what) {
    busy.add(place);
    if (place === drawn) overtaken.clear();
    try {
      await ask();
    } catch (error) {
      if (error.status === 409) return void reloadLists();
      console.error(error);
      for (const [subject, ids] of what) retryLater(subject, [...ids]);
    } finally {
      busy.delete(place);
    }
  }
  /* Rows that could not be fetched are changed still. */
  function retryLater(subject, ids) {
    setTimeout(() => note(subject, ids), 4000);
  }

  /* The line */
  const clock = (at) => new Date(at).toISOString().slice(11, 19);
  function age(milliseconds) {
    const seconds = Math.max(0, Math.round(milliseconds / 1000));
    if (seconds < 100) return `${seconds} s`;
    return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
  }
  function showLine() {
    const banner = $("#stream-lost");
    if (beats && !lost && Date.now() - heardAt > SILENCE) drop();
    const shown = lost && Date.now() - lostAt > 1500;
    banner.hidden = !shown;
    if (shown) $("[data-age]", banner).textContent = `What you see is of ${clock(trueAt)} UTC, ${age(Date.now() - trueAt)} old.`;
    const state = $("[data-live-state]");
    if (state) {
      state.hidden = false;
      $(".dot", state).className = `dot ${lost ? "bad" : source?.readyState === 1 ? "" : "idle"}`;
      $("[data-word]", state).textContent = lost ? "Not live" : source?.readyState === 1 ? "Live" : "Connecting";
    }
  }
  let healthAt = Date.now();
  function heard(event) {
    heardAt = Date.now();
    if (heardAt - healthAt >= HEALTH && !document.hidden) {
      healthAt = heardAt;
      refreshPanels("health", []);
    }
    lastRef = event.lastEventId || lastRef;
    if (lost) {
      lost = false;
      announce("Live updates are back.");
    }
  }
  function lose() {
    if (lost) return;
    lost = true;
    lostAt = Date.now();
    trueAt = beats ? heardAt : lostAt;
    announce("Live updates are lost; reconnecting.");
  }
  function drop() {
    lose();
    if (source?.readyState === EventSource.CONNECTING) return;   // The browser reconnects by itself, with Last-Event-ID.
    source?.close();
    clearTimeout(retry);
    retry = setTimeout(connect, wait);
    wait = Math.min(wait * 2, 15000);
  }
  /* :param asOf: when what the page shows was made; what changed on the way here is told too */
  function connect(asOf = wasOpen ? "" : document.body.dataset.asOf) {
    clearTimeout(retry);
    source?.close();
    const address = url + (asOf ? `&since=${asOf}` : "") + (drawn ? `&list=${encodeURIComponent(drawn.dataset.rowsUrl)}` : "");
    source = new EventSource(address, { withCredentials: true });
    source.onopen = (event) => {
      const missed = wasOpen && lost && !lastRef;
      heard(event);
      wait = 1000;
      if (missed || (wasOpen && source.anew)) reloadLists();
      wasOpen = true;
      showLine();
    };
    source.anew = wasOpen && !asOf;       // A new EventSource forgets Last-Event-ID: what we missed must be fetched.
    source.onmessage = (event) => {
      heard(event);
      const { subject, ids, drawn: isDrawn } = JSON.parse(event.data);
      note(subject, ids, isDrawn);
    };
    source.addEventListener("rows", (event) => { heard(event); bringDrawn(JSON.parse(event.data)); });
    source.addEventListener("beat", (event) => { beats = true; heard(event); });
    source.addEventListener("gap", (event) => { heard(event); reloadLists(); });
    source.onerror = () => { drop(); showLine(); };
  }
  document.addEventListener("oms:outdated", reloadLists);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-reconnect]")) connect();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    if (gapped) reloadLists();
    if (changed.size) flush();
  });
  window.addEventListener("pagehide", () => source?.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) { connect(); reloadLists(); } });
  window.addEventListener("offline", () => { lose(); showLine(); });
  setInterval(showLine, 1000);
  connect();
})();
