"""Extensions of the pages of the embedded Label Studio server.

The embedded server is a Django application. :mod:`.launch` starts it with an additional
middleware, which adds the scripts of ``scripts/`` to every page. The pages of other servers are
not changed.
"""
