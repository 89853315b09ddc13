// Sends what forms say, as buttons are sent.
import { send } from "/assets/live.js";

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-post]");
  if (!form) return;
  event.preventDefault();
  send(form, () => body(form));
});

function body(form) {
  const said = JSON.parse(form.dataset.with || "{}");
  for (const field of form.elements) {
    if (!field.name || field.value === "") continue;
    if (field.type === "checkbox") { // several of one name are a list
      if (field.checked) said[field.name] = [...(said[field.name] || []), field.value];
      continue;
    }
    if (field.type === "number") {
      said[field.name] = field.valueAsNumber;
      continue;
    }
    const ahead = field.dataset.minutes === undefined ? null : Date.now() + field.value * 60000;
    const when = field.type === "datetime-local" ? field.value : ahead;
    said[field.name] = when === null ? field.value : new Date(when).toISOString();
  }
  return said;
}
