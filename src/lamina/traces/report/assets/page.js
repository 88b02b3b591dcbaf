// The page: its head with the run in numbers, failures, values, surroundings; then all parts built.

const MANY_FACTS = 20; // above it, a group of facts is closed

function statusCounts() {
  const last = new Map();
  for (let i = 0; i < COUNT; i++) {
    const known = last.get(A.task[i]);
    if (known === undefined || A.number[i] >= A.number[known]) last.set(A.task[i], i);
  }
  const found = new Map();
  for (const i of last.values()) found.set(statusOf(i), (found.get(statusOf(i)) || 0) + 1);
  if (DATA.skipped.length) found.set("skipped", DATA.skipped.length);
  return found;
}

function buildHead() {
  const began = new Date(HEAD.begin * 1000);
  byId("head").replaceChildren(
    el("div", { class: "title" }, el("h1", {}, HEAD.workflow || "run"),
      el("span", { class: `pill ${HEAD.status}` }, HEAD.status)),
    el("p", { class: "dim" }, [...new Set([HEAD.name, HEAD.run])].filter(Boolean).join(" · "),
      DATA.simulated && !HEAD.begin ? "" : [" · began ", el("time", { datetime: began.toISOString() }, began.toLocaleString())],
      DATA.simulated ? " · simulated: no times were recorded" : "",
      DATA.sessions.length > 1 ? ` · ${many(DATA.sessions.length, "session")}` : ""),
    el("div", { class: "tiles" }, tiles()));
}

function tiles() {
  const counts = statusCounts();
  const total = sum([...counts.values()]);
  const busy = sum(Array.from({ length: COUNT }, (_, i) => worked(i)));
  let until = -Infinity;  // what overlaps, since one reads from the other, counts once
  const path = sum(DATA.critical.map((i) => {
    const part = Math.max(0, A.end[i] - Math.max(A.begin[i], until));
    until = Math.max(until, A.end[i]);
    return part;
  }));
  const cpu = A.cpu.length ? sum(A.cpu.map((value) => value || 0)) * TICKS : null;
  const retries = A.number.filter((n) => n > 1).length;
  const peak = curveOf(Array.from({ length: COUNT }, (_, i) => i)).most;
  return [
    el("div", { class: "tile tasks" }, el("b", {}, total.toLocaleString("en")), el("span", {}, total === 1 ? "task" : "tasks"),
      statusBar(counts, total)),
    tile(duration(DATA.length), "makespan", DATA.sessions.length > 1 ? "pauses left out" : ""),
    CRITICAL.size ? tile(duration(path), "critical path", many(CRITICAL.size, "attempt")) : null,
    COUNT ? tile((busy / LENGTH).toFixed(1), "at once, on average", `${peak} at most`) : null,
    cpu === null ? null : tile(duration(cpu), "CPU time", busy ? `${Math.round((100 * cpu) / busy)} % of the work` : ""),
    retries ? tile(retries.toLocaleString("en"), retries === 1 ? "repeated attempt" : "repeated attempts", "") : null,
  ];
}

const tile = (value, name, more) => el("div", { class: "tile" }, el("b", {}, value), el("span", {}, name),
  more ? el("small", {}, more) : null);

function statusBar(counts, total) {
  const order = ["succeeded", "reused", "running", "failed", "timeout", "memory", "lost", "cancelled", "skipped"];
  const present = order.filter((status) => counts.get(status));
  const kind = (status) => (BAD.has(status) ? "bad" : status);
  return el("div", { class: "counts" },
    el("div", { class: "stack", "aria-hidden": "true" }, present.map((status) =>
      el("i", { class: kind(status), style: { "flex-grow": String(counts.get(status) / total), "min-width": "3px" } }))),
    el("small", {}, present.map((status) => `${counts.get(status).toLocaleString("en")} ${wordOf(status)}`).join(" · ")));
}

