/* The map: similarity of every country with one reference. */
const CLASSES = 7;
const STEPS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
const DOT = 3.5;

class WorldView {
  constructor(picked) {
    this.picked = picked;
    this.reference = new Picker("world-reference", () => this.draw());
    this.year = new YearSlider("world-year", () => this.draw());
    this.plane = new Plane("world", {
      spoken: (label) => (label ? this.told(label) : this.summary()),
      pick: (label) => this.choose(label),
      mark: (label) => this.mark(label),
    });
    this.box = byId("world-table");
    this.box.addEventListener("pointermove", (event) => this.plane.move(labelAt(event)));
    this.box.addEventListener("pointerleave", () => this.plane.move(null));
    this.outline();
  }

  /* All countries once; what a year shows is their colour. */
  outline() {
    const { map } = page, { svg } = this.plane;
    svg.setAttribute("viewBox", `0 0 ${map.width} ${map.height}`);
    const pattern = (id, ...lines) => drawn("pattern", { id: `mark-${id}`, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, ...lines);
    this.patterns = [
      pattern("missing", drawn("rect", { width: 6, height: 6, class: "nothing" }), drawn("path", { d: "M-1 7L7 -1", class: "hatch" })),
      pattern("converted", drawn("path", { d: "M2.6 0V6", class: "over" }), drawn("path", { d: "M3.4 0V6", class: "under" })),
      pattern("mirrored", drawn("circle", { cx: 2, cy: 2, r: 1.1, class: "over" }), drawn("circle", { cx: 5, cy: 5, r: 1.1, class: "under" })),
    ];
    this.land = drawn("g", { class: "land" });
    this.marks = drawn("g", { class: "marks" });
    this.dots = drawn("g", { class: "land" });
    this.cursor = drawn("g", { class: "cursor" });
    svg.append(drawn("defs", {}, ...this.patterns), this.land, this.dots, this.marks, this.cursor);
    this.shapes = new Map(Object.entries(map.shapes).map(([label, d]) => [label, drawn("path", { d, "data-label": label })]));
    this.land.append(...this.shapes.values());
  }

  open(cube) {
    this.cube = cube;
    this.reference.offer(cube.references, cube.reporters.length === 1 ? cube.reporters[0] : cube.reference);
    this.year.offer(cube.years);
    this.points = cube.countries.filter((label) => !(label in page.map.shapes) && label in page.map.points);
    for (const label of [...this.shapes.keys()]) {
      if (label in page.map.shapes) continue;
      this.shapes.get(label).remove();
      this.shapes.delete(label);
    }
    for (const label of this.points) {
      const [cx, cy] = page.map.points[label];
      this.shapes.set(label, drawn("circle", { cx, cy, "data-label": label }));
      this.dots.append(this.shapes.get(label));
    }
    this.elsewhere = cube.countries.filter((label) => !this.shapes.has(label));
    byId("world-elsewhere").textContent = this.elsewhere.length ? `Not on the map, but in the table: ${listed(this.elsewhere.map(nameOf))}. ` : "";
    this.draw();
  }

  choose(label) {
    if (!this.cube.references.includes(label)) return;
    this.reference.set(label);
    this.draw();
    this.picked(label);
  }

  /* Upper end of the scale: the highest similarity but for the odd few, over all years, so that colours mean the same in each. */
  classes() {
    const { cube } = this, reference = this.reference.value, members = cube.membersOf(reference);
    const values = cube.years.flatMap((_, k) => cube.comparable(reference).filter((one) => !members.includes(one)).map((one) => cube.esi(k, one, reference))).filter((one) => !Number.isNaN(one)).sort((a, b) => a - b);
    const high = values[Math.floor(0.98 * (values.length - 1))] ?? 0;
    const step = STEPS.find((one) => high / one <= CLASSES) ?? 0.2;
    const n = Math.max(2, Math.min(CLASSES, Math.ceil(high / step)));
    return { step, n, colours: heatColours(n) };
  }

  draw() {
    const { cube } = this, k = this.year.place, reference = this.reference.value, year = cube.years[k];
    const members = cube.membersOf(reference);
    const scaled = [cube.classification, reference, cube.widest, styleOf("--heat-1")].join();
    if (this.scaled !== scaled) Object.assign(this, { scaled, scale: this.classes() });
    this.rows = cube.comparable(reference).filter((one) => one !== reference).map((reporter) => ({ year, reporter, reference, esi: cube.esi(k, reporter, reference), ...cube.columns(k, reporter, reference), remark: this.remark(k, reporter) }));
    this.rows.sort((a, b) => (Number.isNaN(a.esi) ? 1 : 0) - (Number.isNaN(b.esi) ? 1 : 0) || b.esi - a.esi || byName(a.reporter, b.reporter));
    this.rows.forEach((row, place) => Object.assign(row, { rank: Number.isNaN(row.esi) ? null : place + 1 }));
    this.of = new Map(this.rows.map((row) => [row.reporter, row]));
    this.paint(reference, members);
    byId("world-title").textContent = `Similarity with ${nameOf(reference)}, ${year}`;
    const columns = ["year", "reporter", "reference", "rank", ...cube.named, "remark"];
    byId("world-csv").onclick = () => download(`esi_map_${reference}_${year}.csv`, csvOf(this.rows, columns));
    this.table();
    this.legend();
    this.plane.show(new Map([...this.shapes.keys()].filter((label) => cube.place.has(label)).sort((a, b) => (this.of.get(a)?.rank ?? 999) - (this.of.get(b)?.rank ?? 999)).map((label) => [label, page.map.points[label]])));
  }

  remark(k, reporter) {
    const { cube } = this, reference = this.reference.value;
    if (cube.membersOf(reference).includes(reporter)) return "a member of it";
    if (cube.isWide(k, reporter, reference)) return "left out: wide interval";
    if (Number.isNaN(cube.esi(k, reporter, reference))) return "no data";
    return cube.remark(k, reporter);
  }

  paint(reference, members) {
    const width = this.plane.box.clientWidth || 800, unit = page.map.width / width;
    for (const pattern of this.patterns) pattern.setAttribute("patternTransform", `scale(${unit})`);
    this.marks.replaceChildren();
    for (const [label, shape] of this.shapes) {
      const row = this.of.get(label), known = row && !Number.isNaN(row.esi);
      const { colours, step, n } = this.scale;
      shape.setAttribute("fill", known ? colours[Math.min(n - 1, Math.floor(row.esi / step))] : "url(#mark-missing)");
      shape.setAttribute("class", label === reference ? "reference" : members.includes(label) ? "member" : this.cube.place.has(label) ? "" : "apart");
      if (shape.tagName === "circle") shape.setAttribute("r", DOT * unit);
      if (known && (row.remark === "mirrored" || row.remark === "converted")) {
        const over = shape.cloneNode();
        over.setAttribute("fill", `url(#mark-${row.remark})`);
        this.marks.append(over);
      }
    }
    for (const label of [...members, reference]) if (this.shapes.has(label)) this.shapes.get(label).parentNode.append(this.shapes.get(label));
  }

  mark(label) {
    this.cursor.replaceChildren(...(label && this.shapes.has(label) ? [this.shapes.get(label).cloneNode()] : []));
    for (const part of this.cursor.children) part.removeAttribute("data-label");
    for (const row of this.box.querySelectorAll("tr.at")) row.classList.remove("at");
    this.box.querySelector(`tr[data-label="${label}"]`)?.classList.add("at");
  }

  told(label) {
    const { cube } = this, reference = this.reference.value, row = this.of.get(label), year = cube.years[this.year.place];
    if (label === reference) return `${nameOf(label)}: the reference.`;
    if (!row) return `${nameOf(label)}: not among the countries that were compared.`;
    if (Number.isNaN(row.esi)) return `${nameOf(label)} with ${nameOf(reference)}, ${year}: ${row.remark}.`;
    const span = row.esi_low < row.esi_high ? `, between ${fixed(row.esi_low, 4)} and ${fixed(row.esi_high, 4)}` : "";
    return `${nameOf(label)} with ${nameOf(reference)}, ${year}: ${fixed(row.esi, 4)}${span}; place ${row.rank} of ${this.known().length}${row.remark ? `, ${row.remark}` : ""}.`;
  }

  known() {
    return this.rows.filter((row) => row.rank);
  }

  summary() {
    const members = this.cube.membersOf(this.reference.value), known = this.known();
    const others = known.filter((row) => !members.includes(row.reporter));
    if (!others.length) return `No data in ${this.cube.years[this.year.place]}: this reference, or a member of it, is missing there.`;
    const missing = this.rows.length - known.length;
    const best = others.slice(0, 3).map((row) => `${nameOf(row.reporter)} (${fixed(row.esi)})`);
    return `Most similar${members.length ? " outside it" : ""}: ${listed(best)}. ${missing ? `${missing} of ${this.rows.length} countries have no value.` : `All ${this.rows.length} countries have a value.`}`;
  }

  table() {
    const head = element("tr", {}, ...["", "Country", "ESI", ""].map((text, k) => element("th", { scope: "col" }, text || element("span", { class: "hidden" }, k ? "remark" : "place"))));
    const short = { "left out: wide interval": "wide", "a member of it": "member", "no data": "" };
    const body = this.rows.map((row) => element("tr", { "data-label": row.reporter }, element("td", {}, row.rank ? String(row.rank) : ""), element("th", { scope: "row" }, nameOf(row.reporter)), element("td", {}, row.rank ? fixed(row.esi) : "–"), element("td", { class: "remark" }, short[row.remark] ?? row.remark)));
    this.box.replaceChildren(element("table", { class: "ranking" }, element("caption", { class: "hidden" }, byId("world-title").textContent), element("thead", {}, head), element("tbody", {}, ...body)));
  }

  legend() {
    const { step, n, colours } = this.scale, digits = step < 0.01 ? 3 : 2;
    const edge = (k) => (k * step).toFixed(digits).replace(/^0/, "");
    const swatch = (style, text, kind = "") => element("li", {}, element("i", { style, class: kind, "aria-hidden": "true" }), text);
    const classes = colours.map((colour, k) => swatch(`background:${colour}`, k === n - 1 ? `${edge(k)} and more` : k ? `${edge(k)}–${edge(k + 1)}` : `below ${edge(1)}`));
    const there = new Set(this.rows.map((row) => row.remark));
    const of = (remark, text) => (there.has(remark) ? [swatch("", text, remark.split(":")[0].replaceAll(" ", "-"))] : []);
    byId("world-legend").replaceChildren(...classes, swatch("", this.cube.membersOf(this.reference.value).length ? "a member of the reference" : "the reference", "outlined"), ...(this.rows.some((row) => !row.rank) ? [swatch("", "no value", "no-data")] : []), swatch("", "not among the countries compared", "apart"), ...of("converted", "converted from another HS vintage"), ...of("mirrored", "mirrored from partners’ imports"));
  }
}
