"""Terraform's AWS provider: apply, an empty plan, import, destroy.

Providers come from a registry that tests must not need, so this runs where the provider lies on the machine: in the
folder that IAMD_TERRAFORM_PLUGINS names, in TF_PLUGIN_CACHE_DIR, or in one of Terraform's own folders for plugins.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import policies
import server
from clients import Person, variables
from conftest import LOUD
from providers import METADATA

PROVIDER = Path("registry.terraform.io/hashicorp/aws")

CONFIGURATION = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  skip_metadata_api_check = true
  skip_region_validation  = true
}

resource "aws_iam_user" "alice" {
  name = "alice"
  path = "/staff/"
  tags = { team = "blue" }
}

resource "aws_iam_role" "reader" {
  name                 = "Reader"
  description          = "reads IAM"
  max_session_duration = 7200
  assume_role_policy   = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = aws_iam_user.alice.arn } }]
  })
}

resource "aws_iam_policy" "reads" {
  name   = "Reads"
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["iam:List*", "iam:Get*"], Resource = "*" }]
  })
}

resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.reader.name
  policy_arn = aws_iam_policy.reads.arn
}

resource "aws_iam_user_policy_attachment" "alice" {
  user       = aws_iam_user.alice.name
  policy_arn = "arn:aws:iam::aws:policy/IAMUserChangePassword"
}

resource "aws_iam_user_policy" "alice" {
  name   = "Own"
  user   = aws_iam_user.alice.name
  policy = aws_iam_policy.reads.policy
}

resource "aws_iam_access_key" "alice" {
  user = aws_iam_user.alice.name
}

resource "aws_iam_user_login_profile" "alice" {
  user       = aws_iam_user.alice.name
  depends_on = [aws_iam_account_password_policy.strict]
}

resource "aws_iam_group" "dev" {
  name = "Dev"
}

resource "aws_iam_user_group_membership" "alice" {
  user   = aws_iam_user.alice.name
  groups = [aws_iam_group.dev.name]
}

resource "aws_iam_group_policy_attachment" "dev" {
  group      = aws_iam_group.dev.name
  policy_arn = aws_iam_policy.reads.arn
}

resource "aws_iam_instance_profile" "reader" {
  name = "Reader"
  role = aws_iam_role.reader.name
}

resource "aws_iam_openid_connect_provider" "login" {
  url             = "https://login.example.com/team"
  client_id_list  = ["app"]
  thumbprint_list = ["0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"]
}

resource "aws_iam_saml_provider" "staff" {
  name                   = "Staff"
  saml_metadata_document = file("saml-metadata.xml")
}

resource "aws_iam_account_alias" "name" {
  account_alias = "made-by-terraform"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = 14
  require_symbols                = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_lowercase_characters   = true
  allow_users_to_change_password = true
  password_reuse_prevention      = 5
}
"""

# What is forgotten and brought back by its id.
IMPORTED = {
    "aws_iam_user.alice": "alice",
    "aws_iam_group.dev": "Dev",
    "aws_iam_role.reader": "Reader",
    "aws_iam_instance_profile.reader": "Reader",
    "aws_iam_account_alias.name": "made-by-terraform",
    "aws_iam_account_password_policy.strict": "iam-account-password-policy",
}


def plugins():
    """The folder that holds the provider; skips, loudly, where there is none."""
    if not shutil.which("terraform"):
        pytest.skip(LOUD + "Terraform's AWS provider against iamd: `terraform` is not installed")
    named = [os.environ.get("IAMD_TERRAFORM_PLUGINS"), os.environ.get("TF_PLUGIN_CACHE_DIR")]
    own = [Path.home() / ".terraform.d/plugins", Path.home() / ".terraform.d/plugin-cache"]
    system = [Path("/usr/share/terraform/plugins"), Path("/usr/local/share/terraform/plugins")]
    for folder in [*map(Path, filter(None, named)), *own, *system]:
        if (folder / PROVIDER).is_dir():
            return folder
    pytest.skip(
        LOUD + "Terraform's AWS provider against iamd: hashicorp/aws is in no local plugin folder; "
        "fill one with `terraform providers mirror DIR` and set IAMD_TERRAFORM_PLUGINS=DIR"
    )


@pytest.mark.timeout(600)
def test_apply_plan_import_destroy(durable):
    folder = plugins()
    (durable.folder / "main.tf").write_text(CONFIGURATION)
    (durable.folder / "saml-metadata.xml").write_text(METADATA)
    environment = server.clean_environment(**variables(durable.url, durable.root), TF_IN_AUTOMATION="1")

    def terraform(*words, code=0):
        done = subprocess.run(
            ["terraform", *words], cwd=durable.folder, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done.stdout + done.stderr

    terraform("init", "-input=false", f"-plugin-dir={folder}")
    terraform("apply", "-input=false", "-auto-approve")
    iam = Person(durable, durable.root).iam
    assert iam.get_user(UserName="alice")["User"]["Path"] == "/staff/"
    attached = iam.list_attached_role_policies(RoleName="Reader")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["Reads"]
    document = iam.get_policy_version(PolicyArn=attached[0]["PolicyArn"], VersionId="v1")["PolicyVersion"]["Document"]
    assert document["Statement"] == [policies.allow(["iam:List*", "iam:Get*"])]
    # Exit code 0: what is there is what is wanted.
    terraform("plan", "-input=false", "-detailed-exitcode")
    for address, name in IMPORTED.items():
        terraform("state", "rm", address)
        terraform("import", "-input=false", address, name)
    terraform("plan", "-input=false", "-detailed-exitcode")
    terraform("destroy", "-input=false", "-auto-approve")
    assert iam.list_users()["Users"] == iam.list_roles()["Roles"] == []
    assert iam.list_groups()["Groups"] == iam.list_policies(Scope="Local")["Policies"] == []
    assert iam.list_saml_providers()["SAMLProviderList"] == []
