"""A page for people: what a model is, a form made from its inputs, and its answer."""

from kzoo.serving.embedded.page.document import POLICY, page

__all__ = ["POLICY", "page"]
