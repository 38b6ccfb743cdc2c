// From a text to its tokens and where they stand, as sentiment.data.tokenizer finds them in Python.
//
// JavaScript's own toLowerCase, normalize and \s follow the Unicode version of the browser and rules of their own, so
// white space, lower case and the context of the final sigma come from Python as data.

/** Membership of code points, from the gaps and lengths of their ranges. */
function rangeTest(gapsAndLengths) {
  const bounds = new Int32Array(gapsAndLengths.length);
  let bound = 0;
  gapsAndLengths.forEach((width, position) => {
    bound += width;
    bounds[position] = bound;
  });
  return (codePoint) => {
    let low = 0;
    let high = bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (bounds[middle] <= codePoint) low = middle + 1;
      else high = middle;
    }
    return low % 2 === 1;
  };
}

function escapeForClass(characters) {
  return characters.replace(/[\\\]^-]/g, "\\$&");
}

const BASE_WITH_MARKS = /\P{M}\p{M}*|\p{M}+/gsu;
const SIGMA = 0x3a3;

export class Tokenizer {
  /** @param data white_space, lower, cased, ignorable, unassigned, filters, punctuation_tokens, typography, markup,
   *   unspaced; symbols, where they are tokens */
  constructor(data) {
    this.lower = new Map(Object.entries(data.lower));
    this.isCased = rangeTest(data.cased);
    this.isIgnorable = rangeTest(data.ignorable);
    this.isUnassigned = rangeTest(data.unassigned);
    this.typography = new Map(Object.entries(data.typography));
    const space = escapeForClass(data.white_space);
    this.chunk = new RegExp(`[^${space}]+|[${space}]+`, "gu");
    this.entity = new RegExp(data.markup.entity, "g");
    this.entities = new Map(Object.entries(data.markup.entities));
    this.tag = new RegExp(data.markup.tag, "gi");
    this.symbol = data.symbols && new RegExp(data.symbols.pattern, "gu");
    this.symbolTokens = data.symbols?.tokens;
    this.lengthened = data.symbols && new RegExp(data.symbols.lengthened, "g");
    const kept = escapeForClass(data.punctuation_tokens);
    const filters = escapeForClass(data.filters);
    const single = `${kept ? `[${kept}]|` : ""}[${data.unspaced}]|`;
    this.token = new RegExp(`${single}[^${space}${filters}${data.unspaced}]+`, "gu");
  }

  /** All tokens of the text as {token, start, end}, in UTF-16 units of the text. */
  tokenize(text) {
    const { read, starts, ends } = this.lowered(this.mapped(text));
    return Array.from(read.matchAll(this.token), (found) => ({
      token: found[0],
      start: starts[found.index],
      end: ends[found.index + found[0].length - 1],
    }));
  }

  /** The text as `shown` gives it, in NFC, with its typographic characters replaced, as parts {text, start, end}. */
  mapped(text) {
    const parts = [];
    const { shown, starts, ends } = this.shown(text);
    for (const chunk of shown.matchAll(this.chunk)) {
      for (const part of this.composed(chunk[0], chunk.index)) {
        let replaced = "";
        for (const character of part.text) replaced += this.typography.get(character) ?? character;
        parts.push({ text: replaced, start: starts[part.start], end: ends[part.end - 1] });
      }
    }
    return parts;
  }

  /** The text as a browser shows it, entities decoded and tags as spaces, with the token of each symbol in its place,
   * and where each of its units stands. */
  shown(text) {
    let shown = text;
    let starts = Array.from({ length: text.length }, (_, unit) => unit);
    let ends = starts.map((unit) => unit + 1);
    const replacements = [
      [this.entity, (found) => this.character(found)],
      [this.tag, () => " "],
      ...(this.symbol ? [[this.symbol, (found) => this.symbolToken(found)]] : []),
    ];
    for (const [pattern, replacement] of replacements) {
      let kept = "";
      const keptStarts = [];
      const keptEnds = [];
      const keep = (first, last) => {
        kept += shown.slice(first, last);
        for (let unit = first; unit < last; unit += 1) {
          keptStarts.push(starts[unit]);
          keptEnds.push(ends[unit]);
        }
      };
      let end = 0;
      for (const found of shown.matchAll(pattern)) {
        keep(end, found.index);
        end = found.index + found[0].length;
        const replaced = replacement(found);
        kept += replaced;
        for (let unit = 0; unit < replaced.length; unit += 1) {
          keptStarts.push(starts[found.index]);
          keptEnds.push(ends[end - 1]);
        }
      }
      keep(end, shown.length);
      [shown, starts, ends] = [kept, keptStarts, keptEnds];
    }
    return { shown, starts, ends };
  }

