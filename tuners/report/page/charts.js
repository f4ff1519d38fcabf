"use strict";
// The options of every picture. Each is a function of the colours and of what is selected and brushed.

// Selected is a trial's number, brushed the numbers that pass through the intervals, which are by the names of axes.
const state = { selected: null, brushed: null, intervals: {} };
const HUES = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"];

let data, trials, scored, ranks, lines;

function take(fresh) {
  data = fresh;
  trials = new Map(data.trials.map((each) => [each.n, each]));
  scored = data.trials.filter((each) => each.score !== null && each.status === "finished");
  const ascending = [...scored].sort((a, b) => (data.maximise ? a.score - b.score : b.score - a.score));
  ranks = new Map(ascending.map((each, at) => [each.n, at]));
  const varies = (at) => new Set(scored.map((each) => each.at[at])).size > 1;
  lines = data.axes.map((_, at) => at).filter(varies).filter((at, place) => place < 8 || data.axes[at].name in state.intervals);
  brush();
}

// Trials that pass through every interval; all where there is none.
function brush() {
  const asked = Object.entries(state.intervals);
  const on = (each, name) => (name === data.objective ? clipped(each.score) : each.at[data.axes.findIndex((axis) => axis.name === name)] ?? null);
  const within = (value, intervals) => value !== null && intervals.some(([low, high]) => low <= value && value <= high);
  const passing = scored.filter((each) => asked.every(([name, intervals]) => within(on(each, name), intervals)));
  state.brushed = asked.length ? new Set(passing.map((each) => each.n)) : null;
}

function colours() {
  const css = getComputedStyle(document.documentElement);
  const names = ["text", "quiet", "line", "accent", "point", "best", "faint", "panel", "low", "high", "band", "bad"];
  return Object.fromEntries(names.map((name) => [name, css.getPropertyValue("--" + name).trim()]));
}

function short(value) {
  if (typeof value !== "number") return String(value ?? "");
  if (Number.isInteger(value)) return String(value);
  if (value > 0.9 && value < 1) return String(Number(value.toPrecision(Math.max(4, 3 - Math.floor(Math.log10(1 - value))))));
  return String(Number(value.toPrecision(4)));
}

function mixed(from, to, share) {
  const parts = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));
  const [a, b] = [parts(from), parts(to)];
  return `rgb(${a.map((each, at) => Math.round(each + (b[at] - each) * share)).join(",")})`;
}

// The stronger the better, by rank, so that outliers take no colours from the others.
const shade = (n, c) => mixed(c.low, c.high, ranks.size > 1 ? ranks.get(n) / (ranks.size - 1) : 1);

function tip(n) {
  const trial = trials.get(n);
  if (!trial) return "";
  const box = document.createElement("div");
  box.className = "tip";
  const head = document.createElement("b");
  head.textContent = `Trial ${n}: ${trial.score === null ? trial.status : short(trial.score)}`;
  box.append(head, data.axes.map((axis, at) => [axis.name, trial.shown[at]]).filter((each) => each[1] !== "")
    .slice(0, 12).map((each) => each.join(" ")).join(", "));
  return box;
}

const lit = (n) => state.brushed === null || state.brushed.has(n);
const point = (n, x, y, style = {}) => ({ value: [x, y], n, itemStyle: { opacity: lit(n) ? 0.85 : 0.08, ...style } });
const clipped = (score) => Math.min(Math.max(score, data.limits[0]), data.limits[1]);
const beyond = (score) => score < data.limits[0] || score > data.limits[1];

// On a phone legends take lines of their own.
const narrow = () => document.documentElement.clientWidth < 600;
const legend = (c, data) => ({ top: 0, ...(narrow() ? { left: 0 } : { right: 0 }), textStyle: { color: c.quiet }, data });

function base(c, more = {}) {
  return {
    animation: false,
    textStyle: { color: c.text, fontFamily: "system-ui, sans-serif" },
    grid: { left: 8, right: 14, top: narrow() ? 72 : 34, bottom: 24, containLabel: true },
    tooltip: {
      trigger: "item", confine: true, backgroundColor: c.panel, borderColor: c.line, textStyle: { color: c.text },
      formatter: (each) => (each.data && each.data.n ? tip(each.data.n) : ""),
    },
    ...more,
  };
}

function styled(axis, c) {
  return {
    axisLine: { lineStyle: { color: c.line } }, splitLine: { lineStyle: { color: c.line } },
    nameTextStyle: { color: c.quiet }, ...axis, axisLabel: { color: c.quiet, hideOverlap: true, ...axis.axisLabel },
  };
}

