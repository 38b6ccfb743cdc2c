// Gates and states as heat maps: a column for each word, a row for each unit.

const SHADES = 256;

/** Where a named value of a direction lies: {array, size, shift} with array[word * size + shift + unit]. */
export function placeOf(direction, trace, value) {
  const { gates, states } = trace.directions[direction.number];
  const place = direction.cell.values[value];
  if (place === "hidden") return { array: states, size: direction.stateSize, shift: 0 };
  if (place === "cell") return { array: states, size: direction.stateSize, shift: direction.units };
  return { array: gates, size: direction.gateSize, shift: place * direction.units };
}

export function isGate(value) {
  return value.endsWith("_gate");
}

/** A number with two digits and a true minus sign. */
export function written(value) {
  return value.toFixed(2).replace("-", "\u2212");
}

/** Units, those first whose hidden state changes most from word to word. */
export function byMovement(direction, review) {
  const { array, size } = placeOf(direction, review.trace, "hidden_state");
  const movement = new Float64Array(direction.units);
  for (let word = review.offset + 1; word < review.offset + review.indices.length; word += 1) {
    for (let unit = 0; unit < direction.units; unit += 1) {
      movement[unit] += Math.abs(array[word * size + unit] - array[(word - 1) * size + unit]);
    }
  }
  return Array.from(movement.keys()).sort((one, other) => movement[other] - movement[one]);
}

/** Colours from the page's style as 32-bit pixels: {gate, signed}, SHADES of each. */
export function shades(style) {
  const colour = (name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number);
  const [blank, gate, positive, negative] = ["--blank", "--gate", "--positive", "--negative"].map(colour);
  const mix = (to, share) => {
    const [red, green, blue] = blank.map((part, number) => Math.round(part + share * (to[number] - part)));
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  };
  return {
    gate: Uint32Array.from({ length: SHADES }, (_, shade) => mix(gate, shade / (SHADES - 1))),
    signed: Uint32Array.from({ length: SHADES }, (_, shade) => {
      const share = (2 * shade) / (SHADES - 1) - 1;
      return share > 0 ? mix(positive, share) : mix(negative, -share);
    }),
  };
}

export class HeatMap {
  constructor(value, onPoint) {
    this.value = value;
    this.figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    this.title = document.createElement("b");
    this.note = document.createElement("span");
    caption.append(this.title, this.note);
    this.frame = document.createElement("div");
    this.frame.className = "map";
    this.canvas = document.createElement("canvas");
    this.canvas.setAttribute("role", "img");
    this.column = document.createElement("div");
    this.column.className = "column";
    this.frame.append(this.canvas, this.column);
    this.figure.append(caption, this.frame);
    this.frame.addEventListener("pointermove", (event) => {
      const box = this.frame.getBoundingClientRect();
      onPoint(Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999));
    });
    this.frame.addEventListener("pointerleave", () => onPoint(null));
  }

  draw(direction, review, order, colours) {
    const words = review.indices.length;
    const { units } = direction;
    const { array, size, shift } = placeOf(direction, review.trace, this.value);
    const gate = isGate(this.value);
    let [low, high] = [Infinity, -Infinity];
    for (let word = 0; word < words; word += 1) {
      const at = (review.offset + word) * size + shift;
      for (let unit = 0; unit < units; unit += 1) {
        low = Math.min(low, array[at + unit]);
        high = Math.max(high, array[at + unit]);
      }
    }
    if (!gate) low = -(high = Math.max(high, -low));
    const span = Math.max(high - low, 1e-9);
    const scale = gate ? colours.gate : colours.signed;
    this.canvas.width = words;
    this.canvas.height = units;
    const image = new ImageData(words, units);
    const pixels = new Uint32Array(image.data.buffer);
    for (let word = 0; word < words; word += 1) {
      const at = (review.offset + word) * size + shift;
      order.forEach((unit, row) => {
        pixels[row * words + word] = scale[Math.round(((array[at + unit] - low) / span) * (SHADES - 1))];
      });
    }
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    const name = this.value.replaceAll("_", " ");
    this.title.textContent = name[0].toUpperCase() + name.slice(1);
    this.range = `${written(low)} to ${written(high)}`;
    this.canvas.setAttribute("aria-label", `${name} of ${units} units at ${words} words`);
  }

  point(word, words, mean) {
    this.column.style.left = `${(100 * word) / words}%`;
    this.column.style.width = `${100 / words}%`;
    this.note.textContent = `mean ${written(mean)} \u00b7 ${this.range}`;
  }
}
