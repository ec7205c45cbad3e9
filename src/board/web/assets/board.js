// hikeshi: what makes pages quicker. Every page works without it (docs/templates.md says how a page
// asks for each of these). No framework, no inline code: the Content-Security-Policy is 'self'.
"use strict";

(() => {
  const each = (root, selector, f) => root.querySelectorAll(selector).forEach(f);

  // --- selecting rows: <input type="checkbox" data-all="row"> in a table ticks every checkbox named
  // "row" there; [data-count="row"] in the same form or panel says how many are ticked.

  const scopeOf = (el) => el.closest("[data-rows]") || el.closest("form, .panel, main") || document;

  const showSelection = (scope, name) => {
    const boxes = [...scope.querySelectorAll(`input[type="checkbox"][name="${CSS.escape(name)}"]`)]
      .filter((box) => !box.disabled);
    const ticked = boxes.filter((box) => box.checked).length;
    each(scope, `[data-all="${CSS.escape(name)}"]`, (all) => {
      all.checked = ticked > 0 && ticked === boxes.length;
      all.indeterminate = ticked > 0 && ticked < boxes.length;
    });
    each(scope, `[data-count="${CSS.escape(name)}"]`, (out) => { out.textContent = String(ticked); });
    return boxes;
  };

  let lastBox = null; // with Shift, all from here on

  document.addEventListener("click", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || box.type !== "checkbox") return;
    const scope = scopeOf(box);
    if (box.dataset.all) {
      each(scope, `input[type="checkbox"][name="${CSS.escape(box.dataset.all)}"]`, (one) => {
        if (!one.disabled) one.checked = box.checked;
      });
      showSelection(scope, box.dataset.all);
      return;
    }
    const boxes = showSelection(scope, box.name);
    const from = boxes.indexOf(lastBox);
    const to = boxes.indexOf(box);
    if (event.shiftKey && from >= 0 && to >= 0) {
      boxes.slice(Math.min(from, to), Math.max(from, to) + 1).forEach((one) => { one.checked = box.checked; });
      showSelection(scope, box.name);
    }
    lastBox = box;
  });

  document.addEventListener("reset", (event) => {
    const form = event.target;
    setTimeout(() => each(document, "[data-all]", (all) => {
      if (form.contains(all) || all.form === form) showSelection(scopeOf(all), all.dataset.all);
    }), 0);
  });

  // --- keyboard: "/" goes to the page's search, Escape closes an open menu and returns to it

  const isTyping = (el) => el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName);

  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event.target)) {
      const field = document.querySelector("main input[type=search]") || document.querySelector("input[type=search]");
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    } else if (event.key === "Escape") {
      const menu = event.target.closest && event.target.closest("details.menu[open]");
      if (!menu) return;
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A menu closes when the focus or a click goes elsewhere.
  const closeMenus = (event) => each(document, "details.menu[open]", (menu) => {
    if (event.target instanceof Node && !menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("click", closeMenus);
  document.addEventListener("focusin", closeMenus);

  // --- forms: choosing sends at once where data-auto says so; the button is for those without script

  document.addEventListener("change", (event) => {
    const form = event.target.form;
    if (form && form.dataset.auto !== undefined) form.requestSubmit();
  });

  // --- live pages: the indicator says when pages follow changes, and when that is broken

  const live = (on) => each(document, ".live[data-on-text]", (el) => {
    el.textContent = on ? el.dataset.onText : el.dataset.offText;
    el.toggleAttribute("data-on", on);
    el.toggleAttribute("data-off", !on);
  });
  document.addEventListener("htmx:sseOpen", () => live(true));
  document.addEventListener("htmx:sseError", () => live(false));

  // A swapped table starts with nothing ticked.
  document.addEventListener("htmx:afterSettle", (event) => {
    each(event.target, "[data-all]", (all) => showSelection(scopeOf(all), all.dataset.all));
  });
})();
