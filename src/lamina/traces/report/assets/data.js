// The data of the run, decoded; words for times and sizes; making elements from text only.

const DATA = JSON.parse(document.getElementById("data").textContent);
const HEAD = DATA.head;
const TICKS = DATA.ticks;
const COUNT = DATA.attempts.task.length;
const LENGTH = Math.max(DATA.length, 1);
const RUN_PHASE = DATA.phases.findIndex((phase) => phase[0] === "run");
const HELD = new Set(["stage_in", "run", "stage_out"]);
const BAD = new Set(["failed", "timeout", "memory", "lost"]);

const A = decode(DATA.attempts);
const CRITICAL = new Set(DATA.critical);

function decode(told) {
  const ready = Float64Array.from(told.ready);
  const begin = new Float64Array(COUNT);
  const end = new Float64Array(COUNT);
  const first = new Int32Array(COUNT + 1);
  const phase = new Int8Array(told.spans.length / 3);
  const from = new Float64Array(phase.length);
  const to = new Float64Array(phase.length);
  const heldFrom = new Float64Array(COUNT);
  const heldTo = new Float64Array(COUNT);
  const bad = new Uint8Array(COUNT);
  const reused = new Uint8Array(COUNT);
  let at = 0;
  for (let i = 0; i < COUNT; i++) {
    begin[i] = ready[i] + told.begin[i];
    end[i] = begin[i] + told.end[i];
    let time = ready[i];
    let low = Infinity;
    let high = -Infinity;
    first[i] = at;
    for (let k = 0; k < told.count[i]; k++, at++) {
      phase[at] = told.spans[3 * at];
      from[at] = time + told.spans[3 * at + 1];
      to[at] = from[at] + told.spans[3 * at + 2];
      time = to[at];
      if (HELD.has(DATA.phases[phase[at]][0])) {
        low = Math.min(low, from[at]);
        high = Math.max(high, to[at]);
      }
    }
    heldFrom[i] = low === Infinity ? begin[i] : low;
    heldTo[i] = high === -Infinity ? end[i] : high;
    const status = DATA.statuses[told.status[i]];
    bad[i] = BAD.has(status) ? 1 : 0;
    reused[i] = status === "reused" ? 1 : 0;
  }
  first[COUNT] = at;
  return { ...told, ready, begin, end, first, phase, from, to, heldFrom, heldTo, bad, reused };
}

const nameOf = (i) => DATA.tasks[A.task[i]];
const siteOf = (i) => DATA.site[A.task[i]];
const statusOf = (i) => DATA.statuses[A.status[i]];
const workerOf = (i) => DATA.workers[A.worker[i]];
const reasonOf = (i) => DATA.reasons[A.reason[i]];
const titleOf = (i) => nameOf(i) + (A.number[i] > 1 ? ` ~${A.number[i]}` : "");
// What is usual for an attempt: [ticks it works, ticks of each phase ..., of how many attempts].
const usualOf = (i) => (A.usual[i] < 0 || A.reused[i] ? null : DATA.usual[A.usual[i]]);
const usualFrom = (norm) => `of ${many(norm[norm.length - 1], "attempt")}`
  + (DATA.usual_from ? ` in ${many(DATA.usual_from, "run")}` : " of its type in this run");
const worked = (i) => A.heldTo[i] - A.heldFrom[i];
const waited = (i) => Math.max(A.heldFrom[i] - A.ready[i], 0);
const usage = (key, i) => (A[key].length ? A[key][i] : null);
const wordOf = (status) => DATA.words[status] || status;

// Phases of an attempt with the gaps between them; the whole attempt where none is told.
function spansOf(i) {
  const found = [];
  let at = Math.min(A.ready[i], A.begin[i]);
  if (A.first[i] === A.first[i + 1]) {
    if (A.begin[i] > at) found.push([0, at, A.begin[i]]);
    found.push([RUN_PHASE, A.begin[i], A.end[i]]);
    return found;
  }
  for (let k = A.first[i]; k < A.first[i + 1]; k++) {
    if (A.from[k] > at) found.push([0, at, A.from[k]]);
    found.push([A.phase[k], A.from[k], A.to[k]]);
    at = Math.max(at, A.to[k]);
  }
  if (A.end[i] > at + TICKS / 1000) {
    found.push([statusOf(i) === "running" ? RUN_PHASE : 0, at, A.end[i]]);
  }
  return found;
}

function wallTime(ticks) {
  let session = DATA.sessions[0];
  for (const one of DATA.sessions) if (one[1] <= ticks) session = one;
  return new Date(1000 * (session[0] + (ticks - session[1]) / TICKS));
}

function clock(seconds) {
  const all = Math.round(seconds);
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

function duration(ticks) {
  const seconds = ticks / TICKS;
  if (seconds <= 0) return "0";
  if (seconds < 0.9995) {
    const ms = seconds * 1000;
    return ms >= 9.5 ? `${ms.toFixed(0)} ms` : `${ms.toFixed(1)} ms`;
  }
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  return seconds < 599.5 ? `${seconds.toFixed(0)} s` : clock(seconds);
}

function bytes(count) {
  if (count === null || count === undefined) return "";
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let value = count;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

const many = (n, word) => `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;

function median(values) {
  if (!values.length) return 0;
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// Steps between ticks of an axis that people read easily, in seconds.
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200];

function stepFor(ticks, most) {
  const least = ticks / TICKS / Math.max(most, 1);
  if (least >= 1) {
    const found = STEPS.find((step) => step >= least);
    return (found || 86400 * Math.ceil(least / 86400)) * TICKS;
  }
  const power = 10 ** Math.floor(Math.log10(least) + 1e-9);
  return [1, 2, 5, 10].map((m) => m * power).find((s) => s >= least * (1 - 1e-9)) * TICKS;
}

function tickText(ticks, step) {
  const seconds = ticks / TICKS;
  if (!ticks) return "0";
  const short = (value) => String(Number(value.toPrecision(7)));
  if (step < TICKS && seconds < 1) return `${short(seconds * 1000)} ms`;
  return seconds < 120 && step < 60 * TICKS ? `${short(seconds)} s` : clock(seconds);
}

// Elements are made of text, never of markup: names may hold anything.
function el(tag, given, ...inside) {
  const found = document.createElement(tag);
  for (const [key, value] of Object.entries(given || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) found.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [k, v] of Object.entries(value)) found.style.setProperty(k, v);
    else found.setAttribute(key, value === true ? "" : value);
  }
  found.append(...inside.flat(Infinity).filter((one) => one !== null && one !== undefined));
  return found;
}

const byId = (id) => document.getElementById(id);
const dark = () => window.matchMedia("(prefers-color-scheme: dark)").matches;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const phaseColour = (k) => DATA.phases[k][dark() ? 3 : 2];
const badColour = () => DATA.bad[dark() ? 1 : 0];

function badge(status) {
  const kind = BAD.has(status) ? "bad" : status;
  const signs = { bad: "✗", succeeded: "✓", reused: "↺", running: "▸", cancelled: "⊘" };
  return el("span", { class: `badge ${kind}` }, `${signs[kind] || "·"} ${wordOf(status)}`);
}
