"""Regular expressions whose search takes time in proportion to the text, whatever the pattern.

The pattern is made into a program of small steps, and all of the ways through it are followed at once, letter by
letter (Thompson, "Regular Expression Search Algorithm", 1968). Nothing is ever tried twice, so there is nothing to
backtrack over: `(a+)+$` costs what `a` costs. What needs memory of what was read (look-around, back-references) is
refused.
"""

from typing import Final, TypeAlias, assert_never

import msgspec

MAX_PATTERN: Final = 1_000
_MAX_STEPS: Final = 2_000
_MAX_DEPTH: Final = 50
_MAX_REPEAT: Final = 255
_LAST: Final = "\U0010ffff"
_DIGIT: Final = (("0", "9"),)
_WORD: Final = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
_SPACE: Final = (("\t", "\r"), (" ", " "))
_CLASSES: Final = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CONTROLS: Final = {"t": "\t", "n": "\n", "r": "\r"}

_Ranges: TypeAlias = tuple[tuple[str, str], ...]


class BadPattern(ValueError):
    """The pattern means nothing here; the message says why, as the end of a sentence."""


class _Letter(msgspec.Struct, frozen=True):
    """One letter within (or, negated, outside of) these ranges, both ends included."""

    ranges: _Ranges
    negated: bool = False

    def takes(self, letter: str) -> bool:
        return any(low <= letter <= high for low, high in self.ranges) is not self.negated


class _Edge(msgspec.Struct, frozen=True):
    """The beginning of the text, or its end."""

    end: bool


class _Row(msgspec.Struct, frozen=True):
    """One after the other."""

    nodes: "tuple[_Node, ...]"


class _Either(msgspec.Struct, frozen=True):
    """One of them."""

    nodes: "tuple[_Node, ...]"


class _Times(msgspec.Struct, frozen=True):
    """From `least` to `most` times; None is any number."""

    node: "_Node"
    least: int
    most: int | None


_Node: TypeAlias = _Letter | _Edge | _Row | _Either | _Times


class _Fork(msgspec.Struct):
    """Go on at each of `ways`."""

    ways: list[int]


_Step: TypeAlias = _Letter | _Edge | _Fork


class LinearRegex:
    """A pattern that is searched for anywhere in a text, as `re.search` does."""

    __slots__ = ("_any_case", "_steps")

    def __init__(self, steps: list[_Step], *, any_case: bool) -> None:
        self._steps = steps
        self._any_case = any_case

    def found_in(self, text: str) -> bool:
        """Whether the pattern is anywhere in `text`. At most `len(text)` times the length of the pattern."""
        if self._any_case:
            text = text.lower()
        steps, goal = self._steps, len(self._steps)
        here: set[int] = set()
        for place in range(len(text) + 1):
            self._reach(here, 0, place, len(text))
            if goal in here:
                return True
            if place == len(text):
                return False
            letter = text[place]
            there: set[int] = set()
            for number in here:
                step = steps[number]
                if isinstance(step, _Letter) and step.takes(letter):
                    self._reach(there, number + 1, place + 1, len(text))
            here = there
        return False

    def _reach(self, seen: set[int], number: int, place: int, length: int) -> None:
        """Adds to `seen` every step that can be stood at without reading a letter."""
        pending = [number]
        while pending:
            at = pending.pop()
            if at in seen:
                continue
            seen.add(at)
            if at == len(self._steps):
                continue
            match self._steps[at]:
                case _Letter():
                    pass
                case _Edge(end=end):
                    if place == (length if end else 0):
                        pending.append(at + 1)
                case _Fork(ways=ways):
                    pending.extend(ways)


def compiled(pattern: str) -> LinearRegex:
    """Raises `BadPattern`. `(?i)` at the beginning means any case; classes such as `\\w` are those of ASCII."""
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"it has {len(pattern)} characters, and at most {MAX_PATTERN} are allowed")
    any_case = pattern.startswith("(?i)")
    text = pattern.removeprefix("(?i)")
    steps: list[_Step] = []
    _emit(_Reader(text, any_case=any_case).read(), steps)
    return LinearRegex(steps, any_case=any_case)


