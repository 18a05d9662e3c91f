"""Talking to providers: transports, the guard on addresses, the scripted fake and the demo."""
