// Suggestions below the search box: a combobox with a list, as the ARIA Authoring Practices describe it.
// The lines come ready from the address in data-suggest; without this script the box is a plain search.

const PAUSE_MS = 120;
const LONGEST = 200;
const ONE_IS_ENOUGH = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;

function attach(box) {
  const input = box.querySelector("input");
  const list = document.createElement("div");
  Object.assign(list, { id: "suggestions", className: "suggestions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  box.append(list);
  const state = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
  for (const [name, value] of Object.entries(state)) input.setAttribute(name, value);

  let timer, running, typed;
  const options = () => [...list.querySelectorAll("[role=option]")];
  const active = () => list.querySelector("[aria-selected=true]");

  function select(option) {
    active()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function show(isOpen) {
    select(null);
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
  }

  function stop() {
    clearTimeout(timer);
    running?.abort();
    typed = undefined;
    show(false);
  }

  async function ask(text) {
    running?.abort();
    const request = (running = new AbortController());
    try {
      const answer = await fetch(`${box.dataset.suggest}?${new URLSearchParams({ query: text })}`, {
        signal: request.signal,
      });
      if (!answer.ok) throw new Error(`suggestions answered ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (request.signal.aborted) return;
      list.replaceChildren(...page.body.childNodes);
      const count = options().length;
      show(count > 0);
      if (count) document.getElementById("announcer").textContent = `${count} suggestions`;
    } catch (error) {
      if (request.signal.aborted) return;
      console.warn("no suggestions", error);
      show(false);
    }
  }

  function changed() {
    const text = input.value.trim().slice(0, LONGEST);
    if (text === typed) return;
    const isEnough = [...text].length >= 2 || ONE_IS_ENOUGH.test(text);
    if (!isEnough) return stop();
    typed = text;
    clearTimeout(timer);
    timer = setTimeout(ask, PAUSE_MS, text);
  }

  function move(step) {
    const all = options();
    const place = all.indexOf(active()) + step;
    // Past either end the box itself comes in between.
    select(place === -2 ? all.at(-1) : (all[place] ?? null));
  }

  input.addEventListener("input", (event) => event.isComposing || changed());
  input.addEventListener("compositionend", changed);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const isArrow = event.key === "ArrowDown" || event.key === "ArrowUp";
    if (isArrow && list.hidden && options().length && typed) {
      event.preventDefault();
      show(true);
      if (!event.altKey) move(event.key === "ArrowDown" ? 1 : -1);
    } else if (list.hidden) return;
    else if (isArrow && event.altKey) show(false);
    else if (isArrow) {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && active()) {
      event.preventDefault();
      active().click();
    } else if (event.key === "Escape") {
      event.preventDefault(); // the first one closes the list, the second empties the box
      event.stopPropagation();
      show(false);
    }
  });
  input.form.addEventListener("submit", stop);
  box.addEventListener("focusout", (event) => box.contains(event.relatedTarget) || stop());
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the box
}

for (const box of document.querySelectorAll("[data-suggest]")) attach(box);
