/* Countries in a plane, the map or the picture of the whole, read by pointer and by arrow keys. */
const SVG = "http://www.w3.org/2000/svg";

function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

const TURNED = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

class Plane {
  /* `spoken` tells of a label, or of the whole for null; `pick` is what a click or Enter does; `mark` draws the cursor. */
  constructor(id, { spoken, pick = () => {}, mark }) {
    Object.assign(this, { spoken, pick, mark, places: new Map(), cursor: null });
    this.box = byId(`${id}-plane`);
    this.told = byId(`${id}-says`);
    this.svg = drawn("svg", { "aria-hidden": "true" });
    this.box.append(this.svg);
    this.svg.addEventListener("pointermove", (event) => this.move(labelAt(event)));
    this.svg.addEventListener("pointerleave", () => this.move(null));
    this.svg.addEventListener("click", (event) => {
      const label = labelAt(event);
      this.move(label);
      if (label) this.pick(label);
    });
    this.box.addEventListener("keydown", (event) => this.key(event));
  }

  /* Places by label. A cursor that has none any longer goes. */
  show(places) {
    this.places = places;
    if (!places.has(this.cursor)) this.cursor = null;
    this.mark(this.cursor);
    this.told.textContent = this.spoken(this.cursor);
  }

  move(label) {
    if (label !== null && !this.places.has(label)) label = null;
    if (label === this.cursor) return;
    this.cursor = label;
    this.mark(label);
    this.told.textContent = this.spoken(label);
  }

  key(event) {
    if (event.key === "Escape") return this.move(null);
    if ((event.key === "Enter" || event.key === " ") && this.cursor) {
      event.preventDefault();
      return this.pick(this.cursor);
    }
    if (!(event.key in TURNED)) return;
    event.preventDefault();
    this.move(this.cursor ? this.beside(this.cursor, TURNED[event.key]) : this.places.keys().next().value ?? null);
  }

  /* The nearest place in a direction, those off to the side less; itself where there is none. */
  beside(label, [right, down]) {
    const [x, y] = this.places.get(label);
    let best = label, least = Infinity;
    for (const [other, [a, b]] of this.places) {
      const along = (a - x) * right + (b - y) * down, aside = Math.abs((a - x) * down) + Math.abs((b - y) * right);
      const far = along + 2 * aside;
      if (along > 0 && aside <= 1.5 * along && far < least) [best, least] = [other, far];
    }
    return best;
  }
}

const labelAt = (event) => event.target.closest("[data-label]")?.dataset.label ?? null;
