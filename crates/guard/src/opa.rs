//! The data API of the Open Policy Agent: `POST /v1/data/…` with an `input`.
//!
//! The input is a question of the decision API (`principal` or `accessKeyId`, `action`, `resource`, `context`), or what
//! MinIO sends. Where the path ends in `/allow` the answer is `{"result": true}`, as the value of such a rule would be;
//! elsewhere it is `{"result": {"allow": true}}`.

use std::sync::Arc;

use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::authorize::{Item, decide};
use crate::exchange::{Incoming, Outgoing};
use crate::guard::Guard;
use crate::minio::{self, allowed, not_now};
use crate::points::Point;
use crate::subject::{Asking, NoDecision, malformed};

/// What all paths begin with.
pub(crate) const PREFIX: &str = "/v1/data";

#[derive(Deserialize)]
struct Asked {
    input: Value,
}

/// Answers a query.
pub(crate) async fn answer(guard: &Guard, point: &Arc<Point>, incoming: &Incoming) -> Outgoing {
    let asked: Result<Asked, _> = serde_json::from_slice(&incoming.body);
    let result = match asked {
        Ok(asked) => query(guard, point, asked.input).await,
        Err(error) => Err(malformed(format!("the body has no `input`: {error}"))),
    };
    let Some(allowed) = allowed(point, result) else { return not_now() };
    let result = if incoming.path().ends_with("/allow") {
        json!({ "result": allowed })
    } else {
        json!({ "result": { "allow": allowed } })
    };
    Outgoing::json(StatusCode::OK, &result)
}

async fn query(guard: &Guard, point: &Point, input: Value) -> Result<bool, NoDecision> {
    let account = point.account.ok_or_else(|| malformed("the point has no account"))?;
    if input.get("account").is_some() && input.get("principal").is_none() {
        let input = serde_json::from_value(input)
            .map_err(|error| malformed(format!("the input is not what MinIO sends: {error}")))?;
        return minio::decide(guard, point, &input).await;
    }
    let item: Item = serde_json::from_value(input)
        .map_err(|error| malformed(format!("the input is no question: {error}")))?;
    let (_, decided) = decide(guard, Asking::Point(point, account), item).await?;
    Ok(decided.is_allowed())
}
