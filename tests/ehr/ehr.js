"use strict";
// A CDS client for the tests, as trusting as those in use: Markdown and the raw HTML in it are put into the page as they
// come, labels and headlines as text.  It signs each call, applies the chosen actions to its own orders, and tells what
// was done with a card.  `connect`, `sign` and `show` are called by the tests.

let base = "";
let call = {};
let service = {};

const at = (id) => document.getElementById(id);

function made(name, text, parent, more = {}) {
  const element = Object.assign(document.createElement(name), more);
  element.textContent = text;
  parent.append(element);
  return element;
}

async function ask(path, body) {
  const token = await (await fetch(`/token?path=${encodeURIComponent(path)}`)).text();
  const headers = { Authorization: `Bearer ${token}` };
  const options = body ? { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(body) } : { headers };
  const reply = await fetch(base + path, options);
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
  return reply.json();
}

async function connect(address) {
  base = address;
  const { services } = await ask("/cds-services");
  services.forEach(({ id, hook }) => made("li", `${hook}: ${id}`, at("services")));
  service = Object.fromEntries(services.map(({ id, hook }) => [hook, id]));
}

async function sign(request) {
  call = request;
  at("orders").textContent = reasons();
  show(await ask(`/cds-services/${service[call.hook]}`, call));
}

function show({ cards }) {
  at("cards").replaceChildren();
  at("told").textContent = cards.length ? "" : "Nothing to show.";
  cards.forEach((card) => {
    const box = made("article", "", at("cards"), { className: card.indicator });
    made("h2", card.summary, box);
    made("p", card.source.label, box, { className: "source" });
    made("div", "", box, { className: "detail" }).innerHTML = marked.parse(card.detail);
    (card.links || []).forEach(({ label, url, type }) => made("a", label, box, { href: url, className: type }));
    (card.suggestions || []).forEach((one) => made("button", one.label, box, { onclick: () => take(card, one) }));
    if (card.overrideReasons) dismissal(card, box);
  });
}

function dismissal(card, box) {
  const menu = made("select", "", box, { onchange: () => override(card, menu.value) });
  made("option", "Dismiss because ...", menu, { value: "" });
  card.overrideReasons.forEach(({ code, display }) => made("option", display, menu, { value: code }));
}

const reasons = () =>
  call.context.draftOrders.entry.map(({ resource }) => `${resource.id}: ${codes(resource)}`).join("; ");
const codes = (order) => order.reasonCode.flatMap(({ coding }) => coding.map(({ code }) => code)).join(", ");

async function take(card, suggestion) {
  (suggestion.actions || []).forEach(({ type, resource }) => {
    const entry = call.context.draftOrders.entry.find((one) => one.resource.id === resource.id);
    if (type === "update" && entry && entry.resource.resourceType === resource.resourceType) entry.resource = resource;
  });
  at("orders").textContent = reasons();
  await tell(card, { outcome: "accepted", acceptedSuggestions: [{ id: suggestion.uuid }] });
}

const override = (card, code) =>
  tell(card, { outcome: "overridden", overrideReason: { reason: card.overrideReasons.find((one) => one.code === code) } });

async function tell(card, what) {
  const feedback = [{ card: card.uuid, outcomeTimestamp: new Date().toISOString(), ...what }];
  const { accepted } = await ask(`/cds-services/${service[call.hook]}/feedback`, { feedback });
  at("told").textContent = `${what.outcome}: ${accepted} kept.`;
}
