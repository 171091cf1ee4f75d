/* The ticket speaks the words of the chosen instrument's class: what its quantity is called, which fields and choices it
   has, which order type is proposed. The sketch beside it brings them. What the person said stays as it is. */
(() => {
  "use strict";
  const { $, $$ } = window.oms;
  const form = $("#ticket");
  if (!form) return;
  const said = new Set(form.dataset.said.split(" ").filter(Boolean));
  form.addEventListener("change", (event) => said.add(event.target.name));

  const words = (list) => (list || "").split(" ").filter(Boolean);
  const firstText = (element) => [...element.childNodes].find((n) => n.nodeType === Node.TEXT_NODE && n.textContent.trim());
  function call(name, label, help) {
    const control = form.elements[name];
    const head = $(`label[for="${control.id}"]`, form);
    if (label) firstText(head).textContent = label;
    $(`#${control.id}_helptext`, form).textContent = help;
  }
  /* What the market does not take cannot be chosen; what is chosen already is the server's to refuse. */
  function offer(name, taken) {
    for (const option of form.elements[name].options) {
      option.hidden = option.disabled = Boolean(option.value) && !taken.includes(option.value) && !option.selected;
    }
  }

  function speak(of) {
    const hides = words(of.hides);
    for (const part of $$("[data-field]", form)) {
      part.hidden = hides.includes(part.dataset.field) && !$(".errors", part);
    }
    const { order_type: type, limit_price: limit, side, intent } = form.elements;
    if (!said.has("order_type") && !limit.value.trim()) type.value = of.type;
    window.oms.showTerms();
    offer("order_type", words(of.orderTypes));
    offer("tif", words(of.tifs));
    call("qty", of.label, of.help);
    call("limit_price", "", of.priceHelp);
    intent.options[0].textContent = of.unit;
    const fund = of.class === "FUND";
    for (const option of side.options) {
      if (option.value === "BUY") option.textContent = fund ? "Subscribe" : "Buy";
      if (option.value === "SELL") option.textContent = fund ? "Redeem" : "Sell";
      if (option.value === "SELL_SHORT") option.hidden = option.disabled = "noShort" in of && !option.selected;
    }
  }
  document.addEventListener("htmx:afterSwap", (event) => {
    const told = event.detail.target.id === "sketch" && $("[data-class]", event.detail.target);
    if (told) speak(told.dataset);
  });
})();
