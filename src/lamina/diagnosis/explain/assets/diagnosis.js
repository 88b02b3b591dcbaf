// The diagnosis: the answer, what took longer, what it shares, what was considered, what to try.

const seconds = (value) => {
  const size = Math.abs(value);
  const digits = size >= 9.95 ? 0 : size >= 0.995 ? 1 : 2;
  return `${Number(value.toFixed(digits))} s`;
};
const signed = (value) => (value >= 0 ? `+${seconds(value)}` : `−${seconds(-value)}`);
const share = (value) => (value > 0 && value < 0.005 ? "<1 %" : `${Math.round(100 * value)} %`);

function buildAdded() {
  const told = DATA.added;
  const section = byId("added");
  section.hidden = false;
  section.replaceChildren(
    verdictCard(told),
    costsOf(told) || "",
    findingsOf(told),
    told.share ? el("div", {}, el("h3", {}, "What they have in common"), el("p", {}, told.share)) : "",
    causesOf(told),
    saliencyOf(told) || "",
    strangeOf(told.novelty) || "",
    jobsOf(told) || "",
    el("div", { class: "two" }, listOf("What to try", told.advice), listOf("To be kept in mind", told.notes)),
    answersOf(told) || "",
  );
}

function verdictCard(told) {
  const verdict = told.verdict;
  const [head, ...rest] = told.headline.split("; ");
  const normal = verdict ? verdict.class === "normal" && verdict.answer !== "unsure"
    : !told.findings.some((one) => one.kind !== "follows");
  return el("div", { class: `verdict${normal ? " normal" : ""}` },
    el("div", {}, el("h2", {}, head), rest.map((line) => el("p", {}, line)),
      el("p", { class: "dim" }, `Compared ${told.compared}.`,
        verdict && verdict.answer === "unsure" ? " The detector is not sure of any class." : "")),
    verdict ? chances(verdict) : el("p", { class: "dim" }, "No detector knows such jobs: plain checks with numbers."));
}

const number = (value) => String(Number(value.toPrecision(3)));

function chances(verdict) {
  return el("div", { class: "chances", role: "list", "aria-label": "Probability of each class" },
    Object.entries(verdict.probabilities).map(([name, value], k) => el("div", { role: "listitem", style: { display: "contents" },
      class: k === 0 ? "first" : null },
      el("span", {}, name), el("i", { style: { width: `${Math.max(100 * value, 0.5)}%` } }),
      el("span", { class: "number" }, share(value)))));
}

const phaseTitle = (name) => (DATA.phases.find((phase) => phase[0] === name) || ["", name])[1];
const phasePlace = (name) => DATA.phases.findIndex((phase) => phase[0] === name);

function costsOf(told) {
  const costs = Object.entries(told.phases).filter(([, cost]) => cost >= 0.005).sort((a, b) => b[1] - a[1]);
  if (!costs.length) return null;
  const most = costs[0][1];
  const longer = told.usual_seconds ? told.seconds - told.usual_seconds.usual : null;
  return el("div", {},
    el("h3", {}, longer === null ? "What each phase cost the run" : `${signed(longer)} against usual, by phase`),
    el("div", { class: "costs" }, costs.map(([name, cost]) => [
      el("span", {}, phaseTitle(name)),
      el("i", { style: { width: `${(100 * cost) / most}%`, background: phaseColour(phasePlace(name)) } }),
      el("span", { class: "number" }, signed(cost))])),
    el("p", { class: "dim hint" }, "By how much shorter the run would have been without what a phase took longer than usual; "
      + "phases of jobs that nothing waited for cost nothing."));
}

function findingsOf(told) {
  if (!told.findings.length) {
    return el("div", {}, el("h3", {}, "Findings"), el("p", {}, "Nothing took longer than usual."));
  }
  return el("div", {}, el("h3", {}, "Findings"),
    el("ol", { class: "findings" }, told.findings.map((one, k) => findingItem(one, k + 1))));
}

function findingItem(one, count) {
  const quiet = ["follows", "larger", "more jobs", "slight"].includes(one.kind);
  const item = el("li", { class: quiet ? "quiet" : null },
    el("span", { class: "count" }, count),
    el("div", {}, el("strong", {}, one.text)),
    one.high > 0 || one.usual > 0 ? rangeOf(one) : el("span", {}),
    one.jobs.length ? el("button", { "aria-pressed": "false", title: "Outline its jobs on the chart, and no others",
      onclick: () => onlyMark(count) }, "Show") : el("span", {}));
  item.dataset.finding = count;
  return item;
}

