/* Rows that open in place: a button [data-kids=url] in a row brings the rows of its parts (tr.kid) below it, and takes
   them away again. A row that was replaced because it changed brings the parts that stood below it anew. */
(() => {
  "use strict";
  const kidsOf = (row) => {
    const kids = [];
    for (let at = row.nextElementSibling; at?.classList.contains("kid"); at = at.nextElementSibling) kids.push(at);
    return kids;
  };
  async function open(button) {
    const row = button.closest("tr");
    button.setAttribute("aria-expanded", "true");
    const answer = await fetch(button.dataset.kids, { credentials: "same-origin", headers: { "HX-Request": "true" } });
    if (!answer.ok || answer.redirected) {
      button.setAttribute("aria-expanded", String(kidsOf(row).length > 0));
      return;
    }
    const leaf = document.createElement("template");
    leaf.innerHTML = await answer.text();
    kidsOf(row).forEach((kid) => kid.remove());
    const fresh = [...leaf.content.querySelectorAll("tr")];
    row.after(...fresh);
    fresh.forEach((kid) => htmx.process(kid));
  }
  function close(button) {
    button.setAttribute("aria-expanded", "false");
    kidsOf(button.closest("tr")).forEach((kid) => kid.remove());
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-kids]");
    if (!button) return;
    if (button.getAttribute("aria-expanded") === "true") close(button);
    else open(button);
  });
  document.addEventListener("oms:rows", () => {
    for (const button of document.querySelectorAll('[data-kids][aria-expanded="false"]')) {
      if (kidsOf(button.closest("tr")).length) open(button);
    }
    for (const kid of document.querySelectorAll("tr.kid")) {
      let owner = kid.previousElementSibling;
      while (owner?.classList.contains("kid")) owner = owner.previousElementSibling;
      if (!owner || owner.dataset.row !== kid.dataset.of) kid.remove();   // Its block left the list.
    }
  });
})();
