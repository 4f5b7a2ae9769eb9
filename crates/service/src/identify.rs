//! What a request is for: its parameters, and the service that they are meant for.

use iamd_api::Protocol;
use iamd_types::{Code, Error};
use iamd_wire::query::Parameters;
use iamd_wire::rest_json;
use memchr::memchr;

use crate::request::{Request, is_named};
use crate::table::Served;

/// The form that carries the parameters: the body of a POST, else the query string.
///
/// # Errors
/// `MissingAction` for methods and content types of other protocols: nothing in such a request is a
/// parameter of this one.
pub(crate) fn form<'a>(request: &Request<'a>) -> Result<&'a [u8], Error> {
    let missing = || Error::new(Code::MissingAction, "Missing Action");
    if request.path() != "/" {
        return Err(missing());
    }
    match request.method {
        "GET" => Ok(request.query().as_bytes()),
        "POST" if request.body.is_empty() => Ok(request.query().as_bytes()),
        "POST" if is_form(request) => Ok(request.body),
        _ => Err(missing()),
    }
}

/// Whether the body says that it is a form. A body that says nothing is taken for one, as AWS does.
fn is_form(request: &Request<'_>) -> bool {
    const FORM: &[u8] = b"application/x-www-form-urlencoded";
    let mut sent = request.headers.iter().filter(|(name, _)| is_named(name, "content-type"));
    match (sent.next(), sent.next()) {
        (None, _) => true,
        (Some((_, sent)), None) => {
            let end = memchr(b';', sent).unwrap_or(sent.len());
            let essence = sent.get(..end).unwrap_or_default().trim_ascii();
            essence == FORM || essence.eq_ignore_ascii_case(FORM)
        }
        (Some(_), Some(_)) => false,
    }
}

/// The operation asked for, and its parameters: of a form, or of method, path and JSON.
pub(crate) fn asked<'f>(
    served: &Served,
    request: &Request<'f>,
    form: Result<Parameters<'f>, Error>,
) -> Result<(&'static iamd_api::Operation, Parameters<'f>), Error> {
    if let Protocol::Query = served.api.protocol {
        let form = form?;
        return Ok((served.operation(form.action(), form.version())?, form));
    }
    let unknown = || {
        Error::new(
            Code::InvalidAction,
            "Unable to determine service/operation name to be authorized",
        )
    };
    let route = served.api.route(request.method, request.path()).ok_or_else(unknown)?;
    let operation = served.api.operation(route.operation).ok_or_else(unknown)?;
    Ok((operation, rest_json::read(route, operation, request.query(), request.body)?))
}

/// The parameters of the form.
pub(crate) fn parameters(form: &[u8]) -> Result<Parameters<'_>, Error> {
    Parameters::parse(form).map_err(Error::from)
}
