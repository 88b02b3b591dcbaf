// What placing policies were worth: a table, regret, latency against GPU seconds, promises held.

const buildAdded = (() => {
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 420, HIGH = 260;
const EDGE = { left: 56, right: 14, top: 14, bottom: 40 };
const inkOf = (k) => `light-dark(${INKS[k % 6][0]}, ${INKS[k % 6][1]})`;
const round = (value, digits) => (value === null || value === undefined ? "-" : value.toFixed(digits));
const percent = (value) => (value === null || value === undefined ? "-" : `${(100 * value).toFixed(1)} %`);

function build() {
  const told = DATA.added;
  const section = byId("added");
  section.hidden = false;
  const names = Object.keys(told.policies);
  section.replaceChildren(
    el("h2", {}, told.title),
    ...told.lines.map((line) => el("p", { class: "dim" }, line)),
    legendOf(names),
    tableOf(told.policies),
    el("div", { class: "figures placing" },
      regretOf(told, names), costOf(told, names), calibrationOf(told, names)),
    ...told.notes.map((line) => el("p", { class: "dim hint" }, line)),
  );
}

function legendOf(names) {
  return el("div", { class: "legend" }, names.map((name, k) =>
    el("span", {}, el("i", { class: "swatch", style: { background: inkOf(k) } }), name)));
}

const COLUMNS = [
  ["of the oracle", "ratio_oracle4", (v) => round(v, 3), "aggregate latency over that of each batch's fastest runtime"],
  ["two-way", "ratio_oracle2", (v) => round(v, 3), "the same, over what stands ready and one accelerator"],
  ["mean s", "mean", (v) => round(v, 1), "of latency"],
  ["p95 s", "p95", (v) => round(v, 1), "95th percentile of latency"],
  ["exact", "exact", percent, "batches mostly done by their fastest runtime"],
  ["within 5 %", "within5", percent, "batches at most 1.05 of the oracle"],
  ["GPU s", "gpu_seconds", (v) => round(v, 0), "device seconds from up to released"],
  ["wasted", "gpu_seconds_wasted", (v) => round(v, 0), "those of attempts that did nothing that counted"],
  ["cancelled", "cancelled", (v) => round(v, 1), "requests given back unused"],
  ["probes", "probes", (v) => round(v, 0), "deployments only to see"],
  ["ms", "decision_ms_p99", (v) => round(v, 2), "99th percentile of a decision"],
];

function tableOf(policies) {
  return el("div", { class: "scroll", tabindex: 0 }, el("table", { class: "policies" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Policy"),
      COLUMNS.map(([head, , , about]) => el("th", { scope: "col", class: "number", title: about }, head)))),
    el("tbody", {}, Object.entries(policies).map(([name, one], k) => el("tr", {},
      el("th", { scope: "row" }, el("i", { class: "swatch", style: { background: inkOf(k) } }), name),
      COLUMNS.map(([, key, form]) => el("td", { class: "number" }, form(one[key]), spread(one, key))))))));
}

function spread(one, key) {
  const ends = key === "ratio_oracle4" && one.interval ? one.interval[key] : null;
  return ends ? el("small", {}, ` ${ends[0].toFixed(3)}–${ends[1].toFixed(3)}`) : "";
}

// Charts.

function shape(tag, given, ...inside) {
  const found = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(given)) {
    if (key === "ink") found.style.setProperty(tag === "text" ? "fill" : "stroke", value);
    else if (key === "fill") found.style.setProperty("fill", value);
    else found.setAttribute(key, value);
  }
  found.append(...inside.flat(Infinity).filter((one) => one !== null));
  return found;
}

// Round numbers between two values, about `count` of them.
function steps(low, high, count) {
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= raw);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + step * 1e-9; at += step) found.push(at);
  return found;
}

function frame(title, about, ranges, names, inside) {
  const [[x0, x1], [y0, y1]] = ranges;
  const x = (v) => EDGE.left + ((v - x0) / (x1 - x0)) * (WIDE - EDGE.left - EDGE.right);
  const y = (v) => HIGH - EDGE.bottom - ((v - y0) / (y1 - y0)) * (HIGH - EDGE.top - EDGE.bottom);
  const plain = (v) => String(Number(v.toPrecision(6))).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
  const picture = shape("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": `${title}: ${about}` },
    steps(y0, y1, 4).map((v) => [
      shape("line", { x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(v), y2: y(v), class: "grid" }),
      shape("text", { x: EDGE.left - 6, y: y(v) + 4, "text-anchor": "end" }, plain(v))]),
    steps(x0, x1, 5).map((v) => shape("text", { x: x(v), y: HIGH - EDGE.bottom + 16, "text-anchor": "middle" }, plain(v))),
    shape("text", { x: (EDGE.left + WIDE - EDGE.right) / 2, y: HIGH - 6, "text-anchor": "middle" }, names[0]),
    shape("text", { x: 12, y: EDGE.top - 3, class: "axis" }, names[1]),
    inside(x, y));
  return el("figure", {}, el("figcaption", {}, el("strong", {}, title), " ", el("span", { class: "dim" }, about)), picture);
}

