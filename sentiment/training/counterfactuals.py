"""Counterfactuals: clauses of training reviews, turned into their opposite by rule, and the probability they then have.

Reviews alone teach a small network little about negation: what follows "not" says too little about the verdict on the
whole. Minimal pairs do, two texts alike but for what turns the meaning (Kaushik et al. 2020), and pairs made by rule
serve as well (Wang & Culotta 2021). Words and patterns are data, in counterfactuals.toml beside this module.
"""

import itertools
import math
import re
import tomllib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from typing import NamedTuple, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from sentiment.data.corpus import normalized

SMALLEST_POLARITY = 0.4
"""Log-odds, in size, that make a word an opinion."""

FEWEST_REVIEWS = 20
"""Reviews that have to use a word as a predicate before it can be an opinion."""

FEWEST_DEGREES = 3
"""How often a word has to follow one of degree, such as "very", which nouns, verbs and participles seldom do."""

PRIOR_REVIEWS = 10
"""Reviews that the mirror image of the plain word counts for, when the negated word is counted."""

STRENGTH = 2.0
"""Log-odds of a clause for each of its opinion's polarity: reviews say much else, which waters a word's share down."""

CLAUSE_WORDS = 3, 14
"""Fewest and most words of a clause that is turned."""

CONTRAST_SHARE = 0.3
"""Share of the snippets that stand beside a clause of the opposite opinion, where there was one."""

PLAIN_SHARE = 0.4
"""Share of the snippets that stay as they are, the other half of their minimal pair."""

OPTIONAL_SHARE = 0.25
"""How often an optional word that the clause does not have is put in."""

_SLOT = re.compile(r"\{(?P<name>\w+)(?:\.(?P<form>\w+))?(?P<optional>\?)?\}(?P<space> ?)")
_QUESTION_MARK = re.compile(r"\?(?!\})")
_ENDS_WITH_OPINION = re.compile(r"\{(?:opinion|verb(?:\.\w+)?)\}$")
_START, _END = r"(?<![\w'-])", r"(?![\w'-])"
_PUNCTUATION = re.compile(r"[.!?;:,()<>\"*/\n]|--|\s-\s")
_WORD = re.compile(r"[\w'-]+")
_LOWER_CASE_WORD = r"[a-z]+(?:-[a-z]+)*"


class Snippet(NamedTuple):
    """A text by rule, and the P(positive) that it is to have."""

    text: str
    positive_probability: float


