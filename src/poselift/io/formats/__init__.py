"""One file a format: each module here has a `Format` called FORMAT and is found by being here."""
