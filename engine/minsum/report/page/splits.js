/* Where a similarity comes from: sections of the Harmonized System, and markets. */

/* Rows of an unpacked table in which the given columns hold the given labels or numbers. */
function* rowsOf(table, wanted) {
  const tests = Object.entries(wanted).map(([name, value]) => {
    const { values, labels } = table[name];
    return [values, labels ? labels.indexOf(value) : value];
  });
  const names = Object.keys(table), n = table[names[0]].values.length;
  for (let k = 0; k < n; k++) {
    if (!tests.every(([values, value]) => values[k] === value)) continue;
    yield Object.fromEntries(names.map((name) => [name, table[name].labels ? table[name].labels[table[name].values[k]] : table[name].values[k]]));
  }
}

/* Labels of one column that occur in a classification, in the order of the column. */
function labelsIn(table, column, classification) {
  const { values, labels } = table[column], kinds = table.classification;
  const found = new Set();
  for (let k = 0; k < values.length; k++) if (kinds.labels[kinds.values[k]] === classification) found.add(values[k]);
  return [...found].sort((a, b) => a - b).map((k) => (labels ? labels[k] : k));
}

class SectionView {
  constructor(table) {
    this.table = table;
    this.shared = new Figure("sections");
    this.changed = new Figure("change");
    this.country = new Picker("sections-country", () => this.draw());
    this.reference = new Picker("sections-reference", () => this.draw());
    for (const part of ["first", "last"]) byId(`sections-${part}`).addEventListener("change", () => this.draw());
  }

  open(cube) {
    this.cube = cube;
    const found = (column) => labelsIn(this.table, column, cube.classification);
    const references = found("reference"), years = found("year").map(String);
    this.country.offer(cube.reporters, cube.first);
    this.reference.offer(cube.references.filter((one) => references.includes(one)), cube.reference);
    fillSelect(byId("sections-first"), years.map((one) => [one, one]), years[0]);
    fillSelect(byId("sections-last"), years.map((one) => [one, one]), years.at(-1));
    byId("change-figure").hidden = years.length === 1;
    byId("sections-first").parentElement.hidden = years.length === 1;
    byId("sections-last").parentElement.firstChild.data = years.length === 1 ? "Year " : "To ";
    return this.draw();
  }

  draw() {
    const reporter = this.country.value, reference = this.reference.value;
    const [first, last] = ["first", "last"].map((part) => byId(`sections-${part}`).value);
    const found = [...rowsOf(this.table, { classification: this.cube.classification, reporter, reference })];
    const at = (year, section) => found.find((row) => row.year === Number(year) && row.section === section)?.contribution;
    const rows = page.section_titles.map(([section, words]) => {
      const now = at(last, section), then = at(first, section);
      return { section, title: words, label: `${section}  ${words}`, first: then ?? 0, last: now ?? 0, change: 100 * ((now ?? 0) - (then ?? 0)), there: now !== undefined || then !== undefined };
    }).filter((row) => row.there);
    const total = (name) => rows.reduce((sum, row) => sum + row[name], 0);
    const pair = `${nameOf(reporter)} with ${nameOf(reference)}`;
    const missing = [first, last].filter((year) => !found.some((row) => row.year === Number(year)));
    const columns = ["classification", "year", "reporter", "reference", "section", "contribution"];
    const table = found.filter((row) => row.year === Number(first) || row.year === Number(last));
    const biggest = rows.toSorted((a, b) => b.last - a.last)[0];
    const single = first === last;
    const isWide = [...new Set([first, last])].filter((year) => this.cube.years.includes(Number(year)) && this.cube.isWide(this.cube.years.indexOf(Number(year)), reporter, reference));
    const wide = isWide.length ? ` Its interval is wider than ${this.cube.widest} in ${isWide.join(" and ")}.` : "";
    const says = missing.length ? `No data in ${missing.join(", ")}.`
      : `${single ? `${fixed(total("last"))} in ${last}` : `${fixed(total("first"))} in ${first}, ${fixed(total("last"))} in ${last}`}; most of it from ${biggest.title} (${fixed(biggest.last)}).${wide}`;
    const movement = rows.toSorted((a, b) => b.change - a.change);
    const done = this.shared.show({ spec: single ? "shared_once" : "shared", rows, table, columns, file: `esi_by_section_${reporter}_${reference}.csv`, says, caption: `${pair}: contributions by section` });
    return Promise.all([done, this.changed.show({
      spec: "change", rows, table: rows, columns: ["section", "title", "first", "last", "change"],
      file: `esi_change_${reporter}_${reference}_${first}_${last}.csv`, caption: `What changed, ${first} to ${last}`,
      says: missing.length || !rows.length ? "No change without data of both years." : `${points(total("change") / 100)} in all${extremes(movement)}.`,
    })]);
  }
}

function extremes(movement) {
  const up = movement[0], down = movement.at(-1);
  const told = (word, one) => `; most ${word}: ${one.title} (${points(one.change / 100)})`;
  return (up.change > 0 ? told("up", up) : "") + (down.change < 0 ? told("down", down) : "");
}

const MARKETS_SHOWN = 25;

class MarketView {
  constructor(table) {
    this.table = table;
    this.figure = new Figure("markets");
    this.country = new Picker("markets-country", () => this.draw());
    this.reference = new Picker("markets-reference", () => this.draw());
    byId("markets-year").addEventListener("change", () => this.draw());
  }

  open(cube) {
    this.cube = cube;
    const years = labelsIn(this.table, "year", cube.classification).map(String);
    const references = page.markets.references[cube.classification] ?? [];
    this.country.offer(cube.reporters, cube.first);
    this.reference.offer(references.toSorted(byName), references.find((one) => one !== cube.first));
    fillSelect(byId("markets-year"), years.map((one) => [one, one]), years.at(-1));
    byId("markets-year").parentElement.hidden = years.length === 1;
    return this.draw();
  }

  draw() {
    const country = this.country.value, reference = this.reference.value, year = byId("markets-year").value;
    const [low, high] = [country, reference].sort();
    const found = [...rowsOf(this.table, { classification: this.cube.classification, year: Number(year), reporter: low, reference: high })];
    const table = found.toSorted((a, b) => b.esi - a.esi);
    const rows = table.slice(0, MARKETS_SHOWN).map((row) => ({ ...row, label: nameOf(row.market) }));
    const says = rows.length ? `Similar at all in ${table.length} markets; most in ${rows[0].label} (${fixed(rows[0].esi)}).` : "They share no product in any market, or one of them has no data.";
    return this.figure.show({ spec: "standing", rows, table, columns: ["year", "market", "reporter", "reference", "esi"], file: `market_esi_${low}_${high}_${year}.csv`, says, caption: `${nameOf(country)} and ${nameOf(reference)}, market by market, ${year}` });
  }
}
