// A held text beside the text as it is now.

import { difference } from "./clauses.js";
import { inPoints } from "./figures.js";
import { colourWords, fillWithWords } from "./words.js";

export class Comparison {
  constructor(classifier, byId) {
    this.classifier = classifier;
    this.byId = byId;
    this.held = null;
  }

  /** @param held {review, verdicts, contributions} or null */
  hold(held) {
    this.held = held;
    this.byId("hold").setAttribute("aria-pressed", String(held !== null));
  }

  show(review, contributions) {
    const { byId, held, classifier } = this;
    const isShown = held !== null && held.review.text !== review.text;
    byId("comparison").hidden = !isShown;
    if (!isShown) return;
    const [before, after] = [held.review, review].map((one) => classifier.verdict(one));
    const moved = inPoints(review.probability - held.review.probability);
    byId("difference").textContent = `${moved} points of ${classifier.data.measure}.`;
    byId("original-title").textContent = `Original: ${before.label}, ${before.figures}`;
    byId("changed-title").textContent = `Now: ${after.label}, ${after.figures}`;
    const { gone, added } = difference(
      held.review.words.map(({ token }) => token),
      review.words.map(({ token }) => token),
    );
    this.fill("original", held.review, held.contributions, gone, "gone");
    this.changedWords = this.fill("changed", review, contributions, added, "new");
  }

  fill(id, review, contributions, marked, mark) {
    const elements = fillWithWords(this.byId(id), review, (_, number) => {
      const element = document.createElement("span");
      element.classList.toggle(mark, marked.has(number));
      return element;
    });
    colourWords(elements, contributions);
    return elements;
  }

  colour(contributions) {
    if (!this.byId("comparison").hidden) colourWords(this.changedWords, contributions);
  }
}