// What is usual as a bar, its middle as a line, what was seen as a dot.
function rangeOf(one) {
  const most = 1.08 * Math.max(one.observed, one.high, one.usual, 1e-9);
  const at = (value) => `${(100 * value) / most}%`;
  return el("div", { class: "range", role: "img",
    "aria-label": `${seconds(one.observed)}, usually ${seconds(one.usual)} (${seconds(one.low)} to ${seconds(one.high)})` },
    el("i", { class: "line" }),
    el("i", { class: "usually", style: { left: at(one.low), width: at(Math.max(one.high - one.low, 0)) } }),
    el("i", { class: "middle", style: { left: at(one.usual) } }),
    el("i", { class: "seen", style: { left: at(one.observed) } }),
    el("span", { style: { left: at(one.low) } }, one.observed > 2 * one.high || one.observed < one.low ? seconds(one.usual) : ""),
    el("span", { style: { right: `calc(100% - ${at(one.observed)} - 12px)` } }, seconds(one.observed)));
}

function onlyMark(count) {
  view.mark = view.mark === count ? 0 : count;
  for (const item of document.querySelectorAll("[data-finding]")) {
    const on = Number(item.dataset.finding) === view.mark;
    item.classList.toggle("on", on);
    const button = item.querySelector("button");
    if (button) { button.setAttribute("aria-pressed", String(on)); button.textContent = on ? "Show all" : "Show"; }
  }
  if (view.mark) {
    const first = Object.keys(MARKS).map(Number).sort((a, b) => a - b)
      .find((i) => MARKS[i].some((mark) => mark[1] === view.mark));
    view.mode = COUNT <= 10000 ? "attempts" : view.mode;
    newRows();
    if (first !== undefined) reveal(first);
    byId("timeline").scrollIntoView({ block: "nearest", behavior: "smooth" });
  }
  draw();
}

function causesOf(told) {
  if (!told.considered.length) return "";
  return el("div", {}, el("h3", {}, "What was considered"), el("div", { class: "causes" }, el("table", {},
    el("thead", {}, el("tr", {}, ["", "Cause", told.verdict ? "Detector" : null, "Why"].map((head) =>
      head === null ? null : el("th", { scope: "col" }, head)))),
    el("tbody", {}, told.considered.map((one) => el("tr", {},
      el("td", { class: one.likely ? "likely" : "back" }, one.likely ? "● likely" : "○ put back"),
      el("th", { scope: "row" }, one.title),
      told.verdict ? el("td", { class: "number" }, one.probability === null ? "" : share(one.probability)) : null,
      el("td", {}, one.reasons.join("; "))))))));
}

// Types of jobs by phases: by how much the answer loses when that phase takes as long as usual.
function saliencyOf(told) {
  const rests = told.saliency.filter((one) => Math.abs(one.odds) > 0);
  if (!rests.length || !told.verdict) return null;
  const kinds = [...new Set(rests.map((one) => one.kind))];
  const phases = DATA.phases.map((phase) => phase[0]).filter((name) => rests.some((one) => one.phase === name));
  const most = Math.max(...rests.map((one) => Math.abs(one.odds)));
  const cell = (kind, phase) => {
    const one = rests.find((each) => each.kind === kind && each.phase === phase);
    if (!one) return el("td", {}, "");
    const strength = Math.round((75 * Math.abs(one.odds)) / most);
    const colour = one.odds > 0 ? "var(--mark)" : "var(--good)";
    return el("td", { style: { background: `color-mix(in srgb, ${colour} ${strength}%, transparent)` },
      title: `${one.jobs.length} jobs; probability ${one.weight.toFixed(3)}, logarithm of the odds ${one.odds.toFixed(1)}` },
      `${one.share < 0 ? "−" : ""}${share(Math.abs(one.share))}`);
  };
  const without = Object.entries(told.without).sort((a, b) => b[1] - a[1])[0];
  return el("div", {}, el("h3", {}, "What the answer rests on"),
    el("p", { class: "dim hint" }, `How much of what speaks for ${told.verdict.class} rests on a phase of a type of jobs: the mean of what its odds `
      + "lose when the run is played again with that phase as usual, and of what they gain with all others as usual. "
      + "On the chart the same phases are shaded."),
    el("div", { class: "heatmap" }, el("table", {},
      el("thead", {}, el("tr", {}, el("th", {}, "Jobs"), phases.map((name) => el("th", { scope: "col" }, phaseTitle(name))))),
      el("tbody", {}, kinds.map((kind) => el("tr", {}, el("th", { scope: "row" }, kind), phases.map((name) => cell(kind, name))))))),
    without ? el("p", {}, `Without the findings the detector says ${without[0]} (${share(without[1])}).`) : "");
}

function listOf(title, lines) {
  return lines.length ? el("div", {}, el("h3", {}, title), el("ul", {}, lines.map((line) => el("li", {}, line)))) : "";
}

function answersOf(told) {
  if (!told.name) return null;
  const command = (word) => el("pre", { class: "command" }, `lamina diagnose answer ${quoted(told.name)} ${word}`);
  return el("div", {}, el("h3", {}, "Was this right?"), command("right"), command("wrong --label LABEL"), command("expected"),
    el("p", { class: "dim hint" }, "Answers are kept in the project and become labels."));
}
