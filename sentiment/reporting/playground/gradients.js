// Integrated gradients (Sundararajan, Taly & Yan 2017) over the word vectors, from a review of nothing but padding.
//
// As in sentiment.interpretation.explanation: Gauss-Legendre points on a part of the path, which is cut in two until
// the sum of the gradients is the difference between the two verdicts (completeness).

import { addTransposedProduct } from "./cells.js";

/** Gradients of P(positive) by what the first layer is told, (positions x width) for each direction. */
export function gradientsByProjected(network, trace) {
  let byOutputs = byPooling(network, trace, network.slope(trace.pooled));
  for (let depth = network.recurrent.length - 1; depth >= 0; depth -= 1) {
    const layer = network.recurrent[depth];
    const byProjected = layer.map((direction, number) =>
      backThroughTime(direction, trace.directions[direction.number], byOutputs[number], trace.length),
    );
    if (depth === 0) return byProjected;
    byOutputs = network.recurrent[depth - 1].map(({ units }) => new Float64Array(trace.length * units));
    layer.forEach((direction, number) => addByInputs(direction, byProjected[number], byOutputs, trace.length));
  }
  return [];
}

/** Gradient by the hidden states of the last layer, (positions x units) for each direction. */
function byPooling(network, trace, slope) {
  const features = network.last.reduce((sum, direction) => sum + direction.units, 0);
  const { pooling, weights } = network;
  let offset = 0;
  return network.last.map((direction, number) => {
    const { units, stateSize, backward } = direction;
    const { states } = trace.lasts[number];
    const by = new Float64Array(trace.length * units);
    for (let unit = 0; unit < units; unit += 1) {
      if (pooling === "last") by[(backward ? 0 : trace.length - 1) * units + unit] = slope * weights[offset + unit];
      if (pooling === "max" || pooling === "max_mean") {
        let best = 0;
        for (let position = 1; position < trace.length; position += 1) {
          if (states[position * stateSize + unit] > states[best * stateSize + unit]) best = position;
        }
        by[best * units + unit] += slope * weights[offset + unit];
      }
      if (pooling === "mean" || pooling === "max_mean") {
        const weight = weights[(pooling === "mean" ? 0 : features) + offset + unit];
        for (let position = 0; position < trace.length; position += 1)
          by[position * units + unit] += (slope * weight) / trace.length;
      }
    }
    offset += units;
    return by;
  });
}

function backThroughTime(direction, { states, gates }, byOutputs, length) {
  const { units, stateSize, gateSize, width, cell, backward, zeros } = direction;
  const byProjected = new Float64Array(length * width);
  const byState = new Float64Array(stateSize);
  for (let step = length - 1; step >= 0; step -= 1) {
    const position = backward ? length - 1 - step : step;
    const earlier = backward ? position + 1 : position - 1;
    for (let unit = 0; unit < units; unit += 1) byState[unit] += byOutputs[position * units + unit];
    const before = step === 0 ? zeros : states;
    const b = step === 0 ? 0 : earlier * stateSize;
    cell.back(
      direction,
      before,
      b,
      gates,
      position * gateSize,
      states,
      position * stateSize,
      byState,
      byProjected,
      position * width,
    );
  }
  return byProjected;
}

function addByInputs({ features, width, kernel }, byProjected, byOutputs, length) {
  const byInputs = new Float64Array(features);
  for (let position = 0; position < length; position += 1) {
    byInputs.fill(0);
    addTransposedProduct(byProjected, position * width, width, kernel, features, byInputs, 0);
    let offset = 0;
    for (const by of byOutputs) {
      const units = by.length / length;
      for (let unit = 0; unit < units; unit += 1) by[position * units + unit] += byInputs[offset + unit];
      offset += units;
    }
  }
}

/** Yields the share of the work that is done; returns {attributions, baseline}.
 *
 * @param rule {nodes, weights, completeness, most_halvings, most_segments, smallest_difference}
 * @returns attributions: what each position of the trace adds to P(positive); baseline: P(positive) of padding alone
 */
export function* integratedGradients(network, indices, rule) {
  const first = network.recurrent[0];
  const none = first.map((direction) => network.projectedWord(direction, 0));
  const words = first.map((direction) => indices.map((index) => network.projectedWord(direction, index)));
  const along = (share) =>
    network.traceFrom((direction) => {
      const number = first.indexOf(direction);
      return words[number].map((word) => word.map((value, j) => none[number][j] + share * (value - none[number][j])));
    }, indices);
  const baseline = along(0).probability;
  const whole = along(1).probability;
  const difference = Math.max(Math.abs(whole - baseline), rule.smallest_difference);
  const attributions = new Float64Array(indices.length);
  let finished = 0;
  let computed = 0;
  let pieces = [{ start: 0, low: baseline, high: whole }];
  for (let halvings = 0; pieces.length > 0; halvings += 1) {
    const width = 2 ** -halvings;
    const next = [];
    for (const piece of pieces) {
      const slopes = new Float64Array(indices.length);
      computed += 1;
      for (let point = 0; point < rule.nodes.length; point += 1) {
        const trace = along(piece.start + width * rule.nodes[point]);
        gradientsByProjected(network, trace).forEach((by, number) => {
          const size = none[number].length;
          for (let position = 0; position < indices.length; position += 1) {
            let slope = 0;
            const word = words[number][position];
            for (let j = 0; j < size; j += 1) slope += by[position * size + j] * (word[j] - none[number][j]);
            slopes[position] += width * rule.weights[point] * slope;
          }
        });
        yield finished + (width * (point + 1)) / rule.nodes.length;
      }
      const error = Math.abs(slopes.reduce((sum, slope) => sum + slope, 0) - (piece.high - piece.low));
      const isLast = halvings === rule.most_halvings || computed >= rule.most_segments;
      if (isLast || error <= rule.completeness * difference * width) {
        slopes.forEach((slope, position) => (attributions[position] += slope));
        finished += width;
      } else {
        const middle = along(piece.start + width / 2).probability;
        next.push({ start: piece.start, low: piece.low, high: middle });
        next.push({ start: piece.start + width / 2, low: middle, high: piece.high });
      }
    }
    pieces = next;
  }
  return { attributions, baseline };
}
