//! The guard's listener: who asks, in which way, and the answer in that way's form.

use std::sync::Arc;

use http::{Method, StatusCode};
use iamd_service::Service;
use iamd_types::Error;
use serde_json::{Value, json};

use crate::apis::Apis;
use crate::authorize;
use crate::check::{Checked, Checks, Refusal, is_failure};
use crate::envoy;
use crate::exchange::{Incoming, Outgoing};
use crate::minio;
use crate::nginx;
use crate::opa;
use crate::points::{Point, Points};
use crate::settings::{Files, GuardSettings, Kind, SettingsError};

/// The guard.
pub struct Guard {
    pub(crate) service: Arc<Service>,
    points: Points,
    apis: Apis,
}

impl Guard {
    /// Reads what is configured: the tokens and policies too.
    ///
    /// # Errors
    /// What is incomplete, contradicts itself, or is refused as a policy.
    pub fn new(
        service: Arc<Service>,
        settings: &GuardSettings,
        files: &dyn Files,
    ) -> Result<Self, SettingsError> {
        let points = Points::read(settings, files)?;
        let apis = Apis::read(settings, files)?;
        Ok(Self { service, points, apis })
    }

    /// Whether nobody may ask.
    pub fn is_idle(&self) -> bool {
        self.points.is_empty()
    }

    /// Who may ask in which ways, and how many hosts are protected.
    pub fn describe(&self) -> String {
        let points = self.points.iter().map(|point| {
            let kinds: Vec<_> = point.kinds.iter().map(ToString::to_string).collect();
            format!("{} ({})", point.name, kinds.join(", "))
        });
        let points: Vec<_> = points.collect();
        format!("{}; {} hosts of APIs", points.join("; "), self.apis.len())
    }

    /// Answers a request on the guard's own listener.
    pub async fn handle(self: &Arc<Self>, incoming: Incoming) -> Outgoing {
        let Some(kind) = kind(&incoming) else {
            return Outgoing::plain(StatusCode::NOT_FOUND, "there is nothing here\n");
        };
        // The client's own `Authorization` comes in these.
        let bearer = !matches!(kind, Kind::EnvoyHttp | Kind::Nginx);
        let point = self.points.authenticate(&incoming, kind, bearer);
        if point.is_none() {
            tracing::info!(
                target: "iamd::request",
                decision = "refused",
                reason = "no enforcement point that may ask so",
                kind = %kind,
                address = incoming.address.map(|address| address.to_string()),
            );
        }
        if kind == Kind::Envoy {
            return envoy::grpc::answer(self, point, incoming).await;
        }
        let Some(point) = point else {
            let message = "only configured enforcement points may ask";
            let body = Answer::body("AccessDenied", message, None);
            return Outgoing::json(StatusCode::FORBIDDEN, &body);
        };
        match kind {
            Kind::EnvoyHttp | Kind::Envoy => envoy::http::answer(self, &point, &incoming).await,
            Kind::Nginx => nginx::answer(self, &point, &incoming).await,
            Kind::Minio => minio::answer(self, &point, &incoming).await,
            Kind::Opa => opa::answer(self, &point, &incoming).await,
            Kind::Authorize => authorize::answer(self, &point, &incoming).await,
        }
    }

    /// Answers `POST /-/authorize` on the API's listener, where askers sign.
    pub async fn authorize(&self, incoming: &Incoming, secure: bool) -> Outgoing {
        authorize::answer_signed(self, incoming, secure).await
    }

    pub(crate) fn checks(&self) -> Checks<'_> {
        Checks { service: &self.service, apis: &self.apis }
    }
}

/// In which way a request asks.
fn kind(incoming: &Incoming) -> Option<Kind> {
    let path = incoming.path();
    let under = |prefix: &str| {
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let posts = incoming.method == Method::POST;
    match path {
        envoy::messages::CHECK if posts => Some(Kind::Envoy),
        nginx::PATH => Some(Kind::Nginx),
        minio::PATH if posts => Some(Kind::Minio),
        authorize::PATH if posts => Some(Kind::Authorize),
        _ if under(envoy::http::PREFIX) => Some(Kind::EnvoyHttp),
        _ if under(opa::PREFIX) && posts => Some(Kind::Opa),
        _ => None,
    }
}

/// What an enforcement point is told about a request.
pub(crate) enum Answer {
    /// It may go on.
    Allowed(Checked),
    /// It may not.
    Denied { code: &'static str, message: String, request_id: Option<String> },
}

impl Answer {
    /// A check's result. Refusals that no record tells leave a log line.
    ///
    /// # Errors
    /// When the fault is ours.
    pub(crate) fn of(
        _: &Guard,
        point: &Point,
        result: Result<Checked, Refusal>,
    ) -> Result<Self, Failed> {
        let refusal = match result {
            Ok(mut checked) => {
                let Some(error) = checked.decided.examined.denied.take() else {
                    return Ok(Self::Allowed(checked));
                };
                return Ok(Self::Denied {
                    code: error.code().as_str(),
                    message: error.message().to_owned(),
                    request_id: Some(checked.decided.request_id.to_string()),
                });
            }
            Err(refusal) => refusal,
        };
        point.note_refusal(refusal.code(), &refusal);
        match refusal {
            Refusal::Error(error) if is_failure(&error) => Err(Failed(error)),
            refusal => Ok(Self::Denied {
                code: refusal.code(),
                message: refusal.to_string(),
                request_id: None,
            }),
        }
    }

    /// The body of a denial.
    pub(crate) fn body(code: &str, message: &str, request_id: Option<&str>) -> Value {
        let mut body = json!({ "message": message, "code": code });
        if let (Some(id), Some(members)) = (request_id, body.as_object_mut()) {
            members.insert("requestId".to_owned(), id.into());
        }
        body
    }

    /// A denial as an HTTP answer.
    pub(crate) fn to_http(&self) -> Outgoing {
        match self {
            Self::Allowed(_) => Outgoing::plain(StatusCode::OK, ""),
            Self::Denied { code, message, request_id } => {
                let id = request_id.as_deref();
                Outgoing::json(StatusCode::FORBIDDEN, &Self::body(code, message, id))
                    .with("x-amzn-errortype", code)
                    .with("x-iamd-reason", message)
                    .with("x-amzn-requestid", id.unwrap_or_default())
            }
        }
    }
}

/// A check that could not be made. Askers must take it for a denial.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Failed(Error);

impl Failed {
    pub(crate) fn to_http(&self) -> Outgoing {
        let body = Answer::body(self.0.code().as_str(), self.0.message(), None);
        Outgoing::json(StatusCode::SERVICE_UNAVAILABLE, &body)
    }
}
