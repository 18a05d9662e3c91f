"""The fast transport for direct connections: sans-IO replies, an asyncio protocol, a pool of idle connections."""
