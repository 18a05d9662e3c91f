"""Where requests of a connection go and what proves them, for the clouds that want more than a key in a header."""

import msgspec
import pytest

from omniroute.accounts.connection import Connection, Secret
from omniroute.accounts.google import AuthorizedUser, ServiceAccount
from omniroute.accounts.lease import Lease, lease
from omniroute.accounts.sigv4 import AwsKeys
from omniroute.catalog.loader import load
from omniroute.errors import GatewayError

ROWS = load().providers
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SERVICE_ACCOUNT = msgspec.json.encode(
    {
        "type": "service_account",
        "project_id": "of-the-key",
        "client_email": "robot@of-the-key.iam.gserviceaccount.com",
        "private_key": "-----BEGIN PRIVATE KEY-----\n",
        "private_key_id": "1",
        "token_uri": "https://evil.example.com/token",
    }
).decode()


def _lease(provider: str, secret: str, **parameters: str) -> Lease:
    connection = Connection(
        id="c", provider=provider, name="mine", secret=Secret(secret), parameters={**parameters}
    )
    return lease(ROWS[provider], connection)


@pytest.mark.parametrize(
    "secret",
    [
        ACCESS_KEY,
        '{"accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}',
        '{"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key":'
        ' "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}',
    ],
)
def test_an_access_key_signs_and_is_in_no_header(secret: str) -> None:
    granted = _lease("bedrock", secret, region="eu-west-1")
    assert granted.base_url == "https://bedrock-runtime.eu-west-1.amazonaws.com"
    assert granted.headers == ()
    assert granted.signer == AwsKeys(
        access_key_id="AKIAIOSFODNN7EXAMPLE",
        secret_access_key=Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        region="eu-west-1",
        service="bedrock",
    )


def test_a_temporary_key_has_a_session() -> None:
    signer = _lease("bedrock", f"{ACCESS_KEY}:FwoGZXIvYXdzE", region="us-east-1").signer
    assert isinstance(signer, AwsKeys)
    assert signer.session == Secret("FwoGZXIvYXdzE")


def test_an_api_key_of_bedrock_is_a_bearer_token() -> None:
    granted = _lease("bedrock", "ABSKQmVkcm9ja0FQSUtleS1hYmNk", region="us-east-1")
    assert granted.headers == (("authorization", "Bearer ABSKQmVkcm9ja0FQSUtleS1hYmNk"),)
    assert granted.signer is None


@pytest.mark.parametrize(
    ("provider", "secret", "parameters", "message"),
    [
        ("bedrock", ACCESS_KEY, {}, "needs the parameter 'region'"),
        ("bedrock", ACCESS_KEY, {"region": "x/../y"}, "needs the parameter 'region'"),
        ("bedrock", '{"accessKeyId": "A"}', {"region": "us-east-1"}, "needs accessKeyId and secretAccessKey"),
        ("bedrock", "{nonsense", {"region": "us-east-1"}, "begins like a JSON file, but is none"),
        ("vertex", '{"type": "external_account"}', {}, "neither service_account nor authorized_user"),
        ("vertex", '{"type": "service_account"}', {}, "needs client_email and private_key"),
        ("vertex", "ya29.token", {}, "needs the parameter 'project'"),
        ("azure-openai-classic", "key", {}, "needs the parameter 'resource'"),
    ],
)
def test_what_is_missing_is_named_without_the_secret(
    provider: str, secret: str, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(GatewayError, match=message) as caught:
        _lease(provider, secret, **parameters)
    assert caught.value.status == 400
    assert "wJalr" not in caught.value.message


def test_a_service_account_brings_its_project_and_goes_to_google_only() -> None:
    granted = _lease("vertex", SERVICE_ACCOUNT)
    base = "https://aiplatform.googleapis.com/v1/projects/of-the-key/locations/global/publishers"
    assert granted.base_url == f"{base}/google"
    assert isinstance(granted.signer, ServiceAccount)
    assert granted.signer.token_url == "https://oauth2.googleapis.com/token"
    assert _lease("vertex-anthropic", SERVICE_ACCOUNT).base_url == f"{base}/anthropic"


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("global", "aiplatform.googleapis.com"),
        ("eu", "aiplatform.eu.rep.googleapis.com"),
        ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
    ],
)
def test_a_location_decides_the_host(location: str, host: str) -> None:
    granted = _lease("vertex-anthropic", SERVICE_ACCOUNT, location=location, project="mine")
    expected = f"https://{host}/v1/projects/mine/locations/{location}/publishers/anthropic"
    assert granted.base_url == expected


def test_the_file_of_a_person_and_a_ready_token_work_too() -> None:
    person = '{"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"}'
    assert isinstance(_lease("vertex", person, project="p").signer, AuthorizedUser)
    granted = _lease("vertex", "ya29.token", project="p")
    assert dict(granted.headers)["authorization"] == "Bearer ya29.token"
    assert granted.signer is None


def test_the_classic_azure_address_holds_deployment_and_version() -> None:
    operation = ROWS["azure-openai-classic"].operations["chat"]
    path = operation.address("my-gpt", stream=True)
    assert path == "/deployments/my-gpt/chat/completions"
    base = "https://corp.openai.azure.com/openai"
    granted = _lease("azure-openai-classic", "key", resource="corp")
    assert granted.url(path) == f"{base}{path}?api-version=2024-10-21"
    assert dict(granted.headers) == {"api-key": "key"}
    newer = _lease("azure-openai-classic", "key", resource="corp", api_version="2025-04-01-preview")
    assert newer.url(path) == f"{base}{path}?api-version=2025-04-01-preview"


def test_a_model_in_a_path_cannot_leave_it() -> None:
    operation = ROWS["vertex-anthropic"].operations["chat"]
    assert operation.address("claude@1", stream=True) == "/models/claude@1:streamRawPredict"
    assert operation.address("a/../b?c#d", stream=False) == "/models/a%2F..%2Fb%3Fc%23d:rawPredict"
