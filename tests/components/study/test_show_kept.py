"""What `thawline cache` prints of what a search keeps."""

from components.features import show
from components.training.recipe import Setting


def test_kept_activations_are_listed_and_cleared(make_search):
    """Each with its layer and size; afterwards nothing is left."""
    search = make_search()
    search.reuse.inputs(search.reuse.network.model, Setting(freeze_depth=5, learning_rate=1e-3), 0)
    cache = search.folder.parent / "cache"
    lines = show.activations(cache).splitlines()
    assert any(line.startswith("5 ") and "validation" in line for line in lines), lines
    views = [line for line in lines if line.startswith("5 ") and "one view" in line]
    assert len(views) == search.plan.views
    assert show.cleared(cache).endswith("MiB freed")
    assert show.activations(cache).startswith("Nothing is kept")
