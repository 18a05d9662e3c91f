"""One headless turn of each command-line client, in an empty home, against a gateway.

Every client is asked to do what it is told; the scripted upstream then tells it to run `SHELL_COMMAND`, and says
`SHELL_DONE` only when a real shell has run it. Offline: whatever else a client wants of the net meets a closed
port.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

PROMPT = "Run the command that you are asked for."
FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Seat:
    """Where a client sits: its commands, its home, and what it is told of the gateway."""

    commands: Path
    home: Path
    url: str
    key: str
    model: str

    def write(self, name: str, content: object) -> None:
        """A file of the home; anything but a text is written as JSON."""
        file = self.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else msgspec.json.encode(content).decode())


@dataclass(frozen=True)
class Turn:
    """What to run. `first` are commands that set the client up."""

    command: list[str]
    env: dict[str, str] = field(default_factory=dict)
    first: list[list[str]] = field(default_factory=list)


Client = Callable[[Seat], Turn]


def claude(seat: Seat) -> Turn:
    return Turn(
        ["claude", "-p", PROMPT, "--model", seat.model, "--allowedTools", "Bash(printf:*)"],
        {
            "ANTHROPIC_BASE_URL": seat.url,
            "ANTHROPIC_AUTH_TOKEN": seat.key,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "IS_SANDBOX": "1",
        },
    )


def codex(seat: Seat) -> Turn:
    seat.write(
        ".codex/config.toml",
        f"""
        model = "{seat.model}"
        model_provider = "gateway"
        approval_policy = "never"
        sandbox_mode = "danger-full-access"
        [model_providers.gateway]
        name = "gateway"
        base_url = "{seat.url}/v1"
        env_key = "GATEWAY_KEY"
        wire_api = "responses"
        request_max_retries = 0
        stream_max_retries = 0
        [analytics]
        enabled = false
        """,
    )
    return Turn(["codex", "exec", "--skip-git-repo-check", PROMPT], {"GATEWAY_KEY": seat.key})


def droid(provider: str, base: str) -> Client:
    """`provider` is the wire that droid is told to speak: chat, Responses or Messages."""

    def turn(seat: Seat) -> Turn:
        model = {"model": seat.model, "id": "custom:gateway", "baseUrl": seat.url + base, "apiKey": seat.key}
        model |= {"displayName": "gateway", "provider": provider}
        seat.write(".factory/settings.json", {"customModels": [model]})
        return Turn(
            ["droid", "exec", "--auto", "high", "-m", "custom:gateway", PROMPT],
            {"FACTORY_AIRGAP_ENABLED": "true", "FACTORY_API_KEY": "fk-dummy"},
        )

    return turn


droid_chat = droid("generic-chat-completion-api", "/v1")
droid_responses = droid("openai", "/v1")
droid_messages = droid("anthropic", "")


def gemini(seat: Seat) -> Turn:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
    }
    seat.write(".gemini/settings.json", settings)
    return Turn(
        ["gemini", "--yolo", "--model", seat.model, "-p", PROMPT],
        {
            "GOOGLE_GEMINI_BASE_URL": seat.url,
            "GEMINI_API_KEY": seat.key,
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GEMINI_CLI_NO_RELAUNCH": "true",
        },
    )


def opencode(package: str, base: str) -> Client:
    """`package` is the one of the AI SDK that speaks for it: chat, Responses, Messages or Gemini."""

    def turn(seat: Seat) -> Turn:
        options = {"baseURL": seat.url + base, "apiKey": seat.key}
        provider = {"npm": package, "name": "gateway", "options": options, "models": {seat.model: {"name": "m"}}}
        seat.write("opencode.json", {"provider": {"gateway": provider}, "autoupdate": False, "share": "disabled"})
        return Turn(
            ["opencode", "run", "--model", f"gateway/{seat.model}", PROMPT],
            {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1"},
        )

    return turn


opencode_chat = opencode("@ai-sdk/openai-compatible", "/v1")
opencode_responses = opencode("@ai-sdk/openai", "/v1")
opencode_messages = opencode("@ai-sdk/anthropic", "/v1")
opencode_gemini = opencode("@ai-sdk/google", "/v1beta")


def cline(seat: Seat) -> Turn:
    auth = ["cline", "auth", "openai-compatible", "--apikey", seat.key]
    return Turn(
        ["cline", "-P", "openai-compatible", "-m", seat.model, PROMPT],
        first=[[*auth, "--baseurl", f"{seat.url}/v1", "--modelid", seat.model]],
    )


def qwen(seat: Seat) -> Turn:
    env = {"OPENAI_BASE_URL": f"{seat.url}/v1", "OPENAI_API_KEY": seat.key, "OPENAI_MODEL": seat.model}
    env["HTTPS_PROXY"] = ""  # it would ask a proxy for the gateway too
    return Turn(["qwen", "--yolo", "--auth-type", "openai", "-p", PROMPT], env)


def aider(seat: Seat) -> Turn:
    """It has no tools: whatever it is told stands in its answer."""
    quiet = ["--no-check-update", "--analytics-disable", "--no-git", "--yes-always", "--map-tokens", "0"]
    return Turn(
        ["aider", "--model", f"openai/{seat.model}", "--no-show-model-warnings", *quiet, "--message", PROMPT],
        {"OPENAI_API_BASE": f"{seat.url}/v1", "OPENAI_API_KEY": seat.key},
    )


def llm(seat: Seat) -> Turn:
    """Its tools are functions that the caller writes."""
    seat.write(
        "llm/extra-openai-models.yaml",
        f"- model_id: gateway\n  model_name: {seat.model}\n  api_base: {seat.url}/v1\n"
        "  api_key_name: gateway\n  supports_tools: true\n",
    )
    shell = (
        "import subprocess\n"
        "def bash(command: str) -> str:\n"
        "    return subprocess.run(command, shell=True, capture_output=True, text=True).stdout\n"
    )
    return Turn(
        ["llm", "prompt", "-m", "gateway", "--key", seat.key, "--functions", shell, PROMPT],
        {"LLM_USER_PATH": str(seat.home / "llm")},
    )


def commands(folder: Path = FOLDER) -> Path:
    """The folder of the clients that `folder` names; they are installed when they are not there, and a machine
    where that fails fails the test."""
    return _installed(FOLDER / "install", folder)


def python_commands() -> Path:
    """The same for the clients that are written in Python."""
    return _installed(FOLDER / "more" / "install-python", Path(sys.executable))


def _installed(script: Path, argument: Path) -> Path:
    done = subprocess.run([script, argument], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip())


def run(client: Client, seat: Seat, *, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Processes that the client leaves behind end with its turn."""
    seat.home.mkdir(parents=True, exist_ok=True)
    turn = client(seat)
    env = {
        "HOME": str(seat.home),
        "PATH": f"{seat.commands}:{os.environ['PATH']}",
        "TERM": "dumb",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
        **turn.env,
    }
    for command in turn.first:
        subprocess.run(command, env=env, cwd=seat.home, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    process = subprocess.Popen(
        turn.command,
        env=env,
        cwd=seat.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(timeout=timeout_s)
    finally:
        _end_group(process)
        _end_daemons(seat.home)
    return subprocess.CompletedProcess(turn.command, process.returncode, out, err)


def _end_group(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()


def _end_daemons(home: Path) -> None:
    """Cline leaves one behind, in a session of its own; it is known by the empty home that its command names."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(home).encode() in entry.read_bytes().split(b"\0"):
                os.kill(int(entry.parent.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
