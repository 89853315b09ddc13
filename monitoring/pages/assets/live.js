// Keeps a page's live part as it is on the server: news comes by Server-Sent Events, the part is taken in again, cell by
// cell, and nothing moves under a pointer or a keyboard. Without news it says how old the picture is. It also sends
// what buttons say, on pages without a live part too.
const live = document.getElementById("live");
const link = document.getElementById("link");
const said = document.getElementById("said");
const sound = document.getElementById("sound");
const SOONEST_MS = 200;  // between two looks at the server
const TOGETHER_MS = 50;  // an alert, and who is told of it
const CALM_MS = 4000;  // where the news is a score: what it raises is news of its own
const LATEST_MS = 30000;  // without news: clocks run on
const STILL_MS = 10000;  // a pointer that has rested for so long points at nothing
const AGAIN = "urn:virtual-ward:problem:sign-in-again";  // what was typed stays here meanwhile
let again = false, asking = false, lastAsked = 0, timer = 0, due = 0, source = null, connected = false, pointedAt = 0, goBack = null, released = null;
let seen = new Set(alarms());
let picture = "";  // the last one taken in wholly: a board sends what changed since

function alarms() { return live ? [...live.querySelectorAll("[data-alarm]")].map((one) => one.dataset.alarm + one.getAttribute("href")) : []; }

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
  for (const time of live.querySelectorAll("time[data-at]")) write(time, ago(now - new Date(time.dataset.at)));
  for (const time of live.querySelectorAll("time[data-until]")) {
    const left = new Date(time.dataset.until) - now;
    write(time, ago(left) + ((left < 0 ? time.dataset.behind : time.dataset.ahead) || ""));
  }
  for (const meter of live.querySelectorAll("meter[data-from]")) meter.value = (now - new Date(meter.dataset.from)) / 60000;
  const clock = at().toLocaleTimeString("en-GB", { timeZone: "Europe/London" });
  link.className = connected ? "link on" : "link off";
  write(link, connected ? `Live, as of ${clock}` : `Connection lost. This is the picture of ${clock}, ${ago(now - at())} old`);
}

function write(place, words) { if (place.textContent !== words) place.textContent = words; }

function keyed(key) { return live.querySelector(`[data-key="${CSS.escape(key)}"]`); }

// A patient's row is known by the way to the patient: said once, it weighs half.
function named(part) {
  for (const row of part.querySelectorAll("[data-rows] > tr:not([data-key])")) row.dataset.key = row.querySelector("th a").getAttribute("href");
  return part;
}

function held(element) { return element.contains(document.activeElement) && document.activeElement !== document.body; }

function busy(element) { return held(element) || element.querySelector("details[open]") !== null; }

// What carries a key changes in place, the rows of lists cell by cell; what holds the focus, or an open form, stays.
function takeIn(fresh) {
  let left = false;  // something as it was: it is asked for again
  for (const one of fresh.querySelectorAll("[data-key]")) {
    const old = keyed(one.dataset.key);
    if (!old || one.parentElement?.matches("[data-rows]")) continue;
    Object.assign(old.dataset, one.dataset);
    if (old.innerHTML === one.innerHTML) continue;
    if (busy(old)) left = true; else old.replaceWith(one.cloneNode(true));
  }
  const lists = [...fresh.querySelectorAll("[data-rows]")];
  for (const rows of lists) if (takeInRows(rows)) left = true;
  const kept = new Set(lists.flatMap(order));
  for (const row of live.querySelectorAll("[data-rows] > *")) if (!kept.has(row.dataset.key) && !busy(row)) row.remove();
  const now = lists.find((rows) => rows.dataset.picture)?.dataset.picture;
  if (now && !left) picture = [...kept].every(keyed) ? now : "";
  const waiting = Number(live.querySelector("[data-waiting]").dataset.waiting);
  document.title = (waiting ? `(${waiting}) ` : "") + document.title.replace(/^\(\d+\) /, "");
}

// The keys of a list: where only changed rows were sent it names the others too.
function order(rows) { return [...(rows.dataset.order?.match(/\S+/g) ?? []), ...[...rows.children].map((row) => row.dataset.key)]; }

