//! How root credentials are handed over: shown once, and the first ones written to a file.

use std::fmt::Write as _;
use std::path::Path;

use iamd_service::{RootCredentials, RootKey};
use iamd_types::Secret;

use crate::files;

/// The file in the data directory that the first root key is written to.
pub(crate) const CSV: &str = "rootkey.csv";

/// Writes the key as the file that AWS's console gives to download; it is durable on return.
pub(crate) fn write_csv(path: &Path, key: &RootKey) -> anyhow::Result<()> {
    let (id, secret) = (&key.id, key.secret.expose());
    let csv = format!("Access key ID,Secret access key\r\n{id},{secret}\r\n");
    files::write_secret(path, &csv.into())
}

/// Lines to paste into a shell, so that the AWS CLI and SDKs use the key here. Some SDKs know the
/// region by the one name, some by the other.
pub(crate) fn exports(key: &RootKey, endpoint: &str) -> Secret<String> {
    Secret::new(format!(
        "export AWS_ENDPOINT_URL={endpoint}\n\
         export AWS_ACCESS_KEY_ID={}\n\
         export AWS_SECRET_ACCESS_KEY={}\n\
         export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1\n",
        key.id,
        key.secret.expose()
    ))
}

/// Everything that is shown of a new account, and never again. A key that the operator gave is
/// not repeated.
pub(crate) fn welcome(
    root: &RootCredentials,
    endpoint: &str,
    key_is_given: bool,
    csv: Option<&Path>,
) -> Secret<String> {
    let RootCredentials { account, email, password, key, .. } = root;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "\nThis is shown once.\n\n  \
         endpoint           {endpoint}\n  \
         account            {account}\n  \
         root e-mail        {email}\n  \
         root password      {}\n  \
         root access key    {}\n",
        password.expose(),
        key.id,
    );
    if !key_is_given {
        let lines = exports(key, endpoint);
        let _ = writeln!(text, "To use it in a shell:\n\n{}", lines.expose());
    }
    if let Some(csv) = csv {
        let _ = writeln!(
            text,
            "The key is also in {}; delete the file once you have the key elsewhere.",
            csv.display()
        );
    }
    Secret::new(text)
}
