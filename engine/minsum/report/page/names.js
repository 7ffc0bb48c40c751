/* Names of countries: as they are shown, sorted, and found. */
const nameOf = (label) => page.names[label] ?? label;
const title = (label) => (nameOf(label) === label ? label : `${nameOf(label)} (${label})`);
const byName = (a, b) => nameOf(a).localeCompare(nameOf(b), "en");

/* Lower case without accents and signs: "Côte d’Ivoire" is found as cote divoire. */
const folded = (text) => text.normalize("NFKD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9_ ]/g, "");

const searched = new Map();

/* The names of a label with what is searched of each; its own name and code come first. */
function namesOf(label) {
  if (!searched.has(label))
    searched.set(label, [nameOf(label), label, ...(page.other_names[label] ?? [])].map((name) => ({ name, text: folded(name) })));
  return searched.get(label);
}

/* How well a text names a label: 0 in full, 1 how its name begins, 2 how another name begins, 3 how a word begins, 4 within; none: null. */
function match(label, text) {
  let best = null;
  namesOf(label).forEach(({ name, text: whole }, k) => {
    const at = whole.indexOf(text);
    if (at < 0) return;
    const kind = whole === text ? 0 : at === 0 ? (k === 0 ? 1 : 2) : whole[at - 1] === " " ? 3 : 4;
    if (kind < (best?.kind ?? 9)) best = { label, kind, by: k > 1 ? name : "" };
  });
  return best;
}

/* Labels that a text names, the best first. */
function search(labels, typed) {
  const text = folded(typed).trim();
  return labels.map((label) => match(label, text)).filter(Boolean).sort((a, b) => a.kind - b.kind);
}

const fixed = (value, digits = 3) => (value == null || Number.isNaN(value) ? "no data" : value.toFixed(digits));
const points = (value) => `${value >= 0 ? "+" : "−"}${Math.abs(value * 100).toFixed(1)} points`;
const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);
