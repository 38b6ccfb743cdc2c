// What each gate and state did at a word, one sentence each, in the words of the field.

import { placeOf, written } from "./heatmaps.js";

const percent = (share) => `${(100 * share).toFixed(0)}\u00a0%`;

/** Values of all units at a word, counted from the first word that is read; zeros before it. */
function valuesAt(direction, review, value, word) {
  const { array, size, shift } = placeOf(direction, review.trace, value);
  const position = review.offset + word;
  if (position < 0 || position >= review.trace.length) return new Float64Array(direction.units);
  return array.subarray(position * size + shift, position * size + shift + direction.units);
}

export function meanAt(direction, review, value, word) {
  return valuesAt(direction, review, value, word).reduce((sum, one) => sum + one, 0) / direction.units;
}

function movement(direction, review, value, word) {
  const now = valuesAt(direction, review, value, word);
  const before = valuesAt(direction, review, value, word + (direction.backward ? 1 : -1));
  return Math.sqrt(now.reduce((sum, one, unit) => sum + (one - before[unit]) ** 2, 0));
}

/** How far a state moved, and at how many of the other words it moved less. */
function moved(direction, review, value, word) {
  const here = movement(direction, review, value, word);
  const words = review.indices.length;
  let less = 0;
  for (let other = 0; other < words; other += 1) if (movement(direction, review, value, other) < here) less += 1;
  const rank = words > 1 ? `, more than at ${percent(less / (words - 1))} of the other words` : "";
  return `moved by ${here.toFixed(2)} (Euclidean distance)${rank}.`;
}

/** How many units lie below a bound, with the verb that follows: "no unit loses", "3 of 64 units lose". */
function below(values, bound, singular, plural) {
  const count = values.filter((value) => value < bound).length;
  if (count === 0) return `no unit ${singular}`;
  if (count === values.length) return `all ${count} units ${plural}`;
  return `${count} of ${values.length} units ${count === 1 ? singular : plural}`;
}

function extreme(values) {
  let unit = 0;
  values.forEach((value, other) => {
    if (Math.abs(value) > Math.abs(values[unit])) unit = other;
  });
  return unit;
}

const SENTENCES = {
  forget_gate: (mean, values) =>
    `The forget gate keeps ${percent(mean)} of the cell state on average; ${below(values, 0.5, "loses", "lose")} more than half.`,
  input_gate: (mean, values) =>
    `The input gate adds ${percent(mean)} of the candidate on average; ${below(values, 0.1, "is", "are")} nearly closed (below 10\u00a0%).`,
  output_gate: (mean, values) =>
    `The output gate shows ${percent(mean)} of the cell state on average; ${below(values, 0.1, "stays", "stay")} hidden (below 10\u00a0%).`,
  update_gate: (mean, values) =>
    `The update gate keeps ${percent(mean)} of the hidden state on average, and takes the rest from the candidate; ${below(values, 0.5, "takes", "take")} more than half from it.`,
  reset_gate: (mean, values) =>
    `The reset gate lets ${percent(mean)} of the hidden state into the candidate on average; ${below(values, 0.5, "shuts", "shut")} out more than half.`,
  candidate: (_, values) => {
    const unit = extreme(values);
    return `The candidate is largest in unit ${unit + 1}: ${written(values[unit])}.`;
  },
};

/** Sentences on a word, the states last. */
export function sentences(direction, review, word) {
  return Object.keys(direction.cell.values).map((value) => {
    const values = valuesAt(direction, review, value, word);
    if (value in SENTENCES) return SENTENCES[value](meanAt(direction, review, value, word), values);
    return `The ${value.replace("_", " ")} ${moved(direction, review, value, word)}`;
  });
}
