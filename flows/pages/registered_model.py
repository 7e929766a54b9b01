"""The registered model's page: which versions bear which alias, what they are worth, how to load.

It is computed from the versions alone, so that every action that moves an alias leaves it true. A
description that a person wrote or changed is left alone.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from flows.pages import model_card
from flows.tracking.tags import BASE_LICENCE_TAG, BASE_SOURCE_TAG

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

    from flows.tracking.stores import Store

CARD_TAG = "thawline.card"
"""Digests of descriptions that are ours: the one to be written, then the one before it, so that a
writer killed in between is not taken for a person."""
SCORE_TAG, DATA_TAG, ABOUT_TAG = "test_", "images", "about"
"""On a version, for people: the card is made of them. The first is followed by the score's name."""
EARLIER = {DATA_TAG: "pictures", ABOUT_TAG: "classes"}
"""What a version that Thawline 0.1 registered bears instead."""
HOW = (
    "A challenger becomes champion only by a verdict on the same test images; each version's "
    "page has its metrics, its limits and the verdict on it. MLflow's own *Promote model* button, "
    "and an alias that is set here by hand, pass that gate by: the next run notes it in the "
    "ledger. To choose a champion with a reason: `thawline promote VERSION --anyway --reason`."
)
ALIASES = {"champion": "in use", "challenger": "the newest that is not"}


def describe(store: "Store", name: str) -> bool:
    """Renew the description of a registered model; True if it was not as it should be."""
    model = store.client.get_registered_model(name)
    text = _text(store, model)
    known = model.tags.get(CARD_TAG, "").split()
    before = model.description or ""
    if before == text or (before and _digest(before) not in known):
        return False
    ours = " ".join(filter(None, [_digest(text), before and _digest(before)]))
    store.client.set_registered_model_tag(name, CARD_TAG, ours)
    store.client.update_registered_model(name, text)
    return True


def _text(store: "Store", model: "RegisteredModel") -> str:
    """The card, as far as the versions tell."""
    bearers = {
        alias: store.client.get_model_version(model.name, model.aliases[alias])
        for alias in ALIASES
        if alias in model.aliases
    }
    newest = next(iter(bearers.values()), None)
    told = newest.tags if newest is not None else {}
    lines = [f"- **{a}** ({ALIASES[a]}): {_line(version)}" for a, version in bearers.items()]
    parts = [
        _about(told),
        "\n".join(lines),
        HOW,
        model_card.loading(f"models:/{model.name}@champion"),
    ]
    return "\n\n".join(parts)


def _about(tags: Mapping[str, str]) -> str:
    """What the model does, in a sentence, as far as the newest version's tags tell."""
    about = tags.get(ABOUT_TAG)
    if about is None and EARLIER[ABOUT_TAG] in tags:
        about = f"names the class of an image; {tags[EARLIER[ABOUT_TAG]]}"
    return f"{about[0].upper()}{about[1:]}." if about else "Its versions tell what it does."


def _score(tags: Mapping[str, str]) -> str:
    """The score on the test images by its name."""
    scores = (f"{key} {tags[key]}" for key in sorted(tags) if key.startswith(SCORE_TAG))
    return next(scores, "test score unknown").replace("_", " ")


def _line(version: "ModelVersion") -> str:
    """One version in a few words, with the way to its page."""
    tags, number = version.tags, version.version
    data = tags.get(DATA_TAG) or tags.get(EARLIER[DATA_TAG], "unknown images")
    return (
        f"[version {number}](#/models/{quote(version.name)}/versions/{number}), "
        f"{_score(tags)} on {data}; "
        f"starts from {tags.get(BASE_SOURCE_TAG)}, "
        f"licence {tags.get(BASE_LICENCE_TAG)}"
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
