/* Coverage and estimates: tables that come whole. */

const MANY_RESIDUAL = 0.05;

class QualityView {
  constructor() {
    byId("quality-filter").addEventListener("change", () => this.draw());
  }

  open(cube) {
    this.cube = cube;
    const rows = cube.filed;
    const wanted = cube.countries.length * cube.years.length, there = [...cube.coverage.values()].filter((row) => row.n_products > 0 && !row.reason).length;
    const count = (value) => value.toLocaleString("en");
    const sum = (name) => rows.reduce((total, row) => total + (row[name] ?? 0), 0);
    const residual = rows.reduce((total, row) => total + (row.residual_share ?? 0) * row.exports_usd, 0) / (sum("exports_usd") || 1);
    const facts = [
      ["country-years with exports", `${count(there)} of ${count(wanted)}`],
      ["rows kept of those read", `${count(sum("rows_kept"))} of ${count(sum("rows_in"))}`],
      ["rows rebuilt or repaired", count(sum("repaired_rows"))],
      ["of exports under residual codes", `${(residual * 100).toFixed(2)} %`],
    ];
    byId("quality-facts").replaceChildren(...facts.map(([label, value]) => element("div", {}, element("dt", {}, label), element("dd", {}, value))));
    const columns = Object.keys(page.quality);
    byId("quality-csv").onclick = () => download("coverage.csv", csvOf(rows, columns));
    fillTable(byId("quality-rows"), { rows: rows.toSorted((a, b) => b.repaired_rows - a.repaired_rows || (b.residual_share ?? 0) - (a.residual_share ?? 0)), columns, caption: "Coverage and repairs" });
    this.draw();
  }

  mark(row) {
    if (!row) return ["–", "missing", "gone"];
    if (row.reason) return ["–", `left out: ${row.reason}`, "gone"];
    if (!row.n_products) return ["○", "no exports, imports only", "gone"];
    if (row.repaired_rows > 0) return ["◆", `rebuilt: ${row.repairs}`, ""];
    if (row.format === "mirror") return ["◇", `mirrored from ${row.source}`, ""];
    if (row.residual_share > MANY_RESIDUAL) return ["◐", `${(100 * row.residual_share).toFixed(1)} % under residual codes`, ""];
    return ["●", "reported", ""];
  }

  draw() {
    const { cube } = this, only = byId("quality-filter").value === "remarks";
    const lines = cube.countries.toSorted(byName).map((country) => [country, cube.years.map((_, k) => this.mark(cube.covered(k, country)))])
      .filter(([, marks]) => !only || marks.some(([sign]) => sign !== "●"));
    const head = element("tr", {}, element("th", { scope: "col" }, "Country"), ...cube.years.map((year) => element("th", { scope: "col" }, String(year))));
    const body = lines.map(([country, marks]) => element("tr", {}, element("th", { scope: "row" }, nameOf(country)), ...marks.map(([sign, words, kind]) => element("td", { title: words, class: kind }, element("span", { "aria-hidden": "true" }, sign), element("span", { class: "hidden" }, words)))));
    const table = element("table", { class: "grid" }, element("thead", {}, head), element("tbody", {}, ...body));
    byId("quality-grid").replaceChildren(lines.length ? table : element("p", { class: "note" }, "No country has remarks."));
  }
}

const INTERVAL = 1.96;

class EstimateView {
  constructor() {
    this.rows = rowsFrom(page.estimates);
    const specs = [...new Set(this.rows.map((row) => row.spec))];
    fillSelect(byId("estimates-spec"), specs.map((one) => [one, one]));
    byId("estimates-row").hidden = specs.length === 1;
    byId("estimates-spec").addEventListener("change", () => this.draw());
  }

  async draw() {
    const spec = byId("estimates-spec").value;
    const mine = this.rows.filter((row) => row.spec === spec);
    const drawn = mine.filter((row) => !/^(const$|reporter_|reference_|year_)/.test(row.term) && row.std_error !== null)
      .map((row) => ({ ...row, low: row.coefficient - INTERVAL * row.std_error, high: row.coefficient + INTERVAL * row.std_error }));
    const columns = Object.keys(page.estimates);
    byId("estimates-csv").onclick = () => download(`estimates_${spec}.csv`, csvOf(mine, columns));
    fillTable(byId("estimates-rows"), { rows: mine, columns, caption: `Estimates of ${spec}` });
    const clear = [...new Set(drawn.filter((row) => row.low > 0 || row.high < 0).map((row) => row.term))];
    byId("estimates-says").textContent = `Intervals that leave out zero in some model: ${clear.join(", ") || "none"}.`;
    const box = byId("estimates-plots");
    box.replaceChildren();
    for (const [term, rows] of grouped(drawn, "term")) {
      const plot = element("div", { class: "plot" });
      box.append(element("div", {}, element("h4", {}, term), plot));
      const words = rows.map((row) => `${row.model} ${row.coefficient.toPrecision(3)} (${row.low.toPrecision(3)} to ${row.high.toPrecision(3)})`);
      await drawInto(plot, { spec: "coefficients", rows, says: `${term}: ${words.join("; ")}` }, null);
    }
  }
}
