"use strict";

const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId("page-data").textContent);

/* What report/packed.py packed: float64 split by byte, deflated, in base64. */
async function unpack(id) {
  const text = byId(id).textContent;
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = planes.length / 8;
  const bytes = new Uint8Array(planes.length);
  for (let plane = 0; plane < 8; plane++)
    for (let k = 0; k < n; k++) bytes[8 * k + plane] = planes[plane * n + k];
  byId(id).remove();
  return new Float64Array(bytes.buffer);
}

/* Columns of numbers; a column with labels holds their positions. */
async function unpackTable(table) {
  const columns = {};
  for (const [name, column] of Object.entries(table.columns))
    columns[name] = { values: await unpack(column.id), labels: column.labels };
  return columns;
}

class Cube {
  constructor(vintage, pairs, composites) {
    Object.assign(this, vintage);
    this.pairs = pairs;
    this.composed = composites;
    this.place = new Map(vintage.countries.map((name, k) => [name, k]));
    this.compositePlace = new Map(vintage.composites.map((name, k) => [name, k]));
    this.references = [...vintage.composites, ...vintage.countries];
  }

  /* NaN without data, and for a country with itself. */
  esi(year, country, reference) {
    const n = this.countries.length;
    const i = this.place.get(country);
    const composite = this.compositePlace.get(reference);
    if (composite !== undefined) return this.composed[(year * n + i) * this.composites.length + composite];
    const j = this.place.get(reference);
    if (i === j) return NaN;
    const high = Math.max(i, j), low = Math.min(i, j);
    return this.pairs[year * ((n * (n - 1)) / 2) + (high * (high - 1)) / 2 + low];
  }

  /* The first of those shown that has data in the last year. */
  get first() {
    const last = this.years.length - 1;
    return this.chosen.find((one) => !Number.isNaN(this.esi(last, one, this.reference))) ?? this.reporters[0];
  }

  ranking(year, reference) {
    return this.reporters
      .map((country) => ({ country, esi: this.esi(year, country, reference) }))
      .filter((one) => !Number.isNaN(one.esi))
      .sort((a, b) => b.esi - a.esi || (a.country < b.country ? -1 : 1))
      .map((one, k) => ({ ...one, rank: k + 1 }));
  }
}

const nameOf = (label) => page.names[label] ?? label;
const fixed = (value, digits = 3) => (value == null || Number.isNaN(value) ? "no data" : value.toFixed(digits));
const points = (value) => `${value >= 0 ? "+" : "−"}${Math.abs(value * 100).toFixed(1)} points`;

/* Numbers in their shortest form that reads back as the same float64. */
function csvOf(rows, columns) {
  const cell = (value) => {
    if (value == null || (typeof value === "number" && Number.isNaN(value))) return "";
    const text = String(value);
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [columns.join(","), ...rows.map((row) => columns.map((name) => cell(row[name])).join(","))].join("\n") + "\n";
}

function download(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
