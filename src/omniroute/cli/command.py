"""Makes a function a command: adds the options that all commands share, and turns failures into exit codes."""

import inspect
from collections.abc import Callable
from typing import Annotated, Concatenate, Final, ParamSpec, cast

import msgspec
import typer

from omniroute.cli.administration import Administration
from omniroute.cli.output import Output
from omniroute.cli.place import Place
from omniroute.cli.problem import USAGE, Problem

P = ParamSpec("P")


class Call:
    """What every command is given first: where the gateway is, and how to print."""

    def __init__(self, place: Place, output: Output) -> None:
        self.place = place
        self.output = output
        self._administration: Administration | None = None

    def administration(self) -> Administration:
        """The gateway for commands that change what is stored: they work without a running one too."""
        if self._administration is None:
            url = self.place.url()
            settings = None if self.place.named else self.place.loaded().settings
            self._administration = Administration(url, self.place.admin_token(url), settings, self.output.say)
        return self._administration

    def close(self) -> None:
        """Ends what the command has opened."""
        if self._administration is not None:
            self._administration.close()

    def confirm(self, question: str, *, yes: bool) -> None:
        """Asks before something is lost. Without a person to ask, `--yes` must have been given."""
        if yes:
            return
        if not self.output.interactive:
            raise Problem(f"{question} needs an answer", hint="--yes gives it", code=USAGE)
        if not typer.confirm(question, err=True):
            raise Problem("nothing was changed")


_COMMON: Final = {
    "url": Annotated[str | None, typer.Option("--url", metavar="URL", help="The gateway (also OMNIROUTE_URL).")],
    "token": Annotated[
        str | None, typer.Option("--token", metavar="TOKEN", help="A token (also OMNIROUTE_TOKEN).")
    ],
    "data_dir": Annotated[str | None, typer.Option("--data-dir", metavar="DIR", help="The gateway's data dir.")],
    "config": Annotated[str | None, typer.Option("--config", metavar="FILE", help="The configuration file.")],
    "json": Annotated[bool, typer.Option("--json", help="Print JSON.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Print data only.")],
}


def command(
    group: typer.Typer, name: str
) -> Callable[[Callable[Concatenate[Call, P], None]], Callable[..., None]]:
    """Registers a function whose first parameter is a Call under `name`; its docstring is the help text."""

    def register(function: Callable[Concatenate[Call, P], None]) -> Callable[..., None]:
        wrapped = with_common_options(function)
        group.command(name)(wrapped)
        return wrapped

    return register


def with_common_options(function: Callable[Concatenate[Call, P], None]) -> Callable[..., None]:
    """The function as Typer can call it. What stands in its place raises `typer.Exit` instead of `Problem`."""

    checked_by_typer = cast("Callable[..., None]", function)

    def run(**given: object) -> None:
        place = Place(
            url=_text(given.pop("url")),
            token=_text(given.pop("token")),
            data_dir=_text(given.pop("data_dir")),
            config=_text(given.pop("config")),
        )
        output = Output(json=bool(given.pop("json")), quiet=bool(given.pop("quiet")))
        call = Call(place, output)
        try:
            checked_by_typer(call, **given)
        except Problem as problem:
            output.problem(problem)
            raise typer.Exit(problem.code) from None
        except msgspec.MsgspecError as error:
            unread = Problem(f"the gateway's answer cannot be read: {error}", hint="is it of the same version?")
            output.problem(unread)
            raise typer.Exit(unread.code) from None
        finally:
            call.close()

    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    shared = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=False if name in ("json", "quiet") else None,
            annotation=annotation,
        )
        for name, annotation in _COMMON.items()
    ]
    vars(run)["__signature__"] = inspect.Signature([*own, *shared])
    run.__doc__ = function.__doc__
    run.__name__ = function.__name__
    return run


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
