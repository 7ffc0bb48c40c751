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
    const margin = labelled ? 78 : 8;
    const room = this.box.clientWidth - margin - 2;
    const cell = Math.max(labelled ? 14 : 3, Math.min(28, Math.floor(room / this.columns.length)));
    return { labelled, margin, cell };
  }

  /* All cells once, on a canvas of their own; the cursor is drawn over a copy. */
  paint() {
    const { labelled, margin, cell } = this.size;
    const width = margin + cell * this.columns.length + 2, height = margin + cell * this.rows.length + 2;
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
      const value = this.value(row, column), x = margin + c * cell, y = margin + r * cell;
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
    if (labelled) this.label(brush, { margin, cell, ink });
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

  label(brush, { margin, cell, ink }) {
    brush.fillStyle = ink;
    brush.font = `${Math.min(12, cell - 3)}px ${getComputedStyle(document.body).fontFamily}`;
    brush.textBaseline = "middle";
    const short = (label) => (label.length > 11 ? `${label.slice(0, 10)}…` : label);
    brush.textAlign = "right";
    this.rows.forEach((row, r) => brush.fillText(short(row), margin - 6, margin + (r + 0.5) * cell));
    brush.textAlign = "left";
    this.columns.forEach((column, c) => {
      brush.save();
      brush.translate(margin + (c + 0.5) * cell, margin - 6);
      brush.rotate(-Math.PI / 2);
      brush.fillText(short(column), 0, 0);
      brush.restore();
    });
  }

  frame(brush, { margin, cell }) {
    const [r, c] = this.cursor;
    brush.strokeStyle = getComputedStyle(document.documentElement).getPropertyValue("--ink");
    brush.lineWidth = 2;
    brush.strokeRect(margin + c * cell - 1, margin + r * cell - 1, cell + 1, cell + 1);
  }

  point(event) {
    const { margin, cell } = this.size;
    const place = [Math.floor((event.offsetY - margin) / cell), Math.floor((event.offsetX - margin) / cell)];
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
    const { margin, cell } = this.size;
    this.box.scrollLeft = Math.max(0, margin + this.cursor[1] * cell - this.box.clientWidth / 2);
  }

  move(place) {
    if (String(place) === String(this.cursor)) return;
    this.cursor = place;
    this.compose();
    this.told.textContent = place ? this.spoken(this.rows[place[0]], this.columns[place[1]]) : this.spoken(null, null);
  }
}

function heatColours(steps = 64) {
  const style = getComputedStyle(document.documentElement);
  const stops = [0, 1, 2].map((k) => style.getPropertyValue(`--heat-${k}`).trim().split(/\s+/).map(Number));
  return Array.from({ length: steps }, (_, k) => {
    const at = (k / (steps - 1)) * 2, low = Math.min(1, Math.floor(at));
    const mixed = stops[low].map((part, n) => Math.round(part + (stops[low + 1][n] - part) * (at - low)));
    return `rgb(${mixed.join(" ")})`;
  });
}
