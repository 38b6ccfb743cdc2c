# docker build --tag sentiment .
# docker run --rm --volume "$PWD:/work" sentiment run-pipeline --source demo
#
# To predict, score, explain and write playgrounds alone, in a sixth of the space:
# docker build --target score --tag sentiment-score .
# docker run --rm sentiment-score predict "This movie was not bad."

FROM python:3.11-slim-bookworm AS build
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
COPY sentiment sentiment
COPY pipelines pipelines
RUN python -m venv /opt/sentiment \
    && /opt/sentiment/bin/pip install --no-cache-dir --constraint constraints.txt --no-deps . \
    && /opt/sentiment/bin/pip install --no-cache-dir --constraint constraints.txt \
    numpy pandas pyarrow scipy jinja2 pydantic typer rich

FROM build AS build-all
RUN /opt/sentiment/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.11-slim-bookworm AS base
RUN useradd --create-home --uid 1000 sentiment \
    && mkdir /work \
    && chown sentiment /work
ENV PATH=/opt/sentiment/bin:$PATH
USER 1000
WORKDIR /work
ENTRYPOINT ["sentiment"]
CMD ["--help"]

FROM base AS score
COPY --from=build /opt/sentiment /opt/sentiment

FROM base AS all
COPY --from=build-all /opt/sentiment /opt/sentiment
