const views = {};

async function openVintage(vintage) {
  if (!vintage.cube) {
    const ends = vintage.ends_ids && { low: await unpackMeasure(vintage.ends_ids.low), high: await unpackMeasure(vintage.ends_ids.high) };
    vintage.cube = new Cube(vintage, await unpackMeasure(vintage.esi_ids), ends);
  }
  const { cube } = vintage;
  narrow(cube);
  await views.time.open(cube);
  views.matrix.open(cube, views.time);
  await views.ranks.open(cube, views.time);
  await views.sections.open(cube);
  await views.markets?.open(cube);
  views.quality.open(cube);
}

async function start() {
  for (const button of document.querySelectorAll("[data-table]"))
    button.addEventListener("click", () => download(`${button.dataset.table}.csv`, page.tables[button.dataset.table]));
  if (page.vintages.length) await startViews();
  if (page.estimates) {
    views.estimates = new EstimateView();
    await views.estimates.draw();
  }
  for (const medium of [DARK, "print"]) matchMedia(medium).addEventListener("change", redraw);
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(() => views.matrix?.matrix.paint(), 120); });
  document.documentElement.dataset.ready = "yes";
}

/* Leave out what has a wider interval than the reader wants; nothing to choose where nothing was converted. */
function narrow(cube) {
  byId("width-row").hidden = !cube.ends;
  if (!cube.ends) return;
  cube.widest = Number(byId("width").value);
  const { all, wide } = cube.count();
  byId("width-told").textContent = cube.widest === Infinity ? "" : `${wide.toLocaleString("en")} of ${all.toLocaleString("en")} values of pairs left out`;
}

/* What needs a similarity to show. */
async function startViews() {
  const select = byId("vintage");
  fillSelect(select, page.vintages.map((one, k) => [String(k), one.classification]), String(page.vintages.length - 1));
  byId("vintage-row").hidden = page.vintages.length === 1;
  select.addEventListener("change", () => openVintage(page.vintages[Number(select.value)]));
  views.time = new TimeView(() => { views.matrix.draw(); views.ranks.draw(); });
  views.matrix = new MatrixView();
  views.ranks = new RankView();
  views.quality = new QualityView();
  views.sections = new SectionView(await unpackTable(page.sections));
  if (page.markets) views.markets = new MarketView(await unpackTable(page.markets));
  byId("width").addEventListener("change", () => {
    narrow(views.time.cube);
    for (const view of [views.time, views.matrix, views.ranks, views.sections]) view.draw();
  });
  await openVintage(page.vintages[Number(select.value)]);
}

/* Colours are fixed when a chart is made: another scheme needs other charts. */
async function redraw() {
  views.matrix?.matrix.paint();
  for (const figure of Figure.all) {
    Object.assign(figure, { view: null, spec: null, drawn: null });
    await figure.draw(figure.latest);
  }
  await views.estimates?.draw();
}

start();
