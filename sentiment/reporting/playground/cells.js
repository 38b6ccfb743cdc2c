// One time step of LSTM, GRU and SimpleRNN with Keras' default activations, and the derivative of each step.
//
// A step gets the product of the inputs with the kernel, bias included (`projected`), and the state before; it writes
// the gates and the state after. States hold the hidden state first, then the cell state of an LSTM.

function sigmoid(value) {
  return 1 / (1 + Math.exp(-value));
}

/** sums[s + j] += sum over k of vector[v + k] * matrix[k, j]; eight rows for every pass over sums. */
export function addProduct(vector, v, rows, matrix, width, sums, s) {
  let k = 0;
  for (; k + 7 < rows; k += 8) {
    const [c0, c1, c2, c3] = [vector[v + k], vector[v + k + 1], vector[v + k + 2], vector[v + k + 3]];
    const [c4, c5, c6, c7] = [vector[v + k + 4], vector[v + k + 5], vector[v + k + 6], vector[v + k + 7]];
    let at = k * width;
    for (let j = 0; j < width; j += 1, at += 1) {
      sums[s + j] +=
        c0 * matrix[at] +
        c1 * matrix[at + width] +
        (c2 * matrix[at + 2 * width] + c3 * matrix[at + 3 * width]) +
        (c4 * matrix[at + 4 * width] +
          c5 * matrix[at + 5 * width] +
          (c6 * matrix[at + 6 * width] + c7 * matrix[at + 7 * width]));
    }
  }
  for (; k < rows; k += 1) {
    const a = vector[v + k];
    for (let j = 0; j < width; j += 1) sums[s + j] += a * matrix[k * width + j];
  }
}

/** sums[s + k] += sum over j of matrix[k, j] * vector[v + j] */
export function addTransposedProduct(vector, v, width, matrix, rows, sums, s) {
  for (let k = 0; k < rows; k += 1) {
    let even = 0;
    let odd = 0;
    const row = k * width;
    let j = 0;
    for (; j + 1 < width; j += 2) {
      even += matrix[row + j] * vector[v + j];
      odd += matrix[row + j + 1] * vector[v + j + 1];
    }
    if (j < width) even += matrix[row + j] * vector[v + j];
    sums[s + k] += even + odd;
  }
}

const lstm = {
  gates: 4, // in Keras' order: input, forget, candidate, output
  kept: 4,
  states: 2,
  step({ units, recurrent }, projected, before, b, gates, g, after, a) {
    const width = 4 * units;
    for (let j = 0; j < width; j += 1) gates[g + j] = projected[j];
    addProduct(before, b, units, recurrent, width, gates, g);
    for (let j = 0; j < units; j += 1) {
      const input = sigmoid(gates[g + j]);
      const forget = sigmoid(gates[g + units + j]);
      const candidate = Math.tanh(gates[g + 2 * units + j]);
      const output = sigmoid(gates[g + 3 * units + j]);
      const cell = forget * before[b + units + j] + input * candidate;
      gates[g + j] = input;
      gates[g + units + j] = forget;
      gates[g + 2 * units + j] = candidate;
      gates[g + 3 * units + j] = output;
      after[a + units + j] = cell;
      after[a + j] = output * Math.tanh(cell);
    }
  },
  /** byState: gradient by the state after, which becomes that by the state before; byProjected is written. */
  back({ units, recurrent }, before, b, gates, g, after, a, byState, byProjected, p) {
    for (let j = 0; j < units; j += 1) {
      const input = gates[g + j];
      const forget = gates[g + units + j];
      const candidate = gates[g + 2 * units + j];
      const output = gates[g + 3 * units + j];
      const shown = Math.tanh(after[a + units + j]);
      const byCell = byState[units + j] + byState[j] * output * (1 - shown * shown);
      byProjected[p + j] = byCell * candidate * input * (1 - input);
      byProjected[p + units + j] = byCell * before[b + units + j] * forget * (1 - forget);
      byProjected[p + 2 * units + j] = byCell * input * (1 - candidate * candidate);
      byProjected[p + 3 * units + j] = byState[j] * shown * output * (1 - output);
      byState[j] = 0;
      byState[units + j] = byCell * forget;
    }
    addTransposedProduct(byProjected, p, 4 * units, recurrent, units, byState, 0);
  },
  values: { forget_gate: 1, input_gate: 0, output_gate: 3, candidate: 2, cell_state: "cell", hidden_state: "hidden" },
};

const gru = {
  gates: 3, // in Keras' order: update, reset, candidate
  kept: 4, // and what the state says to the candidate before the reset gate
  states: 1,
  step({ units, recurrent, recurrentBias, scratch }, projected, before, b, gates, g, after, a) {
    scratch.set(recurrentBias);
    addProduct(before, b, units, recurrent, 3 * units, scratch, 0);
    for (let j = 0; j < units; j += 1) {
      const update = sigmoid(projected[j] + scratch[j]);
      const reset = sigmoid(projected[units + j] + scratch[units + j]);
      const said = scratch[2 * units + j];
      const candidate = Math.tanh(projected[2 * units + j] + reset * said);
      gates[g + j] = update;
      gates[g + units + j] = reset;
      gates[g + 2 * units + j] = candidate;
      gates[g + 3 * units + j] = said;
      after[a + j] = update * before[b + j] + (1 - update) * candidate;
    }
  },
  back({ units, recurrent, scratch }, before, b, gates, g, after, a, byState, byProjected, p) {
    for (let j = 0; j < units; j += 1) {
      const update = gates[g + j];
      const reset = gates[g + units + j];
      const candidate = gates[g + 2 * units + j];
      const byCandidate = byState[j] * (1 - update) * (1 - candidate * candidate);
      byProjected[p + j] = byState[j] * (before[b + j] - candidate) * update * (1 - update);
      byProjected[p + units + j] = byCandidate * gates[g + 3 * units + j] * reset * (1 - reset);
      byProjected[p + 2 * units + j] = byCandidate;
      scratch[j] = byProjected[p + j];
      scratch[units + j] = byProjected[p + units + j];
      scratch[2 * units + j] = byCandidate * reset;
      byState[j] *= update;
    }
    addTransposedProduct(scratch, 0, 3 * units, recurrent, units, byState, 0);
  },
  values: { update_gate: 0, reset_gate: 1, candidate: 2, hidden_state: "hidden" },
};

const simpleRnn = {
  gates: 1,
  kept: 1,
  states: 1,
  step({ units, recurrent }, projected, before, b, gates, g, after, a) {
    for (let j = 0; j < units; j += 1) gates[g + j] = projected[j];
    addProduct(before, b, units, recurrent, units, gates, g);
    for (let j = 0; j < units; j += 1) after[a + j] = gates[g + j] = Math.tanh(gates[g + j]);
  },
  back({ units, recurrent }, before, b, gates, g, after, a, byState, byProjected, p) {
    for (let j = 0; j < units; j += 1) {
      byProjected[p + j] = byState[j] * (1 - after[a + j] * after[a + j]);
      byState[j] = 0;
    }
    addTransposedProduct(byProjected, p, units, recurrent, units, byState, 0);
  },
  values: { hidden_state: "hidden" },
};

/** Keras layer -> its cell. `values` says where each named value lies: number of the gate, or part of the state. */
export const CELLS = { LSTM: lstm, GRU: gru, SimpleRNN: simpleRnn };
