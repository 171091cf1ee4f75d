/* The dialog that arranges a list: columns move by their buttons or Alt ↑ and Alt ↓; a comparison offers what its column
   can be compared by. Lists that go on: a row [data-more=url] that is about to come into sight brings the rows after it. */
(() => {
  "use strict";
  const { $, $$ } = window.oms;

  function shift(item, step) {
    const next = step < 0 ? item.previousElementSibling : item.nextElementSibling;
    if (!next) return;
    const at = document.activeElement;
    if (step < 0) next.before(item);
    else next.after(item);
    if (item.contains(at)) at.focus();
    item.scrollIntoView({ block: "nearest" });
    window.oms.announce(`${$("label", item).textContent.trim()}: ${[...item.parentNode.children].indexOf(item) + 1}`);
  }
  function fit(line) {
    const chosen = $("[data-when]", line).selectedOptions[0];
    const operators = $("select[name$=_op]", line);
    for (const group of $$("optgroup", operators)) {
      const fits = !chosen.dataset.kind || group.dataset.kind === chosen.dataset.kind;
      group.hidden = group.disabled = !fits;
    }
    const offered = $$("optgroup:not([hidden]) option", operators);
    if (!offered.includes(operators.selectedOptions[0]) || operators.selectedOptions[0].parentNode.hidden) {
      operators.value = (offered.find((o) => "chosen" in o.dataset) || offered[0]).value;
    }
    $("input", line).placeholder = chosen.dataset.hint || "";
  }
  const ready = () => $$("[data-arrange] .when:has([data-when])").forEach((line) => {
    const kind = $("[data-when]", line).selectedOptions[0].dataset.kind;
    const was = kind && $(`optgroup[data-kind="${kind}"] option[data-chosen]`, line);
    if (was) was.selected = true;
    fit(line);
  });
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "dialog") ready(); });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-when]")) fit(event.target.closest(".when"));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-arrange] [data-shift]");
    if (button) shift(button.closest("li"), Number(button.dataset.shift));
  });
  document.addEventListener("keydown", (event) => {
    const item = event.target.closest?.("[data-arrange] li");
    if (!item || !event.altKey || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
    event.preventDefault();
    shift(item, event.key === "ArrowUp" ? -1 : 1);
  });

  /* The next page of a list. A row that came live meanwhile stands where it stands, once. */
  async function more(mark) {
    if (mark.dataset.busy) return;
    mark.dataset.busy = "1";
    try {
      const answer = await fetch(mark.dataset.more, { credentials: "same-origin", headers: { "HX-Request": "true" } });
      if (answer.status === 409) document.dispatchEvent(new CustomEvent("oms:outdated"));   // The view is another now.
      if (!answer.ok || answer.redirected) throw new Error(`more: ${answer.status}`);
      const leaf = document.createElement("template");
      leaf.innerHTML = await answer.text();
      if (!mark.isConnected) return;
      const body = mark.parentNode;
      const standing = new Set($$("[data-row]", body).map((row) => row.dataset.row));
      const fresh = [...leaf.content.querySelectorAll("tr")].filter((row) => !standing.has(row.dataset.row));
      mark.replaceWith(...fresh);
      fresh.forEach((row) => { htmx.process(row); row.matches("[data-row]") && (row.tabIndex = -1); });
      document.dispatchEvent(new CustomEvent("oms:rows"));
    } catch (error) {
      console.error(error);
      delete mark.dataset.busy;
    }
  }
  /* Sums that came anew: each head of a group and the foot, where they stand. */
  document.addEventListener("htmx:afterSwap", (event) => {
    for (const leaf of $$("template[data-sums]", event.detail.target)) {
      for (const fresh of [...leaf.content.children]) document.getElementById(fresh.id)?.replaceWith(fresh);
      leaf.remove();
    }
  });
  /* By the list that scrolls: a margin reaches beyond the edge of what is the root alone. */
  const arrived = (marks) => marks.forEach((mark) => mark.isIntersecting && more(mark.target));
  const watch = () => $$("[data-more]:not([data-watched])").forEach((mark) => {
    mark.dataset.watched = "";
    new IntersectionObserver(arrived, { root: mark.closest(".grid"), rootMargin: "600px" }).observe(mark);
  });
  document.addEventListener("oms:rows", (event) => { if (!event.detail) watch(); });
  document.addEventListener("click", (event) => {
    const mark = event.target.closest("[data-more]");
    if (mark) more(mark);
  });
  watch();
})();
