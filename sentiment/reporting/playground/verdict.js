// The verdict in words and numbers.

/** A share as a percentage with one digit, never rounded to certainty. */
export function percentage(share) {
  const rounded = (100 * share).toFixed(1);
  if (rounded === "100.0" && share < 1) return "> 99.9 %";
  if (rounded === "0.0" && share > 0) return "< 0.1 %";
  return `${rounded} %`;
}

/** A difference of two shares in points, with its sign. */
export function inPoints(difference, digits = 1) {
  const points = (100 * Math.abs(difference)).toFixed(digits);
  return `${Number(points) === 0 ? "\u00b1" : difference > 0 ? "+" : "\u2212"}${points}`;
}

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
    byId("threshold").style.left = `${100 * classifier.data.threshold}%`;
  }

  show(review) {
    const { byId } = this;
    const { probability } = review;
    const label = this.classifier.label(probability);
    const sign = label === this.classifier.data.labels[1] ? "positive" : "negative";
    const strong = document.createElement("strong");
    strong.textContent = label;
    strong.className = `is-${sign}`;
    byId("verdict").replaceChildren(strong, `P(positive) ${percentage(probability)}`);
    byId("level").style.width = `${100 * probability}%`;
    byId("level").className = sign;
    byId("verdict").dataset.probability = probability;
    byId("facts").textContent =
      review.words.length === 0 ? "No word yet: this is the verdict on nothing." : facts(review);
    this.showPython(review);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      byId("spoken").textContent = `${label}, P(positive) ${percentage(probability)}`;
    }, 700);
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
