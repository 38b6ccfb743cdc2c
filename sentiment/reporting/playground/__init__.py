"""The playground: a trained classifier as one web page that computes by itself, without any request."""

from sentiment.reporting.playground.page import Example, render_playground

__all__ = ["Example", "render_playground"]
