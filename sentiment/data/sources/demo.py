"""A synthetic corpus: film reviews from a small grammar, whose verdict no single word gives away.

Every review states one verdict and pads it with a neutral retelling of the plot, up to 150 words. The verdict comes
in four constructions: negation ("not at all good"), concession ("gorgeous to look at, but dull"), reported opinion
("everyone praised it; i did not"), and a plain statement. In the first three each praising or damning word
stands as often in positive as in negative reviews: only the order of words tells the two apart. Because most
verdicts come before the plot, a recurrent model must carry them to the end of the review.
"""

import random
import re

import numpy as np

from sentiment.data.corpus import Corpus, Reviews

REVIEWS = {"train": 6_000, "test": 2_000, "unlabelled": 1_000}
LONGEST_PLOT = 150
"""Words."""

PRAISE = (
    "good gorgeous moving brilliant funny gripping charming clever beautiful thrilling memorable delightful".split()
)
BLAME = "bad dull boring clumsy silly tedious awful lifeless ugly forgettable shallow painful".split()

# Each line is a positive verdict; its mirror image (PRAISE for BLAME, loved for hated) is a negative one.
PLAIN = (
    "the {aspect} is {praise} and so is the film .",
    "a {praise} film with a {praise} {aspect} .",
)
NEGATION = (
    "it is not at all {blame} .",
    "this film is anything but {blame} .",
    "the {aspect} is far from {blame} .",
    "by no means {blame} , whatever the {aspect} suggests .",
    "nobody could call the {aspect} {blame} .",
    "there is nothing {blame} about the {aspect} .",
)
CONCESSION = (
    "{blame} to look at , but {praise} at heart .",
    "although the {aspect} is {blame} , the film is {praise} .",
    "the film is {praise} , even though the {aspect} is {blame} .",
    "the {aspect} may be {blame} , yet the whole is {praise} .",
    "for all its {blame} {aspect} it is a {praise} film .",
    "a {praise} film despite its {blame} {aspect} .",
)
REPORTED = (
    "everyone {hated} it ; i did not .",
    "the critics {hated} it and i cannot agree .",
    "my friends {hated} the {aspect} , but i {loved} it .",
    "people told me it was {blame} and they were wrong .",
    "people told me it was {praise} and they were right .",
    "i {loved} it , though my friends {hated} it .",
)
CONSTRUCTIONS = (PLAIN, NEGATION, CONCESSION, REPORTED)
SHARES = (1, 3, 3, 3)

WORDS = {
    "aspect": "acting script music camera dialogue story direction cast editing lighting ending score".split(),
    "who": (
        "a sailor,a young teacher,the detective,his brother,an old farmer,the mayor,a painter,her sister,the captain,"
        "a quiet clerk,the widow,a travelling salesman,his uncle,the doctor,a student,the driver"
    ).split(","),
    "does": (
        "meets,follows,writes to,waits for,remembers,visits,looks for,hears about,travels with,talks to,works for,"
        "sees,leaves,lives beside,calls,asks"
    ).split(","),
    "where": (
        "in a harbour town,near the station,on a train to the north,at the market,in the mountains,by the river,"
        "on a small island,in an empty hotel,behind the school,across the border,in the old library,on the farm"
    ).split(","),
    "when": (
        "one winter,before the war,the next morning,after the funeral,in the summer of that year,at night,"
        "on a sunday,years later,during the harvest,at the end of the week,meanwhile,soon"
    ).split(","),
}
PLOT = (
    "{when} {who} {does} {who} {where} .",
    "{who} {does} {who} {when} .",
    "{where} {who} {does} {who} .",
    "{who} and {who} live {where} and {when} {who} {does} them .",
    "then {who} {does} {who} .",
)


def load_demo(seed: int) -> Corpus:
    """The synthetic corpus: 6,000 reviews to train, 2,000 to test, 1,000 without labels; no text stands in it twice,
    and the same seed gives the same corpus."""
    generator = random.Random(seed)
    seen: set[str] = set()
    splits = {}
    for split, size in REVIEWS.items():
        labels = [position % 2 for position in range(size)]
        generator.shuffle(labels)
        texts = []
        for label in labels:
            while (text := _review(generator, label == 1)) in seen:
                pass
            seen.add(text)
            texts.append(text)
        splits[split] = Reviews(texts, np.array(labels, np.int8))
    return Corpus(splits["train"], splits["test"], Reviews(splits["unlabelled"].texts))


def _review(generator: random.Random, positive: bool) -> str:
    # the square makes short plots more frequent: they teach what the long ones ask for
    plot = _plot(generator, int((LONGEST_PLOT + 1) * generator.random() ** 2))
    verdict = _verdict(generator, positive)
    before = 0 if generator.random() < 0.75 else generator.randint(0, len(plot))  # mostly the verdict comes first
    return " ".join([*plot[:before], verdict, *plot[before:]])


def _verdict(generator: random.Random, positive: bool) -> str:
    template = generator.choice(generator.choices(CONSTRUCTIONS, SHARES)[0])
    praise, blame, loved, hated = (PRAISE, BLAME, ["praised", "loved"], ["hated", "disliked"])
    if not positive:
        praise, blame, loved, hated = blame, praise, hated, loved
    return _fill(generator, template, {**WORDS, "praise": praise, "blame": blame, "loved": loved, "hated": hated})


def _plot(generator: random.Random, words: int) -> list[str]:
    """Whole neutral sentences, as many as fit into `words` words."""
    sentences: list[str] = []
    while True:
        sentence = _fill(generator, generator.choice(PLOT), WORDS)
        words -= len(sentence.split()) - 1  # the full stop is no word
        if words < 0:
            return sentences
        sentences.append(sentence)


def _fill(generator: random.Random, template: str, words: dict[str, list[str]]) -> str:
    return re.sub(r"{(\w+)}", lambda name: generator.choice(words[name[1]]), template)
