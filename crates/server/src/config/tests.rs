//! Layers, refusals and what is shown.

use std::ffi::OsString;
use std::fs;

use expect_test::{Expect, expect};
use tempfile::TempDir;

use super::*;

/// The effective configuration for a file's text and command line words, environment aside.
fn effective(text: Option<&str>, words: &[&str]) -> anyhow::Result<Effective> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("iamd.toml");
    let file = text.map(|text| {
        fs::write(&path, text).unwrap();
        path.as_path()
    });
    let words = ["iamd"].iter().chain(words).map(OsString::from);
    let given = without_variables(arguments()).try_get_matches_from(words)?;
    load(file.or(Some("/dev/null".as_ref())), &given)
}

fn check_refused(text: &str, expected: &Expect) {
    let error = effective(Some(text), &[]).unwrap_err();
    let message = format!("{error:#}");
    // Without the folder.
    let place = message.find("iamd.toml:").unwrap_or_default();
    expected.assert_eq(message.split_at(place).1);
}

#[test]
fn the_defaults_are_well_formed() {
    let config = Config::default();
    assert_eq!(config.listen.0.to_string(), "localhost:4260");
    assert!(!config.ephemeral && !config.insecure_http);
    config.check().unwrap();
}

#[test]
fn every_setting_has_a_flag_and_a_variable_of_its_name() {
    for argument in arguments().get_arguments() {
        let key = argument.get_id().as_str();
        assert_eq!(argument.get_long(), Some(key.replace('_', "-").as_str()));
        let variable = argument.get_env().unwrap().to_str().unwrap();
        assert_eq!(variable, format!("IAMD_{}", key.to_uppercase()));
        assert!(argument.get_help().is_some(), "{key}");
        assert!(argument.get_help_heading().is_some(), "{key}");
    }
}

#[test]
fn flags_beat_the_file_and_the_file_beats_defaults() {
    let file = "listen = '127.0.0.1:1'\nlog = 'warn'\nregions = ['a', 'b']\ninsecure_http = true";
    let words = ["--listen", "127.0.0.1:2", "--regions", "c,d", "--insecure-http=false"];
    let config = effective(Some(file), &words).unwrap().config;
    assert_eq!(config.listen.0.port, 2);
    assert_eq!(config.log, "warn");
    let regions: Vec<_> = config.regions.iter().map(|region| region.0.0.as_str()).collect();
    assert_eq!(regions, ["c", "d"]);
    assert!(!config.insecure_http);
    assert_eq!(config.data_dir, Path::new("./iamd-data"));
}

#[test]
fn switches_need_no_value() {
    assert!(effective(None, &["--ephemeral"]).unwrap().config.ephemeral);
    assert!(!effective(Some("ephemeral = true"), &["--ephemeral=false"]).unwrap().config.ephemeral);
}

#[test]
fn wrong_files_are_refused_by_line() {
    check_refused(
        "listen = 'localhost:1'\n\nlisen = 'localhost:2'\n",
        &expect![
            "iamd.toml:3: unknown field `lisen`, expected one of `listen`, `guard_listen`, `tls_cert`, `tls_key`, `insecure_http`, `trusted_proxies`, `data_dir`, `ephemeral`, `master_key_file`, `account_id`, `root_email`, `root_access_key_id`, `root_secret_access_key`, `regions`, `encode_denials`, `audit`, `audit_dir`, `oidc_hosts`, `oidc_internal_networks`, `oidc_ca`, `public_url`, `s3`, `s3_domains`, `log`, `log_format`, `quotas`, `guard`, `s3_stores`"
        ],
    );
    check_refused(
        "\nlisten = 4260",
        &expect!["iamd.toml:2: invalid type: integer `4260`, expected a string"],
    );
    check_refused(
        "listen = '4260'",
        &expect!["iamd.toml:1: expected HOST:PORT, such as localhost:4260 or [::]:4260"],
    );
    check_refused(
        "audit = 'maybe'",
        &expect!["iamd.toml:1: unknown variant `maybe`, expected `on` or `off`"],
    );
    check_refused("account_id = '12'", &expect!["iamd.toml:1: an account id is twelve digits"]);
    check_refused("root_secret_access_key = 4711", &expect!["iamd.toml:1: expected a string"]);
    check_refused("a = 1\na = 2", &expect!["iamd.toml:2: duplicate key"]);
    check_refused("[listen", &expect!["iamd.toml:1: unclosed table, expected `]`"]);
    check_refused(
        "trusted_proxies = ['10.0.0.0/8', 'proxy']",
        &expect!["iamd.toml:1: expected an address or a network, such as 10.0.0.0/8"],
    );
}

