/* Who sells what a country sells: its nearest neighbours in one year, and in the first year. */
const NEAREST = 15;

class NeighbourView {
  constructor() {
    this.figure = new Figure("neighbours");
    this.country = new Picker("neighbours-country", () => this.draw());
    byId("neighbours-year").addEventListener("change", () => this.draw());
  }

  open(cube) {
    this.cube = cube;
    this.country.offer(cube.reporters.toSorted(byName), cube.first);
    fillSelect(byId("neighbours-year"), cube.years.map((year, k) => [String(k), String(year)]), String(this.last()));
    byId("neighbours-year").parentElement.hidden = cube.years.length === 1;
    return this.draw();
  }

  follow(label) {
    if (!this.cube.reporters.includes(label)) return;
    this.country.set(label);
    this.draw();
  }

  /* The last year in which a country is compared with any other. */
  last() {
    const k = this.cube.years.findLastIndex((_, year) => this.near(year).length);
    return k < 0 ? this.cube.years.length - 1 : k;
  }

  near(year) {
    const country = this.country.value;
    return this.cube.ranking(year, country, this.cube.comparable(country));
  }

  draw() {
    const { cube } = this, country = this.country.value, k = Number(byId("neighbours-year").value), year = cube.years[k];
    const ranking = this.near(k);
    const first = cube.years.findIndex((_, early) => early < k && this.near(early).length);
    const before = new Map(first < 0 ? [] : this.near(first).map((one) => [one.country, one.esi]));
    const back = new Map(ranking.filter((one) => cube.reporters.includes(one.country)).map((one) => [one.country, cube.ranking(k, one.country).find((other) => other.country === country).rank]));
    const rows = ranking.map((one) => ({ year, reporter: country, reference: one.country, rank: one.rank, esi: one.esi, ...cube.columns(k, country, one.country), reverse_rank: back.get(one.country), before: before.get(one.country) ?? null, label: nameOf(one.country) }));
    for (const row of rows) row.told = `${fixed(row.esi)}${row.reverse_rank && row.reverse_rank <= 3 ? `, its no. ${row.reverse_rank}` : ""}`;
    const since = first < 0 ? null : cube.years[first];
    byId("neighbours-note").textContent = `Bars: similarity in ${year}.${since ? ` Ticks: in ${since}, the first year with data.` : ""}${cube.ends ? " Lines: intervals." : ""} “Its no. 1”: ${nameOf(country)} is also the nearest of that country. The map above chooses the country, too.`;
    return this.figure.show({
      spec: (rows.slice(0, NEAREST).some((row) => row.before !== null) ? "nearest" : "nearest_once") + (cube.ends ? "_bands" : ""),
      rows: rows.slice(0, NEAREST),
      table: rows,
      columns: ["year", "reporter", "reference", "rank", ...cube.named, "reverse_rank"],
      file: `esi_neighbours_${country}_${year}.csv`,
      caption: `Nearest to ${nameOf(country)}, ${year}`,
      says: this.says(rows, before, since),
    });
  }

  says(rows, before, since) {
    const country = this.country.value;
    if (!rows.length) return `${nameOf(country)} has no data in this year.`;
    const near = `Most similar: ${listed(rows.slice(0, 3).map((row) => `${row.label} (${fixed(row.esi)})`))}.`;
    const nearestOf = rows.filter((row) => row.reverse_rank === 1).map((row) => row.label);
    const few = nearestOf.length > 5 ? [...nearestOf.slice(0, 4), `${nearestOf.length - 4} more`] : nearestOf;
    const back = nearestOf.length ? ` ${nameOf(country)} is itself the nearest of ${listed(few)}.` : "";
    if (!since) return near + back;
    const then = new Set([...before].sort((a, b) => b[1] - a[1]).slice(0, NEAREST).map(([label]) => label));
    const fresh = rows.slice(0, NEAREST).filter((row) => !then.has(row.reference)).map((row) => row.label);
    return `${near}${back}${fresh.length ? ` New among the nearest ${NEAREST} since ${since}: ${listed(fresh)}.` : ""}`;
  }
}
