// The gates and states of one direction by name, position after position in the order of the text.

/** {name, values: {forget_gate: (words x units), ...}} of the words of a review. */
export function namedValues(direction, { trace, offset, indices }) {
  const { units, stateSize, gateSize, cell, name, number } = direction;
  const { gates, states } = trace.directions[number];
  const values = {};
  for (const [value, place] of Object.entries(cell.values)) {
    const [source, size, part] =
      place === "hidden"
        ? [states, stateSize, 0]
        : place === "cell"
          ? [states, stateSize, 1]
          : [gates, gateSize, place];
    values[value] = indices.map((_, word) => {
      const at = (offset + word) * size + part * units;
      return Array.from(source.subarray(at, at + units));
    });
  }
  return { name, values };
}
