"use strict";
// Texts, tables and what happens on a click; the pictures are in charts.js.

const element = (id) => document.getElementById(id);

function made(tag, text = "", name = "") {
  const node = document.createElement(tag);
  node.textContent = text;
  node.className = name;
  return node;
}

// Pictures of single hyperparameters; with more of them a page is only long.
const SLICES = 24;

const KINDS = {
  better: "Better than the default", "not shown to be better": "Not shown to be better than the default",
  "the default is as good": "The default is as good", "not known": "Not known whether it is better than the default",
};

function row(cells, tag = "td") {
  const node = document.createElement("tr");
  node.append(...cells.map((each) => (each instanceof Node ? each : made(tag, String(each ?? "")))));
  return node;
}

function fact([name, value]) {
  const pair = made("div");
  pair.append(made("dt", name), made("dd", value));
  return pair;
}

function texts() {
  element("title").textContent = data.title;
  element("facts").replaceChildren(...data.facts.map(fact));
  const verdict = data.verdict;
  element("kind").textContent = verdict ? KINDS[verdict.kind] : "No trial has a score yet";
  element("kind").className = !verdict ? "unsure" : verdict.kind === "better" ? "better" : verdict.kind.startsWith("the default") ? "no" : "unsure";
  element("main").replaceChildren(...data.main.map((each) => made("li", each)));
  element("troubles").replaceChildren(...data.troubles.map((each) => made("p", each, "note")));
  element("took").textContent = data.time;
  element("audit").replaceChildren(...(data.findings.length ? data.findings.map(finding) : [made("p", "Nothing to remark.", "note")]));
  element("colours").textContent = "Each on the scale that it is searched on.";
  if (data.colour_by !== null) namedColours();
}

function namedColours() {
  const axis = data.axes[data.colour_by];
  element("colours").append(` Colours are of ${axis.name}: `);
  axis.ticks.forEach(([, name], at) => {
    const mark = made("span", "● ");
    mark.style.color = HUES[at % HUES.length];
    element("colours").append(mark, `${name}  `);
  });
}

function finding(each) {
  const box = made("div", "", `finding ${each.level}`);
  box.append(made("b", each.rule), made("p", each.words));
  if (each.command) box.append(made("code", each.command));
  return box;
}

function table(id, head, rows) {
  const top = document.createElement("thead");
  const body = document.createElement("tbody");
  top.append(row(head, "th"));
  body.append(...rows.map((each) => row(each)));
  element(id).replaceChildren(top, body);
}

function tables() {
  table("beside", ["", "best", "default"], data.beside.map(([name, best, usual]) => [name, made("td", best, best === usual ? "" : "changed"), usual]));
  // Of a gain that is known to a tenth of itself at best, two digits are enough.
  const gained = (value) => String(Number(value.toPrecision(2)));
  const signed = (value) => (value > 0 ? "+" : "") + gained(value);
  const trained = data.path_from_default.some((each) => each.measured !== null);
  const measured = (each) => (each.measured === null ? ["", ""] : [signed(each.measured), gained(1.645 * each.measured_deviation)]);
  table("path", ["change", "from", "to", "expected gain", "give or take", ...(trained ? ["measured", "give or take"] : [])],
    data.path_from_default.map((each) => [each.name, short(each.before), short(each.after), signed(each.gain), gained(1.645 * each.deviation), ...(trained ? measured(each) : [])]));
  if (data.more_trials)
    table("more", ["further trials", "expected gain", "80 % between"],
      data.more_trials.outlooks.map((each) => [each.trials, signed(each.gain), `${gained(each.low)} and ${gained(each.high)}`]));
}

// The table of trials.

let columns, rows;
// By its own name, since the places of hyperparameters change with what turns out to matter.
const order = { key: "score", down: null, keys: null };

const columnsOf = () => [
  ["trial", (each) => each.n, "trial"], [data.objective, (each) => each.score, "score"], ["epoch", (each) => each.epoch, "epoch"],
  ["weights", (each) => each.weights, "weights"], ["seconds", (each) => each.seconds, "seconds"], ["status", (each) => each.status, "status"],
  ...data.axes.map((axis, at) => [axis.name, (each) => each.shown[at], `of ${axis.name}`]),
];

