const views = {};

async function openClassification(record) {
  if (!record.cube) {
    const ends = record.ends_ids && { low: await unpackMeasure(record.ends_ids.low), high: await unpackMeasure(record.ends_ids.high) };
    record.cube = new Cube(record, await unpackMeasure(record.esi_ids), ends, await unpack(record.places_id));
  }
  const { cube } = record;
  narrow(cube);
  views.world.open(cube);
  views.picture.open(cube);
  await views.neighbours.open(cube);
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
  if (page.classifications.length) await startViews();
  if (page.estimates) {
    views.estimates = new EstimateView();
    await views.estimates.draw();
  }
  for (const medium of [DARK, "print"]) matchMedia(medium).addEventListener("change", redraw);
  let waiting = 0;
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(repaint, 120); });
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
  const select = byId("classification");
  fillSelect(select, page.classifications.map((one, k) => [String(k), one.classification]), String(page.classifications.length - 1));
  byId("classification-row").hidden = page.classifications.length === 1;
  select.addEventListener("change", () => openClassification(page.classifications[Number(select.value)]));
  views.neighbours = new NeighbourView();
  views.world = new WorldView((label) => views.neighbours.follow(label));
  views.picture = new PictureView((label) => views.neighbours.follow(label));
  views.time = new TimeView(() => { views.matrix.draw(); views.ranks.draw(); });
  views.matrix = new MatrixView();
  views.ranks = new RankView();
  views.quality = new QualityView();
  views.sections = new SectionView(await unpackTable(page.sections));
  if (page.markets) views.markets = new MarketView(await unpackTable(page.markets));
  byId("width").addEventListener("change", () => {
    narrow(views.time.cube);
    for (const view of [views.world, views.neighbours, views.time, views.matrix, views.ranks, views.sections]) view.draw();
  });
  await openClassification(page.classifications[Number(select.value)]);
}

/* What is painted here to the width of the window. */
function repaint() {
  if (!views.matrix) return;
  views.matrix.matrix.paint();
  views.world.draw();
  if (!byId("picture").hidden) views.picture.draw();
}

/* Colours are fixed when a chart is made: another scheme needs other charts. */
async function redraw() {
  repaint();
  for (const figure of Figure.all) {
    Object.assign(figure, { view: null, spec: null, drawn: null });
    await figure.draw(figure.latest);
  }
  await views.estimates?.draw();
}

start();
