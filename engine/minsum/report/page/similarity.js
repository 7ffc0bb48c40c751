/* Over time, everyone with everyone, ranks: what the cube of similarities shows. */
class TimeView {
  constructor(changed) {
    const chose = () => { this.draw(); changed(); };
    this.countries = new Chooser(byId("time-countries"), { limit: 8, changed: chose });
    this.references = new Chooser(byId("time-references"), { limit: 4, changed: chose });
    this.figure = new Figure("time");
  }

  open(cube) {
    this.cube = cube;
    this.countries.offer(cube.reporters, cube.chosen);
    this.references.offer(cube.references, [cube.reference]);
    return this.draw();
  }

  draw() {
    const { cube } = this, countries = this.countries.chosen, references = this.references.chosen;
    const rows = [];
    for (const reference of references)
      for (const reporter of countries)
        cube.years.forEach((year, k) => {
          const esi = cube.esi(k, reporter, reference);
          const series = references.length > 1 ? `${nameOf(reporter)} with ${nameOf(reference)}` : nameOf(reporter);
          if (!Number.isNaN(esi)) rows.push({ year, reporter, reference, esi, ...cube.columns(k, reporter, reference), series, label: series });
        });
    const single = cube.years.length === 1;
    if (single) rows.sort((a, b) => b.esi - a.esi);
    return this.figure.show({
      spec: (single ? "standing" : "over_time") + (cube.ends ? "_bands" : ""),
      rows,
      columns: ["year", "reporter", "reference", ...cube.named],
      file: "esi_over_time.csv",
      caption: `Export similarity with ${references.map(nameOf).join(", ") || "nobody yet"}${single ? `, ${cube.years[0]}` : ""}`,
      says: this.says(rows),
    });
  }

  says(rows) {
    if (!rows.length) return "Nothing to draw: choose a country and a reference that have data.";
    const groups = Map.groupBy ? Map.groupBy(rows, (row) => row.series) : grouped(rows, "series");
    const moves = [...groups].map(([series, some]) => ({ series, first: some[0], last: some.at(-1) }))
      .map((one) => ({ ...one, by: one.last.esi - one.first.esi })).sort((a, b) => b.by - a.by);
    const told = (one) => `${one.series} from ${fixed(one.first.esi)} in ${one.first.year} to ${fixed(one.last.esi)} in ${one.last.year} (${points(one.by)})`;
    if (this.cube.years.length === 1) return `Highest: ${rows[0].series}, ${fixed(rows[0].esi)}; lowest: ${rows.at(-1).series}, ${fixed(rows.at(-1).esi)}.`;
    if (moves.length === 1) return `${told(moves[0])}.`;
    return `Rose most or fell least: ${told(moves[0])}. At the other end: ${told(moves.at(-1))}.`;
  }
}

function grouped(rows, column) {
  const groups = new Map();
  for (const row of rows) groups.set(row[column], [...(groups.get(row[column]) ?? []), row]);
  return groups;
}

class MatrixView {
  constructor() {
    this.matrix = new Matrix(byId("matrix-canvas"), byId("matrix-scroll"));
    this.slider = byId("matrix-year");
    this.slider.addEventListener("input", () => this.later());
    byId("matrix-set").addEventListener("change", () => this.draw());
    byId("matrix-order").addEventListener("change", () => this.draw());
    byId("matrix-play").addEventListener("click", () => this.play());
  }

  open(cube, time) {
    Object.assign(this, { cube, time });
    this.slider.max = cube.years.length - 1;
    this.slider.value = cube.years.length - 1;
    this.slider.disabled = byId("matrix-play").disabled = cube.years.length === 1;
    const sets = [["leaders", `${cube.leaders.length} largest exporters`], ["chosen", "those chosen above"], ["all", `all ${cube.countries.length}`]];
    fillSelect(byId("matrix-set"), sets, "leaders");
    this.draw();
  }

  later() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
  }

  play() {
    const button = byId("matrix-play");
    const stop = () => { clearInterval(this.playing); this.playing = 0; button.textContent = "Play"; button.setAttribute("aria-pressed", "false"); };
    if (this.playing) return stop();
    button.textContent = "Stop";
    button.setAttribute("aria-pressed", "true");
    if (this.slider.value === this.slider.max) this.slider.value = 0;
    this.draw();
    this.playing = setInterval(() => {
      this.slider.value = Number(this.slider.value) + 1;
      this.draw();
      if (this.slider.value === this.slider.max) stop();
    }, 700);
  }

  order(year) {
    const { cube } = this, reference = cube.reference;
    const set = byId("matrix-set").value, order = byId("matrix-order").value;
    const names = set === "all" ? [...cube.leaders, ...cube.countries.filter((one) => !cube.leaders.includes(one))] : set === "leaders" ? [...cube.leaders] : [...this.time.countries.chosen];
    if (order === "name") names.sort();
    if (order === "similar") {
      const value = (name) => (name === reference ? 2 : cube.esi(year, name, reference) || -1);
      names.sort((a, b) => value(b) - value(a));
    }
    return names;
  }

  draw() {
    const { cube } = this, k = Number(this.slider.value), year = cube.years[k];
    byId("matrix-year-shown").textContent = year;
    this.slider.setAttribute("aria-valuetext", String(year));
    const names = this.order(k);
    const rows = names.filter((one) => cube.reporters.includes(one)), columns = [...cube.composites, ...names];
    const value = (row, column) => cube.esi(k, row, column);
    byId("matrix-title").textContent = `Similarity of ${rows.length} countries with ${columns.length} references, ${year}`;
    const spoken = (row, column) => {
      if (row === null) return this.summary(rows, k);
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
    const details = byId("matrix-rows");
    details.ontoggle = null;
    if (details.open) fillTable(details, { rows: figures(), columns: named, caption: `Similarities of ${year}` });
    else details.ontoggle = () => details.open && fillTable(details, { rows: figures(), columns: named, caption: `Similarities of ${year}` });
  }

  summary(rows, k) {
    let best = null;
    rows.forEach((row, i) => rows.slice(0, i).forEach((other) => {
      const esi = this.cube.esi(k, row, other);
      if (esi > (best?.esi ?? -1)) best = { row: other, other: row, esi };
    }));
    return best ? `Most alike in ${this.cube.years[k]}: ${nameOf(best.row)} and ${nameOf(best.other)}, ${fixed(best.esi)}. Point at a cell, or use the arrow keys.` : "No data in this year.";
  }
}

