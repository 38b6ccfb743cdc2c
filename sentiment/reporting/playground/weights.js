// The arrays of the network out of one base64 text: float32, float16, or int8 with a scale for each row.

function decodeBase64(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let position = 0; position < binary.length; position += 1) bytes[position] = binary.charCodeAt(position);
  return bytes.buffer;
}

function halfToNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const ROW_READERS = {
  float32: (buffer, { offset, shape: [rows, columns] }) => {
    const values = new Float32Array(buffer, offset, rows * columns);
    return (row) => values.subarray(row * columns, (row + 1) * columns);
  },
  float16: (buffer, { offset, shape: [rows, columns] }) => {
    const values = new Uint16Array(buffer, offset, rows * columns);
    return (row) => Float32Array.from(values.subarray(row * columns, (row + 1) * columns), halfToNumber);
  },
  int8: (buffer, { offset, shape: [rows, columns] }) => {
    const scales = new Float32Array(buffer, offset, rows);
    const values = new Int8Array(buffer, offset + 4 * rows, rows * columns);
    return (row) =>
      Float64Array.from(values.subarray(row * columns, (row + 1) * columns), (value) => value * scales[row]);
  },
};

/** The arrays that a base64 text holds.
 *
 * @param manifest one {offset, shape: [rows, columns], format} for each array
 * @returns one {rows, columns, row: (number) => values, all: () => Float64Array} for each array
 */
export function readArrays(base64, manifest) {
  const buffer = decodeBase64(base64.trim());
  return manifest.map((entry) => {
    const [rows, columns] = entry.shape;
    const row = ROW_READERS[entry.format](buffer, entry);
    const all = () => {
      const values = new Float64Array(rows * columns);
      for (let number = 0; number < rows; number += 1) values.set(row(number), number * columns);
      return values;
    };
    return { rows, columns, row, all };
  });
}