function scores(c, name = data.objective) {
  const room = 0.05 * (data.limits[1] - data.limits[0] || 1);
  return styled({
    type: "value", name, min: data.limits[0] - room, max: data.limits[1] + room,
    nameTextStyle: { color: c.quiet, align: "left" }, axisLabel: { formatter: short, showMinLabel: false, showMaxLabel: false },
  }, c);
}

const numbers = (c) => styled({
  type: "value", name: "trial", nameLocation: "middle", nameGap: 26, min: 0, max: Math.max(2, data.trials.length + 1),
  minInterval: 1, splitLine: { show: false }, axisLabel: { showMaxLabel: false },
}, c);

// A long name or value by its beginning and its end, since those of a kind often differ in their end.
const cut = (text, most) => (text.length <= most ? text : `${text.slice(0, Math.ceil(most / 2) - 1)}…${text.slice(-Math.floor(most / 2))}`);

const label = (axis, value) => cut((axis.ticks.find((each) => Math.abs(each[0] - value) < 1e-6) || [0, ""])[1], 16);

const crowded = (axis) => axis.ticks.map((each) => label(axis, each[0])).join("").length > (axis.ordered ? 26 : 20);

// An axis in [0, 1] with the values of the hyperparameter at their places.
function placed(axis, c, more = {}) {
  const at = axis.ticks.map((each) => each[0]);
  return styled({
    type: "value", min: -0.03, max: 1.03, splitLine: { show: false }, axisTick: { show: true, customValues: at },
    axisLabel: { customValues: at, formatter: (value) => label(axis, value), hideOverlap: axis.ordered, rotate: crowded(axis) ? 35 : 0 }, ...more,
  }, c);
}

// A ring around the selected trial; every picture has one under this id.
const ring = (c, place) => ({
  id: "selected", type: "scatter", z: 10, symbolSize: 15, silent: true,
  itemStyle: { color: "transparent", borderColor: c.best, borderWidth: 3 },
  data: state.selected !== null && trials.has(state.selected) ? [place(trials.get(state.selected))].filter(Boolean) : [],
});

function progress(c) {
  const seen = data.progress.numbers;
  const edge = data.maximise ? data.limits[0] : data.limits[1];
  const lost = data.trials.filter((each) => each.status === "infeasible" || each.status === "failed");
  return base(c, {
    legend: legend(c, ["trial", "best so far", "in random order", "no score"]),
    xAxis: numbers(c), yAxis: scores(c),
    series: [
      { name: "trial", type: "scatter", symbolSize: 8, itemStyle: { color: c.point },
        data: scored.map((each) => ({ ...point(each.n, each.n, clipped(each.score)), symbol: beyond(each.score) ? "triangle" : "circle" })) },
      { name: "best so far", type: "line", step: "end", symbol: "none", silent: true, lineStyle: { color: c.best, width: 2 },
        itemStyle: { color: c.best }, data: seen.map((n, at) => [n, clipped(data.progress.best[at])]) },
      { name: "in random order", type: "line", symbol: "none", silent: true, itemStyle: { color: c.quiet },
        lineStyle: { color: c.quiet, type: "dashed", width: 1 }, data: seen.map((n, at) => [n, clipped(data.progress.shuffled[at])]) },
      { name: "no score", type: "scatter", symbol: "diamond", symbolSize: 8, itemStyle: { color: c.faint },
        data: lost.map((each) => point(each.n, each.n, edge)) },
      ring(c, (each) => (each.score === null ? [each.n, edge] : [each.n, clipped(each.score)])),
    ],
  });
}

// Labels of a vertical axis: none is turned.
const upright = (axis) => ({
  customValues: axis.ticks.map((each) => each[0]), formatter: (value) => label(axis, value),
});

const title = (text, c) => ({ text: cut(text, 32), textStyle: { color: c.text, fontSize: 13, fontWeight: 600 }, left: 0, top: 0 });

const zoomed = (each) => (c) => {
  const axis = data.axes[each.axis];
  return base(c, {
    grid: { left: 56, right: 14, top: 30, bottom: 42, containLabel: false },
    title: title(axis.name, c), xAxis: numbers(c), yAxis: placed(axis, c, { axisLabel: upright(axis) }),
    series: [
      { type: "line", stack: "box", symbol: "none", silent: true, step: "middle", lineStyle: { opacity: 0 },
        data: each.numbers.map((n, at) => [n, each.low[at]]) },
      { type: "line", stack: "box", symbol: "none", silent: true, step: "middle", lineStyle: { opacity: 0 },
        areaStyle: { color: c.band }, data: each.numbers.map((n, at) => [n, each.high[at] - each.low[at]]) },
      { type: "scatter", symbolSize: 8, data: scored.filter((one) => one.at[each.axis] !== null)
        .map((one) => point(one.n, one.n, one.at[each.axis], { color: shade(one.n, c) })) },
      ring(c, (one) => (one.at[each.axis] === null ? null : [one.n, one.at[each.axis]])),
    ],
  });
};

