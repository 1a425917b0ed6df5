"""D107: the category in the name differs from the record's."""

from __future__ import annotations

from collections.abc import Iterator

from rsitmd_tools.dataset.records import category_of
from rsitmd_tools.quality.rule import Violation, rule
from rsitmd_tools.quality.subject import Subject


@rule("D107", "category-differs", "warning")
def category_differs(subject: Subject) -> Iterator[Violation]:
    """The category in the file name differs from the record's.

    Some loaders use the file name, others the record: their results by category differ. In a
    workspace, images whose category was changed by `rsitmd build recategorise` are not reported.
    Names that begin with no category, such as `IMG_2020_1.tif`, are not reported.

    Bad:
        {"filename": "port_1.tif", "category": "river"}
    Good:
        {"filename": "port_1.tif", "category": "port"}
    Fix:
        Rename the file or correct the record.
    """
    changed = _recategorised(subject)
    categories = {image.category for image in subject.dataset}
    for image in subject.dataset:
        if image.filename in changed:
            continue
        in_name = category_of(image.filename)
        meant = in_name in categories or _is_word(in_name)
        if meant and in_name and image.category and in_name != image.category:
            yield Violation(
                f"category {in_name!r} in the file name, {image.category!r} in the record", image
            )


def _is_word(name: str | None) -> bool:
    """Return whether a name can be a category: not that of a camera or a satellite."""
    letters = (name or "").replace("_", "").replace("-", "")
    return letters.isalpha() and not letters.isupper()


def _recategorised(subject: Subject) -> frozenset[str]:
    """Return the images of a workspace whose category was changed by hand."""
    if subject.dataset.format != "workspace":
        return frozenset()
    from rsitmd_tools.workspace import Workspace
    from rsitmd_tools.workspace.changes import recategorised_names

    with Workspace.open(subject.dataset.source) as workspace:
        return recategorised_names(workspace)
