/* Countries by references. Painted here: 40,000 marks of a chart library took half a second a year (docs/adr/0004). */
class Matrix {
  constructor(canvas, box) {
    this.canvas = canvas;
    this.box = box;
    this.cursor = null;
    this.still = document.createElement("canvas");
    canvas.addEventListener("pointermove", (event) => this.point(event));
    canvas.addEventListener("click", (event) => this.point(event));
    canvas.addEventListener("pointerleave", () => this.move(null));
    box.addEventListener("keydown", (event) => this.step(event));
  }

  show({ rows, columns, value, top, told, spoken }) {
    Object.assign(this, { rows, columns, value, top, told, spoken });
    if (this.cursor && (this.cursor[0] >= rows.length || this.cursor[1] >= columns.length)) this.cursor = null;
    this.paint();
  }

  get size() {
    const labelled = this.rows.length <= 60;
    const long = (labels) => (labelled ? 12 + 7.6 * Math.max(3.4, ...labels.map((label) => short(label).length)) : 8);
    const left = long(this.rows), above = long(this.columns);
    const cell = Math.max(labelled ? 14 : 3, Math.min(28, Math.floor((this.box.clientWidth - left - 2) / this.columns.length)));
    return { labelled, left, above, cell };
  }

  /* All cells once, on a canvas of their own; the cursor is drawn over a copy. */
  paint() {
    const { labelled, left, above, cell } = this.size;
    const width = left + cell * this.columns.length + 2, height = above + cell * this.rows.length + 2;
    const scale = window.devicePixelRatio || 1;
    for (const one of [this.canvas, this.still]) Object.assign(one, { width: width * scale, height: height * scale });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const brush = this.still.getContext("2d");
    brush.scale(scale, scale);
    const colours = heatColours();
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--soft");
    const side = cell - (cell > 8 ? 1 : 0);
    const strokes = new Path2D(), cells = colours.map(() => []);
    this.rows.forEach((row, r) => this.columns.forEach((column, c) => {
      if (row === column) return;
      const value = this.value(row, column), x = left + c * cell, y = above + r * cell;
      if (Number.isNaN(value)) {
        strokes.moveTo(x + cell * 0.3, y + cell * 0.7);
        strokes.lineTo(x + cell * 0.7, y + cell * 0.3);
      } else {
        cells[Math.min(colours.length - 1, Math.floor((value / this.top) * colours.length))].push(x, y);
      }
    }));
    cells.forEach((places, colour) => {
      brush.fillStyle = colours[colour];
      for (let k = 0; k < places.length; k += 2) brush.fillRect(places[k], places[k + 1], side, side);
    });
    brush.strokeStyle = ink;
    brush.lineWidth = 0.6;
    brush.stroke(strokes);
    if (labelled) this.label(brush, { left, above, cell, ink });
    this.compose();
  }

  compose() {
    const brush = this.canvas.getContext("2d");
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.clearRect(0, 0, this.canvas.width, this.canvas.height);
    brush.drawImage(this.still, 0, 0);
    const scale = window.devicePixelRatio || 1;
    brush.scale(scale, scale);
    if (this.cursor) this.frame(brush, this.size);
  }

  label(brush, { left, above, cell, ink }) {
    brush.fillStyle = ink;
    brush.font = `${Math.min(12, cell - 3)}px ${getComputedStyle(document.body).fontFamily}`;
    brush.textBaseline = "middle";
    brush.textAlign = "right";
    this.rows.forEach((row, r) => brush.fillText(short(row), left - 6, above + (r + 0.5) * cell));
    brush.textAlign = "left";
    this.columns.forEach((column, c) => {
      brush.save();
      brush.translate(left + (c + 0.5) * cell, above - 6);
      brush.rotate(-Math.PI / 2);
      brush.fillText(short(column), 0, 0);
      brush.restore();
    });
  }

  frame(brush, { left, above, cell }) {
    const [r, c] = this.cursor;
    brush.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    brush.lineWidth = 2;
    brush.strokeRect(left + c * cell - 1, above + r * cell - 1, cell + 1, cell + 1);
  }

  point(event) {
    const { left, above, cell } = this.size;
    const place = [Math.floor((event.offsetY - above) / cell), Math.floor((event.offsetX - left) / cell)];
    const inside = place[0] >= 0 && place[1] >= 0 && place[0] < this.rows.length && place[1] < this.columns.length;
    this.move(inside ? place : null);
  }

  step(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const [down, right] = this.cursor ? moves[event.key] : [0, 0];
    const [r, c] = this.cursor ?? [0, 0];
    const within = (value, n) => Math.max(0, Math.min(n - 1, value));
    this.move([within(r + down, this.rows.length), within(c + right, this.columns.length)]);
    const { left, cell } = this.size;
    this.box.scrollLeft = Math.max(0, left + this.cursor[1] * cell - this.box.clientWidth / 2);
  }

