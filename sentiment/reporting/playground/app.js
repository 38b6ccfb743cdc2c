// The page: every change of the text is read at once, and what takes longer follows in slices.

import { Background } from "./background.js";
import { Classifier } from "./classifier.js";
import { Comparison } from "./comparison.js";
import { Curve } from "./curve.js";
import { describeModel, describePage } from "./description.js";
import { percentage } from "./figures.js";
import { integratedGradients } from "./gradients.js";
import { InsidePanel } from "./inside.js";
import { addressWith, fromFragment, toFragment } from "./link.js";
import { Pieces } from "./pieces.js";
import { VerdictPanel } from "./verdict.js";
import { colourWords, fillWithWords } from "./words.js";

/** Milliseconds between two drawings of what is still being computed. */
const REDRAW_MILLISECONDS = 60;

const byId = (id) => document.getElementById(id);
const checked = (name) => document.querySelector(`input[name=${name}]:checked`).value;

class Playground {
  constructor(classifier) {
    this.classifier = classifier;
    this.background = new Background();
    this.field = byId("text");
    this.verdict = new VerdictPanel(classifier, byId);
    this.comparison = new Comparison(classifier, byId);
    this.curve = new Curve(byId("curve"), classifier, (share) => this.hover(share));
    this.pieces = new Pieces(
      byId,
      (text) => this.change(text),
      (word) => this.select(word),
    );
    this.inside = new InsidePanel(classifier, byId, (share) => this.hover(share));
    this.review = null;
    this.selected = 0;
    this.hovered = null;
    this.lastDrawn = 0;
    this.listen();
    this.offerExamples();
    byId("model").textContent = describeModel(classifier);
    byId("about").textContent = describePage(classifier);
    this.open();
  }

  listen() {
    this.field.addEventListener("input", () => this.read(this.field.value));
    document.addEventListener("selectionchange", () => this.followCaret());
    byId("sheet").addEventListener("pointermove", (event) => this.hoverAt(event.clientX, event.clientY));
    byId("sheet").addEventListener("pointerleave", () => this.hover(null));
    for (const input of document.querySelectorAll("input[name=mode]"))
      input.addEventListener("change", () => this.showMode());
    for (const input of document.querySelectorAll("input[name=colour]"))
      input.addEventListener("change", () => this.colourBy(input.value));
    byId("earlier").addEventListener("click", () => this.select(this.selected - 1));
    byId("later").addEventListener("click", () => this.select(this.selected + 1));
    byId("hold").addEventListener("click", () => this.hold(this.comparison.held === null));
    byId("release").addEventListener("click", () => this.hold(false));
    byId("restore").addEventListener("click", () => this.setText(this.comparison.held.review.text));
    byId("share").addEventListener("click", () => this.share());
    window.addEventListener("hashchange", () => this.open());
  }

  offerExamples() {
    const buttons = this.classifier.data.examples.map(({ title, text, label }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label ? `${title} (${label})` : title;
      button.addEventListener("click", () => {
        this.hold(false);
        this.setText(text);
      });
      return button;
    });
    byId("examples").replaceChildren(...buttons);
  }

  /** Begin with the text of the address, else the one that the page was made for, else the first example. */
  open() {
    const { text, held } = fromFragment(window.location.hash);
    const { opened_on: opened, examples } = this.classifier.data;
    if (held !== null) {
      this.setText(held);
      this.finish();
      this.hold(true);
    }
    if (text !== null || this.review === null) this.setText(text ?? opened?.text ?? examples[0]?.text ?? "");
  }

  setText(text) {
    this.field.value = text;
    this.isChosen = false;
    this.read(text);
  }

