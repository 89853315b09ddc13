// Nobody there: warn, then sign out and show nothing. Input in any tab counts; what a page fetches by itself never does.
const WARN_MS = 120000;  // before the end
const TOLD_EVERY_MS = 60000;  // the server writes a session down no more often
const idleMs = Number(document.body.dataset.idleS) * 1000;
const asking = document.getElementById("idle");
const left = document.getElementById("idle-left");
const opened = Date.now();  // which the server has seen
let told = opened, ending = false;

function lastInput() { return Math.max(opened, Number(localStorage.getItem("here")) || 0); }

async function here() {
  const now = Date.now();
  localStorage.setItem("here", now);
  if (now - told < TOLD_EVERY_MS) return;
  told = now;
  try {
    const answer = await fetch("/here", { method: "POST" });
    if (answer.redirected) location.reload();
  } catch { told = 0; }  // at the next input
}

async function leave() {
  ending = true;
  document.getElementById("content").replaceChildren();
  try { await fetch("/sign-out", { method: "POST" }); } catch { /* the session ends by itself */ }
  location.replace(`/sign-in?next=${encodeURIComponent(location.pathname)}`);
}

function look() {
  if (ending) return;
  const rest = idleMs - (Date.now() - lastInput());
  if (rest <= 0) { leave(); return; }
  if (rest > WARN_MS) { if (asking.open) asking.close(); return; }
  left.textContent = rest < 60000 ? `${Math.ceil(rest / 1000)} s` : `${Math.ceil(rest / 60000)} min`;
  if (!asking.open) asking.showModal();
}

for (const kind of ["pointerdown", "keydown", "wheel", "touchmove"]) {
  document.addEventListener(kind, () => { if (!asking.open) here(); }, { passive: true, capture: true });
}
asking.addEventListener("close", () => { if (idleMs - (Date.now() - lastInput()) <= WARN_MS) here(); });
setInterval(look, 1000);
