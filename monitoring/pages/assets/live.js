// Keeps a page's live part as it is on the server: news comes by Server-Sent Events, the part is taken in again, cell by
// cell, and nothing moves under a pointer or a keyboard. Without news it says how old the picture is.
"use strict";

const live = document.getElementById("live");
const link = document.getElementById("link");
const said = document.getElementById("said");
const sound = document.getElementById("sound");
const SOONEST_MS = 1000;  // between two looks at the server
const LATEST_MS = 30000;  // without news: clocks run on
let asking = false, again = false, lastAsked = 0, source = null, connected = false;
let seen = new Set(alerts());

function alerts() {
  return [...live.querySelectorAll("a.chip.red, a.chip.critical")].map((one) => one.getAttribute("href"));
}

function at() { return new Date(live.querySelector("[data-at]").dataset.at); }

function ago(ms) {
  const minutes = Math.floor(Math.abs(ms) / 60000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 6 && minutes % 60) return `${hours} h ${minutes % 60} min`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

function tick() {
  const now = Date.now();
  for (const time of live.querySelectorAll("time[data-at]")) time.textContent = ago(now - new Date(time.dataset.at));
  for (const time of live.querySelectorAll("time[data-until]")) time.textContent = ago(new Date(time.dataset.until) - now);
  const old = now - at();
  const clock = at().toLocaleTimeString("en-GB", { timeZone: "Europe/London" });
  link.className = connected ? "link on" : "link off";
  link.textContent = connected ? `Live, as of ${clock}` : `Connection lost. This is the picture of ${clock}, ${ago(old)} old`;
}

function busy(element) {
  return element.contains(document.activeElement) && document.activeElement !== document.body;
}

// What carries a key changes in place, cell by cell where it has cells; what holds the focus, or an open form, stays.
function takeIn(fresh) {
  const before = new Map([...live.querySelectorAll("[data-key]")].map((one) => [one.dataset.key, one]));
  for (const one of fresh.querySelectorAll("[data-key]:not(tr)")) {
    const old = before.get(one.dataset.key);
    if (!old || busy(old) || old.querySelector("details[open]")) continue;
    if (old.innerHTML !== one.innerHTML) old.replaceWith(one); else Object.assign(old.dataset, one.dataset);
  }
  takeInRows(fresh, before);
  const waiting = Number(live.querySelector("[data-waiting]").dataset.waiting);
  document.title = (waiting ? `(${waiting}) ` : "") + document.title.replace(/^\(\d+\) /, "");
}

// Rows keep their place while a pointer or the keyboard is among them.
function takeInRows(fresh, before) {
  const body = live.querySelector("tbody[data-rows]");
  if (!body) return;
  const wanted = [...fresh.querySelectorAll("tbody[data-rows] > tr")], still = !body.matches(":hover") && !busy(body);
  for (const row of wanted) {
    const old = before.get(row.dataset.key);
    if (!old) { body.append(row.cloneNode(true)); continue; }
    old.className = row.className;
    for (const cell of row.querySelectorAll("[data-cell]")) {
      const place = old.querySelector(`[data-cell="${cell.dataset.cell}"]`);
      if (place.innerHTML !== cell.innerHTML && !busy(place)) place.innerHTML = cell.innerHTML;
    }
  }
  const kept = new Set(wanted.map((row) => row.dataset.key));
  for (const row of [...body.children]) if (!kept.has(row.dataset.key) && !busy(row)) row.remove();
  if (still) for (const row of wanted) body.append(body.querySelector(`[data-key="${row.dataset.key}"]`));
}

function announce() {
  const fresh = alerts().filter((one) => !seen.has(one));
  seen = new Set(alerts());
  if (!fresh.length) return;
  said.textContent = `${fresh.length} new red or critical alert${fresh.length > 1 ? "s" : ""}`;
  if (sound && sound.checked) beep();
}

function beep() {
  const context = new AudioContext(), tone = context.createOscillator(), level = context.createGain();
  tone.frequency.value = 880; level.gain.value = 0.2;
  tone.connect(level).connect(context.destination);
  tone.start(); tone.stop(context.currentTime + 0.35);
  tone.onended = () => context.close();
}

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  const wait = SOONEST_MS - (Date.now() - lastAsked);
  if (wait > 0) await new Promise((done) => setTimeout(done, wait));
  lastAsked = Date.now();
  try {
    const answer = await fetch(live.dataset.part, { headers: { Accept: "text/html" } });
    if (answer.redirected) { location.reload(); return; }
    if (answer.ok) {
      const fresh = document.createElement("template");
      fresh.innerHTML = await answer.text();
      takeIn(fresh.content);
      announce();
      connected = source.readyState === EventSource.OPEN;
    }
  } catch { connected = false; }
  tick();
  asking = false;
  if (again) { again = false; refresh(); }
}

function follow() {
  source = new EventSource(live.dataset.live);
  source.onopen = () => { connected = true; refresh(); };
  source.onerror = () => { connected = false; tick(); if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000); };
  for (const kind of ["alert", "escalation", "score", "occupancy", "ucr", "system"]) source.addEventListener(kind, refresh);
}

// One tap answers; what went wrong is said beside it, and nothing that was typed is lost.
async function send(place, path, body) {
  const button = place.matches("button") ? place : place.querySelector("button");
  button.disabled = true;
  const key = place.dataset.once ||= crypto.randomUUID();  // pressed again after a lost answer: done once
  try {
    const answer = await fetch(path, {
      method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    });
    delete place.dataset.once;
    if (answer.ok) { done(place); } else { tell(button, problem(answer.status, await answer.json())); }
  } catch {
    tell(button, "No connection: it may not have been sent. Press again, it is done once.");
  }
  button.disabled = false;
  refresh();
}

function done(place) {
  said.textContent = "Done";
  document.activeElement.blur();
  if (place.matches("form")) { place.reset(); place.closest("details").open = false; }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post]");
  if (button) send(button, button.dataset.post, JSON.parse(button.dataset.body || "{}"));
});

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  const body = JSON.parse(form.dataset.with || "{}");
  for (const field of form.elements) {
    if (!field.name || field.value === "") continue;
    const ahead = field.dataset.minutes === undefined ? null : Date.now() + field.value * 60000;
    body[field.name] = ahead ? new Date(ahead).toISOString() : field.value;
  }
  send(form, form.dataset.post, body);
});

function problem(status, body) {
  const now = body.current || {};
  if (status === 409 && now.acknowledged_at) return "Somebody was first: it is taken.";
  return (body.errors || []).map((one) => `${one.field}: ${one.reason}`).join("; ") || body.detail || body.title;
}

function tell(button, words) {
  let place = button.nextElementSibling;
  if (!place || !place.classList.contains("fault")) { place = document.createElement("div"); place.className = "fault"; place.setAttribute("role", "alert"); button.after(place); }
  place.textContent = words;
}

if (live) {
  if (sound) {
    sound.checked = localStorage.getItem("sound") === "yes";
    sound.addEventListener("change", () => { localStorage.setItem("sound", sound.checked ? "yes" : "no"); if (sound.checked) beep(); });
  }
  follow();
  setInterval(tick, 1000);
  setInterval(() => { if (Date.now() - lastAsked > LATEST_MS) refresh(); }, 5000);
}
