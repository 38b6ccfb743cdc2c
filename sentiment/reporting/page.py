"""Pages: HTML that needs nothing else, from the templates beside this module.

A page loads nothing: styles and figures stand in it, and its content security policy forbids scripts and requests.
Whatever is shown is escaped, so a review that holds markup is shown as it was written, but for line breaks.
"""

import io
import re

import jinja2
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.figure import Figure

from sentiment.data.markup import LINE_BREAK

CONTROLS = {code: 0x2400 + code for code in range(32) if code not in b"\t\n\r"} | {127: 0x2421}
"""Control characters, which a page shows as nothing -> Unicode's pictures of them."""


def of_reviews(text: str) -> Markup:
    """A text from a review: control characters are pictures, and its direction of writing ends with it."""
    return Markup("<bdi>{}</bdi>").format(with_line_breaks(text))


def with_line_breaks(text: str) -> Markup:
    """A text, or a part of one, with line breaks where it has `<br />`, and with pictures of control characters."""
    return Markup("<br>").join(LINE_BREAK.split(text.translate(CONTROLS)))


def render_page(template: str, **content: object) -> str:
    """The page, as HTML; content: name in the template -> value."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("sentiment.reporting", "."),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["review"] = of_reviews
    environment.filters["line_breaks"] = with_line_breaks
    return environment.get_template(template).render(content)


def inline_svg(figure: Figure) -> Markup:
    """The figure as an inline SVG element, in the page's font and colour of text, on no background."""
    buffer = io.StringIO()
    with rc_context({"svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg.replace("#000000", "currentColor")
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)  # the same in every figure, and nothing refers to them
    return Markup(svg)
