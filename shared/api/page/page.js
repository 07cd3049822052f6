"use strict";
// Keeps the page up to date: the bars of transfers that are under way, and from time to time all of the overview.
// Whatever it shows of a transfer is set as text; whole parts come from the page itself, where everything is escaped.
(() => {
  const PAUSE = 2000; // milliseconds between two looks at what is under way
  const RENEWAL = 30000; // milliseconds between two overviews: a page that stands on a wall shows what comes
  const MOST = 12; // transfers that are looked at each time
  const TROUBLE = "The app does not answer just now; the page tries again.";
  const OVER = ["attached", "failed", "cancelled"];
  const key = new URLSearchParams(location.search).get("code");
  const headers = key ? { "x-functions-key": key } : {};
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  const isOverview = document.body.dataset.view === "overview";
  let renewedAt = Date.now();

  const live = () => [...document.querySelectorAll("[data-live]")];

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  function show(row, transfer) {
    row.querySelector("[data-percent]").textContent = `${transfer.progress.percent.toFixed(1)} %`;
    row.querySelector("progress").value = transfer.progress.percent;
    const state = row.querySelector("[data-state]");
    state.textContent = transfer.state;
    state.className = `state ${transfer.state}`;
    row.querySelector("[data-waiting]").textContent = transfer.waitingFor ? transfer.waitingFor.title : "";
    if (!OVER.includes(transfer.state)) return false;
    row.removeAttribute("data-live");
    say(`${row.dataset.name}: ${transfer.state}`);
    return true;
  }

  async function look() {
    let ended = false;
    const ids = new Set(live().map((row) => row.dataset.live)); // one transfer may stand in two tables
    for (const id of [...ids].slice(0, MOST)) {
      const answer = await fetch(`transfers/${encodeURIComponent(id)}`, { headers, cache: "no-store" });
      if (!answer.ok) continue;
      const transfer = await answer.json();
      for (const row of live().filter((row) => row.dataset.live === id)) ended = show(row, transfer) || ended;
    }
    if (ended && document.body.dataset.view === "transfer") location.reload();
    if (isOverview && (ended || Date.now() - renewedAt >= RENEWAL)) await renew();
  }

  // Nothing moves under a person's hands: what is focused, open or selected stays, and only the numbers change.
  async function renew() {
    renewedAt = Date.now();
    const answer = await fetch(location.href, { headers, cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.getElementById("as-of").replaceWith(fresh.getElementById("as-of"));
    if (main.contains(document.activeElement) || !getSelection().isCollapsed) {
      for (const count of fresh.querySelectorAll("[data-count]")) {
        const shown = main.querySelector(`[data-count="${count.dataset.count}"]`);
        shown.className = count.className;
        shown.querySelector("b").textContent = count.querySelector("b").textContent;
      }
    } else main.replaceChildren(...fresh.getElementById("main").childNodes);
  }

  async function go() {
    if (!document.hidden) {
      try {
        await look();
        if (status.textContent === TROUBLE) say("");
      } catch {
        say(TROUBLE);
      }
    }
    if (isOverview || live().length) setTimeout(go, PAUSE);
  }

  setTimeout(go, PAUSE);
})();
