// The network: Embedding, recurrent layers in one direction or two, pooling over time, Dense; every state laid open.

import { addProduct, CELLS } from "./cells.js";
import { addPoolings, pooledTrace, pooledVariant } from "./pooling.js";

/** Difference of every state below which a review and its variant go on alike. */
const ALIKE = 1e-6;

/** One recurrent layer in one reading direction. */
class Direction {
  constructor(description, arrays, number) {
    this.name = description.name;
    this.number = number;
    this.cell = CELLS[description.cell];
    this.backward = description.backward;
    const [kernel, recurrent, bias] = description.arrays.map((array) => arrays[array]);
    this.units = recurrent.rows;
    this.features = kernel.rows;
    this.width = kernel.columns;
    this.kernel = kernel.all();
    this.recurrent = recurrent.all();
    this.bias = bias.row(0);
    this.recurrentBias = bias.rows > 1 ? bias.row(1) : null;
    this.scratch = new Float64Array(this.width);
    this.stateSize = this.cell.states * this.units;
    this.gateSize = this.cell.kept * this.units;
    this.zeros = new Float64Array(this.stateSize);
    this.words = new Map();
    this.variantStates = new Float64Array(0);
  }

  /** Room for the states of one variant; the next one overwrites it. */
  roomForVariant(length) {
    if (this.variantStates.length < length * this.stateSize)
      this.variantStates = new Float64Array(2 * length * this.stateSize);
    return this.variantStates;
  }

  /** The product of one input with the kernel, bias included. */
  project(inputs, offset) {
    const sums = Float64Array.from(this.bias);
    addProduct(inputs, offset, this.features, this.kernel, this.width, sums, 0);
    return sums;
  }
}

export class Network {
  /**
   * @param layers {kind, ...} of each Keras layer, in their order
   * @param arrays what readArrays gave
   * @param cutPoints where the score is cut into more than two labels; none of two
   */
  constructor(layers, arrays, cutPoints) {
    this.cutPoints = cutPoints.length ? cutPoints : [0];
    this.recurrent = [];
    this.pooling = "last";
    let directions = 0;
    for (const layer of layers) {
      if (layer.kind === "Embedding") this.embedding = arrays[layer.array];
      else if (layer.kind === "recurrent") {
        this.recurrent.push(layer.directions.map((one) => new Direction(one, arrays, directions++)));
      } else if (layer.kind === "pooling") this.pooling = layer.pooling;
      else if (layer.kind === "Dense") {
        this.weights = arrays[layer.arrays[0]].all();
        this.bias = arrays[layer.arrays[1]].all()[0];
      } else throw new Error(`A layer of kind ${layer.kind} is unknown.`);
    }
    this.directions = this.recurrent.flat();
    this.last = this.recurrent.at(-1);
  }

  /** The log-odds of P(positive) of pooled features. */
  score(pooled) {
    let sum = this.bias;
    for (let feature = 0; feature < pooled.length; feature += 1) sum += pooled[feature] * this.weights[feature];
    return sum;
  }

  /** P(label > k) of a score for each label k but the best; of two labels P(positive). */
  cumulative(score) {
    return this.cutPoints.map((cut) => 1 / (1 + Math.exp(cut - score)));
  }

  /** P(positive) of pooled features; of more labels their place between the worst, 0, and the best, 1. */
  probability(pooled) {
    return mean(this.cumulative(this.score(pooled)));
  }

  /** The derivative of `probability` by the score. */
  slope(pooled) {
    return mean(this.cumulative(this.score(pooled)).map((share) => share * (1 - share)));
  }

  /** The places of the cut points. */
  get cuts() {
    return this.cutPoints.map((cut) => mean(this.cumulative(cut)));
  }

  /** What a word says to one direction of the first layer; each word is multiplied once. */
  projectedWord(direction, index) {
    let found = direction.words.get(index);
    if (found === undefined) {
      found = direction.project(this.embedding.row(index), 0);
      direction.words.set(index, found);
    }
    return found;
  }

  /** All gates and states of a review.
   *
   * @param indices what the network reads, padding included
   * @param before an earlier trace: what is alike at its start or end is taken from it
   */
  trace(indices, before = null) {
    const shared = before === null ? { start: 0, end: 0 } : sharedEnds(before.indices, indices);
    const first = (direction) => indices.map((index) => this.projectedWord(direction, index));
    return this.traceFrom(first, indices, before, shared);
  }

  /** The trace of what the first layer is told: firstProjected(direction) gives one array for each position. */
  traceFrom(firstProjected, indices, before = null, shared = { start: 0, end: 0 }) {
    const length = indices.length;
    const found = { indices, length, directions: [] };
    let inputs = null;
    this.recurrent.forEach((layer, depth) => {
      const outputs = layer.map((direction) => {
        const projected = depth === 0 ? firstProjected(direction) : projectAll(direction, inputs, length);
        const keep = depth === 0 && before !== null ? { from: before.directions[direction.number], shared } : null;
        return readAll(direction, projected, length, keep);
      });
      found.directions.push(...outputs);
      if (depth + 1 < this.recurrent.length) inputs = (position) => joined(layer, outputs, position);
    });
    found.lasts = found.directions.slice(-this.last.length);
    found.pooled = pooledTrace(this, found);
    found.probability = this.probability(found.pooled);
    return found;
  }