  /** Read the text, show the verdict, and let the rest follow. */
  read(text) {
    const before = this.review;
    const review = this.classifier.read(text, before);
    this.review = review;
    const words = review.indices.length;
    this.gradients = null;
    document.querySelector("input[name=colour][value=occlusion]").checked = true;
    byId("progress").textContent = "";
    this.carryOver(before, words);
    this.verdict.show(review);
    this.showWords();
    this.curvePoints();
    this.inside.show(review);
    this.selected = Math.min(this.selected, words - 1);
    if (document.activeElement === this.field) this.followCaret();
    else this.point();
    this.comparison.show(review, this.occlusion);
    this.start();
  }

  /** Numbers of the text before that still hold, or stand in for those to come. */
  carryOver(before, words) {
    const verdicts = new Float64Array(words).fill(NaN);
    const occlusion = new Float64Array(words).fill(NaN);
    this.known = 0;
    if (before !== null) {
      const { indices } = this.review;
      const most = Math.min(words, before.indices.length);
      while (
        this.known < most &&
        indices[this.known] === before.indices[this.known] &&
        !Number.isNaN(this.verdicts[this.known])
      )
        this.known += 1;
      verdicts.set(this.verdicts.subarray(0, this.known));
      occlusion.set(this.occlusion.subarray(0, this.known));
      for (let end = 1; end <= most - this.known && indices.at(-end) === before.indices.at(-end); end += 1) {
        occlusion[words - end] = this.occlusion.at(-end);
      }
    }
    verdicts[words - 1] = this.review.probability;
    Object.assign(this, { verdicts, occlusion });
  }

  *work() {
    const { reader } = this.classifier;
    yield* reader.runningVerdict(this.review, this.known);
    const near = (position) => Math.abs(position - this.selected);
    const order = Array.from(this.review.indices.keys()).sort((one, other) => near(one) - near(other));
    yield* reader.occlusion(this.review, order);
  }

  take({ position, verdict, occlusion }) {
    if (verdict !== undefined) this.verdicts[position] = verdict;
    else this.occlusion[position] = occlusion;
  }

  start() {
    document.documentElement.dataset.finished = "false";
    this.background.start(
      this.work(),
      (result) => this.take(result),
      (isLast) => this.redraw(isLast),
    );
  }

  /** Compute at once what would follow in slices. */
  finish() {
    this.background.stop();
    for (const result of this.work()) this.take(result);
    this.redraw(true);
  }

  redraw(isLast) {
    const now = performance.now();
    if (!isLast && now - this.lastDrawn < REDRAW_MILLISECONDS) return;
    this.lastDrawn = now;
    if (isLast && !this.isChosen) this.selected = strongest(this.occlusion);
    this.curvePoints();
    this.colour();
    this.point();
    document.documentElement.dataset.finished = String(isLast);
  }

  curvePoints() {
    const held = this.comparison.held;
    byId("held-legend").textContent = held === null ? "" : "Dashed: the original.";
    const description = `Running verdict over ${this.verdicts.length} words, at the end ${percentage(this.review.probability)}.`;
    this.curve.draw(this.verdicts, held === null ? null : held.verdicts, description);
  }

  get contributions() {
    return this.gradients ?? this.occlusion;
  }

  colour() {
    colourWords(this.elements, this.contributions);
    this.pieces.colour(this.contributions);
    this.comparison.colour(this.contributions);
  }

  showWords() {
    const asTyped = (text) => text; // it lies behind the field, letter by letter
    this.elements = fillWithWords(byId("backdrop"), this.review, () => document.createElement("span"), asTyped);
    this.outlined = null;
    this.pieces.show(this.review, checked("mode"), this.selected);
    this.colour();
  }

  showMode() {
    this.field.hidden = byId("backdrop").hidden = checked("mode") !== "write";
    this.showWords();
  }

  /** An edit by a click: the text before it is held, so that both stand side by side. */
  change(text) {
    if (this.comparison.held === null) this.hold(true);
    this.setText(text);
  }

  hold(holds) {
    const { review, verdicts, contributions } = this;
    this.comparison.hold(holds ? { review, verdicts, contributions } : null);
    this.comparison.show(review, contributions);
    this.curvePoints();
  }

