"""The output limit is called `max_completion_tokens`; `max_tokens` is refused.

Needed by OpenAI's reasoning models o1, o3, o4 and gpt-5 and their Azure deployments (400 `unsupported_parameter`:
"Use 'max_completion_tokens' instead"); platform.openai.com/docs/api-reference/chat marks `max_tokens` deprecated.
The meaning is the same, so nothing is lost.
"""

from omniroute.dialects.quirks.quirk import Quirk, Rewritten
from omniroute.ir.json import JsonObject


def _wire(body: JsonObject) -> Rewritten:
    if "max_tokens" not in body:
        return Rewritten(body)
    renamed = {name: value for name, value in body.items() if name != "max_tokens"}
    if body["max_tokens"] is not None:
        renamed.setdefault("max_completion_tokens", body["max_tokens"])
    return Rewritten(renamed)


MAX_COMPLETION_TOKENS = Quirk(keys=("max_tokens", "max_completion_tokens"), wire=_wire)