function importances(c) {
  const shown = data.importances.slice(0, 12).reverse();
  return base(c, {
    grid: { left: 8, right: 24, top: 8, bottom: 24, containLabel: true }, tooltip: { show: false },
    xAxis: styled({ type: "value", min: 0, max: (range) => Math.min(1, Math.ceil(10 * range.max) / 10),
      axisLabel: { formatter: (value) => `${Math.round(100 * value)} %` } }, c),
    yAxis: styled({ type: "category", data: shown.map((each) => each.name), axisLabel: { color: c.text, formatter: (name) => cut(name, 24) } }, c),
    series: [
      { type: "bar", barMaxWidth: 16, itemStyle: { color: c.point }, data: shown.map((each) => Math.min(1, each.share)) },
      { type: "custom", z: 5, encode: { x: [0, 1], y: 2 }, data: shown.map((each, at) => [Math.min(1, each.low), Math.min(1, each.high), at]),
        renderItem: (_, api) => {
          const [from, to] = [api.coord([api.value(0), api.value(2)]), api.coord([api.value(1), api.value(2)])];
          return { type: "line", shape: { x1: from[0], y1: from[1], x2: to[0], y2: to[1] }, style: { stroke: c.text, lineWidth: 2 } };
        } },
    ],
  });
}

const hue = (trial) => {
  if (data.colour_by === null || trial.at[data.colour_by] === null) return null;
  const names = data.axes[data.colour_by].ticks.map((each) => each[1]);
  return HUES[Math.max(0, names.indexOf(trial.shown[data.colour_by])) % HUES.length];
};

const sliced = (place) => (c) => base(c, {
  grid: { left: 52, right: 14, top: 30, bottom: crowded(data.axes[place]) ? 58 : 26, containLabel: false },
  title: title(data.axes[place].name, c), xAxis: placed(data.axes[place], c), yAxis: scores(c, ""),
  series: [
    { type: "scatter", symbolSize: 7, data: scored.filter((each) => each.at[place] !== null).map((each) => ({
      ...point(each.n, each.at[place], clipped(each.score), { color: hue(each) || c.point }),
      symbol: beyond(each.score) ? "triangle" : "circle" })) },
    ring(c, (each) => (each.at[place] === null || each.score === null ? null : [each.at[place], clipped(each.score)])),
  ],
});

function contour(c) {
  const { size, grid } = data.contour;
  const [low, high] = [Math.min(...grid), Math.max(...grid)];
  const cells = grid.map((value, at) => [(at % size) / size, Math.floor(at / size) / size, value]);
  const share = (value) => { const part = (value - low) / (high - low || 1); return data.maximise ? part : 1 - part; };
  return base(c, {
    grid: { left: 64, right: 16, top: 54, bottom: 44, containLabel: false },
    title: { text: `${short(low)} to ${short(high)}; the stronger, the better`, left: 0, top: 0, textStyle: { color: c.quiet, fontSize: 12, fontWeight: 400 } },
    xAxis: placed(data.contour.x_axis, c, { name: data.contour.x_axis.name, nameLocation: "middle", nameGap: 26, min: 0, max: 1 }),
    yAxis: placed(data.contour.y_axis, c, { axisLabel: upright(data.contour.y_axis), name: data.contour.y_axis.name, min: 0, max: 1, nameTextStyle: { color: c.quiet, align: "left" } }),
    series: [
      { type: "custom", silent: true, data: cells, renderItem: (_, api) => {
        const from = api.coord([api.value(0), api.value(1)]);
        const to = api.coord([api.value(0) + 1 / size, api.value(1) + 1 / size]);
        return { type: "rect", shape: { x: from[0], y: to[1], width: to[0] - from[0] + 0.6, height: from[1] - to[1] + 0.6 },
          style: { fill: mixed(c.low, c.high, share(api.value(2))) } };
      } },
      { type: "scatter", symbolSize: 7, data: data.contour.points.filter((each) => each[0] !== null && each[1] !== null)
        .map((each) => point(each[3], each[0], each[1], { color: c.panel, borderColor: c.text, borderWidth: 1 })) },
      ring(c, (one) => {
        const found = data.contour.points.find((each) => each[3] === one.n && each[0] !== null && each[1] !== null);
        return found ? [found[0], found[1]] : null;
      }),
    ],
  });
}

