// Told metrics as small line charts: one per name, a line per attempt.

const INKS = [["#0072b2", "#56b4e9"], ["#d55e00", "#ff8a3d"], ["#009e73", "#2bb48c"], ["#cc79a7", "#dd9cc0"],
  ["#8a6d00", "#f0e442"], ["#5b4bb5", "#a79bf0"]];
const DASHES = [[], [6, 3], [2, 2], [8, 3, 2, 3]];

function buildCurves() {
  if (!DATA.curves.length) return;
  const names = [...new Set(DATA.curves.flatMap((curve) => Object.keys(curve.series)))].slice(0, 24);
  const figures = names.map((name) => {
    const told = DATA.curves.map((curve, k) => ({ curve, k, y: curve.series[name] })).filter((one) => one.y);
    const canvas = el("canvas", { role: "img", "aria-label": describe(name, told) });
    const read = el("span", { class: "dim number" });
    canvas.addEventListener("pointermove", (event) => readCurve(canvas, told, read, event));
    canvas.addEventListener("pointerleave", () => { read.textContent = ""; });
    const paintIt = () => paintCurves(canvas, told);
    new ResizeObserver(paintIt).observe(canvas.parentElement || document.body);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintIt);
    requestAnimationFrame(paintIt);
    return el("figure", {}, el("figcaption", {}, el("strong", {}, name), " ", read), canvas);
  });
  const legend = DATA.curves.length < 2 ? "" : el("div", { class: "legend" }, DATA.curves.map((curve, k) =>
    el("span", {}, el("i", { class: "swatch", style: { background: `light-dark(${INKS[k % 6][0]}, ${INKS[k % 6][1]})` } }),
      curve.task + (curve.attempt > 1 ? ` ~${curve.attempt}` : ""))));
  const left = DATA.curves_left_out ? el("p", { class: "dim" }, `${many(DATA.curves_left_out, "more attempt")} told metrics.`) : "";
  byId("curves").hidden = false;
  byId("curves").replaceChildren(el("h2", {}, "Metrics"), el("div", { class: "figures" }, figures), legend, left);
}

function describe(name, told) {
  const ends = told.slice(0, 4).map(({ curve, y }) => `${curve.task}: from ${y.find((v) => v !== null)} to ${y[y.length - 1]}`);
  return `${name} over ${told[0].curve.over || "time"}; ${ends.join("; ")}`;
}

function bounds(told) {
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const { curve, y } of told) {
    for (let i = 0; i < y.length; i++) {
      if (y[i] === null || curve.x[i] === null) continue;
      x0 = Math.min(x0, curve.x[i]); x1 = Math.max(x1, curve.x[i]);
      y0 = Math.min(y0, y[i]); y1 = Math.max(y1, y[i]);
    }
  }
  if (y0 === y1) { y0 -= Math.abs(y0) / 10 || 1; y1 += Math.abs(y1) / 10 || 1; }
  return [x0, x1 === x0 ? x0 + 1 : x1, y0, y1];
}

function short(value) {
  const plain = String(Number(value.toPrecision(3)));
  return plain.length < 7 ? plain : value.toExponential(1);
}

function placing(canvas, told) {
  const width = canvas.parentElement.clientWidth;
  const height = 150;
  const [x0, x1, y0, y1] = bounds(told);
  return {
    width, height, x0, x1, y0, y1,
    x: (v) => 46 + ((v - x0) * (width - 58)) / (x1 - x0),
    y: (v) => height - 22 - ((v - y0) * (height - 34)) / (y1 - y0),
  };
}

function paintCurves(canvas, told) {
  if (!canvas.parentElement || canvas.parentElement.clientWidth < 80) return;
  const at = placing(canvas, told);
  const pen = fitted(canvas, at.width, at.height);
  pen.font = "11px system-ui, sans-serif";
  pen.fillStyle = css("--dim");
  pen.strokeStyle = css("--line");
  pen.textAlign = "right";
  for (const share of [0, 0.5, 1]) {
    const value = at.y0 + share * (at.y1 - at.y0);
    pen.beginPath(); pen.moveTo(46, at.y(value)); pen.lineTo(at.width - 12, at.y(value)); pen.stroke();
    pen.fillText(short(value), 40, at.y(value) + 4);
  }
  pen.fillText(short(at.x1), at.width - 10, at.height - 6);
  pen.textAlign = "left";
  pen.fillText(`${short(at.x0)}  ${told[0].curve.over}`, 46, at.height - 6);
  pen.lineWidth = 1.8;
  pen.lineJoin = "round";
  for (const { curve, k, y } of told) {
    pen.strokeStyle = INKS[k % 6][dark() ? 1 : 0];
    pen.setLineDash(DASHES[Math.floor(k / 6) % 4]);
    pen.beginPath();
    let open = false;
    for (let i = 0; i < y.length; i++) {
      if (y[i] === null || curve.x[i] === null) { open = false; continue; }
      // A fold or a restart begins anew: no line leads back.
      if (open && curve.x[i] >= curve.x[i - 1]) pen.lineTo(at.x(curve.x[i]), at.y(y[i])); else pen.moveTo(at.x(curve.x[i]), at.y(y[i]));
      open = true;
    }
    pen.stroke();
    if (y.length === 1 && y[0] !== null) pen.strokeRect(at.x(curve.x[0]) - 1, at.y(y[0]) - 1, 2, 2);
  }
  pen.setLineDash([]);
}

function readCurve(canvas, told, read, event) {
  const at = placing(canvas, told);
  const box = canvas.getBoundingClientRect();
  const wanted = at.x0 + ((event.clientX - box.left - 46) * (at.x1 - at.x0)) / (at.width - 58);
  const parts = told.slice(0, 3).map(({ curve, y }) => {
    let best = 0;
    for (let i = 0; i < y.length; i++) if (Math.abs(curve.x[i] - wanted) < Math.abs(curve.x[best] - wanted)) best = i;
    return y[best] === null ? "" : `${curve.over} ${curve.x[best]}: ${y[best]}`;
  });
  read.textContent = parts.filter(Boolean).join("   ");
}
