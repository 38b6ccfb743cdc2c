// What happens inside at one word: its numbers, a sentence on every gate, and the heat maps of a layer.

import { inPoints, percentage } from "./figures.js";
import { byMovement, HeatMap, shades } from "./heatmaps.js";
import { meanAt, sentences } from "./sentences.js";
import { visible } from "./words.js";

export class InsidePanel {
  /** @param onPoint called with the share of the width at which the pointer is, or with null */
  constructor(classifier, byId, onPoint) {
    this.classifier = classifier;
    this.byId = byId;
    this.direction = classifier.network.directions[0];
    this.maps = Object.keys(this.direction.cell.values).map((value) => new HeatMap(value, onPoint));
    byId("maps").replaceChildren(...this.maps.map((map) => map.figure));
    this.review = null;
    this.offerLayers();
    for (const query of ["(prefers-color-scheme: dark)", "print"]) {
      window.matchMedia(query).addEventListener("change", () => this.recolour());
    }
    this.colours = shades(getComputedStyle(document.documentElement));
  }

  offerLayers() {
    const { directions } = this.classifier.network;
    if (directions.length < 2) {
      this.byId("layers").remove();
      return;
    }
    const choices = directions.map((direction, number) => {
      const label = document.createElement("label");
      const input = Object.assign(document.createElement("input"), {
        type: "radio",
        name: "layer",
        checked: number === 0,
      });
      const text = document.createElement("span");
      text.textContent = direction.name.replaceAll("_", " ");
      input.addEventListener("change", () => {
        this.direction = direction;
        this.draw();
        this.point(this.word, this.numbers);
      });
      label.append(input, text);
      return label;
    });
    this.byId("layers").replaceChildren(...choices);
  }

  recolour() {
    this.colours = shades(getComputedStyle(document.documentElement));
    this.draw();
  }

  show(review) {
    this.review = review;
    this.draw();
  }

  draw() {
    if (this.review === null) return;
    const order = byMovement(this.direction, this.review);
    for (const map of this.maps) map.draw(this.direction, this.review, order, this.colours);
  }

  /** Tell of one word; numbers: {verdicts, occlusion, gradients, python} by position, what is unknown NaN or null. */
  point(word, numbers) {
    this.word = word;
    this.numbers = numbers;
    const { review, direction, byId } = this;
    const words = review.indices.length;
    const read = review.kept[word];
    byId("word").textContent = read.token === "[START]" ? "the start mark" : visible(read.token);
    byId("numbers").replaceChildren(
      ...this.rows(word, read, numbers).flatMap(([name, value]) => [asElement("dt", name), asElement("dd", value)]),
    );
    byId("sentences").replaceChildren(
      ...sentences(direction, review, word).map((sentence) => asElement("li", sentence)),
    );
    for (const map of this.maps) {
      map.point(word, words, meanAt(direction, review, map.value, word));
    }
    byId("earlier").disabled = word === 0;
    byId("later").disabled = word === words - 1;
  }

  rows(word, read, { verdicts, occlusion, gradients, python }) {
    const known = (value, write) => (value === undefined || Number.isNaN(value) ? "\u2026" : write(value));
    const points = (value) => `${inPoints(value, 2)} points`;
    const rows = [
      ["Word", `${word + 1} of ${this.review.indices.length}`],
      ["Index", read.unknown ? `${read.index}, unknown` : String(read.index)],
      ["Verdict so far", known(verdicts[word], percentage)],
      ["Occlusion", known(occlusion[word], points)],
    ];
    if (gradients !== null) rows.push(["Integrated gradients", points(gradients[word])]);
    if (python !== null) {
      rows.push(["Python: occlusion", points(python.occlusion[word])]);
      rows.push(["Python: integrated gradients", points(python.integrated_gradients[word])]);
    }
    return rows;
  }
}

function asElement(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
