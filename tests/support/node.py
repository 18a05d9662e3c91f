"""The Node SDKs in one process, which answers a line of JSON with a line of JSON (`tests/e2e/node/driver.mjs`)."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import msgspec

from tests.support.pictures import png_base64
from tests.support.stage import Site

HERE = Path(__file__).parent.parent / "e2e" / "node"

Drive: TypeAlias = Callable[[Site, str, str], dict]
"""(site, sdk, cell) -> what the driver answered: `ok` with what the cell gives, or `error`"""


@contextmanager
def driving() -> Iterator[Drive]:
    subprocess.run([HERE / "install"], check=True)
    with subprocess.Popen(["node", "driver.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as node:
        assert node.stdin is not None
        assert node.stdout is not None

        def run(site: Site, sdk: str, cell: str) -> dict:
            order = {"sdk": sdk, "cell": cell, "url": site.url, "key": site.key, "model": site.model}
            node.stdin.write(msgspec.json.encode(order | {"image": png_base64()}) + b"\n")
            node.stdin.flush()
            return msgspec.json.decode(node.stdout.readline())

        yield run
        node.stdin.close()
        assert node.wait() == 0
