"""Claims about precedence, origins, references and the messages of bad settings."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omniroute.config.load import Loaded, load
from omniroute.config.names import BY_PATH, NAMES
from omniroute.config.origin import Origin, SettingsError
from omniroute.config.settings import SECRET_FIELDS, Settings
from omniroute.config.values import field_types

HOME = "/home/ada"


def loaded(
    flags: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
    config: Path | None = None,
) -> Loaded:
    contents = files or {}
    return load(
        flags or {}, {"HOME": HOME, **(environ or {})}, config=config, read=lambda path: contents.get(str(path))
    )


ports = st.none() | st.integers(0, 65535)


@given(flag=ports, own=ports, foreign=ports, file=ports)
def test_the_highest_layer_that_is_present_wins_and_the_origin_says_so(
    flag: int | None, own: int | None, foreign: int | None, file: int | None
) -> None:
    environ = {name: str(port) for name, port in (("OMNIROUTE_PORT", own), ("PORT", foreign)) if port is not None}
    files = {} if file is None else {"omniroute.toml": f"[server]\nport = {file}\n"}
    result = loaded({"port": flag}, environ, files)
    present = [
        (origin, port)
        for origin, port in (
            (Origin("flag", "--port"), flag),
            (Origin("environment", "OMNIROUTE_PORT"), own),
            (Origin("environment", "PORT"), foreign),
            (Origin("file", "omniroute.toml: server.port"), file),
            (Origin("default"), 20128),
        )
        if port is not None
    ]
    assert (result.origins["port"], result.settings.port) == present[0]
    assert [(layer.origin, layer.shown) for layer in result.explain("server.port")] == [
        (origin, repr(port)) for origin, port in present
    ]


SAMPLES: dict[str, tuple[str, object]] = {
    "host": ("localhost", "localhost"),
    "port": ("8080", 8080),
    "data_dir": ("~/gateway", Path(HOME) / "gateway"),
    "public_base_url": ("https://ai.example.com", "https://ai.example.com"),
    "allowed_hosts": ("a.example, b.example", ("a.example", "b.example")),
    "trusted_proxies": ("10.0.0.1,10.1.0.0/16", ("10.0.0.1", "10.1.0.0/16")),
    "cors_allowed_origins": ("https://app.example.com", ("https://app.example.com",)),
    "body_limit": ("1024", 1024),
    "workers": ("1", 1),
    "log_level": ("warn", "warning"),
    "log_format": ("json", "json"),
    "transport": ("aiohttp", "aiohttp"),
    "proxy": ("socks5://127.0.0.1:1080", "socks5://127.0.0.1:1080"),
    "storage_url": ("postgresql://u:s3cret-value@db/omniroute", "postgresql://u:s3cret-value@db/omniroute"),
    "max_attempts": ("3", 3),
    "max_inflight": ("9", 9),
    "cache_memory_entries": ("7", 7),
    "cache_memory_bytes": ("4096", 4096),
    "cache_questions": ("7", 7),
    "cache_rows": ("9", 9),
    "media_bytes": ("1000", 1000),
    "responses_entries": ("6", 6),
    "responses_bytes": ("2048", 2048),
    "ledger_on_full": ("refuse", "refuse"),
}


def sample(field: str) -> tuple[str, object]:
    kind = field_types()[field]
    if field in SAMPLES:
        return SAMPLES[field]
    if kind is bool:
        inverted = not getattr(Settings(), field)
        return ("on" if inverted else "0", inverted)
    return ("7.5", 7.5) if kind is float else ("s3cret-value", "s3cret-value")


@pytest.mark.parametrize("field", NAMES)
def test_every_setting_can_be_given_by_its_own_variable(field: str) -> None:
    text, value = sample(field)
    result = loaded(environ={NAMES[field].own: text})
    assert getattr(result.settings, field) == value
    assert result.origins[field] == Origin("environment", NAMES[field].own)


@pytest.mark.parametrize("field", NAMES)
def test_every_setting_can_be_given_by_reference_in_the_file(field: str) -> None:
    text, value = sample(field)
    name = NAMES[field]
    result = loaded(
        environ={"GIVEN": text}, files={"omniroute.toml": f'[{name.section}]\n{name.key} = {{ env = "GIVEN" }}\n'}
    )
    assert getattr(result.settings, field) == value


def test_every_field_of_settings_has_exactly_one_name_and_no_variable_sets_two_unrelated_fields() -> None:
    assert set(NAMES) == set(Settings.__struct_fields__)
    assert len(BY_PATH) == len(NAMES)
    variables = [variable.name for name in NAMES.values() for variable in name.variables]
    assert {name for name in variables if variables.count(name) > 1} == {"REQUEST_TIMEOUT_MS", "FETCH_TIMEOUT_MS"}
    assert set(NAMES) >= SECRET_FIELDS


@pytest.mark.parametrize(
    ("variable", "text", "field", "value"),
    [
        ("PORT", "8080", "port", 8080),
        ("API_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("HOST", "::1", "host", "::1"),
        ("HOST", "x86_64-conda-linux-gnu", "host", "127.0.0.1"),
        ("DATA_DIR", "/data", "data_dir", Path("/data")),
        ("INITIAL_PASSWORD", "hunter22", "initial_password", "hunter22"),
        ("REQUIRE_API_KEY", "true", "require_api_key", True),
        ("OMNIROUTE_API_KEY", "sk-x", "api_key", "sk-x"),
        ("ROUTER_API_KEY", "sk-x", "api_key", "sk-x"),
        ("JWT_SECRET", "s", "jwt_secret", "s"),
        ("API_KEY_SECRET", "s", "api_key_secret", "s"),
        ("STORAGE_ENCRYPTION_KEY", "s", "storage_encryption_key", "s"),
        # That of another program, whose tables ours have no business among.
        ("DATABASE_URL", "postgres://u@db/another", "storage_url", None),
        ("CORS_ALLOWED_ORIGINS", "http://a:3000,*", "cors_allowed_origins", ("http://a:3000", "*")),
        ("CORS_ORIGIN", "http://a:3000", "cors_allowed_origins", ("http://a:3000",)),
        ("TRUSTED_PROXIES", "127.0.0.1", "trusted_proxies", ("127.0.0.1",)),
        ("BASE_URL", "http://gateway:20128", "public_base_url", "http://gateway:20128"),
        ("AUTH_COOKIE_SECURE", "1", "cookie_secure", True),
        ("FETCH_TIMEOUT_MS", "1500", "first_byte_timeout_s", 1.5),
        ("FETCH_CONNECT_TIMEOUT_MS", "1500", "connect_timeout_s", 1.5),
        ("STREAM_IDLE_TIMEOUT_MS", "1500", "idle_timeout_s", 1.5),
        ("STREAM_READINESS_TIMEOUT_MS", "1500", "first_event_timeout_s", 1.5),
        ("REQUEST_TIMEOUT_MS", "1500", "idle_timeout_s", 1.5),
        ("SHUTDOWN_TIMEOUT_MS", "1500", "drain_s", 1.5),
        ("MAX_BODY_SIZE_BYTES", "10", "body_limit", 10),
        ("APP_LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("APP_LOG_FORMAT", "json", "log_format", "json"),
        ("OMNIROUTE_OPEN", "0", "open_browser", False),
        ("PORT", "", "port", 20128),
    ],
)
def test_variables_of_the_earlier_generation_keep_their_meaning(
    variable: str, text: str, field: str, value: object
) -> None:
    assert getattr(loaded(environ={variable: text}).settings, field) == value


@pytest.mark.parametrize(
    ("host", "required"),
    [("127.0.0.1", False), ("localhost", False), ("::1", False), ("0.0.0.0", True), ("gw", True)],
)
def test_a_host_that_others_can_reach_requires_client_keys_whatever_else_is_said(
    host: str, required: bool
) -> None:
    result = loaded({"host": host}, {"REQUIRE_API_KEY": "false"})
    assert result.settings.require_api_key is required
    assert (result.origins["require_api_key"].kind == "implied") is required


def test_an_explicit_file_is_read_instead_of_the_others_never_beside_them() -> None:
    files = {
        "a.toml": "[server]\nport = 1\n",
        "omniroute.toml": '[server]\nport = 2\nhost = "::1"\n',
        f"{HOME}/.omniroute/omniroute.toml": "[server]\nport = 3\n",
    }
    named = loaded(files=files, config=Path("a.toml"))
    assert (named.settings.port, named.settings.host, named.file) == (1, "127.0.0.1", Path("a.toml"))
    assert loaded(files=files, environ={"OMNIROUTE_CONFIG": "a.toml"}).settings.port == 1
    assert loaded(files=files).settings.port == 2
    del files["omniroute.toml"]
    assert loaded(files=files).settings.port == 3
    assert loaded(files=files, environ={"DATA_DIR": "/elsewhere"}).file is None


def test_a_secret_may_come_from_a_file_beside_the_configuration() -> None:
    files = {"conf/x.toml": '[auth]\napi_key = { file = "key" }\n', "conf/key": "sk-from-file\n"}
    assert loaded(files=files, config=Path("conf/x.toml")).settings.api_key == "sk-from-file"


BAD: list[tuple[dict[str, object], dict[str, str], str, str]] = [
    ({"port": "99999"}, {}, "", "server.port = '99999' (the flag --port) must be between 0 and 65535"),
    ({}, {"PORT": "abc"}, "", "server.port = 'abc' (PORT in the environment) must be a whole number"),
    ({}, {"FETCH_TIMEOUT_MS": "nan"}, "", "must be a number of seconds, 0 or more"),
    ({}, {"OMNIROUTE_WORKERS": "2"}, "", "must be 1: one process is exact with its state in memory"),
    ({"log_level": "loud"}, {}, "", "must be one of debug, info, warning, error"),
    ({}, {"REQUIRE_API_KEY": "maybe"}, "", "must be true or false"),
    ({}, {"TRUSTED_PROXIES": "proxy"}, "", "must hold addresses or networks"),
    ({}, {"CORS_ORIGIN": "https://a/b"}, "", "must hold origins"),
    ({}, {"OMNIROUTE_STORAGE_URL": "mysql://u@db/d"}, "", "must be a URL that begins with postgresql://"),
    ({}, {"PUBLIC_BASE_URL": "ai.example.com"}, "", "must be an address like https://ai.example.com"),
    (
        {},
        {},
        "[server]\nprot = 1",
        "omniroute.toml: there is no setting 'server.prot'; did you mean 'server.port'?",
    ),
    ({}, {}, "[sever]\nport = 1", "omniroute.toml: there is no section 'sever'; did you mean 'server'?"),
    ({}, {}, "port = 1", "omniroute.toml: there is no section 'port'; did you mean 'server.port'?"),
    ({}, {}, "server = 1", "'server' is a section"),
    ({}, {}, '[server]\nport = "1"', "must be a whole number, without quotes"),
    ({}, {}, "[server]\ndetect = 1", "must be true or false, without quotes"),
    ({}, {}, "[server]\ndrain_s = true", "must be a number, without quotes"),
    ({}, {}, "[server]\nhost = 1", "must be a string, in quotes"),
    ({}, {}, '[server]\nallowed_hosts = "a"', 'must be a list of strings, like ["a", "b"]'),
    ({}, {}, '[auth]\napi_key = { env = "NOT_SET" }', "the variable 'NOT_SET' is not set"),
    ({}, {}, '[auth]\napi_key = { file = "none" }', "the file 'none' is missing or empty"),
    ({}, {}, '[auth]\napi_key = { vault = "x" }', 'must be a value, { env = "NAME" } or { file = "PATH" }'),
    ({}, {}, "nonsense", "'omniroute.toml' is not valid TOML"),
    ({}, {"OMNIROUTE_CONFIG": "gone.toml"}, "", "There is no configuration file 'gone.toml'"),
]


@pytest.mark.parametrize(("flags", "environ", "text", "message"), BAD)
def test_a_bad_setting_is_one_line_that_names_it_and_its_origin(
    flags: dict[str, object], environ: dict[str, str], text: str, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(flags, environ, {"omniroute.toml": text} if text else {})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_file_in_the_data_dir_cannot_move_the_data_dir() -> None:
    with pytest.raises(SettingsError, match="cannot be set by the file inside the data dir"):
        loaded(files={f"{HOME}/.omniroute/omniroute.toml": '[server]\ndata_dir = "/x"\n'})


def test_a_file_that_is_not_text_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="cannot be read: it is not UTF-8 text"):
        load({}, {"HOME": HOME}, config=tmp_path / "x.toml")
    with pytest.raises(SettingsError, match="cannot be read: Is a directory"):
        load({}, {"HOME": HOME}, config=tmp_path)


@pytest.mark.parametrize("field", sorted(SECRET_FIELDS))
def test_no_secret_is_ever_shown(field: str) -> None:
    urls = {"proxy": "http://me:tops3cret@p:1", "storage_url": "postgresql://me:tops3cret@p/d"}
    secret = urls.get(field, "tops3cret")
    result = loaded(environ={NAMES[field].own: secret})
    assert getattr(result.settings, field) == secret
    assert "tops3cret" not in repr(result)
    with pytest.raises(SettingsError) as caught:
        loaded(environ={"OMNIROUTE_PROXY": "tops3cret"})
    assert "tops3cret" not in str(caught.value)


def test_a_variable_that_looks_like_a_setting_and_is_none_is_said_and_not_refused() -> None:
    assert loaded(environ={"OMNIROUTE_PROT": "1", "OMNIROUTE_URL": "x"}).notes == (
        "OMNIROUTE_PROT is not a setting and has no effect; did you mean 'OMNIROUTE_PORT'?",
    )


def test_a_secret_in_plain_in_the_file_works_and_is_remarked_upon() -> None:
    result = loaded(files={"omniroute.toml": '[auth]\napi_key = "sk-x"\n'})
    assert result.settings.api_key == "sk-x"
    assert result.notes == (
        'omniroute.toml: auth.api_key stands there in plain; { env = "NAME" } or { file = "PATH" } '
        "keeps it out of the file",
    )


def test_an_unknown_name_is_explained_by_the_near_one() -> None:
    with pytest.raises(SettingsError, match=r"There is no setting 'server.prot'; did you mean 'server.port'\?"):
        loaded().explain("server.prot")
