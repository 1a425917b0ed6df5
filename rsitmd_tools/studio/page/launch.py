"""Starts Label Studio with one more middleware; run by ``python -m``, in the server's process."""

from __future__ import annotations

import os
import sys

MIDDLEWARE = "rsitmd_tools.studio.page.middleware.PageScripts"


def main() -> None:
    """Start Label Studio with the command-line arguments of its console script."""
    from label_studio import server

    sys.argv[0] = "label-studio"
    sys.path.insert(0, server.LS_PATH)  # the server's settings import from there
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "label_studio.core.settings.label_studio")
    # A settings module of ours cannot import the server's: that one reads `settings` while it
    # is being imported. Django builds its chain of middleware later, from this list.
    from django.conf import settings

    settings.MIDDLEWARE.append(MIDDLEWARE)
    if os.environ.pop("RSITMD_RESET_ACCOUNT", ""):
        reset_account()
    server.main()


def reset_account() -> None:
    """Give the account of the environment's address the environment's password and token."""
    import django

    django.setup(set_prefix=False)
    from rest_framework.authtoken.models import Token
    from users.models import User

    user = User.objects.filter(email=os.environ["LABEL_STUDIO_USERNAME"]).first()
    if user is None:  # the server makes it at its start
        return
    user.set_password(os.environ["LABEL_STUDIO_PASSWORD"])
    user.save()
    Token.objects.filter(user=user).delete()
    Token.objects.create(user=user, key=os.environ["LABEL_STUDIO_USER_TOKEN"])


if __name__ == "__main__":
    main()
