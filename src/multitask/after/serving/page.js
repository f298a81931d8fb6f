
"use strict";
// Names come from the model's file, and are only ever set as text.
const byId = (id) => document.getElementById(id);
const MOST_SHOWN = 5;
const MOST_TRIES = 4;
let limits = null;
let running = null;
let address = null;
// The inputs that are written, and the image that waits for them.
let inputs = [];
let takesImage = true;
let chosen = null;

const percent = (share) =>
  share === null ? "not known" : share.toLocaleString("en", { style: "percent", maximumFractionDigits: 1 });
const amount = (number, unit) => {
  if (number === null) return "not a number";
  // Of whole numbers with many digits, all; of others four.
  const digits = { maximumSignificantDigits: Math.abs(number) >= 10000 ? 7 : 4 };
  const isOdd = number !== 0 && (Math.abs(number) < 1e-4 || Math.abs(number) >= 1e9);
  const text = isOdd ? number.toExponential(3) : number.toLocaleString("en", digits);
  return unit ? `${text} ${unit.trim()}` : text;
};

function made(name, text = "", kind = "") {
  const found = document.createElement(name);
  if (text) found.textContent = text;
  if (kind) found.className = kind;
  return found;
}

function head(text, colour = null) {
  const found = made("th");
  found.scope = "row";
  if (colour !== null) {
    const swatch = made("span", "", "swatch");
    swatch.style.backgroundColor = colour;
    swatch.setAttribute("aria-hidden", "true");
    found.append(swatch);
  }
  found.append(text);
  return found;
}

function bars(shares, colours = {}) {
  const table = made("table", "", "bars");
  for (const [name, share] of shares) {
    const bar = made("div", "", "bar");
    bar.style.width = `${100 * (share ?? 0)}%`;
    const cell = made("td");
    cell.setAttribute("aria-hidden", "true");
    cell.append(bar);
    const row = made("tr");
    row.append(head(name, colours[name] ?? null), cell, made("td", percent(share), "amount"));
    table.append(row);
  }
  return table;
}

function sharesOf(found, all) {
  const sorted = Object.entries(found).sort((one, other) => (other[1] ?? -1) - (one[1] ?? -1));
  const parts = [bars(sorted.slice(0, MOST_SHOWN))];
  if (sorted.length > MOST_SHOWN) {
    const rest = made("details");
    const which = sorted.length < all ? `The ${sorted.length} most probable of ${all}` : `All ${all}`;
    rest.append(made("summary", `${which} classes`), bars(sorted));
    parts.push(rest);
  }
  return parts;
}

function numbers(pairs, unit) {
  const table = made("table", "", "numbers");
  for (const [name, number] of pairs) {
    const row = made("tr");
    row.append(head(name), made("td", amount(number, unit), "amount"));
    table.append(row);
  }
  return table;
}

function pictures(several, task) {
  const found = made("div", "", "pictures");
  for (const { caption, picture } of several) {
    const figure = made("figure");
    const image = made("img");
    image.src = picture;
    image.alt = `${task}: ${caption}`;
    figure.append(image, made("figcaption", caption));
    found.append(figure);
  }
  return found;
}

const ALONE = "The model predicts numbers without an uncertainty.";

const rangeOf = (low, high, unit) => `${amount(low, unit)} to ${amount(high, unit)}`;

function sureness(found) {
  const { low, high, deviation, entropy } = found.uncertainty ?? {};
  const unit = found.unit ?? null;
  if (entropy !== undefined) {
    const most = found.classes === undefined ? "" : ` of at most ${amount(Math.log(found.classes), null)}`;
    return [made("p", `Entropy: ${amount(entropy, null)} nats${most}.`, "faint")];
  }
  if (low === undefined || high === undefined) {
    if (typeof deviation !== "number") return [made("p", ALONE, "faint")];
    return [made("p", `Standard deviation: ${amount(deviation, unit)}.`, "faint")];
  }
  const share = found.level === undefined ? "Intervals" : `Intervals that hold ${percent(found.level)} of the true values`;
  if (typeof low !== "object" || low === null) return [made("p", `${share}: here ${rangeOf(low, high, unit)}.`, "faint")];
  const rows = Object.keys(low).map((each) => `${each} ${rangeOf(low[each], high[each], unit)}`);
  return [made("p", `${share}: here ${rows.join(", ")}.`, "faint")];
}

