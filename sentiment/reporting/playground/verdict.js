// The verdict in words and numbers.

import { percentage } from "./figures.js";

function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

/** What there is to know of how a review was read. */
export function facts(review) {
  const cut = review.words.filter((word) => word.cut).length;
  const unknown = review.kept.filter((word) => word.unknown).length;
  const parts = [count(review.words.length, "word")];
  if (cut > 0) parts.push(`${cut.toLocaleString("en")} cut`);
  if (unknown > 0) parts.push(`${unknown.toLocaleString("en")} unknown`);
  return `${parts.join(", ")}.`;
}

export class VerdictPanel {
  constructor(classifier, byId) {
    this.classifier = classifier;
    this.byId = byId;
    this.timer = 0;
    const marks = classifier.isOrdered ? classifier.network.cuts : [classifier.data.threshold];
    byId("thresholds").replaceChildren(
      ...marks.map((mark) => {
        const element = document.createElement("div");
        element.style.left = `${100 * mark}%`;
        return element;
      }),
    );
    byId("probabilities").hidden = !classifier.isOrdered;
  }

  show(review) {
    const { byId } = this;
    const { probability } = review;
    const { number, label, figures } = this.classifier.verdict(review);
    const sign = this.classifier.side(number);
    const strong = document.createElement("strong");
    strong.textContent = label;
    strong.className = `is-${sign}`;
    byId("verdict").replaceChildren(strong, figures);
    if (this.classifier.isOrdered) this.showProbabilities(review, number);
    byId("level").style.width = `${100 * probability}%`;
    byId("level").className = sign;
    byId("verdict").dataset.probability = probability;
    byId("facts").textContent =
      review.words.length === 0 ? "No word yet: this is the verdict on nothing." : facts(review);
    this.showPython(review);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      byId("spoken").textContent = `${label}, ${figures}`;
    }, 700);
  }

  /** A bar for each of more than two labels, the worst first, and the score behind them. */
  showProbabilities(review, number) {
    const rows = this.classifier.probabilities(review.trace).map((share, label) => {
      const row = document.createElement("li");
      row.classList.toggle("is-verdict", label === number);
      const [name, bar, figure] = ["span", "div", "span"].map((kind) => document.createElement(kind));
      name.textContent = this.classifier.data.labels[label];
      bar.className = `share ${this.classifier.side(label)}`;
      bar.style.setProperty("--share", share);
      figure.textContent = percentage(share);
      row.append(name, bar, figure);
      return row;
    });
    this.byId("probabilities").replaceChildren(...rows);
  }

  /** The numbers of Python, where the page was opened on this very text. */
  showPython(review) {
    const opened = this.classifier.data.opened_on;
    const place = this.byId("python");
    place.hidden = opened?.text !== review.text;
    if (place.hidden) return;
    const difference = Math.abs(review.probability - opened.probability);
    place.textContent = `Python computes ${(100 * opened.probability).toFixed(3)} %; this page differs by ${(100 * difference).toExponential(1)} points.`;
  }
}
