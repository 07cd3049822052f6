"use strict";
// Keeps the page up to date: the bars of transfers that are under way, and from time to time all of the overview.
// Whatever it shows of a transfer is set as text; whole parts come from the page itself, where everything is escaped.
(() => {
  const PAUSE = 2000; // milliseconds between two looks at what is under way
  const RENEWAL = 30000; // milliseconds between two overviews: a page that stands on a wall shows what comes
  const MOST = 12; // transfers that are looked at each time
  const HOUR = 3600000; // milliseconds: times of the last hour are told by their distance
  const TROUBLE = "The app does not answer just now; the page tries again.";
  const OVER = ["attached", "failed", "cancelled"];
  const key = new URLSearchParams(location.search).get("code");
  const headers = key ? { "x-functions-key": key } : {};
  const main = document.getElementById("main");
  const status = document.getElementById("live");
  const view = document.body.dataset.view;
  let renewedAt = Date.now();

  const live = () => [...document.querySelectorAll("[data-live]")];
  const unfinished = () => document.querySelector("[data-unfinished]") !== null;

  function say(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  // --- times: local ones, with UTC in the title ----------------------------------------------------------------------

  function told(at) {
    const ago = Date.now() - at.getTime();
    if (ago >= 0 && ago < 60000) return "just now";
    if (ago >= 0 && ago < HOUR) return `${Math.floor(ago / 60000)} min ago`;
    const time = at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    if (at.toDateString() === new Date().toDateString()) return time;
    return `${at.toLocaleDateString([], { day: "numeric", month: "short", year: "numeric" })}, ${time}`;
  }

  function localize(root) {
    for (const one of root.querySelectorAll("time")) {
      const at = new Date(one.getAttribute("datetime"));
      const exact = one.closest(".history, #as-of") !== null;
      const isToday = at.toDateString() === new Date().toDateString();
      const text = !exact ? told(at) : isToday ? at.toLocaleTimeString() : at.toLocaleString();
      if (!Number.isNaN(at.getTime()) && one.textContent !== text) one.textContent = text;
    }
  }

  // --- renewal: what is there is changed in place, so that focus, scrolling, choices and open parts stay --------------

  const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || null : null);
  const isField = (node) => ["INPUT", "SELECT", "TEXTAREA"].includes(node.nodeName);
  const isLike = (one, other) => one.nodeType === other.nodeType && one.nodeName === other.nodeName;

  function changeAttributes(node, fresh) {
    for (const { name, value } of fresh.attributes) if (node.getAttribute(name) !== value) node.setAttribute(name, value);
    for (const { name } of [...node.attributes]) {
      if (!fresh.hasAttribute(name) && !(node.nodeName === "DETAILS" && name === "open")) node.removeAttribute(name);
    }
  }

  function change(node, fresh) {
    if (node.nodeType !== 1) {
      if (node.data !== fresh.data) node.data = fresh.data;
      return;
    }
    if (isField(node)) return; // what a person has entered or chosen
    changeAttributes(node, fresh);
    changeChildren(node, fresh);
  }

  function changeChildren(node, fresh) {
    const keyed = new Map([...node.childNodes].filter(keyOf).map((child) => [keyOf(child), child]));
    let at = node.firstChild;
    for (const next of [...fresh.childNodes]) {
      const name = keyOf(next);
      let match = name ? keyed.get(name) : at && !keyOf(at) && isLike(at, next) ? at : undefined;
      if (match && !isLike(match, next)) match = undefined;
      if (!match) {
        node.insertBefore(document.adoptNode(next), at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else node.insertBefore(match, at);
      change(match, next);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  // The focused element stays where it is on the screen; where it is gone, its table is focused, or the whole list.
  function renewMain(fresh) {
    const focused = main.contains(document.activeElement) ? document.activeElement : null;
    const around = focused && focused.closest(".scroll");
    const top = focused && focused.getBoundingClientRect().top;
    const { scrollX, scrollY } = window;
    changeChildren(main, fresh);
    window.scrollTo(scrollX, scrollY);
    if (!focused) return;
    const kept = [focused, around, main].find((one) => one && one.isConnected);
    if (document.activeElement !== kept) kept.focus({ preventScroll: true });
    if (kept === focused) window.scrollBy(0, focused.getBoundingClientRect().top - top);
  }

  async function renew() {
    renewedAt = Date.now();
    const answer = await fetch(location.href, { headers, cache: "no-store" });
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    localize(fresh);
    change(document.getElementById("as-of"), fresh.getElementById("as-of"));
    renewMain(fresh.getElementById("main"));
    choose();
  }

  // --- one transfer's progress ----------------------------------------------------------------------------------------

  function show(row, transfer) {
    row.querySelector("[data-percent]").textContent = `${transfer.progress.percent.toFixed(1)} %`;
    row.querySelector("progress").value = transfer.progress.percent;
    const state = row.querySelector("[data-state]");
    state.textContent = transfer.state[0].toUpperCase() + transfer.state.slice(1);
    state.className = `state ${transfer.state}`;
    row.querySelector("[data-waiting]").textContent = transfer.waitingFor ? transfer.waitingFor.title : "";
    if (!OVER.includes(transfer.state)) return false;
    row.removeAttribute("data-live");
    say(`${row.dataset.name}: ${transfer.state}`);
    return true;
  }

  async function look() {
    let ended = false;
    for (const row of live().slice(0, MOST)) {
      const answer = await fetch(`transfers/${encodeURIComponent(row.dataset.live)}`, { headers, cache: "no-store" });
      if (answer.ok) ended = show(row, await answer.json()) || ended;
    }
    localize(document);
    if (ended && view === "transfer") location.reload();
    const isDue = Date.now() - renewedAt >= RENEWAL;
    if ((view === "overview" && (ended || isDue)) || unfinished()) await renew();
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
    if (view === "overview" || live().length || unfinished()) setTimeout(go, PAUSE);
  }

  // --- choosing rows --------------------------------------------------------------------------------------------------

  function choose() {
    const chosen = main.querySelectorAll("input[name=id]:checked").length;
    const count = main.querySelector("[data-chosen]");
    if (count) {
      count.textContent = chosen ? `${chosen} chosen` : "";
      count.closest("form").toggleAttribute("data-any", chosen > 0);
    }
    for (const all of main.querySelectorAll("[data-all]")) all.hidden = false;
  }

  main.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) {
      for (const one of event.target.closest("table").querySelectorAll("input[name=id]")) one.checked = event.target.checked;
    }
    choose();
  });

  localize(document);
  choose();
  setTimeout(go, PAUSE);
})();
