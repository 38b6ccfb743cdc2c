// What the playground's modules make of reviews, for tests in Python: node answers.mjs FOLDER < requests.
//
// FOLDER holds data.json and weights.txt. Each line of standard input is a request {texts, details}; each line of the
// output is its answer. `details` asks for the numbers of every word as well.

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { Classifier } from "../../../../sentiment/reporting/playground/classifier.js";
import { integratedGradients } from "../../../../sentiment/reporting/playground/gradients.js";
import { namedValues } from "../../../../sentiment/reporting/playground/values.js";

const folder = process.argv[2];
const data = JSON.parse(readFileSync(`${folder}/data.json`, "utf-8"));
const classifier = new Classifier(data, readFileSync(`${folder}/weights.txt`, "utf-8"));

function finished(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

function details(review) {
  const { reader, network } = classifier;
  const verdicts = Array.from(reader.runningVerdict(review), ({ verdict }) => verdict);
  const occlusion = Array.from(reader.occlusion(review, review.indices.keys()), (found) => found.occlusion);
  const { attributions, baseline } = finished(integratedGradients(network, review.trace.indices, data.gradients));
  const { offset, indices } = review;
  return {
    running_verdict: verdicts,
    occlusion,
    integrated_gradients: Array.from(attributions.subarray(offset, offset + indices.length)),
    baseline_probability: baseline,
    layers: network.directions.map((direction) => namedValues(direction, review)),
  };
}

let before = null;
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = request.texts.map((text) => {
    const review = classifier.read(text, before);
    before = review;
    const tokens = review.words.map(({ token }) => token);
    const spans = review.words.map(({ start, end }) => [start, end]);
    return {
      tokens,
      spans,
      indices: review.indices,
      probability: review.probability,
      label: classifier.verdict(review).label,
      ...(request.details ? details(review) : {}),
    };
  });
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
