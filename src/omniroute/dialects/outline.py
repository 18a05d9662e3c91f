"""What the answer of a stream loses on its way to a client of another dialect.

An encoder of streams writes bytes and nothing else. What it cannot carry depends on the kinds of parts and their
marks, never on how much text they hold; so an outline of the stream is kept beside it (each part with its first
words, whole arguments, citations and seals), and the encoder of whole answers, which reports its losses, tells
what became of it. One rule for every dialect, and streams and whole answers report the same.
"""

from omniroute.dialects.base import Context, Dialect, Loss
from omniroute.ir.events import Event, Failed, Finished, Opaque, ReasoningDelta, Started, TextDelta
from omniroute.ir.fold import Folder
from omniroute.ir.result import Finish, GenerateResponse


class Outline:
    """`note` costs next to nothing for a delta of text, which is what a stream is made of."""

    __slots__ = ("_begun", "_ended", "_folder", "_opaque", "_speaking")

    def __init__(self) -> None:
        self._folder = Folder()
        self._begun = False
        self._ended = False
        self._speaking: set[int] = set()
        self._opaque: dict[tuple[str, str], None] = {}

    def note(self, event: Event) -> None:
        """Every event of the stream, in order."""
        match event:
            case TextDelta(index=index, text=text) | ReasoningDelta(index=index, text=text, seal=None):
                if index in self._speaking:
                    return
                if text.strip():
                    self._speaking.add(index)
            case Opaque(origin=origin, data=data):
                word = data.get("type")
                for name in (word,) if isinstance(word, str) else data:
                    self._opaque[origin, name] = None
                return
            case Failed():
                # What was told until then is told; the failure itself is no loss.
                return
            case Started():
                self._begun = True
            case Finished():
                self._ended = True
            case _:
                pass
        self._folder.feed(event)

    def losses(self, client: Dialect, context: Context) -> tuple[Loss, ...]:
        """What a client of `client` did not get, also of a stream that was cut. Ask once, at the end."""
        if not self._begun:
            return ()
        if not self._ended:
            self._folder.feed(Finished(finish=Finish(reason="other")))
        response = self._folder.result()
        assert isinstance(response, GenerateResponse)
        unsaid = tuple(
            Loss(path="events", what=name, how="dropped", weight="quality")
            for origin, name in self._opaque
            if origin != client.name
        )
        return client.encode_response(response, context).losses + unsaid