function partsOf(name, found) {
  switch (found.kind) {
    case "class":
      return [
        made("p", found.value === null ? "not known" : `${found.value} (${percent(found.probability)})`, "value"),
        ...sharesOf(found.probabilities, found.classes),
        ...(found.uncertainty ? sureness(found) : []),
      ];
    case "number":
      return [made("p", amount(found.value, found.unit), "value"), ...sureness(found)];
    case "vector":
      return [numbers(Object.entries(found.value), found.unit), ...sureness(found)];
    case "class_map":
      return [
        pictures(found.pictures, name),
        bars(Object.entries(found.shares).sort((one, other) => other[1] - one[1]).slice(0, 20), found.colours),
        made("p", `Shares of the pixels. The chosen class has a probability of ${percent(found.probability)} on average.`, "faint"),
      ];
    case "number_map":
      return [
        pictures(found.pictures, name),
        numbers(["minimum", "mean", "maximum"].map((each) => [each, found[each]]), found.unit),
        made("p", ALONE, "faint"),
      ];
    default:
      return [made("p", `an array of ${found.shape.join(" x ")} numbers`, "value")];
  }
}

function told(name, found) {
  if (found.kind === "class") return `${name}: ${found.value ?? "not known"}, ${percent(found.probability)}`;
  if (found.kind === "number") return `${name}: ${amount(found.value, found.unit)}`;
  return `${name}: see below`;
}

function show(tasks) {
  const sections = Object.entries(tasks).map(([name, found], place) => {
    const section = made("section");
    const title = made("h2", name);
    title.id = `task-${place}`;
    section.setAttribute("aria-labelledby", title.id);
    section.append(title, ...partsOf(name, found));
    return section;
  });
  byId("tasks").replaceChildren(...sections);
  byId("found").hidden = false;
  say(Object.entries(tasks).map((pair) => told(...pair)).join("; "), false);
}

function say(text, isSeen = true) {
  byId("status").textContent = text;
  byId("status").className = isSeen ? "" : "heard";
}

function fail(sentence) {
  say("");
  byId("found").hidden = true;
  byId("error").textContent = sentence;
  byId("error").hidden = false;
}

function pause(seconds) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}

function field(label, part) {
  const found = made("div", "", "field");
  const caption = made("label", label);
  part.id = caption.htmlFor = `field-${byId("fields").childElementCount}`;
  found.append(caption, part);
  byId("fields").append(found);
  return part;
}

function written(name, told) {
  // One part for each text, number or category; what is left empty is missing.
  const alone = told.columns.length === 1 ? name : null;
  const parts = told.columns.map((column) => {
    const label = alone ?? column;
    if (Object.hasOwn(told.categories ?? {}, column)) {
      const categories = told.categories[column];
      const select = made("select");
      const missing = made("option", "missing");
      missing.value = "";
      select.append(missing, ...categories.map((each, place) => {
        const option = made("option", String(each));
        option.value = String(place);
        return option;
      }));
      field(label, select);
      return () => (select.value === "" ? null : categories[Number(select.value)]);
    }
    const part = field(label, made(told.kind === "text" ? "textarea" : "input"));
    if (told.kind === "text") part.rows = 4;
    else part.inputMode = "decimal";
    return () => (part.value.trim() === "" ? null : part.value);
  });
  const value = () => {
    const values = parts.map((each) => each());
    if (values.every((each) => each === null)) return null;
    if (told.kind === "text") return values.length === 1 ? values[0] : values.map((each) => each ?? "");
    return values;
  };
  const nothing = told.kind === "text" && alone !== null ? "" : "null";
  return { name, value, nothing };
}

