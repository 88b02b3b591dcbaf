// Tables: of attempts, of which only the rows in sight exist; and of statistics per task.

const LINE = 29;
const COLUMNS = [
  { key: "task", title: "Task", text: titleOf, value: null, wide: true },
  { key: "status", title: "Status", text: (i) => wordOf(statusOf(i)), value: null, cell: (i) => badge(statusOf(i)) },
  { key: "begin", title: "Began", text: (i) => duration(A.begin[i]), value: (i) => A.begin[i], number: true },
  { key: "waited", title: "Waited", text: (i) => (A.reused[i] ? "" : duration(waited(i))), value: waited, number: true },
  { key: "worked", title: "Worked", text: (i) => (A.reused[i] ? "" : duration(worked(i))), value: worked, number: true },
  { key: "cpu", title: "CPU", text: (i) => cpuText(i), value: (i) => usage("cpu", i) ?? -1, number: true, from: "cpu" },
  { key: "memory", title: "Memory", text: (i) => bytes(usage("memory", i)), value: (i) => usage("memory", i) ?? -1, number: true, from: "memory" },
  { key: "worker", title: "Worker", text: workerOf, value: null },
  { key: "reason", title: "Why", text: (i) => causeOf(i) || reasonOf(i), value: null, wide: true },
];
const cpuText = (i) => (usage("cpu", i) === null ? "" : duration(usage("cpu", i) * TICKS));
const causeOf = (i) => ((DATA.more[i] || {}).error || {}).cause || "";
const listed = { order: [], sort: "begin", down: false, text: "", status: "" };

function buildTable() {
  const columns = COLUMNS.filter((one) => !one.from || A[one.from].length);
  const statuses = [...new Set(A.status)].map((k) => DATA.statuses[k]);
  const count = el("span", { class: "dim", role: "status" });
  const head = el("div", { class: "line head", role: "row" }, columns.map((column) =>
    el("button", { role: "columnheader", class: column.number ? "number" : null, "data-key": column.key,
      onclick: () => sortBy(column.key) }, column.title)));
  const body = el("div", { class: "body", role: "rowgroup" });
  const scroller = el("div", { class: "lines", tabindex: 0, role: "table", "aria-label": "Attempts",
    "aria-rowcount": String(COUNT + 1) }, head, body);
  const letters = DATA.workers.reduce((most, name) => Math.max(most, name.length), 0);
  const longest = Math.min(Math.max(letters * 7.4, 72), 190);
  const template = columns.map((one) => one.wide ? "minmax(150px, 2fr)" : one.key === "status" ? "minmax(126px, .9fr)"
    : one.key === "worker" ? `minmax(${longest}px, .7fr)` : "minmax(72px, .7fr)").join(" ");
  scroller.style.setProperty("--columns", template);
  const options = ["", "problems", ...statuses].map((one) =>
    el("option", { value: one }, one === "" ? "all" : one === "problems" ? "failed ones" : wordOf(one)));
  byId("attempts").replaceChildren(
    el("div", { class: "bar" }, el("h2", {}, "Attempts"), count,
      el("input", { type: "search", placeholder: "Filter: task, worker, cause", "aria-label": "Filter attempts",
        oninput: (event) => { listed.text = event.target.value.toLowerCase(); list(); } }),
      el("label", {}, "Status ", el("select", { onchange: (event) => { listed.status = event.target.value; list(); } }, options))),
    scroller);
  Object.assign(listed, { columns, count, head, body, scroller });
  scroller.addEventListener("scroll", lines, { passive: true });
  chosenListeners.push(lines);
  list();
}

function sortBy(key) {
  listed.down = listed.sort === key ? !listed.down : COLUMNS.find((one) => one.key === key).number === true && key !== "begin";
  listed.sort = key;
  list();
}

function list() {
  const { text, status } = listed;
  const column = COLUMNS.find((one) => one.key === listed.sort);
  const found = [];
  for (let i = 0; i < COUNT; i++) {
    if (status === "problems" ? !A.bad[i] : status && statusOf(i) !== status) continue;
    if (text && !`${titleOf(i)}\n${workerOf(i)}\n${causeOf(i)}\n${reasonOf(i)}`.toLowerCase().includes(text)) continue;
    found.push(i);
  }
  if (column.value) {
    const values = Float64Array.from({ length: COUNT }, (_, i) => column.value(i));
    found.sort((a, b) => values[a] - values[b] || a - b);
  } else {
    const words = new Intl.Collator("en", { numeric: true });
    const keys = new Map(found.map((i) => [i, column.text(i)]));
    found.sort((a, b) => words.compare(keys.get(a), keys.get(b)) || a - b);
  }
  if (listed.down) found.reverse();
  listed.order = found;
  listed.count.textContent = found.length === COUNT ? many(COUNT, "attempt") :
    `${found.length.toLocaleString("en")} of ${many(COUNT, "attempt")}`;
  for (const button of listed.head.children) {
    const here = button.dataset.key === listed.sort;
    button.setAttribute("aria-sort", here ? (listed.down ? "descending" : "ascending") : "none");
  }
  listed.body.style.height = `${Math.max(found.length, 1) * LINE}px`;
  listed.scroller.style.height = `${Math.min((Math.max(found.length, 1) + 1) * LINE + 2, 15.5 * LINE)}px`;
  listed.scroller.scrollTop = 0;
  lines();
}

