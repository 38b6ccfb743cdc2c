"""Tables of one genre of IMDB reviews, and all other reviews for a start model: for `benchmarks.start_from`.

A film is of the genre horror if half of its labelled reviews name it: they hold a word of GENRE. So neither the start
model's reviews nor its films are in the tables. Unlabelled reviews have no film, and are left out by their words alone.
"""

import re
import tarfile
from pathlib import Path

import pandas as pd

GENRE = re.compile(
    r"\b(horror|zombies?|vampires?|slasher|gore|gory|werewol\w+|splatter|ghosts?|haunted|undead|scary|scares?|creepy|"
    r"demons?|satan\w*|exorcis\w*)\b",
    re.IGNORECASE,
)
REVIEW = re.compile(r"(train|test)/(pos|neg|unsup)/(\d+)_\d+\.txt$")


def read_reviews(archive: Path) -> pd.DataFrame:
    """Every review: split, kind (pos, neg or unsup), text, film (of labelled reviews), is_genre."""
    rows, films = [], {}
    with tarfile.open(archive, "r|*") as files:
        for member in files:
            content = files.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            if match := REVIEW.search(member.name):
                rows.append((match[1], match[2], int(match[3]), content.read().decode("utf-8")))
            elif named := re.search(r"(train|test)/urls_(pos|neg)\.txt$", member.name):
                films[named[1], named[2]] = content.read().decode("utf-8").split()
    table = pd.DataFrame(rows, columns=["split", "kind", "number", "text"]).sort_values(["split", "kind", "number"])
    table["film"] = [
        re.search(r"tt\d+", films[split, kind][number])[0] if kind != "unsup" else ""  # type: ignore[index]
        for split, kind, number in zip(table["split"], table["kind"], table["number"], strict=True)
    ]
    names_it = table["text"].str.contains(GENRE)
    share = names_it.groupby(table["film"]).transform("mean")
    table["is_genre"] = (share >= 0.5).where(table["film"] != "", names_it)
    return table


if __name__ == "__main__":
    import sys

    t = read_reviews(Path(sys.argv[1]))
    print(t.groupby(["split", "kind", "is_genre"]).size(), t[t.is_genre].groupby("split").film.nunique())
    g = t[t.is_genre & (t.kind != "unsup")]
    for x in g.sample(12, random_state=1).itertuples():
        print(x.split, x.kind, x.film, x.text[:150])