class _Change(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    plain: str
    turned: list[str]
    praise: list[str] = Field(default_factory=list)
    same: list[str] = Field(default_factory=list)


class _Rules(BaseModel):
    """The content of counterfactuals.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    negators: str
    ends: str
    openers: str
    faint: str
    telling_degrees: str
    words: dict[str, list[str]]
    forms: dict[str, dict[str, dict[str, str]]]
    changes: list[_Change]
    contrasts: list[str]

    @classmethod
    def read(cls) -> Self:
        path = resources.files("sentiment.training").joinpath("counterfactuals.toml")
        return cls.model_validate(tomllib.loads(path.read_text("utf-8")))

    def choices(self, name: str, form: str | None) -> dict[str, str]:
        """What may stand in a slot, and the plain word that each stands for."""
        if name in self.words:
            return {word: word for word in self.words[name]}
        return {forms[form] if form else word: word for word, forms in self.forms[name].items()}

    def pattern(self, template: str, more_words: str = "{0,3}?") -> re.Pattern[str]:
        """What finds a template in a clause, with a group for the first place of each slot.

        Args:
            more_words: of a subject behind its first one, as a regular expression counts.
        """
        grouped: set[str] = set()

        def slot(match: re.Match[str]) -> str:
            name = match["name"]
            if name == "opinion":
                found = _LOWER_CASE_WORD
            elif name == "subject":
                found = r"(?!I\b|[Tt]here\b)[\w'-]+(?:\s+[\w'-]+)" + more_words
            else:
                found = "|".join(re.escape(choice) for choice in self.choices(name, match["form"]))
            space = r"\s+" if match["space"] else ""
            group = "?:" if name in grouped else f"?P<{name}>"
            grouped.add(name)
            return rf"(?:({group}{found}){space})" + ("?" if match["optional"] else "")

        template = _QUESTION_MARK.sub(r"\\?", template)
        return re.compile(("^" if template.startswith("^") else _START) + _SLOT.sub(slot, template.lstrip("^")) + _END)

    def values(self, template: str, match: re.Match[str]) -> dict[str, str]:
        """Slot -> what stands in it, the plain word of a form."""
        values = {name: text for name, text in match.groupdict().items() if text}
        for slot in _SLOT.finditer(template):
            if slot["form"] and slot["name"] in values:
                values[slot["name"]] = self.choices(slot["name"], slot["form"])[values[slot["name"]]]
        return values

    def readings(self, template: str, match: re.Match[str], slots: Collection[str]) -> Iterator[dict[str, str]]:
        """All that may stand in some slots of a plain clause that was written as this match of a template."""
        forms = {slot["name"]: slot["form"] for slot in reversed(list(_SLOT.finditer(template)))}
        found = []
        for name in slots:
            text, form = match.groupdict().get(name), forms.get(name)
            if text is None:
                found.append(list(self.choices(name, None)))
            elif form:
                found.append([word for word, others in self.forms[name].items() if others[form] == text])
            else:
                found.append([text])
        return (dict(zip(slots, chosen, strict=True)) for chosen in itertools.product(*found))

    def opinion(self, form: "_Form", match: re.Match[str]) -> str:
        """The word of a match whose polarity counts, a verb as "to love", whatever its form."""
        values = self.values(form.template, match)
        return values.get("opinion") or f"to {self.forms['verb'][values['verb']]['base']}"

    def write(self, template: str, values: Mapping[str, str], generator: np.random.Generator) -> str:
        """The template with its slots filled."""

        def fill(slot: re.Match[str]) -> str:
            name, form = slot["name"], slot["form"]
            word = values.get(name)
            if word is None:
                if slot["optional"] and generator.random() >= OPTIONAL_SHARE:
                    return ""
                word = str(generator.choice(self.words[name]))
            return (self.forms[name][word][form] if form else word) + slot["space"]

        written = _SLOT.sub(fill, template.lstrip("^"))
        return re.sub(r"\ban? (?=(\w))", lambda found: "an " if found[1] in "aeiou" else "a ", written)


class _Form(NamedTuple):
    """A way to say something that clauses are searched for."""

    change: _Change
    template: str
    pattern: re.Pattern[str]

    @property
    def is_turned(self) -> bool:
        return self.template != self.change.plain

    @property
    def counts(self) -> bool:
        """Whether polarity is learned from it: what it says is plain, or turned by "not" alone."""
        return not self.template.startswith("^") and self.template in (self.change.plain, *self.change.turned[:2])


class Counterfactuals:
    """Turns clauses into their opposite, by the polarity of words that it learned.

    Args:
        polarity: of each opinion, a word or a verb such as "to love", the log-odds of a positive review that says it
            plainly.
    """

    def __init__(self, polarity: Mapping[str, float]) -> None:
        self.polarity = polarity
        self._rules = _Rules.read()
        forms = _forms(self._rules)
        self._forms = {
            is_turned: [form for form in forms if form.is_turned == is_turned] for is_turned in (False, True)
        }
        self._ends = re.compile(_any_word(self._rules.ends))
        self._negators = re.compile(rf"{_any_word(self._rules.negators)}|n['\u2019]t\b")
        verbs = ((word, forms["base"]) for word, forms in self._rules.forms["verb"].items())
        self._telling = {*polarity, *(word for pair in verbs if f"to {pair[1]}" in polarity for word in pair)}
        self._openers = frozenset(self._rules.openers.split())

    @classmethod
    def fit(cls, texts: Iterable[str], labels: np.ndarray) -> Self:
        """Learn the polarity of words from reviews.

        A word's polarity is half of what a negation changes: the log-odds of reviews that call something "good" less
        those of reviews that call something "not good". So "good" is an opinion, which occurs as often in negative
        reviews, and the polarity of "bad" is smaller than its plain use suggests, as "not bad" is faint praise.
        A copy of a review is no further evidence, so copies count once.

        Args:
            labels: (N,), 1 positive, 0 negative.
        """
        rules = _Rules.read()
        telling = rules.telling_degrees.split()
        forms = [form for form in _forms(rules) if form.counts]
        plain, negated = (Counter[str](), Counter[str]()), (Counter[str](), Counter[str]())
        degrees: Counter[str] = Counter()
        reviews = {(normalized(text), label): text for text, label in zip(texts, labels.tolist(), strict=True)}
        for (_, label), text in reviews.items():
            said: tuple[set[str], set[str]] = set(), set()
            normal = " ".join(text.split())
            for form in forms:
                for match in form.pattern.finditer(normal):
                    opinion = rules.opinion(form, match)
                    said[form.is_turned].add(opinion)
                    if match.groupdict().get("degree") in telling or opinion.startswith("to "):
                        degrees[opinion] += 1
            plain[label].update(said[False])
            negated[label].update(said[True])
        positives = sum(label for _, label in reviews)
        balance = math.log((1 + positives) / (1 + len(reviews) - positives))
        polarity = {}
        for word in (plain[0] | plain[1]).keys() - rules.faint.split():
            negative, positive = plain[0][word], plain[1][word]
            if negative + positive < FEWEST_REVIEWS or degrees[word] < FEWEST_DEGREES:
                continue
            log_odds = math.log((1 + positive) / (1 + negative)) - balance
            mirrored = PRIOR_REVIEWS / (1 + math.exp(log_odds))  # of the prior, the positive ones
            turned = math.log((mirrored + negated[1][word]) / (PRIOR_REVIEWS - mirrored + negated[0][word])) - balance
            polarity[word] = (log_odds - turned) / 2
        return cls({word: value for word, value in sorted(polarity.items()) if abs(value) >= SMALLEST_POLARITY})

    def snippets(self, texts: Iterable[str], generator: np.random.Generator) -> Iterator[Snippet | None]:
        """For each review a clause of it that now says the opposite, or None where no rule fits a clause."""
        latest: dict[bool, Snippet] = {}
        for text in texts:
            snippet = self.turn(text, generator)
            if snippet is not None:
                is_positive = snippet.positive_probability >= 0.5
                other = latest.get(not is_positive)
                if "," in snippet.text:  # a contrast by itself
                    other = None
                else:
                    latest[is_positive] = snippet
                if other is not None and generator.random() < CONTRAST_SHARE:
                    contrast = str(generator.choice(self._rules.contrasts))
                    snippet = Snippet(
                        contrast.format(first=other.text, last=snippet.text), snippet.positive_probability
                    )
            yield snippet

    def turn(self, text: str, generator: np.random.Generator) -> Snippet | None:
        """One clause of a text, turned; None where no rule fits."""
        clauses = list(self.clauses([text]))
        for position in generator.permutation(len(clauses)) if clauses else ():
            clause = clauses[position]
            forms = self._forms[bool(self._negators.search(clause))]
            for choice in generator.permutation(len(forms)):
                snippet = self._turn_clause(clause, forms[choice], generator)
                if snippet is not None:
                    return snippet
        return None

    def clauses(self, texts: Iterable[str]) -> Iterator[str]:
        """The clauses of texts that hold an opinion."""
        for part in itertools.chain.from_iterable(map(_PUNCTUATION.split, texts)):
            if self._telling.isdisjoint(part.split()):
                continue
            for clause in self._ends.split(part):
                words = clause.strip(" '").split()
                while words and words[0].lower() in self._openers and words[0] != "I":
                    del words[0]
                if CLAUSE_WORDS[0] <= len(words) <= CLAUSE_WORDS[1] and not self._telling.isdisjoint(words):
                    yield " ".join(words)

    def _turn_clause(self, clause: str, form: _Form, generator: np.random.Generator) -> Snippet | None:
        match = form.pattern.search(clause)
        if match is None or (opinion := self._rules.opinion(form, match)) not in self.polarity:
            return None
        before, after = clause[: match.start()], clause[match.end() :].partition(" and ")[0]
        subject = match.groupdict().get("subject", before)
        if not subject.strip() and not form.template.startswith(("^", "{person}")):
            return None
        rest = f"{subject} {after}"
        if self._negators.search(rest) or not self.polarity.keys().isdisjoint(rest.split()):
            return None
        change, log_odds = form.change, self.polarity[opinion]
        written = change.plain
        if not form.is_turned and generator.random() >= PLAIN_SHARE:
            turned = [*change.turned, *(change.praise if log_odds > 0 else ())]
            written = str(generator.choice([*turned, *change.same]))
            if written in turned:
                log_odds = -log_odds
        words = self._rules.write(written, self._rules.values(form.template, match), generator)
        text = before + words + (after if _ENDS_WITH_OPINION.search(written) else "")
        return Snippet(text, 1 / (1 + math.exp(-STRENGTH * log_odds)))


def written_by_rule(sentences: Collection[str], texts: Iterable[str]) -> set[str]:
    """Those of some sentences that the rule can write from one clause of the texts, whichever words are opinions.

    The rule may write "The story is hardly good." where a text says that the story is good, or that it is not. So
    sentence and clause are compared by what they say plainly. A contrast of two clauses is never found, as its clauses
    meet by chance.
    """
    rules = _Rules.read()
    searched, written = _forms(rules), _written_forms(rules)
    read = {sentence: _matches(written, sentence.rstrip(" .!?")) for sentence in sentences}
    plain = {sentence: set(_said_plainly(rules, matches)) for sentence, matches in read.items()}
    wanted = {said for found in plain.values() for said in found}
    rule_words = set(_WORD.findall(rules.model_dump_json().lower()))
    known = rule_words.union(*(_WORD.findall(sentence.lower()) for sentence in sentences))
    all_matches = itertools.chain.from_iterable(read.values())
    opinions = {match["opinion"] for form, match in all_matches if "{opinion}" in form.template} - rule_words
    opinions |= {f"to {forms['base']}" for forms in rules.forms["verb"].values()}
    said = set()
    for clause in Counterfactuals(dict.fromkeys(opinions, 1.0)).clauses(texts):
        if known.issuperset(clause.lower().split()):
            for head, after in _said_plainly(rules, _matches(searched, clause)):
                rest = after and after.partition(" and ")[0]  # as `_turn_clause` writes it
                said |= {(head, rest), (head, None)} & wanted
    return {sentence for sentence, found in plain.items() if not found.isdisjoint(said)}


def _matches(forms: Sequence[_Form], clause: str) -> list[tuple[_Form, re.Match[str]]]:
    """The forms that a clause has, each with where it has it."""
    return [(form, match) for form in forms if (match := form.pattern.search(clause))]


def _said_plainly(rules: _Rules, matches: Sequence[tuple[_Form, re.Match[str]]]) -> Iterator[tuple[str, str | None]]:
    """What a clause says in each of the forms that it has, turned back, without words of degree and in lower case.

    Beside it stands what follows the form in the clause; None where the form is one that the rule writes nothing after.
    """
    for form, match in matches:
        clause = match.string
        plain = _SLOT.sub(lambda slot: "" if slot["optional"] else slot[0], form.change.plain)
        for values in rules.readings(form.template, match, sorted(_needed(plain))):
            written = rules.write(plain, values, np.random.default_rng(0))  # nothing is left open
            said = clause[: match.start()] + written
            yield said.lower(), clause[match.end() :].lower() if _ENDS_WITH_OPINION.search(form.template) else None


def _all_forms(rules: _Rules) -> list[_Form]:
    """All forms that a clause may be read or written in."""
    return [
        _Form(change, template, rules.pattern(template))
        for change in rules.changes
        for template in (change.plain, *change.turned, *change.praise, *change.same)
    ]


def _written_forms(rules: _Rules) -> list[_Form]:
    """The forms that a whole clause may be written in, subjects of one to four words apart, as each may be meant."""
    return [
        form._replace(
            pattern=rules.pattern(
                form.template + ("" if _ENDS_WITH_OPINION.search(form.template) else "$"), f"{{{more_words}}}"
            )
        )
        for form in _all_forms(rules)
        for more_words in range(4 if "{subject}" in form.template else 1)
    ]


def _forms(rules: _Rules) -> list[_Form]:
    """All forms that clauses are searched for; others are only written.

    Those are the forms with a comma, those that lack a word of the plain form, and those that only look turned.
    """
    return [
        form
        for form in _all_forms(rules)
        if "," not in form.template
        and _needed(form.change.plain) <= _needed(form.template)
        and form.template not in form.change.same
    ]


def _needed(template: str) -> set[str]:
    """The slots of a template that are never left out."""
    return {slot["name"] for slot in _SLOT.finditer(template) if not slot["optional"]}


def _any_word(words: str) -> str:
    return rf"{_START}(?i:{'|'.join(words.split())}){_END}"
