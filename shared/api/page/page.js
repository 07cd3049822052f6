"use strict";
// Keeps the bars of transfers that are under way up to date. Everything it shows is set as text.
(() => {
  const PAUSE = 2000; // milliseconds between two looks
  const MOST = 12; // transfers that are looked at each time
  const OVER = ["attached", "failed", "cancelled"];
  const key = new URLSearchParams(location.search).get("code");
  const headers = key ? { "x-functions-key": key } : {};
  const status = document.getElementById("live");

  const rows = () => [...document.querySelectorAll("[data-live]")].slice(0, MOST);

  function show(row, transfer) {
    const bar = row.querySelector("progress");
    const percent = row.querySelector("[data-percent]");
    const state = row.querySelector("[data-state]");
    bar.value = transfer.progress.percent;
    percent.textContent = `${transfer.progress.percent.toFixed(1)} %`;
    state.textContent = transfer.state;
    if (!OVER.includes(transfer.state)) return false;
    state.className = `state ${transfer.state}`;
    row.removeAttribute("data-live");
    status.textContent = `${row.dataset.name}: ${transfer.state}`;
    return true;
  }

  async function look() {
    let ended = false;
    for (const row of rows()) {
      const answer = await fetch(`transfers/${encodeURIComponent(row.dataset.live)}`, { headers, cache: "no-store" });
      if (answer.ok) ended = show(row, await answer.json()) || ended;
    }
    if (ended && document.body.dataset.view === "transfer") location.reload();
  }

  async function go() {
    if (!document.hidden) {
      try {
        await look();
      } catch {
        status.textContent = "The app does not answer just now; the page tries again.";
      }
    }
    if (rows().length) setTimeout(go, PAUSE);
  }

  if (rows().length) setTimeout(go, PAUSE);
})();
