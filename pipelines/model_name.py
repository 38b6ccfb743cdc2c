"""registered_name: under which name a pipeline registers its models in MLflow."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.data.sources import SourceConfig

IMDB_NAME, DEMO_NAME = "imdb-sentiment", "demo-sentiment"


def registered_name(source: "SourceConfig") -> str:
    """The name that belongs to a source: the table's file or folder, without its endings, or IMDB_NAME, or DEMO_NAME.

    Characters that MLflow or a model URI cannot hold become hyphens. A table never takes the names of IMDB and demo.
    """
    if source.source != "table" or source.data is None:
        return DEMO_NAME if source.is_synthetic else IMDB_NAME
    for part in reversed(source.data.absolute().parts):
        stem = part if set(part) <= {"."} else part.split(".", 1)[0] if not part.startswith(".") else part[1:]
        name = re.sub(r"[^\w-]+", "-", stem).strip("-_")
        if name:
            return f"{name}-table" if name in (IMDB_NAME, DEMO_NAME) else name
    return "table"
