"""What a route is: where it answers, who may call it, and which operation it performs."""

from typing import Literal, TypeAlias

import msgspec

Auth: TypeAlias = Literal["public", "client", "manage", "session"]
"""Who may call a route.

`public`   anybody the Host allow-list lets through
`client`   a client key, or keyless use from inside the perimeter
`manage`   the administrator's session, a client key with scope `manage`, or the local CLI's token
`session`  the administrator's session only, because the route can change who the administrator is
"""


class Route(msgspec.Struct, frozen=True):
    """One method of one path. `path` holds `{parameters}` as written in the documentation."""

    method: str
    path: str
    auth: Auth
    operation: str
