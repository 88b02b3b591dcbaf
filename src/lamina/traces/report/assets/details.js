// The drawer with all that is known of one attempt.

let chosen = -1;
const chosenListeners = [];

function choose(i) {
  chosen = i;
  const drawer = byId("details");
  drawer.hidden = i < 0;
  document.body.classList.toggle("drawer", i >= 0);
  if (i >= 0) drawer.replaceChildren(...detailsOf(i));
  for (const tell of chosenListeners) tell(i);
}

function detailsOf(i) {
  const more = DATA.more[i] || {};
  const close = el("button", { class: "close", "aria-label": "Close", onclick: () => choose(-1) }, "×");
  const found = [
    el("div", { class: "title" }, el("h2", {}, titleOf(i)), close),
    el("p", {}, badge(statusOf(i)), " ", reasonOf(i) ? el("span", { class: "dim" }, reasonOf(i)) : ""),
  ];
  if (more.error) found.push(errorOf(i, more));
  if (!A.reused[i]) found.push(el("h3", {}, "Phases"), phasesOf(i));
  found.push(el("h3", {}, "Where and what"), factsOf(i, more));
  const others = siblings(i);
  if (others.length > 1) {
    found.push(
      el("h3", {}, "Attempts of this task"),
      el("p", { class: "chips" }, others.map((k) =>
        el("button", { class: k === i ? "on" : null, onclick: () => choose(k) },
          `~${A.number[k]} ${wordOf(statusOf(k))}`))),
    );
  }
  return found;
}

function errorOf(i, more) {
  const { cause, details, way_out: wayOut } = more.error;
  const lines = (more.last || []).join("\n");
  return el("div", { class: "error" },
    el("p", { class: "cause" }, cause || wordOf(statusOf(i))),
    details ? el("pre", {}, details) : null,
    lines ? el("div", { class: "dim" }, "Last lines") : null,
    lines ? el("pre", { tabindex: 0 }, lines) : null,
    wayOut ? el("p", {}, "Way out: ", wayOut) : null);
}

function phasesOf(i) {
  const spans = spansOf(i);
  const low = spans[0][1];
  const all = Math.max(spans[spans.length - 1][2] - low, 1);
  return el("table", { class: "phases" }, spans.map(([phase, from, to]) =>
    el("tr", {},
      el("th", { scope: "row" }, DATA.phases[phase][1]),
      el("td", { class: "number" }, duration(to - from)),
      el("td", { class: "wide" }, el("i", { style: {
        "margin-left": `${(100 * (from - low)) / all}%`,
        width: `max(2px, ${(100 * (to - from)) / all}%)`,
        background: phaseColour(phase),
      } })))));
}

function factsOf(i, more) {
  const cpu = usage("cpu", i);
  const rows = [
    ["Began", `${wallTime(A.begin[i]).toLocaleString()} (${duration(A.begin[i])} into the run)`],
    ["Worked", A.reused[i] ? "result of an earlier run" : duration(worked(i))],
    ["Usually", usualOf(i) ? `${duration(usualOf(i)[0])}, the median ${usualFrom(usualOf(i))}` : ""],
    ["Worker", [...new Set([workerOf(i), more.host, more.pid ? `process ${more.pid}` : ""])].filter(Boolean).join(", ")],
    ["GPUs", (more.gpus || []).join(", ")],
    ["CPU time", cpu === null ? "" : duration(cpu * TICKS)],
    ["Memory", bytes(usage("memory", i))],
    ["Read, written", [usage("read", i), usage("written", i)].map(bytes).filter(Boolean).join(", ")],
    ["Exit code", more.exit === undefined ? "" : String(more.exit)],
    ["Folder", more.folder || ""],
  ];
  const commands = A.reused[i] || !HEAD.command ? [] : [`lamina logs ${quoted(`${HEAD.command}/${nameOf(i)}`)}`];
  if (A.bad[i] && HEAD.command) commands.push(`lamina resume ${quoted(HEAD.command)}`);
  return el("div", {},
    el("dl", {}, rows.filter(([, text]) => text).map(([name, text]) => [
      el("dt", {}, name), el("dd", {}, text)])),
    commands.map((text) => el("pre", { class: "command" }, text)));
}

const quoted = (word) => (/^[\w./~#[\]-]+$/.test(word) && !/[[\]#~]/.test(word)
  ? word : `'${word.replaceAll("'", "'\\''")}'`);

let tries = null;
function siblings(i) {
  if (!tries) {
    tries = new Map();
    for (let k = 0; k < COUNT; k++) {
      if (!tries.has(A.task[k])) tries.set(A.task[k], []);
      tries.get(A.task[k]).push(k);
    }
  }
  return tries.get(A.task[i]);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen >= 0) choose(-1);
});
