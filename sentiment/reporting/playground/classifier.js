// The classifier of a page: text in, what the network reads and P(positive) out.

import { Network } from "./network.js";
import { Reader } from "./reading.js";
import { Tokenizer, Vocabulary } from "./tokenizer.js";
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
    this.network = new Network(data.layers, readArrays(weights, data.arrays));
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

  label(probability) {
    return this.data.labels[probability >= this.data.threshold ? 1 : 0];
  }
}
