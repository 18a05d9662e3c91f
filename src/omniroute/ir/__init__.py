"""The representation of a conversation that every dialect decodes to and encodes from."""
