"""`python -m devkit.drop --connection STRING FILE KEY=VALUE ...`: drop one file with its metadata.

The values are written as they are given: percent-encode what is not plain ASCII.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from azure.storage.blob import BlobClient


def main() -> None:
    """Upload, and say what was uploaded."""
    parser = argparse.ArgumentParser(prog="python -m devkit.drop", description=__doc__)
    parser.add_argument("--connection", required=True, help="the storage account's connection string")
    parser.add_argument("--container", default="drop")
    parser.add_argument("file", type=Path)
    parser.add_argument("metadata", nargs="+", metavar="KEY=VALUE")
    given = parser.parse_args()
    metadata = dict(pair.split("=", 1) for pair in given.metadata)
    blob = BlobClient.from_connection_string(given.connection, given.container, given.file.name)
    with given.file.open("rb") as file:
        blob.upload_blob(file, overwrite=True, metadata=metadata)
    print(f"dropped {given.file.name} into {given.container}")


if __name__ == "__main__":
    main()
