// Switches between the system's theme, light and dark. The server reads the cookie, so that the next
// page comes in the right colours from its first paint.

const ORDER = ["system", "light", "dark"];
const NAMES = { system: "as the system", light: "light", dark: "dark" };
const YEAR_SECONDS = 31_536_000;

const root = document.documentElement;
const button = document.querySelector("[data-theme-switch]");

function show(theme) {
  root.dataset.theme = theme;
  document.querySelector('meta[name="color-scheme"]').content = theme === "system" ? "light dark" : theme;
  const label = `Colour theme: ${NAMES[theme]}`;
  button.setAttribute("aria-label", label);
  button.title = label;
}

if (button) {
  show(ORDER.includes(root.dataset.theme) ? root.dataset.theme : "system");
  button.addEventListener("click", () => {
    const theme = ORDER[(ORDER.indexOf(root.dataset.theme) + 1) % ORDER.length];
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `easel-theme=${theme}; Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
    show(theme);
    document.getElementById("announcer").textContent = button.title;
  });
}

root.classList.add("scripted");
