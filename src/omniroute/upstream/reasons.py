"""What a failed connection means, in words that may be shown."""

import os
import socket
import ssl


def connection_reason(error: OSError) -> str:
    """One phrase for an error of the socket or of TLS, without addresses or file names."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted ({error.verify_message or 'verification failed'})"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({(error.reason or 'handshake').lower().replace('_', ' ')})"
    if isinstance(error, socket.gaierror):
        return "the name does not resolve"
    if error.errno:
        return os.strerror(error.errno).lower()
    return "the connection failed"
