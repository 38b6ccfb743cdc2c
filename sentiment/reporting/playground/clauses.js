// Edits of a text that a question "what if" asks for: a word less, or two clauses in the other order.

const BETWEEN_CLAUSES =
  /[,;:.!?\u2026]+\s+(?:(?:but|and|yet|although|though|while|because|so|however),?\s+)?|\s+(?:but|although|though|while|because|yet)\s+/giu;

/** The text without what stands from start to end, and without the white space that it leaves over. */
export function withoutWord(text, { start, end }) {
  const before = text.slice(0, start);
  const after = text.slice(end);
  if (/\s$/u.test(before) && /^($|[\s\p{P}])/u.test(after)) return before.replace(/\s$/u, "") + after;
  return before === "" ? after.replace(/^\s/u, "") : before + after;
}

/** The clauses of a text, {start, end}; what stands between two of them is punctuation or a conjunction. */
export function clauses(text) {
  const found = [];
  let start = 0;
  for (const between of text.matchAll(BETWEEN_CLAUSES)) {
    if (between.index > start) found.push({ start, end: between.index });
    start = between.index + between[0].length;
  }
  const end = text.replace(/[\s.!?\u2026]+$/u, "").length;
  if (end > start) found.push({ start, end });
  return found;
}

/** The text with two neighbouring clauses swapped, and with them whether they begin with a capital letter. */
export function swapped(text, first, second) {
  const one = text.slice(first.start, first.end);
  const other = text.slice(second.start, second.end);
  const between = text.slice(first.end, second.start);
  return text.slice(0, first.start) + inCaseOf(other, one) + between + inCaseOf(one, other) + text.slice(second.end);
}

function inCaseOf(clause, model) {
  if (/^I\b/u.test(clause)) return clause;
  const [isUpper, isLower] = [/^\p{Lu}/u.test(model), /^\p{Ll}/u.test(model)];
  const initial = isUpper ? clause[0].toLocaleUpperCase() : isLower ? clause[0].toLocaleLowerCase() : clause[0];
  return initial + clause.slice(1);
}

/** Which words of two lists are not in the other, by the longest common subsequence: {gone: Set, added: Set}. */
export function difference(before, after) {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < before.length - start && end < after.length - start && before.at(-1 - end) === after.at(-1 - end))
    end += 1;
  const rows = before.length - start - end;
  const columns = after.length - start - end;
  const longest = Array.from({ length: rows + 1 }, () => new Uint16Array(columns + 1));
  for (let row = rows - 1; row >= 0; row -= 1) {
    for (let column = columns - 1; column >= 0; column -= 1) {
      longest[row][column] =
        before[start + row] === after[start + column]
          ? longest[row + 1][column + 1] + 1
          : Math.max(longest[row + 1][column], longest[row][column + 1]);
    }
  }
  const gone = new Set();
  const added = new Set();
  let row = 0;
  let column = 0;
  while (row < rows || column < columns) {
    if (row < rows && column < columns && before[start + row] === after[start + column]) {
      row += 1;
      column += 1;
    } else if (column === columns || (row < rows && longest[row + 1][column] >= longest[row][column + 1])) {
      gone.add(start + row++);
    } else {
      added.add(start + column++);
    }
  }
  return { gone, added };
}