function compared(a, b) {
  if (a === b) return 0;
  if (a === null || a === "") return 2;
  if (b === null || b === "") return -2;
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b)) : x - y;
}

function sort() {
  const column = Math.max(0, columns.findIndex((each) => each[2] === order.key));
  const get = columns[column][1];
  const sorted = [...data.trials].sort((a, b) => {
    const found = compared(get(a), get(b));
    return Math.abs(found) === 2 && (get(a) === null || get(b) === null || get(a) === "" || get(b) === "") ? found : order.down ? -found : found;
  });
  document.querySelector("#trials tbody").replaceChildren(...sorted.map((each) => rows.get(each.n)));
  document.querySelectorAll("#trials th").forEach((each, at) => each.setAttribute("aria-sort", at !== column ? "none" : order.down ? "descending" : "ascending"));
}

function build() {
  columns = columnsOf();
  order.down ??= data.maximise;
  const keys = columns.map((each) => each[2]).join();
  if (keys !== order.keys) head();
  order.keys = keys;
  rows = new Map(data.trials.map((each) => [each.n, rowOf(each)]));
  sort();
}

function head() {
  const cells = columns.map(([name, , key]) => {
    const cell = made("th");
    const button = made("button", name);
    button.addEventListener("click", () => { order.down = order.key === key ? !order.down : key === "score" && data.maximise; order.key = key; sort(); });
    cell.append(button);
    return cell;
  });
  document.querySelector("#trials thead").replaceChildren(row(cells, "th"));
}

function rowOf(each) {
  const node = row(columns.map(([, get]) => short(get(each))));
  node.className = each.n === state.selected ? "trial selected" : "trial";
  node.tabIndex = 0;
  node.dataset.n = each.n;
  node.title = each.reason;
  node.addEventListener("click", () => select(each.n));
  node.addEventListener("keydown", (event) => { if (event.key === "Enter") select(each.n); });
  return node;
}

// "adam units>64 score>0.9": every part has to hold.
function holds(part, each) {
  const asked = part.match(/^(.+?)(<=|>=|=|<|>)(.+)$/);
  if (!asked) return columns.some(([, get]) => short(get(each)).toLowerCase().includes(part));
  const [, name, sign, value] = asked;
  const found = columns.find(([own], at) => own.toLowerCase() === name || (name === "score" && at === 1));
  if (!found) return false;
  const cell = found[1](each);
  if (cell === null || cell === "") return false;
  if (sign === "=") return short(cell).toLowerCase() === value || Number(cell) === Number(value);
  const [x, y] = [Number(cell), Number(value)];
  return sign === "<" ? x < y : sign === ">" ? x > y : sign === "<=" ? x <= y : x >= y;
}