function bodyOf(file) {
  const body = new FormData();
  // Nobody needs the file's name.
  if (file !== null) body.append("image", file, "image");
  for (const { name, value } of inputs) {
    const found = value();
    if (found !== null) body.append(name, typeof found === "string" ? found : JSON.stringify(found));
  }
  // A form needs a part.
  if ([...body].length === 0) body.append(inputs[0].name, inputs[0].nothing);
  return body;
}

async function send(body, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch("/predict", { method: "POST", body, signal });
    if (response.status !== 503 || attempt === MOST_TRIES) return response;
    say("The server is busy with others; waiting for it.");
    await pause(Number(response.headers.get("Retry-After")) || 1);
    if (signal.aborted) throw new DOMException("", "AbortError");
  }
}

async function look(file) {
  running?.abort();
  const mine = (running = new AbortController());
  byId("error").hidden = true;
  if (limits !== null && file !== null && file.size > limits.megabytes * 1e6) {
    fail(`The file is larger than ${limits.megabytes} MB, the most that this server accepts.`);
    return;
  }
  say(inputs.length === 0 ? "Looking at the image." : "Asking the model.");
  try {
    const response = await send(bodyOf(file), mine.signal);
    const found = await response.json();
    if (mine.signal.aborted) return;
    if (!response.ok) {
      fail(`${found.error[0].toUpperCase()}${found.error.slice(1)}.`);
      return;
    }
    byId("own").hidden = file === null;
    if (file !== null) {
      if (address !== null) URL.revokeObjectURL(address);
      address = URL.createObjectURL(file);
      byId("shown").hidden = false;
      byId("shown").src = address;
      byId("name").textContent = `${file.name}, ${found.width} x ${found.height} pixels`;
    }
    byId("remarks").textContent = found.remarks.map((each) => `${each[0].toUpperCase()}${each.slice(1)}.`).join(" ");
    show(found.tasks);
  } catch (error) {
    if (error.name !== "AbortError") fail("The server does not answer; is it still running?");
  }
}

function take(files) {
  const file = [...files][0];
  if (file === undefined || !takesImage) return;
  chosen = file;
  byId("hint").textContent = inputs.length === 0 ? byId("hint").textContent : file.name;
  if (inputs.length === 0) look(file);
  else say("Write what goes with the image, then choose Predict.");
}

byId("written").addEventListener("submit", (event) => {
  event.preventDefault();
  look(chosen);
});
// Some formats, such as TIFF, no browser shows.
byId("shown").addEventListener("error", () => { byId("shown").hidden = true; });
byId("file").addEventListener("change", (event) => {
  take(event.target.files);
  // Else choosing the same file again would do nothing.
  event.target.value = "";
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  byId("drop").classList.add("over");
});
document.addEventListener("dragleave", () => byId("drop").classList.remove("over"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  byId("drop").classList.remove("over");
  if (takesImage && event.dataTransfer.files.length === 0) fail("That is not a file; drop an image file.");
  take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));

function summary([name, { classes, unit, elements }]) {
  if (classes) return `${name} (${classes.length} classes)`;
  if (elements) return `${name} (${elements.length} numbers)`;
  return unit ? `${name} (${unit.trim()})` : name;
}

fetch("/description")
  .then((response) => response.json())
  .then((found) => {
    limits = found.limits;
    document.title = byId("title").textContent = found.model;
    const tasks = Object.entries(found.tasks).map(summary).join(", ");
    const names = found.takes;
    takesImage = names.includes("image");
    inputs = names.filter((each) => each !== "image").map((each) => written(each, found.inputs[each]));
    byId("drop").hidden = !takesImage;
    byId("written").hidden = inputs.length === 0;
    const from = inputs.length === 0 ? "an image" : names.join(", ");
    byId("about").textContent = `From ${from}, this model predicts ${tasks}.`;
  })
  .catch(() => fail("The server does not answer; is it still running?"));
