// The text in the fragment of the page's address.

/** What a fragment holds: {text, held}, null where it holds none. */
export function fromFragment(fragment) {
  const fields = new URLSearchParams(fragment.replace(/^#/, "").replaceAll("+", "%2B"));
  return { text: fields.get("text"), held: fields.get("held") };
}

/** The fragment for a text, and for the text that it is compared with. */
export function toFragment(text, held) {
  const encoded = (part) => encodeURIComponent(part.replace(/\p{Surrogate}/gu, "\ufffd"));
  return `#text=${encoded(text)}${held === null ? "" : `&held=${encoded(held)}`}`;
}

/** The address of this page with a fragment; the fragment alone where the page has no address to come back to. */
export function addressWith(fragment) {
  const { protocol, href } = window.location;
  return ["file:", "http:", "https:"].includes(protocol) ? href.replace(/#.*$/, "") + fragment : fragment;
}