class _Reader:
    """Reads a pattern from its beginning to its end."""

    def __init__(self, pattern: str, *, any_case: bool) -> None:
        self._pattern = pattern
        self._any_case = any_case
        self._at = 0
        self._depth = 0

    def read(self) -> _Node:
        node = self._either()
        if self._at < len(self._pattern):
            raise BadPattern(f"there is a ')' at {self._at + 1} that closes nothing")
        return node

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        letter = self._peek()
        if not letter:
            raise BadPattern("it ends in the middle of something")
        self._at += 1
        return letter

    def _either(self) -> _Node:
        nodes = [self._row()]
        while self._peek() == "|":
            self._at += 1
            nodes.append(self._row())
        return nodes[0] if len(nodes) == 1 else _Either(tuple(nodes))

    def _row(self) -> _Node:
        nodes: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            nodes.append(self._repeated(self._atom()))
        return _Row(tuple(nodes))

    def _repeated(self, node: _Node) -> _Node:
        times = self._times()
        if times is None:
            return node
        if isinstance(node, _Edge):
            raise BadPattern("a '^' or '$' cannot be repeated")
        if self._peek() == "?":
            self._at += 1  # as few as possible: whether it is found does not depend on it
        if self._times() is not None:
            raise BadPattern(f"there is a repetition of a repetition at {self._at}")
        return _Times(node, *times)

    def _times(self) -> tuple[int, int | None] | None:
        letter = self._peek()
        if letter and letter in "*+?":
            self._at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[letter]
        return self._braces() if letter == "{" else None

    def _braces(self) -> tuple[int, int | None] | None:
        """`{2}`, `{2,}`, `{,3}` or `{2,3}`; any other brace is a letter."""
        inside, closed, _ = self._pattern[self._at + 1 :].partition("}")
        least, comma, most = inside.partition(",")
        if not closed or not (least + most).isdecimal() or not (least + most).isascii():
            return None
        if not comma and not least:
            return None
        self._at += len(inside) + 2
        low = int(least or 0)
        high = low if not comma else int(most) if most else None
        if max(low, high or 0) > _MAX_REPEAT:
            raise BadPattern(f"{{{inside}}} repeats more than {_MAX_REPEAT} times")
        if high is not None and high < low:
            raise BadPattern(f"{{{inside}}} has its numbers the wrong way round")
        return low, high

    def _atom(self) -> _Node:
        letter = self._next()
        match letter:
            case "(":
                return self._group()
            case "[":
                return self._set()
            case ".":
                return _Letter((("\n", "\n"),), negated=True)
            case "^" | "$":
                return _Edge(end=letter == "$")
            case "\\":
                return self._escape()
            case "*" | "+" | "?":
                raise BadPattern(f"there is nothing before the {letter!r} at {self._at}")
            case _:
                if letter == "{":
                    self._at -= 1
                    if self._braces() is not None:
                        raise BadPattern(f"there is nothing before the repetition at {self._at}")
                    self._at += 1
                return self._letter(((letter, letter),))

    def _group(self) -> _Node:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise BadPattern(f"its groups nest more than {_MAX_DEPTH} deep")
        if self._peek() == "?":
            self._at += 1
            if self._next() != ":":
                raise BadPattern("look-around, named groups and flags inside are not supported; write (?:...)")
        node = self._either()
        if self._peek() != ")":
            raise BadPattern("a group is not closed: a ')' is missing")
        self._at += 1
        self._depth -= 1
        return node

    def _escape(self) -> _Node:
        letter = self._next()
        ranges = _CLASSES.get(letter.lower())
        if ranges is not None:
            return _Letter(ranges, negated=letter.isupper())
        meant = self._literal(letter)
        return self._letter(((meant, meant),))

    def _literal(self, letter: str) -> str:
        """What a letter after a backslash stands for."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter.isalnum():
            raise BadPattern(f"\\{letter} is not supported")
        return letter

    def _set(self) -> _Node:
        negated = self._peek() == "^"
        self._at += negated
        ranges: list[tuple[str, str]] = []
        first = True
        while first or self._peek() != "]":
            first = False
            low = self._member(ranges)
            if low is None:
                continue
            if self._peek() == "-" and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                self._at += 1
                high = self._member([])
                if high is None or high < low:
                    raise BadPattern(f"the range from {low!r} in [...] leads nowhere")
                ranges.append((low, high))
            else:
                ranges.append((low, low))
        self._at += 1
        return self._letter(tuple(ranges), negated=negated)

    def _member(self, ranges: list[tuple[str, str]]) -> str | None:
        """A letter of a set; None when it was a class, which goes to `ranges`."""
        letter = self._next()
        if letter != "\\":
            return letter
        letter = self._next()
        known = _CLASSES.get(letter.lower())
        if known is None:
            return self._literal(letter)
        ranges.extend(_outside(known) if letter.isupper() else known)
        return None

    def _letter(self, ranges: _Ranges, *, negated: bool = False) -> _Letter:
        if self._any_case:
            ranges = (*ranges, *(other for pair in ranges for other in _lowered(*pair)))
        return _Letter(ranges, negated)


def _outside(ranges: _Ranges) -> _Ranges:
    """Everything but `ranges`, which are in order."""
    found: list[tuple[str, str]] = []
    low = 0
    for begin, end in ranges:
        if low < ord(begin):
            found.append((chr(low), chr(ord(begin) - 1)))
        low = ord(end) + 1
    return (*found, (chr(low), _LAST))


def _lowered(low: str, high: str) -> _Ranges:
    """The small letters of a range: of one letter its own, of a longer range those of A to Z."""
    if low == high:
        return tuple((small, small) for small in [low.lower()] if len(small) == 1)
    begin, end = max(low, "A"), min(high, "Z")
    return ((begin.lower(), end.lower()),) if begin <= end else ()


def _emit(node: _Node, steps: list[_Step]) -> None:
    if len(steps) > _MAX_STEPS:
        raise BadPattern("it grows too large when its repetitions are written out")
    match node:
        case _Letter() | _Edge():
            steps.append(node)
        case _Row(nodes=nodes):
            for one in nodes:
                _emit(one, steps)
        case _Either(nodes=nodes):
            fork = _Fork([])
            steps.append(fork)
            leaving: list[_Fork] = []
            for one in nodes:
                fork.ways.append(len(steps))
                _emit(one, steps)
                leaving.append(_Fork([]))
                steps.append(leaving[-1])
            for jump in leaving:
                jump.ways.append(len(steps))
        case _Times():
            _emit_times(node, steps)
        case _:
            assert_never(node)


def _emit_times(node: _Times, steps: list[_Step]) -> None:
    for _ in range(node.least):
        _emit(node.node, steps)
    if node.most is None:
        loop = _Fork([])
        begin = len(steps)
        steps.append(loop)
        _emit(node.node, steps)
        steps.append(_Fork([begin]))
        loop.ways = [begin + 1, len(steps)]
        return
    leaving: list[_Fork] = []
    for _ in range(node.most - node.least):
        leaving.append(_Fork([len(steps) + 1]))
        steps.append(leaving[-1])
        _emit(node.node, steps)
    for jump in leaving:
        jump.ways.append(len(steps))
