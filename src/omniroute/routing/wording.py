"""What providers' own words and codes mean, where a status alone does not say it.

Codes and types are evidence, texts are the last resort. Sources: the vendors' pages of errors as named beside each
list, and messages seen in the issues of clients.
"""

import re
from typing import Final

from omniroute.ir.failure import Failure

CREDIT_CODES: Final = frozenset(
    {
        "insufficient_quota",  # OpenAI: the balance of an API key is used up, told as a 429
        "billing_hard_limit_reached",
        "billing_not_active",
        "credit_balance_too_low",
        "insufficient_balance",
        "insufficient_credits",
        "billing_error",  # Anthropic
        "exceeded_current_quota_error",  # Moonshot
        "1113",  # Zhipu: arrears
    }
)
QUOTA_CODES: Final = frozenset({"usage_limit_reached", "tokens_per_day_limit_exceeded", "quota_exceeded"})
KEY_CODES: Final = frozenset(
    {"invalid_api_key", "api_key_invalid", "invalid_authentication", "authentication_error", "unauthenticated"}
)
OVERFLOW_CODES: Final = frozenset(
    {"context_length_exceeded", "context_window_exceeded", "string_above_max_length"}
)
UNSUPPORTED_CODES: Final = frozenset({"unsupported_parameter", "unsupported_value", "model_not_supported"})
_OF_REQUESTS: Final = frozenset({"previous_response_not_found", "file_not_found", "item_not_found"})

_DEAD: Final = re.compile(
    r"account_deactivated|account (?:has been|is|was) (?:deactivated|disabled|suspended|terminated)"
    r"|your account has been suspended|organization (?:has been|is) disabled"
    r"|verify your account to continue|this service has been disabled in this account",
    re.IGNORECASE,
)
_CREDITS: Final = re.compile(
    r"credit balance is too low|credits? (?:are |have been |is )?exhausted|out of credits?"
    r"|insufficient (?:balance|credits?|funds)"
    r"|payment required|account is in arrears|billing hard limit",
    re.IGNORECASE,
)
_WINDOW: Final = re.compile(
    r"\b(?:daily|weekly|monthly|per[- ]day|per[- ]week|today[\u2019']s|\d+[- ]hours?)\b[\w ,-]{0,40}"
    r"\b(?:quota|limit|allowance|cap)\b"
    r"|\b(?:quota|limit) for (?:today|this (?:week|month))\b|\btry again tomorrow\b"
    r"|usage limit (?:has been )?reached"
    r"|quotaId[\"']?\s*:\s*[\"'][^\"']*Per(?:Day|Week|Month)",
    re.IGNORECASE,
)
_OVERFLOW: Final = re.compile(
    r"prompt is too long|input is too long|too many (?:input )?tokens|maximum context length"
    r"|context (?:window|length)[\w ]{0,30}(?:exceed|limit|too|overflow)"
    r"|exceeds? (?:the |this )?(?:model'?s )?(?:maximum )?"
    r"(?:context|input)|input token count .{0,40}exceeds|request too large",
    re.IGNORECASE,
)
"""Anchored, so that "max_tokens must be positive" is none."""
_RETIRED: Final = re.compile(
    r"\b(?:deprecated|decommissioned|retired|no longer (?:available|supported|offered)|end[- ]of[- ]life)\b",
    re.IGNORECASE,
)
_UNSUPPORTED: Final = re.compile(
    r"(?:model|this model|endpoint) (?:does|do) not support|is not supported (?:by|with|for) (?:this|the) model"
    r"|unsupported (?:parameter|value)",
    re.IGNORECASE,
)
_FILTERED: Final = re.compile(
    r"content[_ ](?:filter|policy)|content management policy|safety system", re.IGNORECASE
)
_BAD_KEY: Final = re.compile(
    r"(?:invalid|incorrect|wrong|missing|expired|revoked)[\w ]{0,20}(?:api[- _]?key|token|credentials?)"
    r"|api[- _]?key (?:is |not )?(?:invalid|valid|expired|revoked)",
    re.IGNORECASE,
)
_OTHER_THINGS: Final = re.compile(
    r"\b(?:response|file|thread|conversation|container|item|batch|vector store|cached content|message)\b",
    re.IGNORECASE,
)


class Words:
    """One failure's code, type and text, asked about. A refusal of a limit often speaks of a "quota" and of
    "billing" (Google's 429 of a minute does), so such words count only where no time to come back is told."""

    __slots__ = ("_codes", "_message", "_text")

    def __init__(self, failure: Failure) -> None:
        raw = failure.raw or {}
        told = (failure.code, raw.get("type"), raw.get("code"), raw.get("status"), raw.get("reason"))
        self._codes = frozenset(str(one).lower() for one in told if isinstance(one, str | int))
        self._message = failure.message
        self._text = f"{failure.code or ''} {failure.message} {raw if raw else ''}"

    def of(self, codes: frozenset[str]) -> bool:
        return not self._codes.isdisjoint(codes)

    @property
    def account_is_dead(self) -> bool:
        return _DEAD.search(self._text) is not None

    @property
    def credits_are_gone(self) -> bool:
        return _CREDITS.search(self._text) is not None

    @property
    def window_is_used_up(self) -> bool:
        return self.of(QUOTA_CODES) or _WINDOW.search(self._text) is not None

    @property
    def prompt_is_too_long(self) -> bool:
        return self.of(OVERFLOW_CODES) or _OVERFLOW.search(self._text) is not None

    @property
    def model_is_retired(self) -> bool:
        return _RETIRED.search(self._text) is not None and "model" in self._text.lower()

    @property
    def is_unsupported(self) -> bool:
        return self.of(UNSUPPORTED_CODES) or _UNSUPPORTED.search(self._text) is not None

    @property
    def is_filtered(self) -> bool:
        return _FILTERED.search(self._text) is not None

    @property
    def key_is_bad(self) -> bool:
        return self.of(KEY_CODES) or _BAD_KEY.search(self._text) is not None

    @property
    def is_about_the_request(self) -> bool:
        """A 404 about something that the request names, rather than about the model."""
        if self.of(_OF_REQUESTS):
            return True
        return _OTHER_THINGS.search(self._message) is not None and "model" not in self._message.lower()
