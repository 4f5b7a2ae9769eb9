//! A parsed policy document: what its text says, and where. What it means is the evaluator's affair.

use std::sync::{Arc, OnceLock};

use crate::{Compiled, Span};

/// A policy document. Keeps its text, so that positions can be shown and the text given back as it came.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) text: Arc<str>,
    pub(crate) version: Version,
    pub(crate) id: Option<Text>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) reads_context: bool,
    /// Made when something first decides on the document.
    pub(crate) compiled: OnceLock<Arc<Compiled>>,
}

/// The version of the policy language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Version {
    /// `2008-10-17`, also when none is given: `${…}` is literal text.
    #[default]
    V2008,
    /// `2012-10-17`: `${…}` is a variable.
    V2012,
}

/// A string of the document (numbers and booleans under conditions as their text) and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The string, escapes resolved.
    pub value: String,
    /// Where it stands, quotes included.
    pub span: Span,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The Sid, if it has one.
    pub sid: Option<Text>,
    /// Allow or Deny.
    pub effect: StatementEffect,
    /// `Principal` or `NotPrincipal`.
    pub principals: Option<Principals>,
    /// `Action` or `NotAction`.
    pub actions: Option<Actions>,
    /// `Resource` or `NotResource`.
    pub resources: Option<Resources>,
    /// Every operator and key of `Condition`; all must hold.
    pub conditions: Vec<Condition>,
    /// Where the statement stands, braces included.
    pub span: Span,
}

/// The effect of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatementEffect {
    /// Allow.
    Allow,
    /// Deny.
    Deny,
}

/// The `Principal` or `NotPrincipal` element.
#[derive(Clone, Debug)]
pub struct Principals {
    /// Whether it is `NotPrincipal`.
    pub negated: bool,
    /// Whom it names; a plain `"*"` is `AWS: *`.
    pub names: Vec<NamedPrincipal>,
}

/// One principal that a statement names.
#[derive(Clone, Debug)]
pub struct NamedPrincipal {
    /// The key that it stands under.
    pub kind: PrincipalType,
    /// The name: an ARN, account, unique id, service, provider or `*`.
    pub name: Text,
}

/// The keys of a `Principal` element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalType {
    /// Accounts, users, roles, sessions, or everybody.
    Aws,
    /// AWS services.
    Service,
    /// OIDC and SAML providers.
    Federated,
    /// An account by its S3 canonical user id.
    CanonicalUser,
}

/// The `Action` or `NotAction` element.
#[derive(Clone, Debug)]
pub struct Actions {
    /// Whether it is `NotAction`.
    pub negated: bool,
    /// The patterns.
    pub patterns: Vec<Text>,
}

/// The `Resource` or `NotResource` element.
#[derive(Clone, Debug)]
pub struct Resources {
    /// Whether it is `NotResource`.
    pub negated: bool,
    /// The patterns, variables unresolved.
    pub patterns: Vec<Text>,
}

/// One condition: an operator, a key, and the values to compare with.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The operator as written, with qualifier and `IfExists`.
    pub operator: Text,
    /// The condition key as written.
    pub key: Text,
    /// The values.
    pub values: Vec<Text>,
}

impl Document {
    /// The text as it was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The version of the language; 2008-10-17 when the document names none.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The `Id` element.
    pub fn id(&self) -> Option<&str> {
        self.id.as_ref().map(|id| id.value.as_str())
    }

    /// Whether a decision on this document can depend on condition keys: it has conditions, or a `$`
    /// that may begin a variable.
    pub fn reads_context(&self) -> bool {
        self.reads_context
    }

    /// Whether a decision on this document can depend on a condition key whose name begins so, in any
    /// case: a condition reads it, or a variable.
    pub fn reads_key(&self, prefix: &str) -> bool {
        let begins = |text: &str| {
            text.as_bytes()
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        let in_variable =
            |text: &Text| text.value.split("${").skip(1).any(|name| begins(name.trim_start()));
        self.reads_context
            && self.statements.iter().any(|statement| {
                let resources = statement.resources.iter().flat_map(|it| &it.patterns);
                let mut conditions = statement.conditions.iter();
                conditions.any(|it| begins(&it.key.value) || it.values.iter().any(in_variable))
                    || resources.clone().any(in_variable)
            })
    }

    /// The document ready to decide; compiled on first use, and then the same for everybody.
    pub fn compiled(&self) -> &Arc<Compiled> {
        self.compiled.get_or_init(|| Arc::new(Compiled::of(self)))
    }

    /// The statements in their order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }
}
