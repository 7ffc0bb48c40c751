function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function fillSelect(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
  if (chosen !== undefined) select.value = chosen;
  if (select.selectedIndex < 0 && options.length) select.selectedIndex = 0;
}

/* Several of many: chips that remove, and a field that finds by name or code. */
class Chooser {
  constructor(box, { limit, changed }) {
    this.box = box;
    this.limit = limit;
    this.changed = changed;
    this.chosen = [];
    const id = `${box.id}-field`;
    this.chips = element("ul", { class: "chips", "aria-label": `${box.dataset.label}: chosen` });
    this.field = element("input", { type: "text", id, list: `${id}-list`, autocomplete: "off", placeholder: "Add by name or code" });
    this.list = element("datalist", { id: `${id}-list` });
    this.told = element("span", { class: "hidden", "aria-live": "polite" });
    box.append(element("label", { class: "label", for: id }, box.dataset.label), this.chips, this.field, this.list, this.told);
    this.field.addEventListener("input", () => this.add(false));
    this.field.addEventListener("change", () => this.add(true));
    this.field.addEventListener("keydown", (event) => event.key === "Enter" && this.add(true));
  }

  offer(options, chosen) {
    this.options = options;
    this.list.replaceChildren(...options.map((label) => element("option", { value: title(label) })));
    this.set(chosen);
  }

  set(chosen) {
    this.chosen = chosen;
    this.chips.replaceChildren(...chosen.map((label) => {
      const chip = element("button", { type: "button", "aria-label": `Remove ${nameOf(label)}` }, nameOf(label));
      chip.addEventListener("click", () => {
        this.set(this.chosen.filter((one) => one !== label));
        this.changed();
        this.field.focus();
      });
      return element("li", {}, chip);
    }));
    this.field.disabled = chosen.length >= this.limit;
    this.field.placeholder = this.field.disabled ? `${this.limit} at most: remove one to add another` : "Add by name or code";
  }

  add(isDone) {
    const text = this.field.value.trim().toLowerCase();
    if (!text) return;
    const exact = this.options.find((label) => [label, nameOf(label), title(label)].some((one) => one.toLowerCase() === text && (isDone || one === title(label))));
    const found = exact ?? (isDone ? this.options.find((label) => title(label).toLowerCase().includes(text)) : undefined);
    if (!found) {
      if (isDone) this.told.textContent = `Nothing found for ${text}`;
      return;
    }
    this.field.value = "";
    if (this.chosen.includes(found)) return;
    this.set([...this.chosen, found].slice(0, this.limit));
    this.told.textContent = `${nameOf(found)} added`;
    this.changed();
  }
}

const title = (label) => (nameOf(label) === label ? label : `${nameOf(label)} (${label})`);

const SHOWN_ROWS = 400;

/* The figures behind a chart, made when somebody opens them. */
function fillTable(details, { rows, columns, caption }) {
  const box = details.querySelector(".scroll");
  const draw = () => {
    const text = (value) => (value == null || (typeof value === "number" && Number.isNaN(value)) ? "" : String(value));
    const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
    const body = rows.slice(0, SHOWN_ROWS).map((row) => element("tr", {}, ...columns.map((name) => element("td", {}, text(row[name])))));
    const table = element("table", {}, element("caption", { class: "hidden" }, caption), element("thead", {}, head), element("tbody", {}, ...body));
    const rest = rows.length - SHOWN_ROWS;
    box.replaceChildren(table, ...(rest > 0 ? [element("p", { class: "note" }, `and ${rest.toLocaleString("en")} rows more in the CSV`)] : []));
  };
  details.ontoggle = () => (details.open ? draw() : box.replaceChildren());
  if (details.open) draw();
}

/* A chart with its sentence, its CSV and its table. */
class Figure {
  static all = [];

  constructor(id) {
    Figure.all.push(this);
    this.id = id;
    this.queue = Promise.resolve();
  }

  show({ spec, rows, table = rows, columns, file, says, caption, signal }) {
    byId(`${this.id}-says`).textContent = says;
    if (caption) byId(`${this.id}-title`).textContent = caption;
    byId(`${this.id}-csv`).onclick = () => download(file, csvOf(table, columns));
    fillTable(byId(`${this.id}-rows`), { rows: table, columns, caption: says });
    this.latest = { spec, rows, says: caption ? `${caption}. ${says}` : says };
    this.queue = this.queue.then(() => this.draw(this.latest));
    return this.queue;
  }

  async draw(wanted) {
    if (this.drawn === wanted) return;
    this.drawn = wanted;
    if (!wanted.rows.length) {
      byId(`${this.id}-plot`).replaceChildren(element("p", { class: "note" }, "No data to draw."));
      this.view = this.spec = null;
      return;
    }
    this.view = await drawInto(byId(`${this.id}-plot`), wanted, this.spec === wanted.spec ? this.view : null);
    this.spec = wanted.spec;
  }
}

async function drawInto(box, { spec, rows, says }, view) {
  const height = page.specs[spec].height ?? page.step * new Set(rows.map((row) => row.label ?? row.model)).size;
  if (view) {
    await view.data("rows", rows).height(height).resize().runAsync();
  } else {
    const whole = { ...coloured(page.specs[spec]), height, description: says, datasets: { rows } };
    box.replaceChildren();
    const made = await vegaEmbed(box, whole, { actions: false, renderer: "svg", config: chartConfig(), tooltip: { theme: "custom" } });
    view = made.view;
  }
  const drawing = box.querySelector("svg");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", says);
  drawing.removeAttribute("tabindex");
  for (const part of drawing.querySelectorAll("[role], [aria-label], [aria-roledescription]"))
    for (const name of ["role", "aria-label", "aria-roledescription", "aria-hidden"]) part.removeAttribute(name);
  return view;
}

const DARK = "screen and (prefers-color-scheme: dark)";

/* The charts' colours, or their lighter kin on a dark page. */
function coloured(spec) {
  if (!matchMedia(DARK).matches) return spec;
  let text = JSON.stringify(spec);
  for (const [light, dark] of Object.entries(page.dark)) text = text.replaceAll(light, dark);
  return JSON.parse(text);
}

function chartConfig() {
  const style = getComputedStyle(document.documentElement);
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map((name) => style.getPropertyValue(name).trim());
  const config = structuredClone(page.config);
  config.background = "transparent";
  Object.assign(config.axis, { labelColor: soft, titleColor: soft, gridColor: line, tickColor: line });
  Object.assign(config.legend, { labelColor: ink, columns: innerWidth < 600 ? 1 : 3 });
  config.text = { color: ink };
  if (innerWidth < 600) config.axisY.labelLimit = 120;
  return config;
}
