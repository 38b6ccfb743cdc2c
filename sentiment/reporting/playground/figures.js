// Numbers as people read them.

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
