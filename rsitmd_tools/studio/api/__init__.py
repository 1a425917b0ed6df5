"""Connection to a Label Studio server: URL, account and API calls."""