// Rows, or cards, keep their place while a pointer moves among them or the keyboard is there. Says whether one was left.
function takeInRows(rows) {
  let left = false;
  const body = live.querySelector(`[data-rows="${rows.dataset.rows}"]`);
  const pointed = Date.now() - pointedAt < STILL_MS && matchMedia("(hover: hover)").matches && body.matches(":hover");
  const still = !pointed && !held(body);
  for (const row of rows.children) {
    const old = keyed(row.dataset.key);
    if (!old) { body.append(row.cloneNode(true)); continue; }
    old.className = row.className;
    [...row.children].forEach((cell, number) => {
      const place = old.children[number];
      if (place.innerHTML === cell.innerHTML) return;
      if (busy(place)) left = true; else place.innerHTML = cell.innerHTML;
    });
    if (old.parentElement !== body && !held(old)) body.append(old);
  }
  const wanted = [...new Set(order(rows))].map(keyed).filter((row) => row?.parentElement === body);
  if (still && wanted.some((row, place) => body.children[place] !== row)) body.append(...wanted);
  return left;
}

// The focus returns to what was answered, but not in a picture from before the answer: held, it would stay as it was.
function takeBack(answered) {
  if (answered === null || answered !== goBack) return; // of two answers the later one
  goBack = null;
  if (document.activeElement !== document.body) return;
  const place = keyed(answered.key) || document.getElementById("content");
  (place.querySelector("button, a, summary") || place).focus();
}

function announce() {
  const fresh = alarms().filter((one) => !seen.has(one));
  seen = new Set(alarms());
  if (!fresh.length) return;
  said.textContent = `${fresh.length} new ${live.dataset.alarms}${fresh.length > 1 ? "s" : ""}`;
  if (sound && sound.checked) beep();
}

function beep() {
  const context = new AudioContext(), tone = context.createOscillator(), level = context.createGain();
  tone.frequency.value = 880; level.gain.value = 0.2;
  tone.connect(level).connect(context.destination);
  tone.start(); tone.stop(context.currentTime + 0.35);
  tone.onended = () => context.close();
}

// The next look; an earlier one that is due takes this news in too. Calm ones go by the clock: of a ward's screens at once.
const phase = live ? [...live.dataset.part].reduce((sum, one) => sum * 31 + one.charCodeAt(), 0) % CALM_MS : 0;
function soon() { look(Math.max(Date.now() + TOGETHER_MS, lastAsked + SOONEST_MS)); }
function calmly() { look(Math.ceil((Date.now() + 1 - phase) / CALM_MS) * CALM_MS + phase); }
function look(at) {
  if (due && due <= at) return;
  clearTimeout(timer);
  due = at;
  timer = setTimeout(refresh, at - Date.now());
}

async function refresh() {
  clearTimeout(timer);
  due = 0;
  if (asking) { again = true; return; }
  asking = true;
  lastAsked = Date.now();
  const answered = goBack;
  try {
    const answer = await fetch(live.dataset.part + (picture && `?since=${picture}`), { headers: { Accept: "text/html" } });
    if (answer.redirected) { location.reload(); return; }
    if (answer.ok) {
      const fresh = document.createElement("template");
      fresh.innerHTML = await answer.text();
      await released;
      takeIn(named(fresh.content));
      takeBack(answered);
      announce();
    }
    connected = answer.ok && source.readyState === EventSource.OPEN;
  } catch { connected = false; }
  tick();
  asking = false;
  if (again) { again = false; soon(); }
}

function follow() {
  source = new EventSource(live.dataset.live);
  source.onopen = () => { connected = true; refresh(); };
  source.onerror = () => { connected = false; tick(); if (source.readyState === EventSource.CLOSED) setTimeout(follow, 2000); };
  for (const kind of ["alert", "escalation", "occupancy", "ucr", "system"]) source.addEventListener(kind, soon);
  source.addEventListener("score", calmly);
}

