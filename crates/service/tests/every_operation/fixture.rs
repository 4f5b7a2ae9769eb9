//! An account with something of everything, and a user without permissions.

use iamd_testkit::{Credentials, Device, Pem, TestServer, in_line, ssh_key};

use crate::table::{Row, fill, rows};

/// What the account holds besides its root user.
const CONTENTS: &str = "
CreatePolicy PolicyName=Edge PolicyDocument={POLICY}
CreatePolicy PolicyName=Spare PolicyDocument={POLICY} Tags.member.1.Key=Team Tags.member.1.Value=red
CreatePolicy PolicyName=Reads Path=/team/ PolicyDocument={POLICY} Tags.member.1.Key=Team Tags.member.1.Value=blue
CreatePolicyVersion PolicyArn={READS} PolicyDocument={POLICY}
CreateUser UserName=probe
CreateUser UserName=bob Tags.member.1.Key=Team Tags.member.1.Value=red
CreateUser UserName=alice Path=/people/ PermissionsBoundary={EDGE} Tags.member.1.Key=Team Tags.member.1.Value=blue
AttachUserPolicy UserName=alice PolicyArn={READS}
PutUserPolicy UserName=alice PolicyName=Notes PolicyDocument={POLICY}
CreateGroup GroupName=empty
CreateGroup GroupName=devs Path=/crew/
AttachGroupPolicy GroupName=devs PolicyArn={READS}
PutGroupPolicy GroupName=devs PolicyName=Notes PolicyDocument={POLICY}
AddUserToGroup GroupName=devs UserName=alice
CreateRole RoleName=idle AssumeRolePolicyDocument={TRUST} PermissionsBoundary={EDGE} Tags.member.1.Key=Team Tags.member.1.Value=red
CreateRole RoleName=shared Path=/app/ AssumeRolePolicyDocument={TRUST} Tags.member.1.Key=Team Tags.member.1.Value=blue
CreateRole RoleName=deploy Path=/app/ AssumeRolePolicyDocument={TRUST} PermissionsBoundary={EDGE} Tags.member.1.Key=Team Tags.member.1.Value=blue
AttachRolePolicy RoleName=deploy PolicyArn={READS}
PutRolePolicy RoleName=deploy PolicyName=Notes PolicyDocument={POLICY}
CreateInstanceProfile InstanceProfileName=spare Path=/app/ Tags.member.1.Key=Team Tags.member.1.Value=red
CreateInstanceProfile InstanceProfileName=web Path=/app/ Tags.member.1.Key=Team Tags.member.1.Value=blue
AddRoleToInstanceProfile InstanceProfileName=web RoleName=deploy
CreateServiceLinkedRole AWSServiceName=ecs.amazonaws.com
PutAccountProperties Properties.entry.1.key=old/x Properties.entry.1.value=1
CreateOpenIDConnectProvider Url=https://login.example.com/team ThumbprintList.member.1={THUMBPRINT} Tags.member.1.Key=Team Tags.member.1.Value=blue
CreateSAMLProvider Name=staff SAMLMetadataDocument={METADATA} Tags.member.1.Key=Team Tags.member.1.Value=blue
CreateAccountAlias AccountAlias=first-{ACCOUNT}
CreateVirtualMFADevice VirtualMFADeviceName=tagged Tags.member.1.Key=Team Tags.member.1.Value=blue
CreateLoginProfile UserName=alice Password=Correct-Horse-1
CreateLoginProfile UserName=probe Password=Correct-Horse-1
GenerateCredentialReport
UpdateAccountPasswordPolicy MinimumPasswordLength=6
";

