"""One HTTP call from one address, told as JSON: `python -m tests.e2e.visit METHOD URL ...`, run inside a namespace."""

import argparse
import http.client
import json
from pathlib import Path
from urllib.parse import urlsplit

from relay.x509.bundle import read_bundle
from relay.x509.context import client_context


def main() -> None:
    arguments = _arguments()
    bundle = None
    if arguments.p12:
        password = arguments.p12.with_suffix(".password").read_text().strip()
        bundle = read_bundle(arguments.p12.read_bytes(), password)
    url = urlsplit(arguments.url)
    connection = http.client.HTTPSConnection(
        url.hostname or "",
        url.port,
        timeout=10,
        source_address=(arguments.source, 0) if arguments.source else None,
        context=client_context(bundle, trust=arguments.trust),
    )
    body = arguments.body.read_bytes() if arguments.body else None
    connection.request(arguments.method, url.path, body, dict(field.split(": ", 1) for field in arguments.field))
    answer = connection.getresponse()
    told = {"status": answer.status, "reason": answer.reason, "fields": dict(answer.getheaders())}
    print(json.dumps(told | {"body": answer.read().decode()}))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("method")
    parser.add_argument("url")
    parser.add_argument("--trust", type=Path, required=True)
    parser.add_argument("--source")
    parser.add_argument("--p12", type=Path)
    parser.add_argument("--body", type=Path)
    parser.add_argument("--field", action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    main()
