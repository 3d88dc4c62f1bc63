// Parts of the page that change by themselves (previews being drawn, scans under way) name in
// data-refresh where their next state is; they are asked again until they name it no more.

const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 30_000;

async function fetchPart(part) {
  const answer = await fetch(part.dataset.refresh, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${part.dataset.refresh} answered ${answer.status}`);
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = parsed.getElementById(part.id);
  if (!fresh) throw new Error(`${part.dataset.refresh} has no #${part.id}`);
  return fresh;
}

// What a person has opened or focused stays as it was, and only a new text is read out.
function replace(part, fresh) {
  const active = part.contains(document.activeElement) ? document.activeElement : null;
  const place = active ? [...part.querySelectorAll(active.tagName)].indexOf(active) : -1;
  const open = [...part.querySelectorAll("details")].map((details) => details.open);
  fresh.querySelectorAll("details").forEach((details, index) => {
    if (open[index] !== undefined) details.open = open[index];
  });
  const said = part.querySelector("[data-announce]")?.textContent;
  part.replaceWith(fresh);
  if (place >= 0) fresh.querySelectorAll(active.tagName)[place]?.focus({ preventScroll: true });
  const text = fresh.querySelector("[data-announce]")?.textContent ?? fresh.dataset.ready;
  if (text !== said) document.getElementById("announcer").textContent = text;
}

function watch(part) {
  let wait = FIRST_WAIT_MS;
  async function next() {
    if (!document.hidden) {
      try {
        const fresh = await fetchPart(part);
        wait = FIRST_WAIT_MS;
        replace(part, fresh);
        part = fresh;
        if (!part.dataset.refresh) return;
      } catch (error) {
        console.warn("refresh failed, trying again", error);
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      }
    }
    setTimeout(next, wait);
  }
  setTimeout(next, wait);
}

for (const part of document.querySelectorAll("[data-refresh]")) watch(part);
