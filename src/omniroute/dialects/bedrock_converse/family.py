"""Whose model it is, as far as the Converse API lets models differ: told by the model's id.

An id is `[region.]vendor.model-version`, an inference profile or an ARN that ends in one of these. The ARN of an
application inference profile says nothing; then nothing special is sent.
"""


def is_claude(model: str) -> bool:
    return "anthropic." in model or "claude" in model


def is_nova(model: str) -> bool:
    return "amazon.nova" in model


def caches(model: str) -> bool:
    """Whether the model takes cache points (docs.aws.amazon.com/bedrock, "Prompt caching": Claude and Nova)."""
    return is_claude(model) or is_nova(model)
