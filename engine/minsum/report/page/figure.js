/* A chart with its sentence, its CSV and its table; of several panels, each has a heading and all have one scale. */
class Figure {
  static all = [];

  constructor(id) {
    Figure.all.push(this);
    this.id = id;
    this.queue = Promise.resolve();
  }

  show({ spec, rows, panels = [{ rows }], table = rows, columns, file, says, caption }) {
    byId(`${this.id}-says`).textContent = says;
    if (caption) byId(`${this.id}-title`).textContent = caption;
    byId(`${this.id}-csv`).onclick = () => download(file, csvOf(table, columns));
    fillTable(byId(`${this.id}-rows`), { rows: table, columns, caption: says });
    this.latest = { spec, panels: panels.filter((one) => one.rows.length), says: caption ? `${caption}. ${says}` : says };
    this.queue = this.queue.then(() => this.draw(this.latest));
    return this.queue;
  }

  async draw(wanted) {
    if (!wanted || this.drawn === wanted) return;
    this.drawn = wanted;
    const box = byId(`${this.id}-plot`), { spec, panels, says } = wanted;
    if (panels.length === 1) {
      this.view = await drawInto(box, { spec, rows: panels[0].rows, says }, this.spec === spec ? this.view : null);
      this.spec = spec;
      return;
    }
    this.view = this.spec = null;
    if (!panels.length) return box.replaceChildren(element("p", { class: "note" }, "No data to draw."));
    const several = element("div", { class: "multiples wide" });
    box.replaceChildren(several);
    const top = Math.max(...panels.flatMap((one) => one.rows.map((row) => row.esi_high ?? row.esi)));
    for (const { heading, rows } of panels) {
      const plot = element("div", { class: "plot" });
      several.append(element("div", {}, element("h4", {}, heading), plot));
      await drawInto(plot, { spec, rows, says: `${heading}. ${says}`, top }, null);
    }
  }
}

async function drawInto(box, { spec, rows, says, top }, view) {
  const height = page.specs[spec].height ?? page.step * new Set(rows.map((row) => row.label ?? row.model)).size;
  if (view) {
    await view.data("rows", rows).height(height).resize().runAsync();
  } else {
    const whole = { ...coloured(top ? scaled(page.specs[spec], top) : page.specs[spec]), height, description: says, datasets: { rows } };
    box.replaceChildren();
    const made = await vegaEmbed(box, whole, { actions: false, renderer: "svg", config: chartConfig(), tooltip: { theme: "custom" } });
    view = made.view;
  }
  const drawing = box.querySelector("svg");
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", says);
  drawing.removeAttribute("tabindex");
  for (const part of drawing.querySelectorAll("[role], [aria-label], [aria-roledescription]"))
    for (const name of ["role", "aria-label", "aria-roledescription", "aria-hidden"]) part.removeAttribute(name);
  return view;
}

/* A chart whose similarities run from 0 to the top. */
function scaled(spec, top) {
  const whole = structuredClone(spec);
  for (const { encoding } of whole.layer)
    for (const channel of ["x", "y"])
      if (/^(end_)?esi/.test(encoding[channel]?.field ?? "")) encoding[channel].scale = { ...encoding[channel].scale, domain: [0, top], nice: true };
  return whole;
}

const DARK = "screen and (prefers-color-scheme: dark)";
const isDark = () => matchMedia(DARK).matches;

/* The charts' colours, or their lighter kin on a dark page. */
function coloured(spec) {
  if (!isDark()) return spec;
  let text = JSON.stringify(spec);
  for (const [light, dark] of Object.entries(page.dark)) text = text.replaceAll(light, dark);
  return JSON.parse(text);
}

const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function chartConfig() {
  const [ink, soft, line] = ["--ink", "--soft", "--line"].map(styleOf);
  const config = structuredClone(page.config);
  config.background = "transparent";
  Object.assign(config.axis, { labelColor: soft, titleColor: soft, gridColor: line, tickColor: line });
  config.text = { color: ink };
  if (innerWidth < 600) config.axisY.labelLimit = 120;
  return config;
}

/* Heights of labels near these values, at least a gap apart where there is room above 0 (charts.spread). */
function spread(values, gap) {
  const order = values.map((_, k) => k).sort((a, b) => values[b] - values[a]), heights = [...values];
  for (let k = 1; k < order.length; k++) heights[order[k]] = Math.min(heights[order[k]], heights[order[k - 1]] - gap);
  let floor = 0;
  for (const here of order.reverse()) {
    heights[here] = Math.max(heights[here], floor);
    floor = heights[here] + gap;
  }
  return heights;
}