const LEADING = 12;

class RankView {
  constructor() {
    this.figure = new Figure("ranks");
    byId("ranks-reference").addEventListener("change", () => this.draw());
  }

  open(cube, time) {
    Object.assign(this, { cube, time });
    fillSelect(byId("ranks-reference"), cube.references.map((one) => [one, title(one)]), cube.reference);
    return this.draw();
  }

  draw() {
    const { cube } = this, reference = byId("ranks-reference").value;
    const rankings = cube.years.map((_, k) => cube.ranking(k, reference));
    const chosen = this.time.countries.chosen;
    const shown = new Set([...(rankings.findLast((one) => one.length) ?? []).slice(0, LEADING).map((one) => one.country), ...chosen]);
    const whole = rankings.flatMap((ranking, k) => ranking.map((one) => ({ year: cube.years[k], reporter: one.country, reference, rank: one.rank, esi: one.esi })));
    const ends = new Map(whole.map((row) => [row.reporter, row.year]));
    const rows = whole.filter((row) => shown.has(row.reporter)).map((row) => ({ ...row, name: nameOf(row.reporter), label: nameOf(row.reporter), series: chosen.includes(row.reporter) ? nameOf(row.reporter) : "", is_last: ends.get(row.reporter) === row.year }));
    rows.sort((a, b) => chosen.indexOf(a.reporter) - chosen.indexOf(b.reporter) || a.year - b.year);
    const single = cube.years.length === 1;
    const moves = this.moves(rankings);
    this.movers(moves);
    return this.figure.show({
      spec: single ? "standing" : rows.some((row) => row.series === "") ? "ranks" : "ranks_chosen",
      rows: single ? rows.toSorted((a, b) => a.rank - b.rank) : rows,
      table: whole,
      columns: ["year", "reporter", "reference", "rank", "esi"],
      file: "esi_ranks.csv",
      caption: `Rank by similarity with ${nameOf(reference)}`,
      says: this.says(rankings, moves),
    });
  }

  moves(rankings) {
    const first = new Map(rankings[0].map((one) => [one.country, one]));
    return rankings.at(-1).filter((one) => first.has(one.country))
      .map((one) => ({ country: one.country, from: first.get(one.country), to: one, by: first.get(one.country).rank - one.rank }))
      .sort((a, b) => b.by - a.by || a.to.rank - b.to.rank);
  }

  says(rankings, moves) {
    const last = rankings.at(-1), years = this.cube.years;
    if (!last.length) return `No data in ${years.at(-1)}: this reference, or a member of it, is missing there.`;
    const lead = `${nameOf(last[0].country)} leads in ${years.at(-1)} with ${fixed(last[0].esi)}`;
    if (years.length === 1 || !moves.length) return `${lead}, of ${last.length} countries.`;
    const up = moves[0], down = moves.at(-1);
    return `${lead}. Largest rise since ${years[0]}: ${nameOf(up.country)}, ${up.from.rank} to ${up.to.rank}; largest fall: ${nameOf(down.country)}, ${down.from.rank} to ${down.to.rank}.`;
  }

  movers(moves) {
    const box = byId("ranks-movers"), years = this.cube.years;
    if (years.length === 1) return box.replaceChildren();
    const block = (heading, some) => {
      const head = element("tr", {}, ...["Country", `Rank ${years[0]}`, `Rank ${years.at(-1)}`, `ESI ${years[0]}`, `ESI ${years.at(-1)}`].map((text) => element("th", { scope: "col" }, text)));
      const body = some.map((one) => element("tr", {}, element("th", { scope: "row" }, nameOf(one.country)), ...[one.from.rank, one.to.rank, fixed(one.from.esi), fixed(one.to.esi)].map((text) => element("td", {}, String(text)))));
      const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
      return element("div", {}, element("h3", {}, heading), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": heading }, table));
    };
    box.replaceChildren(block("Largest rises", moves.filter((one) => one.by > 0).slice(0, 6)), block("Largest falls", moves.filter((one) => one.by < 0).slice(-6).reverse()));
  }
}