#[test]
fn quotas_are_read_from_the_file_and_shown() {
    let file = "log = 'warn'\n[quotas]\nusers = 7\n[quotas.111122223333]\nroles = 3\n";
    let effective = effective(Some(file), &[]).unwrap();
    let quotas = &effective.config.quotas.quotas;
    assert_eq!(quotas.of("111122223333".parse().unwrap()).roles, 3);
    let shown = effective.show();
    let expected = "\n# Quotas\n[quotas]\nusers = 7\n\n[quotas.111122223333]\nroles = 3\n";
    assert!(shown.ends_with(expected), "{shown}");
    parse_file("shown".as_ref(), &shown).unwrap();
    let error = self::effective(Some("[quotas]\nuser = 7"), &[]).unwrap_err();
    assert!(format!("{error:#}").contains("unknown quota `user`"), "{error:#}");
}

const GUARD: &str = "[[guard.points]]\nname = 'edge'\ntoken_file = 'edge.token'\nkinds = ['nginx']\napis = ['pets']\n\n[[guard.apis]]\nid = 'pets'\naccount = '111122223333'\nregion = 'us-east-1'\nstage = 'prod'\nhosts = ['api.example.com']\n";

#[test]
fn the_guard_is_read_from_the_file_and_shown() {
    let file = format!("guard_listen = 'localhost:4262'\n{GUARD}");
    let effective = effective(Some(&file), &[]).unwrap();
    assert_eq!(effective.config.guard.points.len(), 1);
    let shown = effective.show();
    assert!(shown.contains("\n# Guard\n"), "{shown}");
    let again = self::effective(Some(&shown), &[]).unwrap();
    let apis = &again.config.guard.apis;
    assert_eq!((apis.len(), apis[0].path.as_str()), (1, "/"));
    check_refused(
        "[[guard.points]]\nname = 'edge'\nkinds = ['smtp']",
        &expect![
            "iamd.toml:3: unknown variant `smtp`, expected one of `envoy`, `envoy-http`, `nginx`, `minio`, `opa`, `authorize`"
        ],
    );
}

#[test]
fn a_guard_that_is_configured_by_half_is_refused() {
    check_refused(
        "guard_listen = 'localhost:4262'",
        &expect!["guard_listen is set, but no enforcement point is configured: nobody could ask"],
    );
    check_refused(
        GUARD,
        &expect![
            "enforcement points are configured, but guard_listen is not set: they could not ask"
        ],
    );
    let file = format!("guard_listen = 'localhost:4262'\nguard.client_ca = 'ca.pem'\n{GUARD}");
    check_refused(
        &file,
        &expect!["guard.client_ca needs tls_cert: certificates are shown over TLS"],
    );
}

const STORE: &str = "url = 'https://ceph.example.com'\naccess_key_id = 'AKIA'\nsecret_access_key_file = 'ceph.secret'\n";

