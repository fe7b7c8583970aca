"""What the persistor does, without a host: `python3 -m unittest` tests it."""


def key(job: str) -> str:
    """The key of a job's archive."""
    return f"{job}.zip"
