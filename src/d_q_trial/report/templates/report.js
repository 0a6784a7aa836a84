"use strict";
// Glue between the page and its numbers. Nothing is computed here: what is shown was printed by the workflow.

// Claims: search, source and verdicts together decide which rows show.
(() => {
  const form = document.getElementById("filter");
  if (!form) return;
  const table = document.getElementById("claims");
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const boxes = [...form.querySelectorAll("[name=verdict]")];
  const [search, source, shown, everything] = ["search", "source", "shown", "everything"].map((id) => document.getElementById(id));
  const total = rows.length.toLocaleString("en");
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const row of rows) {
      const text = texts.get(row);
      const fits = verdicts.has(row.dataset.verdict) && (!source.value || row.dataset.source === source.value)
        && words.every((word) => text.includes(word));
      row.hidden = !fits;
      count += fits;
    }
    const filtered = words.length > 0 || source.value !== "" || verdicts.size < boxes.length;
    table.classList.toggle("filtered", filtered);
    everything.disabled = !filtered;
    shown.textContent = `${count.toLocaleString("en")} of ${total} claims`;
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  everything.addEventListener("click", () => { form.reset(); update(); search.focus(); });
})();

// Cutoffs: the slider chooses which of the finished numbers to show.
(() => {
  const element = document.getElementById("cutoffs");
  if (!element) return;
  const data = JSON.parse(element.textContent);
  const get = (id) => document.getElementById(id);
  const [choice, marker, cut, cutValue, own, chart, caption] =
    ["choice", "marker", "cut", "cut-value", "own", "chart", "told"].map(get);
  const families = new Map();
  for (const item of data.choices) {
    if (!families.has(item.family)) {
      const group = document.createElement("optgroup");
      group.label = item.family;
      families.set(item.family, choice.appendChild(group));
    }
    families.get(item.family).append(new Option(item.label, item.key));
  }
  for (const item of data.markers) marker.append(new Option(item.label, item.key));

  choice.value = data.first;
  const find = () => data.series.find((s) => s.marker === marker.value && s.choice === choice.value);
  const value = (text) => (text === "–" ? NaN : Number(text.replace("−", "-").replaceAll(",", "")));
  let shown = null; // the series in the chart
  let plot = null;

  const fill = (column, side) => {
    const [n1, n2, m1, m2, shift, low, high, p] = side ?? [];
    const texts = side ? [n1, n2, m1, m2, shift, `${low} to ${high}`, p] : Array(7).fill("too few");
    texts.forEach((text, i) => { get("sides").tBodies[0].rows[i].cells[column].textContent = text; });
  };

  // Round numbers that a logarithmic axis has room for.
  const ticks = (low, high, room) => {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
      for (const digit of [1, 2, 5]) all.push(Number(`${digit}e${power}`));
    }
    const inside = all.filter((tick) => tick >= low && tick <= high);
    return inside.length <= room ? inside : inside.filter((tick) => /1/.test(tick));
  };

  const draw = () => {
    const item = data.choices.find((c) => c.key === choice.value);
    const about = data.markers.find((m) => m.key === marker.value);
    const points = ["above", "below"].flatMap((side) => shown.cuts.map((x, i) => {
      const numbers = shown[side][i];
      return numbers && { x, side: side === "above" ? "Above the cut" : "Below the cut", shift: value(numbers[4]), low: value(numbers[5]), high: value(numbers[6]) };
    }).filter(Boolean));
    const sides = ["Above the cut", "Below the cut"];
    const log = shown.cuts[0] > 0 && shown.cuts.at(-1) / shown.cuts[0] > 20;
    const width = Math.max(280, chart.clientWidth);
    plot = Plot.plot({
      width, height: 400, marginBottom: 46, marginLeft: 52, marginRight: 24, marginTop: 24,
      style: { fontSize: "13px", fontFamily: "inherit" },
      x: { type: log ? "log" : "linear", label: `Cut of ${about.label}${about.unit ? ` (${about.unit})` : ""}`, labelAnchor: "center", labelArrow: "none",
        ticks: log ? ticks(shown.cuts[0], shown.cuts.at(-1), width / 60) : Math.floor(width / 80), tickFormat: (d) => String(d) },
      y: { label: `Shift (${item.unit === "%" ? "percentage points" : item.unit})`, grid: true, nice: true },
      fy: { domain: sides, axis: null },
      marks: [
        Plot.text(sides, { fy: (d) => d, text: (d) => d, frameAnchor: "top-left", dx: 6, dy: 4, fontWeight: 600, fill: "currentColor" }),
        Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.6 }),
        Plot.areaY(points, { x: "x", y1: "low", y2: "high", fy: "side", fill: "var(--accent)", fillOpacity: 0.18, curve: "step" }),
        Plot.lineY(points, { x: "x", y: "shift", fy: "side", stroke: "var(--accent)", strokeWidth: 2, curve: "step" }),
        about.own === null ? null : Plot.ruleX([about.own], { stroke: "currentColor", strokeDasharray: "4 4" }),
        Plot.ruleX([0], { x: () => shown.cuts[Number(cut.value)], stroke: "var(--mark-ink)", strokeWidth: 2.5, className: "chosen" }),
      ],
    });
    chart.replaceChildren(plot);
  };

  const update = () => {
    const series = find();
    const fresh = series !== shown;
    if (fresh) {
      shown = series;
      cut.max = series.cuts.length - 1;
      cut.value = series.start;
    }
    const i = Number(cut.value);
    const about = data.markers.find((m) => m.key === marker.value);
    const text = `${series.shown[i]} ${about.unit}`.trim();
    cutValue.textContent = text;
    cut.setAttribute("aria-valuetext", text);
    own.disabled = i === series.start;
    fill(1, series.above[i]);
    fill(2, series.below[i]);
    const item = data.choices.find((c) => c.key === choice.value);
    caption.textContent = `${item.label}, ${data.change}, cut at ${text} of ${about.label}`;
    const told = ["above", "below"].map((side) => series[side][i] ? `${side}: shift ${series[side][i][4]}, P ${series[side][i][7]}` : `${side}: too few`);
    chart.setAttribute("aria-label", `Shift between the arms for every cut; at ${text}, ${told.join("; ")}`);
    if (fresh || !plot) draw();
    else {
      const x = plot.scale("x").apply(series.cuts[i]);
      plot.querySelectorAll(".chosen line").forEach((line) => { line.setAttribute("x1", x); line.setAttribute("x2", x); });
    }
  };

  const drag = (event) => {
    if (event.type === "pointermove" && event.buttons === 0) return;
    const box = plot.getBoundingClientRect();
    const scale = plot.scale("x");
    const x = ((event.clientX - box.left) * plot.viewBox.baseVal.width) / box.width;
    let best = 0;
    shown.cuts.forEach((c, i) => { if (Math.abs(scale.apply(c) - x) < Math.abs(scale.apply(shown.cuts[best]) - x)) best = i; });
    cut.value = best;
    update();
  };
  chart.addEventListener("pointerdown", drag);
  chart.addEventListener("pointermove", drag);
  choice.addEventListener("change", update);
  marker.addEventListener("change", update);
  cut.addEventListener("input", update);
  own.addEventListener("click", () => { cut.value = shown.start; update(); });
  new ResizeObserver(() => { if (shown && Math.abs(chart.clientWidth - plot.viewBox.baseVal.width) > 4) draw(); }).observe(chart);
  marker.closest("p").hidden = data.markers.length < 2;
  update();
})();