#[test]
fn stores_elsewhere_are_read_from_the_file_and_shown() {
    let file = format!(
        "[s3_stores.ceph]\n{STORE}addressing = 'host'\n[s3_stores.ceph.buckets]\n'team-*' = '111122223333'\nphotos = '444455556666'\n"
    );
    let shown = effective(Some(&file), &[]).unwrap().show();
    assert!(shown.contains("\n# Stores of objects elsewhere\n[s3_stores.ceph]\n"), "{shown}");
    assert!(shown.contains("secret_access_key_file = \"ceph.secret\"\n"), "{shown}");
    let again = effective(Some(&shown), &[]).unwrap();
    assert_eq!(again.config.s3_stores.len(), 1);
    let buckets =
        |buckets: &str| format!("[s3_stores.ceph]\n{STORE}[s3_stores.ceph.buckets]\n{buckets}");
    check_refused(&buckets(""), &expect!["s3_stores.ceph: no bucket is given to an account"]);
    check_refused(
        &buckets("'a*b' = '111122223333'"),
        &expect!["s3_stores.ceph: `a*b` is no bucket's name, with or without `*` at its end"],
    );
    check_refused(&buckets("a = '1'"), &expect!["iamd.toml:6: an account id is twelve digits"]);
    let two = |left: &str, right: &str| {
        let owner = "111122223333";
        format!(
            "[s3_stores.a]\n{STORE}buckets = {{ '{left}' = '{owner}' }}\n[s3_stores.b]\n{STORE}buckets = {{ '{right}' = '{owner}' }}\n"
        )
    };
    assert!(effective(Some(&two("x-*", "y-*")), &[]).is_ok());
    for (left, right) in [("x", "x"), ("x-*", "x-1"), ("x-1", "x-*"), ("x-*", "x-y-*"), ("*", "x")]
    {
        let error = effective(Some(&two(left, right)), &[]).unwrap_err().to_string();
        assert!(error.ends_with("where would they be?"), "{error}");
    }
    check_refused(
        &format!("s3 = 'off'\n{}", buckets("a = '111122223333'")),
        &expect!["s3_stores are configured, but s3 is off: nobody could reach them"],
    );
}

#[test]
fn settings_that_go_together_are_given_together() {
    check_refused(
        "tls_cert = 'a.pem'",
        &expect!["tls_cert and tls_key go together: give both or neither"],
    );
    check_refused(
        "root_access_key_id = 'AKIAIOSFODNN7EXAMPLE'",
        &expect!["root_access_key_id and root_secret_access_key go together: give both or neither"],
    );
    check_refused(
        "root_access_key_id = 'AKIA'\nroot_secret_access_key = '0123456789abcdef'",
        &expect!["root_access_key_id: expected 16 to 128 letters, digits and underscores"],
    );
    check_refused(
        "root_access_key_id = 'AKIAIOSFODNN7EXAMPLE'\nroot_secret_access_key = 'hunter2'",
        &expect!["root_secret_access_key must have at least 16 characters"],
    );
}

#[test]
fn a_named_file_must_be_there() {
    let given = arguments().get_matches_from(["iamd"]);
    let error = load(Some("/no/such/iamd.toml".as_ref()), &given).unwrap_err();
    assert!(
        format!("{error:#}").starts_with("cannot read the configuration `/no/such/iamd.toml`: ")
    );
}

#[test]
fn what_is_shown_tells_sources_and_no_secrets() {
    let file = "log_format = 'json'\nroot_access_key_id = 'AKIAIOSFODNN7EXAMPLE'\nroot_secret_access_key = 'a-very-secret-thing'";
    let effective = effective(Some(file), &["--ephemeral", "--regions", "us-east-1"]).unwrap();
    let file = effective.file.as_ref().unwrap().display().to_string();
    let shown = effective.show();
    assert!(!shown.contains("a-very-secret-thing"));
    assert!(!format!("{effective:?}").contains("a-very-secret-thing"));
    expect![[r##"
        # Flags beat variables, which beat FILE, which beats defaults.

        # Listening
        listen = "localhost:4260"  # default
        # guard_listen is not set
        # tls_cert is not set
        # tls_key is not set
        insecure_http = false  # default
        trusted_proxies = []  # default

        # State
        data_dir = "./iamd-data"  # default
        ephemeral = true  # --ephemeral
        # master_key_file is not set

        # First account (used when there is none yet)
        # account_id is not set
        root_email = "root@iamd.local"  # default
        root_access_key_id = "AKIAIOSFODNN7EXAMPLE"  # FILE
        # root_secret_access_key is set  # FILE

        # Behaviour
        regions = ["us-east-1"]  # --regions
        encode_denials = "off"  # default
        audit = "on"  # default
        # audit_dir is not set

        # Identity providers
        oidc_hosts = []  # default
        oidc_internal_networks = []  # default
        # oidc_ca is not set
        # public_url is not set

        # S3
        s3 = "on"  # default
        s3_domains = []  # default

        # Logging
        log = "info"  # default
        log_format = "json"  # FILE
    "##]]
    .assert_eq(&shown.replace(&file, "FILE"));
    // It is itself a configuration file.
    parse_file("shown".as_ref(), &shown).unwrap();
}