function lines() {
  const { scroller, order, body, columns } = listed;
  const first = Math.max(Math.floor(scroller.scrollTop / LINE) - 3, 0);
  const last = Math.min(first + Math.ceil(scroller.clientHeight / LINE) + 8, order.length);
  const found = [];
  for (let at = first; at < last; at++) {
    const i = order[at];
    found.push(el("div", {
      class: `line${i === chosen ? " on" : ""}`, role: "row", tabindex: -1, "aria-rowindex": String(at + 2),
      style: { transform: `translateY(${at * LINE}px)` }, onclick: () => choose(i),
    }, columns.map((column) => el("span", { role: "cell", class: column.number ? "number" : null,
      title: column.wide || column.key === "worker" ? column.text(i) : null }, column.cell ? column.cell(i) : column.text(i)))));
  }
  if (!order.length) found.push(el("div", { class: "line dim" }, el("span", {}, "None")));
  body.replaceChildren(...found);
}

document.addEventListener("keydown", (event) => {
  const { scroller, order } = listed;
  if (!scroller || !scroller.contains(document.activeElement)) return;
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  const at = order.indexOf(chosen);
  const next = Math.min(Math.max(at + (event.key === "ArrowDown" ? 1 : -1), 0), order.length - 1);
  if (next < 0) return;
  choose(order[next]);
  const y = next * LINE;
  if (y < scroller.scrollTop) scroller.scrollTop = y;
  if (y + 3 * LINE > scroller.scrollTop + scroller.clientHeight) scroller.scrollTop = y + 3 * LINE - scroller.clientHeight;
});

const SHOWN_TASKS = 200;
function buildStatistics() {
  const groups = new Map();
  for (let i = 0; i < COUNT; i++) {
    const key = siteOf(i);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(i);
  }
  const all = Math.max(sum(Array.from({ length: COUNT }, (_, i) => worked(i))), 1);
  const found = [...groups.entries()].map(([site, items]) => statisticsOf(DATA.sites[site], items, all));
  let sort = "total";
  let down = true;
  const columns = [
    ["name", "Task", (one) => one.name], ["units", "Runs", (one) => one.units.toLocaleString("en")],
    ["bad", "Failed tries", (one) => one.bad || ""], ["reused", "Reused", (one) => one.reused || ""],
    ["waited", "Waited, median", (one) => one.worked ? duration(one.waited) : ""],
    ["median", "Worked, median", (one) => one.worked ? duration(one.median) : ""],
    ["most", "Longest", (one) => one.worked ? duration(one.most) : ""],
    ["memory", "Memory", (one) => bytes(one.memory || null)],
    ["total", "In all", (one) => duration(one.total)],
  ];
  const body = el("tbody", {});
  const fill = () => {
    const order = [...found].sort((a, b) => typeof a[sort] === "string" ?
      a[sort].localeCompare(b[sort], "en", { numeric: true }) : a[sort] - b[sort]);
    if (down) order.reverse();
    body.replaceChildren(...order.slice(0, SHOWN_TASKS).map((one) => el("tr", {},
      columns.map(([key, , text], k) => el(k ? "td" : "th", { class: k ? "number" : null, scope: k ? null : "row" },
        key === "total" ? el("span", { class: "share", style: { "--share": `${100 * one.share}%` } }, text(one)) : text(one))))));
  };
  const heads = columns.map(([key, title]) => el("th", { scope: "col", class: key === "name" ? null : "number" },
    el("button", { onclick: () => { down = sort === key ? !down : key !== "name"; sort = key; mark(); fill(); }, "data-key": key }, title)));
  const mark = () => heads.forEach((head, k) =>
    head.setAttribute("aria-sort", columns[k][0] === sort ? (down ? "descending" : "ascending") : "none"));
  mark();
  fill();
  const left = found.length - SHOWN_TASKS;
  byId("statistics").replaceChildren(el("h2", {}, "Tasks"),
    el("div", { class: "scroll", tabindex: 0 }, el("table", { class: "statistics" }, el("thead", {}, el("tr", {}, heads)), body)),
    left > 0 ? el("p", { class: "dim" }, `${many(left, "more task")}; the table of attempts holds all.`) : "");
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

function statisticsOf(name, items, all) {
  const ran = items.filter((i) => !A.reused[i]);
  const times = ran.map(worked);
  const total = sum(times);
  return {
    name,
    units: new Set(items.map((i) => A.task[i])).size,
    bad: items.filter((i) => A.bad[i]).length,
    reused: items.length - ran.length,
    median: median(times),
    most: times.reduce((a, b) => Math.max(a, b), 0),
    waited: median(ran.map(waited)),
    memory: ran.reduce((a, i) => Math.max(a, usage("memory", i) ?? 0), 0),
    total,
    share: total / all,
    worked: ran.length,
  };
}
