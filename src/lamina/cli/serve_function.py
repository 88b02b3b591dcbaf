"""`lamina serve-function`: a function behind HTTP, as the process of a pod."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.command("serve-function")
@click.argument("function", metavar="MODULE:NAME")
@click.option("--host", default="127.0.0.1", help="Address to listen on (127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=None,
    help="Port to listen on; 0 for any that is free (the variable PORT, else 8080).",
)  # fmt: skip
@click.option(
    "--token-file", envvar="LAMINA_TOKEN_FILE", type=click.Path(path_type=Path), metavar="FILE",
    help="Token that requests have to show (else the variable LAMINA_TOKEN).",
)  # fmt: skip
@click.option("--limit", type=click.FloatRange(0.001), default=64.0, help="MB of a request (64).")
@click.option(
    "--lease", type=click.FloatRange(0.1), help="End after so many seconds without a request."
)
def command(
    function: str, host: str, port: int | None, token_file: Path | None, limit: float,
    lease: float | None,
) -> None:  # fmt: skip
    """Serve a function over HTTP, for `lamina place run` to hand items to, and for tasks of
    workflows that say `placement` and do this function.

    \b
    GET    /health        alive            GET  /ready   the function is loaded
    POST   /attempts/KEY  {"items": [{"id", "value"|"url"+"sha256"}], "arguments": {}}
                          with the header Idempotency-Key: the same one does nothing twice
    GET    /attempts/KEY  results so far (?after=N&wait=SECONDS)
    DELETE /attempts/KEY  end it

    Ends cleanly at SIGTERM and Ctrl-C.
    """
    from lamina.execution.placing.serving import Serving, serve
    from lamina.execution.placing.settings import Secret

    token = Secret(file=str(token_file)).read() if token_file else os.environ.get("LAMINA_TOKEN")
    if port is None:
        told = os.environ.get("PORT", "")
        port = int(told) if told.isdigit() else 8080
    serve(Serving(function, host, port, token or "", int(limit * 1e6), lease))
