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

/* A field that finds countries and composites by any name or code, with a list of what fits. */
class Finder {
  constructor(box, found) {
    this.found = found;
    this.options = [];
    const id = `${box.id}-field`;
    this.field = element("input", { type: "text", id, role: "combobox", "aria-expanded": "false", "aria-controls": `${id}-list`, "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false" });
    this.list = element("ul", { id: `${id}-list`, class: "found", role: "listbox", "aria-label": box.dataset.label, hidden: "" });
    this.told = element("span", { class: "hidden", "aria-live": "polite" });
    this.whole = element("div", { class: "finder" }, this.field, this.list, this.told);
    this.field.addEventListener("input", () => this.open());
    this.field.addEventListener("click", () => this.open());
    this.field.addEventListener("blur", () => this.close());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const item = event.target.closest("[data-label]");
      if (item) this.take(item.dataset.label);
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  open() {
    const matches = search(this.options, this.field.value);
    this.list.replaceChildren(...matches.map(({ label, by }, k) => element("li", { id: `${this.field.id}-${k}`, role: "option", "aria-selected": "false", "data-label": label }, title(label), ...(by && this.field.value ? [element("small", {}, by)] : []))));
    this.list.hidden = !matches.length;
    this.field.setAttribute("aria-expanded", String(this.isOpen));
    this.at = -1;
    if (this.field.value) this.move(1);
  }

  close() {
    this.list.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.field.removeAttribute("aria-activedescendant");
    this.field.value = "";
  }

  move(by) {
    const items = this.list.children;
    items[this.at]?.setAttribute("aria-selected", "false");
    this.at = Math.max(0, Math.min(items.length - 1, this.at + by));
    const item = items[this.at];
    if (!item) return;
    item.setAttribute("aria-selected", "true");
    this.field.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  }

  key(event) {
    if (event.key === "Escape") this.close();
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!this.isOpen) this.open();
      else this.move(event.key === "ArrowDown" ? 1 : -1);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      const item = this.isOpen ? this.list.children[this.at] : null;
      if (item) this.take(item.dataset.label);
      else if (this.field.value) this.told.textContent = `Nothing found for ${this.field.value}`;
    }
  }

  take(label) {
    this.close();
    this.found(label);
  }
}

/* Several of many: chips that remove, and a field that finds. */
class Chooser {
  constructor(box, { limit, changed }) {
    this.limit = limit;
    this.changed = changed;
    this.chosen = [];
    this.chips = element("ul", { class: "chips", "aria-label": `${box.dataset.label}: chosen` });
    this.finder = new Finder(box, (label) => this.add(label));
    box.append(element("label", { class: "label", for: this.finder.field.id }, box.dataset.label), this.chips, this.finder.whole);
  }

  offer(options, chosen) {
    this.finder.options = options;
    this.set(chosen);
  }

  set(chosen) {
    this.chosen = chosen;
    this.chips.replaceChildren(...chosen.map((label) => {
      const chip = element("button", { type: "button", "aria-label": `Remove ${nameOf(label)}` }, nameOf(label));
      chip.addEventListener("click", () => {
        this.set(this.chosen.filter((one) => one !== label));
        this.changed();
        this.finder.field.focus();
      });
      return element("li", {}, chip);
    }));
    const { field } = this.finder;
    field.disabled = chosen.length >= this.limit;
    field.placeholder = field.disabled ? `${this.limit} at most: remove one to add another` : "Add by name or code";
  }

  add(label) {
    if (this.chosen.includes(label)) return;
    this.set([...this.chosen, label]);
    this.finder.told.textContent = `${nameOf(label)} added`;
    this.changed();
  }
}

/* One of many: the field shows what is chosen. */
class Picker {
  constructor(id, changed) {
    const box = byId(id);
    this.finder = new Finder(box, (label) => {
      this.set(label);
      changed();
    });
    box.append(element("label", { class: "label", for: this.finder.field.id }, box.dataset.label), this.finder.whole);
  }

  offer(options, chosen) {
    this.finder.options = options;
    this.set(options.includes(chosen) ? chosen : options[0]);
  }

  set(label) {
    this.value = label;
    this.finder.field.placeholder = label === undefined ? "" : nameOf(label);
  }
}

/* A year of a classification by slider, with a button that plays them. Hidden where there is one year. */
class YearSlider {
  constructor(id, changed) {
    this.changed = changed;
    this.slider = byId(id);
    this.told = byId(`${id}-shown`);
    this.button = byId(id.replace(/year$/, "play"));
    this.slider.addEventListener("input", () => this.later());
    this.button.addEventListener("click", () => this.play());
  }

  offer(years, chosen = years.length - 1) {
    this.stop();
    this.years = years;
    Object.assign(this.slider, { max: years.length - 1, value: chosen });
    for (const part of [this.slider.parentElement, this.button]) part.hidden = years.length === 1;
    this.say();
  }

  get place() {
    return Number(this.slider.value);
  }

  say() {
    this.told.textContent = this.years[this.place];
    this.slider.setAttribute("aria-valuetext", String(this.years[this.place]));
  }

  later() {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.say();
      this.changed();
    });
  }

  stop() {
    clearInterval(this.playing);
    this.playing = 0;
    this.button.textContent = "Play";
    this.button.setAttribute("aria-pressed", "false");
  }

  play() {
    if (this.playing) return this.stop();
    this.button.textContent = "Stop";
    this.button.setAttribute("aria-pressed", "true");
    if (this.slider.value === this.slider.max) this.slider.value = -1;
    const next = () => {
      this.slider.value = this.place + (this.playing ? 1 : 0);
      this.say();
      this.changed();
      if (this.slider.value === this.slider.max) this.stop();
    };
    next();
    this.playing = setInterval(next, 700);
  }
}

const SHOWN_ROWS = 400;

/* The figures behind a chart, made when somebody opens them; `rows` may be a function that makes them. */
function fillTable(details, { rows, columns, caption }) {
  const box = details.querySelector(".scroll");
  const draw = () => {
    const all = typeof rows === "function" ? rows() : rows;
    const text = (value) => (value == null || (typeof value === "number" && Number.isNaN(value)) ? "" : String(value));
    const head = element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)));
    const body = all.slice(0, SHOWN_ROWS).map((row) => element("tr", {}, ...columns.map((name) => element("td", {}, text(row[name])))));
    const table = element("table", {}, element("caption", { class: "hidden" }, caption), element("thead", {}, head), element("tbody", {}, ...body));
    const rest = all.length - SHOWN_ROWS;
    box.replaceChildren(table, ...(rest > 0 ? [element("p", { class: "note" }, `and ${rest.toLocaleString("en")} rows more in the CSV`)] : []));
  };
  details.ontoggle = () => (details.open ? draw() : box.replaceChildren());
  if (details.open) draw();
}
