"""`omniroute serve`, with its options as Typer shows them."""

from typing import Annotated

import typer

from omniroute.cli.serving import serve


def serve_command(
    host: Annotated[str | None, typer.Option("--host", metavar="ADDRESS", help="Listen here [127.0.0.1].")] = None,
    port: Annotated[
        str | None, typer.Option("--port", metavar="PORT", help="Listen on this port [20128].")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option("--data-dir", metavar="DIR", help="Keep everything here.")
    ] = None,
    config: Annotated[str | None, typer.Option("--config", metavar="FILE", help="Read this file.")] = None,
    open_browser: Annotated[
        bool | None, typer.Option("--open/--no-open", help="Open a browser when ready.")
    ] = None,
    detect: Annotated[
        bool | None,
        typer.Option("--detect/--no-detect", help="Use keys in the environment, look for local servers."),
    ] = None,
    log_level: Annotated[
        str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
    ] = None,
    log_format: Annotated[str | None, typer.Option("--log-format", metavar="FORMAT", help="text or json.")] = None,
    workers: Annotated[str | None, typer.Option("--workers", metavar="N", help="Only 1 is possible yet.")] = None,
    transport: Annotated[
        str | None, typer.Option("--transport", metavar="NAME", help="native or aiohttp, towards providers.")
    ] = None,
) -> None:
    """Start the gateway. This is also what `omniroute` alone does.

    Every flag is an OMNIROUTE_ variable and a line of omniroute.toml too; docs/reference/configuration.md
    lists all settings.

    \b
    Examples:
      omniroute serve --port 8080
      omniroute serve --data-dir /srv/omniroute --no-open --log-format json
    """
    given = {
        "host": host,
        "port": port,
        "data_dir": data_dir,
        "config": config,
        "open_browser": None if open_browser is None else str(open_browser),
        "detect": None if detect is None else str(detect),
        "log_level": log_level,
        "log_format": log_format,
        "workers": workers,
        "transport": transport,
    }
    raise typer.Exit(serve({field: value for field, value in given.items() if value is not None}))
