// What the model is, in words.

import { percentage } from "./figures.js";
import { written } from "./heatmaps.js";

const KEPT = {
  float32: "exactly as trained",
  float16: "in half precision (float16)",
  int8: "in 8 bits with a scale for each word (int8)",
};

export function describeModel({ data, network }) {
  const { cell } = data.layers.find(({ kind }) => kind === "recurrent").directions[0];
  const parts = [
    data.name && `${data.name}: `,
    network.recurrent.length > 1 && `${network.recurrent.length} layers of `,
    `${cell} of ${network.directions[0].units} units`,
    network.recurrent[0].length === 2 && " in both directions",
    `, ${data.vocabulary.words.length.toLocaleString("en")} words`,
    `, at most ${data.sequences.maxlen} tokens of a review.`,
  ];
  return parts.filter(Boolean).join("");
}

function described({ data, isOrdered, network }) {
  if (!isOrdered) return `From P(positive) ${percentage(data.threshold)} on, a review is called positive.`;
  return `The score is cut into labels at ${network.cutPoints.map(written).join(", ")}.`;
}

export function describePage(classifier) {
  const { data } = classifier;
  const { format } = data.arrays[data.layers[0].array];
  return `The word vectors are kept ${KEPT[format]}. ${described(classifier)} Made by sentiment ${data.version}.`;
}
