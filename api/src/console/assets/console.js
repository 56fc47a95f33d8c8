// The console works without this. With it, what is marked as live is fetched again while somebody looks, a form that
// cannot be taken back asks once more, and a few keys lead to where one often goes.
"use strict";

/** Fetches a part of the page again and again: `data-live` is its address, `data-every` the seconds between. */
function keep(part) {
  const seconds = Math.max(2, Number(part.dataset.every) || 3);
  let failures = 0;
  async function again() {
    if (!document.hidden && !part.contains(document.activeElement)) {
      try {
        const answer = await fetch(part.dataset.live, { headers: { accept: "text/html" }, redirect: "manual" });
        if (answer.type === "opaqueredirect") return location.reload();
        if (!answer.ok) throw new Error(String(answer.status));
        const read = new DOMParser().parseFromString(await answer.text(), "text/html");
        const found = part.dataset.part ? read.querySelector(part.dataset.part) : null;
        part.replaceChildren(...(found ? [found] : read.body.childNodes));
        part.classList.remove("soft");
        failures = 0;
      } catch {
        failures += 1;
        part.classList.add("soft");
      }
    }
    // Who cannot be reached is asked less and less often, once a minute at least.
    setTimeout(again, Math.min(60, seconds * 2 ** Math.min(failures, 5)) * 1000);
  }
  setTimeout(again, seconds * 1000);
}

document.querySelectorAll("[data-live]").forEach(keep);

document.addEventListener("submit", (event) => {
  const asked = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (asked && !window.confirm(asked)) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (event.key === "/") {
    const field = document.querySelector("main input[type=search], main form.filters input");
    if (field) {
      event.preventDefault();
      field.focus();
    }
  } else if (event.key === "[" || event.key === "]") {
    const menu = [...document.querySelectorAll("nav a")];
    const here = menu.findIndex((entry) => entry.hasAttribute("aria-current"));
    menu[here + (event.key === "]" ? 1 : -1)]?.click();
  }
});
