"""The guard as Envoy asks it: gRPC with the messages that are generated from Envoy's own API."""

import secrets
import warnings

import grpc
import pytest

with warnings.catch_warnings():
    # The package speaks to its generator.
    warnings.simplefilter("ignore")
    from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress
    from envoy_data_plane.envoy.service.auth.v3 import (
        AttributeContext,
        AttributeContextHttpRequest,
        AttributeContextPeer,
        AttributeContextRequest,
        CheckRequest,
        CheckResponse,
    )

import policies
from conftest import Account
from test_guard import ACCOUNT, API, HOST, guard_address, signed, write_settings

CHECK = "/envoy.service.auth.v3.Authorization/Check"


@pytest.fixture
def guarded(make_server, tmp_path):
    token = secrets.token_urlsafe(32)
    write_settings(tmp_path, token, kind="envoy", more="hands_over_bodies = true\n")
    account = Account(make_server(words=["--account-id", ACCOUNT, "--config", tmp_path / "guard.toml"]))
    alice = account.user("alice")
    account.may("alice", policies.allow("execute-api:Invoke", f"{API}/*/pets/*"))
    with grpc.insecure_channel(guard_address(account.iamd)) as channel:
        call = channel.unary_unary(CHECK, request_serializer=bytes, response_deserializer=CheckResponse.parse)

        def check(headers, method="GET", target="/v1/pets/3", body=None, shown=token):
            http = AttributeContextHttpRequest(
                id="1",
                method=method,
                headers={":authority": HOST} | {name.lower(): value for name, value in headers if name != "Host"},
                path=target,
                host=HOST,
                scheme="https",
                size=-1,
                protocol="HTTP/1.1",
            )
            if body is not None:
                http.raw_body = body
                http.headers |= {"content-length": str(len(body)), "x-envoy-auth-partial-body": "false"}
            peer = AttributeContextPeer(address=Address(socket_address=SocketAddress(address="203.0.113.7", port_value=9)))
            attributes = AttributeContext(
                source=peer, destination=peer, request=AttributeContextRequest(http=http), context_extensions={"a": "b"}
            )
            return call(CheckRequest(attributes), metadata=[("authorization", f"Bearer {shown}")], timeout=30)

        yield account, alice, check


def test_envoys_own_messages_are_understood(guarded):
    account, alice, check = guarded
    answer = check([*signed(alice, "GET", "/v1/pets/3"), ("x-iamd-account", "forged"), ("x-iamd-admin", "forged")])
    assert answer.status.code == 0 and answer.denied_response is None, answer
    got = {option.header.key: option.header.value for option in answer.ok_response.headers}
    assert got["x-iamd-principal-arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice" and got["x-iamd-account"] == ACCOUNT
    assert {option.append_action.name for option in answer.ok_response.headers} == {"OVERWRITE_IF_EXISTS_OR_ADD"}
    assert "x-iamd-admin" in answer.ok_response.headers_to_remove
    assert not set(got) & set(answer.ok_response.headers_to_remove)
    account.iamd.stop()
    (record,) = [record for record in account.iamd.records() if record["eventName"] == "Invoke"]
    assert record["sourceIPAddress"] == "203.0.113.7"


def test_a_denial_is_one_to_envoy(guarded):
    _, alice, check = guarded
    answer = check(signed(alice, "GET", "/v1/cats/3"), target="/v1/cats/3")
    assert answer.status.code == grpc.StatusCode.PERMISSION_DENIED.value[0] and answer.ok_response is None
    assert int(answer.denied_response.status.code) == 403
    assert "is not authorized to perform: execute-api:Invoke" in answer.denied_response.body
    assert check([("Host", HOST)]).denied_response is not None


def test_a_body_that_envoy_hands_over_is_verified(guarded):
    _, alice, check = guarded
    headers = signed(alice, "PUT", "/v1/pets/3", "rex")
    assert check(headers, "PUT", body=b"rex").status.code == 0
    assert check(headers, "PUT", body=b"cat").status.code != 0


def test_who_has_no_token_is_not_answered(guarded):
    _, alice, check = guarded
    with pytest.raises(grpc.RpcError) as refused:
        check(signed(alice, "GET", "/v1/pets/3"), shown="wrong")
    assert refused.value.code() == grpc.StatusCode.UNAUTHENTICATED
