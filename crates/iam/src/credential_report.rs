//! The credential report: a table of all users of the account and the state of their credentials.
//!
//! It is made at once, and kept with the account until the next one. So no report is ever in
//! progress, but the first answer still says `STARTED`, as clients expect.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use futures_util::future::{BoxFuture, ready};
use iamd_api::iam;
use iamd_authz::password::{expires, login_profile};
use iamd_authz::{Access, AccessList, Permit};
use iamd_directory::{
    Account, CredentialReport, CredentialReportFields, Holder, SigningCertificate, Transaction,
    User,
};
use iamd_operation::{Entry, NoInput, Operation, PreparedCommand, Query, View};
use iamd_types::{Blob, Code, Error, Timestamp};

pub(crate) const OPERATIONS: &[Entry] =
    &[Entry::prepared::<GenerateCredentialReport>(), Entry::query::<GetCredentialReport>()];

/// For how long a report is given again, in seconds (IAM User Guide, "Generate credential reports").
const FRESH_SECONDS: i64 = 4 * 60 * 60;
/// The longest compressed report, in bytes: what fits into one change. Some 20,000 users.
const MAX_COMPRESSED: usize = 900_000;
/// The longest report that is read back, in bytes.
const MAX_TEXT: u64 = 64 << 20;

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
    password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
    access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
    access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
    cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated\n";
const NONE: &str = "N/A";
const NOT_SUPPORTED: &str = "not_supported";
/// A password that was never used.
const NO_INFORMATION: &str = "no_information";

fn is_fresh(report: &CredentialReport, now: Timestamp) -> bool {
    now < report.generated().plus_seconds(FRESH_SECONDS)
}

/// `iam:GenerateCredentialReport`. A report that is younger than four hours stays.
pub(crate) struct GenerateCredentialReport;

impl Operation for GenerateCredentialReport {
    const NAME: &'static str = "GenerateCredentialReport";
    type Input = NoInput;
    type Output = iam::GenerateCredentialReportResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GenerateCredentialReport")))
    }
}

impl PreparedCommand for GenerateCredentialReport {
    /// A new report, compressed; `None` while the one there is stays.
    type Prepared = Option<Vec<u8>>;

    fn prepare<'a>(
        _: &'a Self::Input,
        view: &'a View<'a>,
    ) -> BoxFuture<'a, Result<Self::Prepared, Error>> {
        let present = view.account.credentials().credential_report();
        let stays = present.is_some_and(|report| is_fresh(report, view.facts.now));
        let made = if stays { Ok(None) } else { compress(&report(view)).map(Some) };
        Box::pin(ready(made))
    }

    fn run(
        _: &Self::Input,
        made: &Self::Prepared,
        _: &Permit<Self>,
        tx: &mut Transaction,
    ) -> Result<Self::Output, Error> {
        let now = tx.now();
        let present = tx.credentials().credential_report();
        let stays = present.is_some_and(|report| is_fresh(report, now));
        let Some(content) = made.clone().filter(|_| !stays) else {
            return Ok(iam::GenerateCredentialReportResponse {
                state: Some(iam::ReportStateType::Complete),
                description: None,
            });
        };
        tx.put_credential(&CredentialReportFields { generated: now, content }.pack());
        let description = "No report exists. Starting a new report generation task";
        Ok(iam::GenerateCredentialReportResponse {
            state: Some(iam::ReportStateType::Started),
            description: Some(description.to_owned()),
        })
    }
}

/// `iam:GetCredentialReport`. Refuses when there is none, or the one there is has reached four hours.
pub(crate) struct GetCredentialReport;

impl Operation for GetCredentialReport {
    const NAME: &'static str = "GetCredentialReport";
    type Input = NoInput;
    type Output = iam::GetCredentialReportResponse;

    fn access<'a>(_: &Self::Input, _: &View<'a>) -> Result<AccessList<'a>, Error> {
        Ok(AccessList::one(Access::on_all("iam:GetCredentialReport")))
    }
}

impl Query for GetCredentialReport {
    fn run(_: &Self::Input, _: &Permit<Self>, view: &View<'_>) -> Result<Self::Output, Error> {
        // AWS sends no message with these two.
        let report = view
            .account
            .credentials()
            .credential_report()
            .ok_or_else(|| Error::new(Code::ReportNotPresent, ""))?;
        if !is_fresh(report, view.facts.now) {
            return Err(Error::new(Code::ReportExpired, ""));
        }
        Ok(iam::GetCredentialReportResponse {
            content: Some(Blob(decompress(report.content())?)),
            report_format: Some(iam::ReportFormatType::TextCsv),
            generated_time: Some(report.generated()),
        })
    }
}

