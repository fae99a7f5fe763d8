// What the playground's page does: it sends what stands in the form, and shows what it is given.  Every word and every
// piece of page comes from the service; nothing is kept in the browser.
"use strict";

const place = document.getElementById("playground");
const form = document.getElementById("chart");
const status = document.getElementById("status");
const result = document.getElementById("result");
const words = place.dataset;
const session = document.querySelector("meta[name=foramen-session]").content;
let latest = 0;

async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Foramen-Session": session };
  const reply = await fetch(words.root + path, { method: "POST", headers, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(await refusal(reply));
  return reply.json();
}

async function refusal(reply) {
  const said = await reply.json().catch(() => ({}));
  const issue = (said.issue || [{}])[0];
  return `${words.failed} ${reply.status} ${issue.diagnostics || ""} ${(issue.expression || []).join(", ")}`;
}

// Ask the service itself, then let the answer be explained.  Whoever asks again meanwhile sees the later answer alone.
async function ask(made, after = "") {
  const mine = ++latest;
  status.textContent = words.running;
  place.setAttribute("aria-busy", "true");
  try {
    const { service, request } = await made();
    const response = await post(`cds-services/${service}`, request);
    const { html } = await post("playground/explain", { service, request, response });
    if (mine !== latest) return;
    result.innerHTML = html;
    prepare();
    status.textContent = [after, words.done].join(" ").trim();
    result.focus({ preventScroll: true });
    result.scrollIntoView({ block: "start" });
  } catch (error) {
    if (mine !== latest) return;
    result.replaceChildren();
    status.textContent = error instanceof TypeError ? words.unreachable : error.message;
  } finally {
    if (mine === latest) place.removeAttribute("aria-busy");
  }
}

function filled() {
  const said = new FormData(form);
  return { ...Object.fromEntries(said), orders: said.getAll("orders") };
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  ask(() => post("playground/request", filled()));
});

for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", async () => {
    const reply = await fetch(`${words.root}playground/samples/${button.dataset.sample}`);
    const sample = await reply.json();
    for (const name of ["codes", "date", "setting", "note", "report"]) form.elements[name].value = sample[name];
    for (const box of form.querySelectorAll("[name=orders]")) box.checked = sample.orders.includes(box.value);
    for (const other of document.querySelectorAll("[data-sample]")) other.setAttribute("aria-pressed", other === button);
    form.requestSubmit();
  });
}

// --- a hook request from a file ---

async function load(file) {
  const services = Object.fromEntries([...form.elements.hook.options].map((one) => [one.value, one.dataset.service]));
  let request = null;
  try {
    request = JSON.parse(await file.text());
  } catch {
    request = null;
  }
  const service = request && services[request.hook];
  if (!service) {
    latest++;
    result.replaceChildren();
    status.textContent = words.unreadable;
    return;
  }
  ask(async () => ({ service, request }), `${words.loaded} ${file.name}.`);
}

document.getElementById("file").addEventListener("change", (event) => {
  if (event.target.files.length) load(event.target.files[0]);
  event.target.value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  place.classList.add("over");
});
document.addEventListener("dragleave", () => place.classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  place.classList.remove("over");
  if (event.dataTransfer.files.length) load(event.dataTransfer.files[0]);
});

// --- what was shown ---

function prepare() {
  for (const note of result.querySelectorAll(".note")) {
    const first = note.querySelector("mark");
    if (first) first.tabIndex = 0;
  }
}

function explain(target) {
  const mark = target instanceof Element && target.closest("mark[data-said]");
  if (mark) document.getElementById("means").textContent = mark.dataset.said;
}

result.addEventListener("mouseover", (event) => explain(event.target));
result.addEventListener("focusin", (event) => explain(event.target));
result.addEventListener("click", (event) => explain(event.target));

// One stop of the Tab key for each document; the arrow keys go from mark to mark.
result.addEventListener("keydown", (event) => {
  const mark = event.target.closest("mark[data-said]");
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!mark || !step) return;
  const marks = [...mark.closest(".note").querySelectorAll("mark")];
  const next = marks[marks.indexOf(mark) + step];
  event.preventDefault();
  if (!next) return;
  mark.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

async function tell(button, feedback) {
  const card = button.closest(".card");
  const told = card.querySelector(".told");
  const service = JSON.parse(document.getElementById("raw-request").textContent).hook;
  const option = [...form.elements.hook.options].find((one) => one.value === service);
  const entry = { ...JSON.parse(feedback), outcomeTimestamp: new Date().toISOString() };
  try {
    await post(`cds-services/${option.dataset.service}/feedback`, { feedback: [entry] });
    for (const other of card.querySelectorAll("button")) other.disabled = true;
    told.textContent = button.dataset.told;
    if (button.dataset.opens) document.getElementById(button.dataset.opens).hidden = false;
  } catch (error) {
    told.textContent = error instanceof TypeError ? words.unreachable : error.message;
  }
}

result.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  if (button.dataset.feedback) await tell(button, button.dataset.feedback);
  if (button.dataset.reason) await tell(button, document.getElementById(button.dataset.reason).value);
  if (button.dataset.copies) {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
    button.parentElement.querySelector(".told").textContent = words.copied;
  }
});
