/* What every page does: theme, menus, toasts, refusals, dialogs, the finder (Ctrl K), the list of keys (?) and
   one-letter actions. No state but the two cookies `theme` and `letters`, which the server reads back. */
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = document.documentElement;

  const remember = (name, value) => {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`;
  };

  /* Whether the keyboard belongs to a field just now. */
  const typing = (target) =>
    target.isContentEditable || target.matches("textarea, select, input:not([type=checkbox], [type=radio], [type=button])");
  const visible = (element) => element.getClientRects().length > 0;
  /* Whether somebody typed something into this region that the server has not got. */
  const dirty = (region) =>
    $$("textarea, input:not([type=checkbox], [type=radio], [type=hidden])", region).some((f) => f.value !== f.defaultValue);
  const modal = () => $("dialog[open]");

  /* Toasts: oms.toast("Routed 31 orders", "ok"); tones: ok, warning, error, info. Errors stay until closed. */
  function toast(text, tone = "ok") {
    const box = document.createElement("div");
    box.className = `toast ${tone}`;
    if (tone === "error") box.setAttribute("role", "alert");
    const line = document.createElement("p");
    line.textContent = text;
    box.append(line);
    show(box, tone === "error" ? 0 : 8000);
  }
  function show(box, milliseconds) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "close";
    close.dataset.dismiss = "";
    close.setAttribute("aria-label", "Dismiss");
    close.textContent = "×";
    box.append(close);
    const toasts = $("#toasts");
    toasts.append(box);
    while (toasts.children.length > 4) toasts.firstElementChild.remove();
    if (milliseconds) setTimeout(() => box.remove(), milliseconds);
  }
  const announce = (text) => { $("#announce").textContent = text; };

  window.oms = { $, $$, typing, visible, dirty, modal, toast, announce };

  /* Theme and letters */
  function showTheme() {
    $$("[data-theme-choice]").forEach((b) => b.setAttribute("aria-pressed", b.dataset.themeChoice === root.dataset.theme));
  }
  function chooseTheme(theme) {
    root.dataset.theme = theme;
    remember("theme", theme);
    showTheme();
  }
  const lettersOn = () => root.dataset.letters !== "off";

  /* Dialogs. #dialog is filled by htmx and opens by itself; data-close shuts whatever it stands in. */
  function open(dialog) {
    if (!dialog.open) dialog.showModal();
  }
  function openKeys() {
    const list = $("#keys [data-page-keys]");
    const seen = new Set();
    list.replaceChildren();
    for (const element of $$("[data-key]").filter(visible)) {
      const key = element.dataset.key;
      if (seen.has(key)) continue;
      seen.add(key);
      const term = document.createElement("dt");
      const mark = document.createElement("kbd");
      mark.textContent = key.toUpperCase();
      term.append(mark);
      const words = element.cloneNode(true);
      $$("kbd", words).forEach((k) => k.remove());
      const meaning = document.createElement("dd");
      meaning.textContent = element.dataset.keyLabel || words.textContent.trim();
      list.append(term, meaning);
    }
    $("#keys [data-page-keys-head]").hidden = seen.size === 0;
    $("#keys [data-letters-choice]").checked = lettersOn();
    open($("#keys"));
  }
  function openFinder() {
    const finder = $("#find");
    if (!finder) return;
    open(finder);
    $("input", finder).select();
  }
  function moveHit(step) {
    const hits = $$("#find .hit");
    if (!hits.length) return;
    const at = hits.findIndex((h) => h.getAttribute("aria-selected") === "true");
    const next = hits[(at + step + hits.length) % hits.length];
    hits.forEach((h) => h.setAttribute("aria-selected", h === next));
    next.id ||= `hit-${hits.indexOf(next)}`;
    $("#find input").setAttribute("aria-activedescendant", next.id);
    next.scrollIntoView({ block: "nearest" });
  }

  /* One letter an action: presses the visible control with that data-key, one in the drawer or a dialog first. */
  function press(letter) {
    const match = `[data-key="${CSS.escape(letter)}"]`;
    const control = [...$$(`#drawer ${match}`), ...$$(match)].find((c) => visible(c) && !c.disabled);
    if (!control) return false;
    if (control.matches("input:not([type=checkbox], [type=radio]), textarea, select")) control.focus();
    else control.click();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openFinder();
      return;
    }
    const finder = $("#find");
    if (finder?.open) {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        moveHit(event.key === "ArrowDown" ? 1 : -1);
      } else if (event.key === "Enter" && event.target.matches("input")) {
        event.preventDefault();
        ($("#find .hit[aria-selected=true]") || $("#find .hit"))?.click();
      } else if (event.key === "Escape") {
        event.preventDefault();           // A search field would only empty itself.
        finder.close();
      }
      return;
    }
    if (event.key === "Escape") $$("details.me[open]").forEach((d) => { d.open = false; $("summary", d).focus(); });
    if (modal() || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === "?") {
      event.preventDefault();
      openKeys();
    } else if (event.key.length === 1 && event.key !== " " && lettersOn() && press(event.key.toLowerCase())) {
      event.preventDefault();
    }
  });

  document.addEventListener("click", (event) => {
    const target = event.target;
    const theme = target.closest("[data-theme-choice]");
    if (theme) chooseTheme(theme.dataset.themeChoice);
    if (target.closest("[data-open-keys]")) openKeys();
    if (target.closest("[data-open-find]")) openFinder();
    if (target.closest("[data-dismiss]")) target.closest(".toast, .problem").remove();
    if (target.closest("[data-close]") || target instanceof HTMLDialogElement) target.closest("dialog")?.close();
    if (target.closest("[data-print]")) window.print();
    if (target.closest("[data-reload]")) location.reload();
    $$("details.me[open]").forEach((d) => { if (!d.contains(target)) d.open = false; });
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-letters-choice]")) {
      root.dataset.letters = event.target.checked ? "on" : "off";
      remember("letters", root.dataset.letters);
    }
    if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
  });

  /* htmx: a refusal (problem partial or problem details) becomes a toast; a form comes back where it was sent from with
     422, or with HX-Reswap and any status. */
  const SIGN_IN = "/accounts/login/";
  const reads = (xhr) => xhr.getResponseHeader("Content-Type") || "";
  function problemOf(xhr) {
    if (reads(xhr).includes("html")) {
      const page = new DOMParser().parseFromString(xhr.responseText, "text/html");
      return page.querySelector("[data-problem]");
    }
    if (reads(xhr).includes("json")) {
      const said = JSON.parse(xhr.responseText);
      const box = document.createElement("div");
      box.className = "problem";
      for (const words of [said.title, said.detail].filter(Boolean)) {
        const line = document.createElement("p");
        line.textContent = words;
        box.append(line);
      }
      return box.children.length ? box : null;
    }
    return null;
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (new URL(xhr.responseURL || location.href).pathname.startsWith(SIGN_IN) && !location.pathname.startsWith(SIGN_IN)) {
      event.detail.shouldSwap = false;    // The page to sign in at does not belong into a part of this one.
      if (!event.detail.elt.matches("[data-refresh]")) {
        toast("You are signed out, so this has not happened. What you typed stands: sign in in another window, then repeat it.", "error");
      }
      return;
    }
    if (xhr.status < 400) return;
    const problem = problemOf(xhr);
    const form = xhr.status === 422 || xhr.getResponseHeader("HX-Reswap");
    event.detail.shouldSwap = Boolean(form && reads(xhr).includes("html") && !problem);
    if (event.detail.shouldSwap) {
      event.detail.isError = false;
    } else if (problem) {
      problem.setAttribute("role", "alert");
      show(document.adoptNode(problem), 0);
    } else {
      const ref = xhr.getResponseHeader("X-Request-Ref");
      toast(`The server could not do this (${xhr.status}). Nothing on this page has changed; try again, and if it stays, `
        + `tell support${ref ? ` this reference: ${ref}` : ""}.`, "error");
    }
  });
  document.addEventListener("htmx:sendError", () => {
    toast("No answer from the server: what you asked for may not have happened. Check the connection and look again before repeating it.", "error");
  });
  document.addEventListener("htmx:timeout", () => {
    toast("The server took too long: what you asked for may still happen. Look again before repeating it.", "error");
  });
  /* Terms of an order: a field that only some order types or times in force have stands there with them. */
  function showTerms() {
    for (const terms of $$(".terms")) {
      terms.dataset.type = $("[name=order_type]", terms)?.value ?? "";
      terms.dataset.side = $("[name=side]", terms)?.value ?? terms.dataset.side ?? "";
      terms.dataset.tif = $("[name=tif]", terms)?.value ?? "";
    }
  }
  /* A list that hangs on another offers what goes with what is chosen there. */
  function narrow() {
    for (const list of $$("select[data-hangs-on]")) {
      const chosen = list.form?.elements[list.dataset.hangsOn]?.value ?? "";
      for (const group of $$("optgroup", list)) group.hidden = group.disabled = group.label !== chosen;
      if (list.selectedOptions[0]?.closest("optgroup[disabled]")) list.value = "";
    }
  }
  document.addEventListener("change", (event) => { if (event.target.matches("select")) narrow(); });
  document.addEventListener("htmx:afterSwap", narrow);
  narrow();
  window.oms.showTerms = showTerms;
  document.addEventListener("change", (event) => { if (event.target.closest(".terms")) showTerms(); });
  document.addEventListener("htmx:afterSwap", showTerms);
  showTerms();

  document.addEventListener("htmx:afterSwap", (event) => {
    const { target } = event.detail;
    if (target.id === "dialog" && target.children.length) open(target);
    if (target.id === "find-results") {
      moveHit(1);
      announce(`${$$("#find .hit").length} found`);
    }
  });
  document.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.tone));
  document.addEventListener("closeDialog", () => $("#dialog")?.close());
  $("#dialog")?.addEventListener("close", (event) => event.target.replaceChildren());

  /* Ages grow while the page stands, by the server's clock. Written as show.ago writes them. */
  const ahead = Date.now() / 1000 - Number(document.body.dataset.asOf || Date.now() / 1000);
  function age(seconds) {
    if (seconds < 99.5) return `${Math.round(seconds)} s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes} min`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, "0")}` : `${Math.floor(hours / 24)} d`;
  }
  setInterval(() => {
    if (document.hidden) return;
    const now = Date.now() / 1000 - ahead;
    for (const place of $$("time[data-ago]")) {
      const words = age(Math.max(0, now - Number(place.dataset.ago)));
      if (place.textContent !== words) place.textContent = words;
    }
  }, 5000);

  showTheme();
  requestAnimationFrame(() => setTimeout(() => root.classList.add("painted")));
})();
