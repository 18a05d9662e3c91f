"""`python -m tests.support.upstream [PORT]`: the scripted upstream by hand, with its default answers."""

import sys
import threading

from tests.support.upstream.server import ScriptedUpstream

with ScriptedUpstream(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as upstream:
    print(f"OpenAI base URL    {upstream.url}/v1\nAnthropic base URL {upstream.url}", flush=True)
    print(f"Gemini base URL    {upstream.url}/v1beta\nOllama base URL    {upstream.url}", flush=True)
    print(f"Bedrock endpoint   {upstream.url}\nCohere base URL    {upstream.url}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        print("stopped")
