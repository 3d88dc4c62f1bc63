// Opens a gallery picture over the page with its prompt and settings. Arrow keys walk, Escape closes.
// Without this module a picture's link opens the picture itself.

const sprite = document.querySelector("svg.icon use").getAttribute("href").split("#")[0];
let dialog;

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

function control(name, label, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = `lightbox-${name}`;
  button.setAttribute("aria-label", label);
  button.append(icon(name));
  button.addEventListener("click", action);
  return button;
}

// Asked anew each time: the gallery is replaced while previews are being drawn.
const pictures = () => [...document.querySelectorAll("a[data-lightbox]")];

function show(index) {
  const all = pictures();
  const link = all[(index + all.length) % all.length];
  const source = link.querySelector("img");
  const image = new Image(source.width, source.height);
  image.src = link.href;
  image.alt = source.alt;
  image.className = source.naturalWidth <= 320 ? "is-small" : "";
  const recipe = document.getElementById(link.dataset.lightbox)?.cloneNode(true);
  recipe?.removeAttribute("id");
  recipe?.querySelector("img")?.remove();
  const caption = document.createElement("div");
  caption.className = "lightbox-recipe";
  if (recipe) caption.append(...recipe.childNodes);
  dialog.dataset.index = all.indexOf(link);
  dialog.querySelector("figure").replaceChildren(image, ...(recipe ? [caption] : []));
  dialog.classList.toggle("has-one", all.length < 2);
}

function move(step) {
  show(Number(dialog.dataset.index) + step);
}

function build() {
  dialog = document.createElement("dialog");
  dialog.className = "lightbox";
  dialog.setAttribute("aria-label", "Picture");
  dialog.append(
    document.createElement("figure"),
    control("back", "Previous picture", () => move(-1)),
    control("arrow", "Next picture", () => move(1)),
    control("cross", "Close", () => dialog.close()),
  );
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.key === "ArrowLeft") move(-1);
    if (event.key === "ArrowRight") move(1);
  });
  document.body.append(dialog);
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-lightbox]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  if (!dialog) build();
  show(pictures().indexOf(link));
  dialog.showModal();
});
