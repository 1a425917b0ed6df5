"""Whether the server still has what a page saves a text for.

On SQLite, Label Studio gives the number of a deleted last task to the next task. A page that was
opened before would save its text for another image. For a draft of a deleted task, Label Studio
answers with the status 500, as if the server had failed.
"""

from __future__ import annotations

import re

from rsitmd_tools.studio.sync.identity import data_key

_SAVES = ("POST", "PATCH")
_TARGET = re.compile(
    r"/api/(?:"
    r"tasks/(?P<task>\d{1,18})/(?:drafts|annotations(?:/(?P<of>\d{1,18})/drafts)?)"
    r"|annotations/(?P<annotation>\d{1,18})"
    r"|drafts/(?P<draft>\d{1,18})"
    r")/?"
)


def is_gone(method: str, path: str, image: str | None) -> bool:
    """Return whether a request saves a text for a task or an annotation that does not exist.

    Args:
        method: Method of the request.
        path: Its path. All paths under which no text is saved are left alone.
        image: The key of the image for which the text was written; None if it is not known. A
            task of another image is not the task of the text.
    """
    target = _TARGET.fullmatch(path)
    if method not in _SAVES or target is None:
        return False
    from tasks.models import Task

    wanted = {
        "id": target["task"],
        "annotations": target["of"] or target["annotation"],
        "drafts": target["draft"],
    }
    tasks = Task.objects.filter(**{name: number for name, number in wanted.items() if number})
    data = tasks.values_list("data", flat=True).first()
    return data is None or (image is not None and data_key(data) != image)
