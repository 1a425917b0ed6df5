"""Starts Label Studio with an additional middleware; run by ``python -m`` as the server process."""

from __future__ import annotations

import os
import sys

MIDDLEWARE = "rsitmd_tools.studio.page.middleware.PageScripts"


def main() -> None:
    """Start Label Studio; takes the command-line arguments of its console script."""
    from label_studio import server

    sys.argv[0] = "label-studio"
    sys.path.insert(0, server.LS_PATH)  # Label Studio's settings import from there
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "label_studio.core.settings.label_studio")
    # A settings module of this tool could not import Label Studio's settings, which read `settings`
    # during their own import. Django builds its middleware chain later, from this list.
    from django.conf import settings

    settings.MIDDLEWARE.append(MIDDLEWARE)
    if os.environ.pop("RSITMD_RESET_ACCOUNT", ""):
        reset_account()
    server.main()


def reset_account() -> None:
    """Set the password and token of the account to those in the environment."""
    import django

    django.setup(set_prefix=False)
    from rest_framework.authtoken.models import Token
    from users.models import User

    user = User.objects.filter(email=os.environ["LABEL_STUDIO_USERNAME"]).first()
    if user is None:  # the server creates the account at its start
        return
    user.set_password(os.environ["LABEL_STUDIO_PASSWORD"])
    user.save()
    Token.objects.filter(user=user).delete()
    Token.objects.create(user=user, key=os.environ["LABEL_STUDIO_USER_TOKEN"])


if __name__ == "__main__":
    main()
