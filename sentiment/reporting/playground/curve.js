// The running verdict as a curve: one step for each word, filled towards the threshold or the middle of the labels.

const HEIGHT = 100;

/** A band that is lower has no room for the name of its label. */
const LOWEST_BAND = 10;

function svgElement(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  return element;
}

function points(verdicts, width) {
  const found = [];
  verdicts.forEach((verdict, word) => {
    if (!Number.isNaN(verdict)) found.push([((word + 0.5) / verdicts.length) * width, HEIGHT * (1 - verdict)]);
  });
  return found;
}

function path(found) {
  return found.map(([x, y], number) => `${number ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(2)}`).join("");
}

function addMark(place, name, text, top) {
  const mark = document.createElement("span");
  mark.className = name;
  mark.textContent = text;
  mark.style.top = top;
  mark.setAttribute("aria-hidden", "true");
  place.append(mark);
}

/** The label of each band between two cut points, where there is room for it. */
function nameBands(place, labels, edges) {
  labels.forEach((label, number) => {
    const [below, above] = edges.slice(number, number + 2);
    if (below - above >= LOWEST_BAND) addMark(place, "mark band", label, `${(below + above) / 2}%`);
  });
}

export class Curve {
  /** @param onPoint called with the share of the width, from 0 to 1, at which the pointer is; or with null */
  constructor(place, { data, isOrdered, network }, onPoint) {
    this.level = HEIGHT * (1 - (isOrdered ? 0.5 : data.threshold));
    const cuts = isOrdered ? network.cuts : [data.threshold];
    this.width = 1000;
    this.svg = svgElement("svg", { viewBox: `0 0 ${this.width} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    const definitions = svgElement("defs", {});
    this.clips = ["above", "below"].map((side) => {
      const clip = svgElement("clipPath", { id: `clip-${side}` });
      const area = svgElement("rect", { x: 0, width: this.width });
      clip.append(area);
      definitions.append(clip);
      return area;
    });
    this.areas = ["above", "below"].map((side) =>
      svgElement("path", { class: side, "clip-path": `url(#clip-${side})` }),
    );
    const rules = [0, HEIGHT].map((y) => svgElement("line", { class: "grid", x1: 0, x2: this.width, y1: y, y2: y }));
    const marks = cuts.map((cut) => HEIGHT * (1 - cut));
    const lines = marks.map((y) => svgElement("line", { class: "grid cut", x1: 0, x2: this.width, y1: y, y2: y }));
    this.held = svgElement("path", { class: "held" });
    this.line = svgElement("path", { class: "line" });
    this.cursor = svgElement("line", { class: "cursor", y1: 0, y2: HEIGHT });
    this.svg.append(definitions, ...rules, ...this.areas, ...lines, this.held, this.line, this.cursor);
    place.append(this.svg);
    if (isOrdered) nameBands(place, data.labels, [HEIGHT, ...marks, 0]);
    else ["100 %", "0 %"].forEach((text, number) => addMark(place, "mark", text, number ? "100%" : "1.1rem"));
    place.addEventListener("pointermove", (event) => {
      const box = this.svg.getBoundingClientRect();
      onPoint(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999));
    });
    place.addEventListener("pointerleave", () => onPoint(null));
  }

  /** @param heldVerdicts of the review to compare with, or null */
  draw(verdicts, heldVerdicts, description) {
    const found = points(verdicts, this.width);
    const line = path(found);
    const { level } = this;
    this.line.setAttribute("d", line);
    this.held.setAttribute("d", heldVerdicts === null ? "" : path(points(heldVerdicts, this.width)));
    const area = found.length
      ? `${line}L${found.at(-1)[0].toFixed(1)} ${level}L${found[0][0].toFixed(1)} ${level}Z`
      : "";
    for (const side of this.areas) side.setAttribute("d", area);
    this.clips[0].setAttribute("y", 0);
    this.clips[0].setAttribute("height", level);
    this.clips[1].setAttribute("y", level);
    this.clips[1].setAttribute("height", HEIGHT - level);
    this.svg.setAttribute("aria-label", description);
  }

  point(word, words) {
    const x = words === 0 ? -1 : ((word + 0.5) / words) * this.width;
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
  }
}
