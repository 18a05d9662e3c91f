"""The other gateways: how each is installed beside the benchmark, configured, and started."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from bench.load import HERE
from bench.targets import Launch, Target, Unavailable, free_port

INSTALL_S = 900


def rolter(folder: Path, mock_port: int) -> Launch:
    port = free_port()
    routes = "".join(
        f'[[routes]]\nmodel = "{model}"\nstrategy = "round_robin"\n'
        f'[[routes.targets]]\nprovider = "mock"\nmodel = "{model}"\n'
        for model in ("gpt-4o-mini", "gpt-4.1")
    )
    (folder / "rolter.toml").write_text(
        f'[server]\nhost = "127.0.0.1"\nport = {port}\nkey_pepper = "the-benchmark-pepper-is-not-secret"\n'
        "[queue]\nenabled = true\ncapacity = 8192\nworkers = 256\n"
        f'[[providers]]\nname = "mock"\nkind = "openai"\napi_base = "http://127.0.0.1:{mock_port}"\n'
        'allow_custom_api_base = true\napi_key_env = "MOCK_KEY"\n'
        f'{routes}[[virtual_keys]]\nname = "bench"\nkey = "sk-bench"\n'
    )
    return Launch(
        port=port,
        folder=folder,
        command=(str(_python_package("rolter", "rolter==0.1.0") / "rolter"), "gateway", "-c", "rolter.toml"),
        env={"MOCK_KEY": "sk-benchmark", "RUST_LOG": "error"},
        headers=("authorization: Bearer sk-bench",),
    )


def ferrogw(folder: Path, mock_port: int) -> Launch:
    port, key = free_port(), "fgw-benchmark-0123456789abcdef"
    (folder / "config.yaml").write_text("strategy: {mode: single}\ntargets: [{virtual_key: openai}]\n")
    return Launch(
        port=port,
        folder=folder,
        command=(str(_python_package("ferrogw", "ferrogw==1.5.10") / "ferrogw"), "serve"),
        env={
            "PORT": str(port),
            "GATEWAY_CONFIG": "config.yaml",
            "MASTER_KEY": key,
            "OPENAI_API_KEY": "sk-benchmark",
            "OPENAI_BASE_URL": f"http://127.0.0.1:{mock_port}",
            "RATE_LIMIT_RPS": "1000000",
            "RATE_LIMIT_BURST": "1000000",
            "LOG_LEVEL": "error",
        },
        headers=(f"authorization: Bearer {key}",),
    )


def litellm(folder: Path, mock_port: int) -> Launch:
    port, provider = free_port(), f"http://127.0.0.1:{mock_port}/v1"
    models = "".join(
        f"  - model_name: {model}\n"
        f"    litellm_params: {{model: openai/{model}, api_base: '{provider}', api_key: sk-benchmark}}\n"
        for model in ("gpt-4o-mini", "gpt-4.1")
    )
    (folder / "config.yaml").write_text(
        f"model_list:\n{models}"
        "general_settings: {master_key: sk-bench}\n"
        "litellm_settings: {telemetry: false}\n"
    )
    command = str(_python_package("litellm", "litellm[proxy]==1.106.2") / "litellm")
    return Launch(
        port=port,
        folder=folder,
        command=(command, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)),
        env={"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"},
        headers=("authorization: Bearer sk-bench",),
    )


def portkey(folder: Path, mock_port: int) -> Launch:
    port = free_port()
    package = _node_package("portkey", "@portkey-ai/gateway@1.15.2")
    return Launch(
        port=port,
        folder=folder,
        command=("node", str(package / "build/start-server.js"), f"--port={port}", "--headless"),
        headers=(
            "authorization: Bearer sk-benchmark",
            "x-portkey-provider: openai",
            f"x-portkey-custom-host: http://127.0.0.1:{mock_port}/v1",
        ),
    )


def _python_package(name: str, requirement: str) -> Path:
    """The folder of the package's commands, in a virtual environment of its own."""
    home = HERE / f".venv-{name}"

    def install() -> None:
        uv = shutil.which(
            "uv", path=f"{HERE.parent}/.tools/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
        )
        if uv is None:
            raise Unavailable("not installed: uv is missing; `make install` brings it")
        _run(uv, "venv", "--quiet", "--clear", str(home))
        _run(uv, "pip", "install", "--quiet", "--python", f"{home}/bin/python", requirement)

    _once(home, requirement, install)
    return home / "bin"


def _node_package(name: str, requirement: str) -> Path:
    """The folder of the package itself."""
    home = HERE / f".venv-{name}"

    def install() -> None:
        npm = shutil.which("npm")
        if npm is None:
            raise Unavailable("not installed: npm is missing; on Debian: apt-get install nodejs npm")
        _run(npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(home), requirement)

    _once(home, requirement, install)
    return home / "node_modules" / requirement.rpartition("@")[0]


def _once(home: Path, requirement: str, install: Callable[[], None]) -> None:
    installed = home / "installed.txt"
    if installed.exists() and installed.read_text() == requirement:
        return
    print(f"installing {requirement}", file=sys.stderr)
    home.mkdir(exist_ok=True)
    install()
    installed.write_text(requirement)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=False)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"not installed within {INSTALL_S} s") from None
    if done.returncode:
        words = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise Unavailable(f"not installed: {words[-1]}")


PEERS = (
    Target(
        "rolter 0.1.0",
        "peer",
        "Rust; virtual key checked, no usage records; its queue per provider raised (capacity 8192, 256 workers;"
        " the defaults of 256 and 8 refuse bursts)",
        rolter,
    ),
    Target(
        "ferrogw 1.5.10",
        "peer",
        "Go; master key checked, in-memory stores, no plugins; its rate limit raised (the default refuses most)",
        ferrogw,
    ),
    Target(
        "Portkey 1.15.2",
        "peer",
        "Node.js; checks no client key and keeps no records; provider and address come with each request",
        portkey,
    ),
    Target(
        "LiteLLM 1.106.2",
        "peer",
        "Python; one worker, master key checked, no database; bundled price list, telemetry off",
        litellm,
    ),
)
