/* The picture of the whole: countries near each other sell alike. */
const GRID = 0.001;
const LARGEST = 15;
const LETTER = 6.6;
const SMALL = 0.6;
const KIN = 5;

/* Symbols of one area each, in the order of the charts' shapes. */
const SYMBOLS = [
  (r) => `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  (r) => `M${-0.89 * r} ${-0.89 * r}h${1.78 * r}v${1.78 * r}h${-1.78 * r}z`,
  (r) => `M0 ${-1.4 * r}L${1.3 * r} ${0.85 * r}H${-1.3 * r}z`,
  (r) => `M0 ${-1.35 * r}L${1.2 * r} 0L0 ${1.35 * r}L${-1.2 * r} 0z`,
  (r) => `M${-0.4 * r} ${-1.2 * r}h${0.8 * r}v${0.8 * r}h${0.8 * r}v${0.8 * r}h${-0.8 * r}v${0.8 * r}h${-0.8 * r}v${-0.8 * r}h${-0.8 * r}v${-0.8 * r}h${0.8 * r}z`,
  (r) => `M0 ${1.4 * r}L${1.3 * r} ${-0.85 * r}H${-1.3 * r}z`,
  (r) => `M${1.4 * r} 0L${-0.85 * r} ${1.3 * r}V${-1.3 * r}z`,
  (r) => `M${-1.4 * r} 0L${0.85 * r} ${1.3 * r}V${-1.3 * r}z`,
];

class PictureView {
  constructor(picked) {
    this.year = new YearSlider("picture-year", () => this.draw());
    this.plane = new Plane("picture", {
      spoken: (label) => (label ? this.told(label) : this.summary()),
      pick: picked,
      mark: (label) => this.mark(label),
    });
  }

  open(cube) {
    this.cube = cube;
    this.group = new Map(cube.groups.flatMap((labels, k) => labels.map((label) => [label, k])));
    const years = cube.stress.map((stress, k) => (stress === null ? -1 : k)).filter((k) => k >= 0);
    for (const part of [byId("picture"), document.querySelector('nav [href="#picture"]')]) part.hidden = !years.length;
    if (!years.length) return;
    this.year.offer(cube.years, years.at(-1));
    this.draw();
  }

  at(k, label) {
    const place = 2 * (k * this.cube.countries.length + this.cube.place.get(label));
    return [this.cube.places[place] * GRID, this.cube.places[place + 1] * GRID];
  }

  /* From the plane to pixels, the same in every year, so that what moves on the slider has moved. */
  fit(width) {
    const { places } = this.cube, ends = [[Infinity, -Infinity], [Infinity, -Infinity]];
    for (let k = 0; k < places.length; k++) {
      if (Number.isNaN(places[k])) continue;
      ends[k % 2] = [Math.min(ends[k % 2][0], places[k] * GRID), Math.max(ends[k % 2][1], places[k] * GRID)];
    }
    const margin = 22, [[left, right], [low, high]] = ends;
    const unit = Math.min((width - 2 * margin) / (right - left || 1), (Math.max(420, width * 0.62) - 2 * margin) / (high - low || 1));
    const height = (high - low) * unit + 2 * margin, aside = (width - (right - left) * unit) / 2;
    return { height, to: ([x, y]) => [aside + (x - left) * unit, margin + (high - y) * unit] };
  }

  draw() {
    const { cube } = this, k = this.year.place, width = this.plane.box.clientWidth || 800, { height, to } = this.fit(width);
    const exports = (label) => cube.covered(k, label)?.exports_usd ?? 0;
    const there = cube.countries.filter((label) => !Number.isNaN(this.at(k, label)[0])).sort((a, b) => exports(b) - exports(a));
    const most = Math.max(1, ...there.map(exports));
    const small = width < 600 ? 0.7 : 1;
    this.items = there.map((label) => {
      const [x, y] = to(this.at(k, label));
      return { label, x, y, r: small * (3 + (LARGEST - 3) * Math.sqrt(exports(label) / most)), group: this.group.get(label) };
    });
    const colours = isDark() ? page.colours.map((one) => page.dark[one]) : page.colours;
    const symbol = ({ label, x, y, r, group }) => drawn("path", { d: SYMBOLS[group](r), transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, fill: colours[group], "data-label": label });
    const { svg } = this.plane;
    svg.setAttribute("viewBox", `0 0 ${width} ${height.toFixed(0)}`);
    this.lines = drawn("g", { class: "kin" });
    svg.replaceChildren(this.lines, drawn("g", { class: "symbols" }, ...this.items.map(symbol)), drawn("g", { class: "names" }, ...this.named(width).map(({ x, y, anchor, text }) => drawn("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor }, text))));
    byId("picture-title").textContent = `${there.length} countries placed by similarity, ${cube.years[k]}`;
    const rows = this.items.map(({ label, group }) => ({ year: cube.years[k], country: label, x: this.at(k, label)[0].toFixed(3), y: this.at(k, label)[1].toFixed(3), group: group + 1, exports_usd: exports(label) || null }));
    const columns = ["year", "country", "x", "y", "group", "exports_usd"];
    byId("picture-csv").onclick = () => download(`esi_picture_${cube.years[k]}.csv`, csvOf(rows, columns));
    fillTable(byId("picture-rows"), { rows, columns, caption: byId("picture-title").textContent });
    this.legend(colours);
    this.plane.show(new Map(this.items.map(({ label, x, y }) => [label, [x, y]])));
  }

  /* Names, those of the largest first, as far as they cover no other name, and of the symbols only much smaller ones. */
  named(width) {
    const symbols = this.items.map(({ x, y, r }) => [x - r, y - r, x + r, y + r]), written = [], names = [];
    const covers = (box) => (other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1];
    this.items.forEach(({ label, x, y, r }, k) => {
      const text = nameOf(label), long = text.length * LETTER, ahead = r + 4;
      const around = [["start", x + ahead, y, 0], ["end", x - ahead, y, 1], ["middle", x, y - ahead - 5, 0.5], ["middle", x, y + ahead + 5, 0.5]];
      for (const [anchor, from, middle, part] of around) {
        const left = from - part * long, box = [left, middle - 7, left + long, middle + 7];
        if (left < 0 || left + long > width || written.some(covers(box)) || symbols.some((one, n) => (n < k || this.items[n].r > r * SMALL) && covers(box)(one))) continue;
        written.push(box);
        names.push({ x: from, y: middle + 4, anchor, text });
        return;
      }
    });
    return names;
  }

  kin(label) {
    return this.cube.ranking(this.year.place, label).filter((one) => this.plane.places.has(one.country)).slice(0, KIN);
  }

  mark(label) {
    this.lines.replaceChildren();
    if (!label) return;
    const [x1, y1] = this.plane.places.get(label);
    for (const one of this.kin(label)) {
      const [x2, y2] = this.plane.places.get(one.country);
      this.lines.append(drawn("line", { x1, y1, x2, y2 }));
    }
    const { r } = this.items.find((one) => one.label === label);
    this.lines.append(drawn("circle", { cx: x1, cy: y1, r: r + 4 }));
  }

  told(label) {
    const near = this.kin(label).map((one) => `${nameOf(one.country)} (${fixed(one.esi)})`);
    return `${nameOf(label)}, group ${this.group.get(label) + 1}; most similar: ${listed(near)}.`;
  }

  summary() {
    const stress = this.cube.stress[this.year.place];
    if (stress === null) return "Fewer than four countries have data in this year: no picture.";
    const trust = stress < 0.1 ? "distances can be read" : stress < 0.2 ? "distances are roughly right" : "read who is beside whom, not the distances";
    return `Near each other: similar exports. Stress ${stress.toFixed(2)} (0: every distance is exactly 1 − ESI): ${trust}. Point at a country, or use the arrow keys.`;
  }

  legend(colours) {
    const sign = (k) => drawn("svg", { viewBox: "-8 -8 16 16", width: 16, height: 16, "aria-hidden": "true" }, drawn("path", { d: SYMBOLS[k](5), fill: colours[k] }));
    const words = (labels) => listed(labels.length > 6 ? [...labels.slice(0, 5).map(nameOf), `${labels.length - 5} more`] : labels.map(nameOf));
    byId("picture-legend").replaceChildren(...this.cube.groups.map((labels, k) => element("li", {}, sign(k), `${k + 1}: ${words(labels)}`)));
  }
}
