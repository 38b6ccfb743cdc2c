// How the classifier reads a review: padding as in Python, the verdict after each word, and what each word decides.

const PADDING = 0;

export class Reader {
  /**
   * @param network a Network
   * @param sequences {maxlen, padding, skips_padding}
   */
  constructor(network, { maxlen, padding, skips_padding: skipsPadding }) {
    this.network = network;
    this.maxlen = maxlen;
    this.paddingFirst = padding === "pre";
    this.skipsPadding = skipsPadding;
    this.fullTrace = null;
    this.shiftedTrace = null;
  }

  padded(indices, count) {
    const padding = new Array(count).fill(PADDING);
    return this.paddingFirst ? [...padding, ...indices] : [...indices, ...padding];
  }

  /** The review {indices, trace, offset}: offset is where its first word stands in the trace.
   *
   * @param before what this gave for an earlier text, to compute only what changed
   */
  read(indices, before = null) {
    const count = this.skipsPadding ? 0 : this.maxlen - indices.length;
    const trace = this.network.trace(this.padded(indices, count), before?.trace ?? null);
    return { indices, trace, offset: this.paddingFirst ? count : 0, count, probability: trace.probability };
  }

  /** Yields {position, verdict}: P(positive) as if the review ended at each word, from word number `known` on. */
  *runningVerdict(review, known = 0) {
    const { indices, trace } = review;
    const words = indices.length;
    if (this.skipsPadding) {
      this.network.prepareVariants(trace);
      for (let position = known; position < words; position += 1) {
        yield {
          position,
          verdict: position === words - 1 ? trace.probability : this.network.variant(trace, position + 1, words, words),
        };
      }
      return;
    }
    // A shorter review has more padding: all of them are parts of one with as much padding as can be.
    const { maxlen } = this;
    const full = this.network.prepareVariants(this.network.trace(this.padded(indices, maxlen), this.fullTrace));
    this.fullTrace = full;
    for (let position = known; position < words; position += 1) {
      const read = position + 1;
      const verdict = this.paddingFirst
        ? this.network.variant(full, maxlen - read, maxlen, maxlen + read)
        : this.network.variant(full, read, words, words + maxlen - read);
      yield { position, verdict: position === words - 1 ? trace.probability : verdict };
    }
  }

  /** Yields {position, occlusion}: P(positive) of the review less that without the word, in the given order. */
  *occlusion(review, order) {
    const { indices, trace, count } = review;
    let base = trace;
    let offset = 0;
    if (!this.skipsPadding) {
      base = this.network.trace(this.padded(indices, count + 1), this.shiftedTrace);
      this.shiftedTrace = base;
      offset = this.paddingFirst ? count + 1 : 0;
    }
    this.network.prepareVariants(base);
    for (const position of order) {
      const at = offset + position;
      yield { position, occlusion: trace.probability - this.network.variant(base, at, at + 1, base.length) };
    }
  }
}
