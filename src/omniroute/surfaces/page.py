"""`GET /`: a plain page that says where to go, until the dashboard is built."""

from typing import Final

from omniroute.pipeline.exchange import Exchange

_HEADERS: Final = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]

_PAGE: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>OmniRoute</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem;
         color: #1b1f24; background: #fff }
  code, pre { font: 14px/1.5 ui-monospace, monospace; background: #f3f5f7; border-radius: 6px }
  code { padding: .1em .3em } pre { padding: .8rem 1rem; overflow-x: auto }
  @media (prefers-color-scheme: dark) {
    body { color: #e6e8eb; background: #14171a } code, pre { background: #23282d }
  }
</style>
<h1>OmniRoute is running</h1>
<p>Point your AI client at one of these:</p>
<pre>OpenAI     base URL  ORIGIN/v1
Anthropic  base URL  ORIGIN</pre>
<p>Try it now, without any key:</p>
<pre>curl ORIGIN/v1/chat/completions -H 'content-type: application/json' \\
  -d '{"model":"demo/hello","messages":[{"role":"user","content":"Hi"}]}'</pre>
<p>Add a provider with <code>omniroute providers add openai</code>, make a key with
<code>omniroute keys create laptop</code>, see what is going on with <code>omniroute status</code> and
<code>omniroute logs</code>. The management API is under <code>/api</code>; a dashboard will follow.</p>
</html>
"""


class Page:
    """The origin in the examples is what the visitor's browser calls us, after the Host check."""

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        host = exchange.headers.get("host", "127.0.0.1:20128")
        safe = "".join(char for char in host if char.isalnum() or char in ".-:[]")
        await exchange.reply(200, _HEADERS, _PAGE.replace("ORIGIN", f"http://{safe}").encode())
