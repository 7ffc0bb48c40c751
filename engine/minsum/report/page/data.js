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

const unpackMeasure = async (ids) => ({ pairs: await unpack(ids.pairs), composites: await unpack(ids.composites) });

class Cube {
  /* What vintages were brought together has the ends of its interval beside it; ends is null elsewhere. */
  constructor(vintage, values, ends) {
    Object.assign(this, vintage, { values, ends, widest: Infinity });
    this.place = new Map(vintage.countries.map((name, k) => [name, k]));
    this.compositePlace = new Map(vintage.composites.map((name, k) => [name, k]));
    this.references = [...vintage.composites, ...vintage.countries];
  }

  /* NaN without data, for a country with itself, and where the interval is wider than the reader wants. */
  esi(year, country, reference) {
    return this.isWide(year, country, reference) ? NaN : this.at(this.values, year, country, reference);
  }

  isWide(year, country, reference) {
    if (this.widest === Infinity) return false;
    const [low, high] = this.interval(year, country, reference);
    return high - low > this.widest;
  }

  interval(year, country, reference) {
    return [this.ends.low, this.ends.high].map((end) => this.at(end, year, country, reference));
  }

  /* The ends as columns of a row; nothing where there are none. */
  columns(year, country, reference) {
    if (!this.ends) return {};
    const [esi_low, esi_high] = this.isWide(year, country, reference) ? [NaN, NaN] : this.interval(year, country, reference);
    return { esi_low, esi_high };
  }

  get named() {
    return this.ends ? ["esi", "esi_low", "esi_high"] : ["esi"];
  }

  /* Pairs and years in all, and those that are left out. */
  count() {
    const { low, high } = this.ends;
    const all = this.values.pairs.filter((value) => !Number.isNaN(value)).length;
    let wide = 0;
    for (let k = 0; k < low.pairs.length; k++) if (high.pairs[k] - low.pairs[k] > this.widest) wide++;
    return { all, wide };
  }

  at({ pairs, composites }, year, country, reference) {
    const n = this.countries.length;
    const i = this.place.get(country);
    const composite = this.compositePlace.get(reference);
    if (composite !== undefined) return composites[(year * n + i) * this.composites.length + composite];
    const j = this.place.get(reference);
    if (i === j) return NaN;
    const high = Math.max(i, j), low = Math.min(i, j);
    return pairs[year * ((n * (n - 1)) / 2) + (high * (high - 1)) / 2 + low];
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
