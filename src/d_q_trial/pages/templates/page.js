"use strict";
// Interaction of a page with its numbers. Nothing is computed here: the numbers were formatted by the workflow.

const get = (id) => document.getElementById(id);
const state = () => new URLSearchParams(location.hash.slice(1));
const remember = (entries) => {
  const text = new URLSearchParams(entries.filter(([, value]) => value !== "")).toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
};

// Reported values: search, source, verdicts and the address together decide which rows show.
(() => {
  const form = get("filter");
  if (!form) return;
  const table = get("claims");
  const rows = [...table.tBodies[0].rows];
  const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
  const boxes = [...form.querySelectorAll(".verdict")];
  const [search, source, shown, everything] = ["search", "source", "shown", "everything"].map(get);
  const total = rows.length.toLocaleString("en");
  let only = {}; // one claim, or those of one figure, panel or table
  const update = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
    let count = 0;
    for (const row of rows) {
      const text = texts.get(row);
      const fits = verdicts.has(row.dataset.verdict) && (!source.value || row.dataset.source === source.value)
        && (!only.claim || row.dataset.claim === only.claim) && (!only.place || row.dataset.places.includes(`|${only.place}|`))
        && words.every((word) => text.includes(word));
      row.hidden = !fits;
      count += fits;
    }
    const filtered = words.length > 0 || source.value !== "" || verdicts.size < boxes.length || Boolean(only.claim || only.place);
    table.classList.toggle("filtered", filtered);
    everything.disabled = !filtered;
    shown.textContent = `${count.toLocaleString("en")} of ${total} values${only.place ? `, ${only.place}` : ""}`;
    const some = verdicts.size < boxes.length ? [...verdicts].map((name) => ["verdict", name]) : [];
    remember([["q", search.value], ["source", source.value], ["place", only.place ?? ""], ["claim", only.claim ?? ""], ...some]);
  };
  const read = () => {
    if (get(location.hash.slice(1))) return update(); // a place on the page, such as that of the skip link: the filter stays
    const given = state();
    search.value = given.get("q") ?? "";
    source.value = given.get("source") ?? "";
    only = { place: given.get("place"), claim: given.get("claim") };
    const verdicts = given.getAll("verdict");
    boxes.forEach((box) => { box.checked = verdicts.length === 0 || verdicts.includes(box.value); });
    update();
  };
  form.addEventListener("input", update);
  everything.addEventListener("click", () => { remember([]); read(); search.focus(); });
  addEventListener("hashchange", read);
  read();
})();

// Pictures: a click shows them large.
(() => {
  let dialog = null;
  document.addEventListener("click", (event) => {
    const picture = event.target.closest(".drawing")?.querySelector("img");
    if (!picture || !event.target.closest("img, .zoom")) return;
    dialog?.remove();
    dialog = Object.assign(document.createElement("dialog"), { ariaLabel: "Enlarged figure" });
    const close = Object.assign(document.createElement("button"), { type: "button", textContent: "Close" });
    const frame = Object.assign(document.createElement("div"), { tabIndex: 0 });
    frame.append(picture.cloneNode());
    dialog.append(close, frame);
    close.addEventListener("click", () => dialog.close());
    document.body.append(dialog);
    dialog.showModal();
  });
})();

