"""What this tool adds to the pages of its own Label Studio server.

The embedded server is a Django application that this tool starts. :mod:`.launch` starts it
with one more middleware, which adds the scripts of ``scripts/`` to every page. A server that
runs elsewhere keeps its own pages.
"""
