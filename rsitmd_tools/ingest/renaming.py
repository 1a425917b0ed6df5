"""``build rename`` and ``build recategorise``: other names and categories of images."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from rsitmd_tools.dataset.records import category_of
from rsitmd_tools.errors import RsitmdError, WrongUsage, command_line
from rsitmd_tools.ingest.categories import safe_category
from rsitmd_tools.ingest.corrections import Corrected, with_counts
from rsitmd_tools.ingest.places import add_name, removed_folder, take_name_away, tidy
from rsitmd_tools.ingest.scan import SUFFIXES
from rsitmd_tools.workspace import Workspace
from rsitmd_tools.workspace.changes import (
    ImageState,
    find_image,
    former_names,
    image_named,
    image_states,
    once_named,
    recategorise_image,
    rename_image,
    with_suffix,
)
from rsitmd_tools.workspace.imported import reserved_names, reserved_numbers

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,190}\.tif")


def rename(workspace: Workspace, name: str, to: str, reason: str = "") -> Corrected:
    """Give an image another file name.

    The next push changes the file name in its tasks. Its split, its texts and its identity, the
    SHA-256 of the source, stay. A name that another image has or had is refused, so that a name
    in an earlier release never means another image.

    Args:
        workspace: A workspace opened for writing.
        name: File name of the image.
        to: The new file name.
        reason: The reason, for the history.

    Raises:
        RsitmdError: The image does not exist, or the name is taken.
        WrongUsage: The name cannot be used.
    """
    suffix = PurePath(to).suffix.lower()
    if suffix in SUFFIXES - {".tif"}:
        raise WrongUsage(
            f"has the suffix {suffix}, but images are stored as .tif",
            where=to,
            hint=f"use {PurePath(to).stem}.tif",
        )
    to = f"{to[:-4] if suffix == '.tif' else to}.tif"
    before = with_suffix(name)
    if image_named(workspace.db, before) is None and to in once_named(workspace.db, before):
        # Killed between the rows and the last step.
        take_name_away(workspace, before, to)
        return with_counts(workspace, Corrected(unchanged=[to]))
    image = find_image(workspace, name)
    if image.filename == to:
        return with_counts(workspace, Corrected(unchanged=[to]))
    _check_name(workspace, image, to)
    place = workspace.images if image.reason is None else removed_folder(workspace)
    add_name(place / image.filename, place / to)
    with workspace.transaction() as db:
        rename_image(db, image, to, _number_in(db, image, to), reason)
    take_name_away(workspace, image.filename, to)
    entry = {"image": to, "before": image.filename, "after": to}
    return with_counts(workspace, Corrected(changed=[entry]))


def recategorise(
    workspace: Workspace,
    names: Sequence[str],
    to: str,
    *,
    with_names: bool = False,
    reason: str = "",
) -> Corrected:
    """Give images another category.

    An image keeps its file name, because releases, exclusion lists, baselines of findings and
    results name images by it: a wrong category is an error in a label, a changed name breaks
    what refers to the image. With ``with_names`` it gets the next free name of the category,
    ``<category>_<number>.tif``; use that before the first release.

    Args:
        workspace: A workspace opened for writing.
        names: File names of the images.
        to: The category.
        with_names: Change the file names too.
        reason: The reason, for the history.

    Raises:
        RsitmdError: An image does not exist.
        WrongUsage: The category has no letters or digits.
    """
    category = _category(to)
    found = (
        _renamed(workspace, name, category) if with_names else find_image(workspace, name)
        for name in map(with_suffix, names)
    )
    images = {image.row: image for image in found}
    return _recategorise(workspace, images.values(), category, with_names, reason)


def merge_categories(
    workspace: Workspace, old: str, to: str, *, with_names: bool = False, reason: str = ""
) -> Corrected:
    """Give all images of a category another one; the new category may exist already.

    Removed images are changed too, so that they fit if they are restored.

    Args:
        workspace: A workspace opened for writing.
        old: The category.
        to: The new category.
        with_names: Change the file names too, see :func:`recategorise`.
        reason: The reason, for the history.

    Raises:
        RsitmdError: No image has the category.
        WrongUsage: The new category has no letters or digits.
    """
    category = _category(to)
    states = image_states(workspace.db)
    images = [image for image in states if image.category == old]
    if not images and not any(image.category == category for image in states):
        known = ", ".join(sorted({image.category for image in states})) or "none"
        raise RsitmdError(
            f"has no category {old!r}", where=workspace.path, hint=f"categories: {known}"
        )
    return _recategorise(workspace, images, category, with_names, reason)


def _recategorise(
    workspace: Workspace,
    images: Iterable[ImageState],
    category: str,
    with_names: bool,
    reason: str,
) -> Corrected:
    tidy(workspace)  # removes the files that a killed run of this command has left
    result = Corrected()
    changed = []
    for image in images:
        if image.category == category:
            result.unchanged.append(image.filename)
        else:
            changed.append(image)
    places = {(image.category, image.number) for image in image_states(workspace.db)}
    places |= reserved_numbers(workspace)
    last = max((number for of, number in places if of == category), default=0)
    taken = _taken(workspace)
    renamed: dict[int, str] = {}
    numbers: dict[int, int] = {}
    for image in changed:
        last += 1
        while f"{category}_{last}.tif" in taken:
            last += 1
        numbers[image.row] = last
        if with_names:
            renamed[image.row] = f"{category}_{last}.tif"
            place = workspace.images if image.reason is None else removed_folder(workspace)
            add_name(place / image.filename, place / renamed[image.row])
    with workspace.transaction() as db:
        for image in changed:
            recategorise_image(db, image, category, numbers[image.row], reason)
            if image.row in renamed:
                rename_image(db, image, renamed[image.row], None, reason)
            name = renamed.get(image.row, image.filename)
            result.changed.append({"image": name, "before": image.category, "after": category})
    for image in changed:
        if image.row in renamed:
            take_name_away(workspace, image.filename, renamed[image.row])
    return with_counts(workspace, result)


def _renamed(workspace: Workspace, name: str, category: str) -> ImageState:
    """Return an image by its name, or by a former name if it already has the category.

    Raises:
        RsitmdError: The image does not exist.
    """
    if image_named(workspace.db, name) is None:
        for current in once_named(workspace.db, name):
            image = find_image(workspace, current)
            if image.category == category:
                return image
    return find_image(workspace, name)


def _category(name: str) -> str:
    try:
        return safe_category(name)
    except WrongUsage as error:
        raise WrongUsage(error.what, where="--to", hint="use letters a to z and digits") from None


def _taken(workspace: Workspace) -> set[str]:
    """Return the names that images have, had or will have, in lower case."""
    names = [image.filename for image in image_states(workspace.db)]
    names += [*former_names(workspace.db), *reserved_names(workspace)]
    return {name.casefold() for name in names}


def _check_name(workspace: Workspace, image: ImageState, to: str) -> None:
    """Check a new file name.

    Raises:
        RsitmdError: Another image has or had it.
        WrongUsage: It cannot be used on all systems, or begins with another category.
    """
    if _NAME.fullmatch(to) is None:
        raise WrongUsage(
            f"{to!r} cannot be used as a file name",
            where="--to",
            hint="use letters, digits, '_', '-' and '.', and the suffix .tif",
        )
    if category_of(to) not in (None, image.category):
        raise WrongUsage(
            f"{to!r} begins with the category {category_of(to)}, but the image has the category"
            f" {image.category}",
            where="--to",
            hint="to change the category, run: "
            + command_line(
                "build", "recategorise", workspace.path, image.filename, "--to", category_of(to)
            ),
        )
    own = {image.filename.casefold()}
    own |= {
        name.casefold()
        for name in former_names(workspace.db)
        if image.filename in once_named(workspace.db, name)
    }
    if to.casefold() in _taken(workspace) - own:
        raise RsitmdError(
            f"{to!r} is or was the name of another image",
            where=workspace.path,
            hint="use another name: names in earlier releases must not mean other images",
        )


def _number_in(db: sqlite3.Connection, image: ImageState, name: str) -> int | None:
    """Return the number in a name ``<category>_<number>.tif``, unless another image has it."""
    found = re.fullmatch(re.escape(image.category) + r"_([1-9][0-9]{0,8})\.tif", name)
    if found is None:
        return None
    number = int(found[1])
    others = (i for i in image_states(db) if i.category == image.category and i.row != image.row)
    return None if any(other.number == number for other in others) else number