function wide(values, part) {
  const low = Math.min(...values), high = Math.max(...values);
  const more = (high - low || Math.abs(high) || 1) * part;
  return [low - more, high + more];
}

function regretOf(told, names) {
  const lines = names.filter((name) => told.regret[name]);
  if (!lines.length) return "";
  const all = lines.flatMap((name) => told.regret[name].map((pair) => pair[1]));
  const most = Math.max(...lines.map((name) => told.regret[name][told.regret[name].length - 1][0]));
  return frame("Regret", "seconds beyond the four-way oracle, summed up", [[0, most], wide([0, ...all], 0.04)],
    ["batches", "s"], (x, y) => [
      shape("line", { x1: x(0), x2: x(most), y1: y(0), y2: y(0), class: "zero" }),
      lines.map((name) => shape("path", { class: "curve", ink: inkOf(names.indexOf(name)),
        d: told.regret[name].map(([n, v], k) => `${k ? "L" : "M"}${x(n).toFixed(1)} ${y(v).toFixed(1)}`).join("") }))]);
}

function costOf(told, names) {
  const points = names.map((name) => ({ name, ...told.policies[name] })).filter((one) => one.mean !== null);
  if (!points.length) return "";
  const ends = (one, key) => (one.interval && one.interval[key]) || [one[key], one[key]];
  return frame("Latency against GPU seconds", "of a world, bars are 95 % intervals of means",
    [wide([0, ...points.flatMap((one) => ends(one, "gpu_seconds"))], 0.06), wide(points.flatMap((one) => ends(one, "mean")), 0.15)],
    ["GPU seconds", "mean latency, s"], (x, y) => apart(points, x, y).map((one) => {
      const k = names.indexOf(one.name), [left, right] = ends(one, "gpu_seconds"), [low, high] = ends(one, "mean");
      const flip = x(one.gpu_seconds) > WIDE * 0.7;
      return [
        shape("line", { x1: x(left), x2: x(right), y1: y(one.mean), y2: y(one.mean), class: "spread", ink: inkOf(k) }),
        shape("line", { x1: x(one.gpu_seconds), x2: x(one.gpu_seconds), y1: y(low), y2: y(high), class: "spread", ink: inkOf(k) }),
        shape("circle", { cx: x(one.gpu_seconds), cy: y(one.mean), r: 5, fill: inkOf(k) }, shape("title", {}, one.name)),
        shape("text", { x: x(one.gpu_seconds) + (flip ? -9 : 9), y: one.label, "text-anchor": flip ? "end" : "start" }, one.name)];
    }));
}

// Points from top to bottom, each with a place for its name that no other name takes.
function apart(points, x, y) {
  const sorted = [...points].sort((a, b) => b.mean - a.mean);
  sorted.forEach((one, k) => {
    one.label = y(one.mean) - 7;
    for (const other of sorted.slice(0, k)) {
      if (Math.abs(x(one.gpu_seconds) - x(other.gpu_seconds)) < 110) one.label = Math.max(one.label, other.label + 13);
    }
  });
  return sorted;
}

function calibrationOf(told, names) {
  const lines = names.filter((name) => told.calibration[name]);
  if (!lines.length) return "";
  return frame("Promises", "part of the totals inside the intervals of 50, 80 and 90 %", [[0.4, 1], [0.3, 1]],
    ["promised", "held"], (x, y) => [
      shape("line", { x1: x(0.4), x2: x(1), y1: y(0.4), y2: y(1), class: "zero" }),
      lines.map((name) => [
        shape("path", { class: "curve", ink: inkOf(names.indexOf(name)),
          d: told.calibration[name].map(([p, held], k) => `${k ? "L" : "M"}${x(p)} ${y(Math.max(held, 0.3))}`).join("") }),
        told.calibration[name].map(([p, held]) => shape("circle", { cx: x(p), cy: y(Math.max(held, 0.3)), r: 3.5,
          fill: inkOf(names.indexOf(name)) }, shape("title", {}, `${name}: promised ${percent(p)}, held ${percent(held)}`)))])]);
}

return build;
})();
