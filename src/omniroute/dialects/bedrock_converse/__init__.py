"""The Converse API of Amazon Bedrock, which providers speak and no client does."""
