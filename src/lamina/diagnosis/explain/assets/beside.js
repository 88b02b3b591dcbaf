// Beside the explanation: how strange the run is among good runs; which of its jobs were disturbed.

function strangeOf(told) {
  if (!told) return null;
  return el("div", {}, el("h3", {}, "Beside good runs, without labels"),
    el("div", { class: `strange${told.strange ? "" : " as-usual"}` },
      el("div", {}, el("strong", {}, told.strange ? "The run is strange" : "The run is not strange"),
        el("p", { class: "dim" }, `Beside ${many(told.runs, "good run")}: score ${number(told.score)}, strange from ${number(told.threshold)}, `
          + `as ${share(told.false_alarms)} of good runs are.`)),
      scoreOf(told)),
    told.reasons.length ? reasonsOf(told.reasons) : "");
}

// Below the threshold as a bar, the threshold as a line, the run as a dot.
function scoreOf(told) {
  const least = Math.min(0, told.score, told.threshold);
  const most = least + 1.12 * Math.max(Math.max(told.score, told.threshold, 0) - least, 1e-9);
  const at = (value) => `${(100 * (value - least)) / (most - least)}%`;
  return el("div", { class: "range", role: "img",
    "aria-label": `Score ${number(told.score)}, strange from ${number(told.threshold)}` },
    el("i", { class: "line" }),
    el("i", { class: "usually", style: { left: "0", width: at(told.threshold) } }),
    el("i", { class: "middle", style: { left: at(told.threshold) } }),
    el("i", { class: "seen", style: { left: at(told.score) } }));
}

function reasonsOf(reasons) {
  const most = Math.max(...reasons.map((one) => one.share), 1e-9);
  return el("div", { class: "causes even" }, el("table", {},
    el("thead", {}, el("tr", {}, ["Part of it", "", "Phase", "Jobs of type", "Each, mean", "Usually", "Furthest from usual"].map((head) =>
      el("th", { scope: "col" }, head)))),
    el("tbody", {}, reasons.map((one) => el("tr", {},
      el("td", { class: "number" }, share(one.share)),
      el("td", { class: "length" }, el("i", { style: { width: `${(100 * one.share) / most}%`,
        background: phasePlace(one.phase) < 0 ? "var(--accent)" : phaseColour(phasePlace(one.phase)) } })),
      el("td", {}, phaseTitle(one.phase)),
      el("th", { scope: "row" }, one.kind),
      el("td", { class: "number" }, seconds(one.seconds)),
      el("td", { class: "number" }, seconds(one.usual)),
      el("td", {}, el("div", { class: "chips" }, one.jobs.slice(0, 2).map(jobButton))))))));
}

// Task -> its last attempt.
const latest = new Map();
function latestOf(task) {
  if (!latest.size) {
    for (let i = 0; i < COUNT; i++) {
      const known = latest.get(nameOf(i));
      if (known === undefined || A.number[i] > A.number[known]) latest.set(nameOf(i), i);
    }
  }
  return latest.get(task);
}

function jobButton(task) {
  const i = latestOf(task);
  return i === undefined ? el("span", {}, task) : el("button", { title: "Show it on the chart", onclick: () => choose(i) }, task);
}

const SHOWN_JOBS = 200;
const ALL_THE_SAME = 5; // jobs that are shown where none was probably disturbed

// Single jobs, the most probable first.
function jobsOf(told) {
  if (!told.jobs.length) return null;
  const order = [...told.jobs].sort((a, b) => b.probability - a.probability);
  const sure = order.filter((one) => one.probability >= told.sure);
  const shown = order.slice(0, Math.min(Math.max(sure.length, ALL_THE_SAME), SHOWN_JOBS));
  const counts = new Map();
  for (const one of sure) counts.set(one.anomaly, (counts.get(one.anomaly) || 0) + 1);
  const by = [...counts].sort((a, b) => b[1] - a[1]).map(([name, count]) => `${name} ${count}`).join(", ");
  const head = sure.length ? `${sure.length} of ${many(order.length, "job")} ${sure.length === 1 ? "was" : "were"} probably disturbed: ${by}.`
    : `None of ${many(order.length, "job")} was probably disturbed.`;
  const left = sure.length - shown.length;
  return el("div", {}, el("h3", {}, "Single jobs"), el("p", {}, head,
    sure.length < shown.length ? " Those that are nearest to it:" : ""),
    el("div", { class: "causes even scroll jobs", tabindex: 0 }, el("table", {},
      el("thead", {}, el("tr", {}, ["Disturbed", "", "Job", "Worker", "By what"].map((name) => el("th", { scope: "col" }, name)))),
      el("tbody", {}, shown.map((one) => {
        const i = latestOf(one.task);
        return el("tr", { class: one.probability >= told.sure ? null : "dim" },
          el("td", { class: "number" }, share(one.probability)),
          el("td", { class: "length" }, el("i", { style: { width: `${Math.max(100 * one.probability, 0.5)}%` } })),
          el("th", { scope: "row" }, el("div", { class: "chips" }, jobButton(one.task))),
          el("td", {}, i === undefined ? "" : workerOf(i) || ""),
          el("td", {}, `${one.anomaly} (${share(one.share)})`));
      })))),
    left > 0 ? el("p", { class: "dim" }, `and ${many(left, "more job")}: lamina diagnose --json tells all.`) : "");
}