const SHOWN_FAILURES = 12;
function buildFailures() {
  const bad = [];
  for (let i = 0; i < COUNT; i++) if (A.bad[i]) bad.push(i);
  const final = bad.filter((i) => siblings(i).every((k) => A.number[k] <= A.number[i]));
  if (!final.length && !DATA.skipped.length) return;
  const section = byId("failures");
  section.hidden = false;
  const cards = final.slice(0, SHOWN_FAILURES).map((i) => {
    const more = DATA.more[i] || {};
    return el("article", { class: "failure" },
      el("div", { class: "title" }, el("h3", {}, titleOf(i)), badge(statusOf(i)),
        el("button", { onclick: () => choose(i) }, "Details")),
      more.error ? errorOf(i, more) : null,
      HEAD.command ? el("pre", { class: "command" }, `lamina logs ${quoted(`${HEAD.command}/${nameOf(i)}`)}`) : null);
  });
  const left = final.length - SHOWN_FAILURES;
  section.replaceChildren(
    el("h2", {}, final.length ? `${many(final.length, "task")} failed` : "Not everything ran"),
    ...cards,
    left > 0 ? el("p", { class: "dim" }, `${many(left, "more failure")}: see the table of attempts.`) : "",
    DATA.skipped.length ? el("details", {}, el("summary", {}, `${many(DATA.skipped.length, "task")} skipped`),
      el("ul", {}, DATA.skipped.slice(0, 200).map(([task, why]) => el("li", {}, `${task}: ${why}`)))) : "");
}

function valueTable(title, values) {
  return values.length ? el("div", {}, el("h2", {}, title), el("div", { class: "scroll", tabindex: 0 },
    el("table", {}, el("thead", {}, el("tr", {}, ["Name", "Value", "Kind", "Size", "SHA-256"].map((head, k) =>
      el("th", { scope: "col", class: k === 3 ? "number" : null }, head)))),
    el("tbody", {}, values.map((one) => el("tr", {}, el("th", { scope: "row" }, one.name),
      el("td", { class: "shown" }, one.shown), el("td", {}, one.kind), el("td", { class: "number" }, bytes(one.size)),
      el("td", { class: "digest", title: one.digest }, one.digest.slice(0, 12)))))))) : "";
}

function buildValues() {
  if (!DATA.inputs.length && !DATA.outputs.length) return;
  byId("values").hidden = false;
  byId("values").replaceChildren(valueTable("Inputs", DATA.inputs), valueTable("Outputs", DATA.outputs));
}

function buildFacts() {
  const groups = Object.entries(DATA.facts).filter(([, facts]) => Object.keys(facts).length);
  const notices = DATA.notices.slice(0, 500);
  if (!groups.length && !notices.length) return;
  byId("facts").hidden = false;
  byId("facts").replaceChildren(
    notices.length ? el("h2", {}, "Notices") : "",
    notices.length ? el("ul", { class: "notices" }, notices.map(([at, what, task, text]) =>
      el("li", {}, el("span", { class: "number dim" }, duration(at)), " ", el("strong", {}, what), " ", task, task ? ": " : "", text))) : "",
    groups.length ? el("h2", {}, "Surroundings") : "",
    el("div", { class: "groups" }, groups.map(([title, facts]) => {
      const list = el("dl", {}, Object.entries(facts).map(([name, text]) => [el("dt", {}, name), el("dd", {}, text)]));
      const count = Object.keys(facts).length;
      return count > MANY_FACTS
        ? el("details", {}, el("summary", {}, `${title} (${count})`), list)
        : el("div", {}, el("h3", {}, title), list);
    })));
}

function build() {
  buildHead();
  if (DATA.added) buildAdded();
  buildFailures();
  buildTimeline();
  buildStatistics();
  buildTable();
  buildCurves();
  buildValues();
  buildFacts();
  byId("drawing").hidden = !byId("drawing").querySelector("svg");
  byId("foot").textContent = "Made by Lamina. This page holds all its data and asks nothing of the network.";
  document.documentElement.dataset.ready = "yes";
}

build();
