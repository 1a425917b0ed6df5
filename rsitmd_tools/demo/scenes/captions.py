"""Five true sentences about one scene, one per annotator."""

from __future__ import annotations

from rsitmd_tools.demo.scenes.description import Description, Group
from rsitmd_tools.demo.scenes.kinds import NUMBERS


def sentences_of(scene: Description) -> tuple[tuple[str, str], ...]:
    """Return ``(annotator, sentence)`` pairs of five annotators."""
    first, second = scene.groups
    place, other_place = scene.kind.place
    crossed = f"a {scene.band} {scene.kind.band[0]}" if scene.kind.band else "no road"
    total = first.count + second.count
    lines = (
        f"{_capital(_group(scene, first))} {_verb(first)} in the {first.spot} of the "
        f"{scene.ground} {place}, {_group(scene, second)} in the {second.spot}.",
        f"The {scene.ground} {other_place} holds {_group(scene, first, synonym=True)} at the "
        f"{first.spot} and {_group(scene, second, synonym=True)} at the {second.spot}.",
        f"{_capital(NUMBERS[total])} {_name(scene, total, False)} can be counted: "
        f"{NUMBERS[first.count]} {first.colour} at the {first.spot} and {NUMBERS[second.count]} "
        f"{second.colour} at the {second.spot}; {crossed} crosses the {place}.",
        f"Seen from above, {_group(scene, second, synonym=True)} {_verb(second)} "
        f"{_relation(scene)} {_group(scene, first, synonym=True)} on {scene.ground} ground.",
        f"In the {second.spot} corner of this {place} {_verb(second)} {_group(scene, second)}; "
        f"the {first.spot} one holds {NUMBERS[first.count]} "
        f"{first.size} {first.colour} {_name(scene, first.count, False)}.",
    )
    return tuple((f"annotator{number}", line) for number, line in enumerate(lines, 1))


def keywords_of(scene: Description) -> tuple[str, ...]:
    """Return the keywords: a fine-grained word and an object each."""
    name = _name(scene, 1, False)
    found = [f"{group.colour} {name}" for group in scene.groups]
    found.append(f"{scene.ground} {scene.kind.keyword}")
    if scene.kind.band:
        found.append(f"{scene.band} {scene.kind.band[0]}")
    return (*found, f"- {scene.kind.place[1]}")


def _group(scene: Description, group: Group, *, synonym: bool = False) -> str:
    name = _name(scene, group.count, synonym)
    return f"{NUMBERS[group.count]} {group.size} {group.colour} {name}"


def _name(scene: Description, count: int, synonym: bool) -> str:
    return scene.kind.thing.words[int(synonym)][int(count != 1)]


def _verb(group: Group) -> str:
    return "lies" if group.count == 1 else "lie"


def _relation(scene: Description) -> str:
    """Return the position of the second group relative to the first."""
    first, second = (group.spot.split() for group in scene.groups)
    if first[0] == second[0]:
        return f"to the {second[1]} of"
    return "below" if second[0] == "lower" else "above"


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