// One tap answers. Of one thing, one after the other, each as one's own before it left the thing.
const turns = {}, newer = {};
export function send(place, said) {
  if (place.dataset.sending) return;
  place.dataset.sending = "yes";  // disabled, it would lose the focus
  const thing = (place.dataset.put || place.dataset.post).replace(/[^/]*$/, "");
  turns[thing] = Promise.resolve(turns[thing]).then(() => post(place, said(), thing));
}

// What went wrong is said beside it, and nothing that was typed is lost.
async function post(place, body, thing) {
  while (newer[thing + body.version]) body.version = newer[thing + body.version];
  const button = place.matches("button") ? place : place.querySelector("button");
  const key = place.dataset.once ||= crypto.randomUUID();  // pressed again: done once
  const method = place.dataset.put ? "PUT" : "POST";
  try {
    const answer = await fetch(place.dataset.put || place.dataset.post, {
      method, body: JSON.stringify(body), headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    });
    delete place.dataset.once;
    if (answer.status === 401) {
      const refused = await answer.json();
      if (refused.type !== AGAIN) { location.reload(); return; }
      delete place.dataset.sending;
      tell(button, refused.detail, "/sign-in/again");
      return;
    }
    if (answer.ok && place.dataset.then) { location.assign(place.dataset.then); return; }
    const now = await answer.json();
    if (answer.ok) { if (now.version > body.version) newer[thing + body.version] = now.version; done(place); } else { tell(button, problem(place, answer.status, now)); }
  } catch {
    tell(button, "No connection: it may not have been sent. Press again, it is done once.");
  }
  delete place.dataset.sending;
  if (live) refresh();
}

function done(place) {
  said.textContent = "Done";
  const card = place.closest("[data-key]");
  goBack = card && { key: card.dataset.key };
  document.activeElement.blur();
  for (const open of card?.querySelectorAll("details[open]") ?? []) open.open = false;
  if (place.matches("form")) place.reset();
}

// What is pressed stays until it is let go, for a second: replaced in between, it would never hear of the press.
document.addEventListener("pointerdown", () => {
  released = new Promise((then) => { setTimeout(then, 1000); addEventListener("pointerup", () => setTimeout(then), { once: true }); });
});
document.addEventListener("pointermove", () => { pointedAt = Date.now(); }, { passive: true });

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-post], button[data-put]");
  if (button) send(button, () => JSON.parse(button.dataset.body || "{}"));
});

function problem(place, status, body) {
  const now = body.current || {};
  if (status === 409 && now.acknowledged_at) return "Somebody was first: it is taken.";
  if (status === 409 && renewed(place, now.version)) {
    const is = [now.severity, now.state].filter(Boolean).join(", ").replaceAll("_", " ");
    return `It changed meanwhile, and is now ${is}. Press again if you still want to.`;
  }
  return (body.errors || []).map((one) => `${one.field.replaceAll("_", " ")}: ${one.reason}`).join("; ") || body.detail || body.title;
}

// Pressed on what was no longer so: who knows it now, and presses again, means what it now is.
function renewed(place, version) {
  const name = place.dataset.body ? "body" : "with", said = JSON.parse(place.dataset[name] || "{}");
  if (!version || !said.version || said.version === version) return false;
  place.dataset[name] = JSON.stringify({ ...said, version });
  return true;
}

function tell(button, words, way) {
  let place = button.nextElementSibling;
  if (!place || !place.classList.contains("fault")) { place = document.createElement("div"); place.className = "fault"; place.setAttribute("role", "alert"); button.after(place); }
  place.textContent = words;
  if (!way) return;
  const link = Object.assign(document.createElement("a"), { href: way, target: "_blank", textContent: "Sign in again in a new window" });
  place.append(" ", link, ", then press here once more.");
}

if (live) {
  named(live);
  if (sound) {
    sound.checked = localStorage.getItem("sound") === "yes";
    sound.addEventListener("change", () => { localStorage.setItem("sound", sound.checked ? "yes" : "no"); if (sound.checked) beep(); });
  }
  follow();
  setInterval(tick, 1000);
  setInterval(() => { if (Date.now() - lastAsked > LATEST_MS) refresh(); }, 5000);
}
