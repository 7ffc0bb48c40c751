/* Lines over the years; of one year, bars. Several references of several countries have a panel each. */
const LINE = 15;

class TimeView {
  constructor(changed) {
    const chose = () => { this.draw(); changed(); };
    this.countries = new Chooser(byId("time-countries"), { limit: 8, changed: chose });
    this.references = new Chooser(byId("time-references"), { limit: 8, changed: chose });
    this.figure = new Figure("time");
  }

  open(cube) {
    this.cube = cube;
    byId("time-heading").textContent = cube.years.length === 1 ? `Similarity in ${cube.years[0]}` : "Similarity over time";
    this.countries.offer(cube.reporters, cube.chosen);
    this.references.offer(cube.references, [cube.reference]);
    return this.draw();
  }

  draw() {
    const { cube } = this, countries = this.countries.chosen, references = this.references.chosen;
    const isOne = cube.years.length === 1, hasPanels = references.length > 1 && countries.length > 1;
    const named = (reporter, reference) => (references.length > 1 && !hasPanels ? nameOf(reference) : nameOf(reporter));
    const panels = references.map((reference) => ({
      heading: `with ${nameOf(reference)}`,
      rows: countries.flatMap((reporter) => cube.years.map((year, k) => {
        const series = named(reporter, reference);
        return { year, reporter, reference, esi: cube.esi(k, reporter, reference), ...cube.columns(k, reporter, reference), series, label: series };
      })).filter((row) => !Number.isNaN(row.esi)),
    }));
    const rows = panels.flatMap((one) => one.rows);
    const drawn = hasPanels ? panels : [{ rows }];
    for (const one of drawn) {
      if (isOne) one.rows.sort((a, b) => b.esi - a.esi);
      else this.name(one.rows, rows);
    }
    const who = references.length > 1 && countries.length === 1 ? `of ${nameOf(countries[0])}` : `with ${listed(references.map(nameOf)) || "nobody yet"}`;
    return this.figure.show({
      spec: (isOne ? "standing" : "over_time") + (cube.ends ? "_bands" : ""),
      rows,
      panels: drawn,
      table: rows.map(({ series, label, end, end_year, end_esi, ...row }) => row),
      columns: ["year", "reporter", "reference", ...cube.named],
      file: "esi_over_time.csv",
      caption: `Export similarity ${who}${isOne ? `, ${cube.years[0]}` : ""}`,
      says: this.says(rows),
    });
  }

  /* The name of each line and its place, in the line's last row; a line that ends early says when. */
  name(rows, all) {
    const last = Math.max(...all.map((row) => row.year)), top = Math.max(...all.map((row) => row.esi_high ?? row.esi));
    const ends = [...grouped(rows, "series").values()].map((some) => some.at(-1));
    const heights = spread(ends.map((row) => row.esi), (top * LINE) / page.specs.over_time.height);
    ends.forEach((row, k) => Object.assign(row, { end: row.year < last ? `${row.series} (to ${row.year})` : row.series, end_year: last, end_esi: heights[k] }));
  }

  says(rows) {
    if (!rows.length) return "Nothing to draw: choose a country and a reference that have data.";
    const pair = (row) => `${nameOf(row.reporter)} with ${nameOf(row.reference)}`;
    const several = this.references.chosen.length > 1;
    const lines = grouped(rows.map((row) => ({ ...row, series: several ? pair(row) : row.series })), "series");
    const moves = [...lines].map(([series, some]) => ({ series, first: some[0], last: some.at(-1) }))
      .map((one) => ({ ...one, by: one.last.esi - one.first.esi })).sort((a, b) => b.by - a.by);
    const told = (one) => `${one.series} from ${fixed(one.first.esi)} in ${one.first.year} to ${fixed(one.last.esi)} in ${one.last.year} (${points(one.by)})`;
    if (this.cube.years.length === 1) {
      moves.sort((a, b) => b.last.esi - a.last.esi);
      return `Highest: ${moves[0].series}, ${fixed(moves[0].last.esi)}; lowest: ${moves.at(-1).series}, ${fixed(moves.at(-1).last.esi)}.`;
    }
    if (moves.length === 1) return `${told(moves[0])}.`;
    return `Rose most or fell least: ${told(moves[0])}. At the other end: ${told(moves.at(-1))}.`;
  }
}
