// What of the states goes on to Dense: the last, or each unit's largest or mean value, or both, largest first.

/** Largest and summed hidden states of all positions before, and from, each position. */
export function addPoolings({ units, stateSize }, read, length) {
  const size = (length + 1) * units;
  const poolings = {
    maxBefore: new Float64Array(size),
    sumBefore: new Float64Array(size),
    maxFrom: new Float64Array(size),
    sumFrom: new Float64Array(size),
  };
  poolings.maxBefore.fill(-Infinity, 0, units);
  poolings.maxFrom.fill(-Infinity, length * units);
  for (let position = 0; position < length; position += 1) {
    for (let unit = 0; unit < units; unit += 1) {
      const value = read.states[position * stateSize + unit];
      const at = position * units + unit;
      poolings.maxBefore[at + units] = Math.max(poolings.maxBefore[at], value);
      poolings.sumBefore[at + units] = poolings.sumBefore[at] + value;
    }
  }
  for (let position = length - 1; position >= 0; position -= 1) {
    for (let unit = 0; unit < units; unit += 1) {
      const value = read.states[position * stateSize + unit];
      const at = position * units + unit;
      poolings.maxFrom[at] = Math.max(poolings.maxFrom[at + units], value);
      poolings.sumFrom[at] = poolings.sumFrom[at + units] + value;
    }
  }
  read.poolings = poolings;
}

/** Largest values, sums and lasts of all directions to the features that Dense reads. */
function features(network, length, largest, sums, last) {
  const parts = { last: [last], max: [largest], mean: [sums], max_mean: [largest, sums] }[network.pooling];
  const pooled = [];
  for (const part of parts) {
    for (const values of part) {
      for (const value of values) pooled.push(length === 0 ? 0 : part === sums ? value / length : value);
    }
  }
  return pooled;
}

/** The features of a whole review. */
export function pooledTrace(network, trace) {
  const largest = [];
  const sums = [];
  const last = [];
  network.last.forEach((direction, number) => {
    const { units, stateSize, backward } = direction;
    const { states } = trace.lasts[number];
    const at = (backward ? 0 : trace.length - 1) * stateSize;
    last.push(trace.length === 0 ? new Float64Array(units) : states.subarray(at, at + units));
    if (network.pooling === "last") return;
    const max = new Float64Array(units).fill(-Infinity);
    const sum = new Float64Array(units);
    for (let position = 0; position < trace.length; position += 1) {
      for (let unit = 0; unit < units; unit += 1) {
        const value = states[position * stateSize + unit];
        if (value > max[unit]) max[unit] = value;
        sum[unit] += value;
      }
    }
    largest.push(max);
    sums.push(sum);
  });
  return features(network, trace.length, largest, sums, last);
}

/** The features of a variant: unchanged ends come from what addPoolings kept, the rest is read. */
export function pooledVariant(network, trace, parts, { keep, resume, end, length }) {
  const largest = [];
  const sums = [];
  const last = [];
  network.last.forEach((direction, number) => {
    const { units, backward } = direction;
    const { changed, stateAt } = parts[number];
    if (length === 0) {
      for (const part of [largest, sums, last]) part.push(new Float64Array(units));
      return;
    }
    if (network.pooling === "last") {
      const { array, at } = stateAt(backward ? 0 : length - 1);
      last.push(array.subarray(at, at + units));
      return;
    }
    const { maxBefore, sumBefore, maxFrom, sumFrom } = trace.lasts[number].poolings;
    const firstChanged = changed.indexOf(1);
    const start = firstChanged < 0 ? keep : Math.min(firstChanged, keep);
    const untilEnd = end === trace.length ? Math.max(changed.lastIndexOf(1) + 1, keep) : length;
    const max = maxBefore.slice(start * units, (start + 1) * units);
    const sum = sumBefore.slice(start * units, (start + 1) * units);
    for (let position = start; position < untilEnd; position += 1) {
      const { array, at } = stateAt(position);
      for (let unit = 0; unit < units; unit += 1) {
        const value = array[at + unit];
        if (value > max[unit]) max[unit] = value;
        sum[unit] += value;
      }
    }
    if (untilEnd < length) {
      const from = (untilEnd - keep + resume) * units;
      for (let unit = 0; unit < units; unit += 1) {
        if (maxFrom[from + unit] > max[unit]) max[unit] = maxFrom[from + unit];
        sum[unit] += sumFrom[from + unit];
      }
    }
    largest.push(max);
    sums.push(sum);
  });
  return features(network, length, largest, sums, last);
}