function filter() {
  const parts = element("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kept = data.trials.filter((each) => lit(each.n) && parts.every((part) => holds(part, each)));
  const numbersKept = new Set(kept.map((each) => each.n));
  rows.forEach((node, n) => node.classList.toggle("off", !numbersKept.has(n)));
  element("counted").textContent = kept.length === data.trials.length ? "" : `${kept.length} of ${data.trials.length} trials`;
}

// The pictures.

let shown = [];

function show(host, option) {
  shown.push({ host, option, chart: null });
}

function charted(parent, option) {
  const host = made("div", "", "chart");
  element(parent).append(host);
  show(host, option);
}

function drawn(each, c) {
  each.chart = echarts.init(each.host, null, { devicePixelRatio: Math.max(2, window.devicePixelRatio) });
  each.chart.setOption(each.option(c));
  each.chart.on("click", (event) => { if (event.data && event.data.n) select(event.data.n); });
  if (each.option !== parallel) return;
  for (const [parallelAxisId, intervals] of Object.entries(state.intervals))
    each.chart.dispatchAction({ type: "axisAreaSelect", parallelAxisId, intervals }, { silent: true });
  each.chart.on("axisareaselected", brushed);
}

function undraw() {
  for (const each of shown) if (each.chart) each.chart.dispose();
  shown.forEach((each) => (each.chart = null));
}

// Only what is near the screen is drawn; the rest when it is scrolled to, or printed.
function near(host) {
  const box = host.getBoundingClientRect();
  return box.top < 2 * window.innerHeight && box.bottom > -window.innerHeight;
}

function drawMissing() {
  const c = colours();
  const all = window.matchMedia("print").matches;
  for (const each of shown) if (!each.chart && (all || near(each.host))) drawn(each, c);
}

function draw() {
  undraw();
  drawMissing();
}

function redraw(except = null) {
  const c = colours();
  for (const each of shown) if (each.chart && each.option !== except) each.chart.setOption(each.option(c), { replaceMerge: each.option === curves ? ["series", "legend"] : [] });
}

function select(n) {
  state.selected = state.selected === n ? null : n;
  rows.forEach((node, number) => node.classList.toggle("selected", number === state.selected));
  const c = colours();
  for (const each of shown) {
    if (!each.chart) continue;
    const series = each.option(c).series;
    // Only what shows the selection is set anew, so that a click is answered at once with a thousand trials.
    if (each.option === curves) each.chart.setOption(each.option(c), { replaceMerge: ["series", "legend"] });
    else each.chart.setOption({ series: series.filter((one) => one.id === "selected") }, { lazyUpdate: true });
  }
}

function brushed({ parallelAxisId, intervals }) {
  if (intervals.length) state.intervals[parallelAxisId] = intervals;
  else delete state.intervals[parallelAxisId];
  brush();
  filter();
  redraw(parallel);
}

function pictures() {
  undraw();
  shown = [];
  for (const each of document.querySelectorAll("[data-needs]")) {
    const needed = data[each.dataset.needs];
    each.hidden = !needed || (typeof needed === "object" && Object.keys(needed).length === 0);
  }
  element("progress").parentElement.hidden = !scored.length;
  element("parallel").closest("section").hidden = lines.length < 2;
  element("zoom").replaceChildren();
  element("slices").replaceChildren();
  if (scored.length) show(element("progress"), progress);
  data.zoom.forEach((each) => charted("zoom", zoomed(each)));
  if (data.importances.length) show(element("importances"), importances);
  const moved = data.axes.map((_, at) => at).filter((at) => new Set(scored.map((each) => each.at[at])).size > 1);
  moved.slice(0, SLICES).forEach((at) => charted("slices", sliced(at)));
  if (moved.length > SLICES) element("colours").append(` Of ${moved.length}, the ${SLICES} that matter most.`);
  if (data.contour) show(element("contour"), contour);
  if (lines.length > 1) show(element("parallel"), parallel);
  if (Object.keys(data.curves).length) show(element("curves"), curves);
  if (data.time) show(element("time"), time);
  draw();
}

function render(fresh) {
  const focused = document.activeElement.closest("tr.trial")?.dataset.n;
  take(fresh);
  texts();
  tables();
  build();
  pictures();
  filter();
  if (focused) rows.get(Number(focused))?.focus({ preventScroll: true });
}

render(JSON.parse(element("data").textContent));
element("filter").addEventListener("input", filter);
window.addEventListener("scroll", drawMissing, { passive: true });
window.addEventListener("resize", () => { shown.forEach((each) => each.chart && each.chart.resize()); redraw(); drawMissing(); });
window.addEventListener("keydown", (event) => { if (event.key === "Escape" && state.selected !== null) select(state.selected); });
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
window.matchMedia("print").addEventListener("change", draw);

// A page that is served asks for what is new; what is selected, filtered, brushed and sorted stays.

const SECONDS = 2;
let pointing = false;

function said(text) {
  element("live").hidden = false;
  element("live").textContent = text;
}

async function look() {
  // Nothing moves under a finger that drags, or under a text that is being copied.
  if (document.hidden || pointing || getSelection().type === "Range") return;
  try {
    const answer = await (await fetch(`data?known=${data.live.version}`)).json();
    if (answer.title !== undefined) render(answer);
    said(`${answer.live.state} Shown as of ${new Date().toLocaleTimeString()}.`);
  } catch {
    said("The server of this page does not answer; what is shown stays as it is.");
  }
}

async function follow() {
  await look();
  setTimeout(follow, 1000 * SECONDS);
}

if (data.live) {
  window.addEventListener("pointerdown", () => (pointing = true));
  for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, () => (pointing = false));
  follow();
}