fn compress(text: &str) -> Result<Vec<u8>, Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish());
    let content = written.map_err(Error::internal)?;
    if content.len() > MAX_COMPRESSED {
        let message = "The account has too many users for a credential report.";
        return Err(Error::new(Code::LimitExceeded, message));
    }
    Ok(content)
}

fn decompress(content: &[u8]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    ZlibDecoder::new(content).take(MAX_TEXT).read_to_end(&mut text).map_err(Error::internal)?;
    Ok(text)
}

/// The report as CSV: the root user first, then all users by name.
fn report(view: &View<'_>) -> String {
    let mut text = HEADER.to_owned();
    root_row(view, &mut text);
    for user in view.account.users().iter() {
        user_row(view, user, &mut text);
    }
    text
}

fn root_row(view: &View<'_>, text: &mut String) {
    let account = view.account;
    let record = account.record();
    let created = record.map(|record| record.created()).unwrap_or_default().to_string();
    let has_password = record.is_some_and(|record| !record.root_password().is_empty());
    let keys: Vec<&str> = record.map(|record| record.access_keys().collect()).unwrap_or_default();
    let mut row = Row(text);
    row.texts(["<root_account>", &account.id().root_arn(), &created]);
    row.flag(has_password);
    row.texts([if has_password { NO_INFORMATION } else { NONE }, NOT_SUPPORTED, NOT_SUPPORTED]);
    row.flag(account.credentials().mfa_devices.has(Holder::Root));
    row.keys(view, &keys);
    row.certificates(account, Holder::Root);
    row.end();
}

fn user_row(view: &View<'_>, user: &User, text: &mut String) {
    let account = view.account;
    let holder = Holder::User(user.id());
    let time = |at: Option<Timestamp>| at.map_or_else(|| NONE.to_owned(), |at| at.to_string());
    let profile = login_profile(account, user.id());
    let mut row = Row(text);
    row.texts([user.name(), &account.user_arn(user), &user.created().to_string()]);
    row.flag(profile.is_some());
    row.text(&match profile.map(|profile| profile.last_used()) {
        Some(None) => NO_INFORMATION.to_owned(),
        used => time(used.flatten()),
    });
    row.text(&time(profile.map(|profile| profile.changed())));
    row.text(&time(profile.and_then(|profile| expires(account, profile))));
    row.flag(account.credentials().mfa_devices.has(holder));
    let keys: Vec<&str> = user.access_keys().collect();
    row.keys(view, &keys);
    row.certificates(account, holder);
    row.end();
}

/// A line of the report in the making.
struct Row<'a>(&'a mut String);

impl Row<'_> {
    /// Names may hold commas, which only quotes keep apart from the next field.
    fn text(&mut self, field: &str) {
        let quote = if field.contains(',') { "\"" } else { "" };
        for part in [quote, field, quote, ","] {
            self.0.push_str(part);
        }
    }

    fn texts<const N: usize>(&mut self, fields: [&str; N]) {
        fields.into_iter().for_each(|field| self.text(field));
    }

    fn flag(&mut self, flag: bool) {
        self.text(if flag { "true" } else { "false" });
    }

    fn keys(&mut self, view: &View<'_>, ids: &[&str]) {
        for at in 0..2 {
            let Some(key) = ids.get(at).and_then(|id| view.account.access_key(id)) else {
                self.texts(["false", NONE, NONE, NONE, NONE]);
                continue;
            };
            self.flag(key.active());
            self.text(&key.created().to_string());
            match view.tools.directory.usage().last_used(key.id()) {
                Some(used) => self.texts([&used.at.to_string(), &used.region, &used.service]),
                None => self.texts([NONE, NONE, NONE]),
            }
        }
    }

    fn certificates(&mut self, account: &Account, holder: Holder) {
        let certificates = &account.credentials().signing_certificates;
        let mut all: Vec<&SigningCertificate> = certificates.of(holder).collect();
        all.sort_by_key(|certificate| certificate.uploaded());
        for at in 0..2 {
            match all.get(at) {
                Some(certificate) => {
                    self.flag(certificate.active());
                    self.text(&certificate.uploaded().to_string());
                }
                None => self.texts(["false", NONE]),
            }
        }
    }

    /// The last comma becomes the line's end.
    fn end(self) {
        self.0.pop();
        self.0.push('\n');
    }
}
