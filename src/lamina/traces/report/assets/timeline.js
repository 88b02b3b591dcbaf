// The Gantt chart: a canvas over the visible rows, an overview above it, zoom, pan and hover.

const ROW = 20;
const BAR = 13;
const TOP = 30;
const view = { from: 0, to: LENGTH, mode: "attempts", hidden: new Set(), critical: true, usual: true, filter: "",
  marks: true, heat: true, mark: 0 };
const MARKS = (DATA.added || {}).marks || {}; // attempt -> [[phase, number of the mark or 0, weight], ...]
let rows = [];
let chart = null;

const MODES = {
  attempts: ["Attempts", "a row per attempt, in order of time"],
  tasks: ["Tasks", "a row per task: how many of its attempts ran at the same time"],
  workers: ["Workers", "a row per worker"],
};

function rowsOf(mode) {
  const index = Array.from({ length: COUNT }, (_, i) => i);
  const wanted = view.filter.toLowerCase();
  const fits = (i) => !wanted || titleOf(i).toLowerCase().includes(wanted);
  if (mode === "attempts") {
    return index.filter(fits).map((i) => ({ name: titleOf(i), items: [i], bad: A.bad[i] }));
  }
  const groups = new Map();
  for (const i of index) {
    if (!fits(i) || (mode === "workers" && A.reused[i])) continue;
    const key = mode === "tasks" ? siteOf(i) : `${A.worker[i]}/${A.lane[i]}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(i);
  }
  const found = [...groups.values()].map((items) => ({
    name: mode === "tasks" ? siteName(items) : laneName(items[0]),
    items: items.sort((a, b) => A.heldFrom[a] - A.heldFrom[b]),
    bad: items.some((i) => A.bad[i]),
    curve: mode === "tasks" && items.length > 1 ? curveOf(items) : null,
  }));
  if (mode === "workers") {
    found.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  }
  return found;
}

function siteName(items) {
  const units = new Set(items.map((i) => A.task[i])).size;
  return units > 1 ? `${DATA.sites[siteOf(items[0])]} ×${units.toLocaleString("en")}` : nameOf(items[0]);
}

function laneName(i) {
  return (workerOf(i) || "waiting") + (A.lane[i] > 0 ? ` · ${A.lane[i] + 1}` : "");
}

// How many attempts hold a worker at the same time: [ticks, count] at each change.
function curveOf(items) {
  const changes = [];
  for (const i of items) if (!A.reused[i]) changes.push([A.heldFrom[i], 1], [A.heldTo[i], -1]);
  changes.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const points = [];
  let level = 0;
  let most = 1;
  for (const [at, change] of changes) {
    level += change;
    most = Math.max(most, level);
    const last = points[points.length - 1];
    if (last && last[0] === at) last[1] = level;
    else points.push([at, level]);
  }
  return { points, most };
}

function buildTimeline() {
  const lanes = new Set(Array.from(A.task, (_, i) => `${A.worker[i]}/${A.lane[i]}`)).size;
  view.mode = COUNT <= 400 ? "attempts" : lanes <= 128 ? "workers" : "tasks";
  if (DATA.added && DATA.added.mode) view.mode = DATA.added.mode;
  const section = byId("timeline");
  const canvas = el("canvas", { tabindex: 0, role: "img", "aria-label": chartLabel() });
  const overview = el("canvas", { class: "overview", "aria-hidden": "true" });
  const spacer = el("div", {});
  const scroller = el("div", { class: "chart" }, canvas, spacer);
  chart = { canvas, overview, spacer, scroller, hover: null };
  section.replaceChildren(
    el("div", { class: "bar" }, el("h2", {}, "Timeline"), modeButtons(), zoomButtons(),
      el("input", { type: "search", placeholder: "Filter by name", "aria-label": "Filter rows by name",
        oninput: (event) => { view.filter = event.target.value; newRows(); } })),
    overview, scroller, legend(),
    el("p", { class: "dim hint" }, "Drag to move, Ctrl + wheel or the buttons to zoom, click for details. " +
      "On the chart the arrow keys move, + and − zoom, 0 shows all."),
  );
  wireChart();
  newRows();
  new ResizeObserver(draw).observe(scroller);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  chosenListeners.push(reveal);
}

function chartLabel() {
  return `Gantt chart of ${many(COUNT, "attempt")} over ${duration(LENGTH)}; ` +
    "the table of attempts below holds the same";
}

function modeButtons() {
  const buttons = Object.entries(MODES).map(([mode, [title, tip]]) =>
    el("button", { "aria-pressed": String(view.mode === mode), title: tip, "data-mode": mode,
      onclick: () => { view.mode = mode; chart.scroller.scrollTop = 0; newRows(); } }, title));
  return el("div", { class: "group", role: "group", "aria-label": "Rows" }, buttons);
}

function zoomButtons() {
  return el("div", { class: "group", role: "group", "aria-label": "Zoom" },
    el("button", { "aria-label": "Zoom in", onclick: () => zoom(0.5) }, "+"),
    el("button", { "aria-label": "Zoom out", onclick: () => zoom(2) }, "−"),
    el("button", { onclick: () => show(0, LENGTH) }, "All"));
}

function legend() {
  const seen = new Set(A.phase);
  if (!seen.size) seen.add(RUN_PHASE);
  seen.add(0);
  const items = DATA.phases.map(([, title], k) => !seen.has(k) ? null :
    el("button", { "aria-pressed": "true", title: `Show or hide: ${title}`, onclick: (event) => {
      const off = view.hidden.has(k);
      if (off) view.hidden.delete(k); else view.hidden.add(k);
      event.currentTarget.setAttribute("aria-pressed", String(off));
      draw();
    } }, el("i", { class: "swatch", style: {
      background: `light-dark(${DATA.phases[k][2]}, ${DATA.phases[k][3]})` } }), title));
  const bad = A.bad.some(Boolean) ? el("span", {}, el("i", { class: "swatch stripes" }), "failed") : null;
  const path = CRITICAL.size < 2 ? null
    : toggle("critical", "critical path", "outline", "Outline what the run's end waited for");
  const usual = DATA.usual.length ? toggle("usual", "usual duration", "usual",
    `A thin line below each job: how long such jobs usually take, the median ${DATA.usual_from
      ? `of ${many(DATA.usual_from, "other run")}` : "of its type in this run"}`) : null;
  const told = Object.values(MARKS).flat();
  const marks = told.some((one) => one[1] > 0)
    ? toggle("marks", "finding", "mark", "Outline the phases that a finding is about, with its number") : null;
  const heat = told.some((one) => one[2] > 0)
    ? toggle("heat", "what the answer rests on", "heat", "Shade phases without which the answer is less likely") : null;
  return el("div", { class: "legend" }, items, bad, path, usual, marks, heat);
}

function toggle(key, title, swatch, tip) {
  return el("button", { "aria-pressed": "true", title: tip, "data-toggle": key, onclick: (event) => {
    view[key] = !view[key];
    event.currentTarget.setAttribute("aria-pressed", String(view[key]));
    draw();
  } }, el("i", { class: `swatch ${swatch}` }), title);
}

function newRows() {
  rows = rowsOf(view.mode);
  for (const button of document.querySelectorAll("[data-mode]")) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === view.mode));
  }
  const height = Math.min(Math.max(rows.length, 3) * ROW + TOP + 6, Math.max(window.innerHeight * 0.62, 260));
  chart.scroller.style.height = `${height}px`;
  chart.spacer.style.height = `${Math.max(rows.length * ROW + TOP + 6 - height, 0)}px`;
  draw();
}

function show(from, to) {
  const length = Math.min(Math.max(to - from, LENGTH * 1e-6, 2), LENGTH);
  view.from = Math.min(Math.max(from, 0), LENGTH - length);
  view.to = view.from + length;
  draw();
}

function zoom(factor, at) {
  const middle = at === undefined ? (view.from + view.to) / 2 : at;
  show(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
}

function reveal(i) {
  const at = rows.findIndex((row) => row.items.includes(i));
  if (i >= 0 && at >= 0) {
    const y = at * ROW;
    const { scrollTop, clientHeight } = chart.scroller;
    if (y < scrollTop || y > scrollTop + clientHeight - TOP - ROW) {
      chart.scroller.scrollTop = y - clientHeight / 2;
    }
    if (A.end[i] < view.from || A.ready[i] > view.to) {
      const half = (view.to - view.from) / 2;
      show(A.begin[i] - half, A.begin[i] + half);
    }
  }
  draw();
}

let waiting = false;
function draw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; paint(); });
}

function fitted(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

function geometry() {
  const { clientWidth: width, clientHeight: height, scrollTop } = chart.scroller;
  const left = Math.min(Math.max(width * 0.2, 90), 240);
  return { width, height, left, right: width - 14, scroll: scrollTop, room: width - 14 - left };
}

const colours = {};
function paint() {
  const box = geometry();
  if (box.width < 50) return;
  const pen = fitted(chart.canvas, box.width, box.height);
  for (const name of ["ink", "dim", "line", "paper", "stripe", "accent"]) colours[name] = css(`--${name}`);
  colours.phases = DATA.phases.map((_, k) => phaseColour(k));
  colours.bad = stripes(pen, badColour());
  pen.font = "12px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const x = (ticks) => box.left + ((ticks - view.from) * box.room) / (view.to - view.from);
  paintGrid(pen, x, box);
  const first = Math.max(Math.floor(box.scroll / ROW), 0);
  const last = Math.min(Math.ceil((box.scroll + box.height - TOP) / ROW), rows.length);
  pen.save();
  pen.beginPath();
  pen.rect(0, TOP, box.width, box.height - TOP);
  pen.clip();
  for (let r = first; r < last; r++) paintRow(pen, rows[r], r, TOP + r * ROW - box.scroll, x, box);
  pen.restore();
  paintAxis(pen, x, box);
  if (!rows.length) {
    pen.fillStyle = colours.dim;
    pen.textAlign = "left";
    pen.fillText(COUNT ? "No row has this name" : "No task has begun", box.left + 8, TOP + 16);
  }
  paintOverview();
}

function stripes(pen, colour) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const brush = tile.getContext("2d");
  brush.fillStyle = colour;
  brush.fillRect(0, 0, 6, 6);
  brush.strokeStyle = colours.paper;
  brush.globalAlpha = 0.55;
  brush.lineWidth = 1.2;
  brush.beginPath();
  brush.moveTo(-1, 7); brush.lineTo(7, -1);
  brush.moveTo(-1, 1); brush.lineTo(1, -1);
  brush.moveTo(5, 7); brush.lineTo(7, 5);
  brush.stroke();
  return pen.createPattern(tile, "repeat");
}

function paintRow(pen, row, number, top, x, box) {
  const chosenHere = chosen >= 0 && row.items.includes(chosen);
  if (chosenHere || (chart.hover && chart.hover.row === number)) {
    pen.fillStyle = colours.stripe;
    pen.fillRect(0, top, box.width, ROW);
  }
  pen.fillStyle = row.bad && view.mode !== "workers" ? badColour() : colours.ink;
  pen.textAlign = "right";
  pen.fillText(cutTo(pen, row.name, box.left - 18), box.left - 10, top + ROW / 2);
  pen.save();
  pen.beginPath();
  pen.rect(box.left, top, box.right - box.left, ROW);
  pen.clip();
  if (row.curve) paintCurve(pen, row, top, x, box);
  else {
    const items = visible(row);
    const wide = view.mode === "workers" ? paintNarrow(pen, items, top, x) : items;
    for (const i of wide) paintAttempt(pen, i, top, x);
  }
  pen.restore();
  if (row.items.length === 1) paintNote(pen, row.items[0], top, x, box);
}

// Items of a row are sorted by time, so those in sight are found by halving.
function visible(row) {
  const items = row.items;
  if (items.length < 50) return items;
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (A.heldTo[items[middle]] < view.from) low = middle + 1; else high = middle;
  }
  const found = [];
  for (let k = low; k < items.length && A.heldFrom[items[k]] <= view.to; k++) found.push(items[k]);
  return found;
}

// Of a worker's attempts those too narrow for phases, as few boxes; returns the others.
function paintNarrow(pen, items, top, x) {
  const y = top + (ROW - BAR) / 2;
  const wide = [];
  let from = 0;
  let to = -Infinity;
  pen.fillStyle = colours.phases[RUN_PHASE];
  const flush = () => { if (to > from) pen.fillRect(from, y, Math.max(to - from, 0.6), BAR); };
  for (const i of items) {
    const left = x(A.heldFrom[i]);
    const right = Math.max(x(A.heldTo[i]), left + 0.1);
    if (right - left >= 3 || A.bad[i] || A.reused[i] || i === chosen) { wide.push(i); continue; }
    if (left > to + 0.25) { flush(); from = left; }
    to = right;
  }
  flush();
  return wide;
}

function paintAttempt(pen, i, top, x) {
  const y = top + (ROW - BAR) / 2;
  if (A.reused[i]) {
    pen.fillStyle = colours.dim;
    pen.textAlign = "left";
    pen.fillText("↺", x(A.begin[i]), top + ROW / 2);
    return;
  }
  if (x(A.end[i]) < -5 || A.ready[i] > view.to) return;
  const narrow = x(A.heldTo[i]) - x(A.heldFrom[i]) < 1.5;
  if (narrow && view.mode === "workers") {
    pen.fillStyle = A.bad[i] ? badColour() : colours.phases[RUN_PHASE];
    pen.fillRect(x(A.heldFrom[i]), y, Math.max(x(A.heldTo[i]) - x(A.heldFrom[i]), 0.6), BAR);
    return;
  }
  const marked = view.mode === "attempts" ? MARKS[i] || [] : [];
  if (view.heat) paintHeat(pen, i, marked, top, x);
  for (const [phase, from, to] of spansOf(i)) {
    if (view.hidden.has(phase)) continue;
    const name = DATA.phases[phase][0];
    const thin = name === "waiting" || name === "queue" || name === "submit";
    if (thin && view.mode === "workers") continue;
    const left = x(from);
    const width = Math.max(x(to) - left, 0.8);
    pen.fillStyle = A.bad[i] && phase === RUN_PHASE ? colours.bad : colours.phases[phase];
    if (thin) pen.fillRect(left, y + BAR / 2 - 1.5, width, 3);
    else pen.fillRect(left, y, width, BAR);
  }
  if (view.usual && view.mode !== "workers") paintUsual(pen, i, y, x);
  if ((view.critical && CRITICAL.has(i)) || i === chosen) {
    pen.strokeStyle = i === chosen ? colours.accent : colours.ink;
    pen.lineWidth = i === chosen ? 2.5 : 1.4;
    const left = x(A.heldFrom[i]);
    pen.strokeRect(left - 1, y - 1, Math.max(x(A.heldTo[i]) - left, 1) + 2, BAR + 2);
  }
  if (view.marks) paintMarks(pen, i, marked, y, x);
}

function paintHeat(pen, i, marked, top, x) {
  for (const [phase, , weight] of marked) {
    if (!(weight > 0) || view.hidden.has(phase)) continue;
    pen.fillStyle = css("--mark");
    pen.globalAlpha = 0.08 + 0.4 * weight;
    for (const [own, from, to] of spansOf(i)) {
      if (own === phase) pen.fillRect(x(from), top, Math.max(x(to) - x(from), 1), ROW);
    }
    pen.globalAlpha = 1;
  }
}

// Outlines of the phases that findings are about, with the number of the finding inside or above.
function paintMarks(pen, i, marked, y, x) {
  for (const [phase, number] of marked) {
    if (!number || (view.mark && view.mark !== number)) continue;
    const own = spansOf(i).filter((span) => span[0] === phase);
    if (!own.length || view.hidden.has(phase)) continue;
    const left = x(own[0][1]);
    const width = Math.max(x(own[own.length - 1][2]) - left, 3);
    pen.strokeStyle = css("--mark");
    pen.lineWidth = 2;
    pen.strokeRect(left, y, width, BAR);
    if (width < 16) continue;
    pen.fillStyle = css("--mark");
    pen.fillRect(left, y, 13, BAR);
    pen.fillStyle = colours.paper;
    pen.textAlign = "center";
    pen.fillText(String(number), left + 6.5, y + BAR / 2 + 0.5);
  }
}

// A line below the bar, from where the job began to work, with an end that can be seen.
function paintUsual(pen, i, y, x) {
  const norm = usualOf(i);
  if (!norm) return;
  const from = x(A.heldFrom[i]);
  const to = x(A.heldFrom[i] + norm[0]);
  pen.fillStyle = colours.ink;
  const below = Math.round(y + BAR + 1);
  pen.fillRect(from, below, Math.max(to - from, 1), 1);
  pen.fillRect(Math.round(to) - 1, below - 3, 2, 4);
}

function paintNote(pen, i, top, x, box) {
  const status = statusOf(i);
  const parts = A.reused[i] ? ["reused"] : [duration(worked(i))];
  if (!A.reused[i] && DATA.words[status]) parts.push(wordOf(status));
  const text = parts.join(", ");
  const width = pen.measureText(text).width;
  const norm = view.usual && view.mode !== "workers" ? usualOf(i) : null;
  const last = Math.max(A.end[i], norm ? A.heldFrom[i] + norm[0] : 0);
  const end = x(last) + (A.reused[i] ? 14 : 6);
  pen.fillStyle = A.bad[i] ? badColour() : colours.dim;
  pen.textAlign = "left";
  if (end > box.left && end + width < box.right) pen.fillText(text, end, top + ROW / 2);
}

function paintCurve(pen, row, top, x, box) {
  const { points, most } = row.curve;
  const base = top + ROW - 3;
  pen.fillStyle = colours.phases[RUN_PHASE];
  pen.beginPath();
  pen.moveTo(box.left, base);
  let drawn = -Infinity;
  let peak = 0;
  let level = 0;
  for (const [at, count] of points) {
    const px = x(at);
    peak = Math.max(peak, count);
    if (px - drawn < 0.7 && at !== points[points.length - 1][0]) { level = count; continue; }
    const y = base - ((ROW - 6) * level) / most;
    pen.lineTo(px, y);
    pen.lineTo(px, base - ((ROW - 6) * Math.max(count, px - drawn < 0.7 ? peak : count)) / most);
    level = count;
    peak = 0;
    drawn = px;
  }
  pen.lineTo(drawn, base);
  pen.closePath();
  pen.fill();
  pen.fillStyle = badColour();
  for (const i of row.items) if (A.bad[i]) pen.fillRect(x(A.heldTo[i]) - 1, base - ROW + 5, 2, ROW - 4);
}

function cutTo(pen, text, room) {
  if (pen.measureText(text).width <= room) return text;
  const tail = text.slice(-6);
  let low = 0;
  let high = text.length - 6;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (pen.measureText(`${text.slice(0, middle)}…${tail}`).width <= room) low = middle;
    else high = middle - 1;
  }
  return `${text.slice(0, low)}…${tail}`;
}

function ticksOf(box) {
  const step = stepFor(view.to - view.from, box.room / 90);
  const found = [];
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) found.push(at);
  return { step, found };
}

function paintGrid(pen, x, box) {
  const stroke = (at, colour, dashes) => {
    pen.strokeStyle = colour;
    pen.setLineDash(dashes);
    pen.beginPath();
    pen.moveTo(Math.round(x(at)) + 0.5, TOP - 6);
    pen.lineTo(Math.round(x(at)) + 0.5, box.height);
    pen.stroke();
    pen.setLineDash([]);
  };
  pen.lineWidth = 1;
  for (const at of ticksOf(box).found) stroke(at, colours.line, []);
  for (const [, at] of DATA.sessions.slice(1)) {
    if (at >= view.from && at <= view.to) stroke(at, colours.dim, [3, 3]);
  }
}

function paintAxis(pen, x, box) {
  const { step, found } = ticksOf(box);
  pen.textAlign = "center";
  pen.fillStyle = colours.dim;
  for (const at of found) {
    pen.fillText(tickText(at, step), Math.min(Math.max(x(at), box.left), box.right - 8), TOP - 15);
  }
}

let whole = null;
function paintOverview() {
  const box = geometry();
  const height = 44;
  const pen = fitted(chart.overview, chart.overview.parentElement.clientWidth - 2, height);
  whole = whole || curveOf(Array.from({ length: COUNT }, (_, i) => i));
  const x = (ticks) => box.left + (ticks * box.room) / LENGTH;
  const heights = new Float64Array(Math.ceil(box.room) + 1);
  let at = 0;
  let level = 0;
  for (let px = 0; px < heights.length; px++) {
    let most = level;
    while (at < whole.points.length && x(whole.points[at][0]) - box.left <= px + 1) {
      level = whole.points[at][1];
      most = Math.max(most, level);
      at++;
    }
    heights[px] = most;
  }
  pen.fillStyle = colours.phases[RUN_PHASE];
  pen.globalAlpha = 0.45;
  for (let px = 0; px < heights.length; px++) {
    const tall = ((height - 8) * heights[px]) / whole.most;
    pen.fillRect(box.left + px, height - 2 - tall, 1, tall);
  }
  pen.globalAlpha = 1;
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = colours.dim;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillText(`${whole.points.length ? whole.most : 0} at once`, box.left - 10, 12);
  pen.fillStyle = colours.stripe;
  pen.strokeStyle = colours.accent;
  if (view.to - view.from < LENGTH * 0.999) {
    pen.fillRect(x(view.from), 0, Math.max(x(view.to) - x(view.from), 2), height);
    pen.strokeRect(x(view.from) + 0.5, 0.5, Math.max(x(view.to) - x(view.from) - 1, 2), height - 1);
  }
}

function wireChart() {
  const { canvas, scroller, overview } = chart;
  let drag = null;
  const spot = (event) => {
    const bounds = canvas.getBoundingClientRect();
    const box = geometry();
    const px = event.clientX - bounds.left;
    const y = event.clientY - bounds.top;
    return {
      px, y, box,
      at: view.from + ((px - box.left) * (view.to - view.from)) / box.room,
      row: y < TOP ? -1 : Math.floor((y - TOP + box.scroll) / ROW),
    };
  };
  scroller.addEventListener("scroll", draw, { passive: true });
  canvas.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      zoom(Math.exp(event.deltaY * 0.004), spot(event).at);
    } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey) {
      event.preventDefault();
      const by = ((event.deltaX || event.deltaY) * (view.to - view.from)) / geometry().room;
      show(view.from + by, view.to + by);
    }
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => {
    drag = { x: event.clientX, from: view.from, to: view.to, moved: false };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag && Math.abs(event.clientX - drag.x) > 3) drag.moved = true;
    if (drag && drag.moved) {
      const by = ((drag.x - event.clientX) * (drag.to - drag.from)) / geometry().room;
      show(drag.from + by, drag.to + by);
      return;
    }
    hover(spot(event), event);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) choose(itemAt(spot(event)));
    drag = null;
  });
  canvas.addEventListener("pointerleave", () => { chart.hover = null; byId("tip").hidden = true; draw(); });
  canvas.addEventListener("dblclick", (event) => zoom(0.33, spot(event).at));
  canvas.addEventListener("keydown", (event) => {
    const length = view.to - view.from;
    const keys = {
      ArrowLeft: () => show(view.from - length / 8, view.to - length / 8),
      ArrowRight: () => show(view.from + length / 8, view.to + length / 8),
      ArrowUp: () => { scroller.scrollTop -= 3 * ROW; },
      ArrowDown: () => { scroller.scrollTop += 3 * ROW; },
      "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => show(0, LENGTH),
    };
    if (keys[event.key] && !event.ctrlKey && !event.metaKey) { event.preventDefault(); keys[event.key](); }
  });
  let brush = null;
  const place = (event) => {
    const box = geometry();
    const bounds = overview.getBoundingClientRect();
    return Math.min(Math.max(((event.clientX - bounds.left - box.left) * LENGTH) / box.room, 0), LENGTH);
  };
  overview.addEventListener("pointerdown", (event) => {
    brush = place(event);
    overview.setPointerCapture(event.pointerId);
  });
  overview.addEventListener("pointermove", (event) => {
    if (brush !== null && Math.abs(place(event) - brush) > LENGTH / 300) {
      show(Math.min(brush, place(event)), Math.max(brush, place(event)));
    }
  });
  overview.addEventListener("pointerup", (event) => {
    const at = place(event);
    if (Math.abs(at - brush) <= LENGTH / 300) {
      const half = (view.to - view.from) / 2;
      show(at - half, at + half);
    }
    brush = null;
  });
}

function itemAt(spot) {
  const row = rows[spot.row];
  if (!row) return -1;
  if (row.items.length === 1) return row.items[0];
  const slack = (2 * (view.to - view.from)) / spot.box.room;
  let best = -1;
  for (const i of row.items) {
    if (A.heldFrom[i] - slack <= spot.at && spot.at <= A.heldTo[i] + slack) {
      if (best < 0 || A.bad[i] > A.bad[best] || worked(i) < worked(best)) best = i;
    }
  }
  return best;
}

function hover(spot, event) {
  const tip = byId("tip");
  const i = itemAt(spot);
  const row = rows[spot.row];
  chart.hover = row ? { row: spot.row } : null;
  chart.canvas.style.cursor = i >= 0 ? "pointer" : "grab";
  tip.hidden = i < 0;
  if (i >= 0) {
    tip.replaceChildren(...tipOf(i));
    const { offsetWidth, offsetHeight } = tip;
    const left = Math.min(event.clientX + 16, window.innerWidth - offsetWidth - 8);
    const below = event.clientY + 18;
    const top = below + offsetHeight > window.innerHeight ? event.clientY - offsetHeight - 12 : below;
    tip.style.transform = `translate(${Math.max(left, 4)}px, ${Math.max(top, 4)}px)`;
  }
  draw();
}

function tipOf(i) {
  const norm = usualOf(i);
  const times = norm && norm[0] ? ` (${(worked(i) / norm[0]).toFixed(1)}x)` : "";
  const lines = A.reused[i] ? [] : spansOf(i).map(([phase, from, to]) =>
    el("tr", {},
      el("td", {}, el("i", { class: "swatch", style: { background: phaseColour(phase) } }), DATA.phases[phase][1]),
      el("td", { class: "number" }, duration(to - from)),
      norm ? el("td", { class: "number dim" }, norm[1 + phase] ? duration(norm[1 + phase]) : "") : null));
  const cause = ((DATA.more[i] || {}).error || {}).cause;
  return [
    el("strong", {}, titleOf(i)), " ", badge(statusOf(i)),
    norm ? el("div", { class: "dim" }, `${duration(worked(i))}, usually ${duration(norm[0])}${times}`) : null,
    el("table", {}, lines),
    cause ? el("div", { class: "cause" }, cause.slice(0, 200)) : null,
    workerOf(i) ? el("div", { class: "dim" }, workerOf(i)) : null,
  ].filter(Boolean);
}
