"use strict";

const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId("page-data").textContent);

/* What report/payload.py packed: float64 split by byte, deflated, in base64. */
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
  /* Harmonised similarities have the ends of their intervals; ends is null elsewhere. Lists of countries are in order of names. */
  constructor(record, values, ends, places) {
    Object.assign(this, record, { values, ends, places, widest: Infinity });
    this.place = new Map(record.countries.map((label, k) => [label, k]));
    this.compositePlace = new Map(record.composites.map((name, k) => [name, k]));
    this.reporters = record.reporters.toSorted(byName);
    this.references = [...record.composites, ...record.countries.toSorted(byName)];
    const isHarmonised = "harmonised_to" in page.quality;
    this.filed = rowsFrom(page.quality).filter((row) => isHarmonised || row.classification === record.classification);
    const used = (row) => (isHarmonised ? row.harmonised_to !== null : true);
    const countries = this.filed.filter((row) => !row.is_group).sort((a, b) => used(a) - used(b));
    this.coverage = new Map(countries.map((row) => [`${row.reporter} ${row.year}`, row]));
  }

  /* Coverage of a country in a year: of the filing that is used, else of one that is not. */
  covered(year, country) {
    return this.coverage.get(`${country} ${this.years[year]}`);
  }

  /* What a reader must know of a country's data in a year; empty for what was filed as it is compared. */
  remark(year, country) {
    const row = this.covered(year, country);
    if (!row) return "";
    if (row.format === "mirror") return "mirrored";
    if (row.converted > 0 || (row.harmonised_to ?? row.classification) !== row.classification) return "converted";
    return row.is_original === false ? "converted" : "";
  }

  membersOf(reference) {
    return this.members[reference] ?? [];
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

  /* Ends that are not held are the similarity itself. */
  interval(year, country, reference) {
    const [low, high] = [this.ends.low, this.ends.high].map((end) => this.at(end, year, country, reference));
    const esi = Number.isNaN(low) ? this.at(this.values, year, country, reference) : NaN;
    return Number.isNaN(low) ? [esi, esi] : [low, high];
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

  /* Countries that have similarities with a reference: all with a reporter, since a pair has one value. */
  comparable(reference) {
    return this.reporters.includes(reference) ? this.countries : this.reporters;
  }

  /* Countries by similarity, the most similar first. */
  ranking(year, reference, among = this.reporters) {
    return among
      .map((country) => ({ country, esi: this.esi(year, country, reference) }))
      .filter((one) => !Number.isNaN(one.esi))
      .sort((a, b) => b.esi - a.esi || (a.country < b.country ? -1 : 1))
      .map((one, k) => ({ ...one, rank: k + 1 }));
  }
}

/* Rows of a table that the page holds by column. */
function rowsFrom(columns) {
  const names = Object.keys(columns), n = names.length ? columns[names[0]].length : 0;
  return Array.from({ length: n }, (_, k) => Object.fromEntries(names.map((name) => [name, columns[name][k]])));
}

function grouped(rows, column) {
  const groups = new Map();
  for (const row of rows) groups.set(row[column], [...(groups.get(row[column]) ?? []), row]);
  return groups;
}


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