  /** P(positive) of parts of a traced review: its positions before `keep`, then those from `resume` to `end`. */
  variant(trace, keep, resume, end) {
    const length = keep + end - resume;
    let changedInputs = null;
    let parts = [];
    this.recurrent.forEach((layer, depth) => {
      const inputs = parts;
      const upper = this.recurrent[depth - 1];
      const tell = (direction, position) => {
        const known =
          trace.directions[direction.number].projected[position < keep ? position : position - keep + resume];
        if (changedInputs === null || !changedInputs[position]) return known;
        return direction.project(joined(upper, inputs, position), 0);
      };
      parts = layer.map((direction) =>
        readVariant(
          direction,
          trace.directions[direction.number],
          { keep, resume, end, length, baseLength: trace.length },
          changedInputs,
          tell,
        ),
      );
      changedInputs = new Uint8Array(length);
      for (const part of parts) part.changed.forEach((is, position) => (changedInputs[position] |= is));
    });
    return this.probability(pooledVariant(this, trace, parts, { keep, resume, end, length }));
  }

  /** What `variant` needs of a trace for a quick pooling. */
  prepareVariants(trace) {
    if (this.pooling !== "last" && !trace.lasts[0].poolings) {
      this.last.forEach((direction, number) => addPoolings(direction, trace.lasts[number], trace.length));
    }
    return trace;
  }
}

function mean(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function sharedEnds(before, after) {
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most && before[before.length - 1 - end] === after[after.length - 1 - end]) end += 1;
  return { start, end };
}

/** The hidden states of all directions at a position, one after the other. */
function joined(layer, outputs, position) {
  const features = new Float64Array(layer.reduce((sum, direction) => sum + direction.units, 0));
  let offset = 0;
  layer.forEach((direction, number) => {
    const { array, at } = outputs[number].stateAt(position);
    for (let unit = 0; unit < direction.units; unit += 1) features[offset + unit] = array[at + unit];
    offset += direction.units;
  });
  return features;
}

function projectAll(direction, inputs, length) {
  return Array.from({ length }, (_, position) => direction.project(inputs(position), 0));
}

/** Read a whole review: the gates and the state after each position. */
function readAll(direction, projected, length, keep) {
  const { stateSize, gateSize, zeros, cell, backward } = direction;
  const states = new Float64Array(length * stateSize);
  const gates = new Float64Array(length * gateSize);
  let done = 0;
  if (keep !== null) {
    const { from, shared } = keep;
    done = backward ? shared.end : shared.start;
    const to = backward ? length - done : 0;
    const source = backward ? from.length - done : 0;
    states.set(from.states.subarray(source * stateSize, (source + done) * stateSize), to * stateSize);
    gates.set(from.gates.subarray(source * gateSize, (source + done) * gateSize), to * gateSize);
  }
  for (let step = done; step < length; step += 1) {
    const position = backward ? length - 1 - step : step;
    const earlier = backward ? position + 1 : position - 1;
    const before = step === 0 ? zeros : states;
    const b = step === 0 ? 0 : earlier * stateSize;
    cell.step(direction, projected[position], before, b, gates, position * gateSize, states, position * stateSize);
  }
  const stateAt = (position) => ({ array: states, at: position * stateSize });
  return { projected, states, gates, length, stateAt };
}

/** Read a variant of a traced review: only where its states differ from those of the trace. */
function readVariant(direction, base, { keep, resume, end, length, baseLength }, changedInputs, tell) {
  const { stateSize, gateSize, zeros, cell, backward } = direction;
  const changed = new Uint8Array(length);
  const states = direction.roomForVariant(length);
  const gates = new Float64Array(gateSize);
  const stateAt = (position) =>
    changed[position]
      ? { array: states, at: position * stateSize }
      : { array: base.states, at: (position < keep ? position : position - keep + resume) * stateSize };
  const cutsEnd = end < baseLength;
  let alike = true;
  for (let step = 0; step < length; step += 1) {
    const position = backward ? length - 1 - step : step;
    const earlier = backward ? position + 1 : position - 1;
    let disturbed = changedInputs !== null && changedInputs[position] === 1;
    if (backward) disturbed ||= (position === keep - 1 && resume !== keep) || (step === 0 && cutsEnd);
    else disturbed ||= position === keep && resume !== keep;
    if (alike && !disturbed) continue;
    const before = step === 0 ? { array: zeros, at: 0 } : stateAt(earlier);
    const at = position * stateSize;
    cell.step(direction, tell(direction, position), before.array, before.at, gates, 0, states, at);
    const origin = (position < keep ? position : position - keep + resume) * stateSize;
    alike = true;
    for (let j = 0; alike && j < stateSize; j += 1) alike = Math.abs(states[at + j] - base.states[origin + j]) < ALIKE;
    changed[position] = alike ? 0 : 1;
  }
  return { changed, stateAt };
}
