"""OIDC and SAML providers through boto3: used by test_every_operation.py."""

from pathlib import Path

METADATA = (Path(__file__).parents[2] / "crates" / "testkit" / "data" / "saml-metadata.xml").read_text()
TAGS = [{"Key": "team", "Value": "blue"}]


def members(answer):
    return set(answer) - {"ResponseMetadata"}


def providers(iam, sts):
    """Every operation on providers."""
    url, thumbprint = "https://login.example.com/team", "0f" * 20
    arn = iam.create_open_id_connect_provider(Url=url, ClientIDList=["app"], ThumbprintList=[thumbprint])
    arn = {"OpenIDConnectProviderArn": arn["OpenIDConnectProviderArn"]}
    iam.add_client_id_to_open_id_connect_provider(**arn, ClientID="web")
    iam.remove_client_id_from_open_id_connect_provider(**arn, ClientID="app")
    iam.update_open_id_connect_provider_thumbprint(**arn, ThumbprintList=["AA" * 20])
    iam.tag_open_id_connect_provider(**arn, Tags=TAGS)
    assert iam.list_open_id_connect_provider_tags(**arn)["Tags"] == TAGS
    shown = iam.get_open_id_connect_provider(**arn)
    assert members(shown) == {"Url", "ClientIDList", "ThumbprintList", "CreateDate", "Tags"}
    assert (shown["Url"], shown["ClientIDList"], shown["ThumbprintList"]) == (url[8:], ["web"], ["aa" * 20])
    iam.untag_open_id_connect_provider(**arn, TagKeys=["team"])
    [listed] = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert listed == {"Arn": arn["OpenIDConnectProviderArn"]}
    iam.delete_open_id_connect_provider(**arn)

    arn = iam.create_saml_provider(Name="Staff", SAMLMetadataDocument=METADATA)["SAMLProviderArn"]
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=METADATA)
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=TAGS)
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == TAGS
    shown = iam.get_saml_provider(SAMLProviderArn=arn)
    assert members(shown) == {
        "AssertionEncryptionMode", "CreateDate", "PrivateKeyList", "SAMLMetadataDocument", "SAMLProviderUUID", "Tags",
        "ValidUntil",
    }  # fmt: skip
    assert shown["SAMLMetadataDocument"] == METADATA
    iam.untag_saml_provider(SAMLProviderArn=arn, TagKeys=["team"])
    [listed] = iam.list_saml_providers()["SAMLProviderList"]
    assert members(listed) == {"Arn", "CreateDate", "ValidUntil"}
    iam.delete_saml_provider(SAMLProviderArn=arn)

    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    told = iam.get_outbound_web_identity_federation_info()
    assert members(told) == {"IssuerIdentifier", "JwtVendingEnabled"} and told["IssuerIdentifier"] == issuer
    token = sts.get_web_identity_token(Audience=["app"], SigningAlgorithm="ES384")
    assert members(token) == {"WebIdentityToken", "Expiration"}
    iam.disable_outbound_web_identity_federation()
