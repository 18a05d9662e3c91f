"""Which dialect a body is written in, where that is not the one of its path."""

from omniroute.dialects.envelope import Fields


def written_in(path_dialect: str, fields: Fields) -> str:
    """A chat body with `input` and no `messages` is a Responses body; Cursor sends such. It is still answered in
    the dialect of its path. `fields` are the top-level members of the body."""
    if path_dialect == "openai_chat" and "messages" not in fields and "input" in fields:
        return "openai_responses"
    return path_dialect
