"""The reference of translations, measured: every probe through the real codecs, every loss read."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from omniroute.dialects.base import Context, Loss
from omniroute.dialects.registry import DIALECTS, UPSTREAMS
from omniroute.errors import GatewayError
from omniroute.ir.failure import Failure
from omniroute.ir.target import Target
from omniroute.pipeline.translation import Wish, translated
from tests.docs.probes import ANSWERS, REQUESTS, AnswerProbe, RequestProbe, kept, same

Fate: TypeAlias = Literal["yes", "in part", "approx.", "moved", "dropped", "refused", "unsaid", ""]
"""What becomes of a feature; "" where the dialect it would come from cannot say it."""

CONTEXT = Context(request_id="req_1", token="t0ken", created=1, model="m")


class Cell(NamedTuple):
    fate: Fate
    meaning: bool = False


def requests() -> Iterator[tuple[str, str, str, Cell]]:
    """Feature, client's dialect, provider's dialect, and what becomes of it."""
    for client in DIALECTS:
        for feature, (probe, without) in REQUESTS.items():
            bodies = _asked(client, probe), _asked(client, without)
            for upstream in UPSTREAMS:
                if upstream != client:
                    yield feature, client, upstream, _request_cell(bodies, client, upstream)


def answers() -> Iterator[tuple[str, str, str, Cell]]:
    """Feature, provider's dialect, client's dialect, and what becomes of it."""
    for upstream in DIALECTS:
        for feature, (probe, without) in ANSWERS.items():
            bodies = _told(upstream, probe), _told(upstream, without)
            for client in DIALECTS:
                if upstream != client:
                    yield feature, upstream, client, _answer_cell(bodies, upstream, client)


def _asked(client: str, probe: RequestProbe) -> bytes | None:
    """The probe as a body of `client`; None when it cannot say it."""
    dialect = DIALECTS[client]
    try:
        encoded = dialect.encode_request(probe(client), Target(provider="", model="m", dialect=client))
    except GatewayError:
        return None
    if encoded.losses:
        return None
    opened = msgspec.json.decode(encoded.body)
    decoded = dialect.decode_request({"model": "m", "stream": False, **opened})
    return encoded.body if kept(probe(client), decoded) else None


def _told(upstream: str, probe: AnswerProbe) -> bytes | None:
    encoded = DIALECTS[upstream].encode_response(probe(upstream), CONTEXT)
    return None if encoded.losses else encoded.body


def _request_cell(bodies: tuple[bytes | None, bytes | None], client: str, upstream: str) -> Cell:
    body, without = bodies
    if body is None or without is None or same(body, without):
        return Cell("")
    try:
        plain = translated(Wish(body=without, source=client, to=upstream, model="m"), CONTEXT)
        encoded = translated(Wish(body=body, source=client, to=upstream, model="m"), CONTEXT)
    except GatewayError:
        return Cell("refused")
    return _cell(encoded.losses, plain.losses, carried=not same(encoded.body, plain.body))


def _answer_cell(bodies: tuple[bytes | None, bytes | None], upstream: str, client: str) -> Cell:
    body, without = bodies
    if body is None or without is None or same(body, without):
        return Cell("")
    decoded = DIALECTS[upstream].decode_response(body)
    plain = DIALECTS[upstream].decode_response(without)
    if isinstance(decoded, Failure) or isinstance(plain, Failure):
        return Cell("refused")
    if decoded == plain:
        return Cell("")
    encoded = DIALECTS[client].encode_response(decoded, CONTEXT)
    usual = DIALECTS[client].encode_response(plain, CONTEXT)
    return _cell(encoded.losses, usual.losses, carried=not same(encoded.body, usual.body))


def _cell(losses: tuple[Loss, ...], usual: tuple[Loss, ...], *, carried: bool) -> Cell:
    """What is said of the feature beyond what is said without it. One that leaves neither a trace nor a word of
    its own shares the fate of what it belongs to, and is `unsaid` when nothing is lost there."""
    known = {(loss.what, loss.how) for loss in usual}
    own = [loss for loss in losses if (loss.what, loss.how) not in known]
    if not own and not carried:
        own = list(losses)
    hows = {loss.how for loss in own}
    if not hows:
        return Cell("yes" if carried else "unsaid")
    meaning = any(loss.weight == "meaning" for loss in own)
    if "dropped" in hows:
        return Cell("in part" if carried else "dropped", meaning)
    if "approximated" in hows:
        return Cell("approx.", meaning)
    return Cell("moved" if "moved" in hows else "yes", meaning)


def page() -> str:
    """docs/reference/translation.md without its notice."""
    lines = ["# What translation carries", "", _INTRODUCTION, "", "## Requests"]
    for client in DIALECTS:
        others = [name for name in UPSTREAMS if name != client]
        cells = {(feature, to): cell for feature, source, to, cell in requests() if source == client}
        lines += ["", f"### From clients that speak {client}", "", *_table(REQUESTS, others, cells, "to")]
    lines += ["", "## Answers", "", _OF_ANSWERS]
    for upstream in DIALECTS:
        others = [name for name in DIALECTS if name != upstream]
        cells = {(feature, to): cell for feature, source, to, cell in answers() if source == upstream}
        lines += ["", f"### From providers that speak {upstream}", "", *_table(ANSWERS, others, cells, "to")]
    return "\n".join(lines) + "\n"


def _table(
    features: Iterable[str], others: list[str], cells: Mapping[tuple[str, str], Cell], way: str
) -> Iterator[str]:
    yield f"| feature | {' | '.join(f'{way} {name}' for name in others)} |"
    yield f"|---|{'---|' * len(others)}"
    for feature in features:
        row = [cells[feature, name] for name in others]
        if any(cell.fate for cell in row):
            yield f"| {feature} | {' | '.join(_shown(cell) for cell in row)} |"


def _shown(cell: Cell) -> str:
    return f"**{cell.fate}**" if cell.meaning else cell.fate


_INTRODUCTION = """\
A request whose client and provider speak the same dialect is not translated: its bytes go through, and nothing on
this page applies. Everybody else's is, and this page is measured: each feature is put alone into a request of the
client's dialect, translated with the code that serves requests, and the reported losses are read.

| word | what becomes of the feature |
|---|---|
| yes | the provider gets it |
| moved | the provider gets it in another place |
| approx. | the provider gets what comes nearest |
| in part | the provider gets it without something that belongs to it |
| dropped | the provider does not get it |
| refused | the request is answered with 400, because the provider could do nothing with it |
| unsaid | the provider does not get it, and no loss says so: a gap of ours |

In **bold**: a loss that changes the meaning, which [strict mode](headers.md) refuses. A feature that a client's
dialect cannot say has no row. Models differ: this is a model about which nothing is known, at a provider without
quirks. Try your own request with `omniroute translate FILE --from DIALECT --to DIALECT`, or send it to
`POST /api/translator/translate`."""

_OF_ANSWERS = """\
Streams lose what whole answers lose. This is what the client sees; a seal of thinking that its dialect cannot
carry may still come back to the provider with the next request, because the gateway keeps it."""