function parallel(c) {
  const quiet = { color: c.quiet, fontSize: 11 };
  const axes = lines.map((at, dim) => {
    const made = placed(data.axes[at], c);
    return { ...made, dim, id: data.axes[at].name, name: cut(data.axes[at].name, 28), min: 0, max: 1, axisLabel: { ...made.axisLabel, ...quiet, rotate: 0 } };
  });
  axes.push({ dim: lines.length, id: data.objective, name: data.objective, min: data.limits[0], max: data.limits[1], axisLabel: { ...quiet, formatter: short } });
  const line = (each) => ({
    value: [...lines.map((at) => (each.at[at] === null ? "-" : each.at[at])), clipped(each.score)], n: each.n,
    lineStyle: { color: shade(each.n, c), width: 1.5, opacity: 0.7 },
  });
  const selected = scored.filter((each) => each.n === state.selected)
    .map((each) => ({ ...line(each), lineStyle: { color: c.best, width: 4, opacity: 1 } }));
  const ordered = [...scored].sort((a, b) => ranks.get(a.n) - ranks.get(b.n));
  return base(c, {
    parallel: { left: 40, right: 60, top: 40, bottom: 20, parallelAxisDefault: {
      nameTextStyle: { color: c.text, fontSize: 11, width: 90, overflow: "break" }, axisLine: { lineStyle: { color: c.faint } },
      areaSelectStyle: { width: 16, color: c.accent, opacity: 0.25, borderColor: c.accent } } },
    parallelAxis: axes,
    series: [{ type: "parallel", smooth: false, inactiveOpacity: 0.04, activeOpacity: 0.9, data: ordered.map(line) },
      { id: "selected", type: "parallel", z: 10, silent: true, data: selected }],
  });
}

// The range of curves but for their first epochs, which would take the room of all that comes after.
function span(each) {
  const late = each.flatMap(([, held, own]) => [held, own].flatMap((curve) => curve.slice(Math.floor(0.15 * curve.length)))).filter((value) => value !== null);
  const [low, high] = [Math.min(...late), Math.max(...late)];
  const room = 0.06 * (high - low || 1);
  return { min: low - room, max: high + room };
}

function curves(c) {
  const named = [["best", data.best, c.best], ["median", data.median, c.point], ["default", data.default, c.quiet], ["selected", state.selected, HUES[3]]];
  const shown = named.filter(([, n], at) => n !== null && data.curves[n] && named.findIndex((each) => each[1] === n) === at);
  const last = Math.max(2, ...shown.map(([, n]) => data.curves[n][0].at(-1)));
  const series = shown.flatMap(([name, n, colour]) => {
    const [epochs, held, own] = data.curves[n];
    const label = `${name}, trial ${n}`;
    const common = { type: "line", name: label, symbol: "none", silent: true, itemStyle: { color: colour } };
    return [
      { ...common, lineStyle: { color: colour, width: 2 }, data: epochs.map((each, at) => [each, held[at]]) },
      { ...common, lineStyle: { color: colour, width: 1, type: "dashed" }, data: own.map((each, at) => [epochs[at], each]) },
    ];
  });
  return base(c, {
    legend: legend(c), tooltip: { show: false },
    xAxis: styled({ type: "value", name: "epoch", nameLocation: "middle", nameGap: 26, min: 1, max: last, minInterval: 1, splitLine: { show: false } }, c),
    yAxis: styled({ type: "value", ...span(shown.map(([, n]) => data.curves[n])), name: data.objective, nameTextStyle: { color: c.quiet, align: "left" }, axisLabel: { formatter: short, showMinLabel: false, showMaxLabel: false } }, c),
    series,
  });
}

function time(c) {
  const fill = (each) => (each.status === "finished" ? c.point : c.bad);
  return base(c, {
    xAxis: numbers(c),
    yAxis: styled({ type: "value", name: "seconds", nameTextStyle: { color: c.quiet, align: "left" } }, c),
    series: [
      { type: "bar", barMaxWidth: 14, data: data.trials.filter((each) => each.seconds !== null)
        .map((each) => point(each.n, each.n, each.seconds, { color: fill(each) })) },
      { id: "selected", type: "bar", barMaxWidth: 14, barGap: "-100%", silent: true, itemStyle: { color: c.best },
        data: data.trials.filter((each) => each.n === state.selected && each.seconds !== null).map((each) => [each.n, each.seconds]) },
    ],
  });
}