  /** Of an entity; U+FFFD, as HTML has it, for a number that is no character's. */
  character([, decimal, hexadecimal, name]) {
    if (name !== undefined) return this.entities.get(name);
    const code = decimal !== undefined ? parseInt(decimal, 10) : parseInt(hexadecimal, 16);
    return code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000) ? String.fromCodePoint(code) : "\ufffd";
  }

  /** Of the group of the pattern that matches; the last is an emoji, and where none does, it is no symbol. */
  symbolToken(found) {
    const group = found.findIndex((text, number) => number > 0 && text !== undefined);
    return group < 0 ? " " : ` ${this.symbolTokens[group - 1] ?? found[group]} `;
  }

  /** NFC of a chunk without white space, in the smallest parts that give the same as the whole. */
  composed(chunk, start) {
    if (!/[\u0080-\uffff]/.test(chunk)) {
      return Array.from(chunk, (text, offset) => ({ text, start: start + offset, end: start + offset + 1 }));
    }
    const whole = this.nfc(chunk);
    const parts = Array.from(chunk.matchAll(BASE_WITH_MARKS), (found) => ({
      text: this.nfc(found[0]),
      start: start + found.index,
      end: start + found.index + found[0].length,
    }));
    if (parts.map((part) => part.text).join("") === whole) return parts;
    return [{ text: whole, start, end: start + chunk.length }];
  }

  /** NFC as Python knows it: a character that its Unicode version has not assigned composes with nothing. */
  nfc(text) {
    let normalized = "";
    let pending = "";
    for (const character of text) {
      if (this.isUnassigned(character.codePointAt(0))) {
        normalized += pending.normalize("NFC") + character;
        pending = "";
      } else {
        pending += character;
      }
    }
    return normalized + pending.normalize("NFC");
  }

  /** The parts as one lower-cased string, and where each of its UTF-16 units stands. */
  lowered(parts) {
    const codePoints = [];
    const origins = [];
    for (const part of parts) {
      for (const character of part.text) {
        codePoints.push(character);
        origins.push(part);
      }
    }
    let read = "";
    const starts = [];
    const ends = [];
    codePoints.forEach((character, position) => {
      const lowered =
        character.codePointAt(0) === SIGMA
          ? this.loweredSigma(codePoints, position)
          : (this.lower.get(character) ?? character);
      read += lowered;
      for (let unit = 0; unit < lowered.length; unit += 1) {
        starts.push(origins[position].start);
        ends.push(origins[position].end);
      }
    });
    return { read, starts, ends };
  }

  /** The final form after a cased letter that no cased letter follows; case-ignorable characters are skipped. */
  loweredSigma(codePoints, position) {
    const nextIsCased = (step) => {
      let other = position + step;
      while (other >= 0 && other < codePoints.length && this.isIgnorable(codePoints[other].codePointAt(0)))
        other += step;
      return other >= 0 && other < codePoints.length && this.isCased(codePoints[other].codePointAt(0));
    };
    return nextIsCased(-1) && !nextIsCased(1) ? "\u03c2" : "\u03c3";
  }
}

const START = 1;
const OUT_OF_VOCABULARY = 2;
const INDEX_FROM = 4;

export class Vocabulary {
  constructor(words, numWords, tokenizer, sequences) {
    this.index = new Map();
    words.slice(0, numWords - INDEX_FROM).forEach((word, position) => this.index.set(word, position + INDEX_FROM));
    this.tokenizer = tokenizer;
    this.sequences = sequences;
  }

  /** The index of a token; where it is not known, of it with two of each lengthened letter, or one. */
  find(token) {
    const spellings = [token];
    if (this.tokenizer.lengthened) {
      spellings.push(...["$1$1", "$1"].map((letters) => token.replace(this.tokenizer.lengthened, letters)));
    }
    return this.index.get(spellings.find((spelling) => this.index.has(spelling))) ?? OUT_OF_VOCABULARY;
  }

  /** The review as the network reads it.
   *
   * @returns {{words: object[], kept: object[], indices: number[]}} words: all tokens of the text; kept: those that are
   *   read, the first of them perhaps the start mark {token: "[START]", start: 0, end: 0}; indices: of kept.
   */
  read(text) {
    const words = this.tokenizer.tokenize(text);
    const all = [{ token: "[START]", start: 0, end: 0, index: START }];
    for (const word of words) {
      word.index = this.find(word.token);
      word.unknown = word.index === OUT_OF_VOCABULARY;
      all.push(word);
    }
    const { maxlen, truncating } = this.sequences;
    const kept = truncating === "pre" ? all.slice(-maxlen) : all.slice(0, maxlen);
    for (const word of words) word.cut = true;
    for (const word of kept) word.cut = false;
    return { words, kept, indices: kept.map((word) => word.index) };
  }
}
