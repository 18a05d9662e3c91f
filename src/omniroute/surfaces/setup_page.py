"""`GET /setup`: the page behind the one-time link, where the first password is set.

The token stands behind `#` in the link, so only this page's script sees it; the script is allowed by its hash.
"""

import base64
import hashlib
from typing import Final

from omniroute.pipeline.exchange import Exchange

_SCRIPT: Final = """
const form = document.querySelector('form'), said = document.querySelector('output');
const token = new URLSearchParams(location.hash.slice(1)).get('token');
if (!token) said.textContent = 'This link has no token. Get a new one with: omniroute setup --link';
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const password = form.elements.password.value;
  if (password !== form.elements.again.value) { said.textContent = 'The two passwords differ.'; return; }
  const reply = await fetch('api/auth/setup', {
    method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify({token, password}),
  });
  const body = await reply.json().catch(() => ({}));
  if (reply.ok) { form.remove(); history.replaceState(null, '', 'setup'); }
  said.textContent = reply.ok
    ? 'The password is set. You can close this page and go on in the terminal.'
    : body.error?.message ?? `That did not work (${reply.status}).`;
});
"""

_PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Set up OmniRoute</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 26rem; margin: 4rem auto; padding: 0 1rem;
         color: #1b1f24; background: #fff }}
  label {{ display: block; margin: 1rem 0 .25rem }} input {{ width: 100%; padding: .5rem; font: inherit;
         box-sizing: border-box }}
  button {{ margin-top: 1.25rem; padding: .5rem 1.25rem; font: inherit }}
  output {{ display: block; margin-top: 1rem }}
  @media (prefers-color-scheme: dark) {{ body {{ color: #e6e8eb; background: #14171a }} }}
</style>
<h1>Set up OmniRoute</h1>
<p>Choose the administrator's password, at least 8 characters. Only its hash is stored.</p>
<form>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" minlength="8" autocomplete="new-password" required>
  <label for="again">Once more</label>
  <input id="again" name="again" type="password" minlength="8" autocomplete="new-password" required>
  <button>Set password</button>
</form>
<output role="status"></output>
<script>{_SCRIPT}</script>
</html>
"""

_HASH: Final = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest())

_HEADERS: Final = [
    (b"content-type", b"text/html; charset=utf-8"),
    (
        b"content-security-policy",
        b"default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; form-action 'none'; base-uri 'none';"
        b" frame-ancestors 'none'; script-src 'sha256-" + _HASH + b"'",
    ),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class SetupPage:
    """Holds nothing secret: without the token of the link it can do nothing."""

    async def __call__(self, exchange: Exchange, parameter: str) -> None:
        await exchange.reply(200, _HEADERS, _PAGE.encode())
