"use strict";
// Everything that comes from the export or the server goes in as text, never as HTML.
const model = JSON.parse(document.getElementById("model").textContent);
const SHOWN_CLASSES = 10;

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function rounded(value) {
  return typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
}

function shown(value) {
  if (Array.isArray(value) && value.length === 1) return shown(value[0]);
  if (typeof value === "string") return value;
  return JSON.stringify(value, (_, each) => rounded(each)).replaceAll(",", ", ");
}

// Each kind of input: what stands in the form, and how to `read` the value of one row and `write` an example.

function control(dtype, label) {
  const properties = { required: true, ariaLabel: label };
  let made;
  if (dtype === "bool") made = element("select", properties, new Option("true"), new Option("false"));
  else if (dtype === "string") made = element("input", { type: "text", ariaLabel: label });
  else made = element("input", { ...properties, type: "number", step: dtype.includes("int") ? "1" : "any" });
  const read = () => (dtype === "bool" ? made.value === "true" : dtype === "string" ? made.value : Number(made.value));
  return { made, read, write: (value) => { made.value = shown(value); } };
}

function columns(input) {
  const controls = input.names.map((name) => control(input.dtype, name));
  const labels = controls.map((each, number) => element("label", {}, input.names[number], each.made));
  const alone = input.shape.length === 1;
  return {
    parts: [element("div", { className: "columns" }, ...labels)],
    label: input.names.length === 1 && input.names[0] === input.name ? labels[0] : null,
    read: () => (alone ? controls[0].read() : controls.map((each) => each.read())),
    write: (row) => controls.forEach((each, number) => each.write(alone ? row : row[number])),
  };
}

function json(input) {
  const area = element("textarea", { ariaLabel: input.name, spellcheck: false });
  const hint = `JSON: ${model.rows ? "one row" : "a whole batch"}, ${input.dtype} ${input.size}`;
  return {
    parts: [element("p", { className: "hint" }, hint), area],
    read: () => {
      try {
        return JSON.parse(area.value);
      } catch (error) {
        throw new Error(`${input.name} is not JSON: ${error.message}`);
      }
    },
    write: (value) => { area.value = JSON.stringify(value, (_, each) => rounded(each)); },
  };
}

function image(input) {
  const [height, width, channels] = input.shape.slice(1);
  const canvas = element("canvas", { width, height, ariaLabel: `What ${model.name} sees` });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const file = element("input", { type: "file", accept: "image/*", ariaLabel: `An image for ${input.name}` });
  const words = element("span", {}, "Drop an image here, or choose one");
  const drop = element("label", { className: "drop" }, words, file);
  const white = element("input", { type: "number", step: "any", required: true, value: input.white });
  const inverted = element("input", { type: "checkbox" });
  let filled = false;

  async function take(chosen) {
    if (!chosen) return;
    let picture;
    try {
      picture = await createImageBitmap(chosen);
    } catch {
      words.textContent = `${chosen.name} is not an image that this browser reads`;
      return;
    }
    pen.fillStyle = "#fff"; // What is transparent was white in training too.
    pen.fillRect(0, 0, width, height);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, 0, 0, width, height);
    words.textContent = chosen.name;
    filled = true;
    if (channels === 1 || inverted.checked) paint(values());
  }

  function values() {
    const pixels = pen.getImageData(0, 0, width, height).data;
    const of = (at) => {
      const [red, green, blue] = pixels.slice(at, at + 3);
      return channels === 1 ? [0.299 * red + 0.587 * green + 0.114 * blue] : [red, green, blue];
    };
    return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => of(4 * (y * width + x))));
  }

  function paint(rows) {
    const picture = pen.createImageData(width, height);
    rows.flat().forEach((pixel, at) => {
      const [red, green, blue] = pixel.length === 1 ? [pixel[0], pixel[0], pixel[0]] : pixel;
      picture.data.set([red, green, blue, 255], 4 * at);
    });
    pen.putImageData(picture, 0, 0);
    filled = true;
  }

  const mapped = (rows, change) => rows.map((row) => row.map((pixel) => pixel.map(change)));
  file.addEventListener("change", () => take(file.files[0]));
  inverted.addEventListener("change", () => filled && paint(mapped(values(), (value) => 255 - value)));
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    take(event.dataTransfer.files[0]);
  });
  const settings = element("div", { className: "settings" },
    element("label", {}, "White is", white), element("label", {}, inverted, "Invert"));
  return {
    parts: [element("div", { className: "image" }, drop, canvas), settings],
    read: () => {
      if (!filled) throw new Error(`Give an image for ${input.name}.`);
      const scale = (value) => value * (Number(white.value) / 255); // By 1 where white is 255.
      return mapped(values(), input.dtype.includes("int") ? (value) => Math.round(scale(value)) : scale);
    },
    write: (rows) => {
      inverted.checked = false;
      words.textContent = "An example; drop an image here, or choose one";
      paint(mapped(rows, (value) => value * (255 / Number(white.value))));
    },
  };
}

