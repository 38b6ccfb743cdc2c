// The review as something to take apart: a button on every word that drops it, or one between clauses that swaps them.

import { clauses, swapped, withoutWord } from "./clauses.js";
import { colourWords, fillWithWords } from "./words.js";

const HINTS = {
  write:
    "Type over it: the verdict follows every key. The word at the caret, or under the pointer, is explained below.",
  drop: "Click a word, or press Enter on it, to drop it. The arrow keys go from word to word.",
  swap: "Press \u21c4 between two clauses to swap them.",
};

const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };

export class Pieces {
  /**
   * @param onChange called with the text after an edit
   * @param onFocus called with the position of the word that has the focus
   */
  constructor(byId, onChange, onFocus) {
    this.place = byId("pieces");
    this.hint = byId("hint");
    this.onChange = onChange;
    this.elements = [];
    this.place.addEventListener("keydown", (event) => this.walk(event));
    this.place.addEventListener("focusin", ({ target }) => onFocus(this.elements.indexOf(target)));
  }

  /** @param selected position of the word that the tabulator reaches; the arrow keys go on from there */
  show(review, mode, selected) {
    const focused = this.elements.indexOf(document.activeElement);
    this.place.hidden = mode === "write";
    this.hint.textContent = HINTS[mode];
    this.elements = [];
    if (mode === "write") {
      this.place.replaceChildren();
      return;
    }
    this.elements = fillWithWords(this.place, review, (word) => this.piece(mode, word, review.text));
    if (mode === "swap") this.addSwaps(review.text);
    else {
      const reached = this.elements[selected] ?? this.elements.find((element) => element !== null);
      if (reached) reached.tabIndex = 0;
      if (focused >= 0) this.elements[Math.min(focused, this.elements.length - 1)]?.focus();
    }
  }

  colour(contributions) {
    colourWords(this.elements, contributions);
  }

  piece(mode, word, text) {
    const element = document.createElement(mode === "drop" ? "button" : "span");
    element.className = "piece";
    if (mode === "drop") {
      element.type = "button";
      element.tabIndex = -1;
      element.addEventListener("click", () => this.onChange(withoutWord(text, word)));
    }
    return element;
  }

  /** A button between every two clauses, from the end on, as each one splits the text that stands before it. */
  addSwaps(text) {
    const found = clauses(text);
    for (let number = found.length - 1; number > 0; number -= 1) {
      const [first, second] = [found[number - 1], found[number]];
      const button = document.createElement("button");
      button.type = "button";
      button.className = "swap";
      button.textContent = "\u21c4";
      const [one, other] = [first, second].map(({ start, end }) => `\u201c${text.slice(start, end)}\u201d`);
      button.setAttribute("aria-label", `Swap ${one} and ${other}`);
      button.addEventListener("click", () => this.onChange(swapped(text, first, second)));
      insertAt(this.place, second.start, button);
    }
    if (found.length < 2) this.hint.textContent = "This text has one clause only: there is nothing to swap.";
  }

  walk(event) {
    const focused = this.elements.indexOf(document.activeElement);
    const step = STEPS[event.key];
    if (step === undefined || focused < 0) return;
    event.preventDefault();
    let next = focused + step;
    while (this.elements[next] === null) next += step;
    if (this.elements[next] === undefined) return;
    this.elements[focused].tabIndex = -1;
    this.elements[next].tabIndex = 0;
    this.elements[next].focus();
  }
}

/** Insert an element before the character at a place of the text that a container shows. */
function insertAt(container, offset, element) {
  let passed = 0;
  for (const node of Array.from(container.childNodes)) {
    const { length } = node.textContent;
    if (offset < passed + length) {
      if (node.nodeType === Node.TEXT_NODE) node.splitText(offset - passed).before(element);
      else node.before(element);
      return;
    }
    passed += length;
  }
}