// Cutoffs: the slider chooses which of the finished numbers to show.
(() => {
  const element = get("data");
  if (!element || !get("cut")) return;
  const data = JSON.parse(element.textContent);
  const [choice, marker, cut, cutValue, own, chart, caption] =
    ["choice", "marker", "cut", "cut-value", "own", "chart", "told"].map(get);
  for (const [label, items] of d3.group(data.choices, (item) => item.family)) {
    const family = choice.appendChild(Object.assign(document.createElement("optgroup"), { label }));
    family.append(...items.map((item) => new Option(item.label, item.key)));
  }
  for (const item of data.markers) marker.append(new Option(item.label, item.key));

  const sides = ["above", "below"];
  const names = { above: "Above", below: "Below" };
  const find = (name = marker.value) => data.series.find((s) => s.marker === name && s.choice === choice.value);
  const value = (text) => Number(text.replace("−", "-").replace("<", "").replaceAll(",", ""));
  const item = () => data.choices.find((c) => c.key === choice.value);
  const about = () => data.markers.find((m) => m.key === marker.value);
  let shown = null; // the series in the charts
  let plots = [];

  const few = "too few";
  const corrected = (side, i) => shown[side][i]?.[8] ?? "";

  const fill = (column, side) => {
    const [n1, n2, m1, m2, shift, low, high, p] = side ?? [];
    const texts = side?.length > 2 ? [n1, n2, m1, m2, shift, `${low} to ${high}`, p] : [n1 ?? few, n2 ?? few, ...Array(5).fill(few)];
    texts.forEach((text, i) => { get("sides").tBodies[0].rows[i].cells[column].textContent = text; });
  };

  // Round numbers that a logarithmic axis has room for.
  const ticks = (low, high, room) => {
    const powers = d3.range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)) + 1);
    const all = powers.flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)));
    const inside = all.filter((tick) => tick >= low && tick <= high);
    return inside.length <= room ? inside : inside.filter((tick) => /1/.test(tick));
  };

  // Participants by marker and change; pointing at one identifies it.
  const people = () => data.people.flatMap((person, i) => {
    const [x, change] = [person.at[marker.value], data.changes[choice.value]?.[i]];
    if (x === undefined || !change) return [];
    const [arm, { unit, label }] = [data.arms[person.arm], about()];
    const told = `${person.id}, ${arm}\nchange ${change}${item().unit === "%" ? "" : " "}${item().unit}\n${label} ${x} ${unit}`.trim();
    return [{ x, change: value(change), arm, told }];
  });

  const points = (series) => sides.flatMap((side) => series.cuts.map((x, i) => {
    const numbers = series[side][i];
    return numbers?.length > 2 && { x, side: names[side], shift: value(numbers[4]), low: value(numbers[5]), high: value(numbers[6]), p: value(numbers[7]), corrected: numbers[8] ? value(numbers[8]) : NaN };
  }).filter(Boolean));

  const draw = () => {
    const all = data.series.filter((s) => s.choice === choice.value).flatMap(points); // of all markers, for a common axis
    const curves = points(shown);
    const log = shown.cuts[0] > 0 && shown.cuts.at(-1) / shown.cuts[0] > 20;
    const width = Math.max(280, chart.clientWidth);
    const base = { width, marginLeft: 52, marginRight: 20, style: { fontSize: "12px", fontFamily: "inherit" } };
    const x = { type: log ? "log" : "linear", ticks: log ? ticks(shown.cuts[0], shown.cuts.at(-1), width / 60) : Math.floor(width / 80), tickFormat: (d) => String(d) };
    const lowest = Math.min(0.01, ...all.map((d) => d.p));
    const lines = [
      Plot.ruleX(shown.own.map((i) => shown.cuts[i]), { stroke: "currentColor", strokeDasharray: "4 4" }),
      Plot.ruleX([0], { x: () => shown.cuts[Number(cut.value)], stroke: "var(--mark-ink)", strokeWidth: 2.5, className: "chosen" }),
    ];
    const title = (y) => Plot.text(Object.values(names), { [y]: (d) => d, text: (d) => d, frameAnchor: "top-right", dy: -9, fontWeight: 600, fill: "currentColor" });
    const dots = people();
    x.domain = d3.extent([...shown.cuts, ...dots.map((d) => d.x)]);
    plots = [
      ...(dots.length ? [Plot.plot({
        ...base, height: 210, marginBottom: 26, marginTop: 26, x: { ...x, label: null },
        y: { label: `Change of each participant (${item().unit})`, grid: true, nice: true },
        symbol: { domain: data.arms, range: ["circle", "square"] },
        color: { domain: data.arms, range: ["var(--control)", "var(--treated)"] },
        marks: [
          Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.6 }),
          ...lines,
          Plot.dot(dots, { x: "x", y: "change", symbol: "arm", fill: "arm", r: 3.2, title: "told", tip: { fill: "var(--paper)", lineWidth: 40 } }),
        ],
      })] : []),
      Plot.plot({
        ...base, height: 290, marginBottom: 26, marginTop: 20, x: { ...x, label: null },
        y: { domain: d3.extent(all.flatMap((d) => [d.low, d.high, d.shift, 0])), label: `${data.estimator} (${item().unit === "%" ? "percentage points" : item().unit})`, grid: true, nice: true },
        fy: { domain: Object.values(names), axis: null },
        marks: [
          title("fy"),
          Plot.ruleY([0], { stroke: "currentColor", strokeOpacity: 0.6 }),
          Plot.areaY(curves, { x: "x", y1: "low", y2: "high", fy: "side", fill: "var(--accent)", fillOpacity: 0.18, curve: "step" }),
          Plot.lineY(curves, { x: "x", y: "shift", fy: "side", stroke: "var(--accent)", strokeWidth: 2, curve: "step" }),
          ...lines,
        ],
      }),
      Plot.plot({
        ...base, height: 190, marginBottom: 42, marginTop: 20,
        x: { ...x, label: `Cutoff of ${about().label}${about().unit ? ` (${about().unit})` : ""}`, labelAnchor: "center", labelArrow: "none" },
        y: { type: "log", domain: [lowest, 1], axis: null },
        marks: [
          Plot.axisY([0.001, 0.01, 0.05, 0.2, 1].filter((p) => p >= lowest), { text: (p) => String(p), label: null }),
          Plot.text(["P"], { text: (d) => d, frameAnchor: "top-left", dx: -40, dy: -16, fontStyle: "italic", fill: "currentColor" }),
          Plot.ruleY([data.alpha], { stroke: "currentColor", strokeOpacity: 0.6 }),
          ...sides.flatMap((side) => [["corrected", "var(--quiet)", 1], ["p", "var(--accent)", 2]].map(([y, stroke, strokeWidth]) => (
            Plot.lineY(curves.filter((d) => d.side === names[side]), { x: "x", y, strokeDasharray: side === "below" ? "4 3" : null, stroke, strokeWidth, curve: "step" })
          ))),
          Plot.text(curves.filter((d, i) => i === curves.findLastIndex((e) => e.side === d.side)), { x: "x", y: "p", text: (d) => (d.side === names.above ? "above" : "below"), textAnchor: "end", dy: -8, fill: "currentColor", stroke: "var(--paper)" }),
          ...lines,
        ],
      }),
    ];
    chart.replaceChildren(...plots);
    // The chart has one text alternative; a group may not have its own name.
    for (const name of ["aria-label", "aria-description"]) chart.querySelectorAll(`g[${name}]`).forEach((group) => group.removeAttribute(name));
  };

  const update = () => {
    const series = find();
    const fresh = series !== shown;
    if (fresh) {
      shown = series;
      cut.max = series.cuts.length - 1;
      cut.value = series.start;
    }
    show(fresh);
  };

  const show = (fresh) => {
    const i = Number(cut.value);
    const text = `${shown.shown[i]} ${about().unit}`.trim();
    cutValue.textContent = text;
    cut.setAttribute("aria-valuetext", text);
    own.disabled = i === shown.start;
    fill(1, shown.above[i]);
    fill(2, shown.below[i]);
    caption.textContent = `${item().label}, ${data.change}, cutoff ${text} of ${about().label}`;
    get("searched").hidden = !shown.searched;
    get("searched-p").textContent = shown.searched;
    get("corrected").hidden = !shown.searched || !sides.some((side) => shown[side].some((numbers) => numbers?.[8]));
    sides.forEach((side, column) => { get("corrected").cells[column + 1].textContent = corrected(side, i) || few; });
    get("interaction").hidden = !shown.p_interaction;
    get("interaction").cells[1].textContent = shown.p_interaction?.[i] || few;
    const told = sides.map((side) => shown[side][i]?.length > 2 ? `${side}: difference ${shown[side][i][4]}, P ${shown[side][i][7]}` : `${side}: too few`);
    get("heard").textContent = told.join("; ");
    chart.setAttribute("aria-label", `${data.estimator} and P at every cutoff; at ${text}, ${told.join("; ")}`);
    if (fresh || !plots.length) draw();
    else {
      const x = plots[0].scale("x").apply(shown.cuts[i]); // the same in all
      chart.querySelectorAll(".chosen line").forEach((line) => { line.setAttribute("x1", x); line.setAttribute("x2", x); });
    }
  };

  const keep = () => remember([...choice.value.split("/").map((part, i) => [["outcome", "visit"][i], part]), ["marker", marker.value], ["cut", String(shown.cuts[Number(cut.value)])]]);

  const read = () => {
    const given = state();
    const wanted = `${given.get("outcome")}/${given.get("visit")}`;
    const known = data.choices.some((c) => c.key === wanted);
    choice.value = known ? wanted : data.first;
    marker.value = data.markers[0].key;
    if (known && data.markers.some((m) => m.key === given.get("marker"))) marker.value = given.get("marker");
    if (!find()) marker.value = data.series.find((s) => s.choice === choice.value).marker;
    update();
    const position = shown.cuts.indexOf(Number(given.get("cut")));
    if (known && position >= 0) { cut.value = position; show(false); }
    if (known) get("explorer").scrollIntoView();
  };

  const drag = (event) => {
    if (event.type === "pointermove" && event.buttons === 0) return;
    const plot = plots[0];
    const box = plot.getBoundingClientRect();
    const scale = plot.scale("x");
    const x = ((event.clientX - box.left) * plot.viewBox.baseVal.width) / box.width;
    cut.value = d3.leastIndex(shown.cuts, (c) => Math.abs(scale.apply(c) - x));
    show(false);
    keep();
  };

  const copy = async () => {
    const { label } = get("copy").dataset; // of data that are not real participants
    const where = [...choice.value.split("/"), marker.value];
    const heads = ["outcome", "visit", "marker", "cutoff", "side", ...data.arms.map((arm) => `n ${arm}`), ...data.arms.map((arm) => `median ${arm}`), data.estimator, "lower", "upper", "P", "corrected P", "interaction P", ...(label ? ["data"] : [])];
    const lines = shown.cuts.flatMap((c, i) => sides.map((side) => {
      const numbers = [...(shown[side][i] ?? []), ...Array(7).fill("")].slice(0, 8);
      return [...where, String(c), side, ...numbers, corrected(side, i), shown.p_interaction?.[i] ?? "", ...(label ? [label] : [])];
    }));
    const text = d3.csvFormatRows([heads, ...lines].map((line) => line.map((cell) => cell.replace("−", "-"))));
    try {
      await navigator.clipboard.writeText(text);
      get("copied").textContent = "Copied";
    } catch {
      get("copied").textContent = "The browser did not allow it";
    }
  };

  chart.addEventListener("pointerdown", drag);
  chart.addEventListener("pointermove", drag);
  for (const select of [choice, marker]) select.addEventListener("change", () => { update(); keep(); });
  cut.addEventListener("input", () => { show(false); keep(); });
  own.addEventListener("click", () => { cut.value = shown.start; show(false); keep(); });
  get("copy").addEventListener("click", copy);
  addEventListener("hashchange", () => { if (state().has("outcome")) read(); });
  new ResizeObserver(() => { if (shown && Math.abs(chart.clientWidth - plots[0].viewBox.baseVal.width) > 4) draw(); }).observe(chart);
  marker.closest("p").hidden = data.markers.length < 2;
  read();
})();