/// One such account.
pub(crate) struct Fixture<'s> {
    pub(crate) server: &'s TestServer,
    pub(crate) account: String,
    pub(crate) root: Credentials,
    /// The user without permissions.
    pub(crate) probe: Credentials,
    /// The id of an access key of alice's.
    pub(crate) key: String,
    /// The id of a report about alice.
    job: String,
    /// An MFA device of alice's.
    pub(crate) phone: Device,
    /// An MFA device that is nobody's.
    spare: Device,
    /// The ids of what alice has uploaded, by their placeholders.
    uploaded: [(&'static str, String); 3],
}

impl<'s> Fixture<'s> {
    /// A new account of this id.
    pub(crate) async fn new(server: &'s TestServer, account: u64) -> Self {
        let account = format!("{account:012}");
        let root = server.new_account(&account).await;
        for line in CONTENTS.trim().lines() {
            server.ask(&root, &fill(line, &account, "")).await.ok();
        }
        let probe = server.ask(&root, "CreateAccessKey UserName=probe").await.ok();
        let key = server.ask(&root, "CreateAccessKey UserName=alice").await.ok();
        let (probe, key) = (Credentials::of(&probe), key.text("AccessKeyId"));
        let line = format!(
            "GenerateServiceLastAccessedDetails Arn=arn:aws:iam::{account}:user/people/alice"
        );
        let job = server.ask(&root, &line).await.ok().text("JobId");
        let phone = server.device_of(&root, "alice").await;
        let spare = server.new_device(&root, "spare").await;
        let uploaded = upload(server, &root).await;
        Self { server, account, root, probe, key, job, phone, spare, uploaded }
    }

    /// All rows, for this account.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let shown = [
            ("{JOB}", self.job.clone()),
            ("{SPARE1}", self.spare.code(self.server, -1)),
            ("{SPARE2}", self.spare.code(self.server, 0)),
            ("{PHONE1}", self.phone.code(self.server, 0)),
            ("{PHONE2}", self.phone.code(self.server, 1)),
        ];
        let pem = Pem::new();
        let files = [
            ("{PEM}", in_line(&pem.certificate)),
            ("{PEM_KEY}", in_line(&pem.key)),
            ("{SSH_KEY}", in_line(&ssh_key(9))),
        ];
        let mut rows = rows(&self.account, &self.key);
        for row in &mut rows {
            for (name, value) in shown.iter().chain(&files).chain(&self.uploaded) {
                row.request = row.request.replace(name, value);
            }
        }
        rows
    }

    /// Makes these statements, with commas between them, the only permissions of the probe.
    pub(crate) async fn allow(&self, statements: &str) {
        let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        let policy =
            [("UserName", "probe"), ("PolicyName", "case"), ("PolicyDocument", &*document)];
        self.server.call(&self.root, "PutUserPolicy", &policy).await.ok();
    }

    /// Takes the probe's permissions away.
    pub(crate) async fn allow_nothing(&self) {
        let line = "DeleteUserPolicy UserName=probe PolicyName=case";
        let answer = self.server.ask(&self.root, line).await;
        assert!(["", "NoSuchEntity"].contains(&answer.code().as_str()), "{}", answer.body);
    }

    /// Everything the account holds, as its answers show it.
    pub(crate) async fn contents(&self) -> String {
        let mut contents = String::new();
        let lists = "GetAccountAuthorizationDetails ListInstanceProfiles ListAccountAliases \
                     ListAccessKeys ListAccessKeys&UserName=alice ListVirtualMFADevices \
                     ListOpenIDConnectProviders ListSAMLProviders";
        for line in lists.split_ascii_whitespace() {
            let answer = self.server.ask(&self.root, &line.replace('&', " ")).await.ok();
            let body = answer.body.replace(&answer.request_id, "");
            contents.push_str(&body);
        }
        contents
    }
}

/// Gives alice a credential of every other kind, and the account server certificates.
async fn upload(server: &TestServer, root: &Credentials) -> [(&'static str, String); 3] {
    let pem = Pem::new();
    let (certificate, key) = (in_line(&pem.certificate), in_line(&pem.key));
    let server_certificate = format!(
        "UploadServerCertificate Path=/web/ ServerCertificateName=www CertificateBody={certificate} \
         PrivateKey={key} Tags.member.1.Key=Team Tags.member.1.Value=blue"
    );
    server.ask(root, &server_certificate).await.ok();
    let line =
        format!("UploadSSHPublicKey UserName=alice SSHPublicKeyBody={}", in_line(&ssh_key(1)));
    let ssh = server.ask(root, &line).await.ok().text("SSHPublicKeyId");
    let line = format!("UploadSigningCertificate UserName=alice CertificateBody={certificate}");
    let signing = server.ask(root, &line).await.ok().text("CertificateId");
    let line =
        "CreateServiceSpecificCredential UserName=alice ServiceName=codecommit.amazonaws.com";
    let service = server.ask(root, line).await.ok().text("ServiceSpecificCredentialId");
    [("{SSH}", ssh), ("{SIGNING}", signing), ("{SERVICE}", service)]
}