// Beside its place, an image would be opened instead of the page.
for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());

const KINDS = { columns, json, image };
const inputs = model.inputs.map((input) => ({ ...input, ...KINDS[input.kind](input) }));

function body() {
  const alone = inputs.length === 1;
  const values = alone ? inputs[0].read() : Object.fromEntries(inputs.map((each) => [each.name, each.read()]));
  return { signature_name: model.signature, ...(model.rows ? { instances: [values] } : { inputs: values }) };
}

function percent(share) {
  return share > 0 && share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

function bars(scores) {
  const ranked = scores.map((score, number) => [score, model.classes[number]]).sort((one, other) => other[0] - one[0]);
  const lines = ranked.slice(0, SHOWN_CLASSES).map(([score, name]) => {
    const share = element("i");
    share.style.width = `${Math.max(0, Math.min(1, score)) * 100}%`;
    return element("div", { className: "bar" },
      element("span", {}, share, element("span", {}, name)), element("b", {}, percent(score)));
  });
  const rest = ranked.length - lines.length;
  if (rest > 0) lines.push(element("p", { className: "hint" }, `and ${rest} more, each less probable`));
  return [element("p", { className: "best" }, ranked[0][1]), ...lines];
}

function answered(answer) {
  const row = model.rows ? answer.predictions[0] : answer.outputs;
  const isClasses = (value) =>
    Array.isArray(value) && value.length === model.classes.length && value.every((each) => typeof each === "number");
  if (isClasses(row)) return bars(row);
  if (row === null || typeof row !== "object" || Array.isArray(row)) {
    return [element("p", { className: "best" }, shown(row))];
  }
  const scores = Object.keys(row).find((name) => isClasses(row[name]));
  const told = scores === undefined ? [] : [scores, "label", "classes"];
  const rest = Object.entries(row).filter(([name]) => !told.includes(name));
  const list = rest.map(([name, value]) => [element("dt", {}, name), element("dd", {}, shown(value))]).flat();
  return [...(scores === undefined ? [] : bars(row[scores])), ...(list.length ? [element("dl", {}, ...list)] : [])];
}

async function ask(event) {
  event.preventDefault();
  const answer = document.getElementById("answer");
  const button = event.target.querySelector("button");
  answer.hidden = false;
  button.disabled = true;
  try {
    const sent = JSON.stringify(body());
    const response = await fetch(model.address, { method: "POST", body: sent });
    const text = await response.text();
    document.getElementById("request").hidden = false;
    document.getElementById("curl").textContent =
      `curl -d '${sent.replaceAll("'", "'\\''")}' ${location.origin}${model.address}`;
    document.getElementById("raw").textContent = text;
    if (!response.ok) throw new Error(refusal(text) || `The server answers with ${response.status}.`);
    answer.replaceChildren(...answered(parsed(text)));
  } catch (error) {
    const unreachable = error instanceof TypeError ? "The server does not answer." : error.message;
    answer.replaceChildren(element("p", { className: "wrong", role: "alert" }, unreachable));
  } finally {
    button.disabled = false;
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    // NaN and Infinity, which the server writes as such, are no JSON.
    return JSON.parse(text.replace(/(?<=[[,:\s])(NaN|-?Infinity)(?=[\],}\s])/g, "null"));
  }
}

function refusal(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return text;
  }
}

function show() {
  document.getElementById("name").append(`${model.name} `, element("small", {}, `version ${model.version}`));
  document.getElementById("description").textContent = model.description;
  document.getElementById("server").textContent = model.server;
  const fields = document.getElementById("fields");
  const labels = inputs.filter((each) => each.label).map((each) => each.label);
  // A table's columns are inputs of their own; together they are a row.
  if (labels.length) fields.append(element("fieldset", {}, element("div", { className: "columns" }, ...labels)));
  for (const input of inputs.filter((each) => !each.label)) {
    const legend = element("legend", {}, inputs.length > 1 || input.name !== "inputs" ? input.name : input.title);
    fields.append(element("fieldset", {}, legend, ...input.parts));
  }
  const example = document.getElementById("example");
  const write = () => inputs.forEach((each) => each.write(each.example));
  if (inputs.every((each) => each.example !== null)) {
    example.hidden = false;
    example.addEventListener("click", write);
    write();
  }
  if (model.results.length) {
    const [head, ...rows] = model.results;
    const line = (cells, tag) => element("tr", {}, ...cells.map((cell) => element(tag, {}, shown(cell))));
    document.getElementById("results").append(
      element("table", {}, line(head, "th"), ...rows.map((cells) => line(cells, "td"))));
  }
  for (const [name, value] of model.facts) {
    document.getElementById("facts").append(element("dt", {}, name), element("dd", {}, shown(value)));
  }
  for (const [name, takes, answers] of model.signatures) {
    document.getElementById("signatures").append(
      element("p", {}, element("b", {}, name), element("br"), `${takes.join(", ")} → ${answers.join(", ")}`));
  }
  document.getElementById("form").addEventListener("submit", ask);
}

show();
