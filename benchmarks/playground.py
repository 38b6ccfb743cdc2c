"""How fast the playground answers in Chromium: python -m benchmarks.playground PAGE.html.

Prints, for reviews of 200 and 600 words of the model's own, milliseconds from a key press to the new verdict in the
document, layout included, where the key is at the end, in the middle and at the start of the text. Then those until the
running verdict and every word's occlusion are drawn, and those of integrated gradients. First paint is that of a page
opened from its file. Each is the smallest of several tries, as the browser's clock is the wall clock and other
processes disturb it; beside it stands the processor time of the page's main thread, which they hardly do.
"""

import argparse
import json
import re
from pathlib import Path

from playwright.sync_api import CDPSession, Page

from tests.browser.screenshots import chromium

LENGTHS = (200, 600)
TRIES = 5

PRESS = """([text, start, end]) => {
    const field = document.getElementById("text");
    const begun = performance.now();
    field.value = text.slice(0, start) + "x" + text.slice(end);
    field.dispatchEvent(new Event("input"));
    document.body.getBoundingClientRect();
    return performance.now() - begun;
}"""


def settle(page: Page) -> None:
    """Wait until everything is drawn."""
    page.locator("html[data-finished=true]").wait_for(state="attached", timeout=120_000)


def processor_time(client: CDPSession) -> float:
    """Milliseconds that the main thread has worked so far."""
    metrics = client.send("Performance.getMetrics")["metrics"]
    return float(next(1000 * metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


def measure(page: Page, client: CDPSession, words: list[str], length: int) -> None:
    """Print a line for everything that was waited for."""
    text = " ".join(words[(37 * number) % len(words)] for number in range(length))
    for name, place in {"end": len(text), "middle": len(text) // 2, "start": 0}.items():
        answers, clock, processor = [], [], []
        for _ in range(TRIES):
            page.locator("#text").fill(text)
            settle(page)
            before, begun = processor_time(client), page.evaluate("performance.now()")
            answers.append(page.evaluate(PRESS, [text, place, place]))
            settle(page)
            clock.append(page.evaluate("performance.now()") - begun)
            processor.append(processor_time(client) - before)
        print(
            f"{length} words, key at the {name}: verdict {min(answers):.0f} ms, "
            f"all words {min(clock):.0f} ms (processor {min(processor):.0f} ms)"
        )
    before = processor_time(client)
    page.get_by_text("Integrated gradients", exact=True).first.click()
    settle(page)
    print(f"{length} words, integrated gradients: processor {processor_time(client) - before:.0f} ms")


def main() -> None:
    """Measure one page and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    path = parser.parse_args().page.resolve()
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    content = re.search('<script type="application/json" id="data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert content is not None, f"{path} is no playground"
    words = json.loads(content[1])["vocabulary"]["words"][:4000]
    with chromium() as browser:
        paints = []
        for _ in range(TRIES):
            page = browser.new_page()
            page.goto(path.as_uri())
            settle(page)
            paints.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            page.close()
        print(f"first paint {min(paints):.0f} ms")
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        client = page.context.new_cdp_session(page)
        client.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(path.as_uri())
        settle(page)
        for length in LENGTHS:
            measure(page, client, words, length)


if __name__ == "__main__":
    main()