  colourBy(kind) {
    if (kind === "occlusion") {
      this.gradients = null;
      byId("progress").textContent = "";
      this.colour();
      this.start();
      return;
    }
    const { review } = this;
    const work = integratedGradients(this.classifier.network, review.trace.indices, this.classifier.data.gradients);
    const show = (share) => (byId("progress").textContent = `Integrating: ${Math.floor(100 * share)} %`);
    this.finish();
    document.documentElement.dataset.finished = "false";
    let done = 0;
    this.background.start(
      work,
      (share) => (done = share),
      (isLast, result) => (isLast ? this.takeGradients(review, result) : show(done)),
    );
  }

  takeGradients(review, { attributions, baseline }) {
    this.gradients = attributions.slice(review.offset, review.offset + review.indices.length);
    const sum = attributions.reduce((total, value) => total + value, 0);
    const error = Math.abs(sum - (review.probability - baseline));
    const way = `from ${percentage(baseline)}, the verdict on nothing, to ${percentage(review.probability)}`;
    const { completeness, smallest_difference: smallest } = this.classifier.data.gradients;
    const bound = completeness * Math.max(Math.abs(review.probability - baseline), smallest);
    const warning = error > bound ? " This error is large, as the gradients change fast here: trust occlusion." : "";
    byId("progress").textContent =
      `The words lead ${way} (numerical error ${(100 * error).toFixed(2)} points).${warning}`;
    this.redraw(true);
  }

  followCaret() {
    if (document.activeElement !== this.field || this.review === null) return;
    const caret = this.field.selectionStart;
    let found = 0;
    this.review.kept.forEach((word, position) => {
      if (word.end > 0 && word.start <= caret) found = position;
    });
    this.select(found);
  }

  select(word) {
    if (word < 0 || word >= this.review.indices.length) return;
    this.selected = word;
    this.isChosen = true;
    this.point();
  }

  hover(share) {
    this.hovered = share === null ? null : Math.floor(share * this.review.indices.length);
    this.point();
  }

  hoverAt(x, y) {
    const under = document.elementsFromPoint(x, y);
    const list = checked("mode") === "write" ? this.elements : this.pieces.elements;
    const found = list.findIndex((element) => element !== null && under.includes(element));
    this.hovered = found < 0 ? null : found;
    this.point();
  }

  /** Show the word under the pointer, or else the selected one. */
  point() {
    const word = Math.min(this.hovered ?? this.selected, this.review.indices.length - 1);
    const opened = this.classifier.data.opened_on;
    const python = opened?.text === this.review.text ? opened : null;
    this.outlined?.classList.remove("selected");
    this.outlined = this.elements[word];
    this.outlined?.classList.add("selected");
    this.curve.point(word, this.review.indices.length);
    const { verdicts, occlusion, gradients } = this;
    this.inside.point(word, { verdicts, occlusion, gradients, python });
  }

  async share() {
    const held = this.comparison.held;
    const fragment = toFragment(this.review.text, held === null ? null : held.review.text);
    const address = addressWith(fragment);
    byId("link").value = address;
    try {
      await navigator.clipboard.writeText(address);
      byId("shared").textContent = "The link is in the clipboard.";
      byId("link-field").hidden = true;
    } catch {
      byId("shared").textContent = address === fragment ? "Add this to the address of the page:" : "Copy this link:";
      byId("link-field").hidden = false;
      byId("link").select();
    }
  }
}

/** The word that decided most. */
function strongest(contributions) {
  return contributions.reduce(
    (best, value, word) => (Math.abs(value) > Math.abs(contributions[best]) ? word : best),
    0,
  );
}

const playground = new Playground(new Classifier(JSON.parse(byId("data").textContent), byId("weights").textContent));
byId("data").remove();
byId("weights").remove();
document.documentElement.classList.add("ready");
playground.field.dataset.ready = "true";
