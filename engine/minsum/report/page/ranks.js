/* Ranks by similarity with one reference, and who moved most. */
const LEADING = 12;

class RankView {
  constructor() {
    this.figure = new Figure("ranks");
    this.reference = new Picker("ranks-reference", () => this.draw());
  }

  open(cube, time) {
    Object.assign(this, { cube, time });
    this.reference.offer(cube.references, cube.reference);
    const isOne = cube.years.length === 1;
    byId("ranks-heading").textContent = isOne ? "Who is most similar" : "Who moved up, who moved down";
    byId("ranks-note").textContent = `Rank among all countries with data in the year, 1 = most similar. ${isOne ? `The first ${LEADING} and the countries chosen above.` : "The countries chosen above are drawn in colour; grey are those that lead in the last year."}`;
    return this.draw();
  }

  draw() {
    const { cube } = this, reference = this.reference.value;
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
    const isMember = this.cube.membersOf(this.reference.value).includes(last[0].country);
    const lead = `${nameOf(last[0].country)}${isMember ? ", a member of it," : ""} leads in ${years.at(-1)} with ${fixed(last[0].esi)}`;
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
