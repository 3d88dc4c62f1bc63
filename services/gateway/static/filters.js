// Filter panels close on Escape and on a click elsewhere; sorting applies at once.

const panels = document.querySelectorAll("details.filter");

document.addEventListener("click", (event) => {
  for (const panel of panels) if (!panel.contains(event.target)) panel.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const panel of panels) {
    if (!panel.open) continue;
    panel.open = false;
    panel.querySelector("summary").focus();
  }
});

for (const select of document.querySelectorAll("[data-submit-on-change]")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}
