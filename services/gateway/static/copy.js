// Copy buttons: anything with data-copy copies that text; a trained word becomes a button of its own.

const COPIED_SHOWN_MS = 1600;
const announcer = document.getElementById("announcer");

async function write(text) {
  try {
    await navigator.clipboard.writeText(text);
    return;
  } catch {
    // Clipboard access needs a secure origin and a permission; a hub on a home network often has neither.
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Error("the browser refused to copy");
}

async function copy(button) {
  const focused = document.activeElement;
  try {
    await write(button.dataset.copy);
    button.classList.add("is-copied");
    announcer.textContent = `Copied ${button.dataset.copy.length > 60 ? "" : button.dataset.copy}`.trim();
    setTimeout(() => button.classList.remove("is-copied"), COPIED_SHOWN_MS);
  } catch (error) {
    announcer.textContent = "Could not copy: select the text and copy it with the keyboard.";
    console.warn("copy failed", error);
  }
  focused?.focus?.();
}

for (const word of document.querySelectorAll("[data-copy-chip]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = word.className;
  button.dir = "auto";
  button.dataset.copy = word.textContent;
  button.title = "Copy";
  button.setAttribute("aria-label", `Copy ${word.textContent}`);
  button.append(...word.childNodes);
  word.replaceWith(button);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
