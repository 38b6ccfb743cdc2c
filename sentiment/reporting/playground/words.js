// A review as elements, a span or button for each word; text is inserted as text alone.

/** Contribution below which no word is given the full colour, in P(positive). */
const WEAKEST_SCALE = 0.02;

/** A text whose control characters, which a page shows as nothing, are pictures of them; as long as before. */
export function visible(text) {
  return text.replace(/\p{Cc}/gu, (control) => {
    const code = control.charCodeAt(0);
    if (code === 127) return "\u2421";
    return code < 32 && !"\t\n\r".includes(control) ? String.fromCharCode(0x2400 + code) : control;
  });
}

/** Fill a container with the text of a review.
 *
 * @param make (word, number) => element for a word
 * @param show what is written for a part of the text, as long as that
 * @returns the elements of the words that are read, by their position in review.kept
 */
export function fillWithWords(container, review, make, show = visible) {
  const elements = new Map();
  const parts = [];
  let end = 0;
  review.words.forEach((word, number) => {
    if (word.start < end) return; // two tokens of one character, such as those of an ellipsis
    if (word.start > end) parts.push(show(review.text.slice(end, word.start)));
    const element = make(word, number);
    element.textContent = show(review.text.slice(word.start, word.end));
    element.classList.toggle("unknown", word.unknown && !word.cut);
    element.classList.toggle("cut", word.cut);
    elements.set(word, element);
    parts.push(element);
    end = word.end;
  });
  parts.push(`${show(review.text.slice(end))}\u200b`);
  container.replaceChildren(...parts);
  return review.kept.map((word) => elements.get(word) ?? null);
}

/** Colour words by what they decided, against the strongest of them; NaN leaves a word without colour. */
export function colourWords(elements, contributions) {
  let strongest = WEAKEST_SCALE;
  for (const value of contributions) if (Math.abs(value) > strongest) strongest = Math.abs(value);
  elements.forEach((element, position) => {
    if (element === null) return;
    const share = (contributions[position] ?? 0) / strongest;
    const colour =
      Math.abs(share) > 0.03
        ? `rgb(var(--${share > 0 ? "positive" : "negative"}) / calc(var(--strength) * ${Math.abs(share).toFixed(3)}))`
        : "";
    if (element.colourShown === colour) return;
    element.colourShown = colour;
    element.style.backgroundColor = colour;
  });
}
