//! Why a decision is what it is: every statement of every policy, applying or not, with the element that said no.

use crate::evaluate::binding;
use crate::statement::{Mismatch, View};
use crate::{MatchedStatement, Policies, Request, StatementEffect};

/// One statement's part in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementTrace<'a> {
    /// Which statement.
    pub statement: MatchedStatement<'a>,
    /// What it does when it applies.
    pub effect: StatementEffect,
    /// Why it does not apply; `None` when it does.
    pub mismatch: Option<Mismatch<'a>>,
}

/// Looks at every statement of the policies that bind a request, in the order of evaluation.
pub fn explain<'a>(request: &Request<'_>, policies: &Policies<'a>) -> Vec<StatementTrace<'a>> {
    let bounded = policies.boundary.is_some();
    let mut traces = Vec::new();
    for part in binding(request, policies) {
        for attached in part.policies {
            let document = attached.document;
            let view = View { request, kind: part.kind, version: document.version(), bounded };
            for (index, statement) in document.statements().iter().enumerate() {
                traces.push(StatementTrace {
                    statement: MatchedStatement {
                        kind: part.kind,
                        policy: attached.source,
                        index,
                        sid: statement.sid.as_ref().map(|sid| sid.value.as_str()),
                        span: statement.span,
                    },
                    effect: statement.effect,
                    mismatch: view.judge(statement).err(),
                });
            }
        }
    }
    traces
}
