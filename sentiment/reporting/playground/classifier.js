// The classifier of a page: text in, what the network reads and the verdict out.

import { Network } from "./network.js";
import { Reader } from "./reading.js";
import { Tokenizer, Vocabulary } from "./tokenizer.js";
import { percentage } from "./figures.js";
import { readArrays } from "./weights.js";

export class Classifier {
  /**
   * @param data what page_data gives in Python
   * @param weights the weights in base64
   */
  constructor(data, weights) {
    this.data = data;
    this.vocabulary = new Vocabulary(
      data.vocabulary.words,
      data.vocabulary.num_words,
      new Tokenizer(data.tokenizer),
      data.sequences,
    );
    this.network = new Network(data.layers, readArrays(weights, data.arrays), data.cut_points);
    this.isOrdered = data.labels.length > 2;
    this.reader = new Reader(this.network, data.sequences);
  }

  /** A review as it is read: {text, words, kept, indices, trace, probability, ...}.
   *
   * @param before what this gave for an earlier text, to compute only what changed
   */
  read(text, before = null) {
    const { words, kept, indices } = this.vocabulary.read(text);
    return { text, words, kept, ...this.reader.read(indices, before) };
  }

  /** The verdict on a review: {number, label, figures}, with its probability in words. */
  verdict({ probability, trace }) {
    const { labels, threshold } = this.data;
    if (!this.isOrdered) {
      const number = probability >= threshold ? 1 : 0;
      return { number, label: labels[number], figures: `P(positive) ${percentage(probability)}` };
    }
    const probabilities = this.probabilities(trace);
    const number = this.cumulative(trace).filter((share) => share >= 0.5).length; // the median
    const { numbers } = this.data;
    const expected = numbers?.reduce((sum, value, label) => sum + value * probabilities[label], 0);
    const figures = [percentage(probabilities[number]), numbers && `expected ${expected.toFixed(1)}`];
    return { number, label: labels[number], figures: figures.filter(Boolean).join(", ") };
  }

  /** P(label > k) for each label k but the best. */
  cumulative(trace) {
    return this.network.cumulative(this.network.score(trace.pooled));
  }

  /** The probability of each label, the worst first. */
  probabilities(trace) {
    const above = [1, ...this.cumulative(trace), 0];
    return above.slice(1).map((share, label) => above[label] - share);
  }

  /** Whether a label is on the positive or the negative side; of an odd number the one in the middle is on none. */
  side(number) {
    const distance = 2 * number - (this.data.labels.length - 1);
    return distance > 0 ? "positive" : distance < 0 ? "negative" : "middle";
  }
}
