// The bell in the header: how many notifications are not read. Without a script the link is there all the same.
const bell = document.querySelector("[data-bell]");

if (bell) {
  try {
    const answer = await fetch("/account/notifications/unread", { headers: { accept: "application/json" } });
    const { unread } = answer.ok && !answer.redirected ? await answer.json() : { unread: 0 };
    if (unread > 0) {
      const count = bell.querySelector("[data-bell-count]");
      count.textContent = unread > 99 ? "99+" : String(unread);
      count.hidden = false;
      bell.setAttribute("aria-label", `Notifications, ${unread} new`);
    }
  } catch {
    // The hub does not answer at the moment: the bell stays as it is.
  }
}