  move(place) {
    if (String(place) === String(this.cursor)) return;
    this.cursor = place;
    this.compose();
    this.told.textContent = place ? this.spoken(this.rows[place[0]], this.columns[place[1]]) : this.spoken(null, null);
  }
}

const short = (label) => (label.length > 22 ? `${label.slice(0, 21)}…` : label);

function heatColours(steps = 64) {
  const style = getComputedStyle(document.documentElement);
  const stops = [0, 1, 2].map((k) => style.getPropertyValue(`--heat-${k}`).trim().split(/\s+/).map(Number));
  return Array.from({ length: steps }, (_, k) => {
    const at = (k / (steps - 1)) * 2, low = Math.min(1, Math.floor(at));
    const mixed = stops[low].map((part, n) => Math.round(part + (stops[low + 1][n] - part) * (at - low)));
    return `rgb(${mixed.join(" ")})`;
  });
}

class MatrixView {
  constructor() {
    this.matrix = new Matrix(byId("matrix-canvas"), byId("matrix-scroll"));
    this.year = new YearSlider("matrix-year", () => this.draw());
    byId("matrix-set").addEventListener("change", () => this.draw());
    byId("matrix-order").addEventListener("change", () => this.draw());
  }

  open(cube, time) {
    Object.assign(this, { cube, time });
    this.year.offer(cube.years);
    const sets = [["leaders", `${cube.leaders.length} largest exporters`], ["chosen", "those chosen above"], ["all", `all ${cube.countries.length}`]];
    fillSelect(byId("matrix-set"), sets, "leaders");
    this.draw();
  }

  order(year) {
    const { cube } = this, reference = cube.reference;
    const set = byId("matrix-set").value, order = byId("matrix-order").value;
    const names = set === "all" ? [...cube.leaders, ...cube.countries.filter((one) => !cube.leaders.includes(one))] : set === "leaders" ? [...cube.leaders] : [...this.time.countries.chosen];
    if (order === "alike") names.sort((a, b) => cube.order.indexOf(a) - cube.order.indexOf(b));
    if (order === "name") names.sort();
    if (order === "similar") {
      const value = (name) => (name === reference ? 2 : cube.esi(year, name, reference) || -1);
      names.sort((a, b) => value(b) - value(a));
    }
    return names;
  }

  draw() {
    const { cube } = this, k = this.year.place, year = cube.years[k];
    const names = this.order(k);
    const rows = names.filter((one) => cube.reporters.includes(one)), columns = [...cube.composites, ...names];
    const value = (row, column) => cube.esi(k, row, column);
    byId("matrix-title").textContent = `Similarity of ${rows.length === 1 ? nameOf(rows[0]) : `${rows.length} countries`} with ${columns.length} references, ${year}`;
    const spoken = (row, column) => {
      if (row === null) return this.summary(rows, names, k);
      if (row === column) return `${nameOf(row)} with itself: not drawn.`;
      if (cube.isWide(k, row, column)) return `${nameOf(row)} with ${nameOf(column)}, ${year}: left out, its interval is wider than ${cube.widest}`;
      const [low, high] = cube.ends ? cube.interval(k, row, column) : [];
      const span = low < high ? `, between ${fixed(low, 4)} and ${fixed(high, 4)}` : "";
      return `${nameOf(row)} with ${nameOf(column)}, ${year}: ${fixed(value(row, column), 4)}${span}`;
    };
    this.matrix.show({ rows, columns, value, top: cube.top, told: byId("matrix-says"), spoken });
    byId("matrix-says").textContent = this.matrix.cursor ? spoken(rows[this.matrix.cursor[0]], columns[this.matrix.cursor[1]]) : spoken(null, null);
    const scale = byId("matrix-scale");
    scale.replaceChildren("0", element("i", { "aria-hidden": "true" }), element("span", {}, `${cube.top.toFixed(2)} and more`));
    const figures = () => rows.flatMap((reporter) => columns.filter((one) => one !== reporter).map((reference) => ({ year, reporter, reference, esi: value(reporter, reference), ...cube.columns(k, reporter, reference) })));
    const named = ["year", "reporter", "reference", ...cube.named];
    byId("matrix-csv").onclick = () => download(`esi_matrix_${year}.csv`, csvOf(figures(), named));
    fillTable(byId("matrix-rows"), { rows: figures, columns: named, caption: `Similarities of ${year}` });
  }

  summary(rows, others, k) {
    let best = null;
    for (const row of rows)
      for (const other of others) {
        const esi = this.cube.esi(k, row, other);
        if (esi > (best?.esi ?? -1)) best = { row, other, esi };
      }
    return best ? `Most alike in ${this.cube.years[k]}: ${nameOf(best.row)} and ${nameOf(best.other)}, ${fixed(best.esi)}. Point at a cell, or use the arrow keys.` : "No data in this year.";
  }
}
